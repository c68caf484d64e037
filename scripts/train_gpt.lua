-- Trains a small GPT on text, character by character, and lets it write.  Radford and others, "Language
-- models are unsupervised multitask learners", 2019: pre-norm blocks of causal self-attention (Vaswani and
-- others, 2017) and a GELU network, embeddings shared with the output (Press and Wolf, 2017), AdamW
-- (Loshchilov and Hutter, 2019) along half a cosine after a warm-up.
--
--   cresset scripts/train_gpt.lua                        Shakespeare, 500 kB in scripts/data/text
--   cresset scripts/train_gpt.lua -text FILE             any other text
--   cresset scripts/train_gpt.lua -save gpt.t7           keeps the model; -load gpt.t7 goes on from it
--   cresset scripts/train_gpt.lua -load gpt.t7 -steps 0  only writes
--   cresset scripts/train_gpt.lua -help                  all options
--
-- After 1,000 batches the loss of the text that it has not seen is 1.87 nats a character.  This takes 67 s of
-- processor time; it took 46 s on two cores that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision
local paths = require "paths"

-- ---- options ------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_gpt.lua")

local cmd = torch.CmdLine()
cmd:text "Trains a small GPT on text."
cmd:option("-text", paths.concat(here, "data", "text", "shakespeare.txt"), "file to learn from")
cmd:option("-steps", 1000, "batches to train on")
cmd:option("-every", 100, "steps between two reports")
cmd:option("-batch", 16, "pieces of text in a step")
cmd:option("-context", 64, "characters that the model sees")
cmd:option("-size", 128, "numbers for each character")
cmd:option("-layers", 3, "blocks")
cmd:option("-heads", 4, "of each block's attention")
cmd:option("-dropout", 0, "share of each block's output to drop while training")
cmd:option("-lr", 3e-3, "highest learning rate of AdamW")
cmd:option("-prompt", "ROMEO:", "what the model's own text begins with")
cmd:option("-length", 400, "characters to write")
cmd:option("-temperature", 0.8, "below 1: likelier characters, above: rarer ones")
cmd:option("-seed", 1, "of the random numbers")
cmd:option("-threads", 0, "of the CPU; 0: as many as it has cores")
cmd:option("-device", "cpu", "cpu, or cuda for a GPU")
cmd:option("-precision", "float32", "float32, bfloat16 or float16, in which products and layers work")
cmd:option("-save", "", "file for the trained model")
cmd:option("-load", "", "file of a model to go on from")
local opt = cmd:parse(arg or {})

torch.manualSeed(opt.seed)
if opt.threads > 0 then torch.setnumthreads(opt.threads) end
if opt.device ~= "cpu" then torch.cuda.setDevice(opt.device) end -- an error where there is none

-- ---- model --------------------------------------------------------------------------------------

-- A block: x + attention(norm(x)), then x + mlp(norm(x)).
local Block, block_parent = torch.class("Block", "nn.Module", {})

function Block:__init(size, heads, dropout)
  block_parent.__init(self)
  self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
  self.attention = nn.MultiHeadAttention(size, heads, { batchFirst = true })
  self.mlp = nn.Sequential():add(nn.Linear(size, 4 * size)):add(nn.GELU()):add(nn.Linear(4 * size, size))
  self.drop = nn.Dropout(dropout)
end

-- cache: nil, or the keys and values of the characters before x.
function Block:updateOutput(x, cache)
  local options = { causal = true, needWeights = false, cache = cache }
  x = x + self.drop((self.attention(self.norm1(x), nil, nil, options)))
  return x + self.drop(self.mlp(self.norm2(x)))
end

local Gpt, gpt_parent = torch.class("Gpt", "nn.Module", {})

function Gpt:__init(alphabet, o)
  gpt_parent.__init(self)
  self.alphabet = alphabet -- a string: character k is number k
  self.tokens = nn.Embedding(#alphabet, o.size)
  self.places = nn.Embedding(o.context, o.size)
  self.blocks = nn.Sequential()
  for _ = 1, o.layers do self.blocks:add(Block(o.size, o.heads, o.dropout)) end
  self.norm = nn.LayerNorm(o.size)
  local deviation = (3 * o.size) ^ -0.5 -- 0.02 in the paper, for a size of 768
  for _, p in ipairs(self:namedParameters()) do
    if p.tensor:dim() == 2 then p.tensor:normal(0, deviation) end
    if p.name:find "bias$" then p.tensor:zero() end
  end
end

-- ids: batch x length.  caches: nil, or an nn.KeyValueCache for each block.
function Gpt:updateOutput(ids, caches)
  local before = caches and caches[1].length or 0
  local places = torch.range(before + 1, before + ids:size(2)):long():to(opt.device)
  local x = self.tokens(ids) + self.places(places)
  for i, block in ipairs(self.blocks.modules) do x = block(x, caches and caches[i]) end
  return nn.functional.linear(self.norm(x), self.tokens.weight) -- the embeddings once more
end

-- ---- data ---------------------------------------------------------------------------------------

local file <close> = assert(io.open(opt.text, "rb"))
local text = file:read "a"

local function alphabet_of(s)
  local seen, list = {}, {}
  for at = 1, #s do
    local c = s:byte(at)
    if not seen[c] then seen[c], list[#list + 1] = true, c end
  end
  table.sort(list)
  return string.char(table.unpack(list))
end

local model = opt.load ~= "" and torch.load(opt.load) or Gpt(alphabet_of(text), opt)
if opt.device ~= "cpu" then model:cuda() end

-- The numbers of a string's characters.
local number_of = torch.zeros(256):long()
for k = 1, #model.alphabet do number_of[model.alphabet:byte(k) + 1] = k end
local function encode(s)
  local bytes = torch.ByteTensor(torch.ByteStorage():string(s)):long()
  local ids = number_of:index(1, bytes + 1)
  if ids:min() == 0 then error("the text has a character that the model does not know") end
  return ids
end

local ids = encode(text)
local ntrain = math.floor(#text * 0.9) -- the rest is to test with
local context = model.places.numEmbeddings
print(("%d characters to train on, %d to test, %d different ones"):format(ntrain, #text - ntrain,
  #model.alphabet))

-- Pieces of the text from first on, and the characters that follow each of their characters.
local function pieces(starts)
  local at = starts:view(-1, 1) + torch.range(0, context - 1):long():view(1, -1)
  local function take(places)
    return ids:index(1, places:view(-1)):view(places:size(1), -1):to(opt.device)
  end
  return take(at), take(at + 1)
end

local function loss_of(x, y)
  local logits = model(x)
  return nn.functional.crossEntropy(logits:view(-1, logits:size(3)), y:view(-1))
end

-- ---- training -----------------------------------------------------------------------------------

-- Weights decay; gains, biases and embeddings do not.
local optimizer = optim.AdamW(model:parameterGroups { { match = "norm", weightDecay = 0 },
  { match = "bias$", weightDecay = 0 }, { match = "places", weightDecay = 0 } },
  { lr = opt.lr, betas = { 0.9, 0.99 }, weightDecay = 0.1 })

local precision = MixedPrecision(opt.precision, opt.device)

local function rate_at(step)
  local warm = math.min(100, opt.steps / 10)
  if step < warm then return opt.lr * step / warm end
  return opt.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / (opt.steps - warm))))
end

-- The loss of the test text, in pieces.
local function evaluate()
  model:evaluate()
  local sum, n = 0, 0
  torch.noGrad(function()
    for _, starts in ipairs(torch.range(ntrain + 1, #text - context, context):long():split(64)) do
      sum, n = sum + loss_of(pieces(starts)) * starts:size(1), n + starts:size(1)
      if n >= 256 then break end
    end
  end)
  model:training()
  return sum / n
end

local timer = torch.Timer()
local sum, since, before = 0, 0, 0
for step = 1, opt.steps do
  optimizer:set("lr", rate_at(step))
  local loss = precision:run(loss_of, pieces(torch.randint(1, ntrain - context, opt.batch)))
  precision:step(optimizer, loss)
  sum, since = sum + loss:item(), since + 1
  if step % opt.every == 0 or step == opt.steps then
    local rate = since * opt.batch * context / (timer:time().real - before)
    print(("step %d: loss %.4f, of the test text %.4f, %.0f characters/s"):format(step, sum / since,
      evaluate(), rate))
    sum, since, before = 0, 0, timer:time().real
  end
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end

-- ---- the model's own text -----------------------------------------------------------------------

-- Each character goes through the blocks once: those before it are there as keys and values.  When the
-- context is full, the second half of it begins a new one.
local function write(prompt, length)
  model:evaluate()
  local out, known, caches = prompt, encode(prompt:sub(-context)), nil
  for _ = 1, length do
    if not caches or caches[1].length == context then
      if caches then known = encode(out:sub(-(context // 2))) end
      caches = {}
      for i = 1, #model.blocks.modules do caches[i] = nn.KeyValueCache(1, context) end
    end
    local logits = model(known:view(1, -1):to(opt.device), caches)
    local p = nn.functional.softmax(logits[1][known:size(1)] / opt.temperature, 1)
    known = torch.multinomial(p, 1):view(1):to("cpu")
    out = out .. model.alphabet:sub(known[1], known[1])
  end
  return out
end

timer:reset()
print(torch.noGrad(write, opt.prompt, opt.length))
print(("%.0f characters/s"):format(opt.length / timer:time().real))
print(("loss of the test text: %.4f nats a character"):format(evaluate()))
