-- models.lua: train.*, infer.*, startup.* and memory.*: whole models.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local numbers = require "bench_workloads.numbers"
local resnet18 = require "bench_workloads.resnet18"
local training = require "bench_workloads.training"

local U, I = numbers.U, numbers.I
local prepared, sequence, trainer = training.prepared, training.sequence, training.trainer

-- step(): ten forward passes in evaluation mode.
local function predictor(model, x, inner)
  model:evaluate()
  local function forward()
    local y
    for _ = 1, inner do y = model(x) end
    return y
  end
  return training.repeated(function() return torch.noGrad(forward) end)
end

-- ---- the models ---------------------------------------------------------------------------------

local function mlp_model(inputs, hidden)
  return prepared(sequence(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
    nn.Linear(hidden, 10)))
end

local function mlp(batch, inputs, hidden)
  local m = mlp_model(inputs, hidden)
  return trainer(m, nn.CrossEntropyCriterion(), U(1, batch, inputs), I(2, 10, batch),
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

-- Characters through the library's own recurrent layers, 50 steps of 50 lines.
local function char_rnn(class, width, layers, optimizer, options)
  local m = prepared(sequence(nn.Embedding(65, width), nn[class](width, width, { numLayers = layers }),
    nn.View(-1, width), nn.Linear(width, 65)))
  return trainer(m, nn.CrossEntropyCriterion(), I(1, 65, 50, 50), I(2, 65, 2500),
    optim[optimizer](m:parameters(), options))
end

local function char_lstm()
  return char_rnn("LSTM", 512, 2, "RMSprop", { lr = 2e-3, alpha = 0.95 })
end

-- Two networks, neither with biases: one makes pictures, one tells them from real ones.
local function dcgan_models()
  local g, d, width = nn.Sequential(), nn.Sequential(), 100
  local function up(to, stride, pad)
    g:add(nn.ConvTranspose2d(width, to, 4, { stride = stride, padding = pad, bias = false }))
    width = to
  end
  for i, to in ipairs { 512, 256, 128, 64 } do
    up(to, i == 1 and 1 or 2, i == 1 and 0 or 1)
    g:add(nn.SpatialBatchNormalization(to)):add(nn.ReLU())
  end
  up(3, 2, 1)
  g:add(nn.Tanh())
  local function down(to, stride, pad)
    d:add(nn.Conv2d(width, to, 4, { stride = stride, padding = pad, bias = false }))
    width = to
  end
  for i, to in ipairs { 64, 128, 256, 512 } do
    down(to, 2, 1)
    if i > 1 then d:add(nn.SpatialBatchNormalization(to)) end
    d:add(nn.LeakyReLU(0.2))
  end
  down(1, 1, 0)
  return prepared(g), prepared(d:add(nn.View(-1)), 200)
end

local function dcgan()
  local g, d = dcgan_models()
  local real, z, criterion = U(1, 16, 3, 64, 64), U(2, 16, 100, 1, 1), nn.BCEWithLogitsLoss()
  local one, zero = numbers.on_device(torch.ones(16)), numbers.zeros(16)
  local options = { lr = 2e-4, betas = { 0.5, 0.999 } }
  local of_g, of_d = optim.Adam(g:parameters(), options), optim.Adam(d:parameters(), options)
  local function backward(images, target)
    local loss = criterion(d(images), target)
    loss:backward()
    return loss:detach()
  end
  return training.repeated(function()
    of_d:zeroGrad()
    local losses, fake = backward(real, one), g(z)
    losses = losses + backward(fake:detach(), zero)
    of_d:step()
    of_g:zeroGrad()
    losses = losses + backward(fake, one)
    of_g:step()
    return losses
  end)
end

-- ---- the list -----------------------------------------------------------------------------------

-- Multiplications with additions of a forward pass, for one picture or character.  A step of training takes
-- three times as many: the outputs, and the derivatives by the inputs and by the weights.
local mac = {
  mlp = 784 * 512 + 512 * 512 + 512 * 10,
  lenet = 24 ^ 2 * 20 * 25 + 8 ^ 2 * 50 * 500 + 800 * 500 + 500 * 10,
  autoencoder = 2 * (784 * 256 + 256 * 64),
  resnet18 = 555.4e6,
  char_lstm = 2 * 4 * 512 * 1024 + 512 * 65,
  char_gru = 3 * 256 * 512 + 256 * 65,
  generator = 16 * (100 * 512 + 4 ^ 2 * 512 * 256 + 8 ^ 2 * 256 * 128 + 16 ^ 2 * 128 * 64 + 32 ^ 2 * 64 * 3),
  discriminator = 16 * (32 ^ 2 * 3 * 64 + 16 ^ 2 * 64 * 128 + 8 ^ 2 * 128 * 256 + 4 ^ 2 * 256 * 512 + 512),
}

return function(workloads)
  local add = workloads.add
  -- Weights read forward, but for the first layer's again for the inputs' derivatives; gradients written and
  -- read; weights and momentum read and written.
  local mlp_step_bytes = 4 * (2 * mac.mlp - 784 * 512 + 2 * mac.mlp + 4 * mac.mlp)
  add("train.mlp_b128", { kind = "train", flop = 6 * 128 * mac.mlp, build = function()
    return mlp(128, 784, 512)
  end })
  add("train.mlp_b1", { kind = "train", flop = 6 * mac.mlp, bytes = mlp_step_bytes, build = function()
    return mlp(1, 784, 512)
  end })
  add("train.mlp_small", { kind = "train", counted = true, build = function() return mlp(4, 16, 16) end })
  add("train.lenet_b64", { kind = "train", flop = 6 * 64 * mac.lenet, build = lenet })
  add("train.autoencoder_b128", { kind = "train", flop = 6 * 128 * mac.autoencoder, build = autoencoder })
  add("train.resnet18_b32", { kind = "train", flop = 6 * 32 * mac.resnet18, build = resnet })
  add("train.char_lstm", { kind = "train", flop = 6 * 2500 * mac.char_lstm, build = char_lstm })
  add("train.char_gru", { kind = "train", flop = 6 * 2500 * mac.char_gru, build = function()
    return char_rnn("GRU", 256, 1, "Adam", { lr = 1e-3 })
  end })
  -- The generator once, its pictures and the real ones through the other network three times in all.
  add("train.dcgan_b16", { kind = "train", dynamic = true, build = dcgan,
    flop = 6 * 16 * (mac.generator + 3 * mac.discriminator) })
  add("infer.resnet18_b1", { flop = 2 * mac.resnet18, build = function()
    return predictor(prepared(resnet18()), U(1, 1, 3, 32, 32), 1)
  end })
  add("infer.mlp_b1", { inner = 10, flop = 2 * mac.mlp, bytes = 4 * mac.mlp, build = function()
    return predictor(mlp_model(784, 512), U(1, 1, 784), 10)
  end })
  add("startup.first_add", { kind = "startup" })
  add("memory.char_lstm", { kind = "memory", build = char_lstm })
  add("memory.resnet18", { kind = "memory", build = resnet })
  add("memory.growth_mlp_b1", { kind = "growth", steps = 2000, build = function()
    return mlp(1, 784, 512)
  end })
end
