-- paths: file names, folders, and what is in them, with the names of Torch7's package.

local system = require "paths._system"
local raise = require("torch.caller").raise

local paths = { home = os.getenv("HOME") or "." }

--- paths.cwd(); paths.rmdir(path); paths.uname()
--
-- The current folder; removes an empty folder; says what the system is.
--
-- path: string
-- Returns: cwd: a string; rmdir: true, or nil and a message; uname: the names of the system, of the
--   machine, and of the kind of machine
-- From: Torch7
-- Example:
--   paths.mkdir("a-folder", true)
--   paths.rmdir("a-folder"), paths.dirp(paths.cwd()) --> true true
paths.cwd, paths.rmdir, paths.uname = system.cwd, system.rmdir, system.uname

--- paths.filep(path); paths.dirp(path)
--
-- Whether a path is an existing file (not a folder), or an existing folder.
--
-- path: string
-- Returns: true or false
-- From: Torch7
-- Example:
--   paths.filep("."), paths.dirp(".") --> false true
local function kind_of(fn, path)
  if type(path) ~= "string" then raise("paths.%s: a path expected, got %s", fn, type(path)) end
  return system.kind(path)
end

function paths.filep(path)
  local kind = kind_of("filep", path)
  return kind ~= nil and kind ~= "dir"
end

function paths.dirp(path)
  return kind_of("dirp", path) == "dir"
end

--- The bytes of a file.
--
-- path: string
-- Returns: an integer; nil when there is no such file
-- From: Torch7
-- Example:
--   io.open("a.txt", "w"):write("abc"):close()
--   paths.size("a.txt") --> 3
function paths.size(path)
  local _, size = kind_of("size", path)
  return size
end

-- The folder and the last part of a path; slashes at its end do not count.
local function split(path)
  local trimmed = path:gsub("(.)/+$", "%1")
  local folder, last = trimmed:match("^(.*/)([^/]*)$")
  if not folder then return ".", trimmed end
  return folder:find("[^/]") and folder:gsub("/+$", "") or "/", last
end

--- paths.basename(path [, suffix]); paths.dirname(path); paths.extname(path)
--
-- The last part of a path; the folder that it is in; what follows the last dot of its name.
--
-- path: string
-- suffix: string that is left out when the name ends in it, with or without a dot
-- Returns: a string; extname: nil when there is no dot
-- From: Torch7
-- Example:
--   paths.basename("a/b.txt", "txt"), paths.dirname("a/b.txt"), paths.extname("a/b.txt") --> b a txt
function paths.basename(path, suffix)
  local _, last = split(path)
  if last == "" then last = "/" end
  if suffix and suffix ~= "" then
    if suffix:sub(1, 1) ~= "." then suffix = "." .. suffix end
    if #last > #suffix and last:sub(-#suffix) == suffix then last = last:sub(1, -#suffix - 1) end
  end
  return last
end

function paths.dirname(path)
  return (split(path))
end

function paths.extname(path)
  return paths.basename(path):match("^.+%.([^.]*)$")
end

--- The full name of a path: each argument is taken relative to the one before, the first to the current
-- folder.
--
-- ...: strings
-- Returns: a string
-- From: Torch7
-- Example:
--   paths.concat("/a", "b/../c") --> /a/c
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

--- paths.execdir(); paths.findprogram(name, ...)
--
-- The folder of the running program; the full name of the first of some programs that is on the search
-- path.
--
-- name: string
-- Returns: a string; nil when there is none
-- From: Torch7
-- Example:
--   paths.dirp(paths.execdir()), paths.findprogram("no-such-program", "sh") ~= nil --> true true
function paths.execdir()
  local program = system.program()
  return program and paths.dirname(program)
end

--- The names in a folder, "." and ".." too.
--
-- folder: string
-- Returns: a sorted table; nil when the folder cannot be read
-- From: Torch7
-- Example:
--   paths.dir("/")[1] --> .
function paths.dir(folder)
  local names = system.list(folder)
  if names then table.sort(names) end
  return names
end

--- paths.files(folder [, filter]); paths.iterfiles(folder); paths.iterdirs(folder)
--
-- Goes over the names in a folder, in a for loop: of all that fit, of the files, of the folders but "."
-- and "..".
--
-- folder: string
-- filter: string pattern, or function of a name
-- Returns: an iterator
-- From: Torch7
-- Example:
--   paths.mkdir("a-folder/b", true)
--   for name in paths.iterdirs("a-folder") do found = name end
--   found --> b
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

--- paths.mkdir(path [, all])
--
-- Makes a folder.
--
-- path: string
-- all: true also makes those above it, and one that exists is fine
-- Returns: true, or nil and a message
-- From: Torch7
-- Example:
--   paths.mkdir("a-folder/b", true) --> true
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

--- Removes a file, or a folder with all that is in it.
--
-- path: string
-- sure: "yes"
-- Returns: true, or nil and a message
-- From: Torch7
-- Example:
--   paths.mkdir("a-folder/b", true)
--   paths.rmall("a-folder", "yes"), paths.dirp("a-folder") --> true false
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

local temporaries

local function remember(name)
  temporaries = temporaries or setmetatable({}, {
    __gc = function(names)
      for old in pairs(names) do os.remove(old) end
    end,
  })
  temporaries[name] = true
end

--- The name of a new empty file, which is removed when the interpreter closes.
--
-- Returns: a string
-- Errors: it cannot be made
-- From: Torch7
-- Example:
--   paths.size(paths.tmpname()) --> 0
function paths.tmpname()
  local name, message = system.tmpname()
  if not name then raise("paths.tmpname: %s", message) end
  remember(name)
  return name
end

--- paths.thisfile([name [, level]]); paths.dofile(name [, level])
--
-- The full name of the file that calls this, or of one beside it; runs a file beside it.
--
-- name: string
-- level: 1, the default, is the caller, 2 its caller
-- Returns: a string, nil outside of a file; what the file returns
-- From: Torch7
-- Example:
--   paths.thisfile() --> nil
function paths.thisfile(name, level)
  local source = debug.getinfo((level or 1) + 1, "S").source:match("^@(.*)$")
  local file = source and paths.concat(source)
  if name == nil then return file end
  return file and paths.concat(paths.dirname(file), name) or name
end

function paths.dofile(name, level)
  return dofile(paths.thisfile(name, (level or 1) + 1))
end

function paths.findprogram(...)
  for _, name in ipairs { ... } do
    for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
      local path = folder .. "/" .. name
      if paths.filep(path) then return paths.concat(path) end
    end
  end
  return nil
end

--- paths.is_win(); paths.is_mac(); paths.require(name)
--
-- Whether the system is Windows, or macOS; require is Lua's own.
--
-- name: string
-- Returns: true or false
-- From: Torch7
-- Example:
--   paths.is_win(), paths.require("paths") == paths --> false true
function paths.is_win() return false end

function paths.is_mac() return system.uname() == "Darwin" end

paths.require = require

--- paths.getregistryvalue(key, subkey, name): a value of Windows' registry, which this system does not have.
--
-- key, subkey, name: strings
-- Errors: always
-- From: Torch7
-- Example:
--   pcall(paths.getregistryvalue, "HKEY_CURRENT_USER", "a", "b") == false --> true
function paths.getregistryvalue()
  raise("paths.getregistryvalue: this system has no registry")
end

if rawget(_G, "paths") == nil then rawset(_G, "paths", paths) end

return paths
