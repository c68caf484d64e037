-- read: what runs left in their folders, also those of other programs that wrote event files only.

local clock = require "torch._clock"
local folder = require "runs.folder"
local json = require "json"
local metrics = require "runs.metrics"
local paths = require "paths"
local events = require "tensorboard._events"
local event_file = require "tensorboard.file"
local raise = require("torch.caller").raise

local read = {}

-- ---- one run ---------------------------------------------------------------------------------------

local function has_events(path) return #event_file.names(path) > 0 end

local function is_run(path) return paths.filep(path .. "/run.json") or has_events(path) end

local function add(run, name, step, value, time)
  local curve = run.metrics[name]
  if not curve then
    curve = { steps = {}, values = {}, times = {} }
    run.metrics[name] = curve
  end
  local n = #curve.values + 1
  curve.steps[n], curve.values[n], curve.times[n] = step, value, time
  run.steps = math.max(run.steps, step)
  run.lastTime = math.max(run.lastTime or time or 0, time or 0)
  run.firstTime = math.min(run.firstTime or time or math.huge, time or math.huge)
end

local function read_metrics(run)
  for record in metrics.records(run.folder) do
    if not record then
      run.damaged = run.damaged + 1
    else
      for name, value in pairs(record.values) do add(run, name, record.step, value, record.time) end
    end
  end
end

-- The settings and curves of event files; PyTorch's writer has settings in folders below.
local function read_events(run)
  if not events.there then return end
  local summaries, problem = require("tensorboard").summaries(run.folder)
  run.problem = problem
  for tag, list in pairs(summaries.scalar) do
    for _, item in ipairs(list) do add(run, tag, item.step, item.value, item.wallTime) end
  end
  for _, item in ipairs(summaries.hparams["_hparams_/session_start_info"] or {}) do
    for name, value in pairs(item.value.hparams or {}) do run.options[name] = value end
  end
end

local function duration(run, info)
  local total = 0
  for _, session in ipairs(type(info.sessions) == "table" and info.sessions or {}) do
    local begun = tonumber(session.startedAt)
    local ended = tonumber(session.endedAt)
    if not ended and run.status == "running" and session == info.sessions[#info.sessions] then
      ended = clock.wall()
    end
    ended = ended or run.lastTime -- of a session that was killed
    if begun and ended and ended > begun then total = total + ended - begun end
  end
  return total
end

local function or_nil(value, kind) return type(value) == kind and value or nil end

local function take_info(run, info)
  run.info, run.name = info, or_nil(info.name, "string") or run.name
  run.status, run.seed = or_nil(info.status, "string") or "running", or_nil(info.seed, "number")
  run.options, run.summary = or_nil(info.options, "table") or {}, or_nil(info.summary, "table") or {}
  run.tags = or_nil(info.tags, "table") or {}
  local sessions = or_nil(info.sessions, "table") or {}
  run.started = sessions[1] and tonumber(sessions[1].startedAt)
  if run.status == "running" and folder.lives(info) == false then run.status = "interrupted" end
end

--- runs.read(path)
--
-- What a run's folder holds. A folder with event files only, as PyTorch's SummaryWriter leaves, is read as
-- well.
--
-- path: string
-- Returns: a table: name, folder, status ("finished", "failed", "interrupted", "running", or "events" for
--   event files alone), started (seconds since 1970), duration (seconds, of all sessions), steps (the last
--   step), seed, options, tags, summary, info (the whole of run.json), metrics: {name = {steps =, values =,
--   times =}}, damaged: how many lines of metrics.jsonl could not be read
-- Errors: there is no run in the folder, or its run.json is damaged
-- Example:
--   run = runs.Run { dir = "my-runs", name = "fourth" }
--   run:scalar("loss", 0.5, 3):close()
--   runs.read("my-runs/fourth").status, runs.read("my-runs/fourth").steps --> finished 3
function read.read(path)
  if type(path) ~= "string" then raise("runs.read: a folder expected, got %s", type(path)) end
  local run = { folder = path, name = paths.basename(path), status = "events", options = {}, summary = {},
    tags = {}, metrics = {}, steps = 0, damaged = 0, info = {} }
  local info, wrong = folder.readInfo(path)
  if wrong then raise("runs.read: %s", wrong) end
  if info then
    take_info(run, info)
    read_metrics(run)
    run.duration = duration(run, info)
  elseif has_events(path) then
    read_events(run)
    run.started = run.firstTime
    run.duration = run.lastTime and run.lastTime - run.firstTime or 0
  else
    raise("runs.read: there is no run in %s", path)
  end
  run.started = run.started or run.firstTime or 0
  return run
end

-- ---- many runs -------------------------------------------------------------------------------------

-- The folders below one, itself too, that are runs, in alphabetical order.
local function find(path, prefix, list, depth)
  if is_run(path) then list[#list + 1] = { folder = path, name = prefix ~= "" and prefix or nil } end
  if paths.filep(path .. "/run.json") or depth > 4 then return end
  for _, name in ipairs(paths.dir(path) or {}) do
    local below = path .. "/" .. name
    if name:sub(1, 1) ~= "." and paths.dirp(below) then
      find(below, prefix == "" and name or prefix .. "/" .. name, list, depth + 1)
    end
  end
end

--- runs.list([dir])
--
-- The runs in a folder and in those below it.
--
-- dir: "runs" by default
-- Returns: a table of what runs.read gives, the oldest first; a run that cannot be read has only name,
--   folder, status = "damaged" and problem
-- Errors: there is no such folder
-- Example:
--   runs.Run({ dir = "other-runs", name = "a" }):close()
--   runs.list("other-runs")[1].name --> a
function read.list(dir)
  dir = dir or "runs"
  if type(dir) ~= "string" or not paths.dirp(dir) then
    raise("runs.list: there is no folder %s", tostring(dir))
  end
  local found, list = {}, {}
  find(dir, "", found, 0)
  for i, place in ipairs(found) do
    local ok, run = pcall(read.read, place.folder)
    if not ok then
      run = { folder = place.folder, name = paths.basename(place.folder), status = "damaged", problem = run,
        metrics = {}, options = {}, summary = {}, tags = {}, info = {}, steps = 0, started = 0, duration = 0 }
    end
    run.name = place.name or run.name
    list[i] = run
  end
  table.sort(list, function(a, b)
    if a.started ~= b.started then return a.started < b.started end
    return a.name < b.name
  end)
  return list
end

-- ---- comparing -------------------------------------------------------------------------------------

-- Nested settings as "a.b".
local function flatten(values, prefix, out)
  for name, value in pairs(values) do
    if type(value) == "table" and next(value) ~= nil and #value == 0 then
      flatten(value, prefix .. tostring(name) .. ".", out)
    elseif type(value) == "table" then
      out[prefix .. tostring(name)] = json.encode(value, { nan = "string" })
    else
      out[prefix .. tostring(name)] = value
    end
  end
  return out
end

-- The end and the extremes of a curve; NaN is neither.
local function digest(curve)
  local d = { last = curve.values[#curve.values], step = curve.steps[#curve.steps], count = #curve.values }
  for i, value in ipairs(curve.values) do
    if value == value then
      if not d.min or value < d.min then d.min, d.minStep = value, curve.steps[i] end
      if not d.max or value > d.max then d.max, d.maxStep = value, curve.steps[i] end
    end
  end
  return d
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- runs.compare(list)
-- runs.compare(dir)
--
-- Several runs beside one another.
--
-- list: table of what runs.read gives, or of folders
-- dir: as for runs.list
-- Returns: a table: rows, one for each run: {name, status, started, duration, steps, seed, options (of one
--   level: "model.width"), summary, metrics: {name = {last, step, count, min, minStep, max, maxStep}}};
--   metrics, the names of all; differing, the names of the options that are not the same in all
-- Errors: as runs.read and runs.list
-- Example:
--   runs.Run({ dir = "two-runs", name = "a", options = { lr = 1, n = 3 } }):scalar("loss", 3):close()
--   runs.Run({ dir = "two-runs", name = "b", options = { lr = 2, n = 3 } }):scalar("loss", 4):close()
--   both = runs.compare("two-runs")
--   both.rows[2].metrics.loss.last, both.differing[1] --> 4 lr
function read.compare(list)
  if type(list) == "string" or list == nil then list = read.list(list) end
  if type(list) ~= "table" then raise("runs.compare: runs expected, got %s", type(list)) end
  local rows, names, values = {}, {}, {}
  for i, run in ipairs(list) do
    if type(run) == "string" then run = read.read(run) end
    local row = { run = run, name = run.name, status = run.status, started = run.started,
      duration = run.duration, steps = run.steps, seed = run.seed, metrics = {},
      options = flatten(run.options, "", {}), summary = flatten(run.summary, "", {}) }
    for name, curve in pairs(run.metrics) do
      row.metrics[name], names[name] = digest(curve), true
    end
    for name in pairs(row.options) do values[name] = true end
    rows[i] = row
  end
  for name in pairs(values) do
    local same = true
    for _, row in ipairs(rows) do same = same and row.options[name] == rows[1].options[name] end
    if same then values[name] = nil end
  end
  return { rows = rows, metrics = sorted(names), differing = sorted(values) }
end

return read
