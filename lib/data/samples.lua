-- samples: what the data sets that read files share.

local torch = require "torch"
local raise = require("torch.caller").raise

local samples = {}

-- A class of data sets, with methods size() and get(i) to come.
function samples.class(name, module)
  local base = torch.getmetatable("data.Dataset")
  local class = torch.class(name, base and "data.Dataset" or nil, module)
  if not base then
    class.__len__ = function(self) return self:size() end
    class.__index__ = function(self, key)
      if type(key) == "number" then return self:get(key), true end
    end
  end
  return class
end

-- The place that i means.
function samples.place(self, i)
  local at, n = math.type(i) and math.tointeger(i), self:size()
  if not at or at < 1 or at > n then
    raise("%s: index %s is out of range, there are %d samples", torch.type(self), tostring(i), n)
  end
  return at
end

-- The options, of which only known ones are there.
function samples.options(fn, options, known)
  if options ~= nil and type(options) ~= "table" then
    raise("%s: options are a table, got %s", fn, torch.type(options))
  end
  for key in pairs(options or {}) do
    if not known[key] then
      local names = {}
      for name in pairs(known) do names[#names + 1] = name end
      table.sort(names)
      raise("%s: there is no option '%s'; there are %s", fn, tostring(key), table.concat(names, ", "))
    end
  end
  return options or {}
end

-- An option that is a whole number from `least`, or `default`.
function samples.whole(fn, name, value, default, least)
  if value == nil and default then return default end
  local n = math.type(value) and math.tointeger(value)
  if not n or n < least then
    raise("%s: %s is %s, wanted a whole number from %d", fn, name, tostring(value), least)
  end
  return n
end

return samples
