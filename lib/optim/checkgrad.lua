-- checkgrad: compares opfunc's gradient with finite differences.

local torch = require "torch"

-- The loss as a number.
local function value(f)
  return torch.isTensor(f) and f:item() or f
end

--- optim.checkgrad(opfunc, x [, eps])
--
-- Compares the gradient of opfunc with differences of its values.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, best a DoubleTensor
-- eps: half of the step, 1e-7 by default
-- Returns: the relative error, the gradient, the estimate
-- From: Torch7
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.checkgrad(opfunc, x) < 1e-6 --> true
return function(opfunc, x, eps)
  eps = eps or 1e-7
  local _, gradient = opfunc(x)
  gradient = gradient:clone()
  local estimate = gradient:clone():zero()
  local flat, out = x:view(x:nElement()), estimate:view(x:nElement())
  for i = 1, x:nElement() do
    local old = flat[i]
    flat[i] = old + eps
    local above = value((opfunc(x)))
    flat[i] = old - eps
    local below = value((opfunc(x)))
    flat[i] = old
    out[i] = (above - below) / (2 * eps)
  end
  return torch.norm(gradient - estimate) / torch.norm(gradient + estimate), gradient, estimate
end
