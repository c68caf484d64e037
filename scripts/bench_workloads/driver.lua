-- driver.lua: runs the workloads, each in a fresh process (on a GPU some together), ours and PyTorch's in
-- turn, or has their instructions counted; prints every result as a line of JSON and then a table.
-- scripts/bench starts it.

local folder = arg[0]:match("^.*/") or "./"
package.path = folder .. "../?.lua;" .. package.path

local torch = require "torch"
local json = require "json"
local counts = require "bench_workloads.counts"
local machine = require "bench_workloads.machine"
local picture = require "bench_workloads.picture"
local report = require "bench_workloads.report"
local bandwidth_of = require("bench_workloads.limits").bandwidth

local USAGE = [[
usage: scripts/bench [options]
  --only A,B,C*     these workloads; a trailing * matches a prefix
  --threads 1,2     numbers of threads (2)
  --rounds N        how often each side runs, in turn (2)
  --quick           one short round: a first impression
  --no-peer         Cresset alone
  --peer plain,tuned  how PyTorch is run (both); tuned: --isa, and malloc that reuses big blocks; on a GPU
                    eager,compiled: the latter by torch.compile, and steps of ours that are graphs beside it
  --isa NAME        vector width of the tuned PyTorch's kernels (avx512 where the processor has it)
  --python PATH     the Python that has PyTorch
  --data DIR        MNIST's four files for data.* (scripts/data/mnist)
  --wait S          before each run, wait up to S seconds for the machine to be quiet (0)
  --retries N       how often to repeat a run that other processes disturbed (1)
  --device cuda     on a GPU, both sides; whole models first (cpu)
  --deadline S      begin no workload after S seconds
  --instructions    instructions and allocations of small workloads, by valgrind; Cresset alone
  --results FILE    write the results to FILE too, a line of JSON each
  --from FILE       take the results from FILE instead of measuring
  --against FILE    compare with the earlier results in FILE
  --table FILE      write the table to FILE too
  --picture FILE    draw the ratios as FILE, in the format SVG
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

local flags = { quick = true, ["no-peer"] = true, instructions = true, list = true, help = true }

local function options()
  local o = { only = "*", threads = "2", rounds = 2, peer = false, wait = 0, retries = 1,
    python = false, isa = false, device = "cpu", deadline = math.huge, data = false, results = false,
    from = false, against = false, table = false, picture = false }
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
  if o.instructions and o.device ~= "cpu" then fail("--instructions are those of the CPU") end
  if o.picture and (o["no-peer"] or o.instructions) then
    fail("--picture draws the ratios to PyTorch's figures, which %s leaves out",
      o.instructions and "--instructions" or "--no-peer")
  end
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

-- The sides: what to call it, the program, options and variables of its own; `static`: takes part only where
-- a step is the same each time.
local function our_side(graph)
  return { config = graph and "cresset+graph" or "cresset", static = graph, variables = "",
    program = quote(arg[-1]) .. " " .. quote(folder .. "run.lua"), options = graph and "--graph yes" or "" }
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
    program = quote(python) .. " -B " .. quote(folder .. "peer.py"), options = "" }
end

local function gpu_peer_side(python, kind)
  local side = peer_side(python)
  side.static = kind == "compiled"
  side.config = side.static and "cuda+compile" or "cuda"
  side.options = side.static and "--compile" or ""
  return side
end

-- A machine may be set up to make BLAS choose older kernels; here it chooses by itself, as a user's does.
local function command(side, name, threads, limits)
  return ("unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE MKL_DEBUG_CPU_TYPE MKL_ENABLE_INSTRUCTIONS; "
    .. "exec env OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=%d MKL_NUM_THREADS=%d %s %s %s --threads %d %s %s")
    :format(threads, threads, threads, side.variables, side.program, name, threads, limits, side.options)
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
  local gpu = o.device == "cuda"
  local blas, isa = openmp_blas(), o.isa or machine.has("avx512f") and "avx512" or "avx2"
  local sides, known = {}, gpu and { eager = true, compiled = true } or { plain = true, tuned = true }
  for _, kind in ipairs(split(o.peer or (gpu and "eager,compiled" or "plain,tuned"))) do
    if not known[kind] then
      fail("--peer is %s, or both", gpu and "eager or compiled" or "plain or tuned")
    end
    sides[#sides + 1] = gpu and gpu_peer_side(python, kind)
      or peer_side(python, blas, kind == "tuned" and isa)
  end
  return sides
end

-- The tuned PyTorch differs where vectors or page faults count.
local plain_only = { overhead = true, startup = true, memory = true }

local function takes_part(side, name)
  return not (side.tuned and plain_only[name:match("^%a+")])
end

-- ---- the workloads ------------------------------------------------------------------------------

local function is_wanted(name, o)
  for _, pattern in ipairs(split(o.only)) do
    local prefix = pattern:match("^(.*)%*$")
    if name == pattern or (prefix and name:sub(1, #prefix) == prefix) then return true end
  end
  return false
end

local function list_of(o, more)
  local program = quote(arg[-1]) .. " " .. quote(folder .. "run.lua")
  return shell(("%s --list --device %s %s"):format(program, o.device, more))
end

local function selected(o)
  local names = {}
  local function add(name)
    if is_wanted(name, o) then names[#names + 1] = name end
  end
  local listing = list_of(o, o.instructions and "--counted yes" or "")
  if o.instructions then add(counts.STARTUP) end
  for name in listing:gmatch("[^\n]+") do add(name) end
  return names
end

-- Those of the batch that a side takes part in.
local function of_side(side, batch, static)
  if not side.static then return batch end
  local names = {}
  for _, name in ipairs(batch) do
    if static[name] then names[#names + 1] = name end
  end
  return names
end

-- The workloads that are run in turn by both sides: each alone; on a GPU up to so many of a group.
local TOGETHER = 12
local GPU_ORDER = { "throughput", "train", "infer", "memory", "conv", "la", "ew", "overhead" }

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

-- Runs a batch, and passes each result to keep.
local function measure(batch, threads, sides, o, keep)
  for _ = 1, o.rounds do
    for _, side in ipairs(sides) do
      if o.device ~= "cpu" then
        run_together(side, of_side(side, batch, o.static), threads, o, keep)
      elseif takes_part(side, batch[1]) then
        keep(run(side, batch[1], threads, o))
      end
    end
  end
end

-- What the machine can do at most, for who has a share of it: a large product, and moving memory.
local function measure_limit(ours, threads, keep)
  local product = run_once(ours, "la.mm_2048", threads, "--seconds 0.5 --samples 5 --cap 3")
  local bandwidth = bandwidth_of(folder .. "triad.c", threads)
  keep { name = "limit", threads = threads, config = "cresset", gbps = bandwidth,
    gflops = product.min_us and 2 * 2048 ^ 3 / product.min_us / 1e3 }
end

local function has_rate(results, threads)
  for _, r in ipairs(results) do
    if r.threads == threads and (r.gflops or r.gbps) then return true end
  end
end

local function measure_all(names, o, results, keep)
  local sides = peer_sides(o)
  table.insert(sides, 1, our_side())
  o.static = {}
  if o.device == "cuda" then
    table.insert(sides, 2, our_side(true))
    for name in list_of(o, "--static yes"):gmatch("[^\n]+") do o.static[name] = true end
  end
  for _, count in ipairs(split(o.threads)) do
    local threads = math.tointeger(tonumber(count)) or fail("--threads: %s is no number", count)
    for _, batch in ipairs(batches(names, o.device)) do
      if o.left() > 0 then measure(batch, threads, sides, o, keep) end
    end
    if o.device == "cpu" and o.left() > 0 and has_rate(results, threads) then
      measure_limit(sides[1], threads, keep)
    end
  end
end

local function count_all(names, keep)
  local ok, message = pcall(counts.run, quote(arg[-1]), quote(folder .. "run.lua"), names, keep)
  if not ok then fail("%s", message) end
end

-- ---- main ---------------------------------------------------------------------------------------

local function opened(path, mode)
  return path and (io.open(path, mode) or fail("%s cannot be %s", path, mode == "r" and "read" or "written"))
end

-- The results of a file that --results wrote.
local function read_results(path)
  local list, file = {}, opened(path, "r")
  for line in file:lines() do
    local r = decode(line)
    if not r or not r.name or not r.threads or not r.config then
      fail("%s: not a line of results: %s", path, line:sub(1, 60))
    end
    list[#list + 1] = r
  end
  file:close()
  return list
end

-- Measures or counts; the results.  Each is printed when it is there.
local function run_all(names, o)
  local results, file = {}, opened(o.results, "w")
  local function keep(r)
    results[#results + 1] = r
    local line = json.encode(r, { nan = "string" })
    print(line)
    io.stdout:flush()
    if file then file:write(line, "\n"):flush() end
  end
  if o.instructions then count_all(names, keep) else measure_all(names, o, results, keep) end
  if file then file:close() end
  return results
end

local function results_of(o)
  if not o.from then
    local names = selected(o)
    if #names == 0 then fail("no workload matches %s", o.only) end
    if o.list then return print(table.concat(names, "\n")) end
    return run_all(names, o), #names * (o.instructions and 1 or #split(o.threads))
  end
  local wanted = {}
  for _, r in ipairs(read_results(o.from)) do
    if r.name == "limit" or is_wanted(r.name, o) then wanted[#wanted + 1] = r end
  end
  return wanted
end

local function write_picture(path, rows)
  local groups = report.groups(rows)
  if #groups == 0 then fail("--picture: there are no ratios to draw") end
  opened(path, "w"):write(picture(groups)):close()
end

local function main()
  local o = options()
  if o.help then return print(USAGE) end
  local earlier, start = o.against and read_results(o.against), torch.tic()
  local table_file = opened(o.table, "w")
  local results, wanted = results_of(o)
  if o.list then return end
  local rows = report.rows(results, earlier)
  local text = report.table(rows) .. report.means(rows)
    .. ("%d workloads in %.0f s"):format(#rows, torch.toc(start))
  local failed, differ = report.troubles(rows)
  if failed + differ > 0 then text = text .. ("; %d FAILED, %d DIFFER"):format(failed, differ) end
  if wanted and wanted > #rows then
    text = text .. ("; %d more were not reached in time"):format(wanted - #rows)
  end
  text = text .. "\n"
  io.write("\n", text)
  if table_file then table_file:write(text):close() end
  if #rows == 0 then fail(o.from and "no such results in the file" or "no workload was reached in time") end
  if o.picture then write_picture(o.picture, rows) end
  if o.device ~= "cpu" and failed > 0 then os.exit(1) end
end

main()
