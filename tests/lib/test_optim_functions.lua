-- test_optim_functions: what Torch7's optim has beside rules of one step: line searches, conjugate gradients,
-- FISTA, searches without a gradient; pictures of confusion matrices and pages of loggers; the search for a
-- rate; what schedules refuse.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"

local tester = torch.Tester()
local tests = torch.TestSuite()

local function rosenbrock(x)
  local f, g = 0, x:clone():zero()
  for i = 1, x:nElement() - 1 do
    local a, b = x[i], x[i + 1]
    f = f + 100 * (b - a * a) ^ 2 + (1 - a) ^ 2
    g[i] = g[i] - 400 * a * (b - a * a) - 2 * (1 - a)
    g[i + 1] = g[i + 1] + 200 * (b - a * a)
  end
  return f, g
end

function tests.polyinterp()
  -- f = x^3 - x: slopes -1 at 0 and 11 at 2; least at 1 / sqrt(3)
  local points = torch.DoubleTensor { { 0, 0, -1 }, { 2, 6, 11 } }
  tester:eq(optim.polyinterp(points), 1 / math.sqrt(3), 1e-9)
  tester:eq(optim.polyinterp(points:index(1, torch.LongTensor { 2, 1 })), 1 / math.sqrt(3), 1e-9)
  local x, f = optim.polyinterp(points, 1, 5)
  tester:eq({ x, f }, { 1, 0 }, 1e-6)
  x, f = optim.polyinterp(points, 0, 5)
  tester:eq({ x, f }, { 1 / math.sqrt(3), -2 / 3 / math.sqrt(3) }, 1e-6)
  -- three points of x^4 - x^2
  local rows = {}
  for i, t in ipairs { -0.5, 0.5, 1.5 } do rows[i] = { t, t ^ 4 - t ^ 2, 4 * t ^ 3 - 2 * t } end
  x, f = optim.polyinterp(torch.DoubleTensor(rows), 0, 1.5)
  tester:eq({ x, f }, { math.sqrt(0.5), -0.25 }, 1e-5)
  tester:assertErrorPattern(function() optim.polyinterp({}) end, "a matrix with rows")
end

function tests.lswolfe()
  local x = torch.DoubleTensor { -1.2, 1 }
  local f, g = rosenbrock(x)
  local d = g:clone():mul(-1)
  local slope = g:dot(d)
  local fn, gn, same, t, calls = optim.lswolfe(rosenbrock, x, 1e-3, d, f, g, slope)
  tester:assert(same == x)
  tester:assertle(fn, f + 1e-4 * t * slope)
  tester:assertle(math.abs(gn:dot(d)), -0.9 * slope)
  tester:assertge(calls, 1)
  local fx, gx = rosenbrock(x)
  tester:eq(fx, fn, 1e-9)
  tester:eq(gx, gn, 1e-9)
end

function tests.lbfgs_with_line_search()
  local x = torch.zeros(2):double()
  local _, losses, calls = optim.lbfgs(rosenbrock, x, { maxIter = 100, lineSearch = optim.lswolfe })
  tester:eq(x, torch.DoubleTensor { 1, 1 }, 1e-5)
  tester:assertlt(calls, 40)
  for i = 2, #losses do tester:assertle(losses[i], losses[i - 1]) end
end

-- The losses of Rasmussen's minimize, as Torch7's cg has them.
function tests.cg()
  local x = torch.zeros(2):double()
  local same, losses, calls = optim.cg(rosenbrock, x, { maxIter = 50 })
  tester:assert(same == x)
  local known = { 1, 0.78251060908545, 0.3955653394041, 0.21891183735928, 0.085943627863586,
    0.081672792506148 }
  for i, f in ipairs(known) do tester:eq(losses[i], f, 1e-10) end
  tester:assertle(calls, 64)
  tester:eq(x, torch.DoubleTensor { 1, 1 }, 5e-3)
  x = torch.zeros(2):float()
  local state = {}
  optim.cg(rosenbrock, x, { maxIter = 20, maxEval = 200 }, state)
  tester:eq(x, torch.FloatTensor { 1, 1 }, 1e-2)
  tester:assert(torch.isTensor(state.df0) and torch.isTensor(state.s) and torch.isTensor(state.x0))
  x = torch.ones(2):double()
  local _, at_once = optim.cg(rosenbrock, x, {}) -- nothing to do at the minimum
  tester:eq(#at_once, 1)
end

function tests.fista()
  local A, y = torch.randn(8, 4):double(), torch.randn(8):double()
  local function f(x, mode)
    local rest = torch.mv(A, x) - y
    if mode == "dx" then return rest:dot(rest), torch.mv(A:t(), rest) * 2 end
    return rest:dot(rest)
  end
  local function g(x) return 0.5 * x:norm(1) end
  local function shrink(x, L) x:copy(torch.sign(x):cmul(torch.abs(x):add(-0.5 / L):cmax(0))) end
  for _, fast in ipairs { true, false } do
    local params = { maxiter = 5000, errthres = 1e-14, doFistaUpdate = fast }
    local x, history = optim.FistaLS(f, g, shrink, torch.DoubleTensor(4), params)
    local _, slope = f(x, "dx")
    for i = 1, 4 do -- the condition of a minimum
      local wanted = math.abs(x[i]) < 1e-7 and math.max(-0.5, math.min(0.5, -slope[i]))
        or (x[i] > 0 and 0.5 or -0.5)
      tester:eq(-slope[i], wanted, 1e-4)
    end
    tester:eq(params.L, history[#history].L)
  end
end

function tests.without_gradients()
  torch.manualSeed(5)
  local start = torch.DoubleTensor { -1, 2, 0 }
  local x, losses, calls = optim.cmaes(rosenbrock, start, { sigma = 0.5, ftarget = 1e-10 })
  tester:eq(x, torch.DoubleTensor { 1, 1, 1 }, 1e-3)
  tester:eq(start[1], -1)
  tester:assertlt(losses[#losses], 1e-9)
  tester:assertlt(calls, 9000)
  local _, _, few = optim.cmaes(torch.norm, torch.ones(2, 2), { maxEval = 20, popsize = 6 })
  tester:eq(few, 24)
  local y, all = optim.de(rosenbrock, torch.zeros(2), { popsize = 30, scaleFactor = 0.5, crossoverRate = 0.9,
    maxFEs = 3000 })
  tester:eq(y, torch.ones(2), 1e-3)
  tester:eq(all:nElement(), 3000)
  local z = optim.de(rosenbrock, torch.zeros(2), { popsize = 30, maxFEs = 3000 })
  tester:eq(y, z) -- the same random numbers
  tester:assertErrorPattern(function() optim.de(rosenbrock, torch.zeros(2), { popsize = 2 }) end,
    "at least 3")
  tester:assertErrorPattern(function() optim.cmaes(rosenbrock, torch.zeros(2), { popsize = 2 }) end,
    "2 points")
end

function tests.render()
  local c = optim.ConfusionMatrix { "a", "b", "c" }
  c.mat:copy(torch.LongTensor { { 1, 1, 0 }, { 0, 4, 0 }, { 0, 0, 0 } })
  local picture, order = c:render("score", false, 10, 20)
  tester:eq(picture:size():totable(), { 3, 30, 50 })
  tester:eq(order, { 2, 1, 3 })
  tester:eq(picture[1][1][1], 1) -- of b all is right
  tester:eq(picture[2][11][11], 0.5) -- of a half
  tester:eq(picture[2][11][1], 0.5)
  tester:eq(picture[3][21][21], 0)
  tester:eq(picture[1][10][1], 0.1, 1e-6) -- the grid
  tester:eq(picture[1][6]:narrow(1, 31, 20):gt(0.8):sum(), 20) -- the bar of b's score
  tester:eq(picture[1][1]:narrow(1, 31, 20):eq(0.5):sum(), 13) -- four of six samples
  tester:eq(select(2, c:render("occurrence", false, 1, 0)), { 2, 1, 3 })
  tester:assertErrorPattern(function() c:render("name") end, "sort mode 'name'")
  tester:assertErrorPattern(function() c:render("score", false, 0) end, "whole numbers")
end

function tests.logger_page()
  local name = os.tmpname()
  local log = optim.Logger(name):setNames { "train <1>", "note" }
  log:add({ 1, "fine" }):add({ 0 / 0, "bad" }):add { 3, "a & b" }
  log:style { { "-", "+" } }
  local page = log:html()
  local file = io.open(page)
  local text = file:read("a")
  file:close()
  os.remove(page)
  os.remove(name)
  for _, wanted in ipairs { "<svg", "<th>train &lt;1&gt;</th>", "<td>a &amp; b</td>", "</html>" } do
    tester:assert(text:find(wanted, 1, true) ~= nil, wanted)
  end
  tester:assertErrorPattern(function() log:style(3) end, "a table of styles")
  tester:assertErrorPattern(function() log:style { true } end, "the style of 'train <1>'")
  tester:assertErrorPattern(function() optim.Logger():html() end, "a file name expected")
end

function tests.find_rate()
  torch.manualSeed(2)
  local net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
  local x = torch.randn(32, 4)
  local y = torch.mv(x, torch.FloatTensor { 1, -1, 2, 0 }):view(32, 1)
  local criterion, optimizer = nn.MSECriterion(), optim.SGD(net:parameters(), { lr = 0.25, momentum = 0.5 })
  local function step()
    optimizer:zeroGrad()
    local loss = criterion(net(x), y)
    loss:backward()
    optimizer:step()
    return loss
  end
  step()
  local before, velocity = {}, optimizer:stateDict().state[1].v
  for i, p in ipairs(net:parameters()) do before[i] = p:detach():clone() end
  local range = optim.findLR(step, optimizer, { from = 1e-5, to = 100, steps = 80 })
  for i, p in ipairs(net:parameters()) do tester:assert(torch.equal(p:detach(), before[i])) end
  tester:assert(torch.equal(optimizer.state[1].v, velocity))
  tester:eq(optimizer.groups[1].options.lr, 0.25)
  tester:assertlt(#range.rates, 80) -- it ended when the loss exploded
  tester:eq(range.rates[1], 1e-5, 1e-12)
  tester:assertgt(range.suggestion, 1e-3)
  tester:assertlt(range.suggestion, 2)
  tester:assert(range:plot():find("loss by learning rate") ~= nil)
  tester:assertErrorPattern(function() optim.findLR(step, optimizer, { from = 1, to = 0.5 }) end,
    "0 < from < to")
  tester:assertErrorPattern(function() optim.findLR(function() return "x" end, optimizer) end,
    "gave a string")
  tester:assertErrorPattern(function() optim.findLR(step, 3) end, "an optimizer expected")
  tester:assertErrorPattern(function() optim.findLR(3, optimizer) end, "a function expected")
  tester:eq(optimizer.groups[1].options.lr, 0.25)
end

function tests.warm_up()
  local o = optim.SGD({ torch.ones(1) }, { lr = 1 })
  local after = optim.CosineAnnealingLR(o, { tMax = 4 })
  local s = optim.WarmUp(o, { steps = 4, startFactor = 0.2, after = after })
  local wanted = { 0.2, 0.4, 0.6, 0.8, 1 }
  for t = 1, 4 do wanted[t + 5] = (1 + math.cos(math.pi * t / 4)) / 2 end
  for t, rate in ipairs(wanted) do
    tester:eq(s:getLastLR()[1], rate, 1e-12, "step " .. t - 1)
    s:step()
  end
  local plain = optim.WarmUp(optim.SGD({ torch.ones(1) }, { lr = 2 }), { steps = 2 })
  local rates = {}
  for t = 1, 5 do
    rates[t] = plain:getLastLR()[1]
    plain:step()
  end
  tester:eq(rates, { 1, 1.5, 2, 2, 2 }, 1e-12)
end

function tests.schedules_refuse()
  local o = optim.SGD({ torch.ones(1) }, { lr = 1, momentum = 0.5 })
  local function refused(pattern, name, ...)
    local given = table.pack(...)
    tester:assertErrorPattern(function() optim[name](table.unpack(given, 1, given.n)) end,
      "test_optim_functions.lua:%d+: optim%." .. name .. ".*" .. pattern, name)
  end
  for _, name in ipairs { "StepLR", "MultiStepLR", "ExponentialLR", "LambdaLR", "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts", "OneCycleLR", "WarmUp" } do
    refused("must be", name, o)
  end
  refused("an optimizer expected, got number", "StepLR", 3, { stepSize = 1 })
  refused("there is no option 'size'", "StepLR", o, { size = 1 })
  refused("option 'gamma' must be a number, got string", "StepLR", o, { stepSize = 1, gamma = "x" })
  refused("a table of options expected", "StepLR", o, 3)
  refused("'stepSize' must be a positive number", "StepLR", o, { stepSize = 0 })
  refused("above 0", "ConstantLR", o, { factor = 0 })
  refused("above 0", "LinearLR", o, { startFactor = 0 })
  refused("from 0 to 1", "LinearLR", o, { endFactor = 2 })
  refused("from 1 on", "CosineAnnealingWarmRestarts", o, { t0 = 1, tMult = 0.5 })
  refused("list of numbers", "MultiStepLR", o, { milestones = { "x" } })
  refused("wanted 'cos' or 'linear'", "OneCycleLR", o, { maxLR = 1, totalSteps = 3, annealStrategy = "x" })
  refused("no momentum", "OneCycleLR", optim.Adagrad { torch.ones(1) }, { maxLR = 1, totalSteps = 3 })
  refused("mode is 'x'", "ReduceLROnPlateau", o, { mode = "x" })
  refused("factor is 1", "ReduceLROnPlateau", o, { factor = 1 })
  refused("a list of schedules", "ChainedScheduler", {})
  refused("schedule 1 is a number", "SequentialLR", { 1 })
  local a = optim.StepLR(o, { stepSize = 2 })
  local b = optim.StepLR(optim.SGD { torch.ones(1) }, { stepSize = 2 })
  refused("different optimizers", "ChainedScheduler", { a, b })
  refused("a list of 1 numbers", "SequentialLR", { a, a }, {})
  refused("numbers that grow", "SequentialLR", { a, a, a }, { milestones = { 3, 2 } })
  tester:assertErrorPattern(function() a:loadStateDict({}) end, "this is not what")
  local one = optim.OneCycleLR(o, { maxLR = 1, totalSteps = 2 }):step():step()
  tester:assertErrorPattern(function() one:step() end, "step 3 of 2")
  local plateau = optim.ReduceLROnPlateau(o)
  tester:assertErrorPattern(function() plateau:step() end, "a metric expected, got nil")
end

-- What Torch7's functions say of arguments in the wrong order and of functions without a gradient.
function tests.wrong_functions()
  local function says(part, f, ...)
    local ok, message = pcall(f, ...)
    tester:assert(not ok and message:find(part, 1, true) ~= nil, ("%q: %s"):format(part, tostring(message)))
  end
  local x = torch.ones(2)
  for _, name in ipairs { "sgd", "adam", "adamax", "adagrad", "adadelta", "rmsprop", "nag", "asgd", "rprop",
    "lbfgs", "cg", "cmaes", "de" } do
    says("optim." .. name .. ": the first argument is a torch.FloatTensor, wanted a function", optim[name], x,
      print)
    says("optim." .. name .. ": the second argument is a nil, wanted a tensor", optim[name], print)
    if name ~= "cmaes" and name ~= "de" then
      says("the function gave a nil as the gradient, wanted a tensor of 2 elements", optim[name],
        function() return 1 end, x, {})
      says("a torch.FloatTensor of 3 elements as the gradient", optim[name],
        function() return 1, torch.ones(3) end, x, {})
    end
  end
end

tester:add(tests):run()
