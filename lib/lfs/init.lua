-- lfs: LuaFileSystem's calls, where that library is not installed; one that is goes first.

local lfs = require "lfs._calls"
local system = require "paths._system"

lfs.mkdir, lfs.rmdir, lfs.currentdir = system.mkdir, system.rmdir, system.cwd

lfs._VERSION = "LuaFileSystem's calls, by Cresset"

--- lfs.attributes(path [, what]); lfs.symlinkattributes(path [, what])
--
-- What the system knows of a file; the second of a link itself.
--
-- path: string
-- what: one of the names below for its value alone, or a table that is filled
-- Returns: a table of mode ("file", "directory", "link", "socket", "named pipe", "char device",
--   "block device", "other"), size, access, modification and change (seconds since 1970), permissions
--   ("rw-r--r--"), uid, gid, dev, ino, nlink, rdev, blocks, blksize, and of links target; or nil, a message
--   and a number
-- Errors: there is no attribute of that name
-- From: LuaFileSystem
-- Example:
--   require("lfs").attributes(".", "mode") --> directory

--- lfs.dir(path)
--
-- Goes over the names in a folder, in a for loop; "." and ".." are among them.
--
-- path: string
-- Returns: an iterator and a folder, which has the methods next and close
-- Errors: the folder cannot be read
-- From: LuaFileSystem
-- Example:
--   for name in require("lfs").dir "." do last = name end
--   type(last) --> string

--- lfs.mkdir(path); lfs.rmdir(path); lfs.currentdir(); lfs.chdir(path)
--
-- Makes a folder; removes an empty one; gives and changes the current one.
--
-- path: string
-- Returns: true, of currentdir a string; or nil, a message and a number
-- From: LuaFileSystem
-- Example:
--   require("lfs").currentdir() == paths.cwd() --> true

--- lfs.link(old, new [, symbolic]); lfs.touch(path [, access [, modification]])
--
-- Makes a link; sets a file's times, now by default.
--
-- old, new, path: strings
-- symbolic: true for a symbolic link
-- access, modification: seconds since 1970; modification is access by default
-- Returns: true, or nil, a message and a number
-- From: LuaFileSystem
-- Example:
--   io.open("a.txt", "w"):close()
--   require("lfs").touch("a.txt", 1000000000)
--   require("lfs").attributes("a.txt", "modification") --> 1000000000

--- lfs.lock(file, mode [, start [, length]]); lfs.unlock(file [, start [, length]]); lfs.setmode(file, mode)
--
-- Locks an open file, or a part of it, against other programs; gives the lock up.  setmode does nothing on
-- this system.
--
-- file: of io.open
-- mode: lock: "r" or "w"; setmode: "binary" or "text"
-- start, length: bytes
-- Returns: true, of setmode also "binary"; or nil, a message and a number
-- From: LuaFileSystem
-- Example:
--   file = io.open("a.txt", "w")
--   require("lfs").lock(file, "w") --> true
--   file:close()

--- lfs.lock_dir(path [, seconds])
--
-- Makes the file lockfile.lfs in a folder, which only one program at a time can.
--
-- path: string
-- seconds: a lock older than that is taken over
-- Returns: a lock, whose method free removes it; or nil and a message
-- From: LuaFileSystem
-- Example:
--   lock = require("lfs").lock_dir(".")
--   require("lfs").lock_dir(".") == nil --> true
--   lock:free()

return lfs
