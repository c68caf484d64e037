-- Profiler: how long named parts of a script take.

local clock = require "torch._clock"

local Profiler = {}
Profiler.__index = Profiler

local function define(xlua)
  --- xlua.Profiler([mode [, verbose]])
  --
  -- Measures named parts of a script.
  --
  -- mode: "off" prints nothing
  -- verbose: true prints each part when it begins and ends
  -- Returns: a profiler.  profiler:start(name [, "fps"]) begins a part, profiler:lap(name [, divider]) gives
  --   its seconds by the clock and by the processor so far; profiler:real and profiler:cpu give one of them.
  --   profiler:print(name), profiler:printAll(), profiler:format(name) and profiler:formatAll() show them
  -- From: Torch7
  -- Example:
  --   profiler = xlua.Profiler()
  --   profiler:start("loop")
  --   profiler:lap("loop") >= 0 --> true
  function xlua.Profiler(mode, verbose)
    return setmetatable({ events = {}, list = {}, off = mode == "off", verbose = verbose or false }, Profiler)
  end
end

local function event_of(self, name)
  local event = self.events[name]
  if not event then
    error(("xlua.Profiler: there is no part '%s'; start it first"):format(tostring(name)), 3)
  end
  return event
end

function Profiler:start(name, fps)
  local event = self.events[name]
  if not event then
    event = { name = name }
    self.events[name] = event
    self.list[#self.list + 1] = event
  end
  event.cpu, event.real = os.clock(), clock.now()
  if fps == "fps" then event.fps = true end
  if self.verbose then io.write("<", name, ">") end
end

function Profiler:setColor(name, color)
  event_of(self, name).color = color
end

function Profiler:cpu(name, divider)
  local event = event_of(self, name)
  event.cpud = (os.clock() - event.cpu) / (divider or 1)
  return event.cpud
end

function Profiler:real(name, divider)
  local event = event_of(self, name)
  event.reald = (clock.now() - event.real) / (divider or 1)
  return event.reald
end

function Profiler:lap(name, divider)
  local real, cpu = self:real(name, divider), self:cpu(name, divider)
  if self.verbose then
    io.write("\r")
    self:print(name)
  end
  return real, cpu
end

function Profiler:format(name)
  local event = event_of(self, name)
  return ("$ real | cpu: %f | %f <%s>"):format(event.reald or -1, event.cpud or -1, name)
end

function Profiler:print(name)
  if not self.off then print(self:format(name)) end
end

function Profiler:formatAll()
  local lines = { "$ profiler report:" }
  for _, event in ipairs(self.list) do
    local line = ("$ real %f | cpu %f <%s>"):format(event.reald or -1, event.cpud or -1, event.name)
    if event.fps and event.reald then line = line .. (" = %f fps"):format(1 / event.reald) end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

function Profiler:printAll()
  if not self.off then print(self:formatAll()) end
end

return define
