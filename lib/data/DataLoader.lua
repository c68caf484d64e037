-- DataLoader: batches of a data set, epoch after epoch.
--
-- What an epoch gives depends on the loader's seed and the epoch's number only: a plan says which samples
-- each batch has, and each sample is read with random numbers of its own (worker.lua).  So it makes no
-- difference who reads them, and an epoch can be taken up again at any batch.

local torch = require "torch"
local check = require "data.check"
local seeds = require "data.seeds"
local worker = require "data.worker"
local datasets = require "data.Dataset"
local samplers = require "data.samplers"
local streams = require "data.Stream"
local devices = require "data.ahead"
local raise = check.raise

local Pool -- loaded when there are workers

local data = {}

local DataLoader = torch.class("data.DataLoader", data)

local FN = "data.DataLoader"

-- ---- options ---------------------------------------------------------------------------------------------

local defaults = { batchSize = 1, shuffle = false, sampler = check.NONE, batchSampler = check.NONE,
  dropLast = false, collate = require("data.collate").collate, workers = 0, prefetch = 2, seed = check.NONE,
  init = check.NONE, pinMemory = false, device = check.NONE, devicePrefetch = 1 }

local function has_method(object, name)
  return (type(object) == "table" or type(object) == "userdata") and check.callable(object[name])
end

local function refuse_together(given, name, ...)
  for _, other in ipairs { ... } do
    if given[name] ~= nil and given[other] then
      raise("%s: the options '%s' and '%s' exclude each other", FN, name, other)
    end
  end
end

local function check_options(given)
  local options = check.options(FN, given, defaults)
  given = given or {}
  refuse_together(given, "sampler", "shuffle", "batchSampler")
  refuse_together(given, "batchSampler", "batchSize", "shuffle", "dropLast")
  options.batchSize = check.whole(FN, "batchSize", options.batchSize, 1)
  options.workers = check.whole(FN, "workers", options.workers, 0, 1024)
  options.prefetch = check.whole(FN, "prefetch", options.prefetch, 1)
  options.devicePrefetch = check.whole(FN, "devicePrefetch", options.devicePrefetch, 1)
  options.device = devices.device(FN, options.device)
  check.flag(FN, "pinMemory", options.pinMemory)
  if options.pinMemory then devices.device(FN, "cuda") end
  options.seed = check.whole(FN, "the seed", options.seed or torch.initialSeed())
  check.flag(FN, "shuffle", options.shuffle)
  check.flag(FN, "dropLast", options.dropLast)
  check.call(FN, "collate", options.collate)
  if options.init ~= nil then check.call(FN, "init", options.init) end
  if options.sampler and not has_method(options.sampler, "indices") then
    raise("%s: the sampler is a %s, wanted an object with indices(epoch, seed)", FN,
      torch.type(options.sampler))
  end
  if options.batchSampler and not has_method(options.batchSampler, "batches") then
    raise("%s: the batch sampler is a %s, wanted an object with batches(epoch, seed)", FN,
      torch.type(options.batchSampler))
  end
  return options
end

-- A stream has its own order.
local function refuse_order(options)
  for _, name in ipairs { "shuffle", "sampler", "batchSampler" } do
    if options[name] then
      raise("%s: a stream comes in its own order, there is no '%s'; stream:shuffle(n) mixes it", FN, name)
    end
  end
end

--- data.DataLoader(dataset [, options])
--
-- Gives the samples of a data set in batches.  The order of an epoch depends on the seed and the epoch's
-- number only, and the random numbers that reading a sample draws, torch's and math.random's, on seed,
-- epoch and the sample's number.  So the batches are the same whatever the number of workers, and the
-- random numbers of the script do not move.
--
-- dataset: a data.Dataset, or what it takes: an object with size() and get(i), a list, a tensor; or a
--   data.Stream, or what that takes: a function, an object with iterate()
-- options: a table, all its fields optional:
--   batchSize: how many samples a batch has, 1 by default
--   shuffle: true takes the samples in a random order, another one in each epoch
--   sampler: an object with indices(epoch, seed), such as data.WeightedRandomSampler, in place of shuffle
--   batchSampler: an object with batches(epoch, seed), such as data.BucketSampler, in place of batchSize
--   dropLast: true leaves out a last batch that is smaller
--   collate: a function that makes a batch of a list of samples, data.collate by default
--   seed: a whole number, torch.initialSeed() by default
--   workers: how many threads read; 0, the default, reads in the thread of the script.  Each worker has an
--     interpreter of its own and gets a copy of the data set when the first epoch begins; tensors are shared
--   prefetch: how many batches for each worker are asked for ahead, 2 by default
--   init: a function that each worker calls first, with its number
--   device: "cuda" or "cuda:2": the tensors of a batch, also within tables, arrive there; they are copied
--     beside what the device computes, and the stream that is current when the batch is given waits for them
--   devicePrefetch: how many batches are copied there ahead, 1 by default
--   pinMemory: true gives batches in page-locked host memory, which x:copyAsync need not wait for
-- Returns: a loader
-- Errors: an unknown option; options that exclude each other; there is no such device
-- From: PyTorch's DataLoader
-- Example:
--   set = data.TensorDataset { torch.range(1, 5), torch.LongTensor { 1, 2, 1, 2, 1 } }
--   loader = data.DataLoader(set, { batchSize = 2, shuffle = true, seed = 1 })
--   sum = 0
--   for batch, i in loader:batches() do sum = sum + batch[1]:sum() end
--   #loader, sum --> 3 15.0
function DataLoader:__init(dataset, options)
  options = check_options(options)
  self.options, self.seed = options, options.seed
  self.epoch, self.batch = 1, 0
  self._isStream = type(dataset) == "function" or has_method(dataset, "iterate")
  if self._isStream then
    self.dataset = torch.isTypeOf(dataset, "data.Stream") and dataset or streams.Stream(dataset)
    refuse_order(options)
    return
  end
  self.dataset = datasets._asDataset(FN, dataset, "the data set")
  if not options.batchSampler then
    local order = options.shuffle and samplers.RandomSampler or samplers.SequentialSampler
    self._sampler = options.sampler or order(self.dataset)
  end
end

--- loader:size()
--
-- How many batches an epoch has; #loader is the same.
--
-- Returns: a number, or nil when it is not known beforehand
-- Example:
--   data.DataLoader({ 1, 2, 3 }, { batchSize = 2 }):size() --> 2
function DataLoader:size()
  local sampler, options = self._sampler, self.options
  if self._isStream then return nil end
  if not sampler then
    return options.batchSampler.size and options.batchSampler:size() or nil
  end
  return samplers._batchCount(sampler.size and sampler:size(), options.batchSize, options.dropLast)
end

function DataLoader:__len__()
  return self:size()
end

-- ---- the plan of an epoch --------------------------------------------------------------------------------

-- The numbers of a batch as integers within the data set.
local function check_batch(batch, n)
  if torch.isTensor(batch) then batch = batch:totable() end
  if type(batch) ~= "table" or #batch == 0 then
    raise("%s: the sampler gave %s as a batch, wanted a list of numbers", FN,
      type(batch) == "table" and "an empty table" or "a " .. torch.type(batch))
  end
  local places = {}
  for k = 1, #batch do
    local i = math.type(batch[k]) and math.tointeger(batch[k])
    if not i or i < 1 or i > n then
      raise("%s: the sampler gave %s, the data set has %d samples", FN, tostring(batch[k]), n)
    end
    places[k] = i
  end
  return places
end

-- How often each of a batch's samples was there before in the epoch; nil when none was.
local function count_turns(places, seen)
  local turns
  for k, i in ipairs(places) do
    local turn = seen[i] or 0
    seen[i] = turn + 1
    if turn > 0 then
      turns = turns or {}
      turns[k] = turn
    end
  end
  return turns
end

-- A function that gives the jobs of an epoch of a data set, with the samples' numbers.
local function jobs_of_set(self, epoch)
  local options, sampler = self.options, self._sampler or self.options.batchSampler
  local n, seen, batches = self.dataset:size(), not sampler.unique and {} or nil, nil
  return function()
    if not batches then
      batches = self._sampler
        and samplers._grouped(FN, sampler:indices(epoch, self.seed), options.batchSize, options.dropLast)
        or samplers._elements(FN, sampler:batches(epoch, self.seed))
    end
    local batch = batches()
    if batch == nil then return nil end
    local places = check_batch(batch, n)
    return { places = places, turns = seen and count_turns(places, seen) }
  end
end

-- The same for a stream, with the items themselves.
local function jobs_of_stream(self, epoch)
  local batches, first
  return function()
    batches = batches or samplers._grouped(FN, self.dataset:_open(epoch), self.options.batchSize,
      self.options.dropLast)
    first = first or 0
    local items = batches()
    if not items then return nil end
    first = first + #items
    return { items = items, first = first - #items }
  end
end

-- A function that gives the jobs of an epoch, from batch `skip` + 1 on.  pin: as worker.batch has it.
local function plan(self, epoch, skip, pin)
  local seed, number = seeds.mix(self.seed, epoch), 0
  local jobs = (self._isStream and jobs_of_stream or jobs_of_set)(self, epoch)
  local draw = seeds.apart(seeds.mix(seed, 0), jobs)
  return function()
    local job
    repeat
      job = draw()
      number = number + 1
    until not job or number > skip
    if job then job.number, job.seed, job.pin = number, seed, pin end
    return job
  end
end

-- ---- reading it ------------------------------------------------------------------------------------------

local GLOBALS = "\na worker has none of the script's global variables: use locals, or set them in the "
  .. "loader's init"

local function raise_failure(failure)
  if failure.worker and failure.message:find("a nil value %(global '") then
    failure.message = failure.message .. GLOBALS
  end
  local sample = failure.sample and ("sample %d: "):format(failure.sample) or ""
  local who = failure.worker and ("worker %d: "):format(failure.worker) or ""
  raise("%s", ("%s: %s%s%s\n%s"):format(FN, who, sample, failure.message, failure.trace))
end

local function source_of(self)
  return { collate = self.options.collate, [self._isStream and "stream" or "set"] = self.dataset }
end

-- A function that gives the batches of a plan.
local function read_here(self, jobs)
  local source = source_of(self)
  return function()
    local job = jobs()
    if not job then return nil end
    local batch, failure = worker.batch(source, job)
    return batch, job.number, failure
  end
end

-- The same from workers, who are asked for some batches ahead.
local function read_there(self, jobs)
  local options = self.options
  if not self._pool then
    Pool = Pool or require "data.pool"
    local started, failure = Pool.new(options.workers, source_of(self), options.init)
    if failure then raise_failure(failure) end
    self._pool = started
    started:hold(options.workers * options.prefetch)
  end
  local pool, ahead, over, number = self._pool, options.workers * options.prefetch, false, self.batch
  pool:begin()
  local function ask()
    while not over and pool.open < ahead do
      local job = jobs()
      if job then pool:ask(job) else over = true end
    end
  end
  return function()
    ask()
    if pool.open == 0 then return nil end
    number = number + 1
    local batch, failure = pool:wait(number)
    if not failure then ask() end
    return batch, number, failure
  end
end

-- The epoch that is being read ends, whether or not it was read to its end.
local function finish(self, run)
  if self._run ~= run or not run then return end
  self._run = nil
  if run.ahead then run.ahead:drop() end
  if self._pool then self._pool:leave() end
  self.epoch, self.batch = self.epoch + 1, 0
end

--- loader:batches([device])
--
-- The batches of an epoch: `for batch, i in loader:batches() do`.  i counts from 1; after
-- loader:load(state) it goes on from there.  The next call gives the next epoch, also after break.
--
-- device: in place of the loader's option: where the batches arrive in this epoch
-- Returns: what `for` takes: a function, nil, nil, and a value that ends the epoch when it is closed
-- Errors: an error while a sample is read is raised with the sample's number and the lines that led to it;
--   the epoch is then over
-- Example:
--   loader = data.DataLoader({ 1, 2, 3 }, { batchSize = 2 })
--   for batch, i in loader:batches() do print(i, batch:sum()) end
function DataLoader:batches(device)
  local options, run = self.options, {}
  if device == nil then device = options.device else device = devices.device("loader:batches", device) end
  finish(self, self._run)
  local jobs = plan(self, self.epoch, self.batch, device ~= nil or options.pinMemory)
  local read = (options.workers > 0 and read_there or read_here)(self, jobs)
  if device then
    run.ahead = devices.new(read, device, options.devicePrefetch)
    read = function() return run.ahead:take() end
  end
  self._run = run
  local closing = setmetatable({}, { __close = function() finish(self, run) end })
  return function()
    if self._run ~= run then
      if run.over then return nil end
      raise("loader:batches: this epoch ended when another one began, or the loader was closed")
    end
    local batch, number, failure = read()
    if batch == nil then
      run.over = true
      finish(self, run)
      if failure then raise_failure(failure) end
      return nil
    end
    self.batch = number
    return batch, number
  end, nil, nil, closing
end

-- `for batch in loader do` would call it.
function DataLoader:__call__()
  raise("%s: a loader is no function: for batch, i in loader:batches() do", FN)
end

-- ---- state -----------------------------------------------------------------------------------------------

--- loader:state(); loader:load(state); loader:setEpoch(n)
--
-- Where the loader is: inside the loop, after the batch that was given last.  After load the next call of
-- batches() goes on with exactly the batches that would have come; it gives none when the epoch was read to
-- its end.  setEpoch makes the next call begin the n-th epoch.
--
-- state: what loader:state() gave, of a loader with the same data set and options
-- n: a whole number, from 1
-- Returns: state: a plain table { epoch =, batch =, seed =, size = }; load and setEpoch: the loader
-- Errors: the state is of a loader with another number of batches
-- Example:
--   loader = data.DataLoader({ 1, 2, 3 }, { shuffle = true })
--   for batch, i in loader:batches() do
--     if i == 2 then state = loader:state() end
--     last = batch:sum()
--   end
--   loader:load(state)
--   for batch, i in loader:batches() do again, number = batch:sum(), i end
--   number, again == last --> 3 true
function DataLoader:state()
  return { epoch = self.epoch, batch = self.batch, seed = self.seed, size = self:size() }
end

function DataLoader:load(state)
  local fn = "loader:load"
  if type(state) ~= "table" then raise("%s: a %s, wanted what loader:state() gave", fn, torch.type(state)) end
  local epoch = check.whole(fn, "state.epoch", state.epoch, 1)
  local batch = check.whole(fn, "state.batch", state.batch, 0)
  local seed = check.whole(fn, "state.seed", state.seed)
  local n = self:size()
  if state.size and n and state.size ~= n then
    raise("%s: the state is of a loader with %s batches in an epoch, this one has %d", fn, state.size, n)
  end
  finish(self, self._run)
  self.epoch, self.batch, self.seed = epoch, batch, seed
  return self
end

function DataLoader:setEpoch(n)
  n = check.whole("loader:setEpoch", "the epoch", n, 1)
  finish(self, self._run)
  self.epoch, self.batch = n, 0
  return self
end

--- loader:close()
--
-- Ends the epoch that is being read, and the workers.  The loader can be used again afterwards; one that is
-- collected is closed.
--
-- Returns: the loader
-- Example:
--   data.DataLoader({ 1, 2, 3 }):close():size() --> 3
function DataLoader:close()
  finish(self, self._run)
  if self._pool then self._pool:stop() end
  self._pool = nil
  return self
end

DataLoader.__close = DataLoader.close

function DataLoader:__tostring__()
  local n = self:size()
  return ("data.DataLoader of %s batches, %d workers"):format(n and tostring(n) or "an unknown number of",
    self.options.workers)
end

return data
