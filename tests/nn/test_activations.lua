-- test_activations: activations, gates, changes of shape; cases/activations.lua, and their mistakes.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/activations.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/activations.lua")

function tests.numbers_at_the_limits()
  local x = torch.Tensor { -math.huge, -1e4, 0, 1e4, math.huge }
  for _, name in ipairs { "SiLU", "Mish", "GELU", "Softplus", "SELU", "CELU" } do
    for _, m in ipairs { nn[name](), name == "GELU" and nn.GELU("tanh") or nn[name]() } do
      local leaf = x:clone():requireGrad()
      local y = m(leaf)
      tester:eq(y[5]:item(), math.huge, name)
      tester:assert(y[1]:item() == y[1]:item() and y[2]:item() > -2, name .. ": of -infinity")
      y:sum():backward()
      tester:assert(leaf.grad:sum() == leaf.grad:sum(), name .. ": no slope is NaN")
      tester:assert(math.abs(leaf.grad[1]) < 1e-6 and leaf.grad[5] >= 1, name .. ": slopes at the limits")
    end
  end
end

function tests.other_types()
  for _, name in ipairs { "SiLU", "Mish", "GELU", "Hardswish", "SELU" } do
    local m = nn[name]()
    local x = torch.randn(40)
    local half = m:forward(x:half())
    tester:eq(half.dtype, "float16", name)
    tester:eq(half:float(), m:forward(x), 1e-2, name)
  end
end

function tests.options_by_position_and_by_name()
  tester:eq(tostring(nn.Softplus(2)), "nn.Softplus(beta = 2, threshold = 20)")
  tester:eq(tostring(nn.Softplus { threshold = 3 }), "nn.Softplus(beta = 1, threshold = 3)")
  tester:eq(tostring(nn.Hardtanh(0)), "nn.Hardtanh(minVal = 0, maxVal = 1)")
  tester:eq(tostring(nn.Flatten { startDim = 1 }), "nn.Flatten(startDim = 1, endDim = -1)")
  tester:eq(torch.typename(nn.Swish()), "nn.SiLU")
end

function tests.functions_of_their_own()
  local x = torch.randn(3, 4):double()
  local F = nn.functional
  tester:eq(F.leakyRelu(x, 0.2), nn.LeakyReLU(0.2):forward(x), 0)
  tester:eq(F.elu(x, 2), nn.ELU(2):forward(x), 0)
  tester:eq(F.relu6(x * 9), nn.ReLU6():forward(x * 9), 0)
  tester:eq(F.snake(x, 2), x + torch.square(torch.sin(x * 2)) / 2, 1e-12)
  tester:eq(F.prelu(x, torch.DoubleTensor { 1, 2, 3, 4 })[1][3], x[1][3] > 0 and x[1][3] or 3 * x[1][3], 0)
  tester:eq(F.hardshrink(x, -1), x, 0)
end

-- The value, and the slope, at points that are edges of the lines.
function tests.straight_lines()
  local F, nan, inf = nn.functional, 0 / 0, math.huge
  local w = torch.DoubleTensor { 0.25 }
  for name, case in pairs {
    hardtanh = { F.hardtanh, { -inf, -1, -0.5, 1, inf }, { -1, -1, -0.5, 1, 1 }, { 0, 0, 1, 0, 0 } },
    relu6 = { F.relu6, { -1, 0, 3, 6, inf }, { 0, 0, 3, 6, 6 }, { 0, 1, 1, 1, 0 } },
    threshold = { function(x) return torch.threshold(x, 1, 7) end, { -inf, 0, 1, 1.5, inf },
      { 7, 7, 7, 1.5, inf }, { 0, 0, 0, 1, 1 } },
    hardshrink = { F.hardshrink, { -inf, -0.5, 0.25, 0.5, 2 }, { -inf, 0, 0, 0, 2 }, { 1, 0, 0, 0, 1 } },
    softshrink = { F.softshrink, { -inf, -0.5, 0.25, 0.5, 2 }, { -inf, 0, 0, 0, 1.5 }, { 1, 0, 0, 0, 1 } },
    hardsigmoid = { F.hardsigmoid, { -inf, -3, 0, 3, inf }, { 0, 0, 0.5, 1, 1 }, { 0, 0, 1 / 6, 0, 0 } },
    hardswish = { F.hardswish, { -4, -3, 0, 3, inf }, { 0, 0, 0, 3, inf }, { 0, -0.5, 0.5, 1.5, 1 } },
    prelu = { function(x) return F.prelu(x, w:type(x.dtype)) end, { -inf, -2, 0, 3, inf },
      { -inf, -0.5, 0, 3, inf }, { 0.25, 0.25, 0.25, 1, 1 } },
  } do
    for _, dtype in ipairs { "float64", "float32", "bfloat16" } do
      local x = torch.Tensor(case[2]):type(dtype):requireGrad()
      local y = case[1](x)
      y:sum():backward()
      tester:eq(y:double(), torch.DoubleTensor(case[3]), 1e-12, name)
      tester:eq(x.grad:double(), torch.DoubleTensor(case[4]), dtype == "bfloat16" and 1e-2 or 1e-7, name)
      tester:assert(case[1](torch.Tensor { nan }:type(dtype)):isnan():all() == (name ~= "threshold"), name)
    end
    local x = torch.DoubleTensor { -4.5, -2, -0.7, -0.2, 0.3, 0.8, 2.5, 7 }
    tester:assert(torch.gradcheck(case[1], { x }, { second = true }), name)
  end
  tester:assert(torch.gradcheck(F.prelu, { torch.randn(2, 3, 2):double(), torch.randn(3):double() },
    { second = true }), "prelu with a slope for each plane")
end

function tests.mistakes()
  local x = torch.randn(3, 5)
  local function refuse(message, f)
    local ok, why = pcall(f)
    tester:assert(not ok and tostring(why):find(message, 1, true) ~= nil,
      ("wanted '%s', got %s"):format(message, tostring(why)))
  end
  refuse('nn.GELU: approximate is erf, wanted "none" or "tanh"', function() nn.GELU("erf") end)
  refuse("nn.GELU: there is no option 'approx'", function() nn.GELU { approx = "tanh" } end)
  refuse("nn.CELU: alpha is 0", function() nn.CELU(0) end)
  refuse("nn.functional.glu: dimension 2 of x of 3x5 is odd", function() nn.GLU()(x) end)
  refuse("nn.functional.swiglu: x of 2 dimensions has no dimension 3", function() nn.SwiGLU(3)(x) end)
  refuse("nn.GLU: the input is a number, wanted a tensor", function() nn.GLU()(3) end)
  refuse("nn.GLU: dim is 1.5", function() nn.GLU(1.5) end)
  refuse("nn.Softmax: the input of 3x5 has no dimension 3", function() nn.Softmax(3)(x) end)
  refuse("prelu: a int64 tensor, wanted a float type", function()
    nn.functional.prelu(torch.LongTensor { 1 }, torch.ones(1))
  end)
  refuse("hardswish: a int64 tensor, wanted a float type", function()
    nn.functional.hardswish(torch.LongTensor { 1 })
  end)
  refuse("nn.Softplus: beta is a string", function() nn.Softplus("a") end)
  refuse("nn.Flatten: of an input of 3x5, dimension 2 lies behind 1", function() nn.Flatten(2, 1)(x) end)
  refuse("nn.Unflatten: a dimension of 5 is not 2x3", function() nn.Unflatten(2, { 2, 3 })(x) end)
  refuse("nn.Unflatten: a dimension of 5 is not 2x-1", function() nn.Unflatten(2, { 2, -1 })(x) end)
  refuse("nn.Unflatten: more than one of the sizes is -1", function() nn.Unflatten(2, { -1, -1 })(x) end)
  refuse("nn.Unflatten: sizes is no table of numbers", function() nn.Unflatten(2) end)
  refuse("nn.ScaleShift: the input is of 3x5, wanted the last sizes 4", function() nn.ScaleShift(4)(x) end)
  refuse("nn.Snake: alpha is 0", function() nn.Snake(1, { alpha = 0 }) end)
  refuse("nn.functional.snake: x is 3x5, which has not 4 planes", function() nn.Snake(4)(x) end)
  refuse("nn.PReLU: the input is of 3x5, wanted 4 planes", function() nn.PReLU(4)(x) end)
  refuse('nn.functional.gelu: approximate is 3, wanted "none" or "tanh"', function()
    nn.functional.gelu(x, 3)
  end)
  refuse("nn.functional.celu: alpha is 0", function() nn.functional.celu(x, 0) end)
end

tester:add(tests):run()
