-- options: tables of options: which there are, of which types.

local torch = require "torch"
local raise = require("torch.caller").raise

local options = {}

local function known_names(known)
  local names = {}
  for name in pairs(known) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, ", ")
end

-- A copy of the table `given`; `known` has for each name a type, several with blanks between, or "any".
function options.read(what, given, known)
  if given == nil then given = {} end
  if type(given) ~= "table" or torch.typename(given) then
    raise("%s: a table of options expected, got %s", what, torch.type(given))
  end
  local read = {}
  for name, value in pairs(given) do
    local wanted = known[name]
    if not wanted then
      raise("%s: there is no option '%s'; there are %s", what, tostring(name), known_names(known))
    end
    if wanted ~= "any" and not (" " .. wanted .. " "):find(" " .. type(value) .. " ", 1, true) then
      raise("%s: option '%s' must be a %s, got %s", what, name, wanted:gsub(" ", " or "), torch.type(value))
    end
    read[name] = value
  end
  return read
end

-- A whole number that is not below `least`; nil is the default.
function options.whole(what, name, value, default, least)
  if value == nil then return default end
  local n = math.tointeger(value)
  if not n or n < least then
    raise("%s: %s is %s, wanted a whole number from %d on", what, name, tostring(value), least)
  end
  return n
end

-- A number above 0; nil is the default.
function options.positive(what, name, value, default)
  if value == nil then return default end
  if type(value) ~= "number" or value ~= value or value <= 0 then
    raise("%s: %s is %s, wanted a number above 0", what, name, tostring(value))
  end
  return value
end

-- One of some texts; nil is the first.
function options.choice(what, name, value, ...)
  if value == nil then return (...) end
  for _, choice in ipairs { ... } do
    if value == choice then return value end
  end
  raise("%s: %s is '%s', wanted '%s'", what, name, tostring(value), table.concat({ ... }, "' or '"))
end

return options
