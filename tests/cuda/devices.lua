-- devices: what several CUDA devices do together.  run_runtime runs it with 2 and with 4 of them, with NCCL
-- and without it.
local torch = require "torch"
local cuda = torch.cuda
local nccl, comm = cuda.nccl, cuda.comm

local tester = torch.Tester()
local tests = torch.TestSuite()
local n = cuda.getDeviceCount()
if n < 2 then
  print "ok - what devices do together needs two devices"
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

-- A tensor on each device: place i has the elements i, i + 1, ...
local function some(size, kind)
  local list = {}
  for i = 1, n do list[i] = torch.range(i, i + size - 1):to(kind or "float32"):cuda(i) end
  return list
end

local function all(f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return list
end

local devices = all(function(i) return i end)

-- ---- torch.cuda.nccl -------------------------------------------------------------------------------------

function tests.available()
  local without = os.getenv "CRESSET_EMULATION_WITHOUT" == "NCCL"
  local ok, why = nccl.isAvailable()
  tester:eq(ok, not without)
  tester:eq(why ~= nil, without)
  local wanted = "needs NCCL (libnccl.so.2), which was not found"
  if without then tester:assert(why:find(wanted, 1, true) ~= nil, why) end
  tester:eq(pcall(require, "nccl"), not without)
end

function tests.all_reduce()
  for _, kind in ipairs { "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32",
    "int64" } do
    local list = some(5, kind)
    tester:eq(nccl.allReduce(list), list)
    local sum = (torch.range(0, 4) * n + n * (n + 1) / 2):to(kind)
    for i = 1, n do
      tester:eq(list[i].device, "cuda:" .. i)
      tester:eq(list[i]:cpu(), sum)
    end
  end
  local list, out = some(3), some(3)
  nccl.allReduce(list, out, "max")
  tester:eq(out[n]:cpu(), torch.range(n, n + 2))
  tester:eq(list[1]:cpu(), torch.range(1, 3))
  tester:eq(nccl.allReduce(some(3), nil, "min")[n]:cpu(), torch.range(1, 3))
  tester:eq(nccl.allReduce(some(1), nil, "prod")[1]:cpu()[1], n == 4 and 24 or 2)
end

function tests.reduce_and_broadcast()
  local list = some(3)
  nccl.reduce(list, nil, 2)
  tester:eq(list[2]:cpu(), torch.range(0, 2) * n + n * (n + 1) / 2)
  tester:eq(list[1]:cpu(), torch.range(1, 3))
  nccl.broadcast(list, n)
  for i = 1, n do tester:eq(list[i]:cpu(), list[n]:cpu()) end
end

function tests.gather_and_scatter()
  local gathered = nccl.allGather(some(2))
  tester:eq(gathered[n].device, "cuda:" .. n)
  tester:eq(gathered[n]:cpu(), torch.cat(all(function(i) return torch.range(i, i + 1) end), 1))
  local parts = nccl.reduceScatter(some(2 * n))
  local sum = torch.range(0, 2 * n - 1) * n + n * (n + 1) / 2
  for i = 1, n do tester:eq(parts[i]:cpu(), sum:narrow(1, 2 * i - 1, 2)) end
end

function tests.gaps_and_none()
  local list = all(function(i) return torch.ones(3, 2):cuda(i):t() end)
  nccl.allReduce(list)
  tester:eq(list[2]:cpu(), torch.ones(2, 3) * n)
  nccl.allReduce(all(function(i) return torch.zeros(0):cuda(i) end))
end

function tests.one_device_twice()
  local list = { torch.ones(2):cuda(1), torch.ones(2):cuda(2), torch.ones(2):cuda(1) }
  nccl.allReduce(list)
  for i = 1, 3 do tester:eq(list[i]:cpu(), torch.ones(2) * 3) end
  local alone = { torch.ones(2):cuda(2) }
  tester:eq(nccl.allReduce(alone)[1]:cpu(), torch.ones(2))
end

function tests.mistakes()
  fails(function() nccl.allReduce(torch.ones(2)) end,
    "torch.cuda.nccl.allReduce: inputs is a torch.FloatTensor", "wanted a list of tensors")
  fails(function() nccl.reduce { torch.ones(2):cuda(1), torch.ones(2) } end,
    "torch.cuda.nccl.reduce: tensor 2", "in host memory")
  fails(function() nccl.broadcast { torch.ones(2):cuda(1), torch.ones(3):cuda(2) } end,
    "tensor 2 is 3 elements", "wanted the same size and type")
  fails(function() nccl.allReduce(some(2), nil, "mean") end, "the operation is mean")
  fails(function() nccl.broadcast(some(2), n + 1) end, "the root is " .. n + 1)
  fails(function() nccl.allGather(some(2), some(2)) end, "output 1 has 2 elements, wanted " .. 2 * n)
  fails(function() comm.broadcast(torch.ones(2), { n + 1 }) end, "there is no CUDA device " .. n + 1)
  fails(function() comm.scatter(torch.ones(2), devices, { 1, 2 }) end, "2 parts of 3 in all")
end

-- ---- torch.cuda.comm -------------------------------------------------------------------------------------

function tests.comm_broadcast()
  local x = torch.range(1, 3):cuda(2)
  local copies = comm.broadcast(x, devices)
  for i = 1, n do
    tester:eq(copies[i].device, "cuda:" .. i)
    tester:eq(copies[i]:cpu(), x:cpu())
  end
  tester:eq(comm.broadcastCoalesced({ x, x * 2 }, devices)[1][2]:cpu(), torch.range(1, 3) * 2)
  tester:eq(comm.reduceAdd(copies, 2):cpu(), torch.range(1, 3) * n)
  tester:eq(comm.reduceAdd(copies).device, "cuda:1")
end

function tests.comm_scatter()
  local x = torch.randn(2 * n + 1, 3):requireGrad()
  local parts = comm.scatter(x, devices)
  tester:eq(#parts, n)
  tester:eq(parts[1]:size(1), 3)
  tester:eq(parts[n]:size(1), 2)
  local back = comm.gather(parts, 1, n)
  tester:eq(back.device, "cuda:" .. n)
  tester:eq(back:detach():cpu(), x:detach())
  torch.sum(back * 2):backward()
  tester:eq(x.grad, torch.ones(2 * n + 1, 3) * 2)
  tester:eq(#comm.scatter(torch.ones(1, 2), devices), 1)
  tester:eq(comm.scatter(torch.ones(3, 4), devices, { 1, 3 }, 2)[2]:size(2), 3)
end

tester:add(tests):run()
nccl.close()
