-- nesting.lua: nested tables of tensors.

local torch = require "torch"

local nesting = {}

--- nesting.cloneNested(value); nesting.fillNested(value, number); nesting.resizeNestedAs(value, other)
-- nesting.copyNested(value, other); nesting.addNestedTo(value, other)
--
-- For local nesting = require "nngraph.nesting".  A copy of a tensor or of a nested table of them; fills all
-- tensors; gives the value's tensors the sizes of the other's, adds what is missing and takes away what is
-- too much; copies the other's elements; adds them.
--
-- value, other: tensor, or nested table of tensors
-- number: number
-- Returns: cloneNested: the like of value
-- Errors: copyNested and addNestedTo: the tables have other keys
-- From: Torch7
-- Example:
--   nesting = require "nngraph.nesting"
--   a = { torch.ones(2), { torch.ones(3) } }
--   nesting.addNestedTo(a, nesting.cloneNested(a))
--   a[2][1]:sum() --> 6.0
function nesting.cloneNested(value)
  if torch.isTensor(value) then return value:clone() end
  local copy = {}
  for k, v in pairs(value) do copy[k] = nesting.cloneNested(v) end
  return copy
end

function nesting.fillNested(value, number)
  if torch.isTensor(value) then
    value:fill(number)
  else
    for _, v in pairs(value) do nesting.fillNested(v, number) end
  end
end

function nesting.resizeNestedAs(value, other)
  if torch.isTensor(value) then
    value:resizeAs(other)
    return
  end
  for k, v in pairs(other) do
    if value[k] then
      nesting.resizeNestedAs(value[k], v)
    else
      value[k] = nesting.cloneNested(v)
    end
  end
  for k in pairs(value) do
    if not other[k] then value[k] = nil end
  end
end

local function check(value, other)
  for k in pairs(value) do
    if other[k] == nil then
      error(("nngraph.nesting: the other table has no entry %s"):format(tostring(k)), 0)
    end
  end
end

function nesting.copyNested(value, other)
  if torch.isTensor(value) then
    value:copy(other)
  else
    check(value, other)
    check(other, value)
    for k, v in pairs(other) do nesting.copyNested(value[k], v) end
  end
end

function nesting.addNestedTo(value, other)
  if torch.isTensor(value) then
    value:add(other)
  else
    check(other, value)
    for k, v in pairs(other) do nesting.addNestedTo(value[k], v) end
  end
end

return nesting
