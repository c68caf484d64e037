-- test_data: the IDX reader, MNIST, and the small packages that help: paths and plot.
local torch = require "torch"
local data = require "data"
local paths = require "paths"
local plot = require "plot"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function with_bytes(bytes, f)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(bytes)
  file:close()
  local ok, err = pcall(f, name)
  os.remove(name)
  if not ok then error(err, 0) end
end

local function compress(name)
  assert(os.execute(("gzip -9nf %s"):format(name)))
  return name .. ".gz"
end

local function read_all(name)
  local f = assert(io.open(name, "rb"))
  local bytes = f:read("a")
  f:close()
  return bytes
end

local function header(code, ...)
  local sizes = { ... }
  local bytes = string.pack(">I1I1I1I1", 0, 0, code, #sizes)
  for _, size in ipairs(sizes) do bytes = bytes .. string.pack(">I4", size) end
  return bytes
end

function tests.element_types()
  local types = {
    { 0x08, "B", "torch.ByteTensor", { 0, 200, 255 } },
    { 0x09, "b", "torch.CharTensor", { -128, 0, 127 } },
    { 0x0b, ">i2", "torch.ShortTensor", { -2, 300, 32767 } },
    { 0x0c, ">i4", "torch.IntTensor", { -2, 1 << 20, 7 } },
    { 0x0d, ">f", "torch.FloatTensor", { -0.5, 1e10, 3 } },
    { 0x0e, ">d", "torch.DoubleTensor", { -0.1, 1e100, 3 } },
  }
  for _, entry in ipairs(types) do
    local code, format, kind, values = table.unpack(entry)
    local bytes = header(code, 3)
    for _, value in ipairs(values) do bytes = bytes .. format:pack(value) end
    with_bytes(bytes, function(name)
      local t = data.idx(name)
      tester:eq(t:type(), kind)
      for i, value in ipairs(values) do
        tester:eq(t[i], value, kind == "torch.FloatTensor" and 1024 or 0)
      end
    end)
  end
end

function tests.shapes()
  local body = ""
  for i = 1, 24 do body = body .. string.char(i) end
  with_bytes(header(8, 2, 3, 4) .. body, function(name)
    local t = data.idx(name)
    tester:eq(t:size():totable(), { 2, 3, 4 })
    tester:eq(t[2][3][4], 24)
    tester:eq(t[1][2][1], 5)
  end)
  with_bytes(header(8, 0), function(name) tester:eq(data.idx(name):nElement(), 0) end)
end

function tests.compressed()
  local body = ("0123456789"):rep(30000)
  with_bytes(header(8, 300000) .. body, function(name)
    local plain = data.idx(name)
    local gz = compress(name)
    tester:eq(data.idx(gz), plain)
    local bytes = read_all(gz)
    os.remove(gz)
    with_bytes(bytes:sub(1, #bytes // 2), function(cut)
      tester:assertErrorPattern(function() data.idx(cut) end, "compressed file is truncated")
    end)
    with_bytes(bytes .. "junk", function(long)
      tester:assertErrorPattern(function() data.idx(long) end, "bytes follow the compressed data")
    end)
    with_bytes(bytes:sub(1, -9) .. "\0\0\0\0" .. bytes:sub(-4), function(wrong)
      tester:assertErrorPattern(function() data.idx(wrong) end, "incorrect data check")
    end)
  end)
end

function tests.faults()
  tester:assertErrorPattern(function() data.idx("/no/such/file") end,
    "test_data.lua:%d+: data%.idx: /no/such/file: No such file")
  tester:assertErrorPattern(function() data.idx(3) end, "a file name expected")
  tester:assertErrorPattern(function() data.idx("/") end, "data%.idx: /: ")
  local cases = {
    { "", "truncated: 0 bytes" },
    { "\0\0\8", "truncated: 3 bytes" },
    { "PK\3\4", "not an IDX file: it begins with 50 4b 03 04" },
    { header(7, 1), "not an IDX file" },
    { "\0\0\8\0", "0 dimensions" },
    { "\0\0\8\40", "40 dimensions" },
    { header(8, 2, 3):sub(1, 10), "truncated within its header" },
    { header(8, 5) .. "1234", "truncated: 4 bytes of elements, its header says 5" },
    { header(8, 5) .. "123456", "more bytes follow the last element" },
    { header(8, 0xffffffff, 0xffffffff, 0xffffffff), "data%.idx: " },
    { header(8, 0xffffffff, 2), "more than the limit" },
    { header(0x0e, 500000000) .. "12345678", "truncated: 8 bytes of elements" },
  }
  for _, case in ipairs(cases) do
    with_bytes(case[1], function(name)
      local ok, err = pcall(data.idx, name)
      tester:assert(not ok and err:find(case[2]) ~= nil, case[2] .. " / " .. tostring(err))
      tester:assert(err:find(name, 1, true) ~= nil, "names the file: " .. tostring(err))
    end)
  end
  with_bytes(header(8, 100) .. ("x"):rep(100), function(name)
    tester:assertErrorPattern(function() data.idx(name, 99) end, "limit of 99 bytes")
    tester:eq(data.idx(name, 100):nElement(), 100)
  end)
end

-- ---- MNIST ----------------------------------------------------------------------------------------------

function tests.mnist()
  local folder = paths.concat(paths.dirname(paths.thisfile()), "../../scripts/data/mnist")
  local digits = data.mnist(folder)
  tester:eq(digits.train.data:size():totable(), { 10000, 28, 28 })
  tester:eq(digits.test.data:size():totable(), { 2000, 28, 28 })
  tester:eq(digits.train.label:size():totable(), { 10000 })
  tester:eq(digits.train.data:type(), "torch.ByteTensor")
  tester:eq(digits.test.label:min(), 1)
  tester:eq(digits.test.label:max(), 10)
  local first = {}
  for i = 1, 8 do first[i] = digits.train.label[i] - 1 end
  tester:eq(first, { 5, 0, 4, 1, 9, 2, 1, 3 })
  tester:eq(digits.test.label[1] - 1, 7)
end

function tests.mnist_faults()
  tester:assertErrorPattern(function() data.mnist("/no/such") end,
    "data%.mnist: /no/such: there is no such folder")
  local folder = os.tmpname()
  os.remove(folder)
  paths.mkdir(folder)
  tester:assertErrorPattern(function() data.mnist(folder) end, "train%-images%-idx3%-ubyte%.gz: there is no")
  local function put(name, bytes)
    local f = assert(io.open(folder .. "/" .. name, "wb"))
    f:write(bytes)
    f:close()
  end
  put("train-images-idx3-ubyte", header(8, 2, 1, 1) .. "ab")
  put("train-labels-idx1-ubyte", header(8, 3) .. "\0\1\2")
  tester:assertErrorPattern(function() data.mnist(folder) end, "has 2 images, .* has 3 labels")
  put("train-labels-idx1-ubyte", header(8, 2) .. "\0\10")
  tester:assertErrorPattern(function() data.mnist(folder) end, "a label above 9")
  put("train-labels-idx1-ubyte", header(8, 2) .. "\0\9")
  put("t10k-images-idx3-ubyte", header(8, 1, 1, 1) .. "a")
  put("t10k-labels-idx1-ubyte", header(8, 1) .. "\4")
  local digits = data.mnist(folder)
  tester:eq(digits.train.label:totable(), { 1, 10 })
  tester:eq(digits.test.label:totable(), { 5 })
  paths.rmall(folder, "yes")
  tester:assert(not paths.dirp(folder))
end

-- ---- paths ------------------------------------------------------------------------------------------------

function tests.file_names()
  local cases = { { "/a/b/c.txt", "/a/b", "c.txt" }, { "c", ".", "c" }, { "/a", "/", "a" },
    { "a/b/", "a", "b" }, { "/", "/", "/" }, { "a//b", "a", "b" } }
  for _, case in ipairs(cases) do
    tester:eq(paths.dirname(case[1]), case[2])
    tester:eq(paths.basename(case[1]), case[3])
  end
  tester:eq(paths.basename("a/b.lua", ".lua"), "b")
  tester:eq(paths.basename("a/b.lua", "lua"), "b")
  tester:eq(paths.extname("a/b.tar.gz"), "gz")
  tester:assert(paths.extname("a.b/c") == nil)
  tester:eq(paths.concat("/a", "b", "../c", ".", "d"), "/a/c/d")
  tester:eq(paths.concat("/a", "/b"), "/b")
  tester:eq(paths.concat("x"), paths.cwd() .. "/x")
  tester:eq(paths.concat(), paths.cwd())
end

function tests.folders()
  local folder = os.tmpname()
  os.remove(folder)
  tester:assert(not paths.dirp(folder) and not paths.filep(folder))
  tester:assert(paths.mkdir(folder .. "/a/b", true))
  for _, name in ipairs { "x.txt", "y.lua" } do io.open(folder .. "/" .. name, "w"):close() end
  tester:assert(paths.dirp(folder) and paths.filep(folder .. "/x.txt") and not paths.filep(folder))
  tester:eq(paths.dir(folder), { ".", "..", "a", "x.txt", "y.lua" })
  local found = {}
  for name in paths.iterfiles(folder) do found[#found + 1] = name end
  tester:eq(found, { "x.txt", "y.lua" })
  for name in paths.iterdirs(folder) do tester:eq(name, "a") end
  for name in paths.files(folder, "%.lua$") do tester:eq(name, "y.lua") end
  tester:assert(paths.dir(folder .. "/none") == nil)
  tester:assert(not paths.rmall(folder))
  tester:assert(paths.rmall(folder, "yes"))
  tester:assert(not paths.dirp(folder))
  tester:eq(paths.basename(paths.thisfile()), "test_data.lua")
  tester:assert(paths.findprogram("no-such-program", "sh") ~= nil)
end

-- ---- plot -------------------------------------------------------------------------------------------------

local curves = { { "train", { 3, 2, 1.5, 1.2 } }, { "test", torch.FloatTensor { 3.1, 2.5, 2.2, 2.1 } } }

function tests.curves_as_svg()
  local name = os.tmpname()
  local picture = plot.curves(name .. ".svg", curves, { title = "A <title> & more", xlabel = "epoch" })
  tester:eq(picture, name .. ".svg")
  local text = read_all(picture)
  tester:assert(text:find("^<svg ") ~= nil and text:find("</svg>\n$") ~= nil)
  tester:assert(text:find("A &lt;title&gt; &amp; more") ~= nil)
  tester:eq(select(2, text:gsub("<polyline", "")), 2)
  os.remove(picture)
  os.remove(name)
end

function tests.curves_as_png()
  local name = os.tmpname()
  local write = io.write
  io.write = function() end -- luacheck: ignore
  local picture = plot.curves(name .. ".png", curves, { title = "It's" })
  io.write = write -- luacheck: ignore
  local bytes = read_all(picture)
  if paths.findprogram("gnuplot") then
    tester:eq(bytes:sub(2, 4), "PNG")
  else
    tester:eq(bytes:sub(1, 4), "<svg")
    tester:assert(not paths.filep(name .. ".png"))
  end
  os.remove(picture)
  os.remove(name)
  tester:assertErrorPattern(function() plot.curves("/no/such/folder/x.png", curves) end, "/no/such/folder")
end

function tests.curves_as_text()
  local text = plot.text(curves, { title = "Loss", xlabel = "epoch" })
  tester:assert(text:find("Loss") ~= nil and text:find("%* train   %+ test") ~= nil)
  tester:assert(text:find("1 +epoch +4") ~= nil, text)
  for _, odd in ipairs { { 1 }, { 1, 1, 1 }, { 0 / 0, 1, 2 }, {}, { math.huge, 1 } } do
    tester:assertNoError(function() plot.text({ { "odd", odd } }) end)
    tester:assertNoError(function() plot.text({ { "odd", odd } }, { logscale = true }) end)
  end
  tester:assertErrorPattern(function() plot.text({}) end, "a list of curves")
  tester:assertErrorPattern(function() plot.text({ { "a", 5 } }) end, "curve 'a'")
end

function tests.digits()
  local image = torch.ByteTensor(4, 3):zero()
  image[1][1], image[2][2], image[3][3], image[4][3] = 255, 255, 255, 255
  tester:eq(plot.digit(image, { colour = false }), "▀▄ \n  █")
  local both = plot.digits({ image, image:view(1, 4, 3) }, { "one", "2" }, { colour = false })
  tester:eq(both, "▀▄   ▀▄ \n  █    █\none  2  ")
  tester:assert(plot.digit(image, { colour = true }):find("\27%[38;5;255;48;5;232m▀") ~= nil)
  tester:assertErrorPattern(function() plot.digit(torch.FloatTensor(3)) end, "2 dimensions")
end

tester:add(tests):run()
