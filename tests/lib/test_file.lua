-- test_file: torch.save and torch.load, their format, and the classes of files.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local kinds = { "Float", "Double", "Half", "BFloat16", "Char", "Byte", "Short", "Int", "Long", "Bool" }

local function temporary()
  return os.tmpname()
end

local function with_file(f)
  local name = temporary()
  local ok, err = pcall(f, name)
  os.remove(name)
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

local function hex(text)
  return (text:gsub("%s", ""):gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end))
end

-- ---- values ---------------------------------------------------------------------------------------

function tests.plain_values()
  for _, format in ipairs { "binary", "ascii" } do
    for _, value in ipairs { 1, -7, 0.5, 1e300, "text", "", "a\0b\nc", true, false, 2 ^ 53 } do
      tester:eq(torch.deserialize(torch.serialize(value, format), format), value)
    end
    tester:assert(torch.deserialize(torch.serialize(nil, format), format) == nil)
    local nan = torch.deserialize(torch.serialize(0 / 0, format), format)
    tester:assert(nan ~= nan)
    tester:eq(torch.deserialize(torch.serialize(-math.huge, format), format), -math.huge)
    tester:eq(1 / torch.deserialize(torch.serialize(-0.0, format), format), -math.huge)
  end
end

function tests.whole_numbers_are_integers()
  local t = torch.deserialize(torch.serialize({ 3, 3.0, 0.5, 1e18 }))
  tester:eq(math.type(t[1]), "integer")
  tester:eq(math.type(t[2]), "integer")
  tester:eq(math.type(t[3]), "float")
  tester:eq(math.type(t[4]), "float")
  tester:assertErrorPattern(function() torch.serialize({ a = { 2 ^ 53 | 1 } }) end, "object%.a%[1%]")
end

function tests.sharing_and_cycles()
  local inner = { 1, 2 }
  local value = { inner, inner, x = torch.FloatTensor { 1, 2, 3 } }
  value.self = value
  value.y = value.x
  value.part = value.x:narrow(1, 2, 2)
  local copy = torch.deserialize(torch.serialize(value))
  tester:assert(copy[1] == copy[2])
  tester:assert(copy.self == copy)
  copy.x[2] = 20
  tester:eq(copy.y[2], 20)
  tester:eq(copy.part[1], 20)
end

function tests.unreferenced()
  local inner = {}
  local file = torch.MemoryFile():binary():referenced(false)
  file:writeObject({ inner, inner })
  file:seek(1)
  local copy = file:readObject()
  tester:assert(copy[1] ~= copy[2])
  tester:eq(file:isReferenced(), false)
end

function tests.deep_nesting()
  local value = {}
  for _ = 1, 10000 do value = { value } end
  local copy, depth = torch.deserialize(torch.serialize(value)), 0
  while copy[1] do copy, depth = copy[1], depth + 1 end
  tester:eq(depth, 10000)
end

function tests.tensors_of_all_types()
  for _, format in ipairs { "binary", "ascii" } do
    for _, kind in ipairs(kinds) do
      local source = torch.FloatTensor { { 0, 1, 1 }, { 1, 0, 1 } }
      if kind ~= "Bool" then source = source * 3 end
      local t = source:type("torch." .. kind .. "Tensor")
      local copy = torch.deserialize(torch.serialize(t, format), format)
      tester:eq(copy:type(), "torch." .. kind .. "Tensor")
      tester:eq(copy, t, kind .. " " .. format)
      local storage = torch.deserialize(torch.serialize(t:storage(), format), format)
      tester:eq(storage, t:storage(), kind .. " " .. format)
    end
  end
end

function tests.views()
  local t = torch.range(1, 12):view(3, 4)
  for _, v in ipairs { t:t(), t:select(2, 3), t:narrow(1, 2, 2), t:expand(3, 4) } do
    local copy = torch.deserialize(torch.serialize(v))
    tester:eq(copy, v)
    tester:eq(copy:stride():totable(), v:stride():totable())
  end
  local row = torch.ones(1, 3):expand(5, 3)
  local copy = torch.deserialize(torch.serialize(row))
  tester:eq(copy, row)
  tester:eq(#copy:storage(), 3)
end

function tests.empty_and_scalar()
  local empty = torch.deserialize(torch.serialize(torch.FloatTensor()))
  tester:eq(empty:dim(), 0)
  tester:eq(empty:nElement(), 0)
  local none = torch.deserialize(torch.serialize(torch.FloatTensor(0, 5)))
  tester:eq(none:size():totable(), { 0, 5 })
  local scalar = torch.deserialize(torch.serialize(torch.scalar(2.5)))
  tester:eq(scalar:dim(), 0)
  tester:eq(scalar:item(), 2.5)
end

function tests.exact_to_the_last_bit()
  local t = torch.randn(1000)
  for _, format in ipairs { "binary", "ascii" } do
    tester:eq(torch.deserialize(torch.serialize(t, format), format), t)
    local d = torch.randn(100):double() / 3
    tester:eq(torch.deserialize(torch.serialize(d, format), format), d)
  end
end

-- ---- classes --------------------------------------------------------------------------------------

local module = {}
local Point = torch.class("test_file.Point", module)
function Point:__init(x, y) self.x, self.y = x, y end
local Custom = torch.class("test_file.Custom", module)
function Custom:__init(n) self.n = n end
function Custom:write(file) file:writeInt(self.n) end
function Custom:read(file, version) self.n, self.version = file:readInt(), version end

function tests.classes()
  local p = module.Point(1, { 2 })
  p.me = p
  local q = torch.deserialize(torch.serialize({ p, p }))
  tester:eq(torch.typename(q[1]), "test_file.Point")
  tester:assert(q[1] == q[2] and q[1].me == q[1])
  tester:eq(q[1].y, { 2 })
  local c = torch.deserialize(torch.serialize(module.Custom(12)))
  tester:eq(c.n, 12)
  tester:eq(c.version, 1)
end

function tests.unknown_class()
  local bytes = torch.serialize(module.Point(1, 2)):gsub("test_file", "test_fill")
  tester:assertErrorPattern(function() torch.deserialize(bytes) end,
    "class test_fill%.Point, which does not exist here")
end

function tests.functions_are_refused()
  local model = { modules = { {}, {}, { callback = function() end } } }
  tester:assertErrorPattern(function() torch.serialize(model) end,
    "object%.modules%[3%]%.callback: it is a function %(defined at .*test_file%.lua:%d+%)")
  tester:assertErrorPattern(function() torch.serialize({ [print] = 1 }) end, "a function")
  tester:assertErrorPattern(function() torch.serialize(coroutine.create(print)) end, "a thread")
  tester:assertErrorPattern(function() torch.serialize({ f = io.stdout }) end, "object%.f: .*userdata")
end

-- A function as Torch7 writes it: number, code, what it closes over.
local function function_record(kind)
  local pack = string.pack
  return pack("<i4i4i4i4i4i4i4", 3, 1, 2, 2, 1, kind, 2) -- opens a table of two entries
end

function tests.functions_are_not_loaded()
  local code = string.dump(function() error("this code must not run") end)
  local upvalues = string.pack("<i4i4i4", 3, 3, 0)
  local pack = string.pack
  local entry = pack("<i4s4", 2, "f") .. pack("<i4i4s4", 8, 2, code) .. upvalues
  local other = pack("<i4s4", 2, "x") .. pack("<i4d", 1, 5)
  local bytes = pack("<i4i4i4", 3, 1, 2) .. entry .. other
  tester:assertErrorPattern(function() torch.deserialize(bytes) end, "holds a function")
  local stderr = io.stderr
  io.stderr = { write = function() end } -- luacheck: ignore
  local value = torch.deserialize(bytes, { functions = "skip" })
  io.stderr = stderr -- luacheck: ignore
  tester:eq(value, { x = 5 })
  tester:assert(#function_record(8) > 0)
end

-- ---- the format -------------------------------------------------------------------------------------

function tests.bytes_are_torch7s()
  tester:eq(torch.serialize({ a = 1.5 }), hex [[
    03000000 01000000 01000000
    02000000 01000000 61
    01000000 000000000000f83f ]])
  local x = torch.FloatTensor { { 1, 2 } }
  tester:eq(torch.serialize(x), hex [[
    04000000 01000000 03000000 562031 11000000 ]] .. "torch.FloatTensor" .. hex [[
    02000000 0100000000000000 0200000000000000 0200000000000000 0100000000000000
    0100000000000000
    04000000 02000000 03000000 562031 12000000 ]] .. "torch.FloatStorage" .. hex [[
    0200000000000000 0000803f 00000040 ]])
  tester:eq(torch.serialize({ true, "hi" }, "ascii"), "3\n1\n2\n1\n1\n5\n1\n1\n2\n2\n2\nhi\n")
  tester:eq(torch.serialize(torch.LongStorage { 4, 5 }, "ascii"),
    "4\n1\n3\nV 1\n17\ntorch.LongStorage\n2\n4 5\n")
end

function tests.files_without_versions()
  local name = "torch.FloatStorage"
  local bytes = string.pack("<i4i4s4i8f", 4, 1, name, 1, 2.5)
  tester:eq(torch.deserialize(bytes)[1], 2.5)
end

function tests.longs_of_four_bytes()
  local bytes = string.pack("<i4i4s4s4i4i4i4", 4, 1, "V 1", "torch.LongStorage", 2, 7, -1)
  with_file(function(name)
    write(name, bytes)
    tester:eq(torch.load(name, "b32"):totable(), { 7, -1 })
  end)
end

-- ---- whole files --------------------------------------------------------------------------------------

function tests.save_and_load()
  with_file(function(name)
    local value = { torch.randn(3, 4), n = 3 }
    for _, format in ipairs { "binary", "ascii" } do
      torch.save(name, value, format)
      tester:eq(torch.load(name, format), value)
    end
  end)
end

function tests.large_storage()
  with_file(function(name)
    local t = torch.range(1, 3000000)
    torch.save(name, t)
    tester:eq(torch.load(name), t)
  end)
end

function tests.failure_keeps_the_old_file()
  with_file(function(name)
    torch.save(name, "old")
    tester:assertError(function() torch.save(name, { torch.randn(1000), print }) end)
    tester:eq(torch.load(name), "old")
    local listing = io.popen("ls " .. name .. "*")
    tester:eq(listing:read("a"), name .. "\n")
    listing:close()
  end)
end

function tests.links_are_followed()
  with_file(function(name)
    local link = name .. ".link"
    os.execute(("ln -s %s %s"):format(name, link))
    torch.save(link, "through")
    tester:eq(torch.load(name), "through")
    os.remove(link)
  end)
  torch.save("/dev/null", { 1 })
  local f = io.open("/dev/null", "rb")
  tester:assert(f:read(1) == nil)
  f:close()
end

function tests.messages_name_the_file()
  tester:assertErrorPattern(function() torch.load("/no/such/file.t7") end,
    "test_file%.lua:%d+: torch%.load: /no/such/file%.t7: No such file")
  tester:assertErrorPattern(function() torch.save("/no/such/file.t7", 1) end,
    "torch%.save: /no/such/file%.t7: No such file")
  tester:assertErrorPattern(function() torch.load("x", "json") end, "format")
  tester:assertErrorPattern(function() torch.load(nil) end, "a file name expected")
  with_file(function(name)
    write(name, "this is no such file at all")
    tester:assertErrorPattern(function() torch.load(name) end, (name:gsub("%p", "%%%0")))
  end)
end

function tests.truncated_files()
  local value = { torch.randn(20), "text", { 1, 2, { 3 } }, module.Point(1, 2) }
  local bytes = torch.serialize(value)
  for n = 0, #bytes - 1 do
    local ok, err = pcall(torch.deserialize, bytes:sub(1, n))
    if ok or type(err) ~= "string" then
      tester:assert(false, ("the first %d bytes were accepted"):format(n))
      return
    end
  end
  local text = torch.serialize(value, "ascii")
  for n = 0, #text - 2 do -- the last end of line may be missing
    tester:assert(not pcall(torch.deserialize, text:sub(1, n), "ascii"))
  end
end

-- Whatever a damaged file says, there is an error or a value, quickly and without much memory.
function tests.damaged_files()
  local bytes = torch.serialize({ torch.randn(4, 5), "text", { 1, 2 }, module.Point(1, 2), true })
  math.randomseed(1)
  for _ = 1, 3000 do
    local at = math.random(#bytes)
    local value = math.random() < 0.5 and "\255" or string.char(math.random(0, 255))
    local ok, err = pcall(torch.deserialize, bytes:sub(1, at - 1) .. value .. bytes:sub(at + 1))
    if not ok and (type(err) ~= "string" or err:find("attempt to")) then
      tester:assert(false, "damage leads to: " .. tostring(err))
    end
  end
end

-- ---- the classes of files ---------------------------------------------------------------------------

function tests.numbers_in_binary()
  local f = torch.MemoryFile():binary()
  f:writeInt(3.9)
  f:writeByte(300)
  f:writeChar(-1)
  f:writeShort(-2)
  f:writeLong(2 ^ 40)
  f:writeFloat(0.5)
  f:writeDouble(1 / 3)
  f:writeBool(true)
  f:writeInt(torch.IntStorage { 1, 2, 3 })
  f:seek(1)
  tester:eq(f:readInt(), 3)
  tester:eq(f:readByte(), 300 - 256)
  tester:eq(f:readChar(), -1)
  tester:eq(f:readShort(), -2)
  tester:eq(f:readLong(), 2 ^ 40)
  tester:eq(f:readFloat(), 0.5)
  tester:eq(f:readDouble(), 1 / 3)
  tester:eq(f:readBool(), true)
  local s = torch.IntStorage(2)
  tester:eq(f:readInt(s), 2)
  tester:eq(s:totable(), { 1, 2 })
  tester:eq(f:readInt(1):totable(), { 3 })
  tester:assertErrorPattern(function() f:readInt() end, "the file ends here")
end

function tests.numbers_as_text()
  with_file(function(name)
    local f = torch.DiskFile(name, "w")
    f:writeInt(12)
    f:writeDouble(0.1)
    f:writeFloat(torch.FloatStorage { 1, 2.5, -3 })
    f:writeString("a line\nrest")
    f:close()
    tester:eq(contents(name), "12\n0.10000000000000001\n1 2.5 -3\na line\nrest")
    f = torch.DiskFile(name, "r")
    tester:eq(f:readInt(), 12)
    tester:eq(f:position(), 4)
    tester:eq(f:readDouble(), 0.1)
    tester:eq(f:readFloat(3):totable(), { 1, 2.5, -3 })
    tester:eq(f:readString("*l"), "a line")
    tester:eq(f:readString("*a"), "rest")
    tester:assertError(function() f:readString("*l") end)
    f:close()
    tester:assertErrorPattern(function() f:readInt() end, "the file is closed")
  end)
end

function tests.quiet_files()
  local f = torch.MemoryFile("r"):binary():quiet()
  tester:eq(f:readInt(), 0)
  tester:eq(f:hasError(), true)
  tester:eq(f:clearError():hasError(), false)
  tester:eq(f:isQuiet(), true)
  tester:assertErrorPattern(function() f:writeInt(1) end, "reading only")
  tester:assert(torch.DiskFile("/no/such/file", "r", true) == nil)
  tester:assertErrorPattern(function() return torch.DiskFile("/no/such/file") end, "/no/such/file")
end

function tests.reading_and_writing()
  with_file(function(name)
    local f = torch.DiskFile(name, "rw"):binary()
    for i = 1, 10 do f:writeInt(i) end
    f:seek(5)
    tester:eq(f:readInt(), 2)
    f:writeInt(33)
    f:seek(9)
    tester:eq(f:readInt(), 33)
    f:seekEnd()
    tester:eq(f:position(), 41)
    tester:assertError(function() f:seek(0) end)
    f:synchronize():close()
    tester:assert(tostring(f):find("closed") ~= nil)
  end)
end

function tests.byte_order()
  with_file(function(name)
    local f = torch.DiskFile(name, "rw"):binary():bigEndianEncoding()
    f:writeInt(1)
    f:writeInt(torch.IntStorage { 2, 3 })
    f:synchronize()
    tester:eq(contents(name), "\0\0\0\1\0\0\0\2\0\0\0\3")
    f:seek(1)
    tester:eq(f:readInt(), 1)
    tester:eq(f:readInt(2):totable(), { 2, 3 })
    f:close()
  end)
end

function tests.memory_storage()
  local f = torch.MemoryFile()
  f:writeString("abc")
  tester:eq(f:storage():string(), "abc\0")
  local g = torch.MemoryFile(torch.CharStorage():string("12\n\0"), "r")
  tester:eq(g:readInt(), 12)
  local storage = torch.serializeToStorage({ 1, 2 })
  tester:eq(torch.deserializeFromStorage(storage), { 1, 2 })
end

function tests.pipes()
  local f = torch.PipeFile("printf '1 2 3'", "r")
  tester:eq(f:readInt(3):totable(), { 1, 2, 3 })
  f:close()
end

tester:add(tests):run()
