-- models.lua: train.*, infer.*, startup.* and memory.*: whole models.
--
-- A training step is: zero gradients, forward, mean loss, backward, update, on the same batch each time.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local numbers = require "bench_workloads.numbers"
local resnet18 = require "bench_workloads.resnet18"

local U, I = numbers.U, numbers.I

-- The model with its starting weights, on the device: vectors are zero but for the gains of
-- normalisations.
local function prepared(model)
  numbers.init((model:parameters()))
  local function gains(m)
    if torch.isTypeOf(m, "nn.BatchNormalization") then m.weight:fill(1) end
    for _, child in ipairs(m.modules or {}) do gains(child) end
  end
  gains(model)
  return numbers.on_device(model)
end

local function sequence(...)
  local model = nn.Sequential()
  for _, m in ipairs { ... } do model:add(m) end
  return model
end

local function trainer(model, criterion, x, t, optimizer)
  return function()
    optimizer:zeroGrad()
    local loss = criterion(model(x), t)
    loss:backward()
    optimizer:step()
    return loss:detach()
  end
end

-- step(): ten forward passes in evaluation mode.
local function predictor(model, x, inner)
  model:evaluate()
  return function()
    return torch.noGrad(function()
      local y
      for _ = 1, inner do y = model(x) end
      return y
    end)
  end
end

-- ---- the models ---------------------------------------------------------------------------------

local function mlp_model()
  return prepared(sequence(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
    nn.Linear(512, 10)))
end

local function mlp(batch)
  local m = mlp_model()
  return trainer(m, nn.CrossEntropyCriterion(), U(1, batch, 784), I(2, 10, batch),
    optim.SGD(m:parameters(), { lr = 0.01, momentum = 0.9 }))
end

local function lenet()
  local m = prepared(sequence(
    nn.SpatialConvolution(1, 20, 5, 5), nn.ReLU(), nn.SpatialMaxPooling(2, 2),
    nn.SpatialConvolution(20, 50, 5, 5), nn.ReLU(), nn.SpatialMaxPooling(2, 2), nn.View(800),
    nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)))
  return trainer(m, nn.CrossEntropyCriterion(), U(1, 64, 1, 28, 28), I(2, 10, 64),
    optim.Adam(m:parameters(), { lr = 1e-3 }))
end

local function autoencoder()
  local m = prepared(sequence(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(),
    nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid()))
  local x = numbers.between(0, 1, 1, 128, 784)
  return trainer(m, nn.MSECriterion(), x, x, optim.Adam(m:parameters(), { lr = 1e-3 }))
end

local function resnet()
  local m = prepared(resnet18())
  return trainer(m, nn.CrossEntropyCriterion(), U(1, 32, 3, 32, 32), I(2, 10, 32),
    optim.SGD(m:parameters(), { lr = 0.01, momentum = 0.9, weightDecay = 5e-4 }))
end

-- ---- the list -----------------------------------------------------------------------------------

return function(workloads)
  local add = workloads.add
  local mlp_flop = 2 * (784 * 512 + 512 * 512 + 5120)
  add("train.mlp_b128", { kind = "train", flop = 3 * 128 * mlp_flop, build = function() return mlp(128) end })
  add("train.mlp_b1", { kind = "train", build = function() return mlp(1) end })
  add("train.lenet_b64", { kind = "train", build = lenet })
  add("train.autoencoder_b128", { kind = "train", build = autoencoder })
  add("train.resnet18_b32", { kind = "train", flop = 3 * 32 * 2 * 555.4e6, build = resnet })
  add("infer.resnet18_b1", { flop = 2 * 555.4e6, build = function()
    return predictor(prepared(resnet18()), U(1, 1, 3, 32, 32), 1)
  end })
  add("infer.mlp_b1", { inner = 10, flop = mlp_flop, build = function()
    return predictor(mlp_model(), U(1, 1, 784), 10)
  end })
  add("startup.first_add", { kind = "startup" })
  add("memory.resnet18", { kind = "memory", build = resnet })
  add("memory.growth_mlp_b1", { kind = "growth", steps = 2000, build = function() return mlp(1) end })
end
