-- handles: the bytes under torch.DiskFile and torch.MemoryFile.
--
-- Both kinds have: read(n) -> up to n bytes; line() -> a line without its end, or nil; rest();
-- unpack(format, size) -> a number of `size` bytes, or nil; elements(storage) fills a storage with raw
-- bytes -> how many elements came; put(storage) writes it so; map(name, n, size) -> a storage that
-- leaves its elements in the file (on disk only);
-- token() -> characters up to white space, after any that comes first; skip(c) passes c if it is next;
-- write(bytes) -> true, or nil and a message; tell() and seek(offset), from 0; size() -> bytes, or nil
-- when it cannot be known; flush(); close().

local disk = require "torch._disk"

local CHUNK = 1 << 20

-- ---- files on disk ----------------------------------------------------------------------------

local Disk = {}
Disk.__index = Disk

-- C wants a seek between reading and writing.
function Disk:turn(doing)
  if self.pushed or (self.doing and self.doing ~= doing) then self:seek(self:tell()) end
  self.doing = doing
end

local function next_char(self)
  local c = self.pushed
  if c then
    self.pushed = nil
    return c
  end
  return self.file:read(1)
end

function Disk:read(n)
  if self.doing ~= "read" then self:turn("read") end
  if n <= 0 then return "" end
  local file, first = self.file, self.pushed
  self.pushed = nil
  if first then n = n - 1 end
  if n <= CHUNK then
    local bytes = n > 0 and file:read(n) or ""
    return first and first .. bytes or bytes
  end
  -- In parts, so that a size that is wrong costs no more memory than the file is long.
  local parts = { first }
  while n > 0 do
    local bytes = file:read(math.min(n, 16 * CHUNK))
    if not bytes then break end
    parts[#parts + 1] = bytes
    n = n - #bytes
  end
  return table.concat(parts)
end

function Disk:unpack(format, size)
  local bytes = self:read(size)
  if #bytes == size then return (format:unpack(bytes)) end
end

function Disk:elements(storage)
  self:turn("read")
  return disk.read(self.file, storage, 1, #storage)
end

function Disk:put(storage)
  if self.doing ~= "write" then self:turn("write") end
  return disk.write(self.file, storage, 1, #storage)
end

-- n elements that stay in the file, or nil when they do not lie so that they can.
function Disk:map(storage, n, size)
  local at = self:tell()
  local mapped = disk.map(self.file, storage, at, n)
  if mapped then self:seek(at + n * size) end
  return mapped
end

function Disk:line()
  self:turn("read")
  return self.file:read("l")
end

function Disk:rest()
  self:turn("read")
  return self.file:read("a")
end

function Disk:token()
  if self.doing ~= "read" then self:turn("read") end
  local c = next_char(self)
  while c and c:find("%s") do c = next_char(self) end
  local chars = {}
  while c and not c:find("%s") do
    chars[#chars + 1] = c
    c = next_char(self)
  end
  self.pushed = c
  return table.concat(chars)
end

function Disk:skip(char)
  local c = next_char(self)
  if c ~= char then self.pushed = c end
end

function Disk:write(bytes)
  if self.doing ~= "write" then self:turn("write") end
  local ok, message = self.file:write(bytes)
  return ok and true, message
end

function Disk:tell()
  local at = self.file:seek()
  return at and at - (self.pushed and 1 or 0)
end

function Disk:seek(offset)
  self.pushed = nil
  self.doing = nil
  return self.file:seek("set", offset)
end

function Disk:size()
  local at = self:tell()
  local size = at and self.file:seek("end")
  if size then self:seek(at) end
  return size
end

function Disk:flush()
  return self.file:flush()
end

function Disk:sync()
  return disk.sync(self.file)
end

function Disk:unbuffered()
  disk.unbuffered(self.file)
end

function Disk:close()
  return self.file:close()
end

-- ---- bytes in memory --------------------------------------------------------------------------

local Memory = {}
Memory.__index = Memory

-- Bytes appended since wait in a list; this makes one string of all.
local function settle(self)
  local added = self.added
  if added[1] then
    self.bytes = self.bytes .. table.concat(added)
    self.added, self.length = {}, #self.bytes
  end
  return self.bytes
end

function Memory:read(n)
  local bytes, at = settle(self), self.at
  local part = bytes:sub(at + 1, at + n)
  self.at = at + #part
  return part
end

function Memory:unpack(format, size)
  local bytes, at = self.added[1] and settle(self) or self.bytes, self.at
  if at + size > #bytes then return nil end
  self.at = at + size
  return (format:unpack(bytes, at + 1))
end

function Memory:line()
  local bytes = settle(self)
  if self.at >= #bytes then return nil end
  local ending = bytes:find("\n", self.at + 1, true) or #bytes + 1
  local line = bytes:sub(self.at + 1, ending - 1)
  self.at = math.min(ending, #bytes)
  return line
end

function Memory:rest()
  return self:read(#settle(self))
end

function Memory:token()
  local bytes = settle(self)
  local first, last = bytes:find("%S+", self.at + 1)
  if not first then
    self.at = #bytes
    return ""
  end
  self.at = last
  return bytes:sub(first, last)
end

function Memory:skip(char)
  if settle(self):sub(self.at + 1, self.at + 1) == char then self.at = self.at + 1 end
end

function Memory:write(bytes)
  if self.at == self.length then
    self.added[#self.added + 1] = bytes
    self.length = self.length + #bytes
  else
    local old = settle(self)
    self.bytes = old:sub(1, self.at) .. bytes .. old:sub(self.at + #bytes + 1)
    self.length = #self.bytes
  end
  self.at = self.at + #bytes
  return true
end

function Memory:tell()
  return self.at
end

function Memory:seek(offset)
  if offset > self.length then return nil, "beyond the end" end
  self.at = offset
  return offset
end

function Memory:size()
  return self.length
end

function Memory:flush()
  settle(self)
  return true
end

Memory.sync = Memory.flush
Memory.unbuffered = Memory.flush
Memory.close = Memory.flush

local handles = {}

function handles.disk(file)
  return setmetatable({ file = file }, Disk)
end

function handles.memory(bytes)
  return setmetatable({ bytes = bytes, added = {}, length = #bytes, at = 0 }, Memory)
end

return handles
