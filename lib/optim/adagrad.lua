-- adagrad: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
--
-- config: learningRate (1e-3), learningRateDecay, weightDecay.
-- state: evalCounter, paramVariance, paramStd.

local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local n = state.evalCounter or 0
  rule.decay(x, dfdx, config)
  state.paramVariance = state.paramVariance or rule.zeros(dfdx)
  state.paramStd = state.paramStd or rule.zeros(dfdx)
  state.paramVariance:addcmul(1, dfdx, dfdx)
  state.paramStd:copy(state.paramVariance):sqrt():add(1e-10)
  x:addcdiv(-rule.rate(config, 1e-3, n), dfdx, state.paramStd)
  state.evalCounter = n + 1
end

return rule.new(update)
