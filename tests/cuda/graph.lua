-- graph: functions that are captured and repeated (torch.cuda.graph).  run_runtime runs it, on the emulation
-- or, where there is a GPU, on that.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, wanted in ipairs { ... } do
    local there = tostring(message):find(wanted, 1, true)
    tester:assert(there ~= nil, wanted .. " is not in: " .. tostring(message))
  end
end

-- ---- what is repeated -----------------------------------------------------------------------------------

function tests.new_inputs()
  local x = torch.CudaTensor { 1, 2, 3 }
  local calls = 0
  local g = cuda.graph(function()
    calls = calls + 1
    return torch.exp(x * 2) + 1, "text"
  end)
  tester:eq(calls, 3)
  for i = 1, 4 do
    x:fill(i / 4)
    local garbage = torch.CudaTensor(3):fill(7) -- the graph's memory is its own
    local y, text = g()
    tester:eq(y:cpu(), torch.exp(torch.FloatTensor(3):fill(i / 2)) + 1, 1e-5)
    tester:eq(text, "text")
    tester:eq(garbage:sum(), 21)
  end
  tester:eq(calls, 3)
  tester:eq(tostring(g), "torch.cuda.Graph")
  tester:eq(select("#", g:replay()), 2)
  g:free()
  fails(function() g:replay() end, "this graph was freed")
end

function tests.nothing_is_done_while_capturing()
  local x = torch.CudaTensor(4):zero()
  local g = cuda.graph(function() x:add(1) end, { warmup = 0 })
  tester:eq(x:sum(), 0)
  g()
  g()
  tester:eq(x:sum(), 8)
end

function tests.constants_of_the_host()
  local x = torch.CudaTensor(3):fill(1)
  local g = cuda.graph(function() return x + torch.CudaTensor { 1, 2, 3 } end)
  for _ = 1, 3 do torch.CudaTensor { 9, 9, 9 } end
  tester:eq(g():cpu(), torch.FloatTensor { 2, 3, 4 })
end

-- Steps of training, as they are and by a graph, from the same weights with the same random numbers.
local function same_training(make, input, target, eps)
  local losses = {}
  for round = 1, 2 do
    torch.manualSeed(5)
    local model, criterion = make():cuda(), nn.CrossEntropyCriterion():cuda()
    local x, t = torch.CudaTensor(input:size()), torch.CudaLongTensor(target:size())
    local parameters = optim.SGD(model:parameters(), { lr = 0.1, momentum = 0.9 })
    local function step()
      model:zeroGradParameters()
      local loss = criterion(model(x), t)
      loss:backward()
      parameters:step()
      return loss:detach()
    end
    x:copy(input)
    t:copy(target)
    local call = round == 1 and step or cuda.graph(step, { warmup = 2 })
    losses[round] = {}
    for i = 1, round == 1 and 7 or 5 do
      if i > (round == 1 and 4 or 2) then x:copy(input * 0.5) end
      local loss = call()
      losses[round][round == 1 and i or i + 2] = loss:sum()
    end
  end
  for i = 3, 7 do tester:eq(losses[2][i], losses[1][i], eps or 0, "step " .. i) end
  tester:assertgt(losses[1][3] - losses[1][4], 0)
end

function tests.training_with_dropout()
  same_training(function()
    return nn.Sequential():add(nn.Linear(6, 32)):add(nn.ReLU()):add(nn.Dropout(0.3)):add(nn.Linear(32, 4))
  end, torch.randn(8, 6):float(), torch.LongTensor { 1, 2, 3, 4, 1, 2, 3, 4 })
end

function tests.training_of_a_convolution()
  cuda.setDeterministic(true)
  same_training(function()
    return nn.Sequential():add(nn.SpatialConvolution(1, 4, 3, 3)):add(nn.SpatialBatchNormalization(4))
      :add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2)):add(nn.View(-1, 16)):add(nn.Linear(16, 4))
  end, torch.randn(4, 1, 6, 6):float(), torch.LongTensor { 1, 2, 3, 4 })
  cuda.setDeterministic(false)
end

function tests.random_numbers()
  local g = cuda.graph(function()
    return torch.CudaTensor(100):uniform(), torch.CudaTensor(50):normal(), torch.CudaTensor(20):bernoulli(0.5)
  end, { warmup = 0 })
  torch.manualSeed(11)
  local results = { g() }
  for i = 1, 3 do results[i] = results[i]:cpu() end
  local later = (g()):cpu()
  torch.manualSeed(11)
  tester:eq(torch.CudaTensor(100):uniform():cpu(), results[1])
  tester:eq(torch.CudaTensor(50):normal():cpu(), results[2])
  tester:eq(torch.CudaTensor(20):bernoulli(0.5):cpu(), results[3])
  tester:eq(torch.CudaTensor(100):uniform():cpu(), later)
end

function tests.dropout_after_a_bias()
  local x, bias = torch.CudaTensor(9, 8):normal(), torch.CudaTensor(8):normal():requireGrad()
  local function step()
    bias.grad = nil
    local y = nn.functional.biasActivation(x, bias, "gelu", 0.5)
    y:sum():backward()
    return y:detach(), bias.grad
  end
  local g = cuda.graph(step)
  for seed = 1, 2 do
    torch.manualSeed(seed)
    local y, grad = g()
    y, grad = y:cpu(), grad:cpu()
    torch.manualSeed(seed)
    local wanted, gradient = step()
    tester:eq(y, wanted:cpu())
    tester:eq(grad, gradient:cpu())
  end
end

function tests.product_and_bias()
  local x, w = torch.CudaTensor(8, 6):normal(), torch.CudaTensor(4, 6):normal()
  local bias = torch.CudaTensor(4):normal()
  local g = cuda.graph(function() return nn.functional.linear(x, w, bias) end, { warmup = 0 })
  for _ = 1, 2 do
    x:normal()
    bias:normal()
    tester:eq(g():cpu(), nn.functional.linear(x:cpu(), w:cpu(), bias:cpu()), 1e-5)
  end
end

function tests.label_smoothing()
  local weight, target = torch.CudaTensor { 0.5, 1, 2, 0.25 }, torch.CudaLongTensor { 1, 4, 2, 3, 3 }
  for _, o in ipairs { {}, { weight = weight }, { ignoreIndex = 3 }, { weight = weight, ignoreIndex = 3 } } do
    for _, reduction in ipairs { "mean", "sum", "none" } do
      o.labelSmoothing, o.reduction = 0.2, reduction
      local criterion = nn.CrossEntropyLoss(o)
      local x = torch.CudaTensor(5, 4):normal():requireGrad()
      local function step()
        x.grad = nil
        local loss = criterion(x, target)
        loss:sum():backward()
        return loss:detach(), x.grad
      end
      local g = cuda.graph(step)
      x:normal()
      local loss, grad = g()
      loss, grad = loss:cpu(), grad:cpu()
      local wanted, gradient = step()
      tester:eq(loss, wanted:cpu(), 0, reduction)
      tester:eq(grad, gradient:cpu(), 0, reduction)
    end
  end
end

-- Losses that check values, or divide by a sum of weights.
function tests.losses()
  local numbers = torch.CudaTensor(4, 5):uniform(0.1, 0.9)
  local classes = torch.CudaLongTensor { 1, 3, 5, 2 }
  local signs, sure = torch.CudaTensor { 1, -1, 1, -1 }, torch.CudaTensor(4, 5):fill(0.5)
  local weight = torch.CudaTensor { 0.5, 1, 2, 0.25, 3 }
  for name, call in pairs {
    NLLLoss = { nn.NLLLoss(), classes },
    weighted = { nn.NLLLoss { weight = weight }, classes },
    ignored = { nn.NLLLoss { ignoreIndex = 3 }, classes },
    nothing = { nn.NLLLoss { ignoreIndex = 2 }, torch.CudaLongTensor(4):fill(2) },
    BCELoss = { nn.BCELoss(), numbers },
    BCECriterion = { nn.BCECriterion(), numbers },
    MultiMarginLoss = { nn.MultiMarginLoss(), classes },
    ClassSimplexCriterion = { nn.ClassSimplexCriterion(5):cuda(), classes },
    CosineEmbeddingLoss = { nn.CosineEmbeddingLoss(), numbers, signs },
    GaussianNLLLoss = { nn.GaussianNLLLoss(), numbers, sure },
    HingeEmbeddingLoss = { nn.HingeEmbeddingLoss(), torch.CudaTensor(4, 5):fill(1) },
  } do
    local x = torch.CudaTensor(4, 5):uniform(0.1, 0.9):requireGrad()
    local function step()
      x.grad = nil
      local loss = call[1](x, call[2], call[3])
      loss:backward()
      return loss:detach(), x.grad
    end
    local g = cuda.graph(step)
    x:uniform(0.1, 0.9)
    local loss, grad = g()
    loss, grad = loss:cpu(), grad:cpu()
    local wanted, gradient = step()
    tester:eq(loss, wanted:cpu(), 1e-6, name)
    tester:eq(grad, gradient:cpu(), 1e-6, name)
  end
end

-- ---- memory ---------------------------------------------------------------------------------------------

function tests.memory_comes_back()
  local x = torch.CudaTensor(1000):fill(1)
  collectgarbage()
  collectgarbage()
  local before = cuda.memory().live
  for _ = 1, 3 do
    local g = cuda.graph(function()
      local y = x
      for _ = 1, 5 do y = torch.tanh(y) * 2 end
      return y
    end)
    tester:assertgt(cuda.memory().live, before)
    g()
    g:free()
  end
  collectgarbage()
  collectgarbage()
  tester:eq(cuda.memory().live, before)
end

function tests.what_was_freed_meanwhile()
  local x = torch.CudaTensor(1000):fill(1)
  local other = torch.CudaTensor(1000):fill(5)
  local g = cuda.graph(function()
    local y = x + other
    return y
  end)
  other:free() -- the graph cannot know; its function has it
  local z = torch.CudaTensor(1000):fill(3)
  g()
  tester:eq(z:sum(), 3000)
  cuda.emptyCache()
  g()
  tester:eq(z:sum(), 3000)
end

-- ---- what cannot be repeated ----------------------------------------------------------------------------

function tests.errors()
  local x = torch.CudaTensor { 1, 2, 3 }
  local cannot = "a graph cannot repeat that (this is called inside of torch.cuda.graph)"
  for _, f in ipairs {
    function() return x:sum() + 1 end,
    function() return x[1] end,
    function() return x:cpu() end,
    function() return torch.nonzero(x) end,
    function() cuda.synchronize() end,
    function() cuda.setStream(1) end,
    function() cuda.Event() end,
    function() cuda.graph(function() end, { warmup = 0 }) end,
  } do
    fails(function() cuda.graph(f, { warmup = 0 }) end, cannot)
    tester:eq(cuda.isCapturing(), false)
    tester:eq((x * 2):sum(), 12)
  end
  fails(function() cuda.graph(function() error("mine") end) end, "mine")
  fails(function()
    cuda.graph(function()
      torch.manualSeed(3)
      return x:uniform()
    end, { warmup = 0 })
  end, "sets the seed")
  fails(function() cuda.graph(3) end, "the first argument is a number, wanted a function")
  fails(function() cuda.graph(function() end, { warmup = -1 }) end, "warmup is -1")
  fails(function() cuda.graph(function() end, 3) end, "options is a number, wanted a table")
  local inside
  cuda.graph(function()
    pcall(cuda.graph, function() end, { warmup = 0 })
    inside = cuda.isCapturing()
  end, { warmup = 0 })
  tester:eq(inside, true)
  tester:eq(cuda.isCapturing(), false)
  cuda.setSynchronous(true)
  fails(function() cuda.graph(function() return x + 1 end) end, "synchronous mode")
  cuda.setSynchronous(false)
  local e = { 1 }
  local ok, got = pcall(cuda.graph, function() error(e) end, { warmup = 0 })
  tester:assert(not ok and got == e)
end

-- ---- steps of optimizers --------------------------------------------------------------------------------

-- Parameters with an optimizer, and a step that moves them towards x, which changes.
local function job(make, types)
  torch.manualSeed(3)
  local params, x = {}, torch.CudaTensor(1):fill(1)
  for i, shape in ipairs { { 5 }, { 3, 4 }, { 1 }, { 40, 130 } } do
    local p = torch.randn(table.unpack(shape)):to(types and types[i] or "float32"):cuda()
    if i == 2 then p = torch.randn(4, 3):cuda():t() end
    params[i] = p:requireGrad()
  end
  local optimizer = make(params)
  local function step()
    optimizer:zeroGrad()
    for _, p in ipairs(params) do torch.square(p - x:to(p.dtype)):sum():backward() end
    optimizer:step()
  end
  return { params = params, x = x, optimizer = optimizer, step = step }
end

local function same_values(a, b, what)
  if torch.isTensor(a) then
    tester:assert(torch.equal(a:detach():cpu(), b:detach():cpu()), what)
  elseif type(a) == "table" then
    for k, v in pairs(a) do same_values(v, b[k], what .. "." .. tostring(k)) end
    for k in pairs(b) do tester:assert(a[k] ~= nil, what .. "." .. tostring(k)) end
  else
    tester:eq(a, b, what)
  end
end

local function same_job(a, b, what)
  same_values(a.params, b.params, what)
  same_values(a.optimizer:stateDict(), b.optimizer:stateDict(), what)
end

-- The same steps without and with a graph; between(optimizer, i) comes before step i.
local function same_steps(name, make, between, types)
  local eager, other = job(make, types), job(make, types)
  local replay
  for i = 1, 7 do
    for _, j in ipairs { eager, other } do
      j.x:fill(i / 4)
      if between then between(j.optimizer, i) end
    end
    eager.step()
    if i == 3 then replay = cuda.graph(other.step, { warmup = 0 }) end
    if replay then replay() else other.step() end
    same_job(eager, other, name .. ", step " .. i)
  end
  other.step() -- and without it again
  eager.step()
  same_job(eager, other, name .. ", afterwards")
end

local function of(class, options)
  return function(params) return optim[class](params, options) end
end

local function falling(optimizer, i) optimizer:set("lr", 0.1 / i) end

function tests.steps_of_optimizers()
  for _, case in ipairs {
    { "SGD", {} }, { "SGD", { momentum = 0.9, dampening = 0.5, weightDecay = 0.1 } },
    { "SGD", { momentum = 0.9, nesterov = true, maximize = true } },
    { "Adam", {} }, { "Adam", { amsgrad = true, weightDecay = 0.1 } }, { "AdamW", {} },
    { "RMSprop", {} }, { "RMSprop", { momentum = 0.9, centered = true } },
    { "Adagrad", { lrDecay = 0.1, initialAccumulatorValue = 0.5 } }, { "Lion", { weightDecay = 0.1 } },
  } do
    same_steps(case[1], of(case[1], case[2]), falling)
  end
  same_steps("types", of("Adam", {}), falling, { "float16", "float32", "float64", "bfloat16" })
  for _, name in ipairs { "Adadelta", "Rprop" } do same_steps(name, of(name)) end
end

function tests.schedules_and_groups()
  local function make(params)
    return optim.AdamW({ { params = { params[1], params[2] }, lr = 0.1 },
      { params = { params[3], params[4] }, lr = 0.01, weightDecay = 0 } })
  end
  local schedules = {}
  same_steps("groups", make, function(optimizer, i)
    schedules[optimizer] = schedules[optimizer] or optim.ExponentialLR(optimizer, { gamma = 0.8 })
    if i > 1 then schedules[optimizer]:step() end
    if i == 5 then optimizer.groups[2].options.beta1 = 0.8 end
  end)
end

-- More than one message to the device holds.
function tests.many_small_groups()
  local all = {}
  for round = 1, 2 do
    local list, params = {}, {}
    for i = 1, 150 do
      params[i] = torch.CudaTensor { i }:requireGrad()
      list[i] = { params = { params[i] }, lr = i / 100 }
    end
    local optimizer = optim.Adam(list)
    local function step()
      optimizer:zeroGrad()
      for _, p in ipairs(params) do torch.square(p):sum():backward() end
      optimizer:step()
    end
    for _ = 1, 2 do step() end
    local call = round == 2 and cuda.graph(step, { warmup = 0 }) or step
    for _ = 1, 3 do call() end
    all[round] = { params = params, optimizer = optimizer }
  end
  same_job(all[1], all[2], "many groups")
end

function tests.clipped_steps()
  local function clipped(j)
    return function()
      j.optimizer:zeroGrad()
      for _, p in ipairs(j.params) do torch.square(p):sum():backward() end
      nn.utils.clipGradNorm(j.params, 0.5, 2, true)
      j.optimizer:step()
    end
  end
  local eager, other = job(of("Adam", {})), job(of("Adam", {}))
  for _ = 1, 5 do clipped(eager)() end
  local replay = cuda.graph(clipped(other))
  for _ = 1, 3 do replay() end
  same_job(eager, other, "clipped")
end

-- Two optimizers in one graph, and one that steps twice.
function tests.several_steps()
  local function make_step(a, b)
    return function()
      a.step()
      b.step()
      a.step()
    end
  end
  local pairs_of_jobs = {}
  for round = 1, 2 do
    local a, b = job(of("Adam", {})), job(of("Adagrad", { lrDecay = 0.3 }))
    local step = make_step(a, b)
    local call = round == 1 and step or cuda.graph(step)
    for _ = 1, round == 1 and 5 or 3 do call() end
    pairs_of_jobs[round] = { a, b }
  end
  for i = 1, 2 do same_job(pairs_of_jobs[1][i], pairs_of_jobs[2][i], "job " .. i) end
  tester:eq(pairs_of_jobs[2][1].optimizer.state[1].step, 10)
end

-- Two networks against each other, whose backwards leave gradients in both.
function tests.two_networks()
  cuda.setDeterministic(true)
  local results = {}
  for round = 1, 2 do
    torch.manualSeed(7)
    local g = nn.Sequential():add(nn.SpatialFullConvolution(3, 2, 4, 4)):add(nn.Tanh()):cuda()
    local d = nn.Sequential():add(nn.SpatialConvolution(2, 4, 2, 2, 2, 2))
      :add(nn.SpatialBatchNormalization(4)):add(nn.LeakyReLU(0.2)):add(nn.SpatialConvolution(4, 1, 2, 2))
      :add(nn.View(-1)):cuda()
    local real, z = torch.randn(4, 2, 4, 4):cuda(), torch.randn(4, 3, 1, 1):cuda()
    local one, zero = torch.CudaTensor(4):fill(1), torch.CudaTensor(4):zero()
    local criterion = nn.BCEWithLogitsLoss():cuda()
    local of_g = optim.Adam(g:parameters(), { lr = 0.01 })
    local of_d = optim.Adam(d:parameters(), { lr = 0.01 })
    local function backward(images, target)
      local loss = criterion(d(images), target)
      loss:backward()
      return loss:detach()
    end
    local function step()
      of_d:zeroGrad()
      local losses, fake = backward(real, one), g(z)
      losses = losses + backward(fake:detach(), zero)
      of_d:step()
      of_g:zeroGrad()
      losses = losses + backward(fake, one)
      of_g:step()
      return losses
    end
    local call, loss = round == 1 and step or cuda.graph(step), nil
    for _ = 1, round == 1 and 6 or 4 do loss = call() end
    results[round] = { loss, g:parameters(), d:parameters(), of_g:stateDict(), of_d:stateDict() }
  end
  same_values(results[1], results[2], "networks")
  cuda.setDeterministic(false)
end

-- Two graphs that step one optimizer by turns, while another one steps outside.
function tests.a_shared_optimizer()
  local eager, other, outside = job(of("Adam", {})), job(of("Adam", {})), job(of("Adam", {}))
  local replays
  for i = 1, 8 do
    eager.x:fill(i % 2 + 1)
    eager.step()
    other.x:fill(i % 2 + 1)
    if i == 3 then
      replays = {}
      for k = 0, 1 do replays[k] = cuda.graph(other.step, { warmup = 0 }) end
    end
    if replays then replays[i % 2]() else other.step() end
    outside.step()
    same_job(eager, other, "step " .. i)
  end
  tester:eq(outside.optimizer.state[1].step, 8)
end

function tests.averages_of_weights()
  for name, options in pairs { EMA = { decay = 0.9, warmup = true }, SWA = false } do
    local jobs = {}
    for round = 1, 2 do
      local j = job(of("SGD", { lr = 0.1 }))
      j.average = optim[name](j.params, options or nil)
      local function step()
        j.step()
        j.average:update()
      end
      local call = round == 1 and step or cuda.graph(step)
      for _ = 1, round == 1 and 6 or 4 do call() end
      jobs[round] = j
    end
    same_values(jobs[1].average:stateDict(), jobs[2].average:stateDict(), name)
    tester:eq(jobs[2].average.updates, 6)
  end
end

function tests.resuming()
  local eager, other = job(of("Adam", {})), job(of("Adam", {}))
  for _ = 1, 7 do eager.step() end
  local replay = cuda.graph(other.step)
  replay()
  replay()
  local saved, values = other.optimizer:stateDict(), {}
  for i, p in ipairs(other.params) do values[i] = p:detach():clone() end
  replay()
  other.optimizer:loadStateDict(saved)
  torch.noGrad(function()
    for i, p in ipairs(other.params) do p:copy(values[i]) end
  end)
  fails(replay, "optim.Adam", "a state was loaded after the graph was captured; capture it again")
  replay:free()
  replay = cuda.graph(other.step)
  replay()
  same_job(eager, other, "resumed")
end

-- What was not repeated has not been counted.
function tests.steps_that_cannot_be()
  local j = job(of("Adam", {}))
  local function capture() return cuda.graph(j.step, { warmup = 0 }) end
  fails(capture, "optim.Adam: a graph cannot repeat a parameter's first step; step once before (warmup)")
  local a = job(of("Adadelta"))
  fails(function() cuda.graph(a.step, { warmup = 0 }) end, "optim.Adadelta", "first step")
  j.step()
  tester:eq(j.optimizer.state[1].step, 1)
  local replay = capture()
  tester:eq(j.optimizer.state[1].step, 1)
  fails(function() cuda.graph(function() replay() end, { warmup = 0 }) end, "a graph cannot repeat that")
  j.optimizer:set("amsgrad", true)
  fails(replay, "optim.Adam", "its options need other states")
  j.optimizer:set("amsgrad", false)
  j.optimizer.state[2].step = 5
  fails(replay, "optim.Adam", "different numbers of steps")
  fails(capture, "optim.Adam", "different numbers of steps")
  j.optimizer.state[2].step = 1
  replay()
  tester:eq(j.optimizer.state[1].step, 2)
  a.step()
  replay = cuda.graph(a.step, { warmup = 0 })
  a.optimizer:set("lr", 0.5)
  fails(replay, "optim.Adadelta: option 'lr' is not what the graph was captured with")
  local host = torch.ones(2):requireGrad()
  host.grad = torch.ones(2)
  local on_host = optim.SGD { host }
  fails(function() cuda.graph(function() on_host:step() end) end, "parameter 1 is not on the GPU")
  for _, name in ipairs { "NAdam", "ASGD" } do
    fails(function() cuda.graph(job(of(name)).step) end, "optim." .. name, "call step after the replay")
  end
end

function tests.scaled_losses()
  local j, scaler = job(of("SGD", {})), require("train").GradScaler()
  for _, f in ipairs {
    function() scaler:scaled(torch.square(j.params[1]):sum()):backward() end,
    function() scaler:unscale(j.params) end,
  } do
    fails(function() cuda.graph(f, { warmup = 0 }) end, "train.GradScaler: a graph", "bfloat16")
  end
end

function tests.a_graph_lets_go()
  local j = job(of("Adam", {}))
  local weak = setmetatable({ j.optimizer }, { __mode = "v" })
  local replay = cuda.graph(j.step)
  j = nil -- luacheck: ignore
  collectgarbage()
  collectgarbage()
  tester:assert(weak[1] ~= nil)
  replay:free()
  collectgarbage()
  collectgarbage()
  tester:eq(weak[1], nil)
end

tester:add(tests)
tester:run()
