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

local function adam(p, g, o, s)
  adam_step(p, decayed(p, g, o), o, s)
end

local function adamw(p, g, o, s)
  if o.weightDecay ~= 0 then p:mul(1 - o.lr * o.weightDecay) end
  adam_step(p, g, o, s)
end

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
