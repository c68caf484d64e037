-- statistics: reductions, quantiles, differences and integrals.
--
-- As everywhere in torch, a reduction over all elements gives a number, or a tensor of no dimensions when
-- a gradient flows through it.  What follows NumPy and PyTorch drops the reduced dimensions by default.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- y, whose reduced dimensions are there with size 1, as it is wanted.
local function finish(y, x, dims, keepdim)
  if keepdim then return y end
  local gone, shape = {}, {}
  for _, d in ipairs(dims) do gone[d] = true end
  for d, size in ipairs(x.shape) do
    if not gone[d] then shape[#shape + 1] = size end
  end
  return check.number(torch.reshape(y, shape))
end

-- f(x, dims, true) as a tensor, also of a tensor without dimensions.
local function reduced(f, x, dims)
  if #x.shape > 0 then return #dims > 0 and f(x, dims, true) or f(torch.unsqueeze(x, 1), { 1 }, false) end
  return torch.reshape(f(torch.reshape(x, 1), { 1 }, true), {})
end

-- ---- extremes --------------------------------------------------------------------------------------

-- The largest (smallest) over dimensions, one after the other; the gradient goes to equals in equal parts.
local function extreme(fn, op)
  return function(x, dims, keepdim)
    local list, y = check.dims(fn, x, dims), x
    if #x.shape == 0 then return check.number(x:clone()) end
    if x:nElement() == 0 then
      for _, d in ipairs(list) do
        if x.shape[d] == 0 then raise("torch.%s: dimension %d has no elements", fn, d) end
      end
    end
    y = #list == 0 and x:clone() or torch[op](y, list)
    return finish(y, x, list, keepdim)
  end
end

--- torch.amax(x [, dims [, keepdim]])
-- torch.amin(x [, dims [, keepdim]])
-- x:amax([dims [, keepdim]])
-- x:amin([dims [, keepdim]])
--
-- The largest (smallest) element over some dimensions.  Equal ones share the gradient.
--
-- x: tensor of any type
-- dims: a dimension or a table of them; all by default
-- keepdim: whether the reduced dimensions stay with size 1; false by default
-- Returns: a new tensor, or a number
-- Errors: there are no elements
-- From: NumPy, PyTorch
-- Example:
--   torch.amax(torch.Tensor { { 1, 5 }, { 7, 2 } }, 1)[2] --> 5.0
torch.amax = extreme("amax", "_amax")
torch.amin = extreme("amin", "_amin")

--- torch.aminmax(x [, dims [, keepdim]])
-- x:aminmax([dims [, keepdim]])
--
-- Both torch.amin and torch.amax.
--
-- x: tensor of any type
-- dims: a dimension or a table of them; all by default
-- keepdim: false by default
-- Returns: the smallest and the largest
-- From: PyTorch
-- Example:
--   torch.aminmax(torch.Tensor { 3, 1, 2 }) --> 1.0  3.0
function torch.aminmax(x, dims, keepdim)
  return torch.amin(x, dims, keepdim), torch.amax(x, dims, keepdim)
end

--- torch.ptp(x [, dims [, keepdim]])
-- x:ptp([dims [, keepdim]])
--
-- The largest element less the smallest.
--
-- x: tensor
-- dims: a dimension or a table of them; all by default
-- keepdim: false by default
-- Returns: a new tensor, or a number
-- From: NumPy
-- Example:
--   torch.ptp(torch.Tensor { 3, 1, 2 }) --> 2.0
function torch.ptp(x, dims, keepdim)
  return torch.amax(x, dims, keepdim) - torch.amin(x, dims, keepdim)
end

--- torch.argsort(x [, dim [, descending]])
-- x:argsort([dim [, descending]])
--
-- The places that sort x along a dimension: torch.gather(x, dim, places) is sorted.  Equal elements stay
-- in their order.
--
-- x: tensor of any type
-- dim: the last by default
-- descending: false by default
-- Returns: a LongTensor of x's shape
-- From: NumPy, PyTorch
-- Example:
--   torch.argsort(torch.Tensor { 3, 1, 2 })[1] --> 2
function torch.argsort(x, dim, descending)
  local _, places = torch.sort(x, check.dim("argsort", x, dim, -1), descending and true or false)
  return places
end

--- torch.msort(x)
-- x:msort()
--
-- x sorted along its first dimension.
--
-- x: tensor of any type
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.msort(torch.Tensor { 3, 1, 2 })[1] --> 1.0
function torch.msort(x)
  return (torch.sort(check.tensor("msort", x), 1))
end

-- ---- sums ------------------------------------------------------------------------------------------

--- torch.logsumexp(x [, dims [, keepdim]])
-- x:logsumexp([dims [, keepdim]])
--
-- The logarithm of the sum of exp(x), without overflow on the way.
--
-- x: tensor; integers are taken as the default float type
-- dims: a dimension or a table of them; all by default
-- keepdim: false by default
-- Returns: a new tensor, or a number
-- From: PyTorch
-- Example:
--   torch.logsumexp(torch.Tensor { 1000, -math.huge }) --> 1000.0
function torch.logsumexp(x, dims, keepdim)
  x = check.float("logsumexp", x)
  local list = check.dims("logsumexp", x, dims)
  if #list == 0 and #x.shape > 0 then return x:clone() end
  if x:nElement() == 0 then
    return finish(torch.log(reduced(torch.sum, x, list)), x, list, keepdim)
  end
  local most = reduced(torch._amax, x:detach(), list)
  most = torch.where(torch.isfinite(most), most, torch.zerosLike(most))
  local y = torch.log(reduced(torch.sum, torch.exp(x - most), list)) + most
  return finish(y, x, list, keepdim)
end

--- torch.softmax(x [, dim])
-- torch.logSoftmax(x [, dim])
-- torch.softmin(x [, dim])
-- x:softmax([dim])
-- x:logSoftmax([dim])
-- x:softmin([dim])
--
-- exp(x) scaled so that it adds up to 1 along a dimension, its logarithm, and the softmax of -x.
--
-- x: tensor of a float type
-- dim: the last by default
-- Returns: a new tensor of x's shape
-- From: PyTorch; the same functions as those of nn.functional
-- Example:
--   torch.softmax(torch.Tensor { 0, 0 })[1] --> 0.5
function torch.softmax(x, dim)
  return require("nn.functional").softmax(check.float("softmax", x), dim)
end
function torch.logSoftmax(x, dim)
  return require("nn.functional").logSoftmax(check.float("logSoftmax", x), dim)
end
function torch.softmin(x, dim)
  return torch.softmax(torch.neg(check.float("softmin", x)), dim)
end

-- x with 0 for NaN, and where NaN was.
local function without_nans(x)
  local bad = torch.isnan(x)
  return torch.where(bad, check.constant(0, x), x), bad
end

--- torch.nansum(x [, dims [, keepdim]])
-- torch.nanmean(x [, dims [, keepdim]])
-- x:nansum([dims [, keepdim]])
-- x:nanmean([dims [, keepdim]])
--
-- The sum, or the mean, of the elements that are not NaN.
--
-- x: tensor; integers have no NaN
-- dims: a dimension or a table of them; all by default
-- keepdim: false by default
-- Returns: a new tensor, or a number; the mean of no elements is NaN
-- From: NumPy, PyTorch
-- Example:
--   torch.nansum(torch.Tensor { 1, 0 / 0, 2 }) --> 3.0
--   torch.nanmean(torch.Tensor { 1, 0 / 0, 2 }) --> 1.5
function torch.nansum(x, dims, keepdim)
  local list = check.dims("nansum", x, dims)
  local y = reduced(torch.sum, x.requiresGrad and without_nans(x) or x, list) -- mostly there is no NaN
  if torch.isnan(y:detach()):any() then y = reduced(torch.sum, (without_nans(x)), list) end
  return finish(y, x, list, keepdim)
end
function torch.nanmean(x, dims, keepdim)
  x = check.float("nanmean", x)
  local list = check.dims("nanmean", x, dims)
  local y, bad = without_nans(x)
  local count = reduced(torch.sum, torch.logicalNot(bad):to("int64"), list)
  return finish(torch.cdiv(reduced(torch.sum, y, list), count:type(x.dtype)), x, list, keepdim)
end

--- torch.average(x [, dims [, weights [, keepdim]]])
-- x:average([dims [, weights [, keepdim]]])
--
-- The mean of the elements, each counted by its weight.
--
-- x: tensor; integers are taken as the default float type
-- dims: a dimension or a table of them; all by default
-- weights: a tensor that broadcasts to x, or a vector as long as the one dimension; equal by default
-- keepdim: false by default
-- Returns: a new tensor, or a number
-- From: NumPy
-- Example:
--   torch.average(torch.Tensor { 1, 2 }, 1, torch.Tensor { 3, 1 }) --> 1.25
function torch.average(x, dims, weights, keepdim)
  x = check.float("average", x)
  local list = check.dims("average", x, dims)
  local w = weights and check.float("average", weights, "the weights") or torch.onesLike(x)
  if #w.shape == 1 and #list == 1 and #x.shape > 1 and w.shape[1] == x.shape[list[1]] then
    local thin = {}
    for d = 1, #x.shape do thin[d] = d == list[1] and w.shape[1] or 1 end
    w = torch.reshape(w, thin)
  end
  w = torch.expand(w, x.shape)
  local y = torch.cdiv(reduced(torch.sum, torch.cmul(x, w), list), reduced(torch.sum, w, list))
  return finish(y, x, list, keepdim)
end

--- torch.varMean(x [, dims [, biased [, keepdim]]])
-- torch.stdMean(x [, dims [, biased [, keepdim]]])
-- x:varMean([dims [, biased [, keepdim]]])
-- x:stdMean([dims [, biased [, keepdim]]])
--
-- The variance (the standard deviation) and the mean.
--
-- x: tensor of a float type
-- dims: a dimension or a table of them; all by default
-- biased: whether the squares are divided by n instead of n - 1; false by default
-- keepdim: false by default
-- Returns: two tensors, or two numbers
-- From: PyTorch; `biased` as in Torch7's torch.var
-- Example:
--   torch.varMean(torch.Tensor { 1, 3 }) --> 2.0  2.0
function torch.varMean(x, dims, biased, keepdim)
  x = check.float("varMean", x)
  local list = check.dims("varMean", x, dims)
  local function var(y, d) return torch.var(y, d, biased or false, true) end
  return finish(reduced(var, x, list), x, list, keepdim),
    finish(reduced(torch.mean, x, list), x, list, keepdim)
end
function torch.stdMean(x, dims, biased, keepdim)
  x = check.float("stdMean", x)
  local list = check.dims("stdMean", x, dims)
  local function std(y, d) return torch.std(y, d, biased or false, true) end
  return finish(reduced(std, x, list), x, list, keepdim),
    finish(reduced(torch.mean, x, list), x, list, keepdim)
end

-- ---- quantiles -------------------------------------------------------------------------------------

-- Between the two ranks next to a fraction: the two ranks and the weight of the upper one.
local choices = {
  linear = function(rank, low) return low, torch.ceil(rank), rank - low end,
  lower = function(_, low) return low, low end,
  higher = function(rank) return torch.ceil(rank), torch.ceil(rank) end,
  midpoint = function(rank, low) return low, torch.ceil(rank), torch.zerosLike(rank) + 0.5 end,
  nearest = function(rank, low) -- halves to the even rank, as NumPy
    local up = torch.ceil(rank)
    local part = rank - low
    local odd = torch.eq(torch.remainder(low, 2), 1)
    local upper = torch.logicalOr(torch.gt(part, 0.5), torch.logicalAnd(torch.eq(part, 0.5), odd))
    local chosen = torch.where(upper:to("bool"), up, low)
    return chosen, chosen
  end,
}

-- q as a double vector of numbers from 0 to most, on x's device.
local function check_fractions(fn, x, q, most)
  local list = torch.isTensor(q) and q:detach():to("float64") or nil
  if type(q) == "table" then list = torch.DoubleTensor(q) end
  if type(q) == "number" then list = torch.DoubleTensor { q } end
  if not list or #list.shape > 1 then raise("torch.%s: q is no number or vector", fn) end
  list = torch.reshape(list, list:nElement())
  if list:nElement() > 0 and not torch.logicalAnd(torch.ge(list, 0), torch.le(list, most)):all() then
    raise("torch.%s: q has elements outside 0 to %g", fn, most)
  end
  return check.beside(x, list / most)
end

-- One quantile of each line along a dimension, by selection; what has a NaN is NaN.
local function selected_quantile(x, q, choose, dim)
  local rank = q * (x.shape[dim] - 1)
  local low, high, weight = choose(rank, torch.floor(rank))
  low, high = low[1] | 0, high[1] | 0
  local y = torch.kthvalue(x, low + 1, dim)
  if weight and high > low and weight[1] > 0 then
    y = torch.lerp(y, torch.kthvalue(x, high + 1, dim), weight[1])
  end
  local bad = torch.any(torch.isnan(x:detach()), dim)
  if bad:any() then y = torch.where(torch.reshape(bad, y.shape), torch.fullLike(y, 0 / 0), y) end
  return y
end

-- The quantiles of lines that lie along dimension 1 of x: one row a fraction.
local function line_quantiles(x, q, choose, skip_nans)
  local n = x.shape[1]
  local sorted = torch.sort(x, 1)
  local bad = torch.isnan(sorted:detach())
  local good = torch.sum(torch.logicalNot(bad):to("int64"), { 1 }, true):to("float64")
  local shape = check.with(x.shape, { [1] = q:nElement() })
  for _ = 2, #shape do q = torch.unsqueeze(q, #q.shape + 1) end
  local counts = skip_nans and good or torch.zerosLike(good) + n
  local rank = torch.expand(torch.cmul(q, torch.cmax(counts - 1, 0)), shape)
  local low, high, weight = choose(rank, torch.floor(rank))
  local y = torch.gather(sorted, 1, low:to("int64") + 1)
  if weight then
    local part = torch.lerp(y, torch.gather(sorted, 1, high:to("int64") + 1), weight:type(x.dtype))
    y = torch.where(torch.gt(high, low), part, y) -- also where both are one infinity
  end
  local none = skip_nans and torch.eq(good, 0) or torch.lt(good, n)
  return torch.where(torch.expand(none:to("bool"), shape), torch.zerosLike(y) + 0 / 0, y)
end

local function quantile(fn, x, q, dim, keepdim, interpolation, most, skip_nans)
  x = check.float(fn, x)
  local choose = choices[interpolation or "linear"]
  if not choose then
    raise("torch.%s: interpolation is '%s', wanted 'linear', 'lower', 'higher', 'nearest' or 'midpoint'", fn,
      tostring(interpolation))
  end
  local several = type(q) ~= "number" and not (torch.isTensor(q) and #q.shape == 0)
  q = check_fractions(fn, x, q, most)
  local rank = #x.shape
  local lines
  if dim == nil then
    lines = torch.reshape(x, x:nElement())
  elseif rank == 0 then
    dim, lines = check.dim(fn, x, dim), torch.reshape(x, 1)
  else
    dim = check.dim(fn, x, dim)
    lines = torch.moveaxis(x, dim, 1)
  end
  if lines.shape[1] == 0 then raise("torch.%s: there are no elements", fn) end
  local y
  if q:nElement() == 1 and not skip_nans then
    y = selected_quantile(rank > 0 and dim and x or lines, q, choose, dim or 1)
  else
    y = line_quantiles(lines, q, choose, skip_nans)
  end
  local shape = {}
  if several then shape[1] = q:nElement() end
  for d, size in ipairs(x.shape) do
    if dim and d ~= dim then
      shape[#shape + 1] = size
    elseif keepdim then
      shape[#shape + 1] = 1
    end
  end
  return check.number(torch.reshape(y, shape))
end

--- torch.quantile(x, q [, dim [, keepdim [, interpolation]]])
-- torch.nanquantile(x, q [, dim [, keepdim [, interpolation]]])
-- torch.percentile(x, q [, dim [, keepdim [, interpolation]]])
-- x:quantile(q [, dim [, keepdim [, interpolation]]])
-- x:nanquantile(q [, dim [, keepdim [, interpolation]]])
-- x:percentile(q [, dim [, keepdim [, interpolation]]])
--
-- The value below which a fraction q of the elements lies.  percentile counts q to 100.  A NaN makes the
-- result NaN, but for nanquantile, which leaves NaN out.
--
-- x: tensor; integers are taken as the default float type
-- q: a number from 0 to 1 (percentile: 100), or a vector or table of them
-- dim: all elements by default
-- keepdim: false by default
-- interpolation: between two elements: 'linear' (the default), 'lower', 'higher', 'nearest', 'midpoint'
-- Returns: a new tensor, or a number; with several q its first dimension is theirs
-- Errors: q is out of range, or there are no elements
-- From: NumPy, PyTorch
-- Example:
--   torch.quantile(torch.Tensor { 1, 2, 3, 4 }, 0.5) --> 2.5
--   torch.percentile(torch.Tensor { 1, 2, 3 }, 50) --> 2.0
function torch.quantile(x, q, dim, keepdim, interpolation)
  return quantile("quantile", x, q, dim, keepdim, interpolation, 1, false)
end
function torch.nanquantile(x, q, dim, keepdim, interpolation)
  return quantile("nanquantile", x, q, dim, keepdim, interpolation, 1, true)
end
function torch.percentile(x, q, dim, keepdim, interpolation)
  return quantile("percentile", x, q, dim, keepdim, interpolation, 100, false)
end

--- torch.nanmedian(x [, dim [, keepdim]])
-- x:nanmedian([dim [, keepdim]])
--
-- The middle one of the elements that are not NaN; of an even number the lower.
--
-- x: tensor; integers are taken as the default float type
-- dim: all elements by default
-- keepdim: false by default
-- Returns: a new tensor, or a number; NaN where nothing else is there
-- From: PyTorch
-- Example:
--   torch.nanmedian(torch.Tensor { 1, 0 / 0, 3, 2 }) --> 2.0
function torch.nanmedian(x, dim, keepdim)
  return quantile("nanmedian", x, 0.5, dim, keepdim, "lower", 1, true)
end

-- ---- covariance ------------------------------------------------------------------------------------

--- torch.cov(x [, correction [, frequencies [, weights]]])
-- x:cov([correction [, frequencies [, weights]]])
--
-- The covariances of variables, whose observations are the columns of x.
--
-- x: matrix with a row for each variable, or a vector for one; integers are taken as floats
-- correction: what is taken off the number of observations in the denominator, 1 by default
-- frequencies: how often each observation was made, an integer vector
-- weights: how much each observation counts, a vector
-- Returns: a new square matrix; a number for one variable, when no gradient flows
-- From: NumPy, PyTorch
-- Example:
--   torch.cov(torch.Tensor { { 1, 2 }, { 3, 5 } })[1][2] --> 1.0
function torch.cov(x, correction, frequencies, weights)
  x = check.float("cov", x)
  if #x.shape > 2 then raise("torch.cov: shape %s, wanted a matrix", check.shape_text(x)) end
  correction = check.whole("cov", "the correction", correction or 1)
  local rows = torch.atleast2d(x)
  local n = rows.shape[2]
  local w
  for _, part in ipairs { { frequencies, "the frequencies" }, { weights, "the weights" } } do
    if part[1] ~= nil then
      local v = check.tensor("cov", part[1], part[2]):type(x.dtype)
      if #v.shape ~= 1 or v.shape[1] ~= n then
        raise("torch.cov: %s have shape %s for %d observations", part[2], check.shape_text(v), n)
      end
      w = w and torch.cmul(w, v) or v
    end
  end
  local total = w and torch.sum(w, { 1 }, true) or n
  local weighted = w and torch.cmul(rows, w) or rows
  local mean = torch.cdiv(torch.sum(weighted, { 2 }, true), check.operand("cov", total, x))
  local centred = rows - mean
  local other = w and torch.cmul(centred, w) or centred
  local norm = total - correction
  if w and weights then -- the weights' own correction
    local squares = torch.sum(torch.cmul(w, weights:type(x.dtype)), { 1 }, true)
    norm = total - torch.cdiv(squares, total) * correction
  end
  norm = torch.cmax(check.operand("cov", norm, x), 0)
  local y = torch.cdiv(torch.mm(centred, torch.transpose(other, 1, 2)), norm)
  return #x.shape < 2 and check.number(torch.reshape(y, {})) or y
end

--- torch.corrcoef(x)
-- x:corrcoef()
--
-- The correlations of variables, whose observations are the columns of x.
--
-- x: matrix with a row for each variable, or a vector for one
-- Returns: a new square matrix of numbers from -1 to 1; a number for one variable
-- From: NumPy, PyTorch
-- Example:
--   torch.corrcoef(torch.Tensor { { 1, 2, 3 }, { 3, 2, 1 } })[1][2] --> -1.0
function torch.corrcoef(x)
  x = check.float("corrcoef", x)
  local c = torch.cov(x)
  if not torch.isTensor(c) or #c.shape == 0 then return c / c end
  local deviation = torch.sqrt(torch.diagonal(c))
  local y = torch.cdiv(torch.cdiv(c, torch.unsqueeze(deviation, 2)), torch.unsqueeze(deviation, 1))
  return torch.clamp(y, -1, 1)
end

-- ---- differences and integrals ---------------------------------------------------------------------

--- torch.diff(x [, n [, dim [, prepend [, append]]]])
-- x:diff([n [, dim [, prepend [, append]]]])
--
-- Each element less the one before it, n times over.
--
-- x: tensor of at least one dimension; for bool whether they differ
-- n: how often, 1 by default
-- dim: the last by default
-- prepend: tensor to put in front first
-- append: tensor to put behind first
-- Returns: a new tensor, n shorter along dim
-- From: NumPy, PyTorch
-- Example:
--   torch.diff(torch.Tensor { 1, 4, 9 })[2] --> 5.0
function torch.diff(x, n, dim, prepend, append)
  dim = check.dim("diff", x, dim, -1)
  n = check.whole("diff", "n", n or 1, 0)
  if #x.shape == 0 then raise("torch.diff: the tensor has no dimensions") end
  local parts = { x }
  if prepend ~= nil then table.insert(parts, 1, check.tensor("diff", prepend, "what is put in front")) end
  if append ~= nil then parts[#parts + 1] = check.tensor("diff", append, "what is put behind") end
  local y = #parts > 1 and torch.cat(parts, dim) or x
  for _ = 1, math.min(n, y.shape[dim]) do
    local size = y.shape[dim]
    if size == 0 then return y end
    local after, before = torch.narrow(y, dim, 2, size - 1), torch.narrow(y, dim, 1, size - 1)
    y = y.dtype == "bool" and torch.ne(after, before):to("bool") or after - before
  end
  return rawequal(y, x) and x:clone() or y
end

-- Coordinates along a dimension, shaped to broadcast to x.
local function along(fn, coordinates, x, dim)
  if #coordinates.shape ~= 1 then return coordinates end
  if coordinates.shape[1] ~= x.shape[dim] then
    raise("torch.%s: %d coordinates for a dimension of %d", fn, coordinates.shape[1], x.shape[dim])
  end
  local thin = {}
  for d = 1, #x.shape do thin[d] = d == dim and coordinates.shape[1] or 1 end
  return torch.reshape(coordinates, thin)
end

--- torch.trapezoid(y [, x [, dim]])
-- torch.trapz(y [, x [, dim]])
-- y:trapezoid([x [, dim]])
-- y:trapz([x [, dim]])
--
-- The integral of y along a dimension, by the trapezoidal rule.
--
-- y: tensor of at least one dimension; integers are taken as floats
-- x: the distance of the samples, 1 by default, or their places: a vector or a tensor of y's shape
-- dim: the last by default
-- Returns: a new tensor without that dimension; a number when none is left and no gradient flows
-- From: NumPy, PyTorch
-- Example:
--   torch.trapezoid(torch.Tensor { 1, 2, 3 }) --> 4.0
--   torch.trapezoid(torch.Tensor { 1, 2, 3 }, torch.Tensor { 0, 2, 4 }) --> 8.0
function torch.trapezoid(y, x, dim)
  y = check.float("trapezoid", y)
  if not torch.isTensor(x) and dim == nil and x ~= nil and type(x) ~= "number" then
    raise("torch.trapezoid: the distance is a %s", torch.type(x))
  end
  dim = check.dim("trapezoid", y, dim, -1)
  if #y.shape == 0 then raise("torch.trapezoid: the tensor has no dimensions") end
  local n = y.shape[dim]
  if n > 1 and not torch.isTensor(x) then -- all equally wide: each counts, both ends half
    local ends = torch.select(y, dim, 1) + torch.select(y, dim, n)
    local inside = torch.sum(torch.narrow(y, dim, 2, n - 2), { dim }, false)
    return check.number(torch.mul(torch.add(inside, 0.5, ends), x or 1))
  end
  local m = math.max(n - 1, 0)
  local pairs_ = torch.narrow(y, dim, math.min(2, n + 1), m) + torch.narrow(y, dim, 1, m)
  local width = x or 1
  if torch.isTensor(x) and #x.shape > 0 then
    x = along("trapezoid", check.float("trapezoid", x), y, dim)
    if x.shape[dim - #y.shape + #x.shape] ~= n then
      raise("torch.trapezoid: places of shape %s for values of shape %s", check.shape_text(x),
        check.shape_text(y))
    end
    width = torch.diff(x, 1, dim - #y.shape - 1)
  end
  local areas = torch.isTensor(width) and torch.cmul(pairs_, width) or torch.mul(pairs_, width)
  return check.number(torch.sum(torch.mul(areas, 0.5), { dim }, false))
end
torch.trapz = torch.trapezoid

-- The slope along one dimension: central differences inside, one-sided at the ends.
local function slope(x, dim, spacing)
  local n = x.shape[dim]
  if n < 2 then raise("torch.gradient: dimension %d has %d elements, wanted at least 2", dim, n) end
  local function part(t, from, size) return torch.narrow(t, dim, from, size) end
  local rise = torch.diff(x, 1, dim)
  local step
  if torch.isTensor(spacing) and #spacing.shape > 0 then
    step = torch.diff(along("gradient", check.float("gradient", spacing), x, dim), 1, dim)
  else
    step = torch.zerosLike(part(x, 1, n - 1):detach()) + (spacing or 1)
  end
  local slopes = torch.cdiv(rise, step) -- between neighbours
  if n == 2 then return torch.cat({ slopes, slopes }, dim) end
  local before, after = part(step, 1, n - 2), part(step, 2, n - 2)
  local inside = torch.cdiv(torch.cmul(part(slopes, 1, n - 2), after)
    + torch.cmul(part(slopes, 2, n - 2), before), before + after)
  return torch.cat({ part(slopes, 1, 1), inside, part(slopes, n - 1, 1) }, dim)
end

--- torch.gradient(x [, spacing [, dims]])
-- x:gradient([spacing [, dims]])
--
-- The slope of sampled values: second-order differences inside, first-order ones at both ends.  (The
-- derivative of a function is torch.grad.)
--
-- x: tensor of at least one dimension; integers are taken as floats
-- spacing: the distance of the samples, 1 by default; or the samples' places, a vector; or a table with
--   one of these for each dimension
-- dims: a dimension or a table of them; all by default
-- Returns: a tensor of x's shape for each dimension
-- From: NumPy, PyTorch
-- Example:
--   torch.gradient(torch.Tensor { 1, 4, 9 })[2] --> 4.0
function torch.gradient(x, spacing, dims)
  x = check.float("gradient", x)
  local list, slopes = check.dims("gradient", x, dims), {}
  if #x.shape == 0 then raise("torch.gradient: the tensor has no dimensions") end
  for i, d in ipairs(list) do
    local own = spacing
    if type(spacing) == "table" then own = spacing[i] end
    if own ~= nil and not torch.isTensor(own) and type(own) ~= "number" then
      raise("torch.gradient: the spacing is a %s", torch.type(own))
    end
    slopes[i] = slope(x, d, own)
  end
  return table.unpack(slopes)
end

check.methods { "amax", "amin", "aminmax", "ptp", "argsort", "msort", "logsumexp", "softmax", "logSoftmax",
  "softmin", "nansum", "nanmean", "average", "varMean", "stdMean", "quantile", "nanquantile", "percentile",
  "nanmedian", "cov", "corrcoef", "diff", "trapezoid", "trapz", "gradient" }
