-- rmsprop: Tieleman and Hinton's lecture 6.5: the gradient over the root of its recent mean square.
--
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

--- optim.rmsprop(opfunc, x [, config [, state]])
--
-- One step, divided by the root of the recent mean square of the gradient.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 1e-2 by default
--   alpha: 0.99 by default: how slowly the mean forgets
--   epsilon: 1e-8 by default
--   initialMean: 0 by default
--   weightDecay: times x is added to the gradient
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- From: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   ("%.4f"):format(optim.rmsprop(opfunc, x)[1]) --> 1.9000
return rule.new(update)
