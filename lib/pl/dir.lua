-- dir: folders, as Penlight's pl.dir has them.

local lfs = require "lfs"
local paths = require "paths"
local path = require "pl.path"
local utils = require "pl.utils"
local raise = require("torch.caller").raise

local dir = {}

-- "*.lua" as a pattern.
local function to_pattern(mask)
  return "^" .. utils.escape(mask):gsub("%%%*", ".*"):gsub("%%%?", ".") .. "$"
end

--- dir.fnmatch(name, mask); dir.filter(names, mask)
--
-- Whether a name fits a mask, in which * is any text and ? any character; those of a list that do.
--
-- name, mask: strings
-- names: list of strings
-- Returns: true or false; a list
-- From: Penlight
-- Example:
--   require("pl.dir").fnmatch("a.lua", "*.lua") --> true
function dir.fnmatch(name, mask)
  return path.normcase(name):find(to_pattern(mask)) ~= nil
end

function dir.filter(names, mask)
  local out = {}
  for _, name in ipairs(names) do
    if dir.fnmatch(name, mask) then out[#out + 1] = name end
  end
  return out
end

-- Those of a folder's names, put behind its own, that are of a kind; in order.
local function entries(folder, test, mask)
  if not path.isdir(folder) then raise("%s: not a folder", tostring(folder)) end
  local out = {}
  for name in lfs.dir(folder) do
    local full = path.join(folder, name)
    if name ~= "." and name ~= ".." and test(full) and (not mask or dir.fnmatch(name, mask)) then
      out[#out + 1] = full
    end
  end
  table.sort(out)
  return out
end

--- dir.getfiles([folder [, mask]]); dir.getdirectories([folder]); dir.getallfiles([folder [, mask]])
--
-- The files in a folder, the folders in it, the files in it and below; in order.
--
-- folder: string, the current one by default
-- mask: string, such as "*.png"
-- Returns: a list of names, with the folder's before
-- Errors: there is no such folder
-- From: Penlight
-- Example:
--   paths.mkdir("f/g", true)
--   io.open("f/g/a.txt", "w"):close()
--   require("pl.dir").getallfiles("f")[1], require("pl.dir").getdirectories("f")[1] --> f/g/a.txt f/g
function dir.getfiles(folder, mask)
  return entries(folder or ".", path.isfile, mask)
end

function dir.getdirectories(folder)
  return entries(folder or ".", path.isdir)
end

local function add_files(folder, mask, out)
  for _, name in ipairs(dir.getfiles(folder, mask)) do out[#out + 1] = name end
  for _, below in ipairs(dir.getdirectories(folder)) do
    if not path.islink(below) then add_files(below, mask, out) end
  end
  return out
end

function dir.getallfiles(folder, mask)
  return add_files(folder or ".", mask, {})
end

--- dir.makepath(folder); dir.rmtree(folder); dir.copyfile(from, to); dir.movefile(from, to)
--
-- Makes a folder and those above it; removes one with all that is in it; copies a file, into `to` when that
-- is a folder; moves it.
--
-- folder, from, to: strings
-- Returns: true; or nil, of the last two false, and a message
-- From: Penlight
-- Example:
--   dir = require "pl.dir"
--   dir.makepath("x/y/z"), dir.rmtree("x"), paths.dirp("x") --> true true false
function dir.makepath(folder)
  return paths.mkdir(path.abspath(folder), true)
end

function dir.rmtree(folder)
  if path.islink(folder) then return nil, "will not follow symlink" end
  if not path.isdir(folder) then return nil, tostring(folder) .. ": not a folder" end
  return paths.rmall(folder, "yes")
end

local function target_of(from, to)
  return path.isdir(to) and path.join(to, path.basename(from)) or to
end

function dir.copyfile(from, to)
  local text, message = utils.readfile(from)
  if not text then return false, message end
  local ok, why = utils.writefile(target_of(from, to), text)
  return ok or false, why
end

function dir.movefile(from, to)
  if os.rename(from, target_of(from, to)) then return true end
  local ok, message = dir.copyfile(from, to) -- it may be on another disk
  if ok then return (os.remove(from)) end
  return false, message
end

return dir
