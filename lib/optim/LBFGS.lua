-- LBFGS: optim.lbfgs as an object over a list of parameters.

local torch = require "torch"
local raise = require("torch.caller").raise
local lbfgs = require "optim.lbfgs"
local lswolfe = require "optim.lswolfe"

local defaults = { lr = 1, maxIter = 20, maxEval = 0, toleranceGrad = 1e-7, toleranceChange = 1e-9,
  historySize = 100, lineSearch = "" }

local function largest(t)
  return t:nElement() == 0 and 0 or torch.abs(t):max()
end

return function(optim)
  local LBFGS, parent = torch.class("optim.LBFGS", "optim.Optimizer", optim)

  --- optim.LBFGS(params [, options])
  --
  -- The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno, for losses that do not change from
  -- call to call.  One call of optimizer:step(closure) makes up to maxIter steps; closure zeroes the
  -- gradients, computes the loss, calls its backward and gives it back.  See optim.Optimizer for the methods.
  --
  -- params: table of tensors of one type; there is one group only
  -- options: table of any of these:
  --   lr: 1 by default
  --   maxIter: how many steps at most in a call; 20 by default
  --   maxEval: how many calls of closure at most; 1.25 maxIter by default
  --   toleranceGrad: ends when no gradient is larger; 1e-7 by default
  --   toleranceChange: ends when a step, or the change of the loss, is no larger; 1e-9 by default
  --   historySize: how many steps are remembered; 100 by default
  --   lineSearch: "wolfe" for optim.lswolfe
  -- Returns: an optimizer
  -- Errors: an option does not exist, is of another type or out of range; step: there is no closure
  -- From: Nocedal and Wright, "Numerical optimization", algorithm 7.4
  -- Example:
  --   p = torch.DoubleTensor({ 3 }):requireGrad()
  --   optimizer = optim.LBFGS({ p }, { lineSearch = "wolfe" })
  --   closure = function()
  --     optimizer:zeroGrad()
  --     loss = torch.cmul(p, p):sum()
  --     loss:backward()
  --     return loss
  --   end
  --   optimizer:step(closure)
  --   math.abs(p:item()) < 1e-6 --> true
  function LBFGS:__init(params, options)
    parent.__init(self, params, options, defaults)
    if #self.groups > 1 then raise("optim.LBFGS: one group of parameters only") end
  end

  function LBFGS._check(o)
    if o.lineSearch ~= "" and o.lineSearch ~= "wolfe" then
      raise("optim.LBFGS: there is no line search '%s'", o.lineSearch)
    end
    if not (o.lr >= 0 and o.maxIter >= 1 and o.historySize >= 1) then
      raise("optim.LBFGS: wanted lr >= 0, maxIter >= 1 and historySize >= 1")
    end
  end

  function LBFGS:addGroup(group)
    if #self.groups > 0 then raise("optim.LBFGS: one group of parameters only") end
    return parent.addGroup(self, group)
  end
  LBFGS.addParamGroup = LBFGS.addGroup

  -- Values or gradients of all parameters, one after another.
  local function flatten(params, of)
    local parts = {}
    for i, p in ipairs(params) do
      local t = of(p.value) or torch.zerosLike(p.value)
      parts[i] = t:detach():contiguous():view(-1)
    end
    return torch.cat(parts, 1)
  end

  local function scatter(params, flat)
    local first = 1
    for _, p in ipairs(params) do
      local n = p.value:nElement()
      if n > 0 then p.value:copy(flat:narrow(1, first, n):viewAs(p.value)) end
      first = first + n
    end
  end

  function LBFGS:step(closure)
    if type(closure) ~= "function" then
      raise("optim.LBFGS:step: a closure expected, got %s", torch.type(closure))
    end
    local group, first = self.groups[1], nil
    local o, params = group.options, group.params
    local function opfunc(x)
      torch.noGrad(scatter, params, x)
      local loss = closure()
      if first == nil then first = loss end
      local f = torch.isTensor(loss) and loss:item() or loss
      if type(f) ~= "number" then
        raise("optim.LBFGS:step: the closure gave a %s, not a loss", torch.type(f))
      end
      return f, torch.noGrad(flatten, params, function(p) return p.grad end)
    end
    local config = { learningRate = o.lr, maxIter = o.maxIter, maxEval = o.maxEval > 0 and o.maxEval or nil,
      tolFun = o.toleranceGrad, tolX = o.toleranceChange, nCorrection = o.historySize,
      lineSearch = o.lineSearch == "wolfe" and lswolfe or nil }
    self.state[1] = self.state[1] or {}
    local x = torch.noGrad(flatten, params, function(p) return p end)
    if x:nElement() > 0 then
      lbfgs(opfunc, x, config, self.state[1], largest)
      torch.noGrad(scatter, params, x)
    else
      closure()
    end
    return first
  end

  local function copy(value)
    if torch.isTensor(value) then return value:clone() end
    if type(value) ~= "table" then return value end
    local t = {}
    for k, v in pairs(value) do t[k] = copy(v) end
    return t
  end

  function LBFGS:stateDict()
    return { state = copy(self.state), groups = { copy(self.groups[1].options) } }
  end

  function LBFGS:loadStateDict(dict)
    if type(dict) ~= "table" or type(dict.state) ~= "table" or type(dict.groups) ~= "table" then
      raise("loadStateDict: this is not what :stateDict() gives")
    end
    local n, d = 0, dict.state[1] and dict.state[1].d
    for _, p in ipairs(self.groups[1].params) do n = n + p.value:nElement() end
    if torch.isTensor(d) and d:nElement() ~= n then
      raise("loadStateDict: for parameters of %d elements, the optimizer's have %d", d:nElement(), n)
    end
    for name, value in pairs(dict.groups[1] or {}) do self:set(name, value) end
    self.state = copy(dict.state)
    return self
  end
end
