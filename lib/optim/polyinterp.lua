-- polyinterp: where a polynomial through points with slopes is least.

local torch = require "torch"
local raise = require("torch.caller").raise

-- Of two points {x, f, slope}, low on the left, the minimum of the cubic between them.
-- Nocedal and Wright, equation 3.59.
local function cubic(low, high)
  local d1 = low[3] + high[3] - 3 * (low[2] - high[2]) / (low[1] - high[1])
  local square = d1 * d1 - low[3] * high[3]
  if square < 0 or square ~= square then return (low[1] + high[1]) / 2 end
  local d2 = math.sqrt(square)
  local t = high[1] - (high[1] - low[1]) * ((high[3] + d2 - d1) / (high[3] - low[3] + 2 * d2))
  return math.min(math.max(t, low[1]), high[1])
end

-- The coefficients of the polynomial, the highest power first.
local function fit(points, order)
  local rows, values = {}, {}
  for _, p in ipairs(points) do
    local at, slope = {}, {}
    for k = order, 0, -1 do
      at[#at + 1] = p[1] ^ k
      slope[#slope + 1] = k == 0 and 0 or k * p[1] ^ (k - 1)
    end
    rows[#rows + 1], values[#values + 1] = at, { p[2] }
    rows[#rows + 1], values[#values + 1] = slope, { p[3] }
  end
  return torch.gels(torch.DoubleTensor(values), torch.DoubleTensor(rows)):view(-1):totable()
end

-- The value, by Horner's scheme.
local function at(coefficients, x)
  local y = 0
  for _, c in ipairs(coefficients) do y = y * x + c end
  return y
end

-- The real roots, as eigenvalues of the companion matrix; none when a coefficient is no number.
local function real_roots(coefficients)
  local c = {}
  for _, x in ipairs(coefficients) do
    if x ~= x or math.abs(x) == math.huge then return {} end
    if #c > 0 or math.abs(x) > 1e-12 then c[#c + 1] = x end
  end
  local roots, n = {}, #c - 1
  if n < 1 then return roots end
  local companion = torch.zeros(n, n):double()
  for k = 1, n do
    companion[1][k] = -c[k + 1] / c[1]
    if k > 1 then companion[k][k - 1] = 1 end
  end
  for _, root in ipairs(torch.eig(companion, "N"):totable()) do
    if math.abs(root[2]) < 1e-12 then roots[#roots + 1] = root[1] end
  end
  return roots
end

--- optim.polyinterp(points [, low [, high]])
--
-- Where the polynomial through points with slopes is least, between bounds.
--
-- points: matrix of rows {x, value, slope}
-- low, high: the bounds; the least and the greatest x by default
-- Returns: the place; with bounds, or other than two points, also the polynomial's value there
-- Errors: points is no matrix of three columns
-- From: Nocedal and Wright, "Numerical optimization", section 3.5, as in Torch7
-- Example:
--   optim.polyinterp(torch.DoubleTensor { { 0, 1, -2 }, { 2, 1, 2 } }) --> 1.0
return function(points, low, high)
  if not torch.isTensor(points) or points:dim() ~= 2 or points:size(2) ~= 3 then
    raise("optim.polyinterp: a matrix with rows {x, value, slope} expected")
  end
  local list = points:totable()
  if #list == 2 and not low and not high then
    local left = list[1][1] <= list[2][1] and 1 or 2
    return cubic(list[left], list[3 - left])
  end
  local order = 2 * #list - 1
  local first, last = math.huge, -math.huge
  for _, p in ipairs(list) do first, last = math.min(first, p[1]), math.max(last, p[1]) end
  low, high = low or first, high or last
  local coefficients, slopes = fit(list, order), {}
  for k = 1, order do slopes[k] = (order - k + 1) * coefficients[k] end
  local places = real_roots(slopes)
  table.move({ low, high }, 1, 2, #places + 1, places)
  for _, p in ipairs(list) do places[#places + 1] = p[1] end
  local best, least = (low + high) / 2, math.huge
  for _, x in ipairs(places) do
    local y = at(coefficients, x)
    if x >= low and x <= high and y < least then best, least = x, y end
  end
  return best, least
end
