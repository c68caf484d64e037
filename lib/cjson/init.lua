-- cjson: the calls of lua-cjson, by our own package json. An installed lua-cjson goes first.

local codec = require "json._codec"
local json = require "json"
local raise = require("torch.caller").raise

-- The settings that change nothing here, because this is how it works already: name = the values accepted.
local fixed = {
  encode_keep_buffer = { [true] = true, [false] = true },
  encode_escape_forward_slash = { [false] = true },
  encode_number_precision = { [17] = true },
  decode_invalid_numbers = { [false] = true },
  decode_max_depth = { [2048] = true },
}

local values = { encode_number_precision = 17, decode_max_depth = 2048 }

local function setting(name, accepted)
  local value = values[name] or false
  return function(given)
    if given == nil then return value end
    if not accepted[given] then
      raise("cjson.%s: %s is not possible here; install lua-cjson for it", name, tostring(given))
    end
    return given
  end
end

--- cjson.new(); cjson.encode(value); cjson.decode(text)
-- cjson.encode_invalid_numbers([how]); cjson.encode_max_depth([depth]); cjson.encode_sparse_array()
-- cjson.encode_number_precision(); cjson.encode_keep_buffer(); cjson.encode_escape_forward_slash()
-- cjson.decode_invalid_numbers(); cjson.decode_max_depth(); cjson.empty_array
--
-- What scripts written for lua-cjson call, by the package json. As there, integer keys of a table with names
-- become strings, and up to so many holes in an array null. Numbers are written as json.encode does: 1.0
-- stays a float. cjson.null, cjson.empty_array, cjson.array_mt and cjson.empty_array_mt are there too.
--
-- how: false: NaN and infinity are errors, the default; "null"
-- depth: 1000 by default
-- Returns: new: a package with settings of its own; encode: a string; decode: the value; the others the
--   setting
-- Errors: as json.encode and json.decode; a setting that lua-cjson has and this package does not
-- From: lua-cjson, which is found before this one where it is installed
-- Example:
--   require("cjson").encode({ 1, nil, 3 }) --> [1,null,3]
local function new()
  local cjson = { null = json.null, new = new, _NAME = "cjson", decode = json.decode,
    array_mt = codec.array, empty_array_mt = codec.array, empty_array = json.array {} }
  local nan, depth = "error", 1000
  function cjson.encode(value) return codec.encode(value, 0, false, nan, depth, true) end

  function cjson.encode_invalid_numbers(how)
    if how ~= nil and how ~= false and how ~= "null" then
      raise("cjson.encode_invalid_numbers: %s would make text that is no JSON", tostring(how))
    end
    if how ~= nil then nan = how or "error" end
    return nan == "null" and "null" or false
  end

  function cjson.encode_max_depth(given)
    if given ~= nil then
      depth = math.tointeger(given)
        or raise("cjson.encode_max_depth: %s, wanted a whole number", tostring(given))
    end
    return depth
  end

  function cjson.encode_sparse_array(convert, ratio, safe)
    if convert ~= nil and convert ~= false or ratio ~= nil and ratio ~= 2 or safe ~= nil and safe ~= 10 then
      raise("cjson.encode_sparse_array: only false, 2, 10 is possible here; install lua-cjson for others")
    end
    return false, 2, 10
  end

  for name, accepted in pairs(fixed) do cjson[name] = setting(name, accepted) end
  return cjson
end

return new()
