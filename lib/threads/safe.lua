-- safe: functions that one thread at a time runs.
local core = require "threads._core"

local function finish(mutex, ok, ...)
  mutex:unlock()
  if not ok then error(..., 0) end
  return ...
end

--- threads.safe(f [, mutex])
--
-- A function that does what f does while it holds a mutex: of all threads that it was sent to, one at a
-- time runs it.  After an error the mutex is free again.
--
-- f: function
-- mutex: threads.Mutex; a new one by default
-- Returns: a function of the same arguments and results
-- From: Torch7
-- Example:
--   threads.safe(function(a, b) return a + b end)(1, 2) --> 3
return function(f, mutex)
  if type(f) ~= "function" then error("threads.safe: a function is wanted, got a " .. type(f), 2) end
  mutex = mutex or core.Mutex()
  return function(...)
    mutex:lock()
    return finish(mutex, pcall(f, ...))
  end
end
