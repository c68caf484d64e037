-- test_protocol: what every module can do beside computing: parameters of any name, modules in fields,
-- names, state, hooks, freezing, paths in errors; and Torch7's protocol in its corners.
local torch = require "torch"
local nn = require "nn"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- A module in the manner of PyTorch: fields that are modules, a parameter and a buffer of its own.
local Net, net_parent = torch.class("ProtocolNet", "nn.Module", {})

function Net:__init()
  net_parent.__init(self)
  self.first = nn.Linear(4, 3)
  self.second = nn.Sequential():add(nn.Tanh()):add(nn.Linear(3, 2))
  self._hidden = nn.Linear(9, 9)
  self:registerParameter("scale", torch.ones(2) * 2)
  self:registerBuffer("count", torch.LongTensor { 0 })
end

function Net:updateOutput(input)
  self.count:add(1)
  return torch.cmul(self.second(self.first(input)), self.scale), "also this"
end

local function names(list)
  local found = {}
  for i, entry in ipairs(list) do found[i] = entry.name end
  return table.concat(found, " ")
end

function tests.modules_in_fields()
  local net = Net.new()
  tester:eq(names(net:namedChildren()), "first second")
  tester:eq(names(net:namedParameters()), "scale first.weight first.bias second.1.weight second.1.bias")
  tester:eq(names(net:namedBuffers()), "count")
  tester:eq(names(net:namedModules()), " first second second.0 second.1")
  tester:eq(#net:parameters(), 5)
  tester:eq(#net:listModules(), 5)
  local params, grads = net:getParameters()
  tester:eq(params:nElement(), 2 + 15 + 8)
  tester:eq(grads:nElement(), params:nElement())
  local x = torch.randn(5, 4)
  local y, more = net(x)
  tester:eq(more, "also this")
  y:sum():backward()
  tester:assert(net.gradScale:norm() > 0 and net.first.gradWeight:norm() > 0 and grads:norm() > 0)
  tester:eq(net:forward(x), y:detach())
  tester:assert(net.second:get(1).output:nElement() == 15)
  net:backward(x, torch.ones(5, 2))
  net:double()
  tester:eq(net.first.weight.dtype, "float64")
  tester:eq(net.gradScale.dtype, "float64")
  tester:eq(net.count.dtype, "int64")
  net:evaluate()
  tester:eq(net.second:get(1).train, false)
  net:replace(function(m) return torch.type(m) == "nn.Tanh" and nn.ReLU() or m end)
  tester:eq(torch.type(net.second:get(1)), "nn.ReLU")
  net.first = nil
  tester:eq(names(net:namedChildren()), "second")
end

function tests.text()
  tester:eq(tostring(Net.new()), [[
ProtocolNet {
  (first): nn.Linear(4 -> 3)
  (second): nn.Sequential {
    [input -> (1) -> (2) -> output]
    (1): nn.Tanh
    (2): nn.Linear(3 -> 2)
  }
}]])
  local rows = nn.summary(Net.new(), { 5, 4 }).rows
  tester:eq(rows[2][1], "  first: Linear")
  tester:eq(rows[5][1], "    1: Linear")
end

function tests.fields_of_the_protocol()
  local m = Net.new()
  m.output = nn.Linear(2, 2)
  tester:assertErrorPattern(function() m:parameters() end, "ProtocolNet: a module is in its field output")
end

function tests.parameters_may_come_later()
  local net = Net.new()
  net:registerParameter("late", torch.ones(3))
  net.third = nn.Linear(2, 2)
  tester:eq(names(net:namedParameters()):match("^scale late ") ~= nil, true)
  tester:eq(names(net:namedParameters()):match("third%.weight third%.bias$") ~= nil, true)
  net:registerParameter("late")
  tester:eq(net.late, nil)
  tester:eq(net.gradLate, nil)
  local copy = net:clone()
  tester:eq(names(copy:namedParameters()), names(net:namedParameters()))
  tester:assertErrorPattern(function() net:registerParameter(3, torch.ones(1)) end, "name is a number")
  tester:assertErrorPattern(function() net:registerBuffer("x", 3) end, "x is a number, wanted a tensor")
end

function tests.a_module_in_two_places()
  local shared = nn.Linear(2, 2)
  local net = nn.Sequential():add(shared):add(nn.Tanh()):add(shared)
  tester:eq(names(net:namedParameters()), "0.weight 0.bias")
  local x = torch.randn(3, 2)
  net:zeroGradParameters()
  net(x):sum():backward()
  local once = shared.gradWeight:clone()
  net:zeroGradParameters()
  tester:eq(shared.gradWeight:norm(), 0)
  net:forward(x)
  net:backward(x, torch.ones(3, 2))
  tester:eq(shared.gradWeight, once, 1e-6)
end

function tests.tied_parameters()
  local Tied = torch.class("ProtocolTied", "nn.Module", {})
  function Tied:__init()
    nn.Module.__init(self)
    self.a = nn.Linear(3, 3)
    self.b = nn.Linear(3, 3)
    self.b.weight = self.a.weight
  end
  function Tied:updateOutput(x) return self.b(torch.tanh(self.a(x))) end
  local net = Tied.new()
  local x = torch.randn(2, 3)
  net(x):sum():backward()
  tester:eq(#net:parameters(), 3)
  tester:eq(names(net:namedParameters()), "a.weight a.bias b.bias")
  tester:assert(net.a.gradWeight == net.b.gradWeight and net.a.weight.grad == net.a.gradWeight)
  tester:assert(net:stateDict()["b.weight"] ~= nil)
  local _, grads = net:parameters()
  tester:eq(grads[1], net.a.weight.grad)
  local ok, why = torch.gradcheck(function(w)
    return nn.functional.linear(torch.tanh(nn.functional.linear(x:double(), w)), w)
  end, { net.a.weight:detach():double() })
  tester:assert(ok, why)
  -- A gradient that is given takes the other's place.
  local m = nn.Linear(2, 2)
  m(torch.ones(2)):sum():backward()
  m.gradWeight = torch.zeros(2, 2)
  m(torch.ones(2)):sum():backward()
  tester:eq(m.gradWeight, torch.ones(2, 2))
end

function tests.state()
  local a, b = Net.new(), Net.new()
  local x = torch.randn(3, 4)
  a(x)
  local found = b:loadStateDict(a:stateDict())
  tester:eq(#found.missing + #found.unexpected, 0)
  tester:eq(b.count[1], 1)
  tester:eq(b(x), a(x), 0)
  local path = os.tmpname() .. ".safetensors"
  torch.save(path, a:stateDict())
  local other = Net.new()
  other:loadStateDict(torch.load(path))
  os.remove(path)
  tester:eq(other(x), a(x), 0)

  local state, before = a:stateDict(), b.scale:clone()
  a.scale:fill(9)
  state["first.bias"], state.extra = nil, torch.ones(1)
  tester:assertErrorPattern(function() b:loadStateDict(state) end,
    "ProtocolNet:loadStateDict: missing: first.bias; not in the model: extra")
  tester:eq(b.scale, before, 0, "nothing is copied")
  found = b:loadStateDict(state, false)
  tester:eq(found, { missing = { "first.bias" }, unexpected = { "extra" } })
  tester:eq(b.scale, torch.ones(2) * 9)
  state["first.weight"] = torch.ones(2, 2)
  tester:assertErrorPattern(function() b:loadStateDict(state, false) end, "first.weight is 2x2, wanted 3x4")
  tester:assertErrorPattern(function() b:loadStateDict(3) end, "a table of tensors is wanted, got a number")
end

function tests.forward_hooks()
  local net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Tanh())
  local x, seen = torch.randn(4, 3), {}
  local plain = net:forward(x):clone()
  local before = net:get(2):registerForwardPreHook(function(m, input)
    seen[#seen + 1] = torch.type(m)
    return input * 0
  end)
  tester:eq(net:forward(x):norm(), 0)
  before.remove()
  tester:eq(net:forward(x), plain)
  local after = net:registerForwardHook(function(_, input, output)
    seen[#seen + 1] = input:size(2)
    return output * 2
  end)
  tester:eq(net:forward(x), plain * 2)
  after.remove()
  after.remove()
  tester:eq(net:forward(x), plain)
  tester:eq(seen, { "nn.Tanh", 3 })
  tester:assertErrorPattern(function() net:registerForwardHook(3) end, "a hook is a function, got a number")
end

function tests.backward_hooks()
  for _, classic in ipairs { true, false } do
    local net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Tanh())
    local tanh, got = net:get(2), {}
    tanh:registerBackwardHook(function(m, gradInput, gradOutput)
      got = { m, gradInput:clone(), gradOutput:clone() }
      return gradInput * 0
    end)
    local x, g = torch.randn(4, 3), torch.randn(4, 2)
    net:zeroGradParameters()
    if classic then
      net:forward(x)
      net:backward(x, g)
    else
      net(x):backward(g)
    end
    tester:assert(got[1] == tanh)
    tester:eq(got[3], g)
    local y = net:forward(x)
    tester:eq(got[2], g:clone():cmul(1 - torch.square(y)), 1e-6)
    tester:eq(net:get(1).gradWeight:norm(), 0)
  end
end

function tests.hooks_are_not_saved()
  local m = nn.Tanh()
  m:registerForwardHook(function(_, _, y) return y + 1 end)
  tester:eq(m:forward(torch.zeros(1))[1], 1)
  tester:eq(m:clone():forward(torch.zeros(1))[1], 0)
end

function tests.freezing()
  local net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Linear(2, 2))
  net:get(1):freeze()
  local x = torch.randn(4, 3):requireGrad()
  net(x):sum():backward()
  tester:eq(net:get(1).gradWeight:norm(), 0)
  tester:assert(net:get(2).gradWeight:norm() > 0)
  tester:assert(x.grad:norm() > 0)
  local groups = net:parameterGroups { { match = "bias", weightDecay = 0 } }
  tester:eq(groups[1].names, { "1.bias" })
  tester:eq(groups[1].weightDecay, 0)
  tester:eq(groups[2].names, { "1.weight" })
  net:forward(x:detach())
  net:backward(x:detach(), torch.ones(4, 2))
  tester:eq(net:get(1).gradWeight:norm(), 0)
  net:unfreeze()
  net(x):sum():backward()
  tester:assert(net:get(1).gradWeight:norm() > 0)
  tester:assertErrorPattern(function() net:parameterGroups { {} } end, "rule 1 has no pattern")
end

function tests.errors_name_the_way()
  local net = Net.new()
  local outer = nn.Sequential():add(nn.Identity()):add(net)
  local function message(f, ...)
    local ok, why = pcall(f, ...)
    tester:assert(not ok)
    return why
  end
  local function has(text, part) tester:assert(text:find(part, 1, true) ~= nil, text) end
  for _, f in ipairs { outer.forward, outer.__call } do
    has(message(f, outer, torch.ones(2, 5)),
      "\n  in Sequential[2]:ProtocolNet.first:Linear, given 2x5 float32")
  end
  net.second:get(2).weight:resize(2, 7)
  local text = message(outer, torch.ones(2, 4))
  has(text, "Sequential[2]:ProtocolNet.second:Sequential[2]:Linear, given 2x3")
  -- What is caught inside leaves no trace.
  local Careful = torch.class("ProtocolCareful", "nn.Module", {})
  function Careful:updateOutput(input)
    self.inner = self.inner or nn.Linear(1, 1)
    local ok = pcall(self.inner, input)
    return ok and input or input * 2
  end
  local careful = Careful.new()
  tester:eq(careful(torch.ones(3)):sum(), 6)
  text = message(nn.Sequential():add(careful):add(nn.Linear(5, 1)), torch.ones(3))
  has(text, "\n  in Sequential[2]:Linear, given 3 float32")
end

function tests.modules_by_hand_hold_modules_of_the_tape()
  local Wrap, base = torch.class("ProtocolWrap", "nn.Container", {})
  function Wrap:__init(m)
    base.__init(self)
    self:add(m)
  end
  function Wrap:updateOutput(input)
    self.output = self.modules[1]:updateOutput(input)
    return self.output
  end
  function Wrap:updateGradInput(input, gradOutput)
    self.gradInput = self.modules[1]:updateGradInput(input, gradOutput)
    return self.gradInput
  end
  function Wrap:accGradParameters(input, gradOutput, scale)
    self.modules[1]:accGradParameters(input, gradOutput, scale)
  end
  local wrap = Wrap.new(nn.Dropout(0.5))
  local x = torch.ones(100)
  local y = wrap:forward(x):clone()
  tester:eq(wrap:backward(x, torch.ones(100)), y, 0, "the mask of forward")
  local linear = nn.Linear(3, 2)
  wrap = nn.Sequential():add(Wrap.new(linear)):add(nn.Tanh())
  local input = torch.randn(4, 3)
  local output = wrap:forward(input)
  wrap:zeroGradParameters()
  wrap:backward(input, torch.ones(4, 2))
  tester:eq(linear.gradBias, (1 - torch.square(output)):sum(1):view(-1), 1e-5)
end

function tests.classes_by_hand_may_use_a_built_in_one()
  local Twice, base = torch.class("ProtocolTwice", "nn.Linear", {})
  function Twice:updateOutput(input)
    self.output = base.updateOutput(self, input) * 2
    return self.output
  end
  function Twice:updateGradInput(input, gradOutput)
    self.gradInput = base.updateGradInput(self, input, gradOutput * 2)
    return self.gradInput
  end
  function Twice:accGradParameters(input, gradOutput, scale)
    base.accGradParameters(self, input, gradOutput * 2, scale)
  end
  local m = Twice.new(3, 2)
  local plain = nn.Linear(3, 2):share(m, "weight", "bias")
  local x, g = torch.randn(4, 3), torch.randn(4, 2)
  tester:eq(m:forward(x), plain:forward(x) * 2, 1e-6)
  m:zeroGradParameters()
  plain:zeroGradParameters()
  tester:eq(m:backward(x, g), plain:backward(x, g * 2), 1e-6)
  tester:eq(m.gradWeight, plain.gradWeight, 1e-6)
  tester:eq(m.gradBias, plain.gradBias, 1e-6)
end

function tests.backward_of_another_input()
  local m = nn.Square()
  local a, b = torch.Tensor { 1, 2 }, torch.Tensor { 3, 4 }
  m:forward(a)
  m:forward(b)
  tester:eq(m:backward(a, torch.ones(2)), torch.Tensor { 2, 4 })
  tester:eq(m:backward(a:clone(), torch.ones(2)), torch.Tensor { 2, 4 })
end

function tests.what_passes_through_is_the_same_tensor()
  local x = torch.randn(2)
  tester:assert(rawequal(nn.Sequential():add(nn.Identity()):forward(x), x)
    or torch.pointer(nn.Sequential():add(nn.Identity()):forward(x)) == torch.pointer(x))
end

function tests.parameters_with_gaps_cannot_be_one_vector()
  local m = nn.Linear(3, 3)
  m.bias = torch.ones(3, 3):select(2, 1)
  tester:assertErrorPattern(function() m:getParameters() end, "nn.Module.flatten: a tensor steps over")
  m.bias = torch.ones(3, 3):select(1, 2)
  local flat = m:getParameters()
  tester:eq(flat:nElement(), 12)
  tester:assert(m.weight:storage() == m.bias:storage() and flat:storage() == m.bias:storage())
end

function tests.a_cache_keeps_what_models_share()
  local a, b = nn.Linear(2, 2), nn.Linear(2, 2)
  b.bias:set(a.bias)
  local cache = {}
  a:double(cache)
  b:double(cache)
  a.bias:fill(7)
  tester:eq(b.bias[1], 7)
end

function tests.update_protocols()
  local m = nn.Linear(2, 1)
  local x, g = torch.randn(3, 2), torch.randn(3, 1)
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, g)
  local wanted = m.weight:detach():clone():add(-0.1, m.gradWeight)
  local other = m:clone()
  other:forward(x)
  other:backwardUpdate(x, g, 0.1)
  tester:eq(other.weight:detach(), wanted, 1e-6)
  tester:eq(other.gradWeight, m.gradWeight, 0, "the gradient is left")
end

-- A class by hand that counts its calls, in a container on the tape: each half of backward runs one half.
function tests.each_half_of_backward_runs_once()
  local Counted = torch.class("CountedLinear", "nn.Module", {})
  local inputs, params = 0, 0
  function Counted:__init()
    nn.Module.__init(self)
    self.weight, self.gradWeight = torch.ones(1), torch.zeros(1)
  end
  function Counted:updateOutput(input)
    return self.output:resizeAs(input):copy(input):mul(self.weight[1])
  end
  function Counted:updateGradInput(_, g)
    inputs = inputs + 1
    return self.gradInput:resizeAs(g):copy(g):mul(self.weight[1])
  end
  function Counted:accGradParameters(input, g, scale)
    params = params + 1
    self.gradWeight:add(scale * torch.cmul(input, g):sum())
  end
  local m = nn.ConcatTable():add(Counted.new()):add(nn.Identity())
  local net = nn.Sequential():add(m):add(nn.CAddTable())
  local x, g = torch.randn(3), torch.randn(3)
  for _ = 1, 2 do
    inputs, params = 0, 0
    net:forward(x)
    net:zeroGradParameters()
    tester:eq(net:updateGradInput(x, g), g * 2, 1e-6)
    tester:eq({ inputs, params }, { 1, 0 })
    net:accGradParameters(x, g, 1)
    tester:eq({ inputs, params }, { 1, 1 })
    tester:eq(m.modules[1].gradWeight[1], torch.cmul(x, g):sum(), 1e-5)
    tester:eq(m.modules[1].gradInput, g, 1e-6, "its own buffer is left alone")
  end
  net:forward(x)
  net:backward(x, g)
  tester:eq({ inputs, params }, { 2, 2 })
end

-- A criterion by hand calls another's updateOutput and wants a number.
function tests.criterions_inside_of_criterions_by_hand()
  local Doubled = torch.class("DoubledCriterion", "nn.Criterion", {})
  function Doubled:__init()
    nn.Criterion.__init(self)
    self.inner = nn.MSECriterion()
  end
  function Doubled:updateOutput(x, t) return 2 * self.inner:updateOutput(x, t) end
  function Doubled:updateGradInput(x, t) return self.inner:updateGradInput(x, t) * 2 end
  local c, x, t = Doubled.new(), torch.ones(2), torch.zeros(2)
  tester:eq(c:forward(x, t), 2)
  tester:eq(c:backward(x, t), torch.ones(2) * 2)
end

-- A derived class shifts the input and hands both on to its parent.
function tests.a_parent_gets_another_input()
  local Shifted = torch.class("ShiftedTable", "nn.LookupTable", {})
  function Shifted:updateOutput(x) return nn.LookupTable.updateOutput(self, x + 1) end
  function Shifted:accGradParameters(x, g, scale)
    nn.LookupTable.accGradParameters(self, x + 1, g, scale)
  end
  local m = Shifted.new(3, 2)
  local x = torch.LongTensor { 0, 2 }
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, torch.ones(2, 2))
  tester:eq(m.gradWeight:sum(2):view(-1), torch.Tensor { 2, 0, 2 })
end

-- A decorator that writes updateGradInput only has its module's parameters learn from what it gave it.
function tests.decorators_by_hand()
  local Halved = torch.class("HalvedDecorator", "nn.Decorator", {})
  function Halved:updateOutput(x) return self.modules[1]:updateOutput(x) * 0.5 end
  function Halved:updateGradInput(x, g) return self.modules[1]:updateGradInput(x, g * 0.5) end
  local inner = nn.Linear(2, 2)
  local m, x, g = Halved.new(inner), torch.randn(3, 2), torch.randn(3, 2)
  m:zeroGradParameters()
  m:forward(x)
  m:backward(x, g)
  tester:eq(inner.gradBias, g:sum(1):view(-1) * 0.5, 1e-6)
end

function tests.an_input_resized_since_forward_is_another()
  local m, x = nn.Square(), torch.ones(4)
  m:forward(x)
  x:resize(2):fill(3)
  tester:eq(m:updateGradInput(x, torch.ones(2)), torch.Tensor { 6, 6 })
end

function tests.clearState_keeps_tables()
  local m = nn.ConcatTable():add(nn.Identity()):add(nn.Tanh())
  m:forward(torch.ones(2))
  m:clearState()
  tester:eq(m.output, {})
  tester:assert(torch.isTensor(nn.Tanh():clearState().output))
end

-- A class that writes forward, as people who come from PyTorch do.
function tests.ForwardInPlaceOfUpdateOutput()
  local Own, parent = torch.class("ProtocolForward", "nn.Module", {})
  function Own:__init()
    parent.__init(self)
    self.inner = nn.Linear(3, 2)
  end
  function Own:forward(x, bias) return self.inner(x) + (bias or 0) end
  local module, x = Own(), torch.ones(4, 3)
  tester:assert(module(x).requiresGrad)
  tester:assert(torch.allclose(module(x, 2), module.inner(x) + 2))
  local net = nn.Sequential(module, nn.Linear(2, 1))
  net:zeroGradParameters()
  net:forward(x)
  net:backward(x, torch.ones(4, 1))
  tester:assert(module.inner.gradWeight:abs():sum() > 0)
end

tester:add(tests):run()
