-- timing: %time and %timeit: how long a statement takes.

local clock = require "torch._clock"
local display = require "cresset.repl.display"
local statement = require "cresset.repl.statement"

local timing = {}

local print = print
local torch = require "torch"

-- ---- once -----------------------------------------------------------------------------------------

-- What is still there may be garbage that the collector has not come to.
local function memory_text(before, after)
  local taken, kept = after.peak - before.live, after.live - before.live
  return ("tensors: %s taken at most, %s%s still there"):format(display.bytes(math.max(taken, 0)),
    kept < 0 and "-" or "", display.bytes(math.abs(kept)))
end

-- What f gives, after its time was printed; the peak of torch.memory() is as it would be without.
local function time(argument, session)
  local f = statement.compile("time", argument, session)
  local before = torch.memory()
  torch.resetPeak()
  local user, system = clock.usage()
  local begun = clock.now()
  local results = table.pack(f())
  local seconds = clock.now() - begun
  local user_after, system_after = clock.usage()
  local after = torch.memory()
  if after.peak < before.peak then torch._setpeak(before.peak) end
  print(("wall %s, processor %s (%s of it the system's); %s"):format(display.seconds(seconds),
    display.seconds(user_after - user + system_after - system), display.seconds(system_after - system),
    memory_text(before, after)))
  return table.unpack(results, 1, results.n)
end

-- ---- many times -----------------------------------------------------------------------------------

local WANTED = 0.2 -- seconds of a repeat

-- How many loops last about as long as wanted.  The first loop, which may load or allocate, is for nothing.
local function choose(loop)
  loop(1, clock.now)
  local n = 1
  while n < 1e9 do
    local seconds = loop(n, clock.now)
    if seconds >= WANTED / 4 then return math.max(1, math.floor(n * WANTED / seconds + 0.5)) end
    n = seconds < WANTED / 400 and n * 10 or math.ceil(n * WANTED / 2 / seconds)
  end
  return n
end

local function option(argument, letter)
  local value, rest = argument:match("^%-" .. letter .. "%s*(%d+)%s+(.*)$")
  if not value then return nil, argument end
  value = math.tointeger(tonumber(value))
  if not value or value < 1 then error(("%%timeit: -%s is a whole number from 1 on"):format(letter), 0) end
  return value, rest
end

local function options(argument)
  local loops, repeats
  for _ = 1, 2 do
    local n, r
    n, argument = option(argument, "n")
    r, argument = option(argument, "r")
    loops, repeats = n or loops, r or repeats
  end
  return loops, repeats or 7, argument
end

-- The collector works as always while the loops run, and what it does counts; garbage from before does not:
-- it is collected before each repeat.
local function timeit(argument, session)
  local loops, repeats, text = options(argument)
  local loop = statement.loop("timeit", text, session)
  loops = loops or choose(loop)
  local sum, squares, best, worst = 0, 0, math.huge, 0
  for k = 1, repeats do
    collectgarbage()
    local t = loop(loops, clock.now) / loops
    local off = t - sum / math.max(k - 1, 1)
    sum = sum + t
    squares = squares + off * (t - sum / k) * (k > 1 and 1 or 0)
    best, worst = math.min(best, t), math.max(worst, t)
  end
  local deviation = repeats > 1 and math.sqrt(squares / (repeats - 1)) or 0
  print(("%s +- %s a loop; best %s, worst %s (%d repeat%s of %d loop%s; the collector counts)"):format(
    display.seconds(sum / repeats), display.seconds(deviation), display.seconds(best), display.seconds(worst),
    repeats, repeats == 1 and "" or "s", loops, loops == 1 and "" or "s"))
end

timing.time = { "time statement", "runs a statement and prints its time and its tensors' memory", time, true }
timing.timeit = { "timeit [-n loops] [-r repeats] statement", "the time of one loop, of many", timeit,
  function(argument) return (select(3, options(argument))) end }

return timing
