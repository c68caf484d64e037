-- nag: Nesterov's accelerated gradient, as in Sutskever and others, 2013: x goes ahead with the velocity,
-- and the gradient is taken there.
--
-- config: learningRate (1e-3), learningRateDecay, weightDecay, momentum (0.9), learningRates.
-- state: evalCounter, dfdx (the velocity), deltaParameters.

local rule = require "optim.rule"
local raise = require("torch.caller").raise

local function ahead(x, config, state)
  local momentum = config.momentum or 0.9
  if momentum <= 0 then raise("optim.nag: the momentum must be positive") end
  if state.dfdx then x:add(momentum, state.dfdx) end
end

local function update(x, dfdx, config, state)
  local n = state.evalCounter or 0
  rule.decay(x, dfdx, config)
  local rate, step = rule.rate(config, 1e-3, n), dfdx
  if state.dfdx then
    state.dfdx:mul(config.momentum or 0.9)
  else
    state.dfdx = rule.zeros(dfdx)
  end
  if config.learningRates then
    state.deltaParameters = state.deltaParameters or rule.zeros(dfdx)
    step = state.deltaParameters:copy(config.learningRates):cmul(dfdx)
  end
  x:add(-rate, step)
  state.dfdx:add(-rate, step)
  state.evalCounter = n + 1
end

return rule.new(update, ahead)
