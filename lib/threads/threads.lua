-- Threads: a pool of threads that take jobs.
local core = require "threads._core"
local worker = require "threads.worker"

local Threads = {}
local pool_meta = { __index = Threads, __name = "threads.Threads" }

-- How values travel: by messages that copy tensors, by messages that share them, or as a package of the
-- script's says.
local COPY, SHARE = "threads.serialize", "threads.sharedserialize"
local chosen = core.torch7() and COPY or SHARE

local function running(self)
  if not self._pool then error("threads.Threads: the threads of this pool have ended", 3) end
  return self._pool
end

local function check_id(self, id)
  if math.type(id) ~= "integer" or id < 1 or id > self.N then
    error(("a thread's number from 1 to %d is wanted, got %s"):format(self.N, tostring(id)), 3)
  end
end

local function check_function(name, f)
  if type(f) ~= "function" then error(("%s: a function is wanted, got a %s"):format(name, type(f)), 3) end
end

-- Puts a job into the pool; id 0: for whoever is free.
local function put(self, id, callback, endcallback, ...)
  local number, by = self._last + 1, self._serialization
  if by == COPY or by == SHARE then
    self._pool:put(id, number, by == COPY, callback, ...)
  else
    local package = require(by)
    self._pool:put(id, number, false, worker.perform, by, package.save(callback),
      package.save(table.pack(...)))
  end
  self._last, self._count = number, self._count + 1
  self._endcallbacks[number] = endcallback
end

-- The results of a job that went well.
local function results_of(self, id, ok, ...)
  if not ok then error(("[thread %d callback] %s"):format(id, (...)), 0) end
  local by = self._serialization
  if by == COPY or by == SHARE or select("#", ...) == 0 then return ... end
  local results = require(by).load(...)
  return table.unpack(results, 1, results.n)
end

local function call(endcallback, ...)
  if endcallback then endcallback(...) end
end

--- pool:addjob([id,] callback [, endcallback [, ...]])
--
-- Gives the threads a job.  The callback and its arguments go to a thread: what they refer to arrives as a
-- copy, tensors share their elements with the sender's.  When the job is done, and the pool is asked by
-- synchronize or dojob, endcallback is called here, with what the callback returned.  As long as N jobs
-- wait for a thread, addjob does dojob first.
--
-- id: 1 to N, the thread that is to do it; in specific mode, and only there
-- callback: function that a thread calls with the further arguments
-- endcallback: function, or nil
-- Errors: a value cannot go to another thread: the message has the path to it; an earlier job failed
-- From: Torch7
-- Example:
--   pool = threads.Threads(2)
--   pool:addjob(function(a, b) return a + b end, function(c) sum = c end, 1, 2)
--   pool:synchronize()
--   sum --> 3
function Threads:addjob(...)
  running(self)
  local id, callback, endcallback = 0, ...
  if self._specific then
    id, callback, endcallback = ...
    check_id(self, id)
  end
  check_function("addjob", callback)
  if endcallback ~= nil then check_function("addjob", endcallback) end
  while not self:acceptsjob(id) do self:dojob() end
  put(self, id, callback, endcallback, select(self._specific and 4 or 3, ...))
end

--- pool:dojob(); pool:synchronize()
--
-- dojob waits for the next job that is done and calls its endcallback; synchronize does so until none is
-- left.  Ctrl-C ends the waiting, not the jobs.
--
-- Errors: the job, or its endcallback, failed.  The message of a job has the lines of the thread.  The
--   other jobs go on, and a further synchronize waits for them; dojob: there is no job
-- From: Torch7
-- Example:
--   pool = threads.Threads(1)
--   pool:addjob(function() error("no", 0) end)
--   ok, message = pcall(pool.synchronize, pool)
--   ok, message:match("^[^\n]*") --> false [thread 1 callback] no
function Threads:dojob()
  running(self)
  if self._count == 0 then error("dojob: there is no job to wait for", 2) end
  self._failed = true
  local number, id, answer = self._pool:take()
  local endcallback = self._endcallbacks[number]
  self._endcallbacks[number] = nil
  self._count = self._count - 1
  call(endcallback, results_of(self, id, answer:open()))
  self._failed = false
end

function Threads:synchronize()
  self._failed = false
  while self._pool and self._count > 0 do self:dojob() end
end

--- pool:map(f, list [, ...])
--
-- Calls f(value, ...) for each value of a list, on the threads.
--
-- f: function
-- list: table, from 1 on
-- Returns: a table of the first results, in the list's order
-- Errors: a call failed; the others are finished first
-- Example:
--   table.concat(threads.Threads(2):map(function(x, n) return x * n end, { 1, 2, 3 }, 10), " ") --> 10 20 30
function Threads:map(f, list, ...)
  running(self)
  if type(list) ~= "table" then error("map: a list is wanted, got a " .. type(list), 2) end
  check_function("map", f)
  local results, arguments = {}, table.pack(...)
  local ok, message = pcall(function()
    for i = 1, #list do
      local function keep(result) results[i] = result end
      if self._specific then
        self:addjob((i - 1) % self.N + 1, f, keep, list[i], table.unpack(arguments, 1, arguments.n))
      else
        self:addjob(f, keep, list[i], table.unpack(arguments, 1, arguments.n))
      end
    end
    self:synchronize()
  end)
  if ok then return results end
  while self._pool and self._count > 0 do pcall(self.dojob, self) end
  error(message, 0)
end

--- pool:acceptsjob([id]); pool:hasjob(); pool:haserror()
--
-- Whether addjob would take a job without waiting; whether jobs are left that synchronize would wait for;
-- whether the last dojob or synchronize failed.
--
-- id: 1 to N, in specific mode
-- Returns: true or false
-- From: Torch7
-- Example:
--   pool = threads.Threads(1)
--   pool:acceptsjob(), pool:hasjob(), pool:haserror() --> true false false
function Threads:acceptsjob(id)
  local pool = running(self)
  if self._specific then check_id(self, id) end
  return pool:waiting(self._specific and id or 0) < self.N
end

function Threads:hasjob()
  running(self)
  return self._count > 0
end

function Threads:haserror()
  return self._failed
end

--- pool:specific([on])
--
-- In specific mode each job names its thread; at first the pool is not in it.  A change waits for all jobs.
--
-- on: true or false; without it, what is set is returned
-- From: Torch7
-- Example:
--   pool = threads.Threads(2)
--   pool:specific(true)
--   pool:addjob(2, function() return __threadid end, function(id) ran = id end)
--   pool:synchronize()
--   ran --> 2
function Threads:specific(on)
  running(self)
  if on == nil then return self._specific end
  if type(on) ~= "boolean" then error("specific: true or false is wanted", 2) end
  self:synchronize()
  self._specific = on
end

local function stop(self)
  local pool = self._pool
  self._pool = nil
  if pool then pool:stop() end
end

--- pool:terminate(); pool:isrunning()
--
-- Waits for all jobs and ends the threads; whether they have not ended yet.  `local pool <close>` does it
-- at the end of the block; after an error there, and when the pool is collected or the program ends,
-- the threads end at once: jobs that wait are dropped, those that run are interrupted.
--
-- Returns: isrunning: true or false
-- Errors: terminate: a job failed; the threads have ended all the same
-- From: Torch7
-- Example:
--   pool = threads.Threads(1)
--   pool:terminate()
--   pool:isrunning() --> false
function Threads:terminate()
  if not self._pool then return end
  local ok, message = pcall(self.synchronize, self)
  stop(self)
  if not ok then error(message, 0) end
end

function Threads:isrunning()
  return self._pool ~= nil
end

function pool_meta.__close(self, failed)
  if failed ~= nil then stop(self) else self:terminate() end
end

function pool_meta.__tostring(self)
  return ("threads.Threads: %d threads%s"):format(self.N, self._pool and "" or ", ended")
end

--- threads.serialization([name]); threads.Threads.serialization([name])
--
-- How pools that are made from now on send values: the name of a package with the functions save(value)
-- and load(saved).  "threads.sharedserialize" shares the elements of tensors and storages, the default;
-- "threads.serialize" copies them, the default in Torch7's mode.
--
-- name: string; without it, what is set is returned
-- From: Torch7
-- Example:
--   threads.serialization() --> threads.sharedserialize
function Threads.serialization(name)
  if name == nil then return chosen end
  if type(name) ~= "string" then error("serialization: the name of a package is wanted", 2) end
  chosen = name
end

-- Runs the functions in each thread, one after another; returns the results of the last.
local function initialize(self, functions)
  local results = {}
  for j, f in ipairs(functions) do
    for id = 1, self.N do
      put(self, id, f, j == #functions and function(...) results[#results + 1] = { ... } end or nil, id)
    end
  end
  self:synchronize()
  return results
end

--- threads.Threads(n [, init, ...])
--
-- A pool of n threads, each with an interpreter of its own, in which torch is loaded.  It begins with the
-- sender's package.path and default tensor type, and with torch.setnumthreads(1); its global __threadid is
-- its number.  Torch7's scripts also call the package itself: threads(n).
--
-- n: 1 to 1024
-- init: functions that each thread calls, one after another, with its number
-- Returns: the pool, and a table of what the last of the functions returned, as tables
-- Errors: a function failed; the system does not allow so many threads
-- From: Torch7
-- Example:
--   pool, first = threads.Threads(2, function(id) greeting = "hello" return id * 10 end)
--   pool:addjob(function() return greeting end, function(text) heard = text end)
--   pool:synchronize()
--   heard, first[1][1] + first[2][1] --> hello 30
function Threads.new(n, ...)
  local functions, count = { ... }, n
  n = math.tointeger(count)
  if not n or n < 1 then
    error(("threads.Threads: a number of threads is wanted, got %s"):format(tostring(count)), 2)
  end
  for i = 1, select("#", ...) do
    if type(functions[i]) ~= "function" then
      error(("threads.Threads: argument %d is no function"):format(i + 1), 2)
    end
  end
  local self = setmetatable({ N = n, _pool = core.pool(n), _endcallbacks = {}, _count = n, _last = 0,
    _specific = false, _failed = false, _serialization = chosen }, pool_meta)
  local settings = worker.settings()
  for id = 1, n do self._pool:put(id, 0, false, worker.start, settings, id) end
  local ok, results = pcall(initialize, self, functions)
  if not ok then
    stop(self)
    error(results, 0)
  end
  return self, results
end

return setmetatable({}, {
  __index = Threads,
  __newindex = Threads,
  __call = function(_, ...) return Threads.new(...) end,
})
