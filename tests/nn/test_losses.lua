-- test_losses: the losses with PyTorch's names: its values, both protocols, derivatives, copies; CTC; those
-- that PyTorch does not have, by plain loops; edges and mistakes.  cases/losses.lua.
local torch = require "torch"
local nn = require "nn"

local F = nn.functional
local tester = torch.Tester()
local tests = torch.TestSuite()
local golden = dofile("tests/nn/walk.lua").values "tests/nn/golden/losses.npz"
local cases = dofile "tests/nn/cases/losses.lua"

local reductions = { "mean", "sum", "none", "batchmean" }

local names = { BCELoss = "binaryCrossEntropy", BCEWithLogitsLoss = "binaryCrossEntropyWithLogits",
  KLDivLoss = "klDiv", CrossEntropyLoss = "crossEntropy", NLLLoss = "nllLoss",
  PoissonNLLLoss = "poissonNllLoss", GaussianNLLLoss = "gaussianNllLoss",
  MultiLabelMarginLoss = "multilabelMarginLoss", MultiLabelSoftMarginLoss = "multilabelSoftMarginLoss",
  MSELoss = "mseLoss", CTCLoss = "ctcLoss" }
local function function_of(class) return F[names[class] or class:sub(1, 1):lower() .. class:sub(2)] end

local function with(opts, reduction)
  local o = { reduction = reduction }
  for k, v in pairs(opts or {}) do o[k] = v end
  return o
end

-- The inputs of a case, as leaves, and its target.
local function given(case, key)
  local inputs = {}
  while golden[key .. "/input" .. #inputs + 1] do
    inputs[#inputs + 1] = golden[key .. "/input" .. #inputs + 1]:clone():requireGrad()
  end
  local target = golden[key .. "/target"]
  if target and case[4] then target = case[4](target) end
  return inputs, target
end

-- f(case, key, make, inputs, target) for each case and reduction.
local function each(f)
  for _, case in ipairs(cases) do
    for _, reduction in ipairs(reductions) do
      local key = case[1] .. " " .. reduction
      if golden[key .. "/output"] then
        local inputs, target = given(case, key)
        local function make() return nn[case[2]](with(case[3], reduction)) end
        local ok, why = pcall(f, case, key, make, inputs, target)
        if not ok then error(("%s: %s"):format(key, tostring(why)), 0) end
      end
    end
  end
end

local function all(inputs, target)
  local args = { table.unpack(inputs) }
  args[#args + 1] = target
  return table.unpack(args)
end

function tests.values_of_pytorch()
  local n = 0
  each(function(_, key, make, inputs, target)
    local y = make()(all(inputs, target))
    tester:eq(y:detach(), golden[key .. "/output"], 1e-10, key)
    y:backward(golden[key .. "/gradOutput"])
    for i, x in ipairs(inputs) do
      local wanted = golden[key .. "/grad/input" .. i]
      if wanted then tester:eq(x.grad, wanted, 1e-9, ("%s: gradient %d"):format(key, i)) end
    end
    n = n + 1
  end)
  tester:assert(n >= 110, "there are cases")
end

function tests.functions_are_the_same()
  each(function(case, key, make, inputs, target)
    local reduction = key:match "%S+$"
    local args = { all(inputs, target) }
    args[#args + 1] = with(case[3], reduction)
    tester:eq(function_of(case[2])(table.unpack(args)):detach(), make()(all(inputs, target)):detach(), 0, key)
  end)
end

function tests.classic_protocol()
  each(function(case, key, make, inputs, target)
    local plain = {}
    for i, x in ipairs(inputs) do plain[i] = x:detach() end
    local input, rest = plain[1], { target or plain[2] }
    if case.pair then input, rest = plain, { target } end
    if case[1]:find "^gauss" then input, rest = { plain[1], plain[3] }, { plain[2] } end
    local criterion = make()
    local y = criterion:forward(input, table.unpack(rest))
    tester:eq(y, criterion.output, 0, key)
    tester:eq(torch.isTensor(y), key:find "none$" ~= nil, key)
    local loss = make()(all(inputs, target))
    tester:eq(y, torch.isTensor(y) and loss:detach() or loss:item(), 0, key)
    loss:sum():backward()
    local got = criterion:backward(input, table.unpack(rest))
    if torch.isTensor(got) then got = { got } end
    for i, g in ipairs(got) do
      local of = case[1]:find "^gauss" and i == 2 and 3 or i
      tester:eq(g, inputs[of].grad, 1e-12, ("%s: gradient %d"):format(key, i))
    end
  end)
end

function tests.derivatives()
  each(function(_, key, make, inputs, target)
    local criterion = make()
    local function f(...)
      local list = { ... }
      return criterion(all(list, target)):sum()
    end
    for _, second in ipairs { false, true } do
      local ok, why = torch.gradcheck(f, inputs, { atol = 1e-4, second = second })
      tester:assert(ok, ("%s: %s"):format(key, tostring(why)))
    end
  end)
end

function tests.copies_types_and_layouts()
  each(function(case, key, make, inputs, target)
    local y = make()(all(inputs, target)):detach()
    if case[1] ~= "triplet distance" then
      tester:eq(make():clone()(all(inputs, target)):detach(), y, 0, key .. ": copy")
    end
    local floats, strided = {}, {}
    for i, x in ipairs(inputs) do
      floats[i] = x:detach():float()
      local n = x:dim()
      strided[i] = n < 2 and x:detach() or x:detach():transpose(1, n):contiguous():transpose(1, n)
    end
    tester:eq(make()(all(strided, target)):detach(), y, 1e-12, key .. ": strided")
    local float = make():float()(all(floats, target))
    tester:eq(float.dtype, "float32", key)
    tester:eq(float:double(), y, 1e-4, key .. ": float")
    for i, x in ipairs(floats) do floats[i] = x:half() end
    local ok, half = pcall(make(), all(floats, target))
    tester:assert(ok and half.dtype == "float16", ("%s: half: %s"):format(key, tostring(half)))
  end)
end

function tests.float32_in_mixed_precision()
  each(function(case, key, make, inputs, target)
    if case[2] == "BCELoss" then return end
    local halves, singles = {}, {}
    for i, x in ipairs(inputs) do
      halves[i] = x:detach():half()
      singles[i] = halves[i]:float()
    end
    target = target and target.dtype == "float64" and target:float() or target
    local device = tostring(halves[1].device):match "^%a+"
    local loss = torch.autocast(device, "float16", make():float(), all(halves, target))
    tester:eq(loss.dtype, "float32", key)
    tester:eq(loss, make():float()(all(singles, target)), 1e-6, key)
  end)
end

-- ---- CTC -------------------------------------------------------------------------------------------------

local function ctc_cases(f)
  for _, case in ipairs { { "ctc" }, { "ctc row", { blank = 3 } },
    { "ctc infinite", { zeroInfinity = true } }, { "ctc empty" } } do
    for _, reduction in ipairs { "mean", "sum", "none" } do
      local key = case[1] .. " " .. reduction
      f(key, nn.CTCLoss(with(case[2], reduction)), golden[key .. "/input1"]:clone():requireGrad(),
        golden[key .. "/targets"] + 1, golden[key .. "/lengths"], golden[key .. "/sizes"])
    end
  end
end

function tests.ctc_has_the_values_of_pytorch()
  ctc_cases(function(key, criterion, scores, targets, lengths, sizes)
    local y = criterion(F.logSoftmax(scores, 3), targets, lengths, sizes)
    tester:eq(y:detach(), golden[key .. "/output"], 1e-10, key)
    y:backward(golden[key .. "/gradOutput"])
    tester:eq(scores.grad, golden[key .. "/grad/input1"], 1e-9, key)
  end)
end

function tests.ctc_protocols_and_derivatives()
  ctc_cases(function(key, criterion, scores, targets, lengths, sizes)
    local logp = F.logSoftmax(scores:detach(), 3):requireGrad()
    local function f(x) return criterion(x, targets, lengths, sizes):sum() end
    if not key:find "infinite" then -- where differences make nothing of what is left out
      tester:assert(torch.gradcheck(f, { logp }, { atol = 1e-5 }))
    end
    f(logp):backward()
    local y = criterion:forward(logp:detach(), { targets, lengths, sizes })
    tester:eq(torch.isTensor(y) and y:sum() or y, f(logp):item(), 1e-12, key)
    tester:eq(criterion:backward(logp:detach(), { targets, lengths, sizes }), logp.grad, 1e-12, key)
    local float = criterion(logp:detach():float(), targets, lengths:totable(), sizes:totable())
    tester:eq(float:double(), criterion(logp:detach(), targets, lengths, sizes), 1e-5, key)
  end)
end

-- The probability of a target, by all ways there are.
local function by_all_ways(logp, target, blank)
  local steps, classes, total = logp:size(1), logp:size(2), 0
  local function walk(t, probability, last, text)
    if t > steps then
      if text == target then total = total + probability end
      return
    end
    for c = 1, classes do
      local now = (c == blank or c == last) and text or text .. c
      walk(t + 1, probability * math.exp(logp[t][c]), c, now)
    end
  end
  walk(1, 1, blank, "")
  return total
end

function tests.ctc_counts_all_ways()
  local logp = F.logSoftmax(torch.randn(5, 3):double(), 2)
  for target, classes in pairs { ["2"] = { 2 }, ["22"] = { 2, 2 }, ["313"] = { 3, 1, 3 }, [""] = {} } do
    for blank = 1, 3 do
      if not target:find(tostring(blank), 1, true) then
        local o = { blank = blank, reduction = "sum" }
        local loss = F.ctcLoss(logp, torch.LongTensor(classes), 5, #classes, o)
        tester:eq(math.exp(-loss:item()), by_all_ways(logp, target, blank), 1e-12, target)
      end
    end
  end
end

function tests.ctc_edges()
  local logp = F.logSoftmax(torch.randn(2, 1, 3):double(), 3):requireGrad()
  local t = torch.LongTensor { { 2, 2 } }
  tester:eq(nn.CTCLoss():forward(logp:detach(), { t, { 2 }, { 2 } }), math.huge)
  local loss = nn.CTCLoss({ zeroInfinity = true })(logp, t, { 2 }, { 2 })
  loss:backward()
  tester:eq({ loss:item(), logp.grad:norm() }, { 0, 0 })
  tester:eq(F.ctcLoss(logp, t, { 0 }, { 0 }):item(), 0)
  tester:eq(F.ctcLoss(torch.zeros(3, 0, 2), torch.LongTensor(0, 2), {}, {}, { reduction = "sum" }):item(), 0)
  local x = F.logSoftmax(torch.randn(2, 1, 3):double(), 3):requireGrad()
  local g = torch.grad({ F.ctcLoss(x, torch.LongTensor { { 2 } }, { 2 }, { 1 }) }, { x })
  tester:assert(g[1]:norm() > 0)
  tester:assertErrorPattern(function()
    torch.grad({ F.ctcLoss(x, torch.LongTensor { { 2 } }, { 2 }, { 1 }) }, { x }, nil, { createGraph = true })
  end, "cannot be differentiated")
end

function tests.ctc_mistakes()
  local logp, t = torch.zeros(4, 2, 3), torch.LongTensor { { 2, 3 }, { 3, 2 } }
  local function fails(pattern, ...)
    local args = { ... }
    tester:assertErrorPattern(function() F.ctcLoss(table.unpack(args)) end, pattern, pattern)
  end
  fails("target 1 has class 4, wanted 1 to 3", logp, t + 1, { 4, 4 }, { 2, 2 })
  fails("not the blank 2", logp, t, { 4, 4 }, { 2, 2 }, { blank = 2 })
  fails("input length 2 is 5, wanted 0 to 4", logp, t, { 4, 5 }, { 2, 2 })
  fails("target length 1 is 3, wanted 0 to 2", logp, t, { 4, 4 }, { 3, 2 })
  fails("blank is 4, wanted 1 to 3", logp, t, { 4, 4 }, { 2, 2 }, { blank = 4 })
  fails("blank is 0, wanted a class", logp, t, { 4, 4 }, { 2, 2 }, { blank = 0 })
  fails("inputLengths are 1, wanted 2", logp, t, { 4 }, { 2, 2 })
  fails("targets are 4 in a row, wanted the sum of their lengths, 3", logp, t:view(-1), { 4, 4 }, { 2, 1 })
  fails("wanted 2 or 3 dimensions", torch.zeros(3), t, { 4, 4 }, { 2, 2 })
  fails("wanted a tensor of a float type", logp:long(), t, { 4, 4 }, { 2, 2 })
  fails("inputLengths is a nil", logp, t)
end

-- ---- those that PyTorch does not have ------------------------------------------------------------------

local function check(f, inputs, name)
  for _, second in ipairs { false, true } do
    local ok, why = torch.gradcheck(f, inputs, { atol = 1e-4, second = second })
    tester:assert(ok, ("%s: %s"):format(name, tostring(why)))
  end
end

local function leaf(...) return torch.randn(...):double():requireGrad() end

function tests.focal_loss()
  local x, t = leaf(4, 3), torch.rand(4, 3):double():gt(0.5):double()
  for _, o in ipairs { { gamma = 0 }, { gamma = 2, alpha = 0.25 }, { gamma = 1.5 } } do
    local sum = 0
    for i = 1, 4 do
      for k = 1, 3 do
        local p = 1 / (1 + math.exp(-x:detach()[i][k]))
        local alpha = o.alpha or 0.5
        if t[i][k] == 0 then p, alpha = 1 - p, 1 - alpha end
        sum = sum - (o.alpha and alpha or 1) * (1 - p) ^ o.gamma * math.log(p)
      end
    end
    local function f(y) return nn.FocalLoss(with(o, "sum"))(y, t) end
    tester:eq(f(x):item(), sum, 1e-10)
    check(f, { x }, "focal")
  end
  local classes, alpha = torch.LongTensor { 3, 1, 2, 2 }, torch.Tensor { 0.2, 0.5, 0.3 }:double()
  local logp = F.logSoftmax(x:detach(), 2)
  local function f(y) return nn.FocalLoss({ alpha = alpha, reduction = "none" })(y, classes) end
  for i = 1, 4 do
    local lp = logp[i][classes[i]]
    tester:eq(f(x):detach()[i], -alpha[classes[i]] * (1 - math.exp(lp)) ^ 2 * lp, 1e-10)
  end
  check(function(y) return f(y):sum() end, { x }, "focal, classes")
  tester:eq(nn.FocalLoss({ gamma = 0 }):forward(x:detach(), classes),
    nn.CrossEntropyLoss():forward(x:detach(), classes), 1e-12)
end

function tests.info_nce()
  local q, k, m = leaf(4, 3), leaf(4, 3), torch.randn(2, 3):double()
  local function cosine(a, b) return a:dot(b) / a:norm() / b:norm() end
  local function plain(a, b, others)
    local sum = 0
    for i = 1, 4 do
      local total = 0
      for j = 1, 4 do total = total + math.exp(cosine(a[i], b[j]) / 0.2) end
      for j = 1, others and 2 or 0 do total = total + math.exp(cosine(a[i], others[j]) / 0.2) end
      sum = sum - cosine(a[i], b[i]) / 0.2 + math.log(total)
    end
    return sum / 4
  end
  local a, b = q:detach(), k:detach()
  tester:eq(nn.InfoNCELoss({ temperature = 0.2 })(q, k):item(), plain(a, b), 1e-10)
  tester:eq(nn.InfoNCELoss({ temperature = 0.2, negatives = m })(q, k):item(), plain(a, b, m), 1e-10)
  local both = nn.InfoNCELoss({ temperature = 0.2, symmetric = true })
  tester:eq(both:forward({ a, b }), (plain(a, b) + plain(b, a)) / 2, 1e-10)
  tester:eq(F.infoNceLoss(q, k, { temperature = 0.2, reduction = "none" }):size(1), 4)
  check(function(x, y) return both(x, y) end, { q, k }, "InfoNCE")
end

function tests.dice()
  local x, t = torch.rand(2, 3, 2):double():requireGrad(), torch.rand(2, 3, 2):double()
  for _, squared in ipairs { false, true } do
    local function f(y) return nn.DiceLoss({ reduction = "none", squared = squared, smooth = 0.5 })(y, t) end
    for i = 1, 2 do
      local a, b = x:detach()[i]:reshape(6), t[i]:reshape(6)
      local below = squared and a:dot(a) + b:dot(b) or a:sum() + b:sum()
      tester:eq(f(x):detach()[i], 1 - (2 * a:dot(b) + 0.5) / (below + 0.5), 1e-12)
    end
    check(function(y) return f(y):sum() end, { x }, "dice")
  end
end

-- ---- edges and mistakes --------------------------------------------------------------------------------

function tests.nothing_counts()
  local x, t = leaf(3, 4), torch.LongTensor { 2, 2, 2 }
  for _, o in ipairs { {}, { labelSmoothing = 0.1 } } do
    o.ignoreIndex = 2
    for _, class in ipairs { "CrossEntropyLoss", not o.labelSmoothing and "NLLLoss" or nil } do
      local loss = nn[class](o)(x, t)
      loss:backward()
      tester:eq({ loss:item(), x.grad:norm() }, { 0, 0 }, class)
    end
  end
  x = torch.zeros(0, 4):double():requireGrad()
  t = torch.LongTensor(0)
  for _, class in ipairs { "CrossEntropyLoss", "NLLLoss" } do
    tester:eq(nn[class]()(x, t):item(), 0, class)
    tester:eq(nn[class]({ reduction = "none" })(x, t):nElement(), 0, class)
  end
  x = x:detach()
  for _, class in ipairs { "MSELoss", "L1Loss", "HuberLoss", "SoftMarginLoss" } do
    tester:eq(nn[class]({ reduction = "sum" })(x, x):item(), 0, class)
    local mean = nn[class]()(x, x):item()
    tester:assert(mean ~= mean, class .. ": the mean of nothing")
  end
end

-- As elements and as their sum, at the bound, at infinity and of what is no number.
function tests.errors_up_to_a_bound()
  local inf, nan = math.huge, 0 / 0
  for _, dtype in ipairs { "float32", "float64", "float16" } do
    local x = torch.Tensor { 0.5, -2, 3, 0, -inf }:type(dtype):requireGrad()
    local huber, smooth = nn.HuberLoss({ delta = 2, reduction = "sum" }), nn.SmoothL1Loss({ beta = 2 })
    local t = torch.zeros(5):type(dtype)
    tester:eq(huber:forward(x:narrow(1, 1, 4), t:narrow(1, 1, 4)), 0.125 + 2 + 4, 1e-6)
    tester:eq(smooth:forward(x:narrow(1, 1, 4), t:narrow(1, 1, 4)), (0.125 + 2 + 4) / 8, 1e-3)
    huber(x, t):backward()
    tester:eq(x.grad:double(), torch.DoubleTensor { 0.5, -2, 2, 0, -2 }, 1e-6)
    for _, class in ipairs { "HuberLoss", "SmoothL1Loss", "MSELoss" } do
      for _, reduction in ipairs { "sum", "none" } do
        local f = nn[class]({ reduction = reduction })
        tester:eq(f(x:detach(), t):sum(), inf, class)
        local bad = f(torch.Tensor { nan }:type(dtype), t:narrow(1, 1, 1)):sum()
        tester:assert(bad ~= bad, class)
      end
    end
  end
end

function tests.extreme_values_are_finite()
  local x = torch.Tensor { 1000, -1000, 0 }:double():requireGrad()
  local t = torch.Tensor { 0, 1, 1 }:double()
  nn.BCEWithLogitsLoss()(x, t):backward()
  tester:eq(x.grad, torch.Tensor { 1, -1, -0.5 }:double() / 3, 1e-12)
  local p = torch.Tensor { 0, 1, 0.5 }:double():requireGrad()
  local loss = nn.BCELoss({ reduction = "none" })(p, torch.Tensor { 1, 1, 1 }:double())
  loss:sum():backward()
  tester:eq({ loss:detach()[1], loss:detach()[2] }, { 100, 0 })
  tester:eq(p.grad:sum() == p.grad:sum(), true)
end

function tests.mistakes()
  local x = torch.zeros(2, 3)
  local function fails(pattern, f, ...)
    tester:assertErrorPattern(f, pattern, pattern, ...)
  end
  fails("reduction is batchmean, wanted mean, sum or none", function()
    nn.MSELoss({ reduction = "batchmean" })
  end)
  fails("there is no option 'margins'", function() nn.HingeEmbeddingLoss({ margins = 1 }) end)
  fails("margin is a string, wanted a number", function() nn.HingeEmbeddingLoss({ margin = "1" }) end)
  fails("delta is 0", function() nn.HuberLoss({ delta = 0 }) end)
  fails("labelSmoothing is 2", function() nn.CrossEntropyLoss({ labelSmoothing = 2 }) end)
  fails("outside 1%.%.3", function() nn.CrossEntropyLoss()(x, torch.LongTensor { 1, 4 }) end)
  fails("[sx] 4", function() nn.NLLLoss()(x, torch.LongTensor { 1, 4 }) end)
  fails("wanted one for each of the 3 classes", function()
    nn.NLLLoss({ weight = torch.ones(2) })(x, torch.LongTensor { 1, 2 })
  end)
  fails("target is 3 for input 2x3", function() nn.CrossEntropyLoss()(x, torch.LongTensor { 1, 2, 3 }) end)
  fails("target is 2 for input 2x3", function() nn.L1Loss()(x, torch.zeros(2)) end)
  fails("wanted 0 to 1", function() nn.BCELoss()(x + 2, x) end)
  fails("variance has %-1", function() nn.GaussianNLLLoss()(x, x, x - 1) end)
  fails("wanted a table of 3", function() nn.TripletMarginLoss()(x, x) end)
  fails("temperature is 0", function() nn.InfoNCELoss({ temperature = 0 }) end)
  fails("input is a string", function() nn.SoftMarginLoss()("x", x) end)
end

-- Torch7's functions and criterions of rows of classes take places as well.
function tests.ClassesAtPlaces()
  local x, target = torch.randn(2, 5, 3, 4), torch.LongTensor(2, 3, 4):random(1, 5)
  local weights = torch.rand(5)
  local logp = F.logSoftmax(x, 2)
  local function near(a, b) tester:assert(math.abs(a - b) < 1e-5, ("%g, wanted %g"):format(a, b)) end
  near(F.crossEntropy(x, target):item(), F.crossEntropy(x, target, {}):item())
  near(F.nllLoss(logp, target, weights):item(), F.nllLoss(logp, target, { weight = weights }):item())
  near(nn.CrossEntropyCriterion(weights):forward(x, target), nn.CrossEntropyLoss({ weight = weights })
    :forward(x, target))
  near(nn.ClassNLLCriterion():forward(logp, target), nn.NLLLoss():forward(logp, target))
  local criterion = nn.CrossEntropyCriterion()
  criterion:forward(x, target)
  tester:eq(criterion:backward(x, target).shape, x.shape)
  local ok, message = pcall(F.crossEntropy, x, target:narrow(2, 1, 2))
  tester:assert(not ok and message:find("wanted batch x classes", 1, true) ~= nil, tostring(message))
end

tester:add(tests):run()
