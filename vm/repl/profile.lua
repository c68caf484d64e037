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

local function print_lines(lines, seconds)
  table.sort(lines, function(a, b)
    if a.own ~= b.own then return a.own > b.own end
    if a.total ~= b.total then return a.total > b.total end
    return a.where < b.where
  end)
  local rows, files = { { "share", "own", "with calls", "line", "" } }, {}
  for i = 1, math.min(#lines, MOST_LINES) do
    local l = lines[i]
    rows[#rows + 1] = { ("%.1f%%"):format(100 * l.own / seconds), display.seconds(l.own),
      display.seconds(l.total), l.where, text_at(l.where, files) }
  end
  display.rows(rows, { true, true, true })
  if #lines > MOST_LINES then print(("... %d more lines"):format(#lines - MOST_LINES)) end
end

local right = { false, true, true, true, true, true, true, true }

-- ---- the command ------------------------------------------------------------------------------------

local function target(argument, session)
  local file = argument:match("^run%s+(%S.*)$")
  if not file then return statement.compile("prof", argument, session) end
  local run = require("cresset.repl.session").run[3]
  return function() return run(file, session) end
end

local function report(seconds, lines, samples, operators)
  print(("%s; %d samples"):format(display.seconds(seconds), samples))
  if #lines > 0 then print_lines(lines, seconds) end
  if #operators > 0 then
    print()
    display.rows(operators:rows(MOST_OPERATORS), right)
  end
end

-- Runs it with both profiles; the results come after the tables.
local function measured(f)
  local sampling <close> = sampler.start()
  local begun = clock.now()
  local results = table.pack(torch.profile(f, { events = 0 }))
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
