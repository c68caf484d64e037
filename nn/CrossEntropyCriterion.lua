-- CrossEntropyCriterion.lua: LogSoftMax and ClassNLLCriterion in one pass over memory.

local expect = require "nn.expect"

return function(nn, torch)
  local CrossEntropyCriterion, parent = torch.class("nn.CrossEntropyCriterion", "nn.Criterion")

  --- nn.CrossEntropyCriterion([weights [, sizeAverage]])
  --
  -- nn.LogSoftMax and nn.ClassNLLCriterion in one pass over memory.
  --
  -- weights: vector with a factor for each class
  -- sizeAverage: false gives the sum
  -- Returns: a criterion, with both of them in its fields lsm and nll; its input is scores, (batch x)
  --   classes, its target the classes, from 1
  -- From: Torch7
  -- Example:
  --   loss = nn.CrossEntropyCriterion():forward(torch.zeros(3, 2), torch.LongTensor { 1, 2, 1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function CrossEntropyCriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.lsm = nn.LogSoftMax()
    self.nll = nn.ClassNLLCriterion(weights, sizeAverage)
    self.sizeAverage = self.nll.sizeAverage
    self._oldSizeAverage = self.sizeAverage
  end

  -- sizeAverage may be changed here and, as scripts of Torch7 do, in nll; the last one counts.
  function CrossEntropyCriterion:updateOutput(input, target)
    if self.sizeAverage ~= self._oldSizeAverage then
      self.nll.sizeAverage, self._oldSizeAverage = self.sizeAverage, self.sizeAverage
    end
    expect.labels(self, target)
    -- One class says nothing: it is a dimension of one, which does not count in Torch7.
    if torch.isTensor(input) and input:dim() > 2 and input:size(2) == 1 and input:squeeze():dim() <= 2 then
      input, target = input:squeeze(), torch.isTensor(target) and target:squeeze() or target
    end
    return nn.functional.crossEntropy(input, target, self.nll.weights, self.nll.sizeAverage)
  end
end
