-- safetensors: the files in which the weights of networks are published.

local save = require "formats.save"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

local MAP_FROM = 64 << 20 -- bytes

return function(torch)
  local function check_call(fn, path, options, known)
    if type(path) ~= "string" then raise("%s: a file name expected, got %s", fn, type(path)) end
    return check_options(fn, options, known or {})
  end

  --- torch.loadsafetensors(path [, options])
  --
  -- Reads a .safetensors file.  A file of 64 MiB or more is mapped: its elements stay in the file until
  -- they are touched, and what is written to a tensor stays in memory.  While it is mapped, the file
  -- must not be made shorter; replacing it by another one is harmless.
  --
  -- path: the file's name
  -- options: {mmap = true} maps a file of any size, {mmap = false} none
  -- Returns: a table of tensors by their names; the metadata, a table of strings by strings
  -- Errors: no such file, damaged, cut short, too long, offsets that overlap or leave gaps, types that
  --   tensors do not have
  -- From: Hugging Face's safetensors 0.8
  -- Example:
  --   torch.savesafetensors("a.safetensors", { w = torch.ones(2, 2) }, { made = "here" })
  --   tensors, metadata = torch.loadsafetensors("a.safetensors")
  --   tensors.w:sum() --> 4.0
  --   metadata.made --> here
  function torch.loadsafetensors(path, options)
    options = check_call("torch.loadsafetensors", path, options, { mmap = true })
    local map = options.mmap
    if map == nil then map = MAP_FROM end
    return require("formats._safetensors").read(path, map)
  end

  --- torch.savesafetensors(path, tensors [, metadata])
  --
  -- Writes tensors as a .safetensors file.  The file changes all at once, at the end.  The same tensors
  -- give the same file.
  --
  -- path: the file's name
  -- tensors: a table of tensors of any type by names
  -- metadata: a table of strings by strings
  -- Errors: the file cannot be written; a value is no tensor; a name is not UTF-8 text
  -- From: Hugging Face's safetensors 0.8
  -- Example:
  --   torch.save("a.safetensors", { w = torch.ones(2) })
  --   torch.load("a.safetensors").w:sum() --> 2.0
  function torch.savesafetensors(path, tensors, metadata)
    check_call("torch.savesafetensors", path)
    if type(tensors) ~= "table" then raise("torch.savesafetensors: a table of tensors expected") end
    if metadata ~= nil and type(metadata) ~= "table" then
      raise("torch.savesafetensors: metadata is a table of strings by strings")
    end
    local names, hosts = {}, {}
    for name, tensor in pairs(tensors) do
      if type(name) ~= "string" or name == "__metadata__" then
        raise("torch.savesafetensors: '%s' is no name for a tensor", tostring(name))
      end
      if not torch.isTensor(tensor) then
        raise("torch.savesafetensors: '%s' is no tensor but a %s", name, torch.type(tensor))
      end
      names[#names + 1] = name
    end
    -- The widest elements first, so that all lie at a multiple of their size.
    local function width(name) return tensors[name]:elementSize() end
    table.sort(names, function(a, b)
      if width(a) ~= width(b) then return width(a) > width(b) end
      return a < b
    end)
    for i, name in ipairs(names) do hosts[i] = save.onHost(tensors[name]) end
    local header = require("formats._safetensors").header(names, hosts, metadata)
    save.whole("torch.savesafetensors", path, function(stream)
      save.put(stream, header)
      for _, tensor in ipairs(hosts) do save.elements(stream, tensor) end
    end)
  end
end
