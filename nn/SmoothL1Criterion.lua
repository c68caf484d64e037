-- SmoothL1Criterion.lua: half the square of small errors, and the size of large ones.

local expect = require "nn.expect"

return function(_, torch)
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

  -- The loss of each element: m (d - m / 2) / beta, where m is d up to beta.
  function SmoothL1Criterion:_losses(input, target)
    expect.input(self, "input", input)
    local beta = self.beta or 1
    local d = torch.abs(torch.csub(input, expect.target(self, input, target)))
    local m = torch.clamp(d, nil, beta)
    local loss = torch.cmul(torch.add(d, -0.5, m), m)
    return beta == 1 and loss or loss / beta
  end

  function SmoothL1Criterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
