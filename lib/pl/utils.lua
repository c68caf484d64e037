-- utils: the small functions of Penlight's pl.utils.

local raise = require("torch.caller").raise

local utils = { pack = table.pack }

--- utils.split(s [, pattern [, plain [, n]]]); utils.splitv(s [, pattern [, plain [, n]]])
--
-- The parts of a text between the places where a pattern matches; splitv gives them as several values.  White
-- space separates by default and does not count at the ends.
--
-- s, pattern: strings
-- plain: true takes the pattern as it is
-- n: how many parts at most; the last one is the rest
-- Returns: split: a list of strings
-- From: Penlight
-- Example:
--   table.concat(require("pl.utils").split("a,b,,c", ","), "|") --> a|b||c
function utils.split(s, pattern, plain, n)
  local parts, from = {}, 1
  if not pattern then pattern, plain, s = "%s+", false, s:gsub("^%s+", "") end
  if pattern == "" then return { s } end
  while true do
    local first, last = s:find(pattern, from, plain)
    if not first or n and #parts + 1 >= n then break end
    if last < first then raise("split: the pattern '%s' matches an empty text", pattern) end
    parts[#parts + 1] = s:sub(from, first - 1)
    from = last + 1
  end
  local rest = s:sub(from)
  if rest ~= "" or n and #parts + 1 == n then parts[#parts + 1] = rest end
  return parts
end

function utils.splitv(...)
  return table.unpack(utils.split(...))
end

--- utils.readfile(path); utils.writefile(path, text); utils.readlines(path)
--
-- A file's contents as a string or as a list of lines; writes a string into a file.
--
-- path, text: strings
-- Returns: readfile: a string; readlines: a list; writefile: true; or nil and a message
-- From: Penlight
-- Example:
--   require("pl.utils").writefile("a.txt", "one\ntwo\n")
--   #require("pl.utils").readlines("a.txt") --> 2
function utils.readfile(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, why = file:read("a")
  file:close()
  if not text then return nil, path .. ": " .. why end
  return text
end

function utils.writefile(path, text)
  local file, message = io.open(path, "wb")
  if not file then return nil, message end
  local ok, why = file:write(text)
  local closed, reason = file:close()
  if ok and closed then return true end
  return nil, path .. ": " .. tostring(why or reason)
end

function utils.readlines(path)
  local text, message = utils.readfile(path)
  if not text then return nil, message end
  local lines = {}
  for line in (text:gsub("([^\n])$", "%1\n")):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

--- utils.printf(format, ...); utils.fprintf(file, format, ...)
-- utils.escape(s); utils.choose(condition, a, b); utils.unpack(t [, i [, j]]); utils.quit([code])
--
-- Prints by a format; puts a % before what patterns take for special; gives a or b; gives the values of a
-- table that may have nil (t.n says how many); ends the program.
--
-- format, s: strings
-- file: of io.open
-- condition, a, b: any values
-- t: table
-- i, j, code: integers
-- Returns: escape: a string; choose: a value; unpack: the values
-- From: Penlight
-- Example:
--   require("pl.utils").escape("a.b"), require("pl.utils").choose(true, 1, 2) --> a%.b 1
function utils.printf(format, ...)
  io.write(format:format(...))
end

function utils.fprintf(file, format, ...)
  file:write(format:format(...))
end

function utils.escape(s)
  return (s:gsub("[%-%.%+%[%]%(%)%$%^%%%?%*]", "%%%1"))
end

function utils.choose(condition, a, b)
  if condition then return a end
  return b
end

function utils.unpack(t, i, j)
  return table.unpack(t, i or 1, j or t.n or #t)
end

function utils.quit(code, message, ...)
  if type(code) == "string" then code, message = -1, code end
  if message then io.stderr:write(message:format(...), "\n") end
  os.exit(code or -1, true)
end

return utils
