-- test_recurrent: recurrent layers and cells: cases/recurrent.lua, the states, packed sequences, the
-- functions that they are made of, mistakes.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"
local F, rnn = nn.functional, nn.utils.rnn

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/recurrent.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/recurrent.lua")

local function rand(...) return torch.randn(...):double() end

-- ---- PyTorch's states ---------------------------------------------------------------------------------

local values = walk.values()

local function joined(...)
  local parts = {}
  nn.tape.each({ ... }, function(t) parts[#parts + 1] = t:reshape(t:nElement()) end)
  return torch.cat(parts, 1)
end

-- run gives all results of a module for the inputs of a case.
local function as_pytorch(name, m, run)
  local state, inputs = {}, {}
  for key, t in pairs(values) do
    local parameter = key:match("^" .. name .. "/state/(.*)$")
    if parameter then state[parameter] = t end
  end
  m:double():loadStateDict(state)
  m:zeroGradParameters()
  while values[name .. "/input" .. #inputs + 1] do
    inputs[#inputs + 1] = values[name .. "/input" .. #inputs + 1]:clone():requireGrad()
  end
  local y = joined(run(m, table.unpack(inputs)))
  tester:eq(y:detach(), values[name .. "/output"], 1e-12, name)
  y:backward(values[name .. "/gradOutput"])
  for i, x in ipairs(inputs) do
    tester:eq(x.grad, values[name .. "/grad/input" .. i], 1e-10, name .. " input " .. i)
  end
  for _, entry in ipairs(m:namedParameters()) do
    tester:eq(entry.tensor.grad, values[name .. "/grad/" .. entry.name], 1e-10, name .. " " .. entry.name)
  end
end

-- The state in the form that the class takes.
local function state_of(m, h, c)
  if torch.isTypeOf(m, "nn.LSTM") or torch.isTypeOf(m, "nn.LSTMCell") then return { h, c } end
  return h
end

local function with_state(m, x, ...) return m(x, state_of(m, ...)) end

local function packed(lengths, options)
  return function(m, x, ...)
    local y, last = m(rnn.packPaddedSequence(x, lengths, options), state_of(m, ...))
    return (rnn.padPackedSequence(y)), last
  end
end

function tests.states_and_packed_sequences_as_pytorch()
  for _, kind in ipairs { "RNN", "GRU", "LSTM" } do
    local name = kind:lower()
    as_pytorch(name .. " states", nn[kind](3, 4, { numLayers = 2, bidirectional = true }), with_state)
    local both = { bidirectional = true }
    as_pytorch(name .. " packed states", nn[kind](3, 4, both), packed { 5, 3, 2 })
    local unsorted = packed({ 2, 5, 3 }, { enforceSorted = false })
    as_pytorch(name .. " unsorted states", nn[kind](3, 4, both), unsorted)
  end
  local projected = { projSize = 2, bidirectional = true }
  as_pytorch("lstm projected states", nn.LSTM(3, 4, projected), with_state)
  as_pytorch("lstm projected packed states", nn.LSTM(3, 4, projected), packed { 5, 3, 2 })
  as_pytorch("lstm cell states", nn.LSTMCell(3, 4), with_state)
end

-- ---- derivatives of all results -------------------------------------------------------------------------

local function check(name, f, ...)
  local inputs = { ... }
  local ok, why = torch.gradcheck(function(...)
    return torch.sin(joined(f(...))):sum()
  end, inputs, { second = true })
  tester:assert(ok, name .. ": " .. tostring(why))
end

function tests.derivatives_of_states()
  local T, B, I, H, P = 3, 3, 2, 2, 1
  for _, sizes in ipairs { false, torch.LongTensor { 3, 2, 1 } } do
    for _, reverse in ipairs { false, true } do
      local x, s = sizes and rand(6, I) or rand(T, B, I), sizes or nil
      check("lstm", function(a, h, c, wi, wh, bi, bh)
        return F.lstm(a, h, c, wi, wh, bi, bh, nil, s, reverse)
      end, x, rand(B, H), rand(B, H), rand(4 * H, I), rand(4 * H, H), rand(4 * H), rand(4 * H))
      check("lstm projected", function(a, h, c, wi, wh, wr)
        return F.lstm(a, h, c, wi, wh, nil, nil, wr, s, reverse)
      end, x, rand(B, P), rand(B, H), rand(4 * H, I), rand(4 * H, P), rand(P, H))
      check("gru", function(a, h, wi, wh, bi, bh) return F.gru(a, h, wi, wh, bi, bh, s, reverse) end,
        x, rand(B, H), rand(3 * H, I), rand(3 * H, H), rand(3 * H), rand(3 * H))
      for _, kind in ipairs { "tanh", "relu" } do
        check("rnn " .. kind, function(a, h, wi, wh, bi, bh)
          return F.rnn(a, h, wi, wh, bi, bh, s, reverse, kind)
        end, x, rand(B, H), rand(H, I), rand(H, H), rand(H), rand(H))
      end
    end
  end
  check("lstmCell", F.lstmCell, rand(3, 8), rand(3, 2))
  check("gruCell", F.gruCell, rand(3, 6), rand(3, 6), rand(3, 2))
end

-- Only some of the arguments have a gradient, or only one of the results.
function tests.parts_of_the_gradient()
  local x, w, v = rand(3, 2, 4), rand(12, 4), rand(12, 3)
  local y = F.lstm(x, nil, nil, w, v:clone():requireGrad())
  tester:assert(y.requiresGrad)
  check("x only", function(a) return (F.lstm(a, nil, nil, w, v)) end, x)
  check("state's weight only, last c only", function(a) return (select(3, F.lstm(x, nil, nil, w, a))) end, v)
  check("one tensor twice", function(h) return F.lstm(x, h, h, w, v) end, rand(2, 3))
end

-- ---- the same by other means ----------------------------------------------------------------------------

function tests.a_layer_is_its_cell_in_a_loop()
  for _, kind in ipairs { "RNN", "GRU", "LSTM" } do
    local layer, cell = nn[kind](3, 130):double(), nn[kind .. "Cell"](3, 130):double()
    local state = {}
    for key, t in pairs(layer:stateDict()) do state[key:gsub("_l0$", "")] = t end
    cell:loadStateDict(state)
    local x, h, c = rand(4, 5, 3), nil, nil
    local y, last = layer(x)
    for t = 1, 4 do
      if kind == "LSTM" then h, c = cell(x[t], h and { h, c }) else h = cell(x[t], h) end
      tester:eq(y[t]:detach(), h:detach(), 1e-12, kind)
    end
    local all = kind == "LSTM" and last[2] or last
    tester:eq(all:detach(), (c or h):detach():reshape(1, 5, 130), 1e-12, kind)
  end
end

-- Threads take some of the sequences each.
function tests.as_many_threads_as_wanted()
  local threads, lengths = torch.getnumthreads(), {}
  for i = 1, 37 do lengths[i] = 1 + i * i % 7 end
  local both = { bidirectional = true }
  local layers = { nn.LSTM(5, 6, { bidirectional = true, projSize = 3 }), nn.LSTM(5, 6, both),
    nn.GRU(5, 6, both), nn.RNN(5, 6, both) }
  local x = torch.randn(7, 37, 5)
  for i, m in ipairs(layers) do
    local function run(n)
      torch.setnumthreads(n)
      local input = x:clone():requireGrad()
      m:zeroGradParameters()
      local y = m(rnn.packPaddedSequence(input, lengths, { enforceSorted = false })).data
      torch.pow(y, 2):sum():backward()
      local _, grads = m:parameters()
      return torch.cat({ y:detach():view(-1), input.grad:view(-1), grads[1]:view(-1),
        grads[2]:view(-1) }, 1)
    end
    tester:eq(run(2), run(1), 1e-5, "layer " .. i)
  end
  torch.setnumthreads(threads)
end

function tests.a_sequence_goes_on_from_its_state()
  local lstm, x = nn.LSTM(3, 4, { numLayers = 2 }):double(), rand(6, 2, 3)
  local whole, last = lstm(x)
  local first, state = lstm(x:narrow(1, 1, 2))
  local second, state2 = lstm(x:narrow(1, 3, 4), state)
  tester:eq(torch.cat({ first, second }, 1):detach(), whole:detach(), 1e-12)
  tester:eq(state2[2]:detach(), last[2]:detach(), 1e-12)
end

function tests.cells_of_gates()
  local g, c = rand(3, 8), rand(3, 2)
  local h, new = F.lstmCell(g, c)
  local i, f = torch.sigmoid(g:narrow(2, 1, 2)), torch.sigmoid(g:narrow(2, 3, 2))
  local want = torch.cmul(f, c) + torch.cmul(i, torch.tanh(g:narrow(2, 5, 2)))
  tester:eq(new, want, 1e-12)
  tester:eq(h, torch.cmul(torch.sigmoid(g:narrow(2, 7, 2)), torch.tanh(want)), 1e-12)
  tester:eq(g:clone(), g, 0, "the gates are left alone")
  local y = F.gruCell(torch.zeros(1, 6), torch.zeros(1, 6), torch.ones(1, 2))
  tester:eq(y:sum(), 1, 1e-6)
end

function tests.half_types_and_batches_of_none()
  local m, x = nn.GRU(3, 4), torch.randn(5, 2, 3)
  local want = m(x):detach()
  local y, h = m:half()(x:half())
  tester:eq(y.dtype, "float16")
  tester:eq(h.dtype, "float16")
  tester:eq(y:detach():float(), want, 1e-2)
  local none = torch.zeros(5, 0, 3):requireGrad()
  local lstm = nn.LSTM(3, 4)
  y = lstm(none)
  tester:eq(table.concat(y.shape, "x"), "5x0x4")
  y:sum():backward()
  tester:eq(lstm.weight_hh_l0.grad:norm(), 0)
end

function tests.dropout_is_between_layers_while_training()
  local m, x = nn.RNN(3, 4, { numLayers = 2, dropout = 1 }):double(), rand(5, 2, 3)
  m:evaluate()
  local whole = m(x):detach()
  m:training()
  tester:assert((m(x):detach() - whole):norm() > 0)
  local one = nn.RNN(3, 4, { dropout = 0.9 }):double()
  tester:eq(one(x):detach(), one(x):detach(), 0, "one layer has none")
end

-- ---- sequences of several lengths -----------------------------------------------------------------------

function tests.packing_and_padding()
  local list = { rand(2, 3), rand(4, 3), rand(1, 3) }
  local padded = rnn.padSequence(list, { paddingValue = 7 })
  tester:eq(table.concat(padded.shape, "x"), "4x3x3")
  tester:eq(padded[3][1]:sum(), 21)
  tester:eq(rnn.padSequence(list, { paddingSide = "left", batchFirst = true })[3][4], list[3][1], 0)
  local p = rnn.packSequence(list, { enforceSorted = false })
  tester:eq(p.batchSizes, torch.LongTensor { 3, 2, 1, 1 }:cpu())
  tester:eq(p.data[1], list[2][1], 0, "the longest first")
  tester:eq(p.sortedIndices, torch.LongTensor { 2, 1, 3 })
  for i, x in ipairs(rnn.unpackSequence(p)) do tester:eq(x, list[i], 0) end
  local back, lengths = rnn.padPackedSequence(p, { totalLength = 5, batchFirst = true, paddingValue = -1 })
  tester:eq(table.concat(back.shape, "x"), "3x5x3")
  tester:eq(lengths, torch.LongTensor { 2, 4, 1 }:cpu())
  tester:eq(back[1][3]:sum(), -3)
  for i, x in ipairs(rnn.unpadSequence(back, lengths, { batchFirst = true })) do tester:eq(x, list[i], 0) end
  check("packing", function(x)
    return rnn.packPaddedSequence(x, { 2, 3 }, { enforceSorted = false, batchFirst = true }).data
  end, rand(2, 3, 2))
  check("padding", function(x)
    return (rnn.padPackedSequence { data = x, batchSizes = torch.LongTensor { 2, 2, 1 } })
  end, rand(5, 2))
end

-- ---- mistakes -------------------------------------------------------------------------------------------

function tests.mistakes()
  local function fails(message, f, ...)
    local ok, why = pcall(f, ...)
    local named = tostring(why):find(message, 1, true) ~= nil
    tester:assert(not ok and named, message .. ", got " .. tostring(why))
  end
  local lstm, x = nn.LSTM(3, 4), torch.ones(5, 2, 3)
  fails("no option 'layers'", nn.LSTM, 3, 4, { layers = 2 })
  fails("no option 'projSize'", nn.GRU, 3, 4, { projSize = 2 })
  fails("projSize is 4", nn.LSTM, 3, 4, { projSize = 4 })
  fails("nonlinearity is sin", nn.RNN, 3, 4, { nonlinearity = "sin" })
  fails("dropout is 2", nn.GRU, 3, 4, { dropout = 2 })
  fails("numLayers is 0", nn.GRU, 3, 4, { numLayers = 0 })
  fails("wanted 3 as the last size", lstm, torch.ones(5, 2, 4))
  fails("wanted 2 to 3 dimensions", lstm, torch.ones(3))
  fails("wanted a table of h and c", lstm, x, torch.ones(1, 2, 4))
  fails("c is of 1x2x3, wanted 1 x 2 x 4", lstm, x, { torch.ones(1, 2, 4), torch.ones(1, 2, 3) })
  fails("the state is of 2x2x4", nn.GRU(3, 4), x, torch.ones(2, 2, 4))
  fails("h is of 3, wanted (batch x) 4", nn.GRUCell(3, 4), torch.ones(3), torch.ones(3))
  fails("wanted a table of h and c", nn.LSTMCell(3, 4), torch.ones(3), torch.ones(4))
  local w, v = torch.ones(16, 3), torch.ones(16, 4)
  fails("the input's weight is 16x2", F.lstm, x, nil, nil, torch.ones(16, 2), v)
  fails("the state's weight is 15x4", F.lstm, x, nil, nil, w, torch.ones(15, 4))
  fails("the state's weight is 16x3", F.lstm, x, nil, nil, w, torch.ones(16, 3))
  fails("two biases or none", F.lstm, x, nil, nil, w, v, torch.ones(16))
  fails("the state is 1x4, wanted 2x4", F.lstm, x, torch.ones(1, 4), nil, w, v)
  fails("is float64", F.lstm, x, nil, nil, w, v:double())
  fails("wanted steps x batch x size", F.lstm, torch.ones(5, 3), nil, nil, w, v)
  fails("sizes that do not grow", F.lstm, torch.ones(3, 3), nil, nil, w, v, nil, nil, nil,
    torch.LongTensor { 1, 2 })
  fails("the input is 4x3, wanted 3 rows", F.lstm, torch.ones(4, 3), nil, nil, w, v, nil, nil, nil,
    torch.LongTensor { 2, 1 })
  fails("0 steps", F.lstm, torch.ones(0, 3), nil, nil, w, v, nil, nil, nil, torch.LongTensor(0))
  fails("gates is 1x7", F.lstmCell, torch.ones(1, 7), torch.ones(1, 2))
  fails("the lengths grow", rnn.packPaddedSequence, torch.ones(3, 2), { 1, 3 })
  fails("a length is 0", rnn.packPaddedSequence, torch.ones(3, 2), { 1, 0 })
  fails("2 lengths up to 4", rnn.packPaddedSequence, torch.ones(3, 2), { 4, 1 })
  fails("no option 'batchfirst'", rnn.packPaddedSequence, torch.ones(3, 2), { 3, 1 }, { batchfirst = true })
  fails("totalLength is 2", rnn.padPackedSequence, rnn.packSequence { torch.ones(3) }, { totalLength = 2 })
  fails("wanted a packed sequence", rnn.padPackedSequence, torch.ones(3))
  fails("wanted a table of tensors", rnn.padSequence, {})
end

tester:add(tests):run()
