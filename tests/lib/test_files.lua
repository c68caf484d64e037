-- test_files: the formats of other programs, memory maps, options of torch.save and torch.load, and that
-- saving is all or nothing.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local golden = debug.getinfo(1, "S").source:match("^@(.*)test_files%.lua$") .. "golden/"

local dtypes = { f2 = "float16", f4 = "float32", f8 = "float64", i1 = "int8", u1 = "uint8", i2 = "int16",
  i4 = "int32", i8 = "int64", b1 = "bool" }
local all_types = { "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64",
  "bool" }

local function with_file(f, ending)
  local name = os.tmpname()
  local path = name .. (ending or "")
  local ok, err = pcall(f, path)
  os.remove(name)
  os.remove(path)
  if not ok then error(err, 0) end
end

local function contents(name)
  local f = assert(io.open(name, "rb"))
  local bytes = f:read("a")
  f:close()
  return bytes
end

local function write(name, bytes)
  local f = assert(io.open(name, "wb"))
  f:write(bytes)
  f:close()
end

-- 0, 1, 2 .. in the shape and type that are wanted; of bool: whether odd.
local function counted(dtype, ...)
  local sizes = torch.LongStorage { ... }
  local n = 1
  for i = 1, #sizes do n = n * sizes[i] end
  local t = n > 0 and torch.range(0, n - 1):double() or torch.DoubleTensor()
  if dtype == "bool" then t = torch.remainder(t, 2) end
  local out = torch.zeros(sizes, dtype)
  if n > 0 then out:copy(t:view(sizes)) end
  return out
end

local function same(a, b, what)
  tester:eq(torch.typename(a), torch.typename(b), what)
  tester:eq(table.concat(a.shape, "x"), table.concat(b.shape, "x"), what)
  if a:nElement() > 0 then tester:eq((a:double() - b:double()):abs():max(), 0, what) end
end

local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should be refused: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

-- Whether the library was there that a function needs.
local function built_with(f, path)
  local ok, message = pcall(f, path)
  return ok or not tostring(message):find("built without")
end

local has_zip = built_with(torch.loadnpz, golden .. "stored.npz")
local has_json = built_with(torch.loadsafetensors, golden .. "types.safetensors")

-- ---- NumPy ----------------------------------------------------------------------------------------

function tests.npy_of_numpy()
  for code, dtype in pairs(dtypes) do
    for _, mmap in ipairs { false, true } do
      same(torch.loadnpy(golden .. code .. ".npy", { mmap = mmap }), counted(dtype, 2, 3), code)
    end
  end
  for _, code in ipairs { "f4", "i2", "i8" } do
    same(torch.load(golden .. "big_" .. code .. ".npy"), counted(dtypes[code], 2, 3), "big-endian " .. code)
  end
  for _, version in ipairs { "version2", "version3" } do
    same(torch.load(golden .. version .. ".npy"), counted("int32", 2, 3), version)
  end
  same(torch.load(golden .. "scalar.npy"), torch.scalar(3.5, "float64"), "scalar")
  same(torch.load(golden .. "empty.npy"), torch.zeros(0, 3), "empty")
end

function tests.npy_in_fortrans_order()
  for _, mmap in ipairs { false, true } do
    local t = torch.load(golden .. "fortran.npy", { mmap = mmap })
    same(t, counted("float64", 2, 3, 4), "fortran")
    tester:assert(not t:isContiguous())
    tester:eq(t:stride(1), 1)
  end
end

function tests.npy_refuses()
  refused("Python objects", torch.load, golden .. "object.npy")
  refused("records of several fields", torch.load, golden .. "record.npy")
  refused("type '<u2'", torch.load, golden .. "uint16.npy")
  refused("type '<c8'", torch.load, golden .. "complex.npy")
  refused("other byte order", torch.load, golden .. "big_f4.npy", { mmap = true })
  refused("No such file", torch.loadnpy, "/there/is/none.npy")
  refused("no option 'map'", torch.loadnpy, golden .. "f4.npy", { map = true })
  refused("bfloat16", torch.savenpy, "/tmp/x.npy", torch.zeros(2, "bfloat16"))
  refused("a tensor expected", torch.savenpy, "/tmp/x.npy", { 1 })
end

function tests.npy_there_and_back()
  with_file(function(name)
    for _, dtype in ipairs(all_types) do
      if dtype ~= "bfloat16" then
        for _, t in ipairs { counted(dtype, 2, 3), counted(dtype, 5), counted(dtype, 3, 4):t(),
          torch.scalar(1, dtype), torch.zeros(torch.LongStorage { 2, 0 }, dtype) } do
          torch.save(name, t)
          same(torch.load(name), t, dtype)
        end
      end
    end
    tester:eq(contents(name):sub(1, 6), "\x93NUMPY")
  end, ".npy")
end

function tests.npy_is_numpys_own()
  with_file(function(name)
    for _, code in ipairs { "f2", "f4", "f8", "i8", "b1" } do
      torch.savenpy(name, torch.loadnpy(golden .. code .. ".npy"))
      tester:assert(contents(name) == contents(golden .. code .. ".npy"), code)
    end
  end)
end

function tests.npz_of_numpy()
  if not has_zip then return end
  local stored = torch.load(golden .. "stored.npz")
  same(stored.arr_0, counted("float32", 2, 3))
  same(stored.x, counted("int64", 2, 3))
  same(stored.flag, counted("bool", 2, 3))
  local compressed = torch.load(golden .. "compressed.npz")
  same(compressed.x, counted("int64", 2, 3))
  same(compressed.zeros, torch.zeros(100, 100):double())
  refused("limit of 1000 bytes", torch.load, golden .. "compressed.npz", { limit = 1000 })
end

function tests.npz_there_and_back()
  if not has_zip then return end
  with_file(function(name)
    local tensors = { counted("float32", 4), a = counted("int16", 2, 3):t(), b = torch.scalar(2),
      e = torch.zeros(0, 2), ["näme/with ../path"] = torch.ones(2) }
    for _, compress in ipairs { false, true } do
      torch.save(name, tensors, { compress = compress })
      local back, count = torch.load(name), 0
      for _ in pairs(back) do count = count + 1 end
      tester:eq(count, 5)
      same(back.arr_0, tensors[1])
      for _, key in ipairs { "a", "b", "e", "näme/with ../path" } do same(back[key], tensors[key], key) end
    end
    local before = contents(name)
    torch.save(name, tensors, { compress = true })
    tester:assert(contents(name) == before, "the same tensors give the same file")
    refused("is no tensor", torch.savenpz, name, { a = 1 })
    refused("no name for an array", torch.savenpz, name, { [true] = torch.ones(1) })
    refused("bfloat16", torch.savenpz, name, { a = torch.zeros(1, "bfloat16") })
    tester:assert(contents(name) == before, "a failure leaves the file")
  end, ".npz")
end

-- ---- safetensors ----------------------------------------------------------------------------------

function tests.safetensors_of_the_reference()
  if not has_json then return end
  for _, mmap in ipairs { false, true } do
    local tensors, metadata = torch.load(golden .. "types.safetensors", { mmap = mmap })
    for _, dtype in ipairs(all_types) do same(tensors[dtype], counted(dtype, 2, 3), dtype) end
    same(tensors.scalar, torch.scalar(3.5))
    same(tensors.empty, torch.zeros(0, 3))
    tester:eq(metadata, { made = "by safetensors", n = "1" })
  end
end

function tests.safetensors_there_and_back()
  if not has_json then return end
  with_file(function(name)
    local tensors = { t = counted("float32", 3, 4):t(), ['q"uote\n'] = counted("int8", 5) }
    for _, dtype in ipairs(all_types) do tensors[dtype] = counted(dtype, 2, 3) end
    torch.save(name, tensors, { metadata = { ["ключ"] = "value" } })
    local back, metadata = torch.load(name)
    for key, t in pairs(tensors) do same(back[key], t, key) end
    tester:eq(metadata, { ["ключ"] = "value" })
    local before = contents(name)
    refused("not UTF%-8", torch.savesafetensors, name, { ["\xff"] = torch.ones(1) })
    refused("no name for a tensor", torch.savesafetensors, name, { torch.ones(1) })
    refused("no name for a tensor", torch.savesafetensors, name, { __metadata__ = torch.ones(1) })
    refused("is no tensor", torch.savesafetensors, name, { a = "x" })
    refused("metadata is a table of strings", torch.savesafetensors, name, {}, { a = 1 })
    tester:assert(contents(name) == before, "a failure leaves the file")
    torch.savesafetensors(name, {})
    tester:assert(next((torch.loadsafetensors(name))) == nil)
  end, ".safetensors")
end

local function safetensors(header, data)
  return ("<s8"):pack(header) .. (data or "")
end

function tests.safetensors_refuses()
  if not has_json then return end
  with_file(function(name)
    local function case(pattern, bytes)
      write(name, bytes)
      refused(pattern, torch.loadsafetensors, name)
      refused(pattern, torch.loadsafetensors, name, { mmap = true })
    end
    local function tensor(dtype, shape, from, to)
      return ('{"dtype":"%s","shape":%s,"data_offsets":[%s,%s]}'):format(dtype, shape, from, to)
    end
    local a = tensor("F32", "[1]", 0, 4)
    case("begins at byte 0, the tensor before it ends at 4",
      safetensors('{"a":' .. a .. ',"b":' .. a .. "}", "0000"))
    case("begins at byte 4, the tensor before it ends at 0",
      safetensors('{"a":' .. tensor("F32", "[1]", 4, 8) .. "}", "00000000"))
    case("1 bytes follow the last tensor", safetensors('{"a":' .. a .. "}", "00000"))
    case("truncated", safetensors('{"a":' .. a .. "}", "000"))
    case("do not match", safetensors('{"a":' .. tensor("F32", "[2]", 0, 4) .. "}", "0000"))
    case("do not match", safetensors('{"a":' .. tensor("F32", "[1]", 4, 0) .. "}", "0000"))
    case("do not match",
      safetensors('{"a":' .. tensor("F32", "[4611686018427387904,4]", 0, 4) .. "}", "0000"))
    case("no list of at most", safetensors('{"a":' .. tensor("F32", "[-1]", 0, 4) .. "}", "0000"))
    case("no list of at most", safetensors('{"a":' .. tensor("F32", "[1.0]", 0, 4) .. "}", "0000"))
    case("no JSON", safetensors('{"a":' .. tensor("F32", "[NaN]", 0, 4) .. "}", "0000"))
    case("two data_offsets", safetensors('{"a":' .. tensor("F32", "[1]", "-4", 0) .. "}", "0000"))
    case("two data_offsets", safetensors('{"a":' .. tensor("F32", "[1]", "0.0", 4) .. "}", "0000"))
    case("no JSON", safetensors('{"a":' .. tensor("F32", "[1]", 0, 1e99) .. "e999}", "0000"))
    case("of type F8_E5M2", safetensors('{"a":' .. tensor("F8_E5M2", "[4]", 0, 4) .. "}", "0000"))
    case("no JSON", safetensors('{"a":' .. a .. ',"a":' .. a .. "}", "0000"))
    case("no JSON", safetensors('{"a":' .. ("["):rep(5000) .. ("]"):rep(5000) .. "}"))
    case("no JSON object", safetensors("[]"))
    case("is no string", safetensors('{"__metadata__":{"a":1}}'))
    case("at most 100000000", ("<I8"):pack(100000001) .. "{}")
    case("at most 100000000", ("<I8"):pack(-1 & math.maxinteger) .. "{}")
    case("truncated within its header", ("<I8"):pack(1000) .. "{}")
  end)
end

-- ---- memory maps ----------------------------------------------------------------------------------

local function resident()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^RssAnon:%s+(%d+)")
    if kb then return tonumber(kb) * 1024 end
  end
end

-- load() gives a tensor of n zeros that is mapped; what is written to it must not reach the file.
local function check_mapped(name, n, load)
  local bytes = n * 4
  collectgarbage()
  local before = resident()
  local t = load()
  tester:eq(t:nElement(), n)
  tester:eq(t:sum(), 0)
  if before then tester:assertlt(resident() - before, bytes / 2, "not in our memory") end
  t:narrow(1, 1, 10):fill(7)
  tester:eq(t:sum(), 70)
  tester:eq(load():sum(), 0)
  refused("cannot be resized", function() t:storage():resize(3) end)
  os.remove(name)
  tester:eq(t:sum(), 70, "the map outlives the name")
end

function tests.maps_are_private()
  local n = 1 << 22
  local zeros = torch.zeros(n)
  with_file(function(name)
    torch.savenpy(name, zeros)
    check_mapped(name, n, function() return torch.load(name, { mmap = true }) end)
  end)
  if has_json then with_file(function(name)
    torch.savesafetensors(name, { x = torch.ones(3):byte(), y = zeros })
    check_mapped(name, n, function() return torch.loadsafetensors(name, { mmap = true }).y end)
  end) end
  with_file(function(name)
    torch.save(name, { "odd", x = zeros, y = torch.ones(3):byte() })
    check_mapped(name, n, function() return torch.load(name, { mmap = true }).x end)
  end)
end

function tests.big_safetensors_are_mapped_unasked()
  if not has_json then return end
  with_file(function(name)
    torch.savesafetensors(name, { y = torch.zeros(1 << 24) })
    check_mapped(name, 1 << 24, function() return torch.loadsafetensors(name).y end)
  end)
end

-- Torch7's own writer does not align: such storages are read.
function tests.odd_storages_are_not_mapped()
  with_file(function(name)
    local t = torch.range(1, 40000)
    torch.save(name, t)
    local bytes = contents(name)
    local first = bytes:find("V 1 +....torch%.FloatStorage")
    local version = bytes:match("V 1 *", first)
    tester:assertgt(#version, 3)
    tester:eq((#bytes - 160000) % 64, 0)
    local cut = bytes:sub(1, first - 5) .. ("<s4"):pack("V 1") .. bytes:sub(first + #version)
    write(name, cut)
    tester:eq(torch.load(name), t)
    tester:eq(torch.load(name, { mmap = true }), t)
  end)
end

function tests.storages_on_files()
  with_file(function(name)
    local s = torch.FloatStorage(name, true, 1000)
    tester:eq(#s, 1000)
    s:fill(2)
    tester:eq(#contents(name), 4000)
    tester:eq(torch.FloatTensor(torch.FloatStorage(name)):sum(), 2000)
    local private = torch.FloatStorage(name, false)
    private[1] = 50
    tester:eq(s[1], 2)
    s[2] = 30
    tester:eq(("<f"):unpack(contents(name), 5), 30)
    tester:eq(#torch.ByteStorage(name), 4000)
    tester:eq(#torch.DoubleStorage(name, false, 10), 10)
    refused("truncated", torch.FloatStorage, name, false, 1001)
    refused("No such file", torch.FloatStorage, "/there/is/none")
    refused("boolean expected", torch.FloatStorage, name, 1)
    refused("number of elements", torch.FloatStorage, name, true, -1)
    refused("ordinary file", torch.FloatStorage, "/dev/null", false, 0)
    tester:eq(#contents(name), 4000)
  end)
end

-- ---- functions in Torch7's files ------------------------------------------------------------------

function tests.functions_by_name()
  with_file(function(name)
    local step = 3
    local object = { 1, cb = { { add = function(x) return x + step end } }, other = function() return 1 end }
    object.again = object.cb[1].add
    refused("object%.%w+.* is a function", torch.save, name, object)
    torch.save(name, object, { functions = true })
    refused("holds a function, object%.", torch.load, name)
    refused("holds a function, object%.", torch.load, name, { allow = { "object.cb[1].add" } })
    refused("holds a function", torch.load, name, { allow = { "add", "object.cb" } })
    refused("allow is a list", torch.load, name, { allow = true })
    local all = { allow = { "object.cb[1].add", "object.again", "object.other" } }
    local back = torch.load(name, all)
    tester:eq(back.cb[1].add(4), 7)
    tester:eq(back.other(), 1)
    tester:assert(back.again == back.cb[1].add)
    local text = torch.serialize(object, { format = "ascii", functions = true })
    local ascii = torch.deserialize(text, "ascii", all)
    tester:eq(ascii.cb[1].add(4), 7)
    refused("object%[1%]: it is a function", torch.serialize, { print }, { functions = true })
  end)
end

function tests.functions_see_globals_and_themselves()
  local f
  f = function(n) return n == 0 and math.type(1) or f(n - 1) end
  local back = torch.deserialize(torch.serialize({ f = f }, { functions = true }), { allow = { "object.f" } })
  tester:eq(back.f(3), "integer")
  tester:assert(back.f ~= f)
end

function tests.functions_share_variables()
  local n = 0
  local counter = { up = function() n = n + 1 end, get = function() return n end }
  local text = torch.serialize(counter, { functions = true })
  local back = torch.deserialize(text, { allow = { "object.up", "object.get" } })
  back.up()
  tester:eq(back.get(), 1)
  tester:eq(n, 0)
end

function tests.code_of_another_machine()
  local record = ("<i4i4i4 i4s4 i4i4s4 i4i4i4"):pack(3, 1, 1, 2, "f", 8, 2, "\27LJ\2 LuaJIT's", 3, 3, 0)
  refused("object%.f cannot be loaded here", torch.deserialize, record, { allow = { "object.f" } })
end

-- ---- torch.save and torch.load --------------------------------------------------------------------

function tests.formats_are_chosen()
  with_file(function(name)
    for _, format in ipairs { "binary", "ascii", "b32", "b64" } do
      torch.save(name, { torch.LongTensor { 1, 2 }, "x" }, format)
      tester:eq(torch.load(name, format), { torch.LongTensor { 1, 2 }, "x" })
      tester:eq(torch.load(name, { format = format }), { torch.LongTensor { 1, 2 }, "x" })
    end
    torch.save(name, { 1 }, "ascii")
    tester:eq(torch.load(name), { 1 })
    torch.save(name, torch.ones(2), "npy")
    same(torch.load(name), torch.ones(2))
    same(torch.load(name, "npy"), torch.ones(2))
    if has_zip then
      torch.save(name, { torch.ones(2) }, { format = "npz" })
      same(torch.load(name).arr_0, torch.ones(2))
    end
    if has_json then
      torch.save(name, { a = torch.ones(2) }, { format = "safetensors" })
      same(torch.load(name).a, torch.ones(2))
    end
    torch.save(name, torch.ones(2, 2), "csv")
    same(torch.load(name, "csv"), torch.ones(2, 2):double())
    write(name, "\0\0\8\1\0\0\0\2\5\6")
    same(torch.load(name), torch.ByteTensor { 5, 6 })
    refused("no format 'pickle'", torch.load, name, "pickle")
    refused("no format 'idx'", torch.save, name, 1, "idx")
    refused("no option 'mapped'", torch.load, name, { mapped = true })
    refused("no option 'mmap'", torch.save, name, 1, { mmap = true })
    local shared = { 1 }
    torch.save(name, { shared, shared }, { referenced = false })
    local back = torch.load(name, { referenced = false })
    tester:assert(back[1] ~= back[2])
  end)
  with_file(function(name)
    torch.save(name, { 5 }, "binary")
    tester:eq(torch.load(name), { 5 }, "a format goes before the ending")
  end, ".npy")
end

function tests.deep_tables()
  local deep = {}
  for _ = 1, 20000 do deep = { deep } end
  refused("more than 15000 tables in each other", torch.serialize, deep)
  local parts = {}
  for i = 1, 300000 do parts[i] = ("<i4i4i4i4d"):pack(3, i, 1, 1, 1) end
  refused("more than 15000 tables in each other", torch.deserialize, table.concat(parts))
end

-- ---- all or nothing -------------------------------------------------------------------------------

local program = arg[-1] or "cresset"

local function shell(command)
  local f = io.popen(command .. " 2>&1; echo rc $?")
  local out = f:read("a")
  f:close()
  return out
end

local function run(limits, script)
  with_file(function(file)
    write(file, script)

    script = shell(("%s '%s' '%s'"):format(limits, program, file))
  end, ".lua")
  return script
end

local writers = {
  ["t7"] = "torch.save(name, torch.zeros(1000000))",
  ["npy"] = "torch.savenpy(name, torch.zeros(1000000))",
  ["npz"] = "torch.savenpz(name, { x = torch.zeros(1000000) })",
  ["safetensors"] = "torch.savesafetensors(name, { x = torch.zeros(1000000) })",
  ["csv"] = "require 'data'.saveCsv(name, torch.zeros(100000, 10))",
}

if not has_zip then writers.npz = nil end
if not has_json then writers.safetensors = nil end

-- The folder holds only the old file, whole.
local function check_old(name, what)
  tester:eq(contents(name), "old", what)
  tester:eq(shell("ls " .. name .. "*"), name .. "\nrc 0\n", what)
end

function tests.a_full_disk_leaves_the_old_file()
  with_file(function(name)
    for kind, code in pairs(writers) do
      write(name, "old")
      local out = run("ulimit -f 200; trap '' XFSZ;", ("local name = %q\n%s"):format(name, code))
      tester:assert(out:find("File too large") ~= nil, kind .. ": " .. out)
      check_old(name, kind)
    end
  end)
end

function tests.a_full_device_is_an_error()
  if not io.open("/dev/full") then return end
  for kind, code in pairs(writers) do
    if kind ~= "npz" then
      refused("[Nn]o space left", assert(load("local name = '/dev/full'; " .. code)))
    end
  end
end

function tests.a_killed_save_leaves_the_old_file()
  with_file(function(name)
    for kind, code in pairs(writers) do
      write(name, "old")
      -- The signal comes when the file would grow beyond the limit: in the middle.
      local out = run("ulimit -c 0; ulimit -f 200;", ("local name = %q\n%s"):format(name, code))
      tester:assert(not out:find("rc 0\n", 1, true), kind .. ": " .. out)
      tester:eq(contents(name), "old", kind)
      shell("rm -f " .. name .. ".*")
    end
  end)
end

tester:add(tests)
tester:run()
