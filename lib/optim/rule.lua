-- rule: the calling convention of Torch7's optimizers, shared by all of them:
--
--   x, {fx} = optim.name(opfunc, x [, config [, state]])
--
-- opfunc(x) gives the loss and its gradient; x changes in place; what must be remembered between calls
-- is in state, or in config when there is no state.

local torch = require "torch"

local rule = {}

-- An optimizer from update(x, dfdx, config, state), which changes x and may change dfdx.  `before`, when
-- there is one, runs before the gradient is computed, with (x, config, state).
function rule.new(update, before)
  return function(opfunc, x, config, state)
    config = config or {}
    state = state or config
    if before then torch.noGrad(before, x, config, state) end
    local fx, dfdx = opfunc(x)
    torch.noGrad(update, x, dfdx, config, state)
    return x, { fx }
  end
end

-- Adds the decay of the weights to the gradient.
function rule.decay(x, dfdx, config)
  local decay = config.weightDecay or 0
  if decay ~= 0 then dfdx:add(decay, x) end
end

-- A tensor of zeros like t.
function rule.zeros(t)
  return torch.zerosLike(t)
end

-- The learning rate after n steps.
function rule.rate(config, default, n)
  return (config.learningRate or default) / (1 + n * (config.learningRateDecay or 0))
end

return rule
