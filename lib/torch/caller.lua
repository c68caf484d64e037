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

-- Levels that are looked at one by one: Lua finds a level by walking to it, so that looking at all of a
-- deep recursion would take the square of its depth.
local NEAR, FAR = 250, 50

-- The number of the outermost level, for the function that calls this; it has more than NEAR.
local function depth_of_stack()
  local low, high = NEAR, 2 * NEAR
  while debug.getinfo(high + 1, "t") do low, high = high, 2 * high end
  while high - low > 1 do
    local middle = (low + high) // 2
    if debug.getinfo(middle + 1, "t") then low = middle else high = middle end
  end
  return low
end

-- The level of the first function outside the libraries, for the function that calls the caller of this.
-- In a deep recursion of the libraries it is looked for among the outermost ones.
local function outer_level()
  for level = 3, NEAR do
    local info = debug.getinfo(level, "S")
    if not info then return nil end
    if not is_library(info) then return level - 1 end
  end
  local outermost, found = depth_of_stack(), nil
  for level = outermost, math.max(outermost - FAR, NEAR + 1), -1 do
    local outside = not is_library(debug.getinfo(level, "S"))
    if found and not outside then break end
    if outside then found = level - 1 end
  end
  return found
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
