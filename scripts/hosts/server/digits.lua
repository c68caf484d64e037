-- digits: a model that reads digits, and requests for a server of it with the answers they must get.
--
--   cresset digits.lua -model FILE       what scripts/train_mnist.lua saved; without it: not trained
--
-- Writes into the folder of -into: model.t7 for the server, model.safetensors with the same weights for
-- peer.py, and requests.txt for load.c, a line each: what the model gives, a tab, the body.

local torch = require "torch"
local nn = require "nn"
local data = require "data"
local json = require "json"
local paths = require "paths"

local here = paths.dirname(arg and arg[0] or "scripts/hosts/server/digits.lua")

local cmd = torch.CmdLine()
cmd:text "Writes a model that reads digits, and requests for a server of it."
cmd:option("-model", "", "file that train_mnist.lua saved; none: the same network, not trained")
cmd:option("-data", paths.concat(here, "..", "..", "data", "mnist"), "folder with the MNIST files")
cmd:option("-requests", 1000, "how many")
cmd:option("-into", ".", "folder for the files")
local opt = cmd:parse(arg or {})

local function untrained()
  torch.manualSeed(1)
  return nn.Sequential()
    :add(nn.SpatialConvolution(1, 20, 5, 5)):add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2))
    :add(nn.SpatialConvolution(20, 50, 5, 5)):add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2))
    :add(nn.View(-1, 800)):add(nn.Linear(800, 500)):add(nn.ReLU()):add(nn.Linear(500, 10))
end

-- A row of 784 pixels, 0 to 255, is what a client has.
local reader = opt.model == "" and untrained() or torch.load(opt.model)
local model = nn.Sequential()
  :add(nn.MulConstant(1 / 255)):add(nn.AddConstant(-0.1307)):add(nn.MulConstant(1 / 0.3081))
  :add(nn.View(-1, 1, 28, 28)):add(reader)
model:evaluate()

local test = data.mnist(opt.data).test
local n = math.min(opt.requests, test.data:size(1))
local rows = test.data:narrow(1, 1, n):view(n, -1)
local outputs = torch.noGrad(function() return model(rows:float()) end)

local file <close> = assert(io.open(paths.concat(opt.into, "requests.txt"), "w"))
for i = 1, n do
  file:write(json.encode(outputs[i]), "\t", json.encode { inputs = rows:narrow(1, i, 1) }, "\n")
end
torch.save(paths.concat(opt.into, "model.t7"), model:clearState())
torch.save(paths.concat(opt.into, "model.safetensors"), reader:stateDict())

local _, classes = torch.max(outputs, 2)
local right = classes:view(-1):eq(test.label:narrow(1, 1, n):long()):sum()
print(("%d requests; the model reads %.1f %% of them right"):format(n, 100 * right / n))
