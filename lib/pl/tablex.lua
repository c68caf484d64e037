-- tablex: functions on tables, as Penlight's pl.tablex has them.

local tablex = {}

-- A function, or the name of a method.
local function callable(f)
  if type(f) ~= "string" then return f end
  return function(object, ...) return object[f](object, ...) end
end

--- tablex.size(t); tablex.copy(t); tablex.deepcopy(t); tablex.update(t, other)
-- tablex.keys(t); tablex.values(t); tablex.makeset(list); tablex.index_map(list); tablex.readonly(t)
--
-- The number of entries; a copy, of the tables in it too; t with the entries of another; lists of the keys
-- and the values; a set of a list's elements, with true or their places; a view that cannot be written to.
--
-- t, other: tables
-- list: a list
-- Returns: size: a number; the others a table
-- From: Penlight
-- Example:
--   tablex = require "pl.tablex"
--   tablex.size { a = 1, 2 }, tablex.makeset({ "x" }).x, #tablex.keys { a = 1, b = 2 } --> 2 true 2
function tablex.size(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

function tablex.update(t, other)
  for key, value in pairs(other) do t[key] = value end
  return t
end

function tablex.copy(t)
  return tablex.update({}, t)
end

local function deep(value, seen)
  if type(value) ~= "table" then return value end
  if seen[value] then return seen[value] end
  local out = {}
  seen[value] = out
  for key, v in pairs(value) do out[deep(key, seen)] = deep(v, seen) end
  return setmetatable(out, getmetatable(value))
end

function tablex.deepcopy(t)
  return deep(t, {})
end

function tablex.keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  return list
end

function tablex.values(t)
  local list = {}
  for _, value in pairs(t) do list[#list + 1] = value end
  return list
end

function tablex.makeset(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

function tablex.index_map(list)
  local map = {}
  for i, value in ipairs(list) do map[value] = i end
  return map
end

function tablex.readonly(t)
  return setmetatable({}, { __index = t, __metatable = false, __len = function() return #t end,
    __pairs = function() return pairs(t) end,
    __newindex = function() error("Attempt to modify read-only table", 2) end })
end

--- tablex.deepcompare(a, b [, ignore_mt [, eps]]); tablex.compare(a, b [, same])
--
-- Whether two values are equal with all that is in them; whether two lists are, by a function.
--
-- a, b: any values; lists
-- ignore_mt: true does not ask metatables for __eq
-- eps: numbers may differ by so much
-- same: function of two elements
-- Returns: true or false
-- From: Penlight
-- Example:
--   require("pl.tablex").deepcompare({ 1, { x = 2 } }, { 1, { x = 2 } }) --> true
function tablex.deepcompare(a, b, ignore_mt, eps)
  if a == b then return true end
  if type(a) ~= type(b) then return false end
  if type(a) == "number" and eps then return math.abs(a - b) < eps end
  if type(a) ~= "table" then return false end
  local mt = getmetatable(a)
  if not ignore_mt and mt and mt.__eq then return false end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  for key, value in pairs(a) do
    if b[key] == nil or not tablex.deepcompare(value, b[key], ignore_mt, eps) then return false end
  end
  return true
end

function tablex.compare(a, b, same)
  if #a ~= #b then return false end
  for i = 1, #a do
    if same and not callable(same)(a[i], b[i]) or not same and a[i] ~= b[i] then return false end
  end
  return true
end

--- tablex.find(list, value [, from]); tablex.rfind(list, value [, from]); tablex.find_if(list, test [, arg])
--
-- The place of a value in a list, the first or the last; of the first element for which test(element, arg)
-- holds, with what test gave.
--
-- list: a list
-- value, arg: any
-- from: where to begin
-- test: function
-- Returns: a number, or nil
-- From: Penlight
-- Example:
--   require("pl.tablex").find({ "a", "b", "a" }, "a", 2) --> 3
function tablex.find(list, value, from)
  for i = from or 1, #list do
    if list[i] == value then return i end
  end
end

function tablex.rfind(list, value, from)
  for i = from or #list, 1, -1 do
    if list[i] == value then return i end
  end
end

function tablex.find_if(list, test, arg)
  for i = 1, #list do
    local found = callable(test)(list[i], arg)
    if found then return i, found end
  end
end

--- tablex.map(f, t, ...); tablex.imap(f, list, ...); tablex.filter(list, test [, arg])
-- tablex.reduce(f, list [, start]); tablex.foreach(t, f, ...); tablex.foreachi(list, f, ...)
-- tablex.map2(f, t, other); tablex.pairmap(f, t, ...); tablex.range(first, last [, step])
-- tablex.zip(...)
--
-- f(value, ..) for each entry, under the same keys; the elements for which test(element, arg) holds; f(so
-- far, element) over a list; calls f(value, key, ..) for each; f of the entries of two tables; f(key, value)
-- for each, as a list; a list of numbers; a list of the first elements, of the second ones, and so on.
--
-- f, test: functions, or names of methods
-- t, other: tables
-- list: a list
-- ..., arg, start: any values; of zip lists
-- first, last, step: numbers
-- Returns: a table; reduce: a value
-- From: Penlight
-- Example:
--   tablex = require "pl.tablex"
--   table.concat(tablex.map(string.upper, { "a", "b" })), tablex.reduce(math.max, { 1, 3, 2 }) --> AB 3
--   #tablex.range(1, 9, 2) --> 5
function tablex.map(f, t, ...)
  local out = {}
  for key, value in pairs(t) do out[key] = callable(f)(value, ...) end
  return out
end

function tablex.imap(f, list, ...)
  local out = {}
  for i = 1, #list do out[i] = callable(f)(list[i], ...) or false end
  return out
end

function tablex.filter(list, test, arg)
  local out = {}
  for _, value in ipairs(list) do
    if callable(test)(value, arg) then out[#out + 1] = value end
  end
  return out
end

function tablex.reduce(f, list, start)
  local from, so_far = 1, start
  if so_far == nil then so_far, from = list[1], 2 end
  for i = from, #list do so_far = callable(f)(so_far, list[i]) end
  return so_far
end

function tablex.foreach(t, f, ...)
  for key, value in pairs(t) do callable(f)(value, key, ...) end
end

function tablex.foreachi(list, f, ...)
  for i = 1, #list do callable(f)(list[i], i, ...) end
end

function tablex.map2(f, t, other)
  local out = {}
  for key, value in pairs(t) do out[key] = callable(f)(value, other[key]) end
  return out
end

function tablex.pairmap(f, t, ...)
  local out = {}
  for key, value in pairs(t) do
    local result, under = f(key, value, ...)
    out[under == nil and #out + 1 or under] = result
  end
  return out
end

function tablex.range(first, last, step)
  local out = {}
  for x = first, last, step or 1 do out[#out + 1] = x end
  return out
end

function tablex.zip(...)
  local lists, out = { ... }, {}
  for i = 1, #(lists[1] or {}) do
    out[i] = {}
    for k, list in ipairs(lists) do
      if list[i] == nil then
        out[i] = nil
        return out
      end
      out[i][k] = list[i]
    end
  end
  return out
end

--- tablex.merge(a, b [, all]); tablex.union(a, b); tablex.intersection(a, b)
-- tablex.difference(a, b [, both])
--
-- The entries that two tables both have, or all of them, with b's values; union and intersection are the two
-- cases; those of a without b's, or those in one of the two.
--
-- a, b: tables
-- all, both: true for the second case
-- Returns: a table
-- From: Penlight
-- Example:
--   tablex = require "pl.tablex"
--   tablex.size(tablex.union({ x = 1 }, { y = 2 })) --> 2
--   tablex.difference({ x = 1, y = 1 }, { y = 1 }).y --> nil
function tablex.merge(a, b, all)
  local out = {}
  for key, value in pairs(a) do
    if all or b[key] ~= nil then out[key] = value end
  end
  for key, value in pairs(b) do
    if all or a[key] ~= nil then out[key] = value end
  end
  return out
end

function tablex.union(a, b) return tablex.merge(a, b, true) end

function tablex.intersection(a, b) return tablex.merge(a, b, false) end

function tablex.difference(a, b, both)
  local out = {}
  for key, value in pairs(a) do
    if b[key] == nil then out[key] = value end
  end
  for key, value in pairs(both and b or {}) do
    if a[key] == nil then out[key] = value end
  end
  return out
end

--- tablex.insertvalues(list [, at], values); tablex.removevalues(list, first, last)
-- tablex.sub(list, first [, last]); tablex.new(n, value); tablex.sort(t [, before])
-- tablex.sortv(t [, before])
--
-- Puts a list's elements into another; takes some out; a part of a list; a list of one value; goes over a
-- table in the order of its keys, or of its values, in a for loop.
--
-- list, values: lists
-- at, first, last, n: integers; negative count from the end
-- value: any
-- t: table
-- before: function of two keys or values
-- Returns: a list; sort, sortv: an iterator
-- From: Penlight
-- Example:
--   tablex = require "pl.tablex"
--   table.concat(tablex.insertvalues({ 1, 4 }, 2, { 2, 3 })) --> 1234
--   table.concat(tablex.sub({ 1, 2, 3 }, 2)) --> 23
function tablex.insertvalues(list, at, values)
  if values == nil then at, values = #list + 1, at end
  if at < 0 then at = #list + at + 1 end
  table.move(list, at, #list, at + #values)
  table.move(values, 1, #values, at, list)
  return list
end

local function slice(list, first, last)
  local n = #list
  first, last = first or 1, last or n
  if first < 0 then first = n + first + 1 end
  if last < 0 then last = n + last + 1 end
  return math.max(first, 1), math.min(last, n)
end

function tablex.removevalues(list, first, last)
  local n = #list
  first, last = slice(list, first, last)
  if first > last then return list end
  table.move(list, last + 1, n, first)
  for i = n, n - (last - first), -1 do list[i] = nil end
  return list
end

function tablex.sub(list, first, last)
  first, last = slice(list, first, last)
  return table.move(list, first, last, 1, {})
end

function tablex.new(n, value)
  local out = {}
  for i = 1, n do out[i] = value end
  return out
end

local function in_order(keys, t)
  local i = 0
  return function()
    i = i + 1
    return keys[i], t[keys[i]]
  end
end

function tablex.sort(t, before)
  local keys = tablex.keys(t)
  table.sort(keys, before)
  return in_order(keys, t)
end

function tablex.sortv(t, before)
  local keys = tablex.keys(t)
  before = before or function(a, b) return a < b end
  table.sort(keys, function(a, b) return before(t[a], t[b]) end)
  return in_order(keys, t)
end

return tablex
