-- Trains a long short-term memory on text, character by character, and lets it write: Graves, "Generating
-- sequences with recurrent neural networks", 2013.
--
--   cresset scripts/train_char_lstm.lua                        Shakespeare, 500 kB in scripts/data/text
--   cresset scripts/train_char_lstm.lua -text FILE             any other text
--   cresset scripts/train_char_lstm.lua -save lstm.t7          keeps the model; -load lstm.t7 goes on from it
--   cresset scripts/train_char_lstm.lua -load lstm.t7 -steps 0 only writes
--   cresset scripts/train_char_lstm.lua -help                  all options
--
-- After 800 batches the loss of the text that it has not seen is 1.79 nats a character.  This takes 84 s of
-- processor time; it took 62 s on two cores that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision
local paths = require "paths"

-- ---- options ------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_char_lstm.lua")

local cmd = torch.CmdLine()
cmd:text "Trains an LSTM on text."
cmd:option("-text", paths.concat(here, "data", "text", "shakespeare.txt"), "file to learn from")
cmd:option("-steps", 800, "batches to train on")
cmd:option("-every", 100, "steps between two reports")
cmd:option("-batch", 32, "places in the text that are read side by side")
cmd:option("-length", 50, "characters after each place in a step; the gradient goes back no further")
cmd:option("-hidden", 192, "units of a layer")
cmd:option("-layers", 2, "layers")
cmd:option("-dropout", 0, "between the layers, while training")
cmd:option("-lr", 4e-3, "learning rate of Adam, which falls along half a cosine")
cmd:option("-clip", 5, "largest norm of the gradient")
cmd:option("-prompt", "ROMEO:", "what the model's own text begins with")
cmd:option("-write", 400, "characters to write")
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

local CharLSTM, parent = torch.class("CharLSTM", "nn.Module", {})

function CharLSTM:__init(alphabet, hidden, layers, dropout)
  parent.__init(self)
  self.alphabet = alphabet -- a string: character k is number k
  self.embedding = nn.Embedding(#alphabet, hidden)
  self.lstm = nn.LSTM(hidden, hidden, { numLayers = layers, batchFirst = true, dropout = dropout })
  self.decoder = nn.Linear(hidden, #alphabet)
end

-- ids: batch x length.  Gives the logits of the next characters, batch x length x alphabet, and the state,
-- from which the next call goes on.
function CharLSTM:updateOutput(ids, state)
  local y
  y, state = self.lstm(self.embedding(ids), state)
  return self.decoder(y), state
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

local model = opt.load ~= "" and torch.load(opt.load)
  or CharLSTM(alphabet_of(text), opt.hidden, opt.layers, opt.dropout)
if opt.device ~= "cpu" then model:cuda() end

-- The numbers of a string's characters.
local number_of = torch.zeros(256):long()
for k = 1, #model.alphabet do number_of[model.alphabet:byte(k) + 1] = k end
local function encode(s)
  local bytes = torch.ByteTensor(torch.ByteStorage():string(s)):long()
  local ids = number_of:index(1, bytes + 1)
  if ids:min() == 0 then error("the text has a character that the model does not know") end
  return ids:to(opt.device)
end

-- The text in as many rows as a batch has places: each step reads on in every row.
local ids = encode(text)
local ntrain = math.floor(#text * 0.9) // opt.batch * opt.batch -- the rest is to test with
local train = ids:narrow(1, 1, ntrain):view(opt.batch, -1)
local test = ids:narrow(1, ntrain + 1, (#text - ntrain) // 50 * 50):view(50, -1)
print(("%d characters to train on, %d to test, %d different ones"):format(ntrain, #text - ntrain,
  #model.alphabet))

-- The mean loss of rows' characters first + 1 .. first + length, and the state after them.
local function loss_of(rows, first, length, state)
  local logits
  logits, state = model(rows:narrow(2, first, length), state)
  local targets = rows:narrow(2, first + 1, length):reshape(rows:size(1) * length)
  return nn.functional.crossEntropy(logits:reshape(targets:size(1), #model.alphabet), targets), state
end

-- ---- training -----------------------------------------------------------------------------------

local optimizer = optim.Adam(model:parameters(), { lr = opt.lr })
local precision = MixedPrecision(opt.precision, opt.device)

-- Makes the gradient shorter where its norm is above the limit.
local function clip(limit)
  local square = 0
  for _, p in ipairs(model:parameters()) do square = square + p.grad:norm() ^ 2 end
  if square <= limit ^ 2 then return end
  for _, p in ipairs(model:parameters()) do p.grad:mul(limit / math.sqrt(square)) end
end

local function evaluate()
  model:evaluate()
  local loss = torch.noGrad(loss_of, test, 1, math.min(test:size(2) - 1, 500))
  model:training()
  return loss
end

local timer = torch.Timer()
local sum, since, before = 0, 0, 0
local first, state = 1, nil
for step = 1, opt.steps do
  if first + opt.length > train:size(2) then first, state = 1, nil end
  optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * (step - 1) / opt.steps)) / 2)
  local loss
  loss, state = precision:run(loss_of, train, first, opt.length, state)
  state, first = { state[1]:detach(), state[2]:detach() }, first + opt.length
  precision:step(optimizer, loss, function() clip(opt.clip) end)
  sum, since = sum + loss:item(), since + 1
  if step % opt.every == 0 or step == opt.steps then
    local rate = since * opt.batch * opt.length / (timer:time().real - before)
    print(("step %d: loss %.4f, of the test text %.4f, %.0f characters/s"):format(step, sum / since,
      evaluate(), rate))
    sum, since, before = 0, 0, timer:time().real
  end
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end

-- ---- the model's own text -----------------------------------------------------------------------

local function write(prompt, length)
  model:evaluate()
  local out, known, past = { prompt }, encode(prompt), nil
  for i = 1, length do
    local logits
    logits, past = model(known:view(1, -1), past)
    local p = nn.functional.softmax(logits[1][known:size(1)] / opt.temperature, 1)
    known = torch.multinomial(p, 1):view(1)
    out[i + 1] = model.alphabet:sub(known[1], known[1])
  end
  return table.concat(out)
end

print(torch.noGrad(write, opt.prompt, opt.write))
print(("loss of the test text: %.4f nats a character"):format(evaluate()))
