-- expect: what criterions check of their arguments, and how they add up a loss.
--
-- Every message begins with the criterion's class.  Sizes are made equal here by expand, since a pair of
-- tensors that differ in shape is taken element by element in programs that run as th.

local torch = require "torch"
local raise = require("torch.caller").raise
local shape_text = require("torch.check").shape_text

local expect = { shape_text = shape_text }

local floats = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

function expect.fail(criterion, message, ...)
  raise("%s: " .. message, torch.typename(criterion), ...)
end

local function kind(v)
  return torch.isTensor(v) and v:type() or torch.type(v)
end

function expect.tensor(criterion, what, v)
  if not torch.isTensor(v) then expect.fail(criterion, "%s is a %s, wanted a tensor", what, kind(v)) end
  return v
end

--- A tensor of a float type with one of the numbers of dimensions from lo to hi.
function expect.input(criterion, what, v, lo, hi)
  expect.tensor(criterion, what, v)
  if not floats[v.dtype] then
    expect.fail(criterion, "%s is a %s, wanted a tensor of a float type", what, v:type())
  end
  local n = #v.shape
  if lo and (n < lo or n > hi) then
    expect.fail(criterion, "%s is %s, wanted %d%s dimensions", what, shape_text(v), lo,
      hi > lo and " or " .. hi or "")
  end
  return v
end

--- A table of two tensors of a float type and one shape.
function expect.pair(criterion, v, lo, hi)
  if type(v) ~= "table" or #v ~= 2 then
    local got = type(v) == "table" and ("a table of %d"):format(#v) or "a " .. kind(v)
    expect.fail(criterion, "input is %s, wanted a table of two tensors", got)
  end
  local a = expect.input(criterion, "input[1]", v[1], lo, hi)
  local b = expect.input(criterion, "input[2]", v[2], lo, hi)
  if shape_text(a) ~= shape_text(b) then
    expect.fail(criterion, "input[2] is %s for input[1] %s, wanted the same shape", shape_text(b),
      shape_text(a))
  end
  return a, b
end

--- The target with the input's shape and element type; it has to have as many elements.
function expect.target(criterion, input, target)
  expect.tensor(criterion, "target", target)
  if target:nElement() ~= input:nElement() then
    expect.fail(criterion, "target is %s for input %s, wanted as many elements", shape_text(target),
      shape_text(input))
  end
  if target.dtype ~= input.dtype then target = target:type(input.dtype) end
  if shape_text(target) == shape_text(input) then return target end
  return target:reshape(input.shape)
end

--- The same for a target that may be one number for all elements, which are 1 or -1.
function expect.signs(criterion, input, target)
  if math.type(target) then
    target = torch.fullLike(input, target)
  else
    target = expect.target(criterion, input, target)
  end
  local plain = target:detach()
  if expect.readable(plain) and torch.abs(plain):ne(1):any() then
    local lo, hi = plain:min(), plain:max()
    expect.fail(criterion, "target has values from %g to %g, wanted 1 and -1 only", lo, hi)
  end
  return target
end

--- A target of class numbers: a number, or a tensor of them.
function expect.labels(criterion, target)
  if not math.type(target) and (not torch.isTensor(target) or target.dtype == "bool") then
    expect.fail(criterion, "target is a %s, wanted class numbers", kind(target))
  end
  return target
end

--- Class numbers from lo to n as a LongTensor on the input's device; `count` of them, or of a shape.  Those
--- that a GPU has are not looked at when `refused` says that whoever takes them in refuses what is outside.
function expect.classes(criterion, input, target, lo, n, shape, refused)
  expect.labels(criterion, target)
  if math.type(target) then target = torch.LongTensor { target } end
  local count = 1
  for _, size in ipairs(shape) do count = count * size end
  if target:nElement() ~= count or (#shape > 1 and shape_text(target) ~= table.concat(shape, "x")) then
    expect.fail(criterion, "target is %s for input %s, wanted %s class numbers", shape_text(target),
      shape_text(input), table.concat(shape, "x"))
  end
  if expect.readable(target) and not (refused and tostring(target.device) ~= "cpu") then
    local least, most = target:detach():min(), target:detach():max()
    if not (least >= lo and most <= n) then
      expect.fail(criterion, "target has class %g, wanted %d to %d", least < lo and least or most, lo, n)
    end
  end
  target = target:type("int64")
  local device = tostring(input.device)
  return (tostring(target.device) == device and target or target:to(device)):reshape(shape)
end

--- Whether values can be checked: there are some, and no graph captures the call, which it repeats unchecked.
function expect.readable(x)
  return x:nElement() > 0 and (tostring(x.device) == "cpu" or not torch.cuda.isCapturing())
end

--- Weights, a vector of n, spread over the rows of x, (n) or (rows x n); nil stays nil.
function expect.weights(criterion, weights, x)
  if not weights then return end
  local n = x.shape[#x.shape]
  if #x.shape > 2 or weights:nElement() ~= n then
    expect.fail(criterion, "weights are %s for input %s, wanted one for each column", shape_text(weights),
      shape_text(x))
  end
  if weights.dtype ~= x.dtype then weights = weights:type(x.dtype) end
  if tostring(weights.device) ~= tostring(x.device) then weights = weights:to(x.device) end
  return #x.shape == 1 and weights or weights:reshape(1, n):expandAs(x)
end

--- A constructor's weights: a vector or nothing.
function expect.vector(criterion, weights)
  if weights == nil then return end
  expect.tensor(criterion, "weights", weights)
  if #weights.shape ~= 1 then
    expect.fail(criterion, "weights are %s, wanted a vector", shape_text(weights))
  end
  return weights
end

--- A constructor's number.
function expect.number(criterion, what, v, otherwise)
  if v == nil then return otherwise end
  if not math.type(v) then expect.fail(criterion, "%s is a %s, wanted a number", what, kind(v)) end
  return v
end

--- Something to add to a criterion of criterions.
function expect.criterion(criterion, v)
  if not torch.isTypeOf(v, "nn.Criterion") then
    expect.fail(criterion, "criterion is a %s, wanted an nn.Criterion", kind(v))
  end
  return v
end

--- A table with n values at least.
function expect.list(criterion, what, v, n)
  if type(v) ~= "table" or #v < n then
    local got = type(v) == "table" and ("a table of %d"):format(#v) or "a " .. kind(v)
    expect.fail(criterion, "%s is %s, wanted a table of %d", what, got, n)
  end
  return v
end

--- The sum of losses, of which there is one at least.
function expect.sum(criterion, losses)
  local total = losses[1]
  if not total then expect.fail(criterion, "it has no criterions, wanted one at least; see add") end
  for i = 2, #losses do total = torch.add(total, losses[i]) end
  return total
end

--- Half precision as float32, which has room for sums and for a tiny number in front of a logarithm.
function expect.wide(x)
  return (x.dtype == "float16" or x.dtype == "bfloat16") and x:type("float32") or x
end

--- The sum of all elements as a tensor of no dimensions, divided by n where there is one; of type dtype,
--- which is x's own if left out.
function expect.total(x, n, dtype)
  local sum = torch.sum(expect.wide(x):reshape(x:nElement()), 1):view({})
  if n then sum = torch.div(sum, n) end
  dtype = dtype or x.dtype
  return sum.dtype == dtype and sum or sum:type(dtype)
end

return expect
