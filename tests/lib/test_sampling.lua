-- test_sampling: distributions against their distribution functions (Kolmogorov and Smirnov's test, and
-- chi-squared for counts), their arguments, and draws from given things.  All seeds are fixed.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local N = 40000

-- ---- distribution functions ----------------------------------------------------------------

-- 1.95 / sqrt(N) is exceeded by one sample in a thousand; the seeds are such that none is.
local function check_cdf(what, x, cdf)
  local sorted = torch.sort(x:double())
  local n = sorted:nElement()
  local expected = cdf(sorted)
  local above = torch.arange(1, n + 1):double() / n
  local d = math.max((above - expected):max(), (expected - above):max() + 1 / n)
  tester:assert(d < 1.95 / math.sqrt(n), ("%s: a distance of %g"):format(what, d * math.sqrt(n)))
end

local function normal_cdf(x)
  return torch.mul(torch.erfc(x * -math.sqrt(0.5)), 0.5)
end

local function exponential_cdf(x)
  return torch.mul(torch.expm1(-x), -1)
end

-- The integral of a density on a fine grid, by the trapezium rule, as a function.
local function integral(density, lo, hi)
  local n = 20000
  local x = torch.linspace(torch.DoubleTensor(), lo, hi, n + 1)
  local p = density(x)
  local sums = torch.cumsum(p) - (p + p[1]) / 2
  sums = sums / sums[n + 1]
  return function(v)
    local place = torch.clamp((v - lo) * (n / (hi - lo)), 0, n - 1e-6)
    local below = torch.floor(place)
    local first = sums:index(1, below:long() + 1)
    local second = sums:index(1, below:long() + 2)
    return first + torch.cmul(second - first, place - below)
  end
end

local function vonmises_cdf(kappa)
  return integral(function(x) return torch.exp((torch.cos(x) - 1) * kappa) end, -math.pi, math.pi)
end

function tests.continuous_distributions()
  torch.manualSeed(4)
  local size = { N }
  local function truncated(a, b)
    local lo, hi = normal_cdf(torch.DoubleTensor { a })[1], normal_cdf(torch.DoubleTensor { b })[1]
    return function(x) return (normal_cdf(x) - lo) / (hi - lo) end
  end
  local cauchy = function(x) return torch.atan(x) / math.pi + 0.5 end
  torch.setdefaulttensortype("torch.DoubleTensor")
  local cases = {
    { "gamma(1)", torch.gamma(1, 1, size), exponential_cdf },
    { "gamma(2, 3)", torch.gamma(2, 3, size) / 3,
      function(x) return torch.cmul(torch.exp(-x), x + 1) * -1 + 1 end },
    { "gamma(1/2)", torch.gamma(0.5, 1, size), function(x) return torch.erf(torch.sqrt(x)) end },
    { "gamma(8.5)", torch.gamma(8.5, 1, size),
      integral(function(x) return torch.cmul(torch.pow(x, 7.5), torch.exp(-x)) end, 0, 60) },
    { "chi2(2)", torch.chi2(2, size), function(x) return exponential_cdf(x / 2) end },
    { "beta(2, 1)", torch.beta(2, 1, size), torch.square },
    { "beta(1/2, 1/2)", torch.beta(0.5, 0.5, size),
      function(x) return torch.asin(torch.sqrt(x)) * (2 / math.pi) end },
    { "studentT(1)", torch.studentT(1, 0, 1, size), cauchy },
    { "studentT(2)", (torch.studentT(2, 3, 2, size) - 3) / 2,
      function(x) return torch.cdiv(x, torch.sqrt(torch.square(x) + 2)) / 2 + 0.5 end },
    { "laplace", (torch.laplace(1, 2, size) - 1) / 2, function(x)
      return torch.where(torch.lt(x, 0), torch.exp(x) / 2, torch.exp(-x) * -0.5 + 1)
    end },
    { "gumbel", (torch.gumbel(1, 2, size) - 1) / 2, function(x) return torch.exp(-torch.exp(-x)) end },
    { "weibull(3, 2)", torch.weibull(3, 2, size),
      function(x) return exponential_cdf(torch.pow(x / 2, 3)) end },
    { "halfNormal(2)", torch.halfNormal(2, size), function(x) return torch.erf(x / math.sqrt(8)) end },
    { "vonMises(0)", torch.vonMises(0, 0, size), vonmises_cdf(0) },
    { "vonMises(0.3)", torch.vonMises(0, 0.3, size), vonmises_cdf(0.3) },
    { "vonMises(7)", torch.vonMises(0, 7, size), vonmises_cdf(7) },
    { "vonMises(1e9)", torch.vonMises(0, 1e9, size) * math.sqrt(1e9), normal_cdf },
    { "truncatedNormal", torch.truncatedNormal(0, 1, -2, 2, size), truncated(-2, 2) },
    { "truncatedNormal, narrow", torch.truncatedNormal(0, 1, 0.5, 0.7, size), truncated(0.5, 0.7) },
    { "truncatedNormal, tail", torch.truncatedNormal(0, 1, -9, -2, size), truncated(-9, -2) },
    { "truncatedNormal, one side", torch.truncatedNormal(0, 1, -0.1, 1 / 0, size), truncated(-0.1, 1 / 0) },
    { "truncatedNormal, moved", (torch.truncatedNormal(5, 2, 4, 8, size) - 5) / 2, truncated(-0.5, 1.5) },
    { "normal", (torch.normal(5, 2, size) - 5) / 2, normal_cdf },
    { "logNormal", torch.log(torch.logNormal(0, 1, size)), normal_cdf },
    { "uniform", torch.uniform(2, 4, size) / 2 - 1, function(x) return x end },
    { "exponential", torch.exponential(2, size) * 2, exponential_cdf },
    { "cauchy", (torch.cauchy(1, 3, size) - 1) / 3, cauchy },
    { "dirichlet", torch.dirichlet(torch.ones(2), size):select(2, 1), function(x) return x end },
  }
  torch.setdefaulttensortype("torch.FloatTensor")
  for _, case in ipairs(cases) do check_cdf(table.unpack(case)) end
end

-- ---- counts ----------------------------------------------------------------

-- The chi-squared statistic of counts within the range where at least five are expected, against the
-- bound that one sample in a thousand exceeds (Wilson and Hilferty's approximation).
local function check_counts(what, x, log_chance, lo, hi)
  local n, statistic, bins, rest, rest_seen = x:nElement(), 0, 0, x:nElement(), x:nElement()
  local seen = torch.histc(x:double(), hi - lo + 1, lo - 0.5, hi + 0.5)
  for k = lo, hi do
    local expected = n * math.exp(log_chance(k))
    if expected >= 5 then
      statistic = statistic + (seen[k - lo + 1] - expected) ^ 2 / expected
      bins, rest, rest_seen = bins + 1, rest - expected, rest_seen - seen[k - lo + 1]
    end
  end
  if rest >= 5 then
    statistic, bins = statistic + (rest_seen - rest) ^ 2 / rest, bins + 1
  else
    tester:assert(rest_seen < 30, what .. ": too many far away")
  end
  local f = bins - 1
  local bound = f * (1 - 2 / (9 * f) + 3.1 * math.sqrt(2 / (9 * f))) ^ 3
  tester:assert(bins > 1 and statistic < bound, ("%s: %g in %d bins"):format(what, statistic, bins))
end

local function lgamma(v)
  return torch.lgamma(torch.DoubleTensor { v })[1]
end

function tests.counts()
  torch.manualSeed(5)
  for _, rate in ipairs { 0.2, 3, 9.9, 10.1, 40, 400 } do
    local x = torch.poisson(rate, { N })
    local spread = math.ceil(8 * math.sqrt(rate) + 8)
    check_counts("poisson " .. rate, x, function(k) return k * math.log(rate) - rate - lgamma(k + 1) end,
      math.max(0, math.floor(rate) - spread), math.floor(rate) + spread)
  end
  local binomials = { { 5, 0.5 }, { 1000, 0.003 }, { 1000, 0.4 }, { 60, 0.8 }, { 25, 0.97 }, { 10000, 0.01 } }
  for _, c in ipairs(binomials) do
    local n, p = c[1], c[2]
    local spread = math.ceil(8 * math.sqrt(n * p * (1 - p)) + 8)
    local middle = math.floor(n * p)
    check_counts(("binomial %d, %g"):format(n, p), torch.binomial(n, p, { N }), function(k)
      return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p)
    end, math.max(0, middle - spread), math.min(n, middle + spread))
  end
  check_counts("geometric", torch.geometric(0.6, { N }),
    function(k) return math.log(0.4) + (k - 1) * math.log(0.6) end, 1, 60)
  check_counts("randint", torch.randint(-2, 9, { N }), function() return -math.log(11) end, -2, 8)
  local p = torch.Tensor { 1, 0, 3, 4 }
  local chance = function(k) return k == 2 and -1e9 or math.log(p[k] / 8) end
  check_counts("categorical", torch.categorical(p, N), chance, 1, 4)
  check_counts("categorical of logits", torch.categorical(torch.log(p) + 7, N, true), chance, 1, 4)
  check_counts("choice by weights", torch.choice(4, N, true, { 1, 0, 3, 4 }), chance, 1, 4)
  check_counts("choice", torch.choice(6, N), function() return -math.log(6) end, 1, 6)
  local hard = torch.gumbelSoftmax(torch.log(p):view(1, 4):expand(N, 4), 0.5, true)
  local _, place = torch.max(hard, 2)
  check_counts("gumbelSoftmax", place:view(-1), chance, 1, 4)
end

function tests.extreme_parameters()
  torch.manualSeed(6)
  tester:eq(torch.poisson(0), 0)
  tester:eq(torch.binomial(0, 0.5), 0)
  tester:eq(torch.binomial(7, 0), 0)
  tester:eq(torch.binomial(7, 1), 7)
  local function mean_near(x, mean, std, what)
    x = x:double()
    tester:assert(math.abs(x:mean() - mean) < 5 * std / math.sqrt(x:nElement()), what .. ": " .. x:mean())
    tester:assert(math.abs(x:std() / std - 1) < 0.1, what .. ": a spread of " .. x:std())
  end
  for _, rate in ipairs { 1e6, 1e9, 1e14 } do
    mean_near(torch.DoubleTensor(4000):poisson(rate), rate, math.sqrt(rate), "poisson")
  end
  mean_near(torch.DoubleTensor(4000):binomial(2 ^ 53, 0.5), 2 ^ 52, 2 ^ 25.5, "binomial")
  mean_near(torch.DoubleTensor(4000):binomial(1e12, 1e-12), 1, 1, "binomial")
  mean_near(torch.DoubleTensor(4000):gamma(1e10), 1e10, 1e5, "gamma")
  local tiny = torch.DoubleTensor(1000):beta(1e-3, 1e-3)
  tester:assert(torch.eq(tiny, tiny):all() and tiny:min() >= 0 and tiny:max() <= 1, "no NaN")
  local d = torch.dirichlet(torch.DoubleTensor(5):fill(1e-3), { 100 })
  tester:assert(torch.abs(torch.sum(d, 2) - 1):max() < 1e-12, "the sum of a dirichlet draw")
  local t = torch.truncatedNormal(0, 1, 30, 31, { 1000 })
  tester:assert(t:min() >= 30 and t:max() < 30.5, "far out in the tail")
  tester:eq(torch.truncatedNormal(0, 1, 2, 2), 2)
end

-- ---- arguments ----------------------------------------------------------------

local every = {
  poisson = { 3 }, binomial = { 10, 0.3 }, gamma = { 2, 3 }, chi2 = { 3 }, beta = { 2, 3 },
  studentT = { 5, 1, 2 }, laplace = { 1, 2 }, gumbel = { 1, 2 }, weibull = { 2, 3 }, halfNormal = { 2 },
  vonMises = { 1, 2 }, truncatedNormal = { 0, 1, -1, 2 }, normal = { 1, 2 }, uniform = { 1, 2 },
  exponential = { 2 }, cauchy = { 1, 2 }, logNormal = { 0, 1 }, geometric = { 0.5 }, bernoulli = { 0.3 },
}

-- Each parameter as a tensor.
local function as_tensors(params)
  local list = {}
  for i, p in ipairs(params) do list[i] = torch.DoubleTensor(3, 1):fill(p) end
  return list
end

function tests.forms()
  for name, params in pairs(every) do
    local f = torch[name]
    torch.manualSeed(7)
    tester:eq(type(f(table.unpack(params))), "number", name)
    local sized = { table.unpack(params) }
    sized[#sized + 1] = { 2, 3 }
    local y = f(table.unpack(sized))
    tester:eq(y.shape, { 2, 3 }, name)
    tester:eq(y:type(), torch.getdefaulttensortype(), name)
    sized[#sized] = torch.LongStorage { 4 }
    tester:eq(f(table.unpack(sized)).shape, { 4 }, name)
    local tensors = as_tensors(params)
    y = f(table.unpack(tensors))
    tester:eq(y.shape, { 3, 1 }, name)
    tester:eq(y.dtype, "float64", name)
    tensors[#tensors + 1] = { 2, 3, 5 }
    tester:eq(f(table.unpack(tensors)).shape, { 2, 3, 5 }, name)
    sized[#sized] = { 0 }
    tester:eq(f(table.unpack(sized)):nElement(), 0, name)
    local generator = torch.Generator()
    local a = f(generator, table.unpack(params))
    torch.manualSeed(8)
    local b = torch.rand(1)
    tester:assert(f(generator, table.unpack(params)) ~= nil, name)
    torch.manualSeed(8)
    f(generator, table.unpack(params))
    tester:eq(torch.rand(1), b, "the other generator has not moved, " .. name)
    tester:eq(type(a), "number", name)
  end
end

function tests.every_float_type_and_strided_targets()
  for name, params in pairs(every) do
    local reference
    for _, kind in ipairs { "float64", "float32", "float16", "bfloat16" } do
      torch.manualSeed(9)
      local x = torch.zeros(6, 50, kind)
      tester:eq(torch.pointer(x[name](x, table.unpack(params))), torch.pointer(x), name)
      reference = reference or x
      local apart = torch.abs(x:double() - reference)
      -- uniform, bernoulli and so on of one number draw other bits for other types
      if not ({ normal = 1, uniform = 1, exponential = 1, cauchy = 1, logNormal = 1, geometric = 1,
        bernoulli = 1 })[name] then
        local bound = torch.abs(reference) * (kind == "bfloat16" and 0.01 or 2e-3) + 1e-4
        tester:assert(torch.le(apart, bound):all(), name .. " of " .. kind)
      end
      tester:assert(torch.eq(x, x):all(), name .. " of " .. kind)
    end
    for _, with in ipairs { params, as_tensors(params) } do
      torch.manualSeed(10)
      local plain = torch.zeros(3, 8, "float64")
      plain[name](plain, table.unpack(with))
      torch.manualSeed(10)
      local wide = torch.zeros(8, 6, "float64")
      local target = wide:t()[{ { 1, 6, 2 } }]
      target[name](target, table.unpack(with))
      tester:assert(torch.equal(target:clone(), plain), name .. " in steps")
      tester:eq(wide:select(2, 2):sum(), 0, "nothing between")
    end
  end
  for _, kind in ipairs { "uint8", "int8", "int16", "int32", "int64" } do
    local x = torch.zeros(2000, kind):poisson(3)
    tester:assert(math.abs(x:double():mean() - 3) < 0.3, kind)
    tester:assert(torch.zeros(9, kind):binomial(5, 0.5):max() <= 5, kind)
  end
end

function tests.threads_make_no_difference()
  local threads = torch.getnumthreads()
  for name, params in pairs(every) do
    local results = {}
    for i, n in ipairs { 1, 2 } do
      torch.setnumthreads(n)
      torch.manualSeed(11)
      results[i] = torch.zeros(50000, "float64")
      results[i][name](results[i], table.unpack(params))
    end
    tester:assert(torch.equal(results[1], results[2]), name)
  end
  torch.setnumthreads(threads)
end

function tests.an_element_depends_on_its_place_alone()
  torch.manualSeed(12)
  local long = torch.zeros(5000):gamma(0.7)
  torch.manualSeed(12)
  local short = torch.zeros(100):gamma(0.7)
  tester:assert(torch.equal(long:narrow(1, 1, 100), short))
  tester:assert(not torch.equal(torch.zeros(100):gamma(0.7), short), "and the next ones are others")
end

function tests.parameters_broadcast()
  torch.manualSeed(13)
  local rates = torch.Tensor { { 0 }, { 1000 } }
  local x = torch.zeros(2, 500):poisson(rates)
  tester:eq(x[1]:max(), 0)
  tester:assert(x[2]:min() > 800 and x[2]:max() < 1200)
  local y = torch.normal(torch.Tensor { 0, 100 }, torch.Tensor { { 1 }, { 0 } })
  tester:eq(y.shape, { 2, 2 })
  tester:eq(y[2][2], 100)
  local z = torch.binomial(torch.Tensor { 5, 50 }, 1)
  tester:eq(z, torch.Tensor { 5, 50 })
  tester:eq(torch.bernoulli(torch.Tensor { 0, 1, 1 }), torch.Tensor { 0, 1, 1 })
end

function tests.differentiable_ones()
  local cases = {
    normal = 2, laplace = 2, gumbel = 2, weibull = 2, uniform = 2, logNormal = 2, exponential = 1,
    halfNormal = 1,
  }
  for name, count in pairs(cases) do
    local params = { torch.DoubleTensor { 1.2, 0.7 }, torch.DoubleTensor { 2, 1.5 } }
    local ok, why = torch.gradcheck(function(...)
      torch.manualSeed(14)
      return torch[name](...)
    end, { table.unpack(params, 1, count) }, { second = true })
    tester:assert(ok, name .. ": " .. tostring(why))
  end
  torch.manualSeed(15)
  local logits = torch.randn(3, 4):double()
  local ok, why = torch.gradcheck(function(a)
    torch.manualSeed(16)
    return torch.gumbelSoftmax(a, 0.7)
  end, { logits }, { second = true })
  tester:assert(ok, tostring(why))
  local leaf = logits:detach():clone():requireGrad()
  torch.square(torch.gumbelSoftmax(leaf, 1, true)):sum():backward()
  tester:assert(torch.abs(leaf.grad):sum() > 0, "hard draws pass a gradient")
end

function tests.errors()
  local x = torch.zeros(3)
  for pattern, list in pairs {
    ["a rate of"] = {
      function() x:poisson(-1) end, function() torch.poisson(0 / 0) end, function() torch.poisson(1 / 0) end,
      function() torch.poisson(torch.Tensor { 1, -1 }) end,
    },
    ["a shape of"] = {
      function() x:gamma(0) end, function() torch.gamma(-1) end, function() x:beta(1, 0) end,
    },
    ["a scale of"] = { function() x:gamma(1, -1) end },
    ["number of trials of"] = { function() x:binomial(-1, 0.5) end, function() x:binomial(2.5, 0.5) end },
    ["a probability of"] = { function() x:binomial(5, 1.5) end, function() x:binomial(5, 0 / 0) end },
    ["a concentration of"] = { function() x:vonMises(0, -1) end },
    ["lower bound"] = { function() x:truncatedNormal(0, 1, 3, 2) end },
    ["deviation must be"] = {
      function() torch.normal(torch.ones(2), -1) end, function() x:truncatedNormal(0, 0) end,
      function() x:halfNormal(-1) end,
    },
    ["probability must be"] = {
      function() torch.bernoulli(torch.Tensor { 2 }) end, function() torch.geometric(torch.Tensor { 1 }) end,
    },
    ["scale must be"] = { function() x:laplace(0, -1) end, function() x:weibull(1, -1) end },
    ["is missing"] = {
      function() torch.poisson() end, function() x:binomial(5) end, function() x:beta(1) end,
    },
    ["float tensor is wanted"] = {
      function() torch.IntTensor(2):gamma(1) end, function() torch.IntTensor(2):laplace() end,
      function() torch.dirichlet(torch.ones(2, "int32")) end,
      function() torch.categorical(torch.LongTensor { 1 }) end,
    },
    ["for a result of shape"] = { function() x:poisson(torch.ones(2, 3)) end },
    ["broadcast"] = { function() x:poisson(torch.ones(2)) end },
    ["number or a tensor"] = { function() torch.poisson("x") end, function() x:gamma(true) end },
    ["whole number"] = {
      function() torch.poisson(1, { -1 }) end, function() torch.choice(0) end,
      function() torch.choice(2.5) end,
      function() torch.randint(0, 1.5, 3) end, function() torch.permutation(-1) end,
    },
    ["without replacement"] = { function() torch.choice(3, 4, false) end },
    ["3 weights"] = { function() torch.choice(3, 4, true, { 1, 2 }) end },
    ["no numbers from"] = {
      function() torch.randint(3, 3, { 2 }) end, function() torch.randintLike(x, 0) end,
    },
    ["sizes%) is wanted"] = { function() torch.randint(3) end, function() torch.randint(3, 4) end },
    ["tau"] = { function() torch.gumbelSoftmax(x, 0) end },
    ["no tensor type"] = { function() torch.randLike(x, "float3") end },
  } do
    for i, f in ipairs(list) do
      tester:assertErrorPattern(f, pattern, ("'%s', %d"):format(pattern, i))
      local _, message = pcall(f)
      local has_place = tostring(message):find("test_sampling.lua", 1, true) ~= nil
      tester:assert(has_place, "no position: " .. tostring(message))
    end
  end
end

-- ---- draws from what is given ----------------------------------------------------------------

function tests.choices()
  torch.manualSeed(17)
  local x = torch.range(1, 12):view(4, 3)
  local some = torch.choice(x, 3, false)
  tester:eq(some.shape, { 3, 3 })
  tester:eq(torch.sort(torch.choice(10, 10, false)), torch.range(1, 10):long())
  tester:eq(torch.choice(x, { 2, 5 }).shape, { 2, 5, 3 })
  tester:eq(torch.choice(9, { 2, 2 }).dtype, "int64")
  tester:eq(math.type(torch.choice(9)), "integer")
  tester:eq(torch.choice(x):nElement(), 3)
  tester:eq(torch.choice(5, 2, false, { 0, 1, 0, 1, 0 }):sum(), 6)
  tester:eq(torch.choice(x, 0).shape, { 0, 3 })
  tester:eq(torch.choice(4, { 0 }):nElement(), 0)
end

function tests.shuffles()
  torch.manualSeed(18)
  local x = torch.range(1, 40):view(10, 4)
  local y = torch.shuffle(x)
  tester:assert(not torch.equal(x, y))
  tester:eq(torch.sort(y, 1), x)
  local z = torch.permutation(x, 2)
  tester:eq(torch.sort(z, 2), x)
  local w = x:clone()
  tester:eq(torch.pointer(w:shuffle()), torch.pointer(w))
  tester:eq(torch.sort(w, 1), x)
  tester:eq(torch.sort(torch.permutation(7)), torch.range(1, 7):long())
  tester:eq(torch.shuffle(torch.zeros(0)):nElement(), 0)
  local counts = torch.zeros(3, 3)
  for _ = 1, 3000 do
    local p = torch.shuffle(torch.range(1, 3))
    for i = 1, 3 do counts[i][p[i]] = counts[i][p[i]] + 1 end
  end
  tester:assert(counts:min() > 880 and counts:max() < 1120, "every place is as likely")
end

function tests.categories()
  torch.manualSeed(19)
  local p = torch.Tensor { { { 1, 0 }, { 0, 1 }, { 1, 1 } } } -- 1x3x2
  local y = torch.categorical(p, { 4, 5 })
  tester:eq(y.shape, { 4, 5, 1, 3 })
  tester:eq(y:select(4, 1):max(), 1)
  tester:eq(y:select(4, 2):min(), 2)
  tester:eq(torch.categorical(p).shape, { 1, 3 })
  tester:eq(torch.categorical(torch.Tensor { 0, 0, 1 }), 3)
  tester:eq(torch.categorical(torch.zeros(0, 3)).shape, { 0 })
  tester:eq(torch.dirichlet(torch.ones(2, 3), { 4 }).shape, { 4, 2, 3 })
  local soft = torch.gumbelSoftmax(torch.randn(3, 4), 1, false, 1)
  tester:assert(torch.abs(torch.sum(soft, 1) - 1):max() < 1e-6)
end

function tests.shapes_of_others()
  local x = torch.zeros(2, 3, "float64")
  tester:eq(torch.randLike(x).dtype, "float64")
  tester:eq(torch.randnLike(x, "float32").dtype, "float32")
  tester:eq(torch.randintLike(torch.zeros(2, 3, "int16"), 3, 4), torch.ShortTensor(2, 3):fill(3))
  tester:eq(torch.randint(3, { 2, 2 }).shape, { 2, 2 })
  tester:eq(torch.randint(1, 2, 2, 3), torch.LongTensor(2, 3):fill(1))
  tester:eq(torch.randint(1, 2, { 2 }, "float32").dtype, "float32")
end

-- ---- creation ----------------------------------------------------------------

function tests.creation()
  local x = torch.zeros(2, 3, "int32")
  tester:eq(torch.fullLike(x, 7), torch.IntTensor(2, 3):fill(7))
  tester:eq(torch.fullLike(x, 0.5, "float64"), torch.DoubleTensor(2, 3):fill(0.5))
  tester:eq(torch.emptyLike(x).dtype, "int32")
  tester:eq(torch.emptyLike(x:t(), "float32").shape, { 3, 2 })
  tester:eq(torch.zerosLike(x, "float64").dtype, "float64")
  tester:eq(torch.onesLike(torch.scalar(3)):item(), 1)
  tester:eq(torch.empty(2, 3).shape, { 2, 3 })
  tester:eq(torch.empty({ 4 }, "int64").dtype, "int64")
  tester:eq(torch.logspace(0, 3, 4, 2), torch.Tensor { 1, 2, 4, 8 })
  tester:eq(torch.logspace(torch.DoubleTensor(), 0, 2, 3), torch.DoubleTensor { 1, 10, 100 })
  tester:assert(torch.abs(torch.geomspace(1, 1000, 4) - torch.Tensor { 1, 10, 100, 1000 }):max() < 1e-3)
  tester:eq(torch.geomspace(-1, -4, 3)[2], -2)
  tester:eq(torch.geomspace(3, 5, 1), torch.Tensor { 3 })
  tester:eq(torch.tri(3, 3, -1), torch.Tensor { { 0, 0, 0 }, { 1, 0, 0 }, { 1, 1, 0 } })
  tester:eq(torch.tri(2, 3, 1, "int32"), torch.IntTensor { { 1, 1, 0 }, { 1, 1, 1 } })
  tester:eq(torch.identity(2, "int64"), torch.LongTensor { { 1, 0 }, { 0, 1 } })
  tester:eq(torch.eye(2, 3), torch.Tensor { { 1, 0, 0 }, { 0, 1, 0 } })
  tester:eq(torch.fromfunction(function(i, j) return i * 10 + j end, { 2, 2 }),
    torch.Tensor { { 11, 12 }, { 21, 22 } })
  for _, f in ipairs {
    function() torch.geomspace(-1, 1) end, function() torch.geomspace(0, 1) end, function() torch.tri(-1) end,
    function() torch.fromfunction(3, { 2 }) end, function() torch.identity("x") end,
    function() torch.empty() end,
    function() torch.fullLike(3, 4) end, function() torch.emptyLike(x, "float31") end,
  } do
    tester:assertErrorPattern(f, "test_sampling.lua")
  end
end

tester:add(tests)
tester:run()
