-- state: all of a training that has to go on, as one table, and back.

local loaders = require "train.loaders"
local plain = require "train.plain"
local raise = require("torch.caller").raise

return function(train, torch)
  local Trainer = train.Trainer

  -- f(name, object) for the callbacks that have a state; the second of a class is "train.Timer#2".
  local function each_callback(self, f)
    local seen = {}
    for _, c in ipairs(self._active) do
      local class = torch.typename(c) or "table"
      seen[class] = (seen[class] or 0) + 1
      local name = seen[class] == 1 and class or ("%s#%d"):format(class, seen[class])
      if type(c.state) == "function" and type(c.load) == "function" then f(name, c) end
    end
  end

  local function states(list, of)
    local out = {}
    for i, object in ipairs(list) do out[i] = of(object) end
    return out
  end

  local function optional(object)
    if object and type(object.state) == "function" then return object:state() end
  end

  -- The state; its tensors may be the model's own.
  function Trainer:_state()
    if self:_waits() then
      raise "trainer:state: some batches wait for a step with others; save after a step"
    end
    local callbacks = {}
    for name, s in pairs(self._waiting or {}) do callbacks[name] = s end
    each_callback(self, function(name, c) callbacks[name] = c:state() end)
    return {
      epoch = self.epoch, batch = self.batch, step = self.step, inside = self.inside, skipped = self.skipped,
      seed = self.seed, history = self.history, sums = self._sums,
      model = self.model:stateDict(), kinds = states(self.optimizers, torch.typename),
      optimizers = states(self.optimizers, function(o) return o:stateDict() end),
      schedules = states(self.schedules, function(s) return s.schedule:stateDict() end),
      metrics = states(self.metrics, function(m) return { name = m.name, state = optional(m.metric) } end),
      callbacks = callbacks,
      ema = self.ema and self.ema:stateDict(),
      scaler = optional(self.scaler),
      logger = self.logger and type(self.logger.load) == "function" and optional(self.logger) or nil,
      loader = self._iterating and loaders.state(self._iterating) or self._position,
      random = torch.getRNGState(),
    }
  end

  local function copied(value)
    if torch.isTensor(value) then return value:clone() end
    if type(value) ~= "table" or torch.typename(value) then return value end
    local copy = {}
    for k, v in pairs(value) do copy[k] = copied(v) end
    return copy
  end

  --- trainer:state(); trainer:load(state)
  --
  -- Everything that a training needs to go on to the last bit: parameters and buffers, optimizers, schedules,
  -- averages, scaler, metrics, callbacks, logger, place in the data, random generator, history and counts;
  -- takes it over.  The trainer that loads it is made with the same options.
  --
  -- state: what state() gave
  -- Returns: state: a table of copies that torch.save takes; load: the trainer
  -- Errors: state is something else, or of another model or other options
  -- Example:
  --   make = function()
  --     return train.Trainer { model = nn.Linear(1, 1), loss = nn.MSECriterion(), optimizer = "SGD",
  --       progress = false }
  --   end
  --   a, b = make(), make()
  --   a:fit({ { torch.ones(1, 1), torch.ones(1, 1) } }, { epochs = 2 })
  --   b:load(a:state()).epoch --> 2
  --   torch.equal(a.model.weight:detach(), b.model.weight:detach()) --> true
  function Trainer:state() return plain.storable(copied(self:_state())) end

  local function count(what, got, own)
    if #got ~= #own then
      raise("trainer:load: a state with %d %s, the trainer has %d", #got, what, #own)
    end
  end

  local function check(self, s)
    if type(s) ~= "table" then raise("trainer:load: a table expected, got %s", torch.type(s)) end
    for _, name in ipairs { "epoch", "batch", "step", "model", "optimizers", "schedules", "metrics",
      "history", "callbacks", "random" } do
      if s[name] == nil then raise("trainer:load: this is not what trainer:state() gives: no '%s'", name) end
    end
    count("optimizers", s.optimizers, self.optimizers)
    count("schedules", s.schedules, self.schedules)
    for i, kind in ipairs(s.kinds or {}) do
      local own = torch.typename(self.optimizers[i])
      if own ~= kind then raise("trainer:load: a state of %s, the trainer has %s", kind, tostring(own)) end
    end
    if (s.ema == nil) ~= (self.ema == nil) then
      raise("trainer:load: a state %s averages of the weights, the trainer has %s",
        s.ema and "with" or "without", self.ema and "them" or "none")
    end
    if (s.scaler == nil) ~= (self.scaler == nil) then
      raise("trainer:load: a state %s a scaler, the trainer has %s", s.scaler and "with" or "without",
        self.scaler and "one" or "none")
    end
  end

  local function load_metrics(self, list)
    local by_name = {}
    for _, entry in ipairs(list) do by_name[entry.name] = entry.state end
    for _, m in ipairs(self.metrics) do
      m.metric:reset()
      local s = by_name[m.name]
      if s ~= nil and type(m.metric.load) == "function" then m.metric:load(s) end
    end
  end

  -- States of callbacks wait until a callback of that name is there.
  function Trainer:_loadCallbacks()
    local waiting = self._waiting or {}
    each_callback(self, function(name, c)
      local s = waiting[name]
      if s ~= nil then
        waiting[name] = nil
        c:load(s)
      end
    end)
  end

  function Trainer:load(state)
    check(self, state)
    state = plain.decode(state)
    self.model:loadStateDict(state.model)
    for i, o in ipairs(self.optimizers) do o:loadStateDict(state.optimizers[i]) end
    for i, s in ipairs(self.schedules) do s.schedule:loadStateDict(state.schedules[i]) end
    if self.ema then self.ema:loadStateDict(state.ema) end
    if self.scaler then self.scaler:load(state.scaler) end
    load_metrics(self, state.metrics)
    if self.logger and state.logger ~= nil and type(self.logger.load) == "function" then
      self.logger:load(state.logger)
    end
    self.epoch, self.batch, self.step = state.epoch, state.batch, state.step
    self.inside, self.skipped, self.seed = state.inside or false, state.skipped or 0, state.seed or self.seed
    self.history, self._sums, self._pending = copied(state.history), copied(state.sums or {}), {}
    self._position, self._loaded = state.loader, true
    self._waiting = {}
    for name, s in pairs(state.callbacks) do self._waiting[name] = s end
    self:_loadCallbacks()
    torch.setRNGState(state.random)
    return self
  end
end
