-- test_csv: data.csv and data.saveCsv.
local torch = require "torch"
local data = require "data"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function with_text(text, f, ending)
  local name = os.tmpname()
  local path = name .. (ending or "")
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local ok, err = pcall(f, path)
  os.remove(name)
  os.remove(path)
  if not ok then error(err, 0) end
end

-- data.csv on a text.
local function csv(text, options, ending)
  local results
  with_text(text, function(path) results = table.pack(data.csv(path, options)) end, ending)
  return table.unpack(results, 1, results.n)
end

local function refused(pattern, text, options)
  local ok, message = pcall(csv, text, options)
  tester:assert(not ok, "should be refused: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

-- A file that an error left open until the collector comes is not the programs' that are started meanwhile.
function tests.files_are_not_inherited()
  with_text("a,b\n1\n", function(path)
    collectgarbage("stop")
    local ok = pcall(data.csv, path)
    local list = io.popen("ls -l /proc/self/fd")
    local names = list:read("a")
    list:close()
    collectgarbage("restart")
    tester:eq(ok, false)
    tester:assert(not names:find(path, 1, true), names)
  end)
end

local function values(t)
  return type(t) == "table" and t or t:totable()
end

function tests.numbers_make_a_matrix()
  local m, names = csv("1,2.5\n-3,4e2\n")
  tester:eq(m, torch.DoubleTensor { { 1, 2.5 }, { -3, 400 } })
  tester:eq(names, { 1, 2 })
  tester:eq((csv("1;2\n3;4", { separator = ";" })), torch.DoubleTensor { { 1, 2 }, { 3, 4 } })
  tester:eq((csv("1\t2\n", nil, ".tsv")), torch.DoubleTensor { { 1, 2 } })
  tester:eq((csv("1,2\n", { types = "float32" })), torch.FloatTensor { { 1, 2 } })
  tester:eq((csv("a,b\n1,2\n", { tensor = true })), torch.DoubleTensor { { 1, 2 } })
  tester:eq((csv("x x\n1,2\n3,4\n", { skip = 1 })), torch.DoubleTensor { { 1, 2 }, { 3, 4 } })
  tester:eq((csv(" 1 , +2\n"):sum()), 3)
end

function tests.columns_have_types()
  local c, names = csv("i,f,b,s,none\n1,1.5,true,x,\n-9223372036854775808,2,False,y,NA\n")
  tester:eq(names, { "i", "f", "b", "s", "none" })
  tester:eq(c.i, torch.LongTensor { 1, math.mininteger })
  tester:eq(c.f, torch.DoubleTensor { 1.5, 2 })
  tester:eq(torch.type(c.b), "torch.BoolTensor")
  tester:eq(c.b:totable(), { true, false })
  tester:eq(c.s, { "x", "y" })
  tester:assert(c.none[1] ~= c.none[1])
  local mixed = csv("a,b,c,d\n1,true,1,9223372036854775808\n2.5,1,x,1\n")
  tester:eq(torch.type(mixed.a), "torch.DoubleTensor")
  tester:eq(mixed.b, { "true", "1" })
  tester:eq(mixed.c, { "1", "x" })
  tester:eq(mixed.d[1], 2.0 ^ 63)
  local words = csv("x\ninf\n-Infinity\n1e400\n")
  tester:eq(words.x:totable(), { math.huge, -math.huge, math.huge })
  tester:eq(csv("x\n0x10\n1_000\n").x, { "0x10", "1_000" })
end

function tests.numbers_are_exact()
  local texts = { "0.1", "-0.3", "1e22", "1e23", "123456789012345678", "9007199254740993",
    "9007199254740993.0", "1.7976931348623157e308", "4.9e-324", "2.2250738585072011e-308", "1e-400",
    "0." .. ("0"):rep(50) .. "1e51", "100000000000000000000000.5", ".5", "5.", "+1.5E+3", "-0", "-0.0",
    ("1"):rep(400) .. "e-399", "0.00000000000000000000000000000000000000001234", "18446744073709551616" }
  local m = csv("x\n" .. table.concat(texts, "\n") .. "\n", { types = "float64" }).x
  for i, text in ipairs(texts) do tester:eq(m[i], tonumber(text) + 0.0, text) end
  local words = csv("x\n.\n", nil).x
  tester:eq(words, { "." })
  for _, text in ipairs { "1e", "e5", "--1", "1..2", "1e5.5", "0x1", "1 2", "in", "nanx", "+", "1e+" } do
    tester:eq(csv("x\n" .. text .. "\n").x, { text })
  end
  math.randomseed(3)
  local rows, want = {}, {}
  for i = 1, 2000 do
    rows[i] = ("%." .. math.random(1, 17) .. "g"):format((math.random() - 0.5) * 10.0 ^ math.random(-30, 30))
    want[i] = tonumber(rows[i]) + 0.0
  end
  tester:eq(csv("x\n" .. table.concat(rows, "\n"), { types = "float64" }).x:totable(), want)
end

function tests.headers()
  tester:eq(csv("1,2\n3,4\n", { header = true })["1"], torch.LongTensor { 3 })
  tester:eq(csv("a,b\nc,d\n", { header = false }), { { "a", "c" }, { "b", "d" } })
  tester:eq(csv("a,b\nc,d\n"), { a = { "c" }, b = { "d" } })
  tester:eq(csv("a,1\nc,2\n"), { { "a", "c" }, torch.LongTensor { 1, 2 } })
  local c, names = csv("a,b\n")
  tester:eq(names, { "a", "b" })
  tester:eq(c.a:nElement(), 0)
  refused("has 'a' twice", "a,a\n1,2\n")
end

function tests.quotes_and_line_ends()
  local c = csv('a,b\n"x,""y""\n z",1\n"",2\n')
  tester:eq(c.a, { 'x,"y"\n z', "" })
  tester:eq(c.b, torch.LongTensor { 1, 2 })
  tester:eq(csv('a\n5" disk\n').a, { '5" disk' })
  tester:eq(csv('n,s\n"1",x\n"2",y\n').n, torch.LongTensor { 1, 2 })
  for _, ending in ipairs { "\n", "\r\n", "\r" } do
    local text = ("a,b\n1,2\n\n3,4"):gsub("\n", ending)
    tester:eq(csv(text).b, torch.LongTensor { 2, 4 })
    tester:eq(csv("\xef\xbb\xbf" .. text .. ending).a, torch.LongTensor { 1, 3 })
  end
end

-- Every place of the parser's buffer end: around 65536 bytes.
function tests.across_the_buffer()
  for shift = 65520, 65545 do
    local filler = ("x"):rep(shift)
    local c = csv('s,n\n"' .. filler .. '""\r\n",1\r\n"b""",2\r\n')
    tester:eq(#c.s[1], shift + 3)
    tester:eq(c.s[2], 'b"')
    tester:eq(c.n, torch.LongTensor { 1, 2 })
  end
end

function tests.missing_values()
  local text = "i,f,b,s\n1,,true,x\nNA,2.5,,\nn/a,null,false,NULL\n"
  local c, _, masks = csv(text, { mask = true })
  tester:eq(torch.type(c.i), "torch.DoubleTensor")
  tester:eq(c.i[1], 1)
  tester:assert(c.i[2] ~= c.i[2] and c.f[1] ~= c.f[1])
  tester:eq(torch.type(c.b), "torch.DoubleTensor")
  tester:eq(c.s, { "x", "", "" })
  tester:eq(masks.i:totable(), { false, true, true })
  tester:eq(masks.s:totable(), { false, true, true })
  local filled = csv(text, { fill = { i = -1, b = 0, s = "?" } })
  tester:eq(filled.i, torch.LongTensor { 1, -1, -1 })
  tester:eq(filled.b:totable(), { true, false, false })
  tester:eq(filled.s, { "x", "?", "?" })
  tester:eq((csv("1,\n,4\n", { fill = 0 })), torch.DoubleTensor { { 1, 0 }, { 0, 4 } })
  tester:eq(csv("x\n-999\n5\n", { missing = { "-999" }, fill = 0 }).x, torch.LongTensor { 0, 5 })
  refused("line 2, field 1: '' is missing", "a,b\n,1\n", { types = { a = "int32" } })
end

function tests.types_are_checked()
  local c = csv("a,b,c,d\n1,2,3,4\n", { types = { a = "float32", b = "string", [3] = "uint8" } })
  tester:eq(c.a, torch.FloatTensor { 1 })
  tester:eq(c.b, { "2" })
  tester:eq(c.c, torch.ByteTensor { 3 })
  tester:eq(c.d, torch.LongTensor { 4 })
  tester:eq(csv("t\ntrue\nfalse\n", { types = "int8" }).t, torch.CharTensor { 1, 0 })
  refused("line 3, field 2: '256' does not fit", "a,b\n1,255\n1,256\n", { types = { b = "uint8" } })
  refused("line 2, field 1: '1%.5' does not fit", "a\n1.5\n", { types = "int64" })
  refused("line 3, field 2: 'x' is no number", 'a,b\n"\n",x\n', { types = { b = "float" } })
  refused("no type 'flot'", "a\n1\n", { types = "flot" })
  refused("no column 'z'", "a\n1\n", { types = { z = "float" } })
  refused("no column 'z'", "a\n1\n", { fill = { z = 1 } })
end

function tests.errors_name_the_place()
  refused("line 3 has 1 fields, the first one 2", "a,b\n1,2\n3\n")
  refused("line 5 has 3 fields", 'a,b\n"\n\n",2\n3,4,5\n')
  refused("line 2, field 2: the closing quote is missing", 'a,b\n1,"x\n3,4\n')
  refused("line 2, field 1: text follows the closing quote", 'a,b\n"x"y,2\n')
  refused("UTF%-16", "\xff\xfea\0,\0b\0")
  refused("no option 'sep'", "a\n", { sep = ";" })
  refused("separator is one character", "a\n", { separator = "ab" })
  tester:assertErrorPattern(function() data.csv("/there/is/none.csv") end, "No such file")
  tester:assertErrorPattern(function() data.csv(5) end, "a file name expected")
end

function tests.empty_files()
  for _, text in ipairs { "", "\n\n", "\xef\xbb\xbf" } do
    local c, names = csv(text)
    tester:eq(c, {})
    tester:eq(names, {})
  end
end

function tests.compressed()
  with_text("a,b\n1,2\n", function(path)
    if not os.execute("gzip " .. path) then return end
    tester:eq(torch.load(path .. ".gz").b, torch.LongTensor { 2 })
    os.remove(path .. ".gz")
  end, ".csv")
end

function tests.a_decimal_point_is_a_point()
  local before = os.setlocale(nil, "numeric")
  for _, locale in ipairs { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8" } do
    if os.setlocale(locale, "numeric") then
      tester:eq(csv("1.5,2\n")[1][1], 1.5)
    end
  end
  os.setlocale(before, "numeric")
end

-- ---- writing --------------------------------------------------------------------------------------

local function written(what, options)
  local text
  with_text("", function(path)
    data.saveCsv(path, what, options)
    local f = assert(io.open(path, "rb"))
    text = f:read("a")
    f:close()
  end, ".csv")
  return text
end

function tests.text_that_is_written()
  tester:eq(written(torch.LongTensor { { 1, 2 }, { 3, 4 } }:t()), "1,3\n2,4\n")
  tester:eq(written(torch.FloatTensor { 0.1, 1e20, 0 / 0, -1 / 0 }), "0.1\n1e+20\nnan\n-inf\n")
  tester:eq(written(torch.DoubleTensor { 0.1, 1 / 3 }), "0.1\n0.3333333333333333\n")
  tester:eq(written({ b = { "x,y", 'q"', "", " z" }, a = torch.ByteTensor { 1, 2, 3, 4 } }),
    'a,b\n1,"x,y"\n2,"q"""\n3,""\n4," z"\n')
  tester:eq(written({ torch.ones(1):gt(0), { 5 } }), "true,5\n")
  tester:eq(written({ a = { "x;" }, b = { 1.5 } }, { separator = ";", names = { "b", "a" } }),
    'b;a\n1.5;"x;"\n')
  tester:eq(written(torch.ones(1, 2), { names = { "p", "q" } }), "p,q\n1,1\n")
  tester:eq(written({ a = { 1 } }, { header = false }), "1\n")
end

function tests.there_and_back()
  with_text("", function(path)
    local columns = { i = torch.LongTensor(10000):random(1 << 40), f = torch.randn(10000):double(),
      h = torch.randn(10000), s = {} }
    for i = 1, 10000 do columns.s[i] = ("w%d\n,\"%s\""):format(i, ("é"):rep(i % 7)) end
    torch.save(path, columns)
    local back = torch.load(path, { types = { h = "float32" } })
    for _, name in ipairs { "i", "f", "h" } do
      tester:eq((back[name] - columns[name]):abs():max(), 0, name)
    end
    tester:eq(values(back.s), columns.s)
  end, ".csv")
end

function tests.what_cannot_be_written()
  local function case(pattern, ...)
    local ok, message = pcall(data.saveCsv, ...)
    tester:assert(not ok and tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
  end
  local name = os.tmpname()
  case("column 2 has 3 rows, the first one 2", name, { a = { 1, 2 }, b = torch.ones(3) })
  case("no vector and no list", name, { a = 5 })
  case("no vector and no list", name, { a = torch.ones(2, 2) })
  case("holds a function", name, { a = { print } })
  case("3 dimensions", name, torch.ones(2, 2, 2))
  case("2 names for 1 columns", name, torch.ones(3), { names = { "a", "b" } })
  case("compressed files are only read", name .. ".csv.gz", torch.ones(3))
  case("a file name expected", 5, torch.ones(1))
  case("a tensor or a table", name, "x")
  os.remove(name)
end

tester:add(tests)
tester:run()
