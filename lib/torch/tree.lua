-- tree: nested tables of tensors, as arguments and results of functions: walking them in a fixed order.
--
-- Objects of a class are leaves, whatever they hold.

local torch = require "torch"
local raise = require("torch.caller").raise

local tree = {}

local function before(a, b)
  local s, t = type(a), type(b)
  if s ~= t then return s < t end
  if s == "number" or s == "string" then return a < b end
  return tostring(a) < tostring(b)
end

-- The keys of a table, numbers first.
function tree.keys(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys, before)
  return keys
end

-- Whether a value is a table to look into.
function tree.isNode(value)
  return type(value) == "table" and not torch.typename(value)
end

-- "x.W[2]" for key 2 of "x.W".
local function longer(path, key)
  return type(key) == "string" and ("%s.%s"):format(path, key) or ("%s[%s]"):format(path, tostring(key))
end

local function walk(value, f, other, path, above)
  if torch.isTensor(value) then return f(value, path) end
  if not tree.isNode(value) then
    if other then return other(value, path) end
    return value
  end
  if above[value] then raise("%s is a table that holds itself", path) end
  above[value] = true
  local out = {}
  for _, k in ipairs(tree.keys(value)) do
    out[k] = walk(value[k], f, other, longer(path, k), above)
  end
  above[value] = nil
  local mt = getmetatable(value)
  return type(mt) == "table" and setmetatable(out, mt) or out
end

-- A table of the same nesting with f(tensor, path) in the place of each tensor, and other(value, path) in
-- the place of everything else, which stays when there is no such function.
function tree.map(value, f, path, other)
  return walk(value, f, other, path or "the value", {})
end

-- The tensors, in the order of the sorted keys.
function tree.flatten(value)
  local list = {}
  tree.map(value, function(t) list[#list + 1] = t end)
  return list
end

local function nothing()
  return nil
end

-- The nesting of `value` with the tensors replaced by those of a list; everything else left out.
function tree.fill(value, list)
  local at = 0
  return tree.map(value, function()
    at = at + 1
    return list[at]
  end, nil, nothing)
end

return tree
