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

local headings = { "operator", "share", "time", "calls", "bytes", "backward", "calls", "bytes" }

-- Rows of texts, the heading first; the first `most` operators, and what is left as the last row.
local function text_rows(profile, most)
  local rows, others, shown = { headings }, 0, 0
  for i, r in ipairs(profile) do
    local time = r.seconds + r.backwardSeconds
    if i <= most then
      shown = shown + time
      rows[#rows + 1] = { r.name, ("%.1f%%"):format(100 * time / profile.seconds), seconds_text(r.seconds),
        count_text(r.calls), bytes_text(r.bytes), seconds_text(r.backwardSeconds),
        count_text(r.backwardCalls), bytes_text(r.backwardBytes) }
    else
      others = others + time
    end
  end
  local function add(name, time)
    rows[#rows + 1] = { name, ("%.1f%%"):format(100 * time / profile.seconds), seconds_text(time), "", "", "",
      "", "" }
  end
  if #profile > most then add(("(%d more operators)"):format(#profile - most), others) end
  add("(Lua and all else)", math.max(profile.seconds - shown - others, 0))
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
  name = function(r) return r.name end,
}

return function(torch)
  --- Profile:sort(by)
  --
  -- Puts the rows of a profile of torch.profile in another order: the largest first; by name from a on.
  --
  -- by: "time", of forward and backward together; "forward"; "backward"; "calls"; "bytes"; "name"
  -- Returns: the profile
  -- Example:
  --   p = torch.profile(function() return torch.ones(3):exp() end)
  --   p:sort("calls")[1].calls --> 1
  function Profile:sort(by)
    local key = keys[by]
    if not key then
      raise("Profile:sort: there is no order '%s'; there are time, forward, backward, calls, bytes, name",
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

  local function write_event(file, json, self, i, first)
    local row, backward, start, length, bytes = torch._profileevent(counts[self], i)
    file:write(first and "\n" or ",\n", json.encode {
      name = backward and self.names[row] .. " backward" or self.names[row],
      cat = backward and "backward" or "forward",
      ph = "X", ts = start, dur = length, pid = 1, tid = 1, args = { bytes = bytes },
    })
  end

  --- Profile:save(path)
  --
  -- Writes the single calls of a profile of torch.profile as a trace in Chrome's JSON format, which
  -- chrome://tracing and https://ui.perfetto.dev draw along a line of time.
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
    for i = 1, self.events do write_event(file, json, self, i, i == 1) end
    local ok, why = file:write("\n]}\n")
    local closed, why_not = file:close()
    if not ok or not closed then raise("Profile:save: %s: %s", path, why or why_not) end
    return self.events
  end

  local function finish(box, begun)
    local seconds = clock.now() - begun
    torch._profilestop(box)
    local rows, events, dropped = torch._profilerows(box)
    local profile = setmetatable(rows, Profile)
    profile.seconds, profile.events, profile.dropped, profile.names = seconds, events, dropped, {}
    for i, row in ipairs(rows) do profile.names[i] = row.name end
    counts[profile] = box
    return profile:sort "time"
  end

  --- torch.profile(f [, options])
  --
  -- Calls f() and counts what the operators cost that it runs, forward and backward.  The time of an
  -- operator is its own: that of an operator which calls others goes without theirs.  Of a backward all
  -- counts that it computes, with the adding up of gradients.  On a device each operator is waited for, so
  -- that it is its own time that is counted.  What no gradient can flow through (sort, random numbers) may
  -- be missing; it is in the last row of the text.
  --
  -- f: function
  -- options: table. events: how many single calls are kept for Profile:save, 1000000 by default
  -- Returns: a table with a row for each operator, the slowest first: name; calls, seconds, bytes
  --   (allocated for elements) of its forward; backwardCalls, backwardSeconds, backwardBytes. Its field
  --   seconds is the time of the whole, events the number of single calls that were kept. Then what f
  --   returned
  -- Errors: a profile is being made already; an error of f
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
    local box = torch._profilestart(most)
    local begun = clock.now()
    local _ <close> = box -- stops, whatever happens
    local results = table.pack(f())
    return finish(box, begun), table.unpack(results, 1, results.n)
  end

  torch._Profile = Profile
end
