-- Dataset: samples by number, read when they are asked for.

local torch = require "torch"
local check = require "data.check"
local seeds = require "data.seeds"
local raise = check.raise

local data = {}

local Dataset = torch.class("data.Dataset", data)

-- ---- what can be a data set ------------------------------------------------------------------------------

local function is_object(what)
  local kind = type(what)
  return (kind == "table" or kind == "userdata") and not torch.isTensor(what)
end

-- Size and get of what data.Dataset and the loader take; nil when it is no data set.
local function reader_of(what)
  if torch.isTensor(what) then
    if #what.shape == 0 then return nil end
    return what:size(1), function(i) return what[i] end
  end
  if not is_object(what) then return nil end
  local size = what.size
  if type(size) == "number" then
    if type(what.get) ~= "function" then return nil end
    return size, what.get
  elseif type(size) == "function" then
    local n = size(what)
    if type(what.get) == "function" then return n, function(i) return what:get(i) end end
    return n, function(i) return what[i] end
  end
  return type(what) == "table" and not torch.typename(what) and #what or nil, function(i) return what[i] end
end

-- A data.Dataset of anything that can be one.
local function as_dataset(fn, what, name)
  if torch.isTypeOf(what, "data.Dataset") then return what end
  local size = reader_of(what)
  if not size then
    raise("%s: %s is a %s, wanted a data set: an object with size() and get(i), or a list", fn,
      name or "the argument", torch.type(what))
  end
  return data.Dataset(what)
end

local function view(size, get)
  return data.Dataset { size = size, get = get }
end

--- data.Dataset(what)
--
-- Samples by number.  A sample is anything; by convention a table { input, target }, or one with named
-- fields. Nothing is read before it is asked for.  A class of one's own derives from it, torch.class("My",
-- "data.Dataset"), and has methods size() and get(i).
--
-- what: { size = number, get = function(i) } ; an object with methods size() and get(i), or, as in Torch7,
--   size() and object[i]; a list of samples; or a tensor, whose samples are its parts along the first
--   dimension
-- Returns: a data set: dataset:size() or #dataset samples, dataset:get(i) or dataset[i] is the i-th, i from 1
-- Errors: what is nothing of that
-- From: torchnet
-- Example:
--   squares = data.Dataset { size = 10, get = function(i) return i * i end }
--   #squares, squares[3] --> 10 9
--   data.Dataset({ "a", "b" }):get(2) --> b
function Dataset:__init(what)
  if what == nil then return end -- a class below has methods of its own
  local size, get = reader_of(what)
  if not size then
    raise("data.Dataset: a %s, wanted { size = number, get = function(i) }, an object with size() and "
      .. "get(i), a list or a tensor", torch.type(what))
  end
  self._size = check.whole("data.Dataset", "the size", size, 0)
  self._get = get
end

--- dataset:size(); dataset:get(i)
--
-- How many samples there are; the i-th.  #dataset and dataset[i] are the same.
--
-- i: 1 to dataset:size()
-- Errors: i lies outside
-- From: torchnet
-- Example:
--   letters = data.Dataset { "a", "b" }
--   letters:size(), letters:get(1) --> 2 a
function Dataset:size()
  if not self._size then raise("%s: the class has no method size()", torch.type(self)) end
  if type(self._size) == "function" then self._size = self._size() end
  return self._size
end

-- The place that i means, as an integer.
local function place(self, i, n)
  local at = math.type(i) and math.tointeger(i)
  if not at or at < 1 or at > n then
    raise("%s: index %s is out of range, the data set has %d samples", torch.type(self), tostring(i), n)
  end
  return at
end

function Dataset:get(i)
  if not self._get then raise("%s: the class has no method get(i)", torch.type(self)) end
  return self._get(place(self, i, self:size()))
end

function Dataset:__len__()
  return self:size()
end

function Dataset:__index__(key)
  if type(key) == "number" then return self:get(key), true end
end

function Dataset:__tostring__()
  local n = self:size()
  return ("%s of %d %s"):format(torch.type(self), n, n == 1 and "sample" or "samples")
end

--- data.TensorDataset(tensors)
-- data.TensorDataset(x, y, ...)
--
-- The samples in tensors whose first dimensions are of one size: sample i is { x[i], y[i], .. }, with the
-- same names where the tensors have names.
--
-- tensors: a table of tensors, { x, y } or { input = x, target = y }
-- Returns: a data.Dataset
-- Errors: the tensors' first sizes differ
-- From: PyTorch
-- Example:
--   set = data.TensorDataset { torch.ones(4, 2), torch.LongTensor { 3, 1, 2, 1 } }
--   set[2][1]:sum(), set[2][2] --> 2.0 1
local TensorDataset, parent = torch.class("data.TensorDataset", "data.Dataset", data)

function TensorDataset:__init(tensors, ...)
  local fn, n = "data.TensorDataset", nil
  if torch.isTensor(tensors) then tensors = { tensors, ... } end
  if type(tensors) ~= "table" or torch.typename(tensors) or next(tensors) == nil then
    raise("%s: %s, wanted a table of tensors", fn,
      type(tensors) == "table" and "an empty table" or "a " .. torch.type(tensors))
  end
  local name
  for key, x in pairs(tensors) do
    if not torch.isTensor(x) or #x.shape == 0 then
      raise("%s: '%s' is a %s, wanted a tensor of at least one dimension", fn, tostring(key), torch.type(x))
    end
    if n and x.shape[1] ~= n then
      raise("%s: '%s' has %d samples, '%s' has %d", fn, tostring(key), x.shape[1], tostring(name), n)
    end
    n, name = x.shape[1], key
  end
  self.tensors = tensors
  parent.__init(self, { size = n, get = function(i)
    local sample = {}
    for key, x in pairs(tensors) do sample[key] = x[i] end
    return sample
  end })
end

-- ---- other samples of the same places --------------------------------------------------------------------

--- dataset:map(f [, field])
--
-- The data set of f(sample), computed each time that a sample is read.  With a field only that one changes.
--
-- f: function of a sample, or of the field
-- field: name or number of a field
-- Returns: a data.Dataset
-- From: torchnet's TransformDataset
-- Example:
--   set = data.Dataset { { 1, "a" }, { 2, "b" } }:map(function(x) return x * 10 end, 1)
--   set[2][1], set[2][2] --> 20 b
function Dataset:map(f, field)
  check.call("dataset:map", "the first argument", f)
  if field == nil then return view(self:size(), function(i) return f(self:get(i)) end) end
  return view(self:size(), function(i)
    local sample = self:get(i)
    if type(sample) ~= "table" then
      raise("dataset:map: sample %d is a %s, it has no field '%s'", i, torch.type(sample), tostring(field))
    end
    local out = {}
    for key, value in pairs(sample) do out[key] = value end
    out[field] = f(sample[field])
    return out
  end)
end

--- dataset:zip(other, ...)
--
-- Data sets of one size side by side: sample i is { dataset[i], other[i], .. }.
--
-- other: a data set
-- Returns: a data.Dataset
-- Errors: the sizes differ
-- From: PyTorch's StackDataset
-- Example:
--   data.Dataset({ 1, 2 }):zip({ "a", "b" })[2][2] --> b
function Dataset:zip(...)
  local sets = { self, ... }
  for i = 1, select("#", ...) + 1 do
    sets[i] = as_dataset("dataset:zip", sets[i], "data set " .. i)
    if sets[i]:size() ~= self:size() then
      raise("dataset:zip: data set %d has %d samples, the first %d", i, sets[i]:size(), self:size())
    end
  end
  return view(self:size(), function(i)
    local sample = {}
    for k, set in ipairs(sets) do sample[k] = set:get(i) end
    return sample
  end)
end

--- dataset:cache()
--
-- The same samples, each kept in memory from the first time that it is read.  Workers of a DataLoader have
-- caches of their own.
--
-- Returns: a data.Dataset
-- Example:
--   reads = 0
--   set = data.Dataset({ 5 }):map(function(x) reads = reads + 1 return x end):cache()
--   set[1] + set[1], reads --> 10 1
function Dataset:cache()
  local kept = {}
  return view(self:size(), function(i)
    local sample = kept[i]
    if sample == nil then
      sample = self:get(i)
      kept[i] = sample
    end
    return sample
  end)
end

-- ---- other places of the same samples --------------------------------------------------------------------

-- The samples at the places of a LongTensor.
local function at_places(set, places)
  return view(places:nElement(), function(i) return set:get(places[i]) end)
end

-- The size of set, and that all places lie in it.
local function check_places(fn, set, places)
  local n = set:size()
  if places:nElement() > 0 and (places:min() < 1 or places:max() > n) then
    local wrong = places:min() < 1 and places:min() or places:max()
    raise("%s: index %d is out of range, the data set has %d samples", fn, wrong, n)
  end
  return places
end

--- dataset:subset(places)
--
-- Some of the samples.
--
-- places: a list of numbers or a LongTensor, in any order; the same number may be there twice
-- Returns: a data.Dataset
-- Errors: a number is not within 1 to dataset:size()
-- From: PyTorch's Subset, torchnet's ResampleDataset
-- Example:
--   data.Dataset({ "a", "b", "c" }):subset({ 3, 1 })[1] --> c
function Dataset:subset(places)
  places = check.places("dataset:subset", "the places", places)
  return at_places(self, check_places("dataset:subset", self, places))
end

-- The numbers 1 to n in the random order of a seed; without one torch's generator draws it.  Numbers that a
-- script draws from the same seed have nothing to do with it: data made of them would be sorted by it.
local function random_places(fn, n, seed)
  if n == 0 then return torch.LongTensor() end
  if seed == nil then return torch.randperm(n) end
  return torch.randperm(seeds.generator(check.whole(fn, "the seed", seed), 0), n)
end

--- dataset:shuffle([seed])
--
-- The samples in a random order, which is the same each time that they are read.  A DataLoader with
-- shuffle = true takes another order in each epoch.
--
-- seed: a whole number; without it torch's generator draws the order
-- Returns: a data.Dataset
-- From: torchnet's ShuffleDataset
-- Example:
--   a, b = data.Dataset({ 1, 2, 3 }):shuffle(7), data.Dataset({ 1, 2, 3 }):shuffle(7)
--   a[1] == b[1], a[1] + a[2] + a[3] --> true 6
function Dataset:shuffle(seed)
  return at_places(self, random_places("dataset:shuffle", self:size(), seed))
end

-- `size` samples from place first + 1 on.
local function span(set, first, size)
  return view(size, function(i) return set:get(first + i) end)
end

--- dataset:take(n); dataset:skip(n)
--
-- The first n samples; all but the first n.  With fewer than n samples: all of them; none.
--
-- n: a whole number, not negative
-- Returns: a data.Dataset
-- Example:
--   letters = data.Dataset { "a", "b", "c" }
--   #letters:take(2), letters:skip(2)[1] --> 2 c
function Dataset:take(n)
  return span(self, 0, math.min(check.whole("dataset:take", "the number", n, 0), self:size()))
end

function Dataset:skip(n)
  n = math.min(check.whole("dataset:skip", "the number", n, 0), self:size())
  return span(self, n, self:size() - n)
end

--- dataset:filter(f)
--
-- The samples for which f(sample) is true.  All samples are read once, when the size or the first sample is
-- asked for.
--
-- f: function of a sample
-- Returns: a data.Dataset
-- Example:
--   set = data.Dataset({ 1, 2, 3, 4 }):filter(function(x) return x % 2 == 0 end)
--   #set, set[2] --> 2 4
function Dataset:filter(f)
  check.call("dataset:filter", "the argument", f)
  local kept
  local function places()
    if not kept then
      local list = {}
      for i = 1, self:size() do
        if f(self:get(i)) then list[#list + 1] = i end
      end
      kept = torch.LongTensor(list)
    end
    return kept
  end
  local set = view(0, function(i) return self:get(places()[i]) end)
  set._size = function() return places():nElement() end
  return set
end

--- dataset:concat(other, ...)
--
-- The samples of several data sets, one after the other.
--
-- other: a data set
-- Returns: a data.Dataset
-- From: PyTorch's ConcatDataset
-- Example:
--   data.Dataset({ "a" }):concat({ "b", "c" }, { "d" })[4] --> d
function Dataset:concat(...)
  local sets, ends, n = { self, ... }, {}, 0
  for i = 1, select("#", ...) + 1 do
    sets[i] = as_dataset("dataset:concat", sets[i], "data set " .. i)
    n = n + sets[i]:size()
    ends[i] = n
  end
  return view(n, function(i)
    local low, high = 1, #sets
    while low < high do
      local middle = (low + high) // 2
      if ends[middle] < i then low = middle + 1 else high = middle end
    end
    return sets[low]:get(i - (ends[low - 1] or 0))
  end)
end

--- dataset:repeated(n)
--
-- The samples n times, one round after the other.
--
-- n: a whole number, not negative
-- Returns: a data.Dataset
-- Example:
--   #data.Dataset({ "a", "b" }):repeated(3) --> 6
function Dataset:repeated(n)
  local size = self:size()
  n = check.whole("dataset:repeated", "the number", n, 0)
  return view(size * n, function(i) return self:get((i - 1) % size + 1) end)
end

-- ---- parts -----------------------------------------------------------------------------------------------

-- Whole sizes of n samples from sizes that add up to n, or fractions that add up to 1.
local function whole_sizes(fn, sizes, n)
  local sum = 0
  for i, size in ipairs(sizes) do
    if type(size) ~= "number" or size ~= size or size < 0 then
      raise("%s: size %d is %s, wanted a number that is not negative", fn, i, tostring(size))
    end
    sum = sum + size
  end
  local out, given = {}, 0
  if sum == n then
    for i, size in ipairs(sizes) do out[i] = check.whole(fn, "size " .. i, size, 0) end
    return out
  end
  if math.abs(sum - 1) > 1e-6 then
    raise("%s: the sizes add up to %s, wanted %d, the number of samples, or 1, of fractions", fn, sum, n)
  end
  for i, size in ipairs(sizes) do
    out[i] = math.floor(size * n + 1e-6)
    given = given + out[i]
  end
  -- What rounding has left goes to the first parts that are to have any.
  local i = 1
  while given < n do
    if sizes[i] > 0 then out[i], given = out[i] + 1, given + 1 end
    i = i % #sizes + 1
  end
  return out
end

--- dataset:split(sizes [, options])
--
-- Parts of a data set, in order or drawn at random.
--
-- sizes: a list of numbers of samples that add up to dataset:size(), or of fractions that add up to 1; one
--   number alone is the first part's, the second has the rest
-- options: a table; seed, a whole number: the samples are shuffled with it before
-- Returns: as many data sets
-- Errors: the sizes do not add up
-- From: PyTorch's random_split
-- Example:
--   train, test = data.Dataset({ 1, 2, 3, 4, 5 }):split({ 0.8, 0.2 }, { seed = 1 })
--   #train, #test --> 4 1
--   select("#", data.Dataset({ 1, 2, 3 }):split(1)) --> 2
function Dataset:split(sizes, options)
  local fn, n = "dataset:split", self:size()
  options = check.options(fn, options, { seed = check.NONE })
  if type(sizes) == "number" then
    sizes = { sizes, (sizes < 1 or sizes == 1 and math.type(sizes) == "float") and 1 - sizes or n - sizes }
  end
  if type(sizes) ~= "table" or #sizes == 0 then
    raise("%s: the sizes are %s, wanted a list of numbers", fn, tostring(sizes))
  end
  local set, parts, first = options.seed and self:shuffle(options.seed) or self, {}, 0
  for i, size in ipairs(whole_sizes(fn, sizes, n)) do
    parts[i] = span(set, first, size)
    first = first + size
  end
  return table.unpack(parts)
end

--- dataset:kFold(k [, options])
--
-- The k ways to leave out one of k parts of nearly the same size, for cross-validation.
--
-- k: 2 to dataset:size()
-- options: a table; seed, a whole number: the samples are shuffled with it before
-- Returns: a list of k tables { train = data set, test = data set }; each sample is in one of the test sets
-- From: scikit-learn's KFold
-- Example:
--   for i, fold in ipairs(data.Dataset({ 1, 2, 3, 4, 5 }):kFold(2, { seed = 1 })) do last = fold end
--   #last.train, #last.test --> 3 2
function Dataset:kFold(k, options)
  local fn, n = "dataset:kFold", self:size()
  options = check.options(fn, options, { seed = check.NONE })
  k = check.whole(fn, "the number of folds", k, 2, n)
  local places = options.seed and random_places(fn, n, options.seed) or torch.LongTensor():range(1, n)
  local folds, first = {}, 0
  for i = 1, k do
    local size = n // k + (i <= n % k and 1 or 0)
    local last = first + size
    local rest = {}
    if first > 0 then rest[#rest + 1] = places:narrow(1, 1, first) end
    if last < n then rest[#rest + 1] = places:narrow(1, last + 1, n - last) end
    folds[i] = {
      train = at_places(self, torch.cat(rest, 1)), test = at_places(self, places:narrow(1, first + 1, size)),
    }
    first = last
  end
  return folds
end

--- dataset:batch(size [, options])
--
-- The data set of batches: sample i is the i-th `size` samples put together.
--
-- size: how many samples a batch has; the last one may have fewer
-- options: a table; collate, a function of a list of samples, data.collate by default; dropLast, true
--   leaves out a last batch that is smaller
-- Returns: a data.Dataset
-- From: torchnet's BatchDataset
-- Example:
--   set = data.Dataset({ 1, 2, 3 }):batch(2)
--   #set, set[1]:sum(), set[2]:sum() --> 2 3 3
function Dataset:batch(size, options)
  local fn, n = "dataset:batch", self:size()
  options = check.options(fn, options, { collate = require("data.collate").collate, dropLast = false })
  size = check.whole(fn, "the size", size, 1)
  check.call(fn, "collate", options.collate)
  check.flag(fn, "dropLast", options.dropLast)
  return view(options.dropLast and n // size or (n + size - 1) // size, function(i)
    local samples, first = {}, (i - 1) * size
    for k = 1, math.min(size, n - first) do samples[k] = self:get(first + k) end
    return options.collate(samples)
  end)
end

data._asDataset = as_dataset

return data
