-- Thread: a thread that runs a piece of code.
local core = require "threads._core"
local worker = require "threads.worker"

local Thread = {}
local meta = { __index = Thread, __name = "threads.Thread" }

--- threads.Thread(code); thread:free()
--
-- Starts a thread with an interpreter of its own, which runs the code; thread:free() waits for its end.
-- Without free, the thread is stopped when the object is collected.
--
-- code: string of Lua; it shares nothing with its surroundings but mutexes, conditions and queues by id
-- Returns: an object with the method free
-- Errors: free: the code failed
-- From: Torch7
-- Example:
--   queue = threads.Queue(1)
--   code = "local threads = require 'threads' threads.Queue(%d):addjob(function() return 5 end)"
--   thread = threads.Thread(code:format(queue:id()))
--   queue:dojob() --> 5
--   thread:free()
local function new(code)
  if type(code) ~= "string" then error("threads.Thread: a string is wanted, got a " .. type(code), 2) end
  local pool = core.pool(1)
  pool:put(1, 1, false, worker.start, worker.settings(), 1)
  pool:put(1, 2, false, worker.run, code)
  return setmetatable({ _pool = pool }, meta)
end

function Thread:free()
  local pool = self._pool
  if not pool then return end
  for _ = 1, 2 do
    local _, _, answer = pool:take()
    local ok, message = answer:open()
    if not ok then
      self._pool = nil
      pool:stop()
      error("[thread] " .. message, 0)
    end
  end
  self._pool = nil
  pool:stop()
end

return new
