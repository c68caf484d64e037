-- DistKLDivCriterion.lua: how far a distribution is from another, of which there are logarithms.

local expect = require "nn.expect"

return function(_, torch)
  local DistKLDivCriterion, parent = torch.class("nn.DistKLDivCriterion", "nn.Criterion")

  --- nn.DistKLDivCriterion([sizeAverage])
  --
  -- The mean over all elements of target (log(target) - input): the Kullback-Leibler divergence, with the
  -- input as log-probabilities and the target as probabilities.  Where the target is 0, it is 0.
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input and target are tensors of one shape
  -- From: Torch7, whose constructor took no argument
  -- Example:
  --   p = torch.Tensor { 0.5, 0.5 }
  --   nn.DistKLDivCriterion():forward(p:clone():log(), p) --> 0.0
  function DistKLDivCriterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  -- The loss of each element.
  function DistKLDivCriterion:_losses(input, target)
    expect.input(self, "input", input)
    expect.tensor(self, "target", target)
    if expect.shape_text(input) ~= expect.shape_text(target) then
      expect.fail(self, "target is %s for input %s, wanted the same shape", expect.shape_text(target),
        expect.shape_text(input))
    end
    target = expect.target(self, input, target)
    local positive = torch.gt(target, 0)
    local logs = torch.log(torch.where(positive, target, torch.onesLike(target)))
    return torch.where(positive, torch.cmul(target, torch.csub(logs, input)), torch.zerosLike(target))
  end

  function DistKLDivCriterion:updateOutput(input, target)
    return expect.total(self:_losses(input, target), self.sizeAverage and input:nElement())
  end
end
