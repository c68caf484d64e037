-- test_inspection: nn.summary, module:trace and nn.check.
local torch = require "torch"
local nn = require "nn"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function network()
  return nn.Sequential():add(nn.SpatialConvolution(1, 2, 3, 3)):add(nn.SpatialBatchNormalization(2))
    :add(nn.ReLU()):add(nn.View(-1):setNumInputDims(3))
    :add(nn.Sequential():add(nn.Linear(32, 3)):add(nn.LogSoftMax()))
end

function tests.summary()
  local net = network()
  net:training()
  local mean = net:get(2).running_mean:clone()
  local s = nn.summary(net, { 5, 1, 6, 6 })
  tester:eq(s.parameters, 20 + 4 + 99)
  tester:eq(s.multiplyAdds, 5 * 2 * 16 * 9 + 5 * 3 * 32)
  tester:eq(s.parameterBytes, 4 * (20 + 4 + 99 + 4))
  tester:eq(s.outputBytes, 4 * 5 * (32 * 4 + 3 * 2))
  tester:eq(#s.rows, 8)
  tester:eq(s.rows[2], { "  0: SpatialConvolution", "5x1x6x6", "5x2x4x4", "20", "1,440" })
  tester:eq(s.rows[7], { "    0: Linear", "5x32", "5x3", "99", "480" })
  tester:eq(net.train, true)
  tester:eq(net:get(2).running_mean, mean, 0)
  local text = tostring(s)
  local last = "123 parameters, 508 B; 1,920 multiply-adds; outputs 2.62 KiB"
  tester:eq(text:match "[^\n]*$", last)
  for line in text:gmatch "[^\n]+" do tester:assertle(#line, 100) end

  net:get(1):freeze()
  s = nn.summary(net:double(), torch.randn(1, 1, 6, 6):double())
  tester:eq(s.frozen, 20)
  tester:assert(tostring(s):find("(20 frozen)", 1, true) ~= nil)
end

function tests.summary_of_tables_and_shared_modules()
  local shared = nn.Linear(4, 4)
  local net = nn.Sequential():add(nn.ParallelTable():add(shared):add(shared)):add(nn.CAddTable())
  local s = nn.summary(net, { torch.randn(2, 4), torch.randn(2, 4) })
  tester:eq(s.parameters, 20, "once")
  tester:eq(s.multiplyAdds, 64)
  tester:eq(s.rows[1][2], "2x4, 2x4")
  local Own = torch.class("InspectionOwn", "nn.Module", {})
  function Own:__init() nn.Module.__init(self) self.inner = nn.Linear(4, 4) end
  function Own:updateOutput(x) return torch.mm(self.inner(x), x:t()) end
  s = nn.summary(Own.new(), { 2, 4 })
  tester:eq(s.multiplyAdds, 2 * 16 + 2 * 2 * 4)
  tester:eq(s.rows[1][5], "16", "the module's own product")
end

function tests.summary_of_sequences()
  tester:eq(nn.summary(nn.LSTM(4, 5), { 7, 3, 4 }).multiplyAdds, 7 * 3 * 20 * (4 + 5))
  tester:eq(nn.summary(nn.LSTM(4, 5, { projSize = 3 }), { 7, 3, 4 }).multiplyAdds,
    7 * 3 * (20 * (4 + 3) + 15))
  tester:eq(nn.summary(nn.GRU(4, 5, { bidirectional = true }), { 7, 3, 4 }).multiplyAdds,
    2 * 7 * 3 * 15 * (4 + 5))
  tester:eq(nn.summary(nn.RNNCell(4, 5), { 3, 4 }).multiplyAdds, 3 * 5 * (4 + 5))
  local s = nn.summary(nn.Conv1d(4, 8, 3), { 2, 4, 10 })
  tester:eq(s.multiplyAdds, 2 * 8 * 8 * 4 * 3)
  s = nn.summary(nn.ConvTranspose2d(4, 8, 3), { 2, 4, 5, 6 })
  tester:eq(s.multiplyAdds, 2 * 4 * 5 * 6 * 8 * 9)
  local attention = nn.TransformerEncoderLayer(8, 2, { dimFeedforward = 16, batchFirst = true })
  tester:eq(nn.summary(attention, { 3, 5, 8 }).multiplyAdds,
    3 * 5 * (8 * 24 + 8 * 8 + 2 * 8 * 16) + 2 * 3 * 5 * 5 * 8)
end

function tests.trace()
  local net = network()
  local before = net:get(2).running_var:clone()
  local t = net:trace { 5, 1, 6, 6 }
  tester:eq(#t, 8)
  tester:eq(t[4].name, "2")
  tester:assert(t[4].module == net:get(3))
  tester:eq(t[4].min, 0)
  tester:eq(t[4].shape, "5x2x4x4")
  local y = t[8].output:double()
  tester:eq(t[8].mean, y:mean(), 1e-12)
  tester:eq(t[8].max, y:max(), 1e-12)
  tester:eq(t[8].bad, 0)
  tester:eq(net:get(2).running_var, before, 0)
  local broken = nn.Sequential():add(nn.Log()):add(nn.MulConstant(2))
  t = broken:trace(torch.Tensor { -1, 0, 1 })
  tester:eq(t[2].bad, 2)
  tester:eq(t[2].mean, 0)
  tester:assert(tostring(t):find("  0: Log", 1, true) ~= nil)
end

local function kinds(report)
  local list = {}
  for i, row in ipairs(report) do list[i] = row.kind .. " " .. row.name end
  return table.concat(list, ", ")
end

function tests.check()
  torch.manualSeed(2)
  local net = network()
  net(torch.randn(5, 1, 6, 6)):sum():backward()
  local grads = net:get(1).gradWeight:clone()
  tester:eq(tostring(nn.check(net, { 16, 1, 6, 6 })), "nothing found")
  tester:eq(net:get(1).gradWeight, grads, 0, "gradients are left")

  net:get(2).bias:fill(-100)
  tester:assert(kinds(nn.check(net, { 16, 1, 6, 6 })):find("dead 2", 1, true) ~= nil)
  net = network()
  net.spare = nn.Linear(2, 2)
  tester:eq(kinds(nn.check(net, { 16, 1, 6, 6 })), "unused spare.weight, unused spare.bias")
  net.spare:freeze()
  tester:eq(#nn.check(net, { 16, 1, 6, 6 }), 0)

  net = nn.Sequential():add(nn.Linear(3, 3)):add(nn.Log()):add(nn.Linear(3, 2))
  net:get(1).bias:fill(-50)
  tester:eq(kinds(nn.check(net, { 4, 3 })):match("^[^,]*"), "nan 1")

  net = nn.Sequential():add(nn.Linear(3, 3)):add(nn.MulConstant(1e-6)):add(nn.Linear(3, 3)):add(nn.Tanh())
    :add(nn.Linear(3, 3)):add(nn.Tanh()):add(nn.Linear(3, 3)):add(nn.Tanh()):add(nn.Linear(3, 3))
  tester:assert(kinds(nn.check(net, { 4, 3 })):find("vanishing 0.weight", 1, true) ~= nil)
  net = nn.Sequential():add(nn.Linear(3, 3)):add(nn.MulConstant(1e6)):add(nn.Tanh())
  tester:eq(kinds(nn.check(net, { 4, 3 })):match("^[^,]*"), "saturated 2")
  tester:assertErrorPattern(function() nn.check(3) end, "nn.check: got a number")
  tester:assertErrorPattern(function() nn.check(net, 3) end, "nn.check: the input is a number")
end

function tests.check_with_a_loss()
  local net = nn.Sequential():add(nn.Linear(3, 4)):add(nn.LogSoftMax())
  local options = { criterion = nn.ClassNLLCriterion(), target = torch.LongTensor { 1, 2 } }
  tester:eq(#nn.check(net, { 2, 3 }, options), 0)
  net:get(1).weight:fill(1e30)
  tester:assert(#nn.check(net, torch.ones(2, 3) * 1e30, options) > 0)
end

tester:add(tests):run()
