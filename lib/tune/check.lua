-- check: tables of options, and numbers among them.

local torch = require "torch"
local raise = require("torch.caller").raise

local check = {}

local function names_of(known)
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

-- A copy of the options; `known` has a type for each name.
function check.options(what, given, known)
  if given == nil then given = {} end
  if type(given) ~= "table" or torch.typename(given) then
    raise("%s: a table of options expected, got %s", what, torch.type(given))
  end
  local read = {}
  for name, value in pairs(given) do
    if not known[name] then
      raise("%s: there is no option '%s'; there are %s", what, tostring(name), names_of(known))
    end
    if type(value) ~= known[name] then
      raise("%s: option '%s' must be a %s, got %s", what, name, known[name], torch.type(value))
    end
    read[name] = value
  end
  return read
end

function check.whole(what, name, value, default, least)
  if value == nil then return default end
  local n = math.tointeger(value)
  if not n or n < least then
    raise("%s: %s is %s, wanted a whole number from %d on", what, name, tostring(value), least)
  end
  return n
end

function check.number(what, name, value)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    raise("%s: %s is %s, wanted a number", what, name, type(value) == "number" and value or torch.type(value))
  end
  return value
end

function check.call(what, f)
  local meta = debug.getmetatable(f)
  if type(f) ~= "function" and not (meta and meta.__call) then
    raise("%s: a function of a configuration expected, got %s", what, torch.type(f))
  end
  return f
end

-- A list of configurations.
function check.configs(what, configs)
  if type(configs) ~= "table" or torch.typename(configs) or configs[1] == nil then
    raise("%s: a list of configurations expected, such as tune.grid and tune.random give, got %s", what,
      type(configs) == "table" and next(configs) == nil and "an empty table" or torch.type(configs))
  end
  for i, config in ipairs(configs) do
    if type(config) ~= "table" then raise("%s: configuration %d is a %s", what, i, torch.type(config)) end
  end
  return configs
end

return check
