-- inspect: what a word in a cell can become, and what is known about it.

local complete = require "cresset.repl.complete"
local display = require "cresset.repl.display"
local help = require "help"
local repl = require "cresset.repl"

local inspect = {}

-- ---- completion ---------------------------------------------------------------------------------

-- The files whose names go on from `word`; folders end with a slash.
local function files(word)
  local paths = require "paths"
  local folder, start = word:match("^(.*/)([^/]*)$")
  if not folder then folder, start = "", word end
  local where, list = folder == "" and "." or folder:gsub("^~", paths.home), {}
  pcall(function()
    for name in paths.files(where) do
      local hidden = name:sub(1, 1) == "." and start:sub(1, 1) ~= "."
      if name:sub(1, #start) == start and not hidden then
        list[#list + 1] = folder .. name .. (paths.dirp(paths.concat(where, name)) and "/" or "")
      end
    end
  end)
  table.sort(list)
  return list
end

-- What the word at the end of the text can become, and the word.
function inspect.words(text)
  local word = text:match("[%w_]*$")
  local list = complete.words(text, #text - #word)
  if list then return list, word end
  word = text:match("[^%s\"']*$")
  return files(word), word
end

-- ---- help ---------------------------------------------------------------------------------------

-- The lines of a function of Lua; nil when they are not to be had.
local function source_of(f)
  local info = debug.getinfo(f, "S")
  if info.what ~= "Lua" then return nil end
  local text = repl.source(info.source)
  if not text and info.source:sub(1, 1) == "@" then
    local file <close> = io.open(info.source:sub(2))
    text = file and file:read "a"
  end
  if not text then return nil end
  local lines, n = {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    if n >= info.linedefined and n <= info.lastlinedefined then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

-- The documented entries for a name that stands in a cell, with its value.
local function entries(name, value)
  if value == nil then
    local list = help.find(name)
    return #list == 1 and list or {}
  end
  local list = help.find(value)
  if #list == 0 and type(value) == "function" then list = help.find((name:gsub("^.*:", ":"))) end
  return list
end

local function about_value(name, value, more)
  local torch = package.loaded.torch
  local parts = { ("%s: %s"):format(name, torch.isTensor(value) and
    ("%s of %s"):format(torch.type(value), table.concat(value.shape, "x")) or torch.type(value)) }
  local source = type(value) == "function" and source_of(value)
  if source then
    parts[#parts + 1] = source
  elseif type(value) ~= "function" then
    local text = display.text(value)
    parts[#parts + 1] = #text > 2000 and not more and text:sub(1, 2000) .. " ..." or text
  end
  return parts
end

-- What is known about the name at the cursor, or about the function whose arguments are being typed there;
-- nil for nothing.  `more` asks for a function's source too.
function inspect.about(before, after, more)
  local name = before:match("[%a_][%w_.:]*$")
  name = name and (name .. after:match("^[%w_]*")):gsub("[.:]+$", "")
  if not name then
    local head = complete.open_call(before)
    name = head and head:match("[%a_][%w_.:]*$")
  end
  if not name then return nil end
  local value = complete.value(name)
  local parts = {}
  for i, entry in ipairs(entries(name, value)) do parts[i] = help.text(entry) end
  if value ~= nil and (#parts == 0 or type(value) ~= "function" and type(value) ~= "table" or more) then
    table.move(about_value(name, value, more), 1, 2, 1, parts)
  end
  return #parts > 0 and table.concat(parts, "\n\n") or nil
end

return inspect
