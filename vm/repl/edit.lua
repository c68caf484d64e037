-- edit: %edit: an input in an editor of the user's own.

local edit = {}

-- The newest input that is not itself an %edit.
local function last_text(session)
  for n = session.number - 1, 1, -1 do
    local text = session.texts[n]
    if not text then return "" end
    if not text:find("^%s*%%edit") then return text end
  end
  return ""
end

-- %edit [n | text]: the last input, that of prompt n, or a text; it comes back at the next prompt.
local function run(argument, session)
  local opener = package.preload["cresset._terminal"]
  if not opener then error("%edit: there is no terminal", 0) end
  local text = argument
  if argument == "" then
    text = last_text(session)
  elseif argument:find("^%d+$") then
    text = session.texts[math.tointeger(tonumber(argument))]
    if not text then error(("%%edit: there is no input %s"):format(argument), 0) end
  end
  if not require("cresset._terminal").edit(text) then
    error("%edit: the editor ($VISUAL, $EDITOR or vi) failed; nothing has changed", 0)
  end
end

edit.edit = { "edit [n | text]", "the last input, that of prompt n, or a text, in $VISUAL or $EDITOR", run }

return edit
