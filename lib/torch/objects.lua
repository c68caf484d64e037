-- objects: Torch7's format for any Lua value.
--
-- A value is an Int that says its kind, then its contents.  Tables and objects carry a number, and one
-- that was met before is only its number, so sharing and cycles are kept.  Choices where Torch7's world
-- and Lua 5.4's differ:
--   * every number is a Double.  Read back, a whole one within 2^53 is an integer, because sizes,
--     indices and counters must be; the float 2.0 therefore comes back as 2.
--   * a scalar tensor, which Torch7 lacks, is written as one element of one dimension with the class
--     version 2 instead of 1: Torch7 reads it as that, and we as a scalar.
--   * a function is an error that names the path to it, unless its user wants it written, or allows
--     this very one to be loaded.
--   * CUDA tensors are written as cutorch does: as those in host memory, under the names of their classes.
--     Where there is no CUDA device they are read into host memory.
--   * a big storage begins at a multiple of 64 bytes, so that it can be mapped: the blanks that are
--     needed for that stand behind its class version, where Torch7 passes over them.

local raise = require("torch.caller").raise

local NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN = 0, 1, 2, 3, 4, 5
local OLD_FUNCTION, LEGACY_FUNCTION, FUNCTION = 6, 7, 8
local EXACT = 1 << 53
local MAX_DIMS = 16
local MAX_DEPTH = 15000 -- tables in tables; Lua's stack is the limit
local BIG = 65536 -- bytes of a storage from which on mapping it is worth while

local types = { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long", "Bool" }

-- How a script would write the place of `key` inside its table.
local function step_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return "." .. key end
  if type(key) == "string" then return ("[%q]"):format(key) end
  if type(key) == "number" or type(key) == "boolean" then return "[" .. tostring(key) .. "]" end
  return "[a " .. type(key) .. "]"
end

return function(torch)
  local File = torch.getmetatable("torch.File")

  local function books(self)
    local b = self._books
    if not b then
      b = {
        written = {}, kept = {}, count = 0, path = {}, variables = { count = 0 }, -- of writing
        read = {}, variable_of = {}, depth = 0, steps = {}, -- of reading
        referenced = true,
      }
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
    if depth > MAX_DEPTH then
      books(self).path, books(self).busy = {}, false
      raise("%s: cannot write: more than %d tables in each other", self._name, MAX_DEPTH)
    end
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

  -- Blanks to write behind a storage's version, so that its elements begin at a multiple of 64 bytes.
  local function padding(self, object, name, version)
    if not self._binary or not torch.isStorage(object) or #object * object:elementSize() < BIG then
      return ""
    end
    local at = self._handle:tell()
    if not at then return "" end
    local first = at + 4 + #version + 4 + #name + self._long
    return (" "):rep(-first % 64)
  end

  -- A function's code and what it closes over, as Torch7 writes them.  Two functions share a variable
  -- when its number is the same.
  local function write_function(self, object, hook)
    local b, upvalues, i = books(self), {}, 1
    while true do
      local name, value = debug.getupvalue(object, i)
      if not name then break end
      if name == "_ENV" then value = nil end
      local variable = debug.upvalueid(object, i)
      if not b.variables[variable] then
        b.variables.count = b.variables.count + 1
        b.variables[variable] = b.variables.count
      end
      upvalues[i] = { name = name, id = b.variables[variable], value = value }
      i = i + 1
    end
    write_string(self, string.dump(object))
    b.kept[#b.kept + 1] = upvalues
    self:writeObject(upvalues, nil, hook)
  end

  local function write_instance(self, object, hook)
    local version = rawget(torch.getmetatable(torch.typename(object)), "__version") or 0
    if torch.isTensor(object) and object:dim() == 0 and object:nElement() == 1 then version = 2 end
    local name, text = torch.typename(object), ("V %s"):format(math.tointeger(version) or version)
    write_string(self, text .. padding(self, object, name, text))
    write_string(self, name)
    local write = class_method(object, "write")
    if write then return write(object, self, hook) end
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
    if type(object) == "function" and self._functions and debug.getinfo(object, "S").what ~= "C" then
      kind = FUNCTION
    end
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
        local write = kind == TABLE and write_table or kind == FUNCTION and write_function
          or write_instance
        write(self, object, hook)
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

  -- Where the value that is being read will be: "object.modules[3].callback".
  local function place_text(b)
    return path_text({ "object", table.unpack(b.steps, 1, math.min(b.depth, 100)) })
  end

  local function read_table(self, index)
    local b, object, n = books(self), {}, self:readInt()
    if n < 0 then damaged(self, "a table of %d entries", n) end
    if b.referenced then b.read[index] = object end
    local depth = b.depth + 1
    if depth > MAX_DEPTH then damaged(self, "more than %d tables in each other", MAX_DEPTH) end
    b.depth = depth
    for _ = 1, n do
      local k = self:readObject()
      b.steps[depth] = k
      local v = self:readObject()
      if k ~= nil and k == k then
        object[k] = v
      elseif not self._skip then
        damaged(self, "a table's key is nil")
      end
    end
    b.depth = depth - 1
    return object
  end

  -- The name of the class that takes the place of a class of CUDA tensors or storages, in this file.
  local function placed_class(self, name)
    local kind, what = name:match("^torch%.Cuda(%a-)(Tensor)$")
    if not kind then kind, what = name:match("^torch%.Cuda(%a-)(Storage)$") end
    if not kind then return name end
    if self._device == nil then
      local available, why = torch.cuda.isAvailable()
      self._device = available and "cuda" or "cpu"
      if not available then
        io.stderr:write(("warning: %s: its CUDA tensors are read into host memory: %s\n"):format(self._name,
          why))
      end
    end
    if self._device == "cuda" then return name end
    return "torch." .. (kind == "" and "Float" or kind) .. what
  end

  local function of_nngraph(name)
    return name == "nn.gModule" or name == "nn.ModuleFromCriterion" or name:find("^graph%.")
      or name:find("^nngraph%.")
  end

  local function read_instance(self, index)
    local b, name = books(self), read_string(self)
    local version = tonumber(name:match("^V (.*)$"))
    if version then name = read_string(self) end -- files from before there were versions have none
    name = placed_class(self, name)
    if not torch.factory(name) and name:find("^nn%.") then require "nn" end -- Cresset's own packages
    if not torch.factory(name) and of_nngraph(name) then require "nngraph" end
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
      local kind = rawget(object, "_type") -- modules of nn
      if type(kind) == "string" then object._type = placed_class(self, kind) end
    else
      raise("%s: objects of the class %s cannot be read", self._name, name)
    end
    return object
  end

  -- Makes a function that the caller of torch.load trusts.
  local function load_function(self, kind, index, name)
    local b = books(self)
    local f, message = load(read_string(self), "=" .. name, "bt")
    if not f then raise("%s: the function %s cannot be loaded here: %s", self._name, name, message) end
    if index and b.referenced then b.read[index] = f end
    local upvalues = self:readObject()
    for i = 1, type(upvalues) == "table" and #upvalues or 0 do
      local up = upvalues[i]
      if kind ~= FUNCTION or type(up) ~= "table" then
        debug.setupvalue(f, i, up)
      elseif up.name == "_ENV" then
        debug.setupvalue(f, i, _G)
      elseif b.variable_of[up.id] then
        local other = b.variable_of[up.id]
        debug.upvaluejoin(f, i, other[1], other[2])
      elseif debug.setupvalue(f, i, up.value) and up.id ~= nil then
        b.variable_of[up.id] = { f, i }
      end
    end
    return f
  end

  -- A function is loaded when it is allowed by name, left out when the caller said so, and otherwise an
  -- error.
  local function read_function(self, kind, index)
    local b = books(self)
    local name = place_text(b)
    if self._allow and self._allow[name] then return load_function(self, kind, index, name) end
    if not self._skip then
      raise("%s: holds a function, %s; code is not loaded from files unless it is allowed by name "
        .. "(torch.load(name, {allow = {'%s'}}); {functions = 'skip'} puts nil in its place)", self._name,
        name, name)
    end
    read_string(self)
    self:readObject()
    if not self._warned then
      io.stderr:write(("warning: %s: functions were left out\n"):format(self._name))
      self._warned = true
    end
    return nil
  end

  local SKIPPED = {} -- stands in the list of what was read for a function that was left out

  local function read_numbered_function(self, kind)
    local b, index = books(self), self:readInt()
    local known = b.referenced and b.read[index]
    if known then return known ~= SKIPPED and known or nil end
    if self._skip then b.read[index] = SKIPPED end
    return read_function(self, kind, index)
  end

  function File:readObject()
    local kind = self:readInt()
    if kind == NUMBER then return read_number(self) end
    if kind == STRING then return read_string(self) end
    if kind == BOOLEAN then return self:readBool() end
    if kind == NIL then return nil end
    if kind == OLD_FUNCTION then return read_function(self, kind) end
    if kind == FUNCTION or kind == LEGACY_FUNCTION then return read_numbered_function(self, kind) end
    if kind ~= TABLE and kind ~= OBJECT then damaged(self, "no value begins with %d", kind) end
    local index = self:readInt()
    local b = books(self)
    local known = b.referenced and b.read[index]
    if known == SKIPPED then damaged(self, "a table has the number of a function") end
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

  -- "Float", of a torch.FloatStorage and of a torch.CudaStorage, which is told by the second result.
  local function element_type(storage)
    local short = torch.typename(storage):match("^torch%.(.*)Storage$")
    local kind = short:match("^Cuda(.*)$")
    return kind == "" and "Float" or kind or short, kind ~= nil
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
    local short, away = element_type(storage)
    if away then storage = torch[short .. "Storage"](#storage):copy(storage) end
    file:writeLong(#storage)
    file["write" .. short](file, storage)
  end

  local function read_storage(storage, file)
    local short, away = element_type(storage)
    local n = file:readLong()
    if n < 0 then damaged(file, "a storage of %d elements", n) end
    local host = file["read" .. short](file, n)
    return away and storage:resize(n):copy(host) or host
  end

  -- Lets files hold objects of a class of tensors or storages.
  function torch._storable(mt)
    local name = mt.__typename
    local tensor = name:find("Tensor$") ~= nil
    mt.write = tensor and write_tensor or write_storage
    mt.read = tensor and read_tensor or read_storage
    mt.__version = 1
    function mt.__factory() return torch[name:match("^torch%.(.*)$")]() end
  end

  for _, short in ipairs(types) do
    for _, kind in ipairs { "Tensor", "Storage" } do
      local mt = torch.getmetatable("torch." .. short .. kind)
      if mt then torch._storable(mt) end
    end
  end
end
