-- elementwise: operators of one element of each input.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

local erf, sinh, cosh, sigmoid = scalar.erf, scalar.sinh, scalar.cosh, scalar.sigmoid
local sign, truncate, round = scalar.sign, scalar.truncate, scalar.round

-- name, function, PyTorch, range: integers give floats
local to_float = {
  { "sqrt", math.sqrt, "torch.sqrt(a)", 0.25, 9 },
  { "rsqrt", function(x) return 1 / math.sqrt(x) end, "torch.rsqrt(a)", 1, 9 },
  { "cinv", function(x) return 1 / x end, "torch.reciprocal(a)", 1, 9 },
  { "exp", math.exp, "torch.exp(a)" },
  { "expm1", function(x) return math.exp(x) - 1 end, "torch.expm1(a)" },
  { "log", math.log, "torch.log(a)", 1, 9 },
  { "log1p", function(x) return math.log(1 + x) end, "torch.log1p(a)", 0, 9 },
  { "log2", function(x) return math.log(x) / math.log(2) end, "torch.log2(a)", 1, 9 },
  { "log10", function(x) return math.log(x) / math.log(10) end, "torch.log10(a)", 1, 9 },
  { "sin", math.sin, "torch.sin(a)" },
  { "cos", math.cos, "torch.cos(a)" },
  { "tan", math.tan, "torch.tan(a)", 0, 1 },
  { "asin", math.asin, "torch.asin(a)", -0.9, 0.9 },
  { "acos", math.acos, "torch.acos(a)", -0.9, 0.9 },
  { "atan", math.atan, "torch.atan(a)" },
  { "sinh", sinh, "torch.sinh(a)" },
  { "cosh", cosh, "torch.cosh(a)" },
  { "tanh", function(x) return sinh(x) / cosh(x) end, "torch.tanh(a)" },
  { "asinh", function(x) return sign(x) * math.log(math.abs(x) + math.sqrt(x * x + 1)) end,
    "torch.asinh(a)" },
  { "acosh", function(x) return math.log(x + math.sqrt(x * x - 1)) end, "torch.acosh(a)", 1.2, 9 },
  { "atanh", function(x) return 0.5 * math.log((1 + x) / (1 - x)) end, "torch.atanh(a)", -0.9, 0.9 },
  { "sigmoid", sigmoid, "torch.sigmoid(a)" },
  { "logSigmoid", function(x) return -math.log(1 + math.exp(-x)) end, "F.logsigmoid(fl(a))" },
  { "softplus", function(x) return math.log(1 + math.exp(x)) end, "F.softplus(fl(a))" },
  { "gelu", function(x) return x * 0.5 * (1 + erf(x / math.sqrt(2))) end, "F.gelu(fl(a))" },
  { "silu", function(x) return x * sigmoid(x) end, "F.silu(fl(a))" },
  { "geluTanh", function(x)
    return x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x ^ 3))
  end, "F.gelu(fl(a), approximate='tanh')" },
  { "mish", function(x)
    local e = math.exp(x)
    return x * e * (e + 2) / (e * (e + 2) + 2)
  end, "F.mish(fl(a))" },
  { "erf", erf, "torch.erf(a)" },
  { "erfc", function(x) return 1 - erf(x) end, "torch.erfc(a)" },
  { "lgamma", scalar.lgamma, "torch.lgamma(a)", 1, 9 },
  { "digamma", scalar.digamma, "torch.digamma(a)", 1, 9 },
}

local same_type = {
  { "neg", function(x) return -x end, "-a" },
  { "abs", math.abs, "a.abs()" },
  { "sign", sign, "a.sign()" },
  { "square", function(x) return x * x end, "a * a" },
  { "relu", function(x) return x > 0 and x or 0 end, "F.relu(a)" },
  { "floor", math.floor, "a.floor() if a.is_floating_point() else a" },
  { "ceil", math.ceil, "a.ceil() if a.is_floating_point() else a" },
  { "round", round }, -- PyTorch rounds halves to even
  { "trunc", truncate, "a.trunc() if a.is_floating_point() else a" },
  { "frac", function(x) return x - truncate(x) end, "a - a.trunc() if a.is_floating_point() else a * 0" },
}

-- Towards zero, as C divides.
local function divide(a, b)
  if math.type(a) ~= "integer" then return a / b end
  local q = a // b
  return q < 0 and q * b ~= a and q + 1 or q
end

local function power(a, b)
  if math.type(a) ~= "integer" then return a ^ b end
  local r = 1
  for _ = 1, b do r = r * a end
  return r
end

local function fmod(a, b)
  if math.type(a) ~= "integer" then return math.fmod(a, b) end
  return a - divide(a, b) * b
end

local function modulo(a, b) return a - (a // b) * b end

-- Whether quotients keep away from whole numbers, where the remainder jumps.
local function no_jump(a, b)
  local q = torch.cdiv(a, b)
  return torch.abs(q - torch.round(q)):min() > 0.005
end

-- name, function, PyTorch, range of the second (the first has -9 to 9 unless `first` is given)
local arithmetic = {
  { "add", function(a, b) return a + b end, "a + b" },
  { "csub", function(a, b) return a - b end, "a - b" },
  { "cmul", function(a, b) return a * b end, "a * b" },
  { "cdiv", divide, "torch.div(a, b, rounding_mode=None if a.is_floating_point() else 'trunc')", 1, 9 },
  { "cpow", power, "a ** b", 0, 3, first = { 1, 4 } },
  { "cfmod", fmod, "torch.fmod(a, b)", 1, 9, fits = no_jump },
  { "cremainder", modulo, "torch.remainder(a, b)", 1, 9, fits = no_jump },
  { "cmax", math.max, "torch.maximum(a, b)" },
  { "cmin", math.min, "torch.minimum(a, b)" },
}

local comparisons = {
  { "eq", function(a, b) return a == b end, "a == b" },
  { "ne", function(a, b) return a ~= b end, "a != b" },
  { "lt", function(a, b) return a < b end, "a < b" },
  { "le", function(a, b) return a <= b end, "a <= b" },
  { "gt", function(a, b) return a > b end, "a > b" },
  { "ge", function(a, b) return a >= b end, "a >= b" },
  { "logicalAnd", function(a, b) return a ~= 0 and b ~= 0 end, "torch.logical_and(a, b)" },
  { "logicalOr", function(a, b) return a ~= 0 or b ~= 0 end, "torch.logical_or(a, b)" },
  { "logicalXor", function(a, b) return (a ~= 0) ~= (b ~= 0) end, "torch.logical_xor(a, b)" },
}

local bits = {
  { "cbitand", function(a, b) return a & b end, "a & b" },
  { "cbitor", function(a, b) return a | b end, "a | b" },
  { "cbitxor", function(a, b) return a ~ b end, "a ^ b" },
  { "clshift", function(a, b) return a << b end, "a << b", 0, 3 },
  { "crshift", function(a, b) return a >= 0 and a >> b or ~(~a >> b) end, "a >> b", 0, 3 },
}

return function(op, plain)
  local map = plain.map
  for _, c in ipairs(to_float) do
    op { name = c[1], inputs = { { "abc", lo = c[4], hi = c[5] } }, plain = map(c[2]), peer = c[3],
      result = "float", inplace = true, elementwise = true, loose = 20, derivative = c.derivative }
  end
  for _, c in ipairs(same_type) do
    op { name = c[1], inputs = { { "abc", lo = -20, hi = 20 } }, plain = map(c[2]), peer = c[3],
      result = "same", inplace = true, elementwise = true }
  end
  for _, c in ipairs(arithmetic) do
    local first = c.first or { -9, 9 }
    local function second(shape) return { shape, lo = c[4] or -9, hi = c[5] or 9 } end
    for _, s in ipairs { { "", "abc", "abc" }, { " by a row", "abc", "c" },
      { " by a column", "abc", "b1" }, { " of row and column", "c", "ab1" },
      { " by a scalar", "abc", "" } } do
      op { name = c[1], label = c[1] .. s[1], plain = map(c[2]), peer = c[3], result = "same",
        inputs = { { s[2], lo = first[1], hi = first[2] }, second(s[3]) }, fits = c.fits,
        inplace = s[2] == "abc", elementwise = s[1] == "", loose = 4 }
    end
  end
  op { name = "atan2", inputs = { { "ab", lo = 0.5, hi = 3 }, { "b", lo = 0.5, hi = 3 } }, types = "float",
    plain = map(math.atan), peer = "torch.atan2(a, b)", result = "same" }
  op { name = "floordiv", inputs = { { "ab", lo = -20, hi = 20 }, { "b", lo = 1, hi = 9 } },
    plain = map(function(a, b) return a // b end), peer = "torch.div(a, b, rounding_mode='floor')",
    result = "same", fits = no_jump }
  for _, c in ipairs(comparisons) do
    op { name = c[1], inputs = { { "abc", lo = -2, hi = 2 }, { "abc", lo = -2, hi = 2 } }, types = "all",
      plain = map(function(a, b)
        return c[2](a == true and 1 or a or 0, b == true and 1 or b or 0)
      end), peer = c[3], result = "bool", elementwise = true, derivative = false }
  end
  for _, c in ipairs(bits) do
    op { name = c[1], inputs = { { "ab", lo = -30, hi = 30 }, { "b", lo = c[4] or -30, hi = c[5] or 30 } },
      types = "int", plain = map(c[2]), peer = c[3], result = "same", inplace = true, derivative = false }
  end
  op { name = "bitnot", inputs = { "ab" }, types = "int", plain = map(function(a) return ~a end),
    peer = "~a", result = "same", derivative = false, elementwise = true }
  for _, c in ipairs {
    { "isnan", function(a) return a ~= a end, "torch.isnan(a)" },
    { "isinf", function() return false end, "torch.isinf(a)" },
    { "isfinite", function(a) return a == a end, "torch.isfinite(a)" },
    { "logicalNot", function(a) return a == 0 end, "torch.logical_not(a)" },
  } do
    op { name = c[1], inputs = { { "ab", nan = true } }, plain = map(c[2]), result = "bool",
      derivative = false, peer = c[3], elementwise = true }
  end

  -- With numbers.
  local function number(name, label, call, f, peer, options)
    local entry = { name = name, label = label, call = call, plain = map(f), peer = peer,
      inputs = { { "abc", lo = -9, hi = 9 } }, result = "same", elementwise = true, into = false, loose = 4 }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end
  number("add", "add a number", function(x) return torch.add(x, 3) end, function(a) return a + 3 end, "a + 3")
  number("mul", nil, function(x) return torch.mul(x, 3) end, function(a) return a * 3 end, "a * 3")
  number("div", nil, function(x) return torch.div(x, 3) end, function(a) return divide(a, 3) end,
    "torch.div(a, 3, rounding_mode=None if a.is_floating_point() else 'trunc')")
  number("fmod", nil, function(x) return torch.fmod(x, 4) end, function(a) return fmod(a, 4) end,
    "torch.fmod(a, 4)")
  number("remainder", nil, function(x) return torch.remainder(x, 4) end, function(a) return modulo(a, 4) end,
    "torch.remainder(a, 4)")
  for _, name in ipairs { "mod", "cmod" } do -- other names of fmod
    number(name, nil, function(x) return torch[name](x, 4) end, function(a) return fmod(a, 4) end,
      "torch.fmod(a, 4)")
  end
  local whole = { types = "int", derivative = false, inputs = { { "abc", lo = -30, hi = 30 } } }
  number("bitand", nil, function(x) return torch.bitand(x, 6) end, function(a) return a & 6 end, "a & 6",
    whole)
  number("bitor", nil, function(x) return torch.bitor(x, 6) end, function(a) return a | 6 end, "a | 6", whole)
  number("bitxor", nil, function(x) return torch.bitxor(x, 6) end, function(a) return a ~ 6 end, "a ^ 6",
    whole)
  number("lshift", nil, function(x) return torch.lshift(x, 2) end, function(a) return a << 2 end, "a << 2",
    whole)
  number("rshift", nil, function(x) return torch.rshift(x, 2) end, function(a) return a // 4 end, "a >> 2",
    whole)
  number("pow", nil, function(x) return torch.pow(x, 2) end, function(a) return a * a end, "a ** 2")
  number("pow", "a number to a power", function(x) return torch.pow(2, x) end,
    function(a) return 2 ^ a end, "2 ** a", { types = "float", inputs = { "abc" } })
  number("clamp", nil, function(x) return torch.clamp(x, 0, 5) end,
    function(a) return math.min(math.max(a, 0), 5) end, "torch.clamp(a, 0, 5)")
  number("threshold", nil, function(x) return torch.threshold(x, 1, 7) end,
    function(a) return a > 1 and a or 7 end, "F.threshold(a, 1, 7)")

  -- Fused.
  local triple = { { "abc", lo = -5, hi = 5 }, { "abc", lo = 1, hi = 4 }, { "abc", lo = 1, hi = 4 } }
  op { name = "addcmul", inputs = triple, call = function(x, y, z) return torch.addcmul(x, 2, y, z) end,
    plain = map(function(x, y, z) return x + 2 * y * z end), peer = "a + 2 * b * c", result = "same",
    elementwise = true, into = false, loose = 4 }
  op { name = "addcdiv", inputs = { table.unpack(triple) }, types = "float",
    call = function(x, y, z) return torch.addcdiv(x, 2, y, z) end,
    plain = map(function(x, y, z) return x + 2 * y / z end), peer = "a + 2 * b / c", result = "same",
    elementwise = true, into = false, loose = 4 }
  op { name = "add", label = "add a multiple", inputs = { "abc", "abc" },
    call = function(x, y) return torch.add(x, 2, y) end, plain = map(function(x, y) return x + 2 * y end),
    peer = "torch.add(a, b, alpha=2)", result = "same", elementwise = true, into = false, loose = 4 }
  op { name = "lerp", inputs = { "abc", "abc" }, types = "float",
    call = function(x, y) return torch.lerp(x, y, 0.25) end,
    plain = map(function(x, y) return x + 0.25 * (y - x) end), peer = "a + 0.25 * (b - a)", result = "same",
    elementwise = true, into = false, loose = 4 }
  op { name = "where", inputs = { { "abc", mask = true }, "abc", "bc" }, types = "all",
    plain = map(function(m, x, y) if m then return x end return y end), peer = "torch.where(a, b, c)",
    into = false }
end
