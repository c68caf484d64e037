-- Trains an encoder and a decoder with attention to rewrite dates, as people write them, in one form:
--
--   sunday, the 4th of may, 2031       becomes       2031-05-04
--
-- Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate", 2015;
-- the attention is that of Luong, Pham and Manning, "Effective approaches to attention-based neural machine
-- translation", 2015.  The dates are made by this script; every tenth day is kept to test with.
--
--   cresset scripts/train_seq2seq.lua                    dates of the years 1900 to 2099
--   cresset scripts/train_seq2seq.lua -save dates.t7     keeps the model; -load dates.t7 goes on from it
--   cresset scripts/train_seq2seq.lua -help              all options
--
-- After 400 batches all of 1,000 new dates are right to the last character.  This takes 12 s of processor
-- time; it took 14 s on two cores that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision

-- ---- options ------------------------------------------------------------------------------------

local cmd = torch.CmdLine()
cmd:text "Trains a network to rewrite dates."
cmd:option("-steps", 400, "batches to train on")
cmd:option("-every", 100, "steps between two reports")
cmd:option("-batch", 64, "dates in a step")
cmd:option("-test", 1000, "dates to test with")
cmd:option("-hidden", 96, "units of the encoder and of the decoder")
cmd:option("-lr", 5e-3, "learning rate of Adam, which falls along half a cosine")
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

-- ---- dates --------------------------------------------------------------------------------------

local function ordinal(n)
  local ending = (n // 10 ~= 1) and ({ "st", "nd", "rd" })[n % 10] or "th"
  return n .. ending
end

-- Of d, the fields of a date, with the names w (of the day), m and s (of the month, whole and short).
local forms = {
  function(d, _, m) return ("%d %s %d"):format(d.day, m, d.year) end,
  function(d, _, m) return ("%s %d, %d"):format(m, d.day, d.year) end,
  function(d, w, m) return ("%s, the %s of %s, %d"):format(w, ordinal(d.day), m, d.year) end,
  function(d, w, _, s) return ("%s %s %s %d"):format(w:sub(1, 3), ordinal(d.day), s, d.year) end,
  function(d, _, _, s) return ("%d-%s-%02d"):format(d.year, s, d.day) end,
  function(d) return ("%d.%d.%d"):format(d.day, d.month, d.year) end,
  function(d) return ("%02d/%02d/%d"):format(d.month, d.day, d.year) end, -- the American way
}

local first, last = -25567, 47481 -- the days of 1900 to 2099, counted from 1970

local function make_pair(for_test)
  local day
  repeat day = torch.random(first, last) until (day % 10 == 0) == for_test
  local d = os.date("!*t", day * 86400)
  local words = os.date("!%A %B %b", day * 86400):lower()
  local text = forms[torch.random(#forms)](d, words:match "(%a+) (%a+) (%a+)")
  return text, ("%d-%02d-%02d"):format(d.year, d.month, d.day)
end

-- ---- characters as numbers ----------------------------------------------------------------------

local alphabet = "_^$ ,./-0123456789abcdefghijklmnopqrstuvwxyz"
local PAD, BEGIN, END = 1, 2, 3 -- the first three stand for these
local number_of = {}
for k = 1, #alphabet do number_of[alphabet:sub(k, k)] = k end

-- Texts as the rows of a matrix, with END and as much of PAD as is needed behind each.
local function encode(texts)
  local longest = 0
  for _, text in ipairs(texts) do longest = math.max(longest, #text) end
  local rows = {}
  for i, text in ipairs(texts) do
    local row = {}
    for k = 1, longest + 1 do row[k] = number_of[text:sub(k, k)] or k == #text + 1 and END or PAD end
    rows[i] = row
  end
  return torch.LongTensor(rows):to(opt.device)
end

-- A row as text, up to END.
local function decode(row)
  local text = {}
  for k, id in ipairs(row:totable()) do
    if id == END then break end
    text[k] = alphabet:sub(id, id)
  end
  return table.concat(text)
end

local function make_batch(n, for_test)
  local sources, targets = {}, {}
  for i = 1, n do sources[i], targets[i] = make_pair(for_test) end
  return encode(sources), encode(targets), sources, targets
end

-- ---- model --------------------------------------------------------------------------------------

local Rewriter, parent = torch.class("Rewriter", "nn.Module", {})

function Rewriter:__init(symbols, hidden)
  parent.__init(self)
  self.embedding = nn.Embedding(symbols, hidden // 2)
  self.encoder = nn.LSTM(hidden // 2, hidden // 2, { batchFirst = true, bidirectional = true })
  self.decoder = nn.LSTM(hidden // 2, hidden, { batchFirst = true })
  self.attention = nn.Linear(hidden, hidden)
  self.mix = nn.Linear(2 * hidden, hidden)
  self.last = nn.Linear(hidden, symbols)
end

-- What the decoder needs of the sources (batch x length): memory to look at, and its first state.
function Rewriter:encode(sources)
  local memory, state = self.encoder(self.embedding(sources))
  for i, s in ipairs(state) do -- both directions' ends, side by side
    state[i] = s:transpose(1, 2):reshape(1, sources:size(1), self.decoder.hiddenSize)
  end
  local hide = sources:eq(PAD):to("float32") * -1e9
  return { keys = self.attention(memory):transpose(2, 3), values = memory, hide = hide:unsqueeze(2) }, state
end

-- The logits of the characters that follow each of `ids` (batch x length), and the new state.
function Rewriter:decode(ids, memory, state)
  local y
  y, state = self.decoder(self.embedding(ids), state)
  local weights = nn.functional.softmax(torch.matmul(y, memory.keys) + memory.hide, 3)
  local seen = torch.matmul(weights, memory.values)
  return self.last(torch.tanh(self.mix(torch.cat(seen, y, 3)))), state
end

-- In training the decoder sees the true characters before each.
function Rewriter:updateOutput(sources, targets)
  local n = targets:size(1)
  local begin = targets.new(n, 1):fill(BEGIN)
  local before = torch.cat(begin, targets:narrow(2, 1, targets:size(2) - 1), 2)
  return (self:decode(before, self:encode(sources)))
end

-- The likeliest character again and again.
function Rewriter:greedy(sources, length)
  local memory, state = self:encode(sources)
  local ids, out = sources.new(sources:size(1), 1):fill(BEGIN), {}
  for t = 1, length do
    local logits
    logits, state = self:decode(ids, memory, state)
    ids = logits:argmax(3):view(-1, 1)
    out[t] = ids
  end
  return torch.cat(out, 2)
end

local model = opt.load ~= "" and torch.load(opt.load) or Rewriter(#alphabet, opt.hidden)
if opt.device ~= "cpu" then model:cuda() end
local optimizer = optim.Adam(model:parameters(), { lr = opt.lr })
local precision = MixedPrecision(opt.precision, opt.device)

-- ---- training -----------------------------------------------------------------------------------

local test, _, test_sources, test_targets = make_batch(opt.test, true)

-- What the model makes of the test dates, and the share that is right to the last character, in percent.
local function evaluate()
  local rows = torch.noGrad(model.greedy, model, test, 11):to("cpu")
  local made, right = {}, 0
  for i, target in ipairs(test_targets) do
    made[i] = decode(rows[i])
    if made[i] == target then right = right + 1 end
  end
  return made, 100 * right / opt.test
end

local function loss_of(sources, targets)
  return nn.functional.crossEntropy(model(sources, targets):view(-1, #alphabet), targets:view(-1))
end

local timer = torch.Timer()
local sum, since, before = 0, 0, 0
for step = 1, opt.steps do
  optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * (step - 1) / opt.steps)) / 2)
  local sources, targets = make_batch(opt.batch, false)
  local loss = precision:run(loss_of, sources, targets)
  precision:step(optimizer, loss)
  sum, since = sum + loss:item(), since + 1
  if step % opt.every == 0 or step == opt.steps then
    local rate = since * opt.batch / (timer:time().real - before)
    local _, accuracy = evaluate()
    print(("step %d: loss %.4f, %.1f %% of test dates right, %.0f dates/s"):format(step, sum / since,
      accuracy, rate))
    sum, since, before = 0, 0, timer:time().real
  end
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end

local made, accuracy = evaluate()
for i = 1, math.min(8, opt.test) do print(("%-36s %s"):format(test_sources[i], made[i])) end
print(("%d test dates, right to the last character: %.1f %%"):format(opt.test, accuracy))
