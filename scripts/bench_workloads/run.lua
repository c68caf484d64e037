-- run.lua NAME[,NAME..] [--threads N] [--seconds S] [--samples N] [--cap S] [--device cuda [--graph yes]]
--   [--data DIR] [--deadline S]: workloads in this process, one JSON line each; with --deadline none begins
--   S seconds after the first.  --graph yes: steps of training are captured and repeated as graphs.
-- run.lua NAME[,NAME..] --calls N: that many calls of each, for callgrind to count.
-- run.lua --list [--device cuda]: their names; --list --counted yes: of those whose instructions are counted;
-- --list --static yes: of those whose step is always the same, so that it may be a graph.
--
-- Inputs are built first, then the first call gives the check, then warm-up, then samples of k calls
-- that last at least 10 ms each.  On a GPU each sample ends when the GPU has done all its work.

package.path = (arg[0]:match("^.*/") or "./") .. "../?.lua;" .. package.path

local torch = require "torch"
local json = require "json"
local numbers = require "bench_workloads.numbers"
local training = require "bench_workloads.training"
local workloads = require "bench_workloads.workloads"

local function arguments()
  local options = { threads = 2, seconds = 1, samples = 20, cap = 20, deadline = math.huge, device = "cpu",
    data = arg[0]:gsub("[^/]*$", "") .. "../data/mnist" }
  for i = 2, #arg, 2 do
    local name = arg[i]:match("^%-%-(%a+)$")
    options[name] = tonumber(arg[i + 1]) or arg[i + 1]
  end
  return options
end

-- Waits for what the device still has to do.
local function finish()
  if numbers.device ~= "cpu" then torch.cuda.synchronize() end
end

local function status_mb(field)
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^" .. field .. ":%s*(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

local function median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local n = #sorted
  return (sorted[(n + 1) // 2] + sorted[n // 2 + 1]) / 2, sorted[1]
end

-- ---- the kinds of workload ----------------------------------------------------------------------

local function mean_abs(value, zero_based)
  if type(value) == "number" then return math.abs(value - (zero_based and 1 or 0)) end
  local wide = value:detach():double()
  if zero_based then wide:add(-1) end
  return torch.abs(wide):mean()
end

-- Means of |v| of all that the first call returns; of a training the losses of steps 1 and 3.
local function check_values(step, w)
  local results, values = table.pack(step()), {}
  for i = 1, results.n do values[i] = mean_abs(results[i], w.zero_based) end
  if w.kind == "train" then
    step()
    values[2] = mean_abs(step())
  end
  return values
end

local function warm_up(step)
  local start, calls, last = torch.tic(), 0, 0
  while calls < 3 or torch.toc(start) < 0.3 do
    local t = torch.tic()
    step()
    finish()
    last, calls = torch.toc(t), calls + 1
  end
  return last
end

local function measure(step, w, o)
  local k = math.max(1, math.floor(0.01 / math.max(warm_up(step), 1e-9) + 0.5))
  local samples, total, inner = {}, 0, w.inner or 1
  while (total < o.seconds or #samples < o.samples) and total < o.cap do
    local t = torch.tic()
    for _ = 1, k do step() end
    finish()
    t = torch.toc(t)
    samples[#samples + 1] = t / (k * inner) * 1e6
    total = total + t
  end
  local middle, least = median(samples)
  return { median_us = middle, min_us = least, iters = #samples * k * inner, samples = #samples }
end

local kinds = {}

function kinds.op(w, o)
  local step = w.build()
  local check = training.graph and {} or check_values(step, w) -- capturing has taken steps already
  local r = measure(step, w, o)
  r.check = #check > 0 and check or nil
  r.gflops = w.flop and w.flop / r.median_us / 1e3
  r.gbps = w.bytes and w.bytes / r.median_us / 1e3
  r.cached = w.cached
  if w.count then r.rate, r.per = w.count / r.median_us * 1e6, w.per end
  return r
end

kinds.train = kinds.op

function kinds.memory(w)
  local base, on_gpu = status_mb("VmRSS"), numbers.device ~= "cpu"
  if on_gpu then
    torch.cuda.emptyCache() -- collects what earlier workloads have left
    torch.cuda.resetPeak()
  end
  local step = w.build()
  for _ = 1, 10 do step() end
  return { iters = 10, base_rss_mb = base, peak_gpu_mb = on_gpu and torch.cuda.memory().peak / 2 ^ 20 or nil }
end

function kinds.growth(w)
  local step = w.build()
  for _ = 1, w.steps // 10 do step() end
  local before = status_mb("VmRSS")
  for _ = 1, w.steps do step() end
  return { iters = w.steps, rss_growth_mb = status_mb("VmRSS") - before }
end

-- A new process that prints the sum of two tensors of ones: until its first line is here.
function kinds.startup(_, o)
  local code = [[print(torch.ones(3) + torch.ones(3)) io.flush()
    for l in io.lines("/proc/self/status") do if l:match("^VmHWM") then print(l) end end]]
  local command = ("exec '%s' -l torch -e '%s'"):format(arg[-1], code)
  local times, peaks = {}, {}
  for i = 0, o.samples do
    local t = torch.tic()
    local pipe = assert(io.popen(command))
    pipe:read("l")
    t = torch.toc(t)
    local peak = tonumber(pipe:read("a"):match("VmHWM:%s*(%d+)"))
    pipe:close()
    if i > 0 then times[i], peaks[i] = t * 1e6, peak / 1024 end -- the first one fills the disk cache
  end
  local middle, least = median(times)
  return { median_us = middle, min_us = least, iters = #times, samples = #times, peak_rss_mb = median(peaks) }
end

-- ---- main ---------------------------------------------------------------------------------------

-- What is about the program or host memory says nothing about a GPU.
local host_only = { startup = true, growth = true }

local function is_listed(w, o)
  if o.static and (w.dynamic or not (w.kind == "train" or w.name:match("^infer%."))) then return false end
  if o.counted then return w.counted or w.name:match("^overhead%.") end
  if w.where then return w.where == o.device end
  return not w.counted and (o.device == "cpu" or not host_only[w.kind])
end

local function list()
  local o = arguments()
  for _, w in ipairs(workloads.list) do
    if is_listed(w, o) then print(w.name) end
  end
end

-- Six digits of each number are enough to read.
local function rounded(v)
  if math.type(v) == "float" then return tonumber(("%.6g"):format(v)) or v end
  if type(v) ~= "table" then return v end
  local out = {}
  for key, x in pairs(v) do out[key] = rounded(x) end
  return out
end

local function find(name)
  return workloads.byname[name] or error("no workload " .. name, 0)
end

-- Calls a workload for callgrind, which writes down what it has counted wherever torch.resetPeak begins: all
-- before; a collection with nothing to free; the calls, and the collection of what they made.  The collector
-- does nothing else meanwhile, so the counts do not depend on where in its cycle it is.
local function calls(name, count)
  local w = find(name)
  local step, inner, bytes = w.build(), w.inner or 1, 0
  for _ = 1, count do step() end
  collectgarbage()
  for _, n in ipairs { 0, count } do
    torch.resetPeak()
    for _ = 1, n do step() end
    collectgarbage()
  end
  torch.resetPeak()
  for _, row in ipairs(torch.profile(step)) do bytes = bytes + row.bytes + row.backwardBytes end
  print(json.encode { name = name, operations = count * inner, bytes = bytes / inner })
end

local function run(name, o)
  local w = find(name)
  local r = kinds[w.kind](w, o)
  r.name, r.threads, r.version, r.config = w.name, o.threads, torch._VERSION, "cresset"
  r.device = o.device ~= "cpu" and o.device or nil
  r.peak_rss_mb = r.peak_rss_mb or status_mb("VmHWM")
  print(json.encode(rounded(r), { nan = "string" }))
  io.stdout:flush()
end

local function main()
  if arg[1] == "--list" then return list() end
  local o, start = arguments(), torch.tic()
  torch.setnumthreads(o.threads)
  numbers.device, numbers.data, training.graph = o.device, o.data, o.graph == "yes"
  if o.calls then collectgarbage("stop") end
  for name in (arg[1] or ""):gmatch("[^,]+") do
    if o.calls then calls(name, o.calls) elseif torch.toc(start) < o.deadline then run(name, o) end
    collectgarbage() -- the next one begins with the memory free
  end
end

main()
