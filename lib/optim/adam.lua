-- adam: Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
--
-- state: t, m and v (the moments), denom.

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

--- optim.adam(opfunc, x [, config [, state]])
--
-- One step by the moments of the gradient.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 1e-3 by default, with learningRateDecay as for optim.sgd
--   beta1, beta2: 0.9 and 0.999 by default
--   epsilon: 1e-8 by default
--   weightDecay: times x is added to the gradient
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- From: Kingma and Ba, "Adam: a method for stochastic optimization", 2015
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   ("%.4f"):format(optim.adam(opfunc, x)[1]) --> 1.9990
return rule.new(update)
