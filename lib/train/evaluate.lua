-- evaluate: a model measured on data, and its outputs.

local options = require "torch.options"
local loaders = require "train.loaders"
local raise = require("torch.caller").raise

return function(train, torch)
  local Trainer = train.Trainer

  -- For `local x <close>`: runs f at the end of the block, also after an error.
  local function finally(f)
    return setmetatable({}, { __close = function() f() end })
  end
  Trainer._finally = function(_, f) return finally(f) end

  -- The model as it is measured: evaluating, with the averages of its weights; as it was after the block.
  local function evaluating(self)
    local was_training, rng = self.model.train, torch.getRNGState()
    local averages = self.ema and not self.ema.saved
    if averages then self.ema:apply() end
    self.model:evaluate()
    return finally(function()
      if averages then self.ema:restore() end
      if was_training ~= false then self.model:training() end
      torch.setRNGState(rng)
    end)
  end

  -- The metrics begin anew in the block, and are as before after it.
  local function fresh_metrics(self)
    local states = {}
    for i, m in ipairs(self.metrics) do
      states[i] = type(m.metric.state) == "function" and m.metric:state() or false
      m.metric:reset()
    end
    return finally(function()
      for i, m in ipairs(self.metrics) do
        m.metric:reset()
        if states[i] then m.metric:load(states[i]) end
      end
    end)
  end

  local function measure(self, loader)
    local sums, count = {}, 0
    for batch, second in loaders.batches(loader, 0, nil, self.device) do
      local loss, values, output, target, n = self:_forward(loaders.packed(batch, second))
      if torch.isTensor(loss) then loss = loss:item() end
      self:_count(sums, loss, values, n)
      self:_measure(output, target)
      count = count + 1
    end
    if count == 0 then raise "trainer:evaluate: the loader gave no batches" end
    return self:_means(false, sums)
  end

  --- trainer:evaluate(loader)
  --
  -- The mean loss and the metrics on data: the model is evaluating, without gradients, with the averages of
  -- its weights if there are some; afterwards it is as before, and so is the random generator.
  --
  -- loader: object with batches(), as data.DataLoader; or list of batches
  -- Returns: a table of numbers by name: loss, and what metrics and step give
  -- Errors: loader gives no batches
  -- Example:
  --   net = nn.Linear(1, 1)
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD" }
  --   net.weight:fill(2); net.bias:zero()
  --   trainer:evaluate({ { torch.ones(1, 1), torch.ones(1, 1) } }).loss --> 1.0
  function Trainer:evaluate(loader)
    loaders.check("trainer:evaluate", loader)
    local _ <close> = evaluating(self)
    local _ <close> = fresh_metrics(self)
    return torch.noGrad(measure, self, loader)
  end

  -- A validation within fit: values with val_ before their names.
  function Trainer:_validate(loader)
    self:_emit("validateBegin")
    loaders.setEpoch(loader, self.epoch)
    self:_seedMath(1)
    local values = {}
    for name, value in pairs(self:evaluate(loader)) do values["val_" .. name] = value end
    self.validated = true
    self:_emit("validateEnd", values)
    return values
  end

  -- ---- outputs -----------------------------------------------------------------------------------------

  -- Outputs of batches as one: tensors along the first dimension, tables field by field.
  local function joined(list)
    local first = list[1]
    if torch.isTensor(first) then return torch.cat(list, 1) end
    if type(first) ~= "table" then return list end
    local all = {}
    for key in pairs(first) do
      local parts = {}
      for i, output in ipairs(list) do parts[i] = output[key] end
      all[key] = joined(parts)
    end
    return all
  end

  --- trainer:predict(loader)
  --
  -- The model's outputs for data, evaluating and without gradients as trainer:evaluate.
  --
  -- loader: object with batches(), or list of batches: {input, target}, tables with a field input, or
  --   inputs as tensors; or one tensor, which is an input
  -- Returns: the outputs of all batches, joined along the first dimension
  -- Errors: loader gives no batches
  -- Example:
  --   net = nn.Linear(3, 2)
  --   trainer = train.Trainer { model = net, loss = nn.MSECriterion(), optimizer = "SGD" }
  --   trainer:predict({ torch.ones(4, 3), torch.ones(1, 3) }):size(1) --> 5
  function Trainer:predict(loader)
    if torch.isTensor(loader) then loader = { loader } end
    loaders.check("trainer:predict", loader)
    local _ <close> = evaluating(self)
    local outputs = {}
    torch.noGrad(function()
      for batch in loaders.batches(loader, 0, nil, self.device) do
        batch = self:_move(batch)
        if self.cast then batch = self.cast(batch) end
        outputs[#outputs + 1] = self:_run(torch.isTensor(batch) and batch or (loaders.pair(batch)))
      end
    end)
    if #outputs == 0 then raise "trainer:predict: the loader gave no batches" end
    return joined(outputs)
  end

  -- Copies of the model's tensors; `averaged`: of the averages of the weights, where there are some.
  function Trainer:_weights(averaged)
    averaged = averaged and self.ema and not self.ema.saved
    if averaged then self.ema:apply() end
    local _ <close> = finally(function()
      if averaged then self.ema:restore() end
    end)
    local copies = {}
    for name, t in pairs(self.model:stateDict()) do copies[name] = t:clone() end
    return copies
  end

  -- Puts such copies back; they are the averages then, too.
  function Trainer:_restore(copies)
    self.model:loadStateDict(copies)
    if not self.ema then return end
    for i, p in ipairs(self.ema.params) do self.ema.averages[i]:copy(p:detach()) end
  end

  train._fitOptions = function(given)
    local what = "trainer:fit"
    local o = options.read(what, given, { epochs = "number", steps = "number", validate = "any",
      validateEvery = "number", validateSteps = "number", callbacks = "table", resume = "boolean string" })
    o.epochs = options.whole(what, "epochs", o.epochs, o.steps and math.maxinteger or 1, 0)
    o.steps = options.whole(what, "steps", o.steps, math.maxinteger, 0)
    o.validateEvery = options.whole(what, "validateEvery", o.validateEvery, 1, 1)
    o.validateSteps = options.whole(what, "validateSteps", o.validateSteps, nil, 1)
    if o.validate ~= nil then loaders.check("trainer:fit: validate", o.validate) end
    return o
  end
end
