-- rmsprop: Tieleman and Hinton's lecture 6.5: the gradient over the root of its recent mean square.
--
-- config: learningRate (1e-2), alpha (0.99), epsilon (1e-8), weightDecay, initialMean (0).
-- state: m (the mean square), tmp.

local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local alpha = config.alpha or 0.99
  rule.decay(x, dfdx, config)
  state.m = state.m or rule.zeros(dfdx):fill(config.initialMean or 0)
  state.tmp = state.tmp or rule.zeros(dfdx)
  state.m:mul(alpha):addcmul(1 - alpha, dfdx, dfdx)
  state.tmp:copy(state.m):sqrt():add(config.epsilon or 1e-8)
  x:addcdiv(-(config.learningRate or 1e-2), dfdx, state.tmp)
end

return rule.new(update)
