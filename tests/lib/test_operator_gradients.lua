-- test_operator_gradients: the derivatives of every operator of the table of tests/operators, first and
-- second order: on the CPU against central differences, on the device that TEST_DEVICE names against the CPU.
local torch = require "torch"
local inputs = dofile "tests/operators/inputs.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

local sizes = { a = 3, b = 4, c = 2, d = 2 }
local other_sizes = { { a = 2, b = 5, c = 3, d = 1 }, { a = 4, b = 2, c = 2, d = 3 } }

local function is_float(x)
  return x.dtype == "float64"
end

-- The float results of a call in one tensor, NaN as 0; others, such as places, have no gradient.
local function float_results(...)
  local floats = {}
  for _, y in ipairs(inputs.tensors(...)) do
    if is_float(y) then
      local bad = torch.isnan(y)
      floats[#floats + 1] = bad:any() and torch.where(bad, torch.zerosLike(y), y) or y
    end
  end
  if #floats <= 1 then return floats[1] end
  for i, y in ipairs(floats) do floats[i] = torch.reshape(y, y:nElement()) end
  return torch.cat(floats, 1)
end

-- The call as a function of the inputs that can have a gradient, and those inputs.
local function function_of_floats(entry, args)
  local places, floats = {}, {}
  for i, x in ipairs(args) do
    if is_float(x) then places[#places + 1], floats[#floats + 1] = i, x end
  end
  local function f(...)
    local all = { table.unpack(args) }
    for k, i in ipairs(places) do
      all[i] = select(k, ...)
      -- Functions of symmetric matrices look at one triangle only.
      if entry.derivative == "symmetric" and entry.inputs[i].positive then
        all[i] = torch.mul(all[i] + all[i]:t(), 0.5)
      end
    end
    return float_results(entry.call(table.unpack(all)))
  end
  return f, floats
end

-- A sum in which every element counts differently.
local function weighed(y)
  if y:nElement() == 0 then return torch.sum(y) end
  local weights = torch.cos(torch.range(1, y:nElement()):to("float64")):to(y.device)
  return torch.sum(torch.cmul(torch.reshape(y, y:nElement()), weights))
end

-- The gradients of f and then, if there shall be some, of these.
local function derivatives(f, floats, second)
  for i, x in ipairs(floats) do floats[i] = x:detach():requireGrad() end
  local all = torch.grad(weighed(f(table.unpack(floats))), floats, nil, { createGraph = second })
  local sum
  for i = 1, #floats do
    local g = all[i]
    if second and g and g.requiresGrad then sum = sum and sum + weighed(g) or weighed(g) end
  end
  for i, g in ipairs(sum and torch.grad(sum, floats) or {}) do all[#floats + i] = g end
  return all
end

-- Those of the same call on the device and on the CPU.
local function compare(entry, args, what)
  local second = entry.derivative ~= "first"
  local f, floats = function_of_floats(entry, args)
  local want = derivatives(f, floats, second)
  torch.setDefaultDevice(inputs.device)
  for i, x in ipairs(args) do args[i] = inputs.placed(x:detach()) end
  f, floats = function_of_floats(entry, args)
  local got = derivatives(f, floats, second)
  tester:eq(#got, #want, what .. ": number of gradients")
  for i, g in ipairs(want) do
    tester:eq(torch.isTensor(got[i]), torch.isTensor(g), what)
    if g then
      local apart = torch.abs(got[i]:detach():to("cpu") - g:detach()):max()
      local most = torch.abs(g:detach()):max()
      tester:assert(apart <= 1e-9 * (1 + most), ("%s: gradient %d is off by %g"):format(what, i, apart))
    end
  end
end

local function check(entry, layout, shape)
  torch.setDefaultDevice "cpu"
  local args = inputs.smooth(entry, shape)
  local changed = layout == "contiguous"
  for i, x in ipairs(args) do
    local other = inputs.relaid(x, layout)
    if other then args[i], changed = other:detach(), true end
  end
  if not changed then return end
  local what = entry.label .. ", " .. layout
  if inputs.device ~= "cpu" then return compare(entry, args, what) end
  local f, floats = function_of_floats(entry, args)
  local options = { second = entry.derivative ~= "first", atol = 2e-4 }
  local ok, why = torch.gradcheck(f, floats, options)
  tester:assert(ok, ("%s: %s"):format(what, tostring(why)))
  local y = f(table.unpack(floats)) -- which require a gradient since
  tester:assert(y ~= nil and y.requiresGrad, what .. " gives no gradient and is not marked so")
  if entry.derivative == "first" then
    options.second = true
    tester:assert(not torch.gradcheck(f, floats, options), what .. " has a second derivative after all")
  end
end

-- Whether f stays what it is when its inputs move a little.
local function is_constant(f, floats)
  local moved = {}
  for i, x in ipairs(floats) do moved[i] = torch.mul(x, 1 + 1e-7) + 1e-7 end
  local y, z = f(table.unpack(floats)), f(table.unpack(moved))
  return y == nil or torch.equal(y, z)
end

-- What has no derivative gives results that need none, whatever went in, and has a reason.
local function check_none(entry)
  local args = inputs.smooth(entry, sizes)
  for i, x in ipairs(args) do args[i] = inputs.placed(x) end
  local f, floats = function_of_floats(entry, args)
  local reason = is_constant(f, floats)
  tester:assert(reason or entry.why ~= nil, entry.label .. " could have a derivative")
  tester:assert(not (reason and entry.why), entry.label .. " needs no reason to have no derivative")
  for _, x in ipairs(floats) do x:requireGrad() end
  local ok, y = pcall(f, table.unpack(floats))
  if ok and y and y.requiresGrad then ok, y = pcall(y.backward, y, torch.ones(y.shape, "double")) end
  tester:assert(not ok or not y or not torch.isTensor(y) or not y.requiresGrad,
    entry.label .. " has a derivative after all")
end

local function test(entry)
  if entry.types == "int" then
    return tester:assert(entry.derivative == false, entry.label .. " is of integers but not marked so")
  end
  if entry.derivative == false then return check_none(entry) end
  for _, layout in ipairs { "contiguous", "transposed", "stepped" } do check(entry, layout, sizes) end
  for _, others in ipairs(other_sizes) do check(entry, "contiguous", others) end
end

for _, entry in ipairs(dofile "tests/operators/init.lua") do
  tests[entry.label] = function()
    local ok, why = inputs.call(test, entry)
    tester:assert(ok, entry.label .. ": " .. tostring(why))
  end
end

tester:add(tests):run()
