-- sequences.lua: models of text and trees from elementary operators: train.char_lstm_unfused,
-- train.gpt_mini_b8, train.treelstm_16x20, infer.gpt_generate64_b1 and their memory.*.

local torch = require "torch"
local optim = require "optim"
local F = require "nn.functional"
local numbers = require "bench_workloads.numbers"
local trainer = require("bench_workloads.training").trainer

local I = numbers.I
local linear, sigmoid, tanh, cmul = F.linear, torch.sigmoid, torch.tanh, torch.cmul

-- A list of parameters that grows: p(sizes..) gives the next one; ready() gives them their first values.
-- They are on the device from then on.
local function parameters()
  local list, gains = {}, {}
  local function ready()
    numbers.init(list)
    for _, g in ipairs(gains) do g:fill(1) end
    for _, p in ipairs(list) do
      p:set(numbers.on_device(p)):requireGrad()
    end
    return list
  end
  local function new(...)
    local p = torch.FloatTensor(...)
    list[#list + 1] = p
    return p
  end
  local function gain(n)
    local p = new(n)
    gains[#gains + 1] = p
    return p
  end
  return new, ready, gain
end

-- ---- a character LSTM, step by step -------------------------------------------------------------

-- T steps of B lines, H units in each of two layers, V characters.
local function char_lstm(T, B, H, V)
  local new, ready = parameters()
  local emb, layers = new(V, H), {}
  for k = 1, 2 do layers[k] = { w = new(4 * H, H), wb = new(4 * H), r = new(4 * H, H), rb = new(4 * H) } end
  local out, outb = new(V, H), new(V)
  local optimizer = optim.RMSprop(ready(), { lr = 2e-3, alpha = 0.95 })
  local ids, targets = I(1, V, T * B), I(2, V, T * B)

  local function cell(layer, x, h, c)
    local gates = linear(x, layer.w, layer.wb) + linear(h, layer.r, layer.rb)
    local i, f, g, o = table.unpack(gates:chunk(4, 2))
    c = cmul(sigmoid(f), c) + cmul(sigmoid(i), tanh(g))
    return cmul(sigmoid(o), tanh(c)), c
  end

  local function forward(characters)
    local xs = emb:index(1, characters):view(T, B, H)
    local h, c, outs = {}, {}, {}
    for k = 1, #layers do h[k], c[k] = numbers.zeros(B, H), numbers.zeros(B, H) end
    for t = 1, T do
      local x = xs[t]
      for k, layer in ipairs(layers) do
        x, c[k] = cell(layer, x, h[k], c[k])
        h[k] = x
      end
      outs[t] = x
    end
    return linear(torch.stack(outs):view(T * B, H), out, outb)
  end

  return trainer(forward, F.crossEntropy, ids, targets, optimizer)
end

-- ---- GPT-mini -----------------------------------------------------------------------------------

local D, HEADS, CONTEXT, V, LAYERS = 256, 8, 128, 256, 4

-- The parameters and forward(ids, start, cache): ids is batch x length.
local function gpt()
  local new, ready, gain = parameters()
  local tok, pos, blocks = new(V, D), new(CONTEXT, D), {}
  for n = 1, LAYERS do
    blocks[n] = { g1 = gain(D), b1 = new(D), qkv = new(3 * D, D), qkvb = new(3 * D), proj = new(D, D),
      projb = new(D), g2 = gain(D), b2 = new(D), fc1 = new(4 * D, D), fc1b = new(4 * D),
      fc2 = new(D, 4 * D), fc2b = new(D) }
  end
  local g, b, head = gain(D), new(D), new(V, D)

  local function attend(q, k, v)
    return F.scaledDotProductAttention(q, k, v, { causal = q:size(3) > 1 })
  end

  local function forward(ids, start, cache)
    local n, t = ids:size(1), ids:size(2)
    local x = tok:index(1, ids:view(n * t)):view(n, t, D) + pos:narrow(1, start, t)
    for at, m in ipairs(blocks) do
      local parts = linear(F.layerNorm(x, D, m.g1, m.b1), m.qkv, m.qkvb):chunk(3, 3)
      for i, part in ipairs(parts) do parts[i] = part:view(n, t, HEADS, D // HEADS):transpose(2, 3) end
      local q, k, v = table.unpack(parts)
      if cache then
        cache[at].k:narrow(3, start, t):copy(k)
        cache[at].v:narrow(3, start, t):copy(v)
        k, v = cache[at].k:narrow(3, 1, start + t - 1), cache[at].v:narrow(3, 1, start + t - 1)
      end
      local y = torch.reshape(attend(q, k, v):transpose(2, 3), n, t, D)
      x = x + linear(y, m.proj, m.projb)
      y = linear(F.layerNorm(x, D, m.g2, m.b2), m.fc1, m.fc1b)
      x = x + linear(torch.gelu(y), m.fc2, m.fc2b)
    end
    return linear(F.layerNorm(x, D, g, b), head)
  end
  return ready(), forward
end

local function train_gpt()
  local params, forward = gpt()
  local ids, targets = I(1, V, 8, 128), I(2, V, 8 * 128)
  local optimizer = optim.AdamW(params, { lr = 3e-4, betas = { 0.9, 0.95 }, weightDecay = 0.1 })
  local function scores(x) return forward(x, 1):view(8 * 128, V) end
  return trainer(scores, F.crossEntropy, ids, targets, optimizer)
end

-- 64 tokens, each the likeliest after those before it.
local function generate()
  local _, forward = gpt()
  local prompt, cache = I(1, V, 1, 16), {}
  for n = 1, LAYERS do
    local function room() return numbers.zeros(1, HEADS, CONTEXT, D // HEADS) end
    cache[n] = { k = room(), v = room() }
  end
  local function tokens()
    local ids, start, made = prompt, 1, {}
    for i = 1, 64 do
      local logits = forward(ids, start, cache)
      start = start + ids:size(2)
      made[i] = logits[1][ids:size(2)]:argmax()
      ids = numbers.on_device(torch.LongTensor { { made[i] } })
    end
    return torch.LongTensor(made)
  end
  return function() return torch.noGrad(tokens) end
end

-- ---- a child-sum TreeLSTM: another graph for every tree -----------------------------------------

-- Leaves 1 .. n; as long as there are two, a neighbouring pair becomes one.
local function random_tree(n, u)
  local nodes = {}
  for i = 1, n do nodes[i] = i end
  for j = 1, n - 1 do
    local k = math.floor(u[j] * (#nodes - 1)) + 1
    nodes[k] = { nodes[k], table.remove(nodes, k + 1) }
  end
  return nodes[1]
end

-- So many trees of so many leaves; H units, and words as vectors of so many numbers.
local function tree_lstm(count, leaves, H, width)
  local new, ready = parameters()
  local emb, wx, b = new(1000, width), new(3 * H, width), new(3 * H)
  local uh, uf, ufb, out, outb = new(3 * H, H), new(H, H), new(H), new(5, H), new(5)
  local optimizer = optim.Adagrad(ready(), { lr = 0.05 })

  local function node(tree, xs)
    local i, o, u, c
    if math.type(tree) then
      i, o, u = table.unpack(linear(xs[tree], wx, b):chunk(3, 2))
      c = cmul(sigmoid(i), tanh(u))
    else
      local h1, c1 = node(tree[1], xs)
      local h2, c2 = node(tree[2], xs)
      i, o, u = table.unpack(linear(h1 + h2, uh, b):chunk(3, 2))
      local f = sigmoid(linear(torch.cat(h1, h2, 1), uf, ufb))
      c = cmul(sigmoid(i), tanh(u)) + cmul(f:narrow(1, 1, 1), c1) + cmul(f:narrow(1, 2, 1), c2)
    end
    return cmul(sigmoid(o), tanh(c)), c
  end

  local trees, ids, classes = {}, I(1, 1000, count, leaves), I(2, 5, count)
  for j = 1, count do
    trees[j] = random_tree(leaves, numbers.between(0, 1, 9 + j, leaves - 1):totable())
  end
  return function()
    optimizer:zeroGrad()
    local total = 0
    for j, tree in ipairs(trees) do
      local xs = emb:index(1, ids[j]):split(1, 1)
      local loss = F.crossEntropy(linear(node(tree, xs), out, outb), classes:narrow(1, j, 1)) / count
      loss:backward()
      total = total + loss:detach()
    end
    optimizer:step()
    return total
  end
end

-- ---- the list -----------------------------------------------------------------------------------

return function(workloads)
  local add = workloads.add
  local function tree_lstm_16x20() return tree_lstm(16, 20, 150, 300) end
  add("train.char_lstm_unfused", { kind = "train", build = function() return char_lstm(50, 50, 512, 65) end,
    flop = 6 * 2500 * (2 * 4 * 512 * 1024 + 512 * 65) })
  add("train.gpt_mini_b8", { kind = "train", build = train_gpt,
    flop = 3 * 1024 * 2 * (4 * (12 * 256 * 256 + 2 * 128 * 256) + 256 * 256) })
  -- 20 leaves and 19 nodes above them in each of 16 trees
  add("train.treelstm_16x20", { kind = "train", dynamic = true, build = tree_lstm_16x20,
    flop = 6 * 16 * (20 * 450 * 300 + 19 * (450 * 150 + 2 * 150 * 150) + 5 * 150) })
  -- Each token reads all weights, which the caches hold.
  add("infer.gpt_generate64_b1", { dynamic = true, zero_based = true, build = generate,
    bytes = 64 * 4 * (LAYERS * 12 * D ^ 2 + V * D), cached = true })
  add("memory.gpt_mini", { kind = "memory", build = train_gpt })
  add("memory.growth_treelstm", { kind = "growth", steps = 100, build = tree_lstm_16x20 })
  add("train.lstm_small", { kind = "train", counted = true, build = function()
    return char_lstm(8, 1, 8, 10)
  end })
  add("train.treelstm_small", { kind = "train", counted = true, build = function()
    return tree_lstm(2, 8, 8, 16)
  end })
end
