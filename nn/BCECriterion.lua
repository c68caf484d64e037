-- BCECriterion.lua: the cross-entropy of two classes.

local expect = require "nn.expect"

return function(_, torch)
  local BCECriterion, parent = torch.class("nn.BCECriterion", "nn.Criterion")

  --- nn.BCECriterion([weights [, sizeAverage]])
  --
  -- The mean over all elements of -(target log(input) + (1 - target) log(1 - input)), where the input is the
  -- probability of the one of two classes, as nn.Sigmoid gives it.  1e-12 is added before each logarithm.
  --
  -- weights: vector with a factor for each column
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of as many elements, from 0 to 1
  -- Errors: the input has elements outside 0 to 1
  -- From: Torch7
  -- Example:
  --   loss = nn.BCECriterion():forward(torch.Tensor { 0.5 }, torch.Tensor { 1 })
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  local tiny = 1e-12

  function BCECriterion:__init(weights, sizeAverage)
    parent.__init(self)
    self.weights = expect.vector(self, weights)
    self.sizeAverage = sizeAverage ~= false
  end

  BCECriterion._ofProbabilities = true

  function BCECriterion:updateOutput(input, target)
    local dtype = expect.input(self, "input", input).dtype
    input = expect.wide(input)
    target = expect.target(self, input, target)
    local plain = input:detach()
    if expect.readable(plain) and not (plain:min() >= 0 and plain:max() <= 1) then
      expect.fail(self, "input has values from %g to %g, wanted 0 to 1", plain:min(), plain:max())
    end
    local one = torch.cmul(target, torch.log(torch.add(input, tiny)))
    local rest = torch.add(torch.add(torch.neg(input), 1), tiny)
    local other = torch.cmul(torch.add(torch.neg(target), 1), torch.log(rest))
    local loss = torch.neg(torch.add(one, other))
    local weights = expect.weights(self, self.weights, input)
    if weights then loss = torch.cmul(loss, weights) end
    return expect.total(loss, self.sizeAverage and input:nElement(), dtype)
  end
end
