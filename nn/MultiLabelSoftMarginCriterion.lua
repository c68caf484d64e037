-- MultiLabelSoftMarginCriterion.lua: the logistic loss of samples that have several classes.

local expect = require "nn.expect"

return function(_, torch)
  local MultiLabelSoftMarginCriterion, parent =
    torch.class("nn.MultiLabelSoftMarginCriterion", "nn.Criterion")

  --- nn.MultiLabelSoftMarginCriterion([weights [, sizeAverage]])
  --
  -- nn.Sigmoid and nn.BCECriterion in one, for inputs of any size: the mean over all elements
  -- of -(target log(p) + (1 - target) log(1 - p)) where p = 1 / (1 + exp(-input)).
  --
  -- weights: vector with a factor for each column
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of as many elements, the target's from 0 to 1
  -- From: Torch7
  -- Example:
  --   loss = nn.MultiLabelSoftMarginCriterion():forward(torch.zeros(2), torch.Tensor { 1, 0 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function MultiLabelSoftMarginCriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.weights = expect.vector(self, weights)
    self.sizeAverage = sizeAverage ~= false
  end

  -- The loss of each element.
  function MultiLabelSoftMarginCriterion:_losses(input, target)
    expect.input(self, "input", input)
    target = expect.target(self, input, target)
    local loss = torch.csub(torch.softplus(input), torch.cmul(input, target))
    local weights = expect.weights(self, self.weights, input)
    return weights and torch.cmul(loss, weights) or loss
  end

  function MultiLabelSoftMarginCriterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
