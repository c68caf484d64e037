-- Run: a folder that keeps what one training did: the script, its options, numbers as they come.

local torch = require "torch"
local clock = require "torch._clock"
local folder = require "runs.folder"
local json = require "json"
local metrics = require "runs.metrics"
local read_options = require("torch.options").read
local paths = require "paths"
local save = require "formats.save"
local raise = require("torch.caller").raise

local runs = {}
local Run = torch.class("runs.Run", runs)

-- ---- arguments -------------------------------------------------------------------------------------

local known = { dir = "string", name = "string", options = "table", seed = "number", script = "string",
  tags = "table", tensorboard = "boolean", resume = "boolean" }

local function check_options(given)
  local fn = "runs.Run"
  local o = read_options(fn, given, known)
  if o.name and (o.name == "" or o.name:find("[%c]") or o.name:find("^/")) then
    raise("%s: the name %q is none for a folder", fn, o.name)
  end
  if o.resume and not o.name then raise("%s: resume = true needs the run's name", fn) end
  return o
end

local function check_name(fn, name)
  if type(name) ~= "string" or name == "" or not utf8.len(name) then
    raise("%s: the name is %s, wanted a string in UTF-8", fn, type(name) == "string" and ("%q"):format(name)
      or "a " .. torch.type(name))
  end
  if name == "step" or name == "time" then raise("%s: the name '%s' is taken by the records", fn, name) end
  return name
end

local function check_value(fn, name, value)
  if torch.isTensor(value) and value:nElement() == 1 then value = value:item() end
  if type(value) == "boolean" then value = value and 1 or 0 end
  if type(value) ~= "number" then raise("%s: %s is a %s, wanted a number", fn, name, torch.type(value)) end
  return value
end

local function check_step(fn, step)
  if torch.isTensor(step) and step:nElement() == 1 then step = step:item() end
  local whole = math.tointeger(step)
  if not whole then raise("%s: the step is %s, wanted a whole number", fn, tostring(step)) end
  return whole
end

-- ---- beginning -------------------------------------------------------------------------------------

local function script_of(o)
  if o.script then
    if not paths.filep(o.script) then raise("runs.Run: there is no script %s", o.script) end
    return o.script
  end
  local script = rawget(_G, "arg") and arg[0]
  return type(script) == "string" and script:find("%.lua$") and paths.filep(script) and script or nil
end

local function default_name(script)
  local stem = script and paths.basename(script):gsub("%.lua$", "")
  return os.date("%Y%m%d-%H%M%S") .. (stem and "-" .. stem or "")
end

local function now() return os.date("!%Y-%m-%dT%H:%M:%SZ") end

-- Errors of a file that is written now and then: told once each, and the training goes on.
local function warner(self)
  return function(file, message)
    if self.warned[file] then return end
    self.warned[file] = true
    io.stderr:write(("runs: %s/%s: cannot write: %s; the training goes on\n"):format(self.folder, file,
      tostring(message)))
  end
end

-- The copy of the script; a run that is resumed with another one keeps both.
local function copy_script(self, script)
  local text = script and folder.contents(script)
  if not text then return nil end
  local name = "script.lua"
  for i = 2, 1000 do
    local there = folder.contents(self.folder .. "/" .. name)
    if there == text then return name end
    if not there then break end
    name = ("script-%d.lua"):format(i)
  end
  save.whole("runs.Run", self.folder .. "/" .. name, function(stream) save.put(stream, text) end)
  return name
end

local function begin_info(self, o, script)
  local host, process = folder.here()
  local info = self.info
  info.name, info.status, info.host, info.process = self.name, "running", host, process
  info.script, info.arguments = script, nil
  if script and arg and #arg > 0 then info.arguments = folder.plain({ table.unpack(arg) }) end
  info.options = o.options and folder.plain(o.options) or info.options
  info.tags = o.tags and folder.plain(o.tags) or info.tags
  info.seed = o.seed or info.seed or torch.initialSeed()
  info.cresset, info.lua = torch._VERSION, _VERSION
  info.threads = torch.getnumthreads()
  info.device = torch.getDefaultDevice()
  info.git = folder.git(script and paths.dirname(script) or ".")
  info.error = nil
  info.sessions = info.sessions or {}
  table.insert(info.sessions, { started = now(), startedAt = clock.wall(),
    script = copy_script(self, script) })
end

local function resume(self, o)
  local info, wrong = folder.readInfo(self.folder)
  if wrong then raise("runs.Run: %s", wrong) end
  if not info then raise("runs.Run: %s is no run: it has no run.json", self.folder) end
  if info.status == "running" and folder.lives(info) and not folder.isOwn(info) then
    raise("runs.Run: %s is being written by process %s on %s", self.folder,
      tostring(info.process and info.process.pid), tostring(info.host))
  end
  self.info, self.resumed = info, true
  for _, name in ipairs { "options", "tags" } do
    if info[name] == json.null then info[name] = nil end
  end
  return o
end

-- The last steps of what was logged before.
local function take_up(self)
  for record in metrics.records(self.folder) do
    if record then
      self.step = math.max(self.step or record.step, record.step)
      for name in pairs(record.values) do self.steps[name] = record.step end
    end
  end
end

--- runs.Run([options])
--
-- A folder for one training. It gets: run.json, what the run is and how it ended; script.lua, a copy of the
-- script; metrics.jsonl, the numbers, an object a line as they come; metrics.csv, the same as a table of a
-- row for each step; and event files for TensorBoard. `cresset runs` lists and compares such folders.
--
-- A number is with the system as soon as scalar returns, whatever happens to the program then. A file that
-- cannot be written after the start, as on a full disk, is told once and does not end the training. When a
-- column appears, metrics.csv is written anew; its last row comes with the next step or when the run ends.
--
-- options: table of any of these:
--   dir: the folder of all runs, "runs" by default
--   name: the run's folder in it; where it exists, -2, -3 .. is added. By default the date and the script's
--     name
--   options: table of the run's settings; what JSON cannot hold is kept as text that describes it
--   seed: torch.initialSeed() by default
--   script: path; the running script by default
--   tags: table of strings
--   tensorboard: false writes no event files; true is an error where Cresset was built without protobuf-c
--   resume: true: goes on in the folder of that name, or begins it. See run:load
-- Returns: a runs.Run; its fields folder, name, resumed and info (what run.json has). `local run <close>`
--   ends it with the block, as failed when an error does; so does the collector at the script's end
-- Errors: the folder cannot be made or is in use, an option is unknown
-- Example:
--   run = runs.Run { dir = "my-runs", name = "first", options = { lr = 0.1 } }
--   run:scalar("loss", 0.5, 1)
--   run:close()
--   runs.read("my-runs/first").metrics.loss.values[1] --> 0.5
function Run:__init(given)
  local o = check_options(given)
  if not require("json._codec").there then json.encode(0) end -- says what is missing
  local dir = o.dir or "runs"
  local script = script_of(o)
  self.closed, self.warned, self.steps, self.info = true, {}, {}, {}
  if o.tensorboard then require "tensorboard" end -- says what is missing
  if o.resume and paths.dirp(dir .. "/" .. o.name) then
    self.name, self.folder = o.name, dir .. "/" .. o.name
    resume(self, o)
  else
    local name, message = folder.make(dir, o.name or default_name(script))
    if not name then raise("runs.Run: %s", message) end
    self.name, self.folder = name, dir .. "/" .. name
    self.info = { id = ("%08x%08x"):format(math.random(0, 0xffffffff), os.time() & 0xffffffff) }
  end
  begin_info(self, o, script)
  folder.writeInfo(self.folder, self.info)
  self.warn = warner(self)
  self.log = metrics.writer(self.folder, self.warn)
  if self.resumed then take_up(self) end
  self.events_on = o.tensorboard ~= false and require("tensorboard._events").there
  self.closed = false
end

function Run:__tostring__()
  return ("runs.Run of %s%s"):format(self.folder, self.closed and ", closed" or "")
end

-- ---- numbers ---------------------------------------------------------------------------------------

local function check_open(self, fn)
  if self.closed then raise("%s: the run is closed", fn) end
end

-- The event files, begun when there is something for them; nil without.
local function writer(self)
  if not self.events_on then return nil end
  if not self.events then
    local again = self.resumed and self.step
    local ok, result = pcall(require("tensorboard").SummaryWriter, self.folder,
      { purgeStep = again and self.step + 1 or nil })
    if ok then self.events = result end
    if not ok then
      self.events_on = false
      self.warn("events", result)
    end
  end
  return self.events
end

local function log(self, fn, values, step)
  check_open(self, fn)
  local events = writer(self) -- before the step moves: it tells what older files may keep
  self.step = math.max(self.step or step, step)
  self.log:add(step, values)
  for name, value in pairs(values) do
    self.steps[name] = step
    if events then events:addScalar(name, value, step) end
  end
end

--- run:scalar(name, value [, step])
-- run:scalars(values [, step])
--
-- Adds a number, or several of one step in one record.
--
-- name: string; "step" and "time" are taken
-- value: number, or a tensor of one element; NaN and infinity may be
-- values: table name = number
-- step: whole number; by default one more than the last of that name, and of all names for scalars
-- Returns: the run
-- Errors: another type; the run is closed
-- Example:
--   run = runs.Run { dir = "my-runs" }
--   run:scalar("loss", 0.5, 10):scalars({ loss = 0.4, accuracy = 0.9 }, 20):close()
--   runs.read(run.folder).metrics.loss.steps[2] --> 20
function Run:scalar(name, value, step)
  local fn = "run:scalar"
  check_name(fn, name)
  value = check_value(fn, name, value)
  log(self, fn, { [name] = value }, check_step(fn, step or (self.steps[name] or 0) + 1))
  return self
end

function Run:scalars(values, step)
  local fn, checked = "run:scalars", {}
  if type(values) ~= "table" then raise("%s: the values are a %s, wanted a table", fn, torch.type(values)) end
  for name, value in pairs(values) do checked[check_name(fn, name)] = check_value(fn, name, value) end
  if next(checked) == nil then return self end
  log(self, fn, checked, check_step(fn, step or (self.step or 0) + 1))
  return self
end

-- ---- what only event files hold --------------------------------------------------------------------

local function to_events(self, fn, method, name, value, step, ...)
  check_open(self, fn)
  check_name(fn, name)
  step = check_step(fn, step or self.step or 0)
  local events = writer(self)
  if events then events[method](events, name, value, step, ...) end
  self.step = math.max(self.step or step, step)
  return self
end

--- run:histogram(name, values [, step])
-- run:image(name, img [, step])
-- run:images(name, imgs [, step [, options]])
-- run:text(name, text [, step])
--
-- Adds something that TensorBoard shows and the other files do not hold; without protobuf-c nothing is kept.
--
-- values, img, imgs, text, options: as for the methods addHistogram, addImage, addImages and addText of a
--   tensorboard.SummaryWriter
-- step: the last step by default
-- Returns: the run
-- Errors: as those methods; the run is closed
-- Example:
--   run = runs.Run { dir = "my-runs" }
--   run:histogram("weights", torch.randn(10), 1):text("note", "*begun*"):close()
function Run:histogram(name, values, step)
  return to_events(self, "run:histogram", "addHistogram", name, values, step)
end

function Run:image(name, img, step) return to_events(self, "run:image", "addImage", name, img, step) end

function Run:images(name, imgs, step, options)
  return to_events(self, "run:images", "addImages", name, imgs, step, options)
end

function Run:text(name, text, step) return to_events(self, "run:text", "addText", name, text, step) end

-- ---- run.json --------------------------------------------------------------------------------------

local function write_info(self)
  local ok, message = pcall(folder.writeInfo, self.folder, self.info)
  if not ok then self.warn("run.json", message) end
end

--- run:summary(values)
-- run:hparams(hparams [, metrics])
--
-- Keeps final results in run.json, beside those that were kept before; or settings, which join the run's
-- options, and results. What is kept goes into TensorBoard's table of settings when the run ends well.
--
-- values, metrics: table name = number, string, boolean or table
-- hparams: table of settings
-- Returns: the run
-- Errors: another type; the run is closed
-- Example:
--   run = runs.Run { dir = "my-runs", name = "second" }
--   run:hparams({ lr = 0.1 }, { accuracy = 0.98 }):close()
--   runs.read("my-runs/second").summary.accuracy --> 0.98
local function keep(self, fn, field, values)
  check_open(self, fn)
  if type(values) ~= "table" then raise("%s: a table expected, got %s", fn, torch.type(values)) end
  local into = type(self.info[field]) == "table" and self.info[field] or {}
  for name, value in pairs(values) do into[tostring(name)] = folder.plain(value) end
  self.info[field] = into
end

function Run:summary(values)
  keep(self, "run:summary", "summary", values)
  write_info(self)
  return self
end

function Run:hparams(hparams, results)
  keep(self, "run:hparams", "options", hparams)
  keep(self, "run:hparams", "summary", results or {})
  write_info(self)
  return self
end

--- run:path(name)
--
-- A place in the run's folder for a file that the script writes, such as a checkpoint; the folders on the way
-- to it are made.
--
-- name: string, "best.t7" or "samples/1.png"
-- Returns: a string
-- Errors: the folders cannot be made
-- Example:
--   run = runs.Run { dir = "my-runs", name = "third" }
--   run:path("best.t7") --> my-runs/third/best.t7
function Run:path(name)
  local path = self.folder .. "/" .. check_name("run:path", name)
  local ok, message = paths.mkdir(paths.dirname(path), true)
  if not ok then raise("run:path: %s", message) end
  return path
end

-- ---- going on --------------------------------------------------------------------------------------

local function event_sizes(self)
  local sizes = {}
  for _, name in ipairs(require("tensorboard.file").names(self.folder)) do
    sizes[name] = paths.size(self.folder .. "/" .. name)
  end
  return sizes
end

--- run:state(); run:load(state)
--
-- Where the run is, to be saved with a checkpoint of the training; and going back to it, after the run was
-- opened again with resume = true: whatever was logged later is dropped, so that in the end the files are
-- those of a run that was never interrupted.
--
-- state: a table that state() gave. One of another run only sets the steps
-- Returns: a table; the run
-- Errors: load: another type; the run is closed
-- Example:
--   run = runs.Run { dir = "my-runs", name = "long" }
--   state = run:scalar("loss", 0.5, 1):state()
--   run:scalar("loss", 0.4, 2):load(state):close()
--   #runs.read(run.folder).metrics.loss.values --> 1
function Run:state()
  check_open(self, "run:state")
  if self.events then self.events:flush() end
  local steps = {}
  for name, step in pairs(self.steps) do steps[name] = step end
  return { id = self.info.id, bytes = self.log:size(), step = self.step, steps = steps,
    events = event_sizes(self) }
end

-- Cuts the event files off where they were, and removes those that came later.
local function rewind_events(self, sizes)
  for _, name in ipairs(require("tensorboard.file").names(self.folder)) do
    local path = self.folder .. "/" .. name
    local size, wanted = paths.size(path), sizes[name]
    if not wanted then
      os.remove(path)
    elseif size > wanted then
      local text = folder.contents(path):sub(1, wanted)
      save.whole("run:load", path, function(stream) save.put(stream, text) end)
    end
  end
end

function Run:load(state)
  check_open(self, "run:load")
  if type(state) ~= "table" or type(state.steps) ~= "table" then
    raise("run:load: what run:state() gave is wanted, got %s", torch.type(state))
  end
  self.step, self.steps = state.step, {}
  for name, step in pairs(state.steps) do self.steps[name] = step end
  if state.id ~= self.info.id then return self end
  if self.events then self.events:close() end
  self.events, self.resumed = nil, true
  rewind_events(self, state.events or {})
  self.log:rewind(state.bytes)
  return self
end

-- ---- ending ----------------------------------------------------------------------------------------

-- Settings of one level, with the types that TensorBoard's table knows.
local function flat(values, prefix, out)
  for name, value in pairs(values or {}) do
    if type(value) == "table" then
      flat(value, prefix .. name .. ".", out)
    elseif type(value) == "string" or type(value) == "number" or type(value) == "boolean" then
      out[prefix .. name] = value
    end
  end
  return out
end

local function finish_events(self, status)
  local results = {}
  for name, value in pairs(flat(self.info.summary, "", {})) do
    if type(value) == "number" then results["summary/" .. name] = value end
  end
  local settings = flat(self.info.options, "", {})
  if status == "finished" and (next(settings) or next(results)) then
    local events = writer(self)
    if events then events:addHparams(settings, results, { runName = ".", step = self.step }) end
  end
  if self.events then self.events:close() end
end

local function finish(self, status, message)
  if self.closed then return end
  self.closed = true
  local session = self.info.sessions[#self.info.sessions]
  self.info.status, self.info.error = status, message and folder.plain(message)
  session.status, session.ended, session.endedAt = status, now(), clock.wall()
  self.log:close()
  write_info(self)
end

--- run:flush(); run:close([status [, message]])
--
-- Brings everything to the files, which numbers need not wait for; ends the run.
--
-- status: "finished" by default, "failed" or "interrupted"
-- message: what went wrong
-- Errors: another status
-- Example:
--   run = runs.Run { dir = "my-runs" }
--   run:close("failed", "the loss is NaN")
--   runs.read(run.folder).status --> failed
function Run:flush()
  check_open(self, "run:flush")
  if self.events then self.events:flush() end
  self.log:endRow()
  return self
end

local statuses = { finished = true, failed = true, interrupted = true }

function Run:close(status, message)
  status = status or "finished"
  if not statuses[status] then
    raise("run:close: the status is '%s', wanted finished, failed or interrupted", tostring(status))
  end
  if self.closed then return end
  finish_events(self, status)
  finish(self, status, message)
end

function Run:__close(err)
  if err == nil then return self:close() end
  self:close(tostring(err):find("interrupted!", 1, true) and "interrupted" or "failed", tostring(err))
end

-- How the program ended, where that is known: codes of vm/cresset.h.
local ended = { [0] = "finished", "failed", "failed", "interrupted" }

-- Open files may have been collected before.
function Run:__gc()
  if self.closed ~= false then return end
  pcall(finish, self, ended[debug.getregistry()["cresset.status"] or 0] or "finished")
end

return runs
