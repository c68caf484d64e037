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

local from_system = { malloc = true, calloc = true, realloc = true, posix_memalign = true }
local SMALL_BLOCK = "cr_tiny_alloc" -- headers, small tensors' elements, Lua's objects

-- What one of callgrind's files has: instructions, and calls of the allocators.
local function read(path)
  local file, names, callee = assert(io.open(path)), {}, nil
  local sums = { instructions = 0, mallocs = 0, blocks = 0 }
  for line in file:lines() do
    local id, name = line:match("^c?fn=(%(%d+%)) ?(.*)")
    if id then
      if name ~= "" then names[id] = name end -- later only the number stands for it
      callee = names[id]
    end
    local called = tonumber(line:match("^calls=(%d+)"))
    if called and from_system[callee] then sums.mallocs = sums.mallocs + called end
    if called and callee == SMALL_BLOCK then sums.blocks = sums.blocks + called end
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

--- Counts the workloads of the list, and with "startup.empty" in it the start of the program; passes each
--- result to keep.
function counts.run(program, script, names, keep)
  if not os.execute("command -v valgrind >/dev/null") then error("--instructions needs valgrind", 0) end
  local out, others = os.tmpname(), {}
  local function done(r)
    r.threads, r.config, r.version = 1, "cresset", torch._VERSION
    keep(r)
  end
  for _, name in ipairs(names) do
    if name == counts.STARTUP then
      callgrind(program .. " -e ''", out)
      local r = read(out)
      r.name = name
      done(r)
    else
      others[#others + 1] = name
    end
  end
  if #others > 0 then
    local command = ("%s %s %s --calls %d"):format(program, script, table.concat(others, ","), CALLS)
    local text, part = callgrind(command, out, MARK), 0
    for line in text:gmatch("{[^\n]*}") do
      done(per_operation(json.decode(line), read(out .. "." .. part + 2), read(out .. "." .. part + 3)))
      part = part + 3
    end
  end
  os.execute("rm -f " .. out .. " " .. out .. ".*")
end

counts.STARTUP = "startup.empty"

return counts
