-- test_tensorboard: event files, written and read back; tests/peer/run_tensorboard asks TensorBoard itself.
local torch = require "torch"
local events = require "tensorboard._events"
local paths = require "paths"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "should be refused: " .. pattern)
  tester:assert(tostring(message):find(pattern, 1, true) ~= nil, pattern .. " / " .. tostring(message))
end

-- The vectors of RFC 3720, appendix B.4.
function tests.checksums()
  local up, down = {}, {}
  for i = 0, 31 do up[i + 1], down[i + 1] = string.char(i), string.char(31 - i) end
  for bytes, want in pairs { ["123456789"] = 0xe3069283, [("\0"):rep(32)] = 0x8a9136aa, [""] = 0,
    [("\xff"):rep(32)] = 0x62a8ab43, [table.concat(up)] = 0x46dd794e, [table.concat(down)] = 0x113fdb5c } do
    local crc, masked = events.crc32c(bytes)
    tester:eq(crc, want)
    tester:eq(masked, ((crc >> 15 | crc << 17 & 0xffffffff) + 0xa282ead8) & 0xffffffff)
  end
end

if not events.there then
  function tests.says_what_to_install()
    refused("libprotobuf-c-dev", require, "tensorboard")
  end
  tester:add(tests)
  tester:run()
  return
end

local tensorboard = require "tensorboard"

-- Calls f with a folder that is removed afterwards.
local function with_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  local ok, message = pcall(f, folder)
  if paths.dirp(folder) then paths.rmall(folder, "yes") end
  if not ok then error(message, 0) end
end

local function contents(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

local function values(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = item.value end
  return out
end

-- The first record as other programs write it, byte for byte.
-- Strings that only __index gives would be freed before they are written.
function tests.fields_are_the_tables_own()
  local event = setmetatable({ step = 2 }, { __index = function(_, name)
    return name == "file_version" and ("x"):rep(100) or nil
  end })
  tester:eq(events.unpack("Event", events.pack("Event", event)).file_version, nil)
end

function tests.bytes_of_a_record()
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    writer:addScalar("a", 1, 2, 3)
    writer:close()
    local text = contents(writer.name)
    local length, first = ("<I8I4"):unpack(text)
    tester:eq(length, 24) -- wall time, version
    tester:eq(first, select(2, events.crc32c(text:sub(1, 8))))
    tester:eq(text:sub(13 + 9, 12 + length), "\x1a\x0dbrain.Event:2")
    local rest = text:sub(12 + length + 4 + 1)
    tester:eq(rest:sub(13, -5), "\x09" .. ("<d"):pack(3) .. "\x10\x02" .. "\x2a\x0a\x0a\x08\x0a\x01a\x15"
      .. ("<f"):pack(1))
  end)
end

function tests.scalars()
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    for i = 1, 50 do writer:addScalar("loss/train", 1 / i, i) end
    writer:addScalar("t", torch.DoubleTensor { 2.5 }, -4, 123.25)
    writer:addScalar("t", 0 / 0, 2 ^ 40)
    writer:addScalar("t", true)
    writer:close()
    local s, problem = tensorboard.summaries(folder)
    tester:eq(problem, nil)
    tester:eq(#s.scalar["loss/train"], 50)
    tester:eq(s.scalar["loss/train"][3].value, 1 / 3, 1e-7)
    local t = s.scalar.t
    tester:eq({ t[1].step, t[1].value, t[1].wallTime, t[2].step, t[3].value, t[3].step },
      { -4, 2.5, 123.25, 2 ^ 40 // 1 | 0, 1, 0 })
    tester:assert(t[2].value ~= t[2].value)
    tester:assert(math.abs(t[3].wallTime - os.time()) < 100)
  end)
end

function tests.histograms()
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    writer:addHistogram("h", torch.Tensor { -1, 0, 0, 1, 1.05, 7 }, 1)
    writer:addHistogram("h", { 0 / 0, 3, math.huge }, 2)
    writer:addHistogram("h", { 0 / 0 }, 3)
    writer:addHistogram("h", torch.LongTensor { 5, 5 }, 4)
    writer:close()
    local h = values(tensorboard.summaries(folder).histogram.h)
    tester:eq({ h[1].min, h[1].max, h[1].num, h[1].sum }, { -1, 7, 6, 8.05 }, 1e-6)
    tester:eq(h[1].sumSquares, 1 + 1 + 1.05 ^ 2 + 49, 1e-5)
    local total = 0
    for i, count in ipairs(h[1].counts) do
      total = total + count
      if count > 0 then
        local left, right = h[1].limits[i - 1], h[1].limits[i]
        tester:assert(right > left and (left == 0 or right == 0 or math.abs(right / left) < 1.11 or
          math.abs(left / right) < 1.11), "a bucket's width")
      end
    end
    tester:eq(total, 6)
    tester:eq(h[1].counts[1], 0)
    tester:eq({ h[2].num, h[2].min, h[2].max }, { 1, 3, 3 })
    tester:eq(h[3].num, 0)
    tester:eq({ h[4].num, h[4].counts[#h[4].counts] }, { 2, 2 })
    tester:assert(h[4].limits[1] <= 5 and h[4].limits[2] > 5)
    refused("an empty tensor", writer.addHistogram, writer, "h", torch.Tensor())
  end)
end

function tests.pictures()
  if not pcall(require("image").compressPNG, torch.zeros(1, 1, 1)) then return end -- no libpng
  local image = require "image"
  local function pixels(v)
    local bytes = torch.ByteTensor(torch.ByteStorage():string(v.data))
    return image.decompressPNG(bytes, nil, "byte")
  end
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    local x = torch.ByteTensor(3, 4, 5):random(0, 255)
    writer:addImage("colours", x, 1)
    writer:addImage("grey", torch.Tensor { { 0, 0.5, 2 } }, 1)
    local many = torch.ByteTensor(10, 4, 5):random(0, 255)
    writer:addImages("many", many, 1)
    writer:addImages("many", many, 2, { nrow = 3, padding = 0 })
    writer:close()
    local s = tensorboard.summaries(folder).image
    local v = s.colours[1].value
    tester:eq({ v.height, v.width, v.channels }, { 4, 5, 3 })
    tester:eq(pixels(v), x)
    tester:eq(pixels(s.grey[1].value):view(3):totable(), { 0, 128, 255 })
    local sheet = pixels(s.many[1].value)
    tester:eq(sheet.shape, { 1, 2 * 6 + 2, 8 * 7 + 2 })
    tester:eq(sheet[1]:narrow(1, 9, 4):narrow(2, 10, 5), many[10])
    tester:eq(sheet[1][1]:sum(), 0)
    sheet = pixels(s.many[2].value)
    tester:eq(sheet.shape, { 1, 16, 15 })
    refused("of 5x2x2", writer.addImage, writer, "x", torch.rand(5, 2, 2))
  end)
end

function tests.text_and_settings()
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    writer:addText("note", "*ä*\n", 3)
    writer:addHparams({ lr = 0.1, n = 3, name = "x", on = true, off = false }, { acc = 0.5 },
      { runName = ".", step = 2 })
    writer:addHparams({ lr = 0.2 }, {}, { runName = "second" })
    writer:addScalars("both", { a = 1, b = 2 }, 5)
    writer:close()
    local s = tensorboard.summaries(folder)
    tester:eq({ s.text.note[1].value, s.text.note[1].step }, { "*ä*\n", 3 })
    tester:eq(s.hparams["_hparams_/session_start_info"][1].value.hparams,
      { lr = 0.1, n = 3, name = "x", on = true, off = false })
    tester:eq(s.hparams["_hparams_/experiment"][1].value,
      { names = { "lr", "n", "name", "off", "on" }, metrics = { "acc" } })
    tester:eq(s.hparams["_hparams_/session_end_info"][1].value.status, "success")
    tester:eq(s.scalar.acc[1].value, 0.5)
    local second = tensorboard.summaries(folder .. "/second")
    tester:eq(second.hparams["_hparams_/session_start_info"][1].value.hparams.lr, 0.2)
    tester:eq(tensorboard.summaries(folder .. "/both_b").scalar.both[1].value, 2)
  end)
end

function tests.graphs()
  local nn = require "nn"
  with_folder(function(folder)
    local net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.Tanh())
      :add(nn.ConcatTable():add(nn.Linear(4, 2)):add(nn.Linear(4, 2))):add(nn.CAddTable())
    local writer = tensorboard.SummaryWriter(folder)
    writer:addGraph(net, { 2, 3 })
    writer:addGraph(net, torch.randn(2, 3))
    refused("got a number, wanted a module", writer.addGraph, writer, 3)
    writer:close()
    local list = tensorboard.read(folder)
    tester:eq(#list, 3)
    local nodes, names = list[2].graph, {}
    for _, node in ipairs(nodes) do
      for _, from in ipairs(node.input) do tester:assert(names[from] ~= nil, from) end -- in order
      tester:eq(names[node.name], nil)
      names[node.name] = node
    end
    tester:eq(names["Sequential/0/linear"].input, { "input", "Sequential/0/weight", "Sequential/0/bias" })
    tester:eq(names["Sequential/1/tanh"].input, { "Sequential/0/linear" })
    tester:eq(names["Sequential/2/1/linear"].input,
      { "Sequential/1/tanh", "Sequential/2/1/weight", "Sequential/2/1/bias" })
    tester:eq(names["Sequential/3/add"].input, { "Sequential/2/0/linear", "Sequential/2/1/linear" })
    tester:eq(names.output.input, { "Sequential/3/add" })
    tester:eq(names["Sequential/0/bias"].op, "Parameter")
    tester:eq(#nodes, 13)
    local shape = names["Sequential/1/tanh"].attr[1]
    tester:eq({ shape.key, shape.value.list.shape[1].dim[2].size }, { "_output_shapes", 4 })
  end)
end

-- A writer that goes on where another was, and two at once.
function tests.several_writers()
  with_folder(function(folder)
    local first = tensorboard.SummaryWriter(folder)
    for i = 1, 5 do first:addScalar("a", i, i) end
    local second = tensorboard.SummaryWriter(folder, { purgeStep = 4 })
    first:addScalar("b", 1, 9) -- stands in the first file, so it is taken back too
    for i = 4, 6 do second:addScalar("a", 10 * i, i) end
    first:close()
    second:close()
    tester:ne(first.name, second.name)
    local s = tensorboard.summaries(folder).scalar
    tester:eq(values(s.a), { 1, 2, 3, 40, 50, 60 })
    tester:eq(s.b, nil)
    local names = {}
    for _ = 1, 20 do
      local writer = tensorboard.SummaryWriter(folder)
      tester:eq(names[writer.name], nil)
      names[writer.name] = true
      writer:close()
    end
  end)
end

function tests.closing()
  with_folder(function(folder)
    local kept
    do
      local writer <close> = tensorboard.SummaryWriter(folder, { flushSecs = 1000, filenameSuffix = ".mine" })
      kept = writer
      writer:addScalar("a", 1, 1)
      tester:eq(#tensorboard.read(writer.name), 0) -- nothing is flushed yet
      writer:flush()
      tester:eq(#tensorboard.read(writer.name), 2)
      writer:addScalar("a", 2, 2)
    end
    tester:eq(#tensorboard.read(kept.name), 3)
    tester:assert(kept.name:find(".mine", 1, true) ~= nil)
    refused("SummaryWriter:addScalar: the writer is closed", kept.addScalar, kept, "a", 1)
    kept:close()
    kept:flush()
  end)
end

function tests.bad_arguments()
  with_folder(function(folder)
    local w = tensorboard.SummaryWriter(folder)
    refused("addScalar: the value is a string, wanted a number", w.addScalar, w, "a", "1")
    refused("addScalar: the tag is a nil", w.addScalar, w)
    refused("addScalar: the tag is not UTF-8", w.addScalar, w, "\xff", 1)
    refused("the step is 1.5, wanted a whole number", w.addScalar, w, "a", 1, 1.5)
    refused("addText: the text is not UTF-8", w.addText, w, "a", "\xff")
    refused("addText: the text is a number", w.addText, w, "a", 3)
    refused("the tag has a zero byte", w.addText, w, "a\0", "x")
    refused("addHparams: lr is a table", w.addHparams, w, { lr = {} }, {})
    refused("addHparams: the metrics are a boolean", w.addHparams, w, {}, nil)
    refused("addScalars: the values are a number", w.addScalars, w, "a", 3)
    refused("there is no option 'rows'; there are nrow, padding, wallTime", w.addImages, w, "a",
      torch.rand(2, 3, 3), 1, { rows = 2 })
    refused("there is no option 'purge'", tensorboard.SummaryWriter, folder, { purge = 1 })
    refused("the folder is a number", tensorboard.SummaryWriter, 3)
    w:close()
    write(folder .. "/file", "x")
    refused("file", tensorboard.SummaryWriter, folder .. "/file/x")
    refused("nosuch", tensorboard.read, folder .. "/nosuch")
  end)
end

-- Whatever is cut off, the records before can be read.
function tests.cut_files()
  with_folder(function(folder)
    local writer = tensorboard.SummaryWriter(folder)
    for i = 1, 4 do writer:addScalar("a", i, i) end
    writer:close()
    local text, name = contents(writer.name), folder .. "/cut"
    local last = 0
    for n = 0, #text do
      write(name, text:sub(1, n))
      local list, problem = tensorboard.read(name)
      tester:assert(#list >= last and #list <= 5)
      last = #list
      if n == 0 or n == #text then tester:eq(problem, nil) end
      if #list < 5 and n % 7 == 3 then tester:assert(problem == nil or problem:find("ends within") ~= nil) end
    end
    tester:eq(last, 5)
    for _, at in ipairs { 3, 10, 20, 60, #text - 2 } do
      write(name, text:sub(1, at - 1) .. string.char(text:byte(at) ~ 32) .. text:sub(at + 1))
      local list, problem = tensorboard.read(name)
      tester:assert(#list < 5 and problem:find("byte %d+: ") ~= nil, tostring(problem))
    end
  end)
end

-- Newer TensorFlow writes scalars as tensors.
function tests.scalars_as_tensors()
  with_folder(function(folder)
    paths.mkdir(folder)
    local file = require "tensorboard.file"
    local function event(tensor)
      return file.record(events.pack("Event", { step = 3, summary = { value = { { tag = "a", tensor = tensor,
        metadata = { plugin_data = { plugin_name = "scalars" } } } } } }))
    end
    write(folder .. "/x.tfevents.1", event { dtype = 1, tensor_content = ("<f"):pack(2.5) }
      .. event { dtype = 1, float_val = { 3.5 } } .. event { dtype = 2, double_val = { 4.25 } }
      .. event { dtype = 9, int64_val = { 7 } } .. event { dtype = 19, tensor_content = "ab" })
    local s = tensorboard.summaries(folder)
    tester:eq(values(s.scalar.a), { 2.5, 3.5, 4.25, 7 })
    tester:eq(#s.tensor.a, 1)
  end)
end

tester:add(tests)
tester:run()
