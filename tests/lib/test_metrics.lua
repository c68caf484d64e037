-- test_metrics: each metric beside scikit-learn, whose values golden/metrics.py wrote, in one piece and in
-- batches; what cannot be measured; what is wrong.
local torch = require "torch"
local nn = require "nn"
local train = require "train"

local tester = torch.Tester()
local tests = torch.TestSuite()
local folder = debug.getinfo(1, "S").source:match("^@(.*)test_metrics%.lua$") .. "golden/"
local golden = torch.load(folder .. "metrics.npz")

-- The value of a metric that gets everything at once, and in batches with a state saved between them.
local function values(make, output, target)
  local n = target:size(1)
  local whole, parts = make(), make()
  whole:update(output, target)
  for first = 1, n, 7 do
    local rows = math.min(7, n - first + 1)
    parts:update(output:narrow(1, first, rows), target:narrow(1, first, rows))
    local state = torch.deserialize(torch.serialize(parts:state()))
    parts = make()
    parts:load(state)
  end
  return whole:value(), parts:value()
end

local function check(name, make, output, target, wanted)
  local whole, parts = values(make, output, target)
  for what, got in pairs { whole = whole, parts = parts } do
    if torch.isTensor(got) then got = got:double() end
    if type(got) == "table" then got = torch.DoubleTensor(got) end
    if type(got) == "number" then got = torch.DoubleTensor { got } end
    tester:eq(got:cpu(), wanted:double():cpu(), 1e-12, name .. ", " .. what)
  end
end

local function is_nan(x, what)
  tester:assert(type(x) == "number" and x ~= x, (what or "") .. " is " .. tostring(x))
end

local class_of = { precision = "Precision", recall = "Recall", f1 = "F1", auc = "AUC",
  averagePrecision = "AveragePrecision" }

function tests.Classes()
  for _, set in ipairs { "four", "skewed", "tied" } do
    local scores, target = golden[set .. "/scores"], golden[set .. "/target"]:long()
    local function one(key, make, output)
      check(set .. "/" .. key, make, output or scores, target, golden[set .. "/" .. key])
    end
    one("accuracy", train.Accuracy)
    local _, p = torch.max(scores, 2)
    one("accuracy", train.Accuracy, p:view(-1))
    one("top2", function() return train.TopK { k = 2 } end)
    one("top3", function() return train.TopK { k = 3 } end)
    one("confusion", function() return train.ConfusionMatrix { classes = scores:size(2) } end)
    one("confusion", train.ConfusionMatrix)
    if set ~= "tied" then one("perplexity", train.Perplexity) end
    local shares = nn.functional.softmax(scores, 2)
    for key, class in pairs(class_of) do
      for _, average in ipairs { "macro", "micro", "weighted", "none" } do
        if key == "auc" and golden[set .. "/rest/" .. average] and set ~= "tied" then
          one("rest/" .. average, function() return train.AUC { average = average } end, shares)
        end
        if golden[("%s/%s/%s"):format(set, key, average)] then
          one(key .. "/" .. average, function() return train[class] { average = average } end)
        end
      end
    end
  end
end

function tests.Perplexity()
  local scores, target = golden["four/scores"], golden["four/target"]:long()
  local wanted = golden["four/perplexity"][1]
  local logs = nn.functional.logSoftmax(scores, 2)
  tester:eq(train.Perplexity({ input = "logProbabilities" }):update(logs, target):value(), wanted, 1e-12)
  tester:eq(train.Perplexity({ input = "probabilities" }):update(logs:exp(), target):value(), wanted, 1e-12)
  -- sequences: classes in the second dimension; targets below 1 do not count
  local long, places = scores:narrow(1, 1, 60):view(4, 15, 4):transpose(2, 3), target:narrow(1, 1,
    60):view(4, 15)
  local flat = train.Perplexity():update(scores:narrow(1, 1, 60), target:narrow(1, 1, 60)):value()
  tester:eq(train.Perplexity():update(long, places):value(), flat, 1e-12)
  local some = target:clone()
  some:narrow(1, 31, 31):zero()
  tester:eq(train.Perplexity():update(scores, some):value(),
    train.Perplexity():update(scores:narrow(1, 1, 30), target:narrow(1, 1, 30)):value(), 1e-12)
  is_nan(train.Perplexity():value())
end

function tests.Binary()
  for _, set in ipairs { "plain", "ties", "same", "negatives", "positives" } do
    local scores, target = golden[set .. "/scores"], golden[set .. "/target"]
    for _, t in ipairs { target, target:double(), target:gt(0) } do
      check(set, train.Accuracy, scores, t, golden[set .. "/accuracy"])
      check(set, train.Accuracy, scores:view(-1, 1), t:view(-1, 1), golden[set .. "/accuracy"])
      for key, class in pairs(class_of) do
        local wanted = golden[("%s/%s"):format(set, key)]
        if wanted then
          check(set .. "/" .. key, train[class], scores, t, wanted)
          check(set .. "/" .. key, train[class], scores:float():double(), t, wanted)
        end
        wanted = golden[("%s/%s/binary"):format(set, key)]
        if wanted then
          check(set .. "/" .. key, function() return train[class] { average = "binary" } end, scores, t,
            wanted)
        end
      end
    end
  end
  local logits = torch.log(golden["plain/scores"] / (golden["plain/scores"] * -1 + 1))
  tester:eq(train.Accuracy({ threshold = 0 }):update(logits, golden["plain/target"]):value(),
    golden["plain/accuracy"][1], "logits")
end

function tests.NothingToRank()
  local function auc(t) return train.AUC():update(torch.Tensor { 0.1, 0.2 }, torch.Tensor(t)):value() end
  is_nan(auc { 0, 0 }, "no positives")
  is_nan(auc { 1, 1 }, "no negatives")
  is_nan(train.AveragePrecision():update(torch.Tensor { 0.1 }, torch.Tensor { 0 }):value(), "no positives")
  is_nan(train.AUC():value(), "nothing")
  -- classes for which there is no value stay out of the mean
  local scores = torch.Tensor { { 0.9, 0.05, 0.05 }, { 0.2, 0.7, 0.1 }, { 0.6, 0.3, 0.1 } }
  local each = train.AUC({ average = "none" }):update(scores, torch.LongTensor { 1, 2, 1 }):value()
  tester:eq({ each[1], each[2] }, { 1.0, 1.0 })
  is_nan(each[3])
  tester:eq(train.AUC():update(scores, torch.LongTensor { 1, 2, 1 }):value(), 1.0)
end

function tests.Regression()
  for _, set in ipairs { "line", "columns", "constant", "exact" } do
    for key, class in pairs { mae = "MAE", mse = "MSE", rmse = "RMSE", r2 = "R2" } do
      check(set .. "/" .. key, train[class], golden[set .. "/output"], golden[set .. "/target"],
        golden[set .. "/" .. key])
    end
  end
  is_nan(train.MSE():value())
  is_nan(train.R2():value())
  is_nan(train.R2():update(torch.ones(1), torch.ones(1)):value(), "one sample")
end

function tests.Empty()
  local scores, target = torch.zeros(0, 3), torch.LongTensor(0)
  for _, name in ipairs { "Accuracy", "Precision", "Recall", "F1", "TopK" } do
    is_nan(train[name]():update(scores, target):value(), name)
  end
  tester:eq(train.ConfusionMatrix({ classes = 2 }):update(torch.zeros(0, 2), target):value():sum(), 0)
  is_nan(train.MAE():update(torch.zeros(0), torch.zeros(0)):value())
  -- an empty batch among others
  local m = train.Accuracy():update(torch.eye(3), torch.LongTensor { 1, 2, 1 })
  tester:eq(m:update(scores, target):value(), 2 / 3)
end

function tests.ManyPlaces()
  -- n x classes x height x width, and targets that do not count
  local output, target = torch.randn(2, 3, 4, 5), torch.LongTensor(2, 4, 5)
  local _, best = torch.max(output, 2)
  target:copy(best:view(2, 4, 5))
  tester:eq(train.Accuracy():update(output, target):value(), 1.0)
  tester:eq(train.AUC():update(output, target):value() > 0.5, true)
  target[1]:zero()
  target[2][1]:copy(target[2][1] % 3 + 1)
  tester:eq(train.Accuracy():update(output, target):value(), 0.75)
  tester:eq(train.ConfusionMatrix():update(output, target):value():sum(), 20)
end

function tests.Confusion()
  local m = train.ConfusionMatrix { classes = { "cat", "dog" } }
  m:update(torch.LongTensor { 1, 2, 2 }, torch.LongTensor { 1, 1, 2 })
  tester:eq(m:value():totable(), { { 1, 1 }, { 0, 1 } })
  tester:assert(tostring(m:matrix()):find("class: dog", 1, true) ~= nil)
  tester:eq(m:matrix():updateValids().totalValid, 2 / 3, 1e-6)
end

function tests.Large()
  local n = 200000
  local scores, target = torch.rand(n), torch.rand(n):gt(0.5)
  local timer = torch.Timer()
  tester:assert(math.abs(train.AUC():update(scores, target):value() - 0.5) < 0.01)
  train.Accuracy():update(torch.rand(n, 10), torch.LongTensor(n):random(1, 10)):value()
  tester:assert(timer:time().real < 5, "no loop over elements")
end

function tests.Means()
  local m = train.MeanLoss(nn.MSECriterion(), { name = "squares" })
  m:update(torch.ones(2, 1), torch.zeros(2, 1)):update(torch.ones(6, 1) * 3, torch.zeros(6, 1))
  tester:eq(m:value(), (2 * 1 + 6 * 9) / 8)
  tester:eq(m.name, "squares")
end

local function fails(f, ...)
  local ok, message = pcall(f)
  tester:assert(not ok, "no error")
  for _, part in ipairs { ... } do
    tester:assert(tostring(message):find(part, 1, true) ~= nil, ("%q is not in %q"):format(part,
      tostring(message)))
  end
end

function tests.BadInput()
  fails(function() train.Accuracy { treshold = 1 } end, "there is no option 'treshold'")
  fails(function() train.Accuracy { threshold = "x" } end, "option 'threshold' must be a number, got string")
  fails(function() train.TopK { k = 0 } end, "k is 0, wanted a whole number from 1 on")
  fails(function() train.F1 { average = "mean" } end, "average is 'mean', wanted 'macro' or 'micro'")
  fails(function() train.AUC { average = "micro" } end, "average is 'micro'")
  fails(function() train.Perplexity { input = "x" } end, "input is 'x'")
  fails(function() train.Mean(3) end, "a function or criterion expected, got number")
  fails(function() train.Mean(function() return "x" end):update(torch.ones(1)) end, "gave a string")
  local long = torch.LongTensor
  fails(function() train.Accuracy():update(3, long { 1 }) end, "the output is a number, wanted a tensor")
  fails(function() train.Accuracy():update(torch.ones(2, 3)) end, "the target is a")
  fails(function() train.Accuracy():update(torch.ones(2, 3), long { 1 }) end, "2 classes, for targets of 1")
  fails(function() train.Accuracy():update(torch.ones(2, 3), long { 1, 4 }) end, "class 4, there are 3")
  fails(function() train.Accuracy():update(long { 0, 1 }, long { 1, 1 }) end, "classes count from 1")
  fails(function() train.Accuracy():update(torch.ones(2), torch.Tensor { 1, 2 }) end, "are 0 or 1, got")
  fails(function() train.AUC():update(long { 1, 2 }, long { 1, 2 }) end, "scores are wanted")
  fails(function() train.AUC():update(torch.ones(2, 3), long { 1, 9 }) end, "class 9, there are 3")
  fails(function() train.AUC():update(torch.Tensor { 0 / 0, 1 }, torch.Tensor { 0, 1 }) end, "not a number")
  fails(function() train.TopK():update(torch.ones(2), long { 1, 2 }) end, "n x classes")
  fails(function() train.MSE():update(torch.ones(2), torch.ones(3)) end, "outputs of 2 for targets of 3")
  fails(function() train.R2():update(torch.ones(2, 2), torch.ones(2, 2)):update(torch.ones(2, 3),
    torch.ones(2, 3)) end,
    "samples of 3 numbers after some of 2")
  fails(function() train.Perplexity():update(torch.ones(2, 3), long { 1, 4 }) end, "class 4, there are 3")
  fails(function() train.ConfusionMatrix({ classes = 2 }):update(torch.eye(3), long { 1, 2, 3 }) end,
    "there are 2")
  fails(function() train.ConfusionMatrix():matrix() end, "nothing was seen")
  fails(function() train.Accuracy():load(3) end, "a table expected")
  fails(function() train.Metric():update() end, "has no method update")
end

-- Single scores outside 0 to 1 are logits, with 0 in the middle.
function tests.LogitsOfTwoClasses()
  local logits, t = torch.Tensor { 0.3, -2, 0.2, -0.1, 4 }, torch.Tensor { 1, 0, 1, 0, 1 }
  for _, class in ipairs { "Accuracy", "Precision", "Recall", "F1" } do
    tester:eq(train[class]():update(logits, t):value(), 1.0, class)
    tester:eq(train[class]():update(torch.sigmoid(logits), t):value(), 1.0, class)
  end
  tester:eq(train.Accuracy({ threshold = 0.5 }):update(logits, t):value(), 0.6)
  tester:eq(train.Accuracy():update(torch.Tensor { 0.9, 0.1 }, torch.Tensor { 0.8, 0.3 }):value(), 1.0)
end

function tests.WhatDoesNotFit()
  local scores = torch.zeros(4, 3)
  for _, class in ipairs { "Accuracy", "F1", "TopK", "AUC", "Perplexity" } do
    fails(function() train[class]():update(scores, torch.Tensor { 1, 2, 1.5, 3 }) end, "train." .. class,
      "whole numbers, got 1.5")
    tester:assert(pcall(function() train[class]():update(scores, torch.Tensor { 1, 2, 1, 3 }) end), class)
  end
  fails(function() train.Accuracy():update(scores) end, "the target is a nil")
  fails(function() train.Accuracy():update(nil, scores) end, "the output is a nil")
  fails(function() train.R2():update(torch.zeros(4, 3), torch.zeros(3, 4)) end, "outputs of 4x3", "3x4")
  fails(function() train.MSE():update(torch.zeros(2, 2), torch.zeros(4)) end, "outputs of 2x2", "of 4")
  tester:eq(train.MSE():update(torch.zeros(4, 1), torch.ones(4)):value(), 1.0)
  tester:eq(train.MSE():update(torch.zeros(1, 1), torch.ones(1)):value(), 1.0)
  for _, class in ipairs { "Accuracy", "Perplexity" } do
    fails(function() train[class]():update(torch.zeros(2, 5, 7), torch.LongTensor(2, 5):fill(1)) end,
      "the classes are dimension 2: output:transpose(2, 3)")
  end
end

tester:add(tests):run()
