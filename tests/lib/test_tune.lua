-- test_tune: what searches try, what they keep, here and on threads, and going on from a file.
local torch = require "torch"
local paths = require "paths"
local tune = require "tune"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, part in ipairs { ... } do
    tester:assert(tostring(message):find(part, 1, true) ~= nil,
      ("%q is not in %q"):format(part, tostring(message)))
  end
end

local function file_name()
  local name = paths.tmpname()
  os.remove(name)
  return name
end

local quiet = { progress = false }

-- ---- what is tried ---------------------------------------------------------------------------------------

function tests.Grid()
  local configs = tune.grid { a = { 1, 2 }, b = { "x", "y" }, c = 3, d = { e = { true, false } } }
  local seen = {}
  for i, c in ipairs(configs) do seen[i] = ("%s%s%s%s"):format(c.a, c.b, c.c, c.d.e) end
  tester:eq(seen, { "1x3true", "1x3false", "1y3true", "1y3false", "2x3true", "2x3false", "2y3true",
    "2y3false" })
  tester:eq(#tune.grid { a = 1 }, 1)
  tester:eq(tune.grid({ sizes = { { 1, 2 }, { 3 } } })[2].sizes, { 3 }, "lists as values")
end

function tests.Random()
  local space = { lr = tune.logUniform(1e-4, 1e-1), n = tune.integer(3, 5), u = tune.uniform(-1, 1),
    net = { act = tune.choice { "relu", "tanh" }, bias = true } }
  local state = torch.getRNGState()
  local configs = tune.random(space, 300, { seed = 4 })
  tester:eq(torch.equal(state, torch.getRNGState()), true, "the caller's generator does not move")
  local counts, small = { relu = 0, tanh = 0, [3] = 0, [4] = 0, [5] = 0 }, 0
  for _, c in ipairs(configs) do
    tester:assert(c.lr >= 1e-4 and c.lr <= 1e-1 and c.u >= -1 and c.u < 1 and c.net.bias)
    tester:eq(math.type(c.n), "integer")
    counts[c.n], counts[c.net.act] = counts[c.n] + 1, counts[c.net.act] + 1
    if c.lr < 1e-3 then small = small + 1 end
  end
  for what, n in pairs(counts) do tester:assert(n > 60, tostring(what) .. " came " .. n .. " times") end
  tester:assert(small > 70 and small < 130, "a third of the rates in each power of ten")
  tester:eq(tune.random(space, 10, { seed = 4 })[10], configs[10], "the first ones of a longer list")
  tester:ne(tune.random(space, 10, { seed = 5 })[10].lr, configs[10].lr)
end

-- ---- trials ----------------------------------------------------------------------------------------------

local function bowl(c) return (c.x - 2) ^ 2 end

function tests.Run()
  local results = tune.run(bowl, tune.grid { x = { 1, 2, 4 } }, quiet)
  tester:eq(results:best().number, 2)
  tester:eq({ results:sorted()[3].score, results:sorted()[3].config.x }, { 4.0, 4 })
  tester:eq(tune.run(bowl, tune.grid { x = { 1, 2, 4 } }, { mode = "max",
    progress = false }):best().config.x, 4)
  tester:eq(select(2, tostring(results):gsub("\n", "")), 3, "a line each")
  tester:eq(select(2, results:table(1):gsub("\n", "")), 1)
end

function tests.Failures()
  local results = tune.run(function(c)
    if c.x == 1 then error "too small" end
    if c.x == 2 then return "two" end
    if c.x == 3 then return 0 / 0 end
    return c.x
  end, tune.grid { x = { 1, 2, 3, 4, 5 } }, quiet)
  tester:eq(results:best().config.x, 4)
  tester:assert(results.trials[1].error:find("too small", 1, true) ~= nil)
  tester:assert(results.trials[1].error:find("traceback", 1, true) ~= nil)
  tester:eq(results.trials[2].error, "the function gave string, wanted a number")
  tester:assert(results:table():find("failed", 1, true) ~= nil)
  tester:eq(tune.run(error, tune.grid { x = { 1 } }, quiet):best(), nil)
end

function tests.Reports()
  local results = tune.run(function(_, _, report)
    for i = 1, 3 do report(torch.Tensor { 1 / i }, i) end
  end, { {} }, quiet)
  tester:eq(results:best().score, 1 / 3, 1e-6)
  tester:eq({ #results:best().reports, results:best().reports[2].at }, { 3, 2 })
  results = tune.run(function(_, _, report) report "x" end, { {} }, quiet)
  tester:assert(results.trials[1].error:find("report: a number expected, got string", 1, true) ~= nil)
end

function tests.RandomNumbers()
  local function f(c) return c.x * 0 + torch.uniform() + math.random() end
  local function scores(options)
    options.progress = false
    local list = {}
    for _, t in ipairs(tune.run(f, tune.grid { x = { 1, 2, 3 } },
      options).trials) do list[t.number] = t.score end
    return list
  end
  torch.manualSeed(1)
  local first, after = scores {}, torch.uniform()
  tester:eq(scores {}, first, "the same each time")
  tester:eq(scores { workers = 2 }, first, "the same on threads")
  tester:ne(scores({ seed = 1 })[1], first[1])
  torch.manualSeed(1)
  tester:eq(after, torch.uniform(), "the caller's generator goes on")
end

function tests.Workers()
  local shift = torch.Tensor { 3 }
  local results = tune.run(function(c)
    local nn = require "nn"
    local net = nn.Linear(1, 1)
    net.weight:fill(c.x)
    net.bias:zero()
    if c.x == 5 then error "five" end
    return (net:forward(torch.ones(1))[1] - shift[1]) ^ 2
  end, tune.grid { x = { 1, 2, 3, 4, 5 } }, { workers = 3, progress = false })
  tester:eq(#results.trials, 5)
  tester:eq(results:best().config.x, 3)
  local failed = 0
  for _, t in ipairs(results.trials) do
    if t.error then
      failed = failed + 1
      tester:assert(t.error:find("five", 1, true) ~= nil)
    end
  end
  tester:eq(failed, 1)
end

-- ---- going on --------------------------------------------------------------------------------------------

function tests.File()
  local file, calls = file_name(), {}
  local function f(c)
    calls[#calls + 1] = c.x
    if c.x == 2 and #calls < 3 then error "now" end
    return c.x
  end
  local options = { file = file, progress = false }
  tune.run(f, tune.grid { x = { 1, 2 } }, options)
  tester:eq(calls, { 1, 2 })
  local results = tune.run(f, tune.grid { x = { 1, 2, 3 } }, options)
  tester:eq(calls, { 1, 2, 3 }, "what is finished is not made again")
  tester:eq(#results.trials, 3)
  results = tune.run(f, tune.grid { x = { 1, 2, 3 } }, { file = file, progress = false, retry = true })
  tester:eq(calls, { 1, 2, 3, 2 }, "what failed is, when wanted")
  tester:eq({ #results.trials, results.trials[3].score }, { 3, 2 })
  tester:eq(tune.load(file):best().score, 1)
  fails(function() tune.run(f, tune.grid { x = { 7, 2 } }, options) end, "trial 1 with x = 1", "x = 7",
    "of another search")
  fails(function() tune.run(f, tune.grid { x = { 1 } }, { file = file, mode = "max" }) end, "mode 'min'")
  torch.save(file, { 1 })
  fails(function() tune.run(f, tune.grid { x = { 1 } }, options) end, "is not what a search writes")
  os.remove(file)
end

function tests.NumbersInFiles()
  local file, calls = file_name(), 0
  local function f(c, budget)
    calls = calls + 1
    return c.x % 7 + budget
  end
  local configs = tune.grid { x = { 1 << 60, 2.0, 3 } }
  local options = { most = 4.5, least = 0.5, file = file, progress = false }
  local first = tune.halving(f, configs, options)
  local made = calls
  local again = tune.halving(f, configs, options)
  tester:eq(calls, made, "budgets that are floats are found again")
  tester:eq(again:best(), first:best())
  tester:eq(math.type(tune.load(file).trials[1].config.x), "integer")
  os.remove(file)
end

function tests.Interrupted()
  -- a search that ends in the middle has written what it had
  local file, calls = file_name(), 0
  local function configs() return tune.random({ x = tune.uniform(0, 9) }, 9, { seed = 2 }) end
  local function f(c, budget)
    calls = calls + 1
    return bowl(c) + 1 / budget
  end
  local whole = tune.halving(f, configs(), { most = 9, progress = false })
  local made = calls
  for stop = 1, made - 1, 3 do
    os.remove(file)
    calls = 0
    local results = getmetatable(tune.Results("min"))
    local add = results._add
    results._add = function(...)
      if calls > stop then error "the end" end
      add(...)
    end
    pcall(tune.halving, f, configs(), { most = 9, file = file, progress = false })
    results._add = add
    calls = 0
    local again = tune.halving(f, configs(), { most = 9, file = file, progress = false })
    tester:eq(calls, made - stop, "the rest")
    tester:eq(again:best().score, whole:best().score)
    tester:eq(#again.trials, #whole.trials)
  end
  os.remove(file)
end

-- ---- halving ---------------------------------------------------------------------------------------------

function tests.Halving()
  local seen = {}
  local function f(c, budget, _, number)
    seen[budget] = (seen[budget] or 0) + 1
    tester:eq(number, c.x, "the number stays")
    return (c.x - 20) ^ 2 + 5 / budget
  end
  local xs = {}
  for i = 1, 27 do xs[i] = i end
  local results = tune.halving(f, tune.grid { x = xs }, { most = 27, progress = false })
  tester:eq(seen, { [1] = 27, [3] = 9, [9] = 3, [27] = 1 })
  tester:eq({ results:best().config.x, results:best().budget }, { 20, 27 })
  seen = {}
  tune.halving(f, tune.grid { x = xs }, { most = 1.5, least = 0.5, factor = 3, mode = "max",
    progress = false })
  tester:eq(seen, { [0.5] = 27, [1.5] = 9 }, "budgets that are not whole")
  seen = {}
  tune.halving(f, tune.grid { x = { 1, 2 } }, { most = 8, factor = 2, progress = false })
  tester:eq(seen, { [1] = 2, [2] = 1, [4] = 1, [8] = 1 })
end

function tests.HalvingFailures()
  local results = tune.halving(function(c, budget)
    if c.x > 3 then error "too large" end
    return -c.x * budget
  end, tune.grid { x = { 9, 8, 7, 1, 2, 3 } }, { most = 4, factor = 2, progress = false })
  tester:eq(results:best().config.x, 3)
  local large = 0
  for _, t in ipairs(results.trials) do large = large + (t.error and 1 or 0) end
  tester:eq(large, 3, "what failed is not tried again")
  results = tune.halving(error, tune.grid { x = { 1, 2, 3 } }, { most = 3, progress = false })
  tester:eq(results:best(), nil)
end

-- Trainings that go on from the smaller budget, in a folder for each configuration.
function tests.HalvingWithTrainer()
  local dir = file_name()
  paths.mkdir(dir)
  local x = torch.rand(16, 2)
  local y = x:sum(2)
  local function f(c, epochs, report, number)
    local nn, train = require "nn", require "train"
    local model = nn.Linear(2, 1)
    for _, p in ipairs(model:parameters()) do p:zero() end
    local trainer = train.Trainer {
      model = model, loss = nn.MSECriterion(), optimizer = { "SGD", lr = c.lr }, progress = false,
      dir = ("%s/%d"):format(dir, number),
      callbacks = { { epochEnd = function(t, values) report(values.loss, t.epoch) end } },
    }
    trainer:fit({ { x, y } }, { epochs = epochs, resume = true })
  end
  local configs = tune.grid { lr = { 1e-4, 0.3, 1e-5 } }
  local results = tune.halving(f, configs, { most = 9, least = 3, workers = 2, progress = false })
  tester:eq({ results:best().config.lr, results:best().budget }, { 0.3, 9 })
  local reports = results:best().reports
  tester:eq({ #reports, reports[1].at }, { 6, 4 }, "epochs 4 to 9 come after the first three")
  paths.rmall(dir, "yes")
end

function tests.Hyperband()
  local function f(c, budget) return (c.x - 4) ^ 2 + 1 / budget end
  local results = tune.hyperband(f, { x = tune.uniform(0, 9) }, { most = 27, progress = false, workers = 2 })
  local counts = {}
  for _, t in ipairs(results.trials) do counts[t.budget] = (counts[t.budget] or 0) + 1 end
  tester:eq(counts, { [1] = 27, [3] = 9 + 12, [9] = 3 + 4 + 6, [27] = 1 + 1 + 2 + 4 })
  tester:assert(math.abs(results:best().config.x - 4) < 1)
end

function tests.BadInput()
  local grid = tune.grid { x = { 1 } }
  fails(function() tune.grid() end, "got nil")
  fails(function() tune.grid {} end, "an empty table")
  fails(function() tune.grid { 1, 2 } end, "a list")
  fails(function() tune.grid { x = {} } end, "tune.grid.x: an empty list")
  fails(function() tune.grid { x = tune.uniform(0, 1) } end, "tune.grid.x: a distribution")
  fails(function() tune.random({ x = { 1, 2 } }, 3) end, "tune.random.x: a list")
  fails(function() tune.random({ x = 1 }) end, "the number of configurations is missing")
  fails(function() tune.random({ x = 1 }, 0) end, "the number of configurations is 0")
  fails(function() tune.random({ x = 1 }, 2, { sed = 3 }) end, "there is no option 'sed'")
  fails(function() tune.uniform(1) end, "the upper bound is nil, wanted a number")
  fails(function() tune.uniform(2, 1) end, "wrong way round")
  fails(function() tune.logUniform(0, 1) end, "the lower bound is 0")
  fails(function() tune.integer(0.5, 3) end, "are not whole")
  fails(function() tune.choice {} end, "an empty table")
  fails(function() tune.choice(3) end, "a list of values expected, got number")
  fails(function() tune.Distribution(3) end, "a function expected")
  fails(function() tune.run(3, grid) end, "a function of a configuration expected, got number")
  fails(function() tune.run(bowl) end, "a list of configurations expected", "got nil")
  fails(function() tune.run(bowl, {}) end, "an empty table")
  fails(function() tune.run(bowl, { 3 }) end, "configuration 1 is a number")
  fails(function() tune.run(bowl, grid, { worker = 2 }) end, "there is no option 'worker'", "workers")
  fails(function() tune.run(bowl, grid, { workers = -1 }) end, "workers is -1")
  fails(function() tune.run(bowl, grid, { mode = "up" }) end, "mode is 'up'")
  fails(function() tune.halving(bowl, grid) end, "'most', the largest budget, is missing")
  fails(function() tune.halving(bowl, grid, { most = 1, least = 2 }) end, "least is 2 and most is 1")
  fails(function() tune.halving(bowl, grid, { most = 4, factor = 1 }) end, "factor is 1")
  fails(function() tune.hyperband(bowl, {}, { most = 4 }) end, "an empty table")
end

tester:add(tests):run()
