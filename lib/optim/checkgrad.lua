-- checkgrad: compares opfunc's gradient with finite differences.
--
-- checkgrad(opfunc, x [, eps]) -> relative error, the gradient, the estimate.

local torch = require "torch"

-- The loss as a number.
local function value(f)
  return torch.isTensor(f) and f:item() or f
end

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
