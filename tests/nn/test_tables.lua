-- test_tables: containers and layers of tables: cases/tables.lua, and their particulars, text, mistakes.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- The names of types, which differ on other devices.
local FLOAT, DOUBLE = torch.FloatTensor():type(), torch.DoubleTensor():type()

walk.modules(tester, tests, dofile "tests/nn/cases/tables.lua")

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
  tester:eq(inner.weight:type(), FLOAT)
  tester:eq(m:get(1):type(), DOUBLE)
  local x = torch.randn(4, 3):double()
  local y = m:forward(x)
  tester:eq(y:type(), DOUBLE)
  tester:eq(y, torch.tanh(inner(x:float())):detach():double(), 1e-6)
  m:zeroGradParameters()
  tester:eq(m:backward(x, torch.ones(4, 2):double()):type(), DOUBLE)
  tester:assert(inner.gradWeight:norm() > 0)
  local plain = nn.DontCast(nn.Linear(3, 2)):double()
  tester:eq(plain:forward(torch.ones(3)):type(), FLOAT)
  tester:eq(nn.DontCast(nn.Linear(3, 2), false, true):double():forward(torch.ones(3)):type(), DOUBLE)
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
    says("nn." .. class .. ": a table of .* entries is wanted, got a " .. FLOAT, m, one)
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
