-- source: the lines of chunks: of files, of what was typed at a prompt, of embedded library files.

local hooks = require "cresset._debugger"

local source = {}

local open = io.open

-- The most bytes of a file that are read to show lines of it.
local MOST = 1 << 24

local function read(path)
  local file = open(path, "r")
  if not file then return nil end
  local text = file:read(MOST)
  file:close()
  return text
end

-- "train.lua" for "@./train.lua", "stdin[3]" for "=stdin[3]".
function source.name(chunk)
  if chunk:sub(1, 1) == "@" then return (chunk:sub(2):gsub("^%./", "")) end
  if chunk:sub(1, 1) == "=" then return chunk:sub(2) end
  return (chunk:match("^[^\n]*"))
end

-- The text of a chunk, given by what debug.getinfo calls its source; nil where nobody knows it.
function source.text(chunk)
  local kind = chunk:sub(1, 1)
  if kind == "@" then return hooks.embedded(chunk:sub(2)) or read(chunk:sub(2)) end
  if kind ~= "=" then return chunk end
  local repl = package.loaded["cresset.repl"]
  return repl and repl.source(chunk) or nil
end

-- A list of a text's lines.
function source.lines(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n?") do list[#list + 1] = (line:gsub("\r$", "")) end
  if list[#list] == "" then list[#list] = nil end
  return list
end

-- One line of a chunk, or nil.
function source.line(chunk, number)
  local text = source.text(chunk)
  if not text then return nil end
  local at = 1
  for _ = 2, number do
    at = text:find("\n", at, true)
    if not at then return nil end
    at = at + 1
  end
  return (text:match("^[^\r\n]*", at))
end

return source
