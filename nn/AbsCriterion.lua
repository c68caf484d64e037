-- AbsCriterion.lua: the mean of |x - t| over all elements.

local expect = require "nn.expect"

return function(_, torch)
  local AbsCriterion, parent = torch.class("nn.AbsCriterion", "nn.Criterion")

  --- nn.AbsCriterion([sizeAverage])
  --
  -- The mean of |input - target| over all elements.
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of as many elements
  -- From: Torch7
  -- Example:
  --   nn.AbsCriterion():forward(torch.zeros(2), torch.Tensor { 1, -3 }) --> 2.0
  function AbsCriterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  -- The loss of each element.
  function AbsCriterion:_losses(input, target)
    expect.input(self, "input", input)
    return torch.abs(torch.csub(input, expect.target(self, input, target)))
  end

  function AbsCriterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
