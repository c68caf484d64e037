-- MarginRankingCriterion.lua: which of two scores should be the higher, by a margin.

local expect = require "nn.expect"

return function(_, torch)
  local MarginRankingCriterion, parent = torch.class("nn.MarginRankingCriterion", "nn.Criterion")

  --- nn.MarginRankingCriterion([margin])
  --
  -- The mean of max(0, margin - target (input[1] - input[2])): a target of 1 wants input[1] to be higher, -1
  -- input[2].
  --
  -- margin: number, 1 by default
  -- Returns: a criterion with margin and sizeAverage, of which false gives the sum (over the target's first
  --   dimension); its input is a table of two tensors of one shape, its target a tensor of as many
  --   elements, or a number for all
  -- From: Torch7
  -- Example:
  --   x = { torch.Tensor { 1, 2 }, torch.Tensor { 3, 0 } }
  --   nn.MarginRankingCriterion():forward(x, torch.Tensor { 1, 1 }) --> 1.5
  function MarginRankingCriterion:__init(margin)
    parent.__init(self)
    self.margin = expect.number(self, "margin", margin, 1)
    self.gradInput = { torch.Tensor(), torch.Tensor() }
    self.sizeAverage = true
  end

  -- The loss of each element, and how many rows there are.
  function MarginRankingCriterion:_losses(input, target)
    local a, b = expect.pair(self, input)
    local rows = torch.isTensor(target) and target.shape[1] or a.shape[1]
    if math.type(target) then
      target = torch.fullLike(a, target)
    else
      target = expect.target(self, a, target)
    end
    return torch.relu(torch.add(torch.neg(torch.cmul(target, torch.csub(a, b))), self.margin)), rows
  end

  function MarginRankingCriterion:updateOutput(input, target)
    local losses, rows = self:_losses(input, target)
    return expect.total(losses, self.sizeAverage and rows)
  end
end
