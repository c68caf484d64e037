-- inputs: tensors for the operators of the table, of a type and a layout.
local torch = require "torch"

local inputs = {}

local floats = { "float32", "float64", "float16", "bfloat16" }
local ints = { "int8", "uint8", "int16", "int32", "int64" }
local number = { table.unpack(floats) }
for _, name in ipairs(ints) do number[#number + 1] = name end
local all = { table.unpack(number) }
all[#all + 1] = "bool"

--- The types that the words of an entry's `types` mean.
inputs.types = { all = all, number = number, float = floats, int = ints, wide = { "float32", "float64" } }

inputs.layouts = { "contiguous", "transposed", "stepped", "expanded", "empty", "scalar" }

local is_int = {}
for _, name in ipairs(ints) do is_int[name] = true end

local state = 1
local function random() -- from 0 up to 1
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) / 2147483648.0
end

--- Begins a sequence of numbers that depends on a text and a number alone; SEED may be set to others.
function inputs.seed(text, n)
  local h = 0xcbf29ce484222325 -- FNV-1a
  text = text .. "#" .. (n or os.getenv "SEED" or 0)
  for byte in text:gmatch(".") do h = (h ~ byte:byte()) * 0x100000001b3 end
  state = h | 1
  for _ = 1, 4 do random() end
end

inputs.random = random

-- A list of the numbers 0 to n - 1 in some order.
local function shuffled(n)
  local list = {}
  for i = 1, n do
    local k = 1 + math.floor(random() * i)
    list[i] = list[k]
    list[k] = i - 1
  end
  return list
end

local function element(dtype, lo, hi, whole)
  if dtype == "bool" then return random() > 0.5 end
  if is_int[dtype] or whole then
    if dtype == "uint8" then lo = math.max(lo, 0) end
    lo, hi = math.ceil(lo), math.floor(hi)
    return lo + math.floor(random() * (hi - lo + 1))
  end
  -- Sixteenths are exact in every type of float.
  lo, hi = math.ceil(lo * 16), math.floor(hi * 16)
  return (lo + math.floor(random() * (hi - lo + 1))) / 16
end

-- Whole numbers that ascend along the last dimension.
local function fill_sorted(x, shape, spec)
  local n, i, v = shape[#shape], 0, nil
  local first = x.dtype == "uint8" and 0 or spec.lo or 0
  x:apply(function()
    v = i % n == 0 and first or v + 1 + math.floor(random() * 2)
    i = i + 1
    return v
  end)
  return x
end

-- A contiguous tensor of the shape; distinct: all elements differ, as far as the type has so many.
local function fill(shape, dtype, spec, distinct)
  local x = torch.zeros(torch.LongStorage(#shape > 0 and shape or { 1 }), dtype)
  if spec.sorted then return fill_sorted(x, shape, spec) end
  if distinct and dtype ~= "bool" then
    local places, i = shuffled(x:nElement()), 0
    local step = is_int[dtype] and 1 or 0.5
    local low = (dtype == "uint8" or not spec.lo) and 0 or -math.min(x:nElement() // 2, 100) * step
    x:apply(function()
      i = i + 1
      return low + places[i] * step
    end)
  else
    local lo, hi = spec.lo or -3, spec.hi or 3
    x:apply(function() return element(dtype, lo, hi, spec.whole) end)
    if spec.nan and dtype:find("float", 1, true) then
      x:apply(function(v) return random() < 0.3 and 0 / 0 or v end)
    end
  end
  if #shape == 0 then return x:view(1):select(1, 1) end
  return x
end

-- Square matrices with a good inverse, or positive definite ones.
local function matrix(shape, dtype, spec)
  local x = fill(shape, "float64", { lo = -1, hi = 1 })
  local n = shape[#shape]
  local y = torch.mul(torch.eye(n, n, "float64"), n + 1)
  if spec.positive then
    y:add(torch.mm(x, x:t()))
  else
    y:add(x)
  end
  return y:to(dtype)
end

-- The same elements with other strides.
local relaid = {
  contiguous = function(x) return x end,
  transposed = function(x)
    local n = x:dim()
    if n < 2 then return nil end
    return x:transpose(1, n):clone():transpose(1, n)
  end,
  stepped = function(x)
    local n = x:dim()
    if n == 0 then return nil end
    local shape, key = x.shape, {}
    for d = 1, n do
      key[d] = { 1, 2 * shape[d] - 1, 2 }
      shape[d] = 2 * shape[d]
    end
    local wide = torch.zeros(torch.LongStorage(shape), x.dtype)
    wide[key] = x
    return wide[key]
  end,
  expanded = function(x)
    if x:dim() == 0 or x:size(1) == 0 then return nil end
    return x:narrow(1, 1, 1):clone():expandAs(x)
  end,
}

local function shape_of(letters, sizes)
  local shape = {}
  for letter in letters:gmatch(".") do shape[#shape + 1] = tonumber(letter) or sizes[letter] end
  return shape
end

local function make_input(spec, shape, dtype, sizes, distinct)
  if spec.index then
    local n = sizes[spec.index] or tonumber(spec.index)
    return fill(shape, "int64", { lo = 1, hi = n })
  end
  if spec.long then dtype = "int64" end
  if spec.mask then return fill(shape, "bool", spec) end
  if spec.regular or spec.positive then return matrix(shape, dtype, spec) end
  return fill(shape, dtype, spec, distinct)
end

--- The inputs of an entry with the sizes of its letters.
function inputs.of(entry, dtype, sizes)
  local list = {}
  for i, spec in ipairs(entry.inputs) do
    list[i] = make_input(spec, shape_of(spec[1], sizes), dtype, sizes, i == 1 and entry.distinct)
  end
  return list
end

-- x with elements that are not near a whole number; NaN stays.
local function smoothen(x, spec)
  local lo, hi = spec.lo or -3, spec.hi or 3
  x:apply(function(old)
    local v = lo + (hi - lo) * random()
    local near = v - math.floor(v)
    if near < 0.05 or near > 0.95 then v = v - near + 0.3 + 0.4 * random() end
    return old == old and math.max(lo, math.min(hi, v)) or old
  end)
end

local function draw_smooth(entry, sizes)
  local list = inputs.of(entry, "float64", sizes)
  for i, spec in ipairs(entry.inputs) do
    local fixed = spec.index or spec.mask or spec.long or spec.regular or spec.positive or spec.sorted
    if not fixed then smoothen(list[i], spec) end
  end
  return list
end

--- Inputs for a derivative: float64, no two elements of one tensor equal or near a whole number, and such
-- that the entry's `fits` holds.
function inputs.smooth(entry, sizes)
  inputs.seed(entry.label)
  for _ = 1, 1000 do
    local list = draw_smooth(entry, sizes)
    if not entry.fits or entry.fits(table.unpack(list)) then return list end
  end
  error(entry.label .. ": no inputs fit")
end

local function special(entry, layout)
  local first = entry.inputs[1][1]
  if layout == "empty" then return entry.empty ~= false and not entry.least and first:find("^%a") ~= nil end
  return layout == "scalar" and entry.elementwise and entry.scalar ~= false
end

--- x with other strides; nil where the layout changes nothing.
function inputs.relaid(x, layout)
  return relaid[layout](x)
end

--- The inputs of an entry in a layout; nil where the entry takes no such inputs, or the layout changes
-- nothing.
function inputs.make(entry, dtype, layout)
  inputs.seed(entry.label)
  local sizes = { a = 3, b = 4, c = 2, d = 5 }
  if layout == "empty" then
    if not special(entry, layout) then return nil end
    sizes[entry.inputs[1][1]:sub(1, 1)] = 0
    return inputs.of(entry, dtype, sizes)
  end
  if layout == "scalar" then
    if not special(entry, layout) then return nil end
    local list = {}
    for i, spec in ipairs(entry.inputs) do list[i] = make_input(spec, {}, dtype, sizes) end
    return list
  end
  local list, changed = inputs.of(entry, dtype, sizes), layout == "contiguous"
  for i, x in ipairs(list) do
    local spec = entry.inputs[i]
    local may = layout ~= "expanded" or not (spec.regular or spec.positive or spec.sorted or entry.distinct)
    local other = may and relaid[layout](x)
    if other then list[i], changed = other, true end
  end
  return changed and list or nil
end

--- The device under test, which TEST_DEVICE names; inputs are made in host memory.
inputs.device = os.getenv "TEST_DEVICE" or "cpu"

--- x on the device under test, with the same strides.
function inputs.placed(x)
  local storage = x:storage()
  if inputs.device == "cpu" or not storage or x:dim() == 0 then return x:to(inputs.device) end
  local whole = x.new(storage, 1, torch.LongStorage { storage:size() }):to(inputs.device)
  return whole.new():set(whole:storage(), x:storageOffset(), x:size(), x:stride())
end

--- Calls f(..) with new tensors made on the device under test; the results of xpcall.
function inputs.call(f, ...)
  torch.setDefaultDevice(os.getenv "TEST_DEFAULT" or inputs.device)
  local results = table.pack(xpcall(f, debug.traceback, ...))
  torch.setDefaultDevice "cpu"
  return table.unpack(results, 1, results.n)
end

--- Results as tensors: numbers and booleans become tensors without dimensions, tables are unpacked.
function inputs.tensors(...)
  local list = {}
  local function put(v)
    if type(v) == "table" and not torch.isTensor(v) then
      for _, item in ipairs(v) do put(item) end
    elseif type(v) == "number" then
      list[#list + 1] = torch.scalar(v, math.type(v) == "integer" and "int64" or "double")
    elseif type(v) == "boolean" then
      list[#list + 1] = torch.scalar(v, "bool")
    else
      list[#list + 1] = v
    end
  end
  for _, v in ipairs { ... } do put(v) end
  return list
end

return inputs
