-- places: taking elements from places and putting them there, as functions that change nothing.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- Places, negative ones from the end of n elements, as places from 1.
local function wrap(places, n)
  return torch.where(torch.lt(places, 0), places + (n + 1), places)
end

local function check_places(fn, places)
  check.tensor(fn, places, "the places")
  if check.is_float(places) or places.dtype == "bool" then
    raise("torch.%s: places of an integer type are wanted, got %s", fn, places.dtype)
  end
  return places:to("int64")
end

--- torch.take(x, places)
-- x:take(places)
--
-- The elements at places of x taken as a vector.
--
-- x: tensor of any type
-- places: tensor of an integer type, from 1; negative from the end
-- Returns: a new tensor of the places' shape
-- Errors: a place is not in x
-- From: NumPy, PyTorch
-- Example:
--   torch.take(torch.Tensor { { 1, 2 }, { 3, 4 } }, torch.LongTensor { 3, -1 }):sum() --> 7.0
function torch.take(x, places)
  check.tensor("take", x)
  places = check_places("take", places)
  local at = torch.reshape(wrap(places, x:nElement()), places:nElement())
  return torch.reshape(torch.index(torch.reshape(x, x:nElement()), 1, at), places.shape)
end

--- torch.takeAlongDim(x, places [, dim])
-- x:takeAlongDim(places [, dim])
--
-- The elements at places along a dimension, as torch.argsort and torch.argmax give them.
--
-- x: tensor of any type
-- places: tensor of an integer type, from 1; its other dimensions broadcast with x's
-- dim: without it x and the places are taken as vectors
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   x = torch.Tensor { { 3, 1 }, { 2, 4 } }
--   torch.takeAlongDim(x, torch.argsort(x, 2), 2)[1][1] --> 1.0
function torch.takeAlongDim(x, places, dim)
  check.tensor("takeAlongDim", x)
  places = check_places("takeAlongDim", places)
  if dim == nil then return torch.take(x, torch.reshape(places, places:nElement())) end
  dim = check.dim("takeAlongDim", x, dim)
  local n = #x.shape
  if n == 0 or #places.shape ~= n then
    raise("torch.takeAlongDim: places of shape %s for a tensor of shape %s", check.shape_text(places),
      check.shape_text(x))
  end
  local shape = check.broadcast("takeAlongDim", {
    torch.expand(torch.scalar(0), check.with(x.shape, { [dim] = 1 })),
    torch.expand(torch.scalar(0), check.with(places.shape, { [dim] = 1 })),
  })
  local wide = torch.expand(x, check.with(shape, { [dim] = x.shape[dim] }))
  local at = torch.expand(places, check.with(shape, { [dim] = places.shape[dim] }))
  return torch.gather(wide, dim, wrap(at, x.shape[dim]))
end

--- torch.put(x, places, values [, accumulate])
-- x:put(places, values [, accumulate])
--
-- A copy of x with values at places of it taken as a vector.
--
-- x: tensor of any type
-- places: tensor of an integer type, from 1; negative from the end
-- values: as many, or a number
-- accumulate: whether the values are added to what is there; false by default
-- Returns: a new tensor of x's shape
-- From: PyTorch
-- Example:
--   torch.put(torch.zeros(2, 2), torch.LongTensor { 4 }, 5)[2][2] --> 5.0
function torch.put(x, places, values, accumulate)
  check.tensor("put", x)
  places = check_places("put", places)
  values = check.operand("put", values, x)
  local y = torch.reshape(x, x:nElement()):clone()
  if values:nElement() == 1 then values = torch.expand(torch.reshape(values, {}), places.shape) end
  if values:nElement() ~= places:nElement() then
    raise("torch.put: %d values for %d places", values:nElement(), places:nElement())
  end
  local at = torch.reshape(wrap(places, y:nElement()), places:nElement())
  y = torch._indexPut(y, { at }, torch.reshape(values, places:nElement()), accumulate and true or false)
  return torch.reshape(y, x.shape)
end

--- torch.indexPut(x, key, values [, accumulate])
-- x:indexPut(key, values [, accumulate])
--
-- A copy y of x after y[key] = values, or with `accumulate` y[key] = y[key] + values, where a place that
-- is named several times takes all of its values.
--
-- x: tensor of any type
-- key: a table of integer tensors that broadcast, masks and ranges, one for each of the first dimensions
-- values: tensor that broadcasts, or a number
-- accumulate: false by default
-- Returns: a new tensor of x's shape
-- From: PyTorch
-- Example:
--   torch.indexPut(torch.zeros(3), { torch.LongTensor { 2, 2 } }, 1, true)[2] --> 2.0
function torch.indexPut(x, key, values, accumulate)
  check.tensor("indexPut", x)
  if type(key) ~= "table" then raise("torch.indexPut: the key is a %s, wanted a table", torch.type(key)) end
  return torch._indexPut(x:clone(), key, check.operand("indexPut", values, x), accumulate and true or false)
end

-- ---- parts replaced --------------------------------------------------------------------------------

-- A copy of x in which the view that `part` takes holds src.
local function replaced(fn, x, src, part)
  local y = check.tensor(fn, x):clone()
  part(y):copy(torch.expand(check.operand(fn, src, x), part(y).shape))
  return y
end

--- torch.selectScatter(x, src, dim, index)
-- x:selectScatter(src, dim, index)
--
-- A copy of x with one slice replaced, that of x:select(dim, index).
--
-- x: tensor of any type
-- src: tensor that broadcasts to the slice, or a number
-- dim: the dimension
-- index: the place; negative from the end
-- Returns: a new tensor of x's shape
-- From: PyTorch
-- Example:
--   torch.selectScatter(torch.zeros(2, 2), 5, 1, 2):sum() --> 10.0
function torch.selectScatter(x, src, dim, index)
  return replaced("selectScatter", x, src, function(y)
    return torch.select(y, check.dim("selectScatter", y, dim), index)
  end)
end

--- torch.sliceScatter(x, src [, dim [, first [, last [, step]]]])
-- x:sliceScatter(src [, dim [, first [, last [, step]]]])
--
-- A copy of x with the elements first to last of a dimension replaced.
--
-- x: tensor of any type
-- src: tensor that broadcasts to that part, or a number
-- dim: 1 by default
-- first: 1 by default; negative from the end
-- last: the last place by default; negative from the end
-- step: 1 by default
-- Returns: a new tensor of x's shape
-- From: PyTorch
-- Example:
--   torch.sliceScatter(torch.zeros(4), 1, 1, 2, 3):sum() --> 2.0
function torch.sliceScatter(x, src, dim, first, last, step)
  dim = check.dim("sliceScatter", x, dim, 1)
  local key = {}
  for d = 1, dim do key[d] = {} end
  key[dim] = { first or 1, last or -1, step or 1 }
  return replaced("sliceScatter", x, src, function(y)
    local part = y[key]
    return torch.isTensor(part) and part or y
  end)
end

-- The diagonal of two dimensions as a view: the last dimension of the result.
local function diagonal_view(fn, y, k, dim1, dim2)
  dim1, dim2 = check.dim(fn, y, dim1 or 1), check.dim(fn, y, dim2 or 2)
  if #y.shape < 2 or dim1 == dim2 then
    raise("torch.%s: two dimensions are wanted, got %d and %d of shape %s", fn, dim1, dim2,
      check.shape_text(y))
  end
  return torch.diagonal(y, check.whole(fn, "the diagonal", k or 0), dim1, dim2)
end

--- torch.diagonalScatter(x, src [, k [, dim1 [, dim2]]])
-- x:diagonalScatter(src [, k [, dim1 [, dim2]]])
--
-- A copy of x with a diagonal replaced.
--
-- x: tensor of at least two dimensions
-- src: tensor that broadcasts to the diagonal, the last dimension runs along it; or a number
-- k: which diagonal: 0 (the default) the main one, above it positive
-- dim1: 1 by default
-- dim2: 2 by default
-- Returns: a new tensor of x's shape
-- From: PyTorch
-- Example:
--   torch.diagonalScatter(torch.zeros(2, 2), torch.Tensor { 1, 2 })[2][2] --> 2.0
function torch.diagonalScatter(x, src, k, dim1, dim2)
  return replaced("diagonalScatter", x, src, function(y)
    return diagonal_view("diagonalScatter", y, k, dim1, dim2)
  end)
end

-- ---- diagonals and triangles -----------------------------------------------------------------------

--- torch.diagEmbed(x [, k [, dim1 [, dim2]]])
-- x:diagEmbed([k [, dim1 [, dim2]]])
--
-- Matrices whose diagonals are the lines along x's last dimension; zero elsewhere.
--
-- x: tensor of at least one dimension
-- k: which diagonal: 0 (the default) the main one, above it positive
-- dim1: where the rows go, the last but one by default
-- dim2: where the columns go, the last by default
-- Returns: a new tensor with one dimension more
-- From: PyTorch
-- Example:
--   torch.diagEmbed(torch.ones(2, 3)):sum() --> 6.0
function torch.diagEmbed(x, k, dim1, dim2)
  check.tensor("diagEmbed", x)
  if #x.shape == 0 then raise("torch.diagEmbed: the tensor has no dimensions") end
  if #x.shape == 16 then raise("torch.diagEmbed: a tensor has at most 16 dimensions") end
  k = check.whole("diagEmbed", "the diagonal", k or 0, -(1 << 31), 1 << 31)
  local n = #x.shape + 1
  dim1, dim2 = check.dim_of("diagEmbed", n, dim1, -2), check.dim_of("diagEmbed", n, dim2, -1)
  if dim1 == dim2 then raise("torch.diagEmbed: rows and columns in one dimension, %d", dim1) end
  local size = x.shape[n - 1] + math.abs(k)
  local y = check.full(x, check.with(x.shape, { [n - 1] = size, [n] = size }), 0)
  torch.diagonal(y, k, n - 1, n):copy(x)
  return torch.moveaxis(y, { n - 1, n }, { dim1, dim2 })
end

--- torch.diagflat(x [, k])
-- x:diagflat([k])
--
-- A matrix with all elements of x on a diagonal; zero elsewhere.
--
-- x: tensor of any type
-- k: which diagonal: 0 (the default) the main one, above it positive
-- Returns: a new square matrix
-- From: NumPy, PyTorch
-- Example:
--   torch.diagflat(torch.Tensor { { 1, 2 } })[2][2] --> 2.0
function torch.diagflat(x, k)
  check.tensor("diagflat", x)
  return torch.diagEmbed(torch.reshape(x, x:nElement()), k)
end

local function triangle_places(fn, upper, n, m, k)
  n = check.whole(fn, "the number of rows", n, 0)
  m = check.whole(fn, "the number of columns", m or n, 0)
  k = check.whole(fn, "the diagonal", k or 0, -(1 << 53), 1 << 53)
  local rows, columns = torch.broadcastTensors(torch.reshape(torch.arange(n), n, 1),
    torch.reshape(torch.arange(m), 1, m))
  local mask = (upper and torch.ge or torch.le)(columns - rows, k)
  return torch.transpose(torch.nonzero(mask), 1, 2):clone()
end

--- torch.trilIndices(rows [, columns [, k]])
-- torch.triuIndices(rows [, columns [, k]])
--
-- The places of the lower (upper) triangle of a matrix, row by row.
--
-- rows: how many
-- columns: how many; as many by default
-- k: the triangle goes up to this diagonal (begins there): 0 by default, above it positive
-- Returns: a LongTensor of two rows: the places' rows and columns, from 1
-- From: PyTorch
-- Example:
--   torch.trilIndices(3):size(2) --> 6
function torch.trilIndices(rows, columns, k)
  return triangle_places("trilIndices", false, rows, columns, k)
end
function torch.triuIndices(rows, columns, k)
  return triangle_places("triuIndices", true, rows, columns, k)
end

--- torch.one_hot(classes [, n])
-- torch.oneHot(classes [, n])
-- classes:one_hot([n])
-- classes:oneHot([n])
--
-- One vector a class: the element of its number is 1, the others are 0.
--
-- classes: tensor of an integer type, of numbers from 1
-- n: how many classes there are; the largest number by default
-- Returns: a new tensor of the default float type, of classes' shape with a dimension of n behind it
-- Errors: a class is outside 1 to n
-- From: PyTorch; classes count from 1 here
-- Example:
--   torch.one_hot(torch.LongTensor { 2, 1 }, 3)[1][2] --> 1.0
function torch.one_hot(classes, n)
  check.tensor("one_hot", classes)
  local places = torch.reshape(classes:detach():to("int64"), classes:nElement(), 1)
  if n == nil then n = places:nElement() > 0 and math.max(torch.max(places), 0) or 0 end
  n = check.whole("one_hot", "the number of classes", n, 0)
  local y = check.beside(places, torch.zeros({ places:nElement(), n }, check.default_dtype()))
  if places:nElement() > 0 then
    if torch.min(places) < 1 or torch.max(places) > n then
      raise("torch.one_hot: classes from %d to %d, wanted 1 to %d", torch.min(places), torch.max(places), n)
    end
    y:scatter(2, places, 1)
  end
  return torch.reshape(y, check.with(classes.shape, { [#classes.shape + 1] = n }))
end
function torch.oneHot(classes, n) return torch.one_hot(classes, n) end

check.methods { "take", "takeAlongDim", "put", "indexPut", "selectScatter", "sliceScatter", "diagonalScatter",
  "diagEmbed", "diagflat", "one_hot", "oneHot" }
