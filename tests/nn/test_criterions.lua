-- test_criterions: every criterion: the loss is what a plain loop gives; both protocols give the same
-- gradients, which are right; copies and types; mistakes.
local torch = require "torch"
local nn = require "nn"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- The names of types, which differ on other devices.
local FLOAT, DOUBLE = torch.FloatTensor():type(), torch.DoubleTensor():type()
local LONG = torch.LongTensor():type()

local function doubles(...) return torch.randn(...):double() end
local function longs(t) return torch.LongTensor(t) end
local function signs(...)
  return torch.where(torch.gt(torch.randn(...), 0), 1, -1):double()
end
local function weights(n) return torch.range(1, n):double():mul(0.5) end
local function flat(x) return x:reshape(x:nElement()):totable() end
local function log1pexp(z) return math.log(1 + math.exp(z)) end
local function hinge(z) return math.max(z, 0) end

-- The sum of f(x, t, i) over all elements, or their mean.
local function elements(f)
  return function(crit, input, target)
    local x, t, sum = flat(input), torch.isTensor(target) and flat(target), 0
    for i = 1, #x do sum = sum + f(x[i], t and t[i] or target, i, crit) end
    return crit.sizeAverage and sum / #x or sum
  end
end

-- A list of rows, of a batch or of one.
local function rows(x)
  if #x.shape == 1 then return { x:totable() } end
  return x:totable()
end

local function targets(t)
  if type(t) == "number" then return { t } end
  return t:totable()
end

local loops = {}
loops.Abs = elements(function(x, t) return math.abs(x - t) end)
loops.SmoothL1 = elements(function(x, t)
  local d = math.abs(x - t)
  return d < 1 and d * d / 2 or d - 0.5
end)
loops.SoftMargin = elements(function(x, t) return log1pexp(-x * t) end)
loops.Margin = elements(function(x, t, _, crit) return hinge(crit.margin - x * t) end)
loops.DistKLDiv = elements(function(x, t) return t > 0 and t * (math.log(t) - x) or 0 end)
loops.L1Cost = elements(function(x) return math.abs(x) end)
loops.HingeEmbedding = elements(function(x, t, _, crit) return t == 1 and x or hinge(crit.margin - x) end)

local function weight_of(crit, i)
  local n = crit.weights and crit.weights:nElement()
  return n and crit.weights[(i - 1) % n + 1] or 1
end
loops.BCE = elements(function(x, t, i, crit)
  return -weight_of(crit, i) * (t * math.log(x + 1e-12) + (1 - t) * math.log(1 - x + 1e-12))
end)
loops.MultiLabelSoftMargin = elements(function(x, t, i, crit)
  return weight_of(crit, i) * (t * log1pexp(-x) + (1 - t) * log1pexp(x))
end)
loops.WeightedMSE = elements(function(x, t, i, crit)
  local w = flat(crit.weight)
  return (x - w[(i - 1) % #w + 1] * t) ^ 2
end)

function loops.L1Hinge(crit, input, target)
  local a, b, d = flat(input[1]), flat(input[2]), 0
  for i = 1, #a do d = d + math.abs(a[i] - b[i]) end
  return target == 1 and d or hinge(crit.margin - d)
end

function loops.CosineEmbedding(crit, input, target)
  local a, b, t, sum = rows(input[1]), rows(input[2]), targets(target), 0
  for i = 1, #a do
    local ab, aa, bb = 0, 1e-12, 1e-12
    for k = 1, #a[i] do
      ab, aa, bb = ab + a[i][k] * b[i][k], aa + a[i][k] ^ 2, bb + b[i][k] ^ 2
    end
    local c = ab / math.sqrt(aa * bb)
    sum = sum + (t[i] == 1 and 1 - c or hinge(c - crit.margin))
  end
  return crit.sizeAverage and sum / #a or sum
end

function loops.MarginRanking(crit, input, target)
  local a, b, t, sum = flat(input[1]), flat(input[2]), targets(target), 0
  for i = 1, #a do sum = sum + hinge(crit.margin - t[i] * (a[i] - b[i])) end
  return crit.sizeAverage and sum / #t or sum
end

function loops.DistanceRatio(crit, input)
  local x, y, sum = flat(input[1]), flat(input[2]), 0
  for i = 1, #x do sum = sum - math.log(math.exp(-x[i]) / (math.exp(-x[i]) + math.exp(-y[i]))) end
  return crit.sizeAverage and sum / #x or sum
end

function loops.MultiMargin(crit, input, target)
  local x, t, sum = rows(input), targets(target), 0
  for n, row in ipairs(x) do
    for i = 1, #row do
      local w = crit.weights and crit.weights[t[n]] or 1
      if i ~= t[n] then sum = sum + w * hinge(crit.margin - row[t[n]] + row[i]) ^ crit.p end
    end
  end
  return sum / #x[1] / (crit.sizeAverage and #x or 1)
end

function loops.MultiLabelMargin(crit, input, target)
  local x, t, sum = rows(input), rows(target), 0
  for n, row in ipairs(x) do
    local listed, last = {}, 0
    while last < #row and t[n][last + 1] ~= 0 do
      last = last + 1
      listed[t[n][last]] = true
    end
    for k = 1, last do
      for i = 1, #row do
        if not listed[i] then sum = sum + hinge(1 - row[t[n][k]] + row[i]) end
      end
    end
  end
  return sum / #x[1] / (crit.sizeAverage and #x or 1)
end

function loops.SpatialClassNLL(crit, input, target)
  local sum, total = 0, 0
  for b, image in ipairs(target:totable()) do
    for i, line in ipairs(image) do
      for j, class in ipairs(line) do
        local w = crit.weights and crit.weights[class] or 1
        sum, total = sum - w * input[b][class][i][j], total + w
      end
    end
  end
  return crit.sizeAverage and sum / total or sum
end

function loops.ClassSimplex(crit, input, target)
  local x, t, sum = rows(input), targets(target), 0
  for n, row in ipairs(x) do
    for i = 1, #row do sum = sum + (row[i] - crit.simplex[t[n]][i]) ^ 2 end
  end
  return crit.sizeAverage and sum / (#x * #x[1]) or sum
end

-- The middle of the target, written as the places where it starts.
local function cropped(top, left)
  return function(crit, input, target)
    local n = #input.shape
    local part = target:narrow(n - 1, top, input.shape[n - 1]):narrow(n, left, input.shape[n])
    return elements(function(x, t) return (x - t) ^ 2 end)(crit, input, part)
  end
end

local function summed(crit)
  crit.sizeAverage = false
  return crit
end

-- Each: a name, a maker of the criterion, one of input and target, the loop.
local cases = {}
local function case(name, make, data, loop)
  cases[#cases + 1] = { name = name, make = make, data = data, loop = loop }
end

local function two(a, b)
  return function() return a(), b and b() end
end
local function batch() return doubles(3, 4) end
local function positive() return torch.rand(3, 4):double():mul(0.8):add(0.1) end
local function pair() return { doubles(3, 4), doubles(3, 4) } end
local function pair_of_vectors() return { doubles(4), doubles(4) } end
local function classes() return longs { 2, 4, 1 } end

for _, name in ipairs { "Abs", "SmoothL1" } do
  local class = nn[name .. "Criterion"]
  case(name, function() return class() end, two(batch, batch), loops[name])
  case(name .. " summed", function() return class(false) end, two(batch, batch), loops[name])
  case(name .. " of a column", function() return class() end,
    function() return doubles(4, 1), doubles(4) end, loops[name])
end
for _, name in ipairs { "SoftMargin", "Margin" } do
  local class = nn[name .. "Criterion"]
  local data = function() return doubles(3, 4), signs(3, 4) end
  case(name, function() return class() end, data, loops[name])
  case(name .. " summed", function() return summed(class()) end, data, loops[name])
end
case("Margin of 2", function() return nn.MarginCriterion(2) end,
  function() return doubles(5), signs(5) end, loops.Margin)

local function distributions()
  local t = torch.rand(3, 4):double()
  t[1][1] = 0
  return doubles(3, 4), t
end
case("DistKLDiv", function() return nn.DistKLDivCriterion() end, distributions, loops.DistKLDiv)
case("DistKLDiv summed", function() return nn.DistKLDivCriterion(false) end, distributions, loops.DistKLDiv)

local function probabilities() return positive(), torch.rand(3, 4):double() end
case("BCE", function() return nn.BCECriterion() end, probabilities, loops.BCE)
case("BCE summed", function() return nn.BCECriterion(nil, false) end, probabilities, loops.BCE)
case("BCE weighted", function() return nn.BCECriterion(weights(4)) end, probabilities, loops.BCE)
case("BCE of one, weighted", function() return nn.BCECriterion(weights(4)) end,
  function() return positive()[1]:clone(), longs { 0, 1, 1, 0 } end, loops.BCE)
case("MultiLabelSoftMargin", function() return nn.MultiLabelSoftMarginCriterion() end,
  two(batch, positive), loops.MultiLabelSoftMargin)
case("MultiLabelSoftMargin summed", function() return nn.MultiLabelSoftMarginCriterion(nil, false) end,
  two(batch, positive), loops.MultiLabelSoftMargin)
case("MultiLabelSoftMargin weighted", function() return nn.MultiLabelSoftMarginCriterion(weights(4)) end,
  two(batch, positive), loops.MultiLabelSoftMargin)

local function distances() return positive(), signs(3, 4) end
case("HingeEmbedding", function() return nn.HingeEmbeddingCriterion() end, distances, loops.HingeEmbedding)
case("HingeEmbedding of 0.5, summed", function() return summed(nn.HingeEmbeddingCriterion(0.5)) end,
  distances, loops.HingeEmbedding)
case("HingeEmbedding of one", function() return nn.HingeEmbeddingCriterion() end,
  function() return doubles(1), -1 end, loops.HingeEmbedding)
case("L1Cost", function() return nn.L1Cost() end, two(batch), loops.L1Cost)
case("L1HingeEmbedding alike", function() return nn.L1HingeEmbeddingCriterion() end,
  function() return pair_of_vectors(), 1 end, loops.L1Hinge)
case("L1HingeEmbedding unlike", function() return nn.L1HingeEmbeddingCriterion(50) end,
  function() return pair(), -1 end, loops.L1Hinge)
case("CosineEmbedding", function() return nn.CosineEmbeddingCriterion() end,
  function() return pair(), longs { 1, -1, 1 } end, loops.CosineEmbedding)
case("CosineEmbedding of -0.9, summed", function() return summed(nn.CosineEmbeddingCriterion(-0.9)) end,
  function() return pair(), torch.DoubleTensor { -1, -1, 1 } end, loops.CosineEmbedding)
case("CosineEmbedding of one", function() return nn.CosineEmbeddingCriterion(-0.9) end,
  function() return pair_of_vectors(), -1 end, loops.CosineEmbedding)
case("MarginRanking", function() return nn.MarginRankingCriterion() end,
  function() return pair_of_vectors(), signs(4) end, loops.MarginRanking)
case("MarginRanking of 0.3, summed", function() return summed(nn.MarginRankingCriterion(0.3)) end,
  function() return pair_of_vectors(), signs(4) end, loops.MarginRanking)
case("MarginRanking of one", function() return nn.MarginRankingCriterion(3) end,
  function() return { doubles(1), doubles(1) }, -1 end, loops.MarginRanking)
case("DistanceRatio", function() return nn.DistanceRatioCriterion() end, two(pair_of_vectors),
  loops.DistanceRatio)
case("DistanceRatio summed", function() return nn.DistanceRatioCriterion(false) end, two(pair),
  loops.DistanceRatio)

case("MultiMargin", function() return nn.MultiMarginCriterion() end, two(batch, classes),
  loops.MultiMargin)
case("MultiMargin squared, summed", function() return summed(nn.MultiMarginCriterion(2)) end,
  two(batch, classes), loops.MultiMargin)
case("MultiMargin of 0.1, weighted", function() return nn.MultiMarginCriterion(1, weights(4), 0.1) end,
  two(batch, classes), loops.MultiMargin)
case("MultiMargin of one", function() return nn.MultiMarginCriterion(2, weights(4)) end,
  function() return doubles(4), 3 end, loops.MultiMargin)
local function lists() return longs { { 2, 4, 0, 1 }, { 0, 0, 0, 0 }, { 1, 3, 2, 4 } } end
case("MultiLabelMargin", function() return nn.MultiLabelMarginCriterion() end, two(batch, lists),
  loops.MultiLabelMargin)
case("MultiLabelMargin summed", function() return summed(nn.MultiLabelMarginCriterion()) end,
  two(batch, lists), loops.MultiLabelMargin)
case("MultiLabelMargin of one", function() return nn.MultiLabelMarginCriterion() end,
  function() return doubles(4), torch.DoubleTensor { 3, 1, 0, 2 } end, loops.MultiLabelMargin)

case("WeightedMSE", function() return nn.WeightedMSECriterion(weights(4)) end, two(batch, batch),
  loops.WeightedMSE)
case("WeightedMSE of one, summed", function() return summed(nn.WeightedMSECriterion(weights(4))) end,
  function() return doubles(4), doubles(4) end, loops.WeightedMSE)
local function images() return doubles(2, 3, 2, 2) end
local function maps() return longs { { { 1, 2 }, { 3, 3 } }, { { 2, 2 }, { 1, 3 } } } end
case("SpatialClassNLL", function() return nn.SpatialClassNLLCriterion() end, two(images, maps),
  loops.SpatialClassNLL)
case("SpatialClassNLL weighted", function() return nn.SpatialClassNLLCriterion(weights(3)) end,
  two(images, maps), loops.SpatialClassNLL)
case("SpatialClassNLL summed", function() return nn.SpatialClassNLLCriterion(nil, false) end,
  two(images, maps), loops.SpatialClassNLL)
case("ClassSimplex", function() return nn.ClassSimplexCriterion(4) end, two(batch, classes),
  loops.ClassSimplex)
case("ClassSimplex of one, summed", function() return summed(nn.ClassSimplexCriterion(4)) end,
  function() return doubles(4), 2 end, loops.ClassSimplex)
case("SpatialAutoCropMSE", function() return nn.SpatialAutoCropMSECriterion() end,
  function() return doubles(2, 3, 2, 3), doubles(2, 3, 5, 6) end, cropped(2, 2))
case("SpatialAutoCropMSE of one, summed", function() return nn.SpatialAutoCropMSECriterion(false) end,
  function() return doubles(3, 2, 2), doubles(3, 2, 4) end, cropped(1, 2))

-- ---- criterions of criterions ------------------------------------------------------------------------

local function multi()
  return nn.MultiCriterion():add(nn.MSECriterion(), 0.5):add(nn.AbsCriterion())
end
case("Multi", multi, two(batch, batch), function(_, x, t)
  return 0.5 * nn.MSECriterion():forward(x, t) + nn.AbsCriterion():forward(x, t)
end)
case("Parallel", function()
  return nn.ParallelCriterion():add(nn.ClassNLLCriterion(), 0.25):add(multi())
end, function() return pair(), { classes(), doubles(3, 4) } end, function(_, x, t)
  return 0.25 * nn.ClassNLLCriterion():forward(x[1], t[1]) + multi():forward(x[2], t[2])
end)
case("Parallel of one target", function()
  return nn.ParallelCriterion(true):add(nn.MSECriterion()):add(nn.AbsCriterion(), 3)
end, two(pair, batch), function(_, x, t)
  return nn.MSECriterion():forward(x[1], t) + 3 * nn.AbsCriterion():forward(x[2], t)
end)
case("Parallel inside Parallel", function()
  return nn.ParallelCriterion():add(nn.MSECriterion()):add(
    nn.ParallelCriterion():add(nn.AbsCriterion()):add(nn.CosineEmbeddingCriterion()))
end, function()
  return { doubles(2), { doubles(3), pair_of_vectors() } }, { doubles(2), { doubles(3), 1 } }
end, function(_, x, t)
  return nn.MSECriterion():forward(x[1], t[1]) + nn.AbsCriterion():forward(x[2][1], t[2][1])
    + nn.CosineEmbeddingCriterion():forward(x[2][2], 1)
end)
case("Module", function()
  return nn.ModuleCriterion(nn.MSECriterion(), nn.Tanh(), nn.Sigmoid())
end, two(batch, batch), function(_, x, t)
  return nn.MSECriterion():forward(torch.tanh(x), torch.sigmoid(t))
end)

-- ---- all of them ------------------------------------------------------------------------------------

local function made(c)
  torch.manualSeed(7)
  local input, target = c.data()
  return c.make():double(), input, target
end

local function all_equal(a, b, tolerance, name)
  local left, right = nn.tape.flatten(a), nn.tape.flatten(b)
  tester:eq(#left, #right, name)
  for i = 1, #left do tester:eq(left[i], right[i], tolerance, name) end
end

function tests.losses_are_those_of_plain_loops()
  for _, c in ipairs(cases) do
    local crit, input, target = made(c)
    local loss = crit:forward(input, target)
    tester:eq(math.type(loss), "float", c.name)
    tester:eq(crit.output, loss, 0, c.name)
    tester:eq(loss, c.loop(crit, input, target), 1e-9, c.name)
  end
end

function tests.both_protocols_give_identical_gradients()
  for _, c in ipairs(cases) do
    local crit, input, target = made(c)
    local loss = crit:forward(input, target)
    local grads = crit:backward(input, target)
    tester:assert(rawequal(crit.gradInput, grads) or torch.pointer(crit.gradInput) == torch.pointer(grads),
      c.name)
    local leaves = nn.tape.map(input, function(t) return t:clone():requireGrad() end)
    local value = crit(leaves, target)
    tester:eq(value:dim(), 0, c.name)
    tester:eq(value:item(), loss, 0, c.name)
    value:backward()
    all_equal(nn.tape.map(leaves, function(t) return t.grad end), grads, 0, c.name)
    tester:assert(nn.tape.flatten(grads)[1]:norm() > 0, c.name)
    local plain = crit(input, target)
    tester:assert(plain:dim() == 0 and not plain.requiresGrad, c.name .. ": off the tape")
  end
end

function tests.gradients_are_right()
  for _, c in ipairs(cases) do
    local crit, input, target = made(c)
    local ok, why = torch.gradcheck(function(...)
      local list, at = { ... }, 0
      return crit(nn.tape.map(input, function()
        at = at + 1
        return list[at]
      end), target)
    end, nn.tape.flatten(input), { atol = 1e-5 })
    tester:assert(ok, c.name .. ": " .. tostring(why))
  end
end

function tests.copies_and_types()
  for _, c in ipairs(cases) do
    local crit, input, target = made(c)
    local loss = crit:forward(input, target)
    local copy = crit:clone()
    tester:eq(torch.typename(copy), torch.typename(crit))
    tester:eq(copy:forward(input, target), loss, 0, c.name)
    copy:float()
    tester:eq(copy:type(), FLOAT, c.name)
    local singles = nn.tape.map(input, function(t) return t:float() end)
    local single_target = nn.tape.map(target, function(t)
      return t:type() == DOUBLE and t:float() or t
    end)
    tester:eq(copy:forward(singles, single_target), loss, 1e-4, c.name)
    for _, g in ipairs(nn.tape.flatten(copy:backward(singles, single_target))) do
      tester:eq(g:type(), FLOAT, c.name)
    end
    tester:eq(crit:forward(input, target), loss, 0, c.name .. ": the original is left alone")
  end
end

-- ---- particulars -----------------------------------------------------------------------------------

function tests.criterions_inside_keep_their_loss_and_gradient()
  local crit = nn.MultiCriterion():add(nn.MSECriterion(), 0.5):add(nn.AbsCriterion())
  crit:forward(torch.zeros(2), torch.ones(2))
  crit:backward(torch.zeros(2), torch.ones(2))
  tester:eq(crit.criterions[1].output, 1.0)
  tester:eq(crit.criterions[2].output, 1.0)
  tester:eq(crit.gradInput, torch.Tensor { -1, -1 })
end

function tests.backward_is_of_what_it_is_given()
  local crit, t = nn.MSECriterion(), torch.zeros(2)
  local one, two_ = torch.Tensor { 1, 1 }, torch.Tensor { 2, 2 }
  crit:forward(two_, t)
  tester:eq(crit:backward(one, t), torch.Tensor { 1, 1 })
  tester:eq(crit.output, 4.0, "the output is left alone")
  tester:eq(crit:backward(one, one), torch.zeros(2), "another target")
  local pairs_ = nn.MarginRankingCriterion(3)
  local input = { one, two_ }
  pairs_:forward(input, 1)
  tester:eq(pairs_:backward(input, -1)[1], torch.Tensor { 0.5, 0.5 }, "another number")
  input[2] = torch.Tensor { -9, -9 }
  tester:eq(pairs_:backward(input, 1)[1], torch.zeros(2), "another tensor in the same table")
end

function tests.a_number_may_be_the_class_to_ignore()
  local crit, x = nn.ClassNLLCriterion(nil, nil, -1), torch.randn(5)
  tester:eq(crit:forward(x, -1), 0.0)
  tester:eq(crit:backward(x, -1), torch.zeros(5))
  tester:eq(crit:forward(x, 2), -x[2])
  tester:assertErrorPattern(function() crit:forward(x, 0) end, "nn.ClassNLLCriterion: target 0 is outside")
end

function tests.inputs_without_a_criterion_have_zero_gradients()
  local crit = nn.ParallelCriterion():add(nn.MSECriterion())
  local grads = crit:backward({ torch.ones(2), torch.ones(3) }, { torch.zeros(2) })
  tester:eq(grads[2], torch.zeros(3))
end

function tests.criterion_table_is_a_module()
  local module = nn.CriterionTable(nn.MSECriterion())
  local x, t = torch.randn(3), torch.randn(3)
  tester:eq(module:forward({ x, t }):item(), nn.MSECriterion():forward(x, t))
  local grads = module:backward({ x, t })
  tester:eq(grads[1], nn.MSECriterion():backward(x, t))
  tester:eq(grads[2], -grads[1], 1e-7)
  tester:eq(math.type(module.criterion.output), "float")
end

function tests.module_criterions_keep_a_target_modules_type()
  local crit = nn.ModuleCriterion(nn.MSECriterion(), nn.Linear(2, 2), nn.Linear(2, 2), false)
  crit:double()
  tester:eq(crit.inputModule.weight:type(), DOUBLE)
  tester:eq(crit.targetModule.weight:type(), FLOAT)
end

function tests.simplex_corners_are_at_equal_angles()
  local crit = nn.ClassSimplexCriterion(5):double()
  local products = torch.mm(crit.simplex, crit.simplex:t())
  tester:eq(products, torch.eye(5):double():mul(1.25):add(-0.25), 1e-6)
  tester:eq(crit:getTopPrediction(crit.simplex), longs { 1, 2, 3, 4, 5 })
  tester:eq(crit:getPredictions(crit.simplex[3]), products:narrow(1, 3, 1), 1e-12)
end

function tests.large_inputs_stay_finite()
  local x, t = torch.Tensor { 500, -500 }, torch.Tensor { -1, 1 }
  tester:eq(nn.SoftMarginCriterion():forward(x, t), 500, 1e-3)
  tester:eq(nn.MultiLabelSoftMarginCriterion():forward(x, torch.Tensor { 0, 1 }), 500, 1e-3)
  tester:eq(nn.DistanceRatioCriterion():forward { x, -x }, 500, 1e-3)
  tester:eq(nn.BCECriterion():forward(torch.DoubleTensor { 1 }, torch.DoubleTensor { 0 }),
    -math.log(1e-12), 1e-3)
end

function tests.half_precision_has_room()
  local one, zero = torch.ones(2):half(), torch.zeros(2):half()
  tester:eq(nn.BCECriterion():forward(one, one), 0.0)
  tester:eq(nn.BCECriterion():forward(one, zero), -math.log(1e-12), 0.02)
  tester:eq(nn.CosineEmbeddingCriterion():forward({ zero, one }, 1), 1.0)
  local many = torch.fullLike(torch.zeros(1000):half(), 100)
  local crit = nn.AbsCriterion()
  tester:eq(crit:forward(many, torch.zeros(1000):half()), 100.0, "the sum alone is beyond its range")
  tester:eq(crit:backward(many, torch.zeros(1000):half()).dtype, "float16")
  tester:eq(crit(many, torch.zeros(1000):half()).dtype, "float16")
end

-- ---- mistakes ---------------------------------------------------------------------------------------

-- Each: what is called, with which input and target, and what the message has.
local x23, x4 = torch.rand(2, 3), torch.rand(4)
local mistakes = {
  { nn.AbsCriterion(), x23, x4, "nn.AbsCriterion: target is 4 for input 2x3, wanted as many elements" },
  { nn.AbsCriterion(), x4, 3, "nn.AbsCriterion: target is a number, wanted a tensor" },
  { nn.AbsCriterion(), 3, x4, "nn.AbsCriterion: input is a number, wanted a tensor" },
  { nn.AbsCriterion(), x4:long(), x4,
    "nn.AbsCriterion: input is a " .. LONG .. ", wanted a tensor of a float type" },
  { nn.SmoothL1Criterion(), x23, x4, "nn.SmoothL1Criterion: target is 4 for input 2x3" },
  { nn.SoftMarginCriterion(), x23, x4, "nn.SoftMarginCriterion: target is 4 for input 2x3" },
  { nn.MarginCriterion(), x23, x4, "nn.MarginCriterion: target is 4 for input 2x3" },
  { nn.DistKLDivCriterion(), x23, torch.rand(3, 2),
    "nn.DistKLDivCriterion: target is 3x2 for input 2x3, wanted the same shape" },
  { nn.BCECriterion(), torch.Tensor { 0.5, 1.5 }, torch.ones(2),
    "nn.BCECriterion: input has values from 0.5 to 1.5, wanted 0 to 1" },
  { nn.BCECriterion(torch.ones(2)), x23, x23,
    "nn.BCECriterion: weights are 2 for input 2x3, wanted one for each column" },
  { nn.MultiLabelSoftMarginCriterion(torch.ones(2)), x23, x23,
    "nn.MultiLabelSoftMarginCriterion: weights are 2 for input 2x3" },
  { nn.HingeEmbeddingCriterion(), x4, torch.Tensor { 1, 0, 1, -1 },
    "nn.HingeEmbeddingCriterion: target has values from -1 to 1, wanted 1 and -1 only" },
  { nn.L1Cost(), { x4 }, nil, "nn.L1Cost: input is a table, wanted a tensor" },
  { nn.L1HingeEmbeddingCriterion(), { x4 }, 1,
    "nn.L1HingeEmbeddingCriterion: input is a table of 1, wanted a table of two tensors" },
  { nn.L1HingeEmbeddingCriterion(), { x4, x4 }, 2,
    "nn.L1HingeEmbeddingCriterion: target has values from 2 to 2, wanted 1 and -1 only" },
  { nn.CosineEmbeddingCriterion(), { x4, x23 }, 1,
    "nn.CosineEmbeddingCriterion: input[2] is 2x3 for input[1] 4, wanted the same shape" },
  { nn.CosineEmbeddingCriterion(), { x23, x23 }, x4, "nn.CosineEmbeddingCriterion: target is 4 for input 2" },
  { nn.MarginRankingCriterion(), x4, x4,
    "nn.MarginRankingCriterion: input is a " .. FLOAT .. ", wanted a table of two tensors" },
  { nn.DistanceRatioCriterion(), { x4, x23 }, nil,
    "nn.DistanceRatioCriterion: input[2] is 2x3 for input[1] 4" },
  { nn.MultiMarginCriterion(), x23, longs { 1, 4 },
    "nn.MultiMarginCriterion: target has class 4, wanted 1 to 3" },
  { nn.MultiMarginCriterion(), x23, longs { 1 },
    "nn.MultiMarginCriterion: target is 1 for input 2x3, wanted 2 class numbers" },
  { nn.MultiMarginCriterion(), torch.rand(2, 2, 2), longs { 1 },
    "nn.MultiMarginCriterion: input is 2x2x2, wanted 1 or 2 dimensions" },
  { nn.MultiMarginCriterion(1, torch.ones(2)), x23, longs { 1, 2 },
    "nn.MultiMarginCriterion: weights are 2 for input 2x3" },
  { nn.MultiLabelMarginCriterion(), x23, longs { { 1, 0, 0 }, { -1, 0, 0 } },
    "nn.MultiLabelMarginCriterion: target has class -1, wanted 0 to 3" },
  { nn.MultiLabelMarginCriterion(), x23, longs { 1, 0, 0 },
    "nn.MultiLabelMarginCriterion: target is 3 for input 2x3, wanted 2x3 class numbers" },
  { nn.WeightedMSECriterion(torch.ones(2)), x23, x23,
    "nn.WeightedMSECriterion: weight is 2 for input 2x3" },
  { nn.SpatialClassNLLCriterion(), x23, longs { 1 },
    "nn.SpatialClassNLLCriterion: input is 2x3, wanted 4 dimensions" },
  { nn.SpatialClassNLLCriterion(), torch.rand(1, 3, 1, 2), longs { { { 1, 4 } } },
    "nn.SpatialClassNLLCriterion: target has class 4, wanted 1 to 3" },
  { nn.SpatialClassNLLCriterion(torch.ones(2)), torch.rand(1, 3, 1, 2), longs { { { 1, 2 } } },
    "nn.SpatialClassNLLCriterion: weights are 2 for input 1x3x1x2" },
  { nn.ClassSimplexCriterion(4), x23, longs { 1, 1 },
    "nn.ClassSimplexCriterion: input is 2x3, wanted 4 columns" },
  { nn.ClassSimplexCriterion(3), x23, longs { 0, 1 },
    "nn.ClassSimplexCriterion: target has class 0, wanted 1 to 3" },
  { nn.SpatialAutoCropMSECriterion(), torch.rand(1, 3, 3), torch.rand(1, 4, 2),
    "nn.SpatialAutoCropMSECriterion: target is 1x4x2 for input 1x3x3" },
  { nn.MultiCriterion(), x4, x4, "nn.MultiCriterion: it has no criterions" },
  { nn.ParallelCriterion():add(nn.MSECriterion()), x4, x4,
    "nn.ParallelCriterion: input is a " .. FLOAT .. ", wanted a table of 1" },
  { nn.ParallelCriterion():add(nn.MSECriterion()), { x4 }, 3,
    "nn.ParallelCriterion: target is a number, wanted a table of 1" },
  { nn.ModuleCriterion(nn.AbsCriterion()), x23, x4, "nn.AbsCriterion: target is 4" },
}

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  return ok and "no error" or tostring(message)
end

function tests.mistakes()
  for _, m in ipairs(mistakes) do
    for _, call in ipairs { function() m[1]:forward(m[2], m[3]) end, function() m[1](m[2], m[3]) end } do
      local message = message_of(call)
      tester:assert(message:find(m[4], 1, true) ~= nil, m[4] .. "\n  got: " .. message)
    end
  end
end

function tests.mistakes_of_constructors()
  local calls = {
    { "nn.MultiMarginCriterion: p is 3, wanted 1 or 2", nn.MultiMarginCriterion, 3 },
    { "nn.BCECriterion: weights are 2x3, wanted a vector", nn.BCECriterion, x23 },
    { "nn.SpatialClassNLLCriterion: weights is a number, wanted a tensor", nn.SpatialClassNLLCriterion, 3 },
    { "nn.MarginCriterion: margin is a string, wanted a number", nn.MarginCriterion, "1" },
    { "nn.WeightedMSECriterion: weight is a nil, wanted a tensor", nn.WeightedMSECriterion },
    { "nn.ClassSimplexCriterion: nClasses is 1, wanted a whole number above 1", nn.ClassSimplexCriterion, 1 },
    { "nn.ModuleCriterion: criterion is a nn.Tanh, wanted an nn.Criterion", nn.ModuleCriterion, nn.Tanh() },
    { "nn.CriterionTable: criterion is a nil, wanted an nn.Criterion", nn.CriterionTable },
    { "nn.MultiCriterion: criterion is a number, wanted an nn.Criterion", function()
      nn.MultiCriterion():add(3)
    end },
  }
  for _, call in ipairs(calls) do
    local message = message_of(call[2], call[3])
    tester:assert(message:find(call[1], 1, true) ~= nil, call[1] .. "\n  got: " .. message)
  end
end

tester:add(tests)
tester:run()
