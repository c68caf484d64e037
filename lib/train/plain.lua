-- plain: a state as files of Torch7's format hold it, and back.  They keep all numbers as doubles: whole
-- numbers above 2^53, such as seeds, and the difference between 1 and 1.0 go into strings.

local torch = require "torch"

local plain = {}

local MARK = "\27"

local function large(v)
  if math.type(v) == "integer" and (v > 1 << 53 or v < -(1 << 53)) then return ("%si%d"):format(MARK, v) end
  return v
end

local function encoded(v)
  if math.type(v) == "float" and v % 1 == 0 then return ("%sf%a"):format(MARK, v) end
  if math.type(v) == "integer" then return large(v) end
  if type(v) == "string" and v:sub(1, 1) == MARK then return MARK .. "s" .. v end
  return v
end

local function decoded(v)
  if type(v) ~= "string" or v:sub(1, 1) ~= MARK then return v end
  local kind, rest = v:sub(2, 2), v:sub(3)
  if kind == "i" then return math.tointeger(tonumber(rest)) end
  return kind == "f" and tonumber(rest) or rest
end

local function map(value, f)
  if type(value) ~= "table" or torch.isTensor(value) or torch.typename(value) then return f(value) end
  local copy = {}
  for k, v in pairs(value) do copy[f(k)] = map(v, f) end
  return copy
end

function plain.encode(value) return map(value, encoded) end

-- Only what files do not take at all.
function plain.storable(value) return map(value, large) end

function plain.decode(value) return map(value, decoded) end

return plain
