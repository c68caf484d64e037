-- commands: what can be typed at the prompt besides Lua: `%name ...`, `? name`, `?? word`, `$ command`.
--
-- Each group of commands is a file that returns a table from a name to {usage, summary, run}, or has it as
-- its field `commands`.  Where the argument is Lua, which may go on in the next lines, the fourth entry is
-- true, or a function that gives the Lua in it.  `silent`: what it returns is kept, but not printed.
-- run(argument, session) is called with the rest of the line; what it returns is shown as a result is.

local statement = require "cresset.repl.statement"

local commands = {}

local groups = { "shell", "session", "history", "reload", "timing", "profile", "memory", "source",
  "debugging", "show", "edit" }

local by_name

local function load_groups()
  if by_name then return by_name end
  local all = {} -- where one of the files fails, they are all tried again the next time
  for _, group in ipairs(groups) do
    local file = require("cresset.repl." .. group)
    for name, command in pairs(file.commands or file) do all[name] = command end
  end
  by_name = all
  return by_name
end

function commands.add(name, command)
  if type(name) ~= "string" or not name:find("^%a+$") then error("a command's name has letters only", 3) end
  if type(command[3]) ~= "function" then error("a command needs a function to run", 3) end
  load_groups()[name] = command
end

function commands.has(name)
  return load_groups()[name] ~= nil
end

-- The names that begin with `start`, sorted.
function commands.names(start)
  local list = {}
  for name in pairs(load_groups()) do
    if name:sub(1, #start) == start then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- A sorted list of {usage, summary}.
function commands.list()
  local list = {}
  for _, name in ipairs(commands.names "") do
    list[#list + 1] = { "%" .. by_name[name][1], by_name[name][2] }
  end
  return list
end

-- ---- strings without their methods -----------------------------------------------------------------

local methods = {}
for name, f in next, string do methods[name] = f end

local function has_methods()
  for name in next, methods do
    if type(("")[name]) ~= "function" then return false end
  end
  return true
end

-- Whether commands can do with what the user has left of them.
local function strings_are_whole()
  local ok, whole = pcall(has_methods)
  return ok and whole
end

-- Gives strings the methods that they had at the start, besides the user's; gives what takes them back.
local function mend_strings()
  local users, ours = debug.getmetatable(""), {}
  for key, value in next, type(users) == "table" and users or {} do ours[key] = value end
  ours.__index = setmetatable({}, { __index = ours.__index })
  for name, f in next, methods do rawset(ours.__index, name, f) end
  debug.setmetatable("", ours)
  return setmetatable({}, { __close = function()
    if debug.getmetatable("") == ours then debug.setmetatable("", users) end
  end })
end

-- ---- help ------------------------------------------------------------------------------------------

local function print_rows(list)
  local lines = {}
  for i, row in ipairs(list) do lines[i] = ("%-34s %s"):format(row[1], row[2]) end
  require("cresset.repl.pager").print(table.concat(lines, "\n"))
end

local function help_with(what)
  return function()
    local help = require "help"
    if what == "" then
      local list = commands.list()
      list[#list + 1] = { "? name", "what is known about a function, a class or a value" }
      list[#list + 1] = { "?? word", "names whose help has the word" }
      list[#list + 1] = { "$ command", "runs a command of the system; its output is the result" }
      return print_rows(list)
    end
    local chunk = #help.find(what) == 0 and load("return " .. what, "=help", "t")
    local ok, value = pcall(chunk or function() return nil end)
    require("cresset.repl.pager").print(help._about(ok and value ~= nil and value or what))
  end
end

function commands.help(what)
  return help_with(what)()
end

local function search_for(word)
  return function()
    local found = require("help").search(word)
    if #found == 0 then return print(("no help has the word '%s'"):format(word)) end
    for _, entry in ipairs(found) do entry[2] = entry[2]:gsub("%s*\n.*", " ...") end
    print_rows(found)
  end
end

local function unknown(name)
  return function()
    local near = require("cresset.repl.similar").best(name, commands.names "")
    error(("there is no command %%%s%s; ? lists them"):format(name,
      near and (" (did you mean %%%s?)"):format(near) or ""), 0)
  end
end

local function ends_early(text)
  local chunk, message = load(text, "=text", "t")
  return not chunk and message:sub(-5) == "<eof>"
end

-- Whether the Lua behind a command goes on in the next line.
local function goes_on(command, argument)
  local code = command[4] and argument or ""
  if type(command[4]) == "function" then code = command[4](argument) end
  if load("return " .. code, "=text", "t") or load(code, "=text", "t") or statement.split(code) then
    return false
  end
  return ends_early(code) or ends_early("return " .. code)
end

local function parse(text, session)
  local word = text:match("^%s*%?%?%s*(.-)%s*$")
  if word and word ~= "" then return search_for(word), false end
  local what = text:match("^%s*%?%s*(.-)%s*$") or text:match("^%s*([%a_][%w_.:]*)%s*%?%s*$")
  if what then return help_with(what), false end
  local shell = text:match("^%s*%$%s*(.-)%s*$")
  if shell then return function() return load_groups().sh[3](shell, session) end, false end
  local variable, output = text:match("^%s*([%a_][%w_]*)%s*=%s*%$%s*(.-)%s*$")
  if variable then
    return function() rawset(_G, variable, load_groups().sh[3](output, session)) end, false
  end
  local name, argument = text:match("^%s*%%(%a+)%s*(.-)%s*$")
  if not name then return nil end
  local command = load_groups()[name]
  if not command then return unknown(name), false end
  if goes_on(command, argument) then return false end
  return function() return command[3](argument, session) end, not command.silent
end

-- A function that does what the text says, and whether to show its results; nil when it is Lua, false when it
-- is a command that goes on in the next line.
function commands.parse(text, session)
  local run, visible = parse(text, session)
  if not run then return run end
  return function()
    if strings_are_whole() then return run() end
    local _ <close> = mend_strings()
    return run()
  end, visible
end

return commands
