-- test_autocast: mixed precision: which type each function works in, the casts of parameters, regions,
-- training.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local F = nn.functional

local tester = torch.Tester()
local tests = torch.TestSuite()

local device = tostring(torch.zeros(1).device):match "^%a+"
local tiny = { float16 = 2 ^ -10, bfloat16 = 2 ^ -7 }

local function autocast(dtype, f, ...)
  if dtype then return torch.autocast(device, dtype, f, ...) end
  return torch.autocast(device, f, ...)
end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  tester:assert(not ok, "no error, wanted " .. pattern)
  tester:assert(tostring(message):find(pattern) ~= nil, tostring(message))
end

local function near(got, want, bound, what)
  local far = torch.abs(got:double() - want:double()):max()
  tester:assert(far <= bound * math.max(1, torch.abs(want:double()):max()), ("%s: %g"):format(what, far))
end

-- Whether f works in the type it should, and gives what it gives in float64.
local function works_in(want, name, f, ...)
  local inputs, double = { ... }, {}
  for dtype, step in pairs(tiny) do
    for i, x in ipairs(inputs) do double[i] = x:double() end
    for _, given in ipairs { "float32", dtype } do
      local cast = {}
      for i, x in ipairs(inputs) do cast[i] = x:type(given) end
      local y = autocast(dtype, f, table.unpack(cast))
      tester:eq(y.dtype, want == "low" and dtype or "float32", name .. " of " .. given)
      near(y, f(table.unpack(double)), 8 * step, name .. " of " .. given)
    end
  end
end

-- ---- the lists ---------------------------------------------------------------------------------------

local a, b = torch.rand(3, 4), torch.rand(4, 5)
local batch, other = torch.rand(2, 3, 4), torch.rand(2, 4, 5)

function tests.products_work_in_the_small_type()
  works_in("low", "mm", torch.mm, a, b)
  works_in("low", "*", function(x, y) return x * y end, a, b)
  works_in("low", "x:mm", function(x, y) return x:mm(y) end, a, b)
  works_in("low", "matmul", torch.matmul, batch, b)
  works_in("low", "bmm", torch.bmm, batch, other)
  works_in("low", "mv", torch.mv, a, torch.rand(4))
  works_in("low", "addmm", torch.addmm, torch.rand(3, 5), a, b)
  works_in("low", "addmm with numbers", function(c, x, y) return torch.addmm(0.5, c, 2, x, y) end,
    torch.rand(3, 5), a, b)
  works_in("low", "addmv", torch.addmv, torch.rand(3), a, torch.rand(4))
  works_in("low", "addr", torch.addr, torch.rand(3, 4), torch.rand(3), torch.rand(4))
  works_in("low", "addbmm", torch.addbmm, torch.rand(3, 5), batch, other)
  works_in("low", "baddbmm", torch.baddbmm, torch.rand(2, 3, 5), batch, other)
  works_in("low", "einsum", function(x, y) return torch.einsum("ij,jk->ik", x, y) end, a, b)
  works_in("low", "tensordot", function(x, y) return torch.tensordot(x, y, 1) end, a, b)
  works_in("low", "multiDot", torch.multiDot, a, b, torch.rand(5, 2))
  works_in("low", "bilinear", F.bilinear, torch.rand(2, 3), torch.rand(2, 4), torch.rand(5, 3, 4))
end

function tests.layers_work_in_the_small_type()
  works_in("low", "linear", F.linear, torch.rand(2, 4), torch.rand(3, 4), torch.rand(3))
  works_in("low", "conv1d", F.conv1d, torch.rand(2, 3, 6), torch.rand(4, 3, 2), torch.rand(4))
  works_in("low", "conv2d", F.conv2d, torch.rand(2, 3, 5, 5), torch.rand(4, 3, 2, 2), torch.rand(4))
  works_in("low", "conv3d", F.conv3d, torch.rand(1, 2, 4, 4, 4), torch.rand(3, 2, 2, 2, 2), torch.rand(3))
  works_in("low", "convTranspose1d", F.convTranspose1d, torch.rand(2, 3, 6), torch.rand(3, 4, 2))
  works_in("low", "convTranspose2d", F.convTranspose2d, torch.rand(2, 3, 5, 5), torch.rand(3, 4, 2, 2))
  works_in("low", "convTranspose3d", F.convTranspose3d, torch.rand(1, 2, 3, 3, 3),
    torch.rand(2, 3, 2, 2, 2))
  works_in("low", "prelu", F.prelu, torch.randn(2, 3), torch.rand(1))
  local q, k, v = torch.rand(2, 3, 4), torch.rand(2, 5, 4), torch.rand(2, 5, 4)
  works_in("low", "attention", F.scaledDotProductAttention, q, k, v)
  local x, h = torch.rand(3, 2, 4), torch.rand(2, 5)
  works_in("low", "rnn", F.rnn, x, h, torch.rand(5, 4), torch.rand(5, 5))
  works_in("low", "gru", F.gru, x, h, torch.rand(15, 4), torch.rand(15, 5))
  works_in("low", "lstm", F.lstm, x, h, torch.rand(2, 5), torch.rand(20, 4), torch.rand(20, 5))
  works_in("low", "lstmCell", F.lstmCell, torch.rand(2, 20), torch.rand(2, 5))
  works_in("low", "gruCell", F.gruCell, torch.rand(2, 15), torch.rand(2, 15), h)
end

local positive = torch.rand(3, 4):add(0.25)

function tests.functions_that_need_range_work_in_float32()
  for _, name in ipairs { "acos", "asin", "cinv", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log1p",
    "log2", "logSigmoid", "rsqrt", "sinh", "softplus", "tan" } do
    works_in("wide", name, torch[name], torch.rand(3, 4):mul(0.5):add(0.25))
  end
  works_in("wide", "pow", function(x) return torch.pow(x, 3) end, positive)
  works_in("wide", "pow of two", torch.pow, positive, positive)
  works_in("wide", "cpow", torch.cpow, positive, positive)
  works_in("wide", "number to a power", function(x) return torch.pow(2, x) end, positive)
  works_in("wide", "^", function(x) return x ^ 2 end, positive)
  works_in("wide", "1 / x", function(x) return 1 / x end, positive)
end

function tests.sums_and_norms_work_in_float32()
  for _, name in ipairs { "sum", "prod", "cumsum", "cumprod", "logcumsumexp" } do
    works_in("wide", name, function(x) return torch[name](x, 1) end, positive)
    works_in("wide", "x:" .. name, function(x) return x[name](x, 1) end, positive)
  end
  works_in("wide", "norm", function(x) return torch.norm(x, 2, 1) end, positive)
  works_in("wide", "renorm", function(x) return torch.renorm(x, 2, 1, 1) end, positive)
  works_in("wide", "cdist", torch.cdist, positive, torch.rand(2, 4))
  works_in("wide", "cdist by 1", function(x, y) return torch.cdist(x, y, 1) end, positive, torch.rand(2, 4))
  works_in("wide", "cosineSimilarity", torch.cosineSimilarity, positive, torch.rand(3, 4))
  works_in("wide", "normalize", F.normalize, positive)
  works_in("wide", "softmax", torch.softmax, positive)
  works_in("wide", "F.softmax", F.softmax, positive)
  works_in("wide", "F.logSoftmax", F.logSoftmax, positive)
  works_in("wide", "layerNorm", function(x) return F.layerNorm(x, 4) end, positive)
  works_in("wide", "rmsNorm", function(x) return F.rmsNorm(x, 4) end, positive)
  works_in("wide", "groupNorm", function(x) return F.groupNorm(x, 2) end, torch.rand(2, 4, 3))
end

function tests.losses_work_in_float32()
  local x, t, classes = torch.rand(3, 4), torch.rand(3, 4), torch.LongTensor { 1, 4, 2 }
  for _, name in ipairs { "mseLoss", "l1Loss", "smoothL1Loss", "huberLoss", "klDiv", "poissonNllLoss",
    "binaryCrossEntropyWithLogits" } do
    works_in("wide", name, F[name], x, t)
  end
  works_in("wide", "crossEntropy", function(y) return F.crossEntropy(y, classes) end, x)
  works_in("wide", "nllLoss", function(y) return F.nllLoss(y, classes) end, x)
  works_in("wide", "multiMarginLoss", function(y) return F.multiMarginLoss(y, classes) end, x)
  works_in("wide", "nn.MSECriterion", function(y, z) return nn.MSECriterion()(y, z) end, x, t)
  works_in("wide", "nn.CosineEmbeddingCriterion", function(y, z)
    return nn.CosineEmbeddingCriterion()({ y, z }, torch.ones(3))
  end, x, t)
end

function tests.other_functions_work_in_the_widest_type()
  autocast("float16", function()
    local half, single = torch.rand(3, 3):half(), torch.rand(3, 3)
    local brain = single:type("bfloat16")
    for name, f in pairs {
      addcmul = function(x, y) return torch.addcmul(x, 1, y, y) end,
      addcdiv = function(x, y) return torch.addcdiv(x, 1, y, y) end,
      atan2 = torch.atan2, cross = torch.cross, cat = torch.cat,
      stack = function(x, y) return torch.stack({ x, y }, 1) end,
      where = function(x, y) return torch.where(x:gt(0.5), x, y) end,
      plus = function(x, y) return x + y end,
      dot = function(x, y) return torch.dot(x:requireGrad(), y) end,
    } do
      tester:eq(f(half:clone(), single).dtype, "float32", name)
      tester:eq(f(single:clone(), half).dtype, "float32", name)
      tester:eq(f(half:clone(), brain).dtype, "float32", name)
      tester:eq(f(half:clone(), half).dtype, "float16", name)
    end
    tester:eq((half * 2).dtype, "float16")
    tester:eq((2 * single).dtype, "float32")
    tester:eq((half / 2).dtype, "float16")
    tester:eq(torch.relu(half).dtype, "float16")
  end)
end

function tests.float64_and_integers_are_left_alone()
  autocast("float16", function()
    tester:eq((a:double() * b:double()).dtype, "float64")
    tester:eq((a:double() * b).dtype, "float64")
    tester:eq((a:long() * b:long()).dtype, "int64")
    tester:eq(torch.sum(a:long(), 1).dtype, "int64")
    tester:eq(torch.exp(a:double()).dtype, "float64")
    near(torch.mm(a:double(), b), a:double() * b:double(), 1e-15, "with float64 no digit is lost")
  end)
end

function tests.what_is_written_to_keeps_its_type()
  autocast("float16", function()
    local res = torch.Tensor()
    torch.mm(res, a, b)
    near(res, a:double() * b:double(), 1e-6, "a result tensor")
    tester:eq(res.dtype, "float32")
    tester:eq(torch.exp(torch.HalfTensor(), a:half()).dtype, "float16")
    tester:eq(torch.pow(torch.HalfTensor(), a:half(), 2).dtype, "float16")
    tester:eq(a:half():exp().dtype, "float16")
    tester:eq(a:half():pow(2).dtype, "float16")
    tester:eq(torch.rand(3, 5):addmm(a, b).dtype, "float32")
  end)
end

function tests.probabilities_in_a_small_type_are_refused()
  local x, t = torch.rand(3):half(), torch.ones(3)
  for _, loss in ipairs { nn.BCELoss(), nn.BCECriterion() } do
    fails("BCEWithLogitsLoss", autocast, "float16", loss, x, t)
    tester:eq(autocast("float16", loss, x:float(), t).dtype, "float32")
    tester:eq(torch.isTensor(loss(x, t)), true)
  end
  fails("BCEWithLogitsLoss", autocast, "float16", F.binaryCrossEntropy, x, t)
end

-- ---- regions -----------------------------------------------------------------------------------------

function tests.regions_nest()
  local function dtype() return (a * b).dtype end
  tester:eq(dtype(), "float32")
  autocast("float16", function()
    tester:eq(dtype(), "float16")
    tester:eq(torch.getAutocastDtype(device), "float16")
    autocast("bfloat16", function() tester:eq(dtype(), "bfloat16") end)
    tester:eq(torch.autocast(device, false, dtype), "float32")
    tester:eq(torch.autocast(device, true, dtype), torch.getAutocastDtype(device) and
      (device == "cuda" and "float16" or "bfloat16"))
    tester:eq(dtype(), "float16")
    torch.autocast(device == "cpu" and "cuda" or "cpu", false, function() tester:eq(dtype(), "float16") end)
    tester:eq({ torch.isAutocastEnabled(), torch.isAutocastEnabled(device) }, { true, true })
  end)
  tester:eq({ torch.isAutocastEnabled(), torch.isAutocastEnabled(device) }, { false, false })
  tester:eq({ torch.getAutocastDtype "cpu", torch.getAutocastDtype "cuda" }, { "bfloat16", "float16" })
  torch.autocast(device == "cpu" and "cuda" or "cpu", function() tester:eq(dtype(), "float32") end)
end

function tests.a_region_passes_arguments_and_results_on()
  local function count(...) return select("#", ...), ... end
  tester:eq({ autocast(nil, count, 1, nil, "x") }, { 3, 1, nil, "x" })
  tester:eq(select("#", autocast(nil, function() end)), 0)
  tester:eq(autocast("float16", nn.Linear(4, 2), torch.rand(3, 4)).dtype, "float16")
end

function tests.an_error_ends_the_region()
  local w = torch.rand(4, 5):requireGrad()
  fails("on purpose", autocast, "float16", function()
    torch.autocast(device, "bfloat16", function()
      torch.mm(a, w)
      error "on purpose"
    end)
  end)
  tester:eq(torch.isAutocastEnabled(), false)
  fails("yield", coroutine.wrap(function() autocast("float16", function() coroutine.yield() end) end))
  tester:eq(torch.isAutocastEnabled(), false)
  -- A coroutine that runs inside of a region may stop, and go on outside.
  local rest = coroutine.create(function() while true do coroutine.yield((a * b).dtype) end end)
  tester:eq(select(2, autocast("float16", coroutine.resume, rest)), "float16")
  tester:eq(select(2, coroutine.resume(rest)), "float32")
end

function tests.wrong_arguments_are_refused()
  fails("no device 'tpu'", torch.autocast, "tpu", print)
  fails("float32, wanted float16 or bfloat16", torch.autocast, "cpu", "float32", print)
  fails("no tensor type 'f16'", torch.autocast, "cpu", "f16", print)
  fails("argument 2 is a number, wanted the function", torch.autocast, "cpu", 3)
  fails("argument 3 is a nil, wanted the function", torch.autocast, "cpu", "float16", nil)
  fails("no device 'x'", torch.isAutocastEnabled, "x")
  fails("inner sizes", autocast, "float16", torch.mm, a, a)
  fails("tensor expected", autocast, "float16", torch.mm, a, 3)
end

-- ---- gradients, and the casts of leaves --------------------------------------------------------------

function tests.gradients_arrive_in_float32()
  local w = torch.rand(4, 5):requireGrad()
  local y = autocast("float16", torch.mm, a, w)
  y:sum():backward()
  tester:eq(w.grad.dtype, "float32")
  near(w.grad, a:double():t() * torch.ones(3, 5):double(), 1e-2, "the gradient")
end

function tests.a_backward_is_not_cast()
  local w, x = torch.rand(4, 5):requireGrad(), torch.rand(3, 4):requireGrad()
  local y = torch.mm(x, w):sum()
  autocast("float16", y.backward, y)
  near(w.grad, x:detach():double():t() * torch.ones(3, 5):double(), 1e-6, "float32 all through")
  local seen
  local f = torch.Function {
    forward = function(_, v) return torch.mul(v, 2) end,
    backward = function(_, g)
      seen = torch.mm(a, b).dtype
      return g * 2
    end,
  }
  local z = f(x):sum()
  autocast("float16", z.backward, z)
  tester:eq(seen, "float32")
end

function tests.second_derivatives()
  local x = torch.rand(3, 4):requireGrad()
  local function gradient()
    local y = torch.mm(x, b)
    local g = torch.grad(torch.sum(torch.cmul(y, y)), x, nil, { createGraph = true })
    return torch.grad(torch.sum(torch.cmul(g, g)), x)
  end
  near(autocast("bfloat16", gradient), gradient(), 0.05, "of a product")
end

function tests.a_leaf_is_cast_once_a_region()
  local x, w = torch.rand(1, 512), torch.rand(512, 4):requireGrad()
  local function product() return torch.mm(x, w) end
  local function twice()
    local first = product()
    local before = torch.memory().live
    local second = torch.autocast(device, "float16", product)
    tester:assert(torch.memory().live - before < w:nElement() * 2, "no second cast")
    near(first, second, 0, "the same cast")
    return first, second
  end
  autocast("float16", function()
    local first, second = twice()
    local loss = first:sum() + second:sum()
    loss:backward()
    near(w.grad, x:double():t() * torch.ones(1, 4):double() * 2, 1e-2, "both gradients")
    torch.noGrad(function() w:fill(2) end)
    near(product(), x:double() * torch.ones(512, 4):double() * 2, 2e-3, "a changed leaf")
    w:set(torch.ones(512, 4):storage(), 1, torch.LongStorage { 512, 4 })
    near(product(), x:double() * torch.ones(512, 4):double(), 2e-3, "a leaf with other elements")
    near(autocast("bfloat16", product), x:double() * torch.ones(512, 4):double(), 2e-2, "another type")
  end)
end

function tests.a_cast_that_nobody_needs_goes_at_once()
  local x, w = torch.rand(64, 64), torch.rand(64, 1)
  torch.noGrad(autocast, "float16", function()
    torch.mm(x, w)
    local before = torch.memory().live
    for _ = 1, 10 do torch.mm(x, w) end
    tester:assert(torch.memory().live - before < 64 * 64 * 2, "casts are left")
  end)
end

function tests.a_cast_without_a_history_serves_no_gradient()
  local w = torch.rand(4, 5):requireGrad()
  autocast("float16", function()
    torch.noGrad(torch.mm, a, w)
    local y = torch.mm(a, w)
    tester:eq(y.requiresGrad, true)
    tester:eq(torch.noGrad(torch.mm, a, w).requiresGrad, false)
    y:sum():backward()
  end)
  tester:eq(w.grad.dtype, "float32")
end

function tests.checkpoints_repeat_their_casts()
  local w = torch.rand(5, 5):requireGrad()
  local function f(x) return torch.tanh(torch.mm(torch.mm(x, w), w)) end
  local x = torch.rand(2, 5)
  local plain = autocast("bfloat16", f, x)
  plain:sum():backward()
  local want = w.grad:clone()
  w.grad = nil
  local y = autocast("bfloat16", function()
    torch.mm(x, w) -- there is a cast already
    return torch.checkpoint(f, x)
  end)
  tester:eq(y.dtype, "bfloat16")
  y:sum():backward()
  near(w.grad, want, 1e-2, "the gradient of a checkpoint") -- sums in another type
end

function tests.memory_stays_flat()
  local m = nn.Sequential():add(nn.Linear(8, 16)):add(nn.Tanh()):add(nn.Linear(16, 4))
  local x = torch.rand(5, 8)
  local function step()
    autocast("bfloat16", m, x):sum():backward()
  end
  local function live()
    collectgarbage()
    collectgarbage()
    return torch.memory().live
  end
  for _ = 1, 10 do step() end
  local before = live()
  for _ = 1, 1000 do step() end
  tester:eq(live(), before, "regions")
  -- One region all along: leaves that nobody has any more take their casts with them.
  autocast("bfloat16", function()
    local function product() return torch.mm(torch.rand(16, 16):requireGrad(), torch.rand(16, 16)) end
    for _ = 1, 1000 do product() end
    collectgarbage()
    for _ = 1, 64 do product() end -- it looks at its leaves
    tester:assert(live() < before + 128 * 16 * 16 * 16, "dead leaves are still there")
  end)
  tester:eq(live(), before, "a long region")
end

-- ---- networks ----------------------------------------------------------------------------------------

function tests.the_protocol_of_torch7()
  local m = nn.Sequential():add(nn.SpatialConvolution(1, 4, 3, 3)):add(nn.SpatialBatchNormalization(4))
    :add(nn.ReLU()):add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(16, 3)):add(nn.LogSoftMax())
  local plain, criterion = m:clone(), nn.ClassNLLCriterion()
  local x, t = torch.rand(5, 1, 4, 4), torch.LongTensor { 1, 2, 3, 1, 2 }
  local function forward(net) return criterion:forward(net:forward(x), t) end
  local loss = autocast("bfloat16", forward, m)
  local gradient = m:backward(x, criterion:backward(m.output, t))
  tester:eq(type(loss), "number")
  tester:eq(m:get(1).output.dtype, "bfloat16")
  tester:assert(math.abs(loss - forward(plain)) < 0.05, "the loss")
  tester:eq(gradient.dtype, "float32")
  near(gradient, plain:backward(x, criterion:backward(plain.output, t)), 0.1, "the input's gradient")
  local _, grads = m:parameters()
  local _, wanted = plain:parameters()
  for i, g in ipairs(grads) do
    tester:eq(g.dtype, "float32")
    near(g, wanted[i], 0.1, "gradient " .. i)
  end
end

function tests.batch_normalization_keeps_float32_statistics()
  local m = nn.BatchNormalization(3)
  local y = autocast("float16", m, torch.rand(8, 3):half())
  tester:eq({ y.dtype, m.running_mean.dtype, m.weight.dtype }, { "float16", "float32", "float32" })
  y:sum():backward()
  tester:eq(m.weight.grad.dtype, "float32")
end

-- The loss after some steps, in mixed precision or not.
local function trained(make, x, t, dtype, steps)
  torch.manualSeed(3)
  local m, criterion = make(), nn.CrossEntropyCriterion()
  local optimizer = optim.Adam(m:parameters(), { lr = 0.02 })
  local function loss() return criterion(m(x), t) end
  local last
  for _ = 1, steps do
    optimizer:zeroGrad()
    last = dtype and autocast(dtype, loss) or loss()
    last:backward()
    optimizer:step()
  end
  return last:item()
end

local function trains_alike(name, make, x, t)
  local want = trained(make, x, t, nil, 30)
  tester:assert(want < 0.7, ("%s learns: %g"):format(name, want))
  for dtype in pairs(tiny) do
    local got = trained(make, x, t, dtype, 30)
    tester:assert(math.abs(got - want) < 0.05, ("%s in %s: %g, wanted %g"):format(name, dtype, got, want))
  end
end

local function labels(scores) return select(2, scores:max(2)):view(-1) end

function tests.training_goes_as_in_float32()
  torch.manualSeed(1)
  local x = torch.randn(32, 6)
  trains_alike("a perceptron", function()
    return nn.Sequential():add(nn.Linear(6, 16)):add(nn.Tanh()):add(nn.Linear(16, 3))
  end, x, labels(x:narrow(2, 1, 3)))
  local images = torch.randn(24, 1, 6, 6)
  trains_alike("a convolutional network", function()
    return nn.Sequential():add(nn.SpatialConvolution(1, 6, 3, 3)):add(nn.SpatialBatchNormalization(6))
      :add(nn.ReLU()):add(nn.View(-1):setNumInputDims(3)):add(nn.Linear(96, 2))
  end, images, labels(images:view(24, 36):narrow(2, 1, 2)))
  local sequences = torch.randn(5, 24, 4)
  trains_alike("an LSTM", function()
    return nn.Sequential():add(nn.LSTM(4, 16)):add(nn.Select(1, -1)):add(nn.Linear(16, 2))
  end, sequences, labels(sequences[5]:narrow(2, 1, 2)))
end

tester:add(tests):run()
