-- check: what the functions of tune check of their arguments; torch.options does the rest.

local torch = require "torch"
local raise = require("torch.caller").raise

local check = {}

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
