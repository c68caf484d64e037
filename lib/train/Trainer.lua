-- Trainer: a model with all that its training needs: what the options are, and what is made of them.

local options = require "torch.options"
local loaders = require "train.loaders"
local raise = require("torch.caller").raise

local what = "train.Trainer"

local known = { model = "any", loss = "any", optimizer = "any", schedule = "any", schedules = "table",
  scheduleEvery = "string", metrics = "table string", callbacks = "table", clipNorm = "number",
  clipValue = "number", accumulate = "number", device = "string", seed = "number", logger = "any",
  logEvery = "number", precision = "string table", ema = "any", progress = "boolean", dir = "string",
  step = "function" }

return function(train, torch)
  local Trainer = torch.class("train.Trainer", train)

  local function callable(value)
    local meta = debug.getmetatable(value)
    return type(value) == "function" or meta ~= nil and meta.__call ~= nil
  end

  local function check_model(model)
    if not torch.isTypeOf(model, "nn.Module") then
      raise("%s: the model must be an nn.Module, got %s", what, model == nil and "none" or torch.type(model))
    end
    return model
  end

  local function device_of(model)
    for _, list in ipairs { model:parameters() or {}, { torch.Tensor():type(model:type()) } } do
      if list[1] then return list[1].device end
    end
  end

  -- ---- optimizers --------------------------------------------------------------------------------------

  -- An optimizer from one, its name, { name, options... }, its class, or a function of the parameters.
  local function make_optimizer(given, params)
    local optim = require "optim"
    local name, opts = given, nil
    if type(given) == "table" and type(given[1]) == "string" then
      name, opts = given[1], {}
      for k, v in pairs(given) do
        if k ~= 1 then opts[k] = v end
      end
    end
    if torch.isTypeOf(given, "optim.Optimizer") then return given end
    if type(name) == "string" then
      local class = optim[name]
      if type(class) ~= "table" then
        raise("%s: there is no optimizer '%s'%s", what, name,
          class and "; that is Torch7's function, which steps by itself" or "")
      end
      return class(params, opts or {})
    end
    for key, f in pairs(optim) do
      if rawequal(f, given) and type(f) == "function" then
        raise("%s: optim.%s is Torch7's function; give an optimizer such as optim.Adam", what, key)
      end
    end
    if callable(given) then return given(params) end
    raise("%s: the optimizer must be an optimizer, its name, or a function that makes it, got %s", what,
      given == nil and "none" or torch.type(given))
  end

  local function check_optimizer(o)
    if type(o) ~= "table" or type(o.step) ~= "function" or type(o.zeroGrad) ~= "function" then
      raise("%s: the optimizer must have methods step and zeroGrad, got %s", what, torch.type(o))
    end
    if torch.isTypeOf(o, "optim.LBFGS") then
      raise("%s: optim.LBFGS needs the loss several times in a step, and cannot be used here", what)
    end
    return o
  end

  local function make_optimizers(self, given)
    local list = { given }
    if type(given) == "table" and getmetatable(given) == nil and type(given[1]) ~= "string" then
      list = given
    end
    if list[1] == nil then
      raise("%s: the optimizer must be an optimizer, its name such as 'Adam', { 'Adam', lr = 0.01 }, or a "
        .. "function that makes it, got %s", what, given == nil and "none" or "a table without [1]")
    end
    local params = self.model:parameters()
    if params == nil or #params == 0 then raise("%s: the model has no parameters to train", what) end
    self.optimizers = {}
    for i, one in ipairs(list) do
      self.optimizers[i] = check_optimizer(make_optimizer(one, params))
    end
    self.optimizer = self.optimizers[1]
    -- all parameters that change, each once
    self._params = {}
    local seen = {}
    for _, o in ipairs(self.optimizers) do
      for _, group in ipairs(o.groups or {}) do
        for _, p in ipairs(group.params) do
          local key = torch.pointer(p.value)
          if not seen[key] then self._params[#self._params + 1] = p.value end
          seen[key] = true
        end
      end
    end
  end

  -- A model that was moved has new tensors, which an optimizer from before does not know.
  local function check_parameters(self)
    local own = {}
    for _, p in ipairs(self.model:parameters() or {}) do own[torch.pointer(p)] = true end
    for _, p in ipairs(self._params) do
      if own[torch.pointer(p)] then return end
    end
    raise("%s: the optimizer has no parameter of the model; make it after the model was moved or converted, "
      .. "or give its name or a function that makes it", what)
  end

  -- ---- schedules ---------------------------------------------------------------------------------------

  -- { schedule=, every=, monitor= } from a schedule, a function of the optimizer, or such a table.
  local function make_schedule(self, given, every)
    local entry = given
    if type(entry) ~= "table" or getmetatable(entry) ~= nil then entry = { entry } end
    entry = options.read(what .. ": a schedule", entry, { [1] = "any", every = "string", monitor = "string" })
    local s = entry[1]
    if callable(s) and not torch.isTypeOf(s, "optim.Scheduler") then s = s(self.optimizer) end
    if not torch.isTypeOf(s, "optim.Scheduler") then
      raise("%s: a schedule must be an optim.Scheduler or a function that makes one, got %s", what,
        torch.type(s))
    end
    every = options.choice(what, "every", entry.every or every, "epoch", "step")
    local plateau = torch.isTypeOf(s, "optim.ReduceLROnPlateau")
    if plateau and every == "step" then raise("%s: optim.ReduceLROnPlateau steps once an epoch", what) end
    return { schedule = s, every = every, monitor = plateau and (entry.monitor or "val_loss") or nil }
  end

  local function make_schedules(self, o)
    local list = o.schedules or {}
    if o.schedule ~= nil then list = { o.schedule, table.unpack(list) } end
    self.schedules = {}
    for i, given in ipairs(list) do
      self.schedules[i] = make_schedule(self, given, o.scheduleEvery)
    end
  end

  -- ---- precision, averages -----------------------------------------------------------------------------

  local function make_precision(self, given)
    if given == nil then return end
    if type(given) == "string" then
      local dtype = train._precision(what, given)
      if dtype == "float32" then return end
      given = { dtype = dtype, scaler = dtype == "float16" }
    end
    local o = options.read(what .. ": precision", given, { dtype = "string", scaler = "any",
      cast = "function" })
    if o.dtype then options.choice(what, "dtype", o.dtype, "bfloat16", "float16", "float32") end
    self.dtype, self.cast = o.dtype ~= "float32" and o.dtype or nil, o.cast
    if o.scaler == true then
      self.scaler = train.GradScaler()
    elseif o.scaler then
      if not torch.isTypeOf(o.scaler, "train.GradScaler") then
        raise("%s: scaler must be true or a train.GradScaler, got %s", what, torch.type(o.scaler))
      end
      self.scaler = o.scaler
    end
  end

  function Trainer:_makeAverage(given)
    local optim = require "optim"
    if given == nil or given == false then return end
    if torch.isTypeOf(given, "optim.WeightAverage") then
      self.ema = given
      return
    end
    if given == true then given = {} end
    if type(given) == "number" then given = { decay = given } end
    if type(given) ~= "table" or torch.typename(given) then
      raise("%s: ema is a decay, a table of options for optim.EMA, or an average of weights, got %s", what,
        torch.type(given))
    end
    self.ema = optim.EMA(self._params, given)
  end

  -- ---- the constructor ---------------------------------------------------------------------------------

  --- train.Trainer(options)
  --
  -- Trains a model: trainer:fit(loader, { epochs = 5 }) takes batches from a loader, computes the loss and
  -- its gradients, and steps the optimizer; beside that it measures, validates, logs and saves.
  --
  -- options: table of model, loss, optimizer and any of the others:
  --   model: nn.Module
  --   loss: criterion, or function of the output and the target that gives a tensor of one element
  --   optimizer: an optimizer; its name ("Adam"), also with options ({ "Adam", lr = 0.01 }); its class; a
  --     function of the parameters that makes it; or a list of these, which all step
  --   schedule, schedules: one or a list of: a schedule; a function of the optimizer that makes it; a table
  --     { schedule, every = "epoch" or "step", monitor = name of a value for optim.ReduceLROnPlateau }
  --   scheduleEvery: "epoch", the default, or "step": for schedules that do not say
  --   metrics: one or a table of metrics: objects such as train.Accuracy(), names such as "accuracy", or
  --     functions of output and target that give a number; keys that are strings become their names
  --   callbacks: one or a list of: a train.Callback; a table of functions
  --   clipNorm, clipValue: as optim.clipGradNorm and optim.clipGradValue
  --   accumulate: 1 by default: so many batches make a step
  --   device: "cpu" or "cuda": the model goes there; batches always go to where the model is
  --   seed: torch.manualSeed(seed) is called when training begins; by default the generator goes on as it is.
  --     math.random is seeded anew for each batch, from seed or torch.initialSeed()
  --   logger: has a method scalar(name, value, step), as runs.Run
  --   logEvery: 1 by default: the loss goes to the logger after so many steps
  --   precision: "float32", "bfloat16" or "float16", which the step runs in by torch.autocast; or a table of
  --     dtype, scaler, a train.GradScaler or true, and cast, a function of a batch that gives what the step
  --     gets
  --   ema: averages of the weights, which validation uses: a decay, options of optim.EMA, true, or an
  --     object of optim.EMA or optim.SWA
  --   progress: false shows nothing; true by default
  --   dir: folder for checkpoints
  --   step: function of the trainer and a batch that takes the place of loss(model(batch[1]), batch[2]): it
  --     gives the loss, optionally a table of numbers by name, and an output and a target for the metrics
  -- Returns: a trainer
  -- Errors: an option does not exist, is missing, of another type or out of range
  -- Example:
  --   net = nn.Linear(2, 1)
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = { "SGD", lr = 0.1 } }
  --   torch.type(trainer.optimizer) --> optim.SGD
  function Trainer:__init(given)
    local o = options.read(what, given, known)
    self.model = check_model(o.model)
    if o.device then self.model:to(options.choice(what, "device", o.device, "cpu", "cuda")) end
    self.device = device_of(self.model)
    if o.loss == nil and not o.step then raise("%s: loss or step is missing", what) end
    if o.loss ~= nil and not callable(o.loss) then
      raise("%s: the loss must be a criterion or a function, got %s", what, torch.type(o.loss))
    end
    self.loss, self.stepFunction = o.loss, o.step
    if o.device and torch.isTypeOf(o.loss, "nn.Criterion") then
      self.loss = o.device == "cuda" and o.loss:cuda() or o.loss:cpu() or o.loss
    end
    make_optimizers(self, o.optimizer)
    check_parameters(self)
    make_schedules(self, o)
    make_precision(self, o.precision)
    self:_makeAverage(o.ema)
    self.metrics = train._metrics(o.metrics)
    self.clipNorm = options.positive(what, "clipNorm", o.clipNorm)
    self.clipValue = options.positive(what, "clipValue", o.clipValue)
    self.accumulate = options.whole(what, "accumulate", o.accumulate, 1, 1)
    self.logEvery = options.whole(what, "logEvery", o.logEvery, 1, 1)
    self.seed, self.dir = options.whole(what, "seed", o.seed, torch.initialSeed(), 0), o.dir
    self.seeds = o.seed ~= nil
    if o.logger ~= nil and type(o.logger.scalar) ~= "function" then
      raise("%s: the logger must have a method scalar(name, value, step), got %s", what, torch.type(o.logger))
    end
    self.logger, self.progress = o.logger, o.progress ~= false
    self.callbacks = train._callbacks(o.callbacks)
    self._active = self.callbacks
    self.epoch, self.batch, self.step, self.inside, self.skipped = 0, 0, 0, false, 0
    self.history, self._sums, self._pending = {}, {}, {}
  end

  function Trainer:__tostring__()
    return ("train.Trainer of %s with %s: %d epochs, %d steps done"):format(torch.type(self.model),
      torch.type(self.optimizer), self.inside and self.epoch - 1 or self.epoch, self.step)
  end

  -- The parameters that change by the names that the model gives them.
  function Trainer:_named()
    local names, list = {}, {}
    for _, entry in ipairs(self.model:namedParameters()) do
      names[torch.pointer(entry.tensor)] = entry.name
    end
    for i, p in ipairs(self._params) do
      list[i] = { name = names[torch.pointer(p)] or ("parameter %d"):format(i), tensor = p }
    end
    return list
  end

  --- trainer:log(name, value [, step])
  --
  -- Gives the logger a number, where there is a logger.
  --
  -- name: string
  -- value: number
  -- step: the trainer's step by default
  -- Example:
  --   net = nn.Linear(2, 1)
  --   logger = { scalar = function(self, name, value) seen = name .. " " .. value end }
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD", logger = logger }
  --   trainer:log("noise", 3)
  --   seen --> noise 3
  function Trainer:log(name, value, step)
    if self.logger then self.logger:scalar(name, value, step or self.step) end
  end

  --- trainer:stop([reason])
  --
  -- Ends fit after the step that runs, or after the epoch when called at its end.
  --
  -- reason: string that is shown
  -- Example:
  --   net = nn.Linear(1, 1)
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD", progress = false }
  --   batches = { { torch.ones(1, 1), torch.ones(1, 1) }, { torch.ones(1, 1), torch.ones(1, 1) } }
  --   trainer:fit(batches, { epochs = 9, callbacks = { { batchEnd = function(t) t:stop() end } } })
  --   trainer.step --> 1
  function Trainer:stop(reason)
    self.stopping, self.stopReason = true, reason
  end

  -- A batch with its tensors where the model is.
  function Trainer:_move(batch)
    local device = self.device
    if device == nil then return batch end
    return loaders.map(batch, function(t)
      return t.device == device and t or t:to(device)
    end)
  end

  -- Calls an event of all callbacks.
  function Trainer:_emit(event, ...)
    for _, c in ipairs(self._active) do
      local f = c[event]
      if f then f(c, self, ...) end
    end
  end
end
