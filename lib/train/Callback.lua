-- Callback: what happens at the events of a training, in classes or plain tables of functions.

local raise = require("torch.caller").raise
local more_is_better = require "runs.better"

return function(train, torch)
  -- The events, in the order in which they come.
  local events = { "attach", "fitBegin", "epochBegin", "batchBegin", "afterBackward", "stepEnd", "batchEnd",
    "validateBegin", "validateEnd", "epochEnd", "checkpoint", "fitEnd", "error" }
  local is_event = { state = true, load = true }
  for _, event in ipairs(events) do is_event[event] = true end
  train._events = events

  local Callback = torch.class("train.Callback", train)

  --- train.Callback([functions]); train.LambdaCallback([functions])
  --
  -- The base of callbacks.  A class of its own writes methods with the names of events, which get the trainer
  -- and what the event brings; those in a table of functions get the same without self, and such a table may
  -- be given to a trainer as it is.  state() and load(state) go into checkpoints.
  --
  -- functions: table of functions by the names of events:
  --   fitBegin(trainer), fitEnd(trainer, history): around fit
  --   epochBegin(trainer), epochEnd(trainer, values): values has the means and metrics by their names
  --   batchBegin(trainer, batch), batchEnd(trainer, loss, batch): around each batch
  --   afterBackward(trainer): the gradients are complete, before they are clipped
  --   stepEnd(trainer): the parameters have changed
  --   validateBegin(trainer), validateEnd(trainer, values): around a validation
  --   checkpoint(trainer, path): a checkpoint was written
  --   error(trainer, message): fit ends with an error
  --   attach(trainer): fit has begun; the state is not loaded yet
  --   state(), load(state): see above
  -- Returns: a callback
  -- Errors: functions has other names
  -- Example:
  --   callback = train.Callback { epochEnd = function(trainer, values) last = values.loss end }
  --   torch.isTypeOf(callback, "train.Callback") --> true
  function Callback:__init(functions)
    if functions == nil then return end
    if type(functions) ~= "table" or torch.typename(functions) then
      raise("train.Callback: a table of functions expected, got %s", torch.type(functions))
    end
    for name, f in pairs(functions) do
      if not is_event[name] then
        raise("train.Callback: there is no event '%s'; there are %s", tostring(name),
          table.concat(events, ", "))
      end
      if type(f) ~= "function" then
        raise("train.Callback: %s is a %s, wanted a function", name, torch.type(f))
      end
      self[name] = function(_, ...) return f(...) end
    end
  end

  train.LambdaCallback = Callback

  --- callback:attach(trainer); callback:fitBegin(trainer); callback:fitEnd(trainer, history)
  -- callback:epochBegin(trainer); callback:epochEnd(trainer, values)
  -- callback:batchBegin(trainer, batch); callback:batchEnd(trainer, loss, batch)
  -- callback:afterBackward(trainer); callback:stepEnd(trainer)
  -- callback:validateBegin(trainer); callback:validateEnd(trainer, values)
  -- callback:checkpoint(trainer, path); callback:error(trainer, message)
  -- callback:state(); callback:load(state)
  --
  -- The events, which classes of callbacks write as methods; see train.Callback.  What is not written does
  -- nothing.  A callback with state and load is part of checkpoints.
  --
  -- trainer: the train.Trainer; trainer.epoch, trainer.batch and trainer.step are its counts
  -- values: table of numbers by name
  -- state: what state() gave, which torch.save can write
  -- Example:
  --   Counter = torch.class("StepCounter", "train.Callback", {})
  --   function Counter:stepEnd(trainer) self.steps = trainer.step end
  --   net, batch = nn.Linear(1, 1), { torch.ones(1, 1), torch.ones(1, 1) }
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD", progress = false }
  --   counter = Counter()
  --   trainer:fit({ batch, batch }, { callbacks = { counter } })
  --   counter.steps --> 2

  -- A callback from a callback, a table of functions, or an object that has methods with events' names.
  function train._callback(value, i)
    if torch.isTypeOf(value, "train.Callback") then return value end
    if type(value) == "table" and getmetatable(value) == nil then return Callback(value) end
    if type(value) == "table" then
      for _, event in ipairs(events) do
        if type(value[event]) == "function" then return value end
      end
    end
    raise("train: callback %s is a %s, wanted a callback or a table of functions", tostring(i),
      torch.type(value))
  end

  -- A list of callbacks; one alone is a list as well.
  function train._callbacks(given)
    if given == nil then return {} end
    if getmetatable(given) ~= nil or given[1] == nil and next(given) ~= nil then given = { given } end
    local list = {}
    for i, c in ipairs(given) do list[i] = train._callback(c, i) end
    return list
  end

  -- The value of the name `monitor` among those of an epoch; nil where this epoch has not been validated.
  function train._monitored(what, trainer, values, monitor)
    local value = values[monitor]
    if type(value) == "number" then return value end
    if value == nil and monitor:find("^val_") and trainer.validates and not trainer.validated then
      return nil
    end
    local names = {}
    for name, v in pairs(values) do
      if type(v) == "number" then names[#names + 1] = name end
    end
    table.sort(names)
    raise("%s: there is no value '%s' to monitor; there are %s", what, monitor, table.concat(names, ", "))
  end

  -- Whether a value is better than the best so far by more than minDelta.
  function train._better(mode, value, best, minDelta)
    if value ~= value then return false end
    if best == nil then return true end
    if mode == "max" then return value > best + (minDelta or 0) end
    return value < best - (minDelta or 0)
  end

  -- "max" for what grows as it gets better, by its name, unless a mode is given.
  function train._mode(what, mode, monitor)
    if mode ~= nil then return require("torch.options").choice(what, "mode", mode, "min", "max") end
    return more_is_better(monitor) and "max" or "min"
  end
end
