-- rule: the calling convention of Torch7's optimizers, shared by all of them:
--
--   x, {fx} = optim.name(opfunc, x [, config [, state]])
--
-- opfunc(x) gives the loss and its gradient; x changes in place; what must be remembered between calls
-- is in state, or in config when there is no state.

local torch = require "torch"

local raise = require("torch.caller").raise

local rule = {}

-- A function of Torch7's with its first two arguments checked.
function rule.checked(name, f)
  return function(opfunc, x, ...)
    local meta = debug.getmetatable(opfunc)
    if type(opfunc) ~= "function" and not (meta and meta.__call) then
      raise("optim.%s: the first argument is a %s, wanted a function of x that gives the loss and its "
        .. "gradient", name, torch.type(opfunc))
    end
    if not torch.isTensor(x) then
      raise("optim.%s: the second argument is a %s, wanted a tensor of parameters", name, torch.type(x))
    end
    return f(opfunc, x, ...)
  end
end

-- The loss and its gradient.
function rule.evaluate(opfunc, x)
  local fx, dfdx = opfunc(x)
  if not torch.isTensor(dfdx) or dfdx:nElement() ~= x:nElement() then
    raise("optim: the function gave a %s%s as the gradient, wanted a tensor of %d elements", torch.type(dfdx),
      torch.isTensor(dfdx) and (" of %d elements"):format(dfdx:nElement()) or "", x:nElement())
  end
  return fx, dfdx
end

-- An optimizer from update(x, dfdx, config, state), which changes x and may change dfdx.  `before`, when
-- there is one, runs before the gradient is computed, with (x, config, state).
function rule.new(update, before)
  return function(opfunc, x, config, state)
    config = config or {}
    state = state or config
    if before then torch.noGrad(before, x, config, state) end
    local fx, dfdx = rule.evaluate(opfunc, x)
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
