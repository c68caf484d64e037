-- runtime: what a script sees of the CUDA backend's runtime: devices, memory, streams, events, errors.
-- run_runtime runs it, on the emulation or, where there is a GPU, on that.
local torch = require "torch"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()

local devices = cuda.getDeviceCount()
local sizes = torch.range(1, 7)

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, wanted in ipairs { ... } do
    local there = tostring(message):find(wanted, 1, true)
    tester:assert(there ~= nil, wanted .. " is not in: " .. tostring(message))
  end
end

-- Two devices or nothing.
local function with_two(f)
  return function()
    if devices > 1 then f() else tester:assert(true) end
  end
end

-- ---- devices ---------------------------------------------------------------------------------------------

function tests.available()
  tester:eq(cuda.isAvailable(), true)
  tester:eq(cuda.getDevice(), 1)
  local p = cuda.getDeviceProperties()
  tester:eq(p.warpSize, 32)
  tester:assert(#p.name > 0 and p.major >= 8 and p.totalGlobalMem > 0)
  local free, total = cuda.getMemoryUsage()
  tester:assert(free > 0 and free <= total)
end

function tests.there_and_back()
  for _, type in ipairs { "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32",
    "int64", "bool" } do
    local x = sizes:to(type)
    local y = x:cuda()
    tester:eq(y.dtype, type)
    tester:eq(y.device, "cuda:1")
    tester:eq(y:getDevice(), 1)
    tester:eq(y:cpu(), x)
    tester:eq(y:reshape(7, 1):t():cpu(), x:reshape(1, 7))
  end
  tester:eq(torch.zeros(0, 3):cuda():cpu():size(), torch.zeros(0, 3):size())
end

tests.set_device = with_two(function()
  cuda.setDevice(2)
  local x = torch.CudaTensor { 1, 2 }
  cuda.setDevice("cuda:1")
  tester:eq(x.device, "cuda:2")
  tester:eq((x * 2):sum(), 6)                -- works where it lies
  tester:eq(cuda.getDevice(), 1)
  tester:eq(torch.CudaTensor(1).device, "cuda:1")
  tester:eq(cuda.withDevice(2, function() return torch.CudaTensor(1).device, nil, 3 end), "cuda:2")
  fails(function() cuda.withDevice(2, function() error "inside" end) end, "inside")
  tester:eq(cuda.getDevice(), 1)
end)

tests.between_devices = with_two(function()
  local x = torch.range(1, 12):reshape(3, 4):cuda(1)
  tester:eq(x:cuda(2):cpu(), x:cpu())
  tester:eq(x:t():cuda(2):cpu(), x:t():cpu())
  local y = torch.CudaDoubleTensor(4, 3):cuda(2)
  y:copy(x:t())
  tester:eq(y:cpu(), x:t():cpu():double())
  local w = torch.ones(3):requireGrad()
  w:cuda(1):cuda(2):mul(3):sum():backward()
  tester:eq(w.grad, torch.ones(3) * 3)
end)

tests.mixing_devices = with_two(function()
  local here, there = sizes:cuda(1), sizes:cuda(2)
  fails(function() return here + there end, "torch.add: one tensor is on cuda:1, another on cuda:2")
  fails(function() return torch.cat({ here, there }, 1) end, "one tensor is on cuda:1, another on cuda:2")
end)

function tests.mixing_with_the_host()
  local here = sizes:cuda()
  fails(function() return here + sizes end, "one tensor is on cuda:1, another in host memory",
    "x:cuda() or x:cpu()")
  tester:eq(here:gather(1, torch.LongTensor { 3 }):sum(), 3) -- an index is taken along
  tester:eq((here + 1):cpu(), sizes + 1)
end

function tests.absent_devices()
  local why = ("there is no CUDA device %d: this machine has %d"):format(devices + 1, devices)
  for _, name in ipairs { "setDevice", "getDeviceProperties", "getMemoryUsage", "memory", "resetPeak",
    "emptyCache", "synchronize", "getStream" } do
    fails(function() return cuda[name](devices + 1) end, why)
  end
  fails(function() return sizes:cuda(devices + 1) end, why)
  fails(function() return cuda.setStream(1, devices + 1) end, why)
  fails(function() return cuda.canAccessPeer(1, devices + 1) end, why)
  fails(function() return cuda.setDevice(0) end, "CUDA devices count from 1")
  fails(function() return cuda.setDevice("cpu") end, "a CUDA device is wanted")
  fails(function() return cuda.setDevice("cuda:x") end, "there is no device 'cuda:x'")
  tester:eq(cuda.getDevice(), 1)
end

-- ---- memory ----------------------------------------------------------------------------------------------

local function live()
  collectgarbage()
  collectgarbage()
  return cuda.memory().live
end

function tests.memory()
  local before = live()
  cuda.resetPeak()
  local x = torch.CudaTensor(1000, 500) -- luacheck: ignore
  local held = cuda.memory().live - before
  tester:assert(held >= 2000000 and held < 2600000, "live: " .. held)
  tester:eq(cuda.memory().peak, cuda.memory().live)
  x = nil -- luacheck: ignore
  tester:eq(live(), before)
  tester:assert(cuda.memory().peak >= before + held)
  tester:assert(cuda.memory().cached >= 2000000)
  local cached = cuda.memory().cached
  x = torch.CudaTensor(1000, 500) -- luacheck: ignore
  tester:assert(cuda.memory().cached <= cached - 2000000, "the cached block is not used again")
  x = nil
  cuda.emptyCache()
  tester:assert(cuda.memory().cached < 2^21 * 8)
  tester:eq(cuda.memory().live, before)
end

-- The weights of all heads would take more than 3 times as much as is allowed here.
function tests.attention_keeps_no_weights()
  local nn = require "nn"
  for kind, heads in pairs { float32 = 4, bfloat16 = 1 } do
    local l = 512
    local leaves = {}
    for i = 1, 3 do leaves[i] = torch.randn(1, heads, l, 8):to(kind):cuda():requireGrad() end
    local before = live()
    cuda.resetPeak()
    local y = nn.functional.scaledDotProductAttention(leaves[1], leaves[2], leaves[3], { causal = true })
    y:sum():backward()
    local most = cuda.memory().peak - before
    tester:assert(most < 20 * heads * l * 8 * 4, ("%s: as much as %d"):format(kind, most))
  end
end

function tests.no_room()
  local before = live()
  fails(function() return torch.CudaTensor(2^40) end,
    "out of memory on cuda device 1: no room for 4398046511104 bytes")
  tester:eq(live(), before)
  tester:eq(torch.CudaTensor { 1, 2 }:sum(), 3)
end

-- ---- streams and events ----------------------------------------------------------------------------------

function tests.streams()
  cuda.reserveStreams(2)
  tester:assert(cuda.getNumStreams() >= 2)
  tester:eq(cuda.getStream(), 0)
  cuda.setStream(1)
  tester:eq(cuda.getStream(), 1)
  local x = torch.ones(1000):cuda()
  local y = x * 3
  cuda.setStream(2)
  cuda.streamWaitFor(2, { 1 })
  local z = y + 1
  cuda.streamBarrier { 1, 2 }
  cuda.streamSynchronize(2)
  cuda.setDefaultStream()
  cuda.streamWaitFor(0, { 1, 2 })
  tester:eq(cuda.getStream(), 0)
  tester:eq(z:sum(), 4000)
  cuda.streamWaitForMultiDevice(1, 0, { { 1, 2 } })
  cuda.streamBarrierMultiDevice { { 0, 1 } }
  cuda.synchronizeAll()
  fails(function() cuda.setStream(1024) end, "streams are numbered from 0, the default one, to 1023")
  fails(function() cuda.setStream(-1) end, "streams are numbered from 0")
end

function tests.events()
  local first = cuda.Event()
  local x = torch.ones(1000):cuda() * 2
  local second = cuda.Event()
  second:waitOn(1)
  second:synchronize()
  tester:eq(second:query(), true)
  tester:assert(first:elapsed(second) >= 0)
  tester:eq(first:record(1), first)
  cuda.synchronize()
  tester:assert(second:elapsed(first) >= 0)
  tester:eq(x:sum(), 2000)
  fails(function() first:elapsed(3) end, "torch.cuda.Event expected")
  fails(function() first:record(5000) end, "streams are numbered")
  do
    local closed <close> = cuda.Event()
    first = closed
  end
  fails(function() first:query() end, "this event was freed")
end

function tests.async_copies()
  local x = sizes:pinMemory()
  tester:eq(x, sizes)
  tester:eq(x.device, "cpu")
  local y = torch.CudaTensor(7)
  tester:eq(y:copyAsync(x), y)
  local z = cuda.createCudaHostTensor(7):zero()
  z:copyAsync(y * 2)
  cuda.synchronize()
  tester:eq(z, sizes * 2)
  z:copyAsync(y:reshape(7, 1):expand(7, 2):t()[1]) -- with gaps: waits
  tester:eq(z, sizes)
  z:copyAsync(torch.ones(7):cuda():double())        -- another type: waits
  tester:eq(z, torch.ones(7))
  fails(function() x:resize(100) end, "cannot be resized")
  tester:eq(cuda.createCudaHostLongTensor(2, 3).dtype, "int64")
  tester:eq(cuda.createCudaHostTensor(0):nElement(), 0)
  tester:eq(cuda.createCudaHostTensor():nElement(), 0)
end

function tests.types_by_cutorchs_names()
  for _, kind in ipairs { "Double", "Half", "Long", "Int", "Short", "Char", "Byte" } do
    local name = "torch.Cuda" .. kind .. "Tensor"
    tester:eq(torch.ones(2)["cuda" .. kind](torch.ones(2)):type(), name)
    local x = torch.CudaTensor { 1, 2 }
    tester:eq(x["cuda" .. kind](x):type(), name)
  end
end

-- ---- refusals --------------------------------------------------------------------------------------------

function tests.refusals()
  local x, y = sizes:cuda(), torch.CudaIntTensor { 6, 8 }
  fails(function() return x:gather(1, torch.CudaLongTensor { 8 }) end, "runtime.lua:", "torch.gather: ",
    "index 8 is out of range: the size is 7")
  fails(function() return x:index(1, torch.CudaLongTensor { 3, 9 }) end,
    "index 9 is out of range: the size is 7")
  fails(function() return torch.div(y, torch.CudaIntTensor { 2, 0 }) end, "division by zero")
  tester:eq(torch.div(y, torch.CudaIntTensor { 2, 4 }):cpu(), torch.IntTensor { 3, 2 })
  cuda.synchronize() -- was told already
end

function tests.switches()
  local before = cuda.setSynchronous()
  tester:eq(cuda.setSynchronous(true), before)
  tester:eq(cuda.setSynchronous(), true)
  cuda.setSynchronous(before)
  for _, name in ipairs { "allowTF32", "setBenchmark", "setDeterministic" } do
    local was = cuda[name](true)
    tester:eq(cuda[name](was), true)
    tester:eq(cuda[name](), was)
    fails(function() cuda[name](1) end, "is true or false, got a number")
  end
end

function tests.cutorch()
  local cutorch = require "cutorch"
  tester:eq(cutorch.getDevice(), 1)
  tester:assert(cutorch.getRuntimeVersion() >= 12000)
  tester:eq(cutorch.getState and type(cutorch.getState()), "table")
  cutorch.deviceReset()
  cutorch.manualSeedAll(3)
  local x = torch.CudaTensor(5):uniform()
  torch.manualSeed(3)
  tester:eq(x:cpu(), torch.FloatTensor(5):uniform())
end

tester:add(tests):run()
