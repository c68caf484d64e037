-- rprop: Riedmiller and Braun's resilient propagation: each parameter has a step size of its own, which
-- grows while the gradient keeps its sign and shrinks when it turns.
--
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

--- optim.rprop(opfunc, x [, config [, state]])
--
-- Resilient propagation: each element has a step size of its own, which grows while its gradient
-- keeps its sign and shrinks when it turns.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   stepsize: 0.1 by default
--   etaplus, etaminus: 1.2 and 0.5 by default: the factors of growing and shrinking
--   stepsizemax, stepsizemin: 50 and 1e-6 by default
--   niter: how many steps; 1 by default
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table of the losses before each step
-- From: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.rprop(opfunc, x)[1] --> 1.9
return function(opfunc, x, config, state)
  config = config or {}
  state = state or config
  local losses = {}
  for i = 1, config.niter or 1 do
    local fx, dfdx = rule.evaluate(opfunc, x)
    torch.noGrad(update, x, dfdx, config, state)
    losses[i] = fx
  end
  return x, losses
end
