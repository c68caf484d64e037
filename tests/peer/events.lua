-- events: writes event files of every kind for events.py, with what should be read back as JSON.
--
--   cresset tests/peer/events.lua FOLDER        everything, and FOLDER/want.json
--   cresset tests/peer/events.lua FOLDER loop   scalars for ever, telling each on the standard output

local torch = require "torch"
local image = require "image"
local json = require "json"
local tensorboard = require "tensorboard"

local folder, mode = arg[1], arg[2]
if mode == "loop" then
  local writer = tensorboard.SummaryWriter(folder)
  for i = 1, math.huge do
    writer:addScalar("a", i, i // 1)
    io.stdout:write(i, "\n"):flush()
  end
end

torch.manualSeed(tonumber(os.getenv "SEED") or 1)
local want = { scalars = {}, histograms = {}, images = {}, texts = {} }
local function keep(kind, tag, step, value)
  table.insert(want[kind], { tag = tag, step = step, value = value })
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

do
  local writer <close> = tensorboard.SummaryWriter(folder .. "/main")
  for step = 1, 20 do
    local value = torch.randn(1):item()
    writer:addScalar("loss/train", value, step)
    keep("scalars", "loss/train", step, value)
  end
  for step, x in ipairs { torch.randn(1000), torch.rand(7):mul(1e-3), torch.zeros(3),
    torch.Tensor { -5, 1e-13, 3e9 }, torch.DoubleTensor { -2, -1 }, torch.LongTensor { 5 } } do
    writer:addHistogram("h", x, step)
    keep("histograms", "h", step, x:double())
  end
  for step, x in ipairs { torch.ByteTensor(3, 4, 5):random(0, 255), torch.ByteTensor(6, 2):random(0, 255),
    torch.ByteTensor(4, 3, 3):random(0, 255) } do
    writer:addImage("i", x, step)
    local png = image.compressPNG(x)
    keep("images", "i", step, { width = x:size(x:dim()), height = x:size(x:dim() - 1),
      png = hex(torch._bytes(png:storage())), pixels = x })
  end
  writer:addText("note", "*größer*\n\nthan", 3)
  keep("texts", "note", 3, "*größer*\n\nthan")
  local nn = require "nn"
  writer:addGraph(nn.Sequential():add(nn.Linear(3, 4)):add(nn.Tanh()), { 2, 3 })
  want.hparams = { lr = 0.25, name = "adam", on = true }
  writer:addHparams(want.hparams, { acc = 0.5 }, { runName = "." })
end
do
  local writer <close> = tensorboard.SummaryWriter(folder .. "/resumed")
  for step = 1, 5 do writer:addScalar("a", step, step) end
end
do
  local writer <close> = tensorboard.SummaryWriter(folder .. "/resumed", { purgeStep = 4 })
  for step = 4, 6 do writer:addScalar("a", 10 * step, step) end
end
want.resumed = { 1, 2, 3, 40, 50, 60 }
local file = assert(io.open(folder .. "/want.json", "w"))
file:write(json.encode(want))
file:close()
