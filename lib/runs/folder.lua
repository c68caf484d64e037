-- folder: a run's folder: its name, run.json, and what is known about the program that writes it.

local json = require "json"
local paths = require "paths"
local save = require "formats.save"
local torch = require "torch"

local folder = {}

local function contents(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end
folder.contents = contents

-- ---- names -----------------------------------------------------------------------------------------

-- Makes dir/stem, or dir/stem-2, .. where that exists. The name, or nil and a message.
function folder.make(dir, stem)
  local ok, message = paths.mkdir(paths.dirname(dir .. "/" .. stem), true)
  for i = 1, ok and 100000 or 0 do
    local name = i == 1 and stem or ("%s-%d"):format(stem, i)
    local path = dir .. "/" .. name
    ok, message = paths.mkdir(path)
    if ok then return name end
    if not paths.dirp(path) and not paths.filep(path) then break end
  end
  return nil, message
end

-- ---- what JSON can hold ----------------------------------------------------------------------------

local function text_of(s)
  if utf8.len(s) then return s end
  return (s:gsub("[\x80-\xff]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- A value as options may have it: what JSON lacks becomes text that describes it.
local function plain(value, depth)
  local kind = type(value)
  if kind == "string" then return text_of(value) end
  if kind == "number" or kind == "boolean" or value == json.null then return value end
  if torch.isTensor(value) and value:nElement() <= 16 then return value:totable() end
  if torch.isTensor(value) then return ("<%s of %s>"):format(value:type(), table.concat(value.shape, "x")) end
  if kind ~= "table" then return "<" .. torch.type(value) .. ">" end
  if torch.typename(value) or depth > 20 then return "<" .. (torch.typename(value) or "table") .. ">" end
  local out, listed = {}, #value
  local count = 0
  for key, v in pairs(value) do
    count = count + 1
    if type(key) ~= "number" then key = text_of(tostring(key)) end
    out[key] = plain(v, depth + 1)
  end
  if count == listed and listed > 0 then return out end
  return json.object(out)
end

function folder.plain(value) return plain(value, 0) end

-- ---- run.json --------------------------------------------------------------------------------------

function folder.writeInfo(path, info)
  local text = json.encode(info, { indent = 2, nan = "string" }) .. "\n"
  save.whole("runs.Run", path .. "/run.json", function(stream) save.put(stream, text) end)
end

-- The table of run.json; nil and, where there is such a file, what is wrong with it.
function folder.readInfo(path)
  local text = contents(path .. "/run.json")
  if not text then return nil end
  local ok, info = pcall(json.decode, text)
  if not ok then return nil, ("%s/run.json: %s"):format(path, (info:gsub("^.-json%.decode: ", ""))) end
  if type(info) ~= "table" then return nil, path .. "/run.json: no object" end
  return info
end

-- ---- the program and its machine -------------------------------------------------------------------

-- The number of a process and when it began, in ticks of the machine's clock; nil when there is none.
local function process(pid)
  local stat = contents(("/proc/%s/stat"):format(pid or "self"))
  if not stat then return nil end
  local fields = {}
  for field in stat:match("^.*%)%s+(.*)$"):gmatch("%S+") do fields[#fields + 1] = field end
  return { pid = math.tointeger(stat:match("^%d+")), begun = math.tointeger(fields[20]) }
end

function folder.here()
  local _, host = paths.uname()
  return host, process()
end

-- Whether the program that began a run still lives; nil where that cannot be told, as on another machine.
function folder.lives(info)
  local host, own = folder.here()
  local theirs = info.process
  if info.host ~= host or not own or type(theirs) ~= "table" then return nil end
  local now = process(theirs.pid)
  return now ~= nil and now.begun == theirs.begun
end

-- Whether this very program began it.
function folder.isOwn(info)
  local host, own = folder.here()
  return info.host == host and own ~= nil and type(info.process) == "table" and info.process.pid == own.pid
    and info.process.begun == own.begun
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The commit of the folder that a path lies in, and whether tracked files differ from it; nil without git.
function folder.git(path)
  if not paths.findprogram("git") then return nil end
  local git = "git -C " .. quote(path) .. " "
  local pipe = io.popen(("%srev-parse HEAD --abbrev-ref HEAD 2>/dev/null && %sstatus --porcelain -uno "
    .. "2>/dev/null | head -n 1"):format(git, git))
  if not pipe then return nil end
  local commit, branch, changed = pipe:read("l", "l", "l")
  pipe:close()
  if not commit or not commit:find("^%x+$") then return nil end
  return { commit = commit, branch = branch, changed = changed ~= nil }
end

return folder
