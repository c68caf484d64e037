-- sgd: stochastic gradient descent with momentum, Nesterov's or the usual.
--
-- state: evalCounter, dfdx (the velocity), decayParameters, deltaParameters.

local rule = require "optim.rule"
local raise = require("torch.caller").raise

local function decay(x, dfdx, config, state)
  local decays = config.weightDecays
  if (config.weightDecay or 0) ~= 0 or not decays then return rule.decay(x, dfdx, config) end
  state.decayParameters = state.decayParameters or rule.zeros(dfdx)
  dfdx:add(state.decayParameters:copy(decays):cmul(x))
end

-- The direction to go: the gradient, or the velocity.
local function direction(dfdx, config, state)
  local momentum = config.momentum or 0
  if momentum == 0 then return dfdx end
  if state.dfdx then
    state.dfdx:mul(momentum):add(1 - (config.dampening or momentum), dfdx)
  else
    state.dfdx = dfdx:clone()
  end
  if config.nesterov then return dfdx:add(momentum, state.dfdx) end
  return state.dfdx
end

local function update(x, dfdx, config, state)
  local n = state.evalCounter or 0
  decay(x, dfdx, config, state)
  local step = direction(dfdx, config, state)
  local rates = config.learningRates
  if rates then
    state.deltaParameters = state.deltaParameters or rule.zeros(dfdx)
    step = state.deltaParameters:copy(rates):cmul(step)
  end
  x:add(-rule.rate(config, 1e-3, n), step)
  state.evalCounter = n + 1
end

local function check(_, config)
  local momentum = config.momentum or 0
  if config.nesterov and (momentum <= 0 or (config.dampening or momentum) ~= 0) then
    raise("optim.sgd: Nesterov momentum requires a momentum and zero dampening")
  end
end

--- optim.sgd(opfunc, x [, config [, state]])
--
-- One step of stochastic gradient descent, with momentum, Nesterov's or the usual.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 1e-3 by default
--   learningRateDecay: the rate after n steps is learningRate / (1 + n learningRateDecay)
--   weightDecay: times x is added to the gradient; weightDecays, a tensor, for each element
--   momentum: 0 by default
--   dampening: as much as the momentum by default
--   nesterov: true for Nesterov's momentum
--   learningRates: tensor of factors for each element
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- Errors: nesterov without a momentum, or with dampening
-- From: Torch7
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.sgd(opfunc, x, { learningRate = 0.1 })[1] --> 1.6
return rule.new(update, check)
