-- check: what the functions of data check of their arguments.

local torch = require "torch"
local options = require "torch.options"
local raise = require("torch.caller").raise

local check = { raise = raise }

-- Options with their defaults; NONE: one that has none.
check.options, check.NONE = options.fill, options.NONE

-- A whole number from lo to hi, either of which may be left out.
function check.whole(fn, what, v, lo, hi)
  local n = math.type(v) and math.tointeger(v)
  if not n or lo and n < lo or hi and n > hi then
    local range = lo and hi and (" from %d to %d"):format(lo, hi) or lo and (" of at least %d"):format(lo)
    raise("%s: %s is %s, wanted a whole number%s", fn, what, tostring(v), range or "")
  end
  return n
end

function check.flag(fn, what, v)
  if type(v) ~= "boolean" then
    raise("%s: %s is %s, wanted true or false", fn, what, tostring(v))
  end
  return v
end

-- Whether a value can be called.
function check.callable(v)
  local mt = getmetatable(v)
  return type(v) == "function" or type(mt) == "table" and mt.__call ~= nil
end

function check.call(fn, what, v)
  if not check.callable(v) then raise("%s: %s is a %s, wanted a function", fn, what, torch.type(v)) end
  return v
end

-- Places as a LongTensor: of a list of numbers or a tensor of whole numbers.
function check.places(fn, what, v)
  if torch.isTensor(v) then
    if v.dtype:find("float") or v.dtype == "bool" or v:dim() > 1 then
      raise("%s: %s are a %s of %d dimensions, wanted whole numbers in one", fn, what, v:type(), v:dim())
    end
    return v:to("int64"):to("cpu"):contiguous()
  end
  if type(v) ~= "table" then raise("%s: %s are a %s, wanted a list", fn, what, torch.type(v)) end
  for i = 1, #v do
    if not (math.type(v[i]) and math.tointeger(v[i])) then
      raise("%s: %s: number %d is %s, wanted a whole number", fn, what, i, tostring(v[i]))
    end
  end
  return torch.LongTensor(v)
end

return check
