-- mapped: arrays that stay in files.

local torch = require "torch"
local disk = require "data._disk"
local npy = require "formats._npy"
local samples = require "data.samples"
local save = require "formats.save"
local raise = require("torch.caller").raise

local data = {}

local modes = { r = true, c = true, rw = true, w = true }

-- The sizes as a list, their product, and the type's name as torch has it.
local function shape_of(fn, shape)
  if shape == nil then return nil end
  if type(shape) == "number" then shape = { shape } end
  if torch.isTensor(shape) or torch.type(shape) == "torch.LongStorage" then shape = shape:totable() end
  if type(shape) ~= "table" then raise("%s: shape is a list of sizes, got %s", fn, torch.type(shape)) end
  local sizes, count = {}, 1
  for i, size in ipairs(shape) do
    sizes[i] = samples.whole(fn, "size " .. i .. " of the shape", size, nil, 0)
    if sizes[i] > 0 and count > (1 << 60) // sizes[i] then
      raise("%s: the shape has too many elements", fn)
    end
    count = count * sizes[i]
  end
  return sizes, count
end

local function check(path, options)
  local fn = "data.mapped"
  if type(path) ~= "string" then raise("%s: a file name expected, got %s", fn, torch.type(path)) end
  options = samples.options(fn, options, { dtype = true, shape = true, offset = true, mode = true })
  local mode = options.mode or "r"
  if not modes[mode] then raise("%s: mode is \"r\", \"c\", \"rw\" or \"w\", got %s", fn, tostring(mode)) end
  return options, mode, samples.whole(fn, "offset", options.offset, 0, 0)
end

-- One element of the type, which says its name and size.
local function element(fn, dtype)
  local ok, one = pcall(function() return torch.zeros(1):to(dtype) end)
  if not ok then raise("%s: there is no type '%s'", fn, tostring(dtype)) end
  return one
end

local function create(path, options)
  local fn = "data.mapped"
  local sizes, count = shape_of(fn, options.shape)
  if not sizes then raise("%s: a new file needs the option shape", fn) end
  local one = element(fn, options.dtype or torch.Tensor().dtype)
  local head = ""
  if path:find("%.npy$") then
    head = npy.header(count > 0 and one:expand(table.unpack(sizes)) or torch.zeros(sizes):to(one.dtype))
  end
  save.whole(fn, path, function(stream)
    save.put(stream, head)
    local ok, message = disk.reserve(stream, #head + count * one:elementSize())
    if not ok then raise("%s: %s: %s", fn, path, message) end
  end)
end

--- data.mapped(path [, options])
--
-- An array that stays in its file, which may be larger than memory: the system reads the parts that are
-- touched and forgets them when memory is short.  A file whose name ends in .npy says its type and shape
-- itself; of any other file it has to be said.
--
-- The file's size is checked when it is opened.  It must not be made shorter by anyone while the tensor
-- lives: touching a part that is gone ends the process.  Replacing it by another file is harmless.
--
-- path: the file's name
-- options: a table, all its fields optional for a .npy file:
--   dtype: type of the elements, "float32" by name or "torch.FloatTensor"; the default type by default
--   shape: a list of sizes; by default one dimension to the file's end
--   offset: the byte at which the elements begin, 0 by default
--   mode: "r" (the default) leaves the file as it is: what is written to the tensor stays in memory ("c" is
--     the same); "rw" writes to the file; "w" makes a new file of zeros, in place of one that is there, and
--     is "rw" then.  The new file gets its place on the disk at once, so that filling it cannot fail
-- Returns: a tensor.  Elements of type bool are read whole in mode "r"
-- Errors: no such file; it is shorter than the shape wants; in mode "w", no place on the disk
-- From: NumPy's memmap
-- Example:
--   x = data.mapped("a.npy", { mode = "w", dtype = "float32", shape = { 1000, 3 } })
--   x[2]:fill(5)
--   data.flush(x)
--   data.mapped("a.npy")[2]:sum(), torch.loadnpy("a.npy"):sum() --> 15.0 15.0
function data.mapped(path, options)
  local fn = "data.mapped"
  local mode, offset
  options, mode, offset = check(path, options)
  if mode == "w" then
    if offset > 0 then raise("%s: a new file's elements begin at byte 0", fn) end
    create(path, options)
  end
  local shared = mode == "rw" or mode == "w"
  if path:find("%.npy$") then
    if mode ~= "w" and (options.dtype or options.shape or options.offset) then
      raise("%s: a .npy file says its type and shape itself", fn)
    end
    return npy.read(path, true, nil, shared)
  end
  local sizes, count = shape_of(fn, options.shape)
  local one = element(fn, options.dtype or torch.Tensor().dtype)
  local storage = disk.map(path, one:type(), offset, count, shared)
  local x = one.new(storage)
  return sizes and x:view(table.unpack(sizes)) or x
end

--- data.flush(x)
--
-- Brings what was written to a mapped tensor to the disk and waits for it.  Without it the system writes when
-- it likes: other programs see the changes at once, but a power failure may lose them.
--
-- x: a tensor of data.mapped
-- Errors: the disk reports a failure
-- Example:
--   x = data.mapped("a.raw", { mode = "w", dtype = "uint8", shape = { 4 } })
--   x:fill(7)
--   data.flush(x)
--   paths.size("a.raw") --> 4
function data.flush(x)
  if not torch.isTensor(x) then raise("data.flush: a tensor expected, got %s", torch.type(x)) end
  disk.flush(x:storage())
end

return data
