-- special: less common functions of one and two elements.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

local function sinc(x)
  if x == 0 then return 1 end
  return math.sin(math.pi * x) / (math.pi * x)
end

local function gcd(a, b)
  a, b = math.abs(a), math.abs(b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

local function lcm(a, b)
  if a == 0 or b == 0 then return 0 end
  return math.abs(a * b) // gcd(a, b)
end

-- name, function, PyTorch, range
local of_one = {
  { "exp2", function(x) return 2.0 ^ x end, "torch.exp2(fl(a))" },
  { "erfinv", scalar.erfinv, "torch.erfinv(fl(a))", -0.9, 0.9 },
  { "i0", function(x) return scalar.bessel(0, x) end, "torch.special.i0(fl(a))" },
  { "i1", function(x) return scalar.bessel(1, x) end, "torch.special.i1(fl(a))" },
  { "sinc", sinc, "torch.sinc(fl(a))" },
  { "trigamma", function(x) return scalar.polygamma(1, x) end,
    "torch.special.zeta(fl(a) * 0 + 2, fl(a))", 1, 9 },
  { "deg2rad", math.rad, "torch.deg2rad(fl(a))", -100, 100 },
  { "rad2deg", math.deg, "torch.rad2deg(fl(a))" },
  { "logit", function(x) return math.log(x / (1 - x)) end, "torch.logit(a)", 0.1, 0.9,
    types = "float" },
}

local of_two = {
  { "hypot", function(a, b) return math.sqrt(a * a + b * b) end, "torch.hypot(fl(a), fl(b))" },
  { "logaddexp", function(a, b) return math.log(math.exp(a) + math.exp(b)) end,
    "torch.logaddexp(fl(a), fl(b))" },
  { "xlogy", function(a, b) return a == 0 and 0 or a * math.log(b) end, "torch.xlogy(fl(a), fl(b))", 1, 5 },
  { "copysign", function(a, b) return b < 0 and -math.abs(a) or math.abs(a) end,
    "torch.copysign(fl(a), fl(b))" },
}

return function(op, plain)
  local map = plain.map
  for _, c in ipairs(of_one) do
    op { name = c[1], inputs = { { "abc", lo = c[4], hi = c[5] } }, plain = map(c[2]), peer = c[3],
      result = "float", elementwise = true, into = false, method = true, loose = 20, types = c.types }
  end
  for _, c in ipairs(of_two) do
    for _, s in ipairs { { "", "abc", "abc" }, { " by a row", "ab", "b" }, { " by a column", "ab", "a1" } } do
      op { name = c[1], label = c[1] .. s[1], inputs = { s[2], { s[3], lo = c[4], hi = c[5] } },
        plain = map(c[2]), peer = c[3], result = "float", elementwise = s[1] == "", into = false,
        method = true, loose = 20 }
    end
  end
  for _, c in ipairs { { "gcd", gcd }, { "lcm", lcm } } do
    op { name = c[1], inputs = { { "ab", lo = -10, hi = 10 }, { "b", lo = -10, hi = 10 } }, types = "int",
      plain = map(c[2]), peer = ("torch.%s(a, b)"):format(c[1]), result = "same", into = false, method = true,
      derivative = false }
  end
  for order = 1, 3 do
    op { name = "polygamma", label = "polygamma " .. order, inputs = { { "abc", lo = 1, hi = 9 } },
      call = function(x) return torch.polygamma(order, x) end, result = "float", elementwise = true,
      plain = map(function(x) return scalar.polygamma(order, x) end), loose = 100,
      peer = ("math.factorial(%d) * torch.special.zeta(fl(a) * 0 + %d, fl(a)) * %d"):format(order, order + 1,
        order % 2 == 1 and 1 or -1) }
  end
  op { name = "mvlgamma", inputs = { { "ab", lo = 2, hi = 9 } }, result = "float", loose = 100,
    call = function(x) return torch.mvlgamma(x, 3) end,
    plain = map(function(x)
      return scalar.lgamma(x) + scalar.lgamma(x - 0.5) + scalar.lgamma(x - 1) + 1.5 * math.log(math.pi)
    end), peer = "torch.mvlgamma(fl(a), 3)" }
  op { name = "logit", label = "logit with a bound", inputs = { { "ab", lo = 0, hi = 1 } }, types = "float",
    call = function(x) return torch.logit(x, 0.25) end, loose = 20, result = "same",
    plain = map(function(x)
      x = math.min(math.max(x, 0.25), 0.75)
      return math.log(x / (1 - x))
    end), peer = "torch.logit(a, 0.25)" }

  -- Exponents.
  op { name = "ldexp", inputs = { "ab", "b" }, plain = map(function(x, e) return x * 2.0 ^ e end),
    peer = "torch.ldexp(fl(a), fl(b))", result = "float", into = false, method = true, loose = 10 }
  op { name = "floatPower", inputs = { { "ab", lo = 1, hi = 3 }, "b" }, result = "float64", into = false,
    plain = map(function(x, e) return x ^ e end), peer = "torch.float_power(a, b)", method = true,
    loose = 10 }
  op { name = "logBase", inputs = { { "ab", lo = 1, hi = 9 }, { "b", lo = 2, hi = 9 } }, result = "float",
    plain = map(function(x, b) return math.log(x) / math.log(b) end), into = false, method = true,
    peer = "torch.log(a) / torch.log(b)", loose = 20 }
end
