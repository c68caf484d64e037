-- tables: Lua's table functions for restricted scripts.  Those of C run to their end, whatever length a
-- table says that it has; so what is long, or has a metatable, is done here, where a limit of time holds.
-- A function of C (vm/sandbox.c) stands between these and the script, which the levels of errors count.

local raw = { concat = table.concat, unpack = table.unpack }
local getmetatable, error, type, select, tonumber = debug.getmetatable, error, type, select, tonumber
local format, tointeger, number_type = string.format, math.tointeger, math.type
local BIGGEST = math.maxinteger

local LONG = 10000 -- strings that C puts together at a time
local MOST = 1000000 -- values on Lua's stack

local tables = {}

local function check_table(fn, t, place)
  if type(t) == "table" or getmetatable(t) then return end
  error(format("bad argument #%d to '%s' (table expected, got %s)", place or 1, fn,
    t == nil and "no value" or type(t)), 4)
end

local function check_integer(fn, place, value, default)
  if value == nil and default ~= nil then return default end
  local n = tointeger(tonumber(value))
  if n then return n end
  if type(value) == "number" or tonumber(value) then
    error(format("bad argument #%d to '%s' (number has no integer representation)", place, fn), 4)
  end
  error(format("bad argument #%d to '%s' (number expected, got %s)", place, fn, value == nil and "no value"
    or type(value)), 4)
end

local function length_of(t)
  local n = #t
  if number_type(n) ~= "integer" then error("object length is not an integer", 3) end
  return n
end

-- How many places there are from i to j; a very large number where that overflows.
local function count(i, j)
  if i > j then return 0 end
  local n = j - i + 1
  return n > 0 and n or BIGGEST
end

function tables.concat(t, separator, i, j)
  check_table("concat", t)
  i = check_integer("concat", 3, i, 1)
  j = j == nil and length_of(t) or check_integer("concat", 4, j)
  if separator == nil then separator = "" end
  local parts, pieces, n = {}, {}, 0
  if i > j then return "" end
  local k = i
  while true do
    local value = t[k]
    if type(value) ~= "string" and type(value) ~= "number" then
      error(format("invalid value (%s) at index %d in table for 'concat'", type(value), k), 3)
    end
    n = n + 1
    parts[n] = value
    if n == LONG or k == j then
      pieces[#pieces + 1] = raw.concat(parts, separator, 1, n)
      n = 0
    end
    if k == j then break end
    k = k + 1
  end
  return raw.concat(pieces, separator)
end

-- Moves t[first .. last] by one place, up or down.
local function shift_up(t, first, last)
  for k = last, first, -1 do t[k + 1] = t[k] end
end

local function shift_down(t, first, last)
  for k = first, last do t[k - 1] = t[k] end
end

function tables.insert(t, ...)
  check_table("insert", t)
  local given = select("#", ...)
  if given ~= 1 and given ~= 2 then error("wrong number of arguments to 'insert'", 3) end
  local n = length_of(t) + 1
  if given == 1 then
    t[n] = ...
    return
  end
  local place, value = ...
  place = check_integer("insert", 2, place)
  if place < 1 or place > n and place ~= n then
    error("bad argument #2 to 'insert' (position out of bounds)", 3)
  end
  shift_up(t, place, n - 1)
  t[place] = value
end

function tables.remove(t, place)
  check_table("remove", t)
  local n = length_of(t)
  local at = check_integer("remove", 2, place, n)
  if place ~= nil and n + 1 ~= at and (at < 1 or at > n + 1) and not (n == 0 and at == 0) then
    error("bad argument #2 to 'remove' (position out of bounds)", 3)
  end
  local value = t[at]
  shift_down(t, at + 1, n)
  if at <= n then t[n] = nil else t[at] = nil end
  return value
end

function tables.move(from, first, last, at, to)
  check_table("move", from)
  if to == nil then to = from else check_table("move", to, 5) end
  first, last = check_integer("move", 2, first), check_integer("move", 3, last)
  at = check_integer("move", 4, at)
  local n = count(first, last)
  if n == 0 then return to end
  if not (first > 0 or last < BIGGEST + first) then
    error("bad argument #3 to 'move' (too many elements to move)", 3)
  end
  if at > BIGGEST - n + 1 then error("bad argument #4 to 'move' (destination wrap around)", 2) end
  if at > last or at <= first or to ~= from then
    for k = 0, n - 1 do to[at + k] = from[first + k] end
  else
    for k = n - 1, 0, -1 do to[at + k] = from[first + k] end
  end
  return to
end

function tables.unpack(t, i, j)
  i = check_integer("unpack", 2, i, 1)
  j = j == nil and length_of(t) or check_integer("unpack", 3, j)
  local n = count(i, j)
  if n >= MOST then error("too many results to unpack", 3) end
  if n == 0 then return end
  local values = {}
  for k = 1, n do values[k] = t[i + k - 1] end
  return raw.unpack(values, 1, n)
end

-- Puts these beside C's, which do what is short; either(c, ours, most) chooses.
function tables.replace(library, either)
  for name, f in next, tables do
    if name ~= "replace" then library[name] = either(library[name], f, LONG) end
  end
end

return tables
