-- test_optim_golden: every option of the optimizers and the schedules against PyTorch, whose paths
-- golden/optim.py wrote.
local torch = require "torch"
local optim = require "optim"

local tester = torch.Tester()
local tests = torch.TestSuite()
local folder = debug.getinfo(1, "S").source:match("^@(.*)test_optim_golden%.lua$") .. "golden/"
local golden = torch.load(folder .. "optim.npz")

local function loss_of(a, b)
  local head, tail = a:narrow(1, 1, 2), a:narrow(1, 2, 2)
  local rosenbrock = ((tail - torch.pow(head, 2)):pow(2) * 5 + torch.pow(head * -1 + 1, 2)):sum()
  return rosenbrock + torch.cmul(torch.range(1, 6):double():view(2, 3), torch.cmul(b, b)):sum() / 4
end

local starts = { { -1, 0.5, 1.5 }, { { 1, -2, 0.5 }, { 0.25, -0.75, 1.25 } } }

-- Parameters of a type; `strided` ones have gaps.
local function parameters(dtype, strided)
  local list = {}
  for i, values in ipairs(starts) do
    local t = torch.DoubleTensor(values):to(dtype)
    if strided then
      t = i == 1 and torch.zeros(6):to(dtype):view(3, 2):select(2, 2):copy(t)
        or torch.zeros(3, 2):to(dtype):t():copy(t)
    end
    t.requiresGrad = true
    list[i] = t
  end
  return list
end

local function flat(p)
  return torch.cat({ p[1]:detach():contiguous():view(-1), p[2]:detach():contiguous():view(-1) }, 1):double()
end

local function check_path(name, number, options, dtype, strided, tolerance)
  local p = parameters(dtype, strided)
  p[3] = torch.zeros(0, 4):to(dtype):requireGrad() -- no elements
  p[4] = torch.ones(2):to(dtype):requireGrad() -- no gradient
  local o = optim[name](p, options)
  local wanted = golden[("%s/%d"):format(name, number)]
  local function closure()
    o:zeroGrad()
    local loss = loss_of(p[1]:double(), p[2]:double())
    loss = loss + p[3]:double():sum()
    loss:backward()
    return loss
  end
  for t = 1, wanted:size(1) do
    if name == "LBFGS" then
      o:step(closure)
    else
      closure()
      o:step()
    end
    tester:eq(flat(p), wanted[t], tolerance, ("%s/%d, step %d, %s%s"):format(name, number, t, dtype,
      strided and ", strided" or ""))
  end
  tester:eq(p[4]:detach():sum(), 2)
end

local cases = {
  SGD = { { lr = 0.01 }, { lr = 0.01, momentum = 0.9, weightDecay = 0.1 },
    { lr = 0.01, momentum = 0.9, dampening = 0.3 }, { lr = 0.01, momentum = 0.9, nesterov = true },
    { lr = 0.001, momentum = 0.5, maximize = true, weightDecay = 0.1 } },
  Adam = { { lr = 0.1 }, { lr = 0.1, betas = { 0.8, 0.9 }, eps = 1e-3, weightDecay = 0.1 },
    { lr = 0.1, amsgrad = true, betas = { 0.5, 0.6 } }, { lr = 0.1, maximize = true } },
  AdamW = { { lr = 0.1 }, { lr = 0.1, weightDecay = 0.3, amsgrad = true, betas = { 0.5, 0.6 } },
    { lr = 0.1, maximize = true } },
  NAdam = { {}, { lr = 0.1, weightDecay = 0.1, momentumDecay = 0.1, betas = { 0.8, 0.9 } },
    { lr = 0.1, weightDecay = 0.1, decoupled = true }, { maximize = true } },
  RAdam = { { lr = 0.01 }, { lr = 0.01, betas = { 0.8, 0.95 }, weightDecay = 0.1, eps = 1e-3 },
    { lr = 0.01, weightDecay = 0.1, decoupled = true }, { maximize = true } },
  Adagrad = { { lr = 0.1 }, { lr = 0.1, lrDecay = 0.2, weightDecay = 0.1, eps = 1e-3 },
    { lr = 0.1, initialAccumulatorValue = 0.5, maximize = true } },
  Adadelta = { {}, { lr = 0.5, rho = 0.8, eps = 1e-3, weightDecay = 0.1 }, { maximize = true } },
  Adamax = { { lr = 0.1 }, { lr = 0.1, betas = { 0.8, 0.9 }, eps = 1e-3, weightDecay = 0.1 },
    { lr = 0.1, maximize = true } },
  RMSprop = { { lr = 0.05 }, { lr = 0.05, alpha = 0.8, eps = 1e-3, weightDecay = 0.1 },
    { lr = 0.01, momentum = 0.9 }, { lr = 0.01, centered = true },
    { lr = 0.01, centered = true, momentum = 0.5, maximize = true } },
  Rprop = { { lr = 0.1 }, { lr = 0.05, etas = { 0.4, 1.5 }, stepSizes = { 0.01, 0.2 } },
    { lr = 0.01, maximize = true } },
  ASGD = { { lr = 0.02 }, { lr = 0.02, lambda = 0.1, alpha = 0.5, t0 = 3, weightDecay = 0.1 },
    { lr = 0.001, maximize = true } },
  Adafactor = { { lr = 0.1 },
    { lr = 0.3, beta2Decay = -0.5, eps1 = 1e-2, eps2 = 0.1, clip = 1.5, weightDecay = 0.1 },
    { lr = 0.1, maximize = true } },
  LBFGS = { { lr = 0.1, maxIter = 6 }, { lr = 0.1, maxIter = 5, historySize = 2 },
    { lr = 0.5, maxIter = 4, maxEval = 3 } },
}

for name, list in pairs(cases) do
  tests[name] = function()
    for number, options in ipairs(list) do
      check_path(name, number, options, "float64", false, 1e-9)
      check_path(name, number, options, "float64", true, 1e-9)
      -- Adafactor's and Adadelta's first steps hang on the precision
      local loose = name == "Adafactor" and options.eps1 == nil
      check_path(name, number, options, "float32", number % 2 == 0, loose and 2e-3 or 3e-4)
    end
  end
end

-- ---- schedules ---------------------------------------------------------------------------------------

local metrics = { 5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2.9, 2.95, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 }
local up = {}
for i, m in ipairs(metrics) do up[i] = -m end

local function harmonic(t) return 1 / (1 + t) end

local plans = {
  StepLR = { { stepSize = 5, gamma = 0.3 } },
  MultiStepLR = { { milestones = { 3, 3, 9 }, gamma = 0.3 } },
  ExponentialLR = { { gamma = 0.8 } },
  ConstantLR = { { factor = 0.4, totalIters = 6 } },
  LinearLR = { {}, { startFactor = 0.1, endFactor = 0.6, totalIters = 10 } },
  PolynomialLR = { { totalIters = 20, power = 2 } },
  CosineAnnealingLR = { { tMax = 7, etaMin = 0.1 } },
  CosineAnnealingWarmRestarts = { { t0 = 3, tMult = 2, etaMin = 0.1 }, { t0 = 4 } },
  LambdaLR = { { lrLambda = harmonic }, { lrLambda = { harmonic, function(t) return t end } } },
  ChainedScheduler = {
    function(o)
      return optim.ChainedScheduler { optim.ConstantLR(o, { factor = 0.1, totalIters = 4 }),
        optim.ExponentialLR(o, { gamma = 0.9 }) }
    end,
    function(o)
      return optim.ChainedScheduler { optim.LinearLR(o, { startFactor = 0.1 }),
        optim.CosineAnnealingLR(o, { tMax = 20 }) }
    end },
  SequentialLR = {
    function(o)
      return optim.SequentialLR({ optim.LinearLR(o, { startFactor = 0.1, totalIters = 5 }),
        optim.CosineAnnealingLR(o, { tMax = 10 }) }, { milestones = { 5 } })
    end,
    function(o)
      return optim.SequentialLR({ optim.ConstantLR(o, { factor = 0.1, totalIters = 2 }),
        optim.ExponentialLR(o, { gamma = 0.9 }), optim.StepLR(o, { stepSize = 3 }) },
        { milestones = { 3, 9 } })
    end },
  OneCycleLR = { { maxLR = 2, totalSteps = 24 }, { maxLR = 2, epochs = 5, stepsPerEpoch = 5, pctStart = 0.4,
    threePhase = true, annealStrategy = "linear", divFactor = 10, finalDivFactor = 100, baseMomentum = 0.7,
    maxMomentum = 0.8 }, { maxLR = 2, totalSteps = 24 } },
  ReduceLROnPlateau = { { factor = 0.5, patience = 2 },
    { mode = "max", factor = 0.5, patience = 1, threshold = 0.2,
      thresholdMode = "abs", cooldown = 2, minLR = 0.1 }, { factor = 0.5, patience = 1, threshold = 0.1,
    cooldown = 1, minLR = 0.3 } },
}

local function fresh(name, number)
  local class = name == "OneCycleLR" and number == 3 and "Adam" or "SGD"
  local o = optim[class]({ { params = { torch.zeros(1) } }, { params = { torch.zeros(1) }, lr = 0.2 } },
    { lr = 1, momentum = class == "SGD" and 0.9 or nil })
  local plan = plans[name][number]
  if type(plan) == "function" then return o, plan(o) end
  return o, optim[name](o, plan)
end

-- In the middle the schedule and the optimizer are saved, and loaded into new ones.
local function check_rates(name, number, reload)
  local o, scheduler = fresh(name, number)
  local wanted = golden[("%s/%d"):format(name, number)]
  for t = 1, wanted:size(1) do
    if reload and t == 8 then
      local saved, state = torch.serialize(scheduler:stateDict()), torch.serialize(o:stateDict())
      o, scheduler = fresh(name, number)
      o:loadStateDict(torch.deserialize(state))
      scheduler:loadStateDict(torch.deserialize(saved))
    end
    local rates = scheduler:getLastLR()
    local options = o.groups[1].options
    tester:eq({ rates[1], rates[2], options.momentum or options.beta1 }, wanted[t]:totable(), 1e-12,
      ("%s/%d, step %d"):format(name, number, t - 1))
    local given = name .. number == "ReduceLROnPlateau2" and up or metrics
    if t < wanted:size(1) then scheduler:step(given[t]) end
  end
end

for name, list in pairs(plans) do
  tests[name] = function()
    for number = 1, #list do
      check_rates(name, number, false)
      check_rates(name, number, true)
    end
  end
end

tester:add(tests):run()
