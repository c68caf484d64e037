-- metrics: what is measured beside the loss: the base, means, and how a trainer gets them.

local options = require "torch.options"
local loaders = require "train.loaders"
local raise = require("torch.caller").raise

return function(train, torch)
  local Metric = torch.class("train.Metric", train)

  --- train.Metric([name])
  --
  -- The base of metrics.  A class of its own has reset(), update(output, target), which gets a batch, and
  -- value(), which gives a number or a table; and with fields that hold numbers, tensors and tables only,
  -- state and load work as they are.
  --
  -- name: string, for the history
  -- Returns: a metric
  -- Example:
  --   torch.isTypeOf(train.Accuracy(), "train.Metric") --> true
  function Metric:__init(name)
    self.name = name
    self:reset()
  end

  --- metric:reset(); metric:update(output, target); metric:value(); metric:state(); metric:load(state)
  --
  -- Begins anew; takes a batch into account; gives the value of all since reset; what it remembers as a table
  -- that torch.save takes; takes that over.
  --
  -- output: tensor that the model gave
  -- target: tensor of as many samples
  -- state: what state() gave
  -- Returns: value: a number, not a number where nothing was seen, or a table; update, reset, load: the
  --   metric
  -- Errors: output and target do not fit together
  -- Example:
  --   metric = train.Accuracy()
  --   metric:update(torch.Tensor { { 0.1, 0.9 }, { 0.8, 0.2 } }, torch.LongTensor { 2, 2 })
  --   metric:value() --> 0.5
  --   train.Accuracy():load(metric:state()):value() --> 0.5
  --   metric:reset()
  function Metric:reset()
    self._seen = {}
    return self
  end

  function Metric:__tostring__()
    return ("%s '%s'"):format(torch.type(self), tostring(self.name))
  end

  function Metric:update()
    raise("%s has no method update", torch.type(self))
  end

  function Metric:value()
    raise("%s has no method value", torch.type(self))
  end

  local function copied(value)
    if torch.isTensor(value) then return value:clone() end
    if type(value) ~= "table" then return value end
    local copy = {}
    for k, v in pairs(value) do copy[k] = copied(v) end
    return copy
  end

  function Metric:state() return copied(self._seen) end

  function Metric:load(state)
    if type(state) ~= "table" then
      raise("%s:load: a table expected, got %s", torch.type(self), torch.type(state))
    end
    self._seen = copied(state)
    return self
  end

  -- Options of a metric: those that all have beside its own.
  function train._metricOptions(what, given, known)
    known.name = "string"
    return options.read(what, given, known)
  end

  -- ---- means ---------------------------------------------------------------------------------------------

  local Mean, mean_parent = torch.class("train.Mean", "train.Metric", train)

  --- train.Mean(f [, options]); train.MeanLoss(f [, options])
  --
  -- The mean over all samples of what f gives for batches: a function of output and target, or a criterion.
  --
  -- f: gives a number, or a tensor of one element: the mean of a batch
  -- options: table of name
  -- Returns: a metric
  -- Errors: f cannot be called; it gives something else
  -- Example:
  --   metric = train.Mean(function(output, target) return (output - target):abs():max() end)
  --   metric:update(torch.ones(2), torch.zeros(2)):value() --> 1.0
  function Mean:__init(f, given)
    local meta = debug.getmetatable(f)
    if type(f) ~= "function" and not (meta and meta.__call) then
      raise("train.Mean: a function or criterion expected, got %s", torch.type(f))
    end
    self.f = f
    mean_parent.__init(self, train._metricOptions("train.Mean", given, {}).name or "mean")
  end

  train.MeanLoss = Mean

  function Mean:reset()
    self._seen = { sum = 0.0, count = 0 }
    return self
  end

  function Mean:update(output, target)
    local value
    if torch.isTypeOf(self.f, "nn.Criterion") then
      value = self.f:forward(output, target)
    else
      value = self.f(output, target)
    end
    if torch.isTensor(value) and value:nElement() == 1 then value = value:item() end
    if type(value) ~= "number" then
      raise("train.Mean: the function of '%s' gave a %s, wanted a number", self.name, torch.type(value))
    end
    local n = loaders.samples { output }
    self._seen.sum, self._seen.count = self._seen.sum + value * n, self._seen.count + n
    return self
  end

  function Mean:value() return self._seen.sum / self._seen.count end

  -- ---- what a trainer is given ------------------------------------------------------------------------

  local short_names = {
    accuracy = "Accuracy", precision = "Precision", recall = "Recall", f1 = "F1", auc = "AUC",
    averagePrecision = "AveragePrecision", mae = "MAE", mse = "MSE", rmse = "RMSE", r2 = "R2",
    perplexity = "Perplexity", confusion = "ConfusionMatrix",
  }

  local function metric_from(value, key)
    if type(value) == "string" then
      local k = value:match("^top(%d+)$")
      if k then return train.TopK { k = math.tointeger(tonumber(k)) } end
      if not short_names[value] then
        local names = {}
        for name in pairs(short_names) do names[#names + 1] = name end
        table.sort(names)
        raise("train.Trainer: there is no metric '%s'; there are %s, top5", value, table.concat(names, ", "))
      end
      return train[short_names[value]]()
    end
    if type(value) == "function" then return Mean(value) end
    if type(value) == "table" and type(value.update) == "function" and type(value.value) == "function"
      and type(value.reset) == "function" then
      return value
    end
    raise("train.Trainer: metric %s is a %s, wanted a metric, its name or a function", tostring(key),
      torch.type(value))
  end

  -- A list of { name=, metric= }, those with keys of their own after the others, by name.
  function train._metrics(given)
    if type(given) == "string" or torch.typename(given) then given = { given } end
    local list, keys, taken = {}, {}, { loss = true }
    for key in pairs(given or {}) do
      if type(key) == "string" then keys[#keys + 1] = key end
    end
    table.sort(keys)
    local function add(key, value)
      local metric = metric_from(value, key)
      local name = type(key) == "string" and key or metric.name or "metric" .. key
      if taken[name] then raise("train.Trainer: two values are called '%s'; give metrics names", name) end
      taken[name] = true
      list[#list + 1] = { name = name, metric = metric }
    end
    for i, value in ipairs(given or {}) do add(i, value) end
    for _, key in ipairs(keys) do add(key, given[key]) end
    return list
  end

  -- Puts a metric's value among others: tables with names become several.
  function train._report(values, name, value)
    if type(value) ~= "table" or torch.typename(value) or value[1] ~= nil then
      values[name] = value
      return
    end
    for key, v in pairs(value) do values[name .. "_" .. tostring(key)] = v end
  end
end
