-- ClassNLLCriterion.lua: minus the log-probability of the right class.

return function(nn, torch)
  local ClassNLLCriterion, parent = torch.class("nn.ClassNLLCriterion", "nn.Criterion")

  --- nn.ClassNLLCriterion([weights [, sizeAverage [, ignoreIndex]]]): input is log-probabilities,
  -- (batch x) classes; target the classes, counting from 1.  The loss is the (weighted) mean over the
  -- batch, or the sum with sizeAverage = false; targets equal to ignoreIndex do not count.
  function ClassNLLCriterion:__init(weights, sizeAverage, ignoreIndex)
    parent.__init(self)
    self.weights = weights
    self.sizeAverage = sizeAverage ~= false
    self.ignoreIndex = ignoreIndex
  end

  function ClassNLLCriterion:updateOutput(input, target)
    return nn.functional.nllLoss(input, target, self.weights, self.sizeAverage, self.ignoreIndex)
  end
end
