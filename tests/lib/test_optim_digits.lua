-- test_optim_digits: every optimizer, as an object and as Torch7's function, trains a small network.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local data = require "data"

local tester = torch.Tester()
local tests = torch.TestSuite()

local mnist = data.mnist("scripts/data/mnist").train

-- The first n digits in squares of 28 / k pixels' means, less their mean; classes are the digits plus one.
local function digits(n, k)
  local x = mnist.data:narrow(1, 1, n):double():div(255):view(n, 1, 28, 28)
  x = nn.functional.avgPool2d(x, 28 // k):view(n, k * k)
  return x - x:mean(), mnist.label:narrow(1, 1, n)
end

local inputs, targets = digits(200, 7)

local function network()
  torch.manualSeed(1)
  return nn.Sequential(nn.Linear(49, 16), nn.Tanh(), nn.Linear(16, 10)):double()
end

local function loss_of(model)
  return nn.functional.crossEntropy(model(inputs), targets)
end

local function right(model)
  local _, guess = torch.max(model(inputs), 2)
  return guess:view(-1):eq(targets):sum() / targets:size(1)
end

-- ---- objects ----------------------------------------------------------------------------------------------

local rates = { SGD = 1, Adam = 0.02, AdamW = 0.02, NAdam = 0.02, RAdam = 0.05, Adagrad = 0.1, Adadelta = 5,
  Adamax = 0.05, RMSprop = 0.01, Rprop = 0.01, ASGD = 1, Adafactor = 0.05, Lion = 0.005, LBFGS = 1 }

function tests.objects()
  for name, class in pairs(optim) do
    local derived = type(class) == "table" and torch.isTypeOf(class, "optim.Optimizer")
    if derived and name ~= "Optimizer" then tester:assert(rates[name] ~= nil, name .. " is not tried") end
  end
  for name, lr in pairs(rates) do
    local model = network()
    local o = optim[name](model:parameters(), { lr = lr })
    local function closure()
      o:zeroGrad()
      local loss = loss_of(model)
      loss:backward()
      return loss
    end
    for _ = 1, name == "LBFGS" and 5 or 120 do
      if name == "LBFGS" then
        o:step(closure)
      else
        closure()
        o:step()
      end
    end
    tester:assertgt(right(model), 0.8, name)
  end
end

-- ---- Torch7's functions -----------------------------------------------------------------------------------

local functions = {
  sgd = { learningRate = 1, momentum = 0.5 }, asgd = { eta0 = 1 }, adagrad = { learningRate = 0.1 },
  adadelta = { rho = 0.9, eps = 1e-3 }, adam = { learningRate = 0.02 }, adamax = { learningRate = 0.05 },
  rmsprop = { learningRate = 0.01 }, rprop = {}, nag = { learningRate = 0.5, momentum = 0.5 },
  cg = { maxIter = 5 }, lbfgs = { maxIter = 5 },
}

function tests.functions()
  for name, config in pairs(functions) do
    local model = network()
    local params, grads = model:getParameters()
    local criterion = nn.CrossEntropyCriterion():double()
    local function feval(x)
      if x ~= params then params:copy(x) end
      grads:zero()
      local output = model:forward(inputs)
      local loss = criterion:forward(output, targets)
      model:backward(inputs, criterion:backward(output, targets))
      return loss, grads
    end
    local state, steps = {}, config.maxIter and 12 or 120
    for _ = 1, steps do optim[name](feval, params, config, state) end
    tester:assertgt(right(model), 0.8, name)
  end
end

-- Those that know no gradient, or a simpler problem: which digits are zeros, from 16 numbers.
function tests.searches()
  local x = digits(300, 4)
  local y = mnist.label:narrow(1, 1, 300):eq(1):double()
  local function margin(w) return torch.mv(x, w:narrow(1, 1, 16)):add(w[17]) end
  local function feval(w)
    local z = margin(w)
    local f = (torch.log1p(torch.exp(-torch.abs(z))) + torch.cmax(z, 0) - torch.cmul(z, y)):mean()
    local slope = (torch.sigmoid(z) - y):div(300)
    return f, torch.cat(torch.mv(x:t(), slope), torch.DoubleTensor { slope:sum() }, 1)
  end
  local function right_zeros(w) return margin(w):gt(0):double():eq(y):sum() / 300 end
  torch.manualSeed(1)
  local best = optim.cmaes(feval, torch.zeros(17):double(), { maxEval = 1500, sigma = 1 })
  tester:assertgt(right_zeros(best), 0.95, "cmaes")
  best = optim.de(feval, torch.zeros(17):double(), { popsize = 40, maxFEs = 4000, minRegion = -10,
    maxRegion = 10 })
  tester:assertgt(right_zeros(best), 0.9, "de")
  local function same(w) return w end
  best = optim.FistaLS(feval, function() return 0 end, same, torch.zeros(17):double(),
    { maxiter = 300, errthres = 1e-7 })
  tester:assertgt(right_zeros(best), 0.93, "FistaLS")
end

tester:add(tests):run()
