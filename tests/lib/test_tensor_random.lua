-- test_tensor_random: random numbers: seeds, states, moments, ranges.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local N = 200000

function tests.same_seed_same_numbers()
  local draws = {
    function() return torch.rand(1000) end,
    function() return torch.randn(1000) end,
    function() return torch.randperm(1000) end,
    function() return torch.IntTensor(1000):random(1, 6) end,
    function() return torch.DoubleTensor(1000):exponential(2) end,
    function() return torch.DoubleTensor(1000):bernoulli(0.3) end,
    function() return torch.scalar(torch.uniform() + torch.normal() + torch.random(10)) end,
  }
  for i, draw in ipairs(draws) do
    torch.manualSeed(42)
    local first, second = draw(), draw()
    torch.manualSeed(42)
    tester:assert(torch.equal(draw(), first), "draw " .. i)
    tester:assert(torch.equal(draw(), second), "draw " .. i)
    tester:assert(not torch.equal(first, second), "draw " .. i)
    torch.manualSeed(43)
    tester:assert(not torch.equal(draw(), first), "draw " .. i)
  end
  torch.manualSeed(7)
  tester:eq(torch.initialSeed(), 7)
  local a = torch.seed()
  tester:eq(torch.initialSeed(), a)
  for _ = 1, 20 do tester:assert(torch.deserialize(torch.serialize(torch.seed())) == torch.initialSeed()) end
end

function tests.states()
  torch.manualSeed(5)
  torch.rand(17)
  local state = torch.getRNGState()
  local a = torch.randn(100)
  torch.rand(3)
  torch.setRNGState(state)
  tester:eq(torch.randn(100), a)
  tester:assertErrorPattern(function() torch.setRNGState(torch.zeros(3)) end, "getRNGState")
  tester:assertErrorPattern(function() torch.setRNGState(7) end, "tensor")
end

function tests.numbers_do_not_depend_on_threads_or_layout()
  local threads = torch.getnumthreads()
  torch.manualSeed(3)
  local a = torch.randn(100000)
  torch.setnumthreads(1)
  torch.manualSeed(3)
  tester:eq(torch.randn(100000), a)
  torch.setnumthreads(threads)
  torch.manualSeed(3)
  local wide = torch.zeros(2, 100000)
  wide:t():narrow(2, 1, 1):normal()
  tester:eq(wide[1]:clone(), a)
end

-- mean, variance of a million-sized sample within five standard errors
local function moments(x, mean, var, what)
  x = x:double()
  tester:assert(math.abs(x:mean() - mean) < 5 * math.sqrt(var / N) + 1e-3, what .. " mean " .. x:mean())
  tester:assert(math.abs(x:var() - var) < 0.05 * var + 1e-3, what .. " variance " .. x:var())
end

function tests.moments()
  torch.manualSeed(1)
  for _, dtype in ipairs { "float32", "float64", "float16", "bfloat16" } do
    local x = torch.zeros(N, dtype)
    moments(x:uniform(-1, 3), 1, 16 / 12, "uniform " .. dtype)
    tester:assert(x:min() >= -1 and x:max() <= 3, dtype)
    moments(x:normal(2, 3), 2, 9, "normal " .. dtype)
    moments(x:exponential(2), 0.5, 0.25, "exponential " .. dtype)
    tester:assert(x:min() >= 0)
    moments(x:bernoulli(0.3), 0.3, 0.21, "bernoulli " .. dtype)
    moments(x:random(1, 6), 3.5, 35 / 12, "random " .. dtype)
  end
  local x = torch.zeros(N, "float64")
  moments(x:geometric(0.4), 1 / 0.6, 0.4 / 0.36, "geometric")
  tester:eq(x:min(), 1)
  moments(torch.log(x:logNormal(1, 0.5)), 1, 0.25, "logNormal")
  tester:assert(x:min() > 0)
  local median = torch.sort(x:cauchy(3, 1))[N // 2]
  tester:assert(math.abs(median - 3) < 0.05)
  local p = torch.DoubleTensor { 0, 1, 0.5 }:view(1, 3):expand(1000, 3)
  local hits = torch.zeros(1000, 3):bernoulli(p):sum(1)
  tester:eq(hits[1][1], 0)
  tester:eq(hits[1][2], 1000)
  tester:assert(hits[1][3] > 400 and hits[1][3] < 600)
end

function tests.whole_numbers()
  torch.manualSeed(2)
  local seen = torch.zeros(6, "int64")
  local x = torch.LongTensor(60000):random(6)
  tester:eq(x:min(), 1)
  tester:eq(x:max(), 6)
  seen:scatterAdd(1, x, torch.ones(60000, "int64"))
  tester:assert(seen:min() > 9500 and seen:max() < 10500)
  local b = torch.ByteTensor(10000):random()
  tester:eq(b:max(), 255)
  tester:eq(torch.IntTensor(100):random(-3, -3):max(), -3)
  for _ = 1, 100 do
    local v = torch.random(5, 7)
    tester:assert(math.type(v) == "integer" and v >= 5 and v <= 7)
  end
end

function tests.permutations()
  for _, n in ipairs { 0, 1, 2, 1000 } do
    local p = torch.randperm(n)
    tester:eq(p:nElement(), n)
    if n > 0 then tester:eq(torch.sort(p), torch.range(1, n):long()) end
  end
  tester:eq(torch.randperm(torch.FloatTensor(), 3).dtype, "float32")
  torch.manualSeed(1)
  local orders = {}
  for _ = 1, 3000 do
    local order = table.concat(torch.randperm(3):totable())
    orders[order] = (orders[order] or 0) + 1
  end
  for order, count in pairs(orders) do tester:assert(count > 400 and count < 600, order .. ": " .. count) end
end

function tests.sizes()
  tester:eq(torch.rand(2, 3).shape, { 2, 3 })
  tester:eq(torch.randn(torch.LongStorage { 4 }).shape, { 4 })
  local r = torch.DoubleTensor()
  tester:eq(torch.pointer(torch.rand(r, 5)), torch.pointer(r))
  tester:eq(r:nElement(), 5)
  tester:eq(torch.rand(0):nElement(), 0)
end

function tests.errors()
  local x = torch.zeros(2)
  for _, f in ipairs {
    function() x:uniform(2, 1) end, function() x:normal(0, -1) end, function() x:bernoulli(2) end,
    function() x:exponential(0) end, function() x:geometric(1) end, function() x:random(3, 2) end,
    function() torch.IntTensor(2):normal() end, function() torch.IntTensor(2):uniform() end,
    function() torch.rand() end, function() torch.rand("x") end, function() torch.randperm(-1) end,
    function() torch.manualSeed("x") end,
  } do
    tester:assertErrorPattern(f, "test_tensor_random.lua")
  end
end

tester:add(tests)
tester:run()
