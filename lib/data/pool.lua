-- pool: the workers of a loader: threads that read whole batches.
--
-- Each has an interpreter of its own, which gets the data set once, when it starts.  Batches come back in any
-- order and are given in that of the plan.  A run is the reading of one epoch; what comes from an earlier
-- one, which was left before its end, is dropped.

local threads = require "threads"
local core = require "threads._core"
local start = require("threads.worker")
local worker = require "data.worker"

local Pool = {}
Pool.__index = Pool

-- What worker `id` has done at last: the number of its answer, and what came with it.
local function take(self)
  local number, id, answer = self.threads:take()
  local job = self.pending[number]
  self.pending[number] = nil
  self.count = self.count - 1
  local ok, batch, failure = answer:open()
  if not ok then batch, failure = nil, { message = batch, trace = "" } end
  if failure then failure.worker = id end
  return job, batch, failure
end

local function put(self, id, job, f, ...)
  self.last = self.last + 1
  self.threads:put(id, self.last, false, f, ...)
  self.pending[self.last] = job
  self.count = self.count + 1
end

--- Starts n workers.  source: as for worker.batch.  Returns the pool, or nil and the failure of one of them.
function Pool.new(n, source, init)
  local self = setmetatable({ threads = core.pool(n), pending = {}, count = 0, last = 0, run = 0,
    current = threads.AtomicCounter(0) }, Pool)
  local settings = start.settings()
  for id = 1, n do
    put(self, id, {}, start.start, settings, id)
    put(self, id, {}, worker.install, source, self.current, init, id)
  end
  local failure
  while self.count > 0 do
    local _, _, failed = take(self)
    failure = failure or failed
  end
  if failure then
    self:stop()
    return nil, failure
  end
  return self
end

--- How many batches may wait for the script before the workers do.
function Pool:hold(n)
  self.threads:hold(n)
end

--- Begins another run.  Workers that read for an earlier one stop at their next sample.
function Pool:begin()
  self.run = self.run + 1
  self.current:set(self.run)
  self.ready, self.open = {}, 0
end

function Pool:ask(job)
  put(self, 0, { run = self.run, number = job.number }, worker.perform, job, self.run)
  self.open = self.open + 1
end

--- The batch of a number, for which it waits; or nil and the failure.
function Pool:wait(number)
  while not self.ready[number] do
    local job, batch, failure = take(self)
    if job.run == self.run then self.ready[job.number] = { batch, failure } end
  end
  local batch, failure = self.ready[number][1], self.ready[number][2]
  self.ready[number] = nil
  self.open = self.open - 1
  return batch, failure
end

--- Leaves the run: nobody goes on reading for it.
function Pool:leave()
  self.run = self.run + 1
  self.current:set(self.run)
  self.ready = {}
end

function Pool:stop()
  self.threads:stop()
end

return Pool
