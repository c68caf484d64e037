-- ReduceLROnPlateau: a smaller rate whenever a metric no longer gets better.

local torch = require "torch"
local raise = require("torch.caller").raise

local defaults = { mode = "min", factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = "rel",
  cooldown = 0, minLR = 0, eps = 1e-8 }

return function(optim)
  local Plateau, parent = torch.class("optim.ReduceLROnPlateau", "optim.Scheduler", optim)

  --- optim.ReduceLROnPlateau(optimizer [, options])
  --
  -- The rate times a factor when a metric has not become better for some steps.  Its method step takes the
  -- metric.  See optim.Scheduler for the other methods.
  --
  -- optimizer: an optimizer
  -- options: table of any of these:
  --   mode: "min", the default, or "max": which metric is better
  --   factor: 0.1 by default
  --   patience: 10 by default: how many steps without progress are borne
  --   threshold: 1e-4 by default: what counts as progress
  --   thresholdMode: "rel", the default, relative to the best metric, or "abs"
  --   cooldown: 0 by default: how many steps after a reduction do not count
  --   minLR: 0 by default
  --   eps: 1e-8 by default: smaller changes of the rate are not made
  -- Returns: a schedule
  -- Errors: an option does not exist, is of another type or out of range
  -- From: PyTorch
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }, { lr = 1 })
  --   scheduler = optim.ReduceLROnPlateau(optimizer, { patience = 0, factor = 0.5 })
  --   scheduler:step(3):step(3):getLastLR()[1] --> 0.5
  function Plateau:__init(optimizer, options)
    parent.__init(self, optimizer, options, defaults)
    self.best = self.options.mode == "min" and math.huge or -math.huge
    self.badSteps, self.cooling = 0, 0
  end

  function Plateau:_check(o)
    if o.mode ~= "min" and o.mode ~= "max" then
      raise("optim.ReduceLROnPlateau: mode is '%s', wanted 'min' or 'max'", o.mode)
    end
    if o.thresholdMode ~= "rel" and o.thresholdMode ~= "abs" then
      raise("optim.ReduceLROnPlateau: thresholdMode is '%s', wanted 'rel' or 'abs'", o.thresholdMode)
    end
    if o.factor >= 1 or o.factor ~= o.factor then
      raise("optim.ReduceLROnPlateau: factor is %s, wanted less than 1", o.factor)
    end
  end

  function Plateau:_rate(lr) return lr end

  local function better(self, metric)
    local o, best = self.options, self.best
    local sign = o.mode == "min" and -1 or 1
    if o.thresholdMode == "abs" then return sign * metric > sign * best + o.threshold end
    if math.abs(best) == math.huge then return sign * metric > sign * best end
    return sign * metric > sign * best * (1 + sign * o.threshold)
  end

  function Plateau:step(metric)
    if torch.isTensor(metric) then metric = metric:item() end
    if type(metric) ~= "number" then
      raise("optim.ReduceLROnPlateau:step: a metric expected, got %s", torch.type(metric))
    end
    self.lastEpoch = self.lastEpoch + 1
    if better(self, metric) then
      self.best, self.badSteps = metric, 0
    else
      self.badSteps = self.badSteps + 1
    end
    if self.cooling > 0 then self.cooling, self.badSteps = self.cooling - 1, 0 end
    if self.badSteps > self.options.patience then
      for _, group in ipairs(self.optimizer.groups) do
        local old = group.options.lr
        local new = math.max(old * self.options.factor, self.options.minLR)
        if old - new > self.options.eps then group.options.lr = new end
      end
      self.cooling, self.badSteps = self.options.cooldown, 0
    end
    return self
  end
end
