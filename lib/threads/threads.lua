-- Threads: a pool of threads that take jobs.
local core = require "threads._core"
local worker = require "threads.worker"

local Threads = {}
local pool_meta = { __index = Threads, __name = "threads.Threads" }

local function running(self)
  if not self._pool then error("the threads of this pool have ended", 3) end
  return self._pool
end

local function check_id(self, id)
  if math.type(id) ~= "integer" or id < 1 or id > self.N then
    error(("a thread's number from 1 to %d is wanted, got %s"):format(self.N, tostring(id)), 3)
  end
end

-- How values travel: by messages that copy tensors, by messages that share them, or as a package of the
-- script's says.
local COPY, SHARE = "threads.serialize", "threads.sharedserialize"
local chosen = core.torch7() and COPY or SHARE

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

-- The answer of the next job that has ended: whether it went well, its results, and what to do then.
local function take(self)
  local number, id, answer = self._pool:take()
  local endcallback = self._endcallbacks[number]
  self._endcallbacks[number] = nil
  self._count = self._count - 1
  return endcallback, id, answer
end

local function check(self, id, ok, ...)
  if not ok then error(("[thread %d callback] %s"):format(id, (...)), 0) end
  local by = self._serialization
  if by == COPY or by == SHARE or select("#", ...) == 0 then return ... end
  local results = require(by).load(...)
  return table.unpack(results, 1, results.n)
end

local function call(endcallback, ...)
  if endcallback then endcallback(...) end
end

function Threads:dojob()
  running(self)
  if self._count == 0 then error("dojob: there is no job to wait for", 2) end
  self._failed = true
  local endcallback, id, answer = take(self)
  call(endcallback, check(self, id, answer:open()))
  self._failed = false
end

function Threads:synchronize()
  while self._pool and self._count > 0 do self:dojob() end
end

function Threads:acceptsjob(id)
  local pool = running(self)
  if self._specific then check_id(self, id) end
  return pool:waiting(self._specific and id or 0) < self.N
end

function Threads:addjob(...)
  running(self)
  local id, callback, endcallback = 0, ...
  local first = 3
  if self._specific then
    id, callback, endcallback = ...
    check_id(self, id)
    first = 4
  end
  if type(callback) ~= "function" then
    error("addjob: a function is wanted, got a " .. type(callback), 2)
  end
  if endcallback ~= nil and type(endcallback) ~= "function" then
    error("addjob: the second function is a " .. type(endcallback), 2)
  end
  while not self:acceptsjob(id) do self:dojob() end
  put(self, id, callback, endcallback, select(first, ...))
end

function Threads:hasjob()
  running(self)
  return self._count > 0
end

function Threads:haserror()
  return self._failed
end

function Threads:isrunning()
  return self._pool ~= nil
end

function Threads:specific(flag)
  running(self)
  if flag == nil then return self._specific end
  if type(flag) ~= "boolean" then error("specific: true or false is wanted", 2) end
  self:synchronize()
  self._specific = flag
end

local function stop(self)
  local pool = self._pool
  self._pool = nil
  if pool then pool:stop() end
end

function Threads:terminate()
  if not self._pool then return end
  local ok, message = pcall(self.synchronize, self)
  stop(self)
  if not ok then error(message, 0) end
end

function pool_meta.__close(self, failed)
  if failed ~= nil then stop(self) else self:terminate() end
end

function pool_meta.__tostring(self)
  return ("threads.Threads: %d threads%s"):format(self.N, self._pool and "" or ", ended")
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

function Threads.serialization(name)
  if name == nil then return chosen end
  if type(name) ~= "string" then error("serialization: the name of a package is wanted", 2) end
  chosen = name
end

function Threads.new(n, ...)
  local functions = { ... }
  for i = 1, select("#", ...) do
    if type(functions[i]) ~= "function" then
      error(("threads.Threads: argument %d is no function"):format(i + 1), 2)
    end
  end
  local self = setmetatable({ N = n, _pool = core.pool(n), _endcallbacks = {}, _count = 0, _last = 0,
    _specific = false, _failed = false, _serialization = chosen }, pool_meta)
  local settings = worker.settings()
  for id = 1, n do self._pool:put(id, 0, false, worker.start, settings, id) end
  self._count = n
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
