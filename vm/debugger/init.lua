-- debugger: stops a script, and talks to the user about it.
--
-- The C half, vm/debugger.c, calls debugger.event in a coroutine of its own when something happens that
-- may be a reason to stop; when event returns, the script goes on.

local breaks = require "cresset.debugger.breaks"
local commands = require "cresset.debugger.commands"
local display = require "cresset.repl.display"
local frames = require "cresset.debugger.frames"
local hooks = require "cresset._debugger"
local source = require "cresset.debugger.source"

local debugger = {}

local print, write = print, io.write

-- ---- where it stands ----------------------------------------------------------------------------

-- What the commands work on while the prompt is open.  Kept from stop to stop: displays, library, last.
local state = { displays = {}, library = false }

-- The line before the one that runs now, for watched expressions.
local last_place

-- What `finish` saw returned.
local returned

local function place_of(frame)
  return ("%s:%d"):format(source.name(frame.info.source), frame.info.currentline)
end

-- The innermost frame of the user's, else the innermost of Lua, else the first.
local function first_frame(stack)
  for i, frame in ipairs(stack) do
    if not frame.library or (state.library and frame.info.what ~= "C") then return i end
  end
  for i, frame in ipairs(stack) do
    if frame.info.what ~= "C" then return i end
  end
  return 1
end

-- ---- the prompt ---------------------------------------------------------------------------------

local function terminal()
  return package.preload["cresset._terminal"] and require "cresset._terminal"
end

local function words(text, start)
  return commands.complete(state, text, start)
end

-- A line: "ok" and the line, nil at the end of the input; "dropped" after Ctrl-C.
local function read(prompt)
  local editor = terminal()
  if not editor then
    io.stdout:flush()
    return hooks.guard(io.read, "l")
  end
  local status, line, dropped = hooks.guard(editor.read, prompt, words)
  if status == "interrupted" or dropped then return "dropped" end
  return status, line
end

local function goes_on(text)
  if load("return " .. text, "=debug", "t") then return false end
  local chunk, message = load(text, "=debug", "t")
  return not chunk and message:sub(-5) == "<eof>"
end

-- The rest of a statement that goes on in further lines.
local function read_rest(text)
  while goes_on(text) do
    local status, line = read("     >> ")
    if status ~= "ok" or not line then return nil end
    text = text .. "\n" .. line
  end
  return text
end

-- At the end of the input there is nobody to ask: without a terminal the script goes on alone.
local function input_ended()
  if terminal() then
    write "\n"
    if state.kind ~= "error" and state.kind ~= "kept" then hooks.quit() end
    return
  end
  if state.kind == "kept" then return end
  io.stderr:write("debugger: the input has ended; the script goes on without breakpoints\n")
  hooks.alone()
  breaks.clear()
  hooks.step "run"
end

-- Reads and obeys commands until one lets the script go on.
local function loop()
  repeat
    local status, line = read "(debug) "
    if status == "interrupted" then -- without a terminal Ctrl-C is for the script
      return state.kind ~= "kept" and hooks.quit() or nil
    elseif status == "dropped" then
      line = nil
    elseif status ~= "ok" then
      return
    elseif not line then
      return input_ended()
    else
      if line:find("^%s*$") then
        line = state.repeatable
      else
        state.repeatable = nil
        if not commands.find(line) then line = read_rest(line) end
      end
    end
  until line and commands.obey(state, line)
end

-- ---- stops --------------------------------------------------------------------------------------

-- Opens the prompt.
local function stop(kind, stack, reason)
  state.kind, state.stack, state.at = kind, stack, first_frame(stack)
  state.listed = nil
  if reason then print(reason) end
  if returned then print("returned:" .. (returned:find("\n") and "\n" or " ") .. returned) end
  returned = nil
  hooks.step "run"
  commands.show_place(state)
  commands.show_displays(state)
  loop()
  io.stdout:flush()
  state.stack = nil
end

-- The values that the function at the top of the thread returns now.
local function note_return(thread)
  local info, list = debug.getinfo(thread, 0, "r"), {}
  for i = info.ftransfer, info.ftransfer + info.ntransfer - 1 do
    local _, value = debug.getlocal(thread, 0, i)
    list[#list + 1] = display.text(value)
  end
  returned = #list > 0 and table.concat(list, ", ") or "nothing"
end

-- A line begins.  `stepped`: it ends a step.
local function on_line(level, stepped)
  local stack = frames.list(level)
  local frame = stack[1]
  local hit, remark = breaks.hit(frame)
  local said, watched
  if breaks.has_watches() and (not frame.library or state.library) then
    said, watched = breaks.changed(stack)
    if said then said = ("watch %d: %s after %s"):format(watched.number, said, last_place or "the start") end
    last_place = place_of(frame)
  end
  if hit then
    local reason = "breakpoint " .. breaks.describe(hit)
    stop("line", stack, remark and reason .. "\n" .. remark or said and reason .. "\n" .. said or reason)
  elseif said then
    stop("line", stack, said)
  elseif stepped and (state.count or 1) > 1 then
    state.count = state.count - 1
  elseif stepped then
    stop("line", stack)
  end
end

-- What can be wrong, in the first line of the message.
local function message_line(message)
  local ok, text = pcall(tostring, message)
  return "error: " .. (ok and text or "an object whose __tostring fails")
end

-- Called by the C half.  thread: what was stopped; level: of the frame that was; value: of the event.
function debugger.event(kind, thread, level, value)
  if kind == "return" then return note_return(thread) end
  if kind == "line" then return on_line(level, value) end
  local stack = frames.list(level)
  if kind == "error" then
    stop("error", stack, message_line(value))
  elseif kind == "caught" then
    stop("caught", stack, message_line(value) .. "\n(pcall catches it; `continue` goes on)")
  else
    stop(kind, stack, kind == "interrupt" and "interrupted" or nil)
  end
end

-- Opens the prompt in the frames of the last error; false: none are kept.
function debugger.after_error()
  local kept = hooks.kept()
  if not kept then return false end
  hooks.aside(stop, "kept", kept, message_line(kept.error))
  return true
end

--- breakpoint()
--
-- Opens the debugger's prompt in the function that calls: its variables can be looked at and changed, and
-- the script goes on line by line or to a breakpoint.  Commands are read from the standard input; where
-- that has ended, the script goes on.  docs/debugger.md describes the commands.

-- Runs f; the prompt opens at the first line of the user's.
function debugger.run(f)
  hooks.step "step"
  return f()
end

return debugger
