-- test_trainer_use: what people give to a trainer who come from elsewhere, and what it says.
local torch = require "torch"
local nn = require "nn"
local data = require "data"
local optim = require "optim"
local paths = require "paths"
local train = require "train"

local tester = torch.Tester()
local tests = torch.TestSuite()

local inputs, targets = torch.ones(4, 2), torch.LongTensor { 1, 2, 1, 2 }
local batch = { inputs, targets }

local function trainer(options)
  local all = { model = nn.Linear(2, 2), loss = nn.CrossEntropyCriterion(), optimizer = "SGD",
    progress = false }
  for k, v in pairs(options or {}) do all[k] = v end
  return train.Trainer(all)
end

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, part in ipairs { ... } do
    tester:assert(tostring(message):find(part, 1, true) ~= nil,
      ("%q is not in %q"):format(part, tostring(message)))
  end
end

-- What is done already is not done again, also where a checkpoint was made inside an epoch.
function tests.NoEpochsOfAnOpenOne()
  local dir = paths.tmpname()
  os.remove(dir)
  local function make() return trainer { dir = dir, callbacks = { train.Checkpoint { every = 1 } } } end
  make():fit({ batch, batch, batch }, { steps = 2 })
  local t = make()
  t:fit({ batch, batch, batch }, { epochs = 0, resume = true })
  tester:eq({ t.step, t.epoch, t.batch }, { 2, 1, 2 })
  t:fit({ batch, batch, batch }, { epochs = 1 })
  tester:eq({ t.step, t.epoch, t.batch }, { 3, 1, 3 })
  paths.rmall(dir, "yes")
end

function tests.OneCallbackAndOneMetric()
  local seen = 0
  local count = { epochEnd = function() seen = seen + 1 end }
  local t = trainer { callbacks = count, metrics = "accuracy" }
  local history = t:fit({ batch }, { epochs = 2, callbacks = train.Callback(count) })
  tester:eq(seen, 4)
  tester:eq(#history.accuracy, 2)
  t = trainer { metrics = train.Accuracy { name = "mine" }, callbacks = train.Timer() }
  tester:eq(#t:fit({ batch }).mine, 1)
  tester:eq(#t.callbacks, 1)
  fails(function() trainer { callbacks = { onEpochEnd = print } } end, "there is no event 'onEpochEnd'")
  fails(function() trainer():fit({ batch }, { callbacks = train.EarlyStopping { monitor = "x" } }) end,
    "there is no value 'x' to monitor")
end

function tests.InputAndTargetAsTwoValues()
  local loader = { batches = function()
    local i = 0
    return function()
      i = i + 1
      if i <= 3 then return inputs, targets end
    end
  end }
  local t = trainer { metrics = { "accuracy" } }
  t:fit(loader, { epochs = 1, validate = loader })
  tester:eq(t.step, 3)
  tester:eq(t:predict(loader):size(1), 12)
end

function tests.ErrorsKeepTheirTraceback()
  local function my_broken_step() error "here" end
  local t = trainer { step = function(...)
    my_broken_step(...)
    return 1
  end }
  local ok, trace = xpcall(t.fit, debug.traceback, t, { batch })
  tester:assert(not ok)
  tester:assert(trace:find("my_broken_step", 1, true) ~= nil, trace)
  torch.noGrad(function() tester:eq(#trainer():fit({ batch }).loss, 1) end)
end

function tests.Printed()
  local t = trainer()
  t:fit({ batch, batch }, { epochs = 3 })
  tester:eq(tostring(t), "train.Trainer of nn.Linear with optim.SGD: 3 epochs, 6 steps done")
  tester:eq(tostring(train.Accuracy()), "train.Accuracy 'accuracy'")
end

function tests.Messages()
  fails(function() trainer():fit(data.TensorDataset { inputs, targets }) end, "got data.TensorDataset",
    "data.DataLoader makes a loader of it")
  fails(function() trainer():fit { { x = inputs, label = targets } } end, "only (label, x)")
  fails(function() trainer { optimizer = { name = "Adam" } } end, "{ 'Adam', lr = 0.01 }",
    "got a table without [1]")
  fails(function() trainer { model = nn.ReLU() } end, "the model has no parameters")
  local t = trainer { optimizer = "Adam" }
  fails(function() t:load(trainer():state()) end, "a state of optim.SGD, the trainer has optim.Adam")
  fails(function() optim.StepLR(t.optimizer, { stepsize = 1 }) end, "there is no option 'stepsize'",
    "gamma", "stepSize")
  for _, f in ipairs { function() optim.Adam({ torch.ones(1) }, { LR = 1 }) end,
    function() optim.EMA({ torch.ones(1) }, { LR = 1 }) end,
    function() optim.WarmUp(t.optimizer, { LR = 1 }) end,
    function() data.csv("none.csv", { LR = 1 }) end, function() torch.loadnpy("none.npy", { LR = 1 }) end } do
    fails(f, "there is no option 'LR'; there are ")
  end
end

-- Whether more is better is told from a value's name, in callbacks and in `cresset runs` alike.
function tests.Better()
  local better = require "runs.better"
  for _, name in ipairs { "val_acc", "acc", "accuracy", "valAcc", "acc1", "top5", "val_top1", "f1",
    "val_f1_2", "r2", "auc", "val_averagePrecision", "mIoU", "mAP", "reward", "map" } do
    tester:eq(train.EarlyStopping({ monitor = name }).mode, "max", name)
    tester:assert(better(name), name)
  end
  for _, name in ipairs { "loss", "val_loss", "mape", "rmse", "perplexity", "stop", "accumulated", "factor",
    "vacuum" } do
    tester:eq(train.EarlyStopping({ monitor = name }).mode, "min", name)
  end
end

tester:add(tests):run()
