-- Timer: torch.Timer, torch.tic and torch.toc: how long something takes.

local clock = require "torch._clock"

local function reading()
  local user, sys = clock.usage()
  return { real = clock.now(), user = user, sys = sys }
end

return function(torch)
  local Timer = torch.class("torch.Timer", torch)

  --- Measures time, from now on.
  -- From: Torch7
  -- Example:
  --   timer = torch.Timer()
  --   timer:time().real < 60 --> true
  function Timer:__init()
    -- `total` is what was counted before `since`; a stopped timer has no `since`.
    self.total = { real = 0.0, user = 0.0, sys = 0.0 }
    self.since = reading()
  end

  --- timer:reset(); timer:stop(); timer:resume()
  --
  -- Begins again from zero (a stopped timer stays stopped); stops the clock; has it go on.
  --
  -- Returns: the timer
  -- From: Torch7
  -- Example:
  --   timer = torch.Timer():stop():reset()
  --   timer:time().real, timer:resume():time().real < 60 --> 0.0 true
  function Timer:reset()
    local running = self.since ~= nil
    Timer.__init(self)
    if not running then self.since = nil end
    return self
  end

  function Timer:stop()
    if self.since then
      self.total = self:time()
      self.since = nil
    end
    return self
  end

  function Timer:resume()
    if not self.since then self.since = reading() end
    return self
  end

  --- Seconds so far.
  --
  -- Returns: a table: real, by the clock; user, of the processor; sys, of it for the system
  -- From: Torch7
  -- Example:
  --   torch.Timer():time().user >= 0 --> true
  function Timer:time()
    local t = {}
    local now = self.since and reading()
    for kind, total in pairs(self.total) do
      t[kind] = total + (now and now[kind] - self.since[kind] or 0)
    end
    return t
  end

  function Timer:__tostring__()
    local t = self:time()
    return ("torch.Timer [status: %s -- real %.6f, user %.6f, sys %.6f]"):format(
      self.since and "running" or "stopped", t.real, t.user, t.sys)
  end

  --- timer:write(file); timer:read(file)
  --
  -- A timer in a file is a stopped one with the same total; for file:writeObject and readObject.
  --
  -- file: torch.File
  -- From: Torch7
  -- Example:
  --   timer = torch.Timer():stop()
  --   torch.deserialize(torch.serialize(timer)):time().real == timer:time().real --> true
  function Timer:write(file)
    file:writeObject(self:time())
  end

  function Timer:read(file)
    self.total, self.since = file:readObject(), nil
  end

  --- torch.tic(); torch.toc(moment)
  --
  -- A moment; the seconds since a moment.
  --
  -- moment: what torch.tic gave
  -- Returns: a number
  -- From: Torch7
  -- Example:
  --   torch.toc(torch.tic()) < 60 --> true
  function torch.tic()
    return clock.now()
  end

  function torch.toc(moment)
    return clock.now() - moment
  end
end
