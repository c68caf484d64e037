-- path: names of files, as Penlight's pl.path has them.

local lfs = require "lfs"
local paths = require "paths"

local path = {
  sep = "/", dirsep = ":", is_windows = false, dir = lfs.dir, mkdir = lfs.mkdir, rmdir = lfs.rmdir,
  attrib = lfs.attributes, link_attrib = lfs.symlinkattributes, chdir = lfs.chdir,
  currentdir = lfs.currentdir,
}

--- path.exists(p); path.isfile(p); path.isdir(p); path.islink(p); path.isabs(p)
-- path.getsize(p); path.getatime(p); path.getmtime(p); path.getctime(p)
--
-- What a name stands for: exists gives the name back; isfile, isdir and islink say what kind it is of, isabs
-- whether it begins at the root; then a file's size, and its times in seconds since 1970.
--
-- p: string
-- Returns: exists: p or nil; getsize and the times: an integer, or nil; the others true or false
-- From: Penlight
-- Example:
--   path = require "pl.path"
--   path.isdir("."), path.exists("/no/such") --> true nil
function path.exists(p)
  return lfs.attributes(p, "mode") ~= nil and p or nil
end

function path.isfile(p) return lfs.attributes(p, "mode") == "file" end

function path.isdir(p) return lfs.attributes(p, "mode") == "directory" end

function path.islink(p) return lfs.symlinkattributes(p, "mode") == "link" end

function path.isabs(p) return p:sub(1, 1) == "/" end

for name, attribute in pairs { size = "size", atime = "access", mtime = "modification", ctime = "change" } do
  path["get" .. name] = function(p) return lfs.attributes(p, attribute) end
end

--- path.splitpath(p); path.dirname(p); path.basename(p); path.splitext(p); path.extension(p)
--
-- A name in parts: "a/b" and "c.txt" of "a/b/c.txt", "a/b/c" and ".txt".
--
-- p: string
-- Returns: splitpath, splitext: two strings; the others one
-- From: Penlight
-- Example:
--   path = require "pl.path"
--   path.basename("a/b/c.txt"), path.extension("a/b/c.txt") --> c.txt .txt
function path.splitpath(p)
  local folder, last = p:match("^(.*)/([^/]*)$")
  if not folder then return "", p end
  return folder, last
end

function path.dirname(p) return (path.splitpath(p)) end

function path.basename(p) return (select(2, path.splitpath(p))) end

function path.splitext(p)
  local stem, ending = p:match("^(.+)(%.[^./]*)$")
  if not stem or stem:sub(-1) == "/" then return p, "" end
  return stem, ending
end

function path.extension(p) return (select(2, path.splitext(p))) end

--- path.join(p, ...); path.normpath(p); path.normcase(p); path.abspath(p [, from])
-- path.relpath(p [, from]); path.expanduser(p); path.common_prefix(a, b); path.tmpname()
--
-- Puts names together, of which a later one that begins at the root counts alone; takes "." and ".." out;
-- gives the full name, or that from another folder; puts the home folder in place of "~"; the folder that
-- two names have in common; a new empty file.
--
-- p, ..., from, a, b: strings
-- Returns: a string
-- From: Penlight
-- Example:
--   path = require "pl.path"
--   path.join("a", "b.txt"), path.normpath("a/./b/../c"), path.relpath("/a/b", "/a/c") --> a/b.txt a/c ../b
function path.join(p, ...)
  for _, part in ipairs { ... } do
    if path.isabs(part) or p == "" then
      p = part
    else
      p = p .. (p:sub(-1) == "/" and "" or "/") .. part
    end
  end
  return p
end

function path.normpath(p)
  local root, parts = p:sub(1, 1) == "/" and "/" or "", {}
  for part in p:gmatch("[^/]+") do
    if part == ".." and #parts > 0 and parts[#parts] ~= ".." then
      parts[#parts] = nil
    elseif part ~= "." and not (part == ".." and root == "/") then
      parts[#parts + 1] = part
    end
  end
  local text = root .. table.concat(parts, "/")
  return text == "" and "." or text
end

function path.normcase(p) return p end

function path.abspath(p, from)
  local trimmed = p:gsub("(.)/+$", "%1")
  if not path.isabs(trimmed) then trimmed = path.join(from or path.currentdir(), trimmed) end
  return path.normpath(trimmed)
end

function path.relpath(p, from)
  local function parts_of(name)
    local parts = {}
    for part in path.abspath(name):gmatch("[^/]+") do parts[#parts + 1] = part end
    return parts
  end
  local to, base, same = parts_of(p), parts_of(from or path.currentdir()), 0
  while to[same + 1] and to[same + 1] == base[same + 1] do same = same + 1 end
  local out = {}
  for _ = same + 1, #base do out[#out + 1] = ".." end
  for i = same + 1, #to do out[#out + 1] = to[i] end
  return #out > 0 and table.concat(out, "/") or "."
end

function path.expanduser(p)
  if p:sub(1, 1) ~= "~" or p:find("^~[^/]") then return p end
  return paths.home .. p:sub(2)
end

function path.common_prefix(a, b)
  if #a > #b then a, b = b, a end
  for i = 1, #a do
    if a:sub(i, i) ~= b:sub(i, i) then return path.dirname(a:sub(1, i - 1)) end
  end
  if #a == #b or b:sub(#a + 1, #a + 1) == "/" then return path.isdir(a) and a or path.dirname(a) end
  return path.dirname(a)
end

path.tmpname = os.tmpname

return path
