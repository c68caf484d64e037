-- test_pl: the part of Penlight that is ours.
local torch = require "torch"

-- Ours, also where Penlight is installed.
local path_before = package.path
package.path = ""
local path, stringx, tablex = require "pl.path", require "pl.stringx", require "pl.tablex"
local file, dir, utils = require "pl.file", require "pl.dir", require "pl.utils"
local pretty, lapp = require "pl.pretty", require "pl.lapp"
package.path = path_before
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function in_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  assert(paths.mkdir(folder))
  local ok, err = pcall(f, folder)
  paths.rmall(folder, "yes")
  if not ok then error(err, 0) end
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should fail: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

function tests.names_of_files()
  tester:eq({ path.splitpath("a/b/c.txt") }, { "a/b", "c.txt" })
  tester:eq({ path.splitpath("c.txt") }, { "", "c.txt" })
  tester:eq({ path.splitext("a.b/c.tar.gz") }, { "a.b/c.tar", ".gz" })
  tester:eq({ path.splitext("a.b/c") }, { "a.b/c", "" })
  tester:eq({ path.splitext("a/.hidden") }, { "a/.hidden", "" })
  tester:eq(path.join("a", "b/", "c"), "a/b/c")
  tester:eq(path.join("a", "/b", "c"), "/b/c")
  tester:eq(path.join("", "b"), "b")
  for given, want in pairs { ["a/./b/../c"] = "a/c", ["/a/../../b"] = "/b", ["../a"] = "../a", ["a/.."] = ".",
    ["a//b/"] = "a/b", ["../../a"] = "../../a", ["/"] = "/" } do
    tester:eq(path.normpath(given), want)
  end
  tester:eq(path.abspath("/a/b/"), "/a/b")
  tester:eq(path.abspath("b", "/a"), "/a/b")
  tester:eq(path.abspath("b"), paths.cwd() .. "/b")
  tester:eq({ path.relpath("/a/b", "/a/c"), path.relpath("/a", "/a"), path.relpath("/a/b/c", "/a") },
    { "../b", ".", "b/c" })
  tester:eq(path.expanduser("~/x"), paths.home .. "/x")
  tester:eq(path.expanduser("~other/x"), "~other/x")
  tester:eq(path.common_prefix("/a/bc", "/a/bd"), "/a")
  in_folder(function(folder)
    local name = folder .. "/f.txt"
    file.write(name, "hello")
    tester:eq({ path.isfile(name), path.isdir(name), path.isdir(folder), path.islink(name) },
      { true, false, true, false })
    tester:eq({ path.exists(name), path.exists(name .. "x"), path.getsize(name) }, { name, nil, 5 })
    tester:assert(math.abs(path.getmtime(name) - os.time()) < 100)
  end)
end

function tests.strings()
  tester:eq({ stringx.isalpha("ab"), stringx.isdigit("1a"), stringx.isspace(" \n"), stringx.isupper("AB"),
    stringx.islower("aB"), stringx.isalnum("a1") }, { true, false, true, true, false, true })
  tester:eq({ stringx.startswith("abc", "ab"), stringx.startswith("abc", { "x", "a" }),
    stringx.endswith("abc", "bc"), stringx.endswith("c", "bc") }, { true, true, true, false })
  tester:eq(stringx.split("  a b\tc "), { "a", "b", "c" })
  tester:eq(stringx.split("a.b..c", "."), { "a", "b", "", "c" })
  tester:eq(stringx.split("a,b,c", ",", 2), { "a", "b,c" })
  tester:eq({ stringx.splitv("a=b", "=") }, { "a", "b" })
  tester:eq(stringx.splitlines("a\nb\r\n\nc"), { "a", "b", "", "c" })
  tester:eq(stringx.splitlines("a\nb\n", true), { "a\n", "b\n" })
  tester:eq(stringx.splitlines(""), {})
  local lines = {}
  for line in stringx.lines("a\n\nb") do lines[#lines + 1] = line end
  tester:eq(lines, { "a", "", "b" })
  tester:eq({ stringx.partition("a,b,c", ",") }, { "a", ",", "b,c" })
  tester:eq({ stringx.rpartition("a,b,c", ",") }, { "a,b", ",", "c" })
  tester:eq({ stringx.partition("abc", "x") }, { "abc", "", "" })
  tester:eq({ stringx.rpartition("abc", "x") }, { "", "", "abc" })
  tester:eq({ stringx.lfind("a.b.c", "."), stringx.rfind("a.b.c", "."), stringx.rfind("abc", "x"),
    stringx.lfind("abc", "c", 1, 2) }, { 2, 4 })
  tester:eq({ stringx.count("banana", "ana"), stringx.count("banana", "ana", true), stringx.count("a", "") },
    { 1, 2, 0 })
  tester:eq(stringx.replace("a.b.c", ".", "%1"), "a%1b%1c")
  tester:eq(stringx.replace("a.b.c", ".", "", 1), "ab.c")
  tester:eq({ stringx.strip(" a "), stringx.strip("[a]-", "[]-"), stringx.lstrip("xxa", "x"),
    stringx.rstrip("a  ") }, { "a", "a", "a", "a" })
  tester:eq({ stringx.ljust("a", 3, "*"), stringx.rjust("a", 3, "*"), stringx.center("a", 4, "*"),
    stringx.ljust("abc", 2) }, { "a**", "**a", "*a**", "abc" })
  tester:eq({ stringx.expandtabs("\ta", 4), stringx.expandtabs("ab\tc", 4) }, { "    a", "ab  c" })
  tester:eq({ stringx.title("hello wORLD"), stringx.at("abc", -1) }, { "Hello World", "c" })
  tester:eq({ stringx.shorten("1234567890", 8), stringx.shorten("1234567890", 8, true),
    stringx.shorten("12", 8) }, { "12345...", "...67890", "12" })
  fails("matches an empty text", utils.split, "abc", "x*")
  tester:eq({ utils.escape("a.b*"), utils.choose(false, 1, 2), utils.unpack { n = 2 } }, { "a%.b%*", 2 })
end

function tests.tables()
  local t = { 1, { 2 }, x = "y" }
  local copy = tablex.deepcopy(t)
  tester:assert(tablex.deepcompare(t, copy) and copy[2] ~= t[2])
  tester:assert(not tablex.deepcompare(t, { 1, { 3 }, x = "y" }))
  tester:assert(not tablex.deepcompare({ 1 }, { 1, 2 }) and not tablex.deepcompare({ 1, 2 }, { 1 }))
  tester:assert(tablex.deepcompare({ 1.0001 }, { 1 }, true, 0.01))
  t.t = t
  tester:assert(tablex.deepcopy(t).t.t[1] == 1)
  tester:eq(tablex.size { 1, 2, a = 3 }, 3)
  tester:eq(tablex.find({ "a", "b" }, "b"), 2)
  tester:eq(tablex.rfind({ "a", "b", "a" }, "a"), 3)
  tester:eq({ tablex.find_if({ 1, 5 }, function(x, y) return x > y and x end, 2) }, { 2, 5 })
  tester:eq(tablex.map(function(x, y) return x + y end, { 1, a = 2 }, 10), { 11, a = 12 })
  tester:eq(tablex.imap("upper", { "a", "b" }), { "A", "B" })
  tester:eq(tablex.filter({ 1, 2, 3 }, function(x) return x ~= 2 end), { 1, 3 })
  tester:eq(tablex.reduce(function(a, b) return a .. b end, { "a", "b", "c" }), "abc")
  tester:eq(tablex.reduce(math.max, {}, 5), 5)
  tester:eq(tablex.merge({ a = 1, b = 2 }, { b = 3, c = 4 }), { b = 3 })
  tester:eq(tablex.merge({ a = 1, b = 2 }, { b = 3, c = 4 }, true), { a = 1, b = 3, c = 4 })
  tester:eq(tablex.difference({ a = 1, b = 2 }, { b = 3, c = 4 }, true), { a = 1, c = 4 })
  tester:eq(tablex.insertvalues({ 1, 4 }, 2, { 2, 3 }), { 1, 2, 3, 4 })
  tester:eq(tablex.insertvalues({ 1 }, { 2, 3 }), { 1, 2, 3 })
  tester:eq(tablex.removevalues({ 1, 2, 3, 4 }, 2, 3), { 1, 4 })
  tester:eq(tablex.sub({ 1, 2, 3, 4 }, 2, -2), { 2, 3 })
  tester:eq(tablex.zip({ 1, 2 }, { "a", "b" }), { { 1, "a" }, { 2, "b" } })
  tester:eq(tablex.range(1, 7, 3), { 1, 4, 7 })
  tester:eq(tablex.pairmap(function(k, v) return v, k .. k end, { a = 1 }), { aa = 1 })
  tester:eq({ tablex.compare({ 1, 2 }, { 1, 2 }), tablex.compare({ 1 }, { 2 }) }, { true, false })
  local order = {}
  for key, value in tablex.sortv { a = 2, b = 1 } do order[#order + 1] = key .. value end
  for key in tablex.sort { d = 2, c = 1 } do order[#order + 1] = key end
  tester:eq(order, { "b1", "a2", "c", "d" })
  local view = tablex.readonly { 1, 2 }
  tester:eq({ view[1], #view }, { 1, 2 })
  fails("read%-only", function() view.x = 1 end)
end

function tests.files_and_folders()
  in_folder(function(folder)
    tester:assert(dir.makepath(folder .. "/a/b"))
    tester:assert(file.write(folder .. "/a/x.txt", "one\ntwo"))
    tester:assert(file.copy(folder .. "/a/x.txt", folder .. "/a/b"))
    tester:assert(file.copy(folder .. "/a/x.txt", folder .. "/a/y.lua"))
    tester:eq(file.read(folder .. "/a/b/x.txt"), "one\ntwo")
    tester:eq(utils.readlines(folder .. "/a/x.txt"), { "one", "two" })
    tester:eq(dir.getfiles(folder .. "/a", "*.txt"), { folder .. "/a/x.txt" })
    tester:eq(dir.getdirectories(folder), { folder .. "/a" })
    tester:eq(dir.getallfiles(folder, "*.txt"), { folder .. "/a/x.txt", folder .. "/a/b/x.txt" })
    tester:assert(file.move(folder .. "/a/y.lua", folder .. "/z"))
    tester:assert(path.isfile(folder .. "/z") and not path.exists(folder .. "/a/y.lua"))
    tester:eq({ dir.fnmatch("a.b", "?.b"), dir.fnmatch("axb", "a.b") }, { true, false })
    tester:eq(select("#", file.read(folder .. "/none")), 2)
    tester:eq(file.copy(folder .. "/none", folder .. "/n"), false)
    fails("not a folder", dir.getfiles, folder .. "/none")
    tester:assert(dir.rmtree(folder .. "/a"))
    tester:assert(not path.exists(folder .. "/a"))
    tester:eq(dir.rmtree(folder .. "/none"), nil)
  end)
end

function tests.pretty_tables()
  local t = { 1, "a\n\"b", { x = 1, ["end"] = true, ["a b"] = 2, [10] = 3 } }
  tester:eq(pretty.read(pretty.write(t)), t)
  tester:eq(pretty.read(pretty.write(t, "")), t)
  tester:eq(pretty.write({ b = 1, a = {} }), "{\n  a = {},\n  b = 1\n}")
  t[4] = t
  tester:assert(pretty.write(t):find("<cycle>") ~= nil)
  for _, bad in ipairs { "5", "{ f() }", "{ (\"x\"):rep(3) }", "{ function() end }", "{ print'x' }", "{ 1",
    "{ x{} }", '{ [[ " ]], ("x"):rep(9), [[ " ]] }', "{ a.b.c }" } do
    local value, message = pretty.read(bad)
    tester:assert(value == nil and message ~= nil, bad)
  end
end

function tests.command_lines()
  local text = [[
Trains a thing.
   -s,--save          (default "logs")      folder
   -n,--network       (default "")          model
   -f,--full                                all of it
   -p,--plot                                draw
   -r,--learning-rate (default 0.05)        rate
   -t,--threads       (default 4)
   --kind             (a|b default a)
   --size             (1..10 default 2)
   -m                 (default 0.9)         momentum
   <input>            (string)              what to read
   <others>...        (default x)
]]
  local o = lapp(text, { "-f", "--save", "x y", "-r0.5", "in", "--threads=7", "o1", "o2" })
  tester:eq({ o.save, o.network, o.full, o.plot, o.learning_rate, o.threads, o.kind, o.size, o.m, o.input },
    { "x y", "", true, false, 0.5, 7, "a", 2, 0.9, "in" })
  tester:eq(o.others, { "o1", "o2" })
  o = lapp(text, { "-fp", "in" })
  tester:eq({ o.full, o.plot, o.others }, { true, true, { "x" } })
  local quit = lapp.quit
  lapp.quit = function(message) error(message, 0) end
  fails("missing required parameter: input", lapp, text, {})
  fails("unknown parameter 'z'", lapp, text, { "-z" })
  fails("unable to convert to number: x", lapp, text, { "-t", "x", "in" })
  fails("missing value for 't'", lapp, text, { "in", "-t" })
  fails("out of range", lapp, text, { "in", "--size", "11" })
  fails("not in a|b", lapp, text, { "in", "--kind", "c" })
  lapp.quit = quit
end

tester:add(tests):run()
