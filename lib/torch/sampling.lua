-- sampling.lua: distributions whose parameters may be tensors, and draws from given things.
--
-- torch.f(parameters.. [, sizes]) gives numbers of the distribution: one number when the parameters are
-- numbers and there are no sizes, else a tensor of the sizes, to which the parameters broadcast; without
-- sizes it has the shape that they broadcast to.  x:f(parameters..) fills x.  A torch.Generator may come
-- before the parameters.

local raise = require("torch.caller").raise

return function(torch)
  local args = require "torch.check"

  -- ---- arguments -----------------------------------------------------------------------------------

  local function is_generator(v)
    return type(v) == "table" and torch.typename(v) == "torch.Generator"
  end

  -- Calls f with the numbers coming from a generator, whose state moves on.
  local function draw_from(generator, f, ...)
    local saved = torch.getRNGState()
    torch.setRNGState(generator.state)
    local result = table.pack(pcall(f, ...))
    generator.state:copy(torch.getRNGState())
    torch.setRNGState(saved)
    if not result[1] then error(result[2], 0) end
    return table.unpack(result, 2, result.n)
  end

  local function with_generator(f)
    return function(first, ...)
      if is_generator(first) then return draw_from(first, f, ...) end
      return f(first, ...)
    end
  end

  local function method_with_generator(f)
    return function(x, first, ...)
      if is_generator(first) then
        return draw_from(first, function(...) return f(x, ...) end, ...)
      end
      return f(x, first, ...)
    end
  end

  local function count(sizes)
    local n = 1
    for _, size in ipairs(sizes) do n = n * size end
    return n
  end

  -- A tensor of a shape, of no particular contents.
  local function blank(sizes, dtype)
    if #sizes == 0 then return torch.scalar(0, dtype) end
    return torch.empty(sizes, dtype)
  end

  local function default_type()
    return torch.getdefaulttensortype()
  end

  -- The type and shape of a result for some parameters: those that the tensors among them broadcast to.
  local function result_like(params)
    local sum
    for _, p in ipairs(params) do
      if torch.isTensor(p) then
        local plain = torch.mul(p:detach(), 0)
        if not args.is_float(plain) then plain = plain:to(torch.getDefaultDtype()) end
        sum = sum and torch.add(sum, plain) or plain
      end
    end
    return sum
  end

  -- ---- distributions -------------------------------------------------------------------------------

  local draws = torch._draws
  draws.functions, draws.methods = {}, {}

  local function each_class(f)
    for name, mt in pairs(torch._metatables) do
      if name:match("^torch%.%w+Tensor$") then f(mt) end
    end
  end

  -- Parameters with their defaults; a missing one without a default is an error.  What comes after the
  -- last of them, or a table or storage in the place of one, is the sizes.
  local function read_params(fn, names, defaults, ...)
    local given, params, sizes = { ... }, {}, nil
    for i = 1, #names + 1 do
      local v = given[i]
      local is_sizes = torch.isStorage(v) or (type(v) == "table" and not torch.isTensor(v))
      if i > #names or is_sizes then
        sizes = v ~= nil and args.new_sizes(fn, v) or nil
        break
      end
      if v ~= nil and type(v) ~= "number" and not torch.isTensor(v) then
        raise("%s: a number or a tensor is wanted as %s, got a %s", fn, names[i], type(v))
      end
      params[i] = v
    end
    for i, name in ipairs(names) do
      if params[i] == nil then params[i] = defaults[i] end
      if params[i] == nil then raise("%s: the %s is missing", fn, name) end
    end
    return params, sizes
  end

  -- fill(x, parameters..) gives x, filled, or a tensor to copy to it.  Adds torch.name and x:name, or,
  -- for a name that is there, what is called when parameters are tensors.
  local function distribution(name, names, defaults, fill)
    local fn = "torch." .. name
    local function into(x, params)
      local y = fill(x, table.unpack(params))
      return rawequal(y, x) and x or x:copy(y)
    end
    local function draw(...)
      local params, sizes = read_params(fn, names, defaults, ...)
      local like = result_like(params)
      if not like and not sizes then return into(torch.scalar(0, "double"), params):item() end
      if not sizes then return into(like, params) end
      return into(blank(sizes, like and like:type() or default_type()), params)
    end
    local function method(x, ...)
      args.tensor(fn, x)
      local params, sizes = read_params(fn, names, defaults, ...)
      if sizes then raise("%s: sizes for a tensor that has its own", fn) end
      return into(x, params)
    end
    draws.functions[name], draws.methods[name] = draw, method
    if rawget(torch, name) then return end
    torch[name] = with_generator(draw)
    each_class(function(mt) mt[name] = method_with_generator(method) end)
  end

  local function kernel(name)
    return function(x, a, b)
      return torch._sample(name, x, a, b)
    end
  end

  -- Fresh numbers of x's shape, of float64, where no draw is so rare that it would be missed.
  local function fresh(x, method, ...)
    local y = torch.zerosLike(x, "float64")
    return y[method](y, ...)
  end

  local function double(p)
    return torch.isTensor(p) and p:to("float64") or p
  end

  -- Every number of a parameter must pass the test; `wanted` says which would.
  local function check_param(fn, what, p, wanted, test, tensor_test)
    local ok
    if torch.isTensor(p) then
      ok = p:nElement() == 0 or tensor_test(p:detach():to("float64")):all()
    else
      ok = test(p)
    end
    if ok ~= true and ok ~= 1 then raise("%s: the %s must be %s", fn, what, wanted) end
  end

  local function check_positive(fn, what, p)
    check_param(fn, what, p, "above 0", function(v) return v > 0 end, function(v) return torch.gt(v, 0) end)
  end

  local function check_not_negative(fn, what, p)
    check_param(fn, what, p, "at least 0", function(v) return v >= 0 end,
      function(v) return torch.ge(v, 0) end)
  end

  -- a + b for numbers and tensors; likewise the others.
  local function plus(a, b)
    return a + b
  end
  local function times(a, b)
    if torch.isTensor(a) and torch.isTensor(b) then return torch.cmul(a, b) end
    return a * b
  end
  local function over(a, b)
    if torch.isTensor(a) and torch.isTensor(b) then return torch.cdiv(a, b) end
    return a / b
  end
  local function half(a) return torch.isTensor(a) and torch.div(a:to("float64"), 2) or a / 2 end

  --- torch.poisson(rate [, sizes])
  --  x:poisson(rate)
  --
  --  Counts of events that happen at a rate.
  --
  --  rate: number or tensor, at least 0
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Errors: a negative rate; the rates do not broadcast to x or the sizes
  --  From: Hoermann 1993
  --  Example:
  --    torch.poisson(torch.zeros(3)):sum() --> 0.0
  distribution("poisson", { "rate" }, {}, kernel("poisson"))

  --- torch.binomial(n, p [, sizes])
  --  x:binomial(n, p)
  --
  --  How many of n trials succeed, each with probability p.
  --
  --  n: number or tensor of trials, up to 2^53
  --  p: number or tensor, 0 to 1
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  From: Hoermann 1993
  --  Example:
  --    torch.binomial(5, 1, { 2 })[1] --> 5.0
  distribution("binomial", { "number of trials", "probability" }, {}, kernel("binomial"))

  --- torch.gamma(shape [, scale [, sizes]])
  --  x:gamma(shape [, scale])
  --  torch.chi2(df [, sizes])
  --  x:chi2(df)
  --
  --  Gamma variates, whose mean is shape * scale; chi-squared variates are those of shape df / 2 and
  --  scale 2.
  --
  --  shape: number or tensor above 0
  --  scale: number or tensor above 0, 1 by default
  --  df: degrees of freedom, number or tensor above 0
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  From: Marsaglia and Tsang 2000
  --  Example:
  --    torch.gamma(2, 1, { 3 }):nElement() --> 3
  distribution("gamma", { "shape", "scale" }, { nil, 1 }, kernel("gamma"))

  distribution("chi2", { "number of degrees of freedom" }, {}, function(x, df)
    return torch._sample("gamma", x, half(df), 2)
  end)

  local function log_gamma(x, shape)
    return torch._sample("logGamma", torch.zerosLike(x, "float64"), shape)
  end

  --- torch.beta(a, b [, sizes])
  --  x:beta(a, b)
  --
  --  Beta variates, between 0 and 1 with mean a / (a + b).
  --
  --  a: number or tensor above 0
  --  b: number or tensor above 0
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Example:
  --    torch.beta(2, 3, { 4 }):max() <= 1 --> true
  distribution("beta", { "first parameter", "second parameter" }, {}, function(x, a, b)
    args.float_tensor("torch.beta", x)
    return torch.sigmoid(log_gamma(x, a) - log_gamma(x, b))
  end)

  --- torch.studentT(df [, loc [, scale [, sizes]]])
  --  x:studentT(df [, loc [, scale]])
  --
  --  Student's t, moved and stretched.
  --
  --  df: degrees of freedom, number or tensor above 0
  --  loc: number or tensor, 0 by default
  --  scale: number or tensor, 1 by default
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Example:
  --    torch.studentT(5, 0, 1, { 2, 3 }):nElement() --> 6
  distribution("studentT", { "number of degrees of freedom", "location", "scale" }, { nil, 0, 1 },
    function(x, df, loc, scale)
      args.float_tensor("torch.studentT", x)
      local mean = torch.isTensor(df) and torch.log(half(df)) or math.log(df > 0 and df / 2 or 1)
      local spread = torch.exp(torch.mul(log_gamma(x, half(df)) - mean, -0.5))
      return plus(times(torch.cmul(fresh(x, "normal"), spread), double(scale)), double(loc))
    end)

  --- torch.laplace([loc [, scale [, sizes]]])
  --  x:laplace([loc [, scale]])
  --  torch.gumbel([loc [, scale [, sizes]]])
  --  x:gumbel([loc [, scale]])
  --
  --  The double exponential distribution, and that of the largest of many.  Differentiable in loc and
  --  scale.
  --
  --  loc: number or tensor, 0 by default
  --  scale: number or tensor, at least 0; 1 by default
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Example:
  --    torch.laplace(3, 0, { 2 })[1] --> 3.0
  distribution("laplace", { "location", "scale" }, { 0, 1 }, function(x, loc, scale)
    args.float_tensor("torch.laplace", x)
    check_not_negative("torch.laplace", "scale", scale)
    return plus(times(fresh(x, "exponential") - fresh(x, "exponential"), double(scale)), double(loc))
  end)

  distribution("gumbel", { "location", "scale" }, { 0, 1 }, function(x, loc, scale)
    args.float_tensor("torch.gumbel", x)
    check_not_negative("torch.gumbel", "scale", scale)
    return plus(times(torch.mul(torch.log(fresh(x, "exponential")), -1), double(scale)), double(loc))
  end)

  --- torch.weibull(shape [, scale [, sizes]])
  --  x:weibull(shape [, scale])
  --
  --  Weibull variates: scale times an exponential variate to the power 1 / shape.  Differentiable in
  --  both.
  --
  --  shape: number or tensor above 0
  --  scale: number or tensor, at least 0; 1 by default
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Example:
  --    torch.weibull(2, 1, { 4 }):min() > 0 --> true
  distribution("weibull", { "shape", "scale" }, { nil, 1 }, function(x, shape, scale)
    args.float_tensor("torch.weibull", x)
    check_positive("torch.weibull", "shape", shape)
    check_not_negative("torch.weibull", "scale", scale)
    local log = torch.log(fresh(x, "exponential"))
    return times(torch.exp(over(log, double(shape))), double(scale))
  end)

  --- torch.halfNormal([std [, sizes]])
  --  x:halfNormal([std])
  --
  --  Absolute values of normal numbers of mean 0.
  --
  --  std: number or tensor, at least 0; 1 by default
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Example:
  --    torch.halfNormal(1, { 4 }):min() >= 0 --> true
  distribution("halfNormal", { "standard deviation" }, { 1 }, function(x, std)
    args.float_tensor("torch.halfNormal", x)
    check_not_negative("torch.halfNormal", "standard deviation", std)
    return times(torch.abs(fresh(x, "normal")), double(std))
  end)

  --- torch.vonMises(mean, concentration [, sizes])
  --  x:vonMises(mean, concentration)
  --
  --  Angles around a mean, from -pi to pi; with concentration 0 all are equally likely.
  --
  --  mean: number or tensor
  --  concentration: number or tensor, at least 0
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  From: Best and Fisher 1979
  --  Example:
  --    torch.vonMises(0, 2, { 5 }):max() <= math.pi --> true
  distribution("vonMises", { "mean", "concentration" }, {}, kernel("vonMises"))

  --- torch.truncatedNormal([mean [, std [, lo [, hi [, sizes]]]]])
  --  x:truncatedNormal([mean [, std [, lo [, hi]]]])
  --
  --  Normal numbers between two bounds.
  --
  --  mean: number or tensor, 0 by default
  --  std: number or tensor above 0, 1 by default
  --  lo: number or tensor, the least number; -2 by default
  --  hi: number or tensor, the largest; 2 by default
  --  sizes: table or LongStorage, the result's shape
  --  Returns: a number or a tensor; x
  --  Errors: lo is above hi
  --  From: Robert 1995
  --  Example:
  --    torch.truncatedNormal(0, 1, 3, 4, { 9 }):min() >= 3 --> true
  distribution("truncatedNormal", { "mean", "standard deviation", "lower bound", "upper bound" },
    { 0, 1, -2, 2 }, function(x, mean, std, lo, hi)
      args.float_tensor("torch.truncatedNormal", x)
      check_positive("torch.truncatedNormal", "standard deviation", std)
      mean, std, lo, hi = double(mean), double(std), double(lo), double(hi)
      local z = torch._sample("truncatedNormal", torch.zerosLike(x, "float64"), over(lo - mean, std),
        over(hi - mean, std))
      return torch.cmin(torch.cmax(plus(times(z, std), mean), lo), hi)
    end)

  -- What torch.normal and the other C functions of random_lua.c call for more than plain numbers.

  distribution("normal", { "mean", "standard deviation" }, { 0, 1 }, function(x, mean, std)
    args.float_tensor("torch.normal", x)
    check_not_negative("torch.normal", "standard deviation", std)
    return plus(times(fresh(x, "normal"), double(std)), double(mean))
  end)

  distribution("logNormal", { "mean", "standard deviation" }, { 1, 2 }, function(x, mean, std)
    args.float_tensor("torch.logNormal", x)
    check_not_negative("torch.logNormal", "standard deviation", std)
    return torch.exp(plus(times(fresh(x, "normal"), double(std)), double(mean)))
  end)

  distribution("uniform", { "lower bound", "upper bound" }, { 0, 1 }, function(x, lo, hi)
    args.float_tensor("torch.uniform", x)
    lo, hi = double(lo), double(hi)
    check_not_negative("torch.uniform", "upper bound less the lower one", hi - lo)
    return plus(times(fresh(x, "uniform"), hi - lo), lo)
  end)

  distribution("exponential", { "rate" }, { 1 }, function(x, rate)
    args.float_tensor("torch.exponential", x)
    check_positive("torch.exponential", "rate", rate)
    return over(fresh(x, "exponential"), double(rate))
  end)

  distribution("cauchy", { "median", "spread" }, { 0, 1 }, function(x, median, spread)
    args.float_tensor("torch.cauchy", x)
    return plus(times(fresh(x, "cauchy"), double(spread)), double(median))
  end)

  local function check_chance(fn, p, open)
    check_param(fn, "probability", p, open and "between 0 and 1" or "from 0 to 1",
      function(v) return v >= 0 and v <= 1 and not (open and (v == 0 or v == 1)) end,
      function(v)
        if open then return torch.cmul(torch.gt(v, 0), torch.lt(v, 1)) end
        return torch.cmul(torch.ge(v, 0), torch.le(v, 1))
      end)
  end

  distribution("geometric", { "probability" }, { 0.5 }, function(x, p)
    check_chance("torch.geometric", p, true)
    local log = torch.isTensor(p) and torch.log(p:detach():to("float64")) or math.log(p)
    return torch.add(torch.floor(torch.mul(over(fresh(x, "exponential"), log), -1)), 1)
  end)

  distribution("bernoulli", { "probability" }, { 0.5 }, function(x, p)
    check_chance("torch.bernoulli", p)
    return torch.lt(fresh(x, "uniform"), torch.isTensor(p) and p:detach():to("float64") or p)
  end)

  -- ---- several numbers at once ---------------------------------------------------------------------

  -- Along the last dimension.
  local function softmax(x, dim)
    local top = torch.max(x:detach(), dim)
    local e = torch.exp(x - torch.expandAs(top, x))
    return torch.cdiv(e, torch.expandAs(torch.sum(e, dim), e))
  end

  local function join(sizes, shape)
    local all = {}
    for _, n in ipairs(sizes) do all[#all + 1] = n end
    for _, n in ipairs(shape) do all[#all + 1] = n end
    return all
  end

  local function shape_of(x, dims)
    local shape = {}
    for d = 1, dims do shape[d] = x:size(d) end
    return shape
  end

  local function check_lines(fn, x)
    if args.float_tensor(fn, x):dim() < 1 then raise("%s: at least one dimension is wanted", fn) end
  end

  --- torch.dirichlet(alpha [, sizes])
  --
  --  Vectors of numbers above 0 that add up to 1.
  --
  --  alpha: tensor above 0; the last dimension is that of the vectors, the others are independent
  --  sizes: table or LongStorage: dimensions in front of alpha's, none by default
  --  Returns: a tensor of alpha's float type
  --  Example:
  --    torch.dirichlet(torch.ones(3), { 2 }):size(1) --> 2
  torch.dirichlet = with_generator(function(alpha, sizes)
    local fn = "torch.dirichlet"
    check_lines(fn, alpha)
    local shape = join(sizes and args.new_sizes(fn, sizes) or {}, shape_of(alpha, alpha:dim()))
    local logs = torch._sample("logGamma", torch.empty(shape, "float64"), alpha)
    if logs:nElement() == 0 then return logs:typeAs(alpha) end
    return softmax(logs, logs:dim()):typeAs(alpha)
  end)

  --- torch.categorical(p [, sizes [, logits]])
  --
  --  Places along the last dimension of p, counted from 1, drawn by their probabilities.
  --
  --  p: float tensor of weights, which need not add up to 1; all dimensions but the last are
  --    independent
  --  sizes: table, number or LongStorage: dimensions in front of the others, none by default
  --  logits: true when p holds logarithms of weights
  --  Returns: an int64 tensor; an integer for a vector p without sizes
  --  From: PyTorch
  --  Example:
  --    torch.categorical(torch.Tensor { 0, 1, 0 }) --> 2
  torch.categorical = with_generator(function(p, sizes, logits)
    local fn = "torch.categorical"
    check_lines(fn, p)
    local dims = p:dim()
    local front, batch = sizes and args.new_sizes(fn, sizes) or {}, shape_of(p, dims - 1)
    local shape, n, rows = join(front, batch), count(front), count(batch)
    if n * rows == 0 then return torch.empty(shape, "int64") end
    local w = p:detach():to("float64")
    if logits then w = softmax(w, dims) end
    local drawn = torch.multinomial(torch.reshape(w, rows, p:size(dims)), n, true)
    if #shape == 0 then return drawn[1][1] end
    return torch.reshape(drawn:t(), table.unpack(shape))
  end)

  --- torch.gumbelSoftmax(logits [, tau [, hard [, dim]]])
  --
  --  A draw of a category in a form with a derivative: the softmax of the logits with Gumbel noise, at
  --  temperature tau.
  --
  --  logits: float tensor
  --  tau: above 0, 1 by default
  --  hard: true for a result of one 1 and otherwise 0, with the derivative of the soft one
  --  dim: the dimension of the categories, the last by default
  --  Returns: a tensor of the logits' shape
  --  From: Jang, Gu and Poole 2017, as in PyTorch
  --  Example:
  --    torch.gumbelSoftmax(torch.zeros(2, 3), 1, true):sum() --> 2.0
  torch.gumbelSoftmax = with_generator(function(logits, tau, hard, dim)
    local fn = "torch.gumbelSoftmax"
    tau = tau or 1
    check_lines(fn, logits)
    if type(tau) ~= "number" or tau <= 0 or tau ~= tau then raise("%s: a tau above 0 is wanted", fn) end
    local d = args.dim_of(fn, logits:dim(), dim or -1)
    if logits:nElement() == 0 then return logits:clone() end
    local noise = torch.mul(torch.log(fresh(logits, "exponential")), -1):typeAs(logits)
    local soft = softmax(torch.div(logits + noise, tau), d)
    if not hard then return soft end
    local _, places = torch.max(soft:detach(), d)
    local one = torch.zerosLike(soft):scatter(d, places, 1)
    return soft + (one - soft:detach())
  end)

  -- ---- draws from what is given --------------------------------------------------------------------

  local function shuffled(fn, x, dim)
    if args.tensor(fn, x):nElement() == 0 then return x:clone() end
    local d = args.dim_of(fn, x:dim(), dim or 1)
    return x:index(d, torch.randperm(x:size(d)):to("int64"))
  end

  --- torch.shuffle(x [, dim])
  --  x:shuffle([dim])
  --  torch.permutation(x [, dim])
  --
  --  The slices along a dimension in a random order.  torch.shuffle and torch.permutation give a new
  --  tensor, the method changes x.  torch.permutation of a number n is torch.randperm(n).
  --
  --  x: tensor; for permutation also a number
  --  dim: the first dimension by default
  --  Returns: a tensor of x's shape
  --  From: NumPy
  --  Example:
  --    torch.shuffle(torch.range(1, 4)):sum() --> 10.0
  torch.shuffle = with_generator(function(x, dim) return shuffled("torch.shuffle", x, dim) end)

  torch.permutation = with_generator(function(x, dim)
    if type(x) ~= "number" then return shuffled("torch.permutation", x, dim) end
    return torch.randperm(args.whole("torch.permutation", "number", x, 0)):to("int64")
  end)

  each_class(function(mt)
    mt.shuffle = method_with_generator(function(x, dim)
      return args.tensor("torch.shuffle", x):copy(shuffled("torch.shuffle", x:detach(), dim))
    end)
  end)

  local function drawn_places(n, total, replace, p)
    if p then return torch.multinomial(p:detach():to("float64"), total, replace) end
    if replace then return torch.empty({ total }, "int64"):random(1, n) end
    return torch.randperm(n):to("int64"):narrow(1, 1, total):clone()
  end

  --- torch.choice(from [, sizes [, replace [, p]]])
  --
  --  Random ones of the numbers 1 to n, or of a tensor's slices along its first dimension.
  --
  --  from: a number n, or a tensor
  --  sizes: number, table or LongStorage: the shape of the draws; one draw by default
  --  replace: false to draw none twice; true by default
  --  p: weights of the places, a vector or a table; all alike by default
  --  Returns: an int64 tensor, or the tensor's slices with `sizes` as first dimensions; without sizes
  --    an integer, or what from[i] gives
  --  Errors: more draws than places without replacement
  --  From: NumPy
  --  Example:
  --    torch.choice(5, 5, false):sum() --> 15
  torch.choice = with_generator(function(from, sizes, replace, p)
    local fn = "torch.choice"
    local source = torch.isTensor(from) and from or nil
    if source and source:dim() < 1 then raise("%s: a tensor without elements to choose from", fn) end
    local n = args.whole(fn, "number of places", source and source:size(1) or from, 1)
    local shape = sizes ~= nil and args.new_sizes(fn, sizes) or { 1 }
    local total = count(shape)
    if replace == nil then replace = true end
    if not replace and total > n then raise("%s: %d draws from %d without replacement", fn, total, n) end
    if type(p) == "table" then
      for _, w in ipairs(p) do
        if type(w) ~= "number" then raise("%s: a %s among the weights", fn, type(w)) end
      end
      p = torch.DoubleTensor(p)
    end
    if p ~= nil and (not torch.isTensor(p) or p:dim() ~= 1 or p:size(1) ~= n) then
      raise("%s: a vector of %d weights is wanted", fn, n)
    end
    local slice = source and { table.unpack(source.shape, 2) } or {}
    if total == 0 then return torch.empty(join(shape, slice), source and source:type() or "int64") end
    local places = drawn_places(n, total, replace, p)
    if sizes == nil then return source and source[places[1]] or places[1] end
    if not source then return torch.reshape(places, table.unpack(shape)) end
    return torch.reshape(source:index(1, args.beside(source, places)), table.unpack(join(shape, slice)))
  end)

  -- ---- whole numbers, and the shapes of others -----------------------------------------------------

  local function check_range(fn, low, high)
    low, high = args.whole(fn, "lower end", low), args.whole(fn, "upper end", high)
    if low >= high then raise("%s: no numbers from %d up to, but without, %d", fn, low, high) end
    return low, high
  end

  --- torch.randint([low,] high, sizes.. [, type])
  --
  --  Whole numbers from `low` up to, but without, `high`.  (x:random(a, b) includes both ends.)
  --
  --  low: 0 by default, when sizes are given as a table
  --  high: above low
  --  sizes: numbers, a table or a LongStorage
  --  type: name of a type, int64 by default
  --  Returns: a tensor
  --  From: PyTorch
  --  Example:
  --    torch.randint(5, 6, 2, 2):sum() --> 20
  torch.randint = with_generator(function(...)
    local fn, given = "torch.randint", { ... }
    local dtype = type(given[#given]) == "string" and args.type_name(fn, table.remove(given)) or "int64"
    if type(given[2]) ~= "number" then table.insert(given, 1, 0) end
    if type(given[2]) ~= "number" or given[3] == nil then
      raise("%s: ([low,] high, sizes) is wanted", fn)
    end
    local low, high = check_range(fn, given[1], given[2])
    local sizes = type(given[3]) == "number" and { table.unpack(given, 3) } or given[3]
    return blank(args.new_sizes(fn, sizes), dtype):random(low, high - 1)
  end)

  --- torch.randLike(x [, type])
  --  torch.randnLike(x [, type])
  --  torch.randintLike(x [, low], high)
  --
  --  Numbers as torch.rand, torch.randn and torch.randint give them, in a new tensor of x's shape and
  --  device.
  --
  --  x: tensor
  --  type: name of a float type, that of x by default
  --  low: 0 by default
  --  high: above low
  --  Returns: a tensor, from randintLike of x's type
  --  From: PyTorch
  --  Example:
  --    torch.randLike(torch.zeros(2, 3)):nElement() --> 6
  torch.randLike = with_generator(function(x, dtype)
    local fn = "torch.randLike"
    return torch.emptyLike(args.tensor(fn, x), args.type_name(fn, dtype)):uniform()
  end)

  torch.randnLike = with_generator(function(x, dtype)
    local fn = "torch.randnLike"
    return torch.emptyLike(args.tensor(fn, x), args.type_name(fn, dtype)):normal()
  end)

  torch.randintLike = with_generator(function(x, low, high)
    local fn = "torch.randintLike"
    if high == nil then low, high = 0, low end
    low, high = check_range(fn, low, high)
    return torch.emptyLike(args.tensor(fn, x)):random(low, high - 1)
  end)
end
