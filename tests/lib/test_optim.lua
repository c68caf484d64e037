-- test_optim: the optimizers against their formulas in plain Lua, their state, the confusion matrix, the
-- logger.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"

local tester = torch.Tester()
local tests = torch.TestSuite()

local start = { 1, -2, 0.5 }

-- The loss is a sum of k x^2 / 2 with k = 1, 2, 3: the gradient is k x.
local function gradient(x)
  local g = {}
  for k, v in ipairs(x) do g[k] = k * v end
  return g
end

local function opfunc(x)
  local k = torch.DoubleTensor { 1, 2, 3 }
  local g = torch.cmul(k, x)
  return 0.5 * g:dot(x), g
end

-- Runs optim[name] for n steps, and the rule in plain Lua: step(x, g, memory, t), one number at a time.
local function compare(name, config, n, rule)
  local x = torch.DoubleTensor(start)
  local plain, memory = { table.unpack(start) }, { {}, {}, {} }
  for t = 1, n do
    local same, losses = optim[name](opfunc, x, config)
    tester:assert(same == x)
    tester:eq(#losses, 1)
    local g = gradient(plain)
    for k = 1, 3 do plain[k] = rule(plain[k], g[k], memory[k], t) end
  end
  tester:eq(x, torch.DoubleTensor(plain), 1e-12, name)
end

local function sgd_rule(lr, momentum, dampening, decay, nesterov, lr_decay)
  return function(x, g, m, t)
    g = g + decay * x
    if momentum ~= 0 then
      m.v = m.v and momentum * m.v + (1 - dampening) * g or g
      g = nesterov and g + momentum * m.v or m.v
    end
    return x - lr / (1 + (t - 1) * lr_decay) * g
  end
end

function tests.sgd()
  compare("sgd", {}, 3, sgd_rule(1e-3, 0, 0, 0, false, 0))
  compare("sgd", { learningRate = 0.1, momentum = 0.9 }, 5, sgd_rule(0.1, 0.9, 0.9, 0, false, 0))
  compare("sgd", { learningRate = 0.1, momentum = 0.9, dampening = 0, weightDecay = 0.01,
    learningRateDecay = 0.1 }, 5, sgd_rule(0.1, 0.9, 0, 0.01, false, 0.1))
  compare("sgd", { learningRate = 0.1, momentum = 0.9, dampening = 0, nesterov = true }, 5,
    sgd_rule(0.1, 0.9, 0, 0, true, 0))
  tester:assertErrorPattern(function() optim.sgd(opfunc, torch.DoubleTensor(start), { nesterov = true }) end,
    "test_optim.lua:%d+: optim%.sgd: Nesterov")
end

function tests.sgd_individual_rates()
  local x = torch.DoubleTensor { 1, 1, 1 }
  optim.sgd(opfunc, x, { learningRate = 1, learningRates = torch.DoubleTensor { 0.1, 0, 0.2 } })
  tester:eq(x, torch.DoubleTensor { 0.9, 1, 0.4 }, 1e-12)
  x = torch.DoubleTensor { 1, 1, 1 }
  optim.sgd(opfunc, x, { learningRate = 0.1, weightDecays = torch.DoubleTensor { 1, 0, 2 } })
  tester:eq(x, torch.DoubleTensor { 0.8, 0.8, 0.5 }, 1e-12)
end

local function adam_rule(lr, b1, b2, eps, decay)
  return function(x, g, m, t)
    g = g + decay * x
    m.m = b1 * (m.m or 0) + (1 - b1) * g
    m.v = b2 * (m.v or 0) + (1 - b2) * g * g
    return x - lr * math.sqrt(1 - b2 ^ t) / (1 - b1 ^ t) * m.m / (math.sqrt(m.v) + eps)
  end
end

function tests.adam()
  compare("adam", {}, 5, adam_rule(1e-3, 0.9, 0.999, 1e-8, 0))
  compare("adam", { learningRate = 0.1, beta1 = 0.8, beta2 = 0.9, epsilon = 1e-3, weightDecay = 0.1 }, 5,
    adam_rule(0.1, 0.8, 0.9, 1e-3, 0.1))
end

function tests.other_rules()
  compare("adagrad", { learningRate = 0.1, learningRateDecay = 0.5 }, 5, function(x, g, m, t)
    m.v = (m.v or 0) + g * g
    return x - 0.1 / (1 + (t - 1) * 0.5) * g / (math.sqrt(m.v) + 1e-10)
  end)
  compare("rmsprop", { learningRate = 0.1, alpha = 0.9 }, 5, function(x, g, m)
    m.v = 0.9 * (m.v or 0) + 0.1 * g * g
    return x - 0.1 * g / (math.sqrt(m.v) + 1e-8)
  end)
  compare("adadelta", {}, 5, function(x, g, m)
    m.v = 0.9 * (m.v or 0) + 0.1 * g * g
    local d = math.sqrt((m.d or 0) + 1e-6) / math.sqrt(m.v + 1e-6) * g
    m.d = 0.9 * (m.d or 0) + 0.1 * d * d
    return x - d
  end)
  compare("adamax", { learningRate = 0.1 }, 5, function(x, g, m, t)
    m.m = 0.9 * (m.m or 0) + 0.1 * g
    m.u = math.max(0.999 * (m.u or 0), math.abs(g) + 1e-38)
    return x - 0.1 / (1 - 0.9 ^ t) * m.m / m.u
  end)
end

-- Each of them comes near the minimum of a quadratic.
function tests.all_converge()
  local configs = {
    sgd = { learningRate = 0.2 }, adam = { learningRate = 0.05 }, adamax = { learningRate = 0.05 },
    adagrad = { learningRate = 0.5 }, rmsprop = { learningRate = 0.01 }, nag = { learningRate = 0.05 },
    asgd = { eta0 = 0.2 }, rprop = {}, lbfgs = {},
  }
  for name, config in pairs(configs) do
    local x = torch.DoubleTensor(start)
    for _ = 1, 300 do optim[name](opfunc, x, config) end
    tester:assertlt(torch.abs(x):max(), 0.05, name)
  end
end

function tests.lbfgs_rosenbrock()
  local function rosenbrock(x)
    local a, b = x[1], x[2]
    local g = torch.DoubleTensor { -2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a) }
    return (1 - a) ^ 2 + 100 * (b - a * a) ^ 2, g
  end
  local x = torch.DoubleTensor { 0.5, 0.5 }
  local _, losses = optim.lbfgs(rosenbrock, x, { maxIter = 100, maxEval = 500 })
  tester:eq(x, torch.DoubleTensor { 1, 1 }, 1e-3)
  tester:assertlt(losses[#losses], 1e-6)
  tester:assertlt(optim.checkgrad(rosenbrock, torch.DoubleTensor { 0.3, -0.7 }), 1e-5)
end

-- The state is kept apart from the configuration when both are given, and may be saved between steps.
function tests.state()
  local config, state = { learningRate = 0.1, momentum = 0.5 }, {}
  local x = torch.DoubleTensor(start)
  for _ = 1, 3 do optim.sgd(opfunc, x, config, state) end
  tester:eq(state.evalCounter, 3)
  tester:assert(torch.isTensor(state.dfdx))
  tester:assert(config.evalCounter == nil)
  local y, copy = x:clone(), torch.deserialize(torch.serialize(state))
  optim.sgd(opfunc, x, config, state)
  optim.sgd(opfunc, y, config, copy)
  tester:eq(x, y)
  local adam = {}
  optim.adam(opfunc, torch.DoubleTensor(start), adam)
  for _, key in ipairs { "t", "m", "v", "denom" } do tester:assert(adam[key] ~= nil, key) end
end

-- ---- objects ------------------------------------------------------------------------------------------

local function parameter(values)
  local p = torch.DoubleTensor(values)
  p.requiresGrad = true
  return p
end

local function run_object(class, options, n, rule)
  local p = parameter(start)
  local o = optim[class]({ p }, options)
  local plain, memory = { table.unpack(start) }, { {}, {}, {} }
  local k = torch.DoubleTensor { 0.5, 1, 1.5 }
  for t = 1, n do
    o:zeroGrad()
    local loss = torch.cmul(torch.cmul(p, p), k):sum()
    loss:backward()
    o:step()
    local g = gradient(plain)
    for i = 1, 3 do plain[i] = rule(plain[i], g[i], memory[i], t) end
  end
  tester:eq(p:detach(), torch.DoubleTensor(plain), 1e-10, class)
  tester:assert(p.requiresGrad)
  tester:assert(p.isLeaf ~= false)
end

function tests.objects()
  run_object("SGD", { lr = 0.1 }, 5, sgd_rule(0.1, 0, 0, 0, false, 0))
  run_object("SGD", { lr = 0.1, momentum = 0.9, weightDecay = 0.1 }, 5, sgd_rule(0.1, 0.9, 0, 0.1, false, 0))
  run_object("SGD", { lr = 0.1, momentum = 0.9, nesterov = true }, 5, sgd_rule(0.1, 0.9, 0, 0, true, 0))
  local function adam(decoupled)
    return function(x, g, m, t)
      if decoupled then x = x - 0.1 * 0.05 * x else g = g + 0.05 * x end
      m.m = 0.9 * (m.m or 0) + 0.1 * g
      m.v = 0.99 * (m.v or 0) + 0.01 * g * g
      return x - 0.1 * (m.m / (1 - 0.9 ^ t)) / (math.sqrt(m.v / (1 - 0.99 ^ t)) + 1e-8)
    end
  end
  run_object("Adam", { lr = 0.1, betas = { 0.9, 0.99 }, weightDecay = 0.05 }, 5, adam(false))
  run_object("AdamW", { learningRate = 0.1, beta2 = 0.99, weightDecay = 0.05 }, 5, adam(true))
  run_object("RMSprop", { lr = 0.1 }, 5, function(x, g, m)
    m.v = 0.99 * (m.v or 0) + 0.01 * g * g
    return x - 0.1 * g / (math.sqrt(m.v) + 1e-8)
  end)
  run_object("RMSprop", { lr = 0.01, momentum = 0.5 }, 5, function(x, g, m)
    m.v = 0.99 * (m.v or 0) + 0.01 * g * g
    m.m = 0.5 * (m.m or 0) + g / (math.sqrt(m.v) + 1e-8)
    return x - 0.01 * m.m
  end)
  run_object("Adagrad", { lr = 0.1 }, 5, function(x, g, m)
    m.v = (m.v or 0) + g * g
    return x - 0.1 * g / (math.sqrt(m.v) + 1e-10)
  end)
end

function tests.groups()
  local a, b = parameter { 1 }, parameter { 1 }
  local o = optim.SGD({ { params = { a }, lr = 0.1 }, { params = { b } } }, { lr = 0.01 })
  a.grad, b.grad = torch.DoubleTensor { 1 }, torch.DoubleTensor { 1 }
  o:step()
  tester:eq(a:detach()[1], 0.9, 1e-12)
  tester:eq(b:detach()[1], 0.99, 1e-12)
  o:set("lr", 1):step()
  tester:eq(a:detach()[1], -0.1, 1e-12)
  tester:eq(b:detach()[1], -0.01, 1e-12)
  o:zeroGrad()
  tester:eq(a.grad[1], 0)
  tester:eq(o:step(function() return "loss" end), "loss")
  tester:assert(tostring(o):find("group 2: 1 tensors") ~= nil)
end

function tests.parameters_without_gradient()
  local a = parameter { 1 }
  local o = optim.Adam { a }
  o:zeroGrad()
  o:step()
  tester:eq(a:detach()[1], 1)
end

-- Saved in the middle and loaded into a new optimizer, a run goes on to the last bit.
function tests.state_of_objects()
  for _, class in ipairs { "SGD", "Adam", "AdamW", "RMSprop", "Adagrad" } do
    local options = class == "SGD" and { lr = 0.1, momentum = 0.9 } or { lr = 0.1 }
    local a = parameter(start)
    local o = optim[class]({ a }, options)
    local function step(p, optimizer)
      optimizer:zeroGrad()
      torch.cmul(p, p):sum():backward()
      optimizer:step()
    end
    for _ = 1, 3 do step(a, o) end
    local b = parameter(a:detach():totable())
    local other = optim[class] { b }
    other:loadStateDict(torch.deserialize(torch.serialize(o:stateDict())))
    for _ = 1, 3 do
      step(a, o)
      step(b, other)
    end
    tester:eq(a:detach(), b:detach(), class)
  end
end

function tests.parameter_groups()
  local net = nn.Sequential():add(nn.Linear(2, 2)):add(nn.Linear(2, 2))
  local groups = net:parameterGroups { { match = "bias", lr = 0.5 }, { match = "nowhere" } }
  local o = optim.SGD(groups, { lr = 0.25 })
  net(torch.ones(1, 2)):sum():backward()
  local before = {}
  for i, p in ipairs(net:parameters()) do before[i] = p:clone() end
  o:step()
  for i, p in ipairs(net:parameters()) do
    tester:eq(p:detach(), before[i] - p.grad * (i % 2 == 0 and 0.5 or 0.25))
  end
end

function tests.faults()
  local p = parameter { 1 }
  tester:assertErrorPattern(function() optim.Adam({ p }, { rate = 1 }) end,
    "test_optim.lua:%d+: optim%.Adam: there is no option 'rate'")
  tester:assertErrorPattern(function() optim.Adam({ p }, { lr = "1" }) end, "'lr' must be a number")
  tester:assertErrorPattern(function() optim.Adam({}) end, "an empty table")
  tester:assertErrorPattern(function() optim.Adam({ { params = {} } }) end, "an empty table")
  tester:assertErrorPattern(function() optim.Adam({ 1 }) end, "parameter 1 is a number")
  tester:assertErrorPattern(function() optim.SGD({ p }, { nesterov = true }) end, "nesterov needs")
  local o = optim.Adam { p }
  tester:assertErrorPattern(function() o:loadStateDict({}) end, "not what :stateDict")
  local wrong = { state = { [1] = { step = 1, m = torch.DoubleTensor(7) } }, groups = { {} } }
  tester:assertErrorPattern(function() o:loadStateDict(wrong) end, "another shape")
end

-- ---- the confusion matrix -------------------------------------------------------------------------------

function tests.confusion_matrix()
  local c = optim.ConfusionMatrix { "a", "b", "c" }
  c:batchAdd(torch.FloatTensor { { 1, 2, 3 }, { 3, 2, 1 }, { 1, 5, 1 } }, torch.FloatTensor { 3, 1, 1 })
  c:add(2, 2)
  c:add(torch.FloatTensor { 0, 1, 0 }, 2)
  c:add(torch.FloatTensor { 0, 1, 0 }, torch.FloatTensor { 0, 0, 1 })
  c:batchAdd(torch.LongTensor { 1, 1 }, torch.LongTensor { 2, 0 }) -- a target of 0 does not count
  tester:eq(c.mat:totable(), { { 1, 1, 0 }, { 1, 2, 0 }, { 0, 1, 1 } })
  c:updateValids()
  tester:eq(c.totalValid, 4 / 7, 1e-12)
  tester:eq(c.averageValid, (1 / 2 + 2 / 3 + 1 / 2) / 3, 1e-12)
  tester:eq(c.averageUnionValid, (1 / 3 + 2 / 5 + 1 / 2) / 3, 1e-12)
  local text = tostring(c)
  tester:assert(text:find("global correct: 57%.143%%") ~= nil, text)
  tester:assert(text:find("%[class: b%]") ~= nil)
  local frr = c:farFrr()
  tester:eq(frr[1], 0.5, 1e-6)
  local copy = torch.deserialize(torch.serialize(c))
  tester:eq(copy.mat, c.mat)
  tester:eq(c:zero().mat:sum(), 0)
  tester:assertErrorPattern(function() c:add(4, 1) end, "class 1 taken for 4")
  tester:assertErrorPattern(function() c:batchAdd(torch.FloatTensor { 4 }, torch.FloatTensor { 1 }) end,
    "outside 1 to 3")
  tester:assertErrorPattern(function() c:batchAdd(torch.FloatTensor { 1, 1 }, torch.FloatTensor { 1 }) end,
    "2 predictions for 1 targets")
end

function tests.logger()
  local name = os.tmpname()
  local log = optim.Logger(name)
  log:setNames { "train", "test" }
  for i = 1, 3 do log:add { 1 / i, 2 / i } end
  log:style { "-", "+" }:display(false)
  local picture = log:plot()
  local f = io.open(picture, "rb")
  tester:assertgt(#f:read("a"), 500)
  f:close()
  os.remove(picture)
  f = io.open(name)
  tester:eq(f:read("l"), "train\ttest\t")
  tester:eq(f:read("l"), " 1.0000e+00\t 2.0000e+00\t")
  f:close()
  local other = optim.Logger(name)
  other:add { loss = 1, accuracy = 2 }
  f = io.open(name)
  tester:eq(f:read("l"), "accuracy\tloss\t")
  f:close()
  local function refused(pattern, method, ...)
    local ok, message = pcall(other[method], other, ...)
    tester:assert(not ok and message:find(pattern, 1, true) ~= nil, tostring(message))
  end
  refused("no value for 'loss'", "add", { accuracy = 2 })
  refused("the value of 'loss' is a table", "add", { accuracy = 2, loss = {} })
  refused("there is no column 'lost'", "plot", "lost")
  tester:eq(#other.rows, 1)
  tester:eq(other.symbols[1], { 2 })
  -- without names the columns have numbers; the styles of Torch7's documentation
  local plain = optim.Logger(name):add({ 0.5, torch.ones(1), "text" }):add({ 1, 2, "more" }):display(false)
  f = io.open(name)
  tester:eq(f:read("l"), "1\t2\t3\t")
  tester:eq(f:read("l"), " 5.0000e-01\t 1.0000e+00\ttext\t")
  f:close()
  plain.name = "a & b"
  plain:style { "+-", "|", "." }
  local page = plain:html(name .. ".html")
  f = io.open(page)
  local text = f:read "a"
  f:close()
  os.remove(page)
  tester:assert(text:find("a &amp; b</text>", 1, true) ~= nil and not text:find("&amp;amp;", 1, true))
  tester:assert(text:find("<polyline", 1, true) ~= nil and text:find("<circle", 1, true) ~= nil)
  local _, boxes = text:gsub('fill="none" stroke="#d62728"', "")
  tester:eq(boxes, 2)
  os.remove(name)
end

tester:add(tests):run()
