-- nag: Nesterov's accelerated gradient, as in Sutskever and others, 2013: x goes ahead with the velocity,
-- and the gradient is taken there.
--
-- state: evalCounter, dfdx (the velocity), deltaParameters.

local rule = require "optim.rule"
local raise = require("torch.caller").raise

local function ahead(x, config, state)
  local momentum = config.momentum or 0.9
  if momentum <= 0 then raise("optim.nag: the momentum must be positive") end
  if state.dfdx then x:add(momentum, state.dfdx) end
end

local function update(x, dfdx, config, state)
  local n = state.evalCounter or 0
  rule.decay(x, dfdx, config)
  local rate, step = rule.rate(config, 1e-3, n), dfdx
  if state.dfdx then
    state.dfdx:mul(config.momentum or 0.9)
  else
    state.dfdx = rule.zeros(dfdx)
  end
  if config.learningRates then
    state.deltaParameters = state.deltaParameters or rule.zeros(dfdx)
    step = state.deltaParameters:copy(config.learningRates):cmul(dfdx)
  end
  x:add(-rate, step)
  state.dfdx:add(-rate, step)
  state.evalCounter = n + 1
end

--- optim.nag(opfunc, x [, config [, state]])
--
-- Nesterov's accelerated gradient: x goes ahead with the velocity, and the gradient is taken there.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   learningRate: 1e-3 by default, with learningRateDecay as for optim.sgd
--   momentum: 0.9 by default
--   weightDecay: times x is added to the gradient
--   learningRates: tensor of factors for each element
-- state: table of what must be remembered between calls; config by default
-- Returns: x, and a table with the loss before the step
-- Errors: the momentum is not positive
-- From: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum", 2013
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.nag(opfunc, x, { learningRate = 0.1 })[1] --> 1.6
return rule.new(update, ahead)
