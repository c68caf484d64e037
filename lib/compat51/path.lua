-- path.lua: the global `path` that th's scripts find, of the library Penlight; without it, its functions
-- that scripts use most.  Where Penlight is, th loads it, and all of its modules are globals.

local paths = require "paths"
local system = require "paths._system"

pcall(require, "pl")
local found, path = pcall(require, "pl.path")
if found then return path end

path = { sep = "/", dirsep = ":", is_windows = false }

function path.exists(name)
  return system.kind(name) ~= nil and name or nil
end

path.isfile, path.isdir = paths.filep, paths.dirp
path.currentdir, path.rmdir, path.getsize = paths.cwd, paths.rmdir, paths.size

function path.mkdir(name)
  return paths.mkdir(name)
end

function path.isabs(name)
  return name:sub(1, 1) == "/"
end

-- What comes after an absolute name takes the place of all before it.
function path.join(first, ...)
  local joined = first
  for _, part in ipairs { ... } do
    if path.isabs(part) or joined == "" then
      joined = part
    else
      joined = joined .. (joined:sub(-1) == "/" and "" or "/") .. part
    end
  end
  return joined
end

-- "a/b", "c.txt" of "a/b/c.txt".
function path.splitpath(name)
  local folder, last = name:match("^(.*)/([^/]*)$")
  if not folder then return "", name end
  return folder, last
end

function path.dirname(name)
  return (path.splitpath(name))
end

function path.basename(name)
  return (select(2, path.splitpath(name)))
end

-- "a/b", ".txt" of "a/b.txt".
function path.splitext(name)
  local stem, ending = name:match("^(.+)(%.[^./]*)$")
  if not stem or stem:sub(-1) == "/" then return name, "" end
  return stem, ending
end

function path.extension(name)
  return (select(2, path.splitext(name)))
end

function path.abspath(name, from)
  return path.isabs(name) and name or path.join(from or paths.cwd(), name)
end

return path
