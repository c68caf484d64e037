-- MultiCriterion.lua: a weighted sum of criterions of one input and target.

local expect = require "nn.expect"

return function(_, torch)
  local MultiCriterion, parent = torch.class("nn.MultiCriterion", "nn.Criterion")

  --- nn.MultiCriterion(); criterion:add(criterion [, weight])
  --
  -- A weighted sum of criterions, all of which get the same input and target.
  --
  -- criterion: nn.Criterion
  -- weight: number, 1 by default
  -- Returns: a criterion with criterions and weights; add: itself
  -- From: Torch7
  -- Example:
  --   crit = nn.MultiCriterion():add(nn.MSECriterion(), 0.5):add(nn.AbsCriterion())
  --   crit:forward(torch.zeros(2), torch.ones(2)) --> 1.5
  function MultiCriterion:__init()
    parent.__init(self)
    self.criterions = {}
    self.weights = torch.DoubleStorage()
  end

  function MultiCriterion:add(criterion, weight)
    local n = #self.criterions + 1
    self.criterions[n] = expect.criterion(self, criterion)
    weight = expect.number(self, "weight", weight, 1)
    self.weights:resize(n)
    self.weights[n] = weight
    return self
  end

  function MultiCriterion:updateOutput(input, target)
    local losses = {}
    for i, criterion in ipairs(self.criterions) do
      losses[i] = torch.mul(criterion(input, target), self.weights[i])
    end
    return expect.sum(self, losses)
  end
end
