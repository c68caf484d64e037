-- paths: file names, folders, and what is in them, with the names of Torch7's package.

local system = require "paths._system"
local raise = require("torch.caller").raise

local paths = { home = os.getenv("HOME") or "." }

paths.cwd, paths.rmdir, paths.uname = system.cwd, system.rmdir, system.uname

--- Whether a path is an existing file (not a folder).
function paths.filep(path)
  local kind = system.kind(path)
  return kind ~= nil and kind ~= "dir"
end

--- Whether it is an existing folder.
function paths.dirp(path)
  return system.kind(path) == "dir"
end

--- The bytes of a file; nil when there is none.
function paths.size(path)
  local _, size = system.kind(path)
  return size
end

-- The folder and the last part of a path; slashes at its end do not count.
local function split(path)
  local trimmed = path:gsub("(.)/+$", "%1")
  local folder, last = trimmed:match("^(.*/)([^/]*)$")
  if not folder then return ".", trimmed end
  return folder:find("[^/]") and folder:gsub("/+$", "") or "/", last
end

--- The last part of a path, without the suffix if it ends in that.
function paths.basename(path, suffix)
  local _, last = split(path)
  if last == "" then last = "/" end
  if suffix and suffix ~= "" then
    if suffix:sub(1, 1) ~= "." then suffix = "." .. suffix end
    if #last > #suffix and last:sub(-#suffix) == suffix then last = last:sub(1, -#suffix - 1) end
  end
  return last
end

--- The folder a path is in.
function paths.dirname(path)
  return (split(path))
end

--- What follows the last dot of a file's name; nil when there is none.
function paths.extname(path)
  return paths.basename(path):match("^.+%.([^.]*)$")
end

--- The full name of a path: each argument is taken relative to the one before, the first to the current
--- folder.
function paths.concat(...)
  local full = system.cwd()
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if type(part) ~= "string" then raise("paths.concat: argument %d is a %s", i, type(part)) end
    full = part:sub(1, 1) == "/" and part or full .. "/" .. part
  end
  local parts = {}
  for part in full:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return "/" .. table.concat(parts, "/")
end

--- The folder of the running program.
function paths.execdir()
  local program = system.program()
  return program and paths.dirname(program)
end

--- A list of all names in a folder, "." and ".." too; nil when it cannot be read.
function paths.dir(folder)
  local names = system.list(folder)
  if names then table.sort(names) end
  return names
end

--- Goes over the names in a folder that fit a pattern, or for which a function is true.
function paths.files(folder, filter)
  if type(filter) == "string" then
    local pattern = filter
    filter = function(name) return name:find(pattern) end
  elseif filter ~= nil and type(filter) ~= "function" then
    raise("paths.files: a pattern or a function expected, got %s", type(filter))
  end
  local names, i = paths.dir(folder) or {}, 0
  return function()
    repeat i = i + 1 until names[i] == nil or not filter or filter(names[i])
    return names[i]
  end
end

function paths.iterdirs(folder)
  return paths.files(folder, function(name)
    return name ~= "." and name ~= ".." and paths.dirp(folder .. "/" .. name)
  end)
end

function paths.iterfiles(folder)
  return paths.files(folder, function(name) return paths.filep(folder .. "/" .. name) end)
end

--- Makes a folder; with true, also those above it, and one that exists is fine.
function paths.mkdir(path, all)
  if not all then return system.mkdir(path) end
  if paths.dirp(path) then return true end
  local above = paths.dirname(path)
  if above ~= path and not paths.dirp(above) then
    local ok, message = paths.mkdir(above, true)
    if not ok then return nil, message end
  end
  local ok, message = system.mkdir(path)
  if ok or paths.dirp(path) then return true end
  return nil, message
end

--- Removes a file, or a folder with all that is in it; the second argument must be "yes".
function paths.rmall(path, sure)
  if sure ~= "yes" then return nil, "missing second argument ('yes')" end
  if system.islink(path) or not paths.dirp(path) then return os.remove(path) end
  for name in paths.files(path) do
    if name ~= "." and name ~= ".." then
      local ok, message = paths.rmall(path .. "/" .. name, sure)
      if not ok then return nil, message end
    end
  end
  return system.rmdir(path)
end

local temporaries = setmetatable({}, {
  __gc = function(names)
    for name in pairs(names) do os.remove(name) end
  end,
})

--- The name of a new empty file, which is removed when the interpreter closes.
function paths.tmpname()
  local name, message = system.tmpname()
  if not name then raise("paths.tmpname: %s", message) end
  temporaries[name] = true
  return name
end

--- The full name of the file that calls this, or of one beside it.
function paths.thisfile(name, level)
  local source = debug.getinfo((level or 1) + 1, "S").source:match("^@(.*)$")
  local file = source and paths.concat(source)
  if name == nil then return file end
  return file and paths.concat(paths.dirname(file), name) or name
end

--- Runs a file beside the one that calls this.
function paths.dofile(name, level)
  return dofile(paths.thisfile(name, (level or 1) + 1))
end

--- The full name of the first of these programs that is on the search path; nil when none is.
function paths.findprogram(...)
  for _, name in ipairs { ... } do
    for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
      local path = folder .. "/" .. name
      if paths.filep(path) then return paths.concat(path) end
    end
  end
  return nil
end

function paths.is_win() return false end

function paths.is_mac() return system.uname() == "Darwin" end

paths.require = require

if rawget(_G, "paths") == nil then rawset(_G, "paths", paths) end

return paths
