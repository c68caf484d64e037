-- samples: what the data sets that read files share.

local torch = require "torch"
local check = require "data.check"

local samples = {}

-- The place that i means.
function samples.place(self, i)
  local at, n = math.type(i) and math.tointeger(i), self:size()
  if not at or at < 1 or at > n then
    check.raise("%s: index %s is out of range, there are %d samples", torch.type(self), tostring(i), n)
  end
  return at
end

-- The options, all of which may be missing; `known` has their names as keys.
function samples.options(fn, options, known)
  local defaults = {}
  for name in pairs(known) do defaults[name] = check.NONE end
  return check.options(fn, options, defaults)
end

-- An option that is a whole number from `least`, or `default`.
function samples.whole(fn, name, value, default, least)
  if value == nil and default then return default end
  return check.whole(fn, name, value, least)
end

return samples
