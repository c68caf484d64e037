-- cells: a cell of a notebook as functions: commands like %who, and Lua whose last expression is a result.

local commands = require "cresset.repl.commands"
local repl = require "cresset.repl"

local cells = {}

local load = load

-- How many lines at the end of a cell may belong to its last expression.
local MOST_LINES = 40

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

local function is_command(line)
  return commands.parse(line, repl.session) ~= nil
end

-- The number of the last line of the command that line i begins: Lua behind it may go on.
local function end_of_command(lines, i)
  for last = i, #lines do
    if commands.parse(table.concat(lines, "\n", i, last), repl.session) then return last end
  end
  return #lines
end

local function is_whole(text)
  local chunk, message = load(text, "=cell", "t")
  return chunk ~= nil or message:sub(-5) ~= "<eof>"
end

-- The pieces of a cell: each command's line is one, and so is what stands between them.  A piece begins with
-- as many line ends as there are lines before it, for messages to have the cell's lines.
local function split(text)
  local whole = text:match("^%s*%%(%%%a.*)$") -- `%%time` and the like take all of the cell
  if whole then return { whole } end
  local pieces, current, first = {}, {}, 1
  local function add(lines, at)
    local piece = table.concat(lines, "\n")
    if piece:find("%S") then pieces[#pieces + 1] = ("\n"):rep(at - 1) .. piece end
  end
  local lines, i = lines_of(text), 1
  while i <= #lines do
    if is_command(lines[i]) and is_whole(table.concat(current, "\n")) then
      local last = end_of_command(lines, i)
      add(current, first)
      add(table.move(lines, i, last, 1, {}), i)
      current, first = {}, last + 1
      i = last
    else
      current[#current + 1] = lines[i]
    end
    i = i + 1
  end
  add(current, first)
  return pieces
end

-- Hands its values on: without it the last expression would be a tail call, and its errors had no line.
local HANDED_ON = "return (function(...) return ... end)(%s\n)"

-- The text so that it returns the expression that it ends with; itself, when it ends with none.  A line
-- that goes on with the statement before it, as `(f or g)(x)` does, is no expression of its own.
local function returning(text)
  local lines = lines_of(text)
  local is_lua = load(text, "=cell", "t") ~= nil
  for k = #lines, math.max(1, #lines - MOST_LINES), -1 do
    local last = table.concat(lines, "\n", k):gsub("%s*;%s*$", "")
    local may_stand_alone = last:find "^%s*[%a_]" or not is_lua and last:find "%S"
    if may_stand_alone and load(HANDED_ON:format(last), "=cell", "t") then
      lines[k] = HANDED_ON:format(last)
      local whole = table.concat(lines, "\n", 1, k)
      if load(whole, "=cell", "t") then return whole end
    end
  end
  return text
end

local function compile_piece(text)
  local is_silent = text:find ";%s*$"
  local run, visible = repl.compile(is_command(text) and text or returning(text))
  if run then return { run = run, visible = visible and not is_silent } end
  local _, message = load(text, ("=stdin[%d]"):format(repl.session.number), "t")
  error(message, 0)
end

-- A list of {run = function, visible = whether to show its results}: only the last one's.
function cells.compile(text)
  local list = split(text)
  for i, piece in ipairs(list) do
    list[i] = compile_piece(piece)
    list[i].visible = list[i].visible and i == #list
  end
  return list
end

-- ---- while it is typed --------------------------------------------------------------------------

local opening = {
  "%f[%w]do$", "%f[%w]then$", "%f[%w]else$", "%f[%w]repeat$", "%f[%w]function.*%)$", "[({%[]$",
}

local function indent_after(text)
  local line = text:match("([^\n]*)%s*$"):gsub("%s+$", "")
  local indent = line:match("^%s*")
  for _, pattern in ipairs(opening) do
    if line:find(pattern) then return indent .. "  " end
  end
  return indent
end

-- What a notebook wants to know after Return: whether to run the text or to go on.
function cells.state(text)
  if pcall(cells.compile, text) then return { state = "complete" } end
  local pieces = split(text)
  local last = pieces[#pieces] or ""
  if is_whole(last) and commands.parse(last, repl.session) ~= false then return { state = "invalid" } end
  return { state = "incomplete", indent = indent_after(text) }
end

return cells
