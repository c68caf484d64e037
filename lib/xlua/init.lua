-- xlua: how far a loop has come: a bar on a terminal, a few plain lines elsewhere.

local clock = require "torch._clock"
local terminal = require "xlua._terminal"

local xlua = {}

local REDRAW = 0.1 -- seconds between two drawings of a bar

local units = { { "D", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "ms", 0.001 } }

--- Seconds as a person says them, in the two largest units.
--
-- seconds: number
-- Returns: a string
-- From: Torch7
-- Example:
--   xlua.formatTime(192) --> 3m12s
function xlua.formatTime(seconds)
  if seconds ~= seconds or seconds == math.huge then return "?" end
  local text, count = "", 0
  for _, unit in ipairs(units) do
    local n = math.floor(seconds / unit[2] + 1e-9)
    if n > 0 and count < 2 then
      text, count = ("%s%d%s"):format(text, n, unit[1]), count + 1
    end
    seconds = seconds - n * unit[2]
  end
  return text == "" and "0ms" or text
end

-- 1234 -> "1234", 12345678 -> "12.3M"
local function short_number(x)
  if x >= 1e9 then return ("%.1fG"):format(x / 1e9) end
  if x >= 1e6 then return ("%.1fM"):format(x / 1e6) end
  if x >= 1e5 then return ("%.0fk"):format(x / 1e3) end
  if x >= 100 or x == math.floor(x) then return ("%.0f"):format(x) end
  return ("%.1f"):format(x)
end

local function value_text(value)
  if type(value) == "userdata" and value.item then value = value:item() end
  if math.type(value) == "float" then
    local size = math.abs(value)
    return ((size >= 1e-3 and size < 1e4 or size == 0) and "%.4f" or "%.3g"):format(value)
  end
  return tostring(value)
end

-- What the caller wants to see beside the bar: a text, or names with values.
local function extra_text(extra)
  if extra == nil then return "" end
  if type(extra) ~= "table" then return value_text(extra) end
  local names, parts = {}, {}
  for name in pairs(extra) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do
    local text = value_text(extra[name])
    parts[i] = type(name) == "string" and name .. " " .. text or text
  end
  return table.concat(parts, "  ")
end

local Progress = {}
Progress.__index = Progress

-- Steps a second, of late: an average that forgets, so that a slow start does not spoil it.
local function measure(self, now, current)
  local elapsed, steps = now - self.seen_at, current - self.seen
  if elapsed < 0.05 or steps <= 0 then return end
  local rate = steps / elapsed
  local weight = 1 - math.exp(-elapsed / 3)
  self.rate = self.rate and self.rate + weight * (rate - self.rate) or rate
  self.seen_at, self.seen = now, current
end

local function status(self, now, current)
  local parts = {}
  local done = current >= self.total
  local elapsed = now - self.started
  local rate = done and elapsed > 0 and (current - self.first) / elapsed or self.rate
  if rate then parts[#parts + 1] = short_number(rate) .. "/s" end
  if done then
    parts[#parts + 1] = "in " .. xlua.formatTime(elapsed)
  elseif rate and rate > 0 then
    parts[#parts + 1] = "ETA " .. xlua.formatTime(math.ceil((self.total - current) / rate))
  end
  if self.extra ~= "" then parts[#parts + 1] = self.extra end
  return table.concat(parts, "  ")
end

local function paint(self, text)
  return self.colour and "\27[32m" .. text .. "\27[0m" or text
end

-- The bar takes what the texts leave of the line.
local function draw(self, now, current)
  local share = self.total > 0 and math.min(math.max(current / self.total, 0), 1) or 1
  local head = (self.title and self.title .. " " or "")
  local counts = ("%3d %%  %s/%s  "):format(math.floor(share * 100), value_text(current),
    value_text(self.total))
  local tail = counts .. status(self, now, current)
  local columns = (terminal.width() or 80) - 1
  local room = math.min(columns - #head - #tail - 3, 40)
  local bar = ""
  if room >= 5 then
    local full = math.floor(share * room)
    bar = "[" .. paint(self, ("="):rep(full)) .. (full < room and ">" or "")
      .. (" "):rep(room - full - 1) .. "] "
  end
  local line = head .. bar .. tail
  if room < 5 then line = line:sub(1, columns) end
  io.write("\r", line, "\27[K")
  io.flush()
  self.drawn_at = now
end

-- Without a terminal: a line at each quarter.
local function print_line(self, now, current)
  local quarter = self.total > 0 and math.floor(4 * current / self.total) or 4
  if quarter <= self.quarter then return end
  self.quarter = quarter
  local title = self.title and self.title .. ": " or ""
  io.write(("%s%3d %%  %s/%s  %s\n"):format(title, math.floor(100 * current / math.max(self.total, 1)),
    value_text(current), value_text(self.total), status(self, now, current)))
  io.flush()
end

--- xlua.Progress(total [, title])
--
-- A bar for a loop, or a few plain lines where there is no terminal: bar:update(i [, extra]) in each step,
-- bar:finish([extra]) after the last, also when the loop was left early.  The extra is a text, or a table
-- of names with values.
--
-- total: how many steps
-- title: string
-- Returns: a bar
-- Example:
--   bar = xlua.Progress(10, "training")
--   bar:update(1, { loss = 0.5 }).current --> 1
--   bar:finish()
function xlua.Progress(total, title)
  if type(total) ~= "number" then error("xlua.Progress: the number of steps expected", 2) end
  local now = clock.now()
  local live = terminal.isatty()
  return setmetatable({
    total = total, title = title, live = live, colour = live and not os.getenv("NO_COLOR"),
    started = now, seen_at = now, seen = 0, first = 0, drawn_at = -1, quarter = 0, extra = "", current = 0,
  }, Progress)
end

-- `current` steps are done.
function Progress:update(current, extra)
  if self.done then return self end
  self.current = current
  local now = clock.now()
  measure(self, now, current)
  local last = current >= self.total
  if self.live then
    if not last and now - self.drawn_at < REDRAW then return self end
    self.extra = extra_text(extra)
    draw(self, now, current)
  else
    -- The extra is made into text only for a line that is printed.
    if self.total > 0 and math.floor(4 * current / self.total) <= self.quarter then return self end
    self.extra = extra_text(extra)
    print_line(self, now, current)
  end
  if last then self:_close() end
  return self
end

function Progress:_close()
  if self.live then io.write("\n") end
  io.flush()
  self.done = true
end

-- Ends the line, also of a loop that was left early.
function Progress:finish(extra)
  if self.done then return self end
  if self.live then
    if extra ~= nil then self.extra = extra_text(extra) end
    draw(self, clock.now(), self.current)
  end
  self:_close()
  return self
end

local bar -- of xlua.progress

--- xlua.progress(current, total [, extra])
--
-- Torch7's form of xlua.Progress, to be called in each step of a loop.  A new bar begins when current
-- starts again or total changes.
--
-- current: how many steps are done
-- total: how many there are
-- extra: string, or table of names with values
-- From: Torch7
-- Example:
--   for i = 1, 2 do xlua.progress(i, 100) end
function xlua.progress(current, total, extra)
  if type(current) ~= "number" or type(total) ~= "number" then
    require("torch.caller").raise("xlua.progress: two numbers expected, the steps done and all there are, "
      .. "got %s and %s", type(current), type(total))
  end
  if not bar or bar.total ~= total or current < bar.current or bar.done then
    if bar and not bar.done then bar:finish() end
    bar = xlua.Progress(total)
    bar.first = current <= 1 and 0 or current
    bar.seen = bar.first
  end
  bar:update(current, extra)
end

for _, file in ipairs { "OptionParser", "Profiler", "arguments", "session" } do
  require("xlua." .. file)(xlua)
end
require "xlua.lua"

if rawget(_G, "xlua") == nil then rawset(_G, "xlua", xlua) end

return xlua
