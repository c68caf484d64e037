-- test_indexed: layers of class numbers, of keys and values, odd ones, and Torch7's tools; cases/indexed.lua.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- The name of the type, which differs on other devices.
local DOUBLE = torch.DoubleTensor():type()

walk.golden = "tests/nn/golden/indexed.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/indexed.lua")

local function long(t) return torch.LongTensor(t) end
local function fails(pattern, f) tester:assertErrorPattern(f, pattern, pattern) end

-- A number without a row.  In host memory the module says so; numbers on a GPU are not fetched to be
-- looked at, and the operator that takes the rows says it.
local function no_row(number, rows, f)
  if torch.zeros(1).device == "cpu" then
    fails(("the input has %d, wanted numbers from 1 to %d"):format(number, rows), f)
  else
    fails(("index %d is out of range: the size is %d"):format(number, rows), f)
  end
end

-- ---- rows by their numbers -----------------------------------------------------------------------------

function tests.lookup_by_frequency_and_padding()
  local m = nn.LookupTable(4, 2, 3):scaleGradByFreq():double()
  local x = long { 1, 1, 2, 3, 1 }
  local g = torch.randn(5, 2):double()
  m:forward(x)
  m:backward(x, g, 2)
  tester:eq(m.gradWeight[1], (g[1] + g[2] + g[5]) * (2 / 3), 1e-12)
  tester:eq(m.gradWeight[2], g[3] * 2, 1e-12)
  tester:eq({ m.gradWeight[3]:norm(), m.gradWeight[4]:norm() }, { 0, 0 })
end

function tests.rows_are_scaled_down()
  for _, p in ipairs { 1, 2, 3 } do
    local m = nn.LookupTable(4, 3, 0, 0.5, p):double()
    local before = m.weight:detach():clone()
    before[1]:mul(10)
    before[2]:mul(0.01)
    m.weight:copy(before)
    m:forward(long { 1, 2, 1 })
    local after = m.weight:detach()
    tester:eq(after[1], before[1] * (0.5 / before[1]:norm(p)), 1e-6)
    tester:eq(after:narrow(1, 2, 3), before:narrow(1, 2, 3), 0, "small ones, and those that are not taken")
    local e = nn.Embedding(4, 3, { maxNorm = 0.5, normType = p }):double()
    e.weight:copy(before)
    e(long { { 1, 2 } }):sum():backward()
    tester:eq(e.weight:detach(), after, 0)
    tester:eq(e.weight.grad[1]:sum(), 3)
  end
end

function tests.accUpdateOnly()
  local m, other = nn.LookupTable(4, 2), nn.LookupTable(4, 2)
  other.weight:copy(m.weight)
  local x, g = long { 2, 2, 4 }, torch.ones(3, 2)
  m:accUpdateOnly()
  for _ = 1, 2 do
    m:forward(x)
    m:backwardUpdate(x, g, 0.5)
  end
  for _ = 1, 2 do
    other:forward(x)
    other:zeroGradParameters()
    other:backward(x, g)
    other:updateParameters(0.5)
  end
  tester:assert(m.gradWeight == nil)
  tester:eq(m.weight, other.weight, 1e-6)
end

function tests.pretrained()
  local w = torch.randn(5, 2)
  local m = nn.Embedding.fromPretrained(w)
  tester:assert(not m(long { 2 }).requiresGrad, "frozen")
  tester:eq(m(long { 2 })[1], w[2], 0)
  m = nn.Embedding.fromPretrained(w, { freeze = false, paddingIdx = 1 })
  m(long { 1, 2 }):sum():backward()
  tester:eq({ m.weight.grad[1]:sum(), m.weight.grad[2]:sum() }, { 0, 2 })
  tester:eq(m:stateDict().weight, w, 0)
end

function tests.empty_bags_and_batches()
  for _, mode in ipairs { "sum", "mean", "max" } do
    local m = nn.EmbeddingBag(4, 2, { mode = mode })
    tester:eq(m(long { 1, 2 }, long { 1, 3, 3 }):detach()[3]:norm(), 0, mode)
    tester:eq(m(torch.LongTensor(0), long { 1, 1 }):detach():norm(), 0, mode)
    tester:eq(m(torch.zeros(2, 0):long()).shape, { 2, 2 }, mode)
  end
  tester:eq(nn.Embedding(3, 2)(torch.zeros(2, 0):long()).shape, { 2, 0, 2 })
end

-- ---- bags beside functions that make them up -----------------------------------------------------------

local composed = dofile "tests/nn/bags.lua"

-- A vector of n numbers of 1 to rows and where the bags begin, of which some are empty.
local function bags_of(n, rows)
  local list = { 1 }
  for i = 2, math.max(n // 4, 2) do list[i] = math.min(list[i - 1] + (i * 7 % 4) * (i % 3), n + 1) end
  return torch.LongTensor(n):random(1, rows), torch.LongTensor(list)
end

-- The results of both and, for weights g, their gradients of weight and factors.
local function both_bags(input, weight, o)
  local results = {}
  for i, f in ipairs { nn.functional.embeddingBag, composed } do
    local leaf, opts = weight:clone():requireGrad(), {}
    for k, v in pairs(o) do opts[k] = v end
    local inputs = { leaf }
    if o.perSampleWeights then
      opts.perSampleWeights = o.perSampleWeights:clone():requireGrad()
      inputs[2] = opts.perSampleWeights
    end
    local y = f(input, leaf, opts)
    torch.manualSeed(3)
    local g = torch.randn(table.unpack(y.shape)):to(y.dtype):to(y.device)
    results[i] = { y:detach(), table.unpack(torch.grad(torch.cmul(y, g):sum(), inputs)) }
  end
  return results[1], results[2]
end

local function compare_bags(input, weight, o, bound)
  local text = ("%s %dx%d, %d numbers, %s, padding %s, factors %s"):format(o.mode, weight:size(1),
    weight:size(2), input:nElement(), weight.dtype, o.paddingIdx, o.perSampleWeights and "there" or "none")
  local got, want = both_bags(input, weight, o)
  for i, t in ipairs(want) do
    tester:eq(got[i].dtype, t.dtype, text)
    local far = bound * math.max(1, torch.abs(t:double()):max())
    tester:eq(got[i]:double(), t:double(), far, ("%s: %s"):format(text, i == 1 and "result" or "gradient"))
  end
end

function tests.bags_are_what_they_are_made_up_of()
  local bounds = { float32 = 1e-4, float64 = 1e-12, float16 = 0.01, bfloat16 = 0.05 }
  torch.manualSeed(1)
  for dtype, bound in pairs(bounds) do
    for _, width in ipairs { 1, 7, 16, 19, 64, 75, 200 } do
      local weight = torch.randn(12, width):to(dtype)
      local row, offsets = bags_of(60, 12)
      for _, mode in ipairs { "sum", "mean", "max" } do
        for _, padding in ipairs { false, 3 } do
          local o = { mode = mode, paddingIdx = padding or nil }
          compare_bags(row:view(12, 5), weight, o, bound)
          compare_bags(row:view(12, 5):t(), weight, o, bound)
          o.offsets = offsets
          compare_bags(row, weight, o, bound)
          if mode == "sum" then
            o.perSampleWeights = torch.randn(60):to(dtype)
            compare_bags(row, weight, o, bound)
          end
        end
        compare_bags(row, weight, { mode = mode, offsets = offsets, scaleGradByFreq = true }, bound)
      end
    end
  end
end

function tests.bags_of_other_layouts_and_types()
  local weight = torch.randn(16, 20):double()
  local row, offsets = bags_of(40, 12)
  local o = { mode = "sum", offsets = offsets }
  compare_bags(row, weight:t():narrow(1, 1, 16), o, 1e-12)
  compare_bags(row:int(), weight, { mode = "max", offsets = offsets:float() }, 0)
  o.perSampleWeights = torch.randn(40, 2):double():select(2, 1)
  compare_bags(row, weight, o, 1e-12)
  o.perSampleWeights = torch.randn(40):double()
  compare_bags(row, weight:float(), o, 1e-5)
  tester:eq(nn.functional.embeddingBag(row, weight:float(), o).dtype, "float64")
  o = { mode = "sum", offsets = long { 1, 3, 4 }, includeLastOffset = true }
  local y = nn.functional.embeddingBag(long { 1, 2, 3, 4 }, weight, o)
  tester:eq(y[1], weight[1] + weight[2], 1e-12)
  tester:eq(y[2], weight[3], 0, "the last bag ends where the last offset says")
end

function tests.gradients_of_bags_have_gradients()
  local row, offsets = bags_of(20, 5)
  local weight, factors = torch.randn(5, 3):double(), torch.randn(20):double()
  for _, mode in ipairs { "sum", "mean", "max" } do
    local ok, why = torch.gradcheck(function(w)
      return nn.functional.embeddingBag(row, w, { mode = mode, offsets = offsets, paddingIdx = 2 })
    end, { weight }, { second = true })
    tester:assert(ok, ("%s: %s"):format(mode, why))
  end
  local ok, why = torch.gradcheck(function(w, f)
    local o = { mode = "sum", perSampleWeights = f, paddingIdx = 2 }
    return nn.functional.embeddingBag(row:view(4, 5), w, o)
  end, { weight, factors }, { second = true })
  tester:assert(ok, why)
end

function tests.largest_of_bags_with_equals_and_nan()
  local nan, inf = 0 / 0, math.huge
  for _, width in ipairs { 2, 40 } do
    local weight = torch.zeros(4, width):requireGrad()
    nn.functional.embeddingBag(long { { 4, 2, 3 } }, weight, { mode = "max" }):sum():backward()
    tester:eq(weight.grad:sum(2):view(-1):totable(), { 0, 0, 0, width }, 0, "the first of equals")
    local rows = torch.zeros(3, width)
    rows[2]:fill(nan)
    rows[3]:fill(-inf)
    local y = nn.functional.embeddingBag(long { { 1, 2 }, { 2, 1 }, { 3, 3 } }, rows, { mode = "max" })
    tester:assert(y[1]:ne(y[1]):all() and y[2]:ne(y[2]):all(), "NaN wins")
    tester:assert(y[3]:eq(-inf):all(), "of nothing but -infinity")
  end
end

function tests.mistakes_of_numbers()
  no_row(7, 6, function()
    nn.LookupTable(6, 2):forward(long { 7 })
  end)
  no_row(0, 6, function() nn.Embedding(6, 2)(long { 0, 1 }) end)
  fails("wanted a tensor of numbers", function() nn.Embedding(6, 2)("x") end)
  fails("paddingIdx is 7", function() nn.Embedding(6, 2, { paddingIdx = 7 }) end)
  fails("there is no option 'sparse'", function() nn.Embedding(6, 2, { sparse = true }) end)
  fails("mode is last", function() nn.EmbeddingBag(6, 2, { mode = "last" }) end)
  local m = nn.EmbeddingBag(6, 2)
  fails("not places from 1 to 3 that ascend", function() m(long { 1, 2 }, long { 2 }) end)
  fails("not places from 1 to 3 that ascend", function() m(long { 1, 2 }, long { 1, 3, 2 }) end)
  fails("not places from 1 to 3 that ascend", function() m(long { 1, 2 }, long { 1, 4 }) end)
  fails("wanted a matrix, or a vector with offsets", function() m(long { 1, 2 }) end)
  fails("no offsets", function() m(long { { 1, 2 } }, long { 1 }) end)
  fails("perSampleWeights are for mode sum", function() m(long { { 1, 2 } }, nil, torch.ones(1, 2)) end)
  no_row(7, 6, function() m(long { { 1, 7, 3 } }) end)
  no_row(0, 6, function() m(long { { 1, 3, 0 } }) end)
  no_row(9, 6, function() nn.EmbeddingBag(6, 200)(long { 2, 9 }, long { 1, 2 }) end)
  local bag = nn.functional.embeddingBag
  fails("the weight is a number, wanted a matrix", function() bag(long { { 1 } }, 3) end)
  fails("paddingIdx is x, wanted a whole number", function()
    bag(long { { 1 } }, torch.ones(2, 2), { paddingIdx = "x" })
  end)
  fails("3 perSampleWeights for an input of 2", function()
    bag(long { { 1, 2 } }, torch.ones(2, 2), { mode = "sum", perSampleWeights = torch.ones(3) })
  end)
  fails("not places from 1 to 3 that ascend", function()
    bag(long { 1, 2 }, torch.ones(2, 2), { offsets = long { 1, 4 }, includeLastOffset = true })
  end)
  fails("classes from 1 to 4, wanted 1 to 3", function() nn.OneHot(3):forward(long { 1, 4 }) end)
  fails("the indices are from 1 to 9, wanted 1 to 4", function()
    nn.PartialLinear(2, 4):setPartition(long { 1, 9 })
  end)
end

-- ---- keys and values -----------------------------------------------------------------------------------

-- Examples of columns and values as rows.
local function dense(examples, n)
  local x = torch.zeros(#examples, n):double()
  for i, e in ipairs(examples) do
    for k = 1, e:size(1) do
      local c = math.tointeger(e[k][1])
      x[i][c] = x[i][c] + e[k][2]
    end
  end
  return x
end

local function examples()
  return { torch.Tensor { { 3, 1 }, { 7, -2 } }:double(), torch.Tensor { { 1, 0.5 } }:double(),
    torch.Tensor { { 7, 1 }, { 7, 1 }, { 2, 3 } }:double() }
end

function tests.sparse_linear_is_linear()
  local m, linear = nn.SparseLinear(8, 2, true):double(), nn.Linear(8, 2):double()
  linear.weight:copy(m.weight)
  linear.bias:copy(m.bias)
  local x = examples()
  local full, g = dense(x, 8), torch.randn(3, 2):double()
  m.weightDecay = 0.1
  for _ = 1, 2 do
    tester:eq(m:forward(x), linear:forward(full), 1e-12)
    local got, wanted = m:backward(x, g), linear:backward(full, g)
    for i = 1, 3 do tester:eq(got[i]:select(2, 2), wanted[i], 1e-12) end
  end
  tester:eq(m.gradBias, linear.gradBias, 1e-12)
  tester:eq(m.gradWeight, linear.gradWeight + linear.weight:detach() * 0.2, 1e-12)
  tester:eq(m:forward(x[1]), linear:forward(full[1]), 1e-12)
  tester:eq(m:backward(x[1], g[1])[1]:select(2, 2), linear:backward(full[1], g[1]), 1e-12)
  local same = torch.stack({ x[1], x[1] }, 1)
  tester:eq(m:forward(same), linear:forward(dense({ x[1], x[1] }, 8)), 1e-12)
  tester:eq(m:backward(same, g:narrow(1, 1, 2)).shape, { 2, 8, 2 })
  tester:eq(m:forward({}), m.bias:detach(), 0)
  fails("wanted n x 2", function() m:forward(torch.zeros(2, 3)) end)
  no_row(9, 8, function() m:forward(torch.Tensor { { 9, 1 } }:double()) end)
end

-- The same in the forms of nn.IndexLinear: a batch, and in one row.
local function keys_and_values(list)
  local keys, values, sizes = {}, {}, {}
  for i, e in ipairs(list) do
    keys[i], values[i], sizes[i] = e:select(2, 1):long(), e:select(2, 2):clone(), e:size(1)
  end
  return { keys, values }, { torch.cat(keys, 1), torch.cat(values, 1), long(sizes) }
end

function tests.index_linear_is_linear()
  local linear = nn.Linear(8, 2):double()
  local x = examples()
  local full, g = dense(x, 8), torch.randn(3, 2):double()
  local batch, flat = keys_and_values(x)
  for _, input in ipairs { batch, flat } do
    local m = nn.IndexLinear(8, 2, true):double()
    m.weight:copy(linear.weight:detach():t())
    m.bias:copy(linear.bias:detach())
    tester:eq(m:forward(input), linear:forward(full), 1e-12)
    linear:zeroGradParameters()
    local got, wanted = m:backward(input, g), linear:backward(full, g)
    for i = 1, 3 do tester:eq(got[2][i], wanted[i], 1e-12) end
    tester:eq(m.gradWeight, linear.gradWeight:t(), 1e-12)
    local one = { input[1][1], input[2][1] }
    if torch.isTensor(one[1]) then
      tester:eq(m:forward(one), linear:forward(full[1]), 1e-12)
      tester:eq(m:backward(one, g[1])[2], linear:backward(full[1], g[1]), 1e-12)
    end
    m.offset = 0 -- keys from 0
    local shifted = { flat[1] - 1, flat[2], flat[3] }
    tester:eq(m:forward(shifted), linear:forward(full), 1e-12)
  end
end

function tests.index_linear_updates_and_decay()
  local m = nn.IndexLinear(4, 2):double()
  m:reset()
  local before = m.weight:detach():clone()
  local x = { long { 2, 3, 2 }, torch.ones(3):double() }
  m.weightDecay = 0.1
  m:forward(x)
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, torch.ones(2):double())
  m:updateParameters(0.5)
  tester:eq(m.weight[1], before[1], 0)
  tester:eq(m.weight[2]:detach(), before[2] * 0.81 - 1, 1e-12)
  tester:eq(m.weight[3]:detach(), before[3] * 0.9 - 0.5, 1e-12)
end

function tests.index_linear_normalized()
  local m = nn.IndexLinear(4, 1, nil, nil, nil, nil, true):double()
  m.weight:select(2, 5):copy(torch.Tensor { 1, 2, 3, 4 }:double())
  m.weight:select(2, 4):fill(0.25)
  local x = { { long { 1, 2, 1 } }, { torch.Tensor { 4, -3, 2 }:double() } }
  tester:eq(m:forward(x)[1][1], 1 * (1 + 0.25) + 2 * (-1 + 0.25) + 1 * (0.5 + 0.25), 1e-12)
  tester:eq(m.weight:detach():select(2, 1):totable(), { 4, 3, 0, 0 })
  tester:eq(m.weight:detach():select(2, 2):totable(), { 0.25, 1 / 3, 0, 0 }, 1e-12)
  m:backward(x, torch.ones(1, 1):double())
  tester:eq(m.gradWeight:select(2, 4):totable(), { 2, 2, 0, 0 }, 1e-12)
  tester:eq(m.gradWeight:select(2, 5):totable(), { 2, -0.75, 0, 0 }, 1e-12)
  tester:eq(m.gradWeight:narrow(2, 1, 3):norm(), 0)
  m:evaluate()
  x[2][1]:mul(10)
  tester:eq(m:forward(x)[1][1], 1.25 - 1.5 + 1.25, 1e-12, "cut")
  tester:eq(m.weight:detach()[1][1], 4)
  fails("no gradient by all keys", function()
    m.doGradInput = true
    m:backward(x, torch.ones(1, 1):double())
  end)
end

function tests.mistakes_of_keys()
  local m = nn.IndexLinear(4, 2)
  no_row(5, 4, function() m:forward({ long { 5 }, torch.ones(1) }) end)
  fails("no table of keys and values", function() m:forward(torch.ones(2)) end)
  fails("vectors of one size", function() m:forward({ long { 1, 2 }, torch.ones(1) }) end)
  fails("sizes that add up to 3", function() m:forward({ long { 1, 2 }, torch.ones(2), long { 3 } }) end)
  fails("1 keys for 2 values", function() m:forward({ { long { 1 } }, { torch.ones(1), torch.ones(1) } }) end)
end

-- ---- odd layers ----------------------------------------------------------------------------------------

function tests.one_hot()
  local m = nn.OneHot(4)
  tester:eq(m:forward(3), torch.Tensor { 0, 0, 1, 0 })
  local x = long { { 1, 4 }, { 2, 2 } }
  local y = m:forward(x)
  tester:eq(y.shape, { 2, 2, 4 })
  tester:eq(y:sum(), 4)
  tester:eq({ y[1][2][4], y[2][1][2] }, { 1, 1 })
  tester:eq(m:backward(x, y), torch.zeros(2, 2))
  tester:eq(m:double():forward(torch.Tensor { 2 }):type(), DOUBLE)
end

function tests.kmeans_finds_clusters()
  torch.manualSeed(3)
  local x = torch.Tensor(60, 2):double()
  for i = 1, 60 do x[i]:normal(0, 0.01):add(i % 3 * 10) end
  for _, start in ipairs { "initKmeansPlus", "initRandom" } do
    local best = math.huge
    for _ = 1, start == "initRandom" and 8 or 2 do
      local m = nn.Kmeans(3, 2):double()
      m[start](m, x)
      for _ = 1, 5 do
        m:zeroGradParameters()
        m:forward(x)
        m:backward(x)
        m:updateParameters(1)
      end
      best = math.min(best, m.loss)
      tester:eq(m.clusterSampleCount:sum(), 60)
    end
    tester:assertlt(best, 1, start)
  end
  local m = nn.Kmeans(2, 1, 0.5)
  m.weight:copy(torch.Tensor { { 0 }, { 10 } })
  tester:eq(m:forward(torch.Tensor { { 1 }, { 3 }, { 8 } }):totable(), { 1, 1, 2 })
  tester:eq(m:backward(torch.Tensor { { 1 }, { 3 }, { 8 } }):norm(), 0)
  tester:eq(m.gradWeight:view(-1):totable(), { -1, 1 }, 1e-5)
  fails("wanted 2 at least", function() m:initRandom(torch.zeros(1, 1)) end)
  fails("wanted 1 columns", function() m:forward(torch.zeros(2, 2)) end)
end

function tests.nan_is_found()
  local linear = nn.Linear(2, 2)
  local m = nn.NaN(linear, "first")
  local x, nan = torch.ones(1, 2), 0 / 0
  m:forward(x)
  fails("NaN found in input of module:\nnn.NaN%(first%) @ nn.Linear", function() m:forward(x * nan) end)
  m:forward(x)
  fails("NaN found in gradOutput", function() m:backward(x, torch.Tensor { { nan, 1 } }) end)
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, x)
  linear.gradBias:fill(nan)
  fails("NaN found in gradParameters", function() m:backward(x, x) end)
  linear.bias:fill(nan)
  fails("NaN found in parameters", function() m:forward(x) end)
  fails("NaN found in output", function() nn.NaN(nn.Log()):forward(-x) end)
  local log, zero = nn.NaN(nn.Log()), torch.zeros(1)
  log:forward(zero)
  fails("NaN found in gradInput", function() log:backward(zero, zero) end) -- 0 times infinity
end

local function printed(f)
  local lines, plain = {}, print
  _G.print = function(...)
    local t = table.pack(...)
    for i = 1, t.n do t[i] = tostring(t[i]) end
    lines[#lines + 1] = table.concat(t, "\t")
  end
  local ok, why = pcall(f)
  _G.print = plain
  if not ok then error(why, 0) end
  return table.concat(lines, "\n")
end

function tests.what_is_printed()
  local text = printed(function()
    local m = nn.PrintSize("here")
    local x = torch.ones(3, 5)
    tester:eq(m:forward(x), x, 0)
    tester:eq(m:backward(x, x), x, 0)
    m:forward({ x })
  end)
  tester:assert(text:find("here:input.*here:gradOutput.*here:input") ~= nil, text)
  text = printed(function()
    local m = nn.Profile(nn.Linear(2, 2), 3, "layer")
    local x = torch.ones(2)
    for _ = 1, 4 do
      m:forward(x)
      m:backward(x, x)
    end
    tester:eq({ m.numFwds, m.numBwds }, { 1, 1 })
  end)
  tester:assert(text:find "layer took %d+%.%d+ seconds for 3 forward passes" ~= nil, text)
  tester:assert(text:find "layer took %d+%.%d+ seconds for 3 backward passes" ~= nil, text)
end

function tests.mistakes_of_odd_layers()
  fails("no conversion of shape bchw to bt", function()
    nn.Convert("bchw", "bt"):forward(torch.ones(1, 1, 1, 1))
  end)
  fails("no conversion of shape bt to bf", function() nn.Convert("bt", "bf"):forward(torch.ones(1, 1)) end)
  fails("has 2 features, wanted 1", function() nn.Convert("bf", "b"):forward(torch.ones(3, 2)) end)
  fails("but no input shape", function() nn.Convert(nil, "bf") end)
  fails("wanted b%* for both or neither", function() nn.Convert("b*", "bf") end)
  fails("wanted dimensions bchw", function() nn.Convert("bchw", "bf"):forward(torch.ones(2)) end)
  fails("device is a string", function() nn.GPU(nn.Identity(), "cuda") end)
end

-- ---- tools ---------------------------------------------------------------------------------------------

function tests.stochastic_gradient_learns()
  torch.manualSeed(1)
  local data = {}
  function data:size() return #self end
  for i = 1, 8 do
    local x = torch.randn(2)
    data[i] = { x, torch.Tensor { x[1] * 2 - x[2] } }
  end
  local module = nn.Linear(2, 1)
  local trainer = nn.StochasticGradient(module, nn.MSECriterion())
  local errors, seen = {}, 0
  trainer.learningRate, trainer.learningRateDecay, trainer.maxIteration = 0.1, 0.01, 40
  trainer.hookIteration = function(self, iteration, loss)
    tester:assert(self == trainer and iteration == #errors + 1)
    errors[iteration] = loss
  end
  trainer.hookExample = function(_, example)
    seen = seen + 1
    tester:eq(#example, 2)
  end
  local text = printed(function() trainer:train(data) end)
  tester:eq({ #errors, seen }, { 40, 320 })
  tester:assertlt(errors[40], 1e-3)
  tester:assert(text:find "# current error.*maximum number of iterations" ~= nil, text)
  trainer.verbose, trainer.shuffleIndices, trainer.maxIteration = false, false, 1
  trainer.hookExample, trainer.hookIteration = nil, nil
  tester:eq(printed(function() trainer:train(data) end), "")
  fails("the data set is empty", function() trainer:train({ size = function() return 0 end }) end)
end

function tests.jacobian_finds_right_and_wrong()
  local net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Tanh()):double()
  for _, m in ipairs { nn.Linear(3, 2):double(), net } do
    local linear = torch.typename(m) == "nn.Linear" and m or m:get(1)
    local x = torch.randn(3):double()
    local J = nn.Jacobian
    tester:assertlt(J.testJacobian(m, x), 1e-6)
    tester:assertlt(J.testJacobianParameters(m, x, linear.weight, linear.gradWeight), 1e-6)
    tester:assertlt(J.testJacobianUpdateParameters(m, x, linear.bias), 1e-6)
    tester:eq({ J.testIO(m, x) }, { 0, 0 }, 1e-12)
  end
  for _, err in pairs(nn.Jacobian.testAllUpdate(nn.Linear(3, 2):double(), torch.ones(3):double(), "weight",
    "gradWeight")) do tester:assertlt(err, 1e-9) end
  local Wrong = torch.class("WrongModule", "nn.Module", {})
  function Wrong:updateOutput(x) return x * 2 end
  function Wrong:updateGradInput(_, g)
    self.gradInput = g * 3
    return self.gradInput
  end
  tester:assertgt(nn.Jacobian.testJacobian(Wrong.new(), torch.ones(2):double()), 0.9)
  local sparse = nn.SparseLinear(5, 2, true):double()
  local x = torch.Tensor { { 2, 1 }, { 4, 1 } }:double()
  local S = nn.SparseJacobian
  tester:assertlt(S.testJacobianParameters(sparse, x, sparse.weight, sparse.gradWeight), 1e-6)
  tester:assertlt(S.testJacobian(sparse, x), 1e-6)
end

function tests.hessians_diagonal()
  nn.hessian.enable()
  nn.hessian.enable()
  local J = nn.Jacobian
  for _, case in ipairs { { nn.Linear(3, 2), { 3 } }, { nn.SpatialConvolution(2, 2, 2, 2), { 2, 3, 4 } } } do
    local m, x = case[1]:double(), torch.randn(table.unpack(case[2])):double()
    tester:assertlt(J.testDiagHessianInput(m, x), 1e-9)
    tester:assertlt(J.testDiagHessianWeight(m, x), 1e-9)
    tester:assertlt(J.testDiagHessianBias(m, x), 1e-9)
  end
  local net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.Tanh()):add(nn.Reshape(4)):add(nn.Linear(4, 2))
  net:double()
  local mse, x, t = nn.MSECriterion():double(), torch.randn(3):double(), torch.randn(2):double()
  net:initDiagHessianParameters()
  mse:forward(net:forward(x), t)
  local h = mse:updateDiagHessianInput(net.output, t)
  net:updateDiagHessianInput(x, h)
  net:accDiagHessianParameters(x, h)
  local first, last = net:get(1), net:get(4)
  local y = net:get(2).output
  for i = 1, 4 do
    local wanted = 0
    for k = 1, 2 do wanted = wanted + last.weight[k][i] ^ 2 end
    wanted = wanted * (1 - y[i] ^ 2) ^ 2
    tester:eq(first.diagHessianBias[i], torch.isTensor(wanted) and wanted:item() or wanted, 1e-9)
    tester:eq(first.diagHessianWeight[i][2], first.diagHessianBias[i] * x[2] ^ 2, 1e-9)
  end
  local params, grads, hessian = net:getParameters()
  tester:eq({ params:size(1), grads:size(1), hessian:size(1) }, { 26, 26, 26 })
  fails("nn.ReLU:updateDiagHessianInput: the class has none", function()
    nn.ReLU():updateDiagHessianInput(x, x)
  end)
end

function tests.utils()
  local u = nn.utils
  local a = u.recursiveResizeAs({ torch.ones(1), 3, z = torch.ones(1) }, { torch.ones(2), { torch.ones(3) } })
  tester:eq({ a[1]:size(1), a[2][1]:size(1), a.z }, { 2, 3 })
  u.recursiveFill(a, 2)
  u.recursiveAdd(a, { torch.ones(2), { torch.ones(3) } })
  tester:eq({ a[1]:sum(), a[2][1]:sum() }, { 6, 9 })
  fails("recursiveFill: got number", function() u.recursiveFill({ 1 }, 1) end)
  fails("recursiveAdd: got table and " .. torch.Tensor():type(), function()
    u.recursiveAdd({}, torch.ones(1))
  end)
  local x = torch.ones(4)
  local t = u.recursiveType({ x, { x:narrow(1, 1, 2) }, nn.Linear(2, 2) }, DOUBLE)
  t[1]:fill(5)
  tester:eq({ t[1]:type(), t[2][1]:sum(), t[3]:type() }, { DOUBLE, 10, DOUBLE })
  local b, c = u.recursiveCopy(nil, { torch.ones(2) })
  tester:assert(b[1] ~= c[1])
  tester:eq(b[1], c[1], 0)

  local y = torch.range(1, 6):view(2, 3):t()
  tester:eq(u.addSingletonDimension(y, 2):select(2, 1), y, 0)
  tester:eq(u.addSingletonDimension(torch.Tensor(), y, 3).shape, { 3, 2, 1 })
  fails("dimension 4 is outside 1 to 3", function() u.addSingletonDimension(y, 4) end)
  fails("got a number, wanted a tensor", function() u.addSingletonDimension(3) end)
  tester:eq(u.contiguousView(nil, y, -1):totable(), { 1, 4, 2, 5, 3, 6 })
  local z = torch.ones(2, 2)
  u.contiguousView(nil, z, 4):fill(3)
  tester:eq(z:sum(), 12)
  local object = { a = torch.ones(2), b = { 1 }, c = 3, d = 4 }
  u.clear(object, "a", "b")
  u.clear(object, { "c" })
  tester:eq({ object.a:nElement(), #object.b, object.c == nil, object.d }, { 0, 0, true, 4 })
end

tester:add(tests):run()
