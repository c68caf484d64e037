-- debugging: commands that open the debugger.

local settings = require "cresset.repl.settings"

local debugging = {}

local print = print

-- %pdb [on|off]: without a word the setting changes to the other.
local function pdb(argument)
  local value = argument
  if argument == "" then value = not settings.get "pdb" end
  local on, message = settings.set("pdb", value)
  if on == nil then error("%pdb: " .. message, 0) end
  print("an error opens the debugger: " .. (on and "on" or "off"))
end

-- %debug code: runs it, and stops at the first line of the user's that it comes to.  Without code: the prompt
-- in the frames of the last error.
local function debug(argument, session)
  if argument == "" then
    if require("cresset.debugger").after_error() then return end
    error("%debug: no frames are kept: no error has come, or it was about memory", 0)
  end
  local name = ("=stdin[%d]"):format(session.running or session.number)
  local chunk, message = load("return " .. argument, name, "t")
  if not chunk then chunk, message = load(argument, name, "t") end
  if not chunk then error(message, 0) end
  return require("cresset.debugger").run(chunk)
end

debugging.pdb = { "pdb [on|off]", "whether an error opens the debugger in the frame that failed", pdb }
debugging.debug = { "debug [code]", "in the frames of the last error; or code line by line", debug, true }

return debugging
