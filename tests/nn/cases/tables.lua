-- tables: containers and layers of tables.
local torch = require "torch"
local nn = require "nn"

local function rand(...) return torch.randn(...):double() end
local function pair(...)
  local sizes = { ... }
  return function() return { rand(table.unpack(sizes)), rand(table.unpack(sizes)) } end
end
local function linear(a, b) return nn.Linear(a, b) end

return {
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
