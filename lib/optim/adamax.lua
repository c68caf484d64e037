-- adamax: the variant of Adam by the largest gradient so far (section 7.1 of its paper).
--
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

--- optim.adamax(opfunc, x [, config [, state]])
--
-- The variant of optim.adam by the largest gradient so far.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 2e-3 by default
--   beta1, beta2: 0.9 and 0.999 by default
--   epsilon: 1e-38 by default
--   weightDecay: times x is added to the gradient
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- From: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   ("%.4f"):format(optim.adamax(opfunc, x)[1]) --> 1.9980
return rule.new(update)
