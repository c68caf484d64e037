-- frames: the functions that are running, or were when an error came, and their variables.

local hooks = require "cresset._debugger"

local frames = {}

local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue
local print = print

-- The most frames of a coroutine that are looked at; a recursion without an end has many more.
local MOST = 1000

-- How many of them are kept after an error, at each end.
local KEPT = 20

-- ---- the stack ----------------------------------------------------------------------------------

-- A frame: thread, level in it, depth (1 is the outermost of its thread), and what debug.getinfo says.  One
-- that is kept has neither thread nor level but `values`: its variables by their places, each {name, value}.
local function make(thread, level, depth)
  local info = getinfo(thread, level, "nSlfut")
  return {
    thread = thread,
    level = level,
    depth = depth - level,
    info = info,
    library = info.what == "C" or hooks.is_library(info.source),
  }
end

-- The frames, innermost first: those of the thread that was stopped from `level` on, then those of the one
-- that resumed it, and so on.
function frames.list(level)
  local list = {}
  for number, thread in ipairs(hooks.threads()) do
    local depth = hooks.depth(thread)
    local first = number == 1 and level or 0
    for at = first, math.min(depth, first + MOST) - 1 do
      local frame = make(thread, at, depth)
      frame.resumed = number > 1 and at == 0
      list[#list + 1] = frame
    end
  end
  return list
end

local function is_name(name)
  return name:find("^[%a_]") ~= nil
end

-- The variable at a place of the frame, as debug.getlocal numbers them: its name and value, or nil.
local function variable(frame, place)
  if not frame.values then return getlocal(frame.thread, frame.level, place) end
  local v = frame.values[place]
  if v then return v[1], v[2] end
end

local function set_variable(frame, place, value)
  if frame.values then
    frame.values[place][2] = value
  else
    setlocal(frame.thread, frame.level, place, value)
  end
end

-- What a frame's variables are now; those that have no name are left out.
local function values_of(frame)
  local values, at = {}, 0
  for i = 1, 255 do
    local name, value = variable(frame, i)
    if not name then break end
    if is_name(name) then
      at = at + 1
      values[at] = { name, value }
    end
  end
  for i = -1, -255, -1 do
    local name, value = variable(frame, i)
    if not name then break end
    values[i] = { name, value }
  end
  return values
end

-- The frames of an error, those at the ends of each stack; the debugger can look at them when the functions
-- have ended.
function frames.keep(_, _, level, message)
  local kept = { error = message }
  for number, thread in ipairs(hooks.threads()) do
    local depth = hooks.depth(thread)
    local at = number == 1 and level or 0
    local resumed, skipped = number > 1, 0
    while at < depth do
      local frame = make(thread, at, depth)
      frame.resumed, frame.skipped, resumed, skipped = resumed, skipped, false, 0
      frame.values = values_of(frame)
      frame.thread, frame.level = nil, nil
      kept[#kept + 1] = frame
      at = at + 1
      local last = depth - KEPT
      if at - (number == 1 and level or 0) == KEPT and at < last then at, skipped = last, last - at end
    end
  end
  return kept
end

-- "Class:method" when the function is a method of its first argument's class.
local function method_name(frame)
  local _, object = variable(frame, 1)
  local torch = package.loaded.torch
  local class = torch and type(object) == "table" and torch.typename(object)
  local methods = debug.getmetatable(object)
  for _ = 1, class and 10 or 0 do
    if type(methods) ~= "table" then break end
    for name, f in next, methods do
      if f == frame.info.func and type(name) == "string" then
        return ("%s:%s"):format(rawget(methods, "__typename") or class, name)
      end
    end
    methods = debug.getmetatable(methods)
  end
end

function frames.describe(frame)
  local info = frame.info
  local method = info.what == "Lua" and method_name(frame)
  if method then return "method " .. method end
  if info.what == "main" then return "main chunk" end
  if info.name then
    local kind = info.namewhat == "method" and "method" or info.namewhat == "metamethod" and "metamethod"
      or "function"
    return ("%s %s"):format(kind, info.name)
  end
  if info.what == "C" then return "C function" end
  for name, value in next, _G do
    if rawequal(value, info.func) and type(name) == "string" then return "function " .. name end
  end
  return ("function at line %d"):format(info.linedefined)
end

-- ---- variables ----------------------------------------------------------------------------------

-- The last local of that name that is in scope: its index and value.
local function find_local(frame, name)
  local index, value
  for i = 1, 255 do
    local n, v = variable(frame, i)
    if not n then break end
    if n == name then index, value = i, v end
  end
  return index, value
end

local function find_upvalue(frame, name)
  local f = frame.info.func
  for i = 1, frame.info.nups do
    local n, v = getupvalue(f, i)
    if n == name and n ~= "" then return i, v end
  end
end

-- Where a name leads in a frame: "local" or "upvalue", its index, its value; nil: nothing of the frame's.
local function find(frame, name)
  local index, value = find_local(frame, name)
  if index then return "local", index, value end
  index, value = find_upvalue(frame, name)
  if index then return "upvalue", index, value end
end
frames.find = find

-- The frame's globals: Lua's own, unless it has an _ENV that is another table.
local function globals_of(frame)
  local kind, _, value = find(frame, "_ENV")
  return kind and type(value) == "table" and value or _G
end

-- {name, value} of each local that is in scope, later ones hiding earlier ones, and of each upvalue.
function frames.variables(frame)
  local locals, upvalues, place = {}, {}, {}
  for i = 1, 255 do
    local name, value = variable(frame, i)
    if not name then break end
    if is_name(name) then
      if not place[name] then place[name] = #locals + 1 end
      locals[place[name]] = { name, value }
    end
  end
  for i = 1, frame.info.nups do
    local name, value = getupvalue(frame.info.func, i)
    if is_name(name) and name ~= "_ENV" then upvalues[#upvalues + 1] = { name, value } end
  end
  return locals, upvalues
end

-- What the frame's function was called with beyond its named arguments.
function frames.varargs(frame)
  local list = { n = 0 }
  for i = 1, 255 do
    local name, value = variable(frame, -i)
    if not name then break end
    list[i], list.n = value, i
  end
  return list
end

-- ---- code in a frame ----------------------------------------------------------------------------

-- The environment of code that runs as if it stood in the frame.  When the frame has gone (env.close), only
-- its globals are left; functions made at the prompt may outlive it.
function frames.environment(frame)
  local globals, open, noted = globals_of(frame), true, false
  local env = setmetatable({}, {
    __index = function(_, name)
      if open and type(name) == "string" then
        local kind, _, value = find(frame, name)
        if kind then return value end
      end
      return globals[name]
    end,
    __newindex = function(_, name, value)
      local kind, index
      if open and type(name) == "string" then kind, index = find(frame, name) end
      if kind == "local" then
        set_variable(frame, index, value)
        if frame.values and not noted then
          print "the function has ended: only what was kept of it changes"
          noted = true
        end
      elseif kind == "upvalue" then
        setupvalue(frame.info.func, index, value)
      else
        globals[name] = value
      end
    end,
  })
  return env, function() open = false end
end

-- A function of the text, an expression or statements; or nil and the message.
function frames.compile(text, env)
  local chunk = load("return " .. text, "=debug", "t", env)
  if chunk then return chunk end
  return load(text, "=debug", "t", env)
end

return frames
