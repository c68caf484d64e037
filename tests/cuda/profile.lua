-- profile: torch.profile where a CUDA device computes.  run_runtime runs it.
local torch = require "torch"
local cuda = torch.cuda

local tester = torch.Tester()
local tests = torch.TestSuite()

local function row(p, name)
  for _, r in ipairs(p) do
    if r.name == name then return r end
  end
  error("no row of " .. name)
end

local function device_seconds(p)
  local sum = 0
  for _, r in ipairs(p) do sum = sum + r.deviceSeconds + r.backwardDeviceSeconds end
  return sum
end

-- The events of the trace, by kind: "X" of the host (process 1), "X" of devices, and names of tracks.
local function trace_of(p)
  local path = os.tmpname()
  p:save(path)
  local file = io.open(path)
  local all = require("json").decode(file:read "a").traceEvents
  file:close()
  os.remove(path)
  local host, device, names = {}, {}, {}
  for _, e in ipairs(all) do
    local list = e.ph == "M" and names or e.pid == 1 and host or device
    list[#list + 1] = e
  end
  return host, device, names
end

function tests.times_and_bytes()
  local x = torch.ones(64, 64):cuda():requireGrad()
  torch.mm(x, x):sum():backward() -- libraries are loaded
  x.grad = nil
  local p = torch.profile(function()
    for _ = 1, 5 do torch.mm(x, x):sum():backward() end
  end)
  local mm = row(p, "mm")
  tester:eq({ mm.calls, mm.backwardCalls }, { 5, 5 })
  tester:assertgt(mm.deviceSeconds, 0)
  tester:assertgt(mm.backwardDeviceSeconds, 0)
  tester:eq(mm.deviceBytes, 5 * 64 * 64 * 4)
  tester:eq(mm.bytes, mm.deviceBytes)
  tester:assertge(mm.backwardDeviceBytes, 2 * 64 * 64 * 4)
  tester:assertle(device_seconds(p), p.seconds, "one stream: no time is counted twice")
  tester:eq(p.usesDevice, true)
  for i = 2, #p do
    tester:assertle(p[i].deviceSeconds + p[i].backwardDeviceSeconds,
      p[i - 1].deviceSeconds + p[i - 1].backwardDeviceSeconds, "the slowest on the device comes first")
  end
  local text = tostring(p)
  tester:assert(text:find("time +device +calls +bytes +backward +device +calls +bytes\n") ~= nil, text)
  tester:eq(p:sort("deviceBytes")[1].name, "mm")
  tester:eq(#p:rows()[1], #p:rows()[2])
end

function tests.host_alone()
  local p = torch.profile(function() torch.exp(torch.ones(3)) end)
  tester:eq({ p.usesDevice, p.deviceEvents, row(p, "exp").deviceSeconds }, { false, 0, 0 })
  tester:eq(tostring(p):find("device", 1, true), nil)
  local _, device, names = trace_of(p)
  tester:eq(#device + #names, 0)
end

-- Work of the host is not the device's, and the other way round.
function tests.both()
  local here, there = torch.ones(3), torch.ones(3):cuda()
  local p = torch.profile(function()
    torch.exp(here)
    torch.log(there)
    torch.exp(here)
  end)
  tester:eq(row(p, "exp").deviceSeconds, 0)
  tester:assertgt(row(p, "log").deviceSeconds, 0)
  tester:eq({ row(p, "exp").deviceBytes, row(p, "log").deviceBytes }, { 0, 12 })
end

function tests.traces()
  local x = torch.ones(100):cuda():requireGrad()
  local p = torch.profile(function() torch.exp(x):sum():backward() end)
  local host, device, names = trace_of(p)
  tester:eq(#host, p.events)
  tester:eq(#device, p.deviceEvents)
  tester:eq({ names[1].args.name, names[2].args.name }, { "cuda:1", "stream 0" })
  tester:eq(device[1].name, "exp")
  tester:eq({ device[1].pid, device[1].tid }, { 2, 0 })
  tester:eq(host[1].args, { bytes = 400, deviceBytes = 400 })
  local last = 0
  for _, e in ipairs(device) do
    tester:assertge(e.ts, last, "one stream: one after another")
    last = e.ts + e.dur
  end
  local slack = 200 -- microseconds by which the clocks may differ
  tester:assertge(device[1].ts + slack, host[1].ts)
  tester:assertle(last, p.seconds * 1e6 + slack)
  tester:eq(device[#device].name, "exp backward")
end

function tests.streams()
  local x = torch.ones(100):cuda()
  local p = torch.profile(function()
    torch.exp(x)
    cuda.setStream(2)
    torch.log(x)
    cuda.setDefaultStream()
    torch.exp(x)
  end)
  local tracks = {}
  local _, device = trace_of(p)
  for i, e in ipairs(device) do tracks[i] = e.name .. " " .. e.tid end
  tester:eq(tracks, { "exp 0", "log 2", "exp 0" })
end

function tests.devices()
  local count = cuda.getDeviceCount()
  local x = torch.ones(100):cuda(1)
  local y = count > 1 and torch.ones(100):cuda(2) or x
  local p = torch.profile(function()
    torch.exp(x)
    torch.log(y)
    return y:to(x.device)
  end)
  local _, device = trace_of(p)
  local where = {}
  for _, e in ipairs(device) do where[e.name] = e.pid end
  tester:eq({ where.exp, where.log }, { 2, count > 1 and 3 or 2 })
end

-- More than are kept in the streams at once, and more than are kept for the trace.
function tests.many()
  local x = torch.ones(10):cuda()
  local p = torch.profile(function() for _ = 1, 3000 do torch.exp(x) end end)
  tester:eq({ p.events, p.deviceEvents }, { 3000, 3000 })
  local few = torch.profile(function() for _ = 1, 10 do torch.exp(x) end end, { events = 4 })
  tester:eq({ few.events, few.dropped, few.deviceEvents }, { 4, 6, 4 })
  tester:assertgt(row(few, "exp").deviceSeconds, 0)
end

function tests.lines()
  local x = torch.ones(1000):cuda()
  local line = debug.getinfo(1, "l").currentline + 2
  local p = torch.profile(function()
    local y = x + 1
    return y:cpu(), torch.zeros(500)
  end, { lines = true })
  local found = {}
  for _, l in ipairs(p.lines) do found[l.where:match "profile.lua:(%d+)$" or ""] = l end
  local first, second = found[tostring(line)], found[tostring(line + 1)]
  tester:eq({ first.bytes, first.deviceBytes, first.storages }, { 4000, 4000, 1 })
  tester:eq({ second.bytes, second.deviceBytes, second.storages }, { 6000, 0, 2 })
  tester:eq(torch.profile(function() end).lines, nil)
end

function tests.optimizers()
  local optim = require "optim"
  local w = torch.ones(10):cuda():requireGrad()
  local o = optim.Adam({ w }, { lr = 0.1 })
  local p = torch.profile(function()
    w:sum():backward()
    o:step()
  end)
  tester:assertgt(row(p, "update").deviceSeconds, 0)
end

function tests.errors()
  local x = torch.ones(10):cuda()
  local function bad()
    for _ = 1, 600 do torch.exp(x) end
    error "mine"
  end
  tester:assertErrorPattern(function() torch.profile(bad) end, "mine")
  tester:assertErrorPattern(function() torch.profile(function() torch.mm(x, x) end) end, "torch.mm")
  local p = torch.profile(function() torch.exp(x) end)
  tester:eq({ #p, p.deviceEvents }, { 1, 1 })
end

-- A backward that is a function of Lua is one call of the device.
function tests.custom_functions()
  local f = torch.Function {
    forward = function(_, x) return x * 2 end,
    backward = function(_, g) return g * 2 + 1 end,
  }
  local x = torch.ones(3):cuda():requireGrad()
  local p = torch.profile(function() f(x):sum():backward() end)
  local r = row(p, "custom function")
  tester:eq(r.backwardCalls, 1)
  tester:assertgt(r.backwardDeviceSeconds, 0)
  tester:assertle(device_seconds(p), p.seconds)
end

tester:add(tests):run()
