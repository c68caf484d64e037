-- threads: Torch7's package: jobs on threads, each with an interpreter of its own.
local core = require "threads._core"

local threads = {
  Mutex = core.Mutex,
  Condition = core.Condition,
  AtomicCounter = core.AtomicCounter,
  Threads = require "threads.threads",
  safe = require "threads.safe",
}

-- Torch7 scripts call the package itself, and its functions those of Threads.
return setmetatable(threads, getmetatable(threads.Threads))
