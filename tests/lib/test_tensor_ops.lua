-- test_tensor_ops: elementwise operators: forms of arguments, types of results, extreme values, overlap.
-- What they compute, on all types and layouts, is checked by test_operators.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- ---- dtypes and layouts ----------------------------------------------------------------

local types = {
  { name = "float32", eps = 1e-6 }, { name = "float64", eps = 1e-13 }, { name = "float16", eps = 2e-3 },
  { name = "bfloat16", eps = 2e-2 },
  { name = "int8", bits = 8, signed = true }, { name = "uint8", bits = 8 },
  { name = "int16", bits = 16, signed = true }, { name = "int32", bits = 32, signed = true },
  { name = "int64", bits = 64, signed = true }, { name = "bool", bool = true },
}
local state = 1
local function random(lo, hi)
  state = (state * 6364136223846793005 + 1442695040888963407)
  return lo + (state >> 33) / 2147483648.0 * (hi - lo)
end

local function element(type, lo, hi)
  if type.bool then return random(0, 1) > 0.5 end
  if not type.bits then return math.floor(random(lo, hi) * 64) / 64 end
  if not type.signed and lo < 0 then lo = 0 end
  local v = math.floor(random(lo, hi + 1))
  return v
end

local function fill(t, type, lo, hi)
  return t:apply(function() return element(type, lo, hi) end)
end

-- Each makes a 3x4 tensor (or one of the extreme shapes) of the type.
local layouts = {
  contiguous = function(type, lo, hi) return fill(torch.zeros(3, 4, type.name), type, lo, hi) end,
  transposed = function(type, lo, hi) return fill(torch.zeros(4, 3, type.name), type, lo, hi):t() end,
  stepped = function(type, lo, hi)
    return fill(torch.zeros(7, 9, type.name), type, lo, hi)[{ { 2, 7, 2 }, { 1, 8, 2 } }]
  end,
  expanded = function(type, lo, hi) return fill(torch.zeros(1, 4, type.name), type, lo, hi):expand(3,
    4) end,
  empty = function(type) return torch.zeros(0, 4, type.name) end,
  scalar = function(type, lo, hi)
    local v = element(type, lo, hi)
    return torch.scalar(v == true and 1 or v or 0, type.name)
  end,
}

local function flatten(value, list)
  list = list or {}
  if type(value) ~= "table" then
    list[#list + 1] = value
  else
    for _, v in ipairs(value) do flatten(v, list) end
  end
  return list
end

-- The elements in order, read one by one.
local function elements(t)
  return flatten(t:totable())
end

local function number(v)
  if type(v) == "boolean" then return v and 1 or 0 end
  return v
end

local function close(got, want, eps)
  if type(want) == "boolean" or type(got) == "boolean" then return got == want end
  if want ~= want then return got ~= got end
  if got == want then return true end
  return math.abs(got - want) <= eps * (1 + math.abs(want))
end

local function compare(name, got, want, type)
  local list = elements(got)
  local bad
  if #list ~= #want then bad = ("%d elements, wanted %d"):format(#list, #want) end
  for i = 1, math.min(#list, #want) do
    if not bad and not close(list[i], want[i], type and type.eps or 0) then
      bad = ("element %d is %s, wanted %s"):format(i, list[i], want[i])
    end
  end
  return tester:assert(bad == nil, name .. ": " .. tostring(bad))
end

-- ---- one operand ----------------------------------------------------------------

function tests.functions_that_give_masks()
  local inf, nan = math.huge, 0 / 0
  for _, type in ipairs { "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor" } do
    local x = torch[type] { 1, inf, nan, -inf, 0 }
    tester:eq(torch.isnan(x), torch.BoolTensor { false, false, true, false, false })
    tester:eq(torch.isinf(x), torch.BoolTensor { false, true, false, true, false })
    tester:eq(torch.isfinite(x), torch.BoolTensor { true, false, false, false, true })
    tester:eq(torch.logicalNot(x), torch.BoolTensor { false, false, false, false, true })
  end
  local i = torch.IntTensor { 0, 3 }
  tester:eq(torch.isnan(i), torch.BoolTensor { false, false })
  tester:eq(torch.isfinite(i), torch.BoolTensor { true, true })
  tester:eq(torch.logicalNot(i), torch.BoolTensor { true, false })
  tester:eq(torch.bitnot(torch.ByteTensor { 0, 1, 255 }), torch.ByteTensor { 255, 254, 0 })
  tester:eq(torch.bitnot(torch.IntTensor { 0, -5 }), torch.IntTensor { -1, 4 })
  tester:assertErrorPattern(function() torch.bitnot(torch.FloatTensor { 1 }) end, "integer")
end

function tests.functions_of_numbers()
  tester:eq(torch.exp(1), math.exp(1), 1e-15)
  tester:eq(torch.round(-2.5), -3)
  tester:eq(torch.floor(2.7), 2)
  tester:eq(torch.abs(-3), 3)
  tester:eq(torch.type(torch.sqrt(4)), "number")
end

function tests.extreme_values()
  local inf, nan = math.huge, 0 / 0
  local x = torch.DoubleTensor { inf, -inf, nan, 0 }
  compare("exp", torch.exp(x), { inf, 0, nan, 1 })
  compare("tanh", torch.tanh(x), { 1, -1, nan, 0 })
  compare("sigmoid", torch.sigmoid(x), { 1, 0, nan, 0.5 })
  compare("log", torch.log(torch.DoubleTensor { 0, -1, inf }), { -inf, nan, inf })
  compare("sqrt", torch.sqrt(torch.DoubleTensor { -1, inf, 0 }), { nan, inf, 0 })
  compare("softplus", torch.softplus(torch.DoubleTensor { 1000, -1000 }), { 1000, 0 })
  compare("logSigmoid", torch.logSigmoid(torch.DoubleTensor { 1000, -1000 }), { 0, -1000 })
  compare("relu", torch.relu(x), { inf, 0, nan, 0 })
  compare("float32 exp", torch.exp(torch.FloatTensor { 88, 89, -104, 1000, -1000 }),
    { math.exp(88), inf, 0, inf, 0 }, { eps = 1e-5 })
end

-- ---- two operands ----------------------------------------------------------------

-- Those computed without a logarithm are those of the C library, and so are their limits.
function tests.powers_of_easy_exponents()
  local inf = math.huge
  local x = { 4, 2.25, 1e-30, 1e30, 0.0, -0.0, -4, inf, -inf, 0 / 0 }
  for _, dtype in ipairs { "float32", "float64" } do
    for _, exponent in ipairs { 2, 3, 0.5, -0.5, -1 } do
      local y = torch.pow(torch.DoubleTensor(x):type(dtype), exponent)
      for i, base in ipairs(torch.DoubleTensor(x):type(dtype):totable()) do
        local want = torch.DoubleTensor { base ^ exponent }:type(dtype)[1]
        local same = want ~= want and y[i] ~= y[i] or y[i] == want and 1 / y[i] == 1 / want
        tester:assert(same or math.abs(y[i] / want - 1) < 1e-6,
          ("%s %g ^ %g: %g, wanted %g"):format(dtype, base, exponent, y[i], want))
      end
    end
  end
end

-- float32 has loops of its own for some functions: they are those of float64, rounded.
function tests.functions_of_two_floats()
  local inf = math.huge
  local values = { 0.0, 1, -1, 3e-20, -2e20, 3e38, 1e-42, 88, -104, 7.5, inf, -inf, 0 / 0 }
  local n = #values
  local a = torch.DoubleTensor(values):float():view(n, 1):expand(n, n):contiguous()
  local b = a:t():contiguous()
  for _, name in ipairs { "hypot", "logaddexp", "xlogy" } do
    local got, want = torch[name](a, b), torch[name](a:double(), b:double()):float()
    for i = 1, n do
      for j = 1, n do
        local y, z = got[i][j], want[i][j]
        tester:assert(y == z or (y ~= y and z ~= z) or math.abs(y - z) <= 1e-6 * math.abs(z),
          ("%s(%g, %g): %g, wanted %g"):format(name, a[i][j], b[i][j], y, z))
      end
    end
  end
end

function tests.powers_of_two()
  local x = torch.range(-152, 129)
  local y = torch.exp2(x:float()):double()
  for i, e in ipairs(x:totable()) do
    tester:eq(y[i], e < -149 and 0 or e >= 128 and math.huge or 2.0 ^ e, 0, "2^" .. e)
  end
  x = torch.range(-126, 127, 0.0625):add(0.01):float()
  local want = torch.exp2(x:double())
  tester:assert(torch.cdiv(torch.exp2(x):double(), want):add(-1):abs():max() < 4e-7)
  y = torch.exp2(torch.FloatTensor { math.huge, -math.huge, 0 / 0, -1e30, 1e30 })
  tester:eq({ y[1], y[2], y[4], y[5] }, { math.huge, 0, 0, math.huge })
  tester:assert(y[3] ~= y[3])
end

-- Eight at a time and one at a time, for every number of 16 bits and what lies between it and the next.
function tests.casts_to_float16()
  local bits = torch.range(0, 0x7c00):double()
  local e, m = torch.floor(bits / 1024), torch.fmod(bits, 1024)
  local normal = torch.cmul(1 + m / 1024, torch.pow(torch.fullLike(e, 2), e - 15))
  local x = torch.where(torch.eq(e, 0), m * 2 ^ -24, normal)
  x[0x7c01] = math.huge
  tester:eq(x:float():half():double(), x, 0)
  tester:eq((-x):float():half():double(), -x, 0)
  local between = (x:narrow(1, 1, 0x7bff) + x:narrow(1, 2, 0x7bff)) / 2
  local up = torch.ceil(bits:narrow(1, 1, 0x7bff) / 2):mul(2):long() + 1 -- ties go to the even one
  tester:eq(between:float():half():double(), torch.index(x, 1, up), 0)
  tester:eq(torch.FloatTensor { 65519, 65520, 1e10, 2 ^ -26, 0, 0, 0, 0 }:half():double(),
    torch.DoubleTensor { 65504, math.huge, math.huge, 0, 0, 0, 0, 0 }, 0)
  tester:assert(torch.fullLike(torch.zeros(9):float(), 0 / 0):half():float():isnan():all())
end

-- By one number, with and without elements that are too large for a product with its inverse.
function tests.integer_divisions_by_a_number()
  local limits = { int8 = 7, uint8 = 8, int16 = 15, int32 = 31, int64 = 63 }
  local function truncated(a, b) return (a // b) + (((a < 0) ~= (b < 0) and a % b ~= 0) and 1 or 0) end
  for dtype, bits in pairs(limits) do
    local most = bits == 63 and math.maxinteger or (1 << bits) - 1
    local least = dtype == "uint8" and 0 or -most - 1
    for _, y in ipairs { 1, 2, 3, 7, 10, 64, 97, 127, -1, -2, -3, -127, 2^30 | 0, 2^31 - 1 | 0, 2^31 | 0,
      2^40 | 0, math.mininteger } do
      if y >= least and y <= most then
        for _, size in ipairs { 2^32 | 0, 2^32 - 1 | 0, most } do
          local list = {}
          for i = 1, 40 do
            local v = i % 4 == 0 and size - i // 4 or i * 7919 % 256 - 128
            list[i] = math.max(math.min(v, most), least)
          end
          list[39], list[40] = least >= -size and least or -size, math.min(size, most)
          local x = torch.LongTensor(list):type(dtype)
          local function check(what, got, f)
            for i, a in ipairs(x:totable()) do
              local want = torch.LongTensor { f(a, y) }:type(dtype)[1]
              tester:assert(got[i] == want, ("%s %s(%d, %d): %d"):format(dtype, what, a, y, got[i]))
            end
          end
          check("div", torch.div(x, y), truncated)
          check("floorDivide", torch.floorDivide(x, y), function(a, b) return a // b end)
          check("remainder", torch.remainder(x, y), function(a, b) return a % b end)
          check("fmod", torch.fmod(x, y), math.fmod)
        end
      end
    end
  end
end

function tests.atan2()
  local a, b = torch.DoubleTensor { 1, -1, 0, 3 }, torch.DoubleTensor { 2, -2, -1, 0 }
  compare("atan2", torch.atan2(a, b),
    { math.atan(1, 2), math.atan(-1, -2), math.pi, math.pi / 2 }, { eps = 1e-14 })
end

function tests.comparisons()
  local all = { "eq", "ne", "lt", "le", "gt", "ge", "logicalAnd", "logicalOr", "logicalXor" }
  for _, name in ipairs(all) do
    for _, type in ipairs(types) do
      for layout, make in pairs(layouts) do
        local a, b = make(type, -2, 2), make(type, -2, 2)
        local what = ("%s %s %s"):format(name, type.name, layout)
        local want = elements(torch[name](a, b))
        compare(what .. " method", a[name](a, b), want)
        local bytes = torch.ByteTensor()
        torch[name](bytes, a, b)
        for i = 1, #want do want[i] = number(want[i]) end
        compare(what .. " into bytes", bytes, want)
        local ones = torch.ones(1, type.name)
        compare(what .. " with a number", torch[name](a, 1), elements(torch[name](a, ones)))
      end
    end
  end
  local nan = torch.DoubleTensor { 0 / 0 }
  compare("nan", torch.eq(nan, nan), { false })
  compare("nan", torch.ne(nan, nan), { true })
end

function tests.bits()
  local a, b = torch.IntTensor { 12, -1, 7 }, torch.IntTensor { 10, 3, 2 }
  compare("and", torch.cbitand(a, b), { 8, 3, 2 })
  compare("or", torch.cbitor(a, b), { 14, -1, 7 })
  compare("xor", torch.cbitxor(a, b), { 6, -4, 5 })
  compare("left", torch.clshift(a, torch.IntTensor { 1, 2, 3 }), { 24, -4, 56 })
  compare("right", torch.rshift(a, 1), { 6, -1, 3 })
  compare("bool and", torch.bitand(torch.BoolTensor { true, true }, torch.BoolTensor { true, false }),
    { true, false })
  tester:assertErrorPattern(function() torch.bitand(torch.FloatTensor { 1 }, 2) end, "bitand")
end

-- ---- with numbers, mixed types ----------------------------------------------------------------

function tests.numbers_and_types()
  local i, f, b = torch.IntTensor { 7, -7 }, torch.FloatTensor { 7, -7 }, torch.BoolTensor { true, false }
  tester:eq((i + 1).dtype, "int32")
  tester:eq((i + 1.0).dtype, "int32", "a whole number keeps integers")
  tester:eq((i + 1.5).dtype, "float32")
  tester:eq((i * 0.5), torch.FloatTensor { 3.5, -3.5 })
  tester:eq((f + 1.5).dtype, "float32")
  tester:eq((b + 1).dtype, "int64")
  tester:eq(b + 1, torch.LongTensor { 2, 1 })
  tester:eq(i / 2, torch.FloatTensor { 3.5, -3.5 })
  tester:eq(torch.div(i, 2), torch.IntTensor { 3, -3 })
  tester:eq(i // 2, torch.IntTensor { 3, -4 })
  tester:eq(i % 4, torch.IntTensor { 3, 1 })
  tester:eq(torch.fmod(i, 4), torch.IntTensor { 3, -3 })
  tester:eq(torch.remainder(i, -4), torch.IntTensor { -1, -3 })
  tester:eq(2 ^ torch.DoubleTensor { 3, -1 }, torch.DoubleTensor { 8, 0.5 })
  tester:eq(10 - i, torch.IntTensor { 3, 17 })
  tester:eq(14 / f, torch.FloatTensor { 2, -2 })
  tester:eq((-i), torch.IntTensor { -7, 7 })
  tester:eq(i:clone():mul(2.5), torch.IntTensor { 14, -14 }, "in place the type stays")
  tester:eq(i:clone():add(1, i), torch.IntTensor { 14, -14 })
  tester:eq((i + f).dtype, "float32")
  tester:eq((i + torch.LongTensor { 1, 2 }).dtype, "int64")
  tester:eq((torch.HalfTensor { 1 } + torch.BFloat16Tensor { 1 }).dtype, "float32")
  tester:eq((torch.ByteTensor { 200 } + torch.CharTensor { -1 }), torch.ShortTensor { 199 })
  tester:eq((f + torch.scalar(1, "float64")).dtype, "float32", "a scalar weighs as a number does")
  tester:eq((i + torch.scalar(1.5, "float64")).dtype, "float64")
  tester:eq(torch.pow(torch.IntTensor { 2, 3 }, 3), torch.IntTensor { 8, 27 })
  tester:eq(torch.ByteTensor { 250 } + 10, torch.ByteTensor { 4 }, "integers wrap")
  local big = torch.LongTensor { math.maxinteger } + 1
  tester:eq(big[1], math.mininteger)
  tester:eq((torch.LongTensor { 9007199254740993 } * 1)[1], 9007199254740993, "exact in 64 bits")
  tester:eq(torch.add(torch.LongTensor { 9007199254740993 }, 2, torch.LongTensor { 1 })[1],
    9007199254740995)
end

function tests.division_by_zero()
  local i = torch.IntTensor { 1, 2 }
  for _, f in ipairs {
    function() return torch.div(i, 0) end, function() return i // 0 end, function() return i % 0 end,
    function() return torch.cdiv(i, torch.IntTensor { 1, 0 }) end, function() return torch.fmod(i, 0) end,
    function() return i:cdiv(torch.IntTensor { 0, 1 }) end,
  } do
    tester:assertErrorPattern(f, "zero")
  end
  tester:eq(torch.IntTensor { -2147483648 } // -1, torch.IntTensor { -2147483648 }, "wraps")
  compare("floats", torch.FloatTensor { 1, -1 } / 0, { math.huge, -math.huge })
end

function tests.errors()
  local a, b = torch.zeros(3, 4), torch.zeros(4, 3)
  tester:assertErrorPattern(function() return a + b end, "3x4 and 4x3")
  tester:assertErrorPattern(function() return a:add(torch.zeros(5)) end, "add")
  tester:assertErrorPattern(function() return torch.zeros(4):add(a) end, "add")
  tester:assertErrorPattern(function() return a + "text" end, "number")
  tester:assertErrorPattern(function() return a + {} end, "number")
  tester:assertErrorPattern(function() return torch.exp("x") end, "tensor")
  local yes, one, half = torch.BoolTensor { true }, torch.IntTensor { 1 }, torch.FloatTensor { 0.5 }
  tester:assertErrorPattern(function() return yes - yes end, "bool")
  tester:assertErrorPattern(function() return one:cmul(half) end, "float32")
  tester:assertErrorPattern(function() return torch.IntTensor { 4 }:sqrt() end, "float32")
end

-- ---- results first, overlap ----------------------------------------------------------------

function tests.result_tensors()
  local x, y = torch.FloatTensor { 1, 2, 3 }, torch.FloatTensor { 10, 20, 30 }
  local r = torch.FloatTensor(7)
  local same = torch.add(r, x, y)
  tester:eq(torch.pointer(same), torch.pointer(r))
  tester:eq(r, torch.FloatTensor { 11, 22, 33 })
  tester:eq(torch.add(r, x, 5), torch.FloatTensor { 6, 7, 8 })
  tester:eq(torch.add(r, x, 2, y), torch.FloatTensor { 21, 42, 63 })
  tester:eq(r:add(x, 2, y), torch.FloatTensor { 21, 42, 63 })
  tester:eq(r:add(x, 1), torch.FloatTensor { 2, 3, 4 })
  tester:eq(torch.exp(r, torch.FloatTensor { 0 }), torch.FloatTensor { 1 })
  tester:eq(torch.mul(torch.DoubleTensor(), x, 2), torch.DoubleTensor { 2, 4, 6 })
  tester:assertErrorPattern(function() torch.add(torch.IntTensor(), x, y) end, "float32")
  local one = torch.IntTensor { 1 }
  tester:eq(torch.add(torch.FloatTensor(), one, one), torch.FloatTensor { 2 })
end

function tests.overlapping_operands()
  local x = torch.range(1, 9):view(3, 3)
  tester:eq(x:clone():add(x:t()), torch.add(x, x:t()))
  local a = x:clone()
  a:add(a:t())
  tester:eq(a, torch.add(x, x:t()))
  local b = x:clone()
  b:cmul(b:t(), b)
  tester:eq(b, torch.cmul(x:t(), x))
  local c = torch.range(1, 6)
  c:narrow(1, 2, 5):copy(c:narrow(1, 1, 5))
  tester:eq(c, torch.FloatTensor { 1, 1, 2, 3, 4, 5 })
  local d = torch.range(1, 6)
  d:narrow(1, 2, 5):add(d:narrow(1, 1, 5), 10)
  tester:eq(d, torch.FloatTensor { 1, 11, 12, 13, 14, 15 })
  local e = torch.range(1, 4)
  e:narrow(1, 1, 3):exp(e:narrow(1, 2, 3))
  tester:eq(e, torch.FloatTensor { math.exp(2), math.exp(3), math.exp(4), 4 }, 1e-4)
  local f = x:clone()
  f:t():copy(f)
  tester:eq(f, x:t():clone())
end

function tests.fused()
  local a, b, c = torch.DoubleTensor { 1, 2 }, torch.DoubleTensor { 3, 4 }, torch.DoubleTensor { 5, 8 }
  tester:eq(torch.addcmul(a, 2, b, c), torch.DoubleTensor { 31, 66 })
  tester:eq(torch.addcmul(a, b, c), torch.DoubleTensor { 16, 34 })
  tester:eq(torch.addcdiv(a, 2, b, c), torch.DoubleTensor { 2.2, 3 }, 1e-12)
  tester:eq(a:clone():addcmul(2, b, c), torch.DoubleTensor { 31, 66 })
  tester:eq(a:clone():addcmul(b, 2, b, c), torch.DoubleTensor { 33, 68 })
  tester:eq(torch.addcmul(torch.DoubleTensor(), a, 2, b, c), torch.DoubleTensor { 31, 66 })
  tester:eq(torch.lerp(a, b, 0.25), torch.DoubleTensor { 1.5, 2.5 })
  tester:eq(a:clone():lerp(b, 0.25), torch.DoubleTensor { 1.5, 2.5 })
  tester:eq(torch.clamp(c, 6, 7), torch.DoubleTensor { 6, 7 })
  compare("clamp nan", torch.clamp(torch.DoubleTensor { 0 / 0, 9, -9 }, -1, 1), { 0 / 0, 1, -1 })
  tester:eq(torch.threshold(b, 3, 9), torch.DoubleTensor { 9, 4 })
  tester:eq(torch.IntTensor { 1, 5, 9 }:clamp(2, 6), torch.IntTensor { 2, 5, 6 })
  local three, four = torch.IntTensor { 3 }, torch.IntTensor { 4 }
  tester:eq(torch.addcmul(torch.IntTensor { 1 }, 2, three, four), torch.IntTensor { 25 })
  local i = torch.IntTensor { 3, 4 }
  for name, f in pairs {
    add = function() return torch.add(i, 0.5, i) end,
    addcmul = function() return torch.addcmul(i, 0.5, i, i) end,
    lerp = function() return torch.lerp(i, i, 0.5) end,
    addr = function() return torch.addr(0.5, torch.IntTensor(2, 2), i, i) end,
  } do
    tester:assertErrorPattern(f, "whole number", name)
  end
  local mask = torch.BoolTensor { true, false }
  tester:eq(torch.where(mask, a, b), torch.DoubleTensor { 1, 4 })
  tester:eq(torch.where(mask, a, 0), torch.DoubleTensor { 1, 0 })
  tester:eq(torch.where(mask, 1, b), torch.DoubleTensor { 1, 4 })
  local column = torch.BoolTensor { { true }, { false } }
  tester:eq(torch.where(column, a, b), torch.DoubleTensor { { 1, 2 }, { 3, 4 } })
  tester:assertErrorPattern(function() torch.where(a, a, b) end, "condition")
end

function tests.casts()
  local x = torch.DoubleTensor { 1.9, -1.9, 300, 0, 0 / 0 }
  compare("int32", x:narrow(1, 1, 4):int(), { 1, -1, 300, 0 })
  compare("uint8", x:narrow(1, 3, 2):byte(), { 300 - 256, 0 })
  compare("bool", x:narrow(1, 1, 4):bool(), { true, true, true, false })
  for _, from in ipairs(types) do
    for _, to in ipairs(types) do
      for layout, make in pairs(layouts) do
        local t = make(from, 0, 100)
        local want = {}
        for i, v in ipairs(elements(t)) do
          if to.bool then
            want[i] = number(v) ~= 0
          elseif to.bits then
            want[i] = math.floor(number(v))
          else
            want[i] = number(v)
          end
        end
        local what = ("%s to %s, %s"):format(from.name, to.name, layout)
        compare(what, t:to(to.name), want, { eps = to.eps or 0 })
      end
    end
  end
  local f = torch.FloatTensor { 1 }
  tester:eq(torch.pointer(f:float()), torch.pointer(f), "the same type gives the same tensor")
  tester:assertErrorPattern(function() f:to("float99") end, "float99")
  if not torch.cuda.isAvailable() then tester:assertErrorPattern(function() f:cuda() end, "CUDA") end
end

function tests.a_number_before_the_tensor_with_a_result()
  local x, y = torch.Tensor { 1, 2, 3 }, torch.Tensor()
  tester:eq(torch.pow(y, 2, x), torch.Tensor { 2, 4, 8 })
  tester:eq(y, torch.Tensor { 2, 4, 8 })
  tester:eq(y:pow(3, x), torch.Tensor { 3, 9, 27 })
  tester:eq(y:div(6, x), torch.Tensor { 6, 3, 2 })
  tester:eq(torch.add(x, 2, x), torch.Tensor { 3, 6, 9 }, "a factor")
end

tester:add(tests)
tester:run()
