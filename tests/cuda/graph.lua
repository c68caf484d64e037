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

function tests.counting_optimizers()
  local w = torch.CudaTensor(3):fill(1):requireGrad()
  local adam = optim.Adam({ w }, { lr = 0.1 })
  local function step()
    adam:zeroGrad()
    torch.square(w):sum():backward()
    adam:step()
  end
  fails(function() cuda.graph(step) end, "optim.Adam", "after the replay")
  local g = cuda.graph(function()
    adam:zeroGrad()
    local loss = torch.square(w):sum()
    loss:backward()
    return loss
  end)
  local before = w:sum()
  g()
  adam:step()
  tester:assertlt(w:sum(), before)
end

tester:add(tests)
tester:run()
