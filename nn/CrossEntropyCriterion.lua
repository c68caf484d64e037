-- CrossEntropyCriterion.lua: LogSoftMax and ClassNLLCriterion in one pass over memory.

return function(nn, torch)
  local CrossEntropyCriterion, parent = torch.class("nn.CrossEntropyCriterion", "nn.Criterion")

  --- nn.CrossEntropyCriterion([weights [, sizeAverage]])
  --
  -- nn.LogSoftMax and nn.ClassNLLCriterion in one pass over memory.
  --
  -- weights: vector with a factor for each class
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input is scores, (batch x) classes, its target the classes, from 1
  -- From: Torch7
  -- Example:
  --   loss = nn.CrossEntropyCriterion():forward(torch.zeros(3, 2), torch.LongTensor { 1, 2, 1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function CrossEntropyCriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.weights = weights
    self.sizeAverage = sizeAverage ~= false
  end

  function CrossEntropyCriterion:updateOutput(input, target)
    return nn.functional.crossEntropy(input, target, self.weights, self.sizeAverage)
  end
end
