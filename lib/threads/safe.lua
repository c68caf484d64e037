-- safe: functions that one thread at a time runs.
local core = require "threads._core"

return function(f, mutex)
  if type(f) ~= "function" then error("threads.safe: a function is wanted, got a " .. type(f), 2) end
  mutex = mutex or core.Mutex()
  local function unlock(...)
    mutex:unlock()
    return ...
  end
  return function(...)
    mutex:lock()
    local results = table.pack(pcall(f, ...))
    unlock()
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end
end
