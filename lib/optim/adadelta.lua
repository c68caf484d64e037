-- adadelta: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
--
-- state: evalCounter, paramVariance, paramStd, delta, accDelta.

local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local rho, eps = config.rho or 0.9, config.eps or 1e-6
  rule.decay(x, dfdx, config)
  for _, name in ipairs { "paramVariance", "paramStd", "delta", "accDelta" } do
    state[name] = state[name] or rule.zeros(dfdx)
  end
  local variance, delta = state.paramVariance, state.delta
  variance:mul(rho):addcmul(1 - rho, dfdx, dfdx)
  state.paramStd:copy(variance):add(eps):sqrt()
  delta:copy(state.accDelta):add(eps):sqrt():cdiv(state.paramStd):cmul(dfdx)
  x:add(-1, delta)
  state.accDelta:mul(rho):addcmul(1 - rho, delta, delta)
  state.evalCounter = (state.evalCounter or 0) + 1
end

--- optim.adadelta(opfunc, x [, config [, state]])
--
-- One step of a size that comes from the last gradients and the last steps.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   rho: 0.9 by default: how slowly averages forget
--   eps: 1e-6 by default
--   weightDecay: times x is added to the gradient
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- From: Zeiler, "ADADELTA: an adaptive learning rate method", 2012
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.adadelta(opfunc, x)[1] < 2 --> true
return rule.new(update)
