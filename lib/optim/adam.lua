-- adam: Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
--
-- config: learningRate (1e-3), learningRateDecay, beta1 (0.9), beta2 (0.999), epsilon (1e-8),
-- weightDecay.  state: t, m and v (the moments), denom.

local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local beta1, beta2 = config.beta1 or 0.9, config.beta2 or 0.999
  rule.decay(x, dfdx, config)
  local t = state.t or 0
  local rate = rule.rate(config, 1e-3, t)
  t = t + 1
  state.t = t
  state.m = state.m or rule.zeros(dfdx)
  state.v = state.v or rule.zeros(dfdx)
  state.denom = state.denom or rule.zeros(dfdx)
  state.m:mul(beta1):add(1 - beta1, dfdx)
  state.v:mul(beta2):addcmul(1 - beta2, dfdx, dfdx)
  state.denom:copy(state.v):sqrt():add(config.epsilon or 1e-8)
  x:addcdiv(-rate * math.sqrt(1 - beta2 ^ t) / (1 - beta1 ^ t), state.m, state.denom)
end

return rule.new(update)
