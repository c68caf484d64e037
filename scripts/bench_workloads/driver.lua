-- driver.lua: runs the workloads, each in a fresh process (on a GPU some together), ours and PyTorch's in
-- turn; prints every result as a line of JSON and then a table of ratios.  scripts/bench starts it.

local folder = arg[0]:match("^.*/") or "./"
package.path = folder .. "../?.lua;" .. package.path

local torch = require "torch"
local json = require "json"
local machine = require "bench_workloads.machine"
local report = require "bench_workloads.report"

local USAGE = [[
usage: scripts/bench [options]
  --only A,B,C*     these workloads; a trailing * matches a prefix
  --threads 1,2     numbers of threads (2)
  --rounds N        how often each side runs, in turn (2)
  --quick           one short round: a first impression
  --no-peer         Cresset alone
  --peer plain,tuned  how PyTorch is run (both); tuned: --isa, and malloc that reuses big blocks
  --isa NAME        vector width of the tuned PyTorch's kernels (avx512 where the processor has it)
  --python PATH     the Python that has PyTorch
  --data DIR      MNIST's four files for data.* (scripts/data/mnist)
  --wait S          before each run, wait up to S seconds for the machine to be quiet (0)
  --retries N       how often to repeat a run that other processes disturbed (1)
  --device cuda     on a GPU, both sides; whole models first (cpu)
  --deadline S      begin no workload after S seconds
  --json FILE       append the results to FILE too
  --table FILE      write the table to FILE too
  --list            the names of the workloads
PyTorch, where it is not found, is left out.]]

-- ---- options ------------------------------------------------------------------------------------

local function fail(...)
  io.stderr:write("scripts/bench: ", string.format(...), "\n")
  os.exit(1)
end

local function split(text)
  local parts = {}
  for part in text:gmatch("[^,]+") do parts[#parts + 1] = part end
  return parts
end

local flags = { quick = true, ["no-peer"] = true, list = true, help = true }

local function options()
  local o = { only = "*", threads = "2", rounds = 2, peer = "plain,tuned", wait = 0, retries = 1,
    python = false, json = false, isa = false, device = "cpu", deadline = math.huge, table = false,
    data = false }
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-([%a-]+)$")
    if not name or (o[name] == nil and not flags[name]) then
      fail("unknown option %s; --help lists them", arg[i])
    end
    if flags[name] then
      o[name] = true
    else
      i = i + 1
      local value = arg[i] or fail("--%s needs a value", name)
      if type(o[name]) == "number" then value = tonumber(value) or fail("--%s needs a number", name) end
      o[name] = value
    end
    i = i + 1
  end
  if o.quick then o.rounds, o.retries = 1, 0 end
  if o.device ~= "cpu" and o.device ~= "cuda" then fail("--device is cpu or cuda") end
  local start = torch.tic()
  function o.left() return o.deadline - torch.toc(start) end
  return o
end

-- ---- one process --------------------------------------------------------------------------------

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  return text, pipe:close()
end

-- Keep and reuse freed blocks of any size, and ask for huge pages.
local TUNED_MALLOC = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:"
  .. "glibc.malloc.trim_threshold=17179869184"

-- The sides: what to call it, the program, variables of its own.
local function our_side()
  return { config = "cresset", program = quote(arg[-1]) .. " " .. quote(folder .. "run.lua"), variables = "" }
end

local function peer_side(python, blas, isa)
  local config = { blas and "openblas-openmp" or "system-blas" }
  local variables = {}
  if blas then variables[1] = "LD_LIBRARY_PATH=" .. blas .. ":$LD_LIBRARY_PATH" end
  if isa then
    config[2], config[3] = isa, "malloc"
    variables[#variables + 1] = "ATEN_CPU_CAPABILITY=" .. isa
    variables[#variables + 1] = TUNED_MALLOC
  end
  return { tuned = isa, config = table.concat(config, "+"), variables = table.concat(variables, " "),
    program = quote(python) .. " -B " .. quote(folder .. "peer.py") }
end

-- A machine may be set up to make BLAS choose older kernels; here it chooses by itself, as a user's does.
local function command(side, name, threads, limits)
  return ("unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE MKL_DEBUG_CPU_TYPE MKL_ENABLE_INSTRUCTIONS; "
    .. "exec env OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=%d MKL_NUM_THREADS=%d %s %s %s --threads %d %s")
    :format(threads, threads, threads, side.variables, side.program, name, threads, limits)
end

-- The table of a line that a workload printed; nil when it is something else.
local function decode(line)
  local ok, r = pcall(json.decode, line)
  return ok and type(r) == "table" and r or nil
end

local function run_once(side, name, threads, limits)
  local before = machine.cpu2x(arg[-1])
  local watch = machine.watch()
  local text, ok, _, code = shell(command(side, name, threads, limits))
  local others = watch()
  local line = text:match("({[^\n]*})%s*$")
  local r = ok and line and decode(line) or { error = "exit status " .. tostring(code) }
  r.name, r.threads, r.config, r.others = name, threads, side.config, others
  r.cpu2x = { before, machine.cpu2x(arg[-1]) }
  return r
end

local function limits_of(o)
  local limits = o.quick and "--seconds 0.2 --samples 5 --cap 3" or ""
  return o.data and limits .. " --data " .. quote(o.data) or limits
end

local function run(side, name, threads, o)
  local limits = limits_of(o)
  local best
  for _ = 0, o.retries do
    machine.wait(o.wait)
    local r = run_once(side, name, threads, limits)
    if not best or r.others < best.others then best = r end
    if best.others <= report.DISTURBED then break end
  end
  return best
end

-- ---- several in one process: a program that uses a GPU takes longer to start than to measure ----

-- The results of one process: of the names from `first` on, each passed to keep; whether it ended well.
local function run_process(side, names, first, threads, o, keep)
  local left = o.left()
  local limits = limits_of(o) .. " --device " .. o.device
  local list, guard = table.concat(names, ",", first), ""
  if left < math.huge then
    limits = ("%s --deadline %.1f"):format(limits, left)
    guard = ("timeout --foreground -k 5 %d "):format(math.ceil(left) + 30)
  end
  local watch, results = machine.watch(), {}
  local pipe = assert(io.popen((command(side, list, threads, limits):gsub("exec ", "exec " .. guard, 1))))
  for line in pipe:lines() do
    local r = line:match("^{.*}$") and decode(line)
    if r then
      r.threads, r.config = threads, side.config
      results[#results + 1] = r
      keep(r)
    end
  end
  local ok, _, code = pipe:close()
  local others = watch()
  for _, r in ipairs(results) do r.others = others end
  return ok, code, #results
end

-- A workload that ends its process costs only its own result: another process takes those after it.
local function run_together(side, names, threads, o, keep)
  local first = 1
  while first <= #names and o.left() > 0 do
    local ok, code, count = run_process(side, names, first, threads, o, keep)
    first = first + count
    if ok then break end
    if first <= #names then
      local failure = "exit status " .. tostring(code)
      keep { name = names[first], threads = threads, config = side.config, error = failure }
    end
    first = first + 1
  end
end

-- ---- PyTorch ------------------------------------------------------------------------------------

local function find_python(given, device)
  local code = device == "cuda" and "import torch, numpy; torch.zeros(1).cuda()" or "import torch, numpy"
  for _, python in ipairs { given or "python3", not given and "/usr/bin/python3" or nil } do
    if os.execute(quote(python) .. " -c '" .. code .. "' >/dev/null 2>&1") then return python end
  end
end

-- Debian's PyTorch works with OpenMP threads.  Beside them OpenBLAS's own threads fight for the cores, so
-- the OpenMP build of OpenBLAS, where there is one, makes the better peer.
local function openmp_blas()
  local path = shell("ls -d /usr/lib/*/openblas-openmp 2>/dev/null"):match("^[^\n]+")
  return path
end

local function peer_sides(o)
  if o["no-peer"] then return {} end
  local python = find_python(o.python, o.device)
  if not python then
    local what = o.device == "cuda" and "PyTorch for this GPU" or "PyTorch"
    io.stderr:write(("scripts/bench: no Python with %s and NumPy found; Cresset runs alone\n"):format(what))
    return {}
  end
  if o.device == "cuda" then
    local side = peer_side(python)
    side.config = "cuda"
    return { side }
  end
  local blas, isa = openmp_blas(), o.isa or machine.has("avx512f") and "avx512" or "avx2"
  local sides = {}
  for _, kind in ipairs(split(o.peer)) do
    if kind ~= "plain" and kind ~= "tuned" then fail("--peer is plain, tuned or both: plain,tuned") end
    sides[#sides + 1] = peer_side(python, blas, kind == "tuned" and isa)
  end
  return sides
end

-- The tuned PyTorch differs where vectors or page faults count.
local plain_only = { overhead = true, startup = true, memory = true }

local function takes_part(side, name)
  return not (side.tuned and plain_only[name:match("^%a+")])
end

-- ---- main ---------------------------------------------------------------------------------------

local function selected(o)
  local names = {}
  local command_line = "%s %s --list --device %s"
  local listing = shell(command_line:format(quote(arg[-1]), quote(folder .. "run.lua"), o.device))
  for name in listing:gmatch("[^\n]+") do
    for _, pattern in ipairs(split(o.only)) do
      local prefix = pattern:match("^(.*)%*$")
      if name == pattern or (prefix and name:sub(1, #prefix) == prefix) then
        names[#names + 1] = name
        break
      end
    end
  end
  return names
end

-- The workloads that are run in turn by both sides: each alone; on a GPU up to so many of a group.
local TOGETHER = 12
local GPU_ORDER = { "train", "infer", "memory", "conv", "la", "ew", "overhead" }

local function batches(names, device)
  local list = {}
  if device == "cpu" then
    for i, name in ipairs(names) do list[i] = { name } end
    return list
  end
  for _, group in ipairs(GPU_ORDER) do
    local batch
    for _, name in ipairs(names) do
      if name:match("^[^.]+") == group then
        if not batch or #batch == TOGETHER then
          batch = {}
          list[#list + 1] = batch
        end
        batch[#batch + 1] = name
      end
    end
  end
  return list
end

-- Runs a batch; the results of each workload, by configuration.
local function measure(batch, threads, sides, o, file)
  local results = {}
  for _, name in ipairs(batch) do results[name] = { cresset = {} } end
  local function keep(r)
    local of_name = results[r.name]
    of_name[r.config] = of_name[r.config] or {}
    table.insert(of_name[r.config], r)
    local line = json.encode(r, { nan = "string" })
    print(line)
    io.stdout:flush()
    if file then file:write(line, "\n"):flush() end
  end
  for _ = 1, o.rounds do
    for _, side in ipairs(sides) do
      if o.device ~= "cpu" then
        run_together(side, batch, threads, o, keep)
      elseif takes_part(side, batch[1]) then
        keep(run(side, batch[1], threads, o))
      end
    end
  end
  return results
end

local function opened(path, mode)
  return path and (io.open(path, mode) or fail("%s cannot be written", path))
end

local function main()
  local o = options()
  if o.help then return print(USAGE) end
  local names = selected(o)
  if #names == 0 then fail("no workload matches %s", o.only) end
  if o.list then return print(table.concat(names, "\n")) end
  local file, table_file = opened(o.json, "a"), opened(o.table, "w")
  local sides = peer_sides(o)
  local with_peer = #sides > 0
  table.insert(sides, 1, our_side())
  local rows, logs, start, left_out = {}, {}, torch.tic(), 0
  for _, count in ipairs(split(o.threads)) do
    local threads = math.tointeger(tonumber(count)) or fail("--threads: %s is no number", count)
    for _, batch in ipairs(batches(names, o.device)) do
      local results = o.left() > 0 and measure(batch, threads, sides, o, file) or {}
      for _, name in ipairs(batch) do
        if results[name] and next(results[name].cresset) then
          report.add(rows, logs, name, threads, results[name])
        else
          left_out = left_out + 1
        end
      end
    end
  end
  local text = report.table(rows, with_peer) .. report.means(logs)
    .. ("%d workloads in %.0f s"):format(#rows, torch.toc(start))
  local failed, differ = report.troubles(rows)
  if failed + differ > 0 then text = text .. ("; %d FAILED, %d DIFFER"):format(failed, differ) end
  if left_out > 0 then text = text .. ("; %d more were not reached in time"):format(left_out) end
  text = text .. "\n"
  io.write("\n", text)
  if file then file:close() end
  if table_file then table_file:write(text):close() end
  if #rows == 0 then fail("no workload was reached in time") end
  if o.device ~= "cpu" and failed > 0 then os.exit(1) end
end

main()
