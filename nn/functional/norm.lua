-- norm.lua: normalisation by groups, by instances, by neighbours, to length 1.

local raise = require("torch.caller").raise

return function(nn, torch)
  local functional = nn.functional

  local text_of = nn._arguments.shape

  -- A vector of one number a channel, in the shape that broadcasts to x.
  local function by_channel(name, what, t, x)
    if not t then return nil end
    if t:dim() ~= 1 or t:size(1) ~= x:size(2) then
      raise("nn.functional.%s: %s is of %s, wanted %d numbers", name, what, text_of(t), x:size(2))
    end
    local shape = { 1, x:size(2) }
    for d = 3, x:dim() do shape[d] = 1 end
    return torch.reshape(t, shape)
  end

  local function affine(name, y, weight, bias)
    local w, b = by_channel(name, "weight", weight, y), by_channel(name, "bias", bias, y)
    if w and b then return torch.addcmul(b, 1, y, w) end
    if w then y = torch.cmul(y, w) end
    return b and y + b or y
  end

  --- nn.functional.groupNorm(x, groups [, weight [, bias [, eps]]])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance of each sample's group of
  -- channels.  Differentiable.
  --
  -- x: tensor, batch x c x ..
  -- groups: in how many groups the channels are taken
  -- weight, bias: vectors of c, or nil
  -- eps: number, 1e-5 by default
  -- Returns: a tensor of x's shape
  -- Errors: the groups do not divide c, or the shapes do not fit
  -- From: Wu and He, "Group normalization", ECCV 2018
  -- Example:
  --   y = nn.functional.groupNorm(torch.rand(2, 4, 3), 2)
  --   math.abs(y:narrow(2, 1, 2)[1]:sum()) < 1e-4 --> true
  local function group_norm(name, x, groups, weight, bias, eps)
    if x:dim() < 2 then
      raise("nn.functional.%s: x is of %s, wanted batch x channels ..", name, text_of(x))
    end
    if groups < 1 or x:size(2) % groups ~= 0 then
      raise("nn.functional.%s: %d channels are not a multiple of %d groups", name, x:size(2), groups)
    end
    local y = x
    if x:nElement() > 0 then
      local n = x:nElement() // (x:size(1) * groups)
      y = functional.layerNorm(torch.reshape(x, x:size(1) * groups, n), n, nil, nil, eps)
    end
    return affine(name, torch.reshape(y, x.shape), weight, bias)
  end

  function functional.groupNorm(x, groups, weight, bias, eps)
    return group_norm("groupNorm", x, groups, weight, bias, eps)
  end

  -- The running statistics move towards the mean of the samples'.
  local function follow(x, mean, var, momentum)
    torch.noGrad(function()
      local rows = torch.reshape(x:detach(), x:size(1), x:size(2), -1):type(mean:type())
      mean:mul(1 - momentum):add(momentum, torch.mean(torch.mean(rows, 3), 1):view(-1))
      var:mul(1 - momentum):add(momentum, torch.mean(torch.var(rows, 3), 1):view(-1))
    end)
  end

  -- Constant statistics: each channel alike in every sample.
  local function by_running(x, mean, var, weight, bias, eps)
    return functional.batchNorm(x, weight, bias, mean, var, false, 0, eps)
  end

  --- nn.functional.instanceNorm(x [, opts])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance of each sample's channel.
  -- Differentiable.
  --
  -- x: tensor, batch x c x ..
  -- opts: table: weight, bias: vectors of c; runningMean, runningVar: vectors of c, which move by
  --   r = (1 - momentum) r + momentum s, and are taken in place of x's own when useInputStats is false;
  --   momentum: 0.1 by default; eps: 1e-5 by default
  -- Returns: a tensor of x's shape
  -- Errors: a channel of a sample has one value only; the shapes do not fit
  -- From: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016
  -- Example:
  --   y = nn.functional.instanceNorm(torch.rand(2, 3, 5))
  --   math.abs(y[1][2]:sum()) < 1e-4 --> true
  function functional.instanceNorm(x, opts)
    opts = opts or {}
    if x:dim() < 3 then
      raise("nn.functional.instanceNorm: x is of %s, wanted batch x channels x ..", text_of(x))
    end
    local mean, var = opts.runningMean, opts.runningVar
    if opts.useInputStats == false then
      if not (mean and var) then
        raise("nn.functional.instanceNorm: runningMean and runningVar are missing")
      end
      return by_running(x, mean, var, opts.weight, opts.bias, opts.eps)
    end
    if x:nElement() > 0 and x:nElement() == x:size(1) * x:size(2) then
      raise("nn.functional.instanceNorm: x of %s has one value for each channel, whose variance says nothing",
        text_of(x))
    end
    local y = group_norm("instanceNorm", x, x:size(2), opts.weight, opts.bias, opts.eps)
    if mean and var and x:nElement() > 0 then follow(x, mean, var, opts.momentum or 0.1) end
    return y
  end

  --- nn.functional.localResponseNorm(x, size [, alpha [, beta [, k]]])
  --
  -- x / (k + alpha m)^beta, m being the mean of the squares of `size` neighbouring channels.
  -- Differentiable.
  --
  -- x: tensor, batch x c x ..
  -- size: how many channels
  -- alpha, beta, k: numbers, 1e-4, 0.75 and 1 by default
  -- Returns: a tensor of x's shape
  -- Errors: x has fewer than 2 dimensions
  -- From: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
  --   networks", NeurIPS 2012
  -- Example:
  --   x = torch.ones(1, 3, 2)
  --   nn.functional.localResponseNorm(x, 1, 1, 1, 1):sum() --> 3.0
  function functional.localResponseNorm(x, size, alpha, beta, k)
    if x:dim() < 2 then
      raise("nn.functional.localResponseNorm: x is of %s, wanted batch x channels ..", text_of(x))
    end
    if size < 1 then raise("nn.functional.localResponseNorm: size is %d, wanted at least 1", size) end
    if x:nElement() == 0 then return x:clone() end
    local n, c = x:size(1), x:size(2)
    local planes = torch.reshape(torch.square(x), n, 1, c, x:nElement() // (n * c))
    -- Outside are zeros, which count; a window of even size reaches further to the front.
    local mean = functional.avgPool2d(planes, 1, size, 1, 1, 0, size // 2)
    if size % 2 == 0 then mean = torch.narrow(mean, 3, 1, c) end
    local scale = torch.pow(mean * (alpha or 1e-4) + (k or 1), -(beta or 0.75))
    return torch.cmul(x, torch.reshape(scale, x.shape))
  end

  --- nn.functional.normalize(x [, opts])
  --
  -- x divided by its p-norm along a dimension, or by eps where that is greater.  Differentiable.
  --
  -- x: tensor of a float type
  -- opts: table: p: 2 by default; dim: 2 by default, 1 for a vector; eps: 1e-12 by default
  -- Returns: a tensor of x's shape
  -- From: PyTorch
  -- Example:
  --   nn.functional.normalize(torch.Tensor { { 3, 4 } })[1][2] --> 0.80000001192093
  function functional.normalize(x, opts)
    opts = opts or {}
    local dim = opts.dim or math.min(2, x:dim())
    local norm = torch.norm(x, opts.p or 2, dim)
    return torch.cdiv(x, torch.clamp(norm, opts.eps or 1e-12, nil))
  end
end
