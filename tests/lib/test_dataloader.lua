-- test_dataloader: batches of a data set, in this thread and from workers.
local torch = require "torch"
local data = require "data"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function numbers(n)
  return data.Dataset { size = n, get = function(i) return i end }
end

local function fails(f, pattern)
  tester:assertErrorPattern(f, pattern)
end

-- The batches of an epoch as lists.
local function epoch_of(loader)
  local list = {}
  for batch in loader:batches() do
    list[#list + 1] = torch.isTensor(batch) and batch:totable() or batch
  end
  return list
end

-- Samples that depend on random numbers of both kinds, and on how many were drawn.
local function noisy(n)
  return data.Dataset { size = n, get = function(i)
    local x = torch.randn(3)
    for _ = 1, torch.random(1, 4) do x:add(torch.uniform()) end
    return { x, math.random(), torch.randperm(5), i }
  end }
end

local function flat_epoch(loader)
  local list = {}
  for batch in loader:batches() do
    for _, field in ipairs(batch) do list[#list + 1] = field:totable() end
  end
  return list
end

-- ---- order -----------------------------------------------------------------------------------------------

function tests.order()
  tester:eq(epoch_of(data.DataLoader(numbers(5), { batchSize = 2 })), { { 1, 2 }, { 3, 4 }, { 5 } })
  local letters = data.DataLoader({ "a", "b", "c" }, { batchSize = 2, dropLast = true })
  tester:eq(epoch_of(letters), { { "a", "b" } })
  tester:eq(epoch_of(data.DataLoader(torch.range(1, 3))), { { 1 }, { 2 }, { 3 } })
  tester:eq(epoch_of(data.DataLoader({})), {})
  local sizes = { #data.DataLoader(numbers(5), { batchSize = 2 }),
    data.DataLoader(numbers(5), { batchSize = 2, dropLast = true }):size(), #data.DataLoader({}) }
  tester:eq(sizes, { 3, 2, 0 })
  local numbers_seen = {}
  for _, i in data.DataLoader(numbers(3)):batches() do numbers_seen[#numbers_seen + 1] = i end
  tester:eq(numbers_seen, { 1, 2, 3 })
end

function tests.shuffled()
  local loader = data.DataLoader(numbers(20), { batchSize = 20, shuffle = true, seed = 3 })
  local first, second = epoch_of(loader)[1], epoch_of(loader)[1]
  tester:ne(first, second)
  table.sort(second)
  tester:eq(second, epoch_of(data.DataLoader(numbers(20), { batchSize = 20 }))[1])
  local again = data.DataLoader(numbers(20), { batchSize = 20, shuffle = true, seed = 3 })
  tester:eq(epoch_of(again)[1], first)
  local sampled = data.DataLoader(numbers(20), { batchSize = 20, sampler = data.RandomSampler(20), seed = 3 })
  tester:eq(epoch_of(sampled)[1], first)
  torch.manualSeed(77)
  local unseeded = epoch_of(data.DataLoader(numbers(20), { batchSize = 20, shuffle = true }))
  torch.manualSeed(77)
  torch.randn(10)
  tester:eq(epoch_of(data.DataLoader(numbers(20), { batchSize = 20, shuffle = true })), unseeded)
end

-- The random numbers of a sample depend on its number, the epoch and the seed alone.
function tests.sample_seeds()
  local function by_sample(options)
    local loader = data.DataLoader(noisy(12), options)
    local epochs = {}
    for e = 1, 2 do
      epochs[e] = {}
      for batch in loader:batches() do
        for k = 1, batch[4]:nElement() do epochs[e][batch[4][k]] = { batch[1][k]:totable(), batch[2][k] } end
      end
    end
    return epochs
  end
  local plain = by_sample { batchSize = 5, seed = 4 }
  tester:eq(by_sample { batchSize = 3, seed = 4, shuffle = true }, plain)
  tester:ne(plain[1], plain[2])
  tester:ne(by_sample({ batchSize = 5, seed = 5 })[1], plain[1])
  local seen = {}
  for i = 1, 12 do seen[plain[1][i][2]] = true end
  local count = 0
  for _ in pairs(seen) do count = count + 1 end
  tester:eq(count, 12)
end

-- A sample that is there twice in an epoch draws other numbers the second time.
function tests.repeated_samples()
  local sampler = { indices = function() return { 2, 2, 2 } end }
  local loader = data.DataLoader(noisy(3), { sampler = sampler, seed = 1 })
  local values = {}
  for batch in loader:batches() do values[#values + 1] = batch[2][1] end
  tester:assert(values[1] ~= values[2] and values[2] ~= values[3] and values[1] ~= values[3])
  sampler = { indices = function() return { 2 } end }
  local once = epoch_of(data.DataLoader(noisy(3), { sampler = sampler, seed = 1 }))
  tester:eq(once[1][2][1], values[1])
end

function tests.own_random_numbers_stay()
  torch.manualSeed(5)
  math.randomseed(5)
  local expected = { torch.uniform(), torch.uniform(), math.random(), math.random() }
  torch.manualSeed(5)
  math.randomseed(5)
  local own = { indices = function() return torch.randperm(6) end }
  local got = { torch.uniform() }
  local loader = data.DataLoader(noisy(6), { batchSize = 4, sampler = own })
  epoch_of(loader)
  got[2] = torch.uniform()
  for _ in loader:batches() do break end -- luacheck: ignore
  got[3] = math.random()
  local bad = data.DataLoader(noisy(6):map(function() torch.uniform() error("no") end))
  tester:assert(not pcall(epoch_of, bad))
  got[4] = math.random()
  tester:eq(got, expected)
end

-- ---- samplers of one's own -------------------------------------------------------------------------------

function tests.own_samplers()
  local asked = {}
  local sampler = {}
  function sampler:indices(epoch, seed)
    asked[#asked + 1] = { epoch, seed, self == sampler }
    local i = 0
    return function()
      i = i + 1
      if i <= 3 then return i * epoch end
    end
  end
  local loader = data.DataLoader(numbers(9), { batchSize = 2, sampler = sampler, seed = 6 })
  tester:eq({ epoch_of(loader), epoch_of(loader) }, { { { 1, 2 }, { 3 } }, { { 2, 4 }, { 6 } } })
  tester:eq(asked, { { 1, 6, true }, { 2, 6, true } })
  tester:eq(loader:size(), nil)
  local batches = { batches = function() return { { 1 }, torch.LongTensor { 2, 3 } } end }
  tester:eq(epoch_of(data.DataLoader(numbers(3), { batchSampler = batches })), { { 1 }, { 2, 3 } })
  local buckets = data.BucketSampler({ 3, 1, 2, 1 }, 2, { shuffle = false })
  tester:eq(epoch_of(data.DataLoader(numbers(4), { batchSampler = buckets })), { { 2, 4 }, { 3, 1 } })
  -- torch's random numbers in a sampler depend on seed and epoch as well
  local random = { indices = function() return torch.randperm(9) end }
  local a = data.DataLoader(numbers(9), { batchSize = 9, sampler = random, seed = 1 })
  local b = data.DataLoader(numbers(9), { batchSize = 9, sampler = random, seed = 1 })
  local first = epoch_of(a)
  tester:eq(epoch_of(b), first)
  tester:ne(epoch_of(a), first)
end

-- ---- state -----------------------------------------------------------------------------------------------

local function resumable(seed)
  return data.DataLoader(noisy(11), { batchSize = 3, shuffle = true, seed = seed })
end

function tests.resume_everywhere()
  local reference, loader = {}, resumable(2)
  for _ = 1, 3 do reference[#reference + 1] = flat_epoch(loader) end
  for stop = 0, 4 do
    local first, state = resumable(2), nil
    flat_epoch(first)
    if stop == 0 then
      state = first:state()
    else
      for _, i in first:batches() do
        state = first:state()
        if i == stop then break end
      end
    end
    tester:eq({ state.epoch, state.batch, state.seed, state.size }, { 2, stop, 2, 4 })
    local second = resumable(99):load(state)
    local rest, places = {}, {}
    for batch, i in second:batches() do
      places[#places + 1] = i
      for _, field in ipairs(batch) do rest[#rest + 1] = field:totable() end
    end
    tester:eq(rest, table.move(reference[2], 4 * stop + 1, #reference[2], 1, {}))
    tester:eq(#places, 4 - stop)
    tester:eq(places[1], stop < 4 and stop + 1 or nil)
    tester:eq(flat_epoch(second), reference[3])
  end
end

function tests.epochs()
  local loader = resumable(2)
  local first = flat_epoch(loader)
  tester:eq(loader:state().epoch, 2)
  for _ in loader:batches() do break end -- luacheck: ignore
  tester:eq(loader:state(), { epoch = 3, batch = 0, seed = 2, size = 4 })
  local third = flat_epoch(loader)
  tester:eq(flat_epoch(loader:setEpoch(1)), first)
  tester:eq(flat_epoch(loader:setEpoch(3)), third)
  loader:setEpoch(1)
  local give = loader:batches()
  give()
  tester:eq(flat_epoch(loader), flat_epoch(resumable(2):setEpoch(2)))
  fails(give, "this epoch ended when another one began")
  local last = loader:batches()
  while last() do end -- luacheck: ignore
  tester:eq(last(), nil)
  loader:close()
end

-- ---- errors ----------------------------------------------------------------------------------------------

function tests.faults()
  fails(function() data.DataLoader(numbers(3), { batchsize = 3 }) end, "no option 'batchsize'; there are "
    .. "batchSampler, batchSize, collate, dropLast, init, prefetch, sampler, seed, shuffle, workers")
  fails(function() data.DataLoader(numbers(3), 3) end, "the options are a number")
  fails(function() data.DataLoader(7) end, "the data set is a number, wanted a data set")
  fails(function() data.DataLoader(numbers(3), { batchSize = 0 }) end, "batchSize is 0")
  fails(function() data.DataLoader(numbers(3), { workers = -1 }) end, "workers is %-1")
  fails(function() data.DataLoader(numbers(3), { collate = 1 }) end, "collate is a number, wanted a function")
  fails(function() data.DataLoader(numbers(3), { seed = "x" }) end, "the seed is x")
  fails(function() data.DataLoader(numbers(3), { sampler = {} }) end, "wanted an object with indices")
  fails(function() data.DataLoader(numbers(3), { batchSampler = {} }) end, "wanted an object with batches")
  local sampler = data.RandomSampler(3)
  fails(function() data.DataLoader(numbers(3), { sampler = sampler, shuffle = true }) end,
    "the options 'sampler' and 'shuffle' exclude each other")
  local in_pairs = data.BatchSampler(sampler, 2)
  fails(function() data.DataLoader(numbers(3), { batchSampler = in_pairs, batchSize = 2 }) end,
    "the options 'batchSampler' and 'batchSize' exclude each other")
  local function with(what)
    return epoch_of(data.DataLoader(numbers(3), { sampler = { indices = function() return what end } }))
  end
  fails(function() with { 4 } end, "the sampler gave 4, the data set has 3 samples")
  fails(function() with { 1.5 } end, "the sampler gave 1.5")
  fails(function() with(5) end, "the sampler gave a number, wanted a LongTensor, a list or a function")
  local batches = { batches = function() return { {} } end }
  fails(function() epoch_of(data.DataLoader(numbers(3), { batchSampler = batches })) end,
    "the sampler gave an empty table as a batch")
  local loader = data.DataLoader(numbers(3))
  fails(function() loader:load(3) end, "loader:load: a number, wanted what loader:state")
  fails(function() loader:load { epoch = 0 } end, "state.epoch is 0")
  fails(function() loader:load { epoch = 1, batch = 0, seed = 1, size = 9 } end,
    "of a loader with 9 batches in an epoch, this one has 3")
  fails(function() loader:setEpoch(0) end, "the epoch is 0")
end

function tests.failing_samples()
  local bad = true
  local set = numbers(6):map(function(i)
    if i == 4 and bad then error("cannot read it") end
    return i
  end)
  local loader, got = data.DataLoader(set, { batchSize = 2 }), {}
  local function read()
    for batch in loader:batches() do got[#got + 1] = batch:totable() end
  end
  fails(read, "test_dataloader.lua:%d+: data.DataLoader: sample 4: .*test_dataloader.lua:%d+: "
    .. "cannot read it\nstack traceback:.*test_dataloader.lua")
  tester:eq({ got, loader:state().epoch }, { { { 1, 2 } }, 2 })
  bad, got = false, {}
  read()
  tester:eq(got, { { 1, 2 }, { 3, 4 }, { 5, 6 } })
  fails(function() epoch_of(data.DataLoader(numbers(2):map(function() end))) end, "nothing for sample 1")
  fails(function() epoch_of(data.DataLoader(numbers(2), { collate = function() end })) end,
    "collate gave nothing")
  local shapes = data.Dataset { size = 2, get = function(i) return torch.ones(i) end }
  fails(function() epoch_of(data.DataLoader(shapes, { batchSize = 2 })) end,
    "sample 2 of the batch: is 2 float32, in the first it is 1 float32; data.pad")
  local padded = epoch_of(data.DataLoader(shapes, { batchSize = 2, collate = data.pad { lengths = false } }))
  tester:eq(padded[1][1]:totable(), { { 1, 0 }, { 1, 1 } })
end

tester:add(tests):run()
