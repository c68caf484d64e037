-- ClassNLLCriterion.lua: minus the log-probability of the right class.

local expect = require "nn.expect"

return function(nn, torch)
  local ClassNLLCriterion, parent = torch.class("nn.ClassNLLCriterion", "nn.Criterion")

  --- nn.ClassNLLCriterion([weights [, sizeAverage [, ignoreIndex]]])
  --
  -- Minus the log-probability of the right class, as nn.LogSoftMax gives it: the (weighted) mean over the
  -- batch.
  --
  -- weights: vector with a factor for each class
  -- sizeAverage: false gives the sum
  -- ignoreIndex: targets equal to it do not count
  -- Returns: a criterion; its input is (batch x) classes, its target the classes, which count from 1
  -- From: Torch7
  -- Example:
  --   input = torch.Tensor { { 0.5, 0.5 } }:log()
  --   torch.exp(-nn.ClassNLLCriterion()(input, torch.LongTensor { 2 })):item() --> 0.5
  function ClassNLLCriterion:__init(weights, sizeAverage, ignoreIndex)
    parent.__init(self)
    self.weights = weights
    self.sizeAverage = sizeAverage ~= false
    self.ignoreIndex = ignoreIndex
  end

  function ClassNLLCriterion:updateOutput(input, target)
    expect.labels(self, target)
    return nn.functional.nllLoss(input, target, self.weights, self.sizeAverage, self.ignoreIndex)
  end
end
