-- driver.lua: runs the workloads, each in a fresh process, ours and PyTorch's in turn; prints every
-- result as a line of JSON and then a table of ratios.  scripts/bench starts it.

local folder = arg[0]:match("^.*/") or "./"
package.path = folder .. "../?.lua;" .. package.path

local torch = require "torch"
local json = require "bench_workloads.json"
local machine = require "bench_workloads.machine"

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
  --wait S          before each run, wait up to S seconds for the machine to be quiet (0)
  --retries N       how often to repeat a run that other processes disturbed (1)
  --json FILE       append the results to FILE too
  --list            the names of the workloads
PyTorch, where it is not found, is left out.]]

-- Runs disturbed by more than this many cores of other processes' work are repeated.
local DISTURBED = 0.1

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
    python = false, json = false, isa = false }
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

local function run_once(side, name, threads, limits)
  local before = machine.cpu2x(arg[-1])
  local watch = machine.watch()
  local text, ok, _, code = shell(command(side, name, threads, limits))
  local others = watch()
  local line = text:match("({[^\n]*})%s*$")
  local r = ok and line and json.decode(line) or { error = "exit status " .. tostring(code) }
  r.name, r.threads, r.config, r.others = name, threads, side.config, others
  r.cpu2x = { before, machine.cpu2x(arg[-1]) }
  return r
end

local function run(side, name, threads, o)
  local limits = o.quick and "--seconds 0.2 --samples 5 --cap 3" or ""
  local best
  for _ = 0, o.retries do
    machine.wait(o.wait)
    local r = run_once(side, name, threads, limits)
    if not best or r.others < best.others then best = r end
    if best.others <= DISTURBED then break end
  end
  return best
end

-- ---- PyTorch ------------------------------------------------------------------------------------

local function find_python(given)
  for _, python in ipairs { given or "python3", not given and "/usr/bin/python3" or nil } do
    if os.execute(quote(python) .. " -c 'import torch, numpy' >/dev/null 2>&1") then return python end
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
  local python = find_python(o.python)
  if not python then
    io.stderr:write("scripts/bench: no Python with PyTorch and NumPy found; Cresset runs alone\n")
    return {}
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

-- ---- the table ----------------------------------------------------------------------------------

-- What is compared: time, or memory where there is none.
local function figure(r)
  return r.median_us or r.rss_growth_mb or r.peak_rss_mb
end

-- Of several runs the one in the middle, of those that nothing disturbed if there are any.
local function typical(runs)
  local quiet, all = {}, {}
  for _, r in ipairs(runs) do
    if not r.error then
      all[#all + 1] = r
      if r.others <= DISTURBED then quiet[#quiet + 1] = r end
    end
  end
  local list = #quiet > 0 and quiet or all
  table.sort(list, function(a, b) return figure(a) < figure(b) end)
  return list[(#list + 1) // 2]
end

local function show(r)
  local v = figure(r)
  if not r.median_us then return ("%.1f MB"):format(v) end
  for _, unit in ipairs { { 1e6, "s" }, { 1e3, "ms" } } do
    if v >= unit[1] then return ("%.3g %s"):format(v / unit[1], unit[2]) end
  end
  return ("%.3g us"):format(v)
end

local function check(a, b)
  if not a.check or not b.check then return a.check == b.check and "-" or "DIFFERS" end
  if #a.check ~= #b.check then return "DIFFERS" end
  for i, v in ipairs(a.check) do
    if math.abs(v - b.check[i]) > 1e-3 * math.abs(b.check[i]) then return "DIFFERS" end
  end
  return "ok"
end

-- One row: ours beside the faster of the peers.
local function row(name, threads, results)
  local ours, peer = typical(results.cresset)
  for config, runs in pairs(results) do
    local r = config ~= "cresset" and typical(runs)
    if r and (not peer or figure(r) < figure(peer)) then peer = r end
  end
  local line = { name, tostring(threads), ours and show(ours) or "failed" }
  if not peer then return line end
  line[4], line[5] = show(peer), peer.config
  if not ours then return line end
  local ratio = not ours.rss_growth_mb and figure(ours) / figure(peer) or nil
  local others = math.max(ours.others, peer.others)
  local least = ours.min_us and ours.min_us / peer.min_us
  line[6], line[7] = ratio and ("%.2f"):format(ratio) or "-", least and ("%.2f"):format(least) or "-"
  line[8] = check(ours, peer)
  line[9] = others > DISTURBED and ("%.1f cores"):format(others) or nil
  return line, ratio
end

local function print_table(rows, with_peer)
  local header = { "workload", "threads", "Cresset", "PyTorch", "its configuration", "ratio",
    "of the minima", "check", "disturbed by" }
  local columns = with_peer and #header or 3
  print("\n| " .. table.concat(header, " | ", 1, columns) .. " |")
  print("|" .. ("---|"):rep(columns))
  for _, line in ipairs(rows) do
    for i = 1, columns do line[i] = line[i] or "" end
    print("| " .. table.concat(line, " | ", 1, columns) .. " |")
  end
  if with_peer then
    print("\nratio: Cresset's figure over that of the better PyTorch; below 1 Cresset is ahead.")
  end
end

-- ---- main ---------------------------------------------------------------------------------------

local function selected(only)
  local names = {}
  local listing = shell(quote(arg[-1]) .. " " .. quote(folder .. "run.lua") .. " --list")
  for name in listing:gmatch("[^\n]+") do
    for _, pattern in ipairs(split(only)) do
      local prefix = pattern:match("^(.*)%*$")
      if name == pattern or (prefix and name:sub(1, #prefix) == prefix) then
        names[#names + 1] = name
        break
      end
    end
  end
  return names
end

local function measure(name, threads, sides, o, file)
  local results = {}
  for _ = 1, o.rounds do
    for _, side in ipairs(sides) do
      if takes_part(side, name) then
        local r = run(side, name, threads, o)
        results[side.config] = results[side.config] or {}
        table.insert(results[side.config], r)
        local line = json.encode(r)
        print(line)
        io.stdout:flush()
        if file then file:write(line, "\n"):flush() end
      end
    end
  end
  return results
end

local function group_means(logs)
  local names = {}
  for group in pairs(logs) do names[#names + 1] = group end
  table.sort(names)
  for _, group in ipairs(names) do
    local sum = 0
    for _, v in ipairs(logs[group]) do sum = sum + v end
    print(("geometric mean of %s: %.2f"):format(group, math.exp(sum / #logs[group])))
  end
end

local function main()
  local o = options()
  if o.help then return print(USAGE) end
  local names = selected(o.only)
  if #names == 0 then fail("no workload matches %s", o.only) end
  if o.list then return print(table.concat(names, "\n")) end
  local file = o.json and (io.open(o.json, "a") or fail("%s cannot be written", o.json))
  local sides = peer_sides(o)
  local with_peer = #sides > 0
  table.insert(sides, 1, our_side())
  local rows, logs, start = {}, {}, torch.tic()
  for _, count in ipairs(split(o.threads)) do
    local threads = math.tointeger(tonumber(count)) or fail("--threads: %s is no number", count)
    for _, name in ipairs(names) do
      local line, ratio = row(name, threads, measure(name, threads, sides, o, file))
      rows[#rows + 1] = line
      if ratio then
        local group = ("%s, threads %d"):format(name:match("^[^.]+"), threads)
        logs[group] = logs[group] or {}
        table.insert(logs[group], math.log(ratio))
      end
    end
  end
  print_table(rows, with_peer)
  group_means(logs)
  print(("%d workloads in %.0f s"):format(#rows, torch.toc(start)))
  if file then file:close() end
end

main()
