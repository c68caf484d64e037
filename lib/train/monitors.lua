-- monitors: small callbacks that watch a training: rates, gradients, time, numbers that are none.

local clock = require "torch._clock"
local options = require "torch.options"
local raise = require("torch.caller").raise

return function(train, torch)
  local Rates = torch.class("train.LearningRateMonitor", "train.Callback", train)

  --- train.LearningRateMonitor([options])
  --
  -- Gives the logger the learning rate, as "lr", or "lr/2" for the second group of parameters.  rates has
  -- them all.
  --
  -- options: table of every: after so many steps, 1 by default
  -- Returns: a callback
  -- Example:
  --   train.LearningRateMonitor({ every = 10 }).every --> 10
  function Rates:__init(given)
    local what = "train.LearningRateMonitor"
    self.every = options.whole(what, "every", options.read(what, given, { every = "number" }).every, 1, 1)
    self.rates = {}
  end

  function Rates:stepEnd(trainer)
    if trainer.step % self.every ~= 0 then return end
    local i = 0
    for _, optimizer in ipairs(trainer.optimizers) do
      for _, group in ipairs(optimizer.groups) do
        i = i + 1
        trainer:log(i == 1 and "lr" or "lr/" .. i, group.options.lr)
        if i == 1 then self.rates[#self.rates + 1] = group.options.lr end
      end
    end
  end

  function Rates:state() return { rates = torch.DoubleTensor(self.rates) } end

  function Rates:load(state) self.rates = state.rates:nElement() == 0 and {} or state.rates:totable() end

  local Norms = torch.class("train.GradientNorms", "train.Callback", train)

  --- train.GradientNorms([options])
  --
  -- Gives the logger the norm of all gradients together as "gradNorm", before they are clipped; norm has the
  -- last.
  --
  -- options: table of any of these:
  --   every: 1 by default: after so many steps
  --   each: true gives that of each parameter too, as "gradNorm/0.weight"
  -- Returns: a callback
  -- Example:
  --   train.GradientNorms({ each = true }).every --> 1
  function Norms:__init(given)
    local what = "train.GradientNorms"
    local o = options.read(what, given, { every = "number", each = "boolean" })
    self.every, self.each = options.whole(what, "every", o.every, 1, 1), o.each or false
  end

  function Norms:afterBackward(trainer)
    if (trainer.step + 1) % self.every ~= 0 then return end
    local sum = 0
    for _, entry in ipairs(trainer:_named()) do
      local grad = entry.tensor.grad
      if grad and grad:nElement() > 0 then
        local norm = grad:norm()
        sum = sum + norm * norm
        if self.each then trainer:log("gradNorm/" .. entry.name, norm, trainer.step + 1) end
      end
    end
    self.norm = math.sqrt(sum)
    trainer:log("gradNorm", self.norm, trainer.step + 1)
  end

  local Guard = torch.class("train.NaNGuard", "train.Callback", train)

  --- train.NaNGuard([options])
  --
  -- Ends the training with an error as soon as the loss or a gradient is not finite, before the parameters
  -- change; the message names the step and the parameters.  Checkpoints stay as they are.  Gradients that a
  -- GradScaler is to judge are left to it.
  --
  -- options: table of every: 1 by default: looks at each so many steps
  -- Returns: a callback
  -- Example:
  --   train.NaNGuard().every --> 1
  function Guard:__init(given)
    local what = "train.NaNGuard"
    self.every = options.whole(what, "every", options.read(what, given, { every = "number" }).every, 1, 1)
  end

  local function bad_elements(t)
    return t and t:nElement() > 0 and t:nElement() - torch.isfinite(t:detach()):sum() or 0
  end

  -- What of the parameters and their gradients is not finite.
  local function culprits(trainer, with_gradients)
    local list = {}
    for _, entry in ipairs(trainer:_named()) do
      local p, g = bad_elements(entry.tensor), with_gradients and bad_elements(entry.tensor.grad) or 0
      if p > 0 then list[#list + 1] = ("%d of %s"):format(p, entry.name) end
      if g > 0 then list[#list + 1] = ("%d of the gradient of %s"):format(g, entry.name) end
    end
    if #list > 6 then list = { table.concat(list, ", ", 1, 6), ("%d more"):format(#list - 6) } end
    return list
  end

  function Guard:afterBackward(trainer)
    if (trainer.step + 1) % self.every ~= 0 then return end
    local loss = trainer.lastLoss
    local broken = loss ~= loss or math.abs(loss) == math.huge
    local list = {}
    if broken or not trainer.scaler then list = culprits(trainer, not trainer.scaler) end
    if not broken and #list == 0 then return end
    raise("train.NaNGuard: step %d, epoch %d, batch %d: the loss is %s%s", trainer.step + 1, trainer.epoch,
      trainer.batch, tostring(loss),
      #list > 0 and "; elements that are not finite: " .. table.concat(list, ", ") or "")
  end

  local Timer = torch.class("train.Timer", "train.Callback", train)

  --- train.Timer([options])
  --
  -- Measures how long epochs and batches take, and ends the training after a time.
  --
  -- options: table of seconds: the training ends at the first step after so long, that of earlier parts which
  --   checkpoints remember with it
  -- Returns: a callback with the fields total, epoch and batch: seconds of all, of the last epoch, of the
  --   last batch
  -- Example:
  --   train.Timer({ seconds = 3600 }).seconds --> 3600
  function Timer:__init(given)
    local o = options.read("train.Timer", given, { seconds = "number" })
    self.seconds = options.positive("train.Timer", "seconds", o.seconds)
    self.before, self.total, self.epoch, self.batch = 0, 0, 0, 0
  end

  function Timer:fitBegin() self.started = clock.now() end
  function Timer:epochBegin() self.epochStarted = clock.now() end
  function Timer:batchBegin() self.batchStarted = clock.now() end

  function Timer:batchEnd(trainer)
    local now = clock.now()
    self.batch, self.total = now - self.batchStarted, self.before + now - self.started
    if self.seconds and self.total >= self.seconds then
      trainer:stop(("%.6g s are over"):format(self.seconds))
    end
  end

  function Timer:epochEnd() self.epoch = clock.now() - self.epochStarted end

  function Timer:fitEnd()
    self.total = self.before + clock.now() - self.started
    self.before = self.total
  end

  function Timer:state()
    return { before = self.started and self.total or self.before }
  end

  function Timer:load(state) self.before, self.total = state.before, state.before end

  local EMA = torch.class("train.EMA", "train.Callback", train)

  --- train.EMA([options])
  --
  -- Averages of the weights over the steps, as optim.EMA: the same as the trainer's option ema.  Validation,
  -- trainer:evaluate and trainer:predict use the averages; trainer.ema:apply() puts them into the model.
  --
  -- options: table of decay and warmup, as optim.EMA takes them
  -- Returns: a callback
  -- Example:
  --   train.EMA({ decay = 0.99 }).options.decay --> 0.99
  function EMA:__init(given)
    self.options = options.read("train.EMA", given, { decay = "number", warmup = "boolean" })
  end

  function EMA:attach(trainer)
    if not trainer.ema then trainer:_makeAverage(self.options) end
  end
end
