-- sequences: schedules made of others, and optim.OneCycleLR, which moves the momentum too.

local torch = require "torch"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

-- The list of schedules, all of one optimizer that can step without a metric.
local function check_list(name, schedulers)
  if type(schedulers) ~= "table" or #schedulers == 0 then
    raise("%s: a list of schedules expected, got %s", name,
      type(schedulers) == "table" and "an empty table" or torch.type(schedulers))
  end
  for i, s in ipairs(schedulers) do
    if not torch.isTypeOf(s, "optim.Scheduler") or torch.isTypeOf(s, "optim.ReduceLROnPlateau") then
      raise("%s: schedule %d is a %s", name, i, torch.type(s))
    end
    if s.optimizer ~= schedulers[1].optimizer then
      raise("%s: the schedules have different optimizers", name)
    end
  end
  return schedulers
end

local function define_chained(optim)
  local Chained = torch.class("optim.ChainedScheduler", "optim.Scheduler", optim)

  --- optim.ChainedScheduler(schedulers)
  --
  -- Steps several schedules of one optimizer together: their factors multiply.  See optim.Scheduler for the
  -- methods.
  --
  -- schedulers: list of schedules
  -- Returns: a schedule
  -- Errors: the schedules have different optimizers
  -- From: PyTorch
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   halve = optim.ExponentialLR(optimizer, { gamma = 0.5 })
  --   third = optim.ConstantLR(optimizer, { factor = 0.25, totalIters = 9 })
  --   optim.ChainedScheduler({ halve, third }):step():getLastLR()[1] --> 0.125
  function Chained:__init(schedulers)
    self.schedulers = check_list("optim.ChainedScheduler", schedulers)
    self.optimizer, self.lastEpoch = schedulers[1].optimizer, 0
  end

  function Chained:step()
    self.lastEpoch = self.lastEpoch + 1
    for _, s in ipairs(self.schedulers) do s:step() end
    return self
  end

  function Chained:_restart()
    self.lastEpoch = 0
    for i, group in ipairs(self.optimizer.groups) do
      group.options.lr = self.schedulers[1].baseLRs[i] or group.options.lr
    end
    for _, s in ipairs(self.schedulers) do
      s.lastEpoch = 0
      s:_set()
    end
  end
end

local function define_sequential(optim)
  local Sequential = torch.class("optim.SequentialLR", "optim.Scheduler", optim)

  --- optim.SequentialLR(schedulers, options)
  --
  -- Schedules of one optimizer one after another, each from its own step 0 on.  See optim.Scheduler for the
  -- methods.
  --
  -- schedulers: list of schedules
  -- options: table of milestones: list of the steps at which the second one and so on begin
  -- Returns: a schedule
  -- Errors: the schedules have different optimizers; there is not one milestone less than schedules
  -- From: PyTorch
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   first = optim.ConstantLR(optimizer, { factor = 0.25, totalIters = 9 })
  --   second = optim.ExponentialLR(optimizer, { gamma = 0.5 })
  --   scheduler = optim.SequentialLR({ first, second }, { milestones = { 2 } })
  --   scheduler:getLastLR()[1], scheduler:step():step():getLastLR()[1] --> 0.25 1.0
  function Sequential:__init(schedulers, options)
    local name = torch.type(self)
    check_list(name, schedulers)
    local milestones = type(options) == "table" and options.milestones
    if type(milestones) ~= "table" or #milestones ~= #schedulers - 1 then
      raise("%s: option 'milestones' must be a list of %d numbers", name, #schedulers - 1)
    end
    for i, m in ipairs(milestones) do
      if math.tointeger(m) == nil or m <= (milestones[i - 1] or 0) then
        raise("%s: the milestones must be whole numbers that grow", name)
      end
    end
    self.schedulers, self.milestones = schedulers, milestones
    self.optimizer, self.lastEpoch = schedulers[1].optimizer, 0
    self:_restart()
  end

  function Sequential:_restart()
    self.lastEpoch = 0
    for i, group in ipairs(self.optimizer.groups) do
      group.options.lr = group.initialLR or self:getLastLR()[i]
    end
    self.schedulers[1]:_restart()
  end

  function Sequential:step()
    local t = self.lastEpoch + 1
    self.lastEpoch = t
    local i = 1
    while self.milestones[i] and t >= self.milestones[i] do i = i + 1 end
    if self.milestones[i - 1] == t then self.schedulers[i]:_restart() else self.schedulers[i]:step() end
    return self
  end

  local WarmUp, parent = torch.class("optim.WarmUp", "optim.SequentialLR", optim)

  --- optim.WarmUp(optimizer, options)
  --
  -- The rate rises in a straight line for some steps; then another schedule begins, or the rate stays.  See
  -- optim.Scheduler for the methods.
  --
  -- optimizer: an optimizer
  -- options: table of any of these:
  --   steps: how many steps it rises
  --   startFactor: what the rate begins with, times the first rate; 1 / steps by default
  --   after: a schedule of the same optimizer; none by default
  -- Returns: a schedule
  -- Errors: steps is missing; the schedule has another optimizer
  -- From: Goyal and others, "Accurate, large minibatch SGD", 2017
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   scheduler = optim.WarmUp(optimizer, { steps = 4 })
  --   scheduler:getLastLR()[1], scheduler:step():getLastLR()[1] --> 0.25 0.4375
  function WarmUp:__init(optimizer, options)
    options = check_options("optim.WarmUp", options, { steps = true, startFactor = true, after = true })
    if math.tointeger(options.steps) == nil or options.steps < 1 then
      raise("optim.WarmUp: option 'steps' must be a whole number from 1 on")
    end
    -- made on the first rates, whatever `after` has made of them
    for _, group in ipairs(type(optimizer) == "table" and optimizer.groups or {}) do
      group.options.lr = group.initialLR or group.options.lr
    end
    local rise = optim.LinearLR(optimizer, { startFactor = options.startFactor or 1 / options.steps,
      totalIters = options.steps })
    local list = { rise, options.after }
    parent.__init(self, list, { milestones = options.after and { options.steps } or {} })
  end
end

-- From a to b as t goes from 0 to 1.
local anneal = {
  cos = function(a, b, t) return b + (a - b) / 2 * (1 + math.cos(math.pi * t)) end,
  linear = function(a, b, t) return a + (b - a) * t end,
}

-- Ends and values of the phases.
local function phases_of(o, total)
  local low, high = o.maxLR / o.divFactor, o.maxLR
  local least, base, most = low / o.finalDivFactor, o.baseMomentum, o.maxMomentum
  local first = { last = o.pctStart * total - 1, lr = { low, high }, momentum = { most, base } }
  if not o.threePhase then
    return { first, { last = total - 1, lr = { high, least }, momentum = { base, most } } }
  end
  return { first, { last = 2 * o.pctStart * total - 2, lr = { high, low }, momentum = { base, most } },
    { last = total - 1, lr = { low, least }, momentum = { most, most } } }
end

local function define_one_cycle(optim)
  local OneCycle, parent = torch.class("optim.OneCycleLR", "optim.Scheduler", optim)
  local defaults = { maxLR = { "number" }, totalSteps = { "number" }, epochs = { "number" },
    stepsPerEpoch = { "number" }, pctStart = 0.3, annealStrategy = "cos", cycleMomentum = true,
    baseMomentum = 0.85, maxMomentum = 0.95, divFactor = 25, finalDivFactor = 1e4, threePhase = false }

  --- optim.OneCycleLR(optimizer, options)
  --
  -- One cycle for a whole training: the rate rises to maxLR and falls far below where it began, and the
  -- momentum (option momentum or beta1) goes the other way.  Step it after each batch.  See optim.Scheduler
  -- for the methods.
  --
  -- optimizer: an optimizer
  -- options: table of any of these:
  --   maxLR: the greatest rate
  --   totalSteps: how many steps there are, or epochs and stepsPerEpoch
  --   pctStart: 0.3 by default: the share of steps in which the rate rises
  --   annealStrategy: "cos", the default, or "linear"
  --   cycleMomentum: false leaves the momentum alone
  --   baseMomentum, maxMomentum: 0.85 and 0.95 by default
  --   divFactor: 25 by default: the first rate is maxLR / divFactor
  --   finalDivFactor: 1e4 by default: the last rate is the first / finalDivFactor
  --   threePhase: true falls to the first rate as it rose, and only then below it
  -- Returns: a schedule
  -- Errors: maxLR or the number of steps is missing; step: there were totalSteps already
  -- From: Smith and Topin, "Super-convergence: very fast training using large learning rates", 2018
  -- Example:
  --   optimizer = optim.Adam { torch.ones(1) }
  --   scheduler = optim.OneCycleLR(optimizer, { maxLR = 1, totalSteps = 10, divFactor = 4 })
  --   scheduler:step():step():getLastLR()[1] --> 1.0
  function OneCycle:__init(optimizer, options)
    parent.__init(self, optimizer, options, defaults)
  end

  function OneCycle:_check(o)
    local total = o.totalSteps or (o.epochs and o.stepsPerEpoch and o.epochs * o.stepsPerEpoch)
    if not o.maxLR then raise("optim.OneCycleLR: option 'maxLR' must be a number") end
    if not total or math.tointeger(total) == nil or total < 1 then
      raise("optim.OneCycleLR: option 'totalSteps', or 'epochs' and 'stepsPerEpoch', must be a whole number")
    end
    if not anneal[o.annealStrategy] then
      raise("optim.OneCycleLR: annealStrategy is '%s', wanted 'cos' or 'linear'", o.annealStrategy)
    end
    if not (o.pctStart >= 0 and o.pctStart <= 1) then
      raise("optim.OneCycleLR: wanted pctStart from 0 to 1")
    end
    self.totalSteps = math.tointeger(total)
    self.phases = phases_of(o, self.totalSteps)
    for _, group in ipairs(self.optimizer.groups) do
      if o.cycleMomentum and group.options.momentum == nil and group.options.beta1 == nil then
        raise("optim.OneCycleLR: the optimizer has no momentum; set cycleMomentum = false")
      end
      group.initialLR = o.maxLR / o.divFactor
    end
  end

  function OneCycle:_rate(_, t, _, i)
    local f, start = anneal[self.options.annealStrategy], 0
    for k, phase in ipairs(self.phases) do
      if t <= phase.last or k == #self.phases then
        local share = phase.last > start and (t - start) / (phase.last - start) or 1
        if self.options.cycleMomentum then
          local o = self.optimizer.groups[i].options
          o[o.beta1 and "beta1" or "momentum"] = f(phase.momentum[1], phase.momentum[2], share)
        end
        return f(phase.lr[1], phase.lr[2], share)
      end
      start = phase.last
    end
  end

  function OneCycle:step()
    if self.lastEpoch >= self.totalSteps then
      raise("optim.OneCycleLR:step: step %d of %d", self.lastEpoch + 1, self.totalSteps)
    end
    return parent.step(self)
  end
end

return function(optim)
  define_chained(optim)
  define_sequential(optim)
  define_one_cycle(optim)
end
