-- join: putting tensors together and taking them apart.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- ---- joining ---------------------------------------------------------------------------------------

--- torch.hstack(tensors)
-- torch.vstack(tensors)
-- torch.dstack(tensors)
-- torch.columnStack(tensors)
--
-- Joins tensors side by side (columns), one below the other (rows), or one behind the other (the third
-- dimension).  hstack joins vectors end to end; columnStack takes them as columns.
--
-- tensors: a table of tensors, or several arguments
-- Returns: a new tensor
-- Errors: the shapes do not agree
-- From: NumPy, PyTorch
-- Example:
--   torch.vstack { torch.Tensor { 1, 2 }, torch.Tensor { 3, 4 } }:size(1) --> 2
--   torch.hstack { torch.Tensor { 1, 2 }, torch.Tensor { 3 } }:size(1) --> 3
--   torch.columnStack { torch.Tensor { 1, 2 }, torch.Tensor { 3, 4 } }[1][2] --> 3.0
function torch.hstack(...)
  local list = { torch.atleast1d(check.list("hstack", ...)) }
  return torch.cat(list, #list[1].shape == 1 and 1 or 2)
end
function torch.vstack(...)
  return torch.cat({ torch.atleast2d(check.list("vstack", ...)) }, 1)
end
function torch.dstack(...)
  return torch.cat({ torch.atleast3d(check.list("dstack", ...)) }, 3)
end
function torch.columnStack(...)
  local columns = {}
  for i, x in ipairs(check.list("columnStack", ...)) do
    columns[i] = #x.shape < 2 and torch.reshape(x, x:nElement(), 1) or x
  end
  return torch.cat(columns, 2)
end

-- x with zeros before and after it along a dimension.
local function placed(x, dim, before, after)
  local function zeros(n)
    return check.beside(x, torch.zeros(check.with(x.shape, { [dim] = n }), x.dtype))
  end
  return torch.cat({ zeros(before), x, zeros(after) }, dim)
end

--- torch.blockDiag(a, b, ...)
--
-- A matrix with the given matrices along its diagonal and zeros elsewhere.
--
-- a: matrix; a vector is taken as a row, a tensor of no dimensions as one element
-- b: likewise
-- Returns: a new matrix
-- From: PyTorch
-- Example:
--   torch.blockDiag(torch.ones(1, 2), torch.ones(2, 1)):sum() --> 4.0
function torch.blockDiag(...)
  local list, width, left, rows = check.list("blockDiag", ...), 0, 0, {}
  for i, x in ipairs(list) do
    if #x.shape > 2 then
      raise("torch.blockDiag: tensor %d has shape %s, wanted a matrix", i, check.shape_text(x))
    end
    rows[i] = torch.atleast2d(x)
    width = width + rows[i].shape[2]
  end
  for i, x in ipairs(rows) do
    local n = x.shape[2]
    rows[i] = placed(x, 2, left, width - left - n)
    left = left + n
  end
  return torch.cat(rows, 1)
end

-- ---- combinations ----------------------------------------------------------------------------------

--- torch.cartesianProd(a, b, ...)
--
-- All ways to take one element of each vector, one a row; the last varies fastest.
--
-- a: vector
-- b: vector
-- Returns: a matrix with a column for each vector; of one vector that vector
-- From: PyTorch
-- Example:
--   torch.cartesianProd(torch.Tensor { 1, 2 }, torch.Tensor { 5, 6 })[3][1] --> 2.0
function torch.cartesianProd(...)
  local list = check.list("cartesianProd", ...)
  for i, x in ipairs(list) do
    if #x.shape ~= 1 then
      raise("torch.cartesianProd: tensor %d has shape %s, wanted a vector", i, check.shape_text(x))
    end
  end
  if #list == 1 then return list[1]:clone() end
  local columns = { torch.meshgrid(list) }
  for i, x in ipairs(columns) do columns[i] = torch.reshape(x, x:nElement()) end
  return torch.stack(columns, 2)
end

--- torch.combinations(x [, r [, withReplacement]])
-- x:combinations([r [, withReplacement]])
--
-- All ways to choose r elements of a vector, in their order, one a row.
--
-- x: vector
-- r: how many, 2 by default
-- withReplacement: whether an element may be chosen again; false by default
-- Returns: a matrix of r columns
-- From: PyTorch, Python's itertools
-- Example:
--   torch.combinations(torch.Tensor { 1, 2, 3 }):size(1) --> 3
function torch.combinations(x, r, again)
  check.tensor("combinations", x)
  r = check.whole("combinations", "the number of elements", r or 2, 0, 15)
  if #x.shape ~= 1 then
    raise("torch.combinations: the tensor has shape %s, wanted a vector", check.shape_text(x))
  end
  local n = x.shape[1]
  if r == 0 or n == 0 then return check.beside(x, torch.zeros({ 0, r }, x.dtype)) end
  local places, grid, keep = check.beside(x, check.count(n)), {}, nil
  for i = 1, r do grid[i] = places end
  grid = { torch.meshgrid(grid) }
  for i = 2, r do
    local ordered = (again and torch.le or torch.lt)(grid[i - 1], grid[i])
    keep = keep and torch.logicalAnd(keep, ordered) or ordered
  end
  local columns = {}
  for i = 1, r do
    local chosen = keep and torch.maskedSelect(grid[i], keep:to("bool")) or grid[i]
    columns[i] = torch.index(x, 1, torch.reshape(chosen, chosen:nElement()))
  end
  return torch.stack(columns, 2)
end

-- ---- taking apart ----------------------------------------------------------------------------------

--- torch.unbind(x [, dim])
-- x:unbind([dim])
--
-- The slices of x along a dimension, in a table.
--
-- x: tensor of at least one dimension
-- dim: 1 by default
-- Returns: a table of views with one dimension less
-- From: PyTorch
-- Example:
--   #torch.unbind(torch.zeros(3, 2)) --> 3
function torch.unbind(x, dim)
  dim = check.dim("unbind", x, dim, 1)
  if #x.shape == 0 then raise("torch.unbind: the tensor has no dimensions") end
  local slices = {}
  for i = 1, x.shape[dim] do slices[i] = torch.select(x, dim, i) end
  return slices
end

--- torch.splitSections(x, sections [, dim])
-- torch.tensorSplit(x, sections [, dim])
-- x:splitSections(sections [, dim])
-- x:tensorSplit(sections [, dim])
--
-- Parts of x along a dimension.  splitSections takes their sizes; tensorSplit takes how many there shall
-- be, whose sizes differ by at most 1, or the places at which all but the first begin.
--
-- x: tensor of at least one dimension
-- sections: a table of numbers; for tensorSplit also one number
-- dim: 1 by default
-- Returns: a table of views
-- Errors: the sizes do not add up to the dimension's, or a place is not in it
-- From: PyTorch's split and tensor_split, NumPy's array_split
-- Example:
--   torch.splitSections(torch.range(1, 5), { 2, 3 })[2]:sum() --> 12.0
--   #torch.tensorSplit(torch.range(1, 5), 3) --> 3
--   torch.tensorSplit(torch.range(1, 5), { 2, 4 })[2]:sum() --> 5.0
function torch.splitSections(x, sections, dim)
  dim = check.dim("splitSections", x, dim, 1)
  if #x.shape == 0 then raise("torch.splitSections: the tensor has no dimensions") end
  if type(sections) ~= "table" then raise("torch.splitSections: a table of sizes is wanted") end
  local at, parts = 1, {}
  for i, size in ipairs(sections) do
    size = check.whole("splitSections", "size " .. i, size, 0)
    if size > x.shape[dim] - at + 1 then at = math.huge break end
    parts[i] = torch.narrow(x, dim, at, size)
    at = at + size
  end
  if at ~= x.shape[dim] + 1 then
    raise("torch.splitSections: sizes {%s} do not add up to %d", table.concat(sections, ", "), x.shape[dim])
  end
  return parts
end

function torch.tensorSplit(x, sections, dim)
  dim = check.dim("tensorSplit", x, dim, 1)
  if #x.shape == 0 then raise("torch.tensorSplit: the tensor has no dimensions") end
  local n, sizes = x.shape[dim], {}
  if type(sections) == "table" then
    local at = 1
    for i, first in ipairs(sections) do
      first = check.whole("tensorSplit", "place " .. i, first, at, n + 1)
      sizes[i], at = first - at, first
    end
    sizes[#sizes + 1] = n + 1 - at
  else
    sections = check.whole("tensorSplit", "the number of parts", sections, 1, 1 << 24)
    for i = 1, sections do sizes[i] = n // sections + (i <= n % sections and 1 or 0) end
  end
  return torch.splitSections(x, sizes, dim)
end

check.methods { "combinations", "unbind", "splitSections", "tensorSplit" }
