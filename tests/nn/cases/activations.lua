-- activations: activations, gates, changes of shape; with PyTorch's values.
local torch = require "torch"
local nn = require "nn"

local function map(f)
  return function(_, x) return torch.DoubleTensor(x:size()):map(x, function(_, v) return f(v) end) end
end

local function sigmoid(v) return 1 / (1 + math.exp(-v)) end

-- The halves of the rows of x.
local function gate(f)
  return function(_, x)
    local half = x:size(2) // 2
    local y = torch.zeros(x:size(1), half):double()
    for i = 1, x:size(1) do
      for j = 1, half do y[i][j] = f(x[i][j], x[i][half + j]) end
    end
    return y
  end
end

local cases = {
  { "GELU by tanh", make = function() return nn.GELU { approximate = "tanh" } end, input = { 3, 5 },
    golden = "GELU tanh" },
  { "CELU 0.5", make = function() return nn.CELU(0.5) end, input = { 3, 5 }, golden = "CELU 0.5" },
  { "CELU below 0", make = function() return nn.CELU { alpha = -0.5 } end, input = { 3, 5 },
    golden = "CELU -0.5" },
  { "Softplus with a threshold", make = function() return nn.Softplus(2, 1) end, input = { 4, 5 },
    golden = "Softplus 2 1" },
  { "Hardtanh 0 2", make = function() return nn.Hardtanh { minVal = 0, maxVal = 2 } end, input = { 4, 5 },
    golden = "Hardtanh 0 2" },
  { "Softmax", make = function() return nn.Softmax(2) end, input = { 2, 3, 4 }, golden = "Softmax" },
  { "Softmax of a matrix", make = function() return nn.Softmax() end, input = { 2, 3 },
    golden = "Softmax of a matrix" },
  { "Softmin", make = function() return nn.Softmin { dim = -1 } end,
    input = { 2, 3, 4 }, golden = "Softmin" },
  { "LogSoftmax", make = function() return nn.LogSoftmax(1) end, input = { 2, 3, 4 }, golden = "LogSoftmax" },
  { "Softmax2d", make = function() return nn.Softmax2d() end, input = { 2, 3, 2, 2 }, golden = "Softmax2d" },
  { "GLU", make = function() return nn.GLU() end, input = { 3, 6 }, golden = "GLU",
    expect = gate(function(a, b) return a * sigmoid(b) end) },
  { "GLU along the second dimension", make = function() return nn.GLU(2) end, input = { 2, 4, 3 },
    golden = "GLU 1" },
  { "ReGLU", make = function() return nn.ReGLU() end, input = { 3, 6 },
    expect = gate(function(a, b) return math.max(a, 0) * b end) },
  { "GEGLU", make = function() return nn.GEGLU { dim = 2 } end, input = { 3, 6 },
    expect = function(_, x) return torch.cmul(torch.gelu(x:narrow(2, 1, 3)), x:narrow(2, 4, 3)) end },
  { "SwiGLU", make = function() return nn.SwiGLU(-1) end, input = { 3, 6 },
    expect = gate(function(a, b) return a * sigmoid(a) * b end) },
  { "SquaredReLU", make = function() return nn.SquaredReLU() end, input = { 3, 5 },
    expect = map(function(v) return math.max(v, 0) ^ 2 end) },
  { "Sin", make = function() return nn.Sin(3) end, input = { 3, 5 },
    expect = map(function(v) return math.sin(3 * v) end) },
  { "Snake", make = function() return nn.Snake() end, input = { 3, 5 },
    expect = map(function(v) return v + math.sin(v) ^ 2 end) },
  { "Snake with an alpha a plane", make = function()
    local m = nn.Snake(4, { alpha = 0.5 })
    m.alpha:uniform(0.5, 2)
    return m
  end, input = { 2, 4, 3 }, expect = function(m, x)
    local y = x:clone()
    for c = 1, 4 do
      local a = m.alpha:detach()[c]
      y:select(2, c):apply(function(v) return v + math.sin(a * v) ^ 2 / a end)
    end
    return y
  end },
  { "PReLU of PyTorch", make = function() return nn.PReLU(3, { init = 0.1 }) end, input = { 2, 3, 4 },
    golden = "PReLU 3" },
  { "PReLU with one parameter", make = function() return nn.PReLU(1, { init = 0.5 }) end, input = { 3, 5 },
    golden = "PReLU", expect = map(function(v) return v > 0 and v or v / 2 end) },
  { "ScaleShift", make = function()
    local m = nn.ScaleShift({ 3, 4 })
    m.weight:uniform(0.5, 2)
    m.bias:uniform()
    return m
  end, input = { 2, 3, 4 }, expect = function(m, x)
    local w, b = m.weight:detach():view(1, 3, 4):expand(2, 3, 4),
      m.bias:detach():view(1, 3, 4):expand(2, 3, 4)
    return torch.cmul(x, w) + b
  end },
  { "ScaleShift without bias", make = function() return nn.ScaleShift(4, { bias = false }) end,
    input = { 3, 4 }, expect = function(_, x) return x end },
  { "Flatten", make = function() return nn.Flatten() end, input = { 2, 3, 4 }, golden = "Flatten" },
  { "Flatten the first two", make = function() return nn.Flatten(1, 2) end, input = { 2, 3, 4 },
    golden = "Flatten 0 1" },
  { "Unflatten", make = function() return nn.Unflatten(2, { 2, -1 }) end, input = { 2, 6, 2 },
    golden = "Unflatten" },
}

for _, name in ipairs {
  "SiLU", "Mish", "Hardswish", "Hardsigmoid", "SELU", "Hardtanh", "Hardshrink", "Softshrink", "Softsign",
  "Tanhshrink", "Softplus", "CELU", "GELU", "ELU", "LeakyReLU", "ReLU6", "LogSigmoid",
} do
  cases[#cases + 1] = { name, make = function() return nn[name]() end, input = { 3, 5 }, golden = name }
end

return cases
