-- moved: every module on a GPU beside the same module in host memory, where its gradients are compared with
-- differences: outputs, gradients and gradients of these.
--
--   TEST_DEVICE=cuda cresset tests/nn/moved.lua [FAMILY ..]
--
-- Modules and inputs are made in host memory, where new tensors go, and moved, as scripts do it; unlike with
-- on_device.lua, what a module makes for itself goes to the GPU only if the module sees to it.

local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"
local tape = nn.tape

local tester = torch.Tester()
local tests = torch.TestSuite()
torch.cuda.setDeterministic(true)

local function moved(x) return tape.map(x, function(t) return t:cuda() end) end

local function weights_for(list)
  torch.manualSeed(7)
  local weights = {}
  for i, t in ipairs(list) do
    weights[i] = torch.randn(t:nElement()):double():reshape(t.shape):to(t.device)
  end
  return weights
end

-- The gradients of the sum of a list of tensors times weights, without those that there are not.
local function gradients(outputs, inputs, more)
  local loss = walk.weighted(outputs, weights_for(outputs))
  if not torch.isTensor(loss) or not loss.requiresGrad then return {} end
  local list = {}
  for _, g in ipairs(torch.grad(loss, inputs, nil, { createGraph = more })) do
    list[#list + 1] = g or nil
  end
  return list
end

-- Of a module: its output, the gradients of the first and of the second order.
local function results(case, m, x)
  local inputs = {}
  for _, t in ipairs(walk.float_inputs(x)) do inputs[#inputs + 1] = t:detach():clone():requireGrad() end
  local given = walk.with_inputs(x, inputs)
  for _, p in ipairs((m:parameters()) or {}) do inputs[#inputs + 1] = p end
  torch.manualSeed(9)
  local y = tape.flatten(m(given))
  local floats = {}
  for _, t in ipairs(y) do floats[#floats + 1] = t.dtype == "float64" and t or nil end
  if #inputs == 0 or #floats == 0 then return { y, {}, {} } end
  local second = case.second ~= false and case.check ~= false
  local first = gradients(floats, inputs, second)
  return { y, first, second and #first > 0 and gradients(first, inputs) or {} }
end

local function compare(case)
  local here, x = walk.make(case)
  local there = walk.make(case):cuda()
  local wanted, got = results(case, here, x), results(case, there, moved(x))
  for order, what in ipairs { "output", "gradient", "second gradient" } do
    tester:eq(#got[order], #wanted[order], ("%s: %ss"):format(case[1], what))
    for i, t in ipairs(wanted[order]) do
      local name = ("%s: %s %d"):format(case[1], what, i)
      local other = got[order][i]
      tester:ne(other.device, "cpu", name .. " is on the device")
      tester:eq(other:detach():cpu():double(), t:detach():double(), 1e-9, name)
    end
  end
end

local families = { table.unpack(arg) }
if #families == 0 then
  families = { "activations", "attention", "basic", "convolutions", "indexed", "nngraph", "normalisation",
    "pairs", "pooling", "recurrent", "simple", "tables" }
end
for _, family in ipairs(families) do
  tests[family] = function()
    for _, case in ipairs(dofile("tests/nn/cases/" .. family .. ".lua")) do
      local ok, why = pcall(compare, case)
      tester:assert(ok, case[1] .. ": " .. tostring(why))
    end
  end
end

-- What is built on numbers that a function makes for itself.
function tests.functions_of_tensors()
  local function each(name, f, ...)
    local given, there = { ... }, {}
    for i, t in ipairs(given) do there[i] = t:cuda() end
    local y = f(table.unpack(there))
    tester:ne(y.device, "cpu", name)
    tester:eq(y:cpu(), f(table.unpack(given)), 1e-6, name)
  end
  local x = torch.randn(3, 3)
  for _, mode in ipairs { "constant", "replicate", "reflect", "circular", "symmetric" } do
    each("pad " .. mode, function(t) return torch.pad(t, { 1, 2 }, mode) end, x)
  end
  each("diagEmbed", torch.diagEmbed, x)
  each("vander", function(t) return torch.vander(t, 0) end, x[1])
  each("matrixPower", function(t) return torch.matrixPower(t, 0) end, x)
  each("cdist", torch.cdist, x:narrow(2, 1, 0), x:narrow(2, 1, 0))
  each("one_hot", function(t) return torch.one_hot(t, 3) end, torch.LongTensor { 1, 3 })
  each("affineGrid", function(t) return nn.functional.affineGrid(t, { 1, 1, 2, 2 }) end, torch.randn(1, 2, 3))
  each("packed sequences", function(t)
    return (nn.utils.rnn.padPackedSequence(nn.utils.rnn.packPaddedSequence(t, { 3, 2, 1 })))
  end, x)
end

tester:add(tests):run()
