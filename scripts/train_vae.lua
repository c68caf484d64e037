-- Trains a variational autoencoder on handwritten digits, reports the evidence lower bound of digits that it
-- has not seen, and draws digits of its own.  Kingma and Welling, "Auto-encoding variational Bayes", 2014.
--
--   cresset scripts/train_vae.lua                        the 10,000 digits in scripts/data/mnist
--   cresset scripts/train_vae.lua -data FOLDER           any folder with the four MNIST files
--   cresset scripts/train_vae.lua -save vae.t7           keeps the model; -load vae.t7 goes on from it
--   cresset scripts/train_vae.lua -help                  all options
--
-- In 40 epochs the bound of the test digits reaches -106.3 nats.  This takes 33 s of processor time; it took
-- 32 s on two cores that other programs used too.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local MixedPrecision = require("train").MixedPrecision
local data = require "data"
local paths = require "paths"
local plot = require "plot"

-- ---- options ------------------------------------------------------------------------------------

local here = paths.dirname(arg and arg[0] or "scripts/train_vae.lua")

local cmd = torch.CmdLine()
cmd:text "Trains a variational autoencoder on handwritten digits."
cmd:option("-data", paths.concat(here, "data", "mnist"), "folder with the MNIST files")
cmd:option("-digits", 0, "how many digits to train on, and at most to test with; 0: all")
cmd:option("-epochs", 40, "passes over the training set")
cmd:option("-batch", 100, "digits in a step")
cmd:option("-hidden", 400, "units of the hidden layers")
cmd:option("-latent", 20, "numbers in the code of a digit")
cmd:option("-lr", 0.001, "learning rate of Adam, which falls along half a cosine")
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

-- The grey of a pixel is the probability that it is ink.
local mnist = data.mnist(opt.data)

local function prepare(images)
  local n = opt.digits > 0 and math.min(opt.digits, images:size(1)) or images:size(1)
  return images:narrow(1, 1, n):float():div(255):to(opt.device):view(n, 784)
end

local train = prepare(mnist.train.data)
local test = torch.bernoulli(prepare(mnist.test.data)) -- the same black and white pixels in each epoch
print(("%d digits to train on, %d to test"):format(train:size(1), test:size(1)))

-- ---- model --------------------------------------------------------------------------------------

local Vae, parent = torch.class("Vae", "nn.Module", {})

function Vae:__init(pixels, hidden, latent)
  parent.__init(self)
  self.encoder = nn.Sequential():add(nn.Linear(pixels, hidden)):add(nn.ReLU())
  self.mean = nn.Linear(hidden, latent)
  self.logVariance = nn.Linear(hidden, latent)
  self.decoder = nn.Sequential():add(nn.Linear(latent, hidden)):add(nn.ReLU()):add(nn.Linear(hidden, pixels))
end

-- Gives the logits of the pixels, and mean and logarithm of the variance of the codes.
function Vae:updateOutput(x)
  local h = self.encoder(x)
  local mean, logVariance = self.mean(h), self.logVariance(h)
  local deviation = torch.exp(logVariance / 2)
  local code = mean + torch.cmul(deviation, torch.randnLike(mean)) -- a sample that gradients flow through
  return self.decoder(code), mean, logVariance
end

-- The evidence lower bound, in nats a digit: log p(x | code) less the divergence of q(code | x) from N(0, 1).
local function elbo(model, x)
  local logits, mean, logVariance = model(x)
  local logp = torch.cmul(x, logits):sum() - torch.softplus(logits):sum()
  local divergence = (torch.square(mean) + torch.exp(logVariance) - logVariance - 1):sum() / 2
  return (logp - divergence) / x:size(1)
end

local model = opt.load ~= "" and torch.load(opt.load) or Vae(784, opt.hidden, opt.latent)
if opt.device ~= "cpu" then model:cuda() end
local optimizer = optim.Adam(model:parameters(), { lr = opt.lr })
local precision = MixedPrecision(opt.precision, opt.device)

-- ---- training -----------------------------------------------------------------------------------

local function train_epoch(epoch)
  model:training()
  optimizer:set("lr", opt.lr * (1 + math.cos(math.pi * (epoch - 1) / opt.epochs)) / 2)
  local order = torch.randperm(train:size(1)):to(opt.device)
  local sum = 0
  for _, places in ipairs(order:split(opt.batch)) do
    local x = torch.bernoulli(train:index(1, places))
    local loss = -precision:run(elbo, model, x)
    precision:step(optimizer, loss)
    sum = sum + loss:item() * x:size(1)
  end
  return sum / train:size(1)
end

local function evaluate()
  model:evaluate()
  return torch.noGrad(elbo, model, test)
end

local timer = torch.Timer()
for epoch = 1, opt.epochs do
  local before = timer:time().real
  local loss = train_epoch(epoch)
  local rate = train:size(1) / (timer:time().real - before)
  print(("epoch %d: loss %.3f, ELBO of test digits %.3f nats, %.0f digits/s"):format(epoch, loss, evaluate(),
    rate))
end
local spent = timer:time()
print(("trained in %.1f s, %.1f s of processor time"):format(spent.real, spent.user + spent.sys))
if opt.save ~= "" then torch.save(opt.save, model:clearState()) end

-- ---- digits of its own ----------------------------------------------------------------------------

local drawn = torch.noGrad(function()
  return torch.sigmoid(model.decoder(torch.randn(5, opt.latent):to(opt.device)))
end)
print(plot.digits(drawn:view(5, 28, 28):to("cpu")))
print(("ELBO of test digits: %.2f nats"):format(evaluate()))
