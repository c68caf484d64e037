-- parallel: nn.DataParallelTable beside the same module on one device.  run_runtime runs it with 2 and with 4
-- devices, with NCCL and without it.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()
local n = cuda.getDeviceCount()
if n < 2 then
  print "ok - nn.DataParallelTable needs two devices"
  return
end

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, wanted in ipairs { ... } do
    local there = tostring(message):find(wanted, 1, true)
    tester:assert(there ~= nil, wanted .. " is not in: " .. tostring(message))
  end
end

local devices = {}
for i = 1, n do devices[i] = i end

local function model()
  torch.manualSeed(1)
  return nn.Sequential():add(nn.Linear(6, 8)):add(nn.Tanh()):add(nn.Linear(8, 5)):add(nn.ReLU())
    :add(nn.Linear(5, 3)):double():cuda()
end

local function parallel(flatten, bytes)
  local net = nn.DataParallelTable(1, flatten):add(model(), devices)
  net.bucketBytes = bytes or net.bucketBytes
  return net
end

local function batch(rows)
  return torch.randn(rows, 6):double():cuda(), torch.randn(rows, 3):double():cuda()
end

local function near(a, b, what)
  tester:eq(a:detach():cpu(), b:detach():cpu(), 1e-10, what)
end

local function same_parameters(a, b)
  local p, q = a:parameters(), b:parameters()
  tester:eq(#p, #q)
  for i = 1, #p do
    tester:eq(p[i].device, "cuda:1")
    near(p[i], q[i], "parameter " .. i)
  end
end

-- Steps of batches of several sizes, in Torch7's way.
local function train_torch7(net)
  torch.manualSeed(2)
  local params, grads = net:getParameters()
  local criterion, losses = nn.MSECriterion():double():cuda(), {}
  local config = { learningRate = 0.1, momentum = 0.9 }
  for step, rows in ipairs { 8, 7, 1, 3, 9, 2 } do
    local x, t = batch(rows)
    optim.sgd(function()
      grads:zero()
      local y = net:forward(x)
      losses[step] = criterion:forward(y, t)
      net:backward(x, criterion:backward(y, t))
      return losses[step], grads
    end, params, config)
  end
  return losses
end

-- The same on the tape.
local function train_tape(net)
  torch.manualSeed(2)
  local criterion, losses = nn.MSECriterion():double():cuda(), {}
  for step, rows in ipairs { 8, 7, 1, 3, 9, 2 } do
    local x, t = batch(rows)
    net:zeroGradParameters()
    local loss = criterion(net(x), t)
    loss:backward()
    losses[step] = loss:item()
    net:updateParameters(0.1)
  end
  return losses
end

local function same_training(train)
  for _, flatten in ipairs { false, true } do
    for _, bytes in ipairs { 1, 200, 2^20 } do
      local one, many = model(), parallel(flatten, bytes)
      local expected, got = train(one), train(many)
      for i = 1, #expected do
        tester:assert(math.abs(expected[i] - got[i]) < 1e-10, "loss " .. i)
      end
      same_parameters(one, many)
    end
  end
end

function tests.training_in_torch7s_way() same_training(train_torch7) end

function tests.training_on_the_tape() same_training(train_tape) end

function tests.trainer()
  local train, nets = require "train", { model(), nn.DataParallel(model()) }
  for i = 1, 2 do
    torch.manualSeed(5)
    local batches = {}
    for k = 1, 5 do batches[k] = { batch(k + 1) } end
    train.Trainer { model = nets[i], loss = nn.MSECriterion():double():cuda(), progress = false,
      optimizer = optim.Adam(nets[i]:parameters(), { learningRate = 0.01 }) }:fit(batches, { epochs = 2 })
  end
  same_parameters(nets[1], nets[2])
end

function tests.same_bits_each_time()
  local a, b = parallel(), parallel()
  train_tape(a)
  train_tape(b)
  for i, p in ipairs(a:parameters()) do
    tester:assert(torch.equal(p:detach(), b:parameters()[i]:detach()), "parameter " .. i)
  end
end

function tests.gradients()
  local one, many = model(), parallel(false, 100)
  local x = torch.randn(2 * n + 1, 6):double():cuda():requireGrad()
  local u = x:detach():clone():requireGrad()
  torch.sum(torch.pow(one(x), 2)):backward()
  torch.sum(torch.pow(many(u), 2)):backward()
  near(x.grad, u.grad)
  -- gradients add up over several backwards, and over several forwards of one
  torch.sum(one(x)):backward()
  torch.sum(many(u)):backward()
  torch.sum(one(x) + one(x * 2)):backward()
  torch.sum(many(u) + many(u * 2)):backward()
  local _, expected = one:parameters()
  local _, got = many:parameters()
  for i = 1, #expected do near(expected[i], got[i], "gradient " .. i) end
  -- Torch7's halves
  x, u = x:detach(), u:detach()
  local go = torch.randn(2 * n + 1, 3):double():cuda()
  one:forward(x)
  many:forward(u)
  near(one:updateGradInput(x, go), many:updateGradInput(u, go))
  one:accGradParameters(x, go, 0.5)
  many:accGradParameters(u, go, 0.5)
  for i = 1, #expected do near(expected[i], got[i], "gradient " .. i) end
end

function tests.input_in_host_memory()
  local many = parallel()
  local x = torch.randn(5, 6):double()
  near(many:forward(x), model():forward(x:cuda()))
  tester:eq(many.output.device, "cuda:1")
end

function tests.tables()
  local function two()
    torch.manualSeed(3)
    return nn.Sequential():add(nn.ParallelTable():add(nn.Linear(4, 3)):add(nn.Linear(2, 3)))
      :add(nn.ConcatTable():add(nn.CAddTable()):add(nn.CMulTable())):double():cuda()
  end
  local one, many = two(), nn.DataParallelTable(1):add(two(), devices)
  local x = { torch.randn(n + 1, 4):double():cuda(), torch.randn(n + 1, 2):double():cuda() }
  local y, z = one:forward(x), many:forward(x)
  near(y[1], z[1])
  near(y[2], z[2])
  local go = { y[1]:clone(), y[2]:clone() }
  local a, b = one:backward(x, go), many:backward(x, go)
  near(a[1], b[1])
  near(a[2], b[2])
end

function tests.places_left_empty()
  local second = nn.Sequential():add(nn.SelectTable(2)):add(nn.Linear(4, 2)):cuda()
  local net = nn.DataParallelTable(1):add(second, devices)
  local x = { torch.zeros(0):cuda(), torch.ones(n, 4):cuda(), "text" }
  near(net:forward(x), net:get(1):forward(x))
  fails(function() net:forward { torch.ones(1, 1):cuda(), torch.ones(n, 4):cuda() } end,
    "an input has 1 rows", "another enough for " .. n)
end

-- Parameters that are parts of a larger vector stay so.
function tests.flattened_by_the_whole()
  local inner = nn.DataParallelTable(1, true):add(nn.Linear(4, 3):cuda(), devices)
  local net = nn.Sequential():add(nn.Linear(4, 4):cuda()):add(inner)
  local params = net:getParameters()
  net:forward(torch.ones(n, 4):cuda())
  tester:eq(inner.flattenedParams[1][1]:size(1), 15)
  params:zero()
  tester:eq(net:forward(torch.ones(n, 4):cuda()):abs():sum(), 0)
end

function tests.batch_normalisation()
  local function net() return nn.Sequential():add(nn.BatchNormalization(6)):add(nn.Linear(6, 2)):cuda() end
  local many = nn.DataParallelTable(1):add(net(), devices)
  local x = torch.randn(4 * n, 6):cuda()
  for _ = 1, 3 do
    torch.sum(many(x)):backward()
  end
  many:evaluate()
  local whole = many:forward(x):clone()
  near(whole, many:get(1):forward(x)) -- the first device's running mean is everyone's
end

function tests.partly_used()
  -- a branch that no part of the batch takes, and one that is frozen
  local net = nn.Sequential():add(nn.Linear(3, 3)):add(nn.Linear(3, 3)):cuda()
  net.unused = nn.Linear(2, 2):cuda()
  net:get(1):freeze()
  local one = net:clone()
  local many = nn.DataParallelTable(1):add(net, devices)
  local x = torch.randn(2 * n, 3):cuda()
  torch.sum(one(x)):backward()
  torch.sum(many(x)):backward()
  local _, expected = one:parameters()
  local _, got = many:parameters()
  for i = 1, #expected do tester:eq(got[i]:cpu(), expected[i]:cpu(), 1e-4) end
end

function tests.saved_and_cloned()
  local many = parallel()
  local x = torch.randn(5, 6):double():cuda()
  local y = many:forward(x):clone()
  near(many:clone():forward(x), y)
  local file = torch.MemoryFile()
  file:writeObject(many)
  file:seek(1)
  local again = file:readObject()
  tester:eq(torch.typename(again), "nn.DataParallelTable")
  tester:eq(#again.modules, 1)
  near(again:forward(x), y)
  again:getParameters():zero()
  tester:eq(again:forward(x):abs():sum(), 0)
end

function tests.converted()
  local many = parallel()
  many:forward(torch.randn(5, 6):double():cuda())
  many:type "torch.CudaTensor"
  tester:eq(many:forward(torch.randn(5, 6):cuda()).dtype, "float32")
  tester:eq(tostring(many):match "^nn.DataParallelTable: (%d)", tostring(n))
  tester:eq(many:threads(function() end), many)
end

function tests.data_parallel()
  local net = nn.DataParallel(model(), nil, 2)
  local x = torch.randn(6, 6):double():cuda()
  local y = net(x)
  tester:eq(y.device, "cuda:2")
  near(y, model()(x))
end

function tests.one_device_twice()
  local one, many = model(), nn.DataParallelTable(1):add(model(), { 1, 1 })
  local expected, got = train_tape(one), train_tape(many)
  for i = 1, #expected do tester:assert(math.abs(expected[i] - got[i]) < 1e-10, "loss " .. i) end
end

function tests.mistakes()
  local x = torch.randn(4, 6):double():cuda()
  fails(function() nn.DataParallelTable() end, "dimension")
  fails(function() nn.DataParallelTable(1):forward(x) end, "there is no module")
  fails(function() nn.DataParallelTable(1):add(model(), { 1, n + 1 }):forward(x) end,
    ("device %d is wanted, and this machine has %d"):format(n + 1, n))
  fails(function() nn.DataParallelTable(1):add(model(), { 2, 1 }):forward(x) end,
    "the module is on cuda:1, wanted on cuda:2, the first of its devices")
  fails(function() nn.DataParallelTable(1):add(nn.Linear(6, 3), devices):forward(x) end,
    "the module is on cpu, wanted on cuda:1")
  fails(function() nn.DataParallelTable(1):add(model(), "both") end, "wanted a list of numbers")
  fails(function() nn.DataParallelTable(3):add(model(), devices):forward(x) end, "wanted at least 3")
end

-- Buckets are put together before backward is through: the hook is called when the input's node runs.
function tests.overlap()
  local many = parallel(false, 1)
  local collect, reduced, seen = cuda.nccl._collect, 0, nil
  function cuda.nccl._collect(kind, ...) -- luacheck: ignore
    if kind == "reduce" then reduced = reduced + 1 end
    return collect(kind, ...)
  end
  local x = torch.randn(2 * n, 6):double():cuda():requireGrad() * 1
  x:registerHook(function() seen = reduced end)
  torch.sum(many(x)):backward()
  cuda.nccl._collect = collect -- luacheck: ignore
  tester:eq(seen, 6)
  tester:eq(reduced, 6)
end

-- What is dropped is freed, replicas and all.
function tests.memory()
  local function live()
    for _ = 1, 3 do collectgarbage() end
    local sum = 0
    for i = 1, n do sum = sum + cuda.memory(i).live end
    return sum
  end
  local before = live()
  train_tape(parallel())
  tester:eq(live(), before)
end

tester:add(tests):run()
cuda.nccl.close()
