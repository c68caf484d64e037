-- numpy: NumPy's .npy and .npz files.

local save = require "formats.save"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

local function check_call(fn, path, options, known)
  if type(path) ~= "string" then raise("%s: a file name expected, got %s", fn, type(path)) end
  return check_options(fn, options, known)
end

return function(torch)
  --- torch.loadnpy(path [, options])
  --
  -- Reads an array that NumPy saved: versions 1 to 3 of the format, both byte orders.  An array in
  -- Fortran's order becomes a transposed view.  Python objects and records are refused; nothing in the
  -- file is run.
  --
  -- path: the file's name
  -- options: a table, all its fields optional:
  --   mmap: true leaves the elements in the file until they are touched; what is written to the
  --     tensor stays in memory.  While it is mapped, the file must not be made shorter
  --   limit: the bytes that a file compressed by gzip may expand to
  -- Returns: a tensor of the type and shape that the file says
  -- Errors: no such file, damaged, cut short, too long, or of a type that tensors do not have
  -- From: NumPy
  -- Example:
  --   torch.savenpy("a.npy", torch.ShortTensor { { 1, 2, 3 }, { 4, 5, 6 } })
  --   torch.loadnpy("a.npy"):sum() --> 21
  function torch.loadnpy(path, options)
    options = check_call("torch.loadnpy", path, options, { mmap = true, limit = true })
    return require("formats._npy").read(path, options.mmap, options.limit)
  end

  --- torch.savenpy(path, x)
  --
  -- Writes a tensor as NumPy's numpy.load reads it.  The file changes all at once, at the end.
  --
  -- path: the file's name
  -- x: tensor of any type but bfloat16, which NumPy lacks
  -- Errors: the file cannot be written; x is of type bfloat16
  -- From: NumPy
  -- Example:
  --   torch.savenpy("a.npy", torch.ones(2))
  --   torch.load("a.npy"):sum() --> 2.0
  function torch.savenpy(path, x)
    check_call("torch.savenpy", path)
    if not torch.isTensor(x) then raise("torch.savenpy: a tensor expected, got %s", torch.type(x)) end
    local t = save.onHost(x)
    local header = require("formats._npy").header(t)
    save.whole("torch.savenpy", path, function(stream)
      save.put(stream, header)
      save.elements(stream, t)
    end)
  end

  --- torch.loadnpz(path [, options])
  --
  -- Reads an archive of arrays that NumPy's savez or savez_compressed wrote.
  --
  -- path: the file's name
  -- options: {limit = bytes} is how much it may expand to; by default 256 MiB, or a hundred times the
  --   file's size when that is more
  -- Returns: a table of tensors by their names
  -- Errors: as torch.loadnpy; a member that is no array; more bytes than the limit
  -- From: NumPy
  -- Example:
  --   torch.savenpz("a.npz", { x = torch.ones(3), y = torch.zeros(2, 2) })
  --   torch.loadnpz("a.npz").x:sum() --> 3.0
  function torch.loadnpz(path, options)
    options = check_call("torch.loadnpz", path, options, { limit = true })
    return require("formats._npz").read(path, options.limit)
  end

  --- torch.savenpz(path, tensors [, options])
  --
  -- Writes tensors as an archive that NumPy's numpy.load reads.  The file changes all at once, at the
  -- end.  The same tensors give the same file.
  --
  -- path: the file's name
  -- tensors: a table of tensors by names; a list gets NumPy's names arr_0, arr_1 and so on
  -- options: {compress = true} compresses the members
  -- Errors: the file cannot be written; a value is no tensor, or of type bfloat16
  -- From: NumPy
  -- Example:
  --   torch.savenpz("a.npz", { torch.ones(2) }, { compress = true })
  --   torch.load("a.npz").arr_0:sum() --> 2.0
  function torch.savenpz(path, tensors, options)
    options = check_call("torch.savenpz", path, options, { compress = true })
    if type(tensors) ~= "table" then raise("torch.savenpz: a table of tensors expected") end
    local names, hosts, headers, by_name = {}, {}, {}, {}
    for key, tensor in pairs(tensors) do
      local name = math.type(key) == "integer" and "arr_" .. key - 1 or key
      if type(name) ~= "string" or by_name[name] or name:find("\0", 1, true) then
        raise("torch.savenpz: '%s' is no name for an array", tostring(key))
      end
      if not torch.isTensor(tensor) then
        raise("torch.savenpz: '%s' is no tensor but a %s", name, torch.type(tensor))
      end
      by_name[name] = tensor
      names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
      hosts[i] = save.onHost(by_name[name])
      headers[i] = require("formats._npy").header(hosts[i])
      names[i] = name .. ".npy"
    end
    save.whole("torch.savenpz", path, function(stream, temporary)
      require("formats._npz").write(temporary, names, headers, hosts, options.compress)
      -- The archive was written to a file of its own that took the temporary one's place.
      local written = assert(io.open(temporary, "rb"))
      local ok, message = require("torch._disk").sync(written)
      written:close()
      stream:flush()
      if not ok then raise("%s: cannot write: %s", path, message) end
    end)
  end
end
