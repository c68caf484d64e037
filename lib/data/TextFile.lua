-- TextFile: the lines of a file.

local torch = require "torch"
local samples = require "data.samples"
local disk = require "data._disk"
local raise = require("torch.caller").raise
require "data.Dataset"

local data = {}

local TextFile = torch.class("data.TextFile", "data.Dataset", data)

local open = setmetatable({}, { __mode = "k" }) -- each one's file, in this interpreter

--- data.TextFile(path [, options])
--
-- The lines of a file, without their ends.  Only where they begin is kept in memory, 8 bytes a line; a line
-- is read when it is asked for, so the file may be larger than memory.
--
-- path: the file's name
-- options: {transform = function(line, i)} gives what a sample is; by default the line itself
-- Errors: the file cannot be read; later also: it was changed since
-- Example:
--   io.open("a.txt", "w"):write("one\ntwo\n"):close()
--   set = data.TextFile("a.txt", { transform = string.upper })
--   set:size(), set:get(2) --> 2 TWO
function TextFile:__init(path, options)
  if type(path) ~= "string" then raise("data.TextFile: a file name expected, got %s", type(path)) end
  options = samples.options("data.TextFile", options, { transform = true })
  self.path, self.transform = path, options.transform
  self.places = disk.lines(path)
end

--- data.TextFile:size(); data.TextFile:get(i)
--
-- How many lines there are; the i-th.
--
-- i: 1 to size()
-- Returns: get: a line without its end, or what transform made of it
-- Errors: i lies outside; the file was changed
-- Example:
--   io.open("a.txt", "w"):write("one\ntwo"):close()
--   data.TextFile("a.txt"):get(2) --> two
function TextFile:size()
  return self.places:nElement() - 1
end

local function file_of(self)
  if open[self] then return open[self] end
  local file, message = io.open(self.path, "rb")
  if not file then raise("data.TextFile: %s", message) end
  if file:seek("end") ~= self.places[-1] then
    file:close()
    raise("data.TextFile: %s was changed since its lines were counted", self.path)
  end
  open[self] = file
  return file
end

function TextFile:get(i)
  local at = samples.place(self, i)
  local from = self.places[at]
  local file, n = file_of(self), self.places[at + 1] - from
  file:seek("set", from)
  local line = file:read(n)
  if not line or #line < n then
    raise("data.TextFile: %s was cut short since its lines were counted", self.path)
  end
  line = line:gsub("\r?\n$", "")
  if self.transform then return self.transform(line, at) end
  return line
end

return data
