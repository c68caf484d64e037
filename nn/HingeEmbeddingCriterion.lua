-- HingeEmbeddingCriterion.lua: a distance for like pairs, what it lacks of a margin for unlike ones.

local expect = require "nn.expect"

return function(_, torch)
  local HingeEmbeddingCriterion, parent = torch.class("nn.HingeEmbeddingCriterion", "nn.Criterion")

  --- nn.HingeEmbeddingCriterion([margin])
  --
  -- The mean over all elements of the input where the target is 1, and of max(0, margin - input) where it is
  -- -1: the input are distances of pairs that are alike or not.
  --
  -- margin: number, 1 by default
  -- Returns: a criterion with margin and sizeAverage, of which false gives the sum; its input is a tensor,
  --   its target a tensor of as many elements, or a number
  -- Errors: the target is neither 1 nor -1 somewhere
  -- From: Torch7
  -- Example:
  --   nn.HingeEmbeddingCriterion(2):forward(torch.Tensor { 3, 1 }, torch.Tensor { 1, -1 }) --> 2.0
  function HingeEmbeddingCriterion:__init(margin)
    parent.__init(self)
    self.margin = expect.number(self, "margin", margin, 1)
    self.sizeAverage = true
  end

  -- The loss of each element.
  function HingeEmbeddingCriterion:_losses(input, target)
    expect.input(self, "input", input)
    local alike = torch.gt(expect.signs(self, input, target), 0)
    return torch.where(alike, input, torch.relu(torch.add(torch.neg(input), self.margin)))
  end

  function HingeEmbeddingCriterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
