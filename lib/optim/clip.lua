-- clip: gradients kept from growing too large: optim.clipGradNorm, optim.clipGradValue.

local torch = require "torch"
local raise = require("torch.caller").raise

-- NaN is neither.
local function is_positive(x) return type(x) == "number" and x > 0 end
local function is_a_size(x) return is_positive(x) or x == 0 end

-- The gradients of a list of tensors or a single one; those without are left out.
local function gradients(name, params)
  if torch.isTensor(params) then params = { params } end
  if type(params) ~= "table" then
    raise("%s: a list of tensors expected, got %s", name, torch.type(params))
  end
  local grads = {}
  for i, p in ipairs(params) do
    if not torch.isTensor(p) then raise("%s: parameter %d is a %s, not a tensor", name, i, torch.type(p)) end
    if p.grad and p.grad:nElement() > 0 then grads[#grads + 1] = p.grad end
  end
  return grads
end

local function total_norm(grads, p)
  local sum = 0
  for _, g in ipairs(grads) do
    local norm = p == math.huge and torch.abs(g):max() or torch.norm(g, p)
    if p == math.huge then
      sum = (norm > sum or norm ~= norm) and norm or sum
    else
      sum = sum + norm ^ p
    end
  end
  return p == math.huge and sum or sum ^ (1 / p)
end

local function scale(grads, factor)
  for _, g in ipairs(grads) do g:mul(factor) end
end

return function(optim)
  --- optim.clipGradNorm(params, maxNorm [, p [, errorIfNonfinite]])
  --
  -- Scales all gradients by one factor so that their norm, as of one long vector, is at most maxNorm.
  -- Call it between loss:backward() and optimizer:step().
  --
  -- params: tensor or table of tensors; those without a gradient are left out
  -- maxNorm: number
  -- p: which norm; 2 by default; math.huge for the largest absolute value
  -- errorIfNonfinite: true refuses a norm that is infinite or no number
  -- Returns: the norm before
  -- Errors: params holds something else; maxNorm or p is not positive
  -- From: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013
  -- Example:
  --   p = torch.ones(2):requireGrad()
  --   p.grad = torch.Tensor { 3, 4 }
  --   optim.clipGradNorm({ p }, 1) --> 5.0
  --   ("%.3f"):format(p.grad:norm()) --> 1.000
  function optim.clipGradNorm(params, maxNorm, p, errorIfNonfinite)
    local grads = gradients("optim.clipGradNorm", params)
    p = p or 2
    if not is_a_size(maxNorm) then
      raise("optim.clipGradNorm: maxNorm is %s, wanted a number that is not negative", tostring(maxNorm))
    end
    if not is_positive(p) then
      raise("optim.clipGradNorm: there is no norm %s", tostring(p))
    end
    local norm = torch.noGrad(total_norm, grads, p)
    if errorIfNonfinite and (norm ~= norm or norm == math.huge) then
      raise("optim.clipGradNorm: the norm of the gradients is %s", norm)
    end
    local factor = maxNorm / (norm + 1e-6)
    if factor < 1 or factor ~= factor then torch.noGrad(scale, grads, factor) end
    return norm
  end

  local function clamp(grads, most)
    for _, g in ipairs(grads) do g:clamp(-most, most) end
  end

  --- optim.clipGradValue(params, value)
  --
  -- Keeps each element of the gradients between -value and value.
  --
  -- params: tensor or table of tensors; those without a gradient are left out
  -- value: number
  -- Errors: params holds something else; value is negative
  -- From: PyTorch
  -- Example:
  --   p = torch.ones(2):requireGrad()
  --   p.grad = torch.Tensor { 3, -4 }
  --   optim.clipGradValue({ p }, 1)
  --   p.grad[1], p.grad[2] --> 1.0 -1.0
  function optim.clipGradValue(params, value)
    local grads = gradients("optim.clipGradValue", params)
    if not is_a_size(value) then
      raise("optim.clipGradValue: value is %s, wanted a number that is not negative", tostring(value))
    end
    torch.noGrad(clamp, grads, value)
  end
end
