-- more_steps: the optimizers whose steps are composed of tensor operations.
--
-- A rule is one(p, g, options, state): p changes in place, g stays as it is, state.step counts from 1.

local torch = require "torch"
local raise = require("torch.caller").raise
local define_class = require "optim.define"

-- A tensor like p that is kept in the state, `value` at first.  Names that begin with an underscore are
-- scratch memory, which is not saved.
local function remembered(p, s, name, value)
  local t = s[name]
  if not t then
    t = torch.zerosLike(p)
    if value then t:fill(value) end
    s[name] = t
  end
  return t
end

-- The gradient as the rules see it: turned around to climb, with the decay of the weights added.
local function slope(p, g, o)
  if o.maximize then g = -g end
  if o.weightDecay == 0 then return g end
  if o.decoupled then
    p:mul(1 - o.lr * o.weightDecay)
    return g
  end
  return torch.add(g, o.weightDecay, p)
end

-- The moments of Adam with the gradient in them.
local function moments(p, g, o, s)
  local m, v = remembered(p, s, "m"), remembered(p, s, "v")
  m:mul(o.beta1):add(1 - o.beta1, g)
  v:mul(o.beta2):addcmul(1 - o.beta2, g, g)
  return m, v
end

--- optim.NAdam(params [, options])
--
-- optim.Adam with Nesterov's momentum.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 2e-3 by default
--   betas: {0.9, 0.999} by default, also as beta1 and beta2
--   eps: 1e-8 by default
--   momentumDecay: 4e-3 by default: how fast the momentum rises to beta1
--   weightDecay: times p is added to the gradient
--   decoupled: true decays p itself instead, as optim.AdamW does
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Dozat, "Incorporating Nesterov momentum into Adam", 2016
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.NAdam({ p }, { lr = 0.1 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() < 1 --> true
local function nadam(p, g, o, s)
  g = slope(p, g, o)
  local t = s.step
  local mu = o.beta1 * (1 - 0.5 * 0.96 ^ (t * o.momentumDecay))
  local next_mu = o.beta1 * (1 - 0.5 * 0.96 ^ ((t + 1) * o.momentumDecay))
  s.product = (s.product or 1) * mu
  local m, v = moments(p, g, o, s)
  local root = torch.div(v, 1 - o.beta2 ^ t):sqrt():add(o.eps)
  p:addcdiv(-o.lr * (1 - mu) / (1 - s.product), g, root)
  p:addcdiv(-o.lr * next_mu / (1 - s.product * next_mu), m, root)
end

--- optim.RAdam(params [, options])
--
-- optim.Adam that divides by the second moment only when enough gradients are in it.  See
-- optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-3 by default
--   betas: {0.9, 0.999} by default, also as beta1 and beta2
--   eps: 1e-8 by default
--   weightDecay: times p is added to the gradient
--   decoupled: true decays p itself instead, as optim.AdamW does
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Liu and others, "On the variance of the adaptive learning rate and beyond", 2020
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.RAdam({ p }, { lr = 0.1 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() < 1 --> true
local function radam(p, g, o, s)
  g = slope(p, g, o)
  local m, v = moments(p, g, o, s)
  local t, power = s.step, o.beta2 ^ s.step
  local rate = o.lr / (1 - o.beta1 ^ t)
  local most = 2 / (1 - o.beta2) - 1
  local length = most - 2 * t * power / (1 - power)
  if length <= 5 then
    p:add(-rate, m)
    return
  end
  local rectified = math.sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length))
  p:addcdiv(-rate * rectified * math.sqrt(1 - power), m, torch.sqrt(v):add(o.eps))
end

--- optim.Adadelta(params [, options])
--
-- Steps of a size that comes from the last gradients and the last steps.  See optim.Optimizer for the
-- methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1 by default
--   rho: 0.9 by default: how slowly averages forget
--   eps: 1e-6 by default
--   weightDecay: times p is added to the gradient
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Zeiler, "ADADELTA: an adaptive learning rate method", 2012
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adadelta { p }
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() < 1 --> true
local function adadelta(p, g, o, s)
  g = slope(p, g, o)
  local v, steps = remembered(p, s, "v"), remembered(p, s, "steps")
  v:mul(o.rho):addcmul(1 - o.rho, g, g)
  local step = torch.add(steps, o.eps):sqrt():cdiv(torch.add(v, o.eps):sqrt()):cmul(g)
  steps:mul(o.rho):addcmul(1 - o.rho, step, step)
  p:add(-o.lr, step)
end

--- optim.Adamax(params [, options])
--
-- The variant of optim.Adam by the largest gradient so far.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 2e-3 by default
--   betas: {0.9, 0.999} by default, also as beta1 and beta2
--   eps: 1e-8 by default
--   weightDecay: times p is added to the gradient
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Adamax({ p }, { lr = 0.5 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   math.abs(p:item() - 0.5) < 1e-6 --> true
local function adamax(p, g, o, s)
  g = slope(p, g, o)
  local m, u = remembered(p, s, "m"), remembered(p, s, "u")
  m:mul(o.beta1):add(1 - o.beta1, g)
  u:mul(o.beta2):cmax(torch.abs(g):add(o.eps))
  p:addcdiv(-o.lr / (1 - o.beta1 ^ s.step), m, u)
end

--- optim.Rprop(params [, options])
--
-- Resilient propagation, for gradients of all samples at once: each element has a step size of its own,
-- which grows while its gradient keeps its sign and shrinks when it turns.  See optim.Optimizer for the
-- methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: the first step size; 1e-2 by default
--   etas: {0.5, 1.2} by default: the factors of shrinking and growing, also as etaMinus and etaPlus
--   stepSizes: {1e-6, 50} by default: the least and the greatest, also as minStep and maxStep
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning", 1993
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.Rprop({ p }, { lr = 0.25 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:item() --> 0.75
local function rprop(p, g, o, s)
  if o.maximize then g = -g else g = g:clone() end
  local last, size = remembered(p, s, "last"), remembered(p, s, "size", o.lr)
  local turn = torch.cmul(g, last)
  local back, on = torch.lt(turn, 0), torch.gt(turn, 0)
  local factor = turn:fill(1):maskedFill(on, o.etaPlus):maskedFill(back, o.etaMinus)
  size:cmul(factor):clamp(o.minStep, o.maxStep)
  g:maskedFill(back, 0)
  p:addcmul(-1, torch.sign(g), size)
  last:copy(g)
end

--- optim.ASGD(params [, options])
--
-- Averaged stochastic gradient descent.  optimizer.state[i].average is the average of where the i-th
-- parameter has been since step t0.  See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: 1e-2 by default
--   lambda: 1e-4 by default: the decay of p and of the rate
--   alpha: 0.75 by default: the power by which the rate falls
--   t0: 1e6 by default: the step from which on averages are taken
--   weightDecay: times p is added to the gradient
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992
-- Example:
--   p = torch.ones(1):requireGrad()
--   optimizer = optim.ASGD({ p }, { lr = 0.25 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   optimizer.state[1].average:item() == p:item() --> true
local function asgd(p, g, o, s)
  g = slope(p, g, o)
  local eta, mu = s.eta or o.lr, s.mu or 1
  p:mul(1 - o.lambda * eta):add(-eta, g)
  local average = remembered(p, s, "average")
  if mu == 1 then average:copy(p) else average:add(mu, p - average) end
  s.eta = o.lr / (1 + o.lambda * o.lr * s.step) ^ o.alpha
  s.mu = 1 / math.max(1, s.step - o.t0)
end

-- The distance of 1 and the next number.
local precision = { float64 = 2 ^ -52, float32 = 2 ^ -23, float16 = 2 ^ -10, bfloat16 = 2 ^ -7 }

local function root_mean_square(t)
  return t:nElement() == 0 and 0 or torch.norm(t) / math.sqrt(t:nElement())
end

-- The mean square gradient of a matrix from what is remembered of its rows and its columns.
local function factored(p, square, share, least, s)
  local n = p:dim()
  if not s.rows then
    s.rows, s.columns = square:mean(n):zero(), square:mean(n - 1):zero()
  end
  s.rows:mul(1 - share):add(share, square:mean(n))
  s.columns:mul(1 - share):add(share, square:mean(n - 1))
  local whole = s.rows:mean(n - 1):cmax(least)
  return torch.cmul(s.rows:expandAs(square), s.columns:expandAs(square)):cdiv(whole:expandAs(square))
end

--- optim.Adafactor(params [, options])
--
-- Steps by the second moment, of which for matrices only the means of rows and columns are remembered.
-- See optim.Optimizer for the methods.
--
-- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own
-- options: table of any of these:
--   lr: the greatest relative step; 1e-2 by default
--   beta2Decay: -0.8 by default: the power by which the share of the new gradient falls
--   eps1: the least mean square; 0 by default, which stands for the type's precision
--   eps2: the least size of a parameter; 1e-3 by default
--   clip: the greatest root mean square of a step, relative to lr; 1 by default
--   weightDecay: lr times it times p is subtracted from p
--   maximize: true climbs
-- Returns: an optimizer
-- Errors: an option does not exist, is of another type or out of range
-- From: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018
-- Example:
--   p = torch.ones(2, 2):requireGrad()
--   optimizer = optim.Adafactor({ p }, { lr = 0.25 })
--   torch.cmul(p, p):sum():backward()
--   optimizer:step()
--   p:sum():item() --> 3.0
local function adafactor(p, g, o, s)
  if o.maximize then g = -g end
  if p:nElement() == 0 then return end
  local share = s.step ^ o.beta2Decay
  local eps1 = o.eps1 ~= 0 and o.eps1 or precision[p.dtype]
  local rate = math.min(o.lr, 1 / math.sqrt(s.step)) * math.max(o.eps2, root_mean_square(p))
  if o.weightDecay ~= 0 then p:mul(1 - o.lr * o.weightDecay) end
  local square = torch.cmul(g, g)
  local mean
  if p:dim() > 1 then
    mean = factored(p, square, share, eps1, s)
  else
    mean = remembered(p, s, "v"):mul(1 - share):add(share, square):clone()
  end
  local step = mean:cmax(eps1 * eps1):rsqrt():cmul(g)
  p:add(-rate / math.max(1, root_mean_square(step) / o.clip), step)
end

local function check_rprop(o)
  if not (o.lr >= 0 and o.etaMinus > 0 and o.etaMinus < 1 and o.etaPlus > 1 and o.minStep <= o.maxStep) then
    raise("optim.Rprop: wanted 0 < etaMinus < 1 < etaPlus and minStep <= maxStep")
  end
end

local function check_adafactor(o)
  if not (o.clip >= 1 and o.beta2Decay <= 0 and o.eps1 >= 0 and o.eps2 >= 0) then
    raise("optim.Adafactor: wanted clip >= 1, beta2Decay <= 0, eps1 >= 0 and eps2 >= 0")
  end
end

return function(optim)
  define_class(optim, "NAdam", { lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0,
    momentumDecay = 4e-3, decoupled = false, maximize = false }, { one = nadam })
  define_class(optim, "RAdam", { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0,
    decoupled = false, maximize = false }, { one = radam })
  define_class(optim, "Adadelta", { lr = 1, rho = 0.9, eps = 1e-6, weightDecay = 0, maximize = false },
    { one = adadelta, steady = true })
  define_class(optim, "Adamax", { lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0,
    maximize = false }, { one = adamax })
  define_class(optim, "Rprop", { lr = 1e-2, etaMinus = 0.5, etaPlus = 1.2, minStep = 1e-6, maxStep = 50,
    maximize = false }, { one = rprop, check = check_rprop, steady = true })
  define_class(optim, "ASGD", { lr = 1e-2, lambda = 1e-4, alpha = 0.75, t0 = 1e6, weightDecay = 0,
    maximize = false }, { one = asgd })
  define_class(optim, "Adafactor", { lr = 1e-2, beta2Decay = -0.8, eps1 = 0, eps2 = 1e-3, clip = 1,
    weightDecay = 0, maximize = false }, { one = adafactor, check = check_adafactor })
end
