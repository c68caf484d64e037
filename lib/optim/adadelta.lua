-- adadelta: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
--
-- config: rho (0.9), eps (1e-6), weightDecay.
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

return rule.new(update)
