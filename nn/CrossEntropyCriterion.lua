-- CrossEntropyCriterion.lua: LogSoftMax and ClassNLLCriterion in one pass over memory.

return function(nn, torch)
  local CrossEntropyCriterion, parent = torch.class("nn.CrossEntropyCriterion", "nn.Criterion")

  --- nn.CrossEntropyCriterion([weights [, sizeAverage]]): input is scores, (batch x) classes; target
  -- the classes, counting from 1.
  function CrossEntropyCriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.weights = weights
    self.sizeAverage = sizeAverage ~= false
  end

  function CrossEntropyCriterion:updateOutput(input, target)
    return nn.functional.crossEntropy(input, target, self.weights, self.sizeAverage)
  end
end
