-- checkpoints: the files of a training: named by their step, written whole, the newest that is good read.

local torch = require "torch"
local paths = require "paths"
local checksum = require "train.checksum"
local plain = require "train.plain"
local raise = require("torch.caller").raise

local checkpoints = {}

local FORMAT, VERSION = "cresset.train", 1

function checkpoints.warn(message, ...)
  io.stderr:write("warning: ", message:format(...), "\n")
end

function checkpoints.path(dir, step)
  return ("%s/step-%09d.t7"):format(dir, step)
end

-- The checkpoints of a folder, {path=, step=}, the newest first.
function checkpoints.list(dir)
  local list = {}
  if not paths.dirp(dir) then return list end
  for name in paths.files(dir) do
    local step = name:match("^step%-(%d+)%.t7$")
    if step then list[#list + 1] = { path = dir .. "/" .. name, step = math.tointeger(tonumber(step)) } end
  end
  table.sort(list, function(a, b) return a.step > b.step end)
  return list
end

-- Makes the folder; removes what a killed run has left half written, which torch.save names so.
function checkpoints.prepare(dir)
  if not paths.dirp(dir) then
    local ok, message = paths.mkdir(dir, true)
    if not ok then raise("train: the folder %s cannot be made: %s", dir, tostring(message)) end
  end
  local left = {}
  for name in paths.files(dir) do
    if name:find("^step%-%d+%.t7%.%x%x%x%x%x%x%x%x$") or name:find("^best%.t7%.%x%x%x%x%x%x%x%x$") then
      left[#left + 1] = name
    end
  end
  for _, name in ipairs(left) do os.remove(dir .. "/" .. name) end
end

-- Removes all but the newest `keep`.
function checkpoints.prune(dir, keep)
  for i, entry in ipairs(checkpoints.list(dir)) do
    if i > keep then os.remove(entry.path) end
  end
end

-- Writes a state; the file is there as a whole or not at all.  An error is raised.
function checkpoints.write(path, state)
  torch.save(path, { format = FORMAT, version = VERSION, state = plain.encode(state),
    sums = checksum.of(state) })
end

-- The state in a file, or nil and what is wrong with it.
function checkpoints.read(path)
  local ok, value = pcall(torch.load, path)
  if not ok then return nil, (tostring(value):gsub("^[^\n]-:%d+: ", "")) end
  if type(value) ~= "table" or value.format ~= FORMAT or type(value.state) ~= "table" then
    return nil, path .. ": not a checkpoint of train.Trainer"
  end
  if value.version ~= VERSION then
    return nil, ("%s: a checkpoint of version %s; this Cresset reads version %d"):format(path,
      tostring(value.version), VERSION)
  end
  local state = plain.decode(value.state)
  local place = type(value.sums) ~= "table" and "" or checksum.difference(value.sums, checksum.of(state))
  if place then
    return nil, ("%s: %s is not what was saved"):format(path,
      place == "" and "something" or ("'%s'"):format(place))
  end
  return state
end

-- The state in the newest checkpoint that can be read, and its path.  Bad ones before it get a warning and
-- another name.  nil where the folder has none; an error where none of them is good.
function checkpoints.latest(dir)
  local list, first, bad = checkpoints.list(dir), nil, {}
  for _, entry in ipairs(list) do
    local state, message = checkpoints.read(entry.path)
    if state then
      for _, path in ipairs(bad) do os.rename(path, path .. ".bad") end
      return state, entry.path
    end
    first = first or message
    bad[#bad + 1] = entry.path
    checkpoints.warn("%s; the checkpoint before it is used, if there is one", message)
  end
  if first then raise("train: none of the %d checkpoints in %s can be read: %s", #list, dir, first) end
  return nil
end

return checkpoints
