-- counts.lua: instructions and allocations of the small workloads, counted by callgrind: the same on a busy
-- machine as on a quiet one.  run.lua has what is called between the marks.

local torch = require "torch"
local json = require "json"

local counts = {}

local CALLS = 3 -- of each workload
local MARK = "f_reset_peak" -- torch.resetPeak

-- Kernels that any x86-64 with AVX2 has.  callgrind shows every program the same processor in any case, but
-- not the same number of cores.
local ENVIRONMENT = "env -u GLIBC_TUNABLES -u LD_BIND_NOW CRESSET_ISA=v3 OPENBLAS_CORETYPE=Haswell "
  .. "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive "

-- Whose calls are counted, as what: storages of elements; headers, of tensors, storages and nodes.
local counted = { cr_storage_new = "storages", cr_malloc = "headers", malloc = "mallocs", calloc = "mallocs",
  realloc = "mallocs", posix_memalign = "mallocs" }

-- What one of callgrind's files has: instructions, and calls of the allocators.
local function read(path)
  local file, names, callee = io.open(path), {}, nil
  if not file then error("callgrind saw no call of " .. MARK .. ": the program has no symbols", 0) end
  local sums = { instructions = 0, storages = 0, headers = 0, mallocs = 0 }
  for line in file:lines() do
    local id, name = line:match("^c?fn=(%(%d+%)) ?(.*)")
    if id then
      if name ~= "" then names[id] = name end -- later only the number stands for it
      callee = names[id]
    end
    local calls, what = line:match("^calls=(%d+)"), counted[callee]
    if calls and what then sums[what] = sums[what] + tonumber(calls) end
    sums.instructions = tonumber(line:match("^totals: (%d+)")) or sums.instructions
  end
  file:close()
  return sums
end

-- Runs a command under callgrind, which writes to `out`, or at each mark to out.1, ..; what was printed.
local function callgrind(command, out, mark)
  local tool = ("%s valgrind -q --tool=callgrind --callgrind-out-file=%s %s %s 2>&1"):format(ENVIRONMENT, out,
    mark and "--dump-before=" .. mark or "", command)
  local pipe = assert(io.popen(tool))
  local text = pipe:read("a")
  if not pipe:close() then error("callgrind failed: " .. text, 0) end
  return text
end

-- What one operation costs: the calls less the collection of nothing, by the number of operations.
local function per_operation(r, nothing, all)
  for field, count in pairs(all) do
    r[field] = tonumber(("%.6g"):format((count - nothing[field]) / r.operations))
  end
  return r
end

-- The name of a file, which goes at the end of the block with all whose names begin with it and a dot.
local function scratch()
  local out = os.tmpname()
  local function remove() os.execute(("rm -f %s %s.*"):format(out, out)) end
  return setmetatable({ out = out }, { __close = remove })
end

local function count_start(program)
  local file <close> = scratch()
  callgrind(program .. " -e ''", file.out)
  local r = read(file.out)
  r.name = counts.STARTUP
  return r
end

local function count_workloads(program, script, names, keep)
  local file <close> = scratch()
  local command = ("%s %s %s --calls %d"):format(program, script, table.concat(names, ","), CALLS)
  local text, part = callgrind(command, file.out, MARK), 0
  for line in text:gmatch("{[^\n]*}") do
    local nothing = read(("%s.%d"):format(file.out, part + 2))
    local all = read(("%s.%d"):format(file.out, part + 3))
    keep(per_operation(json.decode(line), nothing, all))
    part = part + 3
  end
end

--- What the start of the program is called among the workloads.
counts.STARTUP = "startup.empty"

--- Counts the workloads of the list, and passes each result to keep.
function counts.run(program, script, names, keep)
  if not os.execute("command -v valgrind >/dev/null") then error("--instructions needs valgrind", 0) end
  local function done(r)
    r.threads, r.config, r.version = 1, "cresset", torch._VERSION
    keep(r)
  end
  local others = {}
  for _, name in ipairs(names) do
    if name == counts.STARTUP then done(count_start(program)) else others[#others + 1] = name end
  end
  if #others > 0 then count_workloads(program, script, others, done) end
end

return counts
