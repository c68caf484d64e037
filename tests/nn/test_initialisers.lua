-- test_initialisers: nn.init: the spread and form of the values it gives.
local torch = require "torch"
local nn = require "nn"
local init = nn.init

local tester = torch.Tester()
local tests = torch.TestSuite()

local function spread(t) return t:std() end
local function near(a, b, part, name) tester:assertlt(math.abs(a / b - 1), part, name) end

function tests.plain()
  torch.manualSeed(3)
  local t = torch.zeros(5000)
  tester:assert(rawequal(init.uniform(t, -3, 1), t))
  near(t:mean(), -1, 0.05)
  tester:assert(t:min() >= -3 and t:max() < 1)
  init.normal(t, 2, 0.5)
  near(t:mean(), 2, 0.02)
  near(spread(t), 0.5, 0.05)
  tester:eq(init.constant(torch.zeros(2), 4), torch.Tensor { 4, 4 })
  tester:eq(init.ones(torch.zeros(2)), torch.ones(2))
  tester:eq(init.zeros(torch.ones(2)), torch.zeros(2))
end

function tests.truncated()
  torch.manualSeed(3)
  local t = init.truncNormal(torch.zeros(20000), 1, 2, 0, 2)
  tester:assert(t:min() >= 0 and t:max() <= 2)
  near(t:mean(), 1, 0.02)
  -- The standard deviation of the standard normal cut at +-1/2, times 2.
  local z = 2 * 0.19146246127401312
  near(spread(t), 2 * math.sqrt(1 - 2 * 0.5 * 0.3520653267642995 / z), 0.03)
  tester:assertErrorPattern(function() init.truncNormal(t, 0, 1, 2, 1) end, "wanted a < b")
end

function tests.by_fans()
  torch.manualSeed(3)
  local t = torch.zeros(64, 32, 3, 3)
  local fan_in, fan_out = init.fans(t)
  tester:eq({ fan_in, fan_out }, { 288, 576 })
  near(spread(init.xavierUniform(t, 2)), 2 * math.sqrt(2 / 864), 0.02)
  tester:assertle(t:abs():max(), 2 * math.sqrt(6 / 864) * 1.0001)
  near(spread(init.xavierNormal(t)), math.sqrt(2 / 864), 0.02)
  near(spread(init.kaimingUniform(t)), math.sqrt(2 / 288), 0.02)
  near(spread(init.kaimingNormal(t, 0, "fanOut", "relu")), math.sqrt(2 / 576), 0.02)
  near(spread(init.kaimingNormal(t, math.sqrt(5))), math.sqrt(2 / 6 / 288), 0.02)
  near(spread(init.kaimingNormal(t, nil, nil, "tanh")), 5 / 3 / math.sqrt(288), 0.02)
  tester:assertErrorPattern(function() init.kaimingNormal(t, 0, "fan_in") end, "wanted fanIn or fanOut")
  tester:assertErrorPattern(function() init.calculateGain "nothing" end, "there is no 'nothing'")
  tester:assertErrorPattern(function() init.xavierNormal(torch.zeros(3)) end, "is 3, wanted at least 2")
end

function tests.orthogonal()
  for _, shape in ipairs { { 5, 3 }, { 3, 5 }, { 4, 4 }, { 3, 2, 2, 1 } } do
    local t = init.orthogonal(torch.zeros(table.unpack(shape)):double(), 3)
    local m = t:view(shape[1], -1)
    if m:size(1) > m:size(2) then m = m:t() end
    tester:eq(torch.mm(m, m:t()), torch.eye(m:size(1)):double() * 9, 1e-10)
  end
  tester:eq(init.orthogonal(torch.zeros(0, 3)):nElement(), 0)
end

function tests.passing_on()
  tester:eq(init.eye(torch.ones(2, 3)), torch.eye(2, 3))
  local x = torch.randn(1, 2, 5, 5)
  local conv = nn.SpatialConvolution(2, 2, 3, 3, 1, 1, 1, 1):noBias()
  init.dirac(conv.weight)
  tester:eq(conv:forward(x), x, 1e-6)
  tester:eq(init.dirac(torch.ones(4, 2, 3), 2):sum(), 4)
  tester:eq(init.dirac(torch.ones(3, 1, 3)):sum(), 1)
  tester:assertErrorPattern(function() init.dirac(torch.ones(3, 1, 3), 2) end, "2 groups do not divide 3")
  tester:assertErrorPattern(function() init.eye(torch.ones(3, 1, 3)) end, "3 dimensions, wanted 2")
end

function tests.sparse()
  local t = init.sparse(torch.ones(10, 4), 0.25, 5)
  for c = 1, 4 do tester:eq(t:select(2, c):eq(0):sum(), 3) end
  tester:assertErrorPattern(function() init.sparse(t, 2) end, "the sparsity is 2")
end

function tests.parameters_stay_parameters()
  local m = nn.Linear(3, 2)
  m(torch.ones(3)):sum():backward()
  init.normal(m.weight)
  tester:assert(m.weight.requiresGrad and m.weight.gradFn == nil)
  m(torch.ones(3)):sum():backward()
end

function tests.like_pytorch()
  local net = nn.Sequential():add(nn.Linear(3, 3)):add(nn.SpatialBatchNormalization(4))
  init.pytorch(net)
  tester:eq(net:get(2).weight:detach(), torch.ones(4))
  tester:assertErrorPattern(function() init.pytorch(3) end, "got a number, wanted a module")
  tester:assertErrorPattern(function() init.uniform(3) end, "nn.init.uniform: got a number, wanted a tensor")
  tester:assertErrorPattern(function() init.uniform(torch.LongTensor(2)) end, "wanted a float type")
end

tester:add(tests):run()
