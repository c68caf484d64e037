-- steps: the optimizers whose steps are fused: one pass over each parameter, its gradient and what is
-- remembered about it (tensor/update.inc has the formulas).

local fused = require "optim._update"
local has_gradient = require("torch._each").gradients.has
local raise = require("torch.caller").raise
local define_class = require "optim.define"

-- The parameters of a group that have a gradient, and what is remembered about them, as lists.  A step that
-- is the first with the first of these is number 1 where `fresh`, else the parameter's own steps count.
-- names: the states' names, false for one that the options do not need.
local function gather(self, group, names, fresh)
  local params, steps, states, n = {}, {}, {}, 0
  for k, name in ipairs(names) do states[k] = name and {} or false end
  for _, p in ipairs(group.params) do
    local value = p.value
    if has_gradient(value) then
      local state = self:_nextState(p)
      n = n + 1
      params[n], steps[n] = value, state.step
      if fresh then steps[n] = state[names[1]] and 2 or 1 end
      for k, list in ipairs(states) do
        if list then list[n] = state[names[k]] or self:_remembered(value, state, names[k]) end
      end
    end
  end
  return params, steps, states
end

local function fused_step(rule, names_of)
  return function(self, group)
    local options = group.options
    local params, steps, states = gather(self, group, names_of(options))
    rule(params, nil, states[1] or nil, states[2] or nil, states[3] or nil, steps, options)
  end
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
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Robbins and Monro 1951; Polyak 1964; Nesterov 1983
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.SGD({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() --> 0.0
local function sgd(self, group)
  local o = group.options
  local momentum = o.momentum ~= 0
  -- the first gradient enters a new velocity as a whole
  local params, steps, states = gather(self, group, { momentum and "v" }, momentum)
  fused.sgd(params, nil, states[1] or nil, nil, nil, steps, o)
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
--   decoupled: true decays p itself instead, as optim.AdamW does
--   amsgrad: true divides by the largest second moment so far (Reddi, Kale and Kumar 2018)
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Kingma and Ba, "Adam: a method for stochastic optimization", 2015
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adam({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.5) < 1e-6 --> true
local adam = fused_step(fused.adam, function(o) return { "m", "v", o.amsgrad and "vmax" } end)

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
--   amsgrad, maximize: as for optim.Adam
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.AdamW({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.495) < 1e-6 --> true
local adamw = adam

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
--   centered: true subtracts the square of the mean from the mean square (Graves 2013)
--   weightDecay: times p is added to the gradient
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5, 2012
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.RMSprop({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() + 4) < 1e-5 --> true
local rmsprop = fused_step(fused.rmsprop, function(o)
  return { "v", o.momentum ~= 0 and "m", o.centered and "mean" }
end)

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
--   initialAccumulatorValue: what the sums begin with; 0 by default
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adagrad({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.5) < 1e-6 --> true
local function adagrad(self, group)
  local begin = group.options.initialAccumulatorValue
  self:_eachGradient(group, function(value, _, state)
    if not state.v then self:_remembered(value, state, "v"):fill(begin) end
  end, true)
  local params, steps, states = gather(self, group, { "v" })
  fused.adagrad(params, nil, states[1], nil, nil, steps, group.options)
end

--- optim.Lion(params [, options])
--
-- Steps of one size in the direction of the sign of a mean of gradients.  See optim.Optimizer for the
-- methods.  A good rate is three to ten times smaller than Adam's.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-4 by default
--   betas: {0.9, 0.99} by default, also as beta1 and beta2
--   weightDecay: lr times it times p is subtracted from p; 0 by default
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Chen and others, "Symbolic discovery of optimization algorithms", 2023
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Lion({ p }, { lr = 0.25 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() --> 0.75
local lion = fused_step(fused.lion, function() return { "m" } end)

local function check_sgd(o)
  if o.nesterov and (o.momentum <= 0 or o.dampening ~= 0) then
    raise("optim.SGD: nesterov needs a momentum and no dampening")
  end
end

local function adam_options(more)
  local all = { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0, amsgrad = false,
    decoupled = false, maximize = false }
  for name, value in pairs(more) do all[name] = value end
  return all
end

return function(optim)
  define_class(optim, "SGD", { lr = 1e-3, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0,
    maximize = false }, { group = sgd, check = check_sgd, steady = true })
  define_class(optim, "Adam", adam_options {}, { group = adam })
  define_class(optim, "AdamW", adam_options { weightDecay = 0.01, decoupled = true },
    { group = adamw })
  define_class(optim, "RMSprop", { lr = 1e-2, alpha = 0.99, eps = 1e-8, momentum = 0, centered = false,
    weightDecay = 0, maximize = false }, { group = rmsprop, steady = true })
  define_class(optim, "Adagrad", { lr = 1e-2, lrDecay = 0, eps = 1e-10, weightDecay = 0,
    initialAccumulatorValue = 0, maximize = false }, { group = adagrad })
  define_class(optim, "Lion", { lr = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0, maximize = false },
    { group = lion, steady = true })
end
