-- walk: the tests that every module has to pass, for lists of cases.
--
--   local walk = dofile "tests/nn/walk.lua"
--   walk.modules(tester, tests, dofile "tests/nn/cases/convolutions.lua")
--
-- A case is a table: its name; make (or the second entry), a function that makes the module; input (or the
-- third), the shape of an input of random doubles or a function that makes one.  Optional: expect (or the
-- fourth), a function of the module and its input that computes the output another way; small, a smaller
-- case (a table of make and input) to compare gradients with differences, whose time grows with the square
-- of the elements; golden, the name of PyTorch's values in the file `walk.golden` names (see
-- golden/golden.py), with translate, a function from PyTorch's inputs to ours; second = false where there
-- is no second derivative; exact = false where parameters may get no gradient; atol for gradcheck; float =
-- false where float32 gives something else; file = false where it cannot be saved; check = false where its
-- gradient is not the derivative; apart, how far the outputs of the two protocols may be.

local torch = require "torch"
local nn = require "nn"
local tape = nn.tape

local walk = {}

local function is_float(t) return t.dtype == "float64" end

local function make(case)
  torch.manualSeed(5)
  local m = (case.make or case[2])():double()
  local input = case.input or case[3]
  if type(input) == "function" then return m, input() end
  return m, torch.randn(table.unpack(input)):double()
end

-- The gradients that are not zero by their nature.
local function parameters(m)
  local p, g = m:parameters()
  return p or {}, g or {}
end

local function gradients_for(output)
  return tape.map(output, function(t) return torch.randn(table.unpack(t.shape)):double() end)
end

-- Inputs of a float type.
local function float_inputs(x)
  local list = {}
  tape.each(x, function(t) list[#list + 1] = is_float(t) and t or nil end)
  return list
end

-- x with its float tensors replaced by those of a list.
local function with_inputs(x, list)
  local at = 0
  return tape.map(x, function(t)
    if not is_float(t) then return t end
    at = at + 1
    return list[at]
  end)
end

-- The sum of the outputs times weights, on the tape.
local function weighted(output, weights)
  local list, sum = tape.flatten(weights), nil
  for i, t in ipairs(tape.flatten(output)) do
    local part = torch.cmul(t, list[i]):sum()
    sum = sum and sum + part or part
  end
  return sum
end

-- PyTorch's values, on the device where tensors are made.
function walk.values(file)
  local values, device = torch.load(file or walk.golden), torch.zeros(1).device
  for key, t in pairs(values) do values[key] = t:to(device) end
  return values
end

walk.make, walk.weighted = make, weighted
walk.float_inputs, walk.with_inputs = float_inputs, with_inputs

function walk.modules(tester, tests, cases)
  -- Two nested tables have the same form and, but for `eps`, the same numbers.
  local function same(a, b, eps, name)
    if not torch.isTensor(b) then
      tester:eq(type(a), type(b), name)
      if type(b) ~= "table" then return end
      for k in pairs(a) do tester:assert(b[k] ~= nil, name .. ": nothing more") end
      for k, v in pairs(b) do same(a[k], v, eps, name) end
      return
    end
    tester:assert(torch.isTensor(a) and table.concat(a.shape, "x") == table.concat(b.shape, "x"),
      name .. ": a tensor of shape " .. table.concat(b.shape, "x"))
    tester:eq(a:detach():double(), b:detach():double(), eps, name)
  end

  local function each(f)
    for _, case in ipairs(cases) do
      local ok, why = pcall(f, case, case[1])
      if not ok then error(("%s: %s"):format(case[1], tostring(why)), 0) end
    end
  end

  function tests.outputs()
    each(function(case, name)
      local m, x = make(case)
      local y = m:forward(x)
      local expect = case.expect or case[4]
      if expect then same(y, expect(m, x), 1e-10, name) end
      tester:assert(y == m.output, name .. ": it is kept")
      torch.manualSeed(5)
      local other = make(case)
      torch.manualSeed(9)
      y = other:forward(x)
      other = make(case)
      torch.manualSeed(9)
      same(other(x), y, case.apart or 0, name .. ": on the tape")
    end)
  end

  function tests.strided_inputs()
    each(function(case, name)
      local m, x = make(case)
      torch.manualSeed(9)
      local y = m:forward(x)
      m = make(case)
      local strided = tape.map(x, function(t)
        if t:dim() == 0 or t:nElement() == 0 then return t end
        local room = { table.unpack(t.shape) }
        room[#room] = room[#room] * 2
        local wide = t.new(table.unpack(room)):zero()
        local view = wide:unfold(#room, 1, 2):select(#room + 1, 1)
        view:copy(t)
        return view
      end)
      torch.manualSeed(9)
      same(m:forward(strided), y, 1e-12, name)
    end)
  end

  function tests.both_protocols_give_the_same_gradients()
    each(function(case, name)
      local m, x = make(case)
      torch.manualSeed(9)
      local weights = gradients_for(m:forward(x))
      m:zeroGradParameters()
      local gradInput = m:backward(x, weights)
      tester:assert(gradInput == m.gradInput, name)
      same(tape.map(gradInput, function(t) return t.shape end),
        tape.map(x, function(t) return t.shape end), 0, name .. ": the form")

      local other = make(case)
      local leaves = tape.leaves(x)
      other:zeroGradParameters()
      torch.manualSeed(9)
      local y = other(leaves)
      local loss = weighted(y, weights)
      if loss.requiresGrad then loss:backward() end
      same(gradInput, tape.map(leaves, function(t)
        return is_float(t) and t.grad or torch.zerosLike(t)
      end), 1e-12, name .. ": input")
      local _, g = parameters(m)
      local _, og = parameters(other)
      for i = 1, #g do
        tester:eq(og[i], g[i], 1e-12, ("%s: parameter %d"):format(name, i))
        if case.exact ~= false then
          tester:assert(g[i]:norm() > 0, ("%s: parameter %d has a gradient"):format(name, i))
        end
      end

      local parts = make(case)
      torch.manualSeed(9)
      parts:forward(x)
      parts:zeroGradParameters()
      same(parts:updateGradInput(x, weights), gradInput, 0, name .. ": updateGradInput")
      parts:accGradParameters(x, weights, 0.5)
      parts:accGradParameters(x, weights, 0.5)
      local _, pg = parameters(parts)
      for i = 1, #g do tester:eq(pg[i], g[i], 1e-10, name .. ": accGradParameters") end
    end)
  end

  -- On a GPU moved.lua compares both orders with those in host memory, which are compared with differences.
  function tests.gradients_are_right()
    if torch.zeros(1).device ~= "cpu" then return tester:assert(true) end
    each(function(case, name)
      if case.check == false then return end
      local m, x = make(case.small or case)
      torch.manualSeed(9)
      local weights = gradients_for(m(x))
      local inputs = float_inputs(x)
      local n = #inputs
      for _, p in ipairs((parameters(m))) do inputs[#inputs + 1] = p end
      local function f(...)
        torch.manualSeed(9)
        return weighted(m(with_inputs(x, { ... })), weights)
      end
      if #inputs == 0 then return end
      tester:assert(n > 0 or #inputs > 0, name)
      for order, check in ipairs { torch.gradcheck, case.second ~= false and torch.gradgradcheck or nil } do
        local ok, why = check(f, inputs, { atol = case.atol or 1e-4 })
        tester:assert(ok, ("%s, order %d: %s"):format(name, order, tostring(why)))
      end
    end)
  end

  function tests.copies_files_and_types()
    each(function(case, name)
      local m, x = make(case)
      local text = tostring(m)
      tester:eq(tostring(m:clone()), text, name .. ": text")
      local copies = { m:clone() }
      if case.file ~= false then copies[2] = torch.deserialize(torch.serialize(m, "ascii"), "ascii") end
      torch.manualSeed(9)
      local y = m:forward(x)
      for _, copy in ipairs(copies) do
        torch.manualSeed(9)
        same(copy:forward(x), y, 0, name .. ": copy")
      end
      local copy = make(case)
      local state = tape.map(m:stateDict(), function(t) return t:clone() end)
      for _, p in ipairs((parameters(copy))) do torch.noGrad(function() p:zero() end) end
      copy:loadStateDict(state)
      for key, t in pairs(copy:stateDict()) do tester:eq(t, state[key], 0, name .. ": state " .. key) end

      m = make(case):float()
      tester:eq(m:type(), torch.FloatTensor():type(), name)
      local fx = tape.map(x, function(t) return is_float(t) and t:float() or t end)
      torch.manualSeed(9)
      local fy = m:forward(fx)
      tape.each(fy, function(t) tester:ne(t.dtype, "float64", name) end)
      if case.float ~= false then same(fy, y, 1e-3, name .. ": float") end
      tape.each(m:backward(fx, tape.map(fy, function(t) return torch.onesLike(t) end)), function(t)
        tester:ne(t.dtype, "float64", name)
      end)
      m:clearState()
      m:double()
      for _, p in ipairs((parameters(m))) do tester:eq(p.dtype, "float64", name) end
    end)
  end

  -- ---- PyTorch's values -----------------------------------------------------------------------------

  -- The entries of the golden file below a prefix, without it.
  local function below(values, prefix)
    local found = {}
    for key, t in pairs(values) do
      if key:sub(1, #prefix) == prefix then found[key:sub(#prefix + 1)] = t end
    end
    return found
  end

  local function golden(case, name, values)
    local own = below(values, case.golden .. "/")
    tester:assert(own.output ~= nil, name .. ": there are values for " .. case.golden)
    local m = make(case)
    m:loadStateDict(below(own, "state/"))
    m:zeroGradParameters()
    local inputs = {}
    while own["input" .. #inputs + 1] do inputs[#inputs + 1] = own["input" .. #inputs + 1] end
    for i, t in ipairs(inputs) do
      if is_float(t) then inputs[i] = t:clone():requireGrad() end
    end
    local y = m((case.translate or function(...) return ... end)(table.unpack(inputs)))
    if not torch.isTensor(y) then y = y[1] end
    if case.untranslate then own.output = case.untranslate(own.output) end
    same(y, own.output, 1e-9, name .. ": PyTorch's output")
    if not own.gradOutput then return end
    y:backward(own.gradOutput)
    local grads = below(own, "grad/")
    for i, t in ipairs(inputs) do
      local g = grads["input" .. i]
      if g then same(t.grad, g, 1e-8, ("%s: PyTorch's gradient of input %d"):format(name, i)) end
    end
    for _, entry in ipairs(m:namedParameters()) do
      local g = grads[entry.name]
      tester:assert(g ~= nil, ("%s: PyTorch has a gradient of %s"):format(name, entry.name))
      if g then same(entry.tensor.grad, g:reshape(entry.tensor.shape), 1e-8, name .. ": " .. entry.name) end
    end
  end

  if walk.golden then
    function tests.values_of_pytorch()
      local values = walk.values()
      each(function(case, name)
        if case.golden then golden(case, name, values) end
      end)
    end
  end
end

return walk
