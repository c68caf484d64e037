-- save: writing whole files so that a failure or a crash halfway leaves the old one as it was.

local disk = require "torch._disk"
local raise = require("torch.caller").raise

local save = {}

-- Runs f; afterwards cleans up, and raises the error of f again as it is.
local function guarded(cleanup, f, ...)
  local results = table.pack(pcall(f, ...))
  cleanup(results[1])
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end
save.guarded = guarded

local function synced(stream, path)
  local ok, message = disk.sync(stream)
  if not ok then raise("%s: cannot write: %s", path, message) end
end

-- Writes bytes to a stream of save.whole.
function save.put(stream, bytes)
  local ok, message = stream:write(bytes)
  if not ok then raise("cannot write: %s", message) end
end

-- A tensor's elements as they lie in memory when they are dense in row-major order, on the host.
function save.onHost(tensor)
  if tensor.device ~= "cpu" then tensor = tensor:cpu() end
  return tensor:detach():contiguous()
end

-- Writes the elements of a tensor that save.onHost gave.
function save.elements(stream, tensor)
  local n = tensor:nElement()
  if n == 0 then return end
  local ok, message = disk.write(stream, tensor:storage(), tensor:storageOffset(), n)
  if not ok then raise("cannot write: %s", message) end
end

-- Calls write(stream, name) with an open temporary file beside path, brings what it wrote to the disk and
-- renames the file to path.  A device or a pipe is written where it is.
function save.whole(fn, path, write)
  local real, ordinary = disk.target(path)
  if not ordinary then
    local stream, message = io.open(real, "wb")
    if not stream then raise("%s: %s", fn, message) end
    guarded(function() stream:close() end, function()
      write(stream, real)
      synced(stream, path)
    end)
    return
  end
  local stream, temporary = disk.temporary(real)
  if not stream then raise("%s: %s", fn, temporary) end
  guarded(function(ok)
    stream:close()
    if not ok then os.remove(temporary) end
  end, function()
    write(stream, temporary)
    synced(stream, path)
    local ok, message = disk.replace(temporary, real)
    if not ok then raise("%s: %s: %s", fn, path, message) end
  end)
end

return save
