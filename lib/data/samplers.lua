-- samplers: the order of an epoch.
--
-- A sampler is any object with a method indices(epoch, seed): the numbers of the samples of that epoch in
-- order, as a LongTensor, a list, or a function that gives one at each call and nil at the end.  It may have
-- size(): how many they are.  A batch sampler has batches(epoch, seed) instead: a list of such lists or
-- tensors, or a function that gives one at each call; its size() is the number of batches.  What they give
-- depends on epoch and seed only, so that an epoch can be taken up again in its middle.

local torch = require "torch"
local check = require "data.check"
local seeds = require "data.seeds"
local raise = check.raise

local data = {}

local function class(name, parent)
  return torch.class("data." .. name, parent, data)
end

-- The number of samples: a number, or the size of a data set.
local function count_of(fn, what)
  if type(what) == "number" then return check.whole(fn, "the number of samples", what, 0) end
  local has_size = (type(what) == "table" or type(what) == "userdata") and what.size ~= nil
  if not has_size and (type(what) ~= "table" or torch.typename(what)) then
    raise("%s: a %s, wanted a data set or a number of samples", fn, torch.type(what))
  end
  return require("data.Dataset")._asDataset(fn, what):size()
end

-- The generator of an epoch: a seed of the sampler's own goes before the loader's.
local function generator_of(sampler, epoch, seed)
  return seeds.generator(sampler.seed or seed or torch.initialSeed(), epoch or 1)
end

local function check_seed(fn, seed)
  return seed and check.whole(fn, "the seed", seed)
end

local function permutation(generator, n)
  return n == 0 and torch.LongTensor() or torch.randperm(generator, n)
end

-- ---- the order of samples --------------------------------------------------------------------------------

--- data.SequentialSampler(what)
--
-- Samples in order.  The other samplers derive from it.
--
-- what: a data set, or the number of samples
-- Returns: a sampler: sampler:indices(epoch, seed) is a LongTensor, sampler:size() its size
-- From: PyTorch
-- Example:
--   data.SequentialSampler(3):indices()[2] --> 2
local Sequential = class("SequentialSampler")

function Sequential:__init(what)
  self.n, self.unique = count_of("data.SequentialSampler", what), true
end

--- sampler:indices([epoch [, seed]]); sampler:size()
--
-- The numbers of an epoch's samples, in order; how many they are.  The same epoch and seed give the same.
--
-- epoch: a whole number, 1 by default
-- seed: a whole number; torch.initialSeed() by default.  The sampler's own option `seed` goes before it
-- Returns: a LongTensor; a number
-- Example:
--   sampler = data.RandomSampler(5)
--   sampler:indices(2, 7):sum(), sampler:size() --> 15 5
function Sequential:indices()
  return self.n == 0 and torch.LongTensor() or torch.LongTensor():range(1, self.n)
end

function Sequential:size()
  return self.n
end

--- data.RandomSampler(what [, options])
--
-- Samples in a random order, another one in each epoch.
--
-- what: a data set, or the number of samples
-- options: a table; replacement, true draws each sample from all of them, false (the default) gives none
--   twice before all had their turn; numSamples, how many are drawn, as many as there are by default; seed,
--   a whole number, instead of the loader's
-- Returns: a sampler
-- From: PyTorch
-- Example:
--   data.RandomSampler(4, { numSamples = 8 }):indices():sum() --> 20
local Random = class("RandomSampler", "data.SequentialSampler")

function Random:__init(what, options)
  local fn = "data.RandomSampler"
  options = check.options(fn, options, { replacement = false, numSamples = check.NONE, seed = check.NONE })
  self.total = count_of(fn, what)
  self.replacement = check.flag(fn, "replacement", options.replacement)
  self.n = options.numSamples and check.whole(fn, "numSamples", options.numSamples, 0) or self.total
  self.seed = check_seed(fn, options.seed)
  self.unique = not self.replacement and self.n <= self.total
  if self.total == 0 and self.n > 0 then raise("%s: %d samples of none", fn, self.n) end
end

function Random:indices(epoch, seed)
  local generator, n = generator_of(self, epoch, seed), self.n
  if n == 0 then return torch.LongTensor() end
  if self.replacement then return torch.LongTensor(n):random(generator, 1, self.total) end
  local rounds = {}
  for first = 0, n - 1, self.total do
    local order = torch.randperm(generator, self.total)
    rounds[#rounds + 1] = order:narrow(1, 1, math.min(self.total, n - first))
  end
  return #rounds == 1 and rounds[1] or torch.cat(rounds, 1)
end

--- data.SubsetRandomSampler(places [, options])
--
-- Some of the samples, in a random order.
--
-- places: a list of numbers or a LongTensor
-- options: a table; seed, a whole number, instead of the loader's
-- Returns: a sampler
-- From: PyTorch
-- Example:
--   data.SubsetRandomSampler({ 2, 5 }):indices():sum() --> 7
local SubsetRandom = class("SubsetRandomSampler", "data.SequentialSampler")

function SubsetRandom:__init(places, options)
  local fn = "data.SubsetRandomSampler"
  self.places = check.places(fn, "the places", places)
  self.seed = check_seed(fn, check.options(fn, options, { seed = check.NONE }).seed)
  self.n = self.places:nElement()
end

function SubsetRandom:indices(epoch, seed)
  if self.n == 0 then return torch.LongTensor() end
  return self.places:index(1, permutation(generator_of(self, epoch, seed), self.n))
end

--- data.WeightedRandomSampler(weights [, options])
--
-- Samples drawn with given probabilities.
--
-- weights: a tensor or a list: for each sample a number in proportion to its probability
-- options: a table; numSamples, how many are drawn, as many as there are weights by default; replacement,
--   false draws none twice; seed, a whole number, instead of the loader's
-- Returns: a sampler
-- Errors: a negative weight; without replacement, more samples than positive weights
-- From: PyTorch
-- Example:
--   data.WeightedRandomSampler({ 0, 1, 0 }):indices():sum() --> 6
local Weighted = class("WeightedRandomSampler", "data.SequentialSampler")

local function check_weights(fn, weights)
  if type(weights) == "table" and not torch.typename(weights) then
    for i = 1, #weights do
      if type(weights[i]) ~= "number" then
        raise("%s: weight %d is a %s, wanted a number", fn, i, torch.type(weights[i]))
      end
    end
    weights = torch.DoubleTensor(weights)
  end
  if not torch.isTensor(weights) or #weights.shape ~= 1 or weights:nElement() == 0 then
    raise("%s: the weights are %s, wanted a list of numbers or a tensor of one dimension", fn,
      torch.isTensor(weights) and "empty or of several dimensions" or "a " .. torch.type(weights))
  end
  weights = weights:detach():to("cpu"):to("float64")
  local least, sum = weights:min(), weights:sum()
  if least < 0 or sum <= 0 or sum ~= sum or sum == math.huge then
    raise("%s: the weights are from %s on and add up to %s, wanted none negative and a positive sum", fn,
      least, sum)
  end
  return weights
end

function Weighted:__init(weights, options)
  local fn = "data.WeightedRandomSampler"
  options = check.options(fn, options, { replacement = true, numSamples = check.NONE, seed = check.NONE })
  self.weights = check_weights(fn, weights)
  self.replacement = check.flag(fn, "replacement", options.replacement)
  self.seed = check_seed(fn, options.seed)
  self.n = options.numSamples and check.whole(fn, "numSamples", options.numSamples, 0)
    or self.weights:nElement()
  self.unique = not self.replacement
  local positive = torch.gt(self.weights, 0):sum()
  if not self.replacement and self.n > positive then
    raise("%s: %d samples without replacement, only %d weights are positive", fn, self.n, positive)
  end
end

function Weighted:indices(epoch, seed)
  if self.n == 0 then return torch.LongTensor() end
  return torch.multinomial(generator_of(self, epoch, seed), self.weights, self.n, self.replacement):view(-1)
end

--- data.DistributedSampler(what, options)
--
-- The part of the samples of one process of several.  All parts have the same size: where the number of
-- samples cannot be divided, the first ones of the order are used again.
--
-- what: a data set, or the number of samples
-- options: a table; worldSize, the number of processes; rank, which one this is, from 1; shuffle, true by
--   default, another order in each epoch, the same in all processes as long as their seeds are; dropLast,
--   true leaves out the last samples instead of using some twice; seed, a whole number, instead of the
--   loader's
-- Returns: a sampler
-- From: PyTorch
-- Example:
--   part = data.DistributedSampler(5, { worldSize = 2, rank = 1, shuffle = false })
--   part:size(), part:indices():sum() --> 3 9
local Distributed = class("DistributedSampler", "data.SequentialSampler")

function Distributed:__init(what, options)
  local fn = "data.DistributedSampler"
  options = check.options(fn, options, { worldSize = check.NONE, rank = check.NONE, shuffle = true,
    dropLast = false, seed = check.NONE })
  self.total = count_of(fn, what)
  self.worldSize = check.whole(fn, "worldSize", options.worldSize, 1)
  self.rank = check.whole(fn, "rank", options.rank, 1, self.worldSize)
  self.shuffle = check.flag(fn, "shuffle", options.shuffle)
  self.seed = check_seed(fn, options.seed)
  local drop = check.flag(fn, "dropLast", options.dropLast)
  self.n = drop and self.total // self.worldSize or (self.total + self.worldSize - 1) // self.worldSize
end

function Distributed:indices(epoch, seed)
  if self.n == 0 then return torch.LongTensor() end
  local order = self.shuffle and permutation(generator_of(self, epoch, seed), self.total)
    or torch.LongTensor():range(1, self.total)
  local places = torch.LongTensor(self.n)
  for i = 1, self.n do
    places[i] = ((i - 1) * self.worldSize + self.rank - 1) % self.total + 1
  end
  return order:index(1, places)
end

-- ---- batches ---------------------------------------------------------------------------------------------

-- A function that gives the elements of what a sampler gave, as integers where they are numbers.
local function elements(fn, what)
  if type(what) == "function" then return what end
  local i, n = 0, nil
  if torch.isTensor(what) then
    n = #what.shape == 0 and 0 or what.shape[1]
  elseif type(what) == "table" then
    n = #what
  else
    raise("%s: the sampler gave a %s, wanted a LongTensor, a list or a function", fn, torch.type(what))
  end
  return function()
    i = i + 1
    if i <= n then return what[i] end
  end
end

-- A function that gives lists of batchSize numbers of a sampler's.
local function grouped(fn, indices, batchSize, dropLast)
  local next_index, over = elements(fn, indices), false
  return function()
    local batch = {}
    while not over and #batch < batchSize do
      local i = next_index()
      if i == nil then over = true else batch[#batch + 1] = i end
    end
    if #batch == 0 or dropLast and #batch < batchSize then return nil end
    return batch
  end
end

local function batch_count(n, batchSize, dropLast)
  if not n then return nil end
  return dropLast and n // batchSize or (n + batchSize - 1) // batchSize
end

--- data.BatchSampler(sampler, batchSize [, dropLast])
--
-- The numbers that a sampler gives, in batches.
--
-- sampler: a sampler
-- batchSize: a whole number
-- dropLast: true leaves out a last batch that is smaller
-- Returns: a batch sampler, for the option batchSampler of a DataLoader
-- From: PyTorch
-- Example:
--   batches = data.BatchSampler(data.SequentialSampler(5), 2)
--   batches:size(), #batches:batches()() --> 3 2
local Batch = class("BatchSampler")

function Batch:__init(sampler, batchSize, dropLast)
  local fn = "data.BatchSampler"
  if type(sampler) ~= "table" and type(sampler) ~= "userdata" or not sampler.indices then
    raise("%s: a %s, wanted a sampler: an object with indices(epoch, seed)", fn, torch.type(sampler))
  end
  self.sampler, self.unique = sampler, sampler.unique
  self.batchSize = check.whole(fn, "the batch size", batchSize, 1)
  self.dropLast = check.flag(fn, "dropLast", dropLast or false)
end

--- batches:batches([epoch [, seed]]); batches:size()
--
-- The batches of an epoch; how many there are.
--
-- epoch, seed: as for sampler:indices
-- Returns: a function that gives a list of numbers at each call, and nil at the end; a number, or nil when
--   it is not known
-- Example:
--   table.concat(data.BatchSampler(data.SequentialSampler(3), 3):batches()(), " ") --> 1 2 3
function Batch:batches(epoch, seed)
  local indices = self.sampler:indices(epoch, seed)
  return grouped("data.BatchSampler", indices, self.batchSize, self.dropLast)
end

function Batch:size()
  return batch_count(self.sampler.size and self.sampler:size(), self.batchSize, self.dropLast)
end

--- data.BucketSampler(lengths, batchSize [, options])
--
-- Batches of samples of similar length, so that padding wastes little.  The samples are shuffled, then
-- sorted by length within buckets of some batches; the batches come in a random order.
--
-- lengths: a list of numbers or a tensor: the length of each sample
-- batchSize: a whole number
-- options: a table; bucket, how many batches are sorted together, 100 by default; shuffle, false sorts all
--   samples and keeps that order; dropLast, true leaves out a last batch that is smaller; seed, a whole
--   number, instead of the loader's
-- Returns: a batch sampler
-- From: torchtext's BucketIterator
-- Example:
--   first = data.BucketSampler({ 9, 1, 8, 2 }, 2, { shuffle = false }):batches()()
--   first[1], first[2] --> 2 4
local Bucket = class("BucketSampler", "data.BatchSampler")

function Bucket:__init(lengths, batchSize, options)
  local fn = "data.BucketSampler"
  options = check.options(fn, options, { bucket = 100, shuffle = true, dropLast = false, seed = check.NONE })
  if torch.isTensor(lengths) then lengths = lengths:view(-1):totable() end
  if type(lengths) ~= "table" then
    raise("%s: the lengths are a %s, wanted a list or a tensor", fn, torch.type(lengths))
  end
  for i = 1, #lengths do
    if type(lengths[i]) ~= "number" then
      raise("%s: length %d is a %s, wanted a number", fn, i, torch.type(lengths[i]))
    end
  end
  self.lengths = torch.DoubleTensor(lengths)
  self.n, self.unique = #lengths, true
  self.batchSize = check.whole(fn, "the batch size", batchSize, 1)
  self.bucket = check.whole(fn, "bucket", options.bucket, 1)
  self.shuffle = check.flag(fn, "shuffle", options.shuffle)
  self.dropLast = check.flag(fn, "dropLast", options.dropLast)
  self.seed = check_seed(fn, options.seed)
end

-- The places of a list by length; those of one length in the order in which they are.
local function sorted(places, lengths)
  local rank = {}
  for i, p in ipairs(places) do rank[p] = i end
  table.sort(places, function(a, b)
    local x, y = lengths[a], lengths[b]
    if x ~= y then return x < y end
    return rank[a] < rank[b]
  end)
  return places
end

function Bucket:batches(epoch, seed)
  local generator, n, size = generator_of(self, epoch, seed), self.n, self.batchSize
  local order = self.shuffle and permutation(generator, n) or data.SequentialSampler(n):indices()
  local lengths, batches = self.lengths:totable(), {}
  order = order:totable()
  local span = self.shuffle and self.bucket * size or math.max(n, 1)
  for first = 1, n, span do
    local bucket = sorted(table.move(order, first, math.min(first + span - 1, n), 1, {}), lengths)
    for at = 1, #bucket, size do
      local batch = table.move(bucket, at, math.min(at + size - 1, #bucket), 1, {})
      if #batch == size or not self.dropLast then batches[#batches + 1] = batch end
    end
  end
  if not self.shuffle then return elements("data.BucketSampler", batches) end
  local mixed = {}
  for i, k in ipairs(permutation(generator, #batches):totable()) do mixed[i] = batches[k] end
  return elements("data.BucketSampler", mixed)
end

function Bucket:size()
  return batch_count(self.n, self.batchSize, self.dropLast)
end

data._grouped, data._elements, data._batchCount = grouped, elements, batch_count

return data
