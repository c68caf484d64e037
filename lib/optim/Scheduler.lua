-- Scheduler: the base of the schedules of learning rates.

local torch = require "torch"
local raise = require("torch.caller").raise
local unknown_option = require("torch.options").unknown

return function(optim)
  local Scheduler = torch.class("optim.Scheduler", optim)

  -- The options: the defaults, then what was given.  A default that is a table is a list of types.
  local function read_options(self, given, defaults)
    if given ~= nil and type(given) ~= "table" then
      raise("%s: a table of options expected, got %s", torch.type(self), torch.type(given))
    end
    local options = {}
    for name, default in pairs(defaults) do
      if type(default) ~= "table" then options[name] = default end
    end
    for name, value in pairs(given or {}) do
      local default = defaults[name]
      if default == nil then unknown_option(torch.type(self), name, defaults) end
      local types = type(default) == "table" and default or { type(default) }
      local fits = false
      for _, t in ipairs(types) do fits = fits or type(value) == t end
      if not fits then
        raise("%s: option '%s' must be a %s, got %s", torch.type(self), name, table.concat(types, " or "),
          torch.type(value))
      end
      options[name] = value
    end
    return options
  end

  --- optim.Scheduler(optimizer, options, defaults)
  --
  -- The base of the schedules, which set option lr of an optimizer's groups.  Making one sets the rates of
  -- step 0.
  --
  -- optimizer: an optimizer
  -- options: table of options
  -- defaults: table of all options there are, for the classes derived from it
  -- Returns: a schedule
  -- Errors: an option does not exist or is of another type; optimizer is none
  -- From: PyTorch's torch.optim.lr_scheduler
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   torch.isTypeOf(optim.StepLR(optimizer, { stepSize = 2 }), "optim.Scheduler") --> true
  function Scheduler:__init(optimizer, options, defaults)
    if not torch.isTypeOf(optimizer, "optim.Optimizer") then
      raise("%s: an optimizer expected, got %s", torch.type(self), torch.type(optimizer))
    end
    self.optimizer, self.options, self.lastEpoch = optimizer, read_options(self, options, defaults), 0
    if self._check then self:_check(self.options) end
    self.baseLRs = {}
    for i, group in ipairs(optimizer.groups) do
      group.initialLR = group.initialLR or group.options.lr
      self.baseLRs[i] = group.initialLR
    end
    self:_set()
  end

  -- Sets the rates of step lastEpoch, as the schedule changes those of the step before; `anew` sets them
  -- from the first rates.
  function Scheduler:_set(anew)
    local t = self.lastEpoch
    for i, group in ipairs(self.optimizer.groups) do
      local base = self.baseLRs[i] or group.options.lr
      local rate
      if anew and self._closed then
        rate = self:_closed(base, t, i)
      else
        rate = self:_rate(group.options.lr, t, base, i)
      end
      group.options.lr = rate
    end
  end

  --- scheduler:step(); scheduler:getLastLR()
  --
  -- Goes on to the next step: call it after optimizer:step(), once an epoch or once a batch, whatever the
  -- options count.  getLastLR gives the rates of now.
  --
  -- Returns: step: the schedule; getLastLR: a table with the rate of each group
  -- From: PyTorch's torch.optim.lr_scheduler
  -- Example:
  --   scheduler = optim.StepLR(optim.SGD({ torch.ones(1) }, { lr = 1 }), { stepSize = 2, gamma = 0.5 })
  --   scheduler:step():step():getLastLR()[1] --> 0.5
  function Scheduler:step()
    self.lastEpoch = self.lastEpoch + 1
    self:_set()
    return self
  end

  function Scheduler:getLastLR()
    local rates = {}
    for i, group in ipairs(self.optimizer.groups) do rates[i] = group.options.lr end
    return rates
  end

  -- Begins at step 0 from the first rates, for schedules that run others one after another.
  function Scheduler:_restart()
    self.lastEpoch = 0
    self:_set(true)
  end

  local function copy(value)
    if type(value) ~= "table" then return value end
    local t = {}
    for k, v in pairs(value) do t[k] = copy(v) end
    return t
  end

  --- scheduler:stateDict(); scheduler:loadStateDict(dict)
  --
  -- How far the schedule is, as a table that torch.save takes; takes it over.  Options and functions are not
  -- in it: make the schedule anew first.  The optimizer's own state has the rates.
  --
  -- dict: table
  -- Returns: stateDict: a table; loadStateDict: the schedule
  -- Errors: dict is of another schedule
  -- From: PyTorch's torch.optim.lr_scheduler
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   dict = optim.ExponentialLR(optimizer, { gamma = 0.5 }):step():stateDict()
  --   optim.ExponentialLR(optimizer, { gamma = 0.5 }):loadStateDict(dict).lastEpoch --> 1
  function Scheduler:stateDict()
    local dict = { class = torch.type(self) }
    for name, value in pairs(self) do
      if name ~= "optimizer" and name ~= "options" and name ~= "schedulers" then dict[name] = copy(value) end
    end
    if self.schedulers then
      dict.schedulers = {}
      for i, s in ipairs(self.schedulers) do dict.schedulers[i] = s:stateDict() end
    end
    return dict
  end

  function Scheduler:loadStateDict(dict)
    if type(dict) ~= "table" or dict.class ~= torch.type(self) then
      raise("loadStateDict: this is not what :stateDict() of %s gives", torch.type(self))
    end
    if #(dict.schedulers or {}) ~= #(self.schedulers or {}) then
      raise("loadStateDict: %d schedules, there are %d", #(dict.schedulers or {}), #(self.schedulers or {}))
    end
    for i, s in ipairs(self.schedulers or {}) do s:loadStateDict(dict.schedulers[i]) end
    for name, value in pairs(dict) do
      if name ~= "class" and name ~= "schedulers" then self[name] = copy(value) end
    end
    return self
  end
end
