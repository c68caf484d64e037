-- test_dataset: data sets, samplers, and samples put together to batches.
local torch = require "torch"
local data = require "data"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function list_of(set)
  local list = {}
  for i = 1, #set do list[i] = set[i] end
  return list
end

local function numbers(n)
  return data.Dataset { size = n, get = function(i) return i end }
end

local function fails(f, pattern)
  tester:assertErrorPattern(f, pattern)
end

-- ---- data sets -------------------------------------------------------------------------------------------

function tests.sources()
  tester:eq(list_of(data.Dataset { size = 3, get = function(i) return i * i end }), { 1, 4, 9 })
  tester:eq(list_of(data.Dataset { "a", "b" }), { "a", "b" })
  tester:eq(#data.Dataset {}, 0)
  tester:eq(data.Dataset(torch.range(1, 6):view(2, 3))[2]:sum(), 15)
  local object = setmetatable({}, { __index = { size = function() return 2 end,
    get = function(_, i) return "o" .. i end } })
  tester:eq(list_of(data.Dataset(object)), { "o1", "o2" })
  local classic = { "x", "y" }
  function classic:size() return #self end
  tester:eq(list_of(data.Dataset(classic)), { "x", "y" })
  local set = data.TensorDataset { input = torch.range(1, 4):view(2, 2), target = torch.LongTensor { 2, 1 } }
  tester:eq(set[2].input:totable(), { 3, 4 })
  tester:eq(math.type(set[2].target), "integer")
  tester:eq(tostring(numbers(1)), "data.Dataset of 1 sample")
end

function tests.own_class()
  local Own, parent = torch.class("test_dataset_Own", "data.Dataset")
  function Own:__init(n) parent.__init(self) self.n = n end
  function Own:size() return self.n end
  function Own:get(i) return -i end
  local set = _G.test_dataset_Own(3)
  tester:eq(list_of(set), { -1, -2, -3 })
  tester:eq(list_of(set:map(math.abs):skip(1)), { 2, 3 })
  tester:eq(#set, 3)
  fails(function() return set:map(math.abs)[4] end, "index 4 is out of range, the data set has 3 samples")
  local Empty = torch.class("test_dataset_Empty", "data.Dataset")
  tester:assert(Empty ~= nil)
  fails(function() return #_G.test_dataset_Empty() end, "test_dataset_Empty: the class has no method size")
end

function tests.views()
  local set = numbers(5)
  tester:eq(list_of(set:map(function(x) return 2 * x end)), { 2, 4, 6, 8, 10 })
  local pairs_set = set:zip(set:map(tostring))
  tester:eq(pairs_set[3], { 3, "3" })
  local changed = pairs_set:map(function(x) return x + 100 end, 1)
  tester:eq(changed[3], { 103, "3" })
  tester:eq(pairs_set[3], { 3, "3" })
  tester:eq(list_of(set:filter(function(x) return x % 2 == 1 end)), { 1, 3, 5 })
  tester:eq(#set:filter(function() return false end), 0)
  tester:eq(list_of(numbers(2):concat(numbers(0), { "a", "b" }, numbers(1))), { 1, 2, "a", "b", 1 })
  tester:eq(list_of(set:subset { 5, 1, 1 }), { 5, 1, 1 })
  tester:eq(list_of(set:subset(torch.LongTensor { 2 })), { 2 })
  tester:eq(#set:subset {}, 0)
  tester:eq(list_of(set:take(2)), { 1, 2 })
  tester:eq(list_of(set:skip(3)), { 4, 5 })
  tester:eq(#set:take(9) + #set:skip(9), 5)
  tester:eq(list_of(numbers(2):repeated(3)), { 1, 2, 1, 2, 1, 2 })
  tester:eq(#numbers(0):repeated(3) + #set:repeated(0), 0)
  local batches = set:batch(2)
  tester:eq({ #batches, batches[1]:totable(), batches[3]:totable() }, { 3, { 1, 2 }, { 5 } })
  tester:eq(#set:batch(2, { dropLast = true }), 2)
end

-- Views read a sample when it is asked for, and no other.
function tests.lazily()
  local read = {}
  local set = data.Dataset { size = 4, get = function(i) read[#read + 1] = i return i end }
  local view = set:map(tostring):shuffle(1):concat(set):take(6):cache()
  tester:eq(read, {})
  local last = view[6]
  tester:eq({ last, read }, { 2, { 2 } })
  tester:eq({ view[6], read }, { 2, { 2 } })
  local filtered = set:filter(function(i) return i > 2 end)
  tester:eq(#read, 1)
  tester:eq({ #filtered, #filtered, #read }, { 2, 2, 5 })
end

function tests.shuffled()
  local a, b, c = numbers(50):shuffle(3), numbers(50):shuffle(3), numbers(50):shuffle(4)
  tester:eq(list_of(a), list_of(b))
  tester:ne(list_of(a), list_of(c))
  local sorted = list_of(c)
  table.sort(sorted)
  tester:eq(sorted, list_of(numbers(50)))
  torch.manualSeed(9)
  local d = numbers(50):shuffle()
  torch.manualSeed(9)
  tester:eq(list_of(numbers(50):shuffle()), list_of(d))
  tester:eq(#numbers(0):shuffle(), 0)
end

function tests.split()
  local a, b, c = numbers(10):split { 5, 3, 2 }
  tester:eq({ list_of(a), list_of(b), list_of(c) }, { { 1, 2, 3, 4, 5 }, { 6, 7, 8 }, { 9, 10 } })
  a, b = numbers(7):split { 0.5, 0.5 }
  tester:eq({ #a, #b }, { 4, 3 })
  a, b = numbers(10):split(0.7)
  tester:eq({ #a, #b }, { 7, 3 })
  a, b = numbers(10):split(4)
  tester:eq({ #a, #b }, { 4, 6 })
  a, b, c = numbers(3):split { 0.1, 0, 0.9 }
  tester:eq({ #a, #b, #c }, { 1, 0, 2 })
  a, b = numbers(10):split({ 0.5, 0.5 }, { seed = 5 })
  local all = list_of(a:concat(b))
  tester:ne(all, list_of(numbers(10)))
  table.sort(all)
  tester:eq(all, list_of(numbers(10)))
  fails(function() numbers(10):split { 5, 4 } end, "the sizes add up to 9, wanted 10, .* or 1, of fractions")
  fails(function() numbers(10):split { 11, -1 } end, "size 2 is %-1")
  fails(function() numbers(10):split {} end, "wanted a list of numbers")
  fails(function() numbers(10):split({ 5, 5 }, { sed = 1 }) end, "there is no option 'sed'; there are seed")
end

function tests.folds()
  for _, options in ipairs { {}, { seed = 2 } } do
    local counts, sizes = {}, {}
    for i, fold in ipairs(numbers(11):kFold(3, options)) do
      sizes[i] = #fold.test
      tester:eq(#fold.train + #fold.test, 11)
      local seen = {}
      for _, x in ipairs(list_of(fold.test)) do
        counts[x] = (counts[x] or 0) + 1
        seen[x] = true
      end
      for _, x in ipairs(list_of(fold.train)) do tester:assert(not seen[x]) end
    end
    tester:eq(sizes, { 4, 4, 3 })
    for x = 1, 11 do tester:eq(counts[x], 1) end
  end
  fails(function() numbers(3):kFold(4) end, "the number of folds is 4, wanted a whole number from 2 to 3")
end

function tests.faults()
  fails(function() return numbers(3)[4] end, "test_dataset.lua:%d+: data.Dataset: index 4 is out of range, "
    .. "the data set has 3 samples")
  fails(function() return numbers(3)[0] end, "index 0 is out of range")
  fails(function() return numbers(3):get(1.5) end, "index 1.5 is out of range")
  fails(function() return numbers(3):get("1") end, "index 1 is out of range")
  fails(function() data.Dataset(5) end, "data.Dataset: a number, wanted")
  fails(function() data.Dataset(torch.ones(1):view({})) end, "data.Dataset: ")
  fails(function() data.Dataset { size = 1.5, get = print } end, "the size is 1.5, wanted a whole number")
  fails(function() data.Dataset { size = 2 } end, "wanted { size = number, get")
  fails(function() data.TensorDataset { torch.ones(2), torch.ones(3) } end, "has 3 samples, '%d' has 2")
  fails(function() data.TensorDataset { 3 } end, "'1' is a number, wanted a tensor")
  fails(function() data.TensorDataset {} end, "an empty table")
  tester:eq(data.TensorDataset(torch.ones(2), torch.ones(2))[2], { 1, 1 })
  fails(function() data.TensorDataset(torch.ones(2), torch.ones(3)) end, "samples, '%d' has")
  fails(function() for batch in data.DataLoader { 1 } do print(batch) end end,
    "for batch, i in loader:batches%(%) do")
  fails(function() numbers(2):map(3) end, "the first argument is a number, wanted a function")
  fails(function() return numbers(2):map(print, "x")[2] end, "sample 2 is a number, it has no field 'x'")
  fails(function() numbers(2):zip(numbers(3)) end, "data set 2 has 3 samples, the first 2")
  fails(function() numbers(2):concat(7) end, "data set 2 is a number, wanted a data set")
  fails(function() numbers(2):subset { 3 } end, "index 3 is out of range, the data set has 2 samples")
  fails(function() numbers(2):subset { "x" } end, "number 1 is x, wanted a whole number")
  fails(function() numbers(2):subset(torch.Tensor { 1 }) end, "wanted whole numbers")
  fails(function() numbers(2):take(-1) end, "the number is %-1")
end

-- ---- batches ---------------------------------------------------------------------------------------------

function tests.collate()
  local samples = {}
  for i = 1, 3 do
    samples[i] = { torch.IntTensor { { i, 2 }, { 3, 4 } }, i, i / 2, i > 1, "s" .. i, { a = { b = i } },
      torch.Timer() }
  end
  local b = data.collate(samples)
  tester:eq({ b[1]:type(), b[1].shape, b[1][3][1][1] }, { "torch.IntTensor", { 3, 2, 2 }, 3 })
  tester:eq({ b[2]:type(), b[2]:totable() }, { "torch.LongTensor", { 1, 2, 3 } })
  tester:eq({ b[3]:type(), b[3]:totable() }, { torch.Tensor():type(), { 0.5, 1, 1.5 } })
  tester:eq({ b[4]:type(), b[4]:long():totable() }, { "torch.BoolTensor", { 0, 1, 1 } })
  tester:eq(b[5], { "s1", "s2", "s3" })
  tester:eq(b[6].a.b:totable(), { 1, 2, 3 })
  tester:eq(torch.type(b[7][3]), "torch.Timer")
  tester:eq(data.collate({ 1, 2.5 }):totable(), { 1, 2.5 })
end

-- Every type and layout, against torch.stack.
function tests.stacking()
  for _, name in ipairs { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long",
    "Bool" } do
    local x = torch.range(0, 23):view(2, 3, 4):to(torch[name .. "Tensor"]().dtype)
    for _, list in ipairs {
      { x[1], x[2] }, { x[1]:t(), x[2]:t() }, { x, x },
      { x:narrow(3, 2, 2), x:narrow(3, 1, 2) },
      { x[1][1]:view(4, 1):expand(4, 2), x[2][1]:view(4, 1):expand(4, 2) },
    } do
      local y = data.collate(list)
      tester:eq(y, torch.stack(list, 1))
      tester:assert(y:isContiguous())
    end
  end
  tester:eq(data.collate({ torch.zeros(2, 0, 3), torch.zeros(2, 0, 3) }).shape, { 2, 2, 0, 3 })
  local scalars = data.collate { torch.ones(1):view({}), torch.zeros(1):view({}) }
  tester:eq({ scalars.shape, scalars:totable() }, { { 2 }, { 1, 0 } })
  local p = torch.ones(2):requireGrad()
  tester:assert(not data.collate({ p, p * 2 }).requiresGrad)
end

function tests.collate_faults()
  fails(function() data.collate { { 1, torch.ones(3) }, { 1, torch.ones(4) } } end,
    "sample 2 of the batch: field 2 is 4 float32, in the first it is 3 float32; data.pad")
  fails(function() data.collate { torch.ones(3), torch.ones(3):double() } end, "is 3 float64, in the first")
  fails(function() data.collate { { a = { b = 1 } }, { a = { b = "x" } } } end,
    "sample 2 of the batch: field a.b is not a number")
  fails(function() data.collate { { 1 }, { 1, 2 } } end, "field 2 is there, in the first it is not")
  fails(function() data.collate { { 1, 2 }, { 1 } } end, "sample 2 of the batch: field 2 is missing")
  fails(function() data.collate { { 1, 2 }, 3 } end,
    "sample 2 of the batch: is a number, the first is a table")
  fails(function() data.collate { torch.ones(1), 3 } end, "sample 2 of the batch: is not a tensor")
  fails(function() data.collate { true, 3 } end, "is neither true nor false")
  fails(function() data.collate {} end, "an empty table, wanted a list of samples")
end

function tests.padding()
  local samples = { { torch.range(1, 3), 1 }, { torch.range(1, 1), 2 }, { torch.Tensor(0), 3 } }
  local b = data.pad { value = 9, mask = true }(samples)
  tester:eq(b[1]:totable(), { { 1, 2, 3 }, { 1, 9, 9 }, { 9, 9, 9 } })
  tester:eq(b[2]:totable(), { 1, 2, 3 })
  tester:eq(b.lengths[1]:totable(), { 3, 1, 0 })
  tester:eq(b.mask[1]:long():totable(), { { 1, 1, 1 }, { 1, 0, 0 }, { 0, 0, 0 } })
  tester:eq(b.mask[1]:type(), "torch.BoolTensor")
  b = data.pad { lengths = false, multiple = 4 } { torch.ones(2), torch.ones(5) }
  tester:eq({ b[1].shape, b.lengths == nil, b.mask == nil }, { { 2, 8 }, true, true })
  b = data.pad { dim = 2 } { { x = torch.ones(3, 2) }, { x = torch.ones(3, 5) } }
  tester:eq({ b.x.shape, b.x:sum() }, { { 2, 3, 5 }, 21 })
  b = data.pad { value = { -1, -100 } } { { { 4, 5 }, { 1 } }, { { 6 }, { 2, 3 } } }
  tester:eq({ b[1]:totable(), b[2]:totable() }, { { { 4, 5 }, { 6, -1 } }, { { 1, -100 }, { 2, 3 } } })
  tester:eq(b[1]:type(), "torch.LongTensor")
  b = data.pad { fields = { "x" } } { { x = { 1 }, y = torch.ones(2) }, { x = { 1, 2 }, y = torch.ones(2) } }
  tester:eq({ b.y.shape, b.lengths.y == nil }, { { 2, 2 }, true })
  b = data.pad() { { torch.LongTensor(0) }, { torch.LongTensor(0) } }
  tester:eq(b.lengths[1]:totable(), { 0, 0 })
  fails(function() data.pad { with = 1 } end, "there is no option 'with'; there are dim, fields, lengths")
  fails(function() data.pad { dim = 0 } end, "the dimension is 0")
  fails(function() data.pad { value = "x" } end, "the value is x")
  fails(function() data.pad() { { torch.ones(2, 3) }, { torch.ones(2, 4) } } end,
    "sample 2 of the batch: field 1 is of shape 2x4, the first of 2x3; only dimension 1 is padded")
  fails(function() data.pad() { { torch.ones(2) }, { torch.ones(2):long() } } end, "is of type int64")
  fails(function() data.pad { dim = 2 } { { torch.ones(2) } } end, "has 1 dimensions, dimension 2")
  fails(function() data.pad() { { torch.ones(2) }, {} } end, "sample 2 of the batch: field 1 is missing")
end

-- In Torch7's mode tensors of one size are paired element by element, whatever their shapes.
function tests.torch7_mode()
  local program = io.popen("readlink /proc/$PPID/exe"):read("l")
  local pipe = io.popen(program .. [[ --torch7 -e '
    data = require "data"
    batch = data.pad { mask = true } { { torch.ones(1), 1 }, { torch.ones(2), 1 } }
    loader = data.DataLoader({ 1, 2.5, 4 }, { batchSize = 3, workers = 1, shuffle = true })
    for b in loader:batches() do sum = b end
    print(batch.mask[1]:sum(), batch[1]:type(), sum:type(), sum:sum())']])
  tester:eq(pipe:read("l"), "3\ttorch.DoubleTensor\ttorch.DoubleTensor\t7.5")
  pipe:close()
end

-- ---- samplers --------------------------------------------------------------------------------------------

local function counted(indices, n)
  local counts = {}
  for i = 1, n do counts[i] = 0 end
  for _, i in ipairs(indices:totable()) do counts[i] = counts[i] + 1 end
  return counts
end

local function all_equal(counts, value)
  for i = 1, #counts do
    if counts[i] ~= value then return false end
  end
  return true
end

function tests.orders()
  tester:eq(data.SequentialSampler(numbers(4)):indices(3, 1):totable(), { 1, 2, 3, 4 })
  local sampler = data.RandomSampler(100)
  tester:assert(all_equal(counted(sampler:indices(1, 5), 100), 1))
  tester:eq(sampler:indices(1, 5), sampler:indices(1, 5))
  tester:ne(sampler:indices(1, 5):totable(), sampler:indices(2, 5):totable())
  tester:ne(sampler:indices(1, 5):totable(), sampler:indices(1, 6):totable())
  local own = data.RandomSampler(100, { seed = 8 })
  tester:eq(own:indices(1, 5), sampler:indices(1, 8))
  local twice = data.RandomSampler(100, { numSamples = 250 })
  local counts, more = counted(twice:indices(1, 5), 100), 0
  for i = 1, 100 do
    tester:assert(counts[i] == 2 or counts[i] == 3)
    more = more + counts[i] - 2
  end
  tester:eq({ more, twice:size() }, { 50, 250 })
  tester:eq(data.RandomSampler(9, { numSamples = 4 }):indices():nElement(), 4)
  local subset = data.SubsetRandomSampler { 7, 3, 9 }
  local got = subset:indices(4, 4):totable()
  table.sort(got)
  tester:eq(got, { 3, 7, 9 })
  for _, empty in ipairs { data.SequentialSampler(0), data.RandomSampler(0), data.SubsetRandomSampler {},
    data.DistributedSampler(0, { worldSize = 2, rank = 2 }) } do
    tester:eq({ empty:indices(1, 1):nElement(), empty:size() }, { 0, 0 })
  end
end

-- Counts of many draws lie where the binomial distribution has them, four standard deviations around.
function tests.draws()
  local n, draws = 10, 50000
  local function check_counts(counts, p)
    for i = 1, #p do
      local spread = 4 * math.sqrt(draws * p[i] * (1 - p[i]))
      tester:assert(math.abs(counts[i] - draws * p[i]) <= spread, ("sample %d: %d"):format(i, counts[i]))
    end
  end
  local uniform = data.RandomSampler(n, { replacement = true, numSamples = draws })
  local p = {}
  for i = 1, n do p[i] = 1 / n end
  check_counts(counted(uniform:indices(1, 3), n), p)
  local weights = data.WeightedRandomSampler({ 1, 0, 3, 6 }, { numSamples = draws })
  local counts = counted(weights:indices(1, 3), 4)
  check_counts(counts, { 0.1, 0, 0.3, 0.6 })
  tester:eq(counts[2], 0)
  tester:eq(weights:indices(2, 3), data.WeightedRandomSampler(torch.Tensor { 1, 0, 3, 6 },
    { numSamples = draws }):indices(2, 3))
  local none_twice = data.WeightedRandomSampler(torch.ones(20), { replacement = false })
  tester:assert(all_equal(counted(none_twice:indices(1, 1), 20), 1))
end

function tests.distributed()
  for _, drop in ipairs { false, true } do
    for _, shuffle in ipairs { false, true } do
      local counts, n, sizes = {}, 11, {}
      for rank = 1, 4 do
        local sampler = data.DistributedSampler(n, { worldSize = 4, rank = rank, shuffle = shuffle,
          dropLast = drop })
        local indices = sampler:indices(2, 7):totable()
        sizes[rank] = #indices
        tester:eq(sampler:size(), #indices)
        for _, i in ipairs(indices) do counts[i] = (counts[i] or 0) + 1 end
      end
      tester:eq(sizes, drop and { 2, 2, 2, 2 } or { 3, 3, 3, 3 })
      local once, twice = 0, 0
      for i = 1, n do
        if counts[i] == 1 then once = once + 1 elseif counts[i] == 2 then twice = twice + 1 end
      end
      tester:eq({ once, twice }, drop and { 8, 0 } or { 10, 1 })
    end
  end
  local small = data.DistributedSampler(2, { worldSize = 5, rank = 5, shuffle = false })
  tester:eq(small:indices():totable(), { 1 })
end

function tests.batch_samplers()
  local batches = {}
  local sampler = data.BatchSampler(data.SequentialSampler(5), 2)
  for batch in sampler:batches(1, 1) do batches[#batches + 1] = batch end
  tester:eq({ batches, sampler:size() }, { { { 1, 2 }, { 3, 4 }, { 5 } }, 3 })
  tester:eq(data.BatchSampler(data.SequentialSampler(5), 2, true):size(), 2)
  tester:eq(data.BatchSampler({ indices = function() return { 3 } end }, 2):size(), nil)
end

function tests.buckets()
  local lengths, n = {}, 1000
  for i = 1, n do lengths[i] = i * 7919 % 101 end
  for _, options in ipairs { { bucket = 10 }, { bucket = 10, dropLast = true }, { shuffle = false } } do
    local sampler = data.BucketSampler(lengths, 16, options)
    local seen, count, waste = {}, 0, 0
    for batch in sampler:batches(1, 5) do
      count = count + 1
      local least, most = math.huge, 0
      for _, i in ipairs(batch) do
        seen[i] = (seen[i] or 0) + 1
        least, most = math.min(least, lengths[i]), math.max(most, lengths[i])
      end
      waste = waste + (most - least)
    end
    tester:eq(count, sampler:size())
    local times = 0
    for i = 1, n do
      times = times + (seen[i] or 0)
      tester:assert((seen[i] or 0) <= 1)
    end
    tester:eq(times, options.dropLast and 992 or 1000)
    tester:assert(waste / count < 15, ("lengths differ by %g"):format(waste / count))
  end
  local a, b = data.BucketSampler(lengths, 16), data.BucketSampler(torch.LongTensor(lengths), 16)
  tester:eq(a:batches(3, 4)(), b:batches(3, 4)())
  tester:ne(a:batches(3, 4)(), b:batches(4, 4)())
end

function tests.sampler_faults()
  fails(function() data.RandomSampler(5, { replace = true }) end,
    "data.RandomSampler: there is no option 'replace'; there are numSamples, replacement, seed")
  fails(function() data.RandomSampler("x") end, "a string, wanted a data set or a number of samples")
  fails(function() data.RandomSampler(0, { numSamples = 2 }) end, "2 samples of none")
  fails(function() data.SequentialSampler(-1) end, "the number of samples is %-1")
  fails(function() data.WeightedRandomSampler { 1, -1, 5 } end, "the weights are from %-1")
  fails(function() data.WeightedRandomSampler { 0, 0 } end, "a positive sum")
  fails(function() data.WeightedRandomSampler { 0 / 0 } end, "a positive sum")
  fails(function() data.WeightedRandomSampler {} end, "empty")
  fails(function() data.WeightedRandomSampler({ 1, 0, 2 }, { replacement = false }) end,
    "3 samples without replacement, only 2 weights are positive")
  fails(function() data.DistributedSampler(5, { worldSize = 2, rank = 0 }) end, "rank is 0, .* from 1 to 2")
  fails(function() data.DistributedSampler(5, { rank = 1 }) end, "worldSize is nil")
  fails(function() data.BatchSampler({}, 2) end, "wanted a sampler")
  fails(function() data.BatchSampler(data.SequentialSampler(5), 0) end, "the batch size is 0")
  fails(function() data.BucketSampler({ "a" }, 2) end, "length 1 is a string")
end

-- Data drawn from a seed are not sorted by a split of the same seed.
function tests.split_of_data_from_the_same_seed()
  for columns = 1, 2 do
    torch.manualSeed(1)
    local x = torch.rand(1000, columns)
    local half = data.Dataset(x):split({ 500, 500 }, { seed = 1 })
    for c = 1, columns do
      local sum = 0
      for i = 1, 500 do sum = sum + half[i][c] end
      tester:assert(math.abs(sum / 500 - 0.5) < 0.06, ("mean %g"):format(sum / 500))
    end
  end
end

tester:add(tests):run()
