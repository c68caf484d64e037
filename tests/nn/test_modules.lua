-- test_modules: every module and criterion: both protocols give the same gradients, which are right;
-- copies, types, parameters as one vector, text, mistakes.
local torch = require "torch"
local nn = require "nn"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- Each: a name, a maker of the module, the shape of an input.  `exact`: parameters for gradcheck apart.
local modules = {
  { "Identity", function() return nn.Identity() end, { 3, 4 } },
  { "Linear", function() return nn.Linear(4, 3) end, { 2, 4 } },
  { "Linear of a vector", function() return nn.Linear(4, 3) end, { 4 } },
  { "Linear without bias", function() return nn.Linear(4, 3, false) end, { 2, 4 } },
  { "SpatialConvolution", function() return nn.SpatialConvolution(2, 3, 3, 2) end, { 2, 2, 5, 4 } },
  { "SpatialConvolution padded", function() return nn.SpatialConvolution(2, 3, 3, 3, 2, 1, 1, 1) end,
    { 2, 2, 5, 4 } },
  { "SpatialConvolution of one image", function() return nn.SpatialConvolution(1, 2, 3, 3) end, { 1, 5,
    5 } },
  { "SpatialConvolution without bias", function() return nn.SpatialConvolution(1, 2, 3, 3):noBias() end,
    { 1, 1, 4, 4 } },
  { "SpatialMaxPooling", function() return nn.SpatialMaxPooling(2, 2) end, { 2, 2, 4, 6 } },
  { "SpatialMaxPooling overlapping", function() return nn.SpatialMaxPooling(3, 3, 2, 2, 1,
    1):ceil() end, { 1, 2, 6, 5 } },
  { "SpatialAveragePooling", function() return nn.SpatialAveragePooling(2, 2) end, { 2, 2, 4, 6 } },
  { "SpatialAveragePooling padded", function()
    return nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1):setCountExcludePad()
  end, { 2, 5, 5 } },
  { "ReLU", function() return nn.ReLU() end, { 3, 4 } },
  { "Tanh", function() return nn.Tanh() end, { 3, 4 } },
  { "Sigmoid", function() return nn.Sigmoid() end, { 3, 4 } },
  { "Abs", function() return nn.Abs() end, { 3, 4 } },
  { "Exp", function() return nn.Exp() end, { 3, 4 } },
  { "Square", function() return nn.Square() end, { 3, 4 } },
  { "SoftSign", function() return nn.SoftSign() end, { 3, 4 } },
  { "LogSigmoid", function() return nn.LogSigmoid() end, { 3, 4 } },
  { "TanhShrink", function() return nn.TanhShrink() end, { 3, 4 } },
  { "HardTanh", function() return nn.HardTanh() end, { 3, 4 } },
  { "ReLU6", function() return nn.ReLU6() end, { 3, 4 } },
  { "ELU", function() return nn.ELU() end, { 3, 4 } },
  { "HardShrink", function() return nn.HardShrink() end, { 3, 4 } },
  { "SoftShrink", function() return nn.SoftShrink() end, { 3, 4 } },
  { "LeakyReLU", function() return nn.LeakyReLU() end, { 3, 4 } },
  { "Threshold", function() return nn.Threshold() end, { 3, 4 } },
  { "SoftPlus", function() return nn.SoftPlus() end, { 3, 4 } },
  { "SoftMin", function() return nn.SoftMin() end, { 3, 4 } },
  { "GatedLinearUnit", function() return nn.GatedLinearUnit() end, { 3, 4 } },
  { "PReLU", function() return nn.PReLU() end, { 3, 4 } },
  { "Power", function() return nn.Power(2) end, { 3, 4 } },
  { "Clamp", function() return nn.Clamp(-0.5, 0.7) end, { 3, 4 } },
  { "ELU steep", function() return nn.ELU(2) end, { 3, 4 } },
  { "Threshold with a value", function() return nn.Threshold(0.1, 3) end, { 3, 4 } },
  { "SoftPlus sharp", function() return nn.SoftPlus(3) end, { 3, 4 } },
  { "SoftMin of an image", function() return nn.SoftMin() end, { 3, 2, 2 } },
  { "SpatialSoftMax", function() return nn.SpatialSoftMax() end, { 2, 3, 2, 2 } },
  { "SpatialLogSoftMax", function() return nn.SpatialLogSoftMax() end, { 3, 2, 2 } },
  { "GatedLinearUnit along a dimension", function() return nn.GatedLinearUnit(1) end, { 4, 3 } },
  { "PReLU of planes", function() return nn.PReLU(3) end, { 2, 3, 2, 2 } },
  { "PReLU of a vector", function() return nn.PReLU(4) end, { 4 } },
  { "RReLU of one slope", function() return nn.RReLU(0.25, 0.25) end, { 3, 4 } },
  { "CReLU of a batch", function() return nn.CReLU(1) end, { 3, 4 } },
  { "CReLU", function() return nn.CReLU(3) end, { 2, 3, 2 } },
  { "GradientReversal turned twice", function() return nn.GradientReversal(-1) end, { 3, 4 } },
  { "RReLU evaluating", function()
    local m = nn.RReLU()
    m:evaluate()
    return m
  end, { 3, 4 } },
  { "Log", function() return nn.Sequential():add(nn.Sigmoid()):add(nn.Log()) end, { 3, 4 } },
  { "Sqrt", function() return nn.Sequential():add(nn.Sigmoid()):add(nn.Sqrt()) end, { 3, 4 } },
  { "Add", function() return nn.Add(4) end, { 3, 4 } },
  { "Add of a vector", function() return nn.Add(4) end, { 4 } },
  { "Add of a number", function() return nn.Add(4, true) end, { 3, 4 } },
  { "Add of images", function() return nn.Add(4) end, { 3, 2, 2 } },
  { "CAdd", function() return nn.CAdd(3, 4) end, { 2, 3, 4 } },
  { "CAdd repeated", function() return nn.CAdd(1, 3, 1) end, { 2, 3, 2 } },
  { "CMul", function() return nn.CMul(3, 4) end, { 2, 3, 4 } },
  { "CMul repeated", function() return nn.CMul(1, 3, 1) end, { 2, 3, 2 } },
  { "CMul of one sample", function() return nn.CMul(1, 4) end, { 4 } },
  { "Mul", function() return nn.Mul() end, { 3, 4 } },
  { "AddConstant", function() return nn.AddConstant(1.5) end, { 3, 4 } },
  { "AddConstant of a vector", function() return nn.AddConstant(torch.Tensor { 1, 2, 3, 4 }) end, { 3, 4 } },
  { "MulConstant", function() return nn.MulConstant(1.5) end, { 3, 4 } },
  { "Cosine", function() return nn.Cosine(4, 2) end, { 3, 4 } },
  { "Cosine of a vector", function() return nn.Cosine(4, 2) end, { 4 } },
  { "Euclidean", function() return nn.Euclidean(4, 2) end, { 3, 4 } },
  { "Euclidean of a vector", function() return nn.Euclidean(4, 2) end, { 4 } },
  { "WeightedEuclidean", function() return nn.WeightedEuclidean(4, 2) end, { 3, 4 } },
  { "WeightedEuclidean of a vector", function() return nn.WeightedEuclidean(4, 2) end, { 4 } },
  { "Narrow", function() return nn.Narrow(2, 2, 2) end, { 3, 4 } },
  { "Narrow from the end", function() return nn.Narrow(-1, 2, -2) end, { 3, 4 } },
  { "Narrow leaving out the end", function() return nn.Narrow(2, -1, 1) end, { 3, 4 } },
  { "Select", function() return nn.Select(2, 3) end, { 3, 4 } },
  { "Select from the end", function() return nn.Select(-1, -1) end, { 3, 4 } },
  { "Squeeze", function() return nn.Squeeze() end, { 3, 1, 4, 1 } },
  { "Squeeze one", function() return nn.Squeeze(1, 2) end, { 3, 1, 4 } },
  { "Squeeze a batch of one", function() return nn.Squeeze(nil, 2) end, { 1, 1, 4 } },
  { "Unsqueeze", function() return nn.Unsqueeze(2) end, { 3, 4 } },
  { "Unsqueeze of a batch", function() return nn.Unsqueeze(1, 1) end, { 3, 4 } },
  { "Transpose", function() return nn.Transpose({ 1, 3 }, { 1, 2 }) end, { 2, 3, 4 } },
  { "Transpose of a batch", function() return nn.Transpose({ 1, 2 }):setNumInputDims(2) end, { 2, 3, 4 } },
  { "Replicate", function() return nn.Replicate(3, 2) end, { 3, 4 } },
  { "Replicate of a batch", function() return nn.Replicate(3, 1, 1) end, { 3, 4 } },
  { "Contiguous", function() return nn.Contiguous() end, { 3, 4 } },
  { "Copy", function() return nn.Copy() end, { 3, 4 } },
  { "Copy forced", function() return nn.Copy(nil, nil, true) end, { 3, 4 } },
  { "Padding", function() return nn.Padding(1, 2, 1) end, { 3, 4 } },
  { "Padding before", function() return nn.Padding(2, -2, 2, 5) end, { 3, 4 } },
  { "Padding inside", function() return nn.Padding(2, 1, 2, 0, 3) end, { 3, 4 } },
  { "SpatialZeroPadding", function() return nn.SpatialZeroPadding(1, 0, 2, 1) end, { 2, 3, 4 } },
  { "SpatialZeroPadding cropping", function() return nn.SpatialZeroPadding(-1, 2, 1, -2) end,
    { 2, 2, 4, 3 } },
  { "Collapse", function() return nn.Collapse(2) end, { 2, 3, 2 } },
  { "Collapse of a sample", function() return nn.Collapse(2) end, { 3, 4 } },
  { "Constant", function() return nn.Constant(torch.Tensor { 1, 2 }, 1) end, { 3, 4 } },
  { "Max", function() return nn.Max() end, { 3, 4 } },
  { "Max of a batch", function() return nn.Max(-1, 1) end, { 3, 4 } },
  { "Max of a vector", function() return nn.Max() end, { 4 } },
  { "Min", function() return nn.Min() end, { 3, 4 } },
  { "Min of a batch", function() return nn.Min(-1, 1) end, { 3, 4 } },
  { "Min of a vector", function() return nn.Min() end, { 4 } },
  { "Sum", function() return nn.Sum() end, { 3, 4 } },
  { "Sum of a batch", function() return nn.Sum(-1, 1) end, { 3, 4 } },
  { "Sum of a vector", function() return nn.Sum() end, { 4 } },
  { "Mean", function() return nn.Mean() end, { 3, 4 } },
  { "Mean of a batch", function() return nn.Mean(-1, 1) end, { 3, 4 } },
  { "Mean of a vector", function() return nn.Mean() end, { 4 } },
  { "Sum not squeezed", function() return nn.Sum(1, 1, true, false) end, { 3, 4 } },
  { "Normalize 1", function() return nn.Normalize(1) end, { 3, 4 } },
  { "Normalize 2", function() return nn.Normalize(2) end, { 3, 4 } },
  { "Normalize 3", function() return nn.Normalize(3) end, { 3, 4 } },
  { "Normalize math.huge", function() return nn.Normalize(math.huge) end, { 3, 4 } },
  { "Normalize of a vector", function() return nn.Normalize(2) end, { 4 } },
  { "WhiteNoise of no width", function() return nn.WhiteNoise(1, 0) end, { 3, 4 } },
  { "L1Penalty of no weight", function() return nn.L1Penalty(0) end, { 3, 4 } },
  { "SoftMax", function() return nn.SoftMax() end, { 3, 4 } },
  { "SoftMax of a vector", function() return nn.SoftMax() end, { 4 } },
  { "SoftMax of images", function() return nn.SoftMax() end, { 2, 3, 2, 2 } },
  { "LogSoftMax", function() return nn.LogSoftMax() end, { 3, 4 } },
  { "LogSoftMax of an image", function() return nn.LogSoftMax() end, { 3, 2, 2 } },
  { "Dropout of nothing", function() return nn.Dropout(0) end, { 3, 4 } },
  { "BatchNormalization", function() return nn.BatchNormalization(4) end, { 5, 4 } },
  { "BatchNormalization not affine", function() return nn.BatchNormalization(4, 1e-3, 0.2, false) end,
    { 5, 4 } },
  { "SpatialBatchNormalization", function() return nn.SpatialBatchNormalization(2) end, { 3, 2, 2, 3 } },
  { "BatchNormalization evaluating", function()
    local m = nn.BatchNormalization(4)
    m.running_mean:uniform()
    m.running_var:uniform(0.5, 1)
    m:evaluate()
    return m
  end, { 5, 4 } },
  { "View", function() return nn.View(6) end, { 2, 2, 3 } },
  { "View inferring", function() return nn.View(-1, 2) end, { 3, 4 } },
  { "View of a batch", function() return nn.View(-1):setNumInputDims(2) end, { 2, 2, 3 } },
  { "Reshape", function() return nn.Reshape(6) end, { 2, 2, 3 } },
  { "Reshape whole", function() return nn.Reshape(3, 4, false) end, { 2, 6 } },
  { "Sequential", function()
    return nn.Sequential():add(nn.Linear(4, 5)):add(nn.Tanh()):add(nn.Linear(5, 3)):add(nn.LogSoftMax())
  end, { 3, 4 } },
  { "LeNet", function()
    return nn.Sequential():add(nn.SpatialConvolution(1, 2, 3,
      3)):add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2))
      :add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(18, 4)):add(nn.LogSoftMax())
  end, { 2, 1, 8, 8 } },
  { "Sequential in Sequential", function()
    return nn.Sequential():add(nn.Linear(4, 4)):add(nn.Sequential():add(nn.Sigmoid()):add(nn.Linear(4, 2)))
  end, { 3, 4 } },
}

local function make(case)
  torch.manualSeed(11)
  local m = case[2]():double()
  return m, torch.randn(table.unpack(case[3])):double()
end

local function parameters(m)
  local p, g = m:parameters()
  return p or {}, g or {}
end

-- ---- both protocols ----------------------------------------------------------------

function tests.both_protocols_give_identical_gradients()
  for _, case in ipairs(modules) do
    local name = case[1]
    local m, x = make(case)
    local output = m:forward(x)
    local weights = torch.randn(table.unpack(output.shape)):double()
    m:zeroGradParameters()
    local gradInput = m:backward(x, weights)
    tester:assert(torch.pointer(m.output) == torch.pointer(output), name)
    tester:assert(torch.pointer(m.gradInput) == torch.pointer(gradInput), name)

    local other, leaf = make(case)
    leaf:requireGrad()
    other:zeroGradParameters()
    local y = other(leaf)
    tester:eq(y:detach(), output, 0, name)
    y:backward(weights)
    tester:eq(leaf.grad, gradInput, 0, name .. ": input")
    local _, g = parameters(m)
    local p, og = parameters(other)
    for i = 1, #g do
      tester:eq(og[i], g[i], 0, name .. ": parameter")
      tester:assert(g[i]:norm() > 0, name)
      tester:assert(torch.pointer(p[i].grad) == torch.pointer(og[i]), name .. ": .grad is the tensor")
    end

    -- The parts of the classic protocol on their own add up to the same.
    local parts, px = make(case)
    parts:zeroGradParameters()
    parts:forward(px)
    tester:eq(parts:updateGradInput(px, weights), gradInput, 0, name .. ": updateGradInput")
    local _, pg = parameters(parts)
    for i = 1, #pg do tester:eq(pg[i]:norm(), 0, 0, name .. ": updateGradInput leaves parameters alone") end
    parts:accGradParameters(px, weights, 0.5)
    parts:accGradParameters(px, weights, 0.5)
    for i = 1, #pg do tester:eq(pg[i], g[i], 1e-12, name .. ": accGradParameters") end
    m:backward(x, weights, -1)
    for i = 1, #g do tester:assert(g[i]:norm() < 1e-10, name .. ": scale") end
  end
end

function tests.gradients_are_right()
  for _, case in ipairs(modules) do
    local m, x = make(case)
    local params = parameters(m)
    m(x)
    local inputs = { x }
    for _, p in ipairs(params) do inputs[#inputs + 1] = p end
    local ok, why = torch.gradcheck(function(input) return m(input) end, inputs, { atol = 1e-4 })
    tester:assert(ok, case[1] .. ": " .. tostring(why))
    ok, why = torch.gradcheck(function(input) return m(input) end, inputs, { atol = 1e-3, second = true })
    tester:assert(ok, case[1] .. ", second order: " .. tostring(why))
  end
end

function tests.outputs_inside_containers()
  local inner = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Tanh())
  local m = nn.Sequential():add(inner):add(nn.Linear(3, 2))
  local x = torch.randn(5, 4)
  local y = m:forward(x)
  tester:eq(m:get(2).output, y)
  tester:eq(inner.output, torch.tanh(inner:get(1).output))
  local g = torch.randn(5, 2)
  local gradInput = m:backward(x, g)
  tester:eq(inner.gradInput, gradInput)
  tester:eq(m:get(2).gradInput, torch.mm(g, m:get(2).weight:detach()), 1e-6)
  tester:eq(inner:get(2).gradInput, m:get(2).gradInput:clone():cmul(1 - torch.square(inner.output)), 1e-6)
end

-- ---- criterions ----------------------------------------------------------------

local criterions = {
  { "MSECriterion", function() return nn.MSECriterion() end, { 3, 4 }, function() return torch.randn(3,
    4):double() end },
  { "MSECriterion summed", function() return nn.MSECriterion(false) end, { 3, 4 },
    function() return torch.randn(3, 4):double() end },
  { "ClassNLLCriterion", function() return nn.ClassNLLCriterion() end, { 3, 4 },
    function() return torch.LongTensor { 1, 4, 2 } end },
  { "ClassNLLCriterion weighted", function() return nn.ClassNLLCriterion(torch.DoubleTensor { 1, 2, 3,
    4 }) end,
    { 3, 4 }, function() return torch.LongTensor { 1, 4, 2 } end },
  { "ClassNLLCriterion of one", function() return nn.ClassNLLCriterion() end, { 4 },
    function() return 3 end },
  { "ClassNLLCriterion summed", function() return nn.ClassNLLCriterion(nil, false) end, { 3, 4 },
    function() return torch.DoubleTensor { 1, 4, 2 } end },
  { "CrossEntropyCriterion", function() return nn.CrossEntropyCriterion() end, { 3, 4 },
    function() return torch.LongTensor { 1, 4, 2 } end },
  { "CrossEntropyCriterion weighted", function()
    return nn.CrossEntropyCriterion(torch.DoubleTensor { 1, 2, 3, 4 })
  end, { 3, 4 }, function() return torch.LongTensor { 1, 4, 2 } end },
}

function tests.criterions()
  for _, case in ipairs(criterions) do
    local name = case[1]
    torch.manualSeed(3)
    local crit, x, target = case[2]():double(), torch.randn(table.unpack(case[3])):double(), case[4]()
    local loss = crit:forward(x, target)
    tester:eq(type(loss), "number", name)
    tester:eq(crit.output, loss, 0, name)
    local g = crit:backward(x, target)
    tester:assert(torch.pointer(crit.gradInput) == torch.pointer(g), name)
    local leaf = x:clone():requireGrad()
    local l = crit(leaf, target)
    tester:eq(l:dim(), 0, name)
    tester:eq(l:item(), loss, 0, name)
    l:backward()
    tester:eq(leaf.grad, g, 0, name)
    local ok, why = torch.gradcheck(function(v) return crit(v, target) end, { x }, { second = true,
      atol = 1e-4 })
    tester:assert(ok, name .. ": " .. tostring(why))
    tester:eq(crit:clone():forward(x, target), loss, 0, name)
  end
end

function tests.cross_entropy_is_the_two_in_one()
  local x, t = torch.randn(6, 5):double(), torch.LongTensor { 1, 2, 3, 4, 5, 1 }
  local one = nn.CrossEntropyCriterion():forward(x, t)
  local two = nn.ClassNLLCriterion():forward(nn.LogSoftMax():double():forward(x), t)
  tester:eq(one, two, 1e-12)
end

-- The same network trained one step in Torch7's way and on the tape: identical to the last bit.
function tests.a_training_step_both_ways()
  local function network()
    torch.manualSeed(21)
    return nn.Sequential():add(nn.SpatialConvolution(1, 4, 3, 3)):add(nn.SpatialBatchNormalization(4))
      :add(nn.ReLU()):add(nn.SpatialMaxPooling(2,
        2)):add(nn.View(-1):setNumInputDims(3)):add(nn.Dropout(0.3))
      :add(nn.Linear(36, 10)):add(nn.LogSoftMax())
  end
  local x, t = torch.rand(8, 1, 8, 8), torch.LongTensor(8):random(10)
  local crit = nn.ClassNLLCriterion()
  local a, b = network(), network()
  for step = 1, 3 do
    torch.manualSeed(step)
    a:zeroGradParameters()
    local loss = crit:forward(a:forward(x), t)
    a:backward(x, crit:backward(a.output, t))
    torch.manualSeed(step)
    b:zeroGradParameters()
    local l = crit(b(x), t)
    l:backward()
    tester:eq(l:item(), loss)
    local pa, ga = a:parameters()
    local pb, gb = b:parameters()
    for i = 1, #ga do tester:assert(torch.equal(ga[i], gb[i]), "gradient " .. i) end
    a:updateParameters(0.1)
    b:updateParameters(0.1)
    for i = 1, #pa do tester:assert(torch.equal(pa[i]:detach(), pb[i]:detach()), "parameter " .. i) end
  end
end

-- ---- modules with gradients by hand ----------------------------------------------------------------

local by_hand = {}
local Scale, parent = torch.class("test.Scale", "nn.Module", by_hand)

function Scale:__init(n)
  parent.__init(self)
  self.weight = torch.range(1, n)
  self.gradWeight = torch.zeros(n)
end

function Scale:updateOutput(input)
  self.output:resizeAs(input):copy(input)
  self.output:cmul(self.weight:view(1, -1):expandAs(input))
  return self.output
end

function Scale:updateGradInput(input, gradOutput)
  self.gradInput:resizeAs(input):copy(gradOutput)
  self.gradInput:cmul(self.weight:view(1, -1):expandAs(input))
  return self.gradInput
end

function Scale:accGradParameters(input, gradOutput, scale)
  self.gradWeight:add(scale or 1, torch.cmul(input, gradOutput):sum(1):view(-1))
end

function tests.torch7_modules_mix_with_the_tape()
  local function network(scale)
    torch.manualSeed(4)
    return nn.Sequential():add(nn.Linear(4, 3)):add(scale):add(nn.Tanh()):add(nn.Linear(3, 2))
  end
  local x, g = torch.randn(5, 4), torch.randn(5, 2)
  local m = network(by_hand.Scale(3))
  m:zeroGradParameters()
  local y = m:forward(x)
  local gradInput = m:backward(x, g):clone()
  local _, grads = m:parameters()
  local kept = {}
  for i, t in ipairs(grads) do kept[i] = t:clone() end

  local leaf = x:clone():requireGrad()
  m:zeroGradParameters()
  local z = m(leaf)
  tester:eq(z:detach(), y, 1e-6)
  z:backward(g)
  tester:eq(leaf.grad, gradInput, 1e-6)
  for i, t in ipairs(grads) do
    tester:eq(t, kept[i], 1e-6, "parameter " .. i)
    tester:assert(t:norm() > 0)
  end

  -- The reference: the same with operators only.
  local plain = network(nn.Identity())
  local lin1, lin2 = plain:get(1), plain:get(4)
  local w = torch.range(1, 3):requireGrad()
  local h = torch.tanh(torch.cmul(lin1(x), w:view(1, 3):expand(5, 3)))
  torch.cmul(lin2(h), g):sum():backward()
  tester:eq(kept[3], w.grad, 1e-5)
  tester:eq(kept[1], lin1.gradWeight, 1e-5)
end

function tests.errors_in_modules_by_hand()
  local Bad, base = torch.class("test.Bad", "nn.Module", by_hand)
  function Bad:__init() base.__init(self) end
  function Bad:updateOutput(input)
    self.output = input * 2
    return self.output
  end
  function Bad:updateGradInput() error("no gradient here") end
  local m = nn.Sequential():add(nn.Linear(2, 2)):add(by_hand.Bad())
  local x = torch.randn(3, 2)
  m:forward(x)
  tester:assertErrorPattern(function() m:backward(x, torch.ones(3, 2)) end, "no gradient here")
  tester:assertErrorPattern(function() m(x):sum():backward() end, "no gradient here")
end

-- ---- parameters ----------------------------------------------------------------

function tests.parameters_as_one_vector()
  local m = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Linear(2, 4, false)):add(nn.Linear(4, 1))
  local before = {}
  for i, p in ipairs((m:parameters())) do before[i] = p:detach():clone() end
  local flat, grads = m:getParameters()
  tester:eq(flat:nElement(), 8 + 8 + 5)
  tester:eq(grads:nElement(), 21)
  local at = 1
  for i, p in ipairs((m:parameters())) do
    tester:eq(p:detach(), before[i])
    tester:eq(flat:narrow(1, at, p:nElement()):detach():view(table.unpack(p.shape)), before[i])
    at = at + p:nElement()
  end
  flat:fill(0.5)
  tester:eq(m:get(1).weight:min(), 0.5)
  local x = torch.randn(4, 3)
  grads:zero()
  local y = m:forward(x)
  m:backward(x, torch.ones(4, 1))
  tester:assert(grads:norm() > 0)
  tester:eq(grads:narrow(1, 21, 1)[1], 4)
  local kept = grads:clone()
  grads:zero()
  m(x):sum():backward()
  tester:eq(grads, kept, 0, "the tape's gradients come to the same vector")
  tester:eq(m:get(3).bias:storageOffset(), 21)
  flat:add(-0.1, grads)
  tester:ne(m:forward(x), y)
end

function tests.shared_parameters()
  local one = nn.Linear(3, 3)
  local two = one:clone("weight", "bias", "gradWeight", "gradBias")
  local m = nn.Sequential():add(one):add(nn.Tanh()):add(two)
  local flat, grads = m:getParameters()
  tester:eq(flat:nElement(), 12, "shared elements are there once")
  one.weight:fill(0.25)
  tester:eq(two.weight:detach(), one.weight:detach())
  local x = torch.randn(2, 3)
  grads:zero()
  m:forward(x)
  m:backward(x, torch.ones(2, 3))
  local classic = grads:clone()
  grads:zero()
  m(x):sum():backward()
  tester:eq(grads, classic)
  local same = nn.Sequential():add(one):add(nn.Tanh()):add(one)
  grads:zero()
  same(x):sum():backward()
  tester:eq(grads, classic, 1e-6, "one module in two places")
end

function tests.update_and_zero()
  local m = nn.Linear(2, 2)
  local x = torch.randn(3, 2)
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, torch.ones(3, 2))
  local w = m.weight:detach():clone()
  m:updateParameters(0.5)
  tester:eq(m.weight:detach(), w - m.gradWeight * 0.5, 1e-6)
  m:zeroGradParameters()
  tester:eq(m.gradWeight:norm(), 0)
end

-- ---- copies, types, modes ----------------------------------------------------------------

function tests.clones()
  for _, case in ipairs(modules) do
    local m, x = make(case)
    local y = m:forward(x):clone()
    local c = m:clone()
    tester:eq(torch.typename(c), torch.typename(m))
    for _, p in ipairs((parameters(m))) do p:zero() end
    if case[1]:find("BatchNormalization") == nil then tester:eq(c:forward(x), y, 0, case[1]) end
    tester:eq(tostring(c), tostring(m), case[1])
  end
end

function tests.types()
  for _, case in ipairs(modules) do
    local m = case[2]()
    tester:eq(m:type(), torch.FloatTensor():type(), case[1])
    m:double()
    tester:eq(m:type(), torch.DoubleTensor():type(), case[1])
    local y = m:forward(torch.randn(table.unpack(case[3])):double())
    tester:eq(y.dtype, "float64", case[1])
    m:float()
    y = m:forward(torch.randn(table.unpack(case[3])))
    tester:eq(y.dtype, "float32", case[1])
    m:backward(torch.randn(table.unpack(case[3])), torch.ones(table.unpack(y.shape)))
    m:clearState()
    tester:eq(m.output:nElement(), 0, case[1])
  end
end

function tests.types_keep_what_is_shared()
  local m = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Linear(2, 3))
  m:getParameters()
  m:double()
  tester:eq(torch.pointer(m:get(1).weight:storage()), torch.pointer(m:get(2).weight:storage()))
  local flat, grads = m:getParameters()
  tester:eq(flat:type(), torch.DoubleTensor():type())
  grads:zero()
  m(torch.randn(2, 3):double()):sum():backward()
  tester:assert(grads:norm() > 0)
end

function tests.dropout()
  torch.manualSeed(1)
  local m = nn.Dropout(0.25)
  local x = torch.ones(10000)
  local y = m:forward(x)
  local zeros = torch.eq(y, 0):sum()
  tester:assert(zeros > 2300 and zeros < 2700, tostring(zeros))
  tester:assert(math.abs(y:max() - 4 / 3) < 1e-6)
  tester:eq(m:backward(x, x), y, 0, "the gradient goes where the elements went")
  m:evaluate()
  tester:eq(m:forward(x), x)
  local v1 = nn.Dropout(0.25, true)
  tester:eq(v1:forward(x):max(), 1)
  v1:evaluate()
  tester:eq(v1:forward(x), x * 0.75)
  tester:assertErrorPattern(function() nn.Dropout(1) end, "p = 1")
end

function tests.training_and_evaluating()
  local m = nn.Sequential():add(nn.Sequential():add(nn.Dropout())):add(nn.BatchNormalization(2))
  m:evaluate()
  tester:eq(m:get(1):get(1).train, false)
  tester:eq(m:get(2).train, false)
  m:training()
  tester:eq(m:get(1):get(1).train, true)
  local bn = nn.BatchNormalization(2):double()
  local x = torch.DoubleTensor { { 1, 10 }, { 3, 30 } }
  bn:forward(x)
  tester:eq(bn.running_mean, torch.DoubleTensor { 0.2, 2 }, 1e-12)
  tester:eq(bn.running_var, torch.DoubleTensor { 0.9 + 0.2, 0.9 + 20 }, 1e-12)
  bn:evaluate()
  local mean = bn.running_mean:clone()
  bn:forward(x)
  tester:eq(bn.running_mean, mean)
end

-- ---- text and mistakes ----------------------------------------------------------------

function tests.text()
  local m = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Sequential():add(nn.Tanh()):add(nn.View(3)))
    :add(nn.SpatialConvolution(1, 2, 3, 3, 1, 1, 1, 1)):add(nn.SpatialMaxPooling(2, 2))
  tester:eq(tostring(m), [[
nn.Sequential {
  [input -> (1) -> (2) -> (3) -> (4) -> output]
  (1): nn.Linear(4 -> 3)
  (2): nn.Sequential {
    [input -> (1) -> (2) -> output]
    (1): nn.Tanh
    (2): nn.View(3)
  }
  (3): nn.SpatialConvolution(1 -> 2, 3x3, 1,1, 1,1)
  (4): nn.SpatialMaxPooling(2x2, 2,2)
}]])
  tester:eq(tostring(nn.MSECriterion()), "nn.MSECriterion")
end

function tests.the_tree()
  local m = nn.Sequential():add(nn.Linear(2, 2)):add(nn.Sequential():add(nn.Tanh()):add(nn.Linear(2, 2)))
  tester:eq(#m:findModules("nn.Linear"), 2)
  tester:eq(#m:listModules(), 5)
  m:replace(function(module) return torch.typename(module) == "nn.Tanh" and nn.ReLU() or module end)
  tester:eq(torch.typename(m:get(2):get(1)), "nn.ReLU")
  m:remove(2)
  tester:eq(m:size(), 1)
  m:insert(nn.Identity(), 1)
  tester:eq(torch.typename(m:get(1)), "nn.Identity")
  tester:assertErrorPattern(function() m:insert(nn.Identity(), 7) end, "place 7")
  tester:assertErrorPattern(function() m:remove(7) end, "place 7")
end

function tests.mistakes()
  local function fails(f, pattern) tester:assertErrorPattern(f, pattern) end
  local linear, conv = nn.Linear(4, 3), nn.SpatialConvolution(2, 3, 3, 3)
  fails(function() linear:forward(torch.zeros(2, 5)) end, "2x5")
  fails(function() linear:forward(torch.zeros(2, 4):double()) end, "float64")
  fails(function() linear(nil) end, "input is missing")
  fails(function() linear:forward(torch.zeros(2, 4)) linear:backward(torch.zeros(2, 4),
    torch.zeros(5)) end, "shape")
  fails(function() conv:forward(torch.zeros(1, 3, 8, 8)) end, "3")
  fails(function() conv:forward(torch.zeros(2, 2)) end, "2x2")
  fails(function() conv:forward(torch.zeros(1, 2, 2, 2)) end, "conv2d")
  fails(function() nn.SpatialMaxPooling(9, 9):forward(torch.zeros(1, 1, 4, 4)) end, "4x4")
  fails(function() nn.View(5):forward(torch.zeros(2, 3)) end, "2x3")
  fails(function() nn.BatchNormalization(3):forward(torch.zeros(2, 3, 4)) end, "3 dimensions")
  fails(function() nn.BatchNormalization(3):forward(torch.zeros(2, 4)) end, "4")
  fails(function() nn.Sequential():add("module") end, "a module is wanted, got a string")
  local nll, logp = nn.ClassNLLCriterion(), torch.zeros(2, 3)
  fails(function() nll:forward(logp, torch.LongTensor { 1, 4 }) end, "4")
  fails(function() nll:forward(logp, torch.LongTensor { 0, 1 }) end, "0")
  fails(function() nll:forward(logp, torch.LongTensor { 1 }) end, "wanted 2 class")
  fails(function() nn.MSECriterion():forward(logp, torch.zeros(3, 2)) end, "2x3")
  -- After a mistake the module works.
  tester:eq(linear:forward(torch.zeros(2, 4)):size(2), 3)
end

tester:add(tests)
tester:run()
