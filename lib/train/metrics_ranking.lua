-- metrics_ranking: how well scores put a class's samples before the others.

local options = require "torch.options"
local labels = require "train.labels"

local NAN = 0 / 0

return function(train, torch)
  -- The area under the ROC curve: the share of the pairs of a positive and a negative sample in which the
  -- positive one has the higher score; equal scores count one half.
  local function area(scores, positive)
    local n, hits = scores:nElement(), positive:sum()
    if hits == 0 or hits == n then return NAN end
    local sorted = torch.sort(scores, 1)
    local own = scores:maskedSelect(positive)
    local before, upto = torch.searchsorted(sorted, own), torch.searchsorted(sorted, own, true)
    -- twice the mean rank of equal scores, as whole numbers
    local ranks = (before + upto - 1):sum()
    return (ranks - hits * (hits + 1)) / 2 / (hits * (n - hits))
  end

  -- The mean over the positive samples of the precision at their scores.
  local function average_precision(scores, positive)
    local n, hits = scores:nElement(), positive:sum()
    if hits == 0 then return NAN end
    local own = torch.sort(scores:maskedSelect(positive), 1)
    local taken = (torch.searchsorted(torch.sort(scores, 1), own) - 1) * -1 + n
    local right = (torch.searchsorted(own, own) - 1) * -1 + hits
    return torch.cdiv(right:double(), taken:double()):mean()
  end

  local Ranking, parent = torch.class("train.Ranking", "train.Metric", train)
  Ranking.slow = true -- not for a progress bar

  --- train.AUC([options]); train.AveragePrecision([options]); train.Ranking([options])
  --
  -- AUC: the area under the ROC curve, exact, also with equal scores: the probability that a sample of the
  -- class has a higher score than another.  AveragePrecision: the precision at each sample of the class, in
  -- the order of the scores, on average.  Both keep all scores.  An output with one score a sample has
  -- targets 0 and 1; with n x classes each class stands against the rest.  train.Ranking is their base.
  --
  -- options: table of any of these:
  --   average: "macro", the default: the mean of the classes for which there is a value; "weighted": by their
  --     numbers of samples; "none": a list with each class
  --   name: string
  -- Returns: a metric; its value is not a number where there are no samples of the class, or for AUC no
  --   others
  -- Errors: an option does not exist, is of another type or out of range; a score is not a number
  -- From: Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982
  -- Example:
  --   scores, t = torch.Tensor { 0.1, 0.4, 0.4, 0.8 }, torch.Tensor { 0, 0, 1, 1 }
  --   train.AUC():update(scores, t):value() --> 0.875
  --   ("%.3f"):format(train.AveragePrecision():update(scores, t):value()) --> 0.833
  local function init(self, what, name, given)
    local o = train._metricOptions(what, given, { average = "string" })
    self.average = options.choice(what, "average", o.average, "macro", "weighted", "none")
    parent.__init(self, o.name or name)
  end

  function Ranking:__init(given) init(self, "train.Ranking", "ranking", given) end

  function Ranking:reset()
    self._seen = { scores = {}, targets = {} }
    return self
  end

  function Ranking:update(output, target)
    local what = torch.type(self)
    local scores, t = labels.scores(what, output, target)
    if scores:nElement() > 0 and scores:ne(scores):any() then
      require("torch.caller").raise("%s: a score is not a number", what)
    end
    local seen = self._seen
    if t:nElement() > 0 then
      seen.scores[#seen.scores + 1], seen.targets[#seen.targets + 1] = scores, t
    end
    return self
  end

  -- One value for each class, and their numbers of samples.
  local function each_class(scores, targets, f)
    local values, weights = {}, {}
    for c = 1, scores:size(2) do
      local positive = targets:eq(c)
      values[c], weights[c] = f(scores:select(2, c):contiguous(), positive), positive:sum()
    end
    return values, weights
  end

  local function averaged(self, f)
    local seen = self._seen
    if #seen.scores == 0 then return self.average == "none" and {} or NAN end
    local scores, targets = torch.cat(seen.scores, 1), torch.cat(seen.targets, 1)
    seen.scores, seen.targets = { scores }, { targets }
    if scores:dim() == 1 then return f(scores, targets) end
    local values, weights = each_class(scores, targets, f)
    if self.average == "none" then return values end
    local sum, total = 0, 0
    for c, value in ipairs(values) do
      local weight = self.average == "weighted" and weights[c] or 1
      if value == value then sum, total = sum + weight * value, total + weight end
    end
    return sum / total
  end

  function Ranking:value() return averaged(self, area) end

  for name, f in pairs { AUC = area, AveragePrecision = average_precision } do
    local Class = torch.class("train." .. name, "train.Ranking", train)
    local key = name == "AUC" and "auc" or "averagePrecision"
    function Class:__init(given) init(self, "train." .. name, key, given) end
    function Class:value() return averaged(self, f) end
  end
end
