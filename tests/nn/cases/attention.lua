-- attention: attention and transformers.
local torch = require "torch"
local nn = require "nn"

-- The masks of golden/attention.py.
local function filled(l, s, rule)
  local t = torch.DoubleTensor(l, s)
  for i = 1, l do
    for j = 1, s do t[i][j] = rule(i - 1, j - 1) end
  end
  return t
end
local function forbidden(l, s)
  return filled(l, s, function(i, j) return (3 * i + 2 * j) % 5 == 0 and i ~= j and 1 or 0 end):gt(0.5)
end
local function added(l, s) return filled(l, s, function(i, j) return ((7 * i + 3 * j) % 5) / 2 end) end
local function padding(batch, s)
  return filled(batch, s, function(b, j) return b % 2 == 1 and j >= s - 2 and 1 or 0 end):gt(0.5)
end

local function rand(...) return torch.randn(...):double() end

-- A module that calls a function of nn.functional.
local Calls, parent = torch.class("nn.TestAttentionCall", "nn.Module", {})
function Calls:__init(opts)
  parent.__init(self)
  self.opts = {}
  for name, v in pairs(opts) do self.opts[name] = v end -- own ones: masks move along
end
function Calls:updateOutput(x, ...)
  local q, k, v = nn._arguments.inputs(x, ...)
  return nn.functional.scaledDotProductAttention(q, k, v, self.opts)
end

local function three(...)
  local shapes = { ... }
  return function()
    local list = {}
    for i, shape in ipairs(shapes) do list[i] = rand(table.unpack(shape)) end
    return list
  end
end

local list = {}
local function add(case) list[#list + 1] = case end

for name, opts in pairs {
  sdpa = {}, ["sdpa causal"] = { causal = true },
  ["sdpa mask"] = { mask = torch.logicalNot(forbidden(4, 5)) },
  ["sdpa added"] = { mask = added(4, 5) }, ["sdpa scale"] = { scale = 0.7 },
} do
  add { name, golden = name, make = function() return Calls.new(opts) end,
    input = three({ 2, 3, 4, 6 }, { 2, 3, 5, 6 }, { 2, 3, 5, 2 }) }
end
table.sort(list, function(a, b) return a[1] < b[1] end)
add { "sdpa grouped", golden = "sdpa grouped", make = function() return Calls.new { enableGqa = true } end,
  input = three({ 2, 4, 3, 6 }, { 2, 2, 5, 6 }, { 2, 2, 5, 6 }) }
add { "sdpa dropout", make = function() return Calls.new { dropout = 0.4, causal = true } end,
  input = three({ 2, 1, 3, 6 }, { 2, 1, 5, 6 }, { 2, 1, 5, 6 }) }

-- ---- nn.MultiHeadAttention ---------------------------------------------------------------------------

-- Inputs of l queries and s keys of size e.
local function cross(l, s, e, first)
  if first then return three({ 2, l, e }, { 2, s, e }, { 2, s, e }) end
  return three({ l, 2, e }, { s, 2, e }, { s, 2, e })
end

-- `call`: the options of a call for l queries, s keys and heads, which PyTorch's inputs go without.
local function attention(name, opts, keys, call, more, apart)
  local function case(e, heads, l, s)
    local own = call and call(l, s, heads)
    return { name, golden = name, make = function()
      local m = nn.MultiHeadAttention(e, heads, opts)
      if more then more(m) end
      return m
    end, input = function()
      local x = cross(l, s, e, opts.batchFirst)()
      x[4] = own
      return x
    end, translate = own and function(q, k, v) return q, k, v, own end }
  end
  local whole = case(6, 3, 4, keys)
  whole.small, whole.apart = case(4, 2, 2, keys - 2), apart
  add(whole)
end

local function of_sizes(name, opts, ...)
  local function make() return nn.MultiHeadAttention(6, 3, opts) end
  add { name, golden = name, make = make, input = three(...) }
end

attention("mha self", {}, 4)
attention("mha first", { batchFirst = true }, 5)
attention("mha plain", { bias = false }, 5)
of_sizes("mha sizes", { kdim = 3, vdim = 5 }, { 4, 2, 6 }, { 5, 2, 3 }, { 5, 2, 5 })
of_sizes("mha single", {}, { 4, 6 }, { 5, 6 }, { 5, 6 })
attention("mha masked", {}, 5, function(l, s)
  return { attnMask = forbidden(l, s), keyPaddingMask = padding(2, s) }
end)
attention("mha padded", {}, 5, function(_, s)
  return { keyPaddingMask = padding(2, s), needWeights = false }
end)
attention("mha added", {}, 5, function(l, s, heads)
  local mask = torch.expand(added(l, s):reshape(1, l, s), 2 * heads, l, s):clone()
  return { attnMask = mask, needWeights = false }
end, nil, 1e-15) -- forward computes a gradient of the mask too, in another way on a GPU
attention("mha causal", { dropout = 0.4 }, 4, function() return { causal = true, needWeights = false } end,
  function(m) m:evaluate() end)
add { "mha of itself", make = function()
  return nn.MultiHeadAttention(8, 4, { kvHeads = 2, rotary = nn.RotaryEmbedding(2) })
end, input = { 3, 2, 8 } }
add { "mha with dropout", make = function() return nn.MultiHeadAttention(4, 2, { dropout = 0.3 }) end,
  input = { 3, 2, 4 } }

-- ---- layers --------------------------------------------------------------------------------------------

for _, normFirst in ipairs { false, true } do
  for _, batchFirst in ipairs { false, true } do
    local tail = (normFirst and " norm" or "") .. (batchFirst and " batch" or "")
    local function shape(l, size) return table.unpack(batchFirst and { 2, l, size } or { l, 2, size }) end
    local function options(width)
      return { dimFeedforward = width, dropout = 0, normFirst = normFirst, batchFirst = batchFirst }
    end
    local function encoder(size, width, l)
      local masks = { srcMask = forbidden(l, l), srcKeyPaddingMask = padding(2, l) }
      return { "encoder layer" .. tail, golden = "encoder layer" .. tail, make = function()
        local opts = options(width)
        opts.activation = "gelu"
        return nn.TransformerEncoderLayer(size, 2, opts)
      end, input = function() return { rand(shape(l, size)), masks } end,
        translate = function(x) return x, masks end }
    end
    local case = encoder(6, 5, 4)
    case.small = encoder(4, 3, 3)
    add(case)
    local function decoder(size, width, l)
      local masks = { causal = true, memoryKeyPaddingMask = padding(2, 3) }
      return { "decoder layer" .. tail, golden = "decoder layer" .. tail, make = function()
        return nn.TransformerDecoderLayer(size, 2, options(width))
      end, input = function() return { rand(shape(l, size)), rand(shape(3, size)), masks } end,
        translate = function(x, memory) return x, memory, masks end, second = not normFirst }
    end
    case = decoder(6, 5, 4)
    case.small = decoder(4, 3, 2)
    add(case)
  end
end
add { "encoder layer plain", golden = "encoder layer plain", make = function()
  local m = nn.TransformerEncoderLayer(6, 2, { dimFeedforward = 5, dropout = 0.3, layerNormEps = 1e-3,
    bias = false })
  m:evaluate()
  return m
end, input = { 4, 2, 6 } }

local small = { dimFeedforward = 5, dropout = 0 }
add { "encoder", golden = "encoder", make = function()
  return nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, small), 2, nn.LayerNorm(4))
end, input = function() return { rand(3, 2, 4), { causal = true } } end,
  translate = function(x) return x, { causal = true } end, second = false } -- the layers have it
add { "decoder", golden = "decoder", make = function()
  return nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2,
    { dimFeedforward = 5, dropout = 0, batchFirst = true }), 2)
end, input = function() return { rand(2, 3, 4), rand(2, 2, 4) } end, second = false }
local masks = { tgtCausal = true, srcKeyPaddingMask = padding(2, 4), memoryKeyPaddingMask = padding(2, 4) }
add { "transformer", golden = "transformer", make = function()
  return nn.Transformer { dModel = 4, nhead = 2, numEncoderLayers = 1, numDecoderLayers = 1,
    dimFeedforward = 5, dropout = 0 }
end, input = function() return { rand(4, 2, 4), rand(3, 2, 4), masks } end,
  translate = function(src, tgt) return src, tgt, masks end, second = false }

-- ---- positions -----------------------------------------------------------------------------------------

-- Turns pairs by plain arithmetic; at(i) gives the places of pair i, from 0.
local function turned(x, dim, base, at)
  local y = x:clone()
  for p = 1, x:size(2) do
    for i = 0, dim / 2 - 1 do
      local angle, a, b = (p - 1) * base ^ (-2 * i / dim), at(i)
      for n = 1, x:size(1) do
        y[n][p][a] = x[n][p][a] * math.cos(angle) - x[n][p][b] * math.sin(angle)
        y[n][p][b] = x[n][p][a] * math.sin(angle) + x[n][p][b] * math.cos(angle)
      end
    end
  end
  return y
end

add { "RotaryEmbedding", make = function() return nn.RotaryEmbedding(6, { maxLength = 2 }) end,
  input = { 2, 5, 6 },
  expect = function(_, x) return turned(x, 6, 10000, function(i) return i + 1, i + 4 end) end }
add { "RotaryEmbedding interleaved", make = function()
  return nn.RotaryEmbedding(4, { interleaved = true, base = 100 })
end, input = { 2, 5, 7 },
  expect = function(_, x) return turned(x, 4, 100, function(i) return 2 * i + 1, 2 * i + 2 end) end }
add { "SinusoidalPositions", make = function() return nn.SinusoidalPositions(4) end, input = { 3, 2, 4 },
  expect = function(_, x)
    local y = x:clone()
    for p = 1, 3 do
      for i = 0, 1 do
        local angle = (p - 1) / 10000 ^ (2 * i / 4)
        for n = 1, 2 do
          y[p][n][2 * i + 1] = y[p][n][2 * i + 1] + math.sin(angle)
          y[p][n][2 * i + 2] = y[p][n][2 * i + 2] + math.cos(angle)
        end
      end
    end
    return y
  end }
add { "LearnedPositions", make = function() return nn.LearnedPositions(5, 4, { batchFirst = true }) end,
  input = { 2, 3, 4 },
  expect = function(m, x)
    return x + m.weight:detach():narrow(1, 1, 3):reshape(1, 3, 4):expandAs(x)
  end }

return list
