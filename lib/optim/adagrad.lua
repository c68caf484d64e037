-- adagrad: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
--
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

--- optim.adagrad(opfunc, x [, config [, state]])
--
-- One step, divided by the root of the sum of all squared gradients.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 1e-3 by default, with learningRateDecay as for optim.sgd
--   weightDecay: times x is added to the gradient
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- From: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   ("%.4f"):format(optim.adagrad(opfunc, x)[1]) --> 1.9990
return rule.new(update)
