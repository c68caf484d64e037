-- einsum: sums of products written with indices, and the products that are such sums.

local torch = require "torch"
local check = require "torch.check"
local raise = check.raise

-- ---- the equation ----------------------------------------------------------------------------------

-- Labels of one operand: letters, and "…k" for the k-th dimension from the end of what '...' stands for.
local function read_labels(equation, text, x, number)
  local before, after = text:match("^(.-)%.%.%.(.*)$")
  local labels, letters = {}, (before or text) .. (after or "")
  if letters:find("[^%a]") then
    raise("torch.einsum: '%s' is no index in '%s'", letters:match("[^%a]"), equation)
  end
  local extra = x and #x.shape - #letters or 0
  if x and (extra < 0 or (extra > 0 and not before)) then
    raise("torch.einsum: operand %d has shape %s, '%s' names %d dimensions in '%s'", number,
      check.shape_text(x), text, #letters, equation)
  end
  for c in (before or text):gmatch(".") do labels[#labels + 1] = c end
  if before then
    for k = extra, 1, -1 do labels[#labels + 1] = "…" .. k end
    for c in after:gmatch(".") do labels[#labels + 1] = c end
  end
  return labels, before and extra
end

local function sizes_of(labels, sizes)
  local shape, n = {}, 1
  for i, c in ipairs(labels) do
    shape[i] = sizes[c]
    n = n * sizes[c]
  end
  return shape, n
end

-- Every dimension at its label's size.
local function expand_ones(input, sizes)
  input.x = torch.expand(input.x, (sizes_of(input.labels, sizes)))
end

-- Without '->': the dimensions of '...', then the letters that appear once, in alphabetical order.
local function implicit_output(inputs, dots)
  local count, labels = {}, {}
  for _, input in ipairs(inputs) do
    for _, c in ipairs(input.labels) do count[c] = (count[c] or 0) + 1 end
  end
  for c, n in pairs(count) do
    if n == 1 and #c == 1 then labels[#labels + 1] = c end
  end
  table.sort(labels)
  for k = 1, dots do table.insert(labels, 1, "…" .. k) end
  return labels
end

local function explicit_output(equation, text, dots)
  local before, after = text:match("^(.-)%.%.%.(.*)$")
  local labels, seen = read_labels(equation, (before or text) .. (after or "")), {}
  for _, c in ipairs(labels) do
    if seen[c] then raise("torch.einsum: '%s' is twice in the output of '%s'", c, equation) end
    seen[c] = true
  end
  if before then
    for k = 1, dots do table.insert(labels, #before + 1, "…" .. k) end
  end
  return labels
end

local function parse(equation, tensors)
  if type(equation) ~= "string" then
    raise("torch.einsum: the equation is a %s, wanted a string", torch.type(equation))
  end
  local text = equation:gsub("%s", "")
  local left, right = text:match("^(.-)%->(.*)$")
  local inputs, dots = {}, 0
  for part in ((left or text) .. ","):gmatch("([^,]*),") do
    local i = #inputs + 1
    if not tensors[i] then
      raise("torch.einsum: %d operands for '%s'", #tensors, equation)
    end
    local labels, extra = read_labels(equation, part, tensors[i], i)
    inputs[i] = { x = tensors[i], labels = labels }
    dots = math.max(dots, extra or 0)
  end
  if #inputs ~= #tensors then raise("torch.einsum: %d operands for '%s'", #tensors, equation) end
  local output = right and explicit_output(equation, right, dots) or implicit_output(inputs, dots)
  return inputs, output
end

-- The size of each label; a size of 1 goes with any other.
local function check_sizes(equation, inputs, output)
  local sizes = {}
  for _, input in ipairs(inputs) do
    for d, c in ipairs(input.labels) do
      local size, known = input.x.shape[d], sizes[c]
      if known and known ~= size and known ~= 1 and size ~= 1 then
        raise("torch.einsum: index '%s' has sizes %d and %d in '%s'", #c == 1 and c or "...", known, size,
          equation)
      end
      if not known or known == 1 then sizes[c] = size end
    end
  end
  for _, c in ipairs(output) do
    if not sizes[c] then raise("torch.einsum: '%s' is only in the output of '%s'", c, equation) end
  end
  return sizes
end

-- ---- one operand -----------------------------------------------------------------------------------

-- Dimensions d < e replaced by their diagonal, at the end.
local function diagonal(x, d, e)
  local shape, order = {}, {}
  for k = 1, #x.shape do
    if k ~= d and k ~= e then
      order[#order + 1] = k
      shape[#shape + 1] = x.shape[k]
    end
  end
  local n = x.shape[d]
  local flat = torch.permute(x, check.with(order, { [#order + 1] = d, [#order + 2] = e }))
  flat = torch.reshape(flat, check.with(shape, { [#shape + 1] = n * n }))
  if n == 0 then return flat end
  local key = {}
  for k = 1, #shape do key[k] = {} end
  key[#key + 1] = { 1, n * n, n + 1 }
  local y = flat[key]
  return torch.isTensor(y) and y or torch.reshape(flat, check.with(shape, { [#shape + 1] = n }))
end

-- No label twice: the diagonal.
local function take_diagonals(input)
  local d = 1
  while d <= #input.labels do
    local other
    for e = d + 1, #input.labels do
      if input.labels[e] == input.labels[d] then other = e break end
    end
    if other then
      local c = input.labels[d]
      input.x = diagonal(input.x, d, other)
      table.remove(input.labels, other)
      table.remove(input.labels, d)
      input.labels[#input.labels + 1] = c
    else
      d = d + 1
    end
  end
end

-- Sums over the labels that `needed` does not have.
local function sum_out(input, needed)
  local dims, kept, shape = {}, {}, {}
  for d, c in ipairs(input.labels) do
    if needed[c] then
      kept[#kept + 1] = c
      shape[#shape + 1] = input.x.shape[d]
    else
      dims[#dims + 1] = d
    end
  end
  if #dims == 0 then return end
  input.x, input.labels = torch.reshape(torch.sum(input.x, dims, true), shape), kept
end

-- x with its dimensions in the order of `labels`; those it lacks have size 1.
local function aligned(input, labels)
  local order, shape, place = {}, {}, {}
  for d, c in ipairs(input.labels) do place[c] = d end
  for i, c in ipairs(labels) do
    if place[c] then order[#order + 1] = place[c] end
    shape[i] = place[c] and input.x.shape[place[c]] or 1
  end
  return torch.reshape(torch.permute(input.x, order), shape)
end

-- ---- two operands ----------------------------------------------------------------------------------

local function set(labels)
  local s = {}
  for _, c in ipairs(labels) do s[c] = true end
  return s
end

local function join(...)
  local list = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #list + 1, list) end
  return list
end

-- Both as batches of matrices.
local function contract(a, b, needed, sizes)
  local in_a, in_b = set(a.labels), set(b.labels)
  local batch, left, right, summed = {}, {}, {}, {}
  for _, c in ipairs(a.labels) do
    if not in_b[c] then
      left[#left + 1] = c
    elseif needed[c] then
      batch[#batch + 1] = c
    else
      summed[#summed + 1] = c
    end
  end
  for _, c in ipairs(b.labels) do
    if not in_a[c] then right[#right + 1] = c end
  end
  local labels = join(batch, left, right)
  if #summed == 0 then
    return { x = check.product(aligned(a, labels), aligned(b, labels)), labels = labels }
  end
  local wide = a.x.dtype == "float32" or a.x.dtype == "float64" -- sums do not round their products
  if #batch > 0 and #left == 0 and #right == 0 and wide then
    local dims = {}
    for i in ipairs(summed) do dims[i] = #batch + i end
    local inside = join(batch, summed)
    local x = torch.sum(check.product(aligned(a, inside), aligned(b, inside)), dims, true)
    return { x = torch.reshape(x, (sizes_of(labels, sizes))), labels = labels }
  end
  local _, count = sizes_of(batch, sizes)
  local _, rows = sizes_of(left, sizes)
  local _, columns = sizes_of(right, sizes)
  local _, inner = sizes_of(summed, sizes)
  local x = torch.reshape(aligned(a, join(batch, left, summed)), count, rows, inner)
  local y = torch.reshape(aligned(b, join(batch, summed, right)), count, inner, columns)
  return { x = torch.reshape(torch.bmm(x, y), (sizes_of(labels, sizes))), labels = labels }
end

-- All of the type that their product has.
local function common_types(tensors)
  local zero = torch.zeros(0, tensors[1].dtype)
  for i = 2, #tensors do zero = torch.cmul(zero, torch.zeros(0, tensors[i].dtype)) end
  local list = {}
  for i, x in ipairs(tensors) do list[i] = x:type(zero.dtype) end
  return list
end

--- torch.einsum(equation, a, b, ...)
-- torch.einsum(equation, {a, b, ...})
--
-- The sum of products that an equation in Einstein's notation names.  Each operand's dimensions have
-- letters; equal letters go together, and letters that the right side lacks are summed over.  A letter
-- twice in one operand takes its diagonal.  '...' stands for dimensions that broadcast.  Without '->' the
-- result has the letters that appear once, in alphabetical order.
--
-- equation: a string such as 'bij,bjk->bik'
-- a: tensor
-- b: tensor
-- Returns: a new tensor; a number when no letter is left and no gradient flows
-- Errors: the equation does not fit the shapes; the message quotes it
-- From: NumPy, PyTorch
-- Example:
--   torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 4))[1][1] --> 3.0
--   torch.einsum("ii", torch.eye(3)) --> 3.0
function torch.einsum(equation, ...)
  local tensors = common_types(check.list("einsum", ...))
  local inputs, output = parse(equation, tensors)
  local sizes = check_sizes(equation, inputs, output)
  local last = {} -- the last operand that has a label
  for i, input in ipairs(inputs) do
    expand_ones(input, sizes)
    take_diagonals(input)
    for _, c in ipairs(input.labels) do last[c] = i end
  end
  for _, c in ipairs(output) do last[c] = #inputs + 1 end
  local result
  for i, input in ipairs(inputs) do
    local needed = result and set(result.labels) or {}
    for c, n in pairs(last) do needed[c] = needed[c] or n > i end
    sum_out(input, needed)
    local after = {}
    for c, n in pairs(last) do after[c] = n > i end
    result = result and contract(result, input, after, sizes) or input
    sum_out(result, after)
  end
  return check.number(aligned(result, output))
end

-- ---- named products --------------------------------------------------------------------------------

--- torch.tensordot(a, b, dims)
-- a:tensordot(b, dims)
--
-- The sum of products over some dimensions of both tensors.
--
-- a: tensor
-- b: tensor
-- dims: how many of the last of a and the first of b (2 by default), or {dims of a, dims of b}
-- Returns: a new tensor with the other dimensions of a, then those of b; a number when there are none
--   and no gradient flows
-- Errors: the sizes differ
-- From: NumPy, PyTorch
-- Example:
--   torch.tensordot(torch.ones(2, 3, 4), torch.ones(3, 4, 5), 2).shape[2] --> 5
function torch.tensordot(a, b, dims)
  check.tensor("tensordot", a)
  check.tensor("tensordot", b, "the second argument")
  local of_a, of_b = {}, {}
  if type(dims) == "table" then
    of_a, of_b = check.dims("tensordot", a, dims[1] or {}), check.dims("tensordot", b, dims[2] or {})
    if #of_a ~= #of_b then raise("torch.tensordot: %d dimensions with %d", #of_a, #of_b) end
  else
    local n = check.whole("tensordot", "the number of dimensions", dims or 2, 0,
      math.min(#a.shape, #b.shape))
    for i = 1, n do of_a[i], of_b[i] = #a.shape - n + i, i end
  end
  local labels_a, labels_b, n = {}, {}, 0
  local function name()
    n = n + 1
    return string.char(n <= 26 and 96 + n or 38 + n)
  end
  local summed, in_a, out = {}, {}, {}
  for d = 1, #a.shape do
    labels_a[d] = name()
    in_a[labels_a[d]] = true
  end
  for i, d in ipairs(of_b) do
    local e = of_a[i]
    if a.shape[e] ~= b.shape[d] then
      raise("torch.tensordot: dimension %d of %s and dimension %d of %s differ", e, check.shape_text(a), d,
        check.shape_text(b))
    end
    labels_b[d] = labels_a[e]
    summed[labels_b[d]] = true
  end
  for d = 1, #b.shape do labels_b[d] = labels_b[d] or name() end
  for _, c in ipairs(labels_a) do
    if not summed[c] then out[#out + 1] = c end
  end
  for _, c in ipairs(labels_b) do
    if not in_a[c] then out[#out + 1] = c end
  end
  return torch.einsum(table.concat(labels_a) .. "," .. table.concat(labels_b) .. "->" .. table.concat(out),
    a, b)
end

--- torch.outer(a, b)
-- a:outer(b)
--
-- The product of every element of a with every element of b.
--
-- a: tensor, taken as a vector
-- b: likewise
-- Returns: a new matrix with a row for each element of a
-- From: NumPy
-- Example:
--   torch.outer(torch.Tensor { 1, 2 }, torch.Tensor { 3, 4 })[2][2] --> 8.0
function torch.outer(a, b)
  check.tensor("outer", a)
  check.tensor("outer", b, "the second argument")
  return check.product(torch.reshape(a, a:nElement(), 1), torch.reshape(b, 1, b:nElement()))
end

--- torch.inner(a, b)
-- a:inner(b)
--
-- The sum of products over the last dimensions of a and b.
--
-- a: tensor
-- b: tensor; its last dimension is as long as a's
-- Returns: a new tensor with the other dimensions of a, then of b; a number when there are none and no
--   gradient flows.  With a tensor of no dimensions the product with it.
-- From: NumPy, PyTorch
-- Example:
--   torch.inner(torch.Tensor { 1, 2 }, torch.Tensor { 3, 4 }) --> 11.0
function torch.inner(a, b)
  check.tensor("inner", a)
  check.tensor("inner", b, "the second argument")
  if #a.shape == 0 or #b.shape == 0 then return check.number(torch.cmul(a, b)) end
  return torch.tensordot(a, b, { { -1 }, { -1 } })
end

--- torch.vdot(a, b)
-- a:vdot(b)
--
-- The sum of the products of the elements of two tensors of as many elements.
--
-- a: tensor
-- b: tensor
-- Returns: a number; a tensor of no dimensions when a gradient flows through it
-- From: NumPy
-- Example:
--   torch.vdot(torch.ones(2, 2), torch.Tensor { 1, 2, 3, 4 }) --> 10.0
function torch.vdot(a, b)
  check.tensor("vdot", a)
  check.tensor("vdot", b, "the second argument")
  if a:nElement() ~= b:nElement() then
    raise("torch.vdot: %d elements with %d", a:nElement(), b:nElement())
  end
  return check.number(torch.sum(torch.cmul(torch.reshape(a, a:nElement()), torch.reshape(b, b:nElement())),
    { 1 }, false))
end

--- torch.kron(a, b)
-- a:kron(b)
--
-- Kronecker's product: a with each element replaced by that element times b.
--
-- a: tensor
-- b: tensor; missing dimensions of either are taken as 1 in front
-- Returns: a new tensor whose sizes are the products of theirs
-- From: NumPy, PyTorch
-- Example:
--   torch.kron(torch.eye(2), torch.ones(1, 2)):size(2) --> 4
function torch.kron(a, b)
  check.tensor("kron", a)
  check.tensor("kron", b, "the second argument")
  local n = math.max(#a.shape, #b.shape)
  if 2 * n > 16 then raise("torch.kron: at most 8 dimensions are possible, got %d", n) end
  local of_a, of_b, shape = {}, {}, {}
  for d = 1, n do
    local p, q = a.shape[d - n + #a.shape] or 1, b.shape[d - n + #b.shape] or 1
    of_a[2 * d - 1], of_a[2 * d] = p, 1
    of_b[2 * d - 1], of_b[2 * d] = 1, q
    shape[d] = p * q
  end
  return torch.reshape(check.product(torch.reshape(a, of_a), torch.reshape(b, of_b)), shape)
end

check.methods { "tensordot", "outer", "inner", "vdot", "kron" }
