-- products: chains and powers of matrices, distances and similarities.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- ---- matrices --------------------------------------------------------------------------------------

-- The cheapest order of a chain: split[i][j] is where to cut the product of matrices i to j.
local function best_splits(sizes)
  local n, cost, split = #sizes - 1, {}, {}
  for i = 1, n do cost[i], split[i] = { [i] = 0 }, {} end
  for length = 1, n - 1 do
    for i = 1, n - length do
      local j = i + length
      cost[i][j] = math.huge
      for k = i, j - 1 do
        local c = cost[i][k] + cost[k + 1][j] + 1.0 * sizes[i] * sizes[k + 1] * sizes[j + 1]
        if c < cost[i][j] then cost[i][j], split[i][j] = c, k end
      end
    end
  end
  return split
end

local function multiply(list, split, i, j)
  if i == j then return list[i] end
  local k = split[i][j]
  return torch.mm(multiply(list, split, i, k), multiply(list, split, k + 1, j))
end

--- torch.multiDot(matrices)
-- torch.chainMatmul(matrices)
--
-- The product of several matrices, multiplied in the order that needs the fewest steps.
--
-- matrices: a table, or several arguments; the first and the last may be vectors
-- Returns: a new tensor; a number when both ends are vectors and no gradient flows
-- Errors: inner sizes differ
-- From: NumPy's linalg.multi_dot, PyTorch's chain_matmul
-- Example:
--   torch.multiDot { torch.ones(2, 3), torch.ones(3, 4), torch.ones(4, 5) }[1][1] --> 12.0
function torch.multiDot(...)
  local list, sizes, shape = check.list("multiDot", ...), {}, {}
  if #list > 500 then raise("torch.multiDot: %d matrices, at most 500 are possible", #list) end
  if #list == 1 then return list[1]:clone() end
  list = { table.unpack(list) }
  for i, x in ipairs(list) do
    local vector = #x.shape == 1 and (i == 1 or i == #list)
    if #x.shape ~= 2 and not vector then
      raise("torch.multiDot: tensor %d has shape %s, wanted a matrix", i, check.shape_text(x))
    end
    if vector then
      list[i] = i == 1 and torch.reshape(x, 1, x.shape[1]) or torch.reshape(x, x.shape[1], 1)
    else
      if i == 1 then shape[1] = x.shape[1] end
      if i == #list then shape[#shape + 1] = x.shape[2] end
    end
    sizes[i], sizes[i + 1] = list[i].shape[1], list[i].shape[2]
    if i > 1 and list[i - 1].shape[2] ~= sizes[i] then
      raise("torch.multiDot: matrix %d has %d columns and matrix %d has %d rows", i - 1,
        list[i - 1].shape[2], i, sizes[i])
    end
  end
  local y = multiply(list, best_splits(sizes), 1, #list)
  return check.number(torch.reshape(y, shape))
end
torch.chainMatmul = torch.multiDot

local function identity_like(x)
  local n = x.shape[#x.shape]
  return torch.expand(check.beside(x, torch.eye(n)):to(x.dtype), x.shape):clone()
end

--- torch.matrixPower(x, n)
-- x:matrixPower(n)
--
-- A square matrix multiplied with itself n times, by repeated squaring.
--
-- x: (.., m, m) tensor
-- n: a whole number; 0 gives the identity, negative numbers powers of the inverse
-- Returns: a new tensor of x's shape
-- Errors: x is not square; x has no inverse
-- From: NumPy, PyTorch
-- Example:
--   torch.matrixPower(torch.Tensor { { 1, 1 }, { 0, 1 } }, 5)[1][2] --> 5.0
function torch.matrixPower(x, n)
  check.tensor("matrixPower", x)
  n = check.whole("matrixPower", "the power", n)
  local rank = #x.shape
  if rank < 2 or x.shape[rank] ~= x.shape[rank - 1] then
    raise("torch.matrixPower: a square matrix is wanted, got shape %s", check.shape_text(x))
  end
  if n == 0 then return identity_like(x) end
  if n < 0 then
    if n == math.mininteger then raise("torch.matrixPower: the power is out of range") end
    x, n = torch.inverse(x), -n
  end
  local y
  while n > 0 do
    if n & 1 == 1 then y = y and torch.matmul(y, x) or x end
    n = n >> 1
    if n > 0 then x = torch.matmul(x, x) end
  end
  return y:clone()
end

--- torch.vander(x [, n [, increasing]])
-- x:vander([n [, increasing]])
--
-- Vandermonde's matrix: the powers of each element, one row an element.
--
-- x: vector
-- n: how many powers, as many as elements by default
-- increasing: whether they begin with the power 0; false by default
-- Returns: a new matrix of n columns
-- From: NumPy
-- Example:
--   torch.vander(torch.Tensor { 2, 3 }, 3)[1][1] --> 4.0
function torch.vander(x, n, increasing)
  check.tensor("vander", x)
  if #x.shape ~= 1 then raise("torch.vander: shape %s, wanted a vector", check.shape_text(x)) end
  n = check.whole("vander", "the number of powers", n or x.shape[1], 0, 1 << 20)
  if n == 0 or x.shape[1] == 0 then return check.full(x, { x.shape[1], n }, 0) end
  local column = torch.reshape(x, x.shape[1], 1)
  local y = torch.cat({ torch.onesLike(column), torch.expand(column, x.shape[1], n - 1) }, 2)
  y = torch.cumprod(y, 2):type(x.dtype)
  return increasing and y or torch.fliplr(y)
end

-- ---- distances -------------------------------------------------------------------------------------

local function norm_order(fn, p)
  p = p or 2
  if type(p) ~= "number" or p < 0 or p ~= p then
    raise("torch.%s: p is %s, wanted a number of at least 0", fn, tostring(p))
  end
  return p
end

--- torch.cdist(a, b [, p])
-- a:cdist(b [, p])
--
-- The distance of every row of a from every row of b.
--
-- a: (.., n, d) tensor
-- b: (.., m, d) tensor; the dimensions before the last two broadcast
-- p: which norm, 2 by default; 0 counts the elements that differ, math.huge takes the largest difference
-- Returns: a new (.., n, m) tensor.  Where a distance is 0 its gradient is 0.
-- Errors: the rows have different lengths
-- From: PyTorch
-- Example:
--   torch.cdist(torch.Tensor { { 0, 0 } }, torch.Tensor { { 3, 4 } })[1][1] --> 5.0
function torch.cdist(a, b, p)
  a, b = check.float("cdist", a), check.float("cdist", b, "the second argument")
  p = norm_order("cdist", p)
  local na, nb = #a.shape, #b.shape
  if na < 2 or nb < 2 or a.shape[na] ~= b.shape[nb] then
    raise("torch.cdist: shapes %s and %s, wanted rows of one length", check.shape_text(a),
      check.shape_text(b))
  end
  local n, m, d = a.shape[na - 1], b.shape[nb - 1], a.shape[na]
  local lead = check.broadcast("cdist", { torch.zeros({ table.unpack(a.shape, 1, na - 2) }, "bool"),
    torch.zeros({ table.unpack(b.shape, 1, nb - 2) }, "bool") })
  local shape = { table.unpack(lead) }
  shape[#shape + 1], shape[#shape + 2] = n, m
  if d == 0 then return check.full(a, shape, 0) end
  local k = #lead
  local function batches(x, rows)
    local wide = torch.expand(x, check.with(lead, { [k + 1] = rows, [k + 2] = d }))
    local count = 1
    for _, size in ipairs(lead) do count = count * size end
    return torch.reshape(wide, count, rows, d)
  end
  local x, y = batches(a, n), batches(b, m)
  local z
  if p == 2 then
    z = torch._euclidean(x, y)
  else
    local rows, others = torch.broadcastTensors(torch.reshape(x, x.shape[1], n, 1, d),
      torch.reshape(y, y.shape[1], 1, m, d))
    z = torch.norm(rows - others, p, 4)
  end
  return torch.reshape(z, shape)
end

--- torch.pdist(x [, p])
-- x:pdist([p])
--
-- The distances of all pairs of rows, in the order (1, 2), (1, 3), .. (2, 3), ..
--
-- x: matrix
-- p: which norm, 2 by default
-- Returns: a new vector of n (n - 1) / 2 elements
-- From: SciPy, PyTorch
-- Example:
--   torch.pdist(torch.Tensor { { 0, 0 }, { 3, 4 } })[1] --> 5.0
function torch.pdist(x, p)
  check.tensor("pdist", x)
  if #x.shape ~= 2 then raise("torch.pdist: shape %s, wanted a matrix", check.shape_text(x)) end
  local n = x.shape[1]
  local places = check.beside(x, torch.triuIndices(n, n, 1))
  if places:nElement() == 0 then return check.beside(x, torch.zeros({ 0 }, check.float("pdist", x).dtype)) end
  local flat = (places[1] - 1):mul(n) + places[2]
  return torch.index(torch.reshape(torch.cdist(x, x, p), n * n), 1, flat)
end

--- torch.cosineSimilarity(a, b [, dim [, eps]])
-- a:cosineSimilarity(b [, dim [, eps]])
--
-- The cosine of the angle between vectors that lie along a dimension.
--
-- a: tensor
-- b: tensor; a and b broadcast
-- dim: the last by default
-- eps: norms below it are taken as it; 1e-8 by default
-- Returns: a new tensor without that dimension; a number when none is left and no gradient flows
-- From: PyTorch
-- Example:
--   torch.cosineSimilarity(torch.Tensor { 1, 0 }, torch.Tensor { 2, 0 }) --> 1.0
function torch.cosineSimilarity(a, b, dim, eps)
  a, b = check.float("cosineSimilarity", a), check.float("cosineSimilarity", b, "the second argument")
  a, b = torch.broadcastTensors(a, b)
  dim, eps = check.dim("cosineSimilarity", a, dim, -1), eps or 1e-8
  local function unit(x)
    return torch.cdiv(x, torch.cmax(torch.norm(x, 2, { dim }, true), eps))
  end
  return check.number(torch.sum(torch.cmul(unit(a), unit(b)), { dim }, false))
end

check.methods { "matrixPower", "vander", "cdist", "pdist", "cosineSimilarity" }
