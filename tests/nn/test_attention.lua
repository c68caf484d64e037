-- test_attention: attention and transformers; cases/attention.lua.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"
local F = nn.functional

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/attention.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/attention.lua")

local function rand(...) return torch.randn(...):double() end

local function fails(pattern, f, ...)
  local ok, why = pcall(f, ...)
  tester:assert(not ok and tostring(why):find(pattern) ~= nil, ("%s: %s"):format(pattern, tostring(why)))
end

local function close(a, b, name, eps)
  tester:eq(a:detach():double(), b:detach():double(), eps or 1e-10, name)
end

-- ---- the function -------------------------------------------------------------------------------------

-- Attention by the definition, with operators that are tested elsewhere.
local function plainly(q, k, v, o)
  local scores = torch.matmul(q, k:transpose(-1, -2)) * (o.scale or 1 / math.sqrt(q:size(-1)))
  local seen = torch.ones(q:size(-2), k:size(-2)):double()
  if o.causal then seen = torch.tril(seen, o.offset or 0) end
  if o.mask and o.mask.dtype == "bool" then seen = torch.cmul(seen, o.mask:double()) end
  if o.mask and o.mask.dtype ~= "bool" then scores = scores + o.mask end
  local e = torch.cmul(torch.exp(scores), seen:expandAs(scores))
  return torch.matmul(torch.cdiv(e, torch.sum(e, -1, true):clamp(1e-300, math.huge)), v)
end

function tests.many_rows_and_keys()
  torch.manualSeed(3)
  local q, k, v = rand(2, 3, 150, 8), rand(2, 3, 170, 8), rand(2, 3, 170, 5)
  local flags = torch.rand(150, 170):gt(0.5)
  flags[7]:fill(false)
  for name, o in pairs { plain = {}, causal = { causal = true }, offset = { causal = true, offset = 20 },
    flags = { mask = flags }, both = { mask = flags, causal = true }, numbers = { mask = rand(3, 1, 170) },
    scale = { scale = 0.1 } } do
    local leaves, others = {}, {}
    for i, t in ipairs { q, k, v } do
      leaves[i], others[i] = t:clone():requireGrad(), t:clone():requireGrad()
    end
    local y = F.scaledDotProductAttention(leaves[1], leaves[2], leaves[3], o)
    local want = plainly(others[1], others[2], others[3], o)
    close(y, want, name)
    local weights = rand(table.unpack(y.shape))
    y:backward(weights)
    want:backward(weights)
    for i = 1, 3 do close(leaves[i].grad, others[i].grad, name .. ": gradient " .. i) end
    torch.noGrad(function()
      close(F.scaledDotProductAttention(q, k, v, o), want, name .. ", without a tape")
    end)
    for _, kind in ipairs { "float", "half" } do
      if not o.mask or o.mask.dtype == "bool" then
        local low = F.scaledDotProductAttention(q[kind](q), k[kind](k), v[kind](v), o)
        close(low, want, name .. ": " .. kind, kind == "float" and 1e-5 or 2e-2)
      end
    end
  end
end

function tests.queries_that_see_nothing()
  local q, k, v = rand(2, 3, 4), rand(2, 5, 4), rand(2, 5, 4)
  local never = torch.zeros(3, 5):gt(1)
  for _, mask in ipairs { never, torch.zeros(3, 5):double():fill(-math.huge) } do
    for _, weights in ipairs { false, true } do
      local x = q:clone():requireGrad()
      local y = F.scaledDotProductAttention(x, k, v, { mask = mask, weights = weights })
      y:sum():backward()
      tester:eq(y:detach(), torch.zeros(2, 3, 4):double(), 0)
      tester:eq(x.grad, torch.zeros(2, 3, 4):double(), 0)
    end
  end
  local none = F.scaledDotProductAttention(q, k:narrow(2, 1, 0), v:narrow(2, 1, 0))
  tester:eq(none, torch.zeros(2, 3, 4):double(), 0, "no keys")
  tester:eq(F.scaledDotProductAttention(q:narrow(2, 1, 0), k, v):nElement(), 0, "no queries")
  k[1][2][3] = 0 / 0
  tester:assert(F.scaledDotProductAttention(q, k, v)[1]:ne(F.scaledDotProductAttention(q, k, v)[1]):all(),
    "NaN comes out")
end

function tests.grouped_queries_are_repeated_keys()
  local q, k, v = rand(2, 6, 3, 4), rand(2, 2, 5, 4), rand(2, 2, 5, 4)
  local function repeated(t)
    return t:reshape(2, 2, 1, 5, 4):expand(2, 2, 3, 5, 4):reshape(2, 6, 5, 4)
  end
  local y, w = F.scaledDotProductAttention(q, k, v, { enableGqa = true, weights = true })
  local want, other = F.scaledDotProductAttention(q, repeated(k), repeated(v), { weights = true })
  close(y, want)
  close(w, other)
  close(F.scaledDotProductAttention(q, k, v, { enableGqa = true }), want)
end

function tests.dropout_drops_weights()
  torch.manualSeed(1)
  local q, k = torch.zeros(1, 2, 5, 4):double(), torch.zeros(1, 2, 1000, 4):double()
  local v = torch.ones(1, 2, 1000, 1):double()
  local before = F.scaledDotProductAttention(q, k, v, { dropout = 0.25 })
  tester:assert(before:min() > 0.9 and before:max() < 1.1 and before:std() > 0, "the mean stays")
  torch.manualSeed(1)
  local y, w = F.scaledDotProductAttention(q, k, v, { dropout = 0.25, weights = true })
  close(y, before, "the same numbers either way")
  local dropped = w:eq(0):sum() / w:nElement()
  tester:assert(math.abs(dropped - 0.25) < 0.02, "as many as asked for: " .. dropped)
  tester:assert(w[1][1]:ne(w[1][2]):any(), "other numbers for each head")
end

function tests.derivatives_of_derivatives()
  torch.manualSeed(5)
  local q, k, v = rand(1, 4, 3, 4), rand(1, 2, 5, 4), rand(1, 2, 5, 2)
  for name, o in pairs { plain = {}, causal = { causal = true, offset = 1 },
    mask = { mask = torch.rand(3, 5):gt(0.3) } } do
    o.enableGqa = true
    tester:assert(torch.gradcheck(function(a, b, c)
      return F.scaledDotProductAttention(a, b, c, o)
    end, { q, k, v }, { second = true }), name)
  end
end

-- Off by no more than a part of the largest element: sums of roundings of 8 or 11 bits.
function tests.half_types_are_near()
  torch.manualSeed(6)
  local inputs = { rand(2, 4, 37, 24), rand(2, 2, 70, 24), rand(2, 2, 70, 40) }
  local seen = torch.rand(37, 70):gt(0.3)
  local function run(kind, o)
    local leaves = {}
    for i, x in ipairs(inputs) do leaves[i] = x:bfloat16():half():to(kind):requireGrad() end
    local y = F.scaledDotProductAttention(leaves[1], leaves[2], leaves[3], o)
    y:sum():backward()
    return { y:detach(), leaves[1].grad, leaves[2].grad, leaves[3].grad }
  end
  for name, o in pairs { plain = {}, causal = { causal = true, offset = 33 }, mask = { mask = seen },
    numbers = { mask = rand(37, 70):float() } } do
    o.enableGqa = true
    local exact = { enableGqa = true, causal = o.causal, offset = o.offset,
      mask = o.mask and o.mask.dtype ~= "bool" and o.mask:double() or o.mask }
    local want = run("float64", exact)
    for kind, part in pairs { float16 = 2^-9, bfloat16 = 2^-6 } do
      for i, got in ipairs(run(kind, o)) do
        tester:eq(got.dtype, kind)
        local off = torch.abs(got:double() - want[i]):max() / torch.abs(want[i]):max()
        tester:assert(off < part, ("%s, %s, %d: off by %g"):format(name, kind, i, off))
      end
    end
  end
end

function tests.half_rows_may_begin_anywhere()
  torch.manualSeed(9)
  local q, k = rand(1, 2, 20, 9):bfloat16(), rand(1, 2, 70, 17):bfloat16()
  local function run(a, b, c)
    a, b, c = a:detach():requireGrad(), b:detach():requireGrad(), c:detach():requireGrad()
    local y = F.scaledDotProductAttention(a, b, c, { causal = true, offset = 7 })
    y:sum():backward()
    return { y:detach(), a.grad, b.grad, c.grad }
  end
  local parts = { q:narrow(4, 2, 8), k:narrow(4, 2, 8), k:narrow(4, 10, 8) }
  local got = run(parts[1], parts[2], parts[3])
  local want = run(parts[1]:clone(), parts[2]:clone(), parts[3]:clone())
  for i = 1, 4 do tester:eq(got[i]:float(), want[i]:float(), 0) end
end

function tests.half_types_have_second_derivatives()
  local q, k, v = rand(1, 2, 3, 8), rand(1, 2, 5, 8), rand(1, 2, 5, 8)
  local function run(kind)
    local x = q:half():to(kind):requireGrad()
    local y = F.scaledDotProductAttention(x, k:half():to(kind), v:half():to(kind))
    local g = torch.grad(torch.sum(y), x, nil, { createGraph = true })
    torch.sum(torch.cmul(g, g)):backward()
    return x.grad
  end
  close(run("float16"), run("float64"), nil, 1e-2)
end

function tests.a_mask_of_numbers_has_a_gradient()
  local q, k, v = rand(2, 3, 4), rand(2, 5, 4), rand(2, 5, 4)
  tester:assert(torch.gradcheck(function(mask)
    return F.scaledDotProductAttention(q, k, v, { mask = mask, causal = true, offset = 1 })
  end, { rand(3, 5) }))
end

function tests.wrong_arguments_of_the_function()
  local q, k = rand(2, 3, 4), rand(2, 5, 4)
  local sdpa = F.scaledDotProductAttention
  fails("last sizes differ", sdpa, q, rand(2, 5, 3), k)
  fails("not as many", sdpa, q, k, rand(2, 6, 4))
  fails("dimensions before the last two", sdpa, q, rand(5, 4), k)
  fails("fewer heads want enableGqa", sdpa, rand(4, 3, 4), k, k)
  fails("dimensions before the last two", sdpa, rand(3, 3, 4), k, k, { enableGqa = true })
  fails("float64, but a key is float32", sdpa, q, k:float(), k)
  fails("does not broadcast to 2x3x5", sdpa, q, k, k, { mask = rand(4, 5) })
  fails("does not broadcast to 2x3x5", sdpa, q, k, k, { mask = rand(2, 2, 3, 5) })
  fails("mask is int64", sdpa, q, k, k, { mask = torch.LongTensor(3, 5):zero() })
  fails("dropout 2 is outside", sdpa, q, k, k, { dropout = 2 })
  fails("offset %-1 is negative", sdpa, q, k, k, { offset = -1 })
  fails("no option 'cuasal'", sdpa, q, k, k, { cuasal = true })
  fails("wanted two dimensions", sdpa, rand(3), rand(3), rand(3))
  local long = torch.LongTensor(2, 2):zero()
  fails("float", sdpa, long, long, long)
  fails("dim is 3", F.rotary, rand(2, 3), 1, { dim = 3 })
  fails("positions of 2", F.rotary, rand(3, 4), torch.ones(2))
  fails("two dimensions", F.rotary, rand(4))
end

-- ---- sequences of different lengths ---------------------------------------------------------------------

-- Each sequence alone, with heads before rows; a causal one by a mask, as the last query sees all keys.
local function one_by_one(q, k, v, qs, ks, causal)
  local parts = {}
  for i = 1, #qs - 1 do
    local l, s = qs[i + 1] - qs[i], ks[i + 1] - ks[i]
    local function part(x, first, n) return x:narrow(1, first + 1, n):transpose(1, 2) end
    local mask = causal and torch.tril(torch.ones(l, s), s - l):gt(0) or nil
    local y = F.scaledDotProductAttention(part(q, qs[i], l), part(k, ks[i], s), part(v, ks[i], s),
      { mask = mask, enableGqa = true })
    parts[i] = y:transpose(1, 2)
  end
  return torch.cat(parts, 1)
end

local varlen_q, varlen_k = { 0, 3, 3, 73, 80, 81 }, { 0, 5, 9, 79, 79, 100 }

function tests.sequences_of_different_lengths()
  torch.manualSeed(7)
  local inputs = { rand(81, 4, 8), rand(100, 2, 8), rand(100, 2, 6) }
  local qs, ks = torch.IntTensor(varlen_q), torch.LongTensor(varlen_k)
  for _, causal in ipairs { false, true } do
    local function run(kind, f)
      local leaves = {}
      for i, x in ipairs(inputs) do leaves[i] = x:bfloat16():half():to(kind):requireGrad() end
      local y = f(leaves[1], leaves[2], leaves[3])
      torch.sum(torch.cmul(y, y)):backward()
      return { y:detach(), leaves[1].grad, leaves[2].grad, leaves[3].grad }
    end
    local want = run("float64", function(q, k, v) return one_by_one(q, k, v, varlen_q, varlen_k, causal) end)
    for kind, part in pairs { float64 = 1e-12, float32 = 1e-5, float16 = 2^-7, bfloat16 = 2^-5 } do
      local got = run(kind, function(q, k, v)
        return F.varlenAttn(q, k, v, qs, ks, 70, 70, { causal = causal })
      end)
      for i = 1, 4 do
        tester:eq(got[i].dtype, kind)
        local off = torch.abs(got[i]:double() - want[i]):max() / torch.abs(want[i]):max()
        tester:assert(off < part, ("%s, %d: off by %g"):format(kind, i, off))
      end
    end
  end
end

function tests.derivatives_of_sequences()
  torch.manualSeed(8)
  local bounds, others = torch.IntTensor { 0, 2, 5 }, torch.IntTensor { 0, 3, 5 }
  for _, causal in ipairs { false, true } do
    tester:assert(torch.gradcheck(function(q, k, v)
      return F.varlenAttn(q, k, v, bounds, others, nil, nil, { causal = causal })
    end, { rand(5, 4, 3), rand(5, 2, 3), rand(5, 2, 2) }, { second = true }))
  end
end

function tests.wrong_sequences()
  local x = rand(5, 2, 4)
  local function run(qs, ks, ...)
    return F.varlenAttn(x, x, x, torch.IntTensor(qs), torch.IntTensor(ks), ...)
  end
  fails("go from 0 to 4, wanted 0 to 5", run, { 0, 4 }, { 0, 5 })
  fails("sequence 2 has keys from 3 to 2", run, { 0, 2, 5 }, { 0, 3, 2 })
  fails("from 0 to 9, of 5", run, { 0, 9 }, { 0, 5 })
  fails("at most 3", run, { 0, 5 }, { 0, 5 }, 3)
  fails("2 bounds of queries and 3 of keys", run, { 0, 5 }, { 0, 2, 5 })
  fails("wanted int32 or int64", run, { 0 }, { 0 })
  fails("wanted int32 or int64", F.varlenAttn, x, x, x, torch.ones(2), torch.ones(2))
  local all = torch.IntTensor { 0, 5 }
  fails("rows x heads x size", F.varlenAttn, x, x, rand(4, 2, 4), all, all)
  fails("no option 'mask'", run, { 0, 5 }, { 0, 5 }, 5, 5, { mask = x })
end

-- ---- nn.MultiHeadAttention ----------------------------------------------------------------------------

function tests.weights_are_pytorchs()
  local values = walk.values()
  for _, name in ipairs { "mha weights", "mha each" } do
    local m = nn.MultiheadAttention(6, 3, { batchFirst = name == "mha weights" }):double()
    local state = {}
    for key, t in pairs(values) do
      local field = key:match("^" .. name .. "/state/(.*)")
      if field then state[field] = t end
    end
    m:loadStateDict(state)
    local x = {}
    for i = 1, 3 do x[i] = values[("%s/input%d"):format(name, i)] end
    local _, w = m(x[1], x[2], x[3], { averageWeights = name == "mha weights" })
    close(w, values[name .. "/output"], name)
    local y, none = m(x[1], x[2], x[3], { needWeights = false })
    tester:assert(none == nil)
    close(y, (m(x[1], x[2], x[3])), name .. ": with weights and without")
  end
end

function tests.inputs_in_three_ways()
  local m = nn.MultiHeadAttention(6, 3):double()
  local x = rand(4, 2, 6)
  close((m(x)), (m(x, x:clone(), x:clone())), "one tensor, or three")
  close((m(x, nil, nil, { causal = true })), m:forward { x, x, x, { causal = true } }, "or a table")
  tester:eq(m:forward(x):dim(), 3)
  m = nn.MultiHeadAttention(6, 3, { bias = false })
  tester:eq(#m:parameters(), 2)
  tester:eq(m.in_proj_weight:max() <= math.sqrt(6 / 24), true, "Glorot's bound")
end

-- Step by step through a cache is the whole sequence.
local function stepwise(name, whole, step, length)
  for i = 1, length do close(step(i), whole:narrow(2, i, 1), ("%s, step %d"):format(name, i)) end
end

function tests.steps_through_a_cache_are_the_whole()
  local function each(name, opts)
    opts.batchFirst = true
    local m = nn.MultiHeadAttention(8, 4, opts):double()
    local x = rand(2, 9, 8)
    local whole = m(x, nil, nil, { causal = true })
    for _, cache in ipairs { nn.KeyValueCache(2, 9), nn.KeyValueCache() } do
      stepwise(name, whole, function(i)
        return (m(x:narrow(2, i, 1), nil, nil, { cache = cache, causal = true, needWeights = i % 2 == 0 }))
      end, 9)
      cache:truncate(3)
      local rest = m(x:narrow(2, 4, 6), nil, nil, { cache = cache, causal = true })
      close(rest, whole:narrow(2, 4, 6), name .. ", many")
      tester:eq(cache.length, 9)
    end
  end
  each("plain", {})
  each("grouped", { kvHeads = 2 })
  each("rotary", { kvHeads = 1, rotary = nn.RotaryEmbedding(2, { maxLength = 2 }) })
end

function tests.layers_through_a_cache()
  local opts = { dimFeedforward = 5, batchFirst = true, normFirst = true }
  local x, memory = rand(2, 6, 8), rand(2, 4, 8)
  local encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, opts), 2, nn.LayerNorm(8)):double()
  encoder:evaluate()
  local cache = {}
  stepwise("encoder", encoder(x, { causal = true }), function(i)
    return encoder(x:narrow(2, i, 1), { causal = true, cache = cache })
  end, 6)
  tester:eq(cache[2].length, 6)
  local decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, opts), 2):double()
  decoder:evaluate()
  cache = {}
  stepwise("decoder", decoder(x, memory, { causal = true }), function(i)
    return decoder(x:narrow(2, i, 1), memory, { causal = true, cache = cache })
  end, 6)
  tester:eq(cache[1].memory.length, 4)
end

function tests.a_cache_writes_in_place()
  local cache = nn.KeyValueCache(1, 4)
  local k = cache:append(rand(1, 2, 1, 3), rand(1, 2, 1, 3))
  local longer = cache:append(rand(1, 2, 2, 3), rand(1, 2, 2, 3))
  tester:eq(torch.pointer(k:storage()), torch.pointer(longer:storage()))
  fails("room for 4", cache.append, cache, rand(1, 2, 2, 3), rand(1, 2, 2, 3))
  fails("for 1 sequences", cache.append, cache, rand(2, 2, 1, 3), rand(2, 2, 1, 3))
  fails("holds keys of", cache.append, cache, rand(1, 2, 1, 5), rand(1, 2, 1, 5))
  fails("truncate to 7", cache.truncate, cache, 7)
end

function tests.masks_of_two_kinds()
  local m = nn.MultiHeadAttention(6, 3):double()
  local x, memory = rand(4, 2, 6), rand(5, 2, 6)
  local flags, padding = torch.rand(4, 5):gt(0.6), torch.zeros(2, 5):gt(1)
  padding[2][5] = true
  local function numbers(t) return torch.zeros(table.unpack(t.shape)):double():maskedFill(t, -math.huge) end
  local want = m(x, memory, memory, { attnMask = flags, keyPaddingMask = padding })
  for name, o in pairs { numbers = { numbers(flags), padding }, flags = { flags, numbers(padding) },
    both = { numbers(flags), numbers(padding) },
    each = { flags:reshape(1, 4, 5):expand(6, 4, 5), padding } } do
    close((m(x, memory, memory, { attnMask = o[1], keyPaddingMask = o[2] })), want, name)
  end
end

function tests.wrong_arguments_of_attention()
  local m = nn.MultiHeadAttention(6, 3)
  fails("do not divide", nn.MultiHeadAttention, 6, 4)
  fails("kvHeads 2 does not divide", nn.MultiHeadAttention, 6, 3, { kvHeads = 2 })
  fails("no option 'batch_first'", nn.MultiHeadAttention, 6, 3, { batch_first = true })
  fails("dropout is 1", nn.MultiHeadAttention, 6, 3, { dropout = 1 })
  fails("no option 'mask'", m, torch.zeros(2, 1, 6), nil, nil, { mask = 1 })
  fails("wanted the last size 6", m, torch.zeros(2, 1, 5))
  fails("dimensions", m, torch.zeros(2, 1, 2, 6))
  fails("attnMask is of 2x3", m, torch.zeros(2, 1, 6), nil, nil, { attnMask = torch.zeros(2, 3) })
  fails("keyPaddingMask is of 1x3", m, torch.zeros(2, 1, 6), nil, nil, { keyPaddingMask = torch.zeros(1, 3) })
  fails("inputs of", m, torch.zeros(2, 1, 6), torch.zeros(2, 6))
end

-- ---- layers -------------------------------------------------------------------------------------------

function tests.names_of_the_state_are_pytorchs()
  local state = nn.Transformer({ dModel = 4, nhead = 2, numEncoderLayers = 2, numDecoderLayers = 1,
    dimFeedforward = 3 }):stateDict()
  for _, name in ipairs { "encoder.layers.1.self_attn.in_proj_weight", "encoder.norm.bias",
    "decoder.layers.0.multihead_attn.out_proj.bias", "decoder.layers.0.norm3.weight",
    "encoder.layers.0.linear2.weight" } do
    tester:assert(state[name] ~= nil, name)
  end
end

function tests.layers_of_other_kinds()
  local x = rand(3, 2, 4)
  for _, act in ipairs { "relu", torch.tanh, nn.SiLU() } do
    local m = nn.TransformerEncoderLayer(4, 2, { dimFeedforward = 5, activation = act, kvHeads = 1 }):double()
    tester:ne(m(x), m(x), 0, "dropout in training")
    m:evaluate()
    tester:eq(m(x):detach(), m(x):detach(), 0)
  end
  fails("activation is sin", nn.TransformerEncoderLayer, 4, 2, { activation = "sin" })
  fails("no option 'dim'", nn.TransformerEncoderLayer, 4, 2, { dim = 1 })
  fails("wanted an nn.TransformerEncoderLayer", nn.TransformerEncoder, nn.Linear(2, 2), 2)
  fails("no option 'srcmask'", nn.TransformerEncoderLayer(4, 2), torch.zeros(3, 1, 4), { srcmask = 1 })
  local mask = nn.Transformer.generateSquareSubsequentMask(4)
  local m = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, { dropout = 0 }), 2)
  local y = torch.randn(4, 1, 4)
  close(m(y, { mask = mask }), m(y, { causal = true }), "the mask is causal", 1e-6)
end

-- ---- positions ----------------------------------------------------------------------------------------

function tests.positions_go_on()
  local x = rand(2, 7, 4)
  for _, m in ipairs { nn.RotaryEmbedding(4), nn.RotaryEmbedding(2, { interleaved = true }),
    nn.SinusoidalPositions(4, { batchFirst = true }), nn.LearnedPositions(9, 4, { batchFirst = true }) } do
    m:double()
    close(m(x:narrow(2, 3, 5), 3), m(x):narrow(2, 3, 5), torch.typename(m))
  end
  close(F.rotary(x, torch.range(1, 7)), nn.RotaryEmbedding(4)(x), "given one by one")
  fails("position 10 is beyond", nn.LearnedPositions(9, 4), torch.zeros(3, 4), 8)
  fails("rows of 4", nn.SinusoidalPositions(4), torch.zeros(3, 5))
  fails("even", nn.RotaryEmbedding, 3)
end

function tests.rotary_products_depend_on_the_distance()
  local q, k = rand(1, 4), rand(1, 4)
  local function product(i, j) return torch.cmul(F.rotary(q, i), F.rotary(k, j)):sum() end
  tester:assert(math.abs(product(3, 1) - product(8, 6)) < 1e-12)
  tester:assert(math.abs(product(3, 1) - product(3, 2)) > 1e-6)
end

function tests.alibi_slopes()
  local bias = F.alibi(6, 2, 3)
  local slopes = torch.Tensor { 2 ^ -2, 2 ^ -4, 2 ^ -6, 2 ^ -8, 2 ^ -1, 2 ^ -3 }
  tester:eq(torch.neg(bias:select(2, 1):select(2, 2)), slopes, 1e-7)
  tester:eq(F.alibi(8, 1, nil, 4)[1][1]:sum(), -5, "one query after four keys")
  fails("a size of 0", F.alibi, 0, 2)
end

-- ---- containers ---------------------------------------------------------------------------------------

function tests.module_list()
  local list = nn.ModuleList { nn.Linear(2, 3), nn.Tanh() }
  list[2] = nn.ReLU()
  list:insert(1, nn.Linear(4, 4)):extend { nn.Tanh() }
  tester:eq(#list, 4)
  tester:eq(torch.typename(list[3]), "nn.ReLU")
  tester:assert(list[5] == nil)
  local copy = list:clone()
  tester:eq(copy:stateDict()["1.weight"], list:stateDict()["1.weight"], 0)
  fails("does not run", list, torch.zeros(2))
  fails("gets a number", function() list[1] = 3 end)
  fails("no place 9", list.insert, list, 9, nn.Tanh())
  fails("a module is wanted", nn.ModuleList, { 3 })
end

function tests.module_dict()
  local dict = nn.ModuleTable { { "b", nn.Linear(2, 3) }, { "a", nn.Tanh() } }
  tester:eq(table.concat(dict:keys(), " "), "b a")
  tester:eq(torch.typename(dict.b), "nn.Linear")
  local copy = dict:clone()
  tester:eq(copy:stateDict()["b.weight"], dict:stateDict()["b.weight"], 0)
  dict:set("b", nn.ReLU())
  tester:eq(torch.typename(dict:remove("b")) .. #dict, "nn.ReLU1")
  tester:eq(#dict:replace(function(m) return m end), 1)
  fails('"weight.x" cannot', dict.set, dict, "weight.x", nn.Tanh())
  fails('"apply" cannot', dict.set, dict, "apply", nn.Tanh())
  fails("wanted a module", dict.set, dict, "c", 3)
  fails("wants a name", dict.add, dict, nn.Tanh())
  fails("does not run", dict, torch.zeros(2))
end

tester:add(tests):run()
