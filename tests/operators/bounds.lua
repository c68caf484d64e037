-- bounds: bounds, extremes of two, odd values, closeness, signs and kinds of division.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

local is_nan = scalar.is_nan

-- NaN where one of them is.
local function larger(a, b) return (is_nan(a) or is_nan(b)) and 0 / 0 or math.max(a, b) end
local function smaller(a, b) return (is_nan(a) or is_nan(b)) and 0 / 0 or math.min(a, b) end
-- The number of a number and NaN.
local function pick_larger(a, b) return is_nan(a) and b or is_nan(b) and a or math.max(a, b) end
local function pick_smaller(a, b) return is_nan(a) and b or is_nan(b) and a or math.min(a, b) end

local function heaviside(x, v)
  if is_nan(x) then return x end
  return x == 0 and v or x > 0 and 1 or 0
end

local function minus(x) return x < 0 end

local function no_jump(a, b)
  local q = torch.cdiv(a, b)
  return torch.abs(q - torch.round(q)):min() > 0.005
end

return function(op, plain)
  local map = plain.map

  local function two(name, f, peer, options)
    local entry = { name = name, inputs = { { "ab", lo = -9, hi = 9 }, { "b", lo = -9, hi = 9 } },
      plain = map(f), peer = peer, result = "same", into = false, method = true }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end
  local odd = { { "ab", nan = true }, { "ab", nan = true } }
  two("maximum", larger, "torch.maximum(a, b)")
  two("minimum", smaller, "torch.minimum(a, b)")
  two("maximum", larger, "torch.maximum(a, b)", { label = "maximum with NaN", inputs = odd, types = "float" })
  two("minimum", smaller, "torch.minimum(a, b)", { label = "minimum with NaN",
    inputs = { table.unpack(odd) }, types = "float" })
  two("fmax", pick_larger, "torch.fmax(a, b)", { inputs = { table.unpack(odd) } })
  two("fmin", pick_smaller, "torch.fmin(a, b)", { inputs = { table.unpack(odd) } })
  two("heaviside", heaviside, "torch.heaviside(a, b)", { inputs = { { "ab", whole = true }, "b" } })
  two("floorDivide", function(a, b) return a // b end, "torch.div(a, b, rounding_mode='floor')",
    { inputs = { { "ab", lo = -20, hi = 20 }, { "b", lo = 1, hi = 9 } }, fits = no_jump })
  two("trueDivide", function(a, b) return a / b end, "fl(a) / fl(b)", { result = "float", loose = 4,
    inputs = { { "ab", lo = -20, hi = 20 }, { "b", lo = 1, hi = 9 } } })
  op { name = "divmod", inputs = { { "ab", lo = -20, hi = 20 }, { "b", lo = 1, hi = 9 } }, into = false,
    fits = no_jump, result = "same", method = true, plain = function(a, b)
      return map(function(x, y) return x // y end)(a, b), map(function(x, y) return x - x // y * y end)(a, b)
    end, peer = "[torch.div(a, b, rounding_mode='floor'), torch.remainder(a, b)]" }

  -- Bounds that are numbers, tensors or missing.
  op { name = "clip", inputs = { { "abc", lo = -9, hi = 9 } },
    call = function(x) return torch.clip(x, 0, 5) end, result = "same", elementwise = true,
    plain = map(function(x) return math.min(math.max(x, 0), 5) end), peer = "a.clip(0, 5)" }
  op { name = "clip", label = "clip between tensors", result = "same", into = false, method = true,
    inputs = { { "ab", lo = -9, hi = 9 }, { "b", lo = -9, hi = -1 }, { "ab", lo = 1, hi = 9 } },
    plain = map(function(x, lo, hi) return math.min(math.max(x, lo), hi) end), peer = "torch.clip(a, b, c)" }
  op { name = "clip", label = "clip from above", inputs = { { "ab", lo = -9, hi = 9 }, "b" }, result = "same",
    call = function(x, hi) return torch.clip(x, nil, hi) end,
    plain = map(math.min), peer = "torch.clip(a, max=b)" }

  -- Odd values and signs.
  local function one(name, f, peer, options)
    local entry = { name = name, inputs = { { "ab", nan = true } }, plain = map(f), peer = peer,
      elementwise = true, into = false, method = true, result = "same" }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end
  -- Infinities for |x| < 1, and NaN for 0.
  local function split(x)
    return torch.where(torch.lt(torch.abs(x), 1), torch.mul(x:detach(), math.huge), x)
  end
  one("isposinf", function(x) return math.abs(x) < 1 and x > 0 end, "(a.abs() < 1) & (a > 0)",
    { types = "float", call = function(x) return torch.isposinf(split(x)) end, result = "bool",
      derivative = false, method = false })
  one("isneginf", function(x) return math.abs(x) < 1 and x < 0 end, "(a.abs() < 1) & (a < 0)",
    { types = "float", call = function(x) return torch.isneginf(split(x)) end, result = "bool",
      derivative = false, method = false })
  one("isposinf", function() return false end, "torch.isposinf(a)",
    { label = "isposinf of numbers", result = "bool", derivative = false })
  one("isneginf", function() return false end, "torch.isneginf(a)",
    { label = "isneginf of numbers", result = "bool", derivative = false })
  one("signbit", minus, "torch.signbit(a)",
    { inputs = { "ab" }, types = "all", result = "bool", derivative = false, plain = map(function(x)
      return type(x) == "number" and x < 0
    end) })
  one("sgn", scalar.sign, "torch.sgn(a)", { inputs = { "ab" } })
  one("positive", function(x) return x end, "torch.positive(a)", { inputs = { "ab" } })
  one("reciprocal", function(x) return 1 / x end, "torch.reciprocal(a)",
    { inputs = { { "ab", lo = 1, hi = 9 } }, result = "float" })
  one("nanToNum", function(x) return is_nan(x) and 0 or x end, "torch.nan_to_num(a)")
  one("nanToNum", function(x)
    if is_nan(x) then return 2 end
    return math.abs(x) < 1 and (x > 0 and 7 or x < 0 and -7 or 2) or x
  end, "torch.nan_to_num(torch.where(a.abs() < 1, a * math.inf, a), 2, 7, -7)",
    { label = "nanToNum of infinities", types = "float", method = false,
      call = function(x) return torch.nanToNum(split(x), 2, 7, -7) end })

  -- Closeness.
  op { name = "isclose", inputs = { { "ab", nan = true, whole = true }, { "b", nan = true, whole = true } },
    into = false, derivative = false, result = "bool", method = true, types = "all",
    plain = map(function(a, b) return a == b end), peer = "torch.isclose(a, b)" }
  op { name = "isclose", label = "isclose, not very", result = "bool", derivative = false,
    inputs = { { "ab", nan = true }, { "ab", nan = true } },
    call = function(a, b) return torch.isclose(a, b, 0.25, 0.5, true) end,
    plain = map(function(a, b)
      return is_nan(a) and is_nan(b) or math.abs(a - b) <= 0.5 + 0.25 * math.abs(b)
    end), peer = "torch.isclose(fl(a), fl(b), 0.25, 0.5, True)" }
  op { name = "allclose", inputs = { { "ab", whole = true, lo = 0, hi = 1 } }, types = "all",
    derivative = false, call = function(x) return torch.allclose(x, torch.onesLike(x)) end,
    plain = function(x)
      return plain.over(x, function(list)
        for _, v in ipairs(list) do
          if v ~= 1 and v ~= true then return false end
        end
        return true
      end)
    end, peer = "torch.tensor(torch.allclose(a, torch.ones_like(a)))" }
end
