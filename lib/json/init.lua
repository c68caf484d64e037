-- json: values as JSON text and back.

local codec = require "json._codec"
local raise = require("torch.caller").raise

local json = {}

-- The light userdata that lua-cjson has for it too, so that values go from one to the other.
json.null = codec.null

local rules = { error = true, null = true, string = true }

local checks = {
  indent = function(v) return math.tointeger(v) and v >= 0 and v <= 32 end,
  sortKeys = function(v) return type(v) == "boolean" end,
  nan = function(v) return rules[v] end,
  maxDepth = function(v) return math.tointeger(v) and v >= 1 and v <= 2000 end,
}

local wanted = { indent = "a whole number of 0 to 32", sortKeys = "true or false",
  nan = "'error', 'null' or 'string'", maxDepth = "a whole number of 1 to 2000" }

local function check_options(options)
  if type(options) ~= "table" then
    raise("json.encode: the options are a %s, wanted a table", type(options))
  end
  for name, value in pairs(options) do
    if not checks[name] then
      raise("json.encode: there is no option '%s'; there are indent, maxDepth, nan, sortKeys", tostring(name))
    end
    if not checks[name](value) then
      raise("json.encode: %s is %s, wanted %s", name, tostring(value), wanted[name])
    end
  end
end

--- json.encode(value [, options])
--
-- A value as JSON text. A table whose keys are 1 to n becomes an array, one whose keys are strings an
-- object; so does an empty one, unless json.array made it. Other tables are errors: json.object turns keys
-- that are numbers into strings. Integers are written as 1, floats as 1.0, with as many digits as it takes
-- to give the same number again. A tensor becomes nested arrays, one without dimensions a number.
--
-- value: nil excepted, anything made of tables, strings in UTF-8, numbers, booleans, json.null, tensors and
--   storages
-- options: table. indent: blanks for each level, 0 by default: all in one line. sortKeys: true by default:
--   the members of objects in the order of their names; false is a little faster. nan: what becomes of NaN
--   and infinity, which JSON lacks: "error" by default, "null", or "string" for "NaN", "Infinity",
--   "-Infinity". maxDepth: how deep tables may lie in one another, 1000 by default
-- Returns: a string
-- Errors: a table that contains itself; functions, threads and other userdata; a string that is not UTF-8
--   text. The message says where in the value
-- Example:
--   json.encode({ sizes = { 1, 2.5 }, none = json.array {} }) --> {"none":[],"sizes":[1,2.5]}
function json.encode(value, options)
  if options ~= nil then check_options(options) end
  local o = options or {}
  return codec.encode(value, o.indent or 0, o.sortKeys ~= false, o.nan or "error", o.maxDepth or 1000)
end

--- json.decode(text)
--
-- The value of a JSON text: objects and arrays as tables, null as json.null. Numbers with a point or an
-- exponent are floats, others integers. json.null is no nil and no false: compare with `==`. An array
-- without elements remembers what it is, so that json.encode makes an array of it again. Of members of the
-- same name the last counts.
--
-- text: string
-- Returns: the value
-- Errors: the text is no JSON, with line and column; it is no UTF-8; an integer has more than 64 bits; more
--   than 2048 levels
-- Example:
--   json.decode('{"a": [1, 2.0, null]}').a[2] --> 2.0
function json.decode(text)
  if type(text) ~= "string" then raise("json.decode: a string expected, got %s", type(text)) end
  local value, message, line, column = codec.decode(text)
  if value == nil then raise("json.decode: line %d, column %d: %s", line, column, message) end
  return value
end

--- json.array(t); json.object(t)
--
-- Marks a table as an array, which matters when it is empty, or as an object, whose keys that are numbers
-- become strings. The mark is a metatable.
--
-- t: table without a metatable
-- Returns: the table
-- Errors: it has another metatable
-- Example:
--   json.encode(json.array {}), json.encode(json.object { "a" }) --> [] {"1":"a"}
local function mark(name, meta)
  return function(t)
    local old = type(t) == "table" and getmetatable(t)
    if type(t) ~= "table" or old and old ~= codec.array and old ~= codec.object then
      raise("json.%s: a table without a metatable expected, got %s", name,
        type(t) == "table" and "one with a metatable" or type(t))
    end
    return setmetatable(t, meta)
  end
end

json.array, json.object = mark("array", codec.array), mark("object", codec.object)

return json
