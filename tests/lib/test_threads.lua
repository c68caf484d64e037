-- test_threads: jobs on threads, their errors, and how pools end.
local torch = require "torch"
local threads = require "threads"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function count_of(pattern)
  for line in io.lines("/proc/self/status") do
    local n = line:match(pattern)
    if n then return tonumber(n) end
  end
end

-- How many threads the program has.  One that has been waited for may still be counted for a moment.
local function thread_count(wanted)
  local n
  for _ = 1, 100 do
    n = count_of("^Threads:%s*(%d+)")
    if not wanted or n <= wanted then break end
    os.execute("sleep 0.01")
  end
  return n
end

function tests.jobs_and_their_results()
  local pool <close> = threads.Threads(2, function(id) mine = id * 10 end) -- luacheck: ignore
  local sum, order, base = 0, {}, 100
  for i = 1, 20 do
    pool:addjob(function(a, b) return base + a + b, mine, __threadid end, -- luacheck: ignore
      function(value, own, id)
        sum = sum + value
        order[#order + 1] = i
        tester:eq(own, id * 10)
      end, i, 0.5)
  end
  pool:synchronize()
  tester:eq(sum, 20 * 100.5 + 210)
  tester:eq(#order, 20)
  tester:assert(not pool:hasjob())
end

function tests.results_of_the_constructor()
  local pool, results = threads.Threads(3, function() x = 1 end, function(id) return id, x end) -- luacheck: ignore
  table.sort(results, function(a, b) return a[1] < b[1] end)
  tester:eq(results, { { 1, 1 }, { 2, 1 }, { 3, 1 } })
  pool:terminate()
  tester:assert(not pool:isrunning())
  tester:assertErrorPattern(function() pool:addjob(print) end, "have ended")
end

function tests.specific()
  local pool <close> = threads.Threads(3)
  tester:eq(pool:specific(), false)
  pool:specific(true)
  for id = 1, 3 do
    for _ = 1, 4 do
      pool:addjob(id, function() return __threadid end, -- luacheck: ignore
        function(ran) tester:eq(ran, id) end)
    end
    tester:assert(type(pool:acceptsjob(id)) == "boolean")
  end
  tester:assertErrorPattern(function() pool:addjob(4, print) end, "from 1 to 3")
  tester:assertErrorPattern(function() pool:addjob(print) end, "from 1 to 3")
  pool:synchronize()
end

function tests.errors_of_jobs()
  local pool <close> = threads.Threads(2)
  local done = 0
  pool:addjob(function()
    local function deep() error("it broke") end
    deep()
  end)
  pool:addjob(function() end, function() done = done + 1 end)
  local ok, message = pcall(pool.synchronize, pool)
  tester:eq(ok, false)
  tester:assert(message:find("%[thread %d callback%].*it broke") ~= nil)
  tester:assert(message:find("in local .deep.") ~= nil, message)
  tester:assert(pool:haserror())
  pool:synchronize()
  tester:eq(done, 1)
  tester:assert(not pool:haserror())
  pool:addjob(function() return 1 end, function() error("at home") end)
  tester:assertErrorPattern(function() pool:synchronize() end, "at home")
  pool:addjob(function() os.exit(3) end)
  tester:assertErrorPattern(function() pool:synchronize() end, "os.exit was called")
end

function tests.errors_of_the_constructor()
  local before = thread_count()
  tester:assertErrorPattern(function() threads.Threads(2, function() error("at the start") end) end,
    "at the start")
  tester:assertErrorPattern(function() threads.Threads(0) end, "between 1 and")
  tester:assertErrorPattern(function() threads.Threads(1, 2) end, "no function")
  tester:eq(thread_count(before), before)
end

function tests.elements_are_shared()
  local pool <close> = threads.Threads(2)
  pool._serialization = "threads.sharedserialize"
  local x = torch.zeros(4)
  local view = x:narrow(1, 2, 2)
  pool:addjob(function() x:add(1) view:add(1) return view end, function(y)
    tester:assert(y:isSetTo(view))
  end)
  pool:synchronize()
  tester:eq(x, torch.Tensor { 1, 2, 2, 1 })
end

function tests.an_endless_job_does_not_hold_the_end_up()
  local before = thread_count()
  do
    local pool = threads.Threads(2)
    pool:addjob(function() while true do end end)
    pool:addjob(function() while true do pcall(function() while true do end end) end end)
    pool = nil -- luacheck: ignore
  end
  collectgarbage()
  collectgarbage()
  tester:eq(thread_count(before), before)
end

function tests.serialization_of_the_script()
  local before = threads.serialization()
  for _, name in ipairs { "threads.serialize", "threads.sharedserialize" } do
    threads.Threads.serialization(name)
    tester:eq(threads.serialization(), name)
    local pool <close> = threads.Threads(1)
    local x = torch.zeros(2)
    pool:addjob(function() x:fill(7) return x end, function(y) tester:eq(y[1], 7) end)
    pool:synchronize()
    tester:eq(x[1], name == "threads.serialize" and 0 or 7)
  end
  threads.serialization(before)
end

tester:add(tests):run()
