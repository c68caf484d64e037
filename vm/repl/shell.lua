-- shell: commands that reach the system.

local shell = {}

-- ---- values of variables in commands --------------------------------------------------------------

-- The texts of a global that can stand in a command: a string, a number, or a list of these; or nil.
local function words_of(path)
  local v = _G
  for name in path:gmatch("[^.]+") do
    if type(v) ~= "table" then return nil end
    v = rawget(v, name)
  end
  if type(v) == "string" or type(v) == "number" then return { tostring(v) } end
  if type(v) ~= "table" or rawlen(v) == 0 then return nil end
  local list = {}
  for i = 1, rawlen(v) do
    local word = rawget(v, i)
    if type(word) ~= "string" and type(word) ~= "number" then return nil end
    list[i] = tostring(word)
  end
  return list
end

-- What `{name}` or `{{name}}` at a place of a text stands for: its words, or a text to leave there; and the
-- place behind it.  nil: nothing that is ours.
local function braces_at(text, at)
  local name, after = text:match("^{([%a_][%w_.]*)}()", at)
  if name then
    local words = text:sub(at - 1, at - 1) ~= "$" and words_of(name)
    if words then return words, after end
    return nil
  end
  name, after = text:match("^{{([%a_][%w_.]*)}}()", at)
  if name and words_of(name) then return "{" .. name .. "}", after end
end

-- A command with the values of `{name}` in it.  They are put into variables of the shell, in front: what is
-- in them is then never read as the shell's language, whatever quotes they stand in.
local function expanded(command)
  local given, out, quote, at = {}, {}, nil, 1
  local function variables(words)
    local list = {}
    for i, word in ipairs(words) do
      if word:find("\0", 1, true) then error("$ command: a value has a zero byte", 0) end
      local name = ("cresset_%d"):format(#given + 1)
      given[#given + 1] = ("%s='%s'; "):format(name, (word:gsub("'", "'\\''")))
      list[i] = ("${%s}"):format(name)
    end
    if not quote then return '"' .. table.concat(list, '" "') .. '"' end
    local text = table.concat(list, " ")
    return quote == "'" and "'\"" .. text .. "\"'" or text
  end
  while at <= #command do
    local c, after = command:sub(at, at), at + 1
    local found, behind = nil, nil
    if c == "{" then found, behind = braces_at(command, at) end
    if found then
      out[#out + 1], after = type(found) == "table" and variables(found) or found, behind
    elseif c == "\\" and quote ~= "'" then
      after = at + 2
      out[#out + 1] = command:sub(at, at + 1)
    else
      if c == quote then
        quote = nil
      elseif not quote and (c == "'" or c == '"') then
        quote = c
      end
      out[#out + 1] = c
    end
    at = after
  end
  return table.concat(given) .. table.concat(out)
end

-- ---- commands -------------------------------------------------------------------------------------

-- What `$ command` and %sh do: the output is printed as it comes, and is the result, as a string.
local function run(command)
  if command == "" then error("$ command: no command", 0) end
  local pipe = assert(io.popen(expanded(command) .. " 2>&1", "r"))
  local parts = {}
  for line in pipe:lines("L") do
    io.stdout:write(line)
    parts[#parts + 1] = line
  end
  local text = table.concat(parts)
  if #text > 0 and text:sub(-1) ~= "\n" then io.stdout:write("\n") end
  local ok, how, code = pipe:close()
  if not ok then
    print(("[%s %d]"):format(how == "signal" and "ended by signal" or "exit code", code))
  end
  return (text:gsub("\n$", ""))
end

-- %env NAME=VALUE, in which {name} is a variable's text; -u NAME takes it out.
local function environment(argument)
  local set = require("cresset._environment").set
  local name, value = argument:match("^([%a_][%w_]*)%s*=%s*(.*)$")
  if name then
    return set(name, (value:gsub("(){[{%a_][%w_.]*}}?", function(at)
      local found = braces_at(value, at)
      return type(found) == "table" and table.concat(found, " ") or found
    end)))
  end
  name = argument:match("^%-u%s+([%a_][%w_]*)$")
  if name then return set(name) end
  if argument == "" then
    run("env | sort")
  elseif argument:find("^[%a_][%w_]*$") then
    return os.getenv(argument) or error(("%%env: %s is not set"):format(argument), 0)
  else
    error("%env: wanted NAME, NAME=VALUE or -u NAME", 0)
  end
end

shell.sh = { "sh command", "as `$ command`", run, silent = true }
shell.env = { "env [NAME | NAME=VALUE | -u NAME]", "the environment that commands get", environment }

return shell
