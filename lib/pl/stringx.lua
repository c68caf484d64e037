-- stringx: Python's methods of strings, as Penlight's pl.stringx has them.

local utils = require "pl.utils"

local stringx = {}

--- stringx.isalpha(s); stringx.isdigit(s); stringx.isalnum(s); stringx.isspace(s); stringx.islower(s)
-- stringx.isupper(s); stringx.startswith(s, prefix); stringx.endswith(s, suffix)
--
-- Whether a text is made of letters only, of digits, of both, of white space, of small letters, of capitals;
-- whether it begins or ends with another, or with one of a list.
--
-- s: string
-- prefix, suffix: a string, or a list of them
-- Returns: true or false
-- From: Penlight
-- Example:
--   stringx = require "pl.stringx"
--   stringx.isdigit("123"), stringx.endswith("a.lua", { ".c", ".lua" }) --> true true
for name, pattern in pairs { alpha = "^%a+$", digit = "^%d+$", alnum = "^%w+$", space = "^%s+$",
  lower = "^[%l%s]+$", upper = "^[%u%s]+$" } do
  stringx["is" .. name] = function(s) return s:find(pattern) ~= nil end
end

-- Whether test(part) holds for a string, or for one of a list.
local function any(parts, test)
  if type(parts) == "string" then return test(parts) end
  for _, part in ipairs(parts) do
    if test(part) then return true end
  end
  return false
end

function stringx.startswith(s, prefix)
  return any(prefix, function(p) return s:sub(1, #p) == p end)
end

function stringx.endswith(s, suffix)
  return any(suffix, function(p) return #p <= #s and s:sub(#s - #p + 1) == p end)
end

--- stringx.join(s, list); stringx.split(s [, separator [, n]]); stringx.splitv(s [, pattern])
-- stringx.splitlines(s [, ends]); stringx.lines(s); stringx.partition(s, separator)
-- stringx.rpartition(s, separator)
--
-- A list's parts with a text between; a text's parts between separators, white space by default, as a list
-- or as several values; its lines as a list or in a for loop; what is before a separator, the separator, and
-- what comes after, for the first or the last one.
--
-- s, separator, pattern: strings; only the pattern is one of Lua's
-- list: of strings or numbers
-- n: how many parts at most
-- ends: true leaves the ends of lines
-- Returns: strings, or a list
-- From: Penlight
-- Example:
--   stringx = require "pl.stringx"
--   stringx.join("+", stringx.split("a.b.c", ".")), (stringx.rpartition("a.b.c", ".")) --> a+b+c a.b
function stringx.join(s, list)
  return table.concat(list, s)
end

function stringx.split(s, separator, n)
  return utils.split(s, separator, true, n)
end

function stringx.splitv(s, pattern)
  return utils.splitv(s, pattern)
end

function stringx.splitlines(s, ends)
  local lines, from = {}, 1
  while from <= #s do
    local first, last = s:find("\r?[\r\n]", from)
    if first and s:sub(first, last) == "\r\r" then last = first end
    lines[#lines + 1] = s:sub(from, first and (ends and last or first - 1))
    from = (last or #s) + 1
  end
  return lines
end

function stringx.lines(s)
  if s == "" then return function() end end
  return (s:sub(-1) == "\n" and s or s .. "\n"):gmatch("([^\n]*)\n")
end

function stringx.partition(s, separator)
  local first, last = s:find(separator, 1, true)
  if not first then return s, "", "" end
  return s:sub(1, first - 1), separator, s:sub(last + 1)
end

function stringx.rpartition(s, separator)
  local first = stringx.rfind(s, separator)
  if not first then return "", "", s end
  return s:sub(1, first - 1), separator, s:sub(first + #separator)
end

--- stringx.lfind(s, part [, first [, last]]); stringx.rfind(s, part [, first [, last]])
-- stringx.count(s, part [, overlap]); stringx.replace(s, old, new [, n]); stringx.at(s, i)
--
-- Where a text is in another for the first or the last time; how often it is; puts another in its place; the
-- i-th character.
--
-- s, part, old, new: strings, no patterns
-- first, last: where to look
-- overlap: true counts places that overlap
-- n: how many at most
-- i: integer; negative counts from the end
-- Returns: lfind, rfind: a number or nil; count: a number; the others a string
-- From: Penlight
-- Example:
--   stringx = require "pl.stringx"
--   stringx.rfind("banana", "an"), stringx.count("banana", "a"), stringx.replace("a.b", ".", "-") --> 4 3 a-b
function stringx.lfind(s, part, first, last)
  local at, ending = s:find(part, first, true)
  if at and (not last or ending <= last) then return at end
end

function stringx.rfind(s, part, first, last)
  first, last = first or 1, last or #s
  for at = last - #part + 1, first, -1 do
    if s:sub(at, at + #part - 1) == part then return at end
  end
end

function stringx.count(s, part, overlap)
  local n, from = 0, 1
  while part ~= "" do
    local first, last = s:find(part, from, true)
    if not first then break end
    n, from = n + 1, overlap and first + 1 or last + 1
  end
  return n
end

function stringx.replace(s, old, new, n)
  return (s:gsub(utils.escape(old), (new:gsub("%%", "%%%%")), n))
end

function stringx.at(s, i)
  return s:sub(i, i)
end

--- stringx.strip(s [, characters]); stringx.lstrip(s [, characters]); stringx.rstrip(s [, characters])
-- stringx.ljust(s, w [, c]); stringx.rjust(s, w [, c]); stringx.center(s, w [, c])
-- stringx.expandtabs(s [, size]); stringx.title(s); stringx.capitalize(s); stringx.shorten(s, w [, tail])
--
-- Takes characters off the ends, white space by default; fills up to a width; puts blanks in place of tabs;
-- makes each word's first letter a capital; shortens to a width, with dots.
--
-- s, characters: strings
-- w, size: numbers of characters
-- c: the character to fill with, a blank by default
-- tail: true leaves the end
-- Returns: a string
-- From: Penlight
-- Example:
--   stringx = require "pl.stringx"
--   stringx.strip("  a "), stringx.center("a", 3, "*"), stringx.title("a word") --> a *a* A Word
local function class_of(characters)
  return "[" .. (characters and characters:gsub("[%]%%%^%-]", "%%%0") or "%s") .. "]"
end

function stringx.lstrip(s, characters)
  return (s:gsub("^" .. class_of(characters) .. "+", ""))
end

function stringx.rstrip(s, characters)
  local class = class_of(characters)
  local n = #s
  while n > 0 and s:find(class, n) == n do n = n - 1 end
  return s:sub(1, n)
end

function stringx.strip(s, characters)
  return stringx.rstrip(stringx.lstrip(s, characters), characters)
end

function stringx.ljust(s, w, c)
  return s .. (c or " "):rep(w - #s)
end

function stringx.rjust(s, w, c)
  return (c or " "):rep(w - #s) .. s
end

function stringx.center(s, w, c)
  local room = math.max(w - #s, 0)
  local left = room // 2
  return (c or " "):rep(left) .. s .. (c or " "):rep(room - left)
end

function stringx.expandtabs(s, size)
  size = size or 8
  return (s:gsub("([^\t\r\n]*)\t", function(before)
    return before .. (" "):rep(size - #before % size)
  end))
end

function stringx.title(s)
  return (s:gsub("(%S)(%S*)", function(first, rest) return first:upper() .. rest:lower() end))
end

stringx.capitalize = stringx.title

function stringx.shorten(s, w, tail)
  if #s <= w then return s end
  if w < 3 then return ("..."):sub(1, w) end
  return tail and "..." .. s:sub(#s - w + 4) or s:sub(1, w - 3) .. "..."
end

--- stringx.import(): makes these functions methods of strings, except where Lua has one of that name.
--
-- From: Penlight
-- Example:
--   type(require("pl.stringx").import) --> function
function stringx.import()
  for name, f in pairs(stringx) do
    if string[name] == nil then rawset(string, name, f) end
  end
end

return stringx
