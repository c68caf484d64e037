-- EarlyStopping: ends a training that no longer gets better.

local options = require "torch.options"

return function(train, torch)
  local EarlyStopping = torch.class("train.EarlyStopping", "train.Callback", train)

  --- train.EarlyStopping([options])
  --
  -- Ends the training when a value has not become better for some epochs.
  --
  -- options: table of any of these:
  --   monitor: name of the value; "val_loss" by default
  --   patience: 3 by default: it ends after so many epochs without progress
  --   mode: "min" or "max": which value is better; by default "max" for names with acc, auc, f1,
  --     precision, recall, r2 or top1, "min" for others
  --   minDelta: 0 by default: smaller changes are no progress
  --   restoreBest: true puts the best epoch's weights back at the end; with averages of the weights, the
  --     averages.  Checkpoints then hold these weights too
  -- Returns: a callback; its field best is the best value, bestEpoch that epoch's number
  -- Errors: an option does not exist, is of another type or out of range; while training: there is no such
  --   value
  -- From: Prechelt, "Early stopping - but when?", 1998
  -- Example:
  --   train.EarlyStopping({ monitor = "val_accuracy" }).mode --> max
  function EarlyStopping:__init(given)
    local what = "train.EarlyStopping"
    local o = options.read(what, given, { monitor = "string", patience = "number", mode = "string",
      minDelta = "number", restoreBest = "boolean" })
    self.monitor = o.monitor or "val_loss"
    self.patience = options.whole(what, "patience", o.patience, 3, 1)
    self.mode = train._mode(what, o.mode, self.monitor)
    self.minDelta, self.restoreBest = math.abs(o.minDelta or 0), o.restoreBest or false
    self.waited = 0
  end

  function EarlyStopping:fitBegin(trainer)
    if self.stopped then trainer:stop(self.stopped) end
  end

  function EarlyStopping:epochEnd(trainer, values)
    local value = train._monitored("train.EarlyStopping", trainer, values, self.monitor)
    if value == nil then return end
    if train._better(self.mode, value, self.best, self.minDelta) then
      self.best, self.bestEpoch, self.waited = value, trainer.epoch, 0
      if self.restoreBest then self.weights = trainer:_weights(true) end
      return
    end
    self.waited = self.waited + 1
    if self.waited >= self.patience then
      self.stopped = ("%s has not become better than %.6g in epoch %d"):format(self.monitor,
        self.best or 0 / 0, self.bestEpoch or 0)
      trainer:stop(self.stopped)
    end
  end

  -- Not where fit was left inside an epoch, to go on later.
  function EarlyStopping:fitEnd(trainer)
    if self.weights and not trainer.inside then trainer:_restore(self.weights) end
  end

  function EarlyStopping:state()
    return { best = self.best, bestEpoch = self.bestEpoch, waited = self.waited, stopped = self.stopped,
      weights = self.weights }
  end

  function EarlyStopping:load(state)
    for _, name in ipairs { "best", "bestEpoch", "waited", "stopped", "weights" } do
      self[name] = state[name]
    end
    self.waited = self.waited or 0
  end
end
