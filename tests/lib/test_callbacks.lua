-- test_callbacks: what happens at the events of a training, and what each callback makes of them.
local torch = require "torch"
local nn = require "nn"
local paths = require "paths"
local train = require "train"
local checkpoints = require "train.checkpoints"

local tester = torch.Tester()
local tests = torch.TestSuite()

local generator = torch.Generator()
torch.manualSeed(generator, 5)
local inputs = torch.randn(generator, 24, 3)
local targets = inputs:sum(2)

local function batches(size)
  local list = {}
  for first = 1, 24, size do
    list[#list + 1] = { inputs:narrow(1, first, size), targets:narrow(1, first, size) }
  end
  return list
end

local function trainer(options)
  torch.manualSeed(3)
  local all = { model = nn.Linear(3, 1), loss = nn.MSECriterion(), optimizer = { "SGD", lr = 0.05 },
    progress = false }
  for k, v in pairs(options or {}) do all[k] = v end
  return train.Trainer(all)
end

local function folder()
  local name = paths.tmpname()
  os.remove(name)
  return name
end

local function names_in(dir)
  local names = {}
  for name in paths.files(dir) do
    if not name:find("^%.") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, part in ipairs { ... } do
    tester:assert(tostring(message):find(part, 1, true) ~= nil,
      ("%q is not in %q"):format(part, tostring(message)))
  end
end

-- What f writes to the standard output.
local function printed(f)
  local file, old = io.tmpfile(), io.output()
  io.output(file)
  local ok, message = pcall(f)
  io.output(old)
  file:seek "set"
  local text = file:read "a"
  file:close()
  if not ok then error(message, 0) end
  return text
end

-- ---- events ----------------------------------------------------------------------------------------------

function tests.Order()
  local seen, callback = {}, {}
  for _, event in ipairs { "attach", "fitBegin", "epochBegin", "batchBegin", "afterBackward", "stepEnd",
    "batchEnd", "validateBegin", "validateEnd", "epochEnd", "checkpoint", "fitEnd", "error" } do
    callback[event] = function(self)
      tester:assert(torch.isTypeOf(self, "train.Trainer"))
      seen[#seen + 1] = event
    end
  end
  local dir = folder()
  trainer({ dir = dir, accumulate = 2 }):fit(batches(12), { validate = batches(24),
    callbacks = { callback } })
  tester:eq(table.concat(seen, " "),
    "attach fitBegin epochBegin checkpoint batchBegin batchEnd batchBegin afterBackward "
    .. "stepEnd batchEnd validateBegin validateEnd epochEnd checkpoint fitEnd")
  paths.rmall(dir, "yes")
end

function tests.ClassesAndTables()
  local Own = torch.class("test_callbacks.Own", "train.Callback", {})
  function Own:stepEnd(t) self.steps = t.step end
  local own, loss, plain = Own(), nil, {}
  local object = setmetatable({ stepEnd = function(self) self.called = true end }, {})
  trainer():fit(batches(12), { callbacks = { own, object, { batchEnd = function(_, x, batch)
    loss = x
    tester:eq(torch.isTensor(batch[1]), true)
  end }, train.LambdaCallback { fitEnd = function(t, history) plain.history = { t, history } end } } })
  tester:eq(own.steps, 2)
  tester:eq(object.called, true)
  tester:eq(type(loss), "number")
  tester:eq(#plain.history[2].loss, 1)
end

function tests.StatesOfCallbacks()
  local function counting()
    local n = 0
    return { batchEnd = function() n = n + 1 end, state = function() return { n = n } end,
      load = function(s) n = s.n end, fitEnd = function(t) t.n = n end }
  end
  local a = trainer()
  a:fit(batches(12), { callbacks = { counting(), counting() } })
  local state = a:state()
  tester:eq({ state.callbacks["train.Callback"].n, state.callbacks["train.Callback#2"].n }, { 2, 2 })
  local b = trainer()
  b:load(state)
  b:fit(batches(12), { epochs = 2, callbacks = { counting() } })
  tester:eq(b.n, 4, "the state waits until the callback is there")
  tester:eq(b:state().callbacks["train.Callback#2"].n, 2, "and is kept where there is none")
end

-- ---- stopping early --------------------------------------------------------------------------------------

-- A trainer whose validation losses are given.
local function scripted(values, options)
  local t = trainer(options)
  t._validate = function(self)
    self.validated = true
    return { val_loss = values[self.epoch], val_accuracy = -values[self.epoch] }
  end
  return t
end

function tests.EarlyStopping()
  local function run(values, options)
    local t, stopping = scripted(values), train.EarlyStopping(options)
    t:fit(batches(24), { epochs = #values, validate = batches(24), callbacks = { stopping } })
    return t.epoch, stopping.bestEpoch
  end
  tester:eq({ run({ 5, 4, 3, 4, 4, 4, 4 }, { patience = 2 }) }, { 5, 3 })
  tester:eq({ run({ 5, 4, 3, 4, 2, 4, 1 }, { patience = 2 }) }, { 7, 7 })
  tester:eq({ run({ 5, 4.9, 4.8, 4.7 }, { patience = 1, minDelta = 0.5 }) }, { 2, 1 })
  tester:eq({ run({ 5, 4, 3, 4, 5 }, { monitor = "val_accuracy", patience = 1 }) }, { 4, 3 })
  tester:eq({ run({ 5, 6, 7, 4 }, { mode = "max", patience = 1 }) }, { 4, 3 })
  tester:eq({ run({ 0 / 0, 0 / 0, 1 }, { patience = 2 }) }, { 2, nil }, "never a number")
  fails(function() run({ 1 }, { monitor = "val_los" }) end, "there is no value 'val_los'", "val_loss")
  fails(function() trainer():fit(batches(24), { callbacks = { train.EarlyStopping() } }) end,
    "there is no value 'val_loss'", "there are loss")
end

function tests.RestoreBest()
  local kept, dir = {}, folder()
  local function make()
    return scripted({ 5, 3, 4, 4, 1 }, { dir = dir, callbacks = {
      { epochEnd = function(self) kept[self.epoch] = self.model.weight:detach():clone() end },
      train.EarlyStopping { patience = 2, restoreBest = true } } })
  end
  local t = make()
  t:fit(batches(24), { epochs = 5, validate = batches(24) })
  tester:eq(t.epoch, 4)
  tester:assert(torch.equal(t.model.weight:detach(), kept[2]), "the best weights")
  -- the same again from the last checkpoint: stopped for good
  local again = make()
  again:fit(batches(24), { epochs = 5, validate = batches(24), resume = true })
  tester:eq(again.epoch, 4)
  tester:assert(torch.equal(again.model.weight:detach(), kept[2]), "the best weights, from a file")
  paths.rmall(dir, "yes")
end

function tests.RestoreBestAverages()
  local t = scripted({ 5, 3, 4, 4, 1 }, { ema = 0.9, callbacks = {
    train.EarlyStopping { patience = 2, restoreBest = true } } })
  local wanted
  t:fit(batches(4), { epochs = 5, validate = batches(24), callbacks = { { epochEnd = function(self)
    if self.epoch == 2 then wanted = train.Trainer.evaluate(self, batches(24)).loss end
  end } } })
  tester:eq(t.epoch, 4)
  tester:eq(t:evaluate(batches(24)).loss, wanted)
  t.ema = nil
  tester:eq(t:evaluate(batches(24)).loss, wanted)
end

-- ---- checkpoints -----------------------------------------------------------------------------------------

function tests.Checkpoints()
  local dir = folder()
  local t = scripted({ 3, 1, 2, 4, 5 }, { callbacks = {
    train.Checkpoint { dir = dir .. "/deep/er", every = 2, keep = 2, monitor = "val_loss" } } })
  t:fit(batches(4), { epochs = 5, validate = batches(24) })
  tester:eq(names_in(dir .. "/deep/er"), { "best.t7", "step-000000028.t7", "step-000000030.t7" })
  local best = trainer()
  best:load(checkpoints.read(dir .. "/deep/er/best.t7"))
  tester:eq(best.epoch, 2)
  local every = trainer { callbacks = { train.Checkpoint { dir = dir .. "/epochs", epochs = 2, keep = 9 } } }
  every:fit(batches(12), { epochs = 5 })
  tester:eq(names_in(dir .. "/epochs"), { "step-000000000.t7", "step-000000004.t7",
    "step-000000008.t7", "step-000000010.t7" }, "the beginning, every second epoch, and the last")
  paths.rmall(dir, "yes")
end

function tests.Leftovers()
  local dir = folder()
  paths.mkdir(dir)
  for _, name in ipairs { "step-000000001.t7.0a1b2c3d", "best.t7.00000000", "step-notes.txt",
    "mine.t7.0a1b2c3d" } do
    io.open(dir .. "/" .. name, "w"):close()
  end
  trainer({ dir = dir }):fit(batches(12))
  tester:eq(names_in(dir), { "mine.t7.0a1b2c3d", "step-000000000.t7", "step-000000002.t7", "step-notes.txt" })
  paths.rmall(dir, "yes")
end

function tests.CannotSave()
  local dir, warn, said = folder(), checkpoints.warn, nil
  local t = trainer { dir = dir }
  t:fit(batches(12))
  -- a value that files do not hold stands for a full disk
  local broken = { state = function() return { print } end, load = function() end }
  checkpoints.warn = function(message, ...) said = message:format(...) end
  t:fit(batches(12), { epochs = 2, callbacks = { broken } })
  checkpoints.warn = warn
  tester:assert(said:find("step-000000004.t7 was not saved", 1, true) ~= nil, said)
  tester:eq(names_in(dir), { "step-000000000.t7", "step-000000002.t7" }, "the old one stays")
  fails(function()
    t:fit(batches(12), { epochs = 3, callbacks = { broken, train.Checkpoint { onError = "stop" } } })
  end, "step-000000006.t7 was not saved")
  tester:eq(names_in(dir), { "step-000000000.t7", "step-000000002.t7" })
  paths.rmall(dir, "yes")
end

-- ---- monitors --------------------------------------------------------------------------------------------

function tests.NaNGuard()
  local function poison(what)
    return { batchBegin = function(self, batch)
      if self.step ~= 2 then return end
      if what == "input" then batch[1] = batch[1]:clone():fill(0 / 0) end
      if what == "weight" then self.model.weight[1][2] = math.huge end
    end }
  end
  local t = trainer { callbacks = { train.NaNGuard() } }
  fails(function() t:fit(batches(4), { callbacks = { poison "input" } }) end, "step 3, epoch 1, batch 3",
    "the loss is", "3 of the gradient of weight", "1 of the gradient of bias")
  tester:eq(t.step, 2)
  tester:eq(torch.isfinite(t.model.weight:detach()):all(), true, "the parameters did not change")
  fails(function() trainer({ callbacks = { train.NaNGuard() } }):fit(batches(4),
    { callbacks = { poison "weight" } }) end,
    "1 of weight")
  -- a finite loss with a gradient that is not
  fails(function()
    trainer({ callbacks = { train.NaNGuard() },
      loss = function(y) return (y * 0):abs():sqrt():sum() end }):fit(
      batches(4))
  end, "step 1", "the loss is 0.0", "gradient of weight")
  -- the scaler's steps are its own
  local scaled = trainer { callbacks = { train.NaNGuard() }, precision = { scaler = true },
    step = function(self, batch)
      local loss = (self.model(batch[1]) - batch[2]):pow(2):mean()
      return self.step == 1 and loss + (self.model.weight * 0):abs():sqrt():sum() or loss
    end }
  scaled:fit(batches(4))
  tester:eq(scaled.skipped, 1)
end

function tests.Norms()
  local logged = {}
  local norms = train.GradientNorms { each = true }
  local t = trainer { clipNorm = 1e-3, callbacks = { norms }, logger = { scalar = function(_, name, value,
    step)
    logged[name] = logged[name] or {}
    logged[name][step] = value
  end } }
  t:fit(batches(12))
  tester:eq(#logged.gradNorm, 2)
  tester:assert(logged.gradNorm[2] > 1e-3, "before they are clipped")
  local w, b = logged["gradNorm/weight"][1], logged["gradNorm/bias"][1]
  tester:assert(math.abs(logged.gradNorm[1] - math.sqrt(w * w + b * b)) < 1e-6)
end

function tests.Timer()
  local timer = train.Timer { seconds = 1e-9 }
  local t = trainer { callbacks = { timer } }
  t:fit(batches(4), { epochs = 9 })
  tester:eq(t.step, 1)
  tester:assert(timer.total > 0 and timer.batch > 0 and timer:state().before > 0)
  local other = train.Timer()
  other:load { before = 5 }
  trainer({ callbacks = { other } }):fit(batches(4))
  tester:assert(other.total > 5)
end

function tests.Rates()
  local rates = train.LearningRateMonitor()
  local t = trainer { callbacks = { rates }, schedule = function(o)
    return require("optim").ExponentialLR(o, { gamma = 0.5 })
  end }
  t:fit(batches(12), { epochs = 2 })
  tester:eq(rates.rates, { 0.05, 0.05, 0.025, 0.025 })
  rates:load(torch.deserialize(torch.serialize(rates:state())))
  tester:eq(#rates.rates, 4)
end

function tests.EMA()
  local a, b = trainer { ema = 0.5 }, trainer { callbacks = { train.EMA { decay = 0.5 } } }
  a:fit(batches(8), { epochs = 2 })
  b:fit(batches(8), { epochs = 2 })
  tester:assert(torch.equal(a.ema.averages[1], b.ema.averages[1]))
end

-- ---- progress --------------------------------------------------------------------------------------------

function tests.PlainProgress()
  local text = printed(function()
    trainer({ progress = true }):fit(batches(4), { epochs = 2, validate = batches(24),
      callbacks = { train.ProgressBar { live = false } } })
  end)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  tester:eq(#lines, 2, text)
  tester:assert(lines[1]:find("^epoch 1/2: 6 batches in .*/s  loss %d.*  val_loss %d") ~= nil, lines[1])
  tester:eq(text:find "\27", nil, "no escapes")
end

function tests.LiveProgress()
  local function run(loader)
    return printed(function()
      trainer():fit(loader, { epochs = 2, callbacks = { train.ProgressBar { live = true } } })
    end)
  end
  local text = run(batches(4))
  tester:assert(text:find("epoch 2/2 .-100 %%.-6/6.-loss %d") ~= nil, text)
  local _, lines = text:gsub("\n", "\n")
  tester:eq(lines, 2, "an epoch ends its line")
  text = run { batches = function()
    local i = 0
    return function()
      i = i + 1
      return batches(4)[i]
    end
  end }
  tester:assert(text:find("epoch 2/2: 6 batches", 1, true) ~= nil, "a size that is not known")
end

function tests.BadInput()
  fails(function() train.EarlyStopping { patience = 0 } end, "patience is 0")
  fails(function() train.EarlyStopping { patience = "x" } end, "option 'patience' must be a number")
  fails(function() train.EarlyStopping { mode = "best" } end, "mode is 'best', wanted 'min' or 'max'")
  fails(function() train.Checkpoint { evry = 3 } end, "there is no option 'evry'")
  fails(function() train.Checkpoint { keep = 0 } end, "keep is 0")
  fails(function() train.Checkpoint { onError = "x" } end, "onError is 'x'")
  fails(function() trainer({ callbacks = { train.Checkpoint() } }):fit(batches(4)) end, "which folder?")
  fails(function() train.NaNGuard { every = 1.5 } end, "every is 1.5")
  fails(function() train.Timer { seconds = -1 } end, "seconds is -1")
  fails(function() train.GradScaler { growth = 0.5 } end, "growth is 0.5")
  fails(function() train.GradScaler { backoff = 1 } end, "backoff is 1")
  fails(function() train.GradScaler():load {} end, "not what state() gives")
  fails(function() train.Callback(3) end, "a table of functions expected, got number")
  local file = folder()
  io.open(file, "w"):close()
  fails(function() trainer({ dir = file .. "/sub" }):fit(batches(4)) end, "cannot be made")
  os.remove(file)
end

tester:add(tests):run()
