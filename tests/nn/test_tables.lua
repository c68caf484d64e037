-- test_tables: containers and layers of tables: what they compute, that both protocols give the same
-- gradients, which are right and have the input's form; copies, types, text, mistakes.
local torch = require "torch"
local nn = require "nn"
local tape = nn.tape

local tester = torch.Tester()
local tests = torch.TestSuite()

local function rand(...) return torch.randn(...):double() end
local function pair(...)
  local sizes = { ... }
  return function() return { rand(table.unpack(sizes)), rand(table.unpack(sizes)) } end
end
local function linear(a, b) return nn.Linear(a, b) end

-- Each: a name, a maker of the module, a maker of an input, what to expect of module and input.
local cases = {
  { "ConcatTable", function() return nn.ConcatTable():add(nn.Tanh()):add(linear(4, 2)) end,
    function() return rand(3, 4) end,
    function(m, x) return { torch.tanh(x), m:get(2)(x) } end },
  { "ConcatTable of a table", function()
    return nn.ConcatTable():add(nn.SelectTable(2)):add(nn.Identity())
  end, pair(3), function(_, x) return { x[2], x } end },
  { "ConcatTable of the input twice", function()
    return nn.ConcatTable():add(nn.Identity()):add(nn.Identity())
  end, function() return rand(3) end, function(_, x) return { x, x } end },
  { "ParallelTable", function() return nn.ParallelTable():add(nn.Tanh()):add(linear(4, 2)) end,
    function() return { rand(3), rand(2, 4) } end,
    function(m, x) return { torch.tanh(x[1]), m:get(2)(x[2]) } end },
  { "ParallelTable in ParallelTable", function()
    return nn.ParallelTable():add(nn.Tanh())
      :add(nn.ParallelTable():add(linear(4, 2)):add(nn.Sigmoid()))
  end, function() return { rand(3), { rand(2, 4), rand(3) } } end, function(m, x)
    return { torch.tanh(x[1]), { m:get(2):get(1)(x[2][1]), torch.sigmoid(x[2][2]) } }
  end },
  { "ParallelTable with an entry left", function() return nn.ParallelTable():add(nn.Tanh()) end, pair(3),
    function(_, x) return { torch.tanh(x[1]) } end },
  { "MapTable", function() return nn.MapTable(linear(4, 2)) end,
    function() return { rand(4), rand(3, 4), rand(4) } end,
    function(m, x) return { m.module(x[1]), m.module(x[2]), m.module(x[3]) } end },
  { "MapTable not shared", function()
    local m = nn.MapTable(linear(4, 2), false)
    m:resize(2)
    m:get(2).weight:fill(0.5)
    return m
  end, pair(4), function(m, x) return { m:get(1)(x[1]), m:get(2)(x[2]) } end },
  { "Concat", function() return nn.Concat(2):add(linear(4, 2)):add(linear(4, 3)) end,
    function() return rand(3, 4) end,
    function(m, x) return torch.cat(m:get(1)(x), m:get(2)(x), 2) end },
  { "Concat of a table, last dimension", function()
    return nn.Concat(-1):add(nn.SelectTable(1)):add(nn.CAddTable())
  end, pair(2, 3), function(_, x) return torch.cat(x[1], x[1] + x[2], 2) end },
  { "DepthConcat", function()
    return nn.DepthConcat(1):add(nn.SpatialConvolution(1, 2, 1, 1)):add(nn.SpatialConvolution(1, 1, 3, 2))
  end, function() return rand(1, 4, 5) end, function(m, x)
    local y = torch.zeros(3, 4, 5):double()
    y:narrow(1, 1, 2):copy(m:get(1)(x):detach())
    y:narrow(1, 3, 1):narrow(2, 1, 3):narrow(3, 2, 3):copy(m:get(2)(x):detach())
    return y
  end },
  { "Parallel", function() return nn.Parallel(2, 1):add(linear(4, 2)):add(linear(4, 3)) end,
    function() return rand(4, 2) end,
    function(m, x) return torch.cat(m:get(1)(x:select(2, 1)), m:get(2)(x:select(2, 2)), 1) end },
  { "Decorator", function() return nn.Decorator(linear(4, 2)) end, function() return rand(3, 4) end,
    function(m, x) return m:get(1)(x) end },
  { "Bottle", function() return nn.Bottle(linear(4, 2)) end, function() return rand(2, 3, 4) end,
    function(m, x) return m:get(1)(x:view(6, 4)):view(2, 3, 2) end },
  { "Bottle that has nothing to do", function() return nn.Bottle(linear(4, 2)) end,
    function() return rand(3, 4) end, function(m, x) return m:get(1)(x) end },
  { "Bottle with fewer dimensions", function() return nn.Bottle(nn.View(-1):setNumInputDims(2), 3, 2) end,
    function() return rand(2, 3, 2, 2) end, function(_, x) return x:view(2, 3, 4) end },
  { "JoinTable", function() return nn.JoinTable(1) end, function() return { rand(2, 3), rand(1, 3) } end,
    function(_, x) return torch.cat(x[1], x[2], 1) end },
  { "JoinTable of a batch", function() return nn.JoinTable(1, 1) end, pair(2, 3),
    function(_, x) return torch.cat(x[1], x[2], 2) end },
  { "JoinTable from the last", function() return nn.JoinTable(-1) end, pair(2, 3),
    function(_, x) return torch.cat(x[1], x[2], 2) end },
  { "SplitTable", function() return nn.SplitTable(2) end, function() return rand(3, 2) end,
    function(_, x) return { x:select(2, 1), x:select(2, 2) } end },
  { "SplitTable of a batch", function() return nn.SplitTable(1, 1) end, function() return rand(3, 2) end,
    function(_, x) return { x:select(2, 1), x:select(2, 2) } end },
  { "SplitTable from the last", function() return nn.SplitTable(-2) end, function() return rand(2, 3) end,
    function(_, x) return { x[1], x[2] } end },
  { "SelectTable", function() return nn.SelectTable(2) end, pair(3), function(_, x) return x[2] end },
  { "SelectTable of a table", function() return nn.SelectTable(-2) end,
    function() return { { rand(2), rand(3) }, rand(4) } end, function(_, x) return x[1] end },
  { "SelectTable by name", function() return nn.SelectTable("b") end,
    function() return { a = rand(2), b = rand(3) } end, function(_, x) return x.b end },
  { "NarrowTable", function() return nn.NarrowTable(2) end, pair(3), function(_, x) return { x[2] } end },
  { "NarrowTable of tables", function() return nn.NarrowTable(1, 2) end,
    function() return { { rand(1) }, rand(2), { rand(3), rand(1) } } end,
    function(_, x) return { x[1], x[2] } end },
  { "FlattenTable", function() return nn.FlattenTable() end,
    function() return { rand(1), { rand(2), { rand(3) } }, rand(2) } end,
    function(_, x) return { x[1], x[2][1], x[2][2][1], x[3] } end },
  { "ZipTable", function() return nn.ZipTable() end,
    function() return { { rand(1), rand(2) }, { rand(3), rand(4) } } end,
    function(_, x) return { { x[1][1], x[2][1] }, { x[1][2], x[2][2] } } end },
  { "ZipTableOneToMany", function() return nn.ZipTableOneToMany() end,
    function() return { rand(3), { rand(1), rand(2) } } end,
    function(_, x) return { { x[1], x[2][1] }, { x[1], x[2][2] } } end },
  { "CAddTable", function() return nn.CAddTable(true) end,
    function() return { rand(2, 3), rand(2, 3), rand(6) } end,
    function(_, x) return x[1] + x[2] + x[3]:view(2, 3) end },
  { "CSubTable", function() return nn.CSubTable() end, pair(2, 3), function(_, x) return x[1] - x[2] end },
  { "CMulTable", function() return nn.CMulTable() end,
    function() return { rand(2, 3), rand(2, 3), rand(2, 3) } end,
    function(_, x) return torch.cmul(torch.cmul(x[1], x[2]), x[3]) end },
  { "CDivTable", function() return nn.CDivTable() end,
    function() return { rand(3), torch.rand(3):double() + 1 } end,
    function(_, x) return torch.cdiv(x[1], x[2]) end },
  { "CMaxTable", function() return nn.CMaxTable() end,
    function() return { rand(2, 3), rand(2, 3), rand(2, 3) } end,
    function(_, x) return torch.cmax(torch.cmax(x[1], x[2]), x[3]) end },
  { "CMinTable", function() return nn.CMinTable() end,
    function() return { rand(2, 3), rand(2, 3), rand(2, 3) } end,
    function(_, x) return torch.cmin(torch.cmin(x[1], x[2]), x[3]) end },
  { "CAddTensorTable", function() return nn.CAddTensorTable() end,
    function() return { rand(3), { rand(3), rand(3) } } end,
    function(_, x) return { x[1] + x[2][1], x[1] + x[2][2] } end },
  { "DotProduct", function() return nn.DotProduct() end, pair(3, 4),
    function(_, x) return torch.cmul(x[1], x[2]):sum(2):view(-1) end },
  { "DotProduct of vectors", function() return nn.DotProduct() end, pair(4),
    function(_, x) return torch.cmul(x[1], x[2]):sum(1) end },
  { "CosineDistance", function() return nn.CosineDistance() end, pair(3, 4),
    function(_, x)
      local dot = torch.cmul(x[1], x[2]):sum(2):view(-1)
      return dot:cdiv(torch.norm(x[1], 2, 2):view(-1)):cdiv(torch.norm(x[2], 2, 2):view(-1))
    end },
  { "CosineDistance of vectors", function() return nn.CosineDistance() end, pair(4),
    function(_, x) return torch.cmul(x[1], x[2]):sum(1) / (x[1]:norm() * x[2]:norm()) end },
  { "PairwiseDistance", function() return nn.PairwiseDistance() end, pair(3, 4),
    function(_, x) return torch.norm(x[1] - x[2], 2, 2):view(-1) end },
  { "PairwiseDistance by 1", function() return nn.PairwiseDistance(1) end, pair(3, 4),
    function(_, x) return torch.abs(x[1] - x[2]):sum(2):view(-1) end },
  { "PairwiseDistance by 3, of vectors", function() return nn.PairwiseDistance(3) end, pair(4),
    function(_, x) return torch.DoubleTensor { torch.dist(x[1], x[2], 3) } end },
  { "MixtureTable", function() return nn.MixtureTable() end,
    function() return { rand(2), { rand(3), rand(3) } } end,
    function(_, x) return x[2][1] * x[1][1] + x[2][2] * x[1][2] end },
  { "MixtureTable of a batch", function() return nn.MixtureTable() end,
    function() return { rand(3, 2), { rand(3, 4), rand(3, 4) } } end,
    function(_, x)
      local y = torch.zeros(3, 4):double()
      for b = 1, 3 do y[b]:copy(x[2][1][b] * x[1][b][1] + x[2][2][b] * x[1][b][2]) end
      return y
    end },
  { "MixtureTable of a tensor", function() return nn.MixtureTable() end,
    function() return { rand(2), rand(2, 3) } end,
    function(_, x) return x[2][1] * x[1][1] + x[2][2] * x[1][2] end },
  { "MixtureTable of a batch as a tensor", function() return nn.MixtureTable(3) end,
    function() return { rand(3, 2), rand(3, 4, 2) } end,
    function(_, x) return torch.bmm(x[2], x[1]:view(3, 2, 1)):view(3, 4) end },
  { "MaskedSelect", function() return nn.MaskedSelect() end,
    function() return { rand(2, 2), torch.ByteTensor { { 1, 0 }, { 0, 1 } } } end,
    function(_, x) return torch.DoubleTensor { x[1][1][1], x[1][2][2] } end },
  { "Index", function() return nn.Index(2) end,
    function() return { rand(2, 3), torch.LongTensor { 3, 1, 3, 3 } } end,
    function(_, x)
      local c1, c3 = x[1]:narrow(2, 1, 1), x[1]:narrow(2, 3, 1)
      return torch.cat({ c3, c1, c3, c3 }, 2)
    end },
  { "MM", function() return nn.MM() end, function() return { rand(2, 3), rand(3, 4) } end,
    function(_, x) return torch.mm(x[1], x[2]) end },
  { "MM transposed", function() return nn.MM(true, true) end,
    function() return { rand(3, 2), rand(4, 3) } end,
    function(_, x) return torch.mm(x[1]:t(), x[2]:t()) end },
  { "MM of batches", function() return nn.MM(true) end,
    function() return { rand(5, 3, 2), rand(5, 3, 4) } end,
    function(_, x) return torch.bmm(x[1]:transpose(2, 3), x[2]) end },
  { "MV", function() return nn.MV() end, function() return { rand(2, 3), rand(3) } end,
    function(_, x) return torch.mv(x[1], x[2]) end },
  { "MV transposed", function() return nn.MV(true) end, function() return { rand(3, 2), rand(3) } end,
    function(_, x) return torch.mv(x[1]:t(), x[2]) end },
  { "MV of batches", function() return nn.MV(true) end,
    function() return { rand(4, 3, 2), rand(4, 3) } end,
    function(_, x)
      local y = torch.zeros(4, 2):double()
      for b = 1, 4 do y[b]:copy(torch.mv(x[1][b]:t(), x[2][b])) end
      return y
    end },
}
local function make(case)
  torch.manualSeed(5)
  local m = case[2]():double()
  return m, case[3]()
end

-- Two nested tables have the same form and, but for `eps`, the same numbers.
local function same(a, b, eps, name)
  if torch.isTensor(b) then
    tester:assert(torch.isTensor(a) and a:isSameSizeAs(b), name .. ": a tensor of the same sizes")
    return tester:eq(a:detach():double(), b:detach():double(), eps, name)
  end
  tester:eq(type(a), "table", name)
  for k in pairs(a) do tester:assert(b[k] ~= nil, name .. ": nothing more") end
  for k, v in pairs(b) do same(a[k], v, eps, name) end
end

local function gradients_for(output)
  return tape.map(output, function(t) return torch.randn(table.unpack(t.shape)):double() end)
end

local function is_float(t) return t.dtype == "float64" end

-- The sum of outputs times weights, on the tape.
local function weighted(output, weights)
  local list, sum = tape.flatten(weights), nil
  for i, t in ipairs(tape.flatten(output)) do
    local part = torch.cmul(t, list[i]):sum()
    sum = sum and sum + part or part
  end
  return sum
end

function tests.outputs()
  for _, case in ipairs(cases) do
    local m, x = make(case)
    local y = m:forward(x)
    same(y, case[4](m, x), 1e-12, case[1])
    tester:assert(y == m.output, case[1] .. ": it is kept")
    same(m(x), y, 0, case[1] .. ": on the tape")
  end
end

function tests.both_protocols_give_identical_gradients()
  for _, case in ipairs(cases) do
    local name = case[1]
    local m, x = make(case)
    local weights = gradients_for(m:forward(x))
    m:zeroGradParameters()
    local gradInput = m:backward(x, weights)
    tester:assert(gradInput == m.gradInput, name)
    same(tape.map(gradInput, function(t) return t * 0 end), tape.map(x, function(t) return t * 0 end), 0,
      name .. ": the form")

    local other, plain = make(case)
    local leaves = tape.leaves(plain)
    other(leaves) -- so that MapTable has its copies
    other:zeroGradParameters()
    weighted(other(leaves), weights):backward()
    same(gradInput, tape.map(leaves, function(t)
      return is_float(t) and t.grad or torch.zeros(table.unpack(t.shape))
    end), 1e-13, name .. ": input")
    local _, g = m:parameters()
    local _, og = other:parameters()
    for i = 1, #(g or {}) do
      tester:eq(og[i], g[i], 1e-13, name .. ": parameter")
      tester:assert(g[i]:norm() > 0, name)
    end

    local parts, px = make(case)
    parts:forward(px)
    parts:zeroGradParameters()
    same(parts:updateGradInput(px, weights), gradInput, 0, name .. ": updateGradInput")
    parts:accGradParameters(px, weights, 0.5)
    parts:accGradParameters(px, weights, 0.5)
    local _, pg = parts:parameters()
    for i = 1, #(g or {}) do tester:eq(pg[i], g[i], 1e-12, name .. ": accGradParameters") end
  end
end

function tests.gradients_are_right()
  for _, case in ipairs(cases) do
    local m, x = make(case)
    local y = m(x)
    local weights = gradients_for(y)
    local inputs = {}
    for _, t in ipairs(tape.flatten(x)) do inputs[#inputs + 1] = is_float(t) and t or nil end
    local n = #inputs
    if not (m.shared and m.module) then
      for _, p in ipairs(m:parameters() or {}) do inputs[#inputs + 1] = p end
    end
    local function f(...)
      local given, at = { ... }, 0
      return weighted(m(tape.map(x, function(t)
        if not is_float(t) then return t end
        at = at + 1
        return at <= n and given[at]
      end)), weights)
    end
    for _, second in ipairs { false, true } do
      local ok, why = torch.gradcheck(f, inputs, { atol = 1e-4, second = second })
      tester:assert(ok, case[1] .. (second and ", second order: " or ": ") .. tostring(why))
    end
  end
end

function tests.clones_and_types()
  for _, case in ipairs(cases) do
    local name = case[1]
    local m, x = make(case)
    local y = m:forward(x)
    local copy = m:clone()
    tester:eq(tostring(copy), tostring(m), name)
    same(copy:forward(x), y, 0, name .. ": copy")
    m:float()
    tester:eq(m:type(), "torch.FloatTensor", name)
    local fx = tape.map(x, function(t) return is_float(t) and t:float() or t end)
    local fy = m:forward(fx)
    tape.each(fy, function(t) tester:eq(t.dtype, "float32", name) end)
    same(fy, y, 1e-4, name .. ": float")
    tape.each(m:backward(fx, tape.map(fy, function(t) return t * 0 + 1 end)), function(t)
      tester:ne(t.dtype, "float64", name)
    end)
    m:clearState()
    tester:eq(#tape.flatten(m.output) == 0 or m.output:nElement() == 0, true, name)
    same(m:forward(fx), fy, 0, name .. ": after clearState")
  end
end

-- ---- single classes ----------------------------------------------------------------

function tests.ties_go_to_the_first()
  for _, class in ipairs { nn.CMaxTable, nn.CMinTable } do
    local m, x = class(), { torch.ones(2), torch.ones(2) }
    m:forward(x)
    local g = m:backward(x, torch.Tensor { 3, 4 })
    tester:eq(g[1], torch.Tensor { 3, 4 })
    tester:eq(g[2], torch.zeros(2))
  end
end

function tests.no_gradient_is_nan_at_zero()
  for _, m in ipairs { nn.PairwiseDistance(), nn.PairwiseDistance(1), nn.PairwiseDistance(3),
    nn.CosineDistance() } do
    local x = { torch.zeros(2, 3), torch.zeros(2, 3) }
    tester:eq(m:forward(x), torch.zeros(2))
    tester:eq(m:backward(x, torch.ones(2)), { torch.zeros(2, 3), torch.zeros(2, 3) })
  end
end

function tests.map_table_shares_one_module()
  local inner = nn.Linear(3, 2)
  local m = nn.Sequential():add(nn.MapTable(inner)):add(nn.CAddTable())
  local x = { torch.randn(3), torch.randn(3), torch.randn(3) }
  m:forward(x)
  tester:eq(m:get(1):size(), 3)
  m:zeroGradParameters()
  m:backward(x, torch.ones(2))
  tester:eq(inner.gradBias, torch.ones(2) * 3)
  local before = inner.bias:detach():clone()
  m:updateParameters(0.5)
  tester:eq(inner.bias:detach(), before - 1.5, 1e-6, "once, not three times")
  tester:eq(m:getParameters():nElement(), 8)
  m:clearState()
  tester:eq(m:get(1):size(), 1)
  local own = nn.MapTable(nn.Linear(3, 2), false)
  own:forward(x)
  tester:eq(own:getParameters():nElement(), 24)
  own:resize(2)
  tester:eq(own:size(), 2)
end

function tests.dont_cast()
  local inner = nn.Linear(3, 2)
  local m = nn.Sequential():add(nn.DontCast(inner, true)):add(nn.Tanh()):double()
  tester:eq(inner.weight:type(), "torch.FloatTensor")
  tester:eq(m:get(1):type(), "torch.DoubleTensor")
  local x = torch.randn(4, 3):double()
  local y = m:forward(x)
  tester:eq(y:type(), "torch.DoubleTensor")
  tester:eq(y, torch.tanh(inner(x:float())):detach():double(), 1e-6)
  m:zeroGradParameters()
  tester:eq(m:backward(x, torch.ones(4, 2):double()):type(), "torch.DoubleTensor")
  tester:assert(inner.gradWeight:norm() > 0)
  local plain = nn.DontCast(nn.Linear(3, 2)):double()
  tester:eq(plain:forward(torch.ones(3)):type(), "torch.FloatTensor")
  tester:eq(nn.DontCast(nn.Linear(3, 2), false, true):double():forward(torch.ones(3)):type(),
    "torch.DoubleTensor")
  tester:eq(nn.DontCast(nn.Tanh(), true, true, "torch.HalfTensor").moduleType, "torch.HalfTensor")
end

function tests.containers_ask_their_modules()
  local Counting, parent = torch.class("test.Counting", "nn.Module", {})
  local seen = {}
  for _, name in ipairs { "zeroGradParameters", "training", "evaluate", "clearState" } do
    Counting[name] = function(self, ...)
      seen[#seen + 1] = name
      return parent[name](self, ...)
    end
  end
  function Counting:updateParameters(lr) seen[#seen + 1] = lr end
  local m = nn.ConcatTable():add(nn.Sequential():add(Counting.new()))
  m:zeroGradParameters()
  m:training()
  tester:eq(m.train, true)
  m:evaluate()
  tester:eq(m.train, false)
  m:clearState()
  m:updateParameters(0.5)
  tester:eq(table.concat(seen, " "), "zeroGradParameters training evaluate clearState 0.5")
  tester:eq(#m:get(1), 1)
end

function tests.text()
  local net = nn.Concat(2):add(nn.Sequential():add(nn.Tanh())):add(nn.Sequential():add(nn.ReLU()))
  tester:eq(tostring(net), [[
nn.Concat {
  input
    |`-> (1): nn.Sequential {
    |      [input -> (1) -> output]
    |      (1): nn.Tanh
    |    }
     `-> (2): nn.Sequential {
           [input -> (1) -> output]
           (1): nn.ReLU
         }
     ... -> output
}]])
  for _, class in ipairs { "ConcatTable", "ParallelTable", "Parallel", "DepthConcat" } do
    tester:eq(tostring(nn[class](1, 1):add(nn.Tanh())),
      ("nn.%s {\n  input\n     `-> (1): nn.Tanh\n     ... -> output\n}"):format(class))
  end
  tester:eq(tostring(nn.MapTable(nn.Sequential():add(nn.Tanh()))),
    "nn.MapTable {\n  nn.Sequential {\n          [input -> (1) -> output]\n          (1): nn.Tanh\n"
    .. "        }\n}")
  tester:eq(tostring(nn.MapTable()), "nn.MapTable { }")
  tester:eq(tostring(nn.Bottle(nn.Linear(4, 2))), "nn.Bottle @ " .. tostring(nn.Linear(4, 2)))
  tester:eq(tostring(nn.SelectTable(-1)), "nn.SelectTable(-1)")
  tester:eq(tostring(nn.JoinTable(1)), "nn.JoinTable")
end

function tests.mistakes()
  local one, two = torch.ones(2), torch.ones(3)
  local function says(pattern, m, input)
    tester:assertErrorPattern(function() m:forward(input) end, pattern)
    tester:assertErrorPattern(function() m(input) end, pattern)
  end
  for _, class in ipairs { "JoinTable", "NarrowTable", "ZipTableOneToMany", "CAddTable", "CSubTable",
    "CMulTable", "CDivTable", "CMaxTable", "CMinTable", "CAddTensorTable", "DotProduct", "CosineDistance",
    "PairwiseDistance", "MixtureTable", "MaskedSelect", "Index", "MM", "MV" } do
    local m = class == "MM" and nn.MM() or class == "MV" and nn.MV() or nn[class](1)
    says("nn." .. class .. ": a table of .* entries is wanted, got a torch.FloatTensor", m, one)
    says("nn." .. class .. ": a table of .* entries is wanted, got 0 of them", m, {})
  end
  for _, class in ipairs { "CAddTable", "CSubTable", "CMulTable", "CDivTable", "CMaxTable", "CMinTable" } do
    says("nn." .. class .. ": entries of the same sizes are wanted, got 2 and 3", nn[class](), { one, two })
    says("nn." .. class .. ": entry 2 is wanted as a tensor, got a string", nn[class](), { one, "x" })
  end
  for _, class in ipairs { "DotProduct", "CosineDistance", "PairwiseDistance" } do
    says("nn." .. class .. ": two vectors or two matrices of the same sizes", nn[class](), { one, two })
  end
  says("nn.FlattenTable: a table of", nn.FlattenTable(), one)
  says("nn.ZipTable: a table of 1 entries is wanted, got 2", nn.ZipTable(), { { one }, { one, two } })
  says("nn.SplitTable: the input is wanted as a tensor, got a table", nn.SplitTable(1), { one })
  says("nn.SplitTable: dimension 2 of a tensor of 2", nn.SplitTable(2), one)
  says("nn.SelectTable: an entry 3 is wanted, got a table of 2", nn.SelectTable(3), { one, two })
  says("nn.SelectTable: an entry %-3 is wanted", nn.SelectTable(-3), { one, two })
  says("nn.NarrowTable: a table of at least 3", nn.NarrowTable(2, 2), { one, two })
  says("nn.JoinTable: tensors that differ in dimension 1 only are wanted, got 2 and 2x3", nn.JoinTable(1),
    { one, torch.ones(2, 3) })
  says("nn.JoinTable: dimension 2 of a tensor of 2", nn.JoinTable(2), { one, one })
  says("nn.MixtureTable: a table of 2 entries", nn.MixtureTable(), { one, { two } })
  says("nn.MixtureTable: outputs that fit weights of 2x2", nn.MixtureTable(),
    { torch.ones(2, 2), { torch.ones(3, 2), torch.ones(3, 2) } })
  says("nn.MixtureTable: outputs that fit weights of 2 are", nn.MixtureTable(), { one, torch.ones(3, 4) })
  says("nn.MixtureTable: weights of 1 or 2", nn.MixtureTable(), { torch.ones(1, 1, 1), {} })
  says("nn.MaskedSelect: a mask of 2 is wanted, got 3", nn.MaskedSelect(), { one, two })
  says("nn.Index: dimension 2", nn.Index(2), { one, torch.LongTensor { 1 } })
  says("nn.MM: .* are wanted, got 2x3 and 2x3", nn.MM(), { torch.ones(2, 3), torch.ones(2, 3) })
  says("nn.MV: .* are wanted, got 2x3 and 2", nn.MV(), { torch.ones(2, 3), one })
  says("nn.Concat: there is no module", nn.Concat(1), one)
  says("nn.MapTable: there is no module", nn.MapTable(), { one })
  says("nn.ParallelTable: a table of at least 1", nn.ParallelTable():add(nn.Tanh()), {})
  says("nn.Parallel: a module for each of 2 parts is wanted, got 1", nn.Parallel(1, 1):add(nn.Tanh()),
    torch.ones(2, 2))
  says("nn.Bottle: an output of 1 dimensions", nn.Bottle(nn.Linear(2, 2), 2, 1), torch.ones(3, 4, 2))
  says("nn.DepthConcat: outputs with equally many dimensions are wanted, got 2 and 1x2",
    nn.DepthConcat(1):add(nn.Identity()):add(nn.Reshape(1, 2, false)), one)
  says("nn.CAddTable: a table of .*\n  in Sequential%[2%]:ConcatTable%[1%]:CAddTable, given 2 float32$",
    nn.Sequential():add(nn.Identity()):add(nn.ConcatTable():add(nn.CAddTable())), one)
  tester:assertErrorPattern(function() nn.MapTable(nn.Tanh()):add(nn.Tanh()) end, "there is a module in it")
  tester:assertErrorPattern(function() nn.NarrowTable() end, "nn.NarrowTable: the place")
  tester:assertErrorPattern(function() nn.MV(1) end, "nn.MV: true or false is wanted")
  local unknown = nn.SelectTable(1)
  unknown.output = {}
  tester:assertErrorPattern(function() nn.DontCast(unknown, true) end, "nn.DontCast: the argument moduleType")
end

tester:add(tests)
tester:run()
