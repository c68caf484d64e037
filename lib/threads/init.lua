-- threads: Torch7's package: jobs on threads, each with an interpreter of its own.
local core = require "threads._core"

local threads = {
  Mutex = core.Mutex,
  Condition = core.Condition,
  AtomicCounter = core.AtomicCounter,
  Queue = core.Queue,
  Thread = require "threads.thread",
  Threads = require "threads.threads",
  safe = require "threads.safe",
}
threads.serialization = threads.Threads.serialization

-- Torch7 scripts call the package itself.
return setmetatable(threads, getmetatable(threads.Threads))
