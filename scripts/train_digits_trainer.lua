-- Trains a convolutional network on handwritten digits with train.Trainer and data.DataLoader; a training
-- that was ended in any way goes on where it was when the script is started again.
--
--   cresset scripts/train_digits_trainer.lua                    the 12,000 digits in scripts/data/mnist
--   cresset scripts/train_digits_trainer.lua -dir run2          in another folder
--   cresset scripts/train_digits_trainer.lua -precision bfloat16 -device cuda
--   cresset scripts/train_digits_trainer.lua -help              all options
--
-- It is written to be read, and to be copied as a beginning of your own.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local data = require "data"
local train = require "train"
local paths = require "paths"
local plot = require "plot"

-- ---- options ---------------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_digits_trainer.lua")

local cmd = torch.CmdLine()
cmd:text "Trains a network on handwritten digits, and goes on after any end."
cmd:option("-data", paths.concat(here, "data", "mnist"), "folder with the MNIST files")
cmd:option("-dir", "digits.run", "folder for checkpoints and log; training goes on from what is there")
cmd:option("-epochs", 8, "passes over the training set, in all; the learning rate is planned for them")
cmd:option("-batch", 64, "digits in a batch")
cmd:option("-accumulate", 1, "batches in a step")
cmd:option("-lr", 0.002, "learning rate of AdamW, at its highest")
cmd:option("-precision", "float32", "float32, bfloat16 or float16, in which products and layers work")
cmd:option("-ema", 0.99, "decay of the averages of the weights, with which it is tested")
cmd:option("-patience", 3, "epochs without progress after which training ends")
cmd:option("-every", 50, "steps between two checkpoints")
cmd:option("-workers", 0, "threads that read and change the digits")
cmd:option("-seed", 1, "of the random numbers")
cmd:option("-device", "cpu", "cpu, or cuda for a GPU")
cmd:option("-digits", 0, "how many digits to train with, and at most to test; 0: all")
cmd:option("-threads", 0, "how many threads compute; 0: as many as there are cores")
cmd:option("-save", "digits.t7", "file for the trained model")
local opt = cmd:parse(arg or {})

torch.manualSeed(opt.seed)
if opt.threads > 0 then torch.setnumthreads(opt.threads) end

-- ---- data ------------------------------------------------------------------------------------------------

local mnist = data.mnist(opt.data)

-- Of the digits of a set the share from `first` to `last` as 1 x 28 x 28 numbers around 0; for training they
-- are moved by up to two pixels each way.
local function digits(set, first, last, moves)
  local n = set.data:size(1)
  if opt.digits > 0 then n = math.min(n, opt.digits) end
  local before, upto = math.floor(n * first), math.floor(n * last)
  local images = set.data:narrow(1, before + 1, upto - before)
  local labels = set.label:narrow(1, before + 1, upto - before):long()
  return data.Dataset {
    size = upto - before,
    get = function(i)
      local image = torch.zeros(1, 32, 32)
      image[{ 1, { 3, 30 }, { 3, 30 } }] = images[i]:float()
      local dx, dy = 3, 3
      if moves then dx, dy = torch.random(1, 5), torch.random(1, 5) end
      image = image:narrow(2, dy, 28):narrow(3, dx, 28)
      return { torch.mul(image, 1 / 255 / 0.3081):add(-0.1307 / 0.3081), labels[i] }
    end,
  }
end

local function in_batches(set, options)
  options.workers, options.seed = opt.workers, opt.seed
  return data.DataLoader(set, options)
end

-- A tenth of the training set says which epoch is the best; the test set is for the end alone.
local loader = in_batches(digits(mnist.train, 0, 0.9, true), { batchSize = opt.batch, shuffle = true })
local validation = in_batches(digits(mnist.train, 0.9, 1), { batchSize = 250 })
local test = in_batches(digits(mnist.test, 0, 1), { batchSize = 250 })
print(("%d digits to train on, %d to validate, %d to test"):format(loader.dataset:size(),
  validation.dataset:size(), test.dataset:size()))

-- ---- model and trainer -----------------------------------------------------------------------------------

local model = nn.Sequential(
  nn.Conv2d(1, 20, 5), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2), -- 20 x 12 x 12
  nn.Conv2d(20, 50, 5), nn.BatchNorm2d(50), nn.ReLU(), nn.MaxPool2d(2), -- 50 x 4 x 4
  nn.Flatten(), nn.Dropout(0.3), nn.Linear(800, 10))

local steps = math.ceil(#loader / opt.accumulate) * opt.epochs

local function one_cycle(optimizer)
  return optim.OneCycleLR(optimizer, { maxLR = opt.lr, totalSteps = steps + 1 })
end

-- The numbers of each step, the options and this script in a folder of their own, which `cresset runs` and
-- TensorBoard show; without Jansson, which it needs, there is none.
local has_runs, runs = pcall(require, "runs")
local log = has_runs
  and runs.Run { dir = opt.dir, name = "log", options = opt, seed = opt.seed, resume = true } or nil

local trainer = train.Trainer {
  model = model,
  loss = nn.CrossEntropyLoss { labelSmoothing = 0.05 },
  optimizer = { "AdamW", lr = opt.lr, weightDecay = 0.01 },
  schedule = { one_cycle, every = "step" },
  metrics = { "accuracy", "f1" },
  clipNorm = 5, accumulate = opt.accumulate, precision = opt.precision,
  ema = { decay = opt.ema, warmup = true },
  device = opt.device, seed = opt.seed, dir = opt.dir, logger = log,
  callbacks = {
    train.Checkpoint { every = opt.every, keep = 2, monitor = "val_accuracy" },
    train.EarlyStopping { monitor = "val_accuracy", patience = opt.patience, restoreBest = true },
    train.NaNGuard(), train.LearningRateMonitor(),
  },
}

-- ---- training --------------------------------------------------------------------------------------------

local history = trainer:fit(loader, { epochs = opt.epochs, validate = validation, resume = true })

for epoch, loss in ipairs(history.loss) do
  print(("epoch %d: loss %.4f, validation accuracy %.2f %%"):format(epoch, loss,
    100 * history.val_accuracy[epoch]))
end
if log then log:close() end
plot.curves(paths.concat(opt.dir, "curve.svg"),
  { { "training", history.loss }, { "validation", history.val_loss } },
  { title = "handwritten digits", xlabel = "epoch", ylabel = "loss" })

-- ---- the trained model -----------------------------------------------------------------------------------

-- train.EarlyStopping has put the best epoch's weights back.
local confusion = train.ConfusionMatrix { classes = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" } }
for batch in test:batches() do confusion:update(trainer:predict { batch }, batch[2]) end
print(confusion:matrix())
torch.save(opt.save, model:cpu():clearState())
print(("model in %s, checkpoints in %s"):format(opt.save, opt.dir))
print(("test accuracy: %.2f %%"):format(100 * confusion:matrix():updateValids().totalValid))
