-- caller: the script's line that called into a library, however deep inside the library we are.

local root = debug.getinfo(1, "S").source:match("^(@.*)lib/torch/caller%.lua$") or "@"
local inside = { root .. "lib/", root .. "nn/" }

local function is_library(info)
  if info.what == "C" then return true end
  for _, prefix in ipairs(inside) do
    if info.source:sub(1, #prefix) == prefix then return true end
  end
  return false
end

-- The level of the first function outside the libraries, for the function that calls the caller of this.
local function outer_level()
  local level = 3
  while true do
    local info = debug.getinfo(level, "S")
    if not info then return nil end
    if not is_library(info) then return level - 1 end
    level = level + 1
  end
end

local caller = {}

-- Raises an error (formatted when there are arguments) with the position of the script's line.
function caller.raise(message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  local level = outer_level()
  error(message, level or 0)
end

-- "script.lua:12", or an empty string.
function caller.position()
  local level = outer_level()
  if not level then return "" end
  local info = debug.getinfo(level, "Sl")
  return ("%s:%d"):format(info.short_src, info.currentline)
end

return caller
