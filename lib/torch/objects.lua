-- objects: Torch7's format for any Lua value, torch.save, torch.load, torch.serialize and
-- torch.deserialize.
--
-- A value is an Int that says its kind, then its contents.  Tables and objects carry a number, and one
-- that was met before is only its number, so sharing and cycles are kept.  Choices where Torch7's world
-- and Lua 5.4's differ:
--   * every number is a Double.  Read back, a whole one within 2^53 is an integer, because sizes,
--     indices and counters must be; the float 2.0 therefore comes back as 2.
--   * a scalar tensor, which Torch7 lacks, is written as one element of one dimension with the class
--     version 2 instead of 1: Torch7 reads it as that, and we as a scalar.
--   * code is neither written nor run: a function is an error that names the path to it.

local raise = require("torch.caller").raise

local NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN = 0, 1, 2, 3, 4, 5
local OLD_FUNCTION, LEGACY_FUNCTION, FUNCTION = 6, 7, 8
local EXACT = 1 << 53
local MAX_DIMS = 16

local types = { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long", "Bool" }

-- How a script would write the place of `key` inside its table.
local function step_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return "." .. key end
  if type(key) == "string" then return ("[%q]"):format(key) end
  if type(key) == "number" or type(key) == "boolean" then return "[" .. tostring(key) .. "]" end
  return "[a " .. type(key) .. "]"
end

return function(torch, handles, disk)
  local File = torch.getmetatable("torch.File")

  local function books(self)
    local b = self._books
    if not b then
      b = { written = {}, kept = {}, count = 0, read = {}, path = {}, referenced = true }
      self._books = b
    end
    return b
  end

  --- file:referenced(on); file:isReferenced()
  --
  -- With false, an object met again is written again, and nothing is kept alive by the file.
  --
  -- on: true at first
  -- Returns: the file; isReferenced: what is set
  -- From: Torch7
  -- Example:
  --   torch.MemoryFile():referenced(false):isReferenced() --> false
  function File:referenced(on)
    books(self).referenced = on
    return self
  end

  function File:isReferenced()
    return books(self).referenced
  end

  --- file:isWritableObject(object)
  --
  -- The number of the kind that a value is written as.
  --
  -- object: any value
  -- Returns: an integer; nil when the value cannot be written, as a function
  -- From: Torch7
  -- Example:
  --   torch.MemoryFile():isWritableObject("abc"), torch.MemoryFile():isWritableObject(print) --> 2 nil
  function File.isWritableObject(_, object)
    local kind = type(object)
    if kind == "nil" then return NIL end
    if kind == "number" then return NUMBER end
    if kind == "string" then return STRING end
    if kind == "boolean" then return BOOLEAN end
    local name = torch.typename(object)
    if name and torch.factory(name) then return OBJECT end
    if kind == "table" then return TABLE end
    return nil
  end

  -- ---- writing ------------------------------------------------------------------------------------

  local function path_text(path)
    local parts = { path[1] }
    for i = 2, #path do parts[i] = step_text(path[i]) end
    return table.concat(parts)
  end

  local function refuse(self, object)
    local b = books(self)
    local path = path_text(b.path)
    b.path, b.busy = {}, false
    local what = "a " .. type(object)
    if type(object) == "function" then
      local info = debug.getinfo(object, "S")
      if info.what ~= "C" then
        what = ("%s (defined at %s:%d)"):format(what, info.short_src, info.linedefined)
      end
    elseif torch.typename(object) then
      what = "a " .. torch.typename(object)
    end
    raise("%s: cannot write %s: it is %s", self._name, path, what)
  end

  local function write_string(self, text)
    self:writeInt(#text)
    self:_putChars(text)
  end

  local function check_exact(self, x)
    if math.type(x) == "integer" and (x > EXACT or x < -EXACT) then
      local path = path_text(books(self).path)
      books(self).path, books(self).busy = {}, false
      raise("%s: cannot write %s: the integer %d is beyond 2^53, and numbers are stored as doubles",
        self._name, path, x)
    end
  end

  -- Numbers and strings are most of what there is, so in the usual format each is one piece.
  local function write_plain(self, value)
    local usual = self._binary and not self._big
    if type(value) == "number" then
      check_exact(self, value)
      if usual then return self:_put(("<i4d"):pack(NUMBER, value)) end
      self:writeInt(NUMBER)
      self:writeDouble(value)
    else
      if usual then return self:_put(("<i4s4"):pack(STRING, value)) end
      self:writeInt(STRING)
      write_string(self, value)
    end
  end

  local function write_child(self, value, step, hook)
    local path = books(self).path
    local depth = #path + 1
    path[depth] = step
    local kind = type(value)
    if not hook and (kind == "number" or kind == "string") then
      write_plain(self, value)
    else
      self:writeObject(value, nil, hook)
    end
    path[depth] = nil
  end

  local function write_table(self, object, hook)
    local count = 0
    for _ in next, object do count = count + 1 end
    self:writeInt(count)
    for k, v in next, object do
      write_child(self, k, k, hook)
      write_child(self, v, k, hook)
    end
  end

  -- The method `write` or `read` of an object's class.
  local function class_method(object, name)
    local mt = torch.getmetatable(torch.typename(object))
    local method = mt["__" .. name] or mt[name]
    return type(method) == "function" and method or nil
  end

  local function write_instance(self, object, hook)
    local version = rawget(torch.getmetatable(torch.typename(object)), "__version") or 0
    if torch.isTensor(object) and object:dim() == 0 and object:nElement() == 1 then version = 2 end
    write_string(self, ("V %s"):format(math.tointeger(version) or version))
    write_string(self, torch.typename(object))
    local write = class_method(object, "write")
    if write then return write(object, self) end
    if type(object) ~= "table" then return refuse(self, object) end
    local fields = {}
    for k, v in next, object do fields[k] = v end
    books(self).kept[#books(self).kept + 1] = fields -- its address must not be used again
    self:writeObject(fields, nil, hook)
  end

  --- file:writeObject(object [, name [, hook]]); file:readObject()
  --
  -- Writes any value with all it refers to, or reads the next one.  What is met twice is written once,
  -- and read as one object again.
  --
  -- object: nil, boolean, number, string, table, tensor, storage or object of a class
  -- name: string that begins the path in error messages
  -- hook: function that is given each value and returns what is written in its place
  -- Returns: readObject: the value
  -- Errors: a function is among the values; the file is damaged, or holds a function or an object of a
  --   class that does not exist
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile()
  --   file:writeObject { 1, x = "two" }
  --   file:seek(1):readObject().x --> two
  function File:writeObject(object, name, hook)
    local b = books(self)
    local original = object
    if hook then object = hook(object) end
    if #b.path == 0 then b.path[1] = name or "object" end
    local root = not b.busy
    b.busy = true
    local kind = self:isWritableObject(object)
    if not kind then return refuse(self, object) end
    if kind == NUMBER or kind == STRING then
      write_plain(self, object)
    elseif kind == NIL or kind == BOOLEAN then
      self:writeInt(kind)
      if kind == BOOLEAN then self:writeBool(object) end
    else
      self:writeInt(kind)
      local id = type(original) == "userdata" and torch.pointer(original) or original
      local index = b.referenced and b.written[id]
      if index then
        self:writeInt(index)
      else
        b.count = b.count + 1
        if b.referenced then
          b.written[id] = b.count
          b.kept[#b.kept + 1] = original
        end
        self:writeInt(b.count)
        if kind == TABLE then write_table(self, object, hook) else write_instance(self, object, hook) end
      end
    end
    if root then b.busy, b.path = false, {} end
  end

  -- ---- reading ------------------------------------------------------------------------------------

  local function damaged(self, message, ...)
    local at = self._handle and self._handle:tell()
    raise("%s: damaged, or not a file of this format: %s (at byte %s)", self._name,
      message:format(...), at and ("%d"):format(at) or "?")
  end

  local function read_string(self)
    local n = self:readInt()
    if n < 0 then damaged(self, "a string of %d bytes", n) end
    local text = self:_takeChars(n)
    if not text then damaged(self, "a string of %d bytes is cut short", n) end
    return text
  end

  local function read_number(self)
    local x = self:readDouble()
    local i = math.tointeger(x)
    if i and i <= EXACT and i >= -EXACT and (i ~= 0 or 1 / x > 0) then return i end
    return x
  end

  local function read_table(self, index)
    local b, object, n = books(self), {}, self:readInt()
    if n < 0 then damaged(self, "a table of %d entries", n) end
    if b.referenced then b.read[index] = object end
    for _ = 1, n do
      local k = self:readObject()
      local v = self:readObject()
      if k ~= nil and k == k then
        object[k] = v
      elseif not self._skip then
        damaged(self, "a table's key is nil")
      end
    end
    return object
  end

  local function read_instance(self, index)
    local b, name = books(self), read_string(self)
    local version = tonumber(name:match("^V (.*)$"))
    if version then name = read_string(self) end -- files from before there were versions have none
    if not torch.factory(name) and name:find("^nn%.") then require "nn" end -- Cresset's own package
    local factory = torch.factory(name)
    if not factory then
      if not name:find("^[%w_.]+$") then damaged(self, "a class name is unreadable") end
      raise("%s: holds an object of the class %s, which does not exist here%s", self._name, name,
        name:find("%.") and "; a require of its package may be missing" or "")
    end
    local object = factory(self)
    if b.referenced then b.read[index] = object end
    local read = class_method(object, "read")
    if read then
      local other = read(object, self, version or 0)
      if other ~= nil and torch.typename(other) == name then
        object = other
        if b.referenced then b.read[index] = object end
      end
    elseif type(object) == "table" then
      local fields = self:readObject()
      if type(fields) ~= "table" then damaged(self, "the fields of a %s are missing", name) end
      for k, v in next, fields do object[k] = v end
    else
      raise("%s: objects of the class %s cannot be read", self._name, name)
    end
    return object
  end

  -- Passes over a function's code and what it closes over.
  local function skip_function(self, kind)
    if not self._skip then
      raise("%s: holds a function; code is not loaded from files (torch.load(name, "
        .. "{functions = 'skip'}) puts nil in its place)", self._name)
    end
    if kind ~= OLD_FUNCTION then self:readInt() end
    read_string(self)
    self:readObject()
    if not self._warned then
      io.stderr:write(("warning: %s: functions were left out\n"):format(self._name))
      self._warned = true
    end
    return nil
  end

  function File:readObject()
    local kind = self:readInt()
    if kind == NUMBER then return read_number(self) end
    if kind == STRING then return read_string(self) end
    if kind == BOOLEAN then return self:readBool() end
    if kind == NIL then return nil end
    if kind == OLD_FUNCTION then return skip_function(self, kind) end
    if kind == FUNCTION or kind == LEGACY_FUNCTION then
      if self._skip then
        local b, at = books(self), self._handle:tell()
        local index = self:readInt()
        if b.referenced and b.read[index] then return nil end
        b.read[index] = true
        self._handle:seek(at)
      end
      return skip_function(self, kind)
    end
    if kind ~= TABLE and kind ~= OBJECT then damaged(self, "no value begins with %d", kind) end
    local index = self:readInt()
    local b = books(self)
    local known = b.referenced and b.read[index]
    if known then return known end
    return (kind == TABLE and read_table or read_instance)(self, index)
  end

  -- ---- tensors and storages -------------------------------------------------------------------------

  local function write_tensor(tensor, file)
    local sizes, strides, offset = tensor:size(), tensor:stride(), tensor:storageOffset()
    local dims = tensor:dim()
    if dims == 0 and tensor:nElement() == 1 then
      dims, sizes, strides = 1, torch.LongStorage { 1 }, torch.LongStorage { 1 }
    end
    file:writeInt(dims)
    if dims > 0 then
      file:writeLong(sizes)
      file:writeLong(strides)
    end
    file:writeLong(offset)
    file:writeObject(tensor:nElement() > 0 and tensor:storage() or nil)
  end

  -- Sizes and strides from a file may be anything; all elements must lie inside the storage.
  local function check_layout(file, sizes, strides, offset, storage)
    local last, empty = offset + 0.0, false
    for i = 1, #sizes do
      if sizes[i] < 0 or strides[i] < 0 then damaged(file, "a tensor has negative sizes or strides") end
      if sizes[i] == 0 then empty = true end
      last = last + (sizes[i] - 1.0) * strides[i]
    end
    local have = storage and #storage or 0
    if not empty and (offset < 1 or last > have) then
      damaged(file, "a tensor reaches outside its storage")
    end
    return empty
  end

  local function read_tensor(tensor, file, version)
    local dims = file:readInt()
    if dims < 0 or dims > MAX_DIMS then damaged(file, "a tensor of %d dimensions", dims) end
    local sizes = file:readLong(dims)
    local strides = file:readLong(dims)
    local offset = file:readLong()
    local storage = file:readObject()
    local want = torch.typename(tensor):gsub("Tensor$", "Storage")
    if storage ~= nil and torch.typename(storage) ~= want then
      damaged(file, "a %s has no %s", torch.typename(tensor), want)
    end
    if dims == 0 then return tensor end
    if check_layout(file, sizes, strides, offset, storage) then return tensor:resize(sizes) end
    tensor:set(storage, offset, sizes, strides)
    if version == 2 and dims == 1 and sizes[1] == 1 then return tensor:view(torch.LongStorage()) end
    return tensor
  end

  --- x:write(file); x:read(file); storage:write(file); storage:read(file)
  --
  -- What file:writeObject and readObject call for tensors and storages.
  --
  -- file: torch.File
  -- Returns: read: the tensor or storage that was read
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile()
  --   file:writeObject(torch.ones(3))
  --   file:seek(1):readObject():sum() --> 3.0
  local function write_storage(storage, file)
    local short = torch.typename(storage):match("^torch%.(.*)Storage$")
    file:writeLong(#storage)
    file["write" .. short](file, storage)
  end

  local function read_storage(storage, file)
    local short = torch.typename(storage):match("^torch%.(.*)Storage$")
    local n = file:readLong()
    if n < 0 then damaged(file, "a storage of %d elements", n) end
    return file["read" .. short](file, n)
  end

  for _, short in ipairs(types) do
    for kind, methods in pairs({
      Tensor = { write = write_tensor, read = read_tensor },
      Storage = { write = write_storage, read = read_storage },
    }) do
      local mt = torch.getmetatable("torch." .. short .. kind)
      if mt then
        mt.write, mt.read = methods.write, methods.read
        mt.__version = mt.__version or 1
        mt.__factory = mt.__factory or function() return torch[short .. kind]() end
      end
    end
  end

  -- ---- whole files ----------------------------------------------------------------------------------

  local function check_format(fn, format, allowed)
    if format ~= nil and not allowed[format] then
      raise('%s: format "binary" or "ascii" expected, got %s', fn, tostring(format))
    end
    return format or "binary"
  end

  local write_formats = { binary = true, ascii = true }
  local read_formats = { binary = true, ascii = true, b32 = true, b64 = true }

  -- Runs f; on failure cleans up and raises the error again as it is.
  local function guarded(cleanup, f, ...)
    local ok, result = pcall(f, ...)
    cleanup(ok)
    if not ok then error(result, 0) end
    return result
  end

  -- Writes through a handle on an open Lua file.
  local function write_to(stream, name, object, format, referenced)
    local file = File._on(name, handles.disk(stream), "w")
    file[format](file)
    file:referenced(referenced ~= false)
    file:writeObject(object)
    local ok, message = disk.sync(stream)
    if not ok then raise("%s: cannot write: %s", name, message) end
  end

  --- torch.save(name, object [, format [, referenced]])
  --
  -- Writes any value to a file.  The file changes all at once, at the end: after a failure, or a crash
  -- halfway, the old one is still whole.
  --
  -- name: name of the file
  -- object: any value but a function
  -- format: "binary", the default, or "ascii"
  -- referenced: false writes an object that is met again once more
  -- Errors: the file cannot be written; a function is among the values
  -- From: Torch7
  -- Example:
  --   torch.save("a.t7", { weight = torch.ones(2) })
  --   torch.load("a.t7").weight:sum() --> 2.0
  function torch.save(name, object, format, referenced)
    if type(name) ~= "string" then raise("torch.save: a file name expected, got %s", type(name)) end
    format = check_format("torch.save", format, write_formats)
    local path, ordinary = disk.target(name)
    if not ordinary then -- a device or a pipe is written where it is
      local stream, message = io.open(path, "wb")
      if not stream then raise("torch.save: %s", message) end
      guarded(function() stream:close() end, write_to, stream, name, object, format, referenced)
      return
    end
    local stream, temporary = disk.temporary(path)
    if not stream then raise("torch.save: %s", temporary) end
    guarded(function(ok)
      stream:close()
      if not ok then os.remove(temporary) end
    end, write_to, stream, name, object, format, referenced)
    local ok, message = os.rename(temporary, path)
    if not ok then
      os.remove(temporary)
      raise("torch.save: %s: %s", name, message)
    end
  end

  local function read_from(file, format, referenced, options)
    if format == "b32" or format == "b64" then
      file:longSize(format == "b32" and 4 or 8)
      format = "binary"
    end
    file[format](file)
    file:referenced(referenced ~= false)
    if options and options.functions ~= nil then
      if options.functions ~= "skip" then raise("torch.load: functions = 'skip' is the only choice") end
      file._skip = true
    end
    return file:readObject()
  end

  --- torch.load(name [, format [, referenced]] [, options])
  --
  -- Reads what torch.save or Torch7 wrote.  Code is never loaded.
  --
  -- name: name of the file
  -- format: "binary", the default, "ascii", or "b32" and "b64" for files from machines of that kind
  -- referenced: as it was given to torch.save
  -- options: table; functions = "skip" reads nil where the file holds functions, an error otherwise
  -- Returns: the value
  -- Errors: the file is missing or damaged; a class does not exist here
  -- From: Torch7
  -- Example:
  --   torch.save("a.t7", 42)
  --   torch.load("a.t7") --> 42
  function torch.load(name, format, referenced, options)
    if type(name) ~= "string" then raise("torch.load: a file name expected, got %s", type(name)) end
    if type(format) == "table" then format, options = nil, format end
    if type(referenced) == "table" then referenced, options = nil, referenced end
    format = check_format("torch.load", format, read_formats)
    local stream, message = io.open(name, "rb")
    if not stream then raise("torch.load: %s", message) end
    local handle = handles.disk(stream)
    if format == "ascii" then handle = handles.memory(stream:read("a") or "") end
    local file = File._on(name, handle, "r")
    return guarded(function() stream:close() end, read_from, file, format, referenced, options)
  end

  --- torch.serialize(object [, format]); torch.deserialize(text [, format [, options]])
  -- torch.serializeToStorage(object [, format]); torch.deserializeFromStorage(storage [, format])
  --
  -- Any value as a string or a CharStorage, and the value again.
  --
  -- object: any value but a function
  -- text: string that torch.serialize gave
  -- storage: CharStorage that torch.serializeToStorage gave
  -- format: as for torch.save
  -- options: as for torch.load
  -- Returns: a string or a CharStorage; the value
  -- Errors: as for torch.save and torch.load
  -- From: Torch7
  -- Example:
  --   torch.deserialize(torch.serialize({ 1, 2 }))[2] --> 2
  function torch.serialize(object, format)
    local file = torch.MemoryFile()
    file._name = "torch.serialize"
    format = check_format("torch.serialize", format, write_formats)
    file[format](file)
    file:writeObject(object)
    return file:_contents()
  end

  function torch.deserialize(text, format, options)
    if type(text) ~= "string" then raise("torch.deserialize: a string expected, got %s", type(text)) end
    if type(format) == "table" then format, options = nil, format end
    format = check_format("torch.deserialize", format, read_formats)
    local file = torch.MemoryFile("r")
    file._name, file._handle = "torch.deserialize", handles.memory(text)
    return read_from(file, format, true, options)
  end

  function torch.serializeToStorage(object, format)
    return torch._frombytes("torch.CharStorage", torch.serialize(object, format))
  end

  function torch.deserializeFromStorage(storage, format)
    return torch.deserialize(torch._bytes(storage), format)
  end

  torch.saveobj, torch.loadobj = torch.save, torch.load
end
