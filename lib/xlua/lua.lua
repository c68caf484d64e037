-- lua: what Torch7's xlua added to Lua's own string and table.  Names that are there already stay.

local sys = require "sys"

local extras = { string = {}, table = {} }

--- string.split(text, pattern); string.tosymbol(text)
--
-- The parts of a text between the places where a pattern matches, as sys.split; the value that an expression
-- like "nn.Linear" names.  They are there once xlua is loaded.
--
-- text: string
-- pattern: a pattern of Lua's
-- Returns: split: a list of strings; tosymbol: any value
-- Errors: tosymbol: the text is no expression, or names nothing
-- From: Torch7
-- Example:
--   require "xlua"
--   table.concat(("a, b"):split(", *"), "|"), ("math.pi"):tosymbol() == math.pi --> a|b true
extras.string.split = sys.split

function extras.string.tosymbol(text)
  local chunk, message = load("return " .. text, "=" .. text)
  local ok, value = false, message
  if chunk then ok, value = pcall(chunk) end
  if not ok then error(value, 2) end
  if not value then error(('symbol "%s" does not exist'):format(text), 2) end
  return value
end

--- table.splice(t [, start [, length]]); table.prune(t [, hash [, merge]])
--
-- Parts a list in two: what is outside of `length` places from `start` on, and what is there.  Takes doubles
-- out of a list: elements with the same hash.  They are there once xlua is loaded.
--
-- t: a list
-- start, length: integers; 1 by default
-- hash: function of an element; by default the element itself counts
-- merge: function of an element and the one that stands for its like so far, gives what does from then on;
--   by default the last one stays
-- Returns: splice: two lists; prune: a list
-- From: Torch7
-- Example:
--   require "xlua"
--   table.concat(table.splice({ "a", "b", "c" }, 2), ""), #table.prune { 1, 2, 1 } --> ac 2
function extras.table.splice(t, start, length)
  start, length = start or 1, length or 1
  local outside, inside = {}, {}
  for i, element in ipairs(t) do
    local list = (i < start or i >= start + length) and outside or inside
    list[#list + 1] = element
  end
  return outside, inside
end

function extras.table.prune(t, hash, merge)
  local places, out = {}, {}
  for _, element in ipairs(t) do
    local key = element
    if hash then key = hash(element) end
    local place = places[key]
    if not place then
      place = #out + 1
      places[key] = place
    elseif merge then
      element = merge(element, out[place])
    end
    out[place] = element
  end
  return out
end

for library, functions in pairs(extras) do
  for name, f in pairs(functions) do
    if _G[library][name] == nil then rawset(_G[library], name, f) end
  end
end
