-- test_trainer: the training loop: what it computes beside a loop by hand, options, states, going on.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local paths = require "paths"
local train = require "train"
local checkpoints = require "train.checkpoints"
local encoding = require "train.plain"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- ---- what the tests train on -----------------------------------------------------------------------------

local function network(options)
  torch.manualSeed(11)
  local net = nn.Sequential(nn.Linear(4, 12), nn.Tanh())
  if options and options.dropout then net:add(nn.Dropout(0.3)) end
  if options and options.norm then net:add(nn.BatchNormalization(12)) end
  return net:add(nn.Linear(12, 3))
end

local generator = torch.Generator()
torch.manualSeed(generator, 5)
local inputs = torch.randn(generator, 48, 4)
local _, targets = torch.max(inputs:narrow(2, 1, 3), 2)
targets = targets:view(-1)

local function batches(size, n)
  local list = {}
  for first = 1, n or 48, size do
    local rows = math.min(size, (n or 48) - first + 1)
    list[#list + 1] = { inputs:narrow(1, first, rows), targets:narrow(1, first, rows) }
  end
  return list
end

-- A loader that fulfils the contract: shuffled by seed and epoch, with a state.
local Loader = {}
Loader.__index = Loader

local function loader(options)
  local self = setmetatable({ n = 6, epoch = 1, batch = 0, seed = 3 }, Loader)
  for k, v in pairs(options or {}) do self[k] = v end
  return self
end

function Loader:size() return not self.unknown and self.n or nil end

function Loader:batches()
  local own = torch.Generator()
  torch.manualSeed(own, self.seed * 1000 + self.epoch)
  local order = torch.randperm(own, 48):long()
  local i = self.batch
  return function()
    if i == self.n then
      self.epoch, self.batch = self.epoch + 1, 0
      i = nil
    end
    if not i then return nil end
    i = i + 1
    self.batch = i
    local rows = order:narrow(1, (i - 1) * 8 + 1, 8)
    return { inputs:index(1, rows), targets:index(1, rows) }, i
  end
end

function Loader:state() return { epoch = self.epoch, batch = self.batch, seed = self.seed } end

function Loader:load(state) self.epoch, self.batch, self.seed = state.epoch, state.batch, state.seed end

function Loader:setEpoch(n) self.epoch, self.batch = n, 0 end

local function trainer(options)
  local all = { loss = nn.CrossEntropyCriterion(), optimizer = { "Adam", lr = 0.02 }, progress = false }
  for k, v in pairs(options or {}) do all[k] = v end
  all.model = all.model or network(options and options.net)
  all.net = nil
  return train.Trainer(all)
end

local function weights(t)
  local list = {}
  for _, entry in ipairs(t.model:namedParameters()) do
    list[#list + 1] = entry.tensor:detach():contiguous():view(-1):clone()
  end
  for _, entry in ipairs(t.model:namedBuffers()) do
    list[#list + 1] = entry.tensor:contiguous():view(-1):to("float32")
  end
  return torch.cat(list, 1)
end

local function same(a, b, what)
  tester:assert(torch.equal(weights(a), weights(b)), what)
end

local function folder()
  local name = paths.tmpname()
  os.remove(name)
  return name
end

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, part in ipairs { ... } do
    tester:assert(tostring(message):find(part, 1, true) ~= nil,
      ("%q is not in %q"):format(part, tostring(message)))
  end
end

-- ---- what is computed ------------------------------------------------------------------------------------

function tests.AsByHand()
  local net, criterion = network(), nn.CrossEntropyCriterion()
  local optimizer = optim.Adam(net:parameters(), { lr = 0.02 })
  local losses = {}
  for epoch = 1, 3 do
    local sum = 0
    for _, b in ipairs(batches(8)) do
      optimizer:zeroGrad()
      local loss = criterion(net(b[1]), b[2])
      loss:backward()
      optim.clipGradNorm(net:parameters(), 0.5)
      optimizer:step()
      sum = sum + loss:item() * 8
    end
    losses[epoch] = sum / 48
  end
  local t = trainer { clipNorm = 0.5 }
  local history = t:fit(batches(8), { epochs = 3 })
  tester:assert(torch.equal(weights(t), weights { model = net }), "the same weights")
  tester:eq(history.loss, losses, "the same losses")
  tester:eq(t.step, 18)
end

function tests.Accumulate()
  local big, small = trainer { optimizer = { "SGD", lr = 0.5 } }, trainer { optimizer = { "SGD", lr = 0.5 },
    accumulate = 4 }
  big:fit(batches(16, 44), { epochs = 2 })
  small:fit(batches(4, 44), { epochs = 2 })
  tester:eq(small.step, big.step, "steps, the last of fewer batches")
  tester:assert((weights(big) - weights(small)):abs():max() < 1e-6, "the big batch's weights")
  -- batches of different sizes count by their samples
  local uneven = {}
  for _, part in ipairs { { 1, 10 }, { 11, 6 }, { 17, 3 }, { 20, 13 } } do
    uneven[#uneven + 1] = { inputs:narrow(1, part[1], part[2]), targets:narrow(1, part[1], part[2]) }
  end
  big, small = trainer { optimizer = { "SGD", lr = 0.5 } }, trainer { optimizer = { "SGD", lr = 0.5 },
    accumulate = 2 }
  big:fit(batches(16, 32), { epochs = 2 })
  small:fit(uneven, { epochs = 2 })
  tester:assert((weights(big) - weights(small)):abs():max() < 1e-6, "uneven batches")
end

function tests.AccumulateUnknownSize()
  local known, unknown = trainer { accumulate = 4 }, trainer { accumulate = 4 }
  known:fit(loader(), { epochs = 2 })
  unknown:fit(loader { unknown = true }, { epochs = 2 })
  tester:eq(unknown.step, 4, "the batches at the end of an epoch make a step")
  same(known, unknown, "the same whether or not the size is known")
end

function tests.Step()
  local t = trainer { step = function(self, batch)
    local output = self.model(batch[1])
    local loss = nn.CrossEntropyCriterion()(output, batch[2])
    return loss * 2, { half = loss:item(), n = batch[1]:size(1) }, output, batch[2]
  end, metrics = { "accuracy" } }
  local history = t:fit(batches(8), { epochs = 1, validate = batches(16) })
  tester:assert(math.abs(history.loss[1] - 2 * history.half[1]) < 1e-6)
  tester:eq(history.n, { 8.0 })
  tester:eq(history.val_n, { 16.0 })
  tester:assert(history.accuracy[1] > 0 and history.val_accuracy[1] > 0)
end

function tests.FunctionsAsLossAndMetric()
  local t = trainer { loss = function(y, k) return nn.CrossEntropyCriterion()(y, k) end,
    metrics = { "top2", largest = function(y) return torch.abs(y):max() end },
    optimizer = function(params) return optim.SGD(params, { lr = 0.1 }) end }
  local history = t:fit(batches(8), { epochs = 2 })
  tester:eq(#history.largest, 2)
  tester:assert(history.top2[2] <= 1)
end

function tests.SeveralOptimizers()
  local together = trainer { optimizer = { "SGD", lr = 0.1 } }
  together:fit(batches(8), { epochs = 1 })
  local net = network()
  local params = net:parameters()
  local apart = trainer { model = net, optimizer = {
    optim.SGD({ params[1], params[2] }, { lr = 0.1 }), optim.SGD({ params[3], params[4] }, { lr = 0.1 }) } }
  apart:fit(batches(8), { epochs = 1 })
  same(together, apart, "two optimizers")
  local class = trainer { optimizer = function(p) return optim.SGD(p, { lr = 0.1 }) end }
  class:fit(batches(8), { epochs = 1 })
  same(together, class, "a function")
  tester:eq(torch.type(trainer({ optimizer = optim.Adam }).optimizer), "optim.Adam", "a class")
end

function tests.LossOfAStep()
  local function logged(options)
    local list = {}
    options.logger = { scalar = function(_, name, value)
      if name == "loss" then list[#list + 1] = value end
    end }
    trainer(options):fit(batches(options.accumulate and 4 or 16), { epochs = 1 })
    return list
  end
  local big, small = logged { optimizer = { "SGD", lr = 0.5 } }, logged { optimizer = { "SGD", lr = 0.5 },
    accumulate = 4 }
  tester:eq(#small, #big)
  for i, x in ipairs(big) do tester:assert(math.abs(x - small[i]) < 1e-5,
    "the mean over the batches of a step") end
end

function tests.Modes()
  local t = trainer { net = { dropout = true } }
  local seen = {}
  local function note(name)
    return function(self) seen[#seen + 1] = name .. (self.model.train and "+" or "-") end
  end
  t.model:evaluate()
  t:fit(batches(48), { epochs = 1, validate = batches(48), callbacks = { { stepEnd = note "step",
    validateBegin = note "before", validateEnd = note "after", epochEnd = note "epoch" } } })
  tester:eq(table.concat(seen, " "), "step+ before+ after+ epoch+")
  tester:eq(t.model.train, false, "as it was before fit")
  local first, second = t:evaluate(batches(8)), t:evaluate(batches(48))
  tester:assert(math.abs(first.loss - second.loss) < 1e-5, "no dropout, and samples count alike")
  tester:eq(torch.equal(t:predict(inputs), t:predict(batches(7))), true)
  tester:eq(t:predict(inputs).requiresGrad, false)
end

function tests.ValidationChangesNothing()
  local with, without = trainer { net = { dropout = true } }, trainer { net = { dropout = true } }
  torch.manualSeed(1)
  with:fit(loader(), { epochs = 2, validate = batches(9), validateSteps = 2 })
  torch.manualSeed(1)
  without:fit(loader(), { epochs = 2 })
  same(with, without, "validation moves no random generator")
end

function tests.ValidateEvery()
  local history = trainer():fit(batches(24), { epochs = 5, validate = batches(48), validateEvery = 2 })
  local nan = 0
  for _, x in ipairs(history.val_loss) do nan = nan + (x ~= x and 1 or 0) end
  tester:eq({ #history.val_loss, nan }, { 5, 2 }, "epochs 2, 4 and the last")
end

function tests.Schedules()
  local rates = {}
  local t = trainer { optimizer = { "SGD", lr = 1 }, schedules = {
    function(o) return optim.StepLR(o, { stepSize = 1, gamma = 0.5 }) end,
    { function(o) return optim.ExponentialLR(o, { gamma = 0.1 }) end, every = "step" },
    { function(o) return optim.ReduceLROnPlateau(o, { patience = 0 }) end, monitor = "loss" },
  },
    callbacks = { { epochEnd = function(self)
      rates[self.epoch] = self.optimizer.groups[1].options.lr
    end } } }
  t:fit(batches(24), { epochs = 2 })
  tester:assert(math.abs(rates[1] / (0.01 * 0.5) - 1) < 1e-9, "two steps, one epoch")
  tester:assert(math.abs(rates[2] / (0.0001 * 0.25) - 1) < 1e-9)
end

function tests.Averages()
  local t = trainer { ema = 0.5 }
  t:fit(batches(8), { epochs = 2 })
  local plain = weights(t)
  local averaged = t:evaluate(batches(48)).loss
  tester:eq(torch.equal(plain, weights(t)), true, "evaluate puts the weights back")
  t.ema:apply()
  tester:eq(nn.CrossEntropyCriterion():forward(t.model:forward(inputs), targets), averaged, 1e-6)
  t.ema:restore()
  fails(function()
    t:evaluate { { inputs, targets }, { inputs, "x" } }
  end)
  tester:eq(torch.equal(plain, weights(t)), true, "also after an error")
end

function tests.Logger()
  local seen = {}
  local t = trainer { logger = { scalar = function(_, name, value, step)
    seen[name] = seen[name] or {}
    table.insert(seen[name], { step, value })
  end }, metrics = { "accuracy" }, logEvery = 2, callbacks = { train.LearningRateMonitor() } }
  t:fit(batches(8), { epochs = 2, validate = batches(48) })
  tester:eq(#seen.loss, 6, "every second step")
  tester:eq(seen.loss[1][1], 2)
  tester:eq(#seen.lr, 12)
  tester:eq(seen.val_accuracy[2][1], 12)
  tester:eq(#seen.epoch_loss, 2)
end

-- ---- precision -------------------------------------------------------------------------------------------

function tests.Precision()
  local exact = trainer { net = { norm = true } }
  exact:fit(batches(8), { epochs = 3 })
  for _, dtype in ipairs { "bfloat16", "float16" } do
    local seen
    local model = network { norm = true }:add(nn.Lambda(function(x)
      seen = x.dtype
      return x
    end))
    local t = trainer { model = model, precision = dtype }
    t:fit(batches(8), { epochs = 3 })
    tester:assert(math.abs(t.history.loss[3] - exact.history.loss[3]) < 0.01, dtype)
    tester:eq(t.model:parameters()[1].dtype, "float32", "the parameters stay")
    tester:eq(t.scaler ~= nil, dtype == "float16")
    tester:eq(seen, dtype, "what the layers see")
    tester:eq(t:predict(batches(8))[1].dtype, "float32", "what the model gives")
    -- a step of one's own
    local given
    t = trainer { precision = dtype, metrics = { function(output)
      given = output.dtype
      return 0
    end }, step = function(self, batch)
      local output = self.model(batch[1])
      seen = output.dtype
      return nn.CrossEntropyCriterion()(output, batch[2]), nil, output, batch[2]
    end }
    t:fit(batches(8), { epochs = 1 })
    tester:eq({ seen, given }, { dtype, "float32" }, "a step of one's own")
  end
end

function tests.MixedPrecision()
  tester:eq(train.MixedPrecision().dtype, "float32")
  tester:eq(train.MixedPrecision("fp16").dtype, "float16")
  fails(function() train.MixedPrecision("half") end, "precision is 'half'", "bfloat16")
  local w = torch.ones(2, 2):requireGrad()
  local optimizer, shortened = optim.SGD({ w }, { lr = 0.5 }), 0
  local function clip() shortened = shortened + 1 end
  local function loss() return torch.mm(w, torch.ones(2, 1)):sum() / 4 end
  for _, name in ipairs { "fp32", "bf16", "fp16" } do
    local precision = train.MixedPrecision(name, tostring(w.device))
    torch.noGrad(w.fill, w, 1)
    tester:eq(precision:step(optimizer, precision:run(loss), clip), true)
    tester:eq(w:detach()[1][1], 0.875, name)
  end
  tester:eq(shortened, 3)
  local precision = train.MixedPrecision("fp16", tostring(w.device))
  tester:eq(precision:step(optimizer, precision:run(loss) * math.huge, clip), false)
  tester:eq({ w:detach()[1][1], shortened, precision.scaler.scale }, { 0.875, 3, 32768.0 }, "left out")
end

function tests.Scaler()
  local plain, scaled = trainer(), trainer { precision = { scaler = train.GradScaler { scale = 1024 } } }
  plain:fit(batches(8), { epochs = 2 })
  scaled:fit(batches(8), { epochs = 2 })
  same(plain, scaled, "a scale that is a power of two changes nothing")
  -- a step whose gradients overflow is left out
  local before
  local t = trainer { precision = { scaler = true }, step = function(self, batch)
    local loss = nn.CrossEntropyCriterion()(self.model(batch[1]), batch[2])
    if self.step == 2 then
      before = weights(self)
      return loss * math.huge
    end
    return loss
  end }
  t:fit(batches(16), { steps = 3 })
  tester:assert(torch.equal(before, weights(t)), "nothing changed")
  tester:eq({ t.skipped, t.scaler.scale, t.scaler.skipped }, { 1, 32768.0, 1 })
  local s = train.GradScaler { scale = 4, interval = 2 }
  s:update(true):update(true)
  tester:eq(s.scale, 8.0, "it grows")
end

-- ---- going on --------------------------------------------------------------------------------------------

local function rich()
  local t = trainer { net = { dropout = true, norm = true }, seed = 4, ema = 0.9, metrics = { "accuracy",
    "auc" },
    schedules = { { function(o) return optim.CosineAnnealingLR(o, { tMax = 30 }) end, every = "step" } },
    precision = { scaler = train.GradScaler { interval = 3 } },
    callbacks = { train.EarlyStopping { monitor = "loss", patience = 9 } } }
  -- a step that draws from math.random
  local step = t.loss
  t.loss = function(y, k) return step(y, k) * (1 + 0.1 * math.random()) end
  return t
end

local function same_run(a, b, what)
  same(a, b, what .. ": weights")
  tester:eq(a.history, b.history, what .. ": history")
  tester:eq(a.scaler.scale, b.scaler.scale, what .. ": scale")
  tester:eq(torch.equal(a.ema.averages[1], b.ema.averages[1]), true, what .. ": averages")
  tester:eq({ a.epoch, a.step }, { b.epoch, b.step }, what .. ": counts")
end

function tests.ResumeAnywhere()
  local whole = rich()
  whole:fit(loader(), { epochs = 4, validate = batches(16) })
  for stop = 1, 23 do
    local first = rich()
    local state
    first:fit(loader(), { epochs = 4, validate = batches(16), callbacks = { { batchEnd = function(self)
      if self.step == stop then state = torch.serialize(self:state()) end
      if self.step == stop then self:stop() end
    end } } })
    local random = torch.getRNGState()
    local second = rich()
    torch.manualSeed(stop)
    second:load(torch.deserialize(state))
    second:fit(loader { seed = 99 }, { epochs = 4, validate = batches(16) })
    same_run(whole, second, "from step " .. stop)
    -- the first one goes on as well
    torch.setRNGState(random)
    first:fit(loader { epoch = 2 }, { epochs = 4, validate = batches(16) })
    same_run(whole, first, "stopped at step " .. stop)
  end
end

function tests.ResumeBetweenEpochs()
  local whole, first, second = rich(), rich(), rich()
  whole:fit(loader(), { epochs = 4 })
  first:fit(loader(), { epochs = 2 })
  second:load(first:state())
  second:fit(loader { seed = 99 }, { epochs = 4 })
  same_run(whole, second, "after two epochs")
  second:fit(loader(), { epochs = 4 })
  same_run(whole, second, "nothing more to do")
end

function tests.ResumeLists()
  local whole, first, second = rich(), rich(), rich()
  whole:fit(batches(8), { epochs = 2 })
  first:fit(batches(8), { steps = 8 })
  tester:eq({ first.epoch, first.batch, first.inside }, { 2, 2, true })
  second:load(first:state())
  second:fit(batches(8), { epochs = 2 })
  same_run(whole, second, "a list of batches")
end

function tests.ResumeWithoutState()
  local function plain()
    local l = loader()
    return { batches = function() return l:batches() end }
  end
  local whole, part = rich(), rich()
  local l = plain()
  whole:fit(l, { epochs = 1 })
  part:fit(plain(), { steps = 2 })
  part:fit(plain(), { epochs = 1 })
  same(whole, part, "batches that were seen are dropped")
end

function tests.StateIsACopy()
  local t = trainer()
  t:fit(batches(8), { epochs = 1 })
  local state, before = t:state(), weights(t)
  t:fit(batches(8), { epochs = 2 })
  tester:assert(not torch.equal(before, weights(t)))
  t:load(state)
  tester:assert(torch.equal(before, weights(t)))
  t:fit(batches(8), { epochs = 2 })
  local whole = trainer()
  whole:fit(batches(8), { epochs = 2 })
  same(whole, t, "going back and on")
end

function tests.BadStates()
  local t = trainer()
  fails(function() t:load(3) end, "a table expected, got number")
  fails(function() t:load {} end, "not what trainer:state() gives")
  local state = t:state()
  fails(function() trainer({ ema = 0.5 }):load(state) end, "averages", "without")
  fails(function() trainer({ precision = "float16" }):load(state) end, "scaler")
  fails(function() trainer({ model = nn.Linear(4, 3) }):load(state) end, "loadStateDict")
  fails(function()
    trainer({ schedule = function(o) return optim.StepLR(o, { stepSize = 1 }) end }):load(state)
  end, "0 schedules, the trainer has 1")
end

-- ---- stopping --------------------------------------------------------------------------------------------

function tests.StepsAndStop()
  local t = trainer()
  local history = t:fit(batches(8), { steps = 8 })
  tester:eq({ t.step, #history.loss }, { 8, 2 }, "steps alone")
  t = trainer { accumulate = 2 }
  t:fit(batches(8), { epochs = 9, callbacks = { { batchEnd = function(self) self:stop "enough" end } } })
  tester:eq({ t.step, t.batch, t.stopReason }, { 1, 2, "enough" }, "a step is not left half")
  tester:eq(#trainer():fit(batches(8), { epochs = 0 }), 0)
end

function tests.Errors()
  local t = trainer()
  local seen
  local callbacks = { { error = function(_, message) seen = message end,
    batchBegin = function(self) if self.batch == 3 then error "oops" end end } }
  fails(function() t:fit(batches(8), { callbacks = callbacks }) end, "oops")
  tester:assert(seen:find("oops", 1, true) ~= nil)
  tester:eq(#t:fit(batches(8), { epochs = 2 }).loss, 2, "it can go on")
  fails(function()
    trainer():fit(batches(8), { callbacks = { { stepEnd = function(self) self:fit(batches(8)) end } } })
  end, "it runs already")
end

function tests.BadInput()
  local net = network()
  local function make(options)
    return function()
      local all = { model = net, loss = nn.CrossEntropyCriterion(), optimizer = "SGD", progress = false }
      for k, v in pairs(options) do all[k] = v ~= "none" and v or nil end
      return train.Trainer(all)
    end
  end
  fails(function() train.Trainer() end, "the model must be an nn.Module, got none")
  fails(function() train.Trainer(3) end, "the options are a number, wanted a table")
  fails(make { model = 3 }, "the model must be an nn.Module, got number")
  fails(make { los = 3 }, "there is no option 'los'", "loss")
  fails(make { loss = "none" }, "loss or step is missing")
  fails(make { loss = 3 }, "the loss must be a criterion or a function, got number")
  fails(make { optimizer = "none" }, "the optimizer must be", "got none")
  fails(make { optimizer = "Adm" }, "there is no optimizer 'Adm'")
  fails(make { optimizer = "adam" }, "Torch7's function")
  fails(make { optimizer = optim.adam }, "optim.adam is Torch7's function")
  fails(make { optimizer = "LBFGS" }, "optim.LBFGS")
  fails(make { optimizer = { "SGD", rl = 3 } }, "there is no option 'rl'")
  fails(make { optimizer = optim.SGD { torch.ones(1) } }, "the optimizer has no parameter of the model")
  fails(make { accumulate = 0 }, "accumulate is 0, wanted a whole number from 1 on")
  fails(make { clipNorm = -1 }, "clipNorm is -1, wanted a number above 0")
  fails(make { precision = "int8" }, "precision is 'int8'", "bfloat16")
  fails(make { device = "tpu" }, "device is 'tpu'")
  fails(make { ema = "x" }, "ema is a decay")
  fails(make { ema = 3 }, "the decay is 3")
  fails(make { metrics = { "acuracy" } }, "there is no metric 'acuracy'")
  fails(make { metrics = { "accuracy", "accuracy" } }, "two values are called 'accuracy'")
  fails(make { metrics = { 3 } }, "metric 1 is a number")
  fails(make { callbacks = { 3 } }, "callback 1 is a number")
  fails(make { callbacks = { { epochend = print } } }, "there is no event 'epochend'")
  fails(make { callbacks = { { epochEnd = 3 } } }, "epochEnd is a number, wanted a function")
  fails(make { logger = {} }, "the logger must have a method scalar")
  fails(make { schedule = 3 }, "a schedule must be an optim.Scheduler", "got number")
  fails(make { schedule = function() end }, "a schedule must be an optim.Scheduler")
  fails(make { schedule = function(o) return optim.ReduceLROnPlateau(o) end, scheduleEvery = "step" },
    "steps once an epoch")
  local t = make {}()
  fails(function() t:fit() end, "a loader expected", "got nil")
  fails(function() t:fit {} end, "got an empty table")
  fails(function() t:fit(torch.ones(3)) end, "a loader expected")
  fails(function() t:fit(batches(8), { epoch = 3 }) end, "there is no option 'epoch'")
  fails(function() t:fit(batches(8), { epochs = -1 }) end, "epochs is -1")
  fails(function() t:fit(batches(8), { validate = 3 }) end, "validate: a loader expected")
  fails(function() t:fit(batches(8), { resume = true }) end, "needs a folder")
  fails(function() t:fit({ inputs }) end, "a batch is a torch.", "{input, target}")
  fails(function() make({})():fit { { x = inputs } } end, "neither [1] nor input")
  fails(function() t:evaluate({ batches = function() return function() end end }) end, "gave no batches")
  fails(function() make({})():fit({ batches = function() return function() end end }) end, "gave no batches")
  fails(function() make({ loss = function() return 3 end })():fit(batches(8)) end,
    "does not depend on any parameter")
  fails(function() make({ loss = function() return "x" end })():fit(batches(8)) end, "the loss is a string")
  fails(function() make({ loss = function(y) return y end })():fit(batches(8)) end, "shape 8x3",
    "mean or sum")
  fails(function() make({ step = function(s, b) return s.model(b[1]):sum(), 3 end })():fit(batches(8)) end,
    "step gave a number beside the loss")
  fails(function() make({ step = function(s, b) return s.model(b[1]):sum(),
    { a = "x" } end })():fit(batches(8)) end,
    "step gave string for 'a'")
end

-- ---- files -----------------------------------------------------------------------------------------------

function tests.ResumeFromFiles()
  local dir = folder()
  local function make(options)
    local t = rich()
    t.dir = dir
    t.callbacks[#t.callbacks + 1] = train.Checkpoint { every = 2, keep = 2 }
    return t, options
  end
  local whole = rich()
  whole:fit(loader(), { epochs = 4 })
  for _, steps in ipairs { 3, 7, 13 } do
    make():fit(loader(), { steps = steps, resume = true })
  end
  local last = make()
  last:fit(loader(), { epochs = 4, resume = true })
  same_run(whole, last, "in four parts")
  local names = {}
  for name in paths.files(dir, "%.t7$") do names[#names + 1] = name end
  table.sort(names)
  tester:eq(names, { "step-000000022.t7", "step-000000024.t7" }, "two are kept")
  fails(function() make():fit(loader(), { epochs = 1 }) end, "checkpoint of step 24", "resume = true")
  fails(function() make():fit(loader(), { epochs = 1, resume = dir .. "/none.t7" }) end, "none.t7")
  fails(function() trainer({ dir = dir }):fit(loader(), { epochs = 1, resume = true }) end, "does not fit")
  paths.rmall(dir, "yes")
end

-- A run's log goes back to the checkpoint with the training; runs are missing where Jansson is.
local has_runs, runs = pcall(require, "runs")
if has_runs then
  function tests.RunLog()
    local dir = folder()
    local function make()
      local run = runs.Run { dir = dir, name = "log", resume = true, tensorboard = false }
      return trainer { dir = dir, logger = run, callbacks = { train.Checkpoint { every = 5 } } }, run
    end
    local first = make()
    -- as a killed process: what comes after the checkpoint of step 5 is logged and lost
    local broken = { batchEnd = function(self) if self.step == 8 then error "the end" end end }
    pcall(first.fit, first, loader(), { epochs = 3, validate = batches(48), callbacks = { broken },
      resume = true })
    first.logger:close()
    local second, run = make()
    second:fit(loader(), { epochs = 3, validate = batches(48), resume = true })
    run:close()
    local wanted = {}
    for i = 1, 18 do wanted[i] = i end
    local metrics = runs.read(dir .. "/log").metrics
    tester:eq(metrics.loss.steps, wanted, "each step once")
    tester:eq(metrics.val_loss.steps, { 6, 12, 18 })
    paths.rmall(dir, "yes")
  end
end

function tests.NumbersInFiles()
  local state = { a = 1.0, b = 1, c = 1 << 60 | 1, d = math.mininteger, e = 1 / 0, f = "\27i3", g = { -0.0,
    2.5 },
    h = "text", k = true }
  local back = encoding.decode(torch.deserialize(torch.serialize(encoding.encode(state))))
  tester:eq(back, state)
  for name, v in pairs(state) do tester:eq(math.type(back[name]), math.type(v), name) end
  tester:eq(1 / back.g[1], -1 / 0)
  -- seeds that nobody chose are large
  torch.seed()
  local dir = folder()
  local function make() return trainer { dir = dir, net = { dropout = true } } end
  local function seeded() return loader { seed = 1 << 60 | 5 } end
  local whole = make()
  whole:fit(seeded(), { steps = 9, resume = true })
  torch.deserialize(torch.serialize(whole:state()))
  local part = make()
  torch.manualSeed(3)
  part:fit(loader(), { epochs = 3, resume = true })
  whole:load(checkpoints.read(dir .. "/step-000000009.t7") or whole:state())
  tester:eq(whole.seed, part.seed)
  whole.dir = nil
  whole:fit(seeded(), { epochs = 3 })
  same(whole, part, "an unseeded run")
  paths.rmall(dir, "yes")
end

function tests.BrokenFiles()
  local dir = folder()
  local function make() return trainer { dir = dir, callbacks = { train.Checkpoint { every = 3 } } } end
  make():fit(loader(), { epochs = 2 })
  local whole = trainer()
  whole:fit(loader(), { epochs = 2 })
  local path = dir .. "/step-000000012.t7"
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  local warn, said = checkpoints.warn, nil
  local kinds = { bytes:sub(1, #bytes // 2), bytes:sub(1, 3), "", "hello", torch.serialize { 1 } }
  -- a bit of a weight
  local first = whole.model:parameters()[1]:detach():cpu():contiguous()
  local at = bytes:find(torch._bytes(first:storage(), first:storageOffset() + 5, 3), 1, true)
  tester:assert(at ~= nil, "the weight is in the file")
  kinds[#kinds + 1] = bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1) .. bytes:sub(at + 1)
  for _, broken in ipairs(kinds) do
    file = assert(io.open(path, "wb"))
    file:write(broken)
    file:close()
    checkpoints.warn = function(message, ...) said = message:format(...) end
    local t = make()
    local ok, message = pcall(t.fit, t, loader(), { epochs = 2, resume = true })
    checkpoints.warn = warn
    tester:assert(ok, tostring(message))
    tester:assert(said:find("step-000000012.t7", 1, true) ~= nil, said)
    same(whole, t, "from the one before")
    tester:assert(paths.filep(path .. ".bad"))
    os.remove(path .. ".bad")
  end
  for name in paths.files(dir, "^step.*t7$") do
    file = assert(io.open(dir .. "/" .. name, "wb"))
    file:write "hello"
    file:close()
  end
  checkpoints.warn = function() end
  fails(function() make():fit(loader(), { epochs = 2, resume = true }) end, "none of the 3 checkpoints")
  checkpoints.warn = warn
  fails(function() make():fit(loader(), { epochs = 2, resume = path }) end, "step-000000012.t7")
  paths.rmall(dir, "yes")
end

tester:add(tests):run()
