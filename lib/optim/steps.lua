-- steps: the optimizers whose steps are fused: one pass over each parameter, its gradient and what is
-- remembered about it (tensor/update.inc has the formulas).

local torch = require "torch"
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

local function same_steps(self, states)
  for i = 2, #states do
    if states[i].step ~= states[1].step then
      raise("%s: parameters of one group have made different numbers of steps, which a graph cannot repeat; "
        .. "give them groups of their own", torch.type(self))
    end
  end
end

-- The rule of a class: its steps, and those in a graph, whose kernels read numbers that are written before
-- each replay.
--
-- names_of(options): the names of the states.  counts: "all" where the numbers depend on the count of steps,
-- "first" where only the first step differs.  prepare(self, group) comes before.
local function fused_step(name, names_of, counts, prepare)
  local rule, write = fused[name], fused.numbers[name]

  local function step(self, group, numbers)
    if prepare then prepare(self, group) end
    local options = group.options
    local params, steps, states = gather(self, group, names_of(options), counts == "first")
    rule(params, nil, states[1] or nil, states[2] or nil, states[3] or nil, steps, options, numbers)
  end

  local function capture(self, group, states)
    local names, numbers = names_of(group.options), torch.cuda._numbers()
    step(self, group, numbers)
    local function check()
      for k, needed in ipairs(names_of(group.options)) do
        if needed ~= names[k] then
          raise("%s: its options need other states than when the graph was captured; capture it again",
            torch.type(self))
        end
      end
      if counts == "all" then same_steps(self, states) end
    end
    check()
    return check, function()
      if states[1] then write(numbers, counts == "first" and 2 or states[1].step, group.options) end
    end
  end

  return { group = step, capture = capture }
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
local sgd = fused_step("sgd", function(o) return { o.momentum ~= 0 and "v" } end, "first")

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
local adam = fused_step("adam", function(o) return { "m", "v", o.amsgrad and "vmax" } end, "all")

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
local rmsprop = fused_step("rmsprop", function(o)
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
local function begin_sums(self, group)
  local begin = group.options.initialAccumulatorValue
  self:_eachGradient(group, function(value, _, state)
    if not state.v then self:_remembered(value, state, "v"):fill(begin) end
  end, true)
end

local adagrad = fused_step("adagrad", function() return { "v" } end, "all", begin_sums)

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
local lion = fused_step("lion", function() return { "m" } end)

function sgd.check(o)
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
    maximize = false }, sgd)
  define_class(optim, "Adam", adam_options {}, adam)
  define_class(optim, "AdamW", adam_options { weightDecay = 0.01, decoupled = true }, adam)
  define_class(optim, "RMSprop", { lr = 1e-2, alpha = 0.99, eps = 1e-8, momentum = 0, centered = false,
    weightDecay = 0, maximize = false }, rmsprop)
  define_class(optim, "Adagrad", { lr = 1e-2, lrDecay = 0, eps = 1e-10, weightDecay = 0,
    initialAccumulatorValue = 0, maximize = false }, adagrad)
  define_class(optim, "Lion", { lr = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0, maximize = false },
    lion)
end
