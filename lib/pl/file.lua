-- file: whole files, as Penlight's pl.file has them.

local path = require "pl.path"
local utils = require "pl.utils"
local dir = require "pl.dir"

--- file.read(path); file.write(path, text); file.copy(from, to); file.move(from, to); file.delete(path)
-- file.access_time(path); file.creation_time(path); file.modified_time(path)
--
-- A file's contents; writes them; copies, moves and removes a file; its times in seconds since 1970.
--
-- path, text, from, to: strings
-- Returns: read: a string; the times: a number; the others true; or nil, or false, and a message
-- From: Penlight
-- Example:
--   file = require "pl.file"
--   file.write("a.txt", "hello")
--   file.copy("a.txt", "b.txt")
--   file.read("b.txt") --> hello
return {
  read = utils.readfile, write = utils.writefile,
  copy = dir.copyfile, move = dir.movefile, delete = os.remove,
  access_time = path.getatime, creation_time = path.getctime, modified_time = path.getmtime,
}
