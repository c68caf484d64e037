-- check: what the functions of torch that are written in Lua check of their arguments and share.
-- Every message names the function; it has the position of the script's line.

local torch = require "torch"
local raise = require("torch.caller").raise

local check = { raise = raise }

-- Functions are named with or without "torch." before them.
local function full(fn)
  return fn:find("^torch%.") and fn or "torch." .. fn
end

--- "2x3"; "scalar" for a tensor of no dimensions.
function check.shape_text(x)
  local shape = x.shape
  return #shape == 0 and "scalar" or table.concat(shape, "x")
end

function check.tensor(fn, x, what)
  if not torch.isTensor(x) then
    raise("%s: %s is a %s, wanted a tensor", full(fn), what or "the first argument", torch.type(x))
  end
  return x
end

--- A whole number from lo to hi, either of which may be left out.
function check.whole(fn, what, v, lo, hi)
  local n = math.type(v) and math.tointeger(v)
  if not n or (lo and n < lo) or (hi and n > hi) then
    local range = lo and hi and (" from %d to %d"):format(lo, hi) or lo and (" of at least %d"):format(lo)
    raise("%s: %s is %s, wanted a whole number%s", full(fn), what, tostring(v), range or "")
  end
  return n
end

--- A dimension of a tensor of n dimensions, from the end when it is negative, as one from 1 to n.
function check.dim_of(fn, n, dim, otherwise)
  if dim == nil then dim = otherwise end
  n = math.max(n, 1)
  local d = math.type(dim) and math.tointeger(dim)
  if not d or d == 0 or d > n or d < -n then
    raise("%s: dimension %s of a tensor of %d dimensions", full(fn), tostring(dim), n)
  end
  return d < 0 and d + n + 1 or d
end

function check.dim(fn, x, dim, otherwise)
  check.tensor(fn, x)
  return check.dim_of(fn, #x.shape, dim, otherwise)
end

--- Dimensions as a list in the order given, each at most once; nil means all of them.
function check.dims(fn, x, dims)
  check.tensor(fn, x)
  local list, seen = {}, {}
  if dims == nil then
    for d = 1, #x.shape do list[d] = d end
    return list
  end
  for i, dim in ipairs(type(dims) == "table" and dims or { dims }) do
    list[i] = check.dim(fn, x, dim)
    if seen[list[i]] then raise("%s: dimension %d is there twice", full(fn), list[i]) end
    seen[list[i]] = true
  end
  return list
end

--- A list of tensors from f(a, b, ..) or f({a, b, ..}).
function check.list(fn, first, ...)
  local list = type(first) == "table" and first or { first, ... }
  if #list == 0 then raise("%s: no tensors are given", full(fn)) end
  for i, x in ipairs(list) do check.tensor(fn, x, "tensor " .. i) end
  return list
end

--- Sizes from f(.., 2, 3), f(.., {2, 3}) or a LongStorage.
function check.sizes(fn, first, ...)
  local list = first
  if torch.isStorage(first) then list = first:totable() end
  if type(list) ~= "table" then list = { first, ... } end
  if #list > 16 then raise("%s: %d sizes, a tensor has at most 16 dimensions", full(fn), #list) end
  local sizes = {}
  for i, v in ipairs(list) do sizes[i] = check.whole(fn, "size " .. i, v) end
  return sizes
end

--- Sizes of a tensor to be made: none is negative.
function check.new_sizes(fn, first, ...)
  local sizes = check.sizes(fn, first, ...)
  for i, n in ipairs(sizes) do check.whole(fn, "size " .. i, n, 0) end
  return sizes
end

function check.is_float(x)
  return x.dtype:find("float", 1, true) ~= nil
end

--- A tensor of a float type.
function check.float_tensor(fn, x)
  if not check.is_float(check.tensor(fn, x)) then
    raise("%s: a float tensor is wanted, got %s", full(fn), x.dtype)
  end
  return x
end

--- The name of a type that there is; nil stays nil.
function check.type_name(fn, name)
  if name == nil then return nil end
  if type(name) ~= "string" or not pcall(torch.scalar, 0, name) then
    raise("%s: there is no tensor type '%s'", full(fn), tostring(name))
  end
  return name
end

--- The tensor itself, or in the default float type when it is of an integer type.
function check.float(fn, x, what)
  check.tensor(fn, x, what)
  return check.is_float(x) and x or x:to(torch.getDefaultDtype())
end

--- t on the device that x is on.
function check.beside(x, t)
  return t.device == x.device and t or t:to(x.device)
end

--- A number as a tensor of no dimensions on the device that x is on.
function check.constant(v, x, dtype)
  return check.beside(x, torch.scalar(v, (torch._kind(dtype or x.dtype, x.device ~= "cpu"))))
end

--- A tensor of equal numbers, of x's type and on the device that x is on.
function check.full(x, shape, v)
  return check.beside(x, torch.full(shape, v, (torch._kind(x.dtype, x.device ~= "cpu"))))
end

--- A number as a tensor of no dimensions of another's type; a fraction makes it a float.
function check.operand(fn, x, like)
  if torch.isTensor(x) then return x end
  if type(x) ~= "number" then
    raise("%s: got a %s, wanted a tensor or a number", full(fn), torch.type(x))
  end
  check.tensor(fn, like, "one of the two")
  local whole = check.is_float(like) or math.tointeger(x)
  return check.constant(x, like, whole and like.dtype or check.default_dtype())
end

function check.default_dtype()
  return torch.zeros(1).dtype
end

--- The result of a full reduction: a number, unless a gradient flows through it.
function check.number(y)
  if #y.shape == 0 and not y.requiresGrad then return y:item() end
  return y
end

--- The elementwise product of tensors that both have to be expanded.  In Torch7's mode the operators do
-- not broadcast when there are as many elements on both sides.
function check.product(a, b)
  return torch.cmul(torch.broadcastTensors(a, b))
end

--- Places 1 to n, or 0 to n-1 with from0, as a LongTensor.
function check.count(n, from0)
  local y = torch.arange(n)
  return from0 and y or y + 1
end

--- A copy of a list with the values of `changes` at some of its places.
function check.with(list, changes)
  local copy = { table.unpack(list) }
  for i, v in pairs(changes) do copy[i] = v end
  return copy
end

--- Makes functions of torch methods of every tensor class too.
function check.methods(names)
  for class, mt in pairs(torch._metatables) do
    if class:match("^torch%.%w+Tensor$") then
      for _, name in ipairs(names) do mt[name] = torch[name] end
    end
  end
end

return check
