-- common: what the functions on pictures share: checks of arguments, and the way to the kernels.

local torch = require "torch"
local pixels = require "image._pixels"
local raise = require("torch.caller").raise

local common = { raise = raise }

-- A picture of height x width, or of channels x height x width.
function common.picture(fn, x, what)
  if not torch.isTensor(x) then
    raise("image.%s: %s is a %s, wanted a picture", fn, what or "the picture", torch.type(x))
  end
  local dims = x:dim()
  if (dims ~= 2 and dims ~= 3) or x:nElement() == 0 then
    raise("image.%s: %s is %s, wanted height x width or channels x height x width", fn,
      what or "the picture", x:nElement() == 0 and "empty" or "of " .. table.concat(x.shape, "x"))
  end
  return x
end

function common.tensor(fn, what, x)
  if not torch.isTensor(x) then raise("image.%s: %s is a %s, wanted a tensor", fn, what, torch.type(x)) end
  return x
end

function common.rgb(fn, x)
  common.picture(fn, x)
  if x:dim() ~= 3 or x:size(1) ~= 3 then
    raise("image.%s: a picture of %s, wanted 3 x height x width", fn, table.concat(x.shape, "x"))
  end
  return x
end

function common.number(fn, what, v)
  if type(v) ~= "number" or v ~= v or v == math.huge or v == -math.huge then
    raise("image.%s: %s is %s, wanted a number", fn, what, tostring(v))
  end
  return v
end

-- A size in pixels; fractions are cut off, as Torch7 does.
function common.size(fn, what, v)
  v = math.floor(common.number(fn, what, tonumber(v)))
  if v < 1 or v >= 2 ^ 31 then raise("image.%s: %s is %s, wanted at least 1", fn, what, v) end
  return math.tointeger(v)
end

-- A place in pixels, cut off likewise.
function common.place(fn, what, v)
  v = common.number(fn, what, v)
  v = v < 0 and math.ceil(v) or math.floor(v)
  if math.abs(v) >= 2 ^ 31 then raise("image.%s: %s is %s, which is too much", fn, what, v) end
  return math.tointeger(v)
end

function common.one_of(fn, what, v, ...)
  for _, name in ipairs { ... } do
    if v == name then return v end
  end
  raise("image.%s: %s is '%s', wanted one of: %s", fn, what, tostring(v), table.concat({ ... }, " | "))
end

-- Width and height.
function common.extent(x)
  return x:size(x:dim()), x:size(x:dim() - 1)
end

local native = { uint8 = true, float32 = true, float64 = true }

-- Calls f with x as the kernels take it: contiguous, in host memory, of three dimensions, of a type that
-- they know; gives back what f gives, of x's type, device and number of dimensions.
function common.through(x, f)
  local dtype, device, flat = x.dtype, x.device, x:dim() == 2
  local y = x:detach()
  if device ~= "cpu" then y = y:to("cpu") end
  if not native[dtype] then y = x.dtype:find("float") and y:float() or y:double() end
  if flat then y = y:view(1, y:size(1), y:size(2)) end
  y = f(y:contiguous())
  if flat and y:size(1) == 1 then y = y[1] end
  if not native[dtype] then
    if not dtype:find("float") then y = y:round() end
    y = y:to(dtype)
  end
  return device == "cpu" and y or y:to(device)
end

-- The picture under the matrix { yy, yx, xy, xx } and the move { y, x }.
function common.affine(src, matrix, move, mode, pad, value)
  return common.through(src, function(x)
    return pixels.affine(x, matrix[1], matrix[2], matrix[3], matrix[4], move[1], move[2], mode, pad, value)
  end)
end

-- The result where the caller wants it.
function common.give(dst, result)
  if dst == nil then return result end
  return dst:resize(result:size()):copy(result)
end

-- Arguments of the function fn that may be called as f(dst, src, ..) or f(src, ..): nil or dst, src,
-- the rest.
function common.split(fn, first, second, ...)
  if not torch.isTensor(second) then return nil, first, second, ... end
  return common.tensor(fn, "the destination", first), second, ...
end

return common
