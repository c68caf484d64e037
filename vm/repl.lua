-- repl.lua: the REPL's Lua half: compiling what was typed, showing results, completing names.

local pretty = require "cresset.pretty"

local repl = {}

local write, load, require = io.write, load, require

-- ---- compiling ------------------------------------------------------------------------------

local function incomplete(message)
  return message:sub(-5) == "<eof>"
end

-- Whether a statement like `f(x);` or `x;` asks for silence, and its text without the semicolon.
local function strip_silence(text)
  local body = text:match("^(.-)%s*;%s*$")
  return body and not body:find("^%s*$") and body or text, body ~= nil
end

-- A function of the typed text and whether its results are to be shown; or nil and a message, which
-- is nil when the text goes on in the next line.
function repl.compile(text)
  text = text:gsub("^%s*=", "return ", 1)
  local body, silent = strip_silence(text)
  local chunk = load("return " .. body, "=stdin", "t")
  if chunk then return chunk, not silent end
  local message
  chunk, message = load(text, "=stdin", "t")
  if chunk then return chunk, not silent end
  return nil, not incomplete(message) and message or nil
end

-- ---- showing --------------------------------------------------------------------------------

-- Colours are for people: only on a terminal, and not where https://no-color.org asks for none.
local function wants_colour()
  local no, term = os.getenv "NO_COLOR", os.getenv "TERM"
  return (not no or no == "") and term ~= "dumb" and require("xlua._terminal").isatty(io.stdout)
end

local function show_values(values)
  local options = { colour = wants_colour() }
  local lines, many = {}, false
  for i = 1, values.n do
    lines[i] = pretty.format(values[i], options)
    many = many or lines[i]:find("\n") ~= nil
  end
  write(table.concat(lines, many and "\n" or "\t"), "\n")
end

-- Keeps the first result in `_` and prints them all.
function repl.show(visible, ...)
  local values = table.pack(...)
  if values.n == 0 then return end
  if values[1] ~= nil then rawset(_G, "_", values[1]) end
  if visible then show_values(values) end
end

-- ---- completion -----------------------------------------------------------------------------

local function index(v, name)
  local ok, member = pcall(function() return v[name] end)
  return ok and member or nil
end

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
  for name in pairs(repl.lazy) do
    if name:sub(1, #start) == start and rawget(_G, name) == nil then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- What "nn.Lin" or "model:forw" can become, as an array of whole words.
function repl.complete(word)
  local path, separator, start = word:match("^(.*)([.:])([%w_]*)$")
  if not path then return globals(word) end
  if path == "" then return {} end
  local v = _G
  for name in path:gmatch("[^.:]+") do
    v = index(v, name)
    if v == nil then return {} end
  end
  local list = members(v, start, separator == ":")
  for i, name in ipairs(list) do list[i] = path .. separator .. name end
  return list
end

-- ---- packages at hand -----------------------------------------------------------------------

-- Packages that are required when their name is first used at the prompt.
repl.lazy = { nn = true, optim = true, help = true }

function repl.install_lazy()
  if getmetatable(_G) ~= nil then return end
  setmetatable(_G, {
    __index = function(_, name)
      if not repl.lazy[name] then return nil end
      repl.lazy[name] = nil -- the package itself may look whether it is there
      local ok, package = pcall(require, name)
      repl.lazy[name] = true
      if not ok then error(package, 0) end
      rawset(_G, name, package)
      return package
    end,
  })
end

return repl
