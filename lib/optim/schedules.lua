-- schedules: the schedules of learning rates that are formulas of the step's number.
--
-- rate(s, lr, t, base, group) gives the rate of step t from that of the step before, as PyTorch does, so that
-- several schedules can change one optimizer; closed(s, base, t) gives it from the first rate.

local torch = require "torch"
local raise = require("torch.caller").raise

local function define(optim, name, defaults, rule)
  local class, parent = torch.class("optim." .. name, "optim.Scheduler", optim)
  function class:__init(optimizer, options)
    parent.__init(self, optimizer, options, defaults)
  end
  function class:_rate(lr, t, base, group) return rule.rate(self.options, lr, t, base, group) end
  if rule.closed then
    function class:_closed(base, t) return rule.closed(self.options, base, t) end
  end
  if rule.check then
    function class:_check(o)
      local message = rule.check(o)
      if message then raise("optim.%s: %s", name, message) end
    end
  end
end

local function positive(name)
  return function(o)
    local x = o[name]
    if x and x > 0 then return nil end
    return ("option '%s' must be a positive number"):format(name)
  end
end

--- optim.StepLR(optimizer, options)
--
-- The rate times gamma every stepSize steps.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of stepSize and gamma, 0.1 by default
-- Returns: a schedule
-- Errors: stepSize is missing
-- From: PyTorch
-- Example:
--   scheduler = optim.StepLR(optim.SGD({ torch.ones(1) }, { lr = 1 }), { stepSize = 1, gamma = 0.5 })
--   scheduler:step():getLastLR()[1] --> 0.5
local step_lr = {
  rate = function(o, lr, t) return t > 0 and t % o.stepSize == 0 and lr * o.gamma or lr end,
  closed = function(o, base, t) return base * o.gamma ^ (t // o.stepSize) end,
  check = positive "stepSize",
}

local function passed(milestones, t)
  local n = 0
  for _, m in ipairs(milestones) do
    if t >= m then n = n + 1 end
  end
  return n
end

--- optim.MultiStepLR(optimizer, options)
--
-- The rate times gamma at each of some steps.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of milestones, a list of numbers, and gamma, 0.1 by default
-- Returns: a schedule
-- Errors: milestones is missing
-- From: PyTorch
-- Example:
--   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
--   scheduler = optim.MultiStepLR(optimizer, { milestones = { 1, 5 }, gamma = 0.5 })
--   scheduler:step():step():getLastLR()[1] --> 0.5
local multi_step_lr = {
  rate = function(o, lr, t) return lr * o.gamma ^ (passed(o.milestones, t) - passed(o.milestones, t - 1)) end,
  closed = function(o, base, t) return base * o.gamma ^ passed(o.milestones, t) end,
  check = function(o)
    if not o.milestones then return "option 'milestones' must be a list of numbers" end
    for _, m in ipairs(o.milestones) do
      if type(m) ~= "number" then return "option 'milestones' must be a list of numbers" end
    end
  end,
}

--- optim.ExponentialLR(optimizer, options)
--
-- The rate times gamma at each step.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of gamma
-- Returns: a schedule
-- Errors: gamma is missing
-- From: PyTorch
-- Example:
--   scheduler = optim.ExponentialLR(optim.SGD({ torch.ones(1) }, { lr = 1 }), { gamma = 0.5 })
--   scheduler:step():step():getLastLR()[1] --> 0.25
local exponential_lr = {
  rate = function(o, lr, t) return t > 0 and lr * o.gamma or lr end,
  closed = function(o, base, t) return base * o.gamma ^ t end,
  check = positive "gamma",
}

--- optim.ConstantLR(optimizer [, options]); optim.LinearLR(optimizer [, options])
--
-- The rate times a factor until step totalIters, and as it was from there on: the factor is constant, or goes
-- from startFactor to endFactor in a straight line.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of any of these:
--   totalIters: 5 by default
--   factor: ConstantLR: 1/3 by default
--   startFactor, endFactor: LinearLR: 1/3 and 1 by default
-- Returns: a schedule
-- Errors: a factor is out of range
-- From: PyTorch
-- Example:
--   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
--   optim.LinearLR(optimizer, { startFactor = 0.5, totalIters = 2 }):step():getLastLR()[1] --> 0.75
local constant_lr = {
  rate = function(o, lr, t)
    if t == 0 then return lr * o.factor end
    return t == o.totalIters and lr / o.factor or lr
  end,
  closed = function(o, base, t) return base * (t < o.totalIters and o.factor or 1) end,
  check = function(o)
    if not (o.factor > 0 and o.factor <= 1) then return "option 'factor' must be above 0 and at most 1" end
  end,
}

local linear_lr = {
  rate = function(o, lr, t)
    if t == 0 then return lr * o.startFactor end
    if t > o.totalIters then return lr end
    local rise = o.endFactor - o.startFactor
    return lr * (1 + rise / (o.totalIters * o.startFactor + (t - 1) * rise))
  end,
  closed = function(o, base, t)
    return base * (o.startFactor + (o.endFactor - o.startFactor) * math.min(o.totalIters, t) / o.totalIters)
  end,
  check = function(o)
    if not (o.startFactor > 0 and o.startFactor <= 1) then
      return "option 'startFactor' must be above 0 and at most 1"
    end
    if not (o.endFactor >= 0 and o.endFactor <= 1) then return "option 'endFactor' must be from 0 to 1" end
    return positive "totalIters"(o)
  end,
}

--- optim.PolynomialLR(optimizer [, options])
--
-- The rate falls to 0 at step totalIters as (1 - t / totalIters)^power.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of totalIters, 5 by default, and power, 1 by default
-- Returns: a schedule
-- From: PyTorch
-- Example:
--   scheduler = optim.PolynomialLR(optim.SGD({ torch.ones(1) }, { lr = 1 }), { totalIters = 4 })
--   scheduler:step():getLastLR()[1] --> 0.75
local polynomial_lr = {
  rate = function(o, lr, t)
    if t == 0 or t > o.totalIters then return lr end
    return lr * ((1 - t / o.totalIters) / (1 - (t - 1) / o.totalIters)) ^ o.power
  end,
  closed = function(o, base, t) return base * (1 - math.min(o.totalIters, t) / o.totalIters) ^ o.power end,
  check = positive "totalIters",
}

--- optim.CosineAnnealingLR(optimizer, options)
--
-- The rate goes down to etaMin as half a wave of a cosine within tMax steps, and up again after.  See
-- optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of tMax and etaMin, 0 by default
-- Returns: a schedule
-- Errors: tMax is missing
-- From: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017
-- Example:
--   scheduler = optim.CosineAnnealingLR(optim.SGD({ torch.ones(1) }, { lr = 1 }), { tMax = 2 })
--   ("%.3f"):format(scheduler:step():getLastLR()[1]) --> 0.500
local cosine_lr = {
  rate = function(o, lr, t, base)
    if t == 0 then return lr end
    if (t - 1 - o.tMax) % (2 * o.tMax) == 0 then
      return lr + (base - o.etaMin) * (1 - math.cos(math.pi / o.tMax)) / 2
    end
    local now, before = math.cos(math.pi * t / o.tMax), math.cos(math.pi * (t - 1) / o.tMax)
    return (1 + now) / (1 + before) * (lr - o.etaMin) + o.etaMin
  end,
  closed = function(o, base, t)
    return o.etaMin + (base - o.etaMin) * (1 + math.cos(math.pi * t / o.tMax)) / 2
  end,
  check = positive "tMax",
}

--- optim.CosineAnnealingWarmRestarts(optimizer, options)
--
-- The rate goes down to etaMin as half a wave of a cosine, and begins again: after t0 steps first, then after
-- tMult times as many.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of t0, tMult, a whole number, 1 by default, and etaMin, 0 by default
-- Returns: a schedule
-- Errors: t0 is missing; tMult is less than 1
-- From: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017
-- Example:
--   scheduler = optim.CosineAnnealingWarmRestarts(optim.SGD({ torch.ones(1) }, { lr = 1 }), { t0 = 2 })
--   scheduler:step():step():getLastLR()[1] --> 1.0
local function warm_restarts(o, base, t)
  local length = o.t0
  if o.tMult == 1 then
    t = t % length
  else
    while t >= length do
      t = t - length
      length = length * o.tMult
    end
  end
  return o.etaMin + (base - o.etaMin) * (1 + math.cos(math.pi * t / length)) / 2
end

local warm_restarts_lr = {
  rate = function(o, _, t, base) return warm_restarts(o, base, t) end,
  closed = warm_restarts,
  check = function(o)
    if not (o.tMult >= 1 and o.tMult % 1 == 0) then
      return "option 'tMult' must be a whole number from 1 on"
    end
    return positive "t0"(o)
  end,
}

--- optim.LambdaLR(optimizer, options)
--
-- The first rate times what a function of the step's number gives.  See optim.Scheduler for the methods.
--
-- optimizer: an optimizer
-- options: table of lrLambda: function of the number of the step, from 0 on, or a table of one for each group
-- Returns: a schedule
-- Errors: lrLambda is missing
-- From: PyTorch
-- Example:
--   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
--   harmonic = function(t) return 1 / (1 + t) end
--   optim.LambdaLR(optimizer, { lrLambda = harmonic }):step():getLastLR()[1] --> 0.5
local lambda_lr = {
  rate = function(o, _, t, base, group)
    local f = o.lrLambda
    return base * (type(f) == "table" and f[group] or f)(t)
  end,
  check = function(o)
    if not o.lrLambda then return "option 'lrLambda' must be a function" end
  end,
}

return function(optim)
  define(optim, "StepLR", { stepSize = { "number" }, gamma = 0.1 }, step_lr)
  define(optim, "MultiStepLR", { milestones = { "table" }, gamma = 0.1 }, multi_step_lr)
  define(optim, "ExponentialLR", { gamma = { "number" } }, exponential_lr)
  define(optim, "ConstantLR", { factor = 1 / 3, totalIters = 5 }, constant_lr)
  define(optim, "LinearLR", { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }, linear_lr)
  define(optim, "PolynomialLR", { totalIters = 5, power = 1 }, polynomial_lr)
  define(optim, "CosineAnnealingLR", { tMax = { "number" }, etaMin = 0 }, cosine_lr)
  define(optim, "CosineAnnealingWarmRestarts", { t0 = { "number" }, tMult = 1, etaMin = 0 }, warm_restarts_lr)
  define(optim, "LambdaLR", { lrLambda = { "function", "table" } }, lambda_lr)
end
