-- averages: averages of weights over training: optim.EMA and optim.SWA.

local torch = require "torch"
local each = require "torch._each"
local check_options = require("torch.options").check
local raise = require("torch.caller").raise

return function(optim)
  local Average = torch.class("optim.WeightAverage", optim)

  --- optim.WeightAverage(params)
  --
  -- The base of optim.EMA and optim.SWA: an average of each parameter beside it.
  --
  -- params: table of tensors, such as module:parameters() gives
  -- Returns: an object with the averages in its field `averages`
  -- Errors: params holds something else
  -- From: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992
  -- Example:
  --   torch.isTypeOf(optim.EMA({ torch.ones(1) }), "optim.WeightAverage") --> true
  function Average:__init(params)
    if torch.isTensor(params) then params = { params } end
    if type(params) ~= "table" or #params == 0 then
      raise("%s: a list of tensors expected, got %s", torch.type(self),
        type(params) == "table" and "an empty table" or torch.type(params))
    end
    self.params, self.averages, self.updates = {}, {}, 0
    for i, p in ipairs(params) do
      if not torch.isTensor(p) then
        raise("%s: parameter %d is a %s, not a tensor", torch.type(self), i, torch.type(p))
      end
      self.params[i], self.averages[i] = p, p:detach():clone()
    end
  end

  local function check_unapplied(self)
    if self.saved then raise("%s:update: the averages are applied; call restore first", torch.type(self)) end
  end

  -- An update inside of a graph: each replay counts it and has its own share.
  local function capture_update(self)
    local numbers = torch.cuda._numbers()
    torch.noGrad(each.average, self.averages, self.params, 0, numbers)
    torch.cuda._beforeReplay(function() check_unapplied(self) end, function()
      self.updates = self.updates + 1
      each.setShare(numbers, self:_share())
    end)
  end

  --- average:update(); average:apply(); average:restore()
  --
  -- update takes the parameters of now into the averages; call it after optimizer:step().  apply puts the
  -- averages into the parameters, to evaluate or save the model; restore puts back what was there.
  --
  -- Returns: the object
  -- Errors: update, apply: the averages are applied already; restore: they are not
  -- From: PyTorch's torch.optim.swa_utils
  -- Example:
  --   p = torch.zeros(1)
  --   average = optim.EMA({ p }, { decay = 0.5 })
  --   p:fill(1)
  --   average:update():apply()
  --   p:item() --> 0.5
  --   average:restore()
  --   p:item() --> 1.0
  function Average:update()
    check_unapplied(self)
    if torch.cuda.isCapturing() then
      capture_update(self)
    else
      self.updates = self.updates + 1
      torch.noGrad(each.average, self.averages, self.params, self:_share())
    end
    return self
  end

  local function put(params, values)
    for i, p in ipairs(params) do p:copy(values[i]) end
  end

  function Average:apply()
    if self.saved then raise("%s:apply: the averages are applied already", torch.type(self)) end
    local saved = {}
    for i, p in ipairs(self.params) do saved[i] = p:detach():clone() end
    self.saved = saved -- whole, so that restore has all of it wherever Ctrl-C comes
    torch.noGrad(put, self.params, self.averages)
    return self
  end

  function Average:restore()
    if not self.saved then raise("%s:restore: the averages are not applied", torch.type(self)) end
    torch.noGrad(put, self.params, self.saved)
    self.saved = nil
    return self
  end

  --- average:stateDict(); average:loadStateDict(dict)
  --
  -- A copy of the averages as a table that torch.save takes; takes it over.
  --
  -- dict: table
  -- Returns: stateDict: a table; loadStateDict: the object
  -- Errors: the number of the parameters or their shapes differ
  -- From: PyTorch
  -- Example:
  --   dict = optim.SWA({ torch.ones(1) }):update():stateDict()
  --   optim.SWA({ torch.zeros(1) }):loadStateDict(dict).updates --> 1
  function Average:stateDict()
    local dict = { updates = self.updates, averages = {} }
    for i, t in ipairs(self.averages) do dict.averages[i] = t:clone() end
    return dict
  end

  function Average:loadStateDict(dict)
    if type(dict) ~= "table" or type(dict.averages) ~= "table" or type(dict.updates) ~= "number" then
      raise("loadStateDict: this is not what :stateDict() gives")
    end
    if #dict.averages ~= #self.params then
      raise("loadStateDict: averages of %d parameters, there are %d", #dict.averages, #self.params)
    end
    for i, t in ipairs(dict.averages) do
      if not t:isSameSizeAs(self.params[i]) then
        raise("loadStateDict: average %d has another shape than the parameter", i)
      end
    end
    put(self.averages, dict.averages)
    self.updates = dict.updates
    return self
  end

  local EMA, ema_parent = torch.class("optim.EMA", "optim.WeightAverage", optim)

  --- optim.EMA(params [, options])
  --
  -- Exponential moving averages of parameters: average = decay average + (1 - decay) parameter at each
  -- update.  See optim.WeightAverage for the methods.
  --
  -- params: table of tensors, such as module:parameters() gives
  -- options: table of any of these:
  --   decay: 0.999 by default
  --   warmup: true begins with smaller decays: (1 + n) / (10 + n) at update n while that is less
  -- Returns: an object with the averages in its field `averages`
  -- Errors: the decay is not from 0 to 1
  -- From: Polyak and Juditsky 1992; Tarvainen and Valpola, "Mean teachers are better role models", 2017
  -- Example:
  --   p = torch.zeros(1)
  --   average = optim.EMA({ p }, { decay = 0.75 })
  --   p:fill(1)
  --   average:update().averages[1]:item() --> 0.25
  function EMA:__init(params, options)
    ema_parent.__init(self, params)
    if type(options) == "table" and torch.isTensor(options[1]) then options = nil end -- of net:parameters()
    options = check_options("optim.EMA", options, { decay = true, warmup = true })
    self.decay, self.warmup = options.decay or 0.999, options.warmup or false
    if type(self.decay) ~= "number" or not (self.decay >= 0 and self.decay <= 1) then
      raise("optim.EMA: the decay is %s, wanted a number from 0 to 1", tostring(self.decay))
    end
  end

  function EMA:_share()
    local decay = self.decay
    if self.warmup then decay = math.min(decay, (1 + self.updates) / (10 + self.updates)) end
    return 1 - decay
  end

  local SWA, swa_parent = torch.class("optim.SWA", "optim.WeightAverage", optim)

  --- optim.SWA(params)
  --
  -- The mean of the parameters at all updates, which are made once an epoch late in training.  See
  -- optim.WeightAverage for the methods.  A model with batch normalization must see its data once in
  -- training mode afterwards.
  --
  -- params: table of tensors, such as module:parameters() gives
  -- Returns: an object with the averages in its field `averages`
  -- From: Izmailov and others, "Averaging weights leads to wider optima", 2018
  -- Example:
  --   p = torch.zeros(1)
  --   average = optim.SWA { p }
  --   for i = 1, 3 do p:fill(i); average:update() end
  --   average.averages[1]:item() --> 2.0
  function SWA:__init(params)
    swa_parent.__init(self, params)
  end

  function SWA:_share()
    return 1 / self.updates
  end
end
