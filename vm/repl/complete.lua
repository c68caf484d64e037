-- complete: what a word that is being typed can become, and the packages that are there without `require`.

local commands = require "cresset.repl.commands"
local arguments = require "cresset.repl.arguments"
local pretty = require "cresset.pretty"
local similar = require "cresset.repl.similar"

local complete = {}

local require = require

-- ---- packages at hand ---------------------------------------------------------------------------

-- Packages that are required when their name is first used at the prompt.
local lazy = {}
for name in ([[autograd data gnuplot graph help image json nn nngraph optim paths plot runs sys tensorboard
    threads train tune xlua]]):gmatch("%w+") do
  lazy[name] = true
end

-- other(name) gives what else a global is that nobody has set, or nil.
function complete.install_lazy(other)
  if getmetatable(_G) ~= nil then return end
  setmetatable(_G, {
    __index = function(_, name)
      if not lazy[name] then return type(name) == "string" and other(name) or nil end
      lazy[name] = nil -- the package itself may look whether it is there
      local ok, package = pcall(require, name)
      lazy[name] = true
      if not ok then error(package, 0) end
      rawset(_G, name, package)
      return package
    end,
  })
end

-- Where names are looked up: the globals, or the environment of a frame in the debugger.
local scope = _G
local others = {} -- names that are seen besides the globals: the variables of that frame

-- ---- names --------------------------------------------------------------------------------------

-- Calls visit(table) for the tables that v's names come from: itself, then along its metatables.
local function each_source(v, visit)
  local seen = {}
  local function go(t)
    if type(t) ~= "table" or seen[t] then return end
    seen[t] = true
    visit(t)
    local mt = debug.getmetatable(t)
    if type(mt) == "table" then
      go(rawget(mt, "__index"))
      go(rawget(mt, "__methods"))
      go(mt)
    end
  end
  if type(v) == "table" then return go(v) end
  local mt = debug.getmetatable(v)
  if type(mt) ~= "table" then return end
  go(rawget(mt, "__index"))
  go(rawget(mt, "__methods"))
  go(mt)
end

local function is_callable(v)
  if type(v) == "function" then return true end
  local mt = debug.getmetatable(v)
  return type(mt) == "table" and rawget(mt, "__call") ~= nil
end

-- The members of v that begin with `start`, sorted; names that begin with "__" only when asked for.
local function members(v, start, callable)
  local found, list = {}, {}
  each_source(v, function(t)
    for k, member in next, t do
      if type(k) == "string" and k:sub(1, #start) == start and k:find("^[%a_][%w_]*$")
        and (k:sub(1, 2) ~= "__" or start:sub(1, 2) == "__")
        and (not callable or is_callable(member)) and not found[k] then
        found[k] = true
        list[#list + 1] = k
      end
    end
  end)
  table.sort(list)
  return list
end

local function globals(start)
  local list = members(_G, start, false)
  for word in pairs(pretty.keywords) do
    if word:sub(1, #start) == start then list[#list + 1] = word end
  end
  for name in pairs(lazy) do
    if name:sub(1, #start) == start and rawget(_G, name) == nil then list[#list + 1] = name end
  end
  for _, name in ipairs(others) do
    if name:sub(1, #start) == start and rawget(_G, name) == nil then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- ---- the value in front -------------------------------------------------------------------------

local function index(v, key)
  local ok, member = pcall(function() return v[key] end)
  if ok then return member end
end

-- The key in "[3]", "['a']" or "[name]".
local function bracket_key(text)
  local inside = text:match("^%[%s*(.-)%s*%]$")
  local quoted = inside:match('^"([^"\\]*)"$') or inside:match("^'([^'\\]*)'$")
  if quoted then return quoted end
  return tonumber(inside) or (inside:find("^[%a_][%w_]*$") and index(scope, inside)) or nil
end

-- The value of the expression that `text` ends with: names, `.`, `:` and indices; nothing is called.
local function value_before(text)
  local head, bracket = text:match("^(.*)(%b[])$")
  if head then
    local v, key = value_before(head), bracket_key(bracket)
    if v ~= nil and key ~= nil then return index(v, key) end
    return nil
  end
  if text:find("[\"']%)?$") then return "" end -- any string has the methods
  local before, name = text:match("^(.-)([%a_][%w_]*)$")
  if not name then return nil end
  local rest = before:match("^(.*)[.:]$")
  if not rest then return index(scope, name) end
  local v = value_before(rest)
  if v ~= nil then return index(v, name) end
end

-- ---- where the cursor is ------------------------------------------------------------------------

-- Whether the end of a text is inside a string, and where that begins.
local function open_string(text)
  local at = 1
  while true do
    local from = text:find("[\"'%-%[]", at)
    if not from then return nil end
    local c = text:sub(from, from)
    local level = text:match("^%[(=*)%[", from) or text:match("^%-%-%[(=*)%[", from)
    if level then
      local _, last = text:find("]" .. level .. "]", from, true)
      if not last then return nil end
      at = last + 1
    elseif c == "-" and text:sub(from + 1, from + 1) == "-" then
      local line = text:find("\n", from, true)
      if not line then return nil end
      at = line + 1
    elseif c == '"' or c == "'" then
      local last = from + 1
      while text:sub(last, last) ~= c do
        if last > #text then return from end
        last = last + (text:sub(last, last) == "\\" and 2 or 1)
      end
      at = last + 1
    else
      at = from + 1
    end
  end
end

local function matching(list, start)
  local out = {}
  for _, name in ipairs(list) do
    if name:sub(1, #start) == start then out[#out + 1] = name end
  end
  table.sort(out)
  return out
end

-- Names that `require` finds: Cresset's packages, what is loaded, and files of the script's own.
local function modules(start)
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] and not name:find("^_") and not name:find("%._") then
      seen[name] = true
      list[#list + 1] = name
    end
  end
  for name in pairs(lazy) do add(name) end
  for name in pairs(package.loaded) do add(name) end
  local folder = start:match("^(.*)%.[^.]*$") or ""
  local paths = require "paths"
  pcall(function()
    for file in paths.files(folder == "" and "." or (folder:gsub("%.", "/"))) do
      local name = file:match("^([%w_]+)%.lua$")
      if name then add(folder == "" and name or folder .. "." .. name) end
    end
  end)
  return matching(list, start)
end

-- The keys of the table in front of an open bracket and quote; nil where there is no table.
local function keys(before, start)
  local head = before:match("^(.*)%[[\"']$")
  local t = head and value_before(head)
  if type(t) ~= "table" then return nil end
  local list = {}
  for key in next, t do
    if type(key) == "string" and not key:find("[%c\"'\\]") then list[#list + 1] = key end
  end
  return matching(list, start)
end

-- The function or class whose arguments are being typed, in an open parenthesis at the end of the text.
local function open_call(text)
  local depth = 0
  for at = #text, math.max(1, #text - 2000), -1 do
    local c = text:sub(at, at)
    if c == ")" or c == "}" or c == "]" then depth = depth + 1 end
    if c == "(" or c == "{" or c == "[" then
      if depth == 0 then
        if c == "(" then return text:sub(1, at - 1) end
      else
        depth = depth - 1
      end
    end
  end
end

complete.value, complete.open_call = value_before, open_call

-- The doc comment of what a name stands for.
local function entry_of(name)
  local help = require "help"
  local found = help.find(name)
  local v = #found ~= 1 and value_before(name)
  if v then found = help.find(v) end
  return found[1]
end

-- The signatures of what is being called.
local function hint(text)
  local head = open_call(text)
  local name = head and head:match("[%a_][%w_.:]*$")
  local entry = name and entry_of(name)
  return entry and table.concat(entry.signatures, "\n")
end

-- Where no name begins with the word, those that are like it.  When what they have in common is shorter than
-- the word, there is nothing to put into its place: they are told.
local function or_like(list, word, all)
  if #list > 0 then return list end
  list = similar.among(all(), word)
  if #list < 2 then return list end
  local common = list[1]
  for _, name in ipairs(list) do
    while name:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  return list, #common < #word and table.concat(list, "  ") or nil
end

-- What the word at the end of `text`, which begins after its first `start` bytes, can become: an array of
-- words; nil, where it is a file's name; and what else to tell.
local function words(text, start)
  local before, word = text:sub(1, start), text:sub(start + 1)
  local line = before:match("[^\n]*$")
  if line:find("^%s*%%$") then return commands.names(word) end
  if line:find("^%s*%$") or line:find("^%s*%%%a+%s") then return nil end
  if open_string(before) then
    if before:find("require%s*%(?%s*[\"']$") then return modules(word) end
    return keys(before, word)
  end
  local head, separator = before:match("^(.*)([.:])$")
  if head and head:sub(-1) ~= "." then
    local v = value_before(head)
    if v == nil then return {} end
    local callable = separator == ":"
    return or_like(members(v, word, callable), word, function() return members(v, "", callable) end)
  end
  local named = arguments.names(before, entry_of)
  named = named and matching(named, word)
  if named and #named > 0 then return named end
  if word == "" then
    local said = hint(before)
    if said then return {}, said end
  end
  return or_like(globals(word), word, function() return globals "" end)
end

-- The same with names looked up in `env`, which are those of an array besides the globals; or in the globals.
function complete.words(text, start, env, names)
  scope, others = env or _G, names or {}
  local ok, list, said = pcall(words, text, start)
  scope, others = _G, {}
  if not ok then error(list, 0) end
  return list, said
end

complete.members = members
complete.lazy = lazy

return complete
