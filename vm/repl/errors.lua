-- errors: what a message of an error can say beyond Lua's own words: the name that was probably meant, and
-- the lines of the script.
--
-- errors.guess runs in the message handler, while the frame that failed is still there.  It only looks: of
-- metamethods it calls none but the __index of Cresset's own objects.

local complete = require "cresset.repl.complete"
local similar = require "cresset.repl.similar"

local errors = {}

-- The most names that are compared, and the most frames that are looked through for the one that failed.
local MOST_NAMES, MOST_FRAMES = 5000, 50

local getinfo, getlocal, getupvalue = debug.getinfo, debug.getlocal, debug.getupvalue
local get_metatable = debug.getmetatable

-- ---- the source ---------------------------------------------------------------------------------

-- The debugger's, which finds the text of every chunk; not there in stock Lua.
local function line_of(chunk, number)
  return require("cresset.debugger.source").line(chunk, number)
end

-- ---- what the frame sees ------------------------------------------------------------------------

-- The variables of the function at a level of the caller's: name -> value, and a list of the names.
local function variables_at(level)
  local values, names = {}, {}
  local f = getinfo(level + 1, "f").func
  local function add(name, value)
    if values[name] == nil then names[#names + 1] = name end
    values[name] = value
  end
  for i = 1, 255 do
    local name, value = getupvalue(f, i)
    if not name then break end
    if name:find("^[%a_]") then add(name, value) end
  end
  for i = 1, 255 do
    local name, value = getlocal(level + 1, i)
    if not name then break end
    if name:find("^[%a_]") then add(name, value) end
  end
  return values, names
end

local function globals_of(values)
  return type(values._ENV) == "table" and values._ENV or _G
end

-- Whether its __index may be called: tensors and objects of our classes.
local function is_ours(v, mt)
  local torch = package.loaded.torch
  if not torch then return false end
  return type(v) == "userdata" and torch.isTensor(v) or rawget(mt, "__typename") ~= nil
end

-- v[key], along tables only, unless v is one of ours.
local function index(v, key, depth)
  if type(v) == "table" then
    local member = rawget(v, key)
    if member ~= nil then return member end
  end
  local mt = get_metatable(v)
  local how = type(mt) == "table" and rawget(mt, "__index")
  if type(how) == "table" and depth < 10 then return index(how, key, depth + 1) end
  if type(how) == "function" and is_ours(v, mt) then
    local ok, member = pcall(how, v, key)
    if ok then return member end
  end
end

-- The value of the names, dots and constant indices that the text ends with.
local function value_before(text, values, depth)
  local head, key = text:match("^(.*)%[%s*([^%[%]]-)%s*%]%s*$")
  if not head then
    local before, name = text:match("^(.-)([%a_][%w_]*)%s*$")
    if not name then return nil end
    head, key = before:match("^(.*)[.:]%s*$"), name
    if not head then
      if values[name] ~= nil then return values[name] end
      return index(globals_of(values), name, 0)
    end
  else
    key = key:match('^"([^"\\]*)"$') or key:match("^'([^'\\]*)'$") or tonumber(key)
      or (key:find("^[%a_][%w_]*$") and value_before(key, values, depth + 1))
  end
  if key == nil or key == false or depth > 20 then return nil end
  local v = value_before(head, values, depth + 1)
  if v ~= nil then return index(v, key, 0) end
end

-- ---- the name that was meant --------------------------------------------------------------------

local properties = { "shape", "dtype", "device", "grad", "gradFn", "requiresGrad" }

local function nearest(name, names)
  if #names > MOST_NAMES then names = table.move(names, 1, MOST_NAMES, 1, {}) end
  return #name <= 60 and similar.best(name, names) or nil
end

-- The member of v that `name` is like.
local function like_member(v, name, callable)
  local names = complete.members(v, "", callable)
  local torch = package.loaded.torch
  if not callable and torch and torch.isTensor(v) then
    table.move(properties, 1, #properties, #names + 1, names)
  end
  return nearest(name, names)
end

local function like_global(name, values, names)
  local all = complete.members(globals_of(values), "", false)
  table.move(names, 1, #names, #all + 1, all)
  for package in pairs(complete.lazy) do all[#all + 1] = package end
  return nearest(name, all)
end

-- Methods of tensors and modules, where the object itself cannot be found in the line.
local function like_any_method(name)
  local torch, nn = package.loaded.torch, package.loaded.nn
  local names = complete.members(torch.Tensor(), "", true)
  local more = nn and complete.members(nn.Module, "", true) or {}
  table.move(more, 1, #more, #names + 1, names)
  return nearest(name, names)
end

-- The member of what stands in front of `.name` or `:name` in the line.
local function like_field(kind, name, line, values)
  local at = 1
  while line do
    local from, to = line:find("[.:]%s*" .. name .. "%f[^%w_]", at)
    if not from then break end
    local head = line:sub(1, from - 1)
    local v = value_before(head, values, 0)
    if v ~= nil and index(v, name, 0) == nil then return like_member(v, name, kind == "method") end
    if v == nil and kind == "method" and head:find("%)%s*$") then return like_any_method(name) end
    at = to + 1
  end
end

local function guess(message)
  local chunk, number, kind, name =
    message:match("^(.-):(%d+): attempt to .- a nil value %((%a+) '([%a_][%w_]*)'%)")
  if not chunk then return nil end
  number = math.tointeger(tonumber(number))
  for level = 2, MOST_FRAMES do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.currentline == number and info.short_src == chunk then
      local values, names = variables_at(level)
      if kind == "global" then return like_global(name, values, names) end
      if kind ~= "field" and kind ~= "method" then return nil end
      return like_field(kind, name, line_of(info.source, number), values)
    end
  end
end

-- The message with the name that was probably meant; nil: nothing to add.
function errors.guess(message)
  local meant = guess(message)
  if not meant then return nil end
  local first, rest = message:match("^([^\n]*)(.*)$")
  return ("%s; did you mean '%s'?%s"):format(first, meant, rest)
end

-- ---- reports for a terminal ---------------------------------------------------------------------

local red, faint, bold, plain = "\27[31m", "\27[2m", "\27[1m", "\27[0m"

local function is_library(place)
  return place:find("^lib/") or place:find("^nn/") or place:find("^vm/") or place:find("^%[C%]")
end

-- The line of the script that a traceback's line speaks of.
local function quoted(line)
  local place, number = line:match("^\t(.-):(%d+): in ")
  if not place or is_library(place) then return nil end
  local script = type(arg) == "table" and arg[0]
  if place:find("^%.%.%.") then -- a long name, cut at its beginning
    if type(script) ~= "string" or script:sub(-(#place - 3)) ~= place:sub(4) then return nil end
    place = script
  end
  number = math.tointeger(tonumber(number))
  local text = number and (line_of("=" .. place, number) or line_of("@" .. place, number))
  return text and text:match("^%s*(%S.-)%s*$")
end

-- A failure's message and traceback with the script's lines in it; in colour or not.
function errors.report(message, colour)
  local out, first = {}, true
  local function add(text, how)
    out[#out + 1] = colour and how and text ~= "" and how .. text .. plain or text
  end
  for line in (message .. "\n"):gmatch("([^\n]*)\n") do
    add(line, first and red or line:find("^\t") and is_library(line:sub(2)) and faint
      or line:find("^stack traceback:") and faint or nil)
    local text = quoted(line)
    if text then add("\t    " .. text, bold) end
    first = false
  end
  return table.concat(out, "\n")
end

return errors
