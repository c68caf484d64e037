-- rprop: Riedmiller and Braun's resilient propagation: each parameter has a step size of its own, which
-- grows while the gradient keeps its sign and shrinks when it turns.
--
-- config: stepsize (0.1), etaplus (1.2), etaminus (0.5), stepsizemax (50), stepsizemin (1e-6), niter (1).
-- state: stepsize, delta (the last gradient), sign.

local torch = require "torch"
local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  if not state.delta then
    state.delta, state.sign = rule.zeros(dfdx), rule.zeros(dfdx)
    state.stepsize = rule.zeros(dfdx):fill(type(config.stepsize) == "number" and config.stepsize or 0.1)
  end
  local turn = state.sign:copy(dfdx):cmul(state.delta)
  local back, on = torch.lt(turn, 0), torch.gt(turn, 0)
  local factor = turn:fill(1)
  factor:maskedFill(on, config.etaplus or 1.2):maskedFill(back, config.etaminus or 0.5)
  state.stepsize:cmul(factor):clamp(config.stepsizemin or 1e-6, config.stepsizemax or 50)
  dfdx:maskedFill(back, 0)
  x:addcmul(-1, state.sign:copy(dfdx):sign(), state.stepsize)
  state.delta:copy(dfdx)
end

return function(opfunc, x, config, state)
  config = config or {}
  state = state or config
  local losses = {}
  for i = 1, config.niter or 1 do
    local fx, dfdx = opfunc(x)
    torch.noGrad(update, x, dfdx, config, state)
    losses[i] = fx
  end
  return x, losses
end
