-- modules.lua: functions that run a module without parameters, and names of functions of torch.

local raise = require("torch.caller").raise

return function(nn, torch)
  local functional = nn.functional

  --- nn.functional.pixelShuffle(x, factor); nn.functional.pixelUnshuffle(x, factor)
  -- nn.functional.channelShuffle(x, groups)
  --
  -- What nn.PixelShuffle, nn.PixelUnshuffle and nn.ChannelShuffle compute.  Differentiable.
  --
  -- x: tensor, (batch x) channels x height x width; for channelShuffle batch x channels x ..
  -- factor, groups: numbers
  -- Returns: a tensor
  -- Errors: the factor or the groups do not divide x's sizes
  -- From: PyTorch
  -- Example:
  --   table.concat(nn.functional.pixelShuffle(torch.ones(8, 2, 3), 2).shape, "x") --> 2x4x6
  for name, class in pairs {
    pixelShuffle = "PixelShuffle", pixelUnshuffle = "PixelUnshuffle", channelShuffle = "ChannelShuffle",
  } do
    functional[name] = function(x, n) return nn[class](n):_run(x) end
  end

  --- nn.functional.rrelu(x [, lower [, upper [, training]]])
  --
  -- x where it is positive, and below zero x times a slope: in training one drawn for each element, else
  -- the mean of the bounds.  Differentiable.
  --
  -- x: tensor of a float type
  -- lower, upper: numbers, 1/8 and 1/3 by default
  -- training: false by default
  -- Returns: a tensor of x's shape
  -- Errors: the bounds are negative or not in order
  -- From: PyTorch
  -- Example:
  --   nn.functional.rrelu(torch.Tensor { -4, 1 }, 0.25, 0.75):sum() --> -1.0
  function functional.rrelu(x, lower, upper, training)
    local module = nn.RReLU(lower, upper)
    module.train = training or false
    return module:_run(x)
  end

  --- nn.functional.gumbelSoftmax(x [, tau [, hard [, dim]]])
  --
  -- A differentiable draw of a class: the softmax of (x + g) / tau, with g of Gumbel's distribution.
  --
  -- x: tensor of a float type: logarithms of what the classes weigh
  -- tau: number above 0, 1 by default
  -- hard: true gives 1 for the largest and 0 elsewhere, with the gradient of the softmax
  -- dim: 1 to x:dim(), the last by default
  -- Returns: a tensor of x's shape
  -- Errors: tau is not above 0
  -- From: Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017
  -- Example:
  --   y = nn.functional.gumbelSoftmax(torch.zeros(3, 4), 0.5, true)
  --   y:sum(), y:max() --> 3.0 1.0
  function functional.gumbelSoftmax(x, tau, hard, dim)
    if not torch.isTensor(x) or #x.shape == 0 then
      raise("nn.functional.gumbelSoftmax: the input is a %s, wanted a tensor of one dimension at least",
        torch.type(x))
    end
    tau, dim = tau or 1, dim or -1
    if not math.type(tau) or tau ~= tau or tau <= 0 then
      raise("nn.functional.gumbelSoftmax: tau is %s, wanted a number above 0", tostring(tau))
    end
    local tiny = 1e-20
    local u = torch.rand(table.unpack(x.shape)):to(x.device):type(x.dtype)
    local g = torch.neg(torch.log(torch.neg(torch.log(u + tiny)) + tiny))
    local y = functional.softmax((x + g) / tau, dim)
    if not hard then return y end
    local _, place = torch.max(y:detach(), dim < 0 and dim + #x.shape + 1 or dim, true)
    local one = torch.scatter(torch.zerosLike(y:detach()), dim < 0 and dim + #x.shape + 1 or dim, place, 1)
    return one - y:detach() + y
  end

  --- nn.functional.threshold(x, threshold, value); nn.functional.oneHot(classes [, n])
  -- nn.functional.logsigmoid(x)
  --
  -- torch.threshold, torch.oneHot and torch.logSigmoid, which see.
  --
  -- Returns: a tensor
  -- From: PyTorch
  -- Example:
  --   nn.functional.threshold(torch.Tensor { -1, 3 }, 0, 9):sum() --> 12.0
  --   nn.functional.oneHot(torch.LongTensor { 2 }, 3)[1][2] --> 1.0
  functional.threshold, functional.oneHot = torch.threshold, torch.oneHot
  functional.logsigmoid = torch.logSigmoid
end
