-- dropout.lua: kinds of dropout that take more than single elements, or keep mean and variance.

local raise = require("torch.caller").raise

return function(nn, torch)
  local functional = nn.functional

  -- 1 / (1 - p) with probability 1 - p and else 0, in a shape that broadcasts to x: of x's first n sizes.
  local function mask(x, n, p, scale)
    local shape = {}
    for d = 1, x:dim() do shape[d] = d <= n and x:size(d) or 1 end
    local ones = x.new():resize(torch.LongStorage(shape)):fill(1)
    return functional.dropout(ones, p, scale)
  end

  local function check(name, p)
    if type(p) ~= "number" or not (p >= 0 and p <= 1) then
      raise("nn.functional.%s: p is %s, wanted a number from 0 to 1", name, tostring(p))
    end
  end

  --- nn.functional.dropout1d(x [, p [, scale]]); nn.functional.dropout2d(x [, p [, scale]])
  -- nn.functional.dropout3d(x [, p [, scale]])
  --
  -- Zeroes whole channels with probability p, each sample's by themselves.  Differentiable.
  --
  -- x: tensor, (batch x) channels x 1, 2 or 3 sizes
  -- p: number, 0.5 by default
  -- scale: false leaves the other channels as they are; otherwise they are divided by 1 - p
  -- Returns: a tensor of x's shape
  -- Errors: p is outside 0 to 1, or x has other dimensions
  -- From: Tompson and others, "Efficient object localization using convolutional networks", CVPR 2015
  -- Example:
  --   y = nn.functional.dropout2d(torch.ones(4, 8, 2, 2))
  --   y[1][1]:max() == y[1][1]:min() --> true
  for places = 1, 3 do
    local name = ("dropout%dd"):format(places)
    functional[name] = function(x, p, scale)
      p = p or 0.5
      check(name, p)
      local n = x:dim() - places
      if n ~= 1 and n ~= 2 then
        raise("nn.functional.%s: x has %d dimensions, wanted %d or %d", name, x:dim(), places + 1, places + 2)
      end
      return torch.cmul(x, mask(x, n, p, scale))
    end
  end

  --- nn.functional.alphaDropout(x [, p]); nn.functional.featureAlphaDropout(x [, p])
  --
  -- Sets elements, or whole channels, with probability p to what nn.functional.selu gives for -infinity,
  -- and scales and shifts all so that mean 0 and variance 1 stay.  Differentiable.
  --
  -- x: tensor of a float type; for featureAlphaDropout batch x channels x ..
  -- p: number, 0.5 by default
  -- Returns: a tensor of x's shape
  -- Errors: p is outside 0 to 1
  -- From: Klambauer and others, "Self-normalizing neural networks", NeurIPS 2017
  -- Example:
  --   nn.functional.alphaDropout(torch.ones(3), 0):sum() --> 3.0
  local LOWEST = -1.0507009873554805 * 1.6732632423543772

  local function alpha_dropout(x, n, p)
    if p == 0 then return x end
    if p == 1 then return x * 0 end
    local a = 1 / math.sqrt((1 - p) * (1 + p * LOWEST ^ 2))
    local kept = mask(x, n, p, false)
    return torch.cmul(x, kept) * a + (1 - kept) * (a * LOWEST) - a * LOWEST * p
  end

  function functional.alphaDropout(x, p)
    check("alphaDropout", p or 0.5)
    return alpha_dropout(x, x:dim(), p or 0.5)
  end

  function functional.featureAlphaDropout(x, p)
    check("featureAlphaDropout", p or 0.5)
    if x:dim() < 2 then
      raise("nn.functional.featureAlphaDropout: x has %d dimensions, wanted at least 2", x:dim())
    end
    return alpha_dropout(x, 2, p or 0.5)
  end

  --- nn.functional.dropPath(x [, p])
  --
  -- Zeroes whole samples with probability p and divides the others by 1 - p: the path of a residual block
  -- that is left out at random.  Differentiable.
  --
  -- x: tensor, batch x ..
  -- p: number, 0.5 by default
  -- Returns: a tensor of x's shape
  -- Errors: p is outside 0 to 1
  -- From: Huang and others, "Deep networks with stochastic depth", ECCV 2016
  -- Example:
  --   y = nn.functional.dropPath(torch.ones(6, 3), 0.5)
  --   y[1]:max() == y[1]:min() --> true
  function functional.dropPath(x, p)
    check("dropPath", p or 0.5)
    if x:dim() == 0 then raise("nn.functional.dropPath: x has no dimensions, wanted a batch") end
    return torch.cmul(x, mask(x, 1, p or 0.5))
  end
end
