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

function tests.commands_of_jobs()
  local pool <close> = threads.Threads(1)
  pool:addjob(function() return os.execute(), { os.execute("exit 3") }, { os.execute("kill -9 $$") } end,
    function(...) tester:eq({ ... }, { true, { nil, "exit", 3 }, { nil, "signal", 9 } }) end)
  local blocked = "test $(sed -n 's/^SigBlk:[[:space:]]*//p' /proc/self/status) = 0000000000000000"
  pool:addjob(function() return os.execute(blocked) end, function(ok) tester:eq(ok, true) end)
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
  pool:addjob(function() end) -- the job that failed may have been the last to end
  pool:synchronize()
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
  tester:assertErrorPattern(function() threads.Threads(0) end, "a number of threads is wanted, got 0")
  tester:assertErrorPattern(function() threads.Threads("two") end, "got two")
  tester:assertErrorPattern(function() threads.Threads(5000) end, "between 1 and 1024")
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


function tests.map_keeps_the_order()
  local pool <close> = threads.Threads(3)
  local list = {}
  for i = 1, 50 do list[i] = i end
  local results = pool:map(function(i, n) return i * n end, list, 3)
  for i = 1, 50 do tester:eq(results[i], 3 * i) end
  tester:eq(pool:map(print, {}), {})
  tester:assertErrorPattern(function()
    pool:map(function(i) if i == 7 then error("seven") end end, list)
  end, "seven")
  tester:eq(pool:hasjob(), false)
  pool:specific(true)
  tester:eq(pool:map(function() return __threadid end, { 0, 0, 0, 0 }), { 1, 2, 3, 1 }) -- luacheck: ignore
end

function tests.settings_of_the_caller()
  local path, kind = package.path, torch.getdefaulttensortype()
  package.path = "/nowhere/?.lua;" .. path
  torch.setdefaulttensortype("torch.HalfTensor")
  local pool <close> = threads.Threads(1)
  package.path = path
  torch.setdefaulttensortype(kind)
  pool:addjob(function() return package.path, torch.Tensor(1):type(), torch.getnumthreads() end, function(...)
    tester:eq({ ... }, { "/nowhere/?.lua;" .. path, "torch.HalfTensor", 1 })
  end)
  pool:synchronize()
end

function tests.mutexes_and_conditions()
  local pool <close> = threads.Threads(3)
  local mutex, condition, counter = threads.Mutex(), threads.Condition(), threads.AtomicCounter(10)
  local total = torch.LongTensor(1):zero()
  pool._serialization = "threads.sharedserialize"
  for _ = 1, 30 do
    pool:addjob(function()
      mutex:lock()
      total[1] = total[1] + 1
      mutex:unlock()
      counter:inc()
    end)
  end
  pool:synchronize()
  tester:eq({ total[1], counter:get(), counter:dec(5), counter:set(2):inc(3) }, { 30, 40, 35, 5 })
  mutex:lock()
  for _ = 1, 3 do
    pool:addjob(function()
      mutex:lock()
      counter:inc()
      condition:wait(mutex)
      mutex:unlock()
      return "woken"
    end, function(word) tester:eq(word, "woken") end)
  end
  mutex:unlock()
  while counter:get() < 8 do os.execute("sleep 0.01") end
  mutex:lock() -- all three wait
  condition:signal()
  condition:broadcast()
  mutex:unlock()
  pool:synchronize()
  tester:assertErrorPattern(function() mutex:unlock() end, "not locked")
  tester:assertErrorPattern(function() condition:wait(mutex) end, "not locked")
  tester:assertErrorPattern(function() threads.Mutex(12345) end, "none with the id")
  tester:assertErrorPattern(function() threads.Mutex(condition:id()) end, "none with the id")
  local same = threads.Mutex(mutex:id())
  same:lock()
  tester:assertErrorPattern(function() mutex.lock(condition) end, "threads.Mutex expected")
  mutex:unlock()
  mutex:free()
  tester:assertErrorPattern(function() mutex:free() end, "freed")
  tester:assertErrorPattern(function() mutex:lock() end, "threads.Mutex expected")
  tester:eq(tostring(counter), "threads.AtomicCounter: 8")
end

-- Who signals and then waits does not take the signal that is for another.
function tests.signals_are_for_those_who_wait()
  local pool <close> = threads.Threads(1)
  local mutex, there = threads.Mutex(), threads.Condition()
  local turns, waits = threads.AtomicCounter(), threads.AtomicCounter()
  mutex:lock()
  pool:addjob(function()
    mutex:lock()
    for _ = 1, 20 do
      waits:inc()
      there:wait(mutex)
      turns:inc()
      there:signal()
    end
    mutex:unlock()
  end)
  for i = 1, 20 do
    mutex:unlock()
    while waits:get() < i do torch.zeros(1) end
    mutex:lock() -- it waits
    there:signal()
    there:wait(mutex)
    tester:eq(turns:get(), i)
  end
  mutex:unlock()
  pool:synchronize()
end

function tests.safe_functions()
  local pool <close> = threads.Threads(2)
  local calls = 0
  local safe = threads.safe(function(n)
    calls = calls + 1
    if n == 0 then error("zero", 0) end
    return n, nil
  end)
  tester:eq(select("#", safe(1)), 2)
  tester:eq({ pcall(safe, 0) }, { false, "zero" })
  tester:eq(safe(2), 2)
  tester:eq(pool:map(function(n) return (safe(n)) end, { 1, 2, 3 }), { 1, 2, 3 })
  tester:eq(calls, 3)
  tester:assertErrorPattern(function() threads.safe(1) end, "a function is wanted")
end

function tests.queues()
  local Queue = require "threads.queue"
  local pool <close> = threads.Threads(1)
  local there, back = Queue(2), Queue(2)
  pool:addjob(function()
    for _ = 1, 3 do
      local n = there:dojob()
      back:addjob(function() return n * 2 end)
    end
  end)
  for i = 1, 3 do
    there:addjob(function(a, b) return a + b end, i, 10)
    tester:eq(back:dojob(), 2 * (i + 10))
  end
  pool:synchronize()
  tester:eq(there:count(), 0)
  there:addjob(function() error("in the queue") end)
  tester:eq(there:count(), 1)
  tester:assertErrorPattern(function() there:dojob() end, "in the queue")
  tester:assertErrorPattern(function() Queue(0) end, "between 1 and")
  there:addjob(print, torch.ones(1000)) -- is freed with the queue
end

function tests.threads_of_code()
  local queue = threads.Queue(1)
  local thread = threads.Thread(([[
    local queue = require("threads").Queue(%d)
    queue:addjob(function() return "from the thread" end)
  ]]):format(queue:id()))
  tester:eq(queue:dojob(), "from the thread")
  thread:free()
  thread:free()
  tester:assertErrorPattern(function() threads.Thread("error('inside')"):free() end, "inside")
  tester:assertErrorPattern(function() threads.Thread("no Lua"):free() end, "syntax error")
  tester:assertErrorPattern(function() threads.Thread(print) end, "a string is wanted")
end

function tests.pools_in_jobs()
  local pool <close> = threads.Threads(2)
  local sums = pool:map(function(n)
    local inner <close> = require("threads").Threads(2)
    local sum = 0
    for _, x in ipairs(inner:map(function(x) return x * x end, { n, n + 1 })) do sum = sum + x end
    return sum
  end, { 1, 2 })
  tester:eq(sums, { 5, 13 })
end

-- Opened and closed again and again, in every way there is.
function tests.nothing_is_left()
  local function descriptors()
    local n = 0
    for _ in require("lfs").dir "/proc/self/fd" do n = n + 1 end
    return n
  end
  local function round(i)
    local pool = threads.Threads(2, function() t = torch.ones(1000) end) -- luacheck: ignore
    pool:addjob(function(x) return x:sum() end, nil, torch.ones(1000))
    pool:addjob(function(x) return x, function() return x end end, nil, torch.ones(1000))
    if i % 3 == 0 then
      pool:terminate()
    elseif i % 3 == 1 then
      pool:addjob(function() while true do end end)
      pcall(function()
        local closing <close> = pool -- luacheck: ignore
        error("on the way")
      end)
    end
  end
  for i = 1, 10 do round(i) end
  collectgarbage()
  collectgarbage()
  local threads_before, files, live = thread_count(), descriptors(), torch.memory().live
  for i = 1, 90 do round(i) end
  collectgarbage()
  collectgarbage()
  tester:eq(thread_count(threads_before), threads_before)
  tester:eq(descriptors(), files)
  tester:assert(torch.memory().live - live < 5000, tostring(torch.memory().live - live))
end

-- Tensors made elsewhere do not pile up here although the collector sees little of them.
function tests.memory_of_results_stays_flat()
  if io.open("/proc/self/maps"):read("a"):find("lib[at]san") then return end -- they keep what was freed
  local pool <close> = threads.Threads(2)
  local function run(n)
    for _ = 1, n do
      pool:addjob(function() return torch.FloatTensor(1 << 20):fill(1) end, function(x) x[1] = 2 end)
    end
    pool:synchronize()
  end
  run(100)
  local before = count_of("^VmRSS:%s*(%d+)")
  run(400)
  local grown = count_of("^VmRSS:%s*(%d+)") - before
  tester:assert(grown < 300 * 1024, ("%d KiB"):format(grown))
end

-- A worker that rests lets go of what it was sent.
function tests.workers_that_rest_collect()
  local pool <close> = threads.Threads(2)
  pool._serialization = "threads.sharedserialize"
  collectgarbage()
  collectgarbage()
  local before = torch.memory().live
  for _ = 1, 4 do pool:addjob(function(x) return x:size(1) end, nil, torch.ones(100000)) end
  pool:synchronize()
  for _ = 1, 50 do
    collectgarbage()
    if torch.memory().live - before < 10000 then break end
    os.execute("sleep 0.1")
  end
  tester:assert(torch.memory().live - before < 10000, tostring(torch.memory().live - before))
end

function tests.serialization_by_another_package()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  local file = assert(io.open(folder .. "/threads_scheme.lua", "w"))
  file:write([[
    local shared = require "threads.sharedserialize"
    local scheme = { saved = 0, loaded = 0 }
    function scheme.save(value)
      scheme.saved = scheme.saved + 1
      return { inside = shared.save(value) }
    end
    function scheme.load(saved)
      scheme.loaded = scheme.loaded + 1
      return shared.load(saved.inside)
    end
    return scheme
  ]])
  file:close()
  local path, before = package.path, threads.serialization()
  package.path = folder .. "/?.lua;" .. path
  threads.serialization("threads_scheme")
  local pool, first = threads.Threads(2, function(id) return id, nil, "x" end)
  threads.serialization(before)
  tester:eq({ #first, first[1][3] }, { 2, "x" })
  local x = torch.zeros(2)
  pool:addjob(function(a, b) x:fill(a + b) return nil, x end, function(none, y)
    tester:eq(none, nil)
    tester:eq({ y[1], x[1] }, { 3, 3 })
  end, 1, 2)
  pool:addjob(function() error("in the scheme") end)
  tester:assertErrorPattern(function()
    pool:synchronize()
    pool:synchronize()
  end, "in the scheme")
  pool:terminate()
  local scheme = require "threads_scheme"
  tester:eq({ scheme.saved, scheme.loaded }, { 8, 3 })
  package.path, package.loaded.threads_scheme = path, nil
  os.execute("rm -r " .. folder)
end

local program = io.popen("readlink /proc/$PPID/exe"):read("l")

-- Runs a script as a program; returns what it wrote and its exit code.
local function run_program(text, before, after)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
  local child = io.popen(("%s timeout 20 %s %s 2>&1 %s; echo code $?"):format(before or "", program, name,
    after or ""))
  local out = child:read("a")
  child:close()
  os.remove(name)
  return out
end

function tests.the_program_ends_while_jobs_run()
  local out = run_program([[
    local threads = require "threads"
    local pool = threads.Threads(2)
    for _ = 1, 2 do pool:addjob(function() while true do end end) end
    print("end of the script")
  ]])
  tester:eq(out, "end of the script\ncode 0\n")
  out = run_program([[
    local pool = require("threads").Threads(2)
    pool:addjob(function()
      require("threads").Threads(2):addjob(function() while true do end end)
      while true do end
    end)
    os.exit(7)
  ]])
  tester:eq(out, "code 7\n")
end

function tests.why_a_thread_has_no_interpreter()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir -p " .. folder .. "/lib/torch")
  local out = run_program(([[
    local threads = require "threads"
    local file = io.open("%s/lib/torch/class.lua", "w")
    file:write "error 'this file is broken'"
    file:close()
    print(pcall(threads.Threads, 1))
  ]]):format(folder), "CRESSET_PATH=" .. folder)
  os.execute("rm -r " .. folder)
  tester:assert(out:find("this file is broken", 1, true) ~= nil, out)
end

function tests.interrupts()
  for _, waiting in ipairs {
    "pool:addjob(function() while true do end end) pool:synchronize()",
    "pool:addjob(function() while true do end end) pcall(pool.dojob, pool) print('not reached')",
    "local m = threads.Mutex() m:lock() m:lock()",
    "local m, c = threads.Mutex(), threads.Condition() m:lock() c:wait(m)",
    "threads.Queue(1):dojob()",
    "coroutine.wrap(function() threads.Queue(1):dojob() end)()",
    "threads.Thread('while true do end'):free()",
  } do
    local out = run_program([[
      local threads = require "threads"
      local pool = threads.Threads(2)
      os.execute("(sleep 0.3; kill -INT $PPID) &")
    ]] .. waiting)
    tester:assert(out:find("interrupted!", 1, true) ~= nil, out)
    tester:assert(out:find("code 130", 1, true) ~= nil, out)
    tester:assert(out:find("not reached", 1, true) == nil, out)
  end
end

tester:add(tests):run()
