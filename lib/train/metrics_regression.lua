-- metrics_regression: how far numbers are from what they should be, and how surprising texts are.

local options = require "torch.options"
local labels = require "train.labels"
local raise = require("torch.caller").raise

local NAN = 0 / 0

return function(train, torch)
  local Error, parent = torch.class("train.RegressionError", "train.Metric", train)

  -- The shape without dimensions of one.
  local function real_shape(t)
    local sizes = {}
    for _, size in ipairs(t.shape) do
      if size ~= 1 then sizes[#sizes + 1] = size end
    end
    return table.concat(sizes, "x")
  end

  local function pair(what, output, target)
    output, target = labels.check(what, output, target)
    if real_shape(output) ~= real_shape(target) then
      raise("%s: outputs of %s for targets of %s", what, labels.shape(output), labels.shape(target))
    end
    return labels.flat(output):to("float64"), labels.flat(target):to("float64")
  end

  --- train.MAE([options]); train.MSE([options]); train.RMSE([options]); train.RegressionError([options])
  --
  -- The mean of the absolute differences of all elements of outputs and targets, the mean of their squares,
  -- and its root.  train.RegressionError is their base, and gives the mean of the differences.
  --
  -- options: table of name
  -- Returns: a metric
  -- Errors: an option does not exist or is of another type
  -- Example:
  --   y, t = torch.Tensor { 1, 2, 3 }, torch.Tensor { 1, 4, 3 }
  --   train.MSE():update(y, t):value() == 4 / 3 --> true
  --   train.MAE():update(y, t):value() == 2 / 3 --> true
  --   train.RMSE():update(y, t):value() == math.sqrt(4 / 3) --> true
  function Error:__init(given)
    local o = train._metricOptions(torch.type(self), given, {})
    parent.__init(self, o.name or torch.type(self):match("%w+$"):lower())
  end

  function Error:reset()
    self._seen = { sum = 0.0, count = 0 }
    return self
  end

  function Error:_of(difference) return difference end

  function Error:update(output, target)
    local y, t = pair(torch.type(self), output, target)
    if t:nElement() > 0 then
      self._seen.sum = self._seen.sum + self:_of(y - t):sum()
      self._seen.count = self._seen.count + t:nElement()
    end
    return self
  end

  function Error:value() return self._seen.sum / self._seen.count end

  local MAE = torch.class("train.MAE", "train.RegressionError", train)
  function MAE:_of(difference) return difference:abs() end

  local MSE = torch.class("train.MSE", "train.RegressionError", train)
  function MSE:_of(difference) return difference:pow(2) end

  local RMSE, mse = torch.class("train.RMSE", "train.MSE", train)
  function RMSE:value() return math.sqrt(mse.value(self)) end

  -- ---- R2 ---------------------------------------------------------------------------------------------

  local R2, r2_parent = torch.class("train.R2", "train.Metric", train)

  --- train.R2([options])
  --
  -- How much of the targets' variance the outputs explain: 1 - sum of squared differences / sum of squared
  -- distances of the targets from their mean; the mean over the columns where a sample has several numbers.
  -- Targets that are all the same give 1 when they are met exactly, otherwise 0.
  --
  -- options: table of name
  -- Returns: a metric; its value is not a number for less than two samples
  -- Errors: an option does not exist or is of another type; the number of columns changes
  -- From: Wright, "Correlation and causation", 1921; as in scikit-learn
  -- Example:
  --   train.R2():update(torch.Tensor { 1, 2, 3 }, torch.Tensor { 1, 2, 3 }):value() --> 1.0
  function R2:__init(given)
    r2_parent.__init(self, train._metricOptions("train.R2", given, {}).name or "r2")
  end

  function R2:reset()
    self._seen = { count = 0 }
    return self
  end

  function R2:update(output, target)
    local y, t = pair("train.R2", output, target)
    if t:nElement() == 0 then return self end
    local n = target:dim() == 0 and 1 or target:size(1)
    y, t = y:view(n, -1), t:view(n, -1)
    local seen = self._seen
    if seen.mean and seen.mean:size(2) ~= t:size(2) then
      raise("train.R2: samples of %d numbers after some of %d", t:size(2), seen.mean:size(2))
    end
    local mean, wrong = t:mean(1), (y - t):pow(2):sum(1):cpu()
    local spread = (t - mean:expandAs(t)):pow(2):sum(1):cpu()
    mean = mean:cpu()
    if seen.count == 0 then
      seen.count, seen.mean, seen.spread, seen.wrong = n, mean, spread, wrong
      return self
    end
    -- two groups' means and sums of squares as one's
    local all, step = seen.count + n, mean - seen.mean
    seen.spread:add(spread):add(seen.count * n / all, torch.cmul(step, step))
    seen.mean:add(n / all, step)
    seen.wrong:add(wrong)
    seen.count = all
    return self
  end

  function R2:value()
    local seen = self._seen
    if seen.count < 2 then return NAN end
    local sum, wrong = 0, labels.flat(seen.wrong):totable()
    for i, spread in ipairs(labels.flat(seen.spread):totable()) do
      sum = sum + (spread > 0 and 1 - wrong[i] / spread or wrong[i] == 0 and 1.0 or 0.0)
    end
    return sum / #wrong
  end

  -- ---- perplexity -------------------------------------------------------------------------------------

  local Perplexity, perplexity_parent = torch.class("train.Perplexity", "train.Metric", train)

  --- train.Perplexity([options])
  --
  -- exp of the mean of -log p(target): among how many equally likely classes the model chooses, so to say.
  -- The output is n x classes or n x classes x places; targets below 1 do not count.
  --
  -- options: table of any of these:
  --   input: what the outputs are: "logits", the default, "logProbabilities" or "probabilities"
  --   name: string
  -- Returns: a metric
  -- Errors: an option does not exist, is of another type or out of range
  -- From: Jelinek and others, "Perplexity - a measure of the difficulty of speech recognition tasks", 1977
  -- Example:
  --   metric = train.Perplexity():update(torch.zeros(2, 4), torch.LongTensor { 1, 3 })
  --   ("%.2f"):format(metric:value()) --> 4.00
  function Perplexity:__init(given)
    local what = "train.Perplexity"
    local o = train._metricOptions(what, given, { input = "string" })
    self.input = options.choice(what, "input", o.input, "logits", "logProbabilities", "probabilities")
    perplexity_parent.__init(self, o.name or "perplexity")
  end

  function Perplexity:reset()
    self._seen = { sum = 0.0, count = 0 }
    return self
  end

  local function log_probabilities(kind, rows)
    rows = labels.is_float(rows) and rows.dtype ~= "float64" and rows:to("float32") or rows
    if kind == "logits" then return require("nn").functional.logSoftmax(rows, 2) end
    return kind == "probabilities" and torch.log(rows) or rows
  end

  function Perplexity:update(output, target)
    output, target = labels.check("train.Perplexity", output, target)
    if output:dim() < 2 or not labels.is_float(output)
      or labels.rows(output):size(1) ~= target:nElement() then
      labels.misfit("train.Perplexity", output, target)
    end
    local rows, t = labels.rows(output), labels.numbers("train.Perplexity", target)
    if t:nElement() == 0 then return self end
    if t:max() > rows:size(2) then
      raise("train.Perplexity: a target of class %d, there are %d classes", t:max(), rows:size(2))
    end
    local known = t:ge(1)
    local place = torch.cmul(t, known:to("int64")):clamp(1, math.maxinteger):view(-1, 1)
    local logs = log_probabilities(self.input, rows):gather(2, place):view(-1):maskedSelect(known)
    if logs:nElement() > 0 then
      self._seen.sum = self._seen.sum - logs:to("float64"):sum()
      self._seen.count = self._seen.count + logs:nElement()
    end
    return self
  end

  function Perplexity:value() return math.exp(self._seen.sum / self._seen.count) end
end
