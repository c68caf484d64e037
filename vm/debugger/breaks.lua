-- breaks: where and when the debugger stops: breakpoints, watched expressions.

local frames = require "cresset.debugger.frames"
local hooks = require "cresset._debugger"
local source = require "cresset.debugger.source"

local breaks = {}

local list, next_number = {}, 1

-- ---- the list -----------------------------------------------------------------------------------

-- Tells the C half which lines matter.
local function update()
  local lines, every = {}, false
  for _, b in ipairs(list) do
    if b.line then lines[#lines + 1] = { b.line, b.file } end
    every = every or b.kind == "watch"
  end
  hooks.lines(lines)
  hooks.set("every", every)
end

local function add(b)
  b.number, b.hits = next_number, 0
  list[#list + 1] = b
  local ok, message = pcall(update)
  if not ok then
    list[#list] = nil
    update()
    error(message, 0)
  end
  next_number = next_number + 1
  return b
end

local function remove(b)
  for i = #list, 1, -1 do
    if list[i] == b then table.remove(list, i) end
  end
  update()
end

-- Forgets the one of that number, or all; false: there is none.
function breaks.clear(number)
  local before = #list
  for i = #list, 1, -1 do
    if not number or list[i].number == number then table.remove(list, i) end
  end
  update()
  return not number or #list < before
end

function breaks.list() return list end

local function place(b)
  return ("%s:%d"):format(b.file, b.line)
end

-- One line that says what it is.
function breaks.describe(b)
  local text
  if b.kind == "watch" then
    text = "watch " .. b.text
  elseif b.kind == "function" then
    text = ("function %s at %s"):format(b.text, place(b))
  else
    text = place(b)
  end
  if b.condition then text = text .. " if " .. b.condition end
  return ("%d: %s"):format(b.number, text)
end

-- Whether a chunk's name is the one that the user wrote, or ends with it at a folder's end.
local function is_file(chunk, file)
  local name = source.name(chunk)
  return name == file or (#name > #file and name:sub(-#file - 1) == "/" .. file)
end

-- Whether a line of a chunk has a breakpoint.
function breaks.at(chunk, line)
  for _, b in ipairs(list) do
    if b.line == line and is_file(chunk, b.file) then return b end
  end
end

-- ---- breakpoints --------------------------------------------------------------------------------

-- The first line from `line` on that has more than blanks and a comment; an error when the file is shorter.
local function line_with_code(chunk, line)
  local text = source.text(chunk)
  if not text then return line end
  local lines = source.lines(text)
  if line < 1 or line > #lines then
    error(("%s has %d lines"):format(source.name(chunk), #lines), 0)
  end
  for n = line, #lines do
    if lines[n]:find("%S") and not lines[n]:find("^%s*%-%-") then return n end
  end
  return line
end

-- The chunk that the user means by a file's name: one of a running function's, or the file itself.
local function find_chunk(file, stack)
  for _, frame in ipairs(stack) do
    if is_file(frame.info.source, file) then return frame.info.source end
  end
  if source.text("=" .. file) then return "=" .. file end
  return "@" .. file
end

local function check(condition)
  if not condition then return end
  local ok, message = frames.compile(condition, {})
  if not ok then error(message:gsub("^debug:1: ", ""), 0) end
end

-- A breakpoint of "file:line", "line", or an expression that gives a function.
function breaks.set(where, condition, frame, stack, temporary)
  check(condition)
  local file, line = where:match("^(.+):(%d+)$")
  if not file and where:find("^%d+$") then
    file, line = source.name(frame.info.source), where
  end
  if file then
    local number = math.tointeger(tonumber(line))
    if not number then error("there is no such line", 0) end
    return add {
      kind = "line",
      file = file,
      line = line_with_code(find_chunk(file, stack), number),
      condition = condition,
      temporary = temporary,
    }
  end
  local env, close = frames.environment(frame)
  local chunk, message = frames.compile(where:gsub(":", "."), env)
  if not chunk then error(message:gsub("^debug:1: ", ""), 0) end
  local status, f = hooks.guard(chunk)
  close()
  if status ~= "ok" then error(f or status, 0) end
  if type(f) ~= "function" then error(("%s is no function but %s"):format(where, type(f)), 0) end
  local info = debug.getinfo(f, "SL")
  if info.what == "C" then error(where .. " is not written in Lua", 0) end
  local first
  for n in pairs(info.activelines) do
    if (n > info.linedefined or info.linedefined == info.lastlinedefined) and (not first or n < first) then
      first = n
    end
  end
  return add {
    kind = "function",
    text = where,
    file = source.name(info.source),
    line = first or info.linedefined,
    defined = info.linedefined,
    condition = condition,
    temporary = temporary,
  }
end

-- The value of an expression in a frame: "ok" and it, or what hooks.guard says.
local function value_of(text, frame)
  local env, close = frames.environment(frame)
  local chunk, message = frames.compile(text, env)
  if not chunk then return "error", message end
  local more = frames.varargs(frame)
  local status, value = hooks.guard(chunk, table.unpack(more, 1, more.n))
  close()
  return status, value
end

-- The breakpoint at which the frame stops now, and a remark, or nil.
function breaks.hit(frame)
  for _, b in ipairs(list) do
    if b.line == frame.info.currentline and is_file(frame.info.source, b.file)
      and (not b.defined or frame.info.linedefined == b.defined) then
      local status, value, remark = "ok", true, nil
      if b.condition then status, value = value_of(b.condition, frame) end
      if status == "error" then value, remark = true, "its condition failed: " .. tostring(value) end
      if value then
        b.hits = b.hits + 1
        if b.temporary then remove(b) end
        return b, remark
      end
    end
  end
end

-- ---- watched expressions ------------------------------------------------------------------------

-- "NaN" or "Inf" when a tensor of floating point has one.
local function bad_value(x)
  local torch = package.loaded.torch
  if not x.dtype:find("float") or x:nElement() == 0 then return nil end
  return torch.noGrad(function()
    if torch.isfinite(x):all() then return nil end
    return torch.isnan(x):any() and "NaN" or "Inf"
  end)
end

-- The names in the text that are variables of the frame.
local function variables_in(text, frame)
  local names = {}
  for before, name in (" " .. text):gmatch("([^%w_])%s*([%a_][%w_]*)") do
    if before ~= "." and before ~= ":" and frames.find(frame, name) then names[#names + 1] = name end
  end
  return names
end

-- What there is to be seen of a value: whether it is a tensor, and what is bad in it.
local function look(value)
  local torch = package.loaded.torch
  if torch and torch.isTensor(value) then
    local ok, bad = pcall(bad_value, value)
    return { tensor = true, bad = ok and bad or nil }
  end
  return { value = value }
end

-- Stops when a tensor has NaN or Inf, or when the value of the expression changes.  It is looked up where
-- the frame's function runs.
function breaks.watch(text, frame)
  check(text)
  local status, value = value_of(text, frame)
  if status ~= "ok" then error(tostring(value or status), 0) end
  return add {
    kind = "watch",
    text = text,
    last = look(value),
    names = variables_in(text, frame),
    chunk = frame.info.source,
    defined = frame.info.linedefined,
  }
end

local function owner_of(b, stack)
  for _, frame in ipairs(stack) do
    if frame.info.linedefined == b.defined and frame.info.source == b.chunk then return frame end
  end
end

-- Whether all its variables are in scope.
local function in_scope(b, frame)
  for _, name in ipairs(b.names) do
    if not frames.find(frame, name) then return false end
  end
  return true
end

local function change(b, now)
  local last = b.last
  if now.tensor then return now.bad and now.bad ~= last.bad and ("%s has %s"):format(b.text, now.bad) end
  local old, new = last.value, now.value
  if last.tensor or rawequal(old, new) or (old ~= old and new ~= new) then return nil end
  local pretty = require "cresset.pretty"
  return ("%s was %s, is %s"):format(b.text, pretty.format(old), pretty.format(new))
end

-- What a watched expression has to say after the last line, and which it is; or nil.
function breaks.changed(stack)
  for _, b in ipairs(list) do
    local frame = b.kind == "watch" and owner_of(b, stack)
    if frame and in_scope(b, frame) then
      local status, value = value_of(b.text, frame)
      local now = status == "ok" and look(value)
      local said = now and change(b, now)
      if now then b.last = now end
      if said then
        b.hits = b.hits + 1
        return said, b
      end
    end
  end
end

function breaks.has_watches()
  for _, b in ipairs(list) do
    if b.kind == "watch" then return true end
  end
  return false
end

return breaks
