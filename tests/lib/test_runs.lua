-- test_runs: folders that keep what trainings did; tests/vm/run_runs tests them from outside.
local torch = require "torch"
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

local json = require "json"
local runs = require "runs"
local has_events = require("tensorboard._events").there

local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should be refused: " .. pattern)
  tester:assert(tostring(message):find(pattern, 1, true) ~= nil, pattern .. " / " .. tostring(message))
end

if not require("json._codec").there then
  function tests.says_what_to_install()
    refused("libjansson-dev", runs.Run, { dir = "never-made" })
    tester:assert(not paths.dirp("never-made"))
  end
  tester:add(tests)
  tester:run()
  return
end

-- Calls f with a folder that is removed afterwards.
local function with_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  local ok, message = pcall(f, folder)
  if paths.dirp(folder) then paths.rmall(folder, "yes") end
  if not ok then error(message, 0) end
end

local function contents(name)
  local file = io.open(name, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

-- metrics.csv without the times.
local function csv(run)
  return (contents(run.folder .. "/metrics.csv"):gsub("\n(%-?%d+),[%d.]+", "\n%1"))
end

function tests.a_run()
  with_folder(function(dir)
    local run = runs.Run { dir = dir, name = "a", options = { lr = 0.1, sizes = { 1, 2 }, f = print,
      x = torch.zeros(100), nan = 0 / 0, nested = { y = "z" } }, seed = 7, tags = { "try" } }
    tester:eq(tostring(run), "runs.Run of " .. run.folder)
    tester:eq(run.folder, dir .. "/a")
    for step = 1, 3 do run:scalar("loss", 1 / step, step) end
    run:scalars({ ["val loss"] = torch.ones(1), loss = 0.25 }, 4):summary { best = 0.25 }
    tester:eq(json.decode(contents(dir .. "/a/run.json")).status, "running")
    run:close()
    run:close()
    local info = json.decode(contents(dir .. "/a/run.json"))
    tester:eq({ info.name, info.status, info.seed, info.tags[1] }, { "a", "finished", 7, "try" })
    tester:eq(info.options.lr, 0.1)
    tester:eq(info.options.sizes, { 1, 2 })
    tester:eq({ info.options.f, info.options.x, info.options.nan },
      { "<function>", "<" .. torch.Tensor():type() .. " of 100>", "NaN" })
    tester:eq({ info.cresset, info.lua, info.summary.best }, { torch._VERSION, _VERSION, 0.25 })
    tester:eq(contents(dir .. "/a/script.lua"), contents(arg[0]))
    tester:eq(csv(run), "step,time,loss,val loss\n1,1.0,\n2,0.5,\n3,0.3333333333333333,\n4,0.25,1.0\n")
    local back = runs.read(dir .. "/a")
    tester:eq({ back.name, back.status, back.steps, back.seed }, { "a", "finished", 4, 7 })
    tester:eq(back.metrics.loss.values, { 1, 0.5, 1 / 3, 0.25 })
    tester:eq(back.metrics["val loss"].steps, { 4 })
    tester:assert(back.duration >= 0 and back.duration < 100)
    tester:assert(math.abs(back.started - os.time()) < 100)
    refused("the run is closed", run.scalar, run, "loss", 1)
  end)
end

function tests.numbers_of_every_kind()
  with_folder(function(dir)
    local run = runs.Run { dir = dir, name = "a", tensorboard = false }
    run:scalar("x", 0 / 0):scalar("x", math.huge):scalar("x", -math.huge):scalar("x", true):scalar("x", 3)
    run:scalar('odd, "name"', 1e300, -5)
    run:close()
    local x = runs.read(run.folder).metrics.x
    tester:assert(x.values[1] ~= x.values[1])
    tester:eq({ x.values[2], x.values[3], x.values[4], x.values[5] }, { math.huge, -math.huge, 1, 3 })
    tester:eq(x.steps, { 1, 2, 3, 4, 5 })
    tester:eq(csv(run), 'step,time,x,"odd, ""name"""\n1,nan,\n2,inf,\n3,-inf,\n4,1,\n5,3,\n-5,,1e+300\n')
    local table = require("data").csv(run.folder .. "/metrics.csv", { types = "string" })
    tester:assert(table ~= nil)
  end)
end

function tests.names()
  with_folder(function(dir)
    local a, b = runs.Run { dir = dir, name = "x/y" }, runs.Run { dir = dir, name = "x/y" }
    tester:eq({ a.name, b.name }, { "x/y", "x/y-2" })
    a:close()
    b:close()
    local c, d = runs.Run { dir = dir }, runs.Run { dir = dir }
    tester:assert(c.name:find("^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-test_runs") ~= nil, c.name)
    tester:ne(c.name, d.name)
    c:close()
    d:close()
    tester:eq(#runs.list(dir), 4)
  end)
end

function tests.bad_arguments()
  with_folder(function(dir)
    refused("there is no option 'foo'; there are dir, name, options", runs.Run, { foo = 1 })
    refused("option 'options' must be a table, got number", runs.Run, { options = 1 })
    refused("resume = true needs the run's name", runs.Run, { resume = true })
    refused("there is no script nosuch", runs.Run, { dir = dir, script = "nosuch" })
    local run = runs.Run { dir = dir, name = "a" }
    refused("run:scalar: loss is a string, wanted a number", run.scalar, run, "loss", "1")
    refused("run:scalar: the name is a nil", run.scalar, run)
    refused("'time' is taken", run.scalar, run, "time", 1)
    refused("the step is 1.5", run.scalar, run, "loss", 1, 1.5)
    refused("run:scalars: the values are a number", run.scalars, run, 1)
    refused("run:close: the status is 'good'", run.close, run, "good")
    refused("run:load: what run:state() gave", run.load, run, {})
    refused("wanted a string in UTF-8", run.scalar, run, "\xff", 1)
    run:close()
    write(dir .. "/file", "")
    refused("file", runs.Run, { dir = dir .. "/file", name = "a" })
    refused("there is no run in", runs.read, dir)
    refused("there is no folder", runs.list, dir .. "/nosuch")
  end)
end

-- The log of a run that was stopped, and went on from a checkpoint, is that of one that was not.
function tests.resuming()
  local function log(run, from, to)
    for step = from, to do
      run:scalar("loss", 1 / step, step)
      if step % 5 == 0 then
        run:scalar("val", step, step):scalar("epoch", step // 5, step // 5)
        if has_events then run:text("note", "at " .. step, step) end
      end
    end
  end
  with_folder(function(dir)
    local whole = runs.Run { dir = dir, name = "whole" }
    log(whole, 1, 20)
    whole:close()
    local first = runs.Run { dir = dir, name = "parts", resume = true }
    tester:eq(first.resumed, nil)
    log(first, 1, 10)
    local state = torch.deserialize(torch.serialize(first:state()))
    log(first, 11, 13)
    first.closed = nil -- as if it had been killed
    local file = io.open(first.folder .. "/metrics.jsonl", "ab")
    file:write '{"step":14,"lo'
    file:close()
    local second = runs.Run { dir = dir, name = "parts", resume = true }
    tester:eq({ second.resumed, second.folder }, { true, first.folder })
    second:load(state)
    log(second, 11, 20)
    second:close()
    local function same(text) return (text:gsub('"time":[%d.]+', "")) end
    local function lines(run) return same(contents(run.folder .. "/metrics.jsonl")) end
    tester:eq(lines(second), lines(whole))
    tester:eq(csv(second), csv(whole))
    tester:eq(#runs.read(second.folder).info.sessions, 2)
    if has_events then
      local summaries = require("tensorboard").summaries
      local a, b = summaries(whole.folder), summaries(second.folder)
      for _, kind in ipairs { "scalar", "text" } do
        for tag, list in pairs(a[kind]) do
          tester:eq(#b[kind][tag], #list)
          for i, item in ipairs(list) do
            tester:eq({ b[kind][tag][i].step, b[kind][tag][i].value }, { item.step, item.value })
          end
        end
      end
    end
  end)
end

-- Without a checkpoint everything that was logged stays; a line that was cut short goes.
function tests.resuming_without_state()
  with_folder(function(dir)
    local run = runs.Run { dir = dir, name = "a", options = { lr = 1 } }
    run:scalar("loss", 3):scalar("loss", 2):close("failed", "oh")
    tester:eq(runs.read(run.folder).info.error, "oh")
    for text, count in pairs { ['{"step":3,"time":1,"loss":'] = 3, ['{"step":3,"time":1,"loss":7}'] = 4 } do
      local before = contents(run.folder .. "/metrics.jsonl")
      write(run.folder .. "/metrics.jsonl", before .. text)
      local again = runs.Run { dir = dir, name = "a", resume = true }
      tester:eq(again.info.error, nil)
      again:scalar("loss", 1):close()
      local back = runs.read(run.folder)
      tester:eq({ #back.metrics.loss.values, back.damaged, back.options.lr }, { count, 0, 1 })
      tester:eq(back.metrics.loss.steps[count], count)
      write(run.folder .. "/metrics.jsonl", before)
    end
    write(run.folder .. "/metrics.jsonl",
      'x\n{"step":1,"loss":2}\n[]\n{"step":"a"}\n{"step":2,"loss":"Infinity"}')
    local back = runs.read(run.folder)
    tester:eq({ back.damaged, back.metrics.loss.values[2] }, { 3, math.huge })
    write(run.folder .. "/run.json", "{")
    refused("run.json: line 1", runs.read, run.folder)
    refused("run.json: line 1", runs.Run, { dir = dir, name = "a", resume = true })
    tester:eq(runs.list(dir)[1].status, "damaged")
  end)
end

function tests.how_it_ended()
  with_folder(function(dir)
    local ok = pcall(function()
      local run <close> = runs.Run { dir = dir, name = "bad" }
      run:scalar("loss", 1)
      error "the loss exploded"
    end)
    tester:assert(not ok)
    local back = runs.read(dir .. "/bad")
    tester:eq(back.status, "failed")
    tester:assert(back.info.error:find("the loss exploded", 1, true) ~= nil)
    do
      local run <close> = runs.Run { dir = dir, name = "good" }
      run:scalar("loss", 1)
    end
    tester:eq(runs.read(dir .. "/good").status, "finished")
    runs.Run({ dir = dir, name = "forgotten" }):scalar("loss", 1)
    collectgarbage()
    collectgarbage()
    tester:eq(runs.read(dir .. "/forgotten").status, "finished")
    -- one that another process left, and one that another process writes
    local run = runs.Run { dir = dir, name = "killed" }
    run.info.process = { pid = 1, begun = -1 }
    require("runs.folder").writeInfo(run.folder, run.info)
    run.closed = nil
    tester:eq(runs.read(dir .. "/killed").status, "interrupted")
    local stat = contents "/proc/1/stat"
    if stat then
      local fields = {}
      for field in stat:match("^.*%)%s+(.*)$"):gmatch("%S+") do fields[#fields + 1] = field end
      run.info.process = { pid = 1, begun = math.tointeger(fields[20]) }
      require("runs.folder").writeInfo(run.folder, run.info)
      tester:eq(runs.read(dir .. "/killed").status, "running")
      refused("is being written by process 1", runs.Run, { dir = dir, name = "killed", resume = true })
      -- of another machine nobody knows, so it may be resumed
      run.info.host = "elsewhere"
      require("runs.folder").writeInfo(run.folder, run.info)
      tester:eq(runs.read(dir .. "/killed").status, "running")
      runs.Run({ dir = dir, name = "killed", resume = true }):close()
    end
  end)
end

function tests.events()
  if not has_events then return end
  local tensorboard = require "tensorboard"
  with_folder(function(dir)
    local run = runs.Run { dir = dir, name = "a", options = { lr = 0.1, model = { width = 3 } } }
    run:scalar("loss", 0.5, 3):histogram("w", torch.randn(10)):text("note", "hello")
    run:hparams({ depth = 2 }, { accuracy = 0.5 }):close()
    local s = tensorboard.summaries(run.folder)
    tester:eq(s.scalar.loss[1].value, 0.5)
    tester:eq({ s.histogram.w[1].step, s.text.note[1].step }, { 3, 3 })
    tester:eq(s.hparams["_hparams_/session_start_info"][1].value.hparams,
      { lr = 0.1, ["model.width"] = 3, depth = 2 })
    tester:eq(s.scalar["summary/accuracy"][1].value, 0.5)
    tester:eq(runs.read(run.folder).summary.accuracy, 0.5)
    local off = runs.Run { dir = dir, name = "off", tensorboard = false }
    off:scalar("loss", 1):text("note", "x"):close()
    tester:eq(#require("tensorboard.file").names(off.folder), 0)
    -- a folder of another program
    local writer = tensorboard.SummaryWriter(dir .. "/other/x")
    writer:addScalar("loss", 0.25, 4, 100)
    writer:addScalar("loss", 0.5, 5, 110)
    writer:close()
    local other = runs.read(dir .. "/other/x")
    tester:eq({ other.status, other.steps, other.metrics.loss.values[2] }, { "events", 5, 0.5 })
    tester:eq({ other.started, other.duration }, { 100, 10 })
    tester:eq(#runs.list(dir), 3)
  end)
end

-- As the logger of a trainer: stopped after a checkpoint and trained on, the log is that of one training.
function tests.trainer()
  local nn, train = require "nn", require "train"
  torch.manualSeed(1)
  local batches = {}
  for i = 1, 4 do batches[i] = { torch.randn(8, 2), torch.randn(8, 1) } end
  local function trainer(run)
    torch.manualSeed(2)
    return train.Trainer { model = nn.Linear(2, 1), loss = nn.MSECriterion(), optimizer = "SGD", logger = run,
      progress = false }
  end
  with_folder(function(dir)
    local whole = runs.Run { dir = dir, name = "whole" }
    trainer(whole):fit(batches, { epochs = 4, validate = batches })
    whole:close()
    local part = runs.Run { dir = dir, name = "part", resume = true }
    local first = trainer(part)
    first:fit(batches, { epochs = 2, validate = batches })
    local state = torch.deserialize(torch.serialize(first:state()))
    first:fit(batches, { epochs = 3, validate = batches })
    part:close "interrupted"
    part = runs.Run { dir = dir, name = "part", resume = true }
    local second = trainer(part)
    second:load(state)
    second:fit(batches, { epochs = 4, validate = batches })
    part:close()
    local a, b = runs.read(whole.folder).metrics, runs.read(part.folder).metrics
    tester:eq(#a.loss.values, 16)
    for name, curve in pairs(a) do
      tester:eq(b[name].values, curve.values)
      tester:eq(b[name].steps, curve.steps)
    end
  end)
end

-- Files of any content: the command says something or shows them, and nothing fails inside.
function tests.any_content()
  local command = require "runs.command"
  local function pick(t) return t[torch.random(1, #t)] end
  local function value(depth)
    local kind = torch.random(1, depth > 2 and 6 or 8)
    if kind < 7 then return pick { -3, 2, 1e300, 0.5, "te\27xt,", json.null, true, math.huge } end
    local t = kind == 7 and json.array {} or json.object {}
    for i = 1, torch.random(0, 3) do
      t[kind == 7 and i or pick { "a", "startedAt", "endedAt", "script", "commit", "pid" }] = value(depth + 1)
    end
    return t
  end
  local function write_run(folder)
    paths.mkdir(folder, true)
    local info = {}
    for _, name in ipairs { "name", "status", "options", "tags", "summary", "sessions", "seed", "process",
      "host", "git", "script", "error", "threads" } do
      if torch.uniform() < 0.6 then info[name] = value(0) end
    end
    if torch.uniform() < 0.5 then
      info.sessions = { { startedAt = value(2), endedAt = value(2) }, value(2) }
    end
    local lines = {}
    for i = 1, 4 do
      local record = { step = pick { i, value(2) }, time = pick { i, value(2) }, loss = value(2) }
      lines[i] = json.encode(record, { nan = "string" }) .. "\n"
    end
    write(folder .. "/run.json", json.encode(info, { nan = "string" }))
    write(folder .. "/metrics.jsonl", table.concat(lines))
  end
  with_folder(function(dir)
    torch.manualSeed(1)
    local said, shown, real, stderr = "", nil, print, io.stderr
    for _ = 1, 40 do
      write_run(dir .. "/a")
      write_run(dir .. "/b")
      for _, words in ipairs { { dir }, { dir, "--sort", "started" }, { dir .. "/a" }, { dir, "--diff" },
        { dir, "--csv" }, { dir, "--json" }, { dir, "--plot" } } do
        rawset(_G, "print", function(...) shown = ... end)
        rawset(io, "stderr", { write = function(_, ...) said = table.concat { ... } end })
        local code = command(words)
        rawset(_G, "print", real)
        rawset(io, "stderr", stderr)
        tester:assert(code == 0 or not said:find("lua:%d"), said)
      end
    end
    tester:assert(shown ~= nil)
  end)
end

function tests.comparing()
  with_folder(function(dir)
    for i, lr in ipairs { 0.1, 0.2 } do
      local run = runs.Run { dir = dir, name = "r" .. i, options = { lr = lr, n = 3, m = { w = i } } }
      for step = 1, 4 do run:scalar("loss", (step - 3) ^ 2 * lr, step) end
      run:scalar("loss", 0 / 0, 5):close()
    end
    local c = runs.compare(dir)
    tester:eq(c.metrics, { "loss" })
    tester:eq(c.differing, { "lr", "m.w" })
    local m = c.rows[2].metrics.loss
    tester:eq({ m.min, m.minStep, m.max, m.maxStep, m.step, m.count }, { 0, 3, 0.8, 1, 5, 5 })
    tester:eq(#runs.compare({ dir .. "/r1" }).rows, 1)
    refused("runs expected", runs.compare, 3)
  end)
end

tester:add(tests)
tester:run()
