-- L1HingeEmbeddingCriterion.lua: the L1 distance of a like pair, what it lacks of a margin for an unlike one.

local expect = require "nn.expect"

return function(_, torch)
  local L1HingeEmbeddingCriterion, parent = torch.class("nn.L1HingeEmbeddingCriterion", "nn.Criterion")

  --- nn.L1HingeEmbeddingCriterion([margin])
  --
  -- The sum d of |input[1] - input[2]| when the target is 1, and max(0, margin - d) when it is -1.
  --
  -- margin: number, 1 by default
  -- Returns: a criterion with margin; its input is a table of two tensors of one shape, its target a number
  -- Errors: the target is neither 1 nor -1
  -- From: Torch7
  -- Example:
  --   nn.L1HingeEmbeddingCriterion(4):forward({ torch.ones(3), torch.zeros(3) }, -1) --> 1.0
  function L1HingeEmbeddingCriterion:__init(margin)
    parent.__init(self)
    self.margin = expect.number(self, "margin", margin, 1)
    self.gradInput = { torch.Tensor(), torch.Tensor() }
  end

  function L1HingeEmbeddingCriterion:updateOutput(input, target)
    local a, b = expect.pair(self, input)
    local distance = expect.total(torch.abs(torch.csub(a, b)))
    local alike = torch.gt(expect.signs(self, distance, target), 0)
    return torch.where(alike, distance, torch.relu(torch.add(torch.neg(distance), self.margin)))
  end
end
