-- throughput.lua: throughput.*: training the six models that Paszke et al., "PyTorch: an imperative style,
-- high-performance deep learning library", NeurIPS 2019, compare libraries by (table 1), each in float32 and
-- in mixed precision with bfloat16.
--
-- They are for a GPU; NAME_small are the same models with few numbers, for tests of both sides.

local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local numbers = require "bench_workloads.numbers"
local training = require "bench_workloads.training"

local U, I = numbers.U, numbers.I
local sequence = training.sequence

local function conv(from, to, size, stride, groups, bias)
  return nn.Conv2d(from, to, size, { stride = stride or 1, padding = size // 2, groups = groups or 1,
    bias = bias or false })
end

-- ---- AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014 ----

local function alexnet(classes)
  local net = sequence(
    nn.Conv2d(3, 64, 11, { stride = 4, padding = 2 }), nn.ReLU(true), nn.SpatialMaxPooling(3, 3, 2, 2),
    conv(64, 192, 5, 1, 1, true), nn.ReLU(true), nn.SpatialMaxPooling(3, 3, 2, 2),
    conv(192, 384, 3, 1, 1, true), nn.ReLU(true), conv(384, 256, 3, 1, 1, true), nn.ReLU(true),
    conv(256, 256, 3, 1, 1, true), nn.ReLU(true), nn.SpatialMaxPooling(3, 3, 2, 2), nn.Flatten())
  net:add(nn.Dropout(0.5)):add(nn.Linear(256 * 6 * 6, 4096)):add(nn.ReLU(true))
  net:add(nn.Dropout(0.5)):add(nn.Linear(4096, 4096)):add(nn.ReLU(true))
  return net:add(nn.Linear(4096, classes))
end

-- ---- VGG-19: Simonyan and Zisserman, "Very deep convolutional networks", 2015, configuration E -------

local function vgg19(classes)
  local net, from = nn.Sequential(), 3
  for _, stage in ipairs { { 64, 2 }, { 128, 2 }, { 256, 4 }, { 512, 4 }, { 512, 4 } } do
    for _ = 1, stage[2] do
      net:add(conv(from, stage[1], 3, 1, 1, true)):add(nn.ReLU(true))
      from = stage[1]
    end
    net:add(nn.SpatialMaxPooling(2, 2))
  end
  net:add(nn.Flatten())
  for _, width in ipairs { 512 * 7 * 7, 4096 } do
    net:add(nn.Linear(width, 4096)):add(nn.ReLU(true)):add(nn.Dropout(0.5))
  end
  return net:add(nn.Linear(4096, classes))
end

-- ---- ResNet-50: He et al., 2016; the stride is that of the 3x3 convolution -----------------------------

local bench = {}
local Bottleneck, parent = torch.class("bench.Bottleneck", "nn.Container", bench)

function Bottleneck:__init(from, width, stride)
  parent.__init(self)
  local to = 4 * width
  for _, c in ipairs { conv(from, width, 1), conv(width, width, 3, stride), conv(width, to, 1) } do
    self:add(c):add(nn.SpatialBatchNormalization(c.weight:size(1)))
  end
  if stride ~= 1 or from ~= to then
    self:add(conv(from, to, 1, stride)):add(nn.SpatialBatchNormalization(to))
  end
end

function Bottleneck:updateOutput(x)
  local m = self.modules
  local y = torch.relu(m[2](m[1](x)))
  y = torch.relu(m[4](m[3](y)))
  y = m[6](m[5](y))
  return torch.relu(y + (m[7] and m[8](m[7](x)) or x))
end

local function resnet50(classes)
  local net = sequence(nn.Conv2d(3, 64, 7, { stride = 2, padding = 3, bias = false }),
    nn.SpatialBatchNormalization(64), nn.ReLU(true), nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1))
  local from = 64
  for stage, count in ipairs { 3, 4, 6, 3 } do
    local width = 32 << stage
    for i = 1, count do
      net:add(bench.Bottleneck(from, width, i == 1 and stage > 1 and 2 or 1))
      from = 4 * width
    end
  end
  return net:add(nn.SpatialAdaptiveAveragePooling(1, 1)):add(nn.Flatten()):add(nn.Linear(from, classes))
end

-- ---- MobileNet: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018 ---------

local function normal(net, c, active)
  net:add(c):add(nn.SpatialBatchNormalization(c.weight:size(1)))
  return active and net:add(nn.ReLU6(true)) or net
end

local Inverted, Inverted_parent = torch.class("bench.Inverted", "nn.Sequential", bench)

function Inverted:__init(from, to, stride, expansion)
  Inverted_parent.__init(self)
  local width = from * expansion
  self.residual = stride == 1 and from == to
  if expansion > 1 then normal(self, conv(from, width, 1), true) end
  normal(self, conv(width, width, 3, stride, width), true)
  normal(self, conv(width, to, 1), false)
end

function Inverted:updateOutput(x)
  local y = Inverted_parent.updateOutput(self, x)
  return self.residual and x + y or y
end

-- expansion, channels, blocks, stride of the first
local INVERTED = { { 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 }, { 6, 96, 3, 1 },
  { 6, 160, 3, 2 }, { 6, 320, 1, 1 } }

local function mobilenet(classes)
  local net, from = normal(nn.Sequential(), conv(3, 32, 3, 2), true), 32
  for _, stage in ipairs(INVERTED) do
    local expansion, to, count, stride = table.unpack(stage)
    for i = 1, count do
      net:add(bench.Inverted(from, to, i == 1 and stride or 1, expansion))
      from = to
    end
  end
  normal(net, conv(from, 1280, 1), true)
  return net:add(nn.SpatialAdaptiveAveragePooling(1, 1)):add(nn.Flatten()):add(nn.Linear(1280, classes))
end

-- ---- a translator like GNMT: Wu et al., "Google's neural machine translation system", 2016 -------------
-- Four layers to read, the first in both directions, four to write; all layers of the writer but the first
-- see what the first one attends to (Bahdanau et al., 2015).  Without dropout.

local GNMT, GNMT_parent = torch.class("bench.GNMT", "nn.Container", bench)
local LAYERS = 4

function GNMT:__init(words, n)
  GNMT_parent.__init(self)
  self.embedding = nn.Embedding(words, n)
  self:add(self.embedding)
  self.reader, self.writer = {}, {}
  for i = 1, LAYERS do
    self.reader[i] = nn.LSTM(i == 2 and 2 * n or n, n, { bidirectional = i == 1 })
    self:add(self.reader[i])
  end
  for i = 1, LAYERS do
    self.writer[i] = nn.LSTM(i == 1 and n or 2 * n, n)
    self:add(self.writer[i])
  end
  self.query, self.key = nn.Linear(n, n, false), nn.Linear(n, n)
  self.energy, self.scores = nn.Linear(n, 1, false), nn.Linear(n, words)
  self:add(self.query):add(self.key):add(self.energy):add(self.scores)
end

-- out: steps x batch x n; for each of its places what is attended to of x.
function GNMT:attend(out, x)
  local q = self.query(out):transpose(1, 2):unsqueeze(3)
  local read = x:transpose(1, 2)
  local k = self.key(read):unsqueeze(2)
  local weights = torch.softmax(self.energy(torch.tanh(q + k)):squeeze(4), 3)
  return torch.bmm(weights, read):transpose(1, 2)
end

function GNMT:updateOutput(input)
  local x, y = self.embedding(input[1]), self.embedding(input[2])
  for i, layer in ipairs(self.reader) do
    local out = layer(x)
    x = i > 2 and x + out or out
  end
  y = self.writer[1](y)
  local seen = self:attend(y, x)
  for i = 2, LAYERS do
    local out = self.writer[i](torch.cat(y, seen, 3))
    y = i > 2 and y + out or out
  end
  return self.scores(y):view(-1, self.scores.weight:size(1))
end

-- ---- NCF: He et al., "Neural collaborative filtering", 2017 (NeuMF) ------------------------------------

local NCF, NCF_parent = torch.class("bench.NCF", "nn.Container", bench)

function NCF:__init(users, items, factors, widths)
  NCF_parent.__init(self)
  self.tables = {}
  for i, count in ipairs { users, items, users, items } do
    self.tables[i] = nn.Embedding(count, i <= 2 and factors or widths[1] // 2)
    self:add(self.tables[i])
  end
  self.layers = nn.Sequential()
  for i = 2, #widths do self.layers:add(nn.Linear(widths[i - 1], widths[i])):add(nn.ReLU(true)) end
  self.score = nn.Linear(factors + widths[#widths], 1)
  self:add(self.layers):add(self.score)
end

function NCF:updateOutput(input)
  local t, users, items = self.tables, input[1], input[2]
  local both = torch.cat(t[3](users), t[4](items), 2)
  local product = torch.cmul(t[1](users), t[2](items))
  return self.score(torch.cat(product, self.layers(both), 2)):view(-1)
end

-- ---- the list -------------------------------------------------------------------------------------------

local function images(build, batch)
  return function(dtype)
    local m = training.prepared(build(1000))
    local x = U(1, batch, 3, 224, 224)
    if dtype then
      m = m:to { memoryFormat = "channelsLast" }
      x = x:contiguous("channelsLast")
    end
    return training.trainer(m, nn.CrossEntropyCriterion(), x, I(2, 1000, batch),
      optim.SGD(m:parameters(), { lr = 0.01, momentum = 0.9, weightDecay = 1e-4 }), dtype)
  end
end

local function translator(words, n, steps, batch)
  return function(dtype)
    local m = training.prepared(bench.GNMT(words, n))
    local input = { I(1, words, steps, batch), I(2, words, steps, batch) }
    return training.trainer(m, nn.CrossEntropyLoss { labelSmoothing = 0.1 }, input,
      I(3, words, steps * batch), optim.Adam(m:parameters(), { lr = 1e-3 }), dtype)
  end
end

local function recommender(users, items, factors, widths, batch)
  return function(dtype)
    local m = training.prepared(bench.NCF(users, items, factors, widths))
    local t = numbers.between(0, 1, 3, batch)
    t:copy(torch.gt(t, 0.8))
    return training.trainer(m, nn.BCEWithLogitsLoss(), { I(1, users, batch), I(2, items, batch) }, t,
      optim.Adam(m:parameters(), { lr = 4.5e-3, betas = { 0.25, 0.5 } }), dtype)
  end
end

return function(workloads)
  -- per: what is counted, of which a step has so many; small: the same with few numbers
  local function add(name, batch, per, count, build, small)
    for _, dtype in ipairs { "", "bfloat16" } do
      local suffix = dtype == "" and "" or "_bf16"
      local function with(f)
        return function() return f(dtype ~= "" and dtype or nil) end
      end
      workloads.add(("throughput.%s_%s%s"):format(name, batch, suffix), { kind = "train", where = "cuda",
        per = per, count = count, build = with(build) })
      workloads.add(("throughput.%s_small%s"):format(name, suffix), { kind = "train", where = "on request",
        build = with(small) })
    end
  end
  -- The paper does not say how large its batches are.  These are common for the models: 64 pictures, 128
  -- sentences, 2^20 ratings (of the users and films of MovieLens 20M).
  local nets = { alexnet = alexnet, vgg19 = vgg19, resnet50 = resnet50, mobilenet = mobilenet }
  for _, name in ipairs { "alexnet", "vgg19", "resnet50", "mobilenet" } do
    add(name, "b64", "images", 64, images(nets[name], 64), images(nets[name], 2))
  end
  add("gnmt", "b128", "tokens", 2 * 128 * 32, translator(32000, 1024, 32, 128), translator(50, 16, 5, 3))
  add("ncf", "b1m", "samples", 1 << 20, recommender(138493, 26744, 64, { 256, 256, 128, 64 }, 1 << 20),
    recommender(30, 40, 8, { 16, 16, 8 }, 64))
end
