-- activations.lua: activations as functions.

local raise = require("torch.caller").raise

return function(nn, torch)
  local functional = nn.functional

  local below = nn._arguments.below

  --- nn.functional.relu(x); nn.functional.relu6(x); nn.functional.squaredRelu(x)
  -- nn.functional.sigmoid(x); nn.functional.tanh(x); nn.functional.logSigmoid(x); nn.functional.softsign(x)
  -- nn.functional.silu(x); nn.functional.mish(x)
  -- nn.functional.hardswish(x); nn.functional.hardsigmoid(x); nn.functional.tanhshrink(x)
  --
  -- Of each element: max(x, 0), that but at most 6, max(x, 0)^2; 1 / (1 + exp(-x)), tanh(x),
  -- log(sigmoid(x)), x / (1 + |x|); x sigmoid(x), x tanh(softplus(x)); x hardsigmoid(x), where
  -- hardsigmoid(x) is (x + 3) / 6 within 0 and 1; x - tanh(x).  Differentiable.
  --
  -- x: tensor of a float type
  -- Returns: a tensor of x's shape
  -- From: PyTorch; squaredRelu: So and others, "Primer", NeurIPS 2021; mish: Misra, "Mish", 2019;
  --   hardswish: Howard and others, "Searching for MobileNetV3", ICCV 2019
  -- Example:
  --   x = torch.Tensor { -4, 0, 4 }
  --   nn.functional.hardswish(x):sum(), nn.functional.squaredRelu(x):sum() --> 4.0 16.0
  functional.relu, functional.sigmoid, functional.tanh = torch.relu, torch.sigmoid, torch.tanh
  functional.logSigmoid, functional.silu, functional.mish = torch.logSigmoid, torch.silu, torch.mish
  function functional.relu6(x) return torch.clamp(x, 0, 6) end
  function functional.squaredRelu(x) return torch.square(torch.relu(x)) end
  function functional.softsign(x) return torch.cdiv(x, torch.abs(x) + 1) end
  function functional.tanhshrink(x) return x - torch.tanh(x) end

  --- nn.functional.gelu(x [, approximate])
  --
  -- x Phi(x) of each element, Phi being the normal distribution's.  Differentiable.
  --
  -- x: tensor of a float type
  -- approximate: "tanh" takes x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), "none" by default
  -- Returns: a tensor of x's shape
  -- Errors: approximate is neither
  -- From: Hendrycks and Gimpel, "Gaussian error linear units", 2016
  -- Example:
  --   nn.functional.gelu(torch.Tensor { 0, 100 }, "tanh"):sum() --> 100.0
  function functional.gelu(x, approximate)
    if approximate == nil or approximate == "none" then return torch.gelu(x) end
    if approximate == "tanh" then return torch.geluTanh(x) end
    raise('nn.functional.gelu: approximate is %s, wanted "none" or "tanh"', tostring(approximate))
  end

  --- nn.functional.elu(x [, alpha]); nn.functional.celu(x [, alpha]); nn.functional.selu(x)
  --
  -- x where it is positive.  Below zero elu has alpha (exp(x) - 1) and celu alpha (exp(x / alpha) - 1),
  -- which is smooth at 0; selu is 1.0507 times elu with alpha 1.6733, which keeps mean 0 and variance 1
  -- from layer to layer.  Differentiable.
  --
  -- x: tensor of a float type
  -- alpha: number, 1 by default
  -- Returns: a tensor of x's shape
  -- Errors: celu: alpha is 0
  -- From: Clevert, Unterthiner and Hochreiter, ICLR 2016; Barron, "Continuously differentiable
  --   exponential linear units", 2017; Klambauer and others, "Self-normalizing neural networks", NeurIPS
  --   2017
  -- Example:
  --   x = torch.Tensor { -100, 2 }
  --   nn.functional.elu(x):sum(), nn.functional.celu(x, 0.5):sum() --> 1.0 1.5
  function functional.elu(x, alpha)
    return torch.relu(x) + torch.expm1(below(x)) * (alpha or 1)
  end

  function functional.celu(x, alpha)
    alpha = alpha or 1
    if alpha == 0 then raise("nn.functional.celu: alpha is 0") end
    if alpha < 0 then return torch.clamp(x, 0, nil) + torch.clamp(torch.expm1(x / alpha) * alpha, nil, 0) end
    return torch.relu(x) + torch.expm1(below(x) / alpha) * alpha
  end

  local SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
  function functional.selu(x)
    return torch.relu(x) * SCALE + torch.expm1(below(x)) * (SCALE * ALPHA)
  end

  --- nn.functional.leakyRelu(x [, slope]); nn.functional.prelu(x, weight)
  --
  -- x where it is positive and slope times it below zero; the slopes of prelu are a tensor: one number, or
  -- one for each place of the second dimension (of the first, where x has one only).  Differentiable.
  --
  -- x: tensor of a float type
  -- slope: number, 0.01 by default
  -- weight: vector
  -- Returns: a tensor of x's shape
  -- Errors: weight has another number of elements
  -- From: Maas, Hannun and Ng, 2013; He and others, "Delving deep into rectifiers", ICCV 2015
  -- Example:
  --   nn.functional.leakyRelu(torch.Tensor { -2 }, 0.5)[1] --> -1.0
  --   nn.functional.prelu(torch.Tensor { -2, 1 }, torch.Tensor { 0.25 }):sum() --> 0.5
  function functional.leakyRelu(x, slope)
    return functional._leaky(x, slope or 0.01)
  end

  -- A vector in a shape that broadcasts along the second dimension, or a vector's first.
  local function along_channels(name, x, weight)
    if weight:nElement() == 1 then return torch.reshape(weight, 1) end
    local dim = x:dim() > 1 and 2 or 1
    if x:dim() == 0 or x:size(dim) ~= weight:nElement() then
      raise("nn.functional.%s: x is %s, which has not %d planes", name, table.concat(x.shape, "x"),
        weight:nElement())
    end
    local shape = {}
    for d = 1, x:dim() do shape[d] = d == dim and weight:nElement() or 1 end
    return torch.reshape(weight, shape)
  end

  function functional.prelu(x, weight)
    return functional._prelu(x, along_channels("prelu", x, weight))
  end

  --- nn.functional.snake(x, alpha)
  --
  -- x + sin(alpha x)^2 / alpha of each element, for what is periodic.  Differentiable.
  --
  -- x: tensor of a float type
  -- alpha: number; or vector, of one number or of one for each place of the second dimension
  -- Returns: a tensor of x's shape
  -- From: Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic functions and how to fix it",
  --   NeurIPS 2020
  -- Example:
  --   nn.functional.snake(torch.zeros(3), 2):sum() --> 0.0
  function functional.snake(x, alpha)
    if not torch.isTensor(alpha) then return x + torch.square(torch.sin(x * alpha)) / alpha end
    local a = along_channels("snake", x, alpha)
    return x + torch.cdiv(torch.square(torch.sin(torch.cmul(x, a))), a)
  end

  --- nn.functional.hardtanh(x [, lo [, hi]]); nn.functional.hardshrink(x [, lambda])
  -- nn.functional.softshrink(x [, lambda]); nn.functional.softplus(x [, beta [, threshold]])
  --
  -- hardtanh: each element kept within lo and hi.  hardshrink: x, or 0 within lambda of 0; softshrink too,
  -- but the rest is moved towards 0 by lambda.  softplus: log(1 + exp(beta x)) / beta, and x itself where
  -- beta x is above threshold.  Differentiable.
  --
  -- x: tensor of a float type
  -- lo, hi: numbers, -1 and 1 by default
  -- lambda: number, 0.5 by default
  -- beta, threshold: numbers, 1 and 20 by default
  -- Returns: a tensor of x's shape
  -- From: PyTorch
  -- Example:
  --   x = torch.Tensor { -0.25, 2 }
  --   nn.functional.hardtanh(x):sum(), nn.functional.hardshrink(x):sum() --> 0.75 2.0
  --   nn.functional.softshrink(x):sum(), nn.functional.softplus(x, 1, -1):sum() --> 1.5 1.75
  function functional.hardtanh(x, lo, hi)
    return functional._hardtanh(x, lo or -1, hi or 1)
  end

  function functional.hardshrink(x, lambda)
    return functional._hardshrink(x, lambda or 0.5)
  end

  function functional.softshrink(x, lambda)
    return functional._softshrink(x, lambda or 0.5)
  end

  -- torch.softplus overflows nowhere: up to the threshold of 20 the two are one within a float's precision.
  function functional.softplus(x, beta, threshold)
    beta, threshold = beta or 1, threshold or 20
    local scaled = x * beta
    local y = torch.softplus(scaled) / beta
    if threshold >= 20 then return y end
    return torch.where(torch.gt(scaled, threshold), x, y)
  end

  --- nn.functional.softmin(x [, dim])
  --
  -- The softmax of -x along a dimension.  Differentiable.
  --
  -- x: tensor of a float type
  -- dim: 1 to x:dim(), the last by default
  -- Returns: a tensor of x's shape
  -- From: PyTorch
  -- Example:
  --   nn.functional.softmin(torch.zeros(4))[1] --> 0.25
  function functional.softmin(x, dim)
    return functional.softmax(torch.neg(x), dim)
  end

  -- ---- gates ----------------------------------------------------------------------------------------

  --- nn.functional.glu(x [, dim]); nn.functional.reglu(x [, dim]); nn.functional.geglu(x [, dim])
  -- nn.functional.swiglu(x [, dim])
  --
  -- Cuts x into halves a and b along a dimension: glu is a sigmoid(b); reglu relu(a) b, geglu gelu(a) b,
  -- swiglu silu(a) b.  Differentiable.
  --
  -- x: tensor of a float type
  -- dim: 1 to x:dim(), the last by default; negative counts from the last
  -- Returns: a tensor of x's shape with half its size along dim
  -- Errors: x has no such dimension, or its size is odd
  -- From: Dauphin and others, "Language modeling with gated convolutional networks", ICML 2017; Shazeer,
  --   "GLU variants improve transformer", 2020
  -- Example:
  --   nn.functional.glu(torch.Tensor { 4, 0 })[1] --> 2.0
  --   nn.functional.reglu(torch.Tensor { -4, 1, 2, 3 }):sum() --> 3.0
  local function halves(name, x, dim)
    dim = dim or -1
    local d = dim < 0 and x:dim() + dim + 1 or dim
    if d < 1 or d > x:dim() then
      raise("nn.functional.%s: x of %d dimensions has no dimension %d", name, x:dim(), dim)
    end
    local size = x:size(d)
    if size % 2 ~= 0 then
      raise("nn.functional.%s: dimension %d of x of %s is odd", name, d, table.concat(x.shape, "x"))
    end
    return torch.narrow(x, d, 1, size // 2), torch.narrow(x, d, size // 2 + 1, size // 2)
  end

  function functional.glu(x, dim)
    local a, b = halves("glu", x, dim)
    return torch.cmul(a, torch.sigmoid(b))
  end

  for name, activation in pairs { reglu = torch.relu, geglu = torch.gelu, swiglu = torch.silu } do
    functional[name] = function(x, dim)
      local a, b = halves(name, x, dim)
      return torch.cmul(activation(a), b)
    end
  end
end
