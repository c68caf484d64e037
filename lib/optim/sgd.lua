-- sgd: stochastic gradient descent with momentum, Nesterov's or the usual.
--
-- config: learningRate (1e-3), learningRateDecay, weightDecay, weightDecays (a tensor), momentum,
-- dampening (as much as the momentum), nesterov, learningRates (a tensor).
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

return rule.new(update, check)
