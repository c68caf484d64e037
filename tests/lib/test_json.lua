-- test_json: json.encode, json.decode, and the calls of lua-cjson.
local torch = require "torch"
local json = require "json"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should be refused: " .. pattern)
  tester:assert(tostring(message):find(pattern, 1, true) ~= nil, pattern .. " / " .. tostring(message))
end

local there = require("json._codec").there
if not there then
  function tests.says_what_to_install()
    refused("libjansson-dev", json.encode, 1)
    refused("libjansson-dev", json.decode, "1")
  end
  tester:add(tests)
  tester:run()
  return
end

function tests.values()
  for text, value in pairs {
    ["1"] = 1, ["1.0"] = 1.0, ["-0.0"] = -0.0, ["0.1"] = 0.1, ["true"] = true, ["false"] = false,
    ["null"] = json.null, ['""'] = "",
    ['"a\\nb\\u0000\\"\\\\"'] = 'a\nb\0"\\', ['"äß€😀"'] = "äß€😀",
    ["9223372036854775807"] = math.maxinteger, ["-9223372036854775808"] = math.mininteger,
    ["1e+300"] = 1e300, ["4.94065645841247e-324"] = 5e-324, ["0.30000000000000004"] = 0.1 + 0.2,
    ["[]"] = json.array {},
    ["{}"] = {}, ["[1,2]"] = { 1, 2 }, ['{"a":1,"b":{"c":[]}}'] = { a = 1, b = { c = json.array {} } },
  } do
    tester:eq(json.encode(value), text)
    local back = json.decode(text)
    tester:eq(json.encode(back), text)
    tester:eq(math.type(back), math.type(value))
    if type(value) ~= "table" then tester:assert(back == value, text) end
  end
end

function tests.floats_come_back()
  torch.manualSeed(3)
  for _ = 1, 2000 do
    local x = ("<d"):unpack(("<I8"):pack(torch.random(0, 2 ^ 53) << 11 ~ torch.random(0, 2 ^ 53)))
    local finite = x == x and math.abs(x) ~= math.huge
    if finite then tester:assert(json.decode(json.encode(x)) == x, tostring(x)) end
  end
end

function tests.reading()
  local v = json.decode(' {"a" : [1, 2.5e0, "x", null, true], "b": {}, "a2": [] , "b": 3, '
    .. '"\\u00e4": "\\ud83d\\ude00"} ')
  tester:eq({ v.a[1], v.a[2], v.a[3], v.a[5], v.b }, { 1, 2.5, "x", true, 3 })
  tester:assert(v.a[4] == json.null and v["ä"] == "😀")
  tester:eq(json.encode(v.a2), "[]")
  tester:eq(math.type(v.a[1]), "integer")
  tester:eq(math.type(json.decode "1e2"), "float")
end

function tests.bad_text()
  for text, message in pairs {
    ['{"a":1,}'] = "line 1, column 8", ["[1\n,\n 2 3]"] = "line 3, column 4: ']' expected near '3'",
    ["[1,2"] = "near end of file", ["[1] x"] = "end of file expected near 'x'", ["\"\xff\""] = "0xff",
    ["99999999999999999999"] = "too big integer", ["1e999"] = "real number overflow",
    ["[NaN]"] = "'NaN'",
    ['"\\ud800"'] = "line 1", ["'a'"] = "line 1", ["{1:2}"] = "line 1", ["01"] = "line 1",
    [""] = "end of file",
    ['{"a\\u0000":1}'] = "NUL", [("["):rep(3000)] = "maximum parsing depth",
  } do
    refused("json.decode: ", json.decode, text)
    refused(message, json.decode, text)
  end
  refused("a string expected, got number", json.decode, 1)
end

function tests.arrays_and_objects()
  tester:eq(json.encode {}, "{}")
  tester:eq(json.encode(json.array {}), "[]")
  tester:eq(json.encode(json.object { 1, x = 2 }), '{"1":1,"x":2}')
  tester:eq(json.encode(json.object { [1.5] = 1 }), '{"1.5":1}')
  tester:eq(json.encode { { {} } }, "[[{}]]")
  refused("value: a table whose keys are not 1 to n", json.encode, { 1, nil, 3 })
  refused("value.a: a table with names and numbers as keys", json.encode, { a = { 1, x = 2 } })
  refused("a json.array with holes", json.encode, json.array { 1, nil, 3 })
  refused("a json.array with names", json.encode, json.array { x = 3 })
  refused("a key of type table", json.encode, { [{}] = 1 })
  refused("a key of type boolean", json.encode, json.object { [true] = 1 })
  refused("one with a metatable", json.array, setmetatable({}, {}))
  refused("got number", json.object, 3)
end

function tests.what_has_no_json()
  refused("value.a[2].b: a function has no JSON", json.encode, { a = { 1, { b = print } } })
  refused("value: a nil has no JSON", json.encode, nil)
  refused("userdata has no JSON", json.encode, io.stdout)
  refused("value.x: a string that is not UTF-8 text", json.encode, { x = "a\xff" })
  refused("not UTF-8 text", json.encode, { ["\xc0\x80"] = 1 })
  local cycle = { a = {} }
  cycle.a[1] = cycle
  refused("value.a[1]: a table that contains itself", json.encode, cycle)
  local shared = { 1 }
  tester:eq(json.encode { shared, shared }, "[[1],[1]]")
end

function tests.nan_and_infinity()
  local value = { 0 / 0, math.huge, -math.huge }
  refused("value[1]: JSON has no NaN; see the option nan", json.encode, value)
  refused("value: JSON has no -Infinity", json.encode, -math.huge)
  tester:eq(json.encode(value, { nan = "null" }), "[null,null,null]")
  tester:eq(json.encode(value, { nan = "string" }), '["NaN","Infinity","-Infinity"]')
end

function tests.tensors()
  tester:eq(json.encode(torch.DoubleTensor { { 1, 2 }, { 3, 4.5 } }), "[[1.0,2.0],[3.0,4.5]]")
  tester:eq(json.encode { torch.IntTensor { 1, 2 }, torch.IntTensor {} }, "[[1,2],[]]")
  tester:eq(json.encode(torch.ones(3):sum(1)[1]), "3.0")
  tester:eq(json.encode(torch.LongTensor { 7 }:storage()), "[7]")
  refused("value.x[2]: JSON has no NaN", json.encode, { x = torch.Tensor { 1, 0 / 0 } })
end

function tests.layout()
  tester:eq(json.encode({ b = { 1, {} }, a = "x" }, { indent = 2 }),
    '{\n  "a": "x",\n  "b": [\n    1,\n    {}\n  ]\n}')
  local long = {}
  for i = 1, 200 do long["k" .. i] = i end
  local text = json.encode(long, { sortKeys = false })
  tester:eq(json.encode(json.decode(text)), json.encode(long))
  tester:assert(json.encode(long):find('^{"k1":1,"k10":10,"k100":100,') ~= nil)
end

function tests.depth()
  local deep = {}
  for _ = 1, 999 do deep = { deep } end
  tester:eq(#json.encode(deep), 2000)
  deep = { deep }
  refused("more than 1000 deep", json.encode, deep)
  tester:eq(#json.encode(deep, { maxDepth = 1001 }), 2002)
  refused("more than 3 deep", json.encode, deep, { maxDepth = 3 })
end

function tests.options_are_checked()
  refused("no option 'sort'; there are indent, maxDepth, nan, sortKeys", json.encode, {}, { sort = 1 })
  refused("indent is -1", json.encode, {}, { indent = -1 })
  refused("nan is drop, wanted 'error', 'null' or 'string'", json.encode, {}, { nan = "drop" })
  refused("the options are a number", json.encode, {}, 2)
end

-- Strings of any bytes: either refused or the same again.
function tests.any_string()
  torch.manualSeed(5)
  for _ = 1, 2000 do
    local bytes = {}
    for i = 1, torch.random(0, 6) do bytes[i] = string.char(torch.random(0, 255)) end
    local s = table.concat(bytes)
    local ok, text = pcall(json.encode, s)
    if utf8.len(s) then
      tester:assert(ok and json.decode(text) == s, ("%q"):format(s))
    else
      tester:assert(not ok, ("%q"):format(s))
    end
  end
end

function tests.cjson()
  local cjson = require "cjson"
  if cjson._NAME ~= "cjson" or cjson.null ~= json.null then return end -- an installed one may differ
  tester:eq(cjson.encode { 1, nil, 3 }, "[1,null,3]")
  tester:eq(cjson.encode { [1] = 1, x = 2 }:len(), #'{"1":1,"x":2}')
  tester:eq(cjson.decode('[{"a":null}]')[1].a, cjson.null)
  refused("too many holes", cjson.encode, { [1000] = 1 })
  refused("JSON has no NaN", cjson.encode, 0 / 0)
  local other = cjson.new()
  tester:eq(other.encode_invalid_numbers "null", "null")
  tester:eq(other.encode(0 / 0), "null")
  refused("JSON has no NaN", cjson.encode, 0 / 0)
  other.encode_max_depth(1)
  refused("more than 1 deep", other.encode, { {} })
  tester:eq(cjson.encode { cjson.empty_array, setmetatable({}, cjson.array_mt) }, "[[],[]]")
  tester:eq(cjson.encode(setmetatable({ x = 1 }, cjson.empty_array_mt)), '{"x":1}')
  tester:eq(cjson.encode_keep_buffer(false), false)
  refused("encode_number_precision: 3 is not possible", cjson.encode_number_precision, 3)
  refused("encode_escape_forward_slash: true is not possible", cjson.encode_escape_forward_slash, true)
end

function tests.cjson_safe()
  local safe = require "cjson.safe"
  tester:eq(safe.encode { 1 }, "[1]")
  local value, message = safe.decode "{"
  tester:eq(value, nil)
  tester:assert(message:find("^json.decode: line 1") ~= nil, message)
  tester:eq(safe.encode(print), nil)
end

-- A file json.lua or cjson.lua of the script's own goes first.
function tests.gives_way()
  local paths = require "paths"
  local folder = os.tmpname()
  os.remove(folder)
  paths.mkdir(folder)
  local file = io.open(folder .. "/cjson.lua", "w")
  file:write "return 'mine'"
  file:close()
  local before, loaded = package.path, package.loaded.cjson
  package.path, package.loaded.cjson = folder .. "/?.lua;" .. before, nil
  local found = require "cjson"
  package.path, package.loaded.cjson = before, loaded
  os.remove(folder .. "/cjson.lua")
  paths.rmdir(folder)
  tester:eq(found, "mine")
end

tester:add(tests)
tester:run()
