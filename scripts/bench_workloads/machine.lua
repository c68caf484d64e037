-- machine.lua: how quiet the machine is while something is measured, and what its processor has.

local torch = require "torch"

local machine = {}

local function first_line(path)
  local file = io.open(path)
  if not file then return "" end
  local line = file:read("l")
  file:close()
  return line
end

local ticks -- of the system's clock, per second

-- Seconds of processor time: of everything on this machine, and of our finished children.
local function busy()
  if not ticks then
    local pipe = io.popen("getconf CLK_TCK")
    ticks = tonumber(pipe:read("a")) or 100
    pipe:close()
  end
  local total, i = 0, 0
  for n in first_line("/proc/stat"):gmatch("%d+") do
    i = i + 1
    if i <= 7 and i ~= 4 and i ~= 5 then total = total + tonumber(n) end -- not idle, not waiting for a disk
  end
  local own, fields = 0, first_line("/proc/self/stat"):match("%) (.*)") or ""
  i = 2
  for n in fields:gmatch("%S+") do
    i = i + 1
    if i == 16 or i == 17 then own = own + tonumber(n) end
  end
  return total / ticks, own / ticks
end

--- A function that says how many cores other processes have used since, on average.
function machine.watch()
  local all, own = busy()
  local start = torch.tic()
  return function()
    local all_now, own_now = busy()
    local others = (all_now - all - (own_now - own)) / math.max(torch.toc(start), 1e-3)
    return math.max(0, math.floor(others * 100 + 0.5) / 100)
  end
end

local SPIN = "local t, x = torch.tic(), 0 for i = 1, 1500000 do x = x ~ i * 3 end return torch.toc(t)"
local spin = load(SPIN, "spin", "t", { torch = torch })

--- Throughput of two busy processes over that of one: near 2, two whole cores are ours.
function machine.cpu2x(program)
  local alone = math.min(spin(), spin())
  local pipe = assert(io.popen(("'%s' -l torch -e 'print() io.flush() print((function() %s end)())'")
    :format(program, SPIN)))
  pipe:read("l")
  local ours = spin()
  local theirs = tonumber(pipe:read("a")) or ours
  pipe:close()
  return math.floor((alone / ours + alone / theirs) * 100 + 0.5) / 100
end

--- Waits, at most so many seconds, for a second in which other processes do next to nothing.
function machine.wait(seconds)
  local start = torch.tic()
  while torch.toc(start) < seconds do
    local watch = machine.watch()
    os.execute("sleep 1")
    if watch() <= 0.05 then return end
  end
end

--- Whether the processor has a feature, by the system's name for it.
function machine.has(feature)
  local file = io.open("/proc/cpuinfo")
  if not file then return false end
  local text = file:read("a")
  file:close()
  return text:find(" " .. feature .. " ", 1, true) ~= nil
end

return machine
