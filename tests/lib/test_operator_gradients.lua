-- test_operator_gradients: the derivatives of every operator of the table of tests/operators, first and
-- second order, against central differences.
local torch = require "torch"
local inputs = dofile "tests/operators/inputs.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

local sizes = { a = 3, b = 4, c = 2, d = 2 }

local function is_float(x)
  return x.dtype == "float64"
end

-- The call as a function of the inputs that can have a gradient, and those inputs.
local function function_of_floats(entry, args)
  local call = entry.call or torch[entry.name]
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
    -- Places and the like, which come second, have no gradient.
    return (call(table.unpack(all)))
  end
  return f, floats
end

local function check(entry, layout)
  local args = inputs.smooth(entry, sizes)
  local changed = layout == "contiguous"
  for i, x in ipairs(args) do
    local other = inputs.relaid(x, layout)
    if other then args[i], changed = other:detach(), true end
  end
  if not changed then return end
  local f, floats = function_of_floats(entry, args)
  local ok, why = torch.gradcheck(f, floats, { second = entry.derivative ~= "first", atol = 2e-4 })
  tester:assert(ok, ("%s, %s: %s"):format(entry.label, layout, tostring(why)))
end

-- What has no derivative gives results that need none, whatever went in.
local function check_none(entry)
  local f, floats = function_of_floats(entry, inputs.smooth(entry, sizes))
  for _, x in ipairs(floats) do x:requireGrad() end
  local ok, y = pcall(f, table.unpack(floats))
  if ok and torch.isTensor(y) and y.requiresGrad then
    ok, y = pcall(y.backward, y, torch.ones(y:size(), "double"))
  end
  tester:assert(not ok or not y or not torch.isTensor(y) or not y.requiresGrad,
    entry.label .. " has a derivative after all")
end

for _, entry in ipairs(dofile "tests/operators/init.lua") do
  if entry.types ~= "int" then
    tests[entry.label] = function()
      if entry.derivative == false then return check_none(entry) end
      for _, layout in ipairs { "contiguous", "transposed", "stepped" } do check(entry, layout) end
    end
  end
end

tester:add(tests):run()
