-- asgd: averaged stochastic gradient descent: x steps as usual, and state.ax is the average of where it
-- has been since step t0.  Returns that average as a third value.
--
-- state: eta_t, mu_t, t, ax, tmp.

local torch = require "torch"
local rule = require "optim.rule"

local function update(x, dfdx, config, state)
  local eta, mu = state.eta_t or config.eta0, state.mu_t or 1
  x:mul(1 - config.lambda * eta):add(-eta, dfdx)
  state.ax = state.ax or rule.zeros(x)
  state.tmp = state.tmp or rule.zeros(x)
  if mu == 1 then
    state.ax:copy(x)
  else
    state.ax:add(state.tmp:copy(x):add(-1, state.ax):mul(mu))
  end
  local t = (state.t or 0) + 1
  state.t = t
  state.eta_t = config.eta0 / (1 + config.lambda * config.eta0 * t) ^ config.alpha
  state.mu_t = 1 / math.max(1, t - config.t0)
end

--- optim.asgd(opfunc, x [, config [, state]])
--
-- A step of averaged stochastic gradient descent.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   eta0: 1e-4 by default: the first step size
--   lambda: 1e-4 by default: the decay of x
--   alpha: 0.75 by default: the power by which the step size falls
--   t0: 1e6 by default: the step from which on averages are taken
-- state: table of what must be remembered between calls; config by default
-- Returns: x, a table with the loss before the step, and the average of where x was since step t0
-- From: Polyak and Juditsky 1992, as in Torch7
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   _, _, average = optim.asgd(opfunc, x)
--   average[1] < 2 --> true
return function(opfunc, x, config, state)
  config = config or {}
  state = state or config
  config.eta0, config.lambda = config.eta0 or 1e-4, config.lambda or 1e-4
  config.alpha, config.t0 = config.alpha or 0.75, config.t0 or 1e6
  local fx, dfdx = rule.evaluate(opfunc, x)
  torch.noGrad(update, x, dfdx, config, state)
  return x, { fx }, state.ax
end
