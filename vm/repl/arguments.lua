-- arguments: the names that can stand in a table that is an argument, as the doc comments tell them.

local pretty = require "cresset.pretty"

local arguments = {}

-- ---- what the doc comments say --------------------------------------------------------------------

local no_names = {}
for word in ("too none either each table number string these with otherwise never two"):gmatch "%a+" do
  no_names[word] = true
end

-- Calls add for the options that a text names: words that stand alone between signs, as in "a table; seed, a
-- whole number; shuffle, ..", "table of stride (1), padding (0)", "{compress = true} ..".
local function told(text, add)
  text = text:gsub("^a? ?table[%w%s]-%f[%w](%w+)%s*%f[(,;:]", "; %1 "):gsub("^{", ";")
  for word in text:gmatch("[;:,]%s*(%l[%w_]*)%s*%f[,;:=(]") do
    if not pretty.keywords[word] and not no_names[word] then add(word) end
  end
end

-- The options of the argument of an entry; a table of names.
local function options_of(entry, argument)
  local list, seen = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1], seen[name] = name, true end
  end
  for _, field in ipairs(entry.fields) do
    if (" " .. field.name .. ","):find("[ ,]" .. argument .. ",") then
      for _, name in ipairs(entry.options[field.name] or {}) do add(name) end
      if field.name:find "^opt" then told(field.text, add) end
    end
  end
  return list
end

local function parameters(signature)
  local list = {}
  for name in (signature:match("%b()") or signature:match("%b{}") or ""):gmatch("[%a_][%w_]*") do
    list[#list + 1] = name
  end
  return list
end

-- ---- where the cursor is --------------------------------------------------------------------------

-- The innermost bracket that is open at the end of a text: its place, itself, and how many commas are behind
-- it.
local function open_bracket(text)
  local depth, commas = 0, 0
  for at = #text, math.max(1, #text - 2000), -1 do
    local c = text:sub(at, at)
    if c == ")" or c == "}" or c == "]" then
      depth = depth + 1
    elseif c == "(" or c == "{" or c == "[" then
      if depth == 0 then return at, c, commas end
      depth = depth - 1
    elseif c == "," and depth == 0 then
      commas = commas + 1
    end
  end
end

local function name_at_end(text)
  local name = text:match("[%a_][%w_.:]*%s*$")
  name = name and name:gsub("%s+$", "")
  return name and not pretty.keywords[name] and name or nil
end

-- f{ ..: all arguments and options of f.
local function of_named(entry)
  local list = {}
  for _, name in ipairs(parameters(entry.signatures[1])) do
    local options = options_of(entry, name)
    if #options == 0 then options = { name } end
    table.move(options, 1, #options, #list + 1, list)
  end
  return list
end

-- What can be the name of an entry of the table that is open at the end of the text; nil where that is
-- unknown.  entry_of(name) gives the doc comment of what is called.
function arguments.names(text, entry_of)
  if not text:find "[{,;]%s*$" then return nil end
  local at, bracket = open_bracket(text)
  if bracket ~= "{" then return nil end
  local before = text:sub(1, at - 1)
  local name = name_at_end(before)
  if name then
    local entry = entry_of(name)
    return entry and of_named(entry)
  end
  local place, outer, commas = open_bracket(before)
  name = outer == "(" and before:find "[(,]%s*$" and name_at_end(before:sub(1, place - 1))
  local entry = name and entry_of(name)
  for _, signature in ipairs(entry and entry.signatures or {}) do
    local argument = parameters(signature)[commas + 1]
    local list = argument and options_of(entry, argument) or {}
    if #list > 0 then return list end
  end
end

return arguments
