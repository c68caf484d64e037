-- profile: %prof: where the time of a statement goes, by line of the script and by operator.

local clock = require "torch._clock"
local display = require "cresset.repl.display"
local sampler = require "cresset._sampler"
local statement = require "cresset.repl.statement"
local torch = require "torch"

local profile = {}

local print = print

local MOST_LINES, MOST_OPERATORS = 15, 20

-- ---- the lines' texts -------------------------------------------------------------------------------

-- An array of the lines of a file, or of what was typed; empty when there is none.
local function lines_of(name)
  local lines = {}
  local text = require("cresset.repl").source(name)
  if not text then
    local file = io.open(name)
    text = file and file:read "a" or ""
    if file then file:close() end
  end
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

local function text_at(where, files)
  local name, number = where:match("^(.*):(%d+)$")
  files[name] = files[name] or lines_of(name)
  local text = (files[name][math.tointeger(tonumber(number))] or ""):gsub("^%s+", ""):gsub("[%c\127]", " ")
  return #text > 60 and text:sub(1, 57) .. "..." or text
end

-- ---- tables -----------------------------------------------------------------------------------------

-- Adds what lines allocated to those that took time.
local function add_allocated(lines, allocated)
  local by_where = {}
  for _, l in ipairs(lines) do by_where[l.where] = l end
  for _, a in ipairs(allocated) do
    local l = by_where[a.where]
    if not l and a.bytes > 0 and a.where ~= "" then
      l = { where = a.where, own = 0, total = 0 }
      lines[#lines + 1] = l
    end
    if l then l.host, l.device = a.bytes - a.deviceBytes, a.deviceBytes end
  end
end

local function bytes_text(n)
  return n and n > 0 and display.bytes(n) or ""
end

local function print_lines(lines, seconds, uses_device)
  table.sort(lines, function(a, b)
    if a.own ~= b.own then return a.own > b.own end
    if a.total ~= b.total then return a.total > b.total end
    local x, y = (a.host or 0) + (a.device or 0), (b.host or 0) + (b.device or 0)
    if x ~= y then return x > y end
    return a.where < b.where
  end)
  local rows, files = { { "share", "own", "with calls", "tensors", "line", "" } }, {}
  for i = 1, math.min(#lines, MOST_LINES) do
    local l = lines[i]
    rows[#rows + 1] = { ("%.1f%%"):format(100 * l.own / seconds), display.seconds(l.own),
      display.seconds(l.total), bytes_text(l.host), l.where,
      text_at(l.where, files) }
    if uses_device then table.insert(rows[#rows], 5, bytes_text(l.device)) end
  end
  if uses_device then table.insert(rows[1], 5, "on device") end
  display.rows(rows, { true, true, true, true, uses_device })
  if #lines > MOST_LINES then print(("... %d more lines"):format(#lines - MOST_LINES)) end
end

-- ---- the command ------------------------------------------------------------------------------------

local function target(argument, session)
  local file = argument:match("^run%s+(%S.*)$")
  if not file then return statement.compile("prof", argument, session) end
  local run = require("cresset.repl.session").run[3]
  return function() return run(file, session) end
end

local function report(seconds, lines, samples, operators)
  print(("%s; %d samples"):format(display.seconds(seconds), samples))
  add_allocated(lines, operators.lines)
  if #lines > 0 then print_lines(lines, seconds, operators.usesDevice) end
  if #operators > 0 then
    local rows, right = operators:rows(MOST_OPERATORS), {}
    for k = 2, #rows[1] do right[k] = true end
    print()
    display.rows(rows, right)
  end
end

-- Runs it with both profiles; the results come after the tables.
local function measured(f)
  local sampling <close> = sampler.start()
  local begun = clock.now()
  local results = table.pack(torch.profile(f, { events = 0, lines = true }))
  local seconds = clock.now() - begun
  local lines, samples = sampler.stop(sampling)
  report(seconds, lines, samples, results[1])
  return table.unpack(results, 2, results.n)
end

local function prof(argument, session)
  local f = target(argument, session)
  return measured(f)
end

profile.prof = { "prof statement | run file", "where time goes, by line and by operator", prof, true }

return profile
