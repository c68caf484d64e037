-- indexed: layers of class numbers, of keys and values, and odd ones.
local torch = require "torch"
local nn = require "nn"

local function long(t) return torch.LongTensor(t) end
local function from_one(...)
  local list = { ... }
  for i, t in ipairs(list) do list[i] = t.dtype == "int64" and t + 1 or t end
  return table.unpack(list)
end

local function places() return long { { 2, 5, 2 }, { 1, 6, 4 } } end
local function row() return { long { 2, 5, 2, 1, 6, 4, 3 }, long { 1, 4, 4, 6 } } end

-- Rows of a weight.
local function taken(m, x) return torch.index(m.weight:detach(), 1, x:view(-1)):view(2, 3, -1) end

local cases = {
  { "LookupTable", make = function() return nn.LookupTable(6, 3) end, input = places, expect = taken },
  -- Padding and frequency change the gradient, which golden values and test_indexed.lua check.
  { "LookupTable with padding", make = function() return nn.LookupTable(6, 3, 2) end, input = places,
    expect = taken, check = false },
  { "LookupTable by frequency", make = function() return nn.LookupTable(6, 3):scaleGradByFreq() end,
    input = places, expect = taken, check = false },
  { "Embedding", make = function() return nn.Embedding(6, 3) end, input = places, expect = taken,
    golden = "embedding", translate = from_one },
  { "Embedding with padding", make = function() return nn.Embedding(6, 3, { paddingIdx = 2 }) end,
    input = places, golden = "embedding padding", translate = from_one, check = false },
  { "Embedding by frequency", make = function()
    return nn.Embedding(6, 3, { paddingIdx = 1, scaleGradByFreq = true })
  end, input = places, golden = "embedding frequency", translate = from_one, check = false },
  { "Embedding of one", make = function() return nn.Embedding(6, 3) end,
    input = function() return long { 3 } end, golden = "embedding one", translate = from_one },
  { "EmbeddingBag weighted", make = function() return nn.EmbeddingBag(6, 3, { mode = "sum" }) end,
    input = function()
      local x = row()
      x[3] = torch.randn(7):double()
      return x
    end, golden = "bag weighted", translate = from_one },
  { "PartialLinear", make = function()
    local m = nn.PartialLinear(4, 6)
    m:setPartition(long { 5, 2, 2 })
    return m
  end, input = { 3, 4 }, expect = function(m, x)
    local weight = m.network:get(1):get(2).weight:detach()
    local bias = torch.index(m.bias:detach(), 2, m.partition)
    return x * torch.index(weight, 1, m.partition):t() + bias:expand(3, 3)
  end },
  { "PartialLinear without bias", make = function() return nn.PartialLinear(4, 2, false) end,
    input = { 3, 4 } },
  { "Maxout", make = function() return nn.Maxout(4, 3, 2) end, input = { 5, 4 }, expect = function(m, x)
    return (m:get(1)(x):detach():view(5, 2, 3):max(2)):view(5, 3)
  end },
  { "Maxout with a module between", make = function() return nn.Maxout(4, 3, 2, nn.Tanh()) end,
    input = { 5, 4 } },
  { "Convert to features", make = function() return nn.Convert("bchw", "bf") end, input = { 2, 3, 2, 2 },
    expect = function(_, x) return x:view(2, 12) end },
  { "Convert of hwcb", make = function() return nn.Convert("hwcb", "bf") end, input = { 2, 3, 2, 4 },
    expect = function(_, x) return x:transpose(1, 4):contiguous():view(4, 12) end },
  { "Convert transposed", make = function() return nn.Convert("bchw", "hbwc") end, input = { 2, 3, 4, 5 },
    expect = function(_, x) return x:permute(3, 1, 4, 2) end },
  { "Convert without a batch", make = function() return nn.Convert("chw", "hwc") end, input = { 2, 3, 4 },
    expect = function(_, x) return x:permute(2, 3, 1) end },
  { "Convert to b", make = function() return nn.Convert("bt", "b") end, input = { 4, 3 },
    expect = function(_, x) return x:select(2, 1) end },
  { "Convert of fb to b", make = function() return nn.Convert("fb", "b") end, input = { 1, 3 },
    expect = function(_, x) return x:select(1, 1) end },
  { "Convert to bt", make = function() return nn.Convert("b", "bt") end, input = { 3 },
    expect = function(_, x) return x:view(3, 1) end },
  { "Convert of nothing", make = function() return nn.Convert() end, input = { 3, 2 },
    expect = function(_, x) return x end },
  { "NaN", make = function() return nn.NaN(nn.Linear(4, 3), 7) end, input = { 2, 4 },
    expect = function(m, x) return m:get(1)(x) end },
  { "Profile", make = function() return nn.Profile(nn.Linear(4, 3), 1000) end, input = { 2, 4 },
    expect = function(m, x) return m:get(1)(x) end },
  { "GPU", make = function() return nn.GPU(nn.Linear(4, 3), 1) end, input = { 2, 4 },
    expect = function(m, x) return m:get(1)(x) end },
  { "SparseLinear", make = function() return nn.SparseLinear(6, 3) end, input = function()
    return torch.Tensor { { 2, 0.5 }, { 6, -1 }, { 2, 0.25 } }:double()
  end, expect = function(m) return m.weight[{ {}, 2 }] * 0.75 - m.weight[{ {}, 6 }] + m.bias end,
    check = false },  -- the input gets none; test_indexed.lua compares with nn.Linear
}

for _, mode in ipairs { "sum", "mean", "max" } do
  local function bag(o)
    return function()
      local opts = { mode = mode }
      for k, v in pairs(o or {}) do opts[k] = v end
      return nn.EmbeddingBag(6, 3, opts)
    end
  end
  local function add(name, o, input, golden)
    cases[#cases + 1] = { ("EmbeddingBag %s %s"):format(mode, name), make = bag(o), input = input,
      golden = ("%s %s"):format(golden, mode), translate = from_one }
  end
  add("of a matrix", nil, places, "bag")
  add("of a row", nil, row, "bag row")
  add("with padding", { paddingIdx = 2 }, row, "bag padding")
  add("with the last", { includeLastOffset = true }, function()
    return { long { 2, 5, 2, 1, 6, 4, 3 }, long { 1, 3, 7, 8 } }
  end, "bag last")
end

return cases
