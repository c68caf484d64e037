-- history: what was typed: as values (In, _i), listed, searched, run again, written as a script.

local commands = require "cresset.repl.commands"
local pager = require "cresset.repl.pager"
local statement = require "cresset.repl.statement"

local history = {}

local load, tonumber = load, tonumber
local match = string.match -- strings may have lost their methods where a global is looked up

-- ---- as values ------------------------------------------------------------------------------------

-- How `In` and listings show the texts of prompts first..last.
local function listed(state, first, last)
  local lines = {}
  for n = first, last do
    local text = state.texts[n]
    if text then lines[#lines + 1] = ("%4d  %s"):format(n, (text:gsub("\n", "\n      "))) end
  end
  return table.concat(lines, "\n")
end

-- A table of what was typed at each prompt, which cannot be changed.
local function inputs(state)
  local function step(_, n)
    n = (n or 0) + 1
    if n < state.number then return n, state.texts[n] end
  end
  return setmetatable({}, {
    __index = function(_, n) return state.texts[n] end,
    __newindex = function() error("In is what was typed: it cannot be changed", 2) end,
    __len = function() return state.number - 1 end,
    __pairs = function(t) return step, t end,
    __tostring = function() return listed(state, math.max(1, state.number - 50), state.number - 1) end,
  })
end

-- What the global `name` is where the user has none: In, _i, _ii, _iii (the text before this one, the one
-- before that ..), _i3 (that of prompt 3); or nil.
function history.value(name, state)
  if name == "In" then
    state.inputs = state.inputs or inputs(state)
    return state.inputs
  end
  local back, number = match(name, "^_(i+)(%d*)$")
  if not back or #back > 3 then return nil end
  if number == "" then return state.texts[(state.running or state.number) - #back] end
  return #back == 1 and state.texts[tonumber(number)] or nil
end

-- ---- ranges ---------------------------------------------------------------------------------------

-- The numbers in "3", "3-10", "3-", several with blanks between; those of prompts before this one.
local function numbers(command, text, state)
  local list, last = {}, state.running - 1
  for word in text:gmatch("%S+") do
    local a, dash, b = word:match("^(%d+)(%-?)(%d*)$")
    if not a or (dash == "" and b ~= "") then
      error(("%%%s: '%s' is none of 3, 3-10, 3-"):format(command, word), 0)
    end
    local from = tonumber(a)
    local to = dash == "" and from or tonumber(b) or last
    for n = math.max(from, 1), math.min(to, last) do
      if state.texts[n] then list[#list + 1] = n end
    end
    if from == to and not state.texts[from] then
      error(("%%%s: nothing was typed at %s"):format(command, a), 0)
    end
  end
  return list
end

local function texts(command, text, state)
  local list = {}
  for _, n in ipairs(numbers(command, text, state)) do
    local typed = state.texts[n]
    if not typed:find("^%s*%%rerun%f[%A]") then list[#list + 1] = typed end
  end
  return list
end

-- ---- listing, searching ---------------------------------------------------------------------------

-- The history's file, as vm/editor.c has it.
local function path()
  local folder, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if folder and folder:sub(1, 1) == "/" then return folder .. "/cresset/history" end
  return home and home ~= "" and home .. "/.local/state/cresset/history" or nil
end

-- Its entries, the oldest first: {time, text}.
local function entries()
  local name = path()
  local file <close> = name and io.open(name)
  local list, lines = {}, nil
  if not file then return list end
  for line in file:lines() do
    local time = line:match("^#(%d+)$")
    if time then
      lines = {}
      list[#list + 1] = { time = tonumber(time), lines = lines }
    elseif lines then
      lines[#lines + 1] = line
    end
  end
  return list
end

local MOST_FOUND = 200

-- The entries of all sessions that have the word, in any case, each text once, the newest last.
local function search(word)
  local found, seen, low = {}, {}, word:lower()
  local all = entries()
  for i = #all, 1, -1 do
    local text = table.concat(all[i].lines, "\n")
    if text:lower():find(low, 1, true) and not seen[text] and #found < MOST_FOUND then
      seen[text] = true
      found[#found + 1] = ("%s  %s"):format(os.date("%Y-%m-%d %H:%M", all[i].time),
        (text:gsub("\n", "\n" .. (" "):rep(18))))
    end
  end
  for i = 1, #found // 2 do found[i], found[#found + 1 - i] = found[#found + 1 - i], found[i] end
  return table.concat(found, "\n")
end

local function show(argument, state)
  local word = argument:match("^%-g%s+(.+)$")
  local text
  if word then
    text = search(word)
  elseif argument:find("%-") then
    local lines = {}
    for i, n in ipairs(numbers("history", argument, state)) do lines[i] = listed(state, n, n) end
    text = table.concat(lines, "\n")
  else
    local most = tonumber(argument == "" and 50 or argument)
    if math.type(most) ~= "integer" then error("%history: wanted n, a-b or -g word, got " .. argument, 0) end
    text = listed(state, math.max(1, state.number - most), state.number - 1)
  end
  if text ~= "" then pager.print(text) end
end

-- ---- again ----------------------------------------------------------------------------------------

local function run(list)
  local again = require("cresset.repl").again
  for _, text in ipairs(list) do again(text) end
end

local function rerun(argument, state)
  if argument == "" then argument = ("%d"):format(math.max(1, state.running - 1)) end
  run(texts("rerun", argument, state))
end

local macros = {}

local function macro(argument, state)
  local name, range = argument:match("^(%a+)%s+(%S.*)$")
  if not name then error("%macro: a name and the numbers of prompts are wanted", 0) end
  if commands.has(name) and not macros[name] then
    error(("%%macro: %%%s is there already"):format(name), 0)
  end
  local list = texts("macro", range, state)
  macros[name] = true
  commands.add(name, { name, "runs what was typed at " .. range, function() run(list) end })
end

-- ---- as a script ----------------------------------------------------------------------------------

-- A text of the prompt as Lua: an expression is printed, a command becomes a comment.
local function as_lua(text, state)
  if commands.parse(text, state) then return "-- " .. text:gsub("\n", "\n-- ") end
  text = text:gsub("^%s*=", "return ", 1)
  if load(text, "=text", "t") and not text:find("^return ") then return text end
  local body, silence = text:gsub("^return ", ""):match("^(.-)%s*(;?)%s*$")
  local statements, last = statement.split(body)
  body = last and last:match("^%s*(.*)$") or body
  statements = statements and statements .. " " or ""
  if silence ~= "" then return statements .. "local _ = " .. body end
  local close = body:find("--", 1, true) and "\n)" or ")" -- a comment would take the bracket
  return statements .. "print(" .. body .. close
end

-- Not over a file that is there, unless asked for.
local function write(argument, state)
  local force, name, range = argument:match("^(%-f)%s+(%S+)%s*(.*)$")
  if not force then name, range = argument:match("^(%S+)%s*(.*)$") end
  if not name or name == "-f" then error("%write: a file name is wanted", 0) end
  local lines = {}
  for i, n in ipairs(numbers("write", range == "" and "1-" or range, state)) do
    lines[i] = as_lua(state.texts[n], state) .. "\n"
  end
  local there <close> = not force and io.open(name) or nil
  if there then error(("%%write: %s is there already; %%write -f writes over it"):format(name), 0) end
  local file <close> = assert(io.open(name, "w"))
  assert(file:write(table.concat(lines)))
end

history.commands = {
  history = { "history [n | a-b | -g word]", "what was typed: last, at prompts, in any session", show },
  rerun = { "rerun [n | a-b]", "runs the last text, or those of prompts, again", rerun },
  macro = { "macro name a-b", "makes %name, which runs those texts again", macro },
  write = { "write [-f] file [a-b]", "writes this session, or some texts, as a script", write },
}

return history
