-- adamax: the variant of Adam by the largest gradient so far (section 7.1 of its paper).
--
-- config: learningRate (2e-3), beta1 (0.9), beta2 (0.999), epsilon (1e-38), weightDecay.
-- state: t, m, u (the norm), max.

local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local beta1, beta2 = config.beta1 or 0.9, config.beta2 or 0.999
  rule.decay(x, dfdx, config)
  state.t = (state.t or 0) + 1
  state.m = state.m or rule.zeros(dfdx)
  state.u = state.u or rule.zeros(dfdx)
  state.max = state.max or rule.zeros(dfdx)
  state.m:mul(beta1):add(1 - beta1, dfdx)
  state.max:copy(dfdx):abs():add(config.epsilon or 1e-38)
  state.u:mul(beta2):cmax(state.max)
  x:addcdiv(-(config.learningRate or 0.002) / (1 - beta1 ^ state.t), state.m, state.u)
end

return rule.new(update)
