-- repl: the REPL's Lua half: what was typed becomes a function, and what it returns is shown and kept.
--
-- The C half, vm/repl.c, reads lines, calls repl.compile until a text is whole, runs the function it
-- gives, and hands the results to repl.show.

local commands = require "cresset.repl.commands"
local complete = require "cresset.repl.complete"
local display = require "cresset.repl.display"
local history = require "cresset.repl.history"
local settings = require "cresset.repl.settings"
local statement = require "cresset.repl.statement"
local terminal = require "xlua._terminal"
local variables = require "cresset.repl.variables"

local repl = { complete = complete.words }

local load = load

-- ---- the session --------------------------------------------------------------------------------

-- `number` is the prompt's; texts[n] is what was typed at prompt n, results[n] what it gave.  The results
-- are kept in the globals _n as well, the last few of them: a tensor kept is memory taken.
local session = { number = 1, texts = {}, results = {}, first = 1 }
repl.session = session

local MOST_TEXTS = 10000

-- Called once, before the first line.
function repl.start()
  complete.install_lazy(function(name) return history.value(name, session) end)
  variables.start()
  require("cresset._debugger").set("keeping", true)
end

-- The user's start-up file, or nil.
local function init_path()
  local folder, home = os.getenv "XDG_CONFIG_HOME", os.getenv "HOME"
  if not folder or folder:sub(1, 1) ~= "/" then
    if not home or home == "" then return nil end
    folder = home .. "/.config"
  end
  return folder .. "/cresset/init.lua"
end

-- Called before the first line is read, unless a script or -e came before.  What the file makes global
-- counts as the user's.
function repl.run_init()
  local path = init_path()
  local file = path and io.open(path)
  if not file then return end
  file:close()
  local chunk, message = loadfile(path, "t")
  if not chunk then error(message, 0) end
  chunk()
end

-- The text for the next line's prompt.  `more` says that a chunk goes on.
function repl.prompt(torch7, more)
  if torch7 then return more and ">>> " or "th> " end
  local number = ("%d"):format(session.number)
  return more and (" "):rep(#number) .. ">> " or number .. "> "
end

-- How lines are typed: whether they are drawn in colours, earlier inputs suggested, new lines indented.
function repl.typing()
  local get = settings.get
  return get "colour" and get "highlight", get "suggest", get "indent"
end

-- The name that Lua's messages give to what was typed at this prompt.
local function chunk_name()
  return ("=stdin[%d]"):format(session.number)
end

-- The text that was typed under a chunk's name, or nil.
function repl.source(name)
  local number = name:match("^=?stdin%[(%d+)%]$")
  return number and session.texts[math.tointeger(number)]
end

-- ---- compiling ----------------------------------------------------------------------------------

local function incomplete(message)
  return message:sub(-5) == "<eof>"
end

-- Whether a statement like `f(x);` or `x;` asks for silence, and its text without the semicolon.
local function strip_silence(text)
  local last = #text
  while last > 0 and text:find("^%s", last) do last = last - 1 end -- patterns take time squared
  if text:sub(last, last) ~= ";" then return text, false end
  local body = text:sub(1, last - 1)
  return body:find("%S") and body or text, true
end

-- What hands the values of an expression on: a tail call would take the prompt's line out of tracebacks.
local HANDED_ON = "return (function(...) return ... end)(%s\n)"

-- A function that returns the values of an expression; or nil, and whether it is one that goes on.
local function compile_expression(body)
  local whole, message = load("return " .. body, chunk_name(), "t")
  if not whole then return nil, incomplete(message) end
  return load(HANDED_ON:format(body), chunk_name(), "t")
end

-- The function, after files that have changed where %autoreload is on.
local function refreshed(chunk)
  local reload = session.reload -- set by the command
  local ok, names = pcall(reload and reload.changed or function() end)
  if not ok or not names then return chunk end
  return function(...)
    reload.load(names)
    return chunk(...)
  end
end

-- A function of the typed text and whether its results are to be shown; or nil and a message, which
-- is nil when the text goes on in the next line.
function repl.compile(text)
  local command, visible = commands.parse(text, session)
  if command ~= nil then return command or nil, visible end
  text = text:gsub("^%s*=", "return ", 1)
  local body, silent = strip_silence(text)
  local chunk, goes_on = compile_expression(body)
  if chunk then return refreshed(chunk), not silent end
  local whole, message = load(text, chunk_name(), "t")
  if whole then return refreshed(whole), not silent end
  local statements, last = statement.split(body)
  if statements then
    chunk = load(statements .. HANDED_ON:format(last), chunk_name(), "t")
    if chunk then return refreshed(chunk), not silent end
  end
  return nil, not goes_on and not incomplete(message) and message or nil
end

-- Makes a command of the user's own: %name calls run with the rest of the line, and shows what it returns.
function repl.command(name, usage, summary, run)
  commands.add(name, { usage, summary, run })
end

-- Called when a text is whole, before it runs.
function repl.begin(text)
  session.texts[session.number] = text
  session.texts[session.number - MOST_TEXTS] = nil
  session.running = session.number
  session.hint = not session.hinted and settings.get "hints" and statement.only_locals(text)
  session.number = session.number + 1
end

-- Runs a text as if it were typed at the next prompt.
function repl.again(text)
  if terminal.isatty(io.stdout) then display.write(display.faint(repl.prompt(false) .. text), "\n") end
  local chunk, visible = repl.compile(text)
  if not chunk then error(visible or "the text is not whole", 0) end
  repl.begin(text)
  repl.show(visible, chunk())
end

-- ---- results ------------------------------------------------------------------------------------

-- `_` is the last result, `__` the one before, `_3` that of prompt 3.  Torch7's th had _LAST and _RESULTS.
local function keep(value)
  if rawget(_G, "_") ~= nil then rawset(_G, "__", _G._) end
  rawset(_G, "_", value)
  rawset(_G, "_LAST", value)
  local number = session.running
  session.results[number] = value
  rawset(_G, "_" .. number, value)
  rawset(_G, "_RESULTS", session.results)
  for n = session.first, number - settings.get "results" do
    session.results[n] = nil
    rawset(_G, "_" .. n, nil)
    session.first = n + 1
  end
end

local HINT = "-- local: gone after this line (%s); without `local` it stays; %%set hints off"

-- Keeps the first result and prints them all.  Once in a session it says that a line's locals are gone.
function repl.show(visible, ...)
  local values = table.pack(...)
  if session.hint and terminal.isatty(io.stdout) then
    session.hinted = true
    display.write(display.faint(HINT:format(session.hint)), "\n")
  end
  session.hint = nil
  if values.n == 0 then return end
  if values[1] ~= nil then keep(values[1]) end
  if visible then display.values(values) end
end

return repl
