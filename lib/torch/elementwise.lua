-- elementwise: functions of each element that are short compositions of others.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- Two operands, one of which may be a number.
local function both(fn, a, b)
  if not torch.isTensor(a) then return check.operand(fn, a, b), b end
  return a, check.operand(fn, b, a)
end

-- A mask as torch.where takes it; in Torch7's mode comparisons give bytes, which it takes too.
local function logical_and(a, b) return torch.logicalAnd(a, b) end

-- ---- bounds ----------------------------------------------------------------------------------------

--- torch.clip(x [, lowest [, highest]])
-- x:clip([lowest [, highest]])
--
-- The elements, with those below the lowest or above the highest replaced by it.
--
-- x: tensor
-- lowest: a number, a tensor that broadcasts, or nil for none
-- highest: likewise; where the two cross it wins
-- Returns: a new tensor
-- Errors: neither is given
-- From: NumPy; PyTorch's clamp with tensors
-- Example:
--   torch.clip(torch.Tensor { 1, 5, 9 }, 2, 6):sum() --> 13.0
--   torch.clip(torch.Tensor { 1, 5 }, nil, torch.Tensor { 0, 7 })[1] --> 0.0
function torch.clip(x, lowest, highest)
  check.tensor("clip", x)
  if lowest == nil and highest == nil then raise("torch.clip: neither bound is given") end
  if type(lowest or 0) == "number" and type(highest or 0) == "number" then
    return torch.clamp(x, lowest, highest)
  end
  if lowest ~= nil then x = torch.cmax(x, check.operand("clip", lowest, x)) end
  if highest ~= nil then x = torch.cmin(x, check.operand("clip", highest, x)) end
  return x
end

--- torch.maximum(a, b)
-- torch.minimum(a, b)
-- a:maximum(b)
-- a:minimum(b)
--
-- The larger (smaller) of each pair of elements; NaN where one of them is NaN.
--
-- a: tensor, or a number when b is a tensor
-- b: likewise; a and b broadcast
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.maximum(torch.Tensor { 1, 5 }, 3):sum() --> 8.0
function torch.maximum(a, b) return torch.cmax(both("maximum", a, b)) end
function torch.minimum(a, b) return torch.cmin(both("minimum", a, b)) end

--- torch.fmax(a, b)
-- torch.fmin(a, b)
-- a:fmax(b)
-- a:fmin(b)
--
-- The larger (smaller) of each pair of elements; of a number and NaN the number.
--
-- a: tensor, or a number when b is a tensor
-- b: likewise; a and b broadcast
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.fmax(torch.Tensor { 1, 0 / 0 }, 3)[2] --> 3.0
function torch.fmax(a, b)
  a, b = both("fmax", a, b)
  local x = torch.where(torch.isnan(a), b, a)
  return torch.cmax(x, torch.where(torch.isnan(b), x, b))
end
function torch.fmin(a, b)
  a, b = both("fmin", a, b)
  local x = torch.where(torch.isnan(a), b, a)
  return torch.cmin(x, torch.where(torch.isnan(b), x, b))
end

-- ---- closeness and odd values ----------------------------------------------------------------------

--- torch.isclose(a, b [, rtol [, atol [, equalNan]]])
-- a:isclose(b [, rtol [, atol [, equalNan]]])
--
-- Where |a - b| <= atol + rtol |b|.  Infinities are close to themselves only.
--
-- a: tensor
-- b: tensor or number; a and b broadcast
-- rtol: 1e-5 by default
-- atol: 1e-8 by default
-- equalNan: whether NaN is close to NaN; false by default
-- Returns: a mask
-- From: NumPy, PyTorch
-- Example:
--   torch.isclose(torch.Tensor { 1, 2 }, torch.Tensor { 1, 3 })[1] --> true
function torch.isclose(a, b, rtol, atol, equalNan)
  a, b = both("isclose", a, b)
  local x, y = a:detach(), b:detach()
  if x.dtype == "bool" then x = x:to("uint8") end
  if y.dtype == "bool" then y = y:to("uint8") end
  x, y = check.float("isclose", x), check.float("isclose", y)
  local bound = torch.add(torch.mul(torch.abs(y), rtol or 1e-5), atol or 1e-8)
  local near = logical_and(torch.le(torch.abs(x - y), bound), torch.isfinite(y))
  near = torch.logicalOr(near, torch.eq(x, y))
  if equalNan then near = torch.logicalOr(near, logical_and(torch.isnan(x), torch.isnan(y))) end
  return near
end

--- torch.allclose(a, b [, rtol [, atol [, equalNan]]])
-- a:allclose(b [, rtol [, atol [, equalNan]]])
--
-- Whether torch.isclose holds everywhere.
--
-- a: tensor
-- b: tensor or number
-- rtol: 1e-5 by default
-- atol: 1e-8 by default
-- equalNan: false by default
-- Returns: true or false
-- From: NumPy, PyTorch
-- Example:
--   torch.allclose(torch.Tensor { 1 }, torch.Tensor { 1.000001 }) --> true
function torch.allclose(a, b, rtol, atol, equalNan)
  return torch.isclose(a, b, rtol, atol, equalNan):to("bool"):all()
end

--- torch.nanToNum(x [, nan [, highest [, lowest]]])
-- x:nanToNum([nan [, highest [, lowest]]])
--
-- x with numbers in place of NaN and the infinities.
--
-- x: tensor
-- nan: in place of NaN, 0 by default
-- highest: in place of infinity, the type's largest number by default
-- lowest: in place of minus infinity, the type's smallest number by default
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.nanToNum(torch.Tensor { 0 / 0, 2 }, 5):sum() --> 7.0
function torch.nanToNum(x, nan, highest, lowest)
  check.tensor("nanToNum", x)
  if not check.is_float(x) then return x:clone() end
  local most = ({ float64 = 0x1.fffffffffffffp+1023, float32 = 0x1.fffffep+127, float16 = 65504,
    bfloat16 = 0x1.fep+127 })[x.dtype]
  local function number(v) return check.constant(v, x) end
  local y = torch._nanToNum(x, nan or 0, most)
  if highest then y = torch.where(torch.eq(x, math.huge), number(highest), y) end
  return lowest and torch.where(torch.eq(x, -math.huge), number(lowest), y) or y
end

--- torch.isposinf(x)
-- torch.isneginf(x)
-- torch.signbit(x)
-- x:isposinf()
-- x:isneginf()
-- x:signbit()
--
-- Where x is infinity, where it is minus infinity, and where its sign is minus, also that of -0.
--
-- x: tensor
-- Returns: a mask
-- From: NumPy, PyTorch
-- Example:
--   torch.isposinf(torch.Tensor { 1 / 0, -1 / 0 })[1] --> true
--   torch.signbit(torch.Tensor { -0.0, 0.0 })[1] --> true
function torch.isposinf(x) return torch.eq(check.tensor("isposinf", x):detach(), math.huge) end
function torch.isneginf(x) return torch.eq(check.tensor("isneginf", x):detach(), -math.huge) end
function torch.signbit(x)
  check.tensor("signbit", x)
  if not check.is_float(x) then return torch.lt(x, 0) end
  return torch.lt(torch.copysign(torch.onesLike(x:detach()), x:detach()), 0)
end

-- ---- steps and signs -------------------------------------------------------------------------------

--- torch.heaviside(x, atZero)
-- x:heaviside(atZero)
--
-- 0 below 0, 1 above, and a value of one's own at 0; NaN stays NaN, as in NumPy.
--
-- x: tensor
-- atZero: tensor or number; x and it broadcast
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.heaviside(torch.Tensor { -1, 0, 2 }, 0.5):sum() --> 1.5
function torch.heaviside(x, atZero)
  x, atZero = both("heaviside", x, atZero)
  local step = torch.where(torch.isnan(x), x:detach(), torch.gt(x, 0):type(x.dtype))
  return torch.where(torch.eq(x, 0), atZero, step)
end

--- torch.sgn(x)
-- torch.positive(x)
-- torch.reciprocal(x)
-- x:sgn()
-- x:positive()
-- x:reciprocal()
--
-- The sign (torch.sign), x itself, and 1 / x (torch.cinv).
--
-- x: tensor
-- Returns: a new tensor; positive gives x
-- Errors: positive of a BoolTensor
-- From: PyTorch
-- Example:
--   torch.reciprocal(torch.Tensor { 4 })[1] --> 0.25
function torch.sgn(x) return torch.sign(x) end
function torch.positive(x)
  if check.tensor("positive", x).dtype == "bool" then
    raise("torch.positive: not defined for bool tensors")
  end
  return x
end
function torch.reciprocal(x) return torch.cinv(x) end

-- ---- division --------------------------------------------------------------------------------------

--- torch.floorDivide(a, b)
-- torch.trueDivide(a, b)
-- torch.divmod(a, b)
-- a:floorDivide(b)
-- a:trueDivide(b)
-- a:divmod(b)
--
-- The quotient rounded down, the exact quotient (of integers a float), and the quotient rounded down with
-- what it leaves over, which has b's sign.  torch.fmod has a's sign.
--
-- a: tensor, or a number when b is a tensor
-- b: likewise; a and b broadcast
-- Returns: a new tensor; divmod two
-- Errors: an integer division by zero
-- From: NumPy, PyTorch
-- Example:
--   torch.floorDivide(torch.LongTensor { -7 }, 2)[1] --> -4
--   torch.trueDivide(torch.LongTensor { 1 }, 2)[1] --> 0.5
function torch.floorDivide(a, b) return torch.floordiv(both("floorDivide", a, b)) end
function torch.trueDivide(a, b)
  a, b = both("trueDivide", a, b)
  if not check.is_float(a) and not check.is_float(b) then a = check.float("trueDivide", a) end
  return torch.cdiv(a, b)
end
function torch.divmod(a, b)
  a, b = both("divmod", a, b)
  return torch.floordiv(a, b), torch.remainder(a, b)
end

-- ---- exponents and logarithms ----------------------------------------------------------------------

--- torch.logBase(x, base)
-- x:logBase(base)
--
-- The logarithm to any base.
--
-- x: tensor; integers are taken as floats
-- base: number or tensor; x and it broadcast
-- Returns: a new tensor
-- From: definition
-- Example:
--   torch.logBase(torch.DoubleTensor { 9 }, 3)[1] --> 2.0
function torch.logBase(x, base)
  x, base = both("logBase", x, base)
  return torch.cdiv(torch.log(x), torch.log(base))
end

--- torch.ldexp(x, exponent)
-- x:ldexp(exponent)
--
-- x times 2 to the power of the exponent.
--
-- x: tensor; integers are taken as floats
-- exponent: tensor or number; x and it broadcast
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.ldexp(torch.Tensor { 3 }, 2)[1] --> 12.0
function torch.ldexp(x, exponent)
  x, exponent = both("ldexp", x, exponent)
  return torch.cmul(check.float("ldexp", x), torch.exp2(exponent))
end

--- torch.floatPower(x, exponent)
-- x:floatPower(exponent)
--
-- x to a power, computed in float64.
--
-- x: tensor, or a number when the exponent is a tensor
-- exponent: likewise; both broadcast
-- Returns: a new DoubleTensor
-- From: NumPy, PyTorch
-- Example:
--   torch.floatPower(torch.LongTensor { 2 }, -1)[1] --> 0.5
function torch.floatPower(x, exponent)
  x, exponent = both("floatPower", x, exponent)
  return torch.pow(x:to("float64"), exponent:to("float64"))
end

--- torch.logit(x [, eps])
-- x:logit([eps])
--
-- log(x / (1 - x)), the inverse of torch.sigmoid.
--
-- x: tensor of numbers from 0 to 1
-- eps: when given, x is first brought to eps .. 1 - eps
-- Returns: a new tensor
-- From: PyTorch
-- Example:
--   torch.logit(torch.Tensor { 0.5 })[1] --> 0.0
function torch.logit(x, eps)
  x = check.float("logit", x)
  if eps ~= nil then x = torch.clamp(x, eps, 1 - eps) end
  return torch.log(x) - torch.log1p(torch.neg(x))
end

-- ---- angles and gamma functions --------------------------------------------------------------------

--- torch.deg2rad(x)
-- torch.rad2deg(x)
-- x:deg2rad()
-- x:rad2deg()
--
-- Angles in degrees as radians, and back.
--
-- x: tensor; integers are taken as floats
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.rad2deg(torch.deg2rad(torch.Tensor { 180 }))[1] --> 180.0
function torch.deg2rad(x) return torch.mul(check.float("deg2rad", x), math.pi / 180) end
function torch.rad2deg(x) return torch.mul(check.float("rad2deg", x), 180 / math.pi) end

--- torch.trigamma(x)
-- x:trigamma()
--
-- The derivative of torch.digamma: torch.polygamma(1, x).
--
-- x: tensor; integers are taken as floats
-- Returns: a new tensor
-- From: Torch7's cephes, SciPy
-- Example:
--   torch.trigamma(torch.Tensor { 1 })[1] > 1.64 --> true
function torch.trigamma(x) return torch.polygamma(1, x) end

--- torch.mvlgamma(x, p)
-- x:mvlgamma(p)
--
-- The logarithm of the gamma function of p dimensions.
--
-- x: tensor of numbers above (p - 1) / 2; integers are taken as floats
-- p: at least 1
-- Returns: a new tensor
-- From: PyTorch, SciPy's multigammaln
-- Example:
--   torch.mvlgamma(torch.Tensor { 1 }, 1)[1] --> 0.0
function torch.mvlgamma(x, p)
  x = check.float("mvlgamma", x)
  p = check.whole("mvlgamma", "p", p, 1, 10000)
  local sum = torch.lgamma(x)
  for i = 1, p - 1 do sum = sum + torch.lgamma(x - i / 2) end
  return sum + p * (p - 1) / 4 * math.log(math.pi)
end

check.methods { "clip", "maximum", "minimum", "fmax", "fmin", "isclose", "allclose", "nanToNum", "isposinf",
  "isneginf", "signbit", "heaviside", "sgn", "positive", "reciprocal", "floorDivide", "trueDivide", "divmod",
  "logBase", "ldexp", "floatPower", "logit", "deg2rad", "rad2deg", "trigamma", "mvlgamma" }
