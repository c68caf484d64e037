-- File: torch.File and its kinds, DiskFile and MemoryFile: reading and writing numbers, storages and
-- strings, as text or in binary.

local handles = require "torch.handles"
local raise = require("torch.caller").raise

-- What one element of each storage type is in a file.  `raw`: a text file holds its byte as it is.
local codecs = {
  Byte = { pack = "B", size = 1, raw = true, low = 0, high = 255 },
  Char = { pack = "b", size = 1, raw = true, low = -128, high = 127 },
  Short = { pack = "i2", size = 2, low = -0x8000, high = 0x7fff },
  Int = { pack = "i4", size = 4, low = -0x80000000, high = 0x7fffffff },
  Long = { pack = "i8", size = 8 },
  Float = { pack = "f", size = 4, text = "%.9g" },
  Double = { pack = "d", size = 8, text = "%.17g" },
  Half = { size = 2, text = "%.9g" },
  BFloat16 = { size = 2, text = "%.9g" },
  Bool = { size = 1, raw = true },
}

local integers = { Byte = true, Char = true, Short = true, Int = true, Long = true }

-- A number cut to an integer type, as C's conversion does it.
local function to_integer(value, codec)
  local i = math.tointeger(value)
  if not i then
    if value ~= value or value >= 2.0 ^ 63 or value < -2.0 ^ 63 then return math.mininteger end
    i = math.tointeger(value < 0 and math.ceil(value) or math.floor(value))
  end
  if codec.low and (i < codec.low or i > codec.high) then
    local range = codec.high - codec.low + 1
    i = (i - codec.low) % range + codec.low
  end
  return i
end

local swaps = {
  [2] = { "(.)(.)", "%2%1" },
  [4] = { "(.)(.)(.)(.)", "%4%3%2%1" },
  [8] = { "(.)(.)(.)(.)(.)(.)(.)(.)", "%8%7%6%5%4%3%2%1" },
}

local function swap_bytes(bytes, size)
  local swap = swaps[size]
  return swap and (bytes:gsub(swap[1], swap[2])) or bytes
end

local function text_of(value, codec)
  if type(value) == "boolean" then return value and "1" or "0" end
  if codec.text then
    local text = codec.text:format(value)
    return (text:gsub("^%-(nan)", "%1"))
  end
  return ("%d"):format(to_integer(value, codec))
end

-- A number as Torch7's files spell it.
local function number_of(text)
  local sign, word = text:lower():match("^([+-]?)(%a+)$")
  if word == "nan" then return 0.0 / 0.0 end
  if word == "inf" or word == "infinity" then return sign == "-" and -math.huge or math.huge end
  local x = text:find("^[+-]?[%d.]") and tonumber(text) or nil
  return x == 0 and text:sub(1, 1) == "-" and -0.0 or x
end

return function(torch)
  local File = torch.class("torch.File", torch)

  --- torch.File
  -- What torch.DiskFile, torch.MemoryFile and torch.PipeFile have in common; it makes no files itself.
  --
  -- From: Torch7
  -- Example:
  --   torch.isTypeOf(torch.MemoryFile(), "torch.File") --> true
  function File.__init()
    raise("torch.File: make a torch.DiskFile or a torch.MemoryFile")
  end

  -- Records an error; raises it unless the file is quiet.
  function File:_fail(message, ...)
    self._error = true
    if not self._quiet then raise(self._name .. ": " .. message, ...) end
  end

  local function opened(self, action)
    local h = self._handle
    if not h then raise("%s: the file is closed", self._name) end
    if action == "read" and not self._readable then raise("%s: opened for writing only", self._name) end
    if action == "write" and not self._writable then raise("%s: opened for reading only", self._name) end
    return h
  end

  local function init(self, name, handle, mode)
    self._name, self._handle = name, handle
    self._readable, self._writable = mode:find("r") ~= nil, mode:find("w") ~= nil
    self._binary, self._spacing, self._quiet, self._error = false, true, false, false
    self._long, self._big = 8, false
  end

  -- ---- switches ---------------------------------------------------------------------------------

  --- file:ascii(); file:binary(); file:autoSpacing(); file:noAutoSpacing(); file:quiet(); file:pedantic()
  -- file:clearError()
  --
  -- Numbers are written as text (at first) or as bytes; as text with (at first) or without blanks and
  -- ends of line between them.  quiet has errors noted and not raised, pedantic (at first) raised;
  -- clearError forgets one that was noted.
  --
  -- Returns: the file
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile():quiet()
  --   file:readInt(), file:hasError(), file:clearError():hasError() --> 0 true false
  local function switch(name, field, value)
    File[name] = function(self)
      self[field] = value
      return self
    end
  end

  --- file:isBinary(); file:isAutoSpacing(); file:isQuiet(); file:hasError(); file:isReadable()
  -- file:isWritable()
  --
  -- What is set, whether an error was noted, and what the file was opened for.
  --
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.MemoryFile("r"):isWritable() --> false
  local function query(name, field)
    File[name] = function(self) return self[field] end
  end

  switch("ascii", "_binary", false)
  switch("binary", "_binary", true)
  switch("autoSpacing", "_spacing", true)
  switch("noAutoSpacing", "_spacing", false)
  switch("quiet", "_quiet", true)
  switch("pedantic", "_quiet", false)
  switch("clearError", "_error", false)
  query("isBinary", "_binary")
  query("isAutoSpacing", "_spacing")
  query("isQuiet", "_quiet")
  query("hasError", "_error")
  query("isReadable", "_readable")
  query("isWritable", "_writable")

  --- The bytes that a Long takes in a binary file.
  --
  -- size: 4, 8, or 0 for 8
  -- Returns: the file
  -- Errors: another size
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile():binary():longSize(4)
  --   file:writeLong(1)
  --   file:position() --> 5
  function File:longSize(size)
    if size ~= 0 and size ~= 4 and size ~= 8 then
      raise("longSize: 0, 4 or 8 expected, got %s", tostring(size))
    end
    self._long = size == 0 and 8 or size
    return self
  end

  -- ---- the position -----------------------------------------------------------------------------

  --- file:position(); file:seek(position); file:seekEnd()
  --
  -- Where the next byte is read or written, the first being 1; goes to a place, or behind the last byte.
  --
  -- position: number
  -- Returns: position: an integer; the others the file
  -- Errors: the file has no places, as a pipe; the place lies outside
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile("abc", "r")
  --   file:seek(2):readString("*a"), file:position() --> bc 4
  function File:position()
    local at = opened(self):tell()
    if not at then
      self:_fail("has no position")
      return 0
    end
    return at + 1
  end

  function File:seek(position)
    local h = opened(self)
    local offset = to_integer(position, codecs.Long) - 1
    if offset < 0 then raise("%s: seek: the first position is 1", self._name) end
    if not h:seek(offset) then self:_fail("cannot seek to position %d", offset + 1) end
    return self
  end

  function File:seekEnd()
    local h = opened(self)
    local size = h:size()
    if not size or not h:seek(size) then self:_fail("cannot seek to the end") end
    return self
  end

  --- file:synchronize(); file:close()
  --
  -- Hands what was written to the system; ends the use of the file.
  --
  -- Returns: the file
  -- Errors: it cannot be written
  -- From: Torch7
  -- Example:
  --   file = torch.DiskFile("a.txt", "w")
  --   file:writeString("abc")
  --   file:synchronize():close()
  function File:synchronize()
    local ok, message = opened(self):flush()
    if not ok then self:_fail("%s", tostring(message)) end
    return self
  end

  function File:close()
    local h = opened(self)
    self._handle = nil
    local ok, message = h:close()
    if not ok then self:_fail("%s", tostring(message)) end
    return self
  end

  -- ---- raw bytes --------------------------------------------------------------------------------

  -- n bytes, or nil when there are fewer: a size in a damaged file may be anything, so it is compared
  -- with what is left before memory is taken for it.
  function File:_take(n)
    local h = opened(self, "read")
    if n > 1 << 20 then
      local size = h:size()
      if size and n > size - h:tell() then return nil end
    end
    local bytes = h:read(n)
    return #bytes == n and bytes or nil
  end

  function File:_put(bytes)
    local ok, message = opened(self, "write"):write(bytes)
    if not ok then self:_fail("cannot write: %s", tostring(message)) end
    return ok
  end

  -- A string as a CharStorage is written: raw in both modes.
  function File:_takeChars(n)
    local bytes = self:_take(n)
    if bytes and not self._binary and self._spacing and n > 0 then self._handle:skip("\n") end
    return bytes
  end

  function File:_putChars(bytes)
    self:_put(bytes)
    if not self._binary and self._spacing and #bytes > 0 then self:_put("\n") end
  end

  --- Reads text.
  --
  -- format: "*l" for the next line, "*a" for all that is left
  -- Returns: a string
  -- Errors: nothing is left
  -- From: Torch7
  -- Example:
  --   torch.MemoryFile("one\ntwo\n", "r"):readString("*l") --> one
  function File:readString(format)
    local h = opened(self, "read")
    format = tostring(format):gsub("^%*", "")
    local text
    if format:sub(1, 1) == "l" then
      text = h:line()
    elseif format:sub(1, 1) == "a" then
      text = h:rest()
      if text == "" then text = nil end
    else
      raise('readString: "*l" or "*a" expected')
    end
    if text then return text end
    self:_fail("nothing left to read")
    return ""
  end

  --- Writes a string as it is.
  --
  -- text: string
  -- Returns: the number of bytes
  -- From: Torch7
  -- Example:
  --   torch.MemoryFile():writeString("abc") --> 3
  function File:writeString(text)
    return self:_put(text) and #text or 0
  end

  -- ---- numbers ----------------------------------------------------------------------------------

  local function element_size(self, name)
    return name == "Long" and self._long or codecs[name].size
  end

  local formats = { [false] = {}, [true] = {} } -- by big-endian or not
  for name, codec in pairs(codecs) do
    if codec.pack then formats[false][name], formats[true][name] = "<" .. codec.pack, ">" .. codec.pack end
  end

  local function pack_format(self, name)
    if name == "Long" and self._long == 4 then name = "Int" end
    return formats[self._big][name]
  end

  local function cannot_read(self, name)
    local h = self._handle
    self:_fail("cannot read a %s at byte %d: %s", name, (h:tell() or -1) + 1,
      h:size() == h:tell() and "the file ends here" or "it is damaged")
    return 0
  end

  local function read_text_one(self, name)
    local codec, h = codecs[name], opened(self, "read")
    local value
    if codec.raw then
      value = h:unpack(formats[false][name], 1)
    else
      value = number_of(h:token())
      if value then value = integers[name] and to_integer(value, codec) or value * 1.0 end
    end
    if self._spacing then h:skip("\n") end
    return value or cannot_read(self, name)
  end

  local function read_one(self, name)
    if not self._binary then return read_text_one(self, name) end
    local h = opened(self, "read")
    return h:unpack(pack_format(self, name), element_size(self, name)) or cannot_read(self, name)
  end

  local function write_one(self, name, value)
    local codec = codecs[name]
    if integers[name] then value = to_integer(value, codec) end
    if self._binary or codec.raw then
      if name == "Long" and self._long == 4 then value = to_integer(value, codecs.Int) end
      self:_put(pack_format(self, name):pack(value))
      if codec.raw and not self._binary and self._spacing then self:_put("\n") end
    else
      self:_put(text_of(value, codec) .. (self._spacing and "\n" or ""))
    end
  end

  -- Up to n elements as little-endian bytes.
  local function read_binary(self, name, n)
    local size = element_size(self, name)
    if n < 0 or n > math.maxinteger // size then raise("read%s: %d elements", name, n) end
    local bytes = self:_take(n * size)
    if not bytes then bytes = self._quiet and self._handle:read(n * size) or "" end
    bytes = bytes:sub(1, #bytes // size * size)
    if self._big then bytes = swap_bytes(bytes, size) end
    return bytes
  end

  local function widen(bytes)
    local longs = {}
    for i = 1, #bytes, 4 do longs[#longs + 1] = ("<i8"):pack((("<i4"):unpack(bytes, i))) end
    return table.concat(longs)
  end

  local function narrow(bytes)
    local ints = {}
    for i = 1, #bytes, 8 do ints[#ints + 1] = bytes:sub(i, i + 3) end
    return table.concat(ints)
  end

  local function storage_name(name)
    return "torch." .. name .. "Storage"
  end

  local function read_text(self, name, n)
    local h, values, codec = opened(self, "read"), {}, codecs[name]
    local size = h:size()
    if size and n > size then n = size end -- an element takes a byte at least
    for i = 1, n do
      local value = number_of(h:token())
      if not value then break end
      values[i] = codec.text and value or to_integer(value, codec)
    end
    if self._spacing and n > 0 then h:skip("\n") end
    return torch[name .. "Storage"](values)
  end

  -- Whether elements in the file are as in memory, so that they need not pass through a Lua string.
  local function is_direct(self, name)
    return self._handle.elements and (codecs[name].raw or self._binary) and not self._big
      and element_size(self, name) == codecs[name].size
  end

  -- n elements straight from a file that is long enough for them; otherwise nil.
  local function read_direct(self, name, n)
    local h = opened(self, "read")
    local size = n > 1024 and is_direct(self, name) and h:size()
    if not size or n > (size - h:tell()) // codecs[name].size then return nil end
    if self._mapped then
      local storage = h:map(storage_name(name), n, codecs[name].size)
      if storage then return storage end
    end
    local storage = torch[name .. "Storage"](n)
    return h:elements(storage) == n and storage or nil
  end

  -- Up to n elements, as a storage.
  local function read_many(self, name, n)
    local storage = read_direct(self, name, n)
    if storage then
      if not self._binary and self._spacing then self._handle:skip("\n") end
      return storage
    end
    if codecs[name].raw or self._binary then
      local bytes = read_binary(self, name, n)
      if name == "Long" and self._long == 4 then bytes = widen(bytes) end
      storage = torch._frombytes(storage_name(name), bytes)
      if not self._binary and self._spacing and n > 0 then self._handle:skip("\n") end
    else
      storage = read_text(self, name, n)
    end
    if #storage < n then
      self:_fail("cannot read %d elements of a %s: %d are there", n, storage_name(name), #storage)
    end
    return storage
  end

  local BLOCK = 1 << 20 -- elements that pass through a Lua string at a time

  local function write_many(self, name, storage)
    local n, codec = #storage, codecs[name]
    if n > 1024 and is_direct(self, name) then
      local ok, message = opened(self, "write"):put(storage)
      if not ok then
        self:_fail("cannot write: %s", tostring(message))
        return 0
      end
    elseif self._binary or codec.raw then
      for first = 1, n, BLOCK do
        local bytes = torch._bytes(storage, first, math.min(BLOCK, n - first + 1))
        if name == "Long" and self._long == 4 then bytes = narrow(bytes) end
        if self._big then bytes = swap_bytes(bytes, element_size(self, name)) end
        if not self:_put(bytes) then return 0 end
      end
    else
      local values = storage:totable()
      for i = 1, n do values[i] = text_of(values[i], codec) end
      self:_put(table.concat(values, self._spacing and " " or ""))
    end
    if not self._binary and self._spacing and n > 0 then self:_put("\n") end
    return n
  end

  for name in pairs(codecs) do
    --- file:readInt([what]); file:readByte([what]); file:readChar([what]); file:readShort([what])
    -- file:readLong([what]); file:readFloat([what]); file:readDouble([what]); file:readHalf([what])
    -- file:readBFloat16([what])
    --
    -- Reads numbers of a type.
    --
    -- what: nothing for one number; how many; or a storage of the type, which is filled
    -- Returns: a number; a storage; or how many elements came
    -- Errors: the file ends before, or holds something else
    -- From: Torch7
    -- Example:
    --   file = torch.MemoryFile("1 2 3", "r")
    --   file:readInt(), file:readDouble(2)[2] --> 1 3.0
    File["read" .. name] = function(self, what)
      if what == nil then
        if not codecs[name].pack then return read_many(self, name, 1)[1] end
        return read_one(self, name)
      end
      if type(what) == "number" then return read_many(self, name, to_integer(what, codecs.Long)) end
      if torch.typename(what) ~= storage_name(name) then
        raise("read%s: nothing, a number or a %sStorage expected", name, name)
      end
      local got = read_many(self, name, #what)
      if #got == #what then
        what:copy(got)
      else
        for i = 1, #got do what[i] = got[i] end
      end
      return #got
    end

    --- file:writeInt(what); file:writeByte(what); file:writeChar(what); file:writeShort(what)
    -- file:writeLong(what); file:writeFloat(what); file:writeDouble(what); file:writeHalf(what)
    -- file:writeBFloat16(what)
    --
    -- Writes numbers of a type.  Integers that do not fit are cut off, as in C.
    --
    -- what: number (not for Half and BFloat16), or a storage of the type
    -- Returns: of a storage, how many were written
    -- Errors: what is something else; it cannot be written
    -- From: Torch7
    -- Example:
    --   file = torch.MemoryFile()
    --   file:writeInt(torch.IntStorage { 4, 5 }) --> 2
    --   file:seek(1):readString("*a") --> 4 5
    File["write" .. name] = function(self, what)
      if type(what) == "number" and codecs[name].pack then return write_one(self, name, what) end
      if torch.typename(what) ~= storage_name(name) then
        raise("write%s: a number or a %sStorage expected, got %s", name, name, torch.type(what))
      end
      return write_many(self, name, what)
    end
  end

  local read_bools, write_bools = File.readBool, File.writeBool

  --- file:readBool([what]); file:writeBool(value)
  --
  -- true as the Int 1, false as 0; a BoolStorage has a byte for each element.
  --
  -- what: as for readInt
  -- value: true, false or a BoolStorage
  -- Returns: readBool: true or false, or as for readInt
  -- Example:
  --   file = torch.MemoryFile()
  --   file:writeBool(true)
  --   file:seek(1):readBool() --> true
  function File:writeBool(value)
    if torch.isStorage(value) then return write_bools(self, value) end
    self:writeInt(value and 1 or 0)
  end

  function File:readBool(what)
    if what ~= nil then return read_bools(self, what) end
    return self:readInt() == 1
  end

  -- ---- DiskFile ---------------------------------------------------------------------------------

  local DiskFile = torch.class("torch.DiskFile", "torch.File", torch)

  --- torch.DiskFile(name [, mode [, quiet]])
  --
  -- A file on the disk.
  --
  -- name: string
  -- mode: "r" to read, the default; "w" to write a new one; "rw" both, with what is there
  -- quiet: true gives nil when the file cannot be opened
  -- Returns: a torch.DiskFile
  -- Errors: the file cannot be opened
  -- From: Torch7
  -- Example:
  --   file = torch.DiskFile("a.txt", "w")
  --   file:writeInt(42)
  --   file:close()
  --   torch.DiskFile("a.txt"):readInt() --> 42
  local function open_disk(name, mode)
    if mode == "r" then return io.open(name, "rb") end
    if mode == "w" then return io.open(name, "wb") end
    local f = io.open(name, "r+b")
    if f then return f end
    return io.open(name, "w+b")
  end

  function DiskFile:__init(name, mode, quiet)
    mode = mode or "r"
    if type(name) ~= "string" then raise("torch.DiskFile: a file name expected") end
    if mode ~= "r" and mode ~= "w" and mode ~= "rw" then
      raise('torch.DiskFile: %s: mode "r", "w" or "rw" expected, got "%s"', name, tostring(mode))
    end
    local f, message = open_disk(name, mode)
    if not f and not quiet then raise("torch.DiskFile: %s", message) end
    init(self, name, f and handles.disk(f), mode)
  end

  -- With quiet, a file that cannot be opened is nil.
  local construct = DiskFile.new
  local function open_or_nil(name, mode, quiet)
    local file = construct(name, mode, quiet)
    return file._handle and file or nil
  end
  DiskFile.new = open_or_nil
  debug.getmetatable(DiskFile.__constructor).__call = function(_, ...) return open_or_nil(...) end

  function DiskFile:__tostring__()
    return ("torch.DiskFile on <%s> [status: %s -- mode %s%s]"):format(self._name,
      self._handle and "open" or "closed", self._readable and "r" or " ", self._writable and "w" or " ")
  end

  local little = string.pack("=I2", 1) == "\1\0"

  --- torch.DiskFile:isLittleEndianCPU(); torch.DiskFile:isBigEndianCPU()
  --
  -- Whether this processor keeps the lowest byte of a number first, or last.
  --
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   file = torch.DiskFile("a.txt", "w")
  --   file:isLittleEndianCPU() == not file:isBigEndianCPU() --> true
  function DiskFile.isLittleEndianCPU() return little end
  function DiskFile.isBigEndianCPU() return not little end

  --- torch.DiskFile:littleEndianEncoding(); torch.DiskFile:bigEndianEncoding()
  -- torch.DiskFile:nativeEndianEncoding()
  --
  -- Which byte of a number comes first in a binary file: the lowest, the highest, or as in memory.
  --
  -- Returns: the file
  -- From: Torch7
  -- Example:
  --   file = torch.DiskFile("a.txt", "rw"):binary():bigEndianEncoding()
  --   file:writeInt(1)
  --   file:seek(4):readByte() --> 1
  local function endian(name, big)
    DiskFile[name] = function(self)
      self._big = big
      return self
    end
  end
  endian("littleEndianEncoding", false)
  endian("bigEndianEncoding", true)
  endian("nativeEndianEncoding", not little)

  --- torch.DiskFile:noBuffer()
  --
  -- Every read and write goes to the system at once.
  --
  -- Returns: the file
  -- From: Torch7
  -- Example:
  --   torch.DiskFile("a.txt", "w"):noBuffer():writeString("abc") --> 3
  function DiskFile:noBuffer()
    opened(self):unbuffered()
    return self
  end

  -- ---- MemoryFile -------------------------------------------------------------------------------

  local MemoryFile = torch.class("torch.MemoryFile", "torch.File", torch)

  --- torch.MemoryFile([mode]); torch.MemoryFile(contents [, mode])
  --
  -- A file in memory, empty or with contents.
  --
  -- contents: CharStorage that ends with a zero; or a string
  -- mode: "r", "w" or "rw", the default
  -- Returns: a torch.MemoryFile
  -- Errors: the storage does not end with a zero
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile()
  --   file:writeInt(42)
  --   file:seek(1):readInt() --> 42
  function MemoryFile:__init(first, second)
    local bytes, mode = "", first
    if torch.typename(first) == "torch.CharStorage" then
      bytes, mode = torch._bytes(first), second
      if bytes:sub(-1) ~= "\0" then raise("torch.MemoryFile: the storage must end with a zero") end
      bytes = bytes:sub(1, -2)
    elseif type(first) == "string" and first ~= "r" and first ~= "w" and first ~= "rw" then
      bytes, mode = first, second
    end
    mode = mode or "rw"
    if mode ~= "r" and mode ~= "w" and mode ~= "rw" then
      raise('torch.MemoryFile: mode "r", "w" or "rw" expected')
    end
    init(self, "MemoryFile", handles.memory(bytes), mode)
  end

  --- A copy of what was written, with a zero at its end.
  --
  -- Returns: a CharStorage
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile()
  --   file:writeString("abc")
  --   file:storage():size() --> 4
  function MemoryFile:storage()
    return torch._frombytes("torch.CharStorage", self:_contents() .. "\0")
  end

  -- The same as a string, without the zero.
  function MemoryFile:_contents()
    local h = opened(self)
    h:flush()
    return h.bytes
  end

  function MemoryFile:__tostring__()
    return ("torch.MemoryFile [status: %s -- mode %s%s]"):format(self._handle and "open" or "closed",
      self._readable and "r" or " ", self._writable and "w" or " ")
  end

  -- ---- PipeFile ---------------------------------------------------------------------------------

  local PipeFile = torch.class("torch.PipeFile", "torch.DiskFile", torch)

  --- Reads what a command prints, or writes what it reads.
  --
  -- command: string for the shell
  -- mode: "r" to read, the default, or "w"
  -- Returns: a torch.PipeFile
  -- Errors: the command cannot be run
  -- From: Torch7
  -- Example:
  --   torch.PipeFile("echo abc"):readString("*l") --> abc
  function PipeFile:__init(command, mode)
    mode = mode or "r"
    if mode ~= "r" and mode ~= "w" then raise('torch.PipeFile: mode "r" or "w" expected') end
    local f, message = io.popen(command, mode)
    if not f then raise("torch.PipeFile: %s", message) end
    init(self, command, handles.disk(f), mode)
  end

  -- For torch.save and torch.load.
  function File._on(name, handle, mode)
    local file = setmetatable({}, DiskFile)
    init(file, name, handle, mode)
    return file
  end

  require "torch.objects"(torch)
  require "torch.files"(torch, handles)
end
