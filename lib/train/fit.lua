-- fit: the loop over epochs and batches, with what happens around it.

local loaders = require "train.loaders"
local checkpoints = require "train.checkpoints"
local raise = require("torch.caller").raise

return function(train, torch)
  local Trainer = train.Trainer

  -- ---- callbacks ---------------------------------------------------------------------------------------

  local function any_of(list, class)
    for _, c in ipairs(list) do
      if torch.isTypeOf(c, class) then return c end
    end
  end

  -- The trainer's callbacks and those of this fit; those that go last at the end.
  local function gather_callbacks(self, given)
    local all = {}
    for _, c in ipairs(self.callbacks) do all[#all + 1] = c end
    for _, c in ipairs(train._callbacks(given)) do all[#all + 1] = c end
    if self.progress and not any_of(all, "train.ProgressBar") then
      self._bar = self._bar or train.ProgressBar()
      all[#all + 1] = self._bar
    end
    if self.dir and not any_of(all, "train.Checkpoint") then
      self._saver = self._saver or train.Checkpoint()
      all[#all + 1] = self._saver
    end
    local list = {}
    for _, last in ipairs { false, true } do
      for _, c in ipairs(all) do
        if (c._last or false) == last then list[#list + 1] = c end
      end
    end
    self._active = list
  end

  -- ---- going on from a file ------------------------------------------------------------------------------

  local function resume(self, from)
    if from == nil or from == false then return end
    local paths = require "paths"
    local saver = any_of(self._active, "train.Checkpoint")
    local dir = from == true and (self.dir or saver and saver.dir)
    if from == true and not dir then
      raise "trainer:fit: resume = true needs a folder: give dir to the trainer or to train.Checkpoint"
    end
    if from ~= true and paths.dirp(from) then dir = from end
    local state, path, message
    if dir then
      state, path = checkpoints.latest(dir)
      if not state then return end -- nothing there yet
    else
      path = from
      state, message = checkpoints.read(from)
      if not state then raise("trainer:fit: %s", message) end
    end
    local ok, why = pcall(self.load, self, state)
    if not ok then
      why = tostring(why):gsub("^[^\n]-:%d+: ", "")
      raise("trainer:fit: the checkpoint %s does not fit: %s", path, why)
    end
  end

  -- ---- history -----------------------------------------------------------------------------------------

  -- Values of the epoch that runs; what was not measured in an epoch is not a number there.
  local function remember(self, values)
    local history = self.history
    for name, value in pairs(values) do
      local list = history[name]
      if not list then
        list = {}
        history[name] = list
      end
      for e = #list + 1, self.epoch - 1 do list[e] = type(value) == "number" and 0 / 0 or false end
      list[self.epoch] = value
    end
  end

  -- The numbers among values, by name; the mean loss of an epoch has a name of its own.
  local function log_values(self, values)
    local names = {}
    for name, value in pairs(values) do
      if type(value) == "number" then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do self:log(name == "loss" and "epoch_loss" or name, values[name]) end
  end

  -- ---- an epoch ----------------------------------------------------------------------------------------

  local function begin_epoch(self, loader)
    self.epoch, self.batch, self.inside = self.epoch + 1, 0, true
    self._sums, self.validated = {}, false
    for _, m in ipairs(self.metrics) do m.metric:reset() end
    loaders.setEpoch(loader, self.epoch)
    self._position = loaders.state(loader)
  end

  local function all_seen(self)
    return self.inside and self.batches ~= nil and self.batch >= self.batches
  end

  -- The batches that are left.  False: it ended before the epoch did.
  local function run_batches(self, loader, o)
    for batch, second in loaders.batches(loader, self.batch, self._position, self.device) do
      self._iterating = loader
      self:_trainBatch(loaders.packed(batch, second))
      if o.validate and o.validateSteps and self.stepped and self.step % o.validateSteps == 0 then
        log_values(self, self:_validate(o.validate))
      end
      local enough = (self.stopping or self.step >= o.steps) and not self:_waits()
      if enough and not all_seen(self) then
        self._position, self._iterating = loaders.state(loader), nil
        return false
      end
    end
    self._iterating = nil
    if self:_waits() then self:_update() end
    return true
  end

  local function step_schedules(self, values)
    for _, s in ipairs(self.schedules) do
      if s.every == "epoch" then
        local metric = s.monitor and train._monitored("train.Trainer: a schedule", self, values, s.monitor)
        if metric or not s.monitor then s.schedule:step(metric) end
      end
    end
  end

  local function run_epoch(self, loader, o)
    self:_emit("epochBegin")
    local complete = run_batches(self, loader, o)
    if self.batch == 0 then raise("trainer:fit: the loader gave no batches in epoch %d", self.epoch) end
    local values = self:_means()
    self.validated = false
    self.lastEpoch = self.epoch >= o.epochs or self.step >= o.steps
    if o.validate and (self.epoch % o.validateEvery == 0 or self.lastEpoch or not complete) then
      for name, value in pairs(self:_validate(o.validate)) do values[name] = value end
    end
    remember(self, values)
    if not complete then return end
    self.inside, self._position = false, loaders.state(loader)
    step_schedules(self, values)
    log_values(self, values)
    self:_emit("epochEnd", values)
  end

  -- ---- fit -----------------------------------------------------------------------------------------------

  local function run(self, loader, o)
    self:_emit("attach")
    self:_loadCallbacks()
    resume(self, o.resume)
    if self.seeds and self.step == 0 and self.batch == 0 then torch.manualSeed(self.seed) end
    -- A loader's seed counts in the epochs to come, too.
    if self._loaded then loaders.load(loader, self._position) end
    self._loaded = false
    self.batches = loaders.size(loader)
    self.validates = o.validate ~= nil
    self.lastOf = o.epochs < math.maxinteger and o.epochs or nil
    self.model:training()
    self:_emit("fitBegin")
    while not self.stopping and (self.step < o.steps or all_seen(self)) do
      if self.epoch + (self.inside and 0 or 1) > o.epochs then break end
      if not self.inside then begin_epoch(self, loader) end
      run_epoch(self, loader, o)
    end
    self:_emit("fitEnd", self.history)
    return self.history
  end

  -- An interrupt, such as Ctrl-C, ends fit without its closing: then nobody has its token any more.
  local function check_idle(self)
    local running = self._running
    if running and running.token then
      collectgarbage()
      if running.token then raise "trainer:fit: it runs already; a callback cannot call it" end
      if self.ema and self.ema.saved then self.ema:restore() end
      self._pending, self._iterating = {}, nil
    end
  end

  -- What is left when fit ends, however it does.  Closing runs it with the error, if there is one.
  local function closing(self, was_training)
    local token = {}
    self._running = setmetatable({ token = token }, { __mode = "v" })
    return setmetatable(token, { __close = function(_, message)
      self._running, self._iterating, self._pending = nil, nil, {}
      if was_training == false then self.model:evaluate() end
      if message ~= nil then pcall(self._emit, self, "error", tostring(message)) end
    end })
  end

  --- trainer:fit(loader [, options])
  --
  -- Trains.  It goes on where the trainer is: epochs and steps count from its very beginning, so that the
  -- same call goes on after an interruption, and does nothing more once all is done.
  --
  -- loader: object with batches(), as data.DataLoader; or list of batches {input, target}
  -- options: table of any of these:
  --   epochs: until so many epochs are done; 1 by default
  --   steps: until so many steps are done
  --   validate: loader: the model is evaluated on it after each epoch
  --   validateEvery: 1 by default: only after each so many epochs, and the last
  --   validateSteps: also after each so many steps, for the logger
  --   callbacks: one or a list, beside the trainer's
  --   resume: true loads the newest checkpoint of the folder, if there is one; a folder or a file loads
  --     from there
  -- Returns: history: a list of numbers for each name, one an epoch: history.loss, history.val_loss; not a
  --   number where an epoch was not measured
  -- Errors: an option does not exist, is of another type or out of range; the loader gives no batches; a file
  --   cannot be read or does not fit; what the model, the loss or a callback raises
  -- Example:
  --   net = nn.Linear(1, 1)
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD", progress = false }
  --   x = torch.randn(8, 1)
  --   history = trainer:fit({ { x, x * 2 } }, { epochs = 3, validate = { { x, x * 2 } } })
  --   #history.loss, history.loss[3] < history.loss[1], #history.val_loss --> 3 true 3
  function Trainer:fit(loader, given)
    loaders.check("trainer:fit", loader)
    local o = train._fitOptions(given)
    check_idle(self)
    gather_callbacks(self, o.callbacks)
    local was_training = self.model.train
    self.stopping, self.stopReason = false, nil
    local _ <close> = closing(self, was_training)
    if torch.isGradEnabled() then return run(self, loader, o) end -- so that errors keep their traceback
    return torch.enableGrad(run, self, loader, o)
  end
end
