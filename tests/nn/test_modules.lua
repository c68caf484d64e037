-- test_modules: layers that take one tensor: cases/simple.lua; criterions; modules by hand; copies, types,
-- parameters as one vector, text, mistakes.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.modules(tester, tests, dofile "tests/nn/cases/simple.lua")

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
