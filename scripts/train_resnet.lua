-- Trains a small residual network on images: He, Zhang, Ren and Sun, "Deep residual learning for image
-- recognition", 2016, the networks of 6n + 2 layers that it has for CIFAR-10.
--
--   cresset scripts/train_resnet.lua                     the 10,000 digits in scripts/data/mnist
--   cresset scripts/train_resnet.lua -data FOLDER        any folder with the four MNIST files, or with
--                                                        CIFAR-10's binary files (data_batch_1.bin, ..)
--   cresset scripts/train_resnet.lua -blocks 3           20 layers
--   cresset scripts/train_resnet.lua -save resnet.t7     keeps the model; -load resnet.t7 goes on from it
--   cresset scripts/train_resnet.lua -help               all options
--
-- With 8 layers and 6 epochs 98.35 % of the test digits are right.  This takes 87 s of processor time;
-- it took 88 s on two cores that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision
local data = require "data"
local paths = require "paths"

-- ---- options ------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_resnet.lua")

local cmd = torch.CmdLine()
cmd:text "Trains a residual network on images."
cmd:option("-data", paths.concat(here, "data", "mnist"), "folder with MNIST or CIFAR-10")
cmd:option("-images", 0, "how many images to train on, and at most to test with; 0: all")
cmd:option("-blocks", 1, "residual blocks in each of the three stages")
cmd:option("-width", 16, "channels of the first stage; the next have twice and four times as many")
cmd:option("-epochs", 6, "passes over the training set")
cmd:option("-batch", 32, "images in a step")
cmd:option("-lr", 0.05, "learning rate of SGD, which falls along half a cosine")
cmd:option("-decay", 5e-4, "weight decay")
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

-- ---- data ---------------------------------------------------------------------------------------

-- A file of CIFAR-10 has 3,073 bytes an image: the class from 0, then 32x32 of red, of green and of blue.
local function cifar_file(path)
  local file <close> = assert(io.open(path, "rb"))
  local bytes = torch.ByteTensor(torch.ByteStorage():string(file:read "a")):view(-1, 3073)
  return { data = bytes:narrow(2, 2, 3072):reshape(bytes:size(1), 3, 32, 32),
    label = bytes:select(2, 1):long():add(1) }
end

local function cifar(folder)
  local images, labels = {}, {}
  for i = 1, 5 do
    local part = cifar_file(paths.concat(folder, ("data_batch_%d.bin"):format(i)))
    images[i], labels[i] = part.data, part.label
  end
  return { train = { data = torch.cat(images, 1), label = torch.cat(labels, 1) },
    test = cifar_file(paths.concat(folder, "test_batch.bin")) }
end

local coloured = paths.filep(paths.concat(opt.data, "data_batch_1.bin"))
local set = coloured and cifar(opt.data) or data.mnist(opt.data)
local channels, size = coloured and 3 or 1, coloured and 32 or 28
local mean, deviation -- of the training images

local function prepare(part)
  local n = part.data:size(1)
  if opt.images > 0 then n = math.min(n, opt.images) end
  local images = part.data:narrow(1, 1, n):float():div(255)
  mean, deviation = mean or images:mean(), deviation or images:std()
  return { images = images:add(-mean):div(deviation):view(n, channels, size, size):to(opt.device),
    labels = part.label:narrow(1, 1, n):to(opt.device) }
end

local train, test = prepare(set.train), prepare(set.test)
local ntrain, ntest = train.labels:size(1), test.labels:size(1)
print(("%d images of %dx%dx%d to train on, %d to test"):format(ntrain, channels, size, size, ntest))

-- ---- model --------------------------------------------------------------------------------------

local function convolution(from, to, stride)
  return nn.SpatialConvolution(from, to, 3, 3, stride, stride, 1, 1):noBias()
end

-- Two convolutions beside a shortcut.  Where the image shrinks, the shortcut takes every other pixel and
-- has zeros for the channels that are new: the paper's option A, which has no parameters.
local Block, parent = torch.class("Block", "nn.Module", {})

function Block:__init(from, to, stride)
  parent.__init(self)
  self.stride, self.more = stride, to - from
  self.conv1, self.norm1 = convolution(from, to, stride), nn.SpatialBatchNormalization(to)
  self.conv2, self.norm2 = convolution(to, to, 1), nn.SpatialBatchNormalization(to)
end

function Block:updateOutput(x)
  local y = torch.relu(self.norm1(self.conv1(x)))
  y = self.norm2(self.conv2(y))
  if self.stride > 1 then x = x[{ {}, {}, { 1, -1, self.stride }, { 1, -1, self.stride } }] end
  if self.more > 0 then x = torch.pad(x, { 0, 0, 0, 0, 0, self.more }) end
  return torch.relu(y + x)
end

local function resnet(blocks, width)
  local net = nn.Sequential()
    :add(convolution(channels, width, 1)):add(nn.SpatialBatchNormalization(width)):add(nn.ReLU())
  local from = width
  for stage = 1, 3 do
    local to = width * 2 ^ (stage - 1) // 1 | 0
    for i = 1, blocks do
      net:add(Block(from, to, (stage > 1 and i == 1) and 2 or 1))
      from = to
    end
  end
  return net:add(nn.Mean(4)):add(nn.Mean(3)):add(nn.Linear(from, 10)) -- the mean over the image
end

local model = opt.load ~= "" and torch.load(opt.load) or resnet(opt.blocks, opt.width)
if opt.device ~= "cpu" then model:cuda() end
local criterion = nn.CrossEntropyCriterion()
local optimizer = optim.SGD(model:parameters(),
  { lr = opt.lr, momentum = 0.9, nesterov = true, weightDecay = opt.decay })
local precision = MixedPrecision(opt.precision, opt.device)
local count = 0
for _, p in ipairs(model:parameters()) do count = count + p:nElement() end
print(("%d layers, %d parameters"):format(6 * opt.blocks + 2, count))

-- ---- training -----------------------------------------------------------------------------------

-- The images of a batch moved by up to two pixels each way (four if they are pictures, and those are also
-- seen in the mirror), so that the network sees more than it has.
local margin = coloured and 4 or 2
local function varied(images)
  local dx, dy = torch.random(0, 2 * margin), torch.random(0, 2 * margin)
  local wide = torch.pad(images, { margin, margin, margin, margin }, "replicate")
  if coloured and torch.random(2) == 1 then wide = torch.flip(wide, 4) end
  return wide:narrow(3, 1 + dy, size):narrow(4, 1 + dx, size)
end

local steps, step = math.ceil(ntrain / opt.batch) * opt.epochs, 0

local function loss_of(images, labels) return criterion(model(images), labels) end

local function train_epoch()
  model:training()
  local sum = 0
  for _, places in ipairs(torch.randperm(ntrain):to(opt.device):split(opt.batch)) do
    optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * step / steps)) / 2)
    local images, labels = varied(train.images:index(1, places)), train.labels:index(1, places)
    local loss = precision:run(loss_of, images, labels)
    precision:step(optimizer, loss)
    sum, step = sum + loss:item() * places:size(1), step + 1
  end
  return sum / ntrain
end

-- The share of test images that are given their class, in percent.
local function evaluate()
  model:evaluate()
  return torch.noGrad(function()
    local right = 0
    for first = 1, ntest, 500 do
      local n = math.min(500, ntest - first + 1)
      local classes = model(test.images:narrow(1, first, n)):argmax(2):view(-1)
      right = right + classes:eq(test.labels:narrow(1, first, n)):sum()
    end
    return 100 * right / ntest
  end)
end

local timer = torch.Timer()
for epoch = 1, opt.epochs do
  local before = timer:time().real
  local loss = train_epoch()
  local rate = ntrain / (timer:time().real - before)
  print(("epoch %d: loss %.4f, test accuracy %.2f %%, %.0f images/s"):format(epoch, loss, evaluate(), rate))
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end
print(("test accuracy: %.2f %%"):format(evaluate()))
