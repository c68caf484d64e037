-- test_names: functions and methods by the names of PyTorch: nn.functional's of pairs and of modules,
-- nn.utils' of gradients, those that find what is inside a module.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local F = nn.functional
local tester = torch.Tester()
local tests = torch.TestSuite()

walk.modules(tester, tests, dofile "tests/nn/cases/pairs.lua")

local function fails(pattern, f, ...)
  local ok, why = pcall(f, ...)
  tester:assert(not ok and tostring(why):find(pattern) ~= nil, pattern .. ": " .. tostring(why))
end

function tests.pairs()
  local a, b = torch.randn(4, 3):double(), torch.randn(4, 5):double()
  local m = nn.Bilinear(3, 5, 2):double()
  tester:eq(F.bilinear(a, b, m.weight, m.bias):detach(), m:forward { a, b }, 1e-12)
  tester:eq(F.pairwiseDistance(a, a * 2, 2, 0), a:norm(2, 2):view(4), 1e-12)
  tester:eq(F.pairwiseDistance(a, a, 1), torch.DoubleTensor(4):fill(3e-6), 1e-12)
  tester:eq(F.pairwiseDistance(a, a, 1, 1, true):size(2), 1)
  tester:eq(F.pdist(a)[4], (a[2] - a[3]):norm(), 1e-12)
  tester:eq(F.pdist(a:narrow(1, 1, 1)):nElement(), 0)
  tester:eq(F.cosineSimilarity(torch.zeros(2, 3), torch.ones(2, 3)), torch.zeros(2))
  a:requireGrad()
  for name, f in pairs {
    pairwiseDistance = function(x) return F.pairwiseDistance(x, torch.ones(4, 3):double()):sum() end,
    pdist = function(x) return F.pdist(x):sum() end,
    cosineSimilarity = function(x) return F.cosineSimilarity(x, torch.ones(3):double()):sum() end,
  } do
    tester:assert(torch.gradcheck(f, { a }), name)
  end
  fails("bilinear: inputs of 4x3 and 4x5 for", F.bilinear, a, b, torch.zeros(2, 5, 3))
  fails("no dimension 3", F.cosineSimilarity, a, a, 3)
  fails("wanted a tensor", F.pairwiseDistance, a, nil)
  fails("wanted a matrix", F.pdist, torch.ones(3))
end

function tests.functions_of_modules()
  local x = torch.randn(1, 8, 2, 4):double():requireGrad()
  tester:eq(F.pixelUnshuffle(F.pixelShuffle(x, 2), 2), x)
  tester:eq(F.channelShuffle(F.channelShuffle(x, 2), 4), x)
  F.pixelShuffle(x, 2):sum():backward()
  tester:eq(x.grad:sum(), 64, "it is on the tape")
  tester:eq(F.rrelu(torch.Tensor { -2, 1 }), torch.Tensor { -2 * (1 / 8 + 1 / 3) / 2, 1 }, 1e-6)
  local drawn = F.rrelu(-torch.ones(1000), 0.25, 0.5, true)
  tester:assert(drawn:max() <= -0.25 and drawn:min() >= -0.5 and drawn:max() - drawn:min() > 0.2)
  local many = F.gumbelSoftmax(torch.log(torch.Tensor { 1, 3 }):reshape(1, 2):expand(4000, 2), 1, true)
  tester:assert(math.abs(many:sum(1)[1][2] / 4000 - 0.75) < 0.05, "classes come as often as they weigh")
  local soft = torch.zeros(2, 3):requireGrad()
  F.gumbelSoftmax(soft, 0.5, true, 1):narrow(1, 1, 1):sum():backward()
  tester:assert(soft.grad:abs():sum() > 0, "a hard draw has the soft one's gradient")
  fails("tau is 0", F.gumbelSoftmax, x, 0)
  fails("wanted channels that 9 divides", F.pixelShuffle, x, 3)
end

function tests.gradients()
  local m = nn.Linear(2, 2):double()
  m(torch.ones(2):double()) -- gives m.weight.grad
  m.gradWeight:fill(2)
  m.gradBias:fill(-1)
  tester:eq(nn.utils.clipGradNorm(m, 100), math.sqrt(18), 1e-12)
  tester:eq(m.gradWeight:sum(), 8, "small ones stay")
  tester:eq(nn.utils.clipGradNorm({ m.weight, m.bias }, 10, math.huge), 2)
  nn.utils.clipGradNorm(m, 1)
  tester:eq(math.sqrt(m.gradWeight:norm() ^ 2 + m.gradBias:norm() ^ 2), 1, 1e-6)
  nn.utils.clipGradValue(m, 0.25)
  tester:eq(m.gradBias:min(), -0.2357, 1e-3)
  tester:eq(m.gradWeight:max(), 0.25)
  tester:eq(nn.utils.clipGradNorm({ torch.ones(2) }, 1), 0, "none has a gradient")
  m:zeroGrad()
  tester:eq(m.gradWeight:abs():max(), 0)

  local v = nn.utils.parametersToVector(m)
  tester:eq(v:narrow(1, 5, 2):detach(), m.bias:detach())
  nn.utils.vectorToParameters(torch.range(1, 6):double(), m)
  tester:eq(m.weight:detach()[2][1], 3)
  fails("wanted a tensor of 6 elements", nn.utils.vectorToParameters, torch.ones(5), m)
  fails("maxNorm is %-1", nn.utils.clipGradNorm, m, -1)
  fails("parameters are a string", nn.utils.clipGradValue, "x", 1)
end

function tests.what_is_inside()
  local net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.Sequential():add(nn.BatchNormalization(3)))
  tester:assert(net:getSubmodule "" == net and net:getSubmodule "1.0" == net:get(2):get(1))
  tester:assert(net:getParameter "0.weight" == net:get(1).weight)
  tester:assert(net:getBuffer "1.0.running_var" == net:get(2):get(1).running_var)
  fails("nn.Sequential: there is no parameter '0.w'", net.getParameter, net, "0.w")
  fails("there is no module '3'", net.getSubmodule, net, "3")
  tester:eq(net:to("float64"):getParameter("0.bias").dtype, "float64")
  tester:assert(net:to "cpu" == net)
  fails("wanted \"cuda\"", net.to, net, 3)
end

tester:add(tests):run()
