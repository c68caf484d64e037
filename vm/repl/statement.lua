-- statement: text behind a command, such as `%time x:mm(y)`, as a function.

local statement = {}

local load = load

-- How a chunk of this prompt is called in messages.
local function chunk_name(session)
  return ("=stdin[%d]"):format(session.running or session.number)
end

-- What is pasted may be long, and is not looked through.
local MOST_SEMICOLONS, LONGEST = 20, 2000

-- Of `x = f(); x`, statements with an expression behind the last semicolon: the statements and the
-- expression.
function statement.split(text)
  local at = #text
  for _ = 1, MOST_SEMICOLONS do
    at = text:sub(1, at):match("^.*();")
    if not at then return nil end
    local head, tail = text:sub(1, at), text:sub(at + 1)
    if load("return " .. tail, "=text", "t") and tail:find "%S" and load(head, "=text", "t") then
      return head, tail
    end
    at = at - 1
  end
end

-- The function of a statement, or of an expression whose values it returns.  Errors are the compiler's.
function statement.compile(command, text, session)
  if not text:find "%S" then error(("%%%s: a statement is wanted"):format(command), 0) end
  local name = chunk_name(session)
  local chunk = load("return " .. text, name, "t")
  if chunk then return chunk end
  local message
  chunk, message = load(text, name, "t")
  if chunk then return chunk end
  local statements, last = statement.split(text)
  return statements and load(statements .. "return " .. last, name, "t") or error(message, 0)
end

-- A function of the number of loops and of a clock: it runs the statement so often and returns the seconds
-- that took.  The loop is compiled around the statement, so that no call is measured with it.
function statement.loop(command, text, session)
  statement.compile(command, text, session) -- for its message
  local head = "local cresset_n, cresset_now = ... local cresset_t = cresset_now() "
    .. "for cresset_i = 1, cresset_n do "
  local tail = "\n; local cresset_end end return cresset_now() - cresset_t" -- refuses a `return` in its midst
  local name = chunk_name(session)
  local chunk = load(head .. "local cresset_r = " .. text .. tail, name, "t")
    or load(head .. text .. tail, name, "t")
  if chunk then return chunk end
  local f = statement.compile(command, text, session) -- it returns in its midst
  return function(n, now)
    local t = now()
    for _ = 1, n do f() end
    return now() - t
  end
end

-- The names of a text that does nothing but declare locals, as it was typed; or nil.
function statement.only_locals(text)
  if #text > LONGEST then return nil end
  text = text:gsub("%s*;%s*$", "")
  local name, rest = text:match("^%s*local%s+function%s+([%a_][%w_]*)(.*)$")
  if name then return load("return function" .. rest, "=text", "t") and name end
  local names, values = text:match("^%s*local%s+([%w_,<>%s]+)=(.*)$")
  if not names then names, values = text:match("^%s*local%s+([%w_,<>%s]+)$"), "" end
  if not names or not load("local " .. names, "=text", "t") then return nil end
  if not load("return " .. values, "=text", "t") then return nil end
  return (names:gsub("%s*<%s*%w+%s*>", ""):gsub("%s+$", ""):gsub("%s*,%s*", ", "))
end

return statement
