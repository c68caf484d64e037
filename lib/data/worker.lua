-- worker: reads the samples of a batch, in the thread of the script or in one of a loader's workers.
--
-- A job is a table: number, the batch's place in its epoch; seed, the epoch's; and either places, the
-- samples' numbers in the data set, or items, what a stream gave, with first, the number of items before
-- them.  turns[k] counts how often the k-th sample was there before in this epoch.  pin: the batch is to be
-- in page-locked memory.

local seeds = require "data.seeds"
local tree = require "torch.tree"

local worker = {}

local mix, set_seed = seeds.mix, seeds.set

-- The error with the lines that led to it.
local function describe(err)
  if type(err) ~= "string" then err = tostring(err) end
  return { message = err, trace = debug.traceback("", 2):gsub("^%s+", "") }
end

-- The samples of a job; at.sample is the one that is being read.
local function samples_of(source, job, at)
  local samples, items = {}, job.items
  for k, i in ipairs(items or job.places) do
    if at.stopped and at.stopped() then return nil end
    at.sample = items and job.first + k or i
    local seed, turn = mix(job.seed, at.sample), job.turns and job.turns[k] or 0
    set_seed(turn > 0 and mix(seed, turn) or seed)
    local sample
    if items then sample = source.stream:_change(i) else sample = source.set:get(i) end
    if sample == nil then error(("the data set gave nothing for sample %d"):format(at.sample), 0) end
    samples[k] = sample
  end
  at.sample = nil
  return samples
end

local function pinned(t)
  return t.device == "cpu" and t:pinMemory() or t
end

local function read(source, job, at)
  local kept <close> = seeds.guard() -- luacheck: ignore
  local samples = samples_of(source, job, at)
  if not samples then return nil end
  set_seed(mix(job.seed, -job.number))
  local batch = source.collate(samples)
  if batch == nil then error("collate gave nothing", 0) end
  return job.pin and tree.map(batch, pinned, "the batch") or batch
end

-- The batch of a job; or nil and { message, trace, sample } of an error; or nothing when stopped() became
-- true.
-- source: { set =, collate = }, or { stream =, collate = }.
function worker.batch(source, job, stopped)
  local at = { stopped = stopped }
  local ok, result = xpcall(read, describe, source, job, at)
  if ok then return result end
  if type(result) ~= "table" then result = { message = tostring(result), trace = "" } end
  result.sample = at.sample
  return nil, result
end

-- ---- in a worker's thread -----------------------------------------------------------------------------

local installed

-- Takes what a loader sends once; current counts its runs.
function worker.install(source, current, init, id)
  installed = { source = source, current = current }
  if not init then return true end
  local ok, failure = xpcall(init, describe, id)
  if ok then return true end
  failure.message = "init: " .. failure.message
  return nil, failure
end

-- Page-locked memory is scarce: what this worker has of its last batch goes before the next one.
local function forget_last(batch)
  for _, t in ipairs(installed.last or {}) do
    if t.device == "cpu" then t:free() end
  end
  installed.last = batch ~= nil and tree.flatten(batch) or nil
end

-- The batch of a job of the given run.
function worker.perform(job, run)
  forget_last()
  local batch, failure = worker.batch(installed.source, job, function()
    return installed.current:get() ~= run
  end)
  if job.pin then forget_last(batch) end
  return batch, failure
end

return worker
