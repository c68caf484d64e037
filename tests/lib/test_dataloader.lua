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
    .. "batchSampler, batchSize, collate, device, devicePrefetch, dropLast, init, pinMemory, prefetch, "
    .. "sampler, seed, shuffle, workers")
  fails(function() data.DataLoader(numbers(3), 3) end, "the options are a number")
  fails(function() data.DataLoader(7) end, "the data set is a number, wanted a data set")
  fails(function() data.DataLoader(numbers(3), { batchSize = 0 }) end, "batchSize is 0")
  fails(function() data.DataLoader(numbers(3), { workers = -1 }) end, "workers is %-1")
  fails(function() data.DataLoader(numbers(3), { devicePrefetch = 0 }) end, "devicePrefetch is 0")
  fails(function() data.DataLoader(numbers(3), { pinMemory = 1 }) end, "pinMemory is 1")
  fails(function() data.DataLoader(numbers(3), { device = 1 }) end, "the device is a number, wanted 'cpu'")
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

-- The host is where batches are anyway.
function tests.on_the_host()
  local loader = data.DataLoader(numbers(5), { batchSize = 2, device = "cpu" })
  tester:eq(epoch_of(loader), { { 1, 2 }, { 3, 4 }, { 5 } })
  for batch in loader:batches "cpu" do tester:eq(batch.device, "cpu") end
end

-- ---- workers ---------------------------------------------------------------------------------------------

local WORKERS = { 0, 1, 2, 3 }

-- AddressSanitizer keeps freed memory in quarantine on purpose.
local sanitized = io.open("/proc/self/maps"):read("a"):find("libasan", 1, true) ~= nil

-- Fields of /proc/self/status, and how many files are open.
-- `wanted`: a thread that was joined may be seen a moment longer.
local function of_process(field, wanted)
  if field == "files" then return #require("paths").dir("/proc/self/fd") end
  local value
  for _ = 1, 100 do
    local file <close> = io.open("/proc/self/status")
    value = tonumber(file:read("a"):match("\n" .. field .. ":%s*(%d+)"))
    if not wanted or value <= wanted then break end
    os.execute("sleep 0.01")
  end
  return value
end

function tests.same_batches()
  local image = require "image"
  local change = image.transforms.RandomAffine(20, { translate = { 0.2, 0.2 } })
  local pictures = torch.range(0, 13 * 64 - 1):view(13, 1, 8, 8):div(900)
  local png = {}
  for i = 1, 13 do png[i] = image.compressPNG(pictures[i]) end
  local function add(x) return x:add(math.random()) end
  local sets = { noisy(11), noisy(11):shuffle(3):concat(noisy(2)):map(add, 1),
    data.TensorDataset { torch.range(1, 13), torch.range(1, 13):long() },
    data.Dataset { size = 13, get = function(i)
      return { change(image.decompressPNG(png[i], nil, "byte")), i }
    end } }
  for k, set in ipairs(sets) do
    local expected
    for _, workers in ipairs(WORKERS) do
      local options = { batchSize = 3, shuffle = true, seed = 5, workers = workers }
      local loader <close> = data.DataLoader(set, options)
      local got = { flat_epoch(loader), flat_epoch(loader), flat_epoch(loader) }
      expected = expected or got
      tester:eq(got, expected, ("set %d, %d workers"):format(k, workers))
    end
    tester:ne(expected[1], expected[2])
  end
end

-- A transform brings along what its package needs.
function tests.transforms_alone()
  local image = require "image"
  local T, x = image.transforms, torch.rand(3, 8, 8)
  for _, transform in ipairs {
    T.RandomAffine(9, { scale = { 1, 2 } }), T.RandomResizedCrop(4), T.GaussianBlur(3), T.RandomRotation(9),
    T.ColorJitter { brightness = 0.5, hue = 0.1 }, T.RandomErasing(), T.RandomGrayscale(0.5),
    T.Compose { T.RandomCrop(4, { padding = 1 }), T.RandomHorizontalFlip(), T.Normalize(0.5, 2) },
  } do
    local set, results = data.Dataset { size = 2, get = function() return transform(x) end }, {}
    for workers = 0, 1 do
      local loader <close> = data.DataLoader(set, { batchSize = 2, seed = 1, workers = workers })
      results[workers + 1] = epoch_of(loader)
    end
    tester:eq(results[2], results[1])
  end
end

function tests.workers_share_tensors()
  local x = torch.zeros(4)
  local set = data.Dataset { size = 4, get = function(i)
    x[i] = i
    return __threadid -- luacheck: ignore
  end }
  local loader <close> = data.DataLoader(set, { workers = 2 })
  for batch in loader:batches() do tester:assert(batch[1] == 1 or batch[1] == 2) end
  tester:eq(x:totable(), { 1, 2, 3, 4 })
end

-- Whoever is slow, batches come in order, and a slow worker does not stop the others.
function tests.in_order()
  local set = data.Dataset { size = 12, get = function(i)
    local t = torch.tic()
    while i % 4 == 1 and torch.toc(t) < 0.01 do end -- luacheck: ignore
    return i
  end }
  for prefetch = 1, 3 do
    local loader <close> = data.DataLoader(set, { workers = 3, prefetch = prefetch })
    local list = {}
    for batch, i in loader:batches() do list[i] = batch[1] end
    tester:eq(list, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
  end
end

function tests.asked_ahead()
  local threads = require "threads"
  for prefetch = 1, 4 do
    local count = threads.AtomicCounter(0)
    local set = data.Dataset { size = 100, get = function(i) count:inc() return i end }
    local loader <close> = data.DataLoader(set, { workers = 2, prefetch = prefetch })
    local give, start = loader:batches(), torch.tic()
    give()
    local wanted = 2 * prefetch + 1
    while count:get() < wanted and torch.toc(start) < 5 do end -- luacheck: ignore
    start = torch.tic()
    while torch.toc(start) < 0.01 do end -- luacheck: ignore
    tester:eq(count:get(), wanted)
  end
end

function tests.resume_with_workers()
  local reference = {}
  local plain = resumable(2)
  for e = 1, 3 do reference[e] = flat_epoch(plain) end
  for stop = 1, 4 do
    local first <close> = data.DataLoader(noisy(11), { batchSize = 3, shuffle = true, seed = 2, workers = 2 })
    flat_epoch(first)
    local state
    for _, i in first:batches() do
      state = first:state()
      if i == stop then break end
    end
    local second <close> = data.DataLoader(noisy(11), { batchSize = 3, shuffle = true, workers = 3 })
    tester:eq(flat_epoch(second:load(state)), table.move(reference[2], 4 * stop + 1, #reference[2], 1, {}))
    tester:eq(flat_epoch(second), reference[3])
    tester:eq(flat_epoch(first), reference[3])
  end
end

function tests.init_of_workers()
  local seen = torch.zeros(3)
  local function init(id)
    seen[id] = seen[id] + 1
    rawset(_G, "test_offset", 100)
  end
  local set = numbers(4):map(function(i) return i + _G.test_offset end)
  local loader <close> = data.DataLoader(set, { batchSize = 4, workers = 3, init = init })
  local expected = { { 101, 102, 103, 104 } }
  tester:eq({ epoch_of(loader), epoch_of(loader) }, { expected, expected })
  tester:eq(seen:totable(), { 1, 1, 1 })
  local function fail(id) if id == 2 then error("no disk") end end
  local bad = data.DataLoader(set, { workers = 2, init = fail })
  fails(function() bad:batches() end, "data.DataLoader: worker 2: init: .*no disk")
  tester:eq(bad:state().epoch, 1)
end

function tests.failing_workers()
  local flag = torch.ByteTensor { 1 }
  local set = numbers(20):map(function(i)
    if i == 7 and flag[1] == 1 then error("cannot read it") end
    return i
  end)
  local loader <close> = data.DataLoader(set, { batchSize = 2, workers = 2 })
  for _ = 1, 3 do
    local got = {}
    fails(function()
      for batch in loader:batches() do got[#got + 1] = batch:totable() end
    end, "test_dataloader.lua:%d+: data.DataLoader: worker [12]: sample 7: .*test_dataloader.lua:%d+: cannot "
      .. "read it\nstack traceback:.*test_dataloader.lua")
    tester:eq(got, { { 1, 2 }, { 3, 4 }, { 5, 6 } })
  end
  flag[1] = 0
  tester:eq({ #epoch_of(loader), loader:state().epoch }, { 10, 5 })
  local code = load("return function(i) return no_such_thing(i) end")()
  fails(function() epoch_of(data.DataLoader(numbers(2):map(code), { workers = 1 })) end,
    "sample 1: .*'no_such_thing'.*\na worker has none of the script's global variables")
  local file <close> = io.open("/dev/null")
  local held = data.DataLoader(numbers(2):map(function() return file end), { workers = 1 })
  fails(function() held:batches() end, "a file cannot go to another thread")
  local given = data.DataLoader(numbers(2):map(function() return io.tmpfile() end), { workers = 1 })
  fails(function() epoch_of(given) end, "data.DataLoader: worker 1: .*cannot go to another thread")
end

function tests.files_that_fail()
  local image, paths = require "image", require "paths"
  local folder = paths.tmpname()
  os.remove(folder)
  paths.mkdir(folder)
  local names = {}
  for i = 1, 6 do
    names[i] = ("%s/%d.png"):format(folder, i)
    image.save(names[i], torch.zeros(1, 4, 4))
  end
  local function spoil(name, n)
    local file = assert(io.open(name, "rb"))
    local bytes = file:read("a")
    file:close()
    file = assert(io.open(name, "wb"))
    file:write(bytes:sub(1, n))
    file:close()
  end
  local set = data.Dataset(names):map(function(name) return require("image").load(name) end)
  local loader <close> = data.DataLoader(set, { batchSize = 2, workers = 2 })
  tester:eq(#epoch_of(loader), 3)
  os.remove(names[3])
  fails(function() epoch_of(loader) end, "sample 3: .*3%.png: No such file")
  image.save(names[3], torch.zeros(1, 4, 4))
  spoil(names[6], 40)
  fails(function() epoch_of(loader) end, "sample 6: .*6%.png")
  image.save(names[6], torch.zeros(1, 4, 4))
  tester:eq(#epoch_of(loader), 3)
  paths.rmall(folder, "yes")
end

function tests.left_early()
  local loader = data.DataLoader(noisy(40), { batchSize = 2, workers = 2, seed = 1, shuffle = true })
  local reference = data.DataLoader(noisy(40), { batchSize = 2, seed = 1, shuffle = true })
  for e = 1, 6 do
    for _, i in loader:batches() do
      if i == e then break end
    end
    local function stop()
      for _ in loader:batches() do error("stop") end -- luacheck: ignore
    end
    if e == 3 then fails(stop, "stop") end
  end
  tester:eq(flat_epoch(loader), flat_epoch(reference:setEpoch(8)))
  local give = loader:batches()
  give()
  loader:close()
  fails(give, "this epoch ended when another one began, or the loader was closed")
  tester:eq(flat_epoch(loader), flat_epoch(reference:setEpoch(10)))
  loader:close()
end

-- No thread, no file and no memory is left behind, whichever way loaders end.
function tests.nothing_is_left()
  torch.rand(1 << 21):exp():sum() -- the threads of operators are there from now on
  collectgarbage()
  local threads_before, files_before = of_process("Threads"), of_process("files")
  local function read(loader)
    local count = 0
    for batch in loader:batches() do count = count + batch[1]:nElement() end
    return count
  end
  do
    local set = data.Dataset { size = 16, get = function() return { torch.randn(10000), 1 } end }
    local loader <close> = data.DataLoader(set, { batchSize = 4, workers = 2 })
    for _ = 1, 30 do read(loader) end
    tester:eq(of_process("Threads"), threads_before + 2)
    local memory = of_process("VmRSS")
    for e = 1, 150 do
      if e % 3 == 0 then
        for _ in loader:batches() do break end -- luacheck: ignore
      else
        tester:eq(read(loader), 160000)
      end
    end
    local growth = of_process("VmRSS") - memory
    tester:assert(sanitized or growth < 40000, ("%d KB more"):format(growth))
  end
  tester:eq(of_process("Threads", threads_before), threads_before)
  for _ = 1, 3 do
    read(data.DataLoader(noisy(4), { workers = 2 }))
    pcall(read, data.DataLoader(noisy(4):map(error), { workers = 2 }))
    for _ in data.DataLoader(noisy(4), { workers = 2 }):batches() do break end -- luacheck: ignore
  end
  collectgarbage()
  collectgarbage()
  tester:eq(of_process("Threads", threads_before), threads_before)
  tester:eq(of_process("files"), files_before)
end

function tests.padded_by_workers()
  local set = data.Dataset { size = 6, get = function(i) return { torch.ones(i), i } end }
  local options = { collate = data.pad { value = -1, mask = true },
    batchSampler = data.BucketSampler({ 1, 2, 3, 4, 5, 6 }, 2, { shuffle = false }), workers = 2 }
  local lengths = {}
  local loader <close> = data.DataLoader(set, options)
  for batch in loader:batches() do
    lengths[#lengths + 1] = batch.lengths[1]:totable()
    tester:eq(batch.mask[1]:long():sum(), batch.lengths[1]:sum())
  end
  tester:eq(lengths, { { 1, 2 }, { 3, 4 }, { 5, 6 } })
end

-- ---- streams ---------------------------------------------------------------------------------------------

local function counting(n)
  return data.Stream(function()
    local i = 0
    return function()
      i = i + 1
      if i <= n then return i end
    end
  end)
end

function tests.streams()
  local function list_of(stream, epoch)
    local list = {}
    for sample in stream:iterate(epoch) do list[#list + 1] = sample end
    return list
  end
  tester:eq(list_of(counting(3)), { 1, 2, 3 })
  local stream = counting(9):filter(function(i) return i % 2 == 1 end):map(function(i) return i * 10 end)
  tester:eq(list_of(stream), { 10, 30, 50, 70, 90 })
  tester:eq(list_of(stream:take(2)), { 10, 30 })
  tester:eq(list_of(stream:map(tostring):filter(function(s) return s > "5" end)), { "50", "70", "90" })
  local mixed = list_of(counting(20):shuffle(8))
  tester:assert(mixed[1] <= 8)
  table.sort(mixed)
  tester:eq(mixed, list_of(counting(20)))
  local own = { iterate = function(_, epoch) return ("abc"):rep(epoch):gmatch("%a") end }
  tester:eq(epoch_of(data.DataLoader(own, { batchSize = 2 })), { { "a", "b" }, { "c" } })
  tester:eq(#list_of(data.Stream(own), 2), 6)
  tester:eq(epoch_of(data.DataLoader(function() return ("ab"):gmatch("%a") end)), { { "a" }, { "b" } })
end

function tests.streams_in_batches()
  local stream = counting(11):shuffle(4):map(function(i)
    return { torch.randn(2), math.random(), torch.randperm(3), i }
  end)
  local expected
  for _, workers in ipairs(WORKERS) do
    local loader <close> = data.DataLoader(stream, { batchSize = 2, seed = 3, workers = workers })
    tester:eq(loader:size(), nil)
    local got = { flat_epoch(loader), flat_epoch(loader) }
    expected = expected or got
    tester:eq(got, expected)
    for stop = 1, 6 do
      local state
      for _, i in loader:setEpoch(2):batches() do
        state = loader:state()
        if i == stop then break end
      end
      local again <close> = data.DataLoader(stream, { batchSize = 2, workers = workers })
      tester:eq(flat_epoch(again:load(state)), table.move(expected[2], 4 * stop + 1, #expected[2], 1, {}))
    end
  end
  tester:ne(expected[1], expected[2])
  tester:eq({ #expected[1], #expected[2] }, { 24, 24 })
  tester:eq(#epoch_of(data.DataLoader(counting(5), { batchSize = 2, dropLast = true })), 2)
end

function tests.stream_faults()
  fails(function() data.Stream(3) end, "data.Stream: a number, wanted a function or an object with iterate")
  fails(function() data.DataLoader(counting(3), { shuffle = true }) end,
    "there is no 'shuffle'; stream:shuffle")
  fails(function() epoch_of(data.DataLoader(function() return 3 end)) end, "the source gave a number")
  fails(function() counting(3):map(1) end, "the argument is a number")
  fails(function() counting(3):shuffle(0) end, "the number is 0")
  local bad = counting(5):map(function(i) if i == 4 then error("broken") end return i end)
  for workers = 0, 2 do
    fails(function() epoch_of(data.DataLoader(bad, { batchSize = 2, workers = workers })) end,
      "sample 4: .*broken")
  end
  fails(function() epoch_of(data.DataLoader(counting(3):map(function() end))) end, "nothing for sample 1")
end

tester:add(tests):run()
