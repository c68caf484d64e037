-- profile: torch.profile: what the operators of a function cost, as a table, as text, as a Chrome trace.

local clock = require "torch._clock"
local raise = require("torch.caller").raise

-- ---- texts ------------------------------------------------------------------------------------------

local function seconds_text(s)
  if s == 0 then return "" end
  if s < 1e-3 then return ("%.1f us"):format(s * 1e6) end
  if s < 1 then return ("%.2f ms"):format(s * 1e3) end
  return ("%.3f s"):format(s)
end

local function bytes_text(n)
  if n == 0 then return "" end
  local units, k = { "B", "kB", "MB", "GB", "TB" }, 1
  while n >= 1000 and k < #units do n, k = n / 1000, k + 1 end
  return (k == 1 and "%d %s" or "%.1f %s"):format(n, units[k])
end

local function count_text(n)
  return n == 0 and "" or tostring(n)
end

-- What a row of the text has beside name and share, which come first: a heading and the text of a row; those
-- that are of devices only where one was used.
local columns = {
  { "time", function(r) return seconds_text(r.seconds) end },
  { "device", function(r) return seconds_text(r.deviceSeconds) end, device = true },
  { "calls", function(r) return count_text(r.calls) end },
  { "bytes", function(r) return bytes_text(r.bytes) end },
  { "backward", function(r) return seconds_text(r.backwardSeconds) end },
  { "device", function(r) return seconds_text(r.backwardDeviceSeconds) end, device = true },
  { "calls", function(r) return count_text(r.backwardCalls) end },
  { "bytes", function(r) return bytes_text(r.backwardBytes) end },
}

-- Rows of texts, the heading first; the first `most` operators, and what is left as the last row.
local function text_rows(profile, most)
  local shown = {}
  for _, c in ipairs(columns) do
    if profile.usesDevice or not c.device then shown[#shown + 1] = c end
  end
  local rows = { { "operator", "share" } }
  for k, c in ipairs(shown) do rows[1][k + 2] = c[1] end
  local function add(name, time, cell)
    local row = { name, ("%.1f%%"):format(100 * time / profile.seconds) }
    for k, c in ipairs(shown) do row[k + 2] = cell(c) end
    rows[#rows + 1] = row
  end
  local function add_sum(name, time)
    add(name, time, function(c) return c == columns[1] and seconds_text(time) or "" end)
  end
  local counted, others = 0, 0
  for i, r in ipairs(profile) do
    local time = r.seconds + r.backwardSeconds
    counted = counted + time
    if i <= most then
      add(r.name, time, function(c) return c[2](r) end)
    else
      others = others + time
    end
  end
  if #profile > most then add_sum(("(%d more operators)"):format(#profile - most), others) end
  add_sum("(Lua and all else)", math.max(profile.seconds - counted, 0))
  return rows
end

local function in_columns(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for k, text in ipairs(row) do widths[k] = math.max(widths[k] or 0, #text) end
  end
  for i, row in ipairs(rows) do
    local parts = {}
    for k, text in ipairs(row) do
      local space = (" "):rep(widths[k] - #text)
      parts[k] = k == 1 and text .. space or space .. text
    end
    lines[i] = table.concat(parts, "  "):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

-- ---- the profile ------------------------------------------------------------------------------------

local Profile = {}
Profile.__index = Profile

-- The C half of a profile, by profile.
local counts = setmetatable({}, { __mode = "k" })

local keys = {
  time = function(r) return r.seconds + r.backwardSeconds end,
  forward = function(r) return r.seconds end,
  backward = function(r) return r.backwardSeconds end,
  calls = function(r) return r.calls + r.backwardCalls end,
  bytes = function(r) return r.bytes + r.backwardBytes end,
  deviceTime = function(r) return r.deviceSeconds + r.backwardDeviceSeconds end,
  deviceBytes = function(r) return r.deviceBytes + r.backwardDeviceBytes end,
  name = function(r) return r.name end,
}

return function(torch)
  --- Profile:sort(by)
  --
  -- Puts the rows of a profile of torch.profile in another order: the largest first; by name from a on.
  --
  -- by: "time", of forward and backward together; "forward"; "backward"; "calls"; "bytes"; "deviceTime" and
  --   "deviceBytes", both of devices alone; "name"
  -- Returns: the profile
  -- Example:
  --   p = torch.profile(function() return torch.ones(3):exp() end)
  --   p:sort("calls")[1].calls --> 1
  function Profile:sort(by)
    local key = keys[by]
    if not key then
      raise("Profile:sort: there is no order '%s'; there are time, forward, backward, calls, bytes, "
        .. "deviceTime, deviceBytes, name",
        tostring(by))
    end
    table.sort(self, function(a, b)
      local x, y = key(a), key(b)
      if x == y then return a.name < b.name end
      if by == "name" then return x < y end
      return x > y
    end)
    return self
  end

  --- Profile:text([most])
  --
  -- A profile of torch.profile as a table for people; print(profile) prints it too.
  --
  -- most: how many operators; 30 by default
  -- Returns: a string; Profile:rows gives its fields as an array of arrays of strings, headings first
  -- Example:
  --   p = torch.profile(function() return torch.ones(3):exp() end)
  --   p:text():match("%a+") --> operator
  function Profile:text(most)
    return in_columns(text_rows(self, most or 30))
  end

  function Profile:rows(most)
    return text_rows(self, most or 30)
  end

  Profile.__tostring = Profile.text

  -- The events of a trace, one after another: first what the operators did on the host, then what devices
  -- did, each of which is a process with its streams as threads.
  local function each_event(self, write)
    local box = counts[self]
    for i = 1, self.events do
      local row, backward, start, length, bytes, device_bytes = torch._profileevent(box, i)
      write {
        name = backward and self.names[row] .. " backward" or self.names[row],
        cat = backward and "backward" or "forward", ph = "X", ts = start, dur = length, pid = 1, tid = 1,
        args = { bytes = bytes, deviceBytes = device_bytes > 0 and device_bytes or nil },
      }
    end
    local tracks = {}
    for i = 1, self.deviceEvents do
      local row, backward, start, length, device, stream = torch._profiledeviceevent(box, i)
      local track = ("%d %d"):format(device, stream)
      if not tracks[track] then
        tracks[track] = true
        write { name = "process_name", ph = "M", pid = 1 + device,
          args = { name = ("cuda:%d"):format(device) } }
        write { name = "thread_name", ph = "M", pid = 1 + device, tid = stream,
          args = { name = ("stream %d"):format(stream) } }
      end
      write {
        name = backward and self.names[row] .. " backward" or self.names[row], cat = "device", ph = "X",
        ts = start, dur = length, pid = 1 + device, tid = stream,
      }
    end
  end

  --- Profile:save(path)
  --
  -- Writes the single calls of a profile of torch.profile as a trace in Chrome's JSON format, which
  -- chrome://tracing and https://ui.perfetto.dev draw along a line of time.  What a device did for them has
  -- a line for each of its streams, on the same clock.
  --
  -- path: name of the file
  -- Returns: how many calls are in it
  -- Errors: the file cannot be written
  -- From: the Trace Event Format of Chromium
  -- Example:
  --   path = os.tmpname()
  --   torch.profile(function() return torch.ones(3):exp() end):save(path) --> 1
  --   os.remove(path)
  function Profile:save(path)
    local json = require "json"
    local file, message = io.open(path, "w")
    if not file then raise("Profile:save: %s", message) end
    file:write('{"displayTimeUnit": "ns", "traceEvents": [')
    local separator = "\n"
    each_event(self, function(event)
      file:write(separator, json.encode(event))
      separator = ",\n"
    end)
    local ok, why = file:write("\n]}\n")
    local closed, why_not = file:close()
    if not ok or not closed then raise("Profile:save: %s: %s", path, why or why_not) end
    return self.events
  end

  local function lines_of(box)
    local lines = torch._profilelines(box)
    table.sort(lines, function(a, b)
      if a.bytes ~= b.bytes then return a.bytes > b.bytes end
      return a.where < b.where
    end)
    return lines
  end

  local function finish(box, begun, lines)
    torch._profilefinish(box)
    local seconds = clock.now() - begun
    local rows, events, dropped, device_events = torch._profilerows(box)
    local profile = setmetatable(rows, Profile)
    profile.seconds, profile.events, profile.dropped, profile.names = seconds, events, dropped, {}
    profile.deviceEvents, profile.usesDevice = device_events, false
    for i, row in ipairs(rows) do
      profile.names[i] = row.name
      if keys.deviceTime(row) > 0 or keys.deviceBytes(row) > 0 then profile.usesDevice = true end
    end
    if lines then profile.lines = lines_of(box) end
    counts[profile] = box
    return profile:sort(profile.usesDevice and "deviceTime" or "time")
  end

  --- torch.profile(f [, options])
  --
  -- Calls f() and counts what the operators cost that it runs, forward and backward.  The time of an
  -- operator is its own: that of an operator which calls others goes without theirs.  Of a backward all
  -- counts that it computes, with the adding up of gradients.  What no gradient can flow through (sort,
  -- random numbers) may be missing; it is in the last row of the text.
  --
  -- A device works behind the script; its time is that between two events in its stream, before and behind
  -- an operator's work.  Nothing is waited for until f has returned.  A device with nothing else to do waits
  -- between the two for the script, and that counts.
  --
  -- f: function
  -- options: table of any of these:
  --   events: how many single calls are kept for Profile:save, 1000000 by default
  --   lines: true counts by line of the script what is allocated for elements
  -- Returns: a table with a row for each operator, the slowest first, which is the slowest on devices where
  --   they were used: name; calls, seconds, bytes (allocated for elements), deviceSeconds and deviceBytes
  --   (those of bytes that are on devices) of its forward; backwardCalls, backwardSeconds, backwardBytes,
  --   backwardDeviceSeconds, backwardDeviceBytes. Its field seconds is the time of the whole, with what the
  --   devices still had to do at the end; events is the number of single calls that were kept; usesDevice
  --   tells whether there was work for one; lines is a list of { where =, storages =, bytes =,
  --   deviceBytes = }, the most bytes first. Then what f returned
  -- Errors: a profile is being made already; an error of f; what kernels refused
  -- From: PyTorch
  -- Example:
  --   x = torch.ones(2, 2):requireGrad()
  --   p = torch.profile(function() torch.mm(x, x):sum():backward() end)
  --   p:sort("name")[1].name, p[1].calls, p[1].backwardCalls --> mm 1 1
  function torch.profile(f, options)
    local mt = debug.getmetatable(f)
    if type(f) ~= "function" and not (type(mt) == "table" and mt.__call) then
      raise("torch.profile: wanted a function, got a %s", torch.type(f))
    end
    if options ~= nil and type(options) ~= "table" then
      raise("torch.profile: the options are a %s, wanted a table", type(options))
    end
    local most = options and options.events or 1000000
    local lines = options and options.lines or false
    local box = torch._profilestart(most, lines)
    local begun = clock.now()
    local _ <close> = box -- stops, whatever happens
    local results = table.pack(f())
    return finish(box, begun, lines), table.unpack(results, 1, results.n)
  end

  torch._Profile = Profile
end
