-- session: commands about the session: its variables, its history, files and settings.

local display = require "cresset.repl.display"
local settings = require "cresset.repl.settings"
local variables = require "cresset.repl.variables"

local session = {}

local print = print

-- ---- variables -----------------------------------------------------------------------------------

local function who()
  local rows = { { "name", "type", "bytes", "what" } }
  for _, name in ipairs(variables.names()) do
    local v = rawget(_G, name)
    local torch = package.loaded.torch
    local bytes = torch.isTensor(v) and display.bytes(v:nElement() * v:elementSize()) or ""
    rows[#rows + 1] = { name, torch.type(v), bytes, variables.summary(v) }
  end
  if #rows == 1 then return print("no variables yet") end
  display.rows(rows, { [3] = true })
end

-- Forgets variables and results.
local function reset(argument, state)
  local names = {}
  for name in argument:gmatch("%S+") do names[#names + 1] = name end
  if #names == 0 then
    names = variables.names()
    for n in pairs(state.results) do
      state.results[n] = nil
      rawset(_G, "_" .. n, nil)
    end
    for _, name in ipairs { "_", "__", "_LAST" } do rawset(_G, name, nil) end
    require("cresset._debugger").forget()
  end
  for _, name in ipairs(names) do rawset(_G, name, nil) end
  collectgarbage()
end

-- %save file [names]: the variables that can be in a file.
local function save(argument)
  local path, rest = argument:match("^(%S+)%s*(.*)$")
  if not path then error("%save: a file name is wanted", 0) end
  local torch, values, skipped = package.loaded.torch, {}, {}
  local names = {}
  for name in rest:gmatch("%S+") do names[#names + 1] = name end
  for _, name in ipairs(#names > 0 and names or variables.names()) do
    local v = rawget(_G, name)
    local ok, message = pcall(torch.serialize, v)
    if ok and v ~= nil then
      values[name] = v
    elseif #names > 0 then
      error(("%%save: %s: %s"):format(name, v == nil and "there is no such variable" or message), 0)
    else
      skipped[#skipped + 1] = name
    end
  end
  torch.save(path, values)
  if #skipped > 0 then print("not saved, as files cannot hold them: " .. table.concat(skipped, ", ")) end
end

local function load_variables(argument)
  if argument == "" then error("%load: a file name is wanted", 0) end
  local values = package.loaded.torch.load(argument)
  if type(values) ~= "table" then error(("%%load: %s: not a file of %%save"):format(argument), 0) end
  local names = {}
  for name, v in pairs(values) do
    rawset(_G, name, v)
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  print(table.concat(names, ", "))
end

session.who = { "who", "the variables of this session", who }
session.reset = { "reset [names]", "forgets variables, all of them and all results by default", reset }
session.save = { "save file [names]", "writes variables to a file", save }
session.load = { "load file", "brings the variables of %save back", load_variables }

-- ---- files --------------------------------------------------------------------------------------

-- Words of a line; quotes keep spaces.
local function words_of(text)
  local list, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return list end
    local quote = text:match("^[\"']", at)
    local word, rest
    if quote then word, rest = text:match("^.(.-)" .. quote .. "()", at) end
    if not word then word, rest = text:match("^(%S+)()", at) end
    list[#list + 1], at = word, rest
  end
end

-- A script as from the system's prompt, but that its globals stay.
local function run(argument)
  local words = words_of(argument)
  if #words == 0 then error("%run: a file name is wanted", 0) end
  local chunk = assert(loadfile(words[1], "t"))
  local old = rawget(_G, "arg")
  local _ <close> = setmetatable({}, { __close = function() rawset(_G, "arg", old) end })
  rawset(_G, "arg", { [0] = words[1], table.unpack(words, 2) })
  return chunk(table.unpack(words, 2))
end

local function change_folder(argument)
  local paths = require "paths"
  local folder = argument == "" and os.getenv "HOME" or argument:gsub("^~", os.getenv "HOME" or "~")
  if not paths.dirp(folder) then error(("%%cd: %s: there is no such folder"):format(folder), 0) end
  assert(require("lfs").chdir(folder))
  print(paths.cwd())
end

session.run = { "run file [arguments]", "runs a script; its globals stay", run }
session.cd = { "cd [folder]", "changes the working folder", change_folder }

-- ---- settings ------------------------------------------------------------------------------------

local function set(argument)
  local name, value = argument:match("^(%S+)%s*(.-)$")
  if name and value ~= "" then
    local ok, message = settings.set(name, value)
    if ok == nil then error("%set: " .. message, 0) end
    return
  end
  local rows = { { "setting", "value", "what" } }
  for _, entry in ipairs(settings.list()) do
    local v = entry[2]
    if not name or name == entry[1] then
      rows[#rows + 1] = { entry[1], type(v) == "boolean" and (v and "on" or "off") or tostring(v), entry[3] }
    end
  end
  display.rows(rows)
end

session.set = { "set [name value]", "changes a setting; alone, lists them", set }

return session
