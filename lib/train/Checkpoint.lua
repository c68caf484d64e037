-- Checkpoint: saves the state of a training now and then, so that it can go on after any end.

local options = require "torch.options"
local checkpoints = require "train.checkpoints"
local raise = require("torch.caller").raise

return function(train, torch)
  local Checkpoint = torch.class("train.Checkpoint", "train.Callback", train)
  Checkpoint._last = true -- it sees what the other callbacks have made of an event

  --- train.Checkpoint([options])
  --
  -- Saves all of a training's state in files step-N.t7 of a folder, the first before the first step, from
  -- which trainer:fit(loader, { resume = true }) goes on.  Each file is written beside its place, brought to
  -- the disk and renamed, so that it is there as a whole or not at all; older ones are removed after that.
  --
  -- options: table of any of these:
  --   dir: folder; by default the trainer's own
  --   every: after so many steps; by default only at the end of epochs
  --   epochs: 1 by default: after so many epochs; 0: never
  --   keep: 3 by default: so many of the newest files stay
  --   monitor: name of a value such as "val_loss": best.t7 is the state of the epoch that had the best one
  --   mode: "min" or "max": which value is better, as for train.EarlyStopping
  --   onError: "warn", the default: where a file cannot be written, as on a full disk, that is said on the
  --     standard error and the training goes on; "stop" makes it an error.  The older files stay
  -- Returns: a callback
  -- Errors: an option does not exist, is of another type or out of range
  -- Example:
  --   train.Checkpoint({ dir = "runs/a", every = 100, monitor = "val_loss" }).keep --> 3
  function Checkpoint:__init(given)
    local what = "train.Checkpoint"
    local o = options.read(what, given, { dir = "string", every = "number", epochs = "number",
      keep = "number", monitor = "string", mode = "string", onError = "string" })
    self.dir, self.monitor = o.dir, o.monitor
    self.every = options.whole(what, "every", o.every, nil, 1)
    self.epochs = options.whole(what, "epochs", o.epochs, 1, 0)
    self.keep = options.whole(what, "keep", o.keep, 3, 1)
    self.mode = o.monitor and train._mode(what, o.mode, o.monitor)
    self.onError = options.choice(what, "onError", o.onError, "warn", "stop")
  end

  function Checkpoint:attach(trainer)
    self.dir = self.dir or trainer.dir
    if not self.dir then
      raise "train.Checkpoint: which folder? give dir to it or to the trainer"
    end
    checkpoints.prepare(self.dir)
  end

  -- Files of later steps are another run's, or were left behind by going back.
  function Checkpoint:fitBegin(trainer)
    local newest = checkpoints.list(self.dir)[1]
    if newest and newest.step > trainer.step then
      raise("train.Checkpoint: %s has a checkpoint of step %d, and this training is at step %d; "
        .. "resume = true goes on from it; otherwise give another folder, or remove it", self.dir,
        newest.step, trainer.step)
    end
    self.saved = nil
    self.begins = trainer.step == 0 and not newest and (self.every or self.epochs > 0)
  end

  local function write(self, trainer, path)
    local ok, message = pcall(checkpoints.write, path, trainer:_state())
    if ok then
      trainer:_emit("checkpoint", path)
      return true
    end
    message = ("train.Checkpoint: %s was not saved: %s"):format(path,
      (tostring(message):gsub("^[^\n]-:%d+: ", "")))
    if self.onError == "stop" then raise("%s", message) end
    checkpoints.warn("%s; the training goes on", message)
    return false
  end

  -- Saves the state of now and removes files that are too many.
  local function save(self, trainer)
    if self.saved == trainer.step and self.savedInside == trainer.inside then return end
    self.saved, self.savedInside = trainer.step, trainer.inside
    if write(self, trainer, checkpoints.path(self.dir, trainer.step)) then
      checkpoints.prune(self.dir, self.keep)
    end
  end

  -- The very beginning, so that a run that is killed soon begins again with the same weights and logs.
  function Checkpoint:epochBegin(trainer)
    if self.begins and trainer.step == 0 and trainer.batch == 0 then save(self, trainer) end
    self.begins = false
  end

  function Checkpoint:batchEnd(trainer)
    if self.every and trainer.stepped and trainer.step % self.every == 0 then save(self, trainer) end
  end

  function Checkpoint:epochEnd(trainer, values)
    if self.monitor then
      local value = train._monitored("train.Checkpoint", trainer, values, self.monitor)
      if value and train._better(self.mode, value, self.best) then
        self.best, self.bestEpoch = value, trainer.epoch
        write(self, trainer, self.dir .. "/best.t7")
      end
    end
    local last = trainer.stopping or trainer.lastEpoch
    if self.epochs > 0 and (trainer.epoch % self.epochs == 0 or last) then save(self, trainer) end
  end

  -- What came before the end of an epoch is not lost.
  function Checkpoint:fitEnd(trainer)
    if trainer.inside and (self.every or self.epochs > 0) then save(self, trainer) end
  end

  function Checkpoint:state()
    return { best = self.best, bestEpoch = self.bestEpoch }
  end

  function Checkpoint:load(state)
    self.best, self.bestEpoch = state.best, state.bestEpoch
  end
end
