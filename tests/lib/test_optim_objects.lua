-- test_optim_objects: optimizers as objects: fused steps beside simple ones, states, groups, clipping,
-- averages, and what wrong arguments get.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- ---- fused steps -----------------------------------------------------------------------------------------

-- The fused rules once more, composed of tensor operations: p, g and a state s change.
local reference = {}

function reference.SGD(p, g, o, s)
  if o.maximize then g = -g end
  g = g + p * o.weightDecay
  if o.momentum ~= 0 then
    s.v = s.v and s.v * o.momentum + g * (1 - o.dampening) or g
    g = o.nesterov and g + s.v * o.momentum or s.v
  end
  p:add(-o.lr, g)
end

function reference.Adam(p, g, o, s)
  if o.maximize then g = -g end
  if o.decoupled then p:mul(1 - o.lr * o.weightDecay) else g = g + p * o.weightDecay end
  s.m = (s.m or g * 0) * o.beta1 + g * (1 - o.beta1)
  s.v = (s.v or g * 0) * o.beta2 + torch.cmul(g, g) * (1 - o.beta2)
  local square = s.v
  if o.amsgrad then
    s.most = torch.cmax(s.most or g * 0, s.v)
    square = s.most
  end
  local root = torch.sqrt(square / (1 - o.beta2 ^ s.t)) + o.eps
  p:addcdiv(-o.lr / (1 - o.beta1 ^ s.t), s.m, root)
end
reference.AdamW = reference.Adam

function reference.RMSprop(p, g, o, s)
  if o.maximize then g = -g end
  g = g + p * o.weightDecay
  s.v = (s.v or g * 0) * o.alpha + torch.cmul(g, g) * (1 - o.alpha)
  local square = s.v
  if o.centered then
    s.mean = (s.mean or g * 0) * o.alpha + g * (1 - o.alpha)
    square = square - torch.cmul(s.mean, s.mean)
  end
  g = torch.cdiv(g, torch.sqrt(square) + o.eps)
  if o.momentum ~= 0 then
    s.m = (s.m or g * 0) * o.momentum + g
    g = s.m
  end
  p:add(-o.lr, g)
end

function reference.Adagrad(p, g, o, s)
  if o.maximize then g = -g end
  g = g + p * o.weightDecay
  s.v = (s.v or g * 0 + o.initialAccumulatorValue) + torch.cmul(g, g)
  p:addcdiv(-o.lr / (1 + (s.t - 1) * o.lrDecay), g, torch.sqrt(s.v) + o.eps)
end

function reference.Lion(p, g, o, s)
  if o.maximize then g = -g end
  p:mul(1 - o.lr * o.weightDecay)
  s.m = s.m or g * 0
  p:add(-o.lr, torch.sign(s.m * o.beta1 + g * (1 - o.beta1)))
  s.m = s.m * o.beta2 + g * (1 - o.beta2)
end

local variants = {
  SGD = { {}, { momentum = 0.9, weightDecay = 0.1 }, { momentum = 0.9, nesterov = true, maximize = true } },
  Adam = { { weightDecay = 0.1 }, { amsgrad = true, maximize = true },
    { decoupled = true, weightDecay = 0.1 } },
  AdamW = { {} },
  RMSprop = { {}, { momentum = 0.9 }, { centered = true },
    { centered = true, momentum = 0.5, weightDecay = 0.1 } },
  Adagrad = { {}, { lrDecay = 0.5, initialAccumulatorValue = 1, weightDecay = 0.1, maximize = true } },
  Lion = { {}, { weightDecay = 0.1 }, { maximize = true } },
}

-- Shapes: large enough for several threads, with gaps, and turned so that the gradient lies otherwise.
-- No gradient is so small that its square vanishes in float16.
local function arranged(dtype)
  local function filled(t)
    t:normal()
    return t:add(torch.sign(t) * 0.5)
  end
  return {
    { filled(torch.zeros(70001):to(dtype)), filled(torch.zeros(70001):to(dtype)) },
    { filled(torch.zeros(33, 2, 40):to(dtype)):select(2, 1), filled(torch.zeros(40, 33):to(dtype)):t() },
    { filled(torch.zeros(7, 5):to(dtype)):t(), filled(torch.zeros(1, 1):to(dtype)):expand(5, 7) },
    { torch.zeros(3, 0):to(dtype), torch.zeros(3, 0):to(dtype) },
    { torch.scalar(0.5, dtype), torch.scalar(-2, dtype) },
  }
end

local tolerances = { float64 = 1e-12, float32 = 2e-5, float16 = 1e-2, bfloat16 = 6e-2 }

function tests.fused_steps()
  torch.manualSeed(3)
  for name, list in pairs(variants) do
    for number, options in ipairs(list) do
      for dtype, tolerance in pairs(tolerances) do
        for k, pair in ipairs(arranged(dtype)) do
          local p, g, s = pair[1], pair[2], {}
          local plain, slope = p:double():clone(), g:double()
          local o = optim[name]({ p:requireGrad() }, options):set("lr", 0.01)
          for t = 1, 3 do
            p.grad, s.t = g, t
            o:step()
            reference[name](plain, slope, o.groups[1].options, s)
          end
          tester:eq(p:detach():double(), plain, tolerance, ("%s/%d, %s, %d"):format(name, number, dtype, k))
        end
      end
    end
  end
end

-- The tape learns that the parameters were written.
function tests.steps_are_writes()
  for name in pairs(variants) do
    local p = torch.ones(2):requireGrad()
    local o = optim[name] { p }
    local loss = torch.cmul(p, p):sum()
    p.grad = torch.ones(2)
    o:step()
    tester:assertErrorPattern(function() loss:backward() end, "overwritten", name)
  end
end

function tests.fused_arguments()
  local fused = require "optim._update"
  local p = torch.ones(2)
  local options = { lr = 1 }
  tester:assertErrorPattern(function() fused.sgd({ p }, { torch.ones(3) }, nil, nil, nil, { 1 }, options) end,
    "another shape")
  tester:assertErrorPattern(function()
    fused.sgd({ p }, { torch.ones(2):double() }, nil, nil, nil, { 1 }, options)
  end, "a gradient that is float64")
  tester:assertErrorPattern(function() fused.adam({ p }, { p }, { p }, nil, nil, { 1 }, options) end,
    "states expected")
  tester:assertErrorPattern(function() fused.sgd({ p }, {}, nil, nil, nil, { 1 }, options) end,
    "as many gradients")
  tester:assertErrorPattern(function() fused.sgd({ p }, { p }, nil, nil, nil, {}, options) end,
    "number expected")
  local whole = torch.LongTensor(2)
  tester:assertErrorPattern(function() fused.sgd({ whole }, { whole }, nil, nil, nil, { 1 }, options) end,
    "float type")
  local wide = torch.ones(1):expand(2)
  tester:assertError(function() fused.sgd({ wide }, { p }, nil, nil, nil, { 1 }, options) end)
end

-- ---- all of them -----------------------------------------------------------------------------------------

local rates = { SGD = 0.002, Adam = 0.05, AdamW = 0.05, NAdam = 0.05, RAdam = 0.05, Adagrad = 0.5,
  Adadelta = 5, Adamax = 0.05, RMSprop = 0.002, Rprop = 0.01, ASGD = 0.002, Adafactor = 0.02, Lion = 0.002,
  LBFGS = 1 }

local function rosenbrock(p)
  local a, b = p:narrow(1, 1, 1), p:narrow(1, 2, 1)
  return (torch.pow(b - torch.pow(a, 2), 2) * 10 + torch.pow(a * -1 + 1, 2)):sum()
end

local function closure_for(o, p, loss_of)
  return function()
    o:zeroGrad()
    local loss = loss_of(p)
    loss:backward()
    return loss
  end
end

function tests.rosenbrock()
  for name, lr in pairs(rates) do
    for _, dtype in ipairs { "float32", "float64" } do
      local p = torch.zeros(2):to(dtype):requireGrad()
      local o = optim[name]({ p }, { lr = lr, lineSearch = name == "LBFGS" and "wolfe" or nil })
      local closure = closure_for(o, p, rosenbrock)
      local first = closure():item()
      for _ = 1, name == "LBFGS" and 3 or 2000 do
        if name == "LBFGS" then
          o:step(closure)
        else
          closure()
          o:step()
        end
      end
      local factor = name == "Adadelta" and 1.5 or 20 -- it begins with very small steps
      tester:assertlt(closure():item(), first / factor, name .. " on " .. dtype)
    end
  end
end

-- Saved in the middle and loaded into a new optimizer, a run goes on to the last bit.
function tests.states_go_on()
  for name, lr in pairs(rates) do
    local more = { Adam = { amsgrad = true }, RMSprop = { centered = true, momentum = 0.5 },
      SGD = { momentum = 0.9 }, ASGD = { t0 = 2 } }
    local options = more[name] or {}
    options.lr = lr
    if name == "LBFGS" then options.maxIter = 3 end
    local function make(values, with)
      local p = torch.DoubleTensor(values):requireGrad()
      local o = optim[name]({ p }, with)
      local closure = closure_for(o, p, function(x) return (torch.pow(x, 4) + torch.pow(x, 2)):sum() end)
      return p, o, function()
        if name == "LBFGS" then return o:step(closure) end
        closure()
        o:step()
      end
    end
    local a, o, step = make({ { 1, -2 }, { 0.5, 0.25 }, { 0.1, 3 } }, options)
    for _ = 1, 4 do step() end
    local b, other, step_other = make(a:detach():totable(), {})
    other:loadStateDict(torch.deserialize(torch.serialize(o:stateDict())))
    for _ = 1, 4 do
      step()
      step_other()
    end
    tester:assert(torch.equal(a:detach(), b:detach()), name)
    tester:eq(other.groups[1].options.lr, lr)
    local wrong = optim[name] { torch.ones(7):requireGrad() }
    tester:assertErrorPattern(function() wrong:loadStateDict(o:stateDict()) end, "loadStateDict: ", name)
  end
end

-- net:parameters() gives the gradients as a second value.
function tests.parameters_of_a_module()
  local net = nn.Linear(2, 1)
  tester:eq(#optim.Adam(net:parameters()).groups[1].params, 2)
  tester:eq(#optim.EMA(net:parameters()).params, 2)
end

function tests.groups()
  local a, b = torch.ones(1):requireGrad(), torch.ones(1):requireGrad()
  local o = optim.Adam({ a }, { lr = 0.5 })
  o:addParamGroup { params = { b }, lr = 0.25, betas = { 0.5, 0.6 } }
  a.grad, b.grad = torch.ones(1), torch.ones(1)
  o:step()
  tester:eq({ a:item(), b:item() }, { 0.5, 0.75 }, 1e-6)
  tester:eq(o.groups[2].options.beta1, 0.5)
  tester:assertErrorPattern(function() o:addParamGroup(3) end, "a group is a table")
  tester:assertErrorPattern(function() o:addParamGroup {} end, "a group is a table")
  tester:assertErrorPattern(function() optim.LBFGS({ a }):addParamGroup { params = { b } } end, "one group")
  tester:assertErrorPattern(function() optim.LBFGS { { params = { a } }, { params = { b } } } end,
    "one group")
end

-- A parameter that had no gradient at first counts its own steps.
function tests.late_gradients()
  for name in pairs(variants) do
    local a, b = torch.ones(3):requireGrad(), torch.ones(3):requireGrad()
    local o = optim[name]({ a, b }, { lr = 0.1 })
    a.grad = torch.ones(3)
    o:step()
    tester:eq(b:detach():sum(), 3, name)
    b.grad, a.grad = torch.ones(3), nil
    o:step()
    tester:assert(torch.equal(a:detach(), b:detach()), name)
  end
end

-- A momentum that is set later begins with the whole gradient.
function tests.momentum_set_later()
  local p = torch.zeros(1):requireGrad()
  local o = optim.SGD({ p }, { lr = 1, dampening = 0.5 })
  p.grad = torch.ones(1)
  o:step()
  o:set("momentum", 0.5):step()
  tester:eq(p:item(), -2)
  o:step()
  tester:eq(p:item(), -3)
end

function tests.faults()
  local p = torch.ones(2):requireGrad()
  local function refused(pattern, name, options)
    tester:assertErrorPattern(function() optim[name]({ p }, options) end,
      "test_optim_objects.lua:%d+: optim%." .. name .. ": " .. pattern, name)
  end
  for name in pairs(rates) do
    refused("there is no option 'nothing'", name, { nothing = 1 })
    refused("option 'lr' must be a number", name, { lr = true })
    refused("", name, { lr = -1 })
    refused("", name, { lr = 0 / 0 })
    tester:assertErrorPattern(function() optim[name](3) end, "a list of tensors expected, got number")
    tester:assertErrorPattern(function() optim[name]({ p }, 3) end, "a table of options expected, got number")
  end
  local o = optim.Adam { p }
  for pattern, dict in pairs {
    ["this is not what"] = { state = {} },
    ["2 groups of parameters"] = { state = {}, groups = { {}, {} } },
    ["options of group 1"] = { state = {}, groups = { 3 } },
    ["there is no parameter 2"] = { state = { [2] = { step = 1 } }, groups = { {} } },
    ["state of parameter 1"] = { state = { 3 }, groups = { {} } },
    ["there is no option '1'"] = { state = {}, groups = { { 3 } } },
  } do
    tester:assertErrorPattern(function() o:loadStateDict(dict) end, pattern)
  end
  refused("option 'betas' must be a table of two numbers", "Adam", { betas = 1 })
  refused("option 'beta2' is 1", "Adam", { betas = { 0.9, 1 } })
  refused("option 'alpha' is 1.5", "RMSprop", { alpha = 1.5 })
  refused("wanted 0 < etaMinus", "Rprop", { etas = { 1.5, 2 } })
  refused("wanted clip >= 1", "Adafactor", { clip = 0.5 })
  refused("there is no line search 'golden'", "LBFGS", { lineSearch = "golden" })
  tester:assertErrorPattern(function() optim.LBFGS({ p }):step() end, "a closure expected, got nil")
  tester:assertErrorPattern(function() optim.LBFGS({ p }):step(function() end) end, "gave a nil, not a loss")
end

-- ---- clipping --------------------------------------------------------------------------------------------

local function with_gradient(values)
  local p = torch.zeros(#values):requireGrad()
  p.grad = torch.FloatTensor(values)
  return p
end

function tests.clipping()
  local a, b, none = with_gradient { 3, 0 }, with_gradient { 0, -4, 0 }, torch.ones(1):requireGrad()
  tester:eq(optim.clipGradNorm({ a, none, b }, 10), 5, 1e-6)
  tester:eq(a.grad[1], 3)
  tester:eq(optim.clipGradNorm({ a, b }, 1), 5, 1e-6)
  tester:eq({ a.grad[1], b.grad[2] }, { 0.6, -0.8 }, 1e-5)
  tester:eq(optim.clipGradNorm({ a, b }, 0.4, math.huge), 0.8, 1e-5)
  tester:eq(b.grad[2], -0.4, 1e-5)
  tester:eq(optim.clipGradNorm(a, 100, 1), 0.3, 1e-5)
  tester:eq(optim.clipGradNorm({ none }, 1), 0)
  tester:assertErrorPattern(function() optim.clipGradNorm({ a }, -1) end,
    "test_optim_objects.lua:%d+: nn.utils.clipGradNorm: maxNorm is %-1")
  tester:assertErrorPattern(function() optim.clipGradNorm({ 1 }, 1) end, "parameter 1 is a number")
  tester:assertErrorPattern(function() optim.clipGradNorm(nil, 1) end, "wanted tensors or a module")
  local c = with_gradient { 3, -4, 0.5 }
  optim.clipGradValue({ c, none }, 1)
  tester:eq(c.grad, torch.FloatTensor { 1, -1, 0.5 })
  tester:assertErrorPattern(function() optim.clipGradValue({ c }, "1") end, "value is 1, wanted a number")
end

-- Gradients of several parts of a batch add up.
function tests.accumulation()
  local x = torch.randn(6, 3)
  local a, b = torch.ones(3):requireGrad(), torch.ones(3):requireGrad()
  torch.pow(torch.mv(x, a), 2):mean():backward()
  for _, part in ipairs(x:split(2, 1)) do (torch.pow(torch.mv(part, b), 2):mean() / 3):backward() end
  tester:eq(a.grad, b.grad, 1e-5)
end

-- ---- averages --------------------------------------------------------------------------------------------

function tests.averages()
  local p = torch.zeros(2, 2):t():requireGrad()
  local ema, swa = optim.EMA({ p }, { decay = 0.75 }), optim.SWA { p }
  local expected = 0
  for i = 1, 4 do
    torch.noGrad(p.fill, p, i)
    expected = 0.75 * expected + 0.25 * i
    ema:update()
    swa:update()
  end
  tester:eq(ema.averages[1], torch.zeros(2, 2):fill(expected), 1e-6)
  tester:eq(swa.averages[1], torch.zeros(2, 2):fill(2.5), 1e-6)
  ema:apply()
  tester:eq(p:detach()[1][1], expected, 1e-6)
  tester:assert(p.requiresGrad)
  tester:assertErrorPattern(function() ema:apply() end, "applied already")
  tester:assertErrorPattern(function() ema:update() end, "call restore first")
  ema:restore()
  tester:eq(p:detach()[1][1], 4)
  tester:assertErrorPattern(function() ema:restore() end, "not applied")
  local other = optim.EMA({ torch.zeros(2, 2) }, { decay = 0.75 })
  other:loadStateDict(torch.deserialize(torch.serialize(ema:stateDict())))
  tester:assert(torch.equal(other.averages[1], ema.averages[1]))
  tester:assertErrorPattern(function() optim.EMA({ torch.zeros(3) }):loadStateDict(ema:stateDict()) end,
    "another shape")
  tester:assertErrorPattern(function() optim.SWA({ p, p }):loadStateDict(ema:stateDict()) end,
    "averages of 1 parameters, there are 2")
  tester:assertErrorPattern(function() optim.EMA({ p }, { decay = 2 }) end, "the decay is 2")
  tester:assertErrorPattern(function() optim.EMA({ p }, { rate = 2 }) end, "there is no option 'rate'")
  tester:assertErrorPattern(function() optim.SWA {} end, "an empty table")
  local warm = optim.EMA({ torch.ones(1) }, { warmup = true })
  warm.params[1]:fill(0)
  warm:update()
  tester:eq(warm.averages[1]:item(), 2 / 11, 1e-6)
end

-- Ctrl-C, or an error as here, while the weights are put aside: nothing is applied, and it goes on.
function tests.averages_that_stop_halfway()
  local small, large = torch.zeros(2), torch.zeros(1e6)
  local ema = optim.EMA({ small, large }, { decay = 0.5 })
  small:fill(1)
  ema:update()
  torch.setmemorylimit(torch.memory().live + 2e6)
  local ok = pcall(ema.apply, ema)
  torch.setmemorylimit(0)
  tester:eq(ok, false)
  tester:eq(small:sum(), 2)
  tester:assertErrorPattern(function() ema:restore() end, "are not applied")
  tester:eq(ema:apply() and small:sum(), 1)
  tester:eq(ema:restore() and small:sum(), 2)
end

tester:add(tests):run()
