-- test_readers: data sets of text and of pictures, and arrays that stay in files.
local torch = require "torch"
local data = require "data"
local image = require "image"
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

local function write(path, contents)
  local file = assert(io.open(path, "wb"))
  file:write(contents)
  file:close()
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should fail: " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, pattern .. " / " .. tostring(message))
end

-- ---- text -------------------------------------------------------------------------------------------

function tests.windows()
  local tokens = torch.range(1, 10):long()
  local set = data.TextDataset(tokens, { length = 3 })
  tester:eq(set:size(), 3)
  tester:eq(#set, 3)
  tester:eq(set[3], { torch.LongTensor { 7, 8, 9 }, torch.LongTensor { 8, 9, 10 } })
  set = data.TextDataset(tokens, { length = 3, stride = 1 })
  tester:eq(set:size(), 7)
  tester:eq(set:get(7)[2], torch.LongTensor { 8, 9, 10 })
  tester:eq(data.TextDataset(tokens, { length = 9 }):size(), 1)
  tester:eq(data.TextDataset(tokens, { length = 10 }):size(), 0)
  tester:eq(data.TextDataset(tokens, { length = 2, stride = 20 }):size(), 1)
  tester:eq(torch.type(data.TextDataset(tokens:byte(), { length = 3 }):get(1)[1]), "torch.LongTensor")
  local t = data.CharTokenizer():train("abc")
  local letters = data.TextDataset("abcabc", { length = 4, tokenizer = t })
  tester:eq(letters:get(1)[2], torch.LongTensor { 2, 3, 1, 2 })
  fails("index 4 is out of range, there are 3", set.get, data.TextDataset(tokens, { length = 3 }), 4)
  fails("index 0 is out of range", set.get, set, 0)
  fails("needs the option tokenizer", data.TextDataset, "abc", { length = 2 })
  fails("length is nil, wanted a whole number", data.TextDataset, tokens)
  fails("length is 0", data.TextDataset, tokens, { length = 0 })
  fails("stride is 0.5", data.TextDataset, tokens, { length = 1, stride = 0.5 })
  fails("no option 'size'", data.TextDataset, tokens, { size = 1 })
  fails("got torch.DoubleTensor of 1 dim", data.TextDataset, torch.DoubleTensor(3), { length = 1 })
  fails("LongTensor of 2 dim", data.TextDataset, torch.LongTensor(3, 3), { length = 1 })
end

function tests.lines()
  in_folder(function(folder)
    local path = folder .. "/a.txt"
    local function lines_of(contents)
      write(path, contents)
      local set, out = data.TextFile(path), {}
      for i = 1, set:size() do out[i] = set:get(i) end
      return out
    end
    tester:eq(lines_of(""), {})
    tester:eq(lines_of("one"), { "one" })
    tester:eq(lines_of("one\n"), { "one" })
    tester:eq(lines_of("\n\n"), { "", "" })
    tester:eq(lines_of("one\r\ntwo\n\0three"), { "one", "two", "\0three" })
    local long = ("x"):rep(200000)
    tester:eq(lines_of(long .. "\n" .. long .. "y\nz"), { long, long .. "y", "z" })
    local set = data.TextFile(path, { transform = function(line, i) return #line + i end })
    tester:eq(set:get(3), 4)
    tester:eq(set:get(1), 200001)
    write(path, "other")
    tester:eq(data.TextFile(path):get(1), "other")
    torch.save(path .. ".t7", data.TextFile(path))
    tester:eq(torch.load(path .. ".t7"):get(1), "other")
    local stale = data.TextFile(path)
    write(path, "longer than before")
    fails("was changed since", stale.get, stale, 1)
    fails("index 2 is out of range, there are 1", stale.get, stale, 2)
    fails("No such file", data.TextFile, folder .. "/none")
    fails("a file name expected", data.TextFile, 5)
    fails("directory", data.TextFile, folder)
  end)
end

-- ---- pictures -----------------------------------------------------------------------------------------

local function make_pictures(folder)
  for class, value in pairs { dog = 0.5, cat = 0.25, ant = 1 } do
    paths.mkdir(folder .. "/" .. class .. "/more", true)
    image.save(folder .. "/" .. class .. "/b.ppm", torch.zeros(3, 2, 2):fill(value))
    image.save(folder .. "/" .. class .. "/a.PPM", torch.zeros(3, 2, 2))
    image.save(folder .. "/" .. class .. "/more/c.pgm", torch.zeros(1, 2, 2):fill(value))
  end
  write(folder .. "/cat/notes.txt", "no picture")
  write(folder .. "/cat/.hidden.ppm", "no picture")
  write(folder .. "/file.ppm", "no folder")
end

function tests.image_folder()
  in_folder(function(folder)
    make_pictures(folder)
    local set = data.ImageFolder(folder)
    tester:eq(set:size(), 9)
    tester:eq(set.classes, { "ant", "cat", "dog" })
    tester:eq(set.classToIndex, { ant = 1, cat = 2, dog = 3 })
    tester:eq(set.paths[4], folder .. "/cat/a.PPM")
    tester:eq(set.paths[6], folder .. "/cat/more/c.pgm")
    local sample = set[5]
    tester:eq(sample[2], 2)
    tester:eq(torch.type(sample[1]), "torch.FloatTensor")
    tester:eq(sample[1].shape, { 3, 2, 2 })
    tester:assert(math.abs(sample[1]:mean() - 0.25) < 0.01)
    tester:eq(set:get(6)[1]:size(1), 3) -- grey ones have three channels too
    local other = data.ImageFolder(folder, {
      transform = function(x) return x:sum() end, targetTransform = function(t) return t * 10 end,
      load = function(path) return torch.ones(#path) end, extensions = { ".txt" }, allowEmpty = true,
    })
    tester:eq(other:size(), 1)
    tester:eq(other:get(1), { #(folder .. "/cat/notes.txt"), 20 })
    tester:eq(data.ImageFolder(folder, { depth = 1 }):get(1)[1]:dim(), 2)
  end)
end

function tests.damaged_pictures()
  in_folder(function(folder)
    make_pictures(folder)
    write(folder .. "/cat/b.ppm", "P6\n2 2\n255\nab")
    write(folder .. "/dog/a.PPM", "rubbish")
    local set = data.ImageFolder(folder)
    fails("data.ImageFolder: sample 5: .*/cat/b.ppm", set.get, set, 5)
    os.remove(folder .. "/ant/a.PPM")
    fails("sample 1: .*/ant/a.PPM: No such file", set.get, set, 1)
    local function whole(path) return image.load(path, 3) end
    local checked = data.ImageFolder(folder, { skip = true, load = whole })
    tester:eq(checked:size(), 6)
    tester:eq(#checked.skipped, 2)
    tester:assert(checked.skipped[1].path:find("cat/b.ppm", 1, true) ~= nil)
    for i = 1, 6 do checked:get(i) end
    fails("sample 1: .*a.PPM: mine", function()
      local function load() error("mine", 0) end
      local broken = data.ImageFolder(folder, { load = load, extensions = { "PPM" } })
      os.rename(broken.paths[1], folder .. "/ant/a.PPM")
      broken.paths[1] = folder .. "/ant/a.PPM"
      broken:get(1)
    end)
    paths.mkdir(folder .. "/empty")
    fails("class 'empty' has no pictures", data.ImageFolder, folder)
    fails("has no folders", data.ImageFolder, folder .. "/empty")
    fails("No such file", data.ImageFolder, folder .. "/none")
    fails("no option 'size'", data.ImageFolder, folder, { size = 1 })
    fails("a folder's name expected", data.ImageFolder, 5)
  end)
end

function tests.image_lists()
  in_folder(function(folder)
    make_pictures(folder)
    local list = { { "cat/b.ppm", "cat" }, { folder .. "/ant/b.ppm", "ant" }, { "dog/b.ppm", "cat" } }
    local set = data.ImageList(list, { root = folder })
    tester:eq(set.classes, { "ant", "cat" })
    tester:eq({ set:get(1)[2], set:get(2)[2], set:get(3)[2] }, { 2, 1, 2 })
    tester:assert(set:get(2)[1]:mean() > 0.99)
    write(folder .. "/list.csv", "kind,name,value\nx,ant/b.ppm,0.5\ny,dog/b.ppm,2\n")
    local values = data.ImageList(folder .. "/list.csv", { root = folder, path = "name", class = "value" })
    tester:eq({ values:get(1)[2], values:get(2)[2] }, { 0.5, 2.0 })
    local kinds = data.ImageList(folder .. "/list.csv",
      { root = folder, path = "name", class = "kind", classes = { "y", "x" } })
    tester:eq({ kinds:get(1)[2], kinds:get(2)[2] }, { 2, 1 })
    local flat = data.ImageList(folder, { depth = 1 })
    tester:eq({ flat:size(), flat:get(4)[2], flat.paths[4] }, { 10, 4, folder .. "/cat/a.PPM" })
    fails("there is no class 'x'", data.ImageList, folder .. "/list.csv",
      { root = folder, path = "name", class = "kind", classes = { "y" } })
    fails("no column of file names", data.ImageList, folder .. "/list.csv", { path = "none" })
    fails("no column of classes", data.ImageList, folder .. "/list.csv", { path = "name", class = "none" })
    fails("entry 1 is no { path, target }", data.ImageList, { "a.png" })
    fails("a list or a name expected", data.ImageList, 5)
  end)
end

function tests.they_are_data_sets()
  in_folder(function(folder)
    make_pictures(folder)
    write(folder .. "/a.txt", "one\ntwo\nthree\n")
    local lines = data.TextFile(folder .. "/a.txt")
    tester:assert(torch.isTypeOf(lines, "data.Dataset"))
    tester:eq(lines:map(string.upper)[2], "TWO")
    local set = data.ImageFolder(folder)
    for workers = 0, 2, 2 do
      local images, classes = 0, 0
      for batch in data.DataLoader(set, { batchSize = 3, workers = workers }):batches() do
        tester:eq(batch[1].shape, { 3, 3, 2, 2 })
        images, classes = images + batch[1]:size(1), classes + batch[2]:sum()
      end
      tester:eq({ images, classes }, { 9, 18 })
      local read = {}
      for batch in data.DataLoader(lines, { batchSize = 2, workers = workers }):batches() do
        for _, line in ipairs(batch) do read[#read + 1] = line end
      end
      tester:eq(read, { "one", "two", "three" })
    end
    local tokens = data.mapped(folder .. "/t.npy", { mode = "w", dtype = "int64", shape = { 101 } })
    tokens:copy(torch.range(0, 100))
    local windows = data.TextDataset(tokens, { length = 10 })
    local loader = data.DataLoader(windows, { batchSize = 5, shuffle = true, workers = 1, seed = 1 })
    local sum = 0
    for batch in loader:batches() do sum = sum + batch[1]:sum() end
    tester:eq(sum, 4950)
    loader:close()
  end)
end

-- ---- arrays -------------------------------------------------------------------------------------------

function tests.mapped_npy()
  in_folder(function(folder)
    local path = folder .. "/a.npy"
    local x = data.mapped(path, { mode = "w", dtype = "float32", shape = { 300, 100 } })
    tester:eq(torch.type(x), "torch.FloatTensor")
    tester:eq(x.shape, { 300, 100 })
    tester:eq(x:sum(), 0)
    for i = 1, 300 do x[i]:fill(i) end
    data.flush(x)
    tester:eq(torch.loadnpy(path), x:clone())
    local y = data.mapped(path)
    tester:eq(y[300]:sum(), 30000)
    y:fill(0) -- stays in memory
    tester:eq(torch.loadnpy(path)[300]:sum(), 30000)
    local z = data.mapped(path, { mode = "rw" })
    z[300]:fill(1)
    tester:eq(torch.loadnpy(path)[300]:sum(), 100)
    tester:eq(x[300]:sum(), 100)
    -- Another array in its place leaves those that are mapped as they are.
    data.mapped(path, { mode = "w", dtype = "int64", shape = { 2 } })
    tester:eq(x[299]:sum(), 29900)
    tester:eq(torch.loadnpy(path), torch.LongTensor { 0, 0 })
    for _, dtype in ipairs { "float64", "float16", "int8", "uint8", "int16", "int32", "int64", "bool" } do
      local t = data.mapped(path, { mode = "w", dtype = dtype, shape = { 3 } })
      t:fill(1)
      tester:eq(torch.loadnpy(path), t:clone(), dtype)
      tester:eq(data.mapped(path), t:clone(), dtype)
    end
    tester:eq(data.mapped(path, { mode = "w", shape = { 0, 3 } }).shape, { 0, 3 })
    tester:eq(data.mapped(path).shape, { 0, 3 })
  end)
end

-- As with all files that are written whole: links stay links, and what a killed program of the same number
-- left is not in the way.
function tests.mapped_in_place_of_others()
  in_folder(function(folder)
    local path, stat = folder .. "/a.npy", io.open("/proc/self/stat")
    write(("%s.%d.new"):format(path, stat:read("n")), "half")
    stat:close()
    write(folder .. "/real.npy", "old")
    require("lfs").link("real.npy", path, true)
    data.mapped(path, { mode = "w", dtype = "int64", shape = { 2 } }):fill(3)
    tester:eq(torch.loadnpy(folder .. "/real.npy"), torch.LongTensor { 3, 3 })
    tester:eq(require("lfs").symlinkattributes(path, "mode"), "link")
  end)
end

function tests.mapped_bytes()
  in_folder(function(folder)
    local path = folder .. "/a.raw"
    write(path, "head" .. ("\1\0\0\0\2\0\0\0"):rep(3) .. "xy")
    local x = data.mapped(path, { dtype = "int32", offset = 4 })
    tester:eq(x:totable(), { 1, 2, 1, 2, 1, 2 })
    local m = data.mapped(path, { dtype = "torch.IntTensor", offset = 4, shape = { 3, 2 } })
    tester:eq(m[3]:totable(), { 1, 2 })
    tester:eq(data.mapped(path, { dtype = "int32", offset = 4, shape = 2 }):totable(), { 1, 2 })
    local w = data.mapped(path, { dtype = "int32", offset = 4, mode = "rw" })
    w[1] = 7
    tester:eq(data.mapped(path, { dtype = "int32", offset = 4 })[1], 7)
    fails("at byte 3 cannot be mapped", data.mapped, path, { dtype = "int32", offset = 3, mode = "rw" })
    tester:eq(data.mapped(path, { dtype = "uint8", shape = { 4 } }):totable(), { 104, 101, 97, 100 })
    fails("truncated", data.mapped, path, { dtype = "int32", offset = 4, shape = { 7 } })
    fails("truncated", data.mapped, path, { dtype = "int32", offset = 400 })
    fails("is no bool", data.mapped, path, { dtype = "bool", mode = "rw" })
    fails("too many elements", data.mapped, path, { shape = { 1 << 40, 1 << 40 } })
    fails("size 1 of the shape is %-1", data.mapped, path, { shape = { -1 } })
    fails("there is no type 'int33'", data.mapped, path, { dtype = "int33" })
    fails("mode is", data.mapped, path, { mode = "a" })
    fails("no option 'type'", data.mapped, path, { type = "a" })
    fails("needs the option shape", data.mapped, path, { mode = "w" })
    fails("new file's elements begin at byte 0", data.mapped, path, { mode = "w", shape = { 1 }, offset = 4 })
    fails("No such file", data.mapped, folder .. "/none")
    fails("No such file", data.mapped, folder .. "/none/a", { mode = "w", shape = { 1 } })
    fails("only an ordinary file", data.mapped, folder, { dtype = "uint8" })
    -- More than any disk has: nothing is left behind.
    fails("data.mapped", function()
      data.mapped(folder .. "/huge", { mode = "w", dtype = "uint8", shape = { 1 << 55 } })
    end)
    tester:eq(#paths.dir(folder), 3)
    write(folder .. "/cut.npy", ("x"):rep(50))
    fails("not a .npy file", data.mapped, folder .. "/cut.npy")
    fails("says its type and shape itself", data.mapped, folder .. "/cut.npy", { dtype = "int8" })
    fails("a tensor expected", data.flush, 5)
    data.flush(torch.ones(3)) -- nothing to do
  end)
end

function tests.windows_of_a_mapped_array()
  in_folder(function(folder)
    local path = folder .. "/tokens.npy"
    local tokens = data.mapped(path, { mode = "w", dtype = "int16", shape = { 100001 } })
    tokens:copy(torch.range(0, 100000):fmod(1000))
    local set = data.TextDataset(data.mapped(path), { length = 100 })
    tester:eq(set:size(), 1000)
    tester:eq(set:get(1000)[2][100], 0)
    tester:eq(set:get(11)[1][1], 0)
    tester:eq(set:get(12)[1][1], 100)
  end)
end

tester:add(tests):run()
