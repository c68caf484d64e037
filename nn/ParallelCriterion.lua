-- ParallelCriterion.lua: a weighted sum of criterions, each of an input and target of its own.

local expect = require "nn.expect"

return function(_, torch)
  local ParallelCriterion, parent = torch.class("nn.ParallelCriterion", "nn.Criterion")

  --- nn.ParallelCriterion([repeatTarget]); criterion:add(criterion [, weight])
  --
  -- A weighted sum of criterions: the first gets input[1] and target[1], the second input[2] and target[2]
  -- and so on.
  --
  -- repeatTarget: true gives all of them the whole target
  -- criterion: nn.Criterion
  -- weight: number, 1 by default
  -- Returns: a criterion with criterions and weights, whose input and target are tables; add: itself
  -- From: Torch7
  -- Example:
  --   crit = nn.ParallelCriterion(true):add(nn.MSECriterion(), 0.5):add(nn.AbsCriterion())
  --   crit:forward({ torch.zeros(2), torch.zeros(2) }, torch.ones(2)) --> 1.5
  function ParallelCriterion:__init(repeatTarget)
    parent.__init(self)
    self.criterions, self.weights = {}, {}
    self.gradInput = {}
    self.repeatTarget = repeatTarget
  end

  function ParallelCriterion:add(criterion, weight)
    table.insert(self.criterions, expect.criterion(self, criterion))
    table.insert(self.weights, expect.number(self, "weight", weight, 1))
    return self
  end

  function ParallelCriterion:updateOutput(input, target)
    expect.list(self, "input", input, #self.criterions)
    if not self.repeatTarget and not torch.isTensor(target) then
      expect.list(self, "target", target, #self.criterions)
    end
    local losses = {}
    for i, criterion in ipairs(self.criterions) do
      local t = target
      if not self.repeatTarget then t = target[i] end
      losses[i] = torch.mul(criterion(input[i], t), self.weights[i])
    end
    return expect.sum(self, losses)
  end
end
