-- sets: different elements, counting, set operations, and functions of sorted values.

local torch = require "torch"
local check = require "torch.check"
local raise, beside = check.raise, check.beside

local function flat(x) return torch.reshape(x, x:nElement()) end

-- ---- runs of equals --------------------------------------------------------------------------------

-- From a mask of the n places where a run begins: the places, and the run each element belongs to.
local function runs(begins)
  local first = flat(torch.nonzero(begins))
  return first, torch.cumsum(begins:to("int64"))
end

-- counts of runs that begin at `first`, of n elements
local function run_lengths(first, n)
  local ends = torch.cat({ first, beside(first, torch.LongTensor { n + 1 }) }, 1)
  return torch.diff(ends)
end

-- Where slices of rows (n, m) differ from the one before; the first does.
local function begins_of(rows)
  local n = rows.shape[1]
  if n == 0 then return beside(rows, torch.BoolTensor()) end
  local mask = beside(rows, torch.BoolTensor { true })
  if n == 1 then return mask end
  local differ = torch.ne(torch.narrow(rows, 1, 2, n - 1), torch.narrow(rows, 1, 1, n - 1)):to("bool")
  if #rows.shape > 1 then differ = torch.reshape(torch.any(differ, 2), n - 1) end
  return torch.cat({ mask, differ }, 1)
end

-- The order that sorts rows (n, m) by their first column, equal ones by the second, ..
local function row_order(rows)
  local order = beside(rows, check.count(rows.shape[1]))
  for column = rows.shape[2], 1, -1 do
    local keys = torch.index(torch.select(rows, 2, column), 1, order)
    order = torch.index(order, 1, torch.argsort(keys, 1))
  end
  return order
end

-- x as n slices along dim (or n elements) in rows, and a function that chooses slices.
local function as_rows(fn, x, dim)
  if dim == nil then
    local all = flat(x)
    return all:detach(), function(places) return torch.index(all, 1, places) end, x.shape
  end
  dim = check.dim(fn, x, dim)
  if #x.shape == 0 then raise("torch.%s: the tensor has no dimensions", fn) end
  local moved = torch.moveaxis(x:detach(), dim, 1)
  local n = x.shape[dim]
  local rows = torch.reshape(moved, n, n > 0 and x:nElement() // n or 0)
  if n > 0 and rows.shape[2] == 0 then rows = beside(x, torch.zeros({ n, 1 }, "uint8")) end
  return rows, function(places) return torch.index(x, dim, places) end, { n }
end

local function give(choose, first, inverse, counts, returnInverse, returnCounts)
  local out = { choose(first) }
  if returnInverse then out[#out + 1] = inverse end
  if returnCounts then out[#out + 1] = counts end
  return table.unpack(out)
end

--- torch.unique(x [, returnInverse [, returnCounts [, dim]]])
-- x:unique([returnInverse [, returnCounts [, dim]]])
--
-- The different elements, sorted; or the different slices along a dimension.
--
-- x: tensor of any type
-- returnInverse: whether to return too, for each element, its place among the different ones
-- returnCounts: whether to return too how often each appears
-- dim: along which slices are compared; without it elements are
-- Returns: a vector (with dim a tensor like x), then what was asked for, LongTensors
-- From: NumPy, PyTorch
-- Example:
--   torch.unique(torch.Tensor { 3, 1, 3 }):size(1) --> 2
--   u, inverse, counts = torch.unique(torch.Tensor { 3, 1, 3 }, true, true)
--   inverse[1], counts[2] --> 2  2
function torch.unique(x, returnInverse, returnCounts, dim)
  check.tensor("unique", x)
  local rows, choose, shape = as_rows("unique", x, dim)
  local n = rows.shape[1]
  local order = #rows.shape == 1 and torch.argsort(rows, 1) or row_order(rows)
  local first, run = runs(begins_of(torch.index(rows, 1, order)))
  local inverse = returnInverse and torch.zerosLike(order):scatter(1, order, run)
  inverse = inverse and torch.reshape(inverse, shape)
  return give(choose, torch.index(order, 1, first), inverse, returnCounts and run_lengths(first, n),
    returnInverse, returnCounts)
end

--- torch.uniqueConsecutive(x [, returnInverse [, returnCounts [, dim]]])
-- x:uniqueConsecutive([returnInverse [, returnCounts [, dim]]])
--
-- x without elements (or slices along a dimension) that equal the one before.
--
-- x: tensor of any type
-- returnInverse: whether to return too, for each element, its place in the result
-- returnCounts: whether to return too how many each stands for
-- dim: along which slices are compared; without it elements are
-- Returns: a vector (with dim a tensor like x), then what was asked for, LongTensors
-- From: PyTorch
-- Example:
--   torch.uniqueConsecutive(torch.Tensor { 1, 1, 2, 1 }):size(1) --> 3
function torch.uniqueConsecutive(x, returnInverse, returnCounts, dim)
  check.tensor("uniqueConsecutive", x)
  local rows, choose, shape = as_rows("uniqueConsecutive", x, dim)
  local first, run = runs(begins_of(rows))
  return give(choose, first, returnInverse and torch.reshape(run, shape),
    returnCounts and run_lengths(first, rows.shape[1]), returnInverse, returnCounts)
end

-- ---- counting --------------------------------------------------------------------------------------

--- torch.bincount(x [, weights [, minlength]])
-- x:bincount([weights [, minlength]])
--
-- How often each of the numbers 1, 2, .. is in x: element k of the result counts k.
--
-- x: tensor of an integer type, of numbers from 1 on
-- weights: a tensor of as many elements: their sums instead of counts, which carry gradients
-- minlength: the least length of the result
-- Returns: a new vector: a LongTensor, or of the weights' type
-- Errors: x has a number below 1
-- From: NumPy, PyTorch; numbers count from 1 here
-- Example:
--   torch.bincount(torch.LongTensor { 1, 3, 3 })[3] --> 2
function torch.bincount(x, weights, minlength)
  check.tensor("bincount", x)
  if check.is_float(x) or x.dtype == "bool" then
    raise("torch.bincount: a tensor of an integer type is wanted, got %s", x.dtype)
  end
  local places = flat(x):to("int64")
  local n = check.whole("bincount", "minlength", minlength or 0, 0)
  if places:nElement() > 0 then
    if torch.min(places) < 1 then raise("torch.bincount: numbers count from 1, got %d", torch.min(places)) end
    n = math.max(n, torch.max(places))
  end
  if weights == nil then weights = torch.onesLike(places) end
  check.tensor("bincount", weights, "the weights")
  if weights:nElement() ~= places:nElement() then
    raise("torch.bincount: %d weights for %d elements", weights:nElement(), places:nElement())
  end
  return beside(weights, torch.zeros({ n }, weights.dtype)):indexAdd(1, places, flat(weights))
end

-- n + 1 edges of bins of equal width.
local function even_edges(values, n, range)
  local lo, hi = 0, 1
  if range then
    lo, hi = range[1], range[2]
    if type(lo) ~= "number" or type(hi) ~= "number" or lo > hi or lo ~= lo or hi ~= hi then
      raise("torch.histogram: a range {lowest, highest} is wanted")
    end
  elseif values:nElement() > 0 then
    lo, hi = torch.min(values), torch.max(values)
  end
  if hi - lo == math.huge or lo ~= lo or hi ~= hi then
    raise("torch.histogram: the range from %g to %g is not finite", lo, hi)
  end
  if lo == hi then lo, hi = lo - 0.5, hi + 0.5 end
  local edges = beside(values, torch.range(0, n)):to("float64"):mul((hi - lo) / n):add(lo)
  edges[n + 1] = hi
  return edges
end

--- torch.histogram(x [, bins [, range [, weights [, density]]]])
-- x:histogram([bins [, range [, weights [, density]]]])
--
-- How many elements fall into each bin.  A bin holds its lower edge; the last its upper edge too.
-- Elements outside all bins, and NaN, are not counted.
--
-- x: tensor
-- bins: how many of equal width, 10 by default; or their edges, an ascending vector
-- range: {lowest, highest} for equal bins; x's smallest and largest by default
-- weights: a tensor of x's size: their sums instead of counts
-- density: whether to scale the result so that its integral is 1
-- Returns: the counts (or sums), and the edges, one more; both of x's type, or float for integers
-- Errors: the edges do not ascend
-- From: NumPy, PyTorch
-- Example:
--   counts, edges = torch.histogram(torch.Tensor { 1, 2, 2, 4 }, 3)
--   counts[1], edges[4] --> 1.0  4.0
function torch.histogram(x, bins, range, weights, density)
  x = check.float("histogram", x)
  local values = flat(x:detach()):to("float64")
  local edges
  if torch.isTensor(bins) then
    edges = flat(bins:detach()):to("float64")
    if edges:nElement() < 2 or torch.lt(torch.diff(edges), 0):any() then
      raise("torch.histogram: at least two edges that ascend are wanted")
    end
  else
    edges = even_edges(values, check.whole("histogram", "the number of bins", bins or 10, 1, 1 << 26), range)
  end
  local n = edges:nElement() - 1
  local place = torch.searchsorted(edges, values, true) - 1 -- 0: below, n + 1: above
  place = torch.where(torch.eq(values, edges[n + 1]), check.constant(n, place), place)
  local w = weights and flat(check.tensor("histogram", weights, "the weights")):type(x.dtype)
    or torch.onesLike(values):type(x.dtype)
  if w:nElement() ~= values:nElement() then
    raise("torch.histogram: %d weights for %d elements", w:nElement(), values:nElement())
  end
  local inside = torch.logicalAnd(torch.ge(values, edges[1]), torch.le(values, edges[n + 1])):to("bool")
  place = torch.where(inside, place, check.constant(n + 1, place))
  local counts = torch.narrow(beside(w, torch.zeros({ n + 1 }, x.dtype)):indexAdd(1, place, w), 1, 1, n)
  if density then
    counts = torch.cdiv(torch.div(counts, counts:sum()), torch.diff(edges):type(x.dtype))
  end
  return counts:clone(), edges:type(x.dtype)
end

-- ---- sorted values ---------------------------------------------------------------------------------

--- torch.bucketize(x, edges [, right])
-- torch.digitize(x, edges [, right])
-- x:bucketize(edges [, right])
-- x:digitize(edges [, right])
--
-- Which of the intervals between ascending edges each element lies in: 1 is below the first edge, 2
-- between the first two, and so on.  An element on an edge counts to the interval below it, or with
-- `right` above it.  digitize has `right` the other way round, as NumPy.
--
-- x: tensor or number
-- edges: ascending vector
-- right: false by default
-- Returns: a LongTensor of x's shape, or a number
-- From: PyTorch, NumPy; intervals count from 1 here
-- Example:
--   torch.bucketize(2, torch.Tensor { 1, 2, 3 }), torch.digitize(2, torch.Tensor { 1, 2, 3 }) --> 2  3
function torch.bucketize(x, edges, right)
  if #check.tensor("bucketize", edges, "the second argument").shape ~= 1 then
    raise("torch.bucketize: edges of shape %s, wanted a vector", check.shape_text(edges))
  end
  return torch.searchsorted(edges, x, right)
end
function torch.digitize(x, edges, right)
  return torch.bucketize(x, edges, not right)
end

--- torch.interp(x, places, values [, below [, above]])
-- x:interp(places, values [, below [, above]])
--
-- Linear interpolation between samples of a function.  Differentiable by x and by the values.
--
-- x: tensor, or a number
-- places: where the samples are, an ascending vector of at least one element
-- values: the samples, as many
-- below: the result left of the first place, the first value by default
-- above: the result right of the last place, the last value by default
-- Returns: a new tensor of x's shape, or a number
-- From: NumPy
-- Example:
--   torch.interp(1.5, torch.Tensor { 1, 2 }, torch.Tensor { 10, 20 }) --> 15.0
function torch.interp(x, places, values, below, above)
  places = check.float("interp", places, "the places")
  values = check.float("interp", values, "the values")
  local n = places:nElement()
  if #places.shape ~= 1 or #values.shape ~= 1 or n ~= values:nElement() or n == 0 then
    raise("torch.interp: places of shape %s with values of shape %s, wanted two vectors of one length",
      check.shape_text(places), check.shape_text(values))
  end
  local number = not torch.isTensor(x)
  x = check.float("interp", check.operand("interp", x, places))
  local function at(v, i) return torch.reshape(torch.index(v, 1, flat(i)), x.shape) end
  local high = torch.clamp(torch.searchsorted(places, x:detach(), true), math.min(2, n), n)
  local low = torch.clamp(high - 1, 1, n)
  local x0, y0 = at(places, low), at(values, low)
  local width = at(places, high) - x0
  width = torch.where(torch.eq(width, 0), torch.onesLike(width), width)
  local y = y0 + torch.cmul(torch.cdiv(x - x0, width), at(values, high) - y0)
  local function outside(mask, own, v)
    local value = own ~= nil and check.operand("interp", own, y) or v
    return torch.where(mask, torch.reshape(value, {}), y)
  end
  y = outside(torch.lt(x, places[1]), below, torch.narrow(values, 1, 1, 1))
  y = outside(torch.gt(x, places[n]), above, torch.narrow(values, 1, n, 1))
  return number and check.number(y) or y
end

-- ---- sets ------------------------------------------------------------------------------------------

--- torch.isin(x, set [, invert])
-- x:isin(set [, invert])
--
-- Which elements are in a set.
--
-- x: tensor or number
-- set: tensor or number
-- invert: which are not; false by default
-- Returns: a BoolTensor of x's shape, or true or false for a number
-- From: NumPy, PyTorch
-- Example:
--   torch.isin(torch.Tensor { 1, 2, 3 }, torch.Tensor { 2, 5 })[2] --> true
function torch.isin(x, set, invert)
  local number = not torch.isTensor(x)
  if number then
    x = check.operand("isin", x, set)
  else
    set = check.operand("isin", set, x)
  end
  local sorted = torch.sort(flat(set:detach()), 1)
  local found
  if sorted:nElement() == 0 then
    found = beside(x, torch.zeros(x.shape, "bool"))
  else
    local place = torch.clamp(torch.searchsorted(sorted, x:detach()), 1, sorted:nElement())
    found = torch.eq(torch.reshape(torch.index(sorted, 1, flat(place)), x.shape), x:detach()):to("bool")
  end
  if invert then found = torch.logicalNot(found) end
  return number and found:item() or found
end

local function checked_unique(fn, x, what)
  return torch.unique(check.tensor(fn, x, what))
end

--- torch.intersect1d(a, b)
-- torch.union1d(a, b)
-- torch.setdiff1d(a, b)
-- torch.setxor1d(a, b)
-- a:intersect1d(b)
-- a:union1d(b)
-- a:setdiff1d(b)
-- a:setxor1d(b)
--
-- The different elements that are in both tensors, in one of them at least, in a but not in b, and in
-- exactly one of them; sorted.
--
-- a: tensor of any type
-- b: tensor of any type
-- Returns: a new vector
-- From: NumPy
-- Example:
--   torch.intersect1d(torch.Tensor { 1, 2, 3 }, torch.Tensor { 3, 4 })[1] --> 3.0
--   torch.setdiff1d(torch.Tensor { 1, 2, 3 }, torch.Tensor { 3, 4 }):size(1) --> 2
function torch.intersect1d(a, b)
  local x = checked_unique("intersect1d", a)
  return torch.maskedSelect(x, torch.isin(x, check.tensor("intersect1d", b, "the second argument")))
end
function torch.union1d(a, b)
  check.tensor("union1d", a)
  return torch.unique(torch.cat({ flat(a), flat(check.tensor("union1d", b, "the second argument")) }, 1))
end
function torch.setdiff1d(a, b)
  local x = checked_unique("setdiff1d", a)
  return torch.maskedSelect(x, torch.isin(x, check.tensor("setdiff1d", b, "the second argument"), true))
end
function torch.setxor1d(a, b)
  local x, y = checked_unique("setxor1d", a), checked_unique("setxor1d", b, "the second argument")
  return torch.msort(torch.cat({ torch.setdiff1d(x, y), torch.setdiff1d(y, x) }, 1))
end

check.methods { "unique", "uniqueConsecutive", "bincount", "histogram", "bucketize", "digitize", "interp",
  "isin", "intersect1d", "union1d", "setdiff1d", "setxor1d" }
