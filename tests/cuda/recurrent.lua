-- recurrent: stacks of recurrent layers, which a GPU runs in one call, beside the CPU's in float64.
-- run_runtime runs it, on the emulation or, where there is a GPU, on that.
local torch = require "torch"
local nn = require "nn"
local cuda = torch.cuda
local F, rnn = nn.functional, nn.utils.rnn

local tester = torch.Tester()
local tests = torch.TestSuite()

local function rand(...) return torch.randn(...):double() end

-- Whether t comes from an operator that runs a whole stack.
local function is_stack(t)
  local nodes = { t.gradFn }
  while #nodes > 0 do
    local node = table.remove(nodes)
    if node.name:find("_stack$") then return true end
    for _, from in ipairs(node.inputs) do
      if from and not torch.isTensor(from) then nodes[#nodes + 1] = from end
    end
  end
  return false
end

-- All numbers of the tensors in what is given, as float64 of the CPU.
local function numbers(...)
  local parts = {}
  nn.tape.each({ ... }, function(t) parts[#parts + 1] = t:reshape(t:nElement()):cpu():double() end)
  return torch.cat(parts, 1)
end

-- The results of m and the gradients of parameters and inputs; run(m, inputs...).
local function run_with(m, run, inputs)
  m:zeroGradParameters()
  local given = {}
  for i, x in ipairs(inputs) do given[i] = x:clone():requireGrad() end
  local results = table.pack(run(m, table.unpack(given)))
  local y, sum = results[1], 0
  if type(y) == "table" then y = y.data end
  nn.tape.each(results, function(t)
    if t.dtype ~= "int64" then sum = sum + torch.sin(t:double()):sum() end
  end)
  sum:backward()
  local gradients = {}
  for _, x in ipairs(given) do gradients[#gradients + 1] = x.grad end
  for _, p in ipairs((m:parameters())) do gradients[#gradients + 1] = p.grad end
  local kept = {}
  nn.tape.each(results, function(t) if t.dtype ~= "int64" then kept[#kept + 1] = t:detach() end end)
  return numbers(kept), numbers(gradients), y
end

local function beside(name, m, run, inputs, dtype, tolerance, composed)
  m:double()
  local there, moved = m:clone():cuda():to(dtype), {}
  for i, x in ipairs(inputs) do moved[i] = x:cuda():to(dtype) end
  local y, g = run_with(m, run, inputs)
  local y2, g2, first = run_with(there, run, moved)
  tester:eq(y2, y, tolerance, name .. ": results")
  tester:eq(g2, g, 4 * tolerance, name .. ": gradients")
  tester:assert(is_stack(first) == not composed, name .. ": in one call")
end

local kinds = { "LSTM", "GRU", "RNN" }
local precision = { float32 = 1e-5, float64 = 1e-11, float16 = 3e-2, bfloat16 = 0.25 }

local function just(m, x) return m(x) end
local function with_states(m, x, h, c)
  return m(x, torch.isTypeOf(m, "nn.LSTM") and { h, c } or h)
end

function tests.as_the_cpu()
  for _, kind in ipairs(kinds) do
    for _, dtype in ipairs { "float32", "float64", "float16", "bfloat16" } do
      local name = kind .. " " .. dtype
      beside(name, nn[kind](3, 4), just, { rand(5, 2, 3) }, dtype, precision[dtype])
      local deep = nn[kind](3, 4, { numLayers = 2, bidirectional = true })
      local states = { rand(5, 2, 3), rand(4, 2, 4), kind == "LSTM" and rand(4, 2, 4) or nil }
      beside(name .. ", two layers, both directions", deep, with_states, states, dtype, precision[dtype])
    end
  end
end

function tests.options()
  for _, kind in ipairs(kinds) do
    beside(kind .. " without bias", nn[kind](3, 5, { bias = false, numLayers = 2 }), just,
      { rand(4, 3, 3) }, "float64", 1e-11)
    beside(kind .. ", batch first", nn[kind](3, 4, { batchFirst = true, bidirectional = true }), just,
      { rand(2, 5, 3) }, "float64", 1e-11)
    beside(kind .. ", one sequence", nn[kind](3, 4), just, { rand(5, 3) }, "float64", 1e-11)
    beside(kind .. ", one step", nn[kind](3, 4), just, { rand(1, 1, 3) }, "float64", 1e-11)
  end
  beside("relu", nn.RNN(3, 4, { nonlinearity = "relu", numLayers = 2 }), just, { rand(5, 2, 3) }, "float64",
    1e-11)
  local options = { projSize = 2, numLayers = 2, bidirectional = true }
  beside("projected", nn.LSTM(3, 4, options), with_states, { rand(5, 2, 3), rand(4, 2, 2), rand(4, 2, 4) },
    "float64", 1e-11)
  beside("projected bfloat16", nn.LSTM(3, 4, options), just, { rand(5, 2, 3) }, "bfloat16", 0.25)
  options.bias = false
  beside("projected without bias", nn.LSTM(3, 4, options), just, { rand(5, 2, 3) }, "float64", 1e-11)
end

-- More matrices than go into one launch.
function tests.many_layers()
  beside("many", nn.GRU(2, 3, { numLayers = 9, bidirectional = true }), just, { rand(2, 2, 2) }, "float64",
    1e-11)
end

function tests.packed_sequences()
  local function packed(m, x, h, c)
    return with_states(m, rnn.packPaddedSequence(x, { 2, 5, 3 }, { enforceSorted = false }), h, c)
  end
  for _, kind in ipairs(kinds) do
    for _, dtype in ipairs { "float32", "float64" } do
      local m = nn[kind](3, 4, { numLayers = 2, bidirectional = true })
      local states = { rand(5, 3, 3), rand(4, 3, 4), kind == "LSTM" and rand(4, 3, 4) or nil }
      beside(kind .. " packed " .. dtype, m, packed, states, dtype, precision[dtype])
    end
  end
  local m = nn.LSTM(3, 4, { projSize = 2 })
  beside("projected packed", m, packed, { rand(5, 3, 3), rand(1, 3, 2), rand(1, 3, 4) }, "float64", 1e-11)
end

-- One layer of float16 in sizes that persistent kernels take, with and without more than one step.
function tests.persistent_kernels()
  for _, steps in ipairs { 2, 1 } do
    beside("persistent", nn.LSTM(128, 128), just, { rand(steps, 8, 128) }, "float16", 3e-2)
  end
end

function tests.evaluation_keeps_nothing()
  local m = nn.LSTM(3, 4, { numLayers = 2 }):double()
  local there, x = m:clone():cuda(), rand(5, 2, 3)
  torch.noGrad(function()
    local y = there(x:cuda())
    tester:eq(y:cpu(), m(x), 1e-11)
    tester:assert(not y.requiresGrad)
  end)
end

function tests.dropout_between_layers()
  local m = nn.GRU(3, 4, { numLayers = 3, dropout = 1 }):double():cuda()
  local x = rand(5, 2, 3):cuda()
  local y, h = m(x)
  local plain, state = nn.GRU(4, 4):double():cuda(), {}
  for key, t in pairs(m:stateDict()) do
    local name = key:match("(.*)_l2$")
    if name then state[name .. "_l0"] = t end
  end
  plain:loadStateDict(state)
  tester:eq(y:detach():cpu(), plain(torch.zeros(5, 2, 4):double():cuda()):detach():cpu(), 1e-12)
  tester:eq(h:size(1), 3)
  tester:assert(is_stack(y))
end

-- ---- derivatives ----------------------------------------------------------------------------------------

local function check(name, f, ...)
  local inputs = { ... }
  for i, t in ipairs(inputs) do inputs[i] = t:cuda() end
  local ok, why = torch.gradcheck(function(...)
    local sum = 0
    nn.tape.each({ f(...) }, function(t) sum = sum + torch.sin(t):sum() end)
    return sum
  end, inputs, { second = true })
  tester:assert(ok, name .. ": " .. tostring(why))
end

function tests.first_and_second_derivatives()
  local B, I, H = 2, 2, 2
  for _, sizes in ipairs { false, torch.LongTensor { 2, 1 } } do
    local x, s = sizes and rand(3, I) or rand(2, B, I), sizes or nil
    check("lstm", function(a, h, c, ...)
      return F._recurrent("lstm", a, h, c, s, 1, true, ...)
    end, x, rand(2, B, 1), rand(2, B, H),
      rand(4 * H, I), rand(4 * H, 1), rand(4 * H), rand(4 * H), rand(1, H),
      rand(4 * H, I), rand(4 * H, 1), rand(4 * H), rand(4 * H), rand(1, H))
    for kind, gates in pairs { gru = 3, tanh = 1, relu = 1 } do
      check(kind, function(a, h, ...) return F._recurrent(kind, a, h, nil, s, 2, false, ...) end,
        x, rand(2, B, H), rand(gates * H, I), rand(gates * H, H), rand(gates * H, H), rand(gates * H, H))
    end
  end
end

function tests.parts_of_the_gradient()
  local x, w, v = rand(3, 2, 4), rand(12, 4), rand(12, 3)
  local function lstm(a, h, c, wi, wh) return F._recurrent("lstm", a, h, c, nil, 1, false, wi, wh) end
  local wc, vc, xc = w:cuda(), v:cuda(), x:cuda()
  check("x only", function(a) return (lstm(a, nil, nil, wc, vc)) end, x)
  check("state's weight only, last c only", function(a) return (select(3, lstm(xc, nil, nil, wc, a))) end, v)
  check("one tensor twice", function(h) return lstm(xc, h, h, wc, vc) end, rand(1, 2, 3))
end

-- The backward changes what was kept for it.
function tests.backward_twice()
  local m = nn.LSTM(3, 4):double():cuda()
  local x = rand(5, 2, 3):cuda():requireGrad()
  local sum = m(x):sum()
  sum:backward(nil, { retainGraph = true })
  local once = x.grad:clone()
  sum:backward()
  tester:eq(x.grad:cpu(), (once * 2):cpu(), 1e-12)
end

-- What is kept for the backward is made again.
function tests.checkpoints()
  local m = nn.LSTM(3, 4, { numLayers = 2 }):double():cuda()
  local x = rand(5, 2, 3):cuda():requireGrad()
  m(x):sum():backward()
  local once = x.grad:clone()
  x.grad = nil
  torch.checkpoint(function(a) return (m(a)) end, x):sum():backward()
  tester:eq(x.grad:cpu(), once:cpu(), 1e-12)
end

function tests.tensorfloat32()
  local m, x = nn.LSTM(8, 8):cuda(), torch.randn(5, 2, 8):cuda()
  local exact = m(x):detach()
  local before = cuda.allowTF32(true)
  local rounded = m(x):detach()
  cuda.allowTF32(before)
  tester:eq(rounded:cpu(), exact:cpu(), 1e-2)
  tester:assert((rounded - exact):abs():max() > 1e-6)
  tester:eq(m(x):detach():cpu(), exact:cpu(), 1e-6)
end

function tests.summary()
  local m = nn.GRU(4, 5, { bidirectional = true, numLayers = 2 })
  local wanted = nn.summary(m, torch.ones(7, 3, 4)).multiplyAdds
  tester:eq(wanted, 2 * 7 * 3 * 15 * (4 + 5 + 10 + 5))
  tester:eq(nn.summary(m:cuda(), torch.ones(7, 3, 4):cuda()).multiplyAdds, wanted)
end

-- ---- what is done layer by layer --------------------------------------------------------------------------

function tests.what_cudnn_does_not_do()
  local w = { rand(8, 3), rand(8, 2), rand(2, 2) } -- a projection that keeps the size
  local function run(a) return F._recurrent("lstm", a, nil, nil, nil, 1, false, table.unpack(w)) end
  local x = rand(4, 2, 3)
  local y, h, c = run(x)
  for i, t in ipairs(w) do w[i] = t:cuda() end
  local there = table.pack(run(x:cuda():requireGrad()))
  tester:eq(numbers(there[1]:detach(), there[2]:detach(), there[3]:detach()), numbers(y, h, c), 1e-12)
  tester:assert(not is_stack(there[1]))

  cuda.setDeterministic(true) -- cuDNN does not promise the same bits
  beside("deterministic", nn.LSTM(3, 4), just, { rand(5, 2, 3) }, "float64", 1e-11, true)
  cuda.setDeterministic(false)
  local empty = nn.LSTM(3, 4):cuda()(torch.CudaTensor(5, 0, 3))
  tester:eq(empty:size():totable(), { 5, 0, 4 })
end

function tests.mistakes()
  local x, w, v = torch.CudaTensor(4, 2, 3), torch.CudaTensor(16, 3), torch.CudaTensor(16, 4)
  local function refuses(wanted, ...)
    local ok, why = pcall(F._recurrent, ...)
    tester:assert(not ok and tostring(why):find(wanted, 1, true) ~= nil, wanted .. ", got " .. tostring(why))
  end
  refuses("wanted 2 to 5 for each", "lstm", x, nil, nil, nil, 1, false, w)
  refuses("wanted 2 to 5 for each", "lstm", x, nil, nil, nil, 2, false, w, v)
  refuses("the input's weight is 16x4", "lstm", x, nil, nil, nil, 1, false, v, v)
  local i, s, c = torch.CudaTensor(12, 3), torch.CudaTensor(12, 4), torch.CudaTensor(1, 2, 4)
  refuses("are for the LSTM", "gru", x, nil, nil, nil, 1, false, i, s, v:narrow(1, 1, 4))
  refuses("are for the LSTM", "gru", x, nil, c, nil, 1, false, i, s)
  refuses("int64", "lstm", x:long(), nil, nil, nil, 1, false, w:long(), v:long())
  refuses("the state's weight is float64", "lstm", x, nil, nil, nil, 1, false, w, v:double())
end

-- ---- graphs and mixed precision ---------------------------------------------------------------------------

function tests.captured()
  local m = nn.LSTM(3, 4, { numLayers = 2, bidirectional = true }):double()
  local there, x = m:clone():cuda(), rand(5, 2, 3):cuda()
  local g = cuda.graph(function()
    there:zeroGradParameters()
    local y = there(x)
    y:sum():backward()
    return y:detach()
  end)
  for i = 1, 3 do
    x:copy(rand(5, 2, 3))
    m:zeroGradParameters()
    local y = m(x:cpu())
    y:sum():backward()
    tester:eq(g():cpu(), y:detach(), 1e-11, "replay " .. i)
    tester:eq(there.weight_hh_l0.grad:cpu(), m.weight_hh_l0.grad, 1e-11, "replay's gradient " .. i)
  end
end

function tests.autocast()
  local m = nn.GRU(3, 4, { numLayers = 2 })
  local there, x = m:clone():cuda(), torch.randn(5, 2, 3)
  local y = torch.autocast("cuda", "bfloat16", function() return (there(x:cuda())) end)
  tester:eq(y.dtype, "bfloat16")
  tester:assert(is_stack(y))
  tester:eq(y:detach():float():cpu(), m(x):detach(), 0.1)
  y:float():sum():backward()
  tester:eq(there.weight_ih_l0.grad.dtype, "float32")
end

tester:add(tests)
tester:run()
