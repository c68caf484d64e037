-- commands: what can be typed at the debugger's prompt.

local breaks = require "cresset.debugger.breaks"
local completion = require "cresset.repl.complete"
local display = require "cresset.repl.display"
local frames = require "cresset.debugger.frames"
local hooks = require "cresset._debugger"
local show = require "cresset.debugger.show"

local commands = {}

local print = print

-- In the order of `help`: {names, usage, what it does, run(state, argument)}.  run gives true when the script
-- is to go on.  `repeats`: an empty line does it again; `expression`: the argument is Lua.
local list, by_name = {}, {}

local function define(names, usage, what, run, more)
  local command = { usage = usage, what = what, run = run }
  for key, value in pairs(more or {}) do command[key] = value end
  list[#list + 1] = command
  command.names = {}
  for name in names:gmatch("%S+") do
    by_name[name] = command
    table.insert(command.names, name)
  end
end

local function fail(...)
  error((...):format(select(2, ...)), 0)
end

local function current(state)
  return state.stack[state.at]
end

local function whole(argument, default)
  if argument == "" then return default end
  local n = math.tointeger(tonumber(argument))
  if not n or n < 1 then fail("a whole number is wanted, got '%s'", argument) end
  return n
end

-- ---- looking ------------------------------------------------------------------------------------

function commands.show_place(state)
  show.place(current(state))
end

define("where bt backtrace w", "where [n]", "the stack, innermost first, with the lines",
  function(state, argument)
    show.stack(state.stack, state.at, whole(argument, 50), state.library)
  end)

-- Chooses the n-th frame in a direction, past those of C and, unless they are shown, of the library.
local function move(state, by, n)
  local at = state.at
  for _ = 1, n do
    local next = at + by
    while state.stack[next] and (state.stack[next].info.what == "C"
      or (state.stack[next].library and not state.library)) do
      next = next + by
    end
    if not state.stack[next] then break end
    at = next
  end
  if at == state.at then fail("this is the %s frame", by > 0 and "outermost" or "innermost") end
  state.at, state.listed = at, nil
  commands.show_place(state)
end

define("up u", "up [n]", "to the function that called", function(state, argument)
  move(state, 1, whole(argument, 1))
end)

define("down d", "down [n]", "back towards the innermost", function(state, argument)
  move(state, -1, whole(argument, 1))
end)

define("frame", "frame n", "to frame n of `where`", function(state, argument)
  local n = math.tointeger(tonumber(argument))
  if not n or not state.stack[n + 1] then fail("there is no frame '%s'", argument) end
  state.at, state.listed = n + 1, nil
  commands.show_place(state)
end)

define("list l", "list [first[, last]]", "source lines, around the one that runs; again: the next ones",
  function(state, argument)
    local frame = current(state)
    local from, to = argument:match("^(%d+)%s*,?%s*(%d*)$")
    local line = frame.info.currentline
    if argument ~= "" and argument ~= "." and not from then fail "list: first[, last] is wanted" end
    from = math.tointeger(tonumber(from)) or (argument == "" and state.listed) or math.max(1, line - 5)
    to = math.tointeger(tonumber(to)) or from + 10
    local next, message = show.source(frame, from, to)
    if not next then error(message, 0) end
    state.listed = next
  end)

define("locals", "locals", "the variables of the frame", function(state)
  show.variables(current(state))
end)

-- ---- code ---------------------------------------------------------------------------------------

local function plain(message)
  return (tostring(message):gsub("^debug:%d+: ", ""))
end

-- Runs the text in the frame: what hooks.guard says, as a list.
local function evaluate(state, text, expression)
  local frame = current(state)
  local env, close = frames.environment(frame)
  local chunk, message = frames.compile(expression and "(nil), " .. text or text, env)
  if chunk then chunk, message = frames.compile(text, env) end
  if not chunk then fail("%s", plain(message)) end
  local more = frames.varargs(frame)
  local results = table.pack(hooks.guard(chunk, table.unpack(more, 1, more.n)))
  close()
  if results[1] == "error" then fail("%s", plain(results[2])) end
  if results[1] == "interrupted" then fail "interrupted" end
  return results
end

local function print_results(results)
  if results.n > 1 then display.values(table.pack(table.unpack(results, 2, results.n))) end
end

-- Runs a statement, or shows what an expression gives.
function commands.run_lua(state, text)
  print_results(evaluate(state, text))
end

define("print p", "print expression", "its value", function(state, argument)
  if argument == "" then fail "print: an expression is wanted" end
  print_results(evaluate(state, argument, true))
end, { expression = true })

local function show_display(state, number)
  local text = state.displays[number]
  local ok, results = pcall(evaluate, state, text, true)
  if ok then
    show.variable(("%d: %s"):format(number, text), results[2])
  else
    print(("%d: %s: %s"):format(number, text, results))
  end
end

function commands.show_displays(state)
  local numbers = {}
  for number in pairs(state.displays) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for _, number in ipairs(numbers) do show_display(state, number) end
end

define("display", "display [expression]", "its value, now and at each stop", function(state, argument)
  if argument == "" then return commands.show_displays(state) end
  evaluate(state, argument, true)
  local number = (state.last_display or 0) + 1
  state.last_display, state.displays[number] = number, argument
  show_display(state, number)
end, { expression = true })

define("undisplay", "undisplay [n]", "ends display n, or all", function(state, argument)
  if argument == "" then
    state.displays = {}
  else
    local n = whole(argument)
    if not state.displays[n] then fail("there is no display %d", n) end
    state.displays[n] = nil
  end
end)

define("graph", "graph [tensor]", "the graph behind a tensor; what a module is made of",
  function(state, argument)
    if argument == "" then return show.graphs(current(state)) end
    show.graph(argument, evaluate(state, argument, true)[2])
  end, { expression = true })

-- ---- going on -----------------------------------------------------------------------------------

local function check_alive(state)
  if state.kind == "kept" then fail "these functions have ended and cannot go on; `quit` leaves" end
end

local function step(mode, line)
  return function(state, argument)
    check_alive(state)
    if state.kind == "error" then fail "the script has failed and cannot go on; `quit` leaves" end
    local frame = current(state)
    hooks.step(mode, frame.thread, frame.depth, line and line(frame, argument))
    state.count = not line and whole(argument, 1) or 1
    return true
  end
end

define("step s", "step [n]", "to the next line, also inside a function that is called", step "step",
  { repeats = true })
define("next n", "next [n]", "to the next line of this function", step "next", { repeats = true })
define("finish f", "finish", "to where this function returns, and what it returns",
  step("finish", function() return 0 end))
define("until", "until [line]", "to a later line of this function: out of a loop",
  step("until", function(frame, argument)
    return argument == "" and frame.info.currentline or whole(argument) - 1
  end), { repeats = true })

define("continue c cont", "continue", "to the next breakpoint", function(state)
  check_alive(state)
  hooks.step "run"
  return true
end)

define("quit q exit", "quit", "ends the script, as Ctrl-C does", function(state)
  if state.kind ~= "error" and state.kind ~= "kept" then hooks.quit() end
  return true
end)

-- ---- stopping -----------------------------------------------------------------------------------

local function show_breaks()
  if #breaks.list() == 0 then print "no breakpoints" end
  for _, b in ipairs(breaks.list()) do
    print(("%s%s"):format(breaks.describe(b), b.hits > 0 and ("  (%d times)"):format(b.hits) or ""))
  end
end

local function set_break(temporary)
  return function(state, argument)
    if argument == "" then return show_breaks() end
    local where, condition = argument:match("^(.-)%s+if%s+(.+)$")
    local b = breaks.set(where or argument, condition, current(state), state.stack, temporary)
    print("breakpoint " .. breaks.describe(b))
  end
end

define("break b", "break file:line [if condition]", "stops there; also `break line`, `break function`",
  set_break(false), { expression = true })
define("tbreak", "tbreak file:line [if condition]", "the same, once", set_break(true), { expression = true })
define("watch", "watch expression", "stops when a tensor has NaN or Inf, or when the value changes",
  function(state, argument)
    if argument == "" then return show_breaks() end
    print("watch " .. breaks.describe(breaks.watch(argument, current(state))):gsub(": watch ", ": ", 1))
  end, { expression = true })
define("breaks", "breaks", "lists breakpoints and what is watched", show_breaks)
define("clear delete", "clear [n]", "forgets breakpoint n, or all", function(_, argument)
  local n = argument ~= "" and argument ~= "all" and whole(argument) or nil
  if not breaks.clear(n) then fail("there is no breakpoint %d", n) end
end)

local function on_off(argument)
  if argument == "on" or argument == "off" then return argument == "on" end
  fail("on or off is wanted, got '%s'", argument)
end

define("catch", "catch on|off", "stops at errors also where pcall catches them", function(state, argument)
  if argument ~= "" then
    state.catching = on_off(argument)
    hooks.set("catching", state.catching)
  end
  print("catch " .. (state.catching and "on" or "off"))
end)

define("set", "set library on|off", "whether step and `where` enter Cresset's own Lua files",
  function(state, argument)
    local value = argument:match("^library%s*(.*)$")
    if not value then fail "set library on|off is wanted" end
    if value ~= "" then
      state.library = on_off(value)
      hooks.set("library", state.library)
    end
    print("library " .. (state.library and "on" or "off"))
  end)

define("help h", "help [command]", "this", function(_, argument)
  local one = by_name[argument]
  if argument ~= "" and not one then fail("there is no command '%s'", argument) end
  for _, command in ipairs(list) do
    if not one or one == command then
      print(("%-32s %s"):format(command.usage, command.what))
      if one and #command.names > 1 then print("also: " .. table.concat(command.names, ", ", 2)) end
    end
  end
  if not one then
    print(("%-32s %s"):format("anything else", "is Lua, run in the frame; `!` in front says that it is Lua"))
    print(("%-32s %s"):format("an empty line", "repeats step, next and until"))
  end
end)

-- ---- reading ------------------------------------------------------------------------------------

-- The command of a line and its argument; nil: the line is Lua.  `n = 1` and `s.x` are, though `n` and `s`
-- are commands.
local function parse(line)
  local name, rest = line:match("^%s*(%a+)(.*)$")
  if line:find("^%s*%?%s*$") then return by_name.help, "" end
  local command = by_name[name]
  if not command then return nil end
  if rest:find("^%s*=") and not rest:find("^%s*==") then return nil end
  if rest:find("^[^%s]") then return nil end
  if not command.expression and rest:find("^%s*[=+%-*/%%^<>~]") then return nil end
  return command, rest:match("^%s*(.-)%s*$")
end

function commands.find(line)
  return parse(line)
end

-- Does what the line says; true: the script is to go on.
function commands.obey(state, line)
  local command, argument = parse(line)
  local ok, result
  if command then
    ok, result = pcall(command.run, state, argument)
    state.repeatable = command.repeats and line or nil
  else
    ok, result = pcall(commands.run_lua, state, (line:gsub("^%s*!", "", 1)))
    result = not ok and result or nil
  end
  if not ok then print(plain(result)) end
  return ok and result == true
end

-- What Tab offers: commands at the beginning, and names that the frame sees.
function commands.complete(state, text, start)
  local before = text:sub(1, start)
  local frame = current(state)
  local env, close = frames.environment(frame)
  local seen, names = {}, {}
  local function add(name)
    if not seen[name] then names[#names + 1] = name end
    seen[name] = true
  end
  for _, variables in ipairs { frames.variables(frame) } do
    for _, v in ipairs(variables) do add(v[1]) end
  end
  if before:find("^%s*$") then
    for _, command in ipairs(list) do add(command.names[1]) end
  end
  local words, hint = completion.words(text, start, env, names)
  close()
  return words or {}, hint
end

return commands
