-- scalar: functions of one number that Lua's math lacks, for plain references.
local scalar = {}

function scalar.erf(x)
  local sum, term = x, x
  for n = 1, 80 do
    term = -term * x * x / n
    sum = sum + term / (2 * n + 1)
  end
  return 2 / math.sqrt(math.pi) * sum
end

--- The inverse of erf, by Newton's method.
function scalar.erfinv(y)
  local x = 0
  for _ = 1, 60 do x = x - (scalar.erf(x) - y) * math.sqrt(math.pi) / 2 * math.exp(x * x) end
  return x
end

function scalar.lgamma(x)
  local shift = 0
  while x < 12 do
    shift = shift + math.log(x)
    x = x + 1
  end
  return (x - 0.5) * math.log(x) - x + 0.5 * math.log(2 * math.pi) + 1 / (12 * x) - 1 / (360 * x ^ 3)
    + 1 / (1260 * x ^ 5) - shift
end

function scalar.digamma(x)
  local shift = 0
  while x < 12 do
    shift = shift + 1 / x
    x = x + 1
  end
  return math.log(x) - 1 / (2 * x) - 1 / (12 * x ^ 2) + 1 / (120 * x ^ 4) - 1 / (252 * x ^ 6) - shift
end

--- The n-th derivative of digamma, n > 0: a sum of powers, whose rest is Euler and Maclaurin's.
function scalar.polygamma(n, x)
  local sum, s, factorial = 0, n + 1, 1
  while x < 30 do
    sum = sum + x ^ -s
    x = x + 1
  end
  sum = sum + x ^ (1 - s) / (s - 1) + x ^ -s / 2 + s / 12 * x ^ (-s - 1)
    - s * (s + 1) * (s + 2) / 720 * x ^ (-s - 3)
    + s * (s + 1) * (s + 2) * (s + 3) * (s + 4) / 30240 * x ^ (-s - 5)
  for k = 2, n do factorial = factorial * k end
  return (n % 2 == 1 and 1 or -1) * factorial * sum
end

--- The modified Bessel functions of the first kind, of order 0 and 1.
function scalar.bessel(order, x)
  local term = (x / 2) ^ order
  local sum = term
  for k = 1, 60 do
    term = term * x * x / (4 * k * (k + order))
    sum = sum + term
  end
  return sum
end

function scalar.sinh(x) return (math.exp(x) - math.exp(-x)) / 2 end
function scalar.cosh(x) return (math.exp(x) + math.exp(-x)) / 2 end
function scalar.sigmoid(x) return 1 / (1 + math.exp(-x)) end
function scalar.sign(x) return x > 0 and 1 or x < 0 and -1 or 0 end
function scalar.truncate(x) return x < 0 and math.ceil(x) or math.floor(x) end

function scalar.round(x) -- halves away from zero, as Torch7 did
  return x < 0 and math.ceil(x - 0.5) or math.floor(x + 0.5)
end

function scalar.is_nan(x) return x ~= x end

return scalar
