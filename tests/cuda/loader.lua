-- loader: batches of a data.DataLoader that arrive on a CUDA device, or in page-locked memory.  run_runtime
-- runs it.
local torch = require "torch"
local data = require "data"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()

local devices = cuda.getDeviceCount()

local function fails(f, pattern)
  tester:assertErrorPattern(f, pattern)
end

-- Samples with tensors within tables, and with what is no tensor.
local function nested(n)
  return data.Dataset { size = n, get = function(i)
    local more = { deep = torch.full({ 2 }, i), flag = i > 2 }
    return { torch.randn(3, 4), i, name = "sample " .. i, more = more }
  end }
end

-- All that an epoch gives, with the tensors as lists of numbers.
local function contents(loader, device)
  local list = {}
  for batch, i in loader:batches(device) do
    list[i] = { batch[1]:totable(), batch[2]:totable(), batch.name, batch.more.deep:totable(),
      batch.more.flag:totable() }
  end
  return list
end

local WORKERS = { 0, 2 }

-- Bytes that tensors take on a device, once nothing is garbage.
local function live(device)
  collectgarbage()
  collectgarbage()
  return cuda.memory(device).live
end

function tests.same_batches()
  for _, workers in ipairs(WORKERS) do
    local options = { batchSize = 3, shuffle = true, seed = 7, workers = workers }
    local plain <close> = data.DataLoader(nested(11), options)
    local expected = { contents(plain), contents(plain) }
    for _, n in ipairs { 1, 2, 9 } do
      options.device, options.devicePrefetch, options.pinMemory = "cuda", n, n == 2
      local loader <close> = data.DataLoader(nested(11), options)
      tester:eq({ contents(loader), contents(loader) }, expected)
    end
    options.device, options.devicePrefetch, options.pinMemory = nil, nil, true
    local pinned <close> = data.DataLoader(nested(11), options)
    tester:eq({ contents(pinned), contents(pinned) }, expected)
    options.device, options.pinMemory = "cpu", false
    local here <close> = data.DataLoader(nested(11), options)
    tester:eq({ contents(here), contents(here, "cuda") }, expected, "the device of an epoch")
  end
end

function tests.where_they_are()
  for device = 1, devices do
    local name = ("cuda:%d"):format(device)
    local loader <close> = data.DataLoader(nested(5), { batchSize = 2, device = name, workers = 1 })
    for batch in loader:batches() do
      tester:eq({ batch[1].device, batch[2].device, batch.more.deep.device, batch.more.flag.device },
        { name, name, name, name })
      tester:eq({ batch[1].dtype, batch[2].dtype, batch.more.flag.dtype }, { "float32", "int64", "bool" })
      tester:eq(torch.type(batch.name[1]), "string")
    end
    for batch in loader:batches "cpu" do tester:eq(batch[1].device, "cpu") end
  end
  local one = data.DataLoader(torch.range(1, 4), { batchSize = 2, device = "cuda" })
  for batch, i in one:batches() do tester:eq(batch:totable(), { 2 * i - 1, 2 * i }) end
  local empty = data.DataLoader(torch.zeros(3, 0), { device = "cuda" })
  for batch in empty:batches() do tester:eq(batch.shape, { 1, 0 }) end
end

-- What a batch of one's own holds on a device already goes along, and objects stay.
function tests.collate_of_ones_own()
  local timer = torch.Timer()
  local function collate(samples)
    return { torch.Tensor(samples):cuda(), torch.Tensor(samples), timer, shared = samples }
  end
  local loader = data.DataLoader({ 1, 2, 3 }, { batchSize = 3, collate = collate, device = "cuda" })
  for batch in loader:batches() do
    tester:eq({ batch[1].device, batch[2].device }, { "cuda:1", "cuda:1" })
    tester:eq(batch[3], timer)
    tester:eq(batch.shared, { 1, 2, 3 })
  end
  local kept = torch.ones(2):cuda()
  local early = data.DataLoader({ 1, 2, 3 }, { collate = function() return { kept } end, device = "cuda" })
  for _ in early:batches() do break end -- luacheck: ignore
  tester:eq(kept:sum(), 2, "it is not the loader's")
end

-- A stream of one's own waits as well, and device memory does not grow.
function tests.streams()
  cuda.setStream(1)
  local options = { batchSize = 2, device = "cuda", workers = 1, seed = 1 }
  local loader <close> = data.DataLoader(nested(20), options)
  local on_stream = contents(loader)
  cuda.setDefaultStream()
  tester:eq(contents(loader:setEpoch(1)), on_stream)
  local before, most = live(), 0
  for batch in loader:batches() do
    cuda.setStream(loader.batch % 3)
    local y = batch[1] * 2
    y:free()
    collectgarbage()
    most = math.max(most, cuda.memory().live - before)
  end
  cuda.setDefaultStream()
  tester:assertle(most, 3 * 4 * 1024, "one batch ahead of the one that is used, and the one before")
  tester:eq(live(), before)
end

function tests.left_early()
  local before = live()
  for _, workers in ipairs(WORKERS) do
    local loader = data.DataLoader(nested(40), { batchSize = 2, device = "cuda", workers = workers,
      devicePrefetch = 3, seed = 2 })
    for e = 1, 4 do
      for _, i in loader:batches() do
        if i == e then break end
      end
      fails(function()
        for _ in loader:batches() do error("stop") end -- luacheck: ignore
      end, "stop")
    end
    local give = loader:batches()
    give()
    give = nil -- luacheck: ignore
    tester:eq(loader:state().batch, 1, "the one that was given, not the one that was copied")
    local again = loader:batches()
    again()
    loader:close()
    fails(again, "this epoch ended when another one began, or the loader was closed")
    tester:eq(#contents(loader), 20)
    loader:close()
  end
  for _ = 1, 3 do -- nobody closes it
    local abandoned = data.DataLoader(nested(40), { batchSize = 2, device = "cuda", workers = 1 })
    abandoned:batches()()
  end
  tester:eq(live(), before)
end

function tests.resumed()
  local function loader_of(device)
    return data.DataLoader(nested(11), { batchSize = 2, shuffle = true, seed = 3, device = device })
  end
  local expected, first, state = contents(loader_of()), loader_of "cuda", nil
  for _, i in first:batches() do
    state = first:state()
    if i == 3 then break end
  end
  local rest = contents(loader_of("cuda"):load(state))
  tester:eq({ rest[3], rest[4], rest[5], rest[6] }, { nil, expected[4], expected[5], expected[6] })
end

-- What comes before a sample that fails is given first.
function tests.failing_samples()
  local before = live()
  for _, workers in ipairs(WORKERS) do
    local set = nested(20):map(function(sample)
      if sample[2] == 7 then error("cannot read it") end
      return sample
    end)
    local loader <close> = data.DataLoader(set, { batchSize = 2, device = "cuda", workers = workers,
      devicePrefetch = 2 })
    for _ = 1, 2 do
      local got = {}
      fails(function()
        for batch in loader:batches() do got[#got + 1] = batch[2]:totable() end
      end, "sample 7: .*cannot read it")
      tester:eq(got, { { 1, 2 }, { 3, 4 }, { 5, 6 } })
    end
  end
  tester:eq(live(), before)
end

function tests.faults()
  local function with(options)
    return function() return data.DataLoader({ 1, 2 }, options) end
  end
  fails(with { device = ("cuda:%d"):format(devices + 1) }, ("there is no CUDA device %d"):format(devices + 1))
  fails(with { device = "gpu" }, "data.DataLoader: .*there is no device 'gpu'")
  fails(with { device = 3 }, "the device is a number")
  local loop = {}
  loop.loop = loop
  local looped = data.DataLoader({ 1 }, { collate = function() return loop end, device = "cuda" })
  fails(function() contents(looped) end, "holds itself")
end

-- Page-locked memory counts, and is used again.
function tests.page_locked_memory()
  collectgarbage()
  local before = torch.memory().live
  local x = torch.zeros(1000):pinMemory()
  tester:assertge(torch.memory().live - before, 4000)
  x:free()
  local place = torch.pointer(torch.zeros(1000):pinMemory())
  tester:assert(place ~= nil)
  local y = torch.ones(50000):pinMemory()
  local there = torch.CudaTensor(50000):copyAsync(y)
  y:free() -- the copy may still read it
  local z = torch.zeros(50000):pinMemory()
  cuda.synchronize()
  tester:eq(there:sum(), 50000)
  z:free()
  cuda.emptyCache()
  tester:eq(torch.ones(10):pinMemory():sum(), 10)
  fails(function() cuda.createCudaHostDoubleTensor(2^61) end, "out of memory")
  fails(function() cuda.createCudaHostDoubleTensor(2^50) end, "no room for 9007199254740992 bytes")
end

function tests.trainer()
  local nn, train = require "nn", require "train"
  local set = data.Dataset { size = 8, get = function(i)
    return { torch.full({ 2 }, i), torch.full({ 1 }, i) }
  end }
  local seen, losses = {}, {}
  for k, device in ipairs { "cpu", "cuda" } do
    torch.manualSeed(1)
    local net = nn.Linear(2, 1)
    local loader <close> = data.DataLoader(set, { batchSize = 2, workers = 1 })
    local held_out = data.DataLoader(set, { batchSize = 4 })
    local trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = { "SGD", lr = 0.001 },
      device = device, progress = false, step = function(t, batch)
        local output = t.model(batch[1])
        seen[k] = batch[1].device
        return t.loss(output, batch[2]), nil, output, batch[2]
      end }
    losses[k] = trainer:fit(loader, { epochs = 2, validate = held_out }).loss
  end
  tester:eq(seen, { "cpu", "cuda:1" })
  tester:eq(losses[2], losses[1], 1e-4)
end

tester:add(tests):run()
