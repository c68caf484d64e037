-- file: event files as files: names, records, and what happens when one cannot be written.
--
-- A record is the length of its bytes in eight bytes, the checksum of that in four, the bytes, their
-- checksum in four; all little-endian. A record goes to the system in one piece, so that a program that is
-- killed leaves every record before readable.

local clock = require "torch._clock"
local disk = require "torch._disk"
local events = require "tensorboard._events"
local paths = require "paths"

local file = {}

-- Longer records are taken for damage.
file.LONGEST = 2 ^ 28

-- ---- names -----------------------------------------------------------------------------------------

-- The names of a folder's event files in the order in which they were begun.
function file.names(folder)
  local names = {}
  for _, name in ipairs(paths.dir(folder) or {}) do
    if name:find("tfevents", 1, true) and paths.filep(folder .. "/" .. name) then names[#names + 1] = name end
  end
  return names -- sorted: the time comes first
end

-- The second that goes into a new name: readers take the files in the order of their names.
local function second_for(folder)
  local second = math.floor(clock.wall())
  for _, name in ipairs(file.names(folder)) do
    second = math.max(second, (math.tointeger(name:match("tfevents%.(%d+)")) or 0) + 1)
  end
  return second
end

-- A new file in the folder, under a name that nothing has; the stream and its name, or nil and a message.
function file.create(folder, suffix)
  local ok, message = paths.mkdir(folder, true)
  if not ok then return nil, message end
  local _, host = paths.uname()
  local stem = ("%s/events.out.tfevents.%010d.%s%s"):format(folder, second_for(folder),
    (host or "host"):gsub("[^%w._-]", "_"), suffix or "")
  local stream, name = disk.temporary(stem)
  if stream then stream:setvbuf("full", 2 ^ 16) end
  return stream, name
end

-- ---- writing ---------------------------------------------------------------------------------------

function file.record(bytes)
  local length = ("<I8"):pack(#bytes)
  local _, a = events.crc32c(length)
  local _, b = events.crc32c(bytes)
  return length .. ("<I4"):pack(a) .. bytes .. ("<I4"):pack(b)
end

local Writer = {}
Writer.__index = Writer

-- A new event file. Errors of opening are returned as nil and a message; those of writing are told once, on
-- the standard error, and end the file: what follows a torn record could not be read.
function file.writer(folder, suffix, flush_seconds)
  local stream, name = file.create(folder, suffix)
  if not stream then return nil, name end
  return setmetatable({ stream = stream, name = name, flush_seconds = flush_seconds, flushed = clock.now() },
    Writer)
end

function Writer:check(ok, message)
  if ok or self.failed then return ok end
  self.failed = true
  io.stderr:write(("tensorboard: %s: cannot write: %s; what comes is not logged there\n"):format(self.name,
    tostring(message)))
  return nil
end

function Writer:add(event)
  if self.failed or not self.stream then return end
  event.wall_time = event.wall_time or clock.wall()
  if not self:check(self.stream:write(file.record(events.pack("Event", event)))) then return end
  if clock.now() - self.flushed >= self.flush_seconds then self:flush() end
end

function Writer:flush()
  if self.failed or not self.stream then return end
  self.flushed = clock.now()
  self:check(self.stream:flush())
end

function Writer:close()
  if not self.stream then return end
  local stream = self.stream
  self:flush()
  self.stream = nil
  stream:close()
end

-- ---- reading ---------------------------------------------------------------------------------------

-- An iterator over the records of a stream. It ends with nil and, unless the file ends there, what is wrong.
function file.records(stream)
  local at = 0
  return function()
    local head = stream:read(12)
    if not head then return nil end
    if #head < 12 then return nil, ("byte %d: the file ends within a record"):format(at) end
    local length, sum = ("<i8I4"):unpack(head)
    local _, masked = events.crc32c(head:sub(1, 8))
    if sum ~= masked or length < 0 or length > file.LONGEST then
      return nil, ("byte %d: no record of an event file"):format(at)
    end
    local bytes = length > 0 and stream:read(length) or ""
    local tail = stream:read(4)
    if not bytes or #bytes < length or not tail or #tail < 4 then
      return nil, ("byte %d: the file ends within a record"):format(at)
    end
    _, masked = events.crc32c(bytes)
    if ("<I4"):unpack(tail) ~= masked then return nil, ("byte %d: a damaged record"):format(at) end
    at = at + 16 + length
    return bytes
  end
end

return file
