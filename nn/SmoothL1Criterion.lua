-- SmoothL1Criterion.lua: half the square of small errors, and the size of large ones.

local expect = require "nn.expect"

return function(nn, torch)
  local SmoothL1Criterion, parent = torch.class("nn.SmoothL1Criterion", "nn.Criterion")

  --- nn.SmoothL1Criterion([sizeAverage])
  --
  -- The mean of d^2 / 2 where d = |input - target| is below 1, and of d - 1/2 elsewhere.
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of as many elements
  -- From: Torch7; Girshick, "Fast R-CNN", ICCV 2015
  -- Example:
  --   nn.SmoothL1Criterion(false):forward(torch.zeros(2), torch.Tensor { 1, 3 }) --> 3.0
  function SmoothL1Criterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  function SmoothL1Criterion:updateOutput(input, target)
    expect.input(self, "input", input)
    return nn.functional._huber(input, expect.target(self, input, target), 1, 0.5, self.sizeAverage)
  end
end
