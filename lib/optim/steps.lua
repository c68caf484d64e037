-- steps: the rules of the optimizers that are objects: optim.SGD, Adam, AdamW, RMSprop and Adagrad.
--
-- A rule is update(p, g, options, state): p changes in place, g stays as it is, state.step counts from 1.

local torch = require "torch"
local raise = require("torch.caller").raise

-- A tensor like p that is kept in the state, zeros at first.  Names that begin with an underscore are
-- scratch memory, which is not saved.
local function remembered(p, s, name)
  local t = s[name]
  if not t then
    t = torch.zerosLike(p)
    s[name] = t
  end
  return t
end

-- The gradient with the decay of the weights added.
local function decayed(p, g, o)
  if o.weightDecay == 0 then return g end
  return torch.add(g, o.weightDecay, p)
end

--- optim.SGD(params [, options])
--
-- Stochastic gradient descent: p = p - lr g, with momentum.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-3 by default
--   momentum: 0 by default
--   dampening: 0 by default: the share of the gradient that does not enter the momentum
--   nesterov: true for Nesterov's momentum
--   weightDecay: times p is added to the gradient
-- Returns: an optimizer
-- Errors: an option does not exist or is of another type
-- From: Robbins and Monro 1951; Polyak 1964; Nesterov 1983
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.SGD({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() --> 0.0
local function sgd(p, g, o, s)
  g = decayed(p, g, o)
  local momentum = o.momentum
  if momentum ~= 0 then
    local v = s.v
    if v then
      v:mul(momentum):add(1 - o.dampening, g)
    else
      v = g:clone()
      s.v = v
    end
    g = o.nesterov and torch.add(g, momentum, v) or v
  end
  p:add(-o.lr, g)
end

-- p -= lr (m/c1) / (sqrt(v/c2) + eps), with sqrt(c2) taken out of the fraction to save a pass over memory.
local function adam_step(p, g, o, s)
  local m, v, denominator = remembered(p, s, "m"), remembered(p, s, "v"), remembered(p, s, "_buffer")
  local beta1, beta2 = o.beta1, o.beta2
  local root = math.sqrt(1 - beta2 ^ s.step)
  m:mul(beta1):add(1 - beta1, g)
  v:mul(beta2):addcmul(1 - beta2, g, g)
  denominator:sqrt(v):add(o.eps * root)
  p:addcdiv(-o.lr * root / (1 - beta1 ^ s.step), m, denominator)
end

--- optim.Adam(params [, options])
--
-- Steps by the moments of the gradient.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-3 by default
--   betas: {0.9, 0.999} by default, also as beta1 and beta2
--   eps: 1e-8 by default
--   weightDecay: times p is added to the gradient
-- Returns: an optimizer
-- Errors: an option does not exist or is of another type
-- From: Kingma and Ba, "Adam: a method for stochastic optimization", 2015
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adam({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.5) < 1e-6 --> true
local function adam(p, g, o, s)
  adam_step(p, decayed(p, g, o), o, s)
end

--- optim.AdamW(params [, options])
--
-- optim.Adam whose decay of the weights does not pass through the moments.  See optim.Optimizer for the
-- methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-3 by default
--   betas: {0.9, 0.999} by default, also as beta1 and beta2
--   eps: 1e-8 by default
--   weightDecay: lr times it times p is subtracted from p; 0.01 by default
-- Returns: an optimizer
-- Errors: an option does not exist or is of another type
-- From: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.AdamW({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.495) < 1e-6 --> true
local function adamw(p, g, o, s)
  if o.weightDecay ~= 0 then p:mul(1 - o.lr * o.weightDecay) end
  adam_step(p, g, o, s)
end

--- optim.RMSprop(params [, options])
--
-- Steps divided by the root of the recent mean square of the gradient.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-2 by default
--   alpha: 0.99 by default: how slowly the mean forgets
--   eps: 1e-8 by default
--   momentum: 0 by default
--   weightDecay: times p is added to the gradient
-- Returns: an optimizer
-- Errors: an option does not exist or is of another type
-- From: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.RMSprop({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() + 4) < 1e-5 --> true
local function rmsprop(p, g, o, s)
  local v, root = remembered(p, s, "v"), remembered(p, s, "_buffer")
  g = decayed(p, g, o)
  v:mul(o.alpha):addcmul(1 - o.alpha, g, g)
  root:sqrt(v):add(o.eps)
  if o.momentum == 0 then
    p:addcdiv(-o.lr, g, root)
  else
    p:add(-o.lr, remembered(p, s, "m"):mul(o.momentum):addcdiv(1, g, root))
  end
end

--- optim.Adagrad(params [, options])
--
-- Steps divided by the root of the sum of all squared gradients.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-2 by default
--   lrDecay: 0 by default: the rate after n steps is lr / (1 + n lrDecay)
--   eps: 1e-10 by default
--   weightDecay: times p is added to the gradient
-- Returns: an optimizer
-- Errors: an option does not exist or is of another type
-- From: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adagrad({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.5) < 1e-6 --> true
local function adagrad(p, g, o, s)
  local v, root = remembered(p, s, "v"), remembered(p, s, "_buffer")
  g = decayed(p, g, o)
  v:addcmul(1, g, g)
  root:sqrt(v):add(o.eps)
  p:addcdiv(-o.lr / (1 + (s.step - 1) * o.lrDecay), g, root)
end

local moments = { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }

local function with(options, more)
  local all = {}
  for _, t in ipairs { options, more } do
    for k, v in pairs(t) do all[k] = v end
  end
  return all
end

local function check_sgd(o)
  if o.nesterov and (o.momentum <= 0 or o.dampening ~= 0) then
    raise("optim.SGD: nesterov needs a momentum and no dampening")
  end
end

-- Name, rule, all options with their defaults, a check of a group's options.
local rules = {
  { "SGD", sgd, { lr = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 }, check_sgd },
  { "Adam", adam, with(moments, { weightDecay = 0 }) },
  { "AdamW", adamw, with(moments, { weightDecay = 0.01 }) },
  { "RMSprop", rmsprop, { lr = 1e-2, alpha = 0.99, eps = 1e-8, momentum = 0, weightDecay = 0 } },
  { "Adagrad", adagrad, { lr = 1e-2, lrDecay = 0, eps = 1e-10, weightDecay = 0 } },
}

return function(optim)
  for _, entry in ipairs(rules) do
    local name, update, defaults, check = table.unpack(entry, 1, 4)
    local class, parent = torch.class("optim." .. name, "optim.Optimizer", optim)
    class._update, class._check = update, check
    function class:__init(params, options)
      parent.__init(self, params, options, defaults)
    end
  end
end
