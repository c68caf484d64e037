-- metrics_classes: how often a class is the right one.

local options = require "torch.options"
local labels = require "train.labels"
local raise = require("torch.caller").raise

local NAN = 0 / 0

return function(train, torch)
  -- ---- the share that is right ---------------------------------------------------------------------------

  local Accuracy, accuracy_parent = torch.class("train.Accuracy", "train.Metric", train)

  --- train.Accuracy([options]); train.TopK([options])
  --
  -- The share of samples whose class is right; TopK: whose class is among the k best scores.  The output
  -- has a score for each class, n x classes or n x classes x places, as logits or probabilities, or is of
  -- an integer type and has classes; targets are classes from 1, and those below 1 do not count.  An output
  -- with one score a sample is about two classes, with targets 0 and 1.
  --
  -- options: table of name and
  --   threshold: Accuracy: single scores above it mean 1; by default 0.5, and 0 for batches with scores
  --     outside 0 to 1, which must be logits
  --   k: TopK: 5 by default
  -- Returns: a metric
  -- Errors: an option does not exist, is of another type or out of range
  -- Example:
  --   scores = torch.Tensor { { 0.5, 0.3, 0.2 }, { 0.5, 0.3, 0.2 } }
  --   train.Accuracy():update(scores, torch.LongTensor { 1, 2 }):value() --> 0.5
  --   train.TopK({ k = 2 }):update(scores, torch.LongTensor { 1, 2 }):value() --> 1.0
  function Accuracy:__init(given)
    local o = train._metricOptions("train.Accuracy", given, { threshold = "number" })
    self.threshold = o.threshold
    accuracy_parent.__init(self, o.name or "accuracy")
  end

  function Accuracy:reset()
    self._seen = { right = 0, count = 0 }
    return self
  end

  function Accuracy:update(output, target)
    local p, t = labels.classes("train.Accuracy", output, target, self.threshold)
    local seen = self._seen
    seen.right, seen.count = seen.right + p:eq(t):sum(), seen.count + t:nElement()
    return self
  end

  function Accuracy:value() return self._seen.right / self._seen.count end

  local TopK, topk_parent = torch.class("train.TopK", "train.Accuracy", train)

  function TopK:__init(given)
    local o = train._metricOptions("train.TopK", given, { k = "number" })
    self.k = options.whole("train.TopK", "k", o.k, 5, 1)
    topk_parent.__init(self, { name = o.name or "top" .. self.k })
  end

  function TopK:update(output, target)
    output, target = labels.check("train.TopK", output, target)
    if output:dim() < 2 or not labels.is_float(output) then
      raise("train.TopK: scores of n x classes are wanted, got %s of %s", output.dtype, labels.shape(output))
    end
    local scores, t = labels.rows(output), labels.numbers("train.TopK", target)
    if scores:size(1) ~= t:nElement() then
      labels.misfit("train.TopK", output, target)
    end
    if t:nElement() == 0 then return self end
    local _, best = scores:topk(math.min(self.k, scores:size(2)), 2, true)
    local hits = best:to("int64"):eq(t:view(-1, 1):expandAs(best))
    self._seen.right = self._seen.right + hits:sum()
    self._seen.count = self._seen.count + t:ge(1):sum()
    return self
  end

  -- ---- precision, recall, F1 --------------------------------------------------------------------------

  local Counts, counts_parent = torch.class("train.ClassCounts", "train.Metric", train)

  --- train.Precision([options]); train.Recall([options]); train.F1([options])
  --
  -- Precision: the share of the samples taken for a class that are of it; recall: the share of a class's
  -- samples that are taken for it; F1: 2 precision recall / (precision + recall).  A share of nothing is 0.
  -- Outputs and targets are as for train.Accuracy.
  --
  -- options: table of any of these:
  --   average: "macro", the default: the mean of the classes that occur; "micro": of all samples together;
  --     "weighted": the mean by the classes' numbers of samples; "none": a list with each class; "binary":
  --     that of class `positive` alone
  --   positive: 2 by default
  --   threshold: as for train.Accuracy
  --   name: string
  -- Returns: a metric
  -- Errors: an option does not exist, is of another type or out of range
  -- From: van Rijsbergen, "Information retrieval", 1979; averages as in scikit-learn
  -- Example:
  --   p, t = torch.LongTensor { 2, 2, 1, 2 }, torch.LongTensor { 2, 1, 1, 2 }
  --   ("%.3f"):format(train.Precision({ average = "binary" }):update(p, t):value()) --> 0.667
  --   train.Recall({ average = "none" }):update(p, t):value()[1] --> 0.5
  --   ("%.3f"):format(train.F1():update(p, t):value()) --> 0.733
  local function init(self, what, name, given)
    local o = train._metricOptions(what, given, { average = "string", positive = "number",
      threshold = "number" })
    self.average = options.choice(what, "average", o.average, "macro", "micro", "weighted", "none", "binary")
    self.positive = options.whole(what, "positive", o.positive, 2, 1)
    self.threshold = o.threshold
    counts_parent.__init(self, o.name or name)
  end

  --- train.ClassCounts([options])
  --
  -- The base of train.Precision, train.Recall and train.F1, whose options it takes: for each class the number
  -- of samples that are right, that were taken for it, that are of it.
  --
  -- options: table, as for train.Precision
  -- Returns: a metric; its value is a table of three lists: right, taken, real
  -- Example:
  --   counts = train.ClassCounts():update(torch.LongTensor { 2, 2 }, torch.LongTensor { 1, 2 }):value()
  --   counts.taken[2] --> 2
  function Counts:__init(given) init(self, "train.ClassCounts", "counts", given) end

  function Counts:reset()
    self._seen = {}
    return self
  end

  -- sums + counts of the n classes, which may be more than there were before.
  local function add(sums, classes, n)
    local counts = torch.bincount(classes, nil, n)
    if sums then counts:narrow(1, 1, sums:nElement()):add(sums) end
    return counts
  end

  function Counts:update(output, target)
    local p, t, n = labels.classes(torch.type(self), output, target, self.threshold)
    local seen = self._seen
    n = math.max(n, seen.real and seen.real:nElement() or 0)
    if n == 0 then return self end
    seen.right = add(seen.right, p:maskedSelect(p:eq(t)), n)
    seen.taken, seen.real = add(seen.taken, p, n), add(seen.real, t, n)
    return self
  end

  local function lists(self)
    local seen = self._seen
    if not seen.real then return { right = {}, taken = {}, real = {} } end
    return { right = seen.right:totable(), taken = seen.taken:totable(), real = seen.real:totable() }
  end

  function Counts:value() return lists(self) end

  local function share(a, b) return b == 0 and 0.0 or a / b end

  local scores = {
    Precision = function(right, taken) return share(right, taken) end,
    Recall = function(right, _, real) return share(right, real) end,
    F1 = function(right, taken, real) return share(2 * right, taken + real) end,
  }

  -- The average that was asked for, of score(right, taken, real).
  local function averaged(self, score)
    local c = lists(self)
    local each, sum, weights, right, taken, real = {}, 0, 0, 0, 0, 0
    for i = 1, #c.real do
      each[i] = score(c.right[i], c.taken[i], c.real[i])
      local weight = self.average == "weighted" and c.real[i] or c.taken[i] + c.real[i] > 0 and 1 or 0
      sum, weights = sum + weight * each[i], weights + weight
      right, taken, real = right + c.right[i], taken + c.taken[i], real + c.real[i]
    end
    if self.average == "none" then return each end
    if real + taken == 0 then return NAN end
    if self.average == "binary" then return each[self.positive] or 0.0 end
    if self.average == "micro" then return score(right, taken, real) end
    return share(sum, weights)
  end

  for name, score in pairs(scores) do
    local Class = torch.class("train." .. name, "train.ClassCounts", train)
    local key = name == "F1" and "f1" or name:lower()
    function Class:__init(given) init(self, "train." .. name, key, given) end
    function Class:value() return averaged(self, score) end
  end

  -- ---- which class is taken for which --------------------------------------------------------------------

  local Confusion, confusion_parent = torch.class("train.ConfusionMatrix", "train.Metric", train)

  --- train.ConfusionMatrix([options])
  --
  -- Counts how often class t was taken for class p.  Outputs and targets are as for train.Accuracy.
  --
  -- options: table of any of these:
  --   classes: how many, or a list of their names; otherwise as many as are seen
  --   threshold: as for train.Accuracy
  --   name: string
  -- Returns: a metric; value() gives a tensor, row t, column p; metric:matrix() an optim.ConfusionMatrix
  -- Errors: an option does not exist or is of another type; a class is greater than their number
  -- Example:
  --   metric = train.ConfusionMatrix():update(torch.LongTensor { 2, 2, 1 }, torch.LongTensor { 1, 2, 1 })
  --   metric:value()[1][2], metric:matrix().nclasses --> 1 2
  function Confusion:__init(given)
    local what = "train.ConfusionMatrix"
    local o = train._metricOptions(what, given, { classes = "number table", threshold = "number" })
    self.names = type(o.classes) == "table" and o.classes or nil
    self.classes = self.names and #self.names or options.whole(what, "classes", o.classes, nil, 1)
    self.threshold = o.threshold
    confusion_parent.__init(self, o.name or "confusion")
  end

  function Confusion:reset()
    self._seen = {}
    return self
  end

  function Confusion:update(output, target)
    local p, t, n = labels.classes("train.ConfusionMatrix", output, target, self.threshold)
    if self.classes and n > self.classes then
      raise("train.ConfusionMatrix: class %d, there are %d classes", n, self.classes)
    end
    local old = self._seen.counts
    n = math.max(n, self.classes or 0, old and old:size(1) or 0)
    if n == 0 then return self end
    local counts = torch.bincount((t - 1) * n + p, nil, n * n):view(n, n)
    if old then counts:narrow(1, 1, old:size(1)):narrow(2, 1, old:size(1)):add(old) end
    self._seen.counts = counts
    return self
  end

  function Confusion:value()
    local n = self.classes or 0
    return self._seen.counts and self._seen.counts:clone() or torch.zeros({ n, n }, "int64")
  end

  --- The counts of a train.ConfusionMatrix as Torch7's class, which prints them with the shares.
  --
  -- Returns: an optim.ConfusionMatrix
  -- Errors: nothing was seen, so that the number of classes is not known
  -- Example:
  --   metric = train.ConfusionMatrix({ classes = { "cat", "dog" } })
  --   metric:update(torch.LongTensor { 2, 2 }, torch.LongTensor { 1, 2 })
  --   metric:matrix():updateValids().totalValid --> 0.5
  function Confusion:matrix()
    local counts = self:value()
    if counts:nElement() == 0 then raise "train.ConfusionMatrix: nothing was seen yet" end
    local matrix = require("optim").ConfusionMatrix(counts:size(1), self.names)
    matrix.mat:copy(counts)
    return matrix
  end
end
