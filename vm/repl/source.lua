-- source: %source: the code of a function or a class.

local source = {}

local pager = require "cresset.repl.pager"

-- ---- texts ------------------------------------------------------------------------------------------

local function read(path)
  local file = io.open(path)
  local text = file and file:read "a"
  if file then file:close() end
  return text
end

-- The text that a chunk of this name came from, or nil: a prompt's, a file's, one of the library's, or
-- the string that load was given.
local function text_of(name)
  local typed = require("cresset.repl").source(name)
  if typed then return typed end
  local path = name:match("^@(.*)$")
  if not path then return name:sub(1, 1) ~= "=" and name or nil end
  local text = read(path)
  if text then return text end
  for _, entry in ipairs(require("help._sources").list()) do
    if entry.path == path then return entry.text end
  end
end

local function split(text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

local function show(lines, first, last, name, number)
  local out = { ("-- %s:%d"):format(name:gsub("^[@=]", ""), number or first) }
  local indent
  for i = first, math.min(last, #lines) do
    local blank = lines[i]:match("^%s*()%S")
    if blank and (not indent or blank < indent) then indent = blank end
  end
  for i = first, math.min(last, #lines) do out[#out + 1] = lines[i]:sub(indent or 1) end
  pager.print(table.concat(out, "\n"))
end

-- The first of the comment lines right above line `first`.
local function with_comment(lines, first)
  while first > 1 and lines[first - 1]:find("^%s*%-%-") and not lines[first - 1]:find("^%s*%-%- %-%-%-%-") do
    first = first - 1
  end
  return first
end

-- ---- what is asked for ------------------------------------------------------------------------------

local function show_function(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then
    local entry = require("help").find(f)[1]
    error(("%%source: a function written in C%s"):format(
      entry and ("; its help is at %s:%d"):format(entry.file, entry.line) or ""), 0)
  end
  local text = text_of(info.source)
  if not text then error(("%%source: the text of %s is not at hand"):format(info.short_src), 0) end
  local lines = split(text)
  local first, last = info.linedefined, info.lastlinedefined
  if info.what == "main" then
    first, last = 1, #lines
  else
    first = with_comment(lines, first)
  end
  local name = info.source:find "^[@=]" and info.source or info.short_src
  show(lines, first, last, name, info.linedefined)
end

-- The functions of a class by source: {name, first line, last line}, the source with the most first.
local function parts(class)
  local list, by_name = {}, {}
  local mt = debug.getmetatable(class)
  local parent = type(mt) == "table" and rawget(mt, "__index")
  for key, f in next, class do
    if type(parent) == "table" and parent[key] == f then f = nil end -- inherited
    local own = type(f) == "function" and type(key) == "string" and key ~= "new"
      and (key == "__init" or key:sub(1, 1) ~= "_")
    local info = own and debug.getinfo(f, "S")
    if info and info.what ~= "C" then
      local part = by_name[info.source]
      if not part then
        part = { name = info.source, first = math.huge, last = 0, count = 0 }
        by_name[info.source] = part
        list[#list + 1] = part
      end
      part.first = math.min(part.first, info.linedefined)
      part.last = math.max(part.last, info.lastlinedefined)
      part.count = part.count + (key == "__init" and 1000 or 1)
    end
  end
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.name < b.name
  end)
  return list
end

-- From the line that makes the class, with its comment, to the end of its last method.
local function show_class(class)
  local part = parts(class)[1]
  local text = part and text_of(part.name)
  if not text then error("%source: no code of this table is at hand", 0) end
  local lines = split(text)
  local first = part.first
  for i = first, 1, -1 do
    if lines[i]:find("class[%w_.]*%s*%(") or lines[i]:find("^%s*local%s+[%w_]+%s*=%s*{}%s*$") then
      first = i
      break
    end
  end
  show(lines, with_comment(lines, first), part.last, part.name, first)
end

local function show_source(argument)
  if argument == "" then error("%source: the name of a function or a class is wanted", 0) end
  local chunk, message = load("return " .. argument:gsub(":([%a_][%w_]*)%s*$", ".%1"), "=source", "t")
  if not chunk then error(message, 0) end
  local value = chunk()
  if type(value) == "function" then return show_function(value) end
  local mt = debug.getmetatable(value)
  if type(value) == "table" then
    -- torch.class gives what it makes a table that is called; its methods are behind it.
    local methods = type(mt) == "table" and rawget(mt, "__index")
    if #parts(value) > 0 then return show_class(value) end
    if type(methods) == "table" and #parts(methods) > 0 then return show_class(methods) end
    local call = type(mt) == "table" and rawget(mt, "__call")
    if type(call) == "function" then return show_function(call) end
  elseif type(value) == "userdata" and type(mt) == "table" and #parts(mt) > 0 then
    return show_class(mt)
  end
  error(("%%source: %s is a %s, wanted a function or a class"):format(argument, type(value)), 0)
end

source.source = { "source name", "the code of a function or a class", show_source }
source.doc = { "doc name", "as `? name`", function(argument)
  return require("cresset.repl.commands").help(argument)
end }

return source
