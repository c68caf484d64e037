-- sys: time, programs and file names, with the names of Torch7's package.

local clock = require "torch._clock"
local paths = require "paths"
local raise = require("torch.caller").raise

local sys = {}

-- ---- time --------------------------------------------------------------------------------------------

--- sys.clock(): seconds on a clock that never goes back.
--
-- Returns: a number; differences mean something
-- From: Torch7
-- Example:
--   start = sys.clock()
--   sys.clock() >= start --> true
sys.clock = clock.now

local started = clock.now()

--- sys.tic(); sys.toc([verbose])
--
-- tic starts a watch, toc says how many seconds ago that was.
--
-- verbose: true prints it too
-- Returns: toc: a number
-- From: Torch7
-- Example:
--   sys.tic()
--   sys.toc() < 60 --> true
function sys.tic()
  started = clock.now()
end

function sys.toc(verbose)
  local seconds = clock.now() - started
  if verbose then print(seconds) end
  return seconds
end

--- sys.sleep(seconds); sys.usleep(microseconds)
--
-- Waits.  Ctrl-C ends the wait.
--
-- seconds: number, fractions count
-- microseconds: number
-- From: Torch7
-- Example:
--   sys.sleep(0.001)
function sys.sleep(seconds)
  if type(seconds) ~= "number" then raise("sys.sleep: a number expected, got %s", type(seconds)) end
  clock.sleep(seconds)
end

function sys.usleep(microseconds)
  if type(microseconds) ~= "number" then
    raise("sys.usleep: a number expected, got %s", type(microseconds))
  end
  clock.sleep(microseconds * 1e-6)
end

-- ---- programs ----------------------------------------------------------------------------------------

--- sys.execute(command); sys.fexecute(command [, what])
--
-- Runs a shell command and gives what it printed, errors too, without white space around it.
--
-- command: string
-- what: string, as for io.read: "*all" by default
-- Returns: a string
-- Errors: the command cannot be started
-- From: Torch7
-- Example:
--   sys.execute("echo hello") --> hello
function sys.fexecute(command, what)
  if type(command) ~= "string" then raise("sys.execute: a command expected, got %s", type(command)) end
  local pipe, message = io.popen("{ " .. command .. "\n} 2>&1")
  if not pipe then raise("sys.execute: %s", message) end
  local text = pipe:read((what or "a"):gsub("^%*", "")) or ""
  pipe:close()
  return text:match("^%s*(.-)%s*$")
end

function sys.execute(command)
  return sys.fexecute(command)
end

local names = { Linux = "linux", Darwin = "macos" }

--- sys.uname(): the system: "linux", "macos", or its own name.
--
-- Returns: a string
-- From: Torch7
-- Example:
--   sys.uname():lower() == sys.uname() --> true
function sys.uname()
  local name = paths.uname()
  return names[name] or name:lower()
end

sys.OS = sys.uname()

-- ---- files -------------------------------------------------------------------------------------------

--- sys.filep(path); sys.dirp(path); sys.basename(path [, ending]); sys.dirname(path); sys.concat(...)
--- sys.mkdir(path); sys.pwd()
--
-- The functions of `paths` of the same names; pwd is paths.cwd.
--
-- path: string
-- ending: string to leave out
-- Returns: as in paths
-- From: Torch7
-- Example:
--   sys.basename("a/b.lua", "lua"), sys.dirname("a/b.lua") --> b a
sys.filep, sys.dirp, sys.basename, sys.dirname = paths.filep, paths.dirp, paths.basename, paths.dirname
sys.concat, sys.mkdir, sys.pwd = paths.concat, paths.mkdir, paths.cwd

--- sys.fpath(): the full name of the folder of the script that calls, and the script's name.
--
-- Returns: two strings
-- From: Torch7
-- Example:
--   type(sys.fpath()) --> string
function sys.fpath()
  local source = paths.concat((debug.getinfo(2, "S").source:gsub("^@", "")))
  return paths.dirname(source), paths.basename(source)
end

--- sys.ls([path]): what `ls` prints.
--
-- path: string, the current folder by default
-- Returns: a string, one name a line
-- From: Torch7
-- Example:
--   type(sys.ls ".") --> string
function sys.ls(path)
  local list = {}
  for file in paths.iterfiles(path or ".") do list[#list + 1] = file end
  for folder in paths.iterdirs(path or ".") do list[#list + 1] = folder end
  table.sort(list)
  return table.concat(list, "\n")
end

--- sys.ll([path]); sys.la([path]); sys.lla([path])
--
-- What `ls -l`, `ls -a` and `ls -la` print.
--
-- path: string, the current folder by default
-- Returns: a string
-- From: Torch7
-- Example:
--   sys.la("."):sub(1, 1) --> .
for name, flags in pairs { ll = "-l", la = "-a", lla = "-la" } do
  sys[name] = function(path)
    return sys.execute("ls " .. flags .. " -- '" .. (path or "."):gsub("'", "'\\''") .. "'")
  end
end

-- The folder above that of the program, when that is a "bin".
local folder = paths.execdir() or ""
sys.prefix = paths.basename(folder) == "bin" and paths.dirname(folder) or folder

--- sys.isNaN(x): whether a number is none, as 0/0.
--
-- x: number
-- Returns: true or false
-- From: Torch7
-- Example:
--   sys.isNaN(0 / 0), sys.isNaN(1) --> true false
function sys.isNaN(x)
  return x ~= x
end

--- sys.split(text, separator): the parts of a text between separators, without empty ones at its ends.
--
-- text: string
-- separator: string, a pattern
-- Returns: a table of strings
-- From: Torch7
-- Example:
--   table.concat(sys.split("a, b,c", ", *"), "|") --> a|b|c
function sys.split(text, separator)
  local parts, from = {}, 1
  while true do
    local first, last = text:find(separator, from)
    if not first or last < first then break end
    if first > 1 then parts[#parts + 1] = text:sub(from, first - 1) end
    from = last + 1
  end
  if from <= #text then parts[#parts + 1] = text:sub(from) end
  return parts
end

-- ---- colours -----------------------------------------------------------------------------------------

-- What switches a terminal to a colour; `none` switches back.
sys.COLORS = { none = "\27[0m" }
for i, colour in ipairs { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" } do
  sys.COLORS[colour] = ("\27[0;%dm"):format(29 + i)
  sys.COLORS[colour:sub(1, 1):upper() .. colour:sub(2)] = ("\27[1;%dm"):format(29 + i)
  sys.COLORS["_" .. colour] = ("\27[%dm"):format(39 + i)
end

if rawget(_G, "sys") == nil then rawset(_G, "sys", sys) end
return sys
