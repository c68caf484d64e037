-- files: torch.save and torch.load, which choose among the formats; torch.serialize and
-- torch.deserialize.

local save = require "formats.save"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

-- ---- which format ---------------------------------------------------------------------------------

local t7_formats = { binary = true, ascii = true, b32 = true, b64 = true }
local write_formats = { binary = true, ascii = true, b32 = true, b64 = true, npy = true, npz = true,
  safetensors = true, csv = true }
local read_formats = { binary = true, ascii = true, b32 = true, b64 = true, npy = true, npz = true,
  safetensors = true, csv = true, idx = true }

local function ending(name)
  local lower = name:lower():gsub("%.gz$", "")
  local last = lower:match("%.(%w+)$")
  if last == "tsv" then last = "csv" end
  return (last == "csv" or last == "npy" or last == "npz" or last == "safetensors") and last or nil
end

local idx_types = { [8] = true, [9] = true, [11] = true, [12] = true, [13] = true, [14] = true }

-- The format of a file by its first bytes; nil stands for Torch7's.
local function by_content(bytes, name)
  if bytes:sub(1, 6) == "\x93NUMPY" then return "npy" end
  if bytes:sub(1, 4) == "PK\3\4" or bytes:sub(1, 4) == "PK\5\6" then return "npz" end
  if #bytes >= 9 and bytes:byte(9) == 123 and ("<I8"):unpack(bytes) > 8 and ("<i8"):unpack(bytes) > 0
    and ("<I8"):unpack(bytes) <= 100000000 then
    return "safetensors"
  end
  local kind = ending(name)
  if bytes:sub(1, 2) == "\x1f\x8b" then return kind or "idx" end
  if #bytes >= 4 and bytes:sub(1, 2) == "\0\0" and idx_types[bytes:byte(3)] and bytes:byte(4) > 0 then
    return "idx"
  end
  if kind == "csv" or kind == "safetensors" then return kind end
  if bytes:find("^[0-8]\n") then return "ascii" end
  return nil
end

return function(torch, handles)
  local File = torch.getmetatable("torch.File")

  local function sorted_names(set)
    local names = {}
    for name in pairs(set) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ", ")
  end

  local function check_format(fn, format, allowed)
    if format ~= nil and not allowed[format] then
      raise("%s: there is no format '%s': %s are known", fn, tostring(format), sorted_names(allowed))
    end
    return format
  end

  -- (format, referenced, options), of which any may be left out, as one table.
  local function options_of(fn, format, referenced, options, known)
    if type(format) == "table" then format, options = nil, format end
    if type(referenced) == "table" then referenced, options = nil, referenced end
    local all = { format = format, referenced = referenced }
    for key, value in pairs(check_options(fn, options, known)) do all[key] = value end
    return all
  end

  -- The options among `names` that are set, for a function that knows only these.
  local function only(options, names)
    local out = {}
    for name in names:gmatch("%a+") do out[name] = options[name] end
    return out
  end

  -- ---- Torch7's format ----------------------------------------------------------------------------

  local function set_format(file, format)
    if format == "b32" or format == "b64" then
      file:longSize(format == "b32" and 4 or 8)
      format = "binary"
    end
    file[format or "binary"](file)
  end

  local function write_t7(file, object, options)
    set_format(file, options.format)
    file:referenced(options.referenced ~= false)
    file._functions = options.functions == true
    file:writeObject(object)
  end

  local function read_t7(file, options)
    set_format(file, options.format)
    file:referenced(options.referenced ~= false)
    if options.functions ~= nil and options.functions ~= "skip" then
      raise("torch.load: functions = 'skip' is the only choice; {allow = {names}} loads them")
    end
    if options.device ~= nil and options.device ~= "cpu" and options.device ~= "cuda" then
      raise("torch.load: device is 'cpu' or 'cuda', not %s", tostring(options.device))
    end
    file._skip, file._mapped, file._device = options.functions == "skip", options.mmap, options.device
    if options.allow ~= nil then
      if type(options.allow) ~= "table" then raise("torch.load: allow is a list of functions' names") end
      file._allow = {}
      for _, name in ipairs(options.allow) do file._allow[name] = true end
    end
    return file:readObject()
  end

  local function save_t7(name, object, options)
    save.whole("torch.save", name, function(stream)
      write_t7(File._on(name, handles.disk(stream), "w"), object, options)
    end)
  end

  -- A pipe has no size, and text may end with blanks.
  local function check_end(name, handle)
    local size = handle:size()
    local left = size and size - handle:tell() or 0
    if left > 0 and handle:read(math.min(left, 4096)):find("%S") then
      raise("%s: %d bytes follow the value; if they are meant to, read them with torch.DiskFile", name, left)
    end
  end

  local function load_t7(name, options, stream)
    local handle = handles.disk(stream)
    if options.format == "ascii" then handle = handles.memory(stream:read("a") or "") end
    local value = read_t7(File._on(name, handle, "r"), options)
    check_end(name, handle)
    return value
  end

  -- ---- whole files --------------------------------------------------------------------------------

  local savers = {
    npy = function(name, object) return torch.savenpy(name, object) end,
    npz = function(name, object, options) return torch.savenpz(name, object, only(options, "compress")) end,
    safetensors = function(name, object, options)
      return torch.savesafetensors(name, object, options.metadata)
    end,
    csv = function(name, object, options)
      return require("data").saveCsv(name, object, only(options, "names header separator"))
    end,
  }

  local save_options = { format = true, referenced = true, functions = true, compress = true,
    metadata = true, names = true, header = true, separator = true }

  --- torch.save(name, object [, format] [, referenced])
  -- torch.save(name, object, options)
  --
  -- Writes a value to a file.  A name that ends in .npy, .npz, .safetensors, .csv or .tsv chooses that
  -- format; any other is Torch7's, which holds every Lua value: tables and objects with their sharing
  -- and cycles, tensors with the storages that they share.  The file changes all at once, at the end:
  -- after a failure, a full disk or a crash halfway, the old one is still whole.
  --
  -- name: the file's name
  -- object: any value; for the other formats what torch.savenpy, torch.savenpz, torch.savesafetensors
  --   and data.saveCsv take
  -- format: "binary" (the default), "ascii", "b32" or "b64" (binary, with Longs of 4 or 8 bytes) for
  --   Torch7's format, whatever the name; or "npy", "npz", "safetensors", "csv"
  -- referenced: false writes an object that is met again once more, instead of its number
  -- options: a table, all its fields optional: format and referenced as above; functions = true writes
  --   functions of Lua too; compress for .npz; metadata for .safetensors; names, header and
  --   separator for .csv
  -- Errors: the file cannot be written; a value that files do not hold, with the path to it
  -- From: Torch7
  -- Example:
  --   torch.save("a.t7", { weights = torch.ones(3), epoch = 7 })
  --   torch.load("a.t7").epoch --> 7
  function torch.save(name, object, format, referenced, options)
    if type(name) ~= "string" then raise("torch.save: a file name expected, got %s", type(name)) end
    local all = options_of("torch.save", format, referenced, options, save_options)
    local kind = check_format("torch.save", all.format, write_formats) or ending(name)
    if not savers[kind] then return save_t7(name, object, all) end
    return savers[kind](name, object, all)
  end

  local loaders = {
    npy = function(name, options) return torch.loadnpy(name, only(options, "mmap limit")) end,
    npz = function(name, options) return torch.loadnpz(name, only(options, "limit")) end,
    safetensors = function(name, options) return torch.loadsafetensors(name, only(options, "mmap")) end,
    idx = function(name, options) return require("data").idx(name, options.limit) end,
    csv = function(name, options)
      return require("data").csv(name,
        only(options, "header separator types missing fill mask tensor skip limit"))
    end,
  }

  local load_options = { format = true, referenced = true, functions = true, allow = true, device = true,
    mmap = true, limit = true, header = true, separator = true, types = true, missing = true, fill = true,
    mask = true, tensor = true, skip = true }

  --- torch.load(name [, format] [, referenced] [, options])
  --
  -- Reads what torch.save or Torch7 wrote, NumPy's .npy and .npz, .safetensors, IDX (plain or
  -- compressed by gzip), and .csv and .tsv.  The file's first bytes decide, for text its name's ending.
  --
  -- Nothing in a file is run.  A function inside is an error that has its name, which is the path to it,
  -- such as object.modules[3].callback.  {allow = {that name}} loads it; do so only for files that you
  -- would run as a script.  Functions that LuaJIT or Lua 5.1 compiled cannot be loaded.
  --
  -- name: the file's name
  -- format: for Torch7's format "binary", "ascii", or "b32" and "b64" for binary files from machines
  --   with Longs of 4 or 8 bytes; or "npy", "npz", "safetensors", "csv", "idx"
  -- referenced: false for a file that was written so
  -- options: a table, all its fields optional: format and referenced as above; allow, a list of
  --   functions' names; functions = "skip" reads nil in the place of functions; device = "cpu" or
  --   "cuda" says where the CUDA tensors of a file of Torch7's format go, by default to the current CUDA
  --   device, or with a warning into host memory where there is none; mmap = true leaves
  --   big storages in the file until they are touched (of Torch7's format, those that lie at a
  --   multiple of their elements' size, as torch.save makes them); limit, for compressed files; the
  --   options of data.csv
  -- Returns: the value; what the format's own function returns
  -- Errors: the file is missing, damaged, cut short, too long; it holds a function or an object of a
  --   class that does not exist here
  -- From: Torch7
  -- Example:
  --   torch.save("a.npy", torch.ones(2, 3))
  --   torch.load("a.npy", { mmap = true }):sum() --> 6.0
  function torch.load(name, format, referenced, options)
    if type(name) ~= "string" then raise("torch.load: a file name expected, got %s", type(name)) end
    local all = options_of("torch.load", format, referenced, options, load_options)
    check_format("torch.load", all.format, read_formats)
    local stream, message = io.open(name, "rb")
    if not stream then raise("torch.load: %s", message) end
    local close = function() stream:close() end
    return save.guarded(close, function()
      local kind = all.format
      if not kind and stream:seek("set", 0) then
        kind = by_content(stream:read(16) or "", name)
        stream:seek("set", 0)
      end
      if loaders[kind] then return loaders[kind](name, all) end
      all.format = kind
      return load_t7(name, all, stream)
    end)
  end

  --- torch.serialize(object [, format])
  --
  -- Any value as a string; torch.deserialize makes the value again.
  --
  -- object: any value that torch.save writes
  -- format: "binary" (the default), "ascii", "b32" or "b64"; or a table of options as torch.save takes
  -- Returns: a string
  -- Errors: a value that files do not hold, with the path to it
  -- From: Torch7
  -- Example:
  --   torch.deserialize(torch.serialize({ 1, 2, x = "y" })).x --> y
  function torch.serialize(object, format)
    local options = options_of("torch.serialize", format, nil, nil, save_options)
    check_format("torch.serialize", options.format, t7_formats)
    local file = torch.MemoryFile()
    file._name = "torch.serialize"
    write_t7(file, object, options)
    return file:_contents()
  end

  --- torch.deserialize(text [, format] [, options])
  --
  -- The value that torch.serialize made a string of.
  --
  -- text: a string
  -- format: "binary" (the default), "ascii", "b32" or "b64"
  -- options: allow, functions and device, as for torch.load
  -- Returns: the value
  -- Errors: the text is damaged; as for torch.load
  -- From: Torch7
  -- Example:
  --   torch.deserialize(torch.serialize("text", "ascii"), "ascii") --> text
  function torch.deserialize(text, format, options)
    if type(text) ~= "string" then raise("torch.deserialize: a string expected, got %s", type(text)) end
    local all = options_of("torch.deserialize", format, nil, options, load_options)
    check_format("torch.deserialize", all.format, t7_formats)
    all.mmap = nil
    local file = torch.MemoryFile("r")
    file._name, file._handle = "torch.deserialize", handles.memory(text)
    return read_t7(file, all)
  end

  --- torch.serializeToStorage(object [, format]); torch.deserializeFromStorage(storage [, format])
  --
  -- The same as torch.serialize and torch.deserialize with a CharStorage in the place of the string.
  --
  -- object: any value that torch.save writes
  -- storage: CharStorage that torch.serializeToStorage gave
  -- format: as for torch.serialize
  -- Returns: a CharStorage; the value
  -- From: Torch7
  -- Example:
  --   torch.deserializeFromStorage(torch.serializeToStorage("text")) --> text
  function torch.serializeToStorage(object, format)
    return torch._frombytes("torch.CharStorage", torch.serialize(object, format))
  end

  function torch.deserializeFromStorage(storage, format)
    return torch.deserialize(torch._bytes(storage), format)
  end

  torch.saveobj, torch.loadobj = torch.save, torch.load
end
