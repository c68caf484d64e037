-- initialisers.lua: nn.init: values for parameters to start with.

local raise = require("torch.caller").raise

return function(nn, torch)
  local init = {}
  nn.init = init

  local function tensor(name, t, least)
    if not torch.isTensor(t) then raise("nn.init.%s: got a %s, wanted a tensor", name, torch.type(t)) end
    if not t.dtype:find "float" then raise("nn.init.%s: got %s, wanted a float type", name, t.dtype) end
    if t:dim() < (least or 0) then
      raise("nn.init.%s: the tensor is %s, wanted at least %d dimensions", name,
        t:dim() == 0 and "a scalar" or table.concat(t.shape, "x"), least)
    end
    return t
  end

  -- Makes nn.init.name: f(t, ..) runs without the tape; t has `least` dimensions or more.
  local function define(name, least, f)
    init[name] = function(t, ...)
      tensor(name, t, least)
      torch.noGrad(f, t, ...)
      return t
    end
  end

  --- nn.init.uniform(t [, a [, b]]); nn.init.normal(t [, mean [, std]])
  -- nn.init.constant(t, value); nn.init.zeros(t); nn.init.ones(t)
  --
  -- Fills a tensor: uniform from a to b, 0 and 1 by default; normal, 0 and 1 by default; with one value.
  -- Gradients do not see it.
  --
  -- t: tensor of a float type
  -- a, b, mean, std, value: numbers
  -- Returns: t
  -- Errors: t is no tensor of a float type
  -- From: PyTorch
  -- Example:
  --   module = nn.Linear(3, 2)
  --   nn.init.constant(module.bias, 5)
  --   module.bias:sum(), nn.init.uniform(torch.zeros(9), 2, 3):min() >= 2 --> 10.0 true
  define("uniform", 0, function(t, a, b) t:uniform(a or 0, b or 1) end)
  define("normal", 0, function(t, mean, std) t:normal(mean or 0, std or 1) end)
  define("constant", 0, function(t, value) t:fill(value) end)
  define("zeros", 0, function(t) t:zero() end)
  define("ones", 0, function(t) t:fill(1) end)

  --- nn.init.truncNormal(t [, mean [, std [, a [, b]]]])
  --
  -- Normal, but only from a to b: by the inverse of the normal distribution at uniform numbers.
  --
  -- t: tensor of a float type
  -- mean, std: numbers; 0 and 1 by default
  -- a, b: the bounds; -2 and 2 by default
  -- Returns: t
  -- Errors: t is no tensor of a float type; a is not below b
  -- From: PyTorch
  -- Example:
  --   t = nn.init.truncNormal(torch.zeros(1000), 0, 1, -1, 1)
  --   t:min() >= -1, t:max() <= 1 --> true true
  local function cdf(x) return (1 + torch.erf(torch.scalar(x / math.sqrt(2), "float64")):item()) / 2 end

  define("truncNormal", 0, function(t, mean, std, a, b)
    mean, std, a, b = mean or 0, std or 1, a or -2, b or 2
    if not (a < b and std > 0) then
      raise("nn.init.truncNormal: from %g to %g with std %g, wanted a < b and std > 0", a, b, std)
    end
    local lo, hi = cdf((a - mean) / std), cdf((b - mean) / std)
    local u = t:clone():double():uniform(2 * lo - 1, 2 * hi - 1)
    t:copy(torch.clamp(torch.erfinv(u) * (std * math.sqrt(2)) + mean, a, b))
  end)

  --- nn.init.calculateGain(nonlinearity [, parameter])
  --
  -- By how much the weights in front of a function of units are to be wider so that their spread is kept.
  --
  -- nonlinearity: "linear", "conv1d", "sigmoid", "tanh" (5/3), "relu" (the root of 2), "leakyRelu", "selu"
  -- parameter: of leakyRelu: its slope below zero, 0.01 by default
  -- Returns: a number
  -- Errors: there is no such name
  -- From: PyTorch
  -- Example:
  --   nn.init.calculateGain("leakyRelu", 1) --> 1.0
  function init.calculateGain(nonlinearity, parameter)
    local gains = { linear = 1, conv1d = 1, conv2d = 1, conv3d = 1, sigmoid = 1, tanh = 5 / 3,
      relu = math.sqrt(2), selu = 3 / 4 }
    if nonlinearity == "leakyRelu" or nonlinearity == "leaky_relu" then
      return math.sqrt(2 / (1 + (parameter or 0.01) ^ 2))
    end
    return gains[nonlinearity] or raise("nn.init.calculateGain: there is no '%s'", tostring(nonlinearity))
  end

  --- nn.init.fans(t)
  --
  -- How many inputs each output of a weight has, and how many outputs each input: sizes 2 and 1 times the
  -- places of a kernel.
  --
  -- t: tensor of at least 2 dimensions: out x in x kernel
  -- Returns: two numbers
  -- Errors: t has fewer dimensions
  -- From: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
  --   AISTATS 2010
  -- Example:
  --   nn.init.fans(torch.zeros(8, 3, 5, 5)) --> 75 200
  function init.fans(t)
    tensor("fans", t, 2)
    local places = 1
    for d = 3, t:dim() do places = places * t:size(d) end
    return t:size(2) * places, t:size(1) * places
  end

  --- nn.init.xavierUniform(t [, gain]); nn.init.xavierNormal(t [, gain])
  --
  -- Values with standard deviation gain * sqrt(2 / (inputs + outputs)), uniform or normal.
  --
  -- t: tensor of at least 2 dimensions: out x in x kernel
  -- gain: number, 1 by default; see nn.init.calculateGain
  -- Returns: t
  -- Errors: t has fewer dimensions
  -- From: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
  --   AISTATS 2010
  -- Example:
  --   nn.init.xavierUniform(torch.zeros(3, 3)):abs():max() <= 1 --> true
  local function xavier(t, gain)
    local fan_in, fan_out = init.fans(t)
    return (gain or 1) * math.sqrt(2 / (fan_in + fan_out))
  end

  define("xavierUniform", 2, function(t, gain)
    local bound = math.sqrt(3) * xavier(t, gain)
    t:uniform(-bound, bound)
  end)
  define("xavierNormal", 2, function(t, gain) t:normal(0, xavier(t, gain)) end)

  --- nn.init.kaimingUniform(t [, a [, mode [, nonlinearity]]])
  -- nn.init.kaimingNormal(t [, a [, mode [, nonlinearity]]])
  --
  -- Values with standard deviation gain / sqrt(fan), uniform or normal.
  --
  -- t: tensor of at least 2 dimensions: out x in x kernel
  -- a: slope below zero of the leaky ReLU that follows; 0 by default
  -- mode: "fanIn" (default), the number of inputs, or "fanOut"
  -- nonlinearity: as for nn.init.calculateGain; "leakyRelu" by default
  -- Returns: t
  -- Errors: t has fewer dimensions; the mode is another
  -- From: He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015
  -- Example:
  --   math.abs(nn.init.kaimingNormal(torch.zeros(200, 50)):std() - 0.2) < 0.02 --> true
  local function kaiming(name, t, a, mode, nonlinearity)
    local fan_in, fan_out = init.fans(t)
    local fan = (mode == nil or mode == "fanIn") and fan_in or mode == "fanOut" and fan_out
      or raise("nn.init.%s: the mode is '%s', wanted fanIn or fanOut", name, tostring(mode))
    return init.calculateGain(nonlinearity or "leakyRelu", a or 0) / math.sqrt(fan)
  end

  define("kaimingUniform", 2, function(t, ...)
    local bound = math.sqrt(3) * kaiming("kaimingUniform", t, ...)
    t:uniform(-bound, bound)
  end)
  define("kaimingNormal", 2, function(t, ...) t:normal(0, kaiming("kaimingNormal", t, ...)) end)

  --- nn.init.orthogonal(t [, gain])
  --
  -- A random matrix with orthonormal rows, or columns where those are fewer: of size(1) rows and all other
  -- dimensions as columns.
  --
  -- t: tensor of at least 2 dimensions
  -- gain: number that it is multiplied by; 1 by default
  -- Returns: t
  -- Errors: t has fewer dimensions
  -- From: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
  --   neural networks", ICLR 2014
  -- Example:
  --   q = nn.init.orthogonal(torch.zeros(2, 5))
  --   (torch.mm(q, q:t()) - torch.eye(2)):abs():max() < 1e-5 --> true
  define("orthogonal", 2, function(t, gain)
    if t:nElement() == 0 then return end
    local rows = t:size(1)
    local columns = t:nElement() // rows
    local g = torch.DoubleTensor(math.max(rows, columns), math.min(rows, columns)):normal()
    local q, r = torch.qr(g)
    q = torch.cmul(q, torch.sign(torch.diag(r)):view(1, -1):expandAs(q)) -- uniform over all such matrices
    if rows < columns then q = q:t() end
    t:copy((q * (gain or 1)):reshape(table.unpack(t.shape)))
  end)

  --- nn.init.eye(t); nn.init.dirac(t [, groups])
  --
  -- A weight that passes its input on: the identity matrix; or kernels that are 1 in the middle, from each
  -- input to the output of the same number within its group.
  --
  -- t: matrix; for dirac a tensor of 3 to 5 dimensions: out x in x kernel
  -- groups: how many groups of outputs; 1 by default
  -- Returns: t
  -- Errors: t has other dimensions; the groups do not divide the outputs
  -- From: PyTorch
  -- Example:
  --   nn.init.eye(torch.zeros(2, 3)):sum(), nn.init.dirac(torch.zeros(2, 2, 3)):sum() --> 2.0 2.0
  define("eye", 2, function(t)
    if t:dim() > 2 then raise("nn.init.eye: the tensor has %d dimensions, wanted 2", t:dim()) end
    t:copy(torch.eye(t:size(1), t:size(2)))
  end)

  define("dirac", 3, function(t, groups)
    groups = groups or 1
    if t:dim() > 5 then raise("nn.init.dirac: the tensor has %d dimensions, wanted 3 to 5", t:dim()) end
    if t:size(1) % groups ~= 0 then
      raise("nn.init.dirac: %d groups do not divide %d outputs", groups, t:size(1))
    end
    t:zero()
    local outputs = t:size(1) // groups
    for i = 1, t:size(1) do
      local from = (i - 1) % outputs + 1
      if from <= t:size(2) then
        local kernel = t:select(1, i):select(1, from)
        for _ = 3, t:dim() do kernel = kernel:narrow(1, kernel:size(1) // 2 + 1, 1):select(1, 1) end
        kernel:fill(1)
      end
    end
  end)

  --- nn.init.sparse(t, sparsity [, std])
  --
  -- Normal values, with a part of each column zero.
  --
  -- t: matrix
  -- sparsity: the part of zeros, from 0 to 1
  -- std: number, 0.01 by default
  -- Returns: t
  -- Errors: t is no matrix; the sparsity is outside 0 to 1
  -- From: Martens, "Deep learning via Hessian-free optimization", ICML 2010
  -- Example:
  --   nn.init.sparse(torch.ones(4, 3), 0.5):eq(0):sum() --> 6
  define("sparse", 2, function(t, sparsity, std)
    if t:dim() ~= 2 then raise("nn.init.sparse: the tensor has %d dimensions, wanted 2", t:dim()) end
    if type(sparsity) ~= "number" or sparsity < 0 or sparsity > 1 then
      raise("nn.init.sparse: the sparsity is %s, wanted 0 to 1", tostring(sparsity))
    end
    local rows = t:size(1)
    local zeros = math.ceil(sparsity * rows)
    t:normal(0, std or 0.01)
    for column = 1, t:size(2) do
      local order = torch.randperm(rows)
      for i = 1, zeros do t:select(1, order[i]):select(1, column):zero() end
    end
  end)

  --- nn.init.pytorch(model)
  --
  -- Gives the parameters of a model the values that PyTorch's layers start with: as module:reset(), but
  -- for the weights of batch normalisation, which Torch7 starts at random and PyTorch at 1.
  --
  -- model: nn.Module
  -- Returns: the model
  -- Errors: it is no module
  -- From: PyTorch
  -- Example:
  --   nn.init.pytorch(nn.Sequential():add(nn.BatchNormalization(3))):get(1).weight:sum() --> 3.0
  function init.pytorch(model)
    if not torch.isTypeOf(model, "nn.Module") then
      raise("nn.init.pytorch: got a %s, wanted a module", torch.type(model))
    end
    model:reset()
    model:apply(function(m)
      if torch.isTypeOf(m, "nn.BatchNormalization") and m.weight then init.ones(m.weight) end
    end)
    return model
  end
end
