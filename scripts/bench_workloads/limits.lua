-- limits.lua: what the machine can do at most, measured beside the workloads, and a result's share of that.

local limits = {}

-- Arrays of so many bytes in all do not stay in the caches.
local LARGE = 40e6

--- Gigabytes a second of c = a + s b, in the caches and from memory; nil without a C compiler.
function limits.bandwidth(source, threads)
  local program = os.tmpname()
  local pipe = io.popen(("cc -O3 -march=native -fopenmp -o %s '%s' 2>/dev/null && OMP_NUM_THREADS=%d %s")
    :format(program, source, threads, program))
  local near, far = pipe:read("a"):match("(%S+) (%S+)")
  pipe:close()
  os.remove(program)
  return near and { tonumber(near), tonumber(far) }
end

--- The share of the limits that a result reaches, from 0 to 1; nil where it says neither what it moves nor
--- what it multiplies.  limit: gflops and gbps, {in the caches, from memory}.
function limits.share(r, limit)
  local share
  if r.gflops and limit.gflops then share = r.gflops / limit.gflops end
  if r.gbps and limit.gbps then
    local near = r.cached or r.gbps * r.median_us * 1e3 < LARGE
    share = math.max(share or 0, r.gbps / limit.gbps[near and 1 or 2])
  end
  return share
end

return limits
