-- shape: other orders, shapes and repetitions of a tensor's elements.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- ---- order -----------------------------------------------------------------------------------------

--- torch.fliplr(x)
-- x:fliplr()
--
-- The columns in the opposite order: torch.flip(x, 2).
--
-- x: tensor of at least two dimensions
-- Returns: a new tensor
-- From: NumPy
-- Example:
--   torch.fliplr(torch.Tensor { { 1, 2 }, { 3, 4 } })[1][1] --> 2.0
function torch.fliplr(x)
  if #check.tensor("fliplr", x).shape < 2 then raise("torch.fliplr: at least two dimensions are wanted") end
  return torch.flip(x, 2)
end

--- torch.flipud(x)
-- x:flipud()
--
-- The rows in the opposite order: torch.flip(x, 1).
--
-- x: tensor of at least one dimension
-- Returns: a new tensor
-- From: NumPy
-- Example:
--   torch.flipud(torch.Tensor { 1, 2 })[1] --> 2.0
function torch.flipud(x)
  if #check.tensor("flipud", x).shape < 1 then raise("torch.flipud: at least one dimension is wanted") end
  return torch.flip(x, 1)
end

--- torch.rot90(x [, times [, dims]])
-- x:rot90([times [, dims]])
--
-- x turned by quarters of a circle, from the first of two dimensions towards the second.
--
-- x: tensor of at least two dimensions
-- times: 1 by default; negative turns the other way round
-- dims: {1, 2} by default
-- Returns: a new tensor
-- From: NumPy, PyTorch
-- Example:
--   torch.rot90(torch.Tensor { { 1, 2 }, { 3, 4 } })[1][1] --> 2.0
function torch.rot90(x, times, dims)
  check.tensor("rot90", x)
  times = check.whole("rot90", "the number of turns", times or 1) % 4
  dims = check.dims("rot90", x, dims or { 1, 2 })
  if #dims ~= 2 then raise("torch.rot90: %d dimensions, wanted 2", #dims) end
  if times == 0 then return x:clone() end
  if times == 2 then return torch.flip(x, dims) end
  if times == 1 then return torch.transpose(torch.flip(x, dims[2]), dims[1], dims[2]) end
  return torch.flip(torch.transpose(x, dims[1], dims[2]), dims[2])
end

--- torch.roll(x, shift [, dim])
-- x:roll(shift [, dim])
--
-- The elements moved on by some places along dimensions; what leaves at the end comes back at the
-- beginning.
--
-- x: tensor of any type
-- shift: a number or a table of them, one a dimension; negative moves backwards
-- dim: a dimension or a table of them; without, x is rolled as if it were a vector
-- Returns: a new tensor of x's shape
-- From: NumPy, PyTorch
-- Example:
--   torch.roll(torch.Tensor { 1, 2, 3 }, 1)[1] --> 3.0
function torch.roll(x, shift, dim)
  check.tensor("roll", x)
  local shifts = type(shift) == "table" and shift or { shift }
  if dim == nil then
    if #shifts ~= 1 then raise("torch.roll: %d shifts without dimensions", #shifts) end
    return torch.reshape(torch.roll(torch.reshape(x, x:nElement()), shifts[1], 1), x.shape)
  end
  local dims = type(dim) == "table" and dim or { dim }
  if #dims ~= #shifts then raise("torch.roll: %d shifts for %d dimensions", #shifts, #dims) end
  local y = x
  for i, s in ipairs(shifts) do
    local d = check.dim("roll", x, dims[i])
    local n = x.shape[d] or 0
    s = check.whole("roll", "shift " .. i, s)
    if n > 0 and s % n > 0 then
      s = s % n
      y = torch.cat(torch.narrow(y, d, n - s + 1, s), torch.narrow(y, d, 1, n - s), d)
    end
  end
  return rawequal(y, x) and x:clone() or y
end

--- torch.moveaxis(x, from, to)
-- torch.movedim(x, from, to)
-- x:moveaxis(from, to)
-- x:movedim(from, to)
--
-- Moves dimensions to other places; the others stay in their order.
--
-- x: tensor of any type
-- from: a dimension, or a table of them
-- to: where they go, as many
-- Returns: a view that shares x's elements
-- From: NumPy, PyTorch
-- Example:
--   torch.moveaxis(torch.zeros(2, 3, 4), 1, -1).shape[3] --> 2
function torch.moveaxis(x, from, to)
  from, to = check.dims("moveaxis", x, from), check.dims("moveaxis", x, to)
  if #from ~= #to then raise("torch.moveaxis: %d dimensions to %d places", #from, #to) end
  local order, moved = {}, {}
  for i, d in ipairs(from) do
    if x.shape[1] then order[to[i]], moved[d] = d, true end
  end
  local d = 1
  for place = 1, #x.shape do
    if not order[place] then
      while moved[d] do d = d + 1 end
      order[place] = d
      d = d + 1
    end
  end
  return torch.permute(x, order)
end
torch.movedim = torch.moveaxis

--- torch.swapaxes(x, dim1, dim2)
-- torch.swapdims(x, dim1, dim2)
-- x:swapaxes(dim1, dim2)
-- x:swapdims(dim1, dim2)
--
-- Another name of torch.transpose.
--
-- x: tensor of any type
-- dim1: a dimension
-- dim2: another
-- Returns: a view that shares x's elements
-- From: NumPy
-- Example:
--   torch.swapaxes(torch.zeros(2, 3), 1, 2).shape[1] --> 3
function torch.swapaxes(x, dim1, dim2)
  return torch.transpose(x, dim1, dim2)
end
torch.swapdims = torch.swapaxes

-- ---- repetition ------------------------------------------------------------------------------------

--- torch.tile(x, times, ...)
-- x:tile(times, ...)
--
-- Copies of x side by side, some a dimension.  Missing counts, or dimensions, are taken as 1 in front.
--
-- x: tensor of any type
-- times: one or more counts, or a table of them
-- Returns: a new tensor
-- Errors: a count is negative
-- From: NumPy, PyTorch
-- Example:
--   torch.tile(torch.Tensor { 1, 2 }, 2, 2):sum() --> 12.0
function torch.tile(x, ...)
  check.tensor("tile", x)
  local times, n = check.sizes("tile", ...), #x.shape
  for i, v in ipairs(times) do check.whole("tile", "count " .. i, v, 0) end
  while #times < n do table.insert(times, 1, 1) end
  local thin, wide, full, once = {}, {}, {}, true
  for d, count in ipairs(times) do
    local size = x.shape[d - (#times - n)] or 1
    if count ~= 1 then
      thin[#thin + 1], wide[#wide + 1] = 1, count
      once = false
    end
    thin[#thin + 1], wide[#wide + 1] = size, size
    full[d] = count * size
  end
  if #thin > 16 then raise("torch.tile: too many dimensions") end
  local y = torch.reshape(torch.expand(torch.reshape(x, thin), wide), full)
  return once and y:clone() or y
end

-- The places that repeat element i counts[i] times.
local function repeated_places(counts)
  if #counts.shape ~= 1 then
    raise("torch.repeatInterleave: the counts have shape %s, wanted a vector", check.shape_text(counts))
  end
  counts = counts:detach():to("int64")
  if counts:nElement() == 0 then return torch.LongTensor() end
  if torch.min(counts) < 0 then raise("torch.repeatInterleave: a count is negative") end
  local ends = torch.cumsum(counts)
  return torch.searchsorted(ends, check.beside(ends, torch.arange(ends[-1])), true)
end

--- torch.repeatInterleave(x, times [, dim])
-- x:repeatInterleave(times [, dim])
--
-- Each element, or each slice along a dimension, several times in a row.
--
-- x: tensor of any type
-- times: a count, or an integer vector with one for each element
-- dim: without, x is taken as a vector
-- Returns: a new tensor
-- Errors: a count is negative, or there is not one for each element
-- From: PyTorch
-- Example:
--   torch.repeatInterleave(torch.Tensor { 1, 2 }, 2)[2] --> 1.0
--   torch.repeatInterleave(torch.Tensor { 1, 2 }, torch.LongTensor { 3, 1 }):sum() --> 5.0
function torch.repeatInterleave(x, times, dim)
  check.tensor("repeatInterleave", x)
  if dim == nil then x, dim = torch.reshape(x, x:nElement()), 1 end
  dim = check.dim("repeatInterleave", x, dim)
  if #x.shape == 0 then x = torch.reshape(x, 1) end
  local n = x.shape[dim]
  if not torch.isTensor(times) then
    times = check.whole("repeatInterleave", "the count", times, 0)
    local thin, wide = { table.unpack(x.shape) }, { table.unpack(x.shape) }
    table.insert(thin, dim + 1, 1)
    table.insert(wide, dim + 1, times)
    if #thin > 16 then raise("torch.repeatInterleave: too many dimensions") end
    local y = torch.expand(torch.reshape(x, thin), wide)
    y = torch.reshape(y, check.with(x.shape, { [dim] = n * times }))
    return times == 1 and y:clone() or y
  end
  if times:nElement() == 1 then times = torch.expand(torch.reshape(times, 1), n) end
  if times:nElement() ~= n then
    raise("torch.repeatInterleave: %d counts for a dimension of %d", times:nElement(), n)
  end
  return torch.index(x, dim, repeated_places(check.beside(x, times)))
end

-- ---- broadcasting ----------------------------------------------------------------------------------

--- torch.broadcastTo(x, sizes ...)
-- x:broadcastTo(sizes ...)
--
-- x with sizes of 1 expanded, and dimensions added in front: another name of torch.expand.
--
-- x: tensor of any type
-- sizes: numbers, or a table of them
-- Returns: a view that shares x's elements
-- From: NumPy, PyTorch
-- Example:
--   torch.broadcastTo(torch.Tensor { 1, 2 }, 3, 2):sum() --> 9.0
function torch.broadcastTo(x, ...)
  check.tensor("broadcastTo", x)
  return torch.expand(x, check.sizes("broadcastTo", ...))
end

--- The shape that tensors broadcast to.  Not public: shared by the files of torch.
function check.broadcast(fn, list)
  local shape = {}
  for _, x in ipairs(list) do
    local own = x.shape
    while #shape < #own do table.insert(shape, 1, 1) end
    for i = 0, #own - 1 do
      local have, size = shape[#shape - i], own[#own - i]
      if have ~= size and have ~= 1 and size ~= 1 then
        raise("torch.%s: shapes %s and %s do not broadcast", fn, table.concat(shape, "x"),
          check.shape_text(x))
      end
      if size ~= 1 then shape[#shape - i] = size end
    end
  end
  return shape
end

--- torch.broadcastTensors(a, b, ...)
-- torch.broadcastTensors({a, b, ...})
--
-- The tensors expanded to the shape that they broadcast to.
--
-- a: tensor
-- b: tensor
-- Returns: as many views
-- Errors: the shapes do not broadcast
-- From: NumPy, PyTorch
-- Example:
--   a, b = torch.broadcastTensors(torch.zeros(3, 1), torch.zeros(1, 4))
--   b.shape[1] --> 3
function torch.broadcastTensors(...)
  local list, views = check.list("broadcastTensors", ...), {}
  local shape = check.broadcast("broadcastTensors", list)
  for i, x in ipairs(list) do views[i] = torch.expand(x, shape) end
  return table.unpack(views)
end

--- torch.meshgrid(a, b, ... [, indexing])
-- torch.meshgrid({a, b, ...} [, indexing])
--
-- The coordinates of a grid: tensor k holds, at every place of the grid, the element of vector k that
-- belongs there.
--
-- a: vector, or a tensor of no dimensions
-- b: vector
-- indexing: 'ij' (the default) has a dimension for each vector in their order; 'xy' exchanges the first
--   two
-- Returns: as many views as vectors
-- From: NumPy, PyTorch
-- Example:
--   i, j = torch.meshgrid(torch.Tensor { 1, 2 }, torch.Tensor { 5, 6, 7 })
--   i[2][3], j[2][3] --> 2.0  7.0
function torch.meshgrid(...)
  local args, indexing = { ... }, "ij"
  if type(args[#args]) == "string" then indexing = table.remove(args) end
  if indexing ~= "ij" and indexing ~= "xy" then
    raise("torch.meshgrid: indexing is '%s', wanted 'ij' or 'xy'", indexing)
  end
  local list, shape, views = check.list("meshgrid", table.unpack(args)), {}, {}
  if #list > 16 then raise("torch.meshgrid: %d vectors, at most 16 are possible", #list) end
  for i, x in ipairs(list) do
    if #x.shape > 1 then
      raise("torch.meshgrid: tensor %d has shape %s, wanted a vector", i, check.shape_text(x))
    end
    shape[i] = x:nElement()
  end
  for i, x in ipairs(list) do
    local thin = {}
    for d = 1, #list do thin[d] = d == i and shape[i] or 1 end
    views[i] = torch.expand(torch.reshape(x, thin), shape)
    if indexing == "xy" and #list > 1 then views[i] = torch.transpose(views[i], 1, 2) end
  end
  return table.unpack(views)
end

-- ---- numbers of dimensions -------------------------------------------------------------------------

--- torch.unflatten(x, dim, sizes)
-- x:unflatten(dim, sizes)
--
-- One dimension cut into several.
--
-- x: tensor of any type
-- dim: the dimension
-- sizes: a table whose product is the dimension's size; one may be -1
-- Returns: a view where possible, else a copy
-- From: PyTorch
-- Example:
--   torch.unflatten(torch.zeros(2, 6), 2, { 3, -1 }).shape[3] --> 2
function torch.unflatten(x, dim, ...)
  dim = check.dim("unflatten", x, dim)
  local sizes, shape, known = check.sizes("unflatten", ...), {}, 1
  for i, size in ipairs(sizes) do
    if size < -1 then raise("torch.unflatten: size %d is %d", i, size) end
    if size ~= -1 then known = known * size end
  end
  local n = x.shape[dim] or 1
  for d, size in ipairs(#x.shape > 0 and x.shape or { 1 }) do
    if d ~= dim then
      shape[#shape + 1] = size
    else
      for _, v in ipairs(sizes) do
        shape[#shape + 1] = v ~= -1 and v or known > 0 and n // known or 0
      end
    end
  end
  return torch.reshape(x, shape)
end

local function at_least(fn, n, ...)
  local list, out = check.list(fn, ...), {}
  for i, x in ipairs(list) do
    local shape = { table.unpack(x.shape) }
    if n == 3 and #shape == 1 then shape[2] = 1 end -- NumPy's: (n) is 1 x n x 1
    if n == 3 and #shape == 2 and #x.shape == 2 then shape[3] = 1 end
    while #shape < n do table.insert(shape, 1, 1) end
    out[i] = torch.reshape(x, shape)
  end
  return table.unpack(out)
end

--- torch.atleast1d(x, ...)
-- torch.atleast2d(x, ...)
-- torch.atleast3d(x, ...)
-- x:atleast1d()
-- x:atleast2d()
-- x:atleast3d()
--
-- Tensors with dimensions of size 1 added until there are one, two or three.  A vector becomes a row; in
-- three dimensions it lies along the second, and a matrix along the first two.
--
-- x: tensor of any type
-- Returns: as many tensors as were given, views where possible
-- From: NumPy, PyTorch
-- Example:
--   torch.atleast2d(torch.Tensor { 1, 2 }).shape[1] --> 1
function torch.atleast1d(...) return at_least("atleast1d", 1, ...) end
function torch.atleast2d(...) return at_least("atleast2d", 2, ...) end
function torch.atleast3d(...) return at_least("atleast3d", 3, ...) end

check.methods { "fliplr", "flipud", "rot90", "roll", "moveaxis", "movedim", "swapaxes", "swapdims", "tile",
  "repeatInterleave", "broadcastTo", "unflatten", "atleast1d", "atleast2d", "atleast3d" }
