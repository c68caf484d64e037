-- util: small functions that scripts for torch-autograd use.

local torch = require "torch"
local nn = require "nn"
local tree = require "torch.tree"
local raise = require("torch.caller").raise

local util = {}

-- ---- tensors ---------------------------------------------------------------------------------------

--- autograd.util.oneHot(labels [, n])
--
-- A row for each label: 1 at the label's place, 0 elsewhere.
--
-- labels: vector of whole numbers from 1
-- n: how many classes there are; the largest label by default
-- Returns: a matrix of the labels' type
-- From: torch-autograd
-- Example:
--   autograd.util.oneHot(torch.Tensor { 2, 1 })[1][2] --> 1.0
function util.oneHot(labels, n)
  return torch.oneHot(labels:to("int64"), n or labels:to("int64"):max()):type(labels:type())
end

--- autograd.util.logSumExp(x); autograd.util.logSoftMax(x); autograd.util.sigmoid(x)
--
-- The logarithm of the sum of exponentials of all elements; the log-softmax along the last dimension; the
-- logistic function of a tensor or a number.  Safe for large elements.
--
-- x: tensor; for sigmoid also a number
-- Returns: logSumExp: a number, or on the tape a tensor without dimensions; the others: the like of x
-- From: torch-autograd
-- Example:
--   ("%.4f"):format(autograd.util.logSumExp(torch.zeros(2))) --> 0.6931
--   autograd.util.sigmoid(0) --> 0.5
function util.logSumExp(x)
  local top = torch.max(x:detach())
  local total = torch.sum(torch.exp(x - top))
  return (torch.isTensor(total) and torch.log(total) or math.log(total)) + top
end

function util.logSoftMax(x)
  if x:dim() < 2 then return x - util.logSumExp(x) end
  local top = torch.max(x:detach(), x:dim())
  local shifted = x - top
  return shifted - torch.log(torch.sum(torch.exp(shifted), x:dim()))
end

function util.sigmoid(x)
  if type(x) == "number" then return 1 / (1 + math.exp(-x)) end
  return torch.sigmoid(x)
end

--- autograd.util.dropout(x [, p])
--
-- x with each element zeroed with probability p, the others divided by 1 - p.
--
-- x: tensor
-- p: number, 0 by default
-- Returns: a tensor like x
-- From: torch-autograd
-- Example:
--   autograd.util.dropout(torch.ones(3), 0):sum() --> 3.0
function util.dropout(x, p)
  return nn.functional.dropout(x, p or 0, true)
end

--- autograd.util.lookup(rows, indexes)
--
-- The rows of a matrix with given numbers.
--
-- rows: matrix
-- indexes: tensor of whole numbers from 1
-- Returns: a tensor of the shape of indexes and one dimension more: the rows
-- From: torch-autograd
-- Example:
--   autograd.util.lookup(torch.eye(3), torch.Tensor { 3, 1 })[1][3] --> 1.0
function util.lookup(rows, indexes)
  local shape = indexes.shape
  shape[#shape + 1] = rows:size(2)
  return torch.reshape(torch.index(rows, 1, torch.flatten(indexes):to("int64")), shape)
end

--- autograd.util.cat(x, y [, dim]); autograd.util.cat(list [, dim])
--
-- Tensors one behind the other, along the last dimension by default; of a table of numbers a vector.
--
-- x, y: tensors
-- list: table of tensors, or of numbers
-- dim: number
-- Returns: a tensor
-- From: torch-autograd
-- Example:
--   autograd.util.cat({ 1, 2, 3 }):sum() --> 6.0
function util.cat(x, y, dim)
  if torch.isTensor(x) then return torch.cat(x, y, dim or x:dim()) end
  if not torch.isTensor(x[1]) then return torch.Tensor(x) end
  if #x[1].shape == 0 then return torch.stack(x) end
  return torch.cat(x, y or x[1]:dim())
end

--- autograd.util.newTensorLike(x); autograd.util.zerosLike(x [, shaped]); autograd.util.fill(x, v)
--
-- New tensors of x's type and shape: with any elements, zeros, or all v.
--
-- x: tensor
-- shaped: tensor whose shape counts in the place of x's
-- v: number
-- Returns: a tensor
-- From: torch-autograd
-- Example:
--   autograd.util.fill(torch.zeros(3), 2):sum() --> 6.0
function util.newTensorLike(x)
  return x.new(x:size())
end

function util.zerosLike(x, shaped)
  return torch.zeros((shaped or x):size(), x:type())
end

function util.fill(x, v)
  return util.newTensorLike(x):fill(v)
end

-- ---- comparing -------------------------------------------------------------------------------------

--- autograd.util.lt(a, b); autograd.util.le(a, b); autograd.util.gt(a, b); autograd.util.ge(a, b)
-- autograd.util.eq(a, b)
--
-- Compares two values, each a number or a tensor of one element.
--
-- a, b: numbers or tensors
-- Returns: true or false
-- From: torch-autograd
-- Example:
--   autograd.util.lt(1, torch.ones(1) * 2), autograd.util.eq(1, 2) --> true false
local function value_of(v)
  return torch.isTensor(v) and v:item() or v
end

function util.lt(a, b) return value_of(a) < value_of(b) end
function util.le(a, b) return value_of(a) <= value_of(b) end
function util.gt(a, b) return value_of(a) > value_of(b) end
function util.ge(a, b) return value_of(a) >= value_of(b) end
function util.eq(a, b) return value_of(a) == value_of(b) end

-- ---- tables ----------------------------------------------------------------------------------------

--- autograd.util.deepCopy(t); autograd.util.shallowCopy(t)
--
-- A copy of a table, and of the tables in it; tensors are shared.
--
-- t: table, or any other value, which comes back itself
-- Returns: the copy
-- From: torch-autograd
-- Example:
--   t = { { 1 } }
--   autograd.util.deepCopy(t)[1] == t[1], autograd.util.shallowCopy(t)[1] == t[1] --> false true
function util.deepCopy(t)
  return tree.map(t, function(v) return v end)
end

function util.shallowCopy(t)
  if type(t) ~= "table" then return t end
  local copy = {}
  for k, v in pairs(t) do copy[k] = v end
  return copy
end

--- autograd.util.cast(t, typename)
--
-- The tensors of a nested table converted to a type.
--
-- t: tensor, or nested table of tensors
-- typename: "float", "double", or a name such as "torch.HalfTensor"
-- Returns: the like of t
-- From: torch-autograd
-- Example:
--   autograd.util.cast({ w = torch.ones(1) }, "double").w:type() --> torch.DoubleTensor
function util.cast(t, typename)
  local known = { float = "torch.FloatTensor", double = "torch.DoubleTensor" }
  return tree.map(t, function(v) return v:type(known[typename] or typename) end)
end

--- autograd.util.sortedFlatten(t)
--
-- The values of a nested table as a list, in the order of the sorted keys.
--
-- t: table, or any other value
-- Returns: a table
-- From: torch-autograd
-- Example:
--   table.concat(autograd.util.sortedFlatten { b = { 2, 3 }, a = 1 }, " ") --> 1 2 3
function util.sortedFlatten(t)
  local list = {}
  local function add(v) list[#list + 1] = v end
  tree.map(t, add, nil, add)
  return list
end

--- autograd.util.nestedGet(t, keys); autograd.util.nestedSet(t, keys, value)
--
-- Reads or sets the value at t[keys[1]][keys[2]]..
--
-- t: table
-- keys: table of keys, at least one to set
-- value: any value
-- Returns: nestedGet: the value
-- Errors: nestedSet: there are no keys
-- From: torch-autograd
-- Example:
--   t = { W = { 1, 2 } }
--   autograd.util.nestedSet(t, { "W", 2 }, 5)
--   autograd.util.nestedGet(t, { "W", 2 }) --> 5
function util.nestedGet(t, keys)
  for _, k in ipairs(keys) do t = t[k] end
  return t
end

function util.nestedSet(t, keys, value)
  if #keys == 0 then raise("autograd.util.nestedSet: no keys are given") end
  for i = 1, #keys - 1 do t = t[keys[i]] end
  t[keys[#keys]] = value
end

--- autograd.util.defaultBool(b, default)
--
-- b, or the default when it is nil.
--
-- b, default: values
-- Returns: one of them
-- From: torch-autograd
-- Example:
--   autograd.util.defaultBool(nil, true), autograd.util.defaultBool(false, true) --> true false
function util.defaultBool(b, default)
  if b == nil then return default end
  return b
end

return util
