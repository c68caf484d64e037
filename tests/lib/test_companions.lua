-- test_companions: the small packages beside Torch7's: lfs, paths, sys, xlua.
local torch = require "torch"
local lfs = require "lfs.init" -- ours, also where LuaFileSystem is installed
local paths = require "paths"
local sys = require "sys"
local xlua = require "xlua"

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

local function write(path, contents)
  local file = assert(io.open(path, "wb"))
  file:write(contents)
  file:close()
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should fail: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

-- ---- lfs --------------------------------------------------------------------------------------------

function tests.lfs_attributes()
  in_folder(function(folder)
    local path = folder .. "/a.txt"
    write(path, "hello")
    local a = lfs.attributes(path)
    tester:eq({ a.mode, a.size, a.nlink }, { "file", 5, 1 })
    tester:assert(math.abs(a.modification - os.time()) < 100)
    tester:eq(lfs.attributes(path, "size"), 5)
    tester:eq(lfs.attributes(folder, "mode"), "directory")
    os.execute("chmod 640 " .. path)
    tester:eq(lfs.attributes(path, "permissions"), "rw-r-----")
    local t = { mine = 1 }
    tester:assert(lfs.attributes(path, t) == t)
    tester:eq({ t.mine, t.size, t.permissions }, { 1, 5, "rw-r-----" })
    local none, message, code = lfs.attributes(folder .. "/none")
    tester:eq(none, nil)
    tester:assert(message:find("cannot obtain information from file '.*/none': No such file") ~= nil)
    tester:eq(code, 2)
    fails("invalid attribute name 'weight'", lfs.attributes, path, "weight")
    tester:assert(lfs.link(path, folder .. "/link", true))
    tester:assert(lfs.link(path, folder .. "/hard"))
    tester:eq(lfs.attributes(folder .. "/link", "mode"), "file")
    tester:eq(lfs.symlinkattributes(folder .. "/link", "mode"), "link")
    tester:eq(lfs.symlinkattributes(folder .. "/link").target, path)
    tester:eq(lfs.symlinkattributes(folder .. "/link", "target"), path)
    tester:eq(lfs.symlinkattributes(path).target, nil)
    tester:eq(lfs.attributes(path, "nlink"), 2)
    tester:assert(lfs.touch(path, 1000, 2000))
    tester:eq({ lfs.attributes(path, "access"), lfs.attributes(path, "modification") }, { 1000, 2000 })
    tester:assert(lfs.touch(path, 3000.5))
    tester:eq(lfs.attributes(path, "modification"), 3000)
    tester:assert(lfs.touch(path, -0.5), "half a second before 1970")
    tester:assertErrorPattern(function() lfs.touch(path, 1e300) end, "no time")
    tester:assert(lfs.touch(path))
    tester:assert(math.abs(lfs.attributes(path, "access") - os.time()) < 100)
    tester:assert(lfs.touch(folder .. "/none") == nil)
  end)
end

function tests.lfs_folders()
  in_folder(function(folder)
    tester:assert(lfs.mkdir(folder .. "/sub"))
    local ok, message, code = lfs.mkdir(folder .. "/sub")
    tester:assert(ok == nil and message:find("File exists") ~= nil and math.type(code) == "integer")
    write(folder .. "/x", "")
    local names = {}
    for name in lfs.dir(folder) do names[#names + 1] = name end
    table.sort(names)
    tester:eq(names, { ".", "..", "sub", "x" })
    local iterate, object = lfs.dir(folder)
    tester:eq(type(iterate(object)), "string")
    tester:eq(type(object:next()), "string")
    object:close()
    fails("closed directory", object.next, object)
    fails("cannot open .*none: No such file", lfs.dir, folder .. "/none")
    for _ = 1, 2000 do -- a loop that is left closes its folder
      for name in lfs.dir(folder) do
        if name then break end
      end
    end
    local before = lfs.currentdir()
    tester:assert(lfs.chdir(folder))
    tester:eq(lfs.attributes("sub", "mode"), "directory")
    tester:assert(lfs.chdir(before))
    tester:eq(lfs.currentdir(), before)
    tester:assert(select(2, lfs.chdir(folder .. "/none")):find("Unable to change working directory") ~= nil)
    tester:assert(lfs.rmdir(folder .. "/sub"))
    tester:assert(lfs.rmdir(folder .. "/sub") == nil)
  end)
end

function tests.lfs_locks()
  in_folder(function(folder)
    local path = folder .. "/a"
    write(path, "abc")
    local file = io.open(path, "r+")
    tester:assert(lfs.lock(file, "w"))
    tester:assert(lfs.unlock(file))
    tester:assert(lfs.lock(file, "r", 0, 2))
    fails("invalid option 'x'", lfs.lock, file, "x")
    tester:eq({ lfs.setmode(file, "text") }, { true, "binary" })
    file:close()
    fails("closed file", lfs.lock, file, "r")
    local lock = lfs.lock_dir(folder)
    tester:assert(lfs.symlinkattributes(folder .. "/lockfile.lfs", "mode") == "link")
    local none, message = lfs.lock_dir(folder, 1000)
    tester:assert(none == nil and message:find("File exists") ~= nil)
    lock:free()
    lock:free()
    tester:eq(lfs.symlinkattributes(folder .. "/lockfile.lfs"), nil)
    lfs.lock_dir(folder):free()
    tester:eq(lfs.lock_dir(folder .. "/none"), nil)
  end)
end

-- ---- sys, paths -----------------------------------------------------------------------------------------

function tests.sys_functions()
  tester:eq(sys.execute("echo a; echo b >&2; echo"), "a\nb")
  tester:eq(sys.execute("printf '  x  '"), "x")
  tester:eq(sys.execute("exit 3"), "")
  tester:eq(sys.execute("no-such-program-here"):find("not found") ~= nil, true)
  tester:eq(sys.fexecute("echo a; echo b", "*line"), "a")
  tester:eq(sys.split("a,b,,c", ","), { "a", "b", "", "c" })
  tester:eq(sys.split(",a,", ","), { "a" })
  tester:eq(sys.split("", ","), {})
  tester:eq(sys.split("abc", ","), { "abc" })
  tester:eq(sys.isNaN(0 / 0), true)
  tester:eq(sys.isNaN(1 / 0), false)
  tester:eq(type(sys.prefix), "string")
  tester:eq(sys.fpath():sub(1, 1), "/")
  tester:eq(select(2, sys.fpath()), "test_companions.lua")
  in_folder(function(folder)
    write(folder .. "/it's", "")
    tester:eq(sys.ls(folder), "it's")
    tester:assert(sys.ll(folder):find("it's$") ~= nil)
    tester:assert(sys.la(folder):find("%.%.") ~= nil)
    tester:assert(sys.lla(folder .. "/none"):find("No such file") ~= nil)
  end)
  fails("no registry", paths.getregistryvalue, "a", "b", "c")
end

-- ---- xlua -----------------------------------------------------------------------------------------------

local function written(f)
  local before, out = io.write, {}
  io.write = function(...) -- luacheck: ignore
    for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
  end
  local ok, err = pcall(f)
  io.write = before -- luacheck: ignore
  if not ok then error(err, 0) end
  return table.concat(out)
end

local function with_arguments(list, f)
  local before = arg
  arg = list -- luacheck: ignore
  local ok, err = pcall(f)
  arg = before -- luacheck: ignore
  if not ok then error(err, 0) end
end

function tests.option_parser()
  local parser = xlua.OptionParser("%prog [options] file")
  parser:option { "-n", "--count", dest = "count", default = 3, help = "how many" }
  parser:option { "-f", "--fast", action = "store_true", dest = "fast", help = "no waiting" }
  parser:option { "-k", "--keep", action = "store_false", dest = "drop", default = true, help = "keep" }
  with_arguments({ [0] = "train.lua", "--count=5", "a", "-f", "b", "-k" }, function()
    local options, others = parser:parse()
    tester:eq({ options.count, options.fast, options.drop, options.__main__ }, { "5", true, false, true })
    tester:eq(others, { "a", "b" })
    tester:eq(parser:tostring(true), "-n=5,-f=true")
    tester:eq(parser:tostring(true, { "-n" }), "-n=5")
    local summary = written(function() parser:summarize() end)
    tester:assert(summary:find("<train> configuration:\n.*%+ count = 5\n") ~= nil)
    local help = written(function() parser:help() end)
    tester:assert(help:find("Usage: train.lua [options] file", 1, true) ~= nil)
    tester:assert(help:find("-n COUNT, --count=COUNT  how many [default = 3]", 1, true) ~= nil)
    tester:assert(help:find("-f, --fast               no waiting", 1, true) ~= nil)
  end)
  local given = { count = 9 }
  with_arguments({ [0] = "x" }, function() tester:eq(parser:parse(given).count, 9) end)
end

function tests.profiler()
  local p = xlua.Profiler()
  p:start("a", "fps")
  local real, cpu = p:lap("a")
  tester:assert(real >= 0 and cpu >= 0)
  tester:assert(p:real("a", 1e9) < 1e-3)
  tester:assert(p:format("a"):find("^%$ real | cpu: [%d.]+ | [%d.]+ <a>$") ~= nil)
  p:start("b")
  tester:assert(p:formatAll():find("<a> = .* fps\n%$ real %-1.0+ | cpu %-1.0+ <b>$") ~= nil, p:formatAll())
  p:setColor("a", "red")
  fails("there is no part 'c'", p.lap, p, "c")
  xlua.Profiler("off"):printAll()
end

function tests.named_arguments()
  local function f(...)
    return xlua.unpack({ ... }, "f", "does it",
      { arg = "x", type = "number", help = "the number", req = true },
      { arg = "y", type = "string", help = "a word", default = "no" },
      { arg = "z", type = "number", help = "another", defaulta = "x" })
  end
  tester:eq({ select(2, f(1)) }, { 1, "no", 1 })
  tester:eq({ select(2, f { x = 1, z = 2 }) }, { 1, "no", 2 })
  tester:eq((f(1, "a", 3)).y, "a")
  local t = torch.ones(2)
  tester:assert(select(2, f(t)) == t)
  local before = print
  print = function() end -- luacheck: ignore
  fails("f: missing argument: x", f, { y = "a" })
  fails("f: arguments expected", f)
  print = before -- luacheck: ignore
  local usage = tostring((f(1)).usage)
  local parts = { "x = number ", "[y = string] ", "-- a word  [default = no]", "[default == x]", "does it" }
  for _, part in ipairs(parts) do
    tester:assert(usage:find(part, 1, true) ~= nil, part .. " / " .. usage)
  end
  tester:assert(xlua.usage("g", nil, "g(1)", { type = "number", help = "n", req = true }, "",
    { type = "string", help = "s" }):find("g%(\n    number .*%)\ng%(\n    %[string%].*g%(1%)") ~= nil)
  local object = {}
  xlua.unpack_class(object, { 5 }, "f", nil, { arg = "x", type = "number" })
  tester:eq(object.x, 5)
  tester:eq(xlua.table2string({ 1, { a = "b\n" }, [5] = 'say "x"' }), [[{1,{a="b\n"},[5]='say "x"'}]])
  tester:eq(xlua.table2string({ a = 1, b = false }, true), "{\n   a : 1\n   b : false\n}")
  local module = {}
  xlua.usage_module(module, "mine")
  tester:assert(tostring(module):find("PACKAGE:\nmine") ~= nil)
end

function tests.environment()
  local program = paths.concat(paths.execdir(), "cresset")
  local function run(environment, code)
    return sys.execute(environment .. " " .. program .. " -e 'require \"xlua\" " .. code .. "'")
  end
  tester:eq(run("lr=0.5 fast=true name=x", "local o = xlua.envparams{lr=1, fast=false, name=\"y\", other=7} "
    .. "print(o.lr, o.fast, o.name, o.other)"), "0.5\ttrue\tx\t7")
  tester:assert(run("lr=x", "xlua.envparams{lr=1}"):find("lr=x is no number") ~= nil)
  tester:assert(run("", "a_global = 5 xlua.who()"):find("%[a_global%] = 5") ~= nil)
  tester:eq(run("", "a_global = 5 xlua.clearall() print(a_global, xlua ~= nil)"), "nil\ttrue")
end

function tests.small_things()
  local string, table = _G["string"], _G["table"] -- with what xlua adds
  tester:eq(written(function() xlua.print({ b = ("x"):rep(50), a = 1 }) end),
    "{[a] = 1,\n [b] = " .. ("x"):rep(40) .. " ... }\n")
  tester:eq(written(function() xlua.print("a", 5, nil) end), "a    5    nil\n")
  fails("<mine> no\nuse it so", xlua.error, "no", "mine", "use it so")
  local said
  xlua.trycatch(function() error("no", 0) end, function(message) said = message end)
  tester:eq(said, "no")
  tester:eq((xlua.installed("paths")), true)
  tester:eq((xlua.installed("no-such-package")), false)
  tester:assert(xlua.require("paths") == paths)
  tester:eq(("a-b--c"):split("-"), { "a", "b", "", "c" })
  tester:assert(("torch.Tensor"):tosymbol() == torch.Tensor)
  fails("does not exist", string.tosymbol, "no_such_global_name")
  fails("", string.tosymbol, "1 +")
  local outside, inside = table.splice({ 1, 2, 3, 4 }, 2, 2)
  tester:eq({ outside, inside }, { { 1, 4 }, { 2, 3 } })
  tester:eq(table.prune { 1, 2, 1, 3 }, { 1, 2, 3 })
  tester:eq(table.prune({ "a", "bb", "cc" }, string.len), { "a", "cc" })
  tester:eq(table.prune({ 1, 2, 3 }, function(x) return x % 2 end, function(x, y) return x + y end), { 4, 2 })
  in_folder(function(folder)
    local before_print, before_write = print, io.write
    local out = {}
    io.write = function(...) out[#out + 1] = table.concat({ ... }) end -- luacheck: ignore
    xlua.log(folder .. "/sub/log.txt")
    print("a", 5)
    io.write("b\n")
    rawset(_G, "print", before_print)
    rawset(io, "write", before_write)
    tester:eq(read(folder .. "/sub/log.txt"), "a\t5\nb\n")
    tester:eq(table.concat(out), "a\t5\nb\n")
  end)
end

-- Arguments that are missing are named with the function that wants them.
function tests.missing_arguments()
  local function says(part, f, ...)
    local ok, message = pcall(f, ...)
    tester:assert(not ok and message:find(part, 1, true) ~= nil, ("%q: %s"):format(part, tostring(message)))
  end
  local gnuplot = require "gnuplot"
  says("paths.filep: a path expected, got nil", require("paths").filep)
  says("paths.dirp: a path expected, got nil", require("paths").dirp)
  says("sys.execute: a command expected, got nil", require("sys").execute)
  says("xlua.progress: two numbers expected", xlua.progress, "a", 3)
  says("xlua.progress: two numbers expected", xlua.progress)
  says("cannot save to /proc/x.png", gnuplot.pngfigure, "/proc/x.png")
end

tester:add(tests):run()
