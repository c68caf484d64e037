-- SoftMarginCriterion.lua: log(1 + exp(-x t)) for targets 1 and -1.

local expect = require "nn.expect"

return function(_, torch)
  local SoftMarginCriterion, parent = torch.class("nn.SoftMarginCriterion", "nn.Criterion")

  --- nn.SoftMarginCriterion()
  --
  -- The mean of log(1 + exp(-input target)) over all elements: the logistic loss of two classes.
  --
  -- Returns: a criterion with sizeAverage, of which false gives the sum; its input and target are tensors of
  --   as many elements, the target's 1 or -1
  -- From: Torch7
  -- Example:
  --   loss = nn.SoftMarginCriterion():forward(torch.zeros(2), torch.Tensor { 1, -1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function SoftMarginCriterion:__init()
    parent.__init(self)
    self.sizeAverage = true
  end

  -- The loss of each element.
  function SoftMarginCriterion:_losses(input, target)
    expect.input(self, "input", input)
    local product = torch.cmul(input, expect.target(self, input, target))
    return torch.softplus(torch.neg(product))
  end

  function SoftMarginCriterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
