-- test_files_hostile: files that are cut short, damaged, too long, or made to do harm.  Each gives an error
-- or the right value, at once, and takes no more memory than the file explains.
local torch = require "torch"
local data = require "data"

local tester = torch.Tester()
local tests = torch.TestSuite()

local LIMIT = 1 << 26 -- bytes of tensors; nothing here is as big
local SECOND = 1.0

local function write(name, bytes)
  local f = assert(io.open(name, "wb"))
  f:write(bytes)
  f:close()
end

local function contents(name)
  local f = assert(io.open(name, "rb"))
  local bytes = f:read("a")
  f:close()
  return bytes
end

local function with_file(f)
  local name = os.tmpname()
  torch.setmemorylimit(LIMIT + torch.memory().live)
  local ok, err = pcall(f, name)
  torch.setmemorylimit(0)
  os.remove(name)
  if not ok then error(err, 0) end
end

-- Loads bytes; returns pcall's results.  Running out of memory, and taking long, are failures.
local function try(name, load, bytes, what)
  write(name, bytes)
  local start = os.clock()
  local results = table.pack(pcall(load, name))
  if os.clock() - start > SECOND then tester:assert(false, what .. ": took too long") end
  if not results[1] then
    local message = tostring(results[2])
    if message:find("out of memory") or message:find("stack overflow")
      or message:find("not enough memory") then
      tester:assert(false, what .. ": " .. message)
    end
  end
  return table.unpack(results, 1, results.n)
end

local function refused(name, load, bytes, pattern, what)
  local ok, message = try(name, load, bytes, what or pattern)
  tester:assert(not ok, (what or pattern) .. ": should be refused")
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

local function flip(bytes, i, bit)
  return bytes:sub(1, i - 1) .. string.char(bytes:byte(i) ~ (1 << bit)) .. bytes:sub(i + 1)
end

-- ---- small files of every kind --------------------------------------------------------------------

local function saved(save)
  local name = os.tmpname()
  save(name)
  local bytes = contents(name)
  os.remove(name)
  return bytes
end

local graph = { torch.FloatTensor { { 1, 2 }, { 3, 4 } }, "text", { true, 0.5 }, scalar = torch.scalar(2) }
graph.self, graph.part = graph, graph[1]:select(1, 1)

local function t7(format, options)
  options = options or {}
  options.format = format
  return {
    load = function(name) return torch.load(name, options) end,
    bytes = saved(function(name) torch.save(name, graph, format) end),
    text = format == "ascii",
  }
end

local kinds = {
  ["t7 binary"] = t7("binary"),
  ["t7 ascii"] = t7("ascii"),
  ["t7 b32"] = t7("b32"),
  ["t7 mapped"] = t7("binary", { mmap = true }),
  npy = {
    load = torch.loadnpy,
    bytes = saved(function(name) torch.savenpy(name, torch.ones(2, 3)) end),
  },
  ["npy mapped"] = {
    load = function(name) return torch.loadnpy(name, { mmap = true }) end,
    bytes = saved(function(name) torch.savenpy(name, torch.ones(2, 3)) end),
  },
  idx = { load = data.idx, bytes = "\0\0\11\2\0\0\0\2\0\0\0\3" .. ("\1\2"):rep(6) },
  csv = { load = data.csv, bytes = 'a,b,c\n1,"x ""y""",true\n2.5,"\n",false\n', text = true },
}

-- What was built without its library is left out.
local scratch = os.tmpname()
if pcall(torch.savesafetensors, scratch, {}) then
  kinds.safetensors = {
    load = torch.loadsafetensors,
    bytes = saved(function(name)
      torch.savesafetensors(name, { a = torch.ones(2, 3), b = torch.ones(3):byte() }, { k = "v" })
    end),
  }
end

if pcall(torch.savenpz, scratch, {}) then
  for _, compress in ipairs { false, true } do
    kinds[compress and "npz deflated" or "npz stored"] = {
      load = torch.loadnpz,
      bytes = saved(function(name)
        torch.savenpz(name, { a = torch.ones(20):long(), b = torch.scalar(1) }, { compress = compress })
      end),
    }
  end
end

os.remove(scratch)

local function sorted_kinds()
  local names = {}
  for name in pairs(kinds) do names[#names + 1] = name end
  table.sort(names)
  return names
end

function tests.every_truncation()
  with_file(function(name)
    for _, kind in ipairs(sorted_kinds()) do
      local k = kinds[kind]
      tester:assert((try(name, k.load, k.bytes, kind)), kind .. ": the whole file")
      for n = 0, #k.bytes - 1 do
        local ok = try(name, k.load, k.bytes:sub(1, n), kind)
        if ok and not k.text then tester:assert(false, ("%s: %d bytes are accepted"):format(kind, n)) end
      end
    end
  end)
end

-- Elements may change their values, and names theirs; nothing else may happen.
function tests.every_flipped_bit()
  with_file(function(name)
    for _, kind in ipairs(sorted_kinds()) do
      local k = kinds[kind]
      for i = 1, #k.bytes do
        for bit = 0, 7 do
          try(name, k.load, flip(k.bytes, i, bit), ("%s: byte %d, bit %d"):format(kind, i, bit))
        end
      end
    end
    tester:assert(true)
  end)
end

-- A zip archive may have anything in front of it or behind its directory, so there either is right.
function tests.files_that_are_too_long()
  with_file(function(name)
    for _, kind in ipairs(sorted_kinds()) do
      local k = kinds[kind]
      local ok, message = try(name, k.load, k.bytes .. ("\1x"):rep(40000), kind)
      if kind ~= "csv" and not kind:find("npz") then
        tester:assert(not ok, kind .. ": too long")
        tester:assert(tostring(message):find("follow") ~= nil, kind .. ": " .. tostring(message))
      end
    end
  end)
end

function tests.nothing_and_noise()
  with_file(function(name)
    math.randomseed(1)
    for _, kind in ipairs(sorted_kinds()) do
      local k = kinds[kind]
      for n = 1, 200 do
        local noise = {}
        for i = 1, n do noise[i] = string.char(math.random(0, 255)) end
        local ok = try(name, k.load, table.concat(noise), kind)
        if kind ~= "csv" then tester:assert(not ok, kind .. ": noise") end
      end
    end
  end)
end

-- ---- sizes ----------------------------------------------------------------------------------------

local function npy(text)
  return "\x93NUMPY\1\0" .. ("<s2"):pack(text)
end

function tests.npy_of_any_size()
  with_file(function(name)
    local function case(pattern, shape, type_name)
      local bytes = npy(("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n")
        :format(type_name or "<f8", shape))
      refused(name, torch.loadnpy, bytes, pattern)
      refused(name, function() return torch.loadnpy(name, { mmap = true }) end, bytes, "%a")
    end
    case("truncated", "(1000000000,)")
    case("truncated", "(1000000000, 1000000)")
    case("more elements than fit", "(1000000000, 1000000000, 1000)")
    case("more elements than fit", "(9223372036854775807, 2, 0)")
    case("damaged near", "(9223372036854775808,)")
    case("damaged near", "(-1,)")
    case("damaged near", "(1.5,)")
    case("damaged near", "((1,),)")
    case("more than 16 dimensions", "(" .. ("1,"):rep(17) .. ")")
    case("more than 16 dimensions", "(" .. ("1,"):rep(10000) .. ")")
    case("damaged near", "(" .. ("("):rep(10000))
    case("have no tensor type", "(1,)", "<f16")
    case("have no tensor type", "(1,)", "")
    case("objects", "(1,)", "|O")
    refused(name, torch.loadnpy, "\x93NUMPY\2\0\xff\xff\xff\xff{}", "at most 65535")
    refused(name, torch.loadnpy, "\x93NUMPY\4\0\2\0{}", "version 4")
    refused(name, torch.loadnpy, npy("{}"), "damaged")
    refused(name, torch.loadnpy, npy("{'descr': '<f4', 'descr': '<f4'}"), "damaged")
    refused(name, torch.loadnpy, npy("{'descr': '\\x3cf4', 'shape': (1,)}"), "damaged")
    refused(name, torch.loadnpy, npy("{'descr'\0: '<f4'}"), "damaged")
  end)
end

function tests.t7_of_any_size()
  with_file(function(name)
    local pack = string.pack
    local function case(pattern, bytes) refused(name, torch.load, bytes, pattern) end
    case("cut short", pack("<i4i4", 2, 0x7fffffff))
    case("a string of %-1 bytes", pack("<i4i4", 2, -1))
    case("the file ends here", pack("<i4i4i4", 3, 1, 0x7fffffff))
    local storage = pack("<i4i4s4s4", 4, 1, "V 1", "torch.DoubleStorage")
    for _, n in ipairs { 1 << 20, 1 << 40, 1 << 60, math.maxinteger } do
      case("%a", storage .. pack("<i8", n) .. ("x"):rep(64))
    end
    case("%-5 elements", storage .. pack("<i8", -5))
    local tensor = pack("<i4i4s4s4", 4, 1, "V 1", "torch.DoubleTensor")
    case("17 dimensions", tensor .. pack("<i4", 17))
    case("dimensions", tensor .. pack("<i4", -1))
    local elements = pack("<i4i4s4s4i8dd", 4, 2, "V 1", "torch.DoubleStorage", 2, 1, 2)
    local function layout(size, stride, offset)
      return tensor .. pack("<i4i8i8i8", 1, size, stride, offset) .. elements
    end
    case("outside its storage", layout(3, 1, 1))
    case("outside its storage", layout(2, 1 << 62, 1))
    case("outside its storage", layout(2, 1, 0))
    case("negative", layout(2, -1, 2))
    tester:eq(torch.deserialize(layout(1 << 40, 0, 2))[1 << 39], 2, "an expanded tensor is one element")
    case("does not exist here", pack("<i4i4s4s4", 4, 1, "V 1", "os.execute"))
    case("unreadable", pack("<i4i4s4s4", 4, 1, "V 1", "a b\n"))
  end)
end

function tests.tensors_without_elements()
  with_file(function(name)
    -- Sizes whose product does not fit beside one of zero.
    refused(name, data.idx, "\0\0\14\3" .. ("\xff"):rep(8) .. "\0\0\0\0", "%a")
    -- The product of the others fits when it counts elements, but not when it counts bytes.
    write(name, "\0\0\14\4" .. ("\0\16\0\0"):rep(3) .. "\0\0\0\0")
    tester:eq(data.idx(name):sum(), 0)
    for _, sizes in ipairs { { 0, 0, 100 << 56 }, { 100 << 56, 0 }, { 3, 1 << 60, 0 } } do
      local t = torch.zeros(torch.LongStorage(sizes))
      tester:eq(t:double():sum(), 0)
      tester:eq((t:transpose(1, 2):double() + 1):sum(), 0)
    end
    write(name, "\0\0\14\3\0\xff\xff\xff\0\xff\xff\xff\0\0\0\0")
    tester:eq(data.idx(name):sum(), 0)
  end)
end

-- ---- archives -------------------------------------------------------------------------------------

-- The directory's entries and what stands before and behind it.
local function parts(zip)
  local at = #zip - 21
  local count, size, offset = ("<I2I4I4"):unpack(zip, at + 10)
  return zip:sub(1, offset), zip:sub(offset + 1, offset + size), count
end

local function archive(members, directory, count)
  return members .. directory
    .. ("<I4I2I2I2I2I4I4I2"):pack(0x06054b50, 0, 0, count, count, #directory, #members, 0)
end

local function small_npz(tensors)
  return saved(function(name) torch.savenpz(name, tensors, { compress = true }) end)
end

function tests.zip_bombs()
  if not kinds["npz stored"] then return end
  with_file(function(name)
    local members, directory = parts(small_npz({ x = torch.zeros(1 << 20):byte() }))
    tester:assertlt(#members, 4000)
    -- All entries share one member: 2 GiB out of some 100 KB.
    refused(name, torch.loadnpz, archive(members, directory:rep(2000), 2000), "more than the limit of %d+")
    refused(name, torch.loadnpz, archive(members, directory:rep(2), 2), "is there twice")
    -- It says it is small but is not; it says it is huge but is not.
    for _, size in ipairs { 0, 100, 1 << 19, (1 << 20) + 127, (1 << 20) + 129, 1 << 29, 0xfffffffe } do
      local lying = directory:sub(1, 24) .. ("<I4"):pack(size) .. directory:sub(29)
      refused(name, torch.loadnpz, archive(members, lying, 1), "%a", "a size of " .. size)
    end
    refused(name, torch.loadnpz, archive(members, directory, 65535), "%a")
    refused(name, function() return torch.loadnpz(name, { limit = 1 << 19 }) end,
      archive(members, directory, 1), "limit of 524288 bytes")
  end)
end

function tests.zip_names_are_only_keys()
  if not kinds["npz stored"] then return end
  with_file(function(name)
    local names = { "../../../../../../tmp/cresset-was-here", "/tmp/cresset-was-here", "a/../../b",
      "C:\\x", "" }
    local tensors = {}
    for i, key in ipairs(names) do tensors[key] = torch.ones(i) end
    local ok, back = try(name, torch.loadnpz, small_npz(tensors), "names")
    tester:assert(ok)
    for i, key in ipairs(names) do tester:eq(back[key]:nElement(), i) end
    for _, ending in ipairs { "", ".npy" } do
      tester:assert(io.open("/tmp/cresset-was-here" .. ending) == nil)
    end
    local bytes = small_npz({ xx = torch.ones(2) })
    refused(name, torch.loadnpz, (bytes:gsub("xx%.npy", "xx.txt")), "no %.npy file")
    refused(name, torch.loadnpz, (bytes:gsub("xx%.npy", "../pwd")), "no %.npy file")
  end)
end

-- ---- text -----------------------------------------------------------------------------------------

function tests.csv_of_any_shape()
  with_file(function(name)
    refused(name, data.csv, (","):rep(1000001), "more than 1000000 fields")
    refused(name, data.csv, '"' .. ("x\n"):rep(100000), "line 1, field 1: the closing quote is missing")
    local ok, columns = try(name, data.csv, "x\n" .. ("9"):rep(100000) .. "\n1\n", "a long number")
    tester:assert(ok)
    tester:eq(#columns.x[1], 100000)
    ok, columns = try(name, data.csv, "a,b\n\0,1\n1\0,2\n", "zeros")
    tester:assert(ok)
    tester:eq(columns.a, { "\0", "1\0" })
    ok, columns = try(name, data.csv, ("\n\r"):rep(1000000), "empty lines")
    tester:assert(ok)
    tester:eq(columns, {})
  end)
end

function tests.compressed_bombs()
  with_file(function(name)
    write(name, ("1,2\n"):rep(1000000))
    if not os.execute("gzip -c " .. name .. " > " .. name .. ".gz") then return end
    local bytes = contents(name .. ".gz")
    os.remove(name .. ".gz")
    local function limited() return data.csv(name, { limit = 1000000 }) end
    refused(name, limited, bytes, "expands to more than its limit")
    tester:assert((try(name, data.csv, bytes:sub(1, -1), "within the limit")))
    refused(name, data.csv, bytes:sub(1, #bytes // 2), "truncated")
    refused(name, data.csv, bytes .. "x", "bytes follow the compressed data")
  end)
end

tester:add(tests)
tester:run()
