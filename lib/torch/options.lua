-- options: tables of options, for all packages: which there are, of which types, what they are by default.
-- `fn` is the name that a message begins with.

local torch = require "torch"
local raise = require("torch.caller").raise

local options = {}

-- In a table of defaults: an option that has none.
options.NONE = {}

-- Raises the error of an option that does not exist; `known` has the names of those that do as keys.
function options.unknown(fn, name, known)
  local names = {}
  for there in pairs(known) do names[#names + 1] = tostring(there) end
  table.sort(names)
  raise("%s: there is no option '%s'; there are %s", fn, tostring(name), table.concat(names, ", "))
end

-- The options that were given, or an empty table.  Their names must be keys of `known`.
function options.check(fn, given, known)
  if given == nil then return {} end
  if type(given) ~= "table" or torch.typename(given) then
    raise("%s: the options are a %s, wanted a table", fn, torch.type(given))
  end
  for name in pairs(given) do
    if known[name] == nil then options.unknown(fn, name, known) end
  end
  return given
end

-- A copy, with the defaults of those that are left out.
function options.fill(fn, given, defaults)
  local read = {}
  for name, value in pairs(defaults) do
    if value ~= options.NONE then read[name] = value end
  end
  for name, value in pairs(options.check(fn, given, defaults)) do read[name] = value end
  return read
end

local function fits(value, types)
  for word in types:gmatch "%a+" do
    if word == "any" or word == type(value) or word == "integer" and math.type(value)
      and math.tointeger(value) then
      return true
    end
  end
  return false
end

-- A copy; `known` has for each name a type, several with blanks between, or "any"; "integer" is a number
-- that is whole.
function options.read(fn, given, known)
  local read = {}
  for name, value in pairs(options.check(fn, given, known)) do
    local wanted = known[name]
    if not fits(value, wanted) then
      raise("%s: option '%s' must be a %s, got %s", fn, name, wanted:gsub(" ", " or "), torch.type(value))
    end
    read[name] = value
  end
  return read
end

-- ---- one option ------------------------------------------------------------------------------------------

-- A whole number that is not below `least`; nil is the default.
function options.whole(fn, name, value, default, least)
  if value == nil then return default end
  local n = math.type(value) and math.tointeger(value)
  if not n or n < least then
    raise("%s: %s is %s, wanted a whole number from %d on", fn, name, tostring(value), least)
  end
  return n
end

-- A number above 0; nil is the default.
function options.positive(fn, name, value, default)
  if value == nil then return default end
  if type(value) ~= "number" or value ~= value or value <= 0 then
    raise("%s: %s is %s, wanted a number above 0", fn, name, tostring(value))
  end
  return value
end

-- One of some texts; nil is the first.
function options.choice(fn, name, value, ...)
  if value == nil then return (...) end
  for _, choice in ipairs { ... } do
    if value == choice then return value end
  end
  raise("%s: %s is '%s', wanted '%s'", fn, name, tostring(value), table.concat({ ... }, "' or '"))
end

return options
