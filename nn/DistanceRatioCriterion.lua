-- DistanceRatioCriterion.lua: how much nearer the like sample of a triplet is than the unlike one.

local expect = require "nn.expect"

return function(_, torch)
  local DistanceRatioCriterion, parent = torch.class("nn.DistanceRatioCriterion", "nn.Criterion")

  --- nn.DistanceRatioCriterion([sizeAverage])
  --
  -- With X the distances of like pairs and Y those of unlike ones: the mean of
  -- -log(exp(-X) / (exp(-X) + exp(-Y))).
  --
  -- sizeAverage: false gives the sum
  -- Returns: a criterion; its input is a table of two tensors of one shape, X and Y; there is no target
  -- From: Torch7; Hoffer and Ailon, "Semi-supervised deep learning by metric embedding", 2016
  -- Example:
  --   loss = nn.DistanceRatioCriterion():forward { torch.ones(3), torch.ones(3) }
  --   math.abs(loss - math.log(2)) < 1e-6 --> true
  function DistanceRatioCriterion:__init(sizeAverage)
    parent.__init(self)
    self.sizeAverage = sizeAverage ~= false
  end

  function DistanceRatioCriterion:updateOutput(input)
    local x, y = expect.pair(self, input)
    return expect.total(torch.softplus(torch.csub(x, y)), self.sizeAverage and (x.shape[1] or 1))
  end
end
