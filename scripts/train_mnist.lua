-- Trains a convolutional network on handwritten digits, tests it, saves it, loads it back.
--
--   cresset scripts/train_mnist.lua                      the 12,000 digits in scripts/data/mnist
--   cresset scripts/train_mnist.lua -data FOLDER         any folder with the four MNIST files
--   cresset scripts/train_mnist.lua -device cuda         on the GPU
--   cresset scripts/train_mnist.lua -help                all options
--
-- It is written to be read, and to be copied as a beginning of your own.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision
local data = require "data"
local paths = require "paths"
local plot = require "plot"
local xlua = require "xlua"

-- ---- options ------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_mnist.lua")

local cmd = torch.CmdLine()
cmd:text "Trains a network on handwritten digits."
cmd:option("-data", paths.concat(here, "data", "mnist"), "folder with the MNIST files")
cmd:option("-epochs", 8, "passes over the training set")
cmd:option("-batch", 64, "digits in a step")
cmd:option("-lr", 0.001, "learning rate of Adam, in the first epoch")
cmd:option("-seed", 1, "of the random numbers")
cmd:option("-device", "cpu", "cpu, or cuda for a GPU: with the same seed, the same numbers but for rounding")
cmd:option("-precision", "float32", "float32, bfloat16 or float16, in which products and layers work")
cmd:option("-digits", 0, "how many digits to train on, and at most to test with; 0: all")
cmd:option("-save", "digits.t7", "file for the trained model")
cmd:option("-curve", "digits.svg", "file for the picture of the learning curve")
local opt = cmd:parse(arg or {})

torch.manualSeed(opt.seed)
if opt.device ~= "cpu" then torch.cuda.setDevice(opt.device) end -- an error where there is none

-- Modules begin in host memory.
local function on_device(module)
  return opt.device == "cpu" and module or module:cuda()
end

-- ---- data ---------------------------------------------------------------------------------------

-- data: n x 28 x 28 bytes; label: the digit plus one, as classes count from 1.
local mnist = data.mnist(opt.data)

local function prepare(set)
  local n = set.data:size(1)
  if opt.digits > 0 then n = math.min(n, opt.digits) end
  local images = set.data:narrow(1, 1, n):float():to(opt.device):view(-1, 1, 28, 28)
  return { images = images:mul(1 / 255):add(-0.1307):div(0.3081),
    labels = set.label:narrow(1, 1, n):long():to(opt.device) }
end

local train, test = prepare(mnist.train), prepare(mnist.test)
local ntrain, ntest = train.labels:size(1), test.labels:size(1)
print(("%d digits to train on, %d to test"):format(ntrain, ntest))

-- ---- model --------------------------------------------------------------------------------------

local model = on_device(nn.Sequential()
  :add(nn.SpatialConvolution(1, 20, 5, 5)) -- 20 x 24 x 24
  :add(nn.ReLU())
  :add(nn.SpatialMaxPooling(2, 2))         -- 20 x 12 x 12
  :add(nn.SpatialConvolution(20, 50, 5, 5)) -- 50 x 8 x 8
  :add(nn.ReLU())
  :add(nn.SpatialMaxPooling(2, 2))         -- 50 x 4 x 4
  :add(nn.View(-1, 800))
  :add(nn.Linear(800, 500))
  :add(nn.ReLU())
  :add(nn.Dropout(0.5))
  :add(nn.Linear(500, 10)))
local criterion = on_device(nn.CrossEntropyCriterion())
local optimizer = optim.Adam(model:parameters(), { lr = opt.lr })
local precision = MixedPrecision(opt.precision, opt.device)
print(model)

-- ---- training -----------------------------------------------------------------------------------

local background = train.images:min()

-- The digits of a batch moved by up to two pixels each way, so that the network sees more than it has.
local function moved(images)
  local dx, dy = torch.random(0, 4), torch.random(0, 4)
  local wide = images.new(images:size(1), 1, 32, 32):fill(background)
  wide[{ {}, {}, { 3, 30 }, { 3, 30 } }] = images
  return wide[{ {}, {}, { 1 + dy, 28 + dy }, { 1 + dx, 28 + dx } }]
end

local function loss_of(images, labels) return criterion(model(images), labels) end

local function train_epoch(epoch)
  model:training()
  -- The rate falls along half a cosine, epoch by epoch.
  optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * (epoch - 1) / opt.epochs)) / 2)
  local order = torch.randperm(ntrain):to(opt.device)
  local bar = xlua.Progress(ntrain, ("epoch %d"):format(epoch))
  local sum, seen = 0, 0
  for first = 1, ntrain, opt.batch do
    local n = math.min(opt.batch, ntrain - first + 1)
    local batch = order:narrow(1, first, n)
    local images, labels = train.images:index(1, batch), train.labels:index(1, batch)
    local loss = precision:run(loss_of, moved(images), labels)
    precision:step(optimizer, loss)
    sum, seen = sum + loss:item() * n, seen + n
    bar:update(seen, { loss = sum / seen })
  end
  bar:finish()
  return sum / seen
end

local function classify(net, images)
  net:evaluate()
  return torch.noGrad(function()
    local _, classes = torch.max(net(images), 2)
    return classes:view(-1)
  end)
end

local function evaluate(net)
  local confusion = optim.ConfusionMatrix { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" }
  for first = 1, ntest, 500 do
    local n = math.min(500, ntest - first + 1)
    confusion:batchAdd(classify(net, test.images:narrow(1, first, n)), test.labels:narrow(1, first, n))
  end
  confusion:updateValids()
  return confusion
end

local timer = torch.Timer()
local losses, accuracies = {}, {}
local confusion
for epoch = 1, opt.epochs do
  losses[epoch] = train_epoch(epoch)
  confusion = evaluate(model)
  accuracies[epoch] = 100 * confusion.totalValid
  print(("epoch %d: loss %.4f, test accuracy %.2f %%"):format(epoch, losses[epoch], accuracies[epoch]))
end
print(("trained in %.1f s"):format(timer:time().real))
print(confusion)

-- ---- the learning curve, the model on disk ----------------------------------------------------------

plot.curves(opt.curve, { { "training loss", losses } },
  { title = "handwritten digits", xlabel = "epoch", ylabel = "loss" })
torch.save(opt.save, model:clearState())
print(("learning curve in %s, model in %s"):format(opt.curve, opt.save))

-- ---- the model again, classifying -------------------------------------------------------------------

local loaded = torch.load(opt.save)
local sample = test.images:narrow(1, 1, 6)
local classes = classify(loaded, sample)
for i = 1, sample:size(1) do
  print(plot.digit(mnist.test.data[i]))
  print(("the model reads %d, it is %d\n"):format(classes[i] - 1, test.labels[i] - 1))
end

local same = torch.noGrad(function() return torch.equal(loaded(sample), model(sample)) end)
print("the loaded model gives the same outputs to the last bit: " .. (same and "yes" or "NO"))
print(("test accuracy: %.2f %%"):format(100 * evaluate(loaded).totalValid))
if not same then os.exit(1) end
