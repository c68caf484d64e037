-- test_simple: the numbers that transfer functions, modules of arithmetic and modules of shape give, and
-- what they say of bad arguments.  tests/nn/test_modules.lua sees to gradients, copies and types.
local torch = require "torch"
local nn = require "nn"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function gives(module, input, wanted, name)
  tester:eq(module:forward(torch.Tensor(input)), torch.Tensor(wanted), 1e-6, name or tostring(module))
end

function tests.transfer_functions()
  local x = { -3, -0.25, 0, 0.25, 7 }
  gives(nn.Abs(), x, { 3, 0.25, 0, 0.25, 7 })
  gives(nn.HardTanh(), x, { -1, -0.25, 0, 0.25, 1 })
  gives(nn.Clamp(-2, 5), x, { -2, -0.25, 0, 0.25, 5 })
  gives(nn.ReLU6(), x, { 0, 0, 0, 0.25, 6 })
  gives(nn.HardShrink(), x, { -3, 0, 0, 0, 7 })
  gives(nn.SoftShrink(0.2), x, { -2.8, -0.05, 0, 0.05, 6.8 })
  gives(nn.LeakyReLU(0.5), x, { -1.5, -0.125, 0, 0.25, 7 })
  gives(nn.Threshold(0.25, -9), x, { -9, -9, -9, -9, 7 })
  gives(nn.ELU(2), x, { 2 * (math.exp(-3) - 1), 2 * (math.exp(-0.25) - 1), 0, 0.25, 7 })
  gives(nn.SoftSign(), x, { -0.75, -0.2, 0, 0.2, 0.875 })
  gives(nn.Power(2), x, { 9, 0.0625, 0, 0.0625, 49 })
  gives(nn.Sqrt(), { 0, 4 }, { 0, 2 })
  gives(nn.SoftPlus(2), { 0, 500 }, { math.log(2) / 2, 500 })
  gives(nn.LogSigmoid(), { 0, -500 }, { -math.log(2), -500 })
  gives(nn.SoftMin(), { 0, math.log(3) }, { 0.75, 0.25 })
  gives(nn.GatedLinearUnit(), { 1, 2, 0, 0 }, { 0.5, 1 })
  gives(nn.CReLU(1), { { 1, -2 } }, { { 1, 0, 0, 2 } })
  gives(nn.CReLU(2), { { 1, -2 } }, { { 1, 0 }, { 0, 2 } }, "CReLU of one sample")
  gives(nn.PReLU(2), { { -4, -8 } }, { { -1, -2 } })
end

function tests.derivatives_at_the_bends()
  local function at(module, x)
    local input = torch.Tensor { x }
    module:forward(input)
    return module:backward(input, torch.ones(1))[1]
  end
  tester:eq(at(nn.HardTanh(), 1), 0)
  tester:eq(at(nn.HardTanh(), -1), 0)
  tester:eq(at(nn.ReLU6(), 0), 0)
  tester:eq(at(nn.ELU(3), 0), 3)
  tester:eq(at(nn.LeakyReLU(0.5), 0), 0.5)
  tester:eq(at(nn.Sqrt(), 0), 0)
  tester:eq(at(nn.ELU(), 1000), 1, "exp(1000) is not in it")
  tester:assert(at(nn.HardTanh(), 0 / 0) ~= 1 and nn.HardTanh():forward(torch.Tensor { 0 / 0 }):ne(
    torch.Tensor { 0 / 0 })[1] ~= 0, "NaN stays NaN")
end

function tests.gradients_of_their_own()
  local x, g = torch.Tensor { -4, 2 }, torch.Tensor { 1, 10 }
  local function backward(module)
    tester:eq(module:forward(x), x)
    return module:backward(x, g)
  end
  tester:eq(backward(nn.GradientReversal(0.5)), torch.Tensor { -0.5, -5 })
  tester:eq(backward(nn.ZeroGrad()), torch.zeros(2))
  local penalty = nn.L1Penalty(3)
  tester:eq(backward(penalty), torch.Tensor { -2, 13 })
  tester:eq(penalty.loss, 18)
  tester:eq(backward(nn.L1Penalty(3, true, false)), torch.Tensor { -1.5, 1.5 })
  local constant = nn.Constant(7)
  tester:eq(constant:forward(x), torch.Tensor { 7 })
  tester:eq(constant:backward(x, torch.ones(1)), torch.zeros(2))
  local both = nn.ZeroGrad():forward({ x, { g } })
  tester:eq(both[2][1], g)
end

function tests.at_random()
  torch.manualSeed(5)
  local relu = nn.RReLU(0.2, 0.4)
  local y = relu:forward(torch.ones(1000) * -1)
  tester:assert(y:min() >= -0.4 and y:max() <= -0.2 and y:min() < -0.38 and y:max() > -0.22)
  tester:eq(relu:backward(torch.ones(1000) * -1, torch.ones(1000)), y * -1, 0, "the noise is the slope")
  relu:evaluate()
  tester:eq(relu:forward(torch.Tensor { -1, 2 }), torch.Tensor { -0.3, 2 }, 1e-6)
  local noise = nn.WhiteNoise(3, 0.5)
  y = noise:forward(torch.zeros(4000))
  tester:assert(math.abs(y:mean() - 3) < 0.05 and math.abs(y:std() - 0.5) < 0.05)
  noise:evaluate()
  tester:eq(noise:forward(torch.zeros(2)), torch.Tensor { 3, 3 })
  tester:eq(noise:clearState().noise:nElement(), 0)
end

function tests.arithmetic()
  local function with(module, name, value)
    module[name]:copy(torch.Tensor(value))
    return module
  end
  local x = { { 1, 2 }, { 3, 4 } }
  gives(with(nn.Add(2), "bias", { 10, 20 }), x, { { 11, 22 }, { 13, 24 } })
  gives(with(nn.Add(2, true), "bias", { 10 }), x, { { 11, 12 }, { 13, 14 } })
  gives(with(nn.CAdd(2, 1), "bias", { { 10 }, { 20 } }), x, { { 11, 12 }, { 23, 24 } })
  gives(with(nn.CMul(2), "weight", { 10, 20 }), x, { { 10, 40 }, { 30, 80 } })
  gives(with(nn.Mul(), "weight", { 3 }), x, { { 3, 6 }, { 9, 12 } })
  gives(nn.AddConstant(torch.Tensor { 5, 6 }), x, { { 6, 8 }, { 8, 10 } })
  gives(with(nn.Cosine(2, 2), "weight", { { 0, 2 }, { 5, 0 } }), { 3, 4 }, { 0.8, 0.6 })
  gives(with(nn.Euclidean(2, 2), "weight", { { 0, 3 }, { 0, 4 } }), { { 3, 4 } }, { { 5, 0 } })
  local weighted = with(nn.WeightedEuclidean(2, 1), "weight", { { 0 }, { 0 } })
  gives(with(weighted, "diagCov", { { 2 }, { 0 } }), { 3, 4 }, { 6 })
  tester:eq(#weighted:parameters(), 2)
end

-- A GPU does most of these in one call of a library, the others in two steps.
function tests.linear_with_a_bias()
  local store = torch.randn(30):float()
  for _, bias in ipairs { store:narrow(1, 1, 5), store:narrow(1, 2, 5), store:view(5, 6):select(2, 3) } do
    for _, shape in ipairs { { 4, 3 }, { 2, 4, 3 }, { 3 }, { 1, 3 }, { 4, 1 }, { 4, 13 }, { 0, 3 } } do
      for dtype, eps in pairs { float32 = 1e-5, float64 = 1e-12 } do
        local x = torch.randn(torch.LongStorage(shape)):type(dtype)
        local w, b = torch.randn(5, shape[#shape]):type(dtype), bias:type(dtype)
        local y = nn.functional.linear(x, w, dtype == "float32" and bias or b)
        local what = table.concat(shape, "x") .. " " .. dtype
        tester:eq(y, nn.functional.linear(x, w) + b, eps, what)
        tester:eq(y, torch.matmul(x, w:t()) + b, eps, what)
      end
    end
  end
end

function tests.bilinear()
  torch.manualSeed(2)
  local m = nn.Bilinear(3, 2, 4):double()
  local a, b = torch.randn(5, 3):double(), torch.randn(5, 2):double()
  local y = m:forward({ a, b })
  local w = m.weight:detach()
  for k = 1, 4 do
    local wanted = torch.cmul(torch.mm(a, w[k]), b):sum(2, true):view(-1) + m.bias:detach()[k]
    tester:eq(y:select(2, k), wanted, 1e-12)
  end
  m:zeroGradParameters()
  local grads = m:backward({ a, b }, torch.ones(5, 4):double())
  tester:eq(m.gradBias, torch.ones(4):double() * 5, 1e-12)
  tester:eq(m.gradWeight[1], torch.mm(a:t(), b), 1e-12)
  tester:eq(grads[1], torch.mm(b, w:sum(1):view(3, 2):t()), 1e-12)
  local ok, why = torch.gradcheck(function(p, q) return m({ p, q }) end, { a, b }, { second = true,
    atol = 1e-4 })
  tester:assert(ok, tostring(why))
  tester:eq(nn.Bilinear(1, 1, 1, false).bias, nil)
end

function tests.shapes()
  local x = { { 1, 2, 3 }, { 4, 5, 6 } }
  gives(nn.Narrow(2, 2, -1), x, { { 2, 3 }, { 5, 6 } })
  gives(nn.Narrow(2, -1, 1), x, { { 1, 2 }, { 4, 5 } }, "Narrow by a negative offset")
  gives(nn.Select(-1, -1), x, { 3, 6 })
  gives(nn.Transpose({ 1, 2 }), x, { { 1, 4 }, { 2, 5 }, { 3, 6 } })
  gives(nn.Replicate(2, 2), { 1, 2 }, { { 1, 1 }, { 2, 2 } })
  gives(nn.Squeeze(), { { 5 } }, { 5 })
  gives(nn.Squeeze(nil, 1), { { 5 } }, { { 5 } }, "Squeeze of a batch of one")
  gives(nn.Squeeze(nil, 2), { { { 5, 6 } } }, { { 5, 6 } }, "Squeeze of a batch of one matrix")
  gives(nn.Padding(1, 1, 1, 9), { 1, 2 }, { 1, 2, 9 })
  gives(nn.Padding(1, -1, 1, 9), { 1, 2 }, { 9, 1, 2 }, "Padding before")
  gives(nn.Padding(1, 1, 1, 9, 2), { 1, 2 }, { 1, 9, 2 }, "Padding inside")
  gives(nn.SpatialZeroPadding(1, 0, 0, -1), { x }, { { { 0, 1, 2, 3 } } })
  gives(nn.Max(), x, { 4, 5, 6 })
  gives(nn.Min(2), x, { 1, 4 })
  gives(nn.Mean(2), x, { 2, 5 })
  gives(nn.Sum(2, nil, false, false), x, { { 6 }, { 15 } })
  gives(nn.Normalize(2), { { 3, 4 }, { 0, 2 } }, { { 0.6, 0.8 }, { 0, 1 } })
  gives(nn.Normalize(math.huge), { -4, 2 }, { -1, 0.5 })
end

function tests.copies_to_another_type()
  local m = nn.Copy("torch.FloatTensor", "torch.DoubleTensor", false, true)
  local x = torch.FloatTensor { 1, 2 }
  local y = m:forward(x)
  tester:eq(y.dtype, "float64")
  tester:eq(m:backward(x, torch.DoubleTensor { 3, 4 }), torch.FloatTensor { 3, 4 })
  nn.Sequential():add(m):float()
  tester:eq(m:forward(x).dtype, "float64", "dontCast")
  local forced = nn.Copy(nil, nil, true)
  x = torch.ones(2)
  tester:assert(torch.pointer(forced:forward(x):storage()) ~= torch.pointer(x:storage()))
  tester:assert(torch.pointer(nn.Copy():forward(x):storage()) == torch.pointer(x:storage()))
end

function tests.mistakes()
  local function fails(pattern, f) tester:assertErrorPattern(f, pattern) end
  local function forward(module, ...)
    local x = torch.ones(...)
    return function() module:forward(x) end
  end
  fails("nn.ELU: alpha is a string, wanted a number", function() nn.ELU("a") end)
  fails("nn.ELU: inplace is a number, wanted true or false", function() nn.ELU(1, 2) end)
  fails("nn.Power: p is a nil, wanted a number", function() nn.Power() end)
  fails("nn.Clamp: max_value 1 is not above min_value 2", function() nn.Clamp(2, 1) end)
  fails("nn.Threshold: in place, v 3 must not be above th 1", function() nn.Threshold(1, 3, true) end)
  fails("nn.RReLU: l and u are 0.5 and 0.25, wanted 0 <= l <= u", function() nn.RReLU(0.5, 0.25) end)
  fails("nn.PReLU: the input is of 3x4, wanted 2 planes", forward(nn.PReLU(2), 3, 4))
  fails("nn.GatedLinearUnit: dimension 2 of an input of 2x3 is odd", forward(nn.GatedLinearUnit(), 2, 3))
  fails("nn.CAdd: the input of 2x5 does not fit parameters of 3x4", forward(nn.CAdd(3, 4), 2, 5))
  fails("nn.Add: inputSize is 0, wanted a whole number of at least 1", function() nn.Add(0) end)
  fails("nn.MulConstant: constant is a tensor, wanted a number", function()
    nn.MulConstant(torch.ones(2))
  end)
  fails("nn.AddConstant: the input of 2x3 does not fit a constant of 2", forward(nn.AddConstant(torch.ones(
    2)), 2, 3))
  fails("nn.Cosine: the input is of 2x3, wanted rows of 4", forward(nn.Cosine(4, 2), 2, 3))
  fails("nn.Euclidean: the input is of 2x4x1, wanted 1 to 2 dimensions", forward(nn.Euclidean(4, 2), 2, 4,
    1))
  fails("nn.Bilinear: the input is no table of two tensors", forward(nn.Bilinear(2, 2, 2), 2, 2))
  fails("nn.Bilinear: the inputs have 2 and 3 rows", function()
    nn.Bilinear(2, 2, 2):forward({ torch.ones(2, 2), torch.ones(3, 2) })
  end)
  fails("nn.Narrow: offset 3 and length 2 lie outside dimension 1 of an input of 3x2", forward(nn.Narrow(1, 3,
    2), 3, 2))
  fails("nn.Select: index 4 lies outside dimension 1 of an input of 3", forward(nn.Select(1, 4), 3))
  fails("nn.Sum: the input of 2x3 has no dimension 3", forward(nn.Sum(3), 2, 3))
  fails("nn.Max: the input is a number, wanted a tensor", function() nn.Max():forward(3) end)
  fails("nn.Transpose: argument 1 is no table of two dimensions", function() nn.Transpose(1, 2) end)
  fails("nn.Replicate: an input of 3 has no place for a new dimension 3", forward(nn.Replicate(2, 3), 3))
  fails("nn.Unsqueeze: an input of 3 with samples of 2 dimensions has no place 1", forward(nn.Unsqueeze(1, 2),
    3))
  fails("nn.Padding: index 5 lies outside dimension 1 of an input of 3", forward(nn.Padding(1, -1, 1, 0, 5),
    3))
  fails("nn.Normalize: p is 0, wanted a number above 0", function() nn.Normalize(0) end)
  fails("nn.SpatialZeroPadding: of an input of 1x2x2 nothing is left", forward(nn.SpatialZeroPadding(-1),
    1, 2, 2))
  fails("nn.Constant: value is a table, wanted a number", function() nn.Constant({}) end)
end

tester:add(tests)
tester:run()
