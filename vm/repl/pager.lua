-- pager: texts that are longer than the terminal go through $PAGER.

local display = require "cresset.repl.display"
local settings = require "cresset.repl.settings"
local terminal = require "xlua._terminal"

local pager = {}

-- How many lines a terminal of that width takes for the text.
local function height_of(text, width)
  local n = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + math.max(1, (#line:gsub("\27%[[%d;]*m", "") + width - 1) // width)
  end
  return n
end

-- The program's command, nil where there is none to use.
local function program()
  if not settings.get "pager" then return nil end
  if not (terminal.isatty(io.stdout) and terminal.isatty(io.stdin)) then return nil end
  local named = os.getenv "PAGER"
  if named and named ~= "" then return named end
  return os.getenv "TERM" ~= "dumb" and "less -R" or nil
end

-- Whether it was shown so.  Through a file and not a pipe: a pager that is left early breaks no pipe then.
local function paged(command, text)
  local name = os.tmpname()
  local file = io.open(name, "w")
  if not file then return false end
  local written = file:write(text, "\n") and file:close()
  io.stdout:flush()
  local _, how, code = nil, "exit", 127
  if written then _, how, code = os.execute(("%s <'%s'"):format(command, name)) end
  os.remove(name)
  return not (how == "exit" and (code == 126 or code == 127)) -- there is no such program
end

-- Prints a text, whose last line has no end.
function pager.print(text)
  local height = terminal.height(io.stdout)
  local command = height and height_of(text, display.width()) >= height and program()
  if not (command and paged(command, text)) then display.write(text, "\n") end
end

return pager
