-- variables: the globals that belong to the user.

local pretty = require "cresset.pretty"

local variables = {}

-- The globals that were there before the user's first line.
local before = {}

function variables.start()
  for name in next, _G do before[name] = true end
end

-- Sorted names of the globals that the user made: no packages, no results.
function variables.names()
  local list = {}
  for name, value in next, _G do
    local result = name == "_LAST" or name == "_RESULTS" or (type(name) == "string" and name:find("^__?%d*$"))
    if type(name) == "string" and not before[name] and not result and package.loaded[name] ~= value then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

-- What a value is, in a few words.
function variables.summary(v)
  local torch = package.loaded.torch
  if torch.isTensor(v) then return table.concat(v.shape, "x") end
  if type(v) == "table" and not torch.typename(v) then
    local n = 0
    for _ in next, v do n = n + 1 end
    return ("%d entries"):format(n)
  end
  if type(v) == "function" then
    local info = debug.getinfo(v, "S")
    return info.what == "C" and "" or ("%s:%d"):format(info.short_src, info.linedefined)
  end
  local text = pretty.format(v):match("^[^\n]*")
  return #text > 50 and text:sub(1, 47) .. "..." or text
end

return variables
