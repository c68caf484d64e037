-- test_torch_autograd: the calls of twitter's torch-autograd, in the forms that its scripts use.
local t = require "torch"
local nn = require "nn"
local grad = require "autograd"

local torch = t
local tester = torch.Tester()
local tests = torch.TestSuite()
local util, loss = grad.util, grad.loss

local function D(v)
  return torch.DoubleTensor(v)
end

local function eq(got, wanted, message, tolerance)
  if type(wanted) == "table" then wanted = D(wanted) end
  tester:eq(got, wanted, tolerance or 1e-10, message or "value")
end

local function fails(pattern, f, ...)
  local ok, why = pcall(f, ...)
  tester:assert(not ok, "an error is wanted: " .. pattern)
  tester:assert(tostring(why):find(pattern) ~= nil, tostring(why))
end

local function correct(f, ...)
  local ok, why = grad.gradcheck(f, ...)
  tester:assert(ok, tostring(why))
end

-- ---- gradients ----------------------------------------------------------------

function tests.a_network_on_tables_of_parameters()
  torch.manualSeed(1)
  local params = {
    W = { t.randn(10, 5) * 0.3, t.randn(5, 3) * 0.3 },
    b = { t.randn(5), t.randn(3) },
  }
  local function net(p, x, y)
    local h1 = t.tanh(x * p.W[1] + p.b[1])
    local h2 = t.tanh(h1 * p.W[2] + p.b[2])
    local yHat = h2 - t.log(t.sum(t.exp(h2)))
    return -t.sum(t.cmul(yHat, y)), yHat
  end
  local dnet = grad(net)
  local x, y = t.randn(1, 10), t.Tensor(1, 3):zero()
  y[1][3] = 1
  local first, last
  for _ = 1, 50 do
    local grads, value, prediction = dnet(params, x, y)
    tester:eq(type(value), "number")
    tester:eq(prediction.shape, { 1, 3 })
    tester:eq(prediction.requiresGrad, false)
    first, last = first or value, value
    for i = 1, #params.W do
      tester:eq(grads.W[i].requiresGrad, false)
      params.W[i]:add(-.1, grads.W[i])
      params.b[i]:add(-.1, grads.b[i])
    end
  end
  tester:assertlt(last, first / 2)
  correct(net, params, x, y)
end

function tests.control_flow()
  local f = function(p, n)
    local x = p.x
    for _ = 1, n do
      if util.gt(t.sum(x), 0) then x = t.cmul(x, p.x) else x = x * 2 end
    end
    return t.sum(x)
  end
  eq(grad(f)({ x = D { 2 } }, 2).x, { 12 })
  eq(grad(f)({ x = D { -2 } }, 2).x, { 4 })
end

function tests.gradients_of_gradients()
  local inner = function(params, x, y)
    return t.pow(y - params * x, 2)
  end
  local dinner = grad(inner)
  local x, params = D { 1, 2, 3 }, D { 0.5, -1, 2 }
  local y = 0.25
  local residual = y - params:dot(x)
  eq(dinner(params, x, y), x * (-2 * residual))
  local ddf = grad(function(p, a, b) return t.sum((dinner(p, a, b))) end)
  eq(ddf(params, x, y), x * (2 * x:sum()))
  -- With nested parameters, and a third time.
  local cube = function(p) return t.sum(t.pow(p.w, 4)) end
  local second = grad(function(p) return t.sum(grad(cube)(p).w) end)
  local third = grad(function(p) return t.sum(second(p).w) end)
  eq(second({ w = D { 2 } }).w, { 48 })
  eq(third({ w = D { 2 } }).w, { 48 })
end

function tests.a_gradient_in_torch_func()
  local f = function(x) return t.sum(t.pow(x, 3)) end
  eq(torch.func.grad(function(x) return t.sum((grad(f)(x))) end)(D { 2 }), { 12 })
  eq(grad(function(x) return t.sum(torch.func.grad(f)(x)) end)(D { 2 }), { 12 })
end

function tests.parameters_that_require_gradients_are_plain_here()
  local w = D { 2 }:requireGrad()
  local g, value = grad(function(p) return t.sum(t.pow(p, 2)) end)(w)
  eq(g, { 4 })
  tester:eq(g.requiresGrad, false)
  tester:eq(value, 4)
  tester:assert(w.grad == nil)
end

function tests.results_that_do_not_depend_on_the_parameters()
  local g, value = grad(function(_, x) return t.sum(x) end)({ w = D { 1, 2 } }, D { 3 })
  eq(g.w, { 0, 0 })
  tester:eq(value, 3)
  local params = { w = D { 1 }, n = 3, i = t.LongTensor { 1 }, name = "x" }
  g = grad(function(p) return t.sum(p.w) * 0.5 end)(params)
  eq(g.w, { 0.5 })
  tester:assert(g.n == nil and g.i == nil and g.name == nil)
end

function tests.writes_to_copies()
  correct(function(p)
    local x = p.x:clone()
    x[1] = t.sum(p.y) * 2
    x[{ { 2, 3 } }] = p.y
    return t.sum(t.pow(x, 2))
  end, { x = t.randn(4), y = t.randn(2) })
end

function tests.options()
  local f = function(p, x) return t.cmul(p.w, x) end
  local p, x = { w = D { 2, 3 } }, D { 5, 7 }
  eq(grad(f, { withForward = true, withGradients = false })(p, x), { 10, 21 })
  local backward = grad(f, { withForward = false, withGradients = true, partialGrad = true })
  eq(backward(p, x, D { 1, 10 }).w, { 5, 70 })
  local product = function(a, b) return t.sum(t.cmul(a, b)) end
  eq(grad(product, { gradArg = 2, optimize = true })(D { 2 }, D { 3 }), { 2 })
  grad.optimize(true)
  tester:eq(grad.optimizing(), true)
  grad.optimize(false)
  grad.protected(true)
  fails("last argument is the gradient", grad(f, { partialGrad = true }), p, 3)
  fails("wanted a function, got a nil", grad)
  fails("shape 2; wanted one element", grad(f), p, x)
  fails("no tensor to differentiate by", grad(f), {}, x)
end

function tests.gradcheck_finds_errors()
  local ok, why = grad.gradcheck(function(p) return t.sum(p.a:detach()) end, { a = t.ones(2) })
  tester:eq(ok, false)
  tester:assert(why:find("2 of 2 elements differ", 1, true) ~= nil, why)
  tester:eq(require "autograd.gradcheck", grad.gradcheck)
end

-- ---- modules ----------------------------------------------------------------

function tests.modules_with_parameters_of_tables()
  local params = {
    linear1 = { t.randn(5, 10), t.randn(5) },
    linear2 = { t.randn(3, 5), t.randn(3) },
  }
  local linear1, acts1 = grad.nn.Linear(10, 5), grad.nn.Tanh()
  local linear2, acts2 = grad.nn.Linear(5, 3), grad.nn.Tanh()
  local function net(p, x, y)
    local h1 = acts1(linear1(p.linear1, x))
    local h2 = acts2(linear2(p.linear2, h1))
    return -t.sum(t.cmul(h2 - t.log(t.sum(t.exp(h2))), y))
  end
  local x, y = t.randn(1, 10), t.Tensor { { 0, 0, 1 } }
  local grads, value = grad(net)(params, x, y)
  tester:eq(type(value), "number")
  tester:eq(grads.linear1[1].shape, { 5, 10 })
  tester:assert(grads.linear2[2]:abs():sum() > 0)
  correct(net, params, x, y)
end

function tests.functionalize()
  local model = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Tanh()):add(nn.Linear(3, 2))
  local modelf, params = grad.functionalize(model)
  local criterion = grad.nn.MSECriterion()
  local f = function(p, x, y) return criterion(modelf(p, x), y) end
  local x, y = t.randn(6, 4), t.randn(6, 2)
  tester:eq(#params, 4)
  tester:assert(params[1]:isSetTo(model:get(1).weight), "the elements are the model's")
  local grads, value = grad(f)(params, x, y)
  model:zeroGradParameters()
  local mse = nn.MSECriterion()
  tester:eq(value, mse:forward(model:forward(x), y), 1e-6)
  model:backward(x, mse:backward(model.output, y))
  local _, own = model:parameters()
  for i, g in ipairs(own) do eq(grads[i], g, "parameter " .. i, 1e-6) end
  local optimfn = grad.optim.sgd(grad(f), { learningRate = 0.1 }, params)
  for _ = 1, 20 do optimfn(x, y) end
  tester:assertlt(mse:forward(model:forward(x), y), value, "training params trains the model")
end

function tests.functionalize_without_parameters()
  local a = torch.eye(3)
  eq(grad.functionalize(nn.Tanh())(a), t.tanh(a))
  eq(grad.nn.Tanh()(a:double()), t.tanh(a:double()))
  tester:eq(grad.nn.MSECriterion()(t.zeros(2), t.ones(2)), 1)
  tester:eq(grad.functionalize("nn").Linear(2, 3)({ t.ones(3, 2), t.zeros(3) }, t.ones(2)):sum(), 6)
  fails("no class Nonsense", function() return grad.nn.Nonsense end)
  fails("wanted a module", grad.functionalize, 3)
  fails("call f%(params, input%)", (grad.nn.Linear(2, 3)), t.ones(2))
end

function tests.auto_modules()
  local Linear = grad.nn.AutoModule "AutoLinear"
  tester:eq(grad.auto.AutoLinear, Linear)
  tester:eq(grad.nn.AutoModule "AutoLinear", Linear)
  local plain = nn.Linear(3, 2)
  local auto = Linear(function(x, weight, bias) return x * weight:t() + bias end, plain.weight:clone(),
    plain.bias:clone())
  local AutoMSE = grad.nn.AutoCriterion "AutoMSE"
  local criterion = AutoMSE(function(x, y) return t.sum(t.pow(x - y, 2)) / x:nElement() end)
  local x, y = t.randn(4, 3), t.randn(4, 2)
  local mse = nn.MSECriterion()
  for _, m in ipairs { plain, auto } do m:zeroGradParameters() end
  eq(auto:forward(x), plain:forward(x), "forward", 1e-6)
  tester:eq(criterion:forward(auto.output, y), mse:forward(plain.output, y), 1e-6)
  eq(criterion:backward(auto.output, y), mse:backward(plain.output, y), "criterion", 1e-6)
  eq(auto:backward(x, criterion.gradInput), plain:backward(x, mse.gradInput), "backward", 1e-6)
  eq(auto.gradWeight, plain.gradWeight, "weight", 1e-6)
  eq(auto.gradBias, plain.gradBias, "bias", 1e-6)
  fails("give the class a name", grad.nn.AutoModule)
end

-- ---- optim ----------------------------------------------------------------

function tests.optim_is_descent_by_hand()
  torch.manualSeed(2)
  local f = function(p, x, y)
    return t.sqrt(t.sum(t.pow(y - t.tanh(x * p.W[1] + p.b[1]), 2)))
  end
  local df = grad(f)
  local xs = t.randn(20, 10)
  local ys = t.tanh(t.sum(xs, 2))
  local a = { W = { t.randn(10, 1) }, b = { t.randn(1) } }
  local b = { W = { a.W[1]:clone() }, b = { a.b[1]:clone() } }
  local step, states = grad.optim.sgd(df, { learningRate = 1e-2 }, b)
  for i = 1, 20 do
    local x, y = xs:narrow(1, i, 1), ys:narrow(1, i, 1)
    local grads, one = df(a, x, y)
    a.W[1]:add(-1e-2, grads.W[1])
    a.b[1]:add(-1e-2, grads.b[1])
    local _, other = step(x, y)
    tester:eq(one, other, 1e-6)
  end
  eq(a.W[1], b.W[1], "weights", 1e-6)
  tester:eq(#states, 2)
  tester:eq(states[1].evalCounter, 20)
  fails("no function nonsense", function() return grad.optim.nonsense end)
end

function tests.optim_adam()
  local p = { a = D { 5 }, skipped = "x", b = { D { -3 } } }
  local step = grad.optim.adam(grad(function(q) return t.sum(t.pow(q.a, 2)) + t.sum(t.pow(q.b[1], 2)) end),
    { learningRate = 0.1 }, p)
  for _ = 1, 200 do step() end
  tester:assertlt(math.abs(p.a[1]), 0.1)
  tester:assertlt(math.abs(p.b[1][1]), 0.1)
end

-- ---- losses, util, models ----------------------------------------------------------------

function tests.losses()
  local out, target = D { { 1, 2, 0.5 } }, D { { 0, 1, 0 } }
  local logs = nn.LogSoftMax():double():forward(out)
  local value, yhat = loss.crossEntropy(out, target)
  tester:eq(value, -logs[1][2], 1e-12)
  eq(yhat, logs)
  tester:eq(loss.logMultinomialLoss(logs, target), value, 1e-12)
  value, yhat = loss.binaryCrossEntropy(D { 0, 100 }, D { 1, 1 })
  tester:eq(value, math.log(2), 1e-5)
  eq(yhat, { 0.5, 1 }, "probabilities", 1e-5)
  tester:eq(loss.logBCELoss(D { 0.5 }, D { 1 }), math.log(2), 1e-12)
  tester:eq((loss.leastSquares(D { 1, 2 }, D { 3, 2 })), 4)
  -- 1 + 0.5 - 2 < 0; 1 + 1.5 - 2 = 0.5; 1 + 0.5 - 1 = 0.5; 1 + 1.5 - 1 = 1.5
  tester:eq((loss.margin(D { 2, 0.5, 1, 1.5 }, D { 1, 0, 1, 0 })), 2.5)
  for name in pairs { crossEntropy = 1, binaryCrossEntropy = 1, leastSquares = 1, margin = 1 } do
    correct(function(p) return (loss[name](p, D { { 1, 0, 1 } })) end, D { { 0.3, 0.8, 0.4 } })
  end
end

function tests.util()
  eq(util.oneHot(D { 2, 1 }), { { 0, 1 }, { 1, 0 } })
  tester:eq(util.oneHot(t.LongTensor { 1 }, 3).shape, { 1, 3 })
  tester:eq(util.logSumExp(D { 1000, 1000 }), 1000 + math.log(2), 1e-9)
  eq(util.logSoftMax(D { { 1, 1 }, { 5, 5 } }), D { { 1, 1 }, { 1, 1 } } * -math.log(2))
  correct(function(p) return util.logSumExp(p) end, D { 0.1, 2 })
  correct(function(p) return t.sum(t.pow(util.logSoftMax(p), 2)) end, D { { 0.1, 2 }, { 1, 1 } })
  correct(function(p) return t.sum(t.pow(util.lookup(p, D { 2, 2, 1 }), 2)) end, D { { 0.1, 2 }, { 1, 1 } })
  local x = util.dropout(t.ones(1000), 0.5)
  tester:assert(x:max() == 2 and x:min() == 0)
  eq(util.cat(D { 1 }, D { 2 }), { 1, 2 })
  eq(util.cat({ D { { 1 } }, D { { 2 } } }, 1), { { 1 }, { 2 } })
  eq(util.cat({ D { { 1 } }, D { { 2 } } }), { { 1, 2 } })
  local w = D { 1 }
  local copy = util.deepCopy { a = { w } }
  tester:assert(rawequal(copy.a[1], w))
  tester:eq(util.cast({ w = { w } }, "float").w[1]:type(), torch.FloatTensor():type())
  tester:eq(util.sortedFlatten { z = 1, [2] = "b", [1] = { y = "a" } }, { "a", "b", 1 })
  tester:eq(util.zerosLike(w, t.ones(2, 3)).shape, { 2, 3 })
  tester:eq(util.zerosLike(w):type(), torch.DoubleTensor():type())
  fails("no keys", util.nestedSet, {}, {}, 1)
end

function tests.models()
  torch.manualSeed(4)
  local f, params = grad.model.NeuralNetwork {
    inputFeatures = 4, hiddenFeatures = { 6, 2 }, activations = "Tanh", classifier = true,
  }
  tester:eq(#params, 2)
  local x, y = t.randn(8, 4), t.randn(8, 2)
  local step = grad.optim.adam(grad(function(p, a, b) return (loss.leastSquares(f(p, a), b)) end),
    { learningRate = 0.05 }, params)
  local _, first = step(x, y)
  local last
  for _ = 1, 60 do _, last = step(x, y) end
  tester:assertlt(last, first / 3)
  local _, with = grad.model.NeuralNetwork {
    inputFeatures = 4, hiddenFeatures = { 3, 2 }, batchNormalization = true, dropoutProb = 0.5,
  }
  tester:eq(#with, 4)
end

function tests.recurrent_models()
  torch.manualSeed(5)
  for _, name in ipairs { "RecurrentNetwork", "RecurrentLSTMNetwork" } do
    local f, params = grad.model[name] { inputFeatures = 3, hiddenFeatures = 2 }
    params[1].W:uniform(-1, 1)
    local x = t.randn(2, 5, 3)
    local h, state = f(params, x)
    tester:eq(h.shape, { 2, 2 })
    local half, between = f(params, x:narrow(2, 1, 3))
    tester:assert((half - h):abs():max() > 1e-4)
    eq(f(params, x:narrow(2, 4, 2), between), h, "going on from a state", 1e-6)
    eq(state.h, h)
    local all = grad.model[name] { inputFeatures = 3, hiddenFeatures = 2, outputType = "all" }
    eq(all(params, x):select(2, 5), h, "all outputs", 1e-6)
    tester:eq(all(params, x:select(1, 1)).shape, { 1, 5, 2 })
    correct(function(p) return t.sum(t.pow((f(p, x)), 2)) end, params)
  end
end

tester:add(tests)
tester:run()
