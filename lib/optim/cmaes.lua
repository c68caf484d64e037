-- cmaes: covariance matrix adaptation: points are drawn from a normal distribution, which moves and turns
-- to where the best ones were.

local torch = require "torch"
local raise = require("torch.caller").raise

-- Constants of the strategy, from how many points are drawn and how many numbers each has.
local function constants(n, lambda)
  local mu = math.floor(lambda / 2)
  local weights, sum, squares = {}, 0, 0
  for i = 1, mu do
    weights[i] = math.log(lambda / 2 + 0.5) - math.log(i)
    sum = sum + weights[i]
  end
  for i = 1, mu do
    weights[i] = weights[i] / sum
    squares = squares + weights[i] ^ 2
  end
  local effective = 1 / squares
  local k = { mu = mu, weights = torch.DoubleTensor(weights), effective = effective }
  k.cc = (4 + effective / n) / (n + 4 + 2 * effective / n)
  k.cs = (effective + 2) / (n + effective + 5)
  k.c1 = 2 / ((n + 1.3) ^ 2 + effective)
  k.cmu = math.min(1 - k.c1, 2 * (effective - 2 + 1 / effective) / ((n + 2) ^ 2 + effective))
  k.damps = 2 * effective / lambda + 0.3 + k.cs
  return k
end

-- The axes of the distribution and their lengths.
local function decompose(s)
  local values, vectors = torch.symeig((s.C + s.C:t()):mul(0.5), "V")
  s.D, s.B = values:clamp(1e-300, math.huge):sqrt(), vectors
  s.whiten = torch.mm(torch.cmul(s.B, torch.pow(s.D, -1):view(1, -1):expandAs(s.B)), s.B:t())
  s.decomposed = s.calls
end

-- Takes in the points, one a row, the best first.
local function adapt(s, k, points)
  local n, lambda = s.n, s.lambda
  local chosen = points:narrow(1, 1, k.mu)
  local old = s.mean
  s.mean = torch.mv(chosen:t(), k.weights)
  local move = (s.mean - old):div(s.sigma)
  s.ps:mul(1 - k.cs):add(math.sqrt(k.cs * (2 - k.cs) * k.effective), torch.mv(s.whiten, move))
  local length = s.ps:dot(s.ps) / n
  local usual = length / (1 - (1 - k.cs) ^ (2 * s.calls / lambda)) < 2 + 4 / (n + 1) and 1 or 0
  s.pc:mul(1 - k.cc):add(usual * math.sqrt(k.cc * (2 - k.cc) * k.effective), move)
  local lost = k.c1 * (1 - (1 - usual) * k.cc * (2 - k.cc))
  local steps = (chosen - old:view(1, n):expandAs(chosen)):div(s.sigma)
  local weighted = torch.cmul(steps, k.weights:view(-1, 1):expandAs(steps))
  s.C:mul(1 - lost - k.cmu):add(k.c1, torch.ger(s.pc, s.pc)):add(k.cmu, torch.mm(weighted:t(), steps))
  s.sigma = s.sigma * math.exp(math.min(0.6, k.cs / k.damps * (length - 1) / 2))
end

-- Why to stop, or nil; fitness is sorted.
local function finished(s, config, fitness, limit)
  local most, least = s.D:max(), s.D:min()
  if s.calls >= limit then return "evals" end
  if config.ftarget and fitness[1] <= config.ftarget then return "ftarget" end
  if most > 1e7 * least then return "condition" end
  if #fitness > 1 and fitness[#fitness] - fitness[1] < 1e-12 then return "tolfun" end
  if s.sigma * most < 1e-11 then return "tolx" end
  return nil
end

--- optim.cmaes(opfunc, x [, config [, state]])
--
-- Covariance matrix adaptation evolution strategy: minimizes a function without its gradient.
--
-- opfunc: function of x that gives the loss
-- x: tensor: where to begin; it stays as it is
-- config: what is used when there is no state
-- state: table of any of these:
--   sigma: the standard deviation of the first points; 0.3 by default
--   maxEval: how many calls of opfunc, a round of points is finished; 1000 n^2 for n elements by default
--   ftarget: ends when the loss is no larger
--   popsize: points in a round; 4 + 3 log(n) by default
--   min_iterations: rounds that are made at least; 1 by default
--   verb_disp: prints every so many rounds; 0, never, by default
-- Returns: the best point, a table of the first loss, the best one of each round and the best of all, how
--   often opfunc was called in the rounds
-- Errors: x has no elements; a population of fewer than 4
-- From: Hansen, "The CMA evolution strategy: a tutorial", 2016; as in Torch7
-- Example:
--   torch.manualSeed(1)
--   opfunc = function(x) return x:dot(x) end
--   x = optim.cmaes(opfunc, torch.DoubleTensor { 1, 2 }, { sigma = 0.5, ftarget = 1e-8 })
--   x:norm() < 1e-4 --> true
return function(opfunc, x, config, state)
  state = state or config or {}
  local n = x:nElement()
  local lambda = state.popsize or 4 + math.floor(3 * math.log(math.max(n, 1)))
  if n < 1 or lambda < 4 then raise("optim.cmaes: %d points of %d elements", lambda, n) end
  local function loss_of(point)
    local f = opfunc(point:viewAs(x):typeAs(x))
    return torch.isTensor(f) and f:item() or f
  end
  local limit, every = tonumber(state.maxEval) or 1e3 * n ^ 2, state.verb_disp or 0
  local k = constants(n, lambda)
  local s = { n = n, lambda = lambda, sigma = state.sigma or 0.3, calls = 0, decomposed = 0,
    mean = x:double():contiguous():view(n):clone(), pc = torch.DoubleTensor(n):zero(),
    ps = torch.DoubleTensor(n):zero(), C = torch.eye(n):double() }
  decompose(s)
  local history, best, best_loss, rounds = { (loss_of(s.mean)) }, nil, math.huge, 0
  local why
  repeat
    rounds = rounds + 1
    if s.calls - s.decomposed > lambda / (k.c1 + k.cmu) / n / 10 then decompose(s) end
    local points = torch.cmul(torch.randn(lambda, n):double(), s.D:view(1, n):expand(lambda, n))
    points = torch.mm(points, s.B:t()):mul(s.sigma):add(s.mean:view(1, n):expand(lambda, n))
    local losses = {}
    for i = 1, lambda do losses[i] = loss_of(points[i]) end
    s.calls = s.calls + lambda
    local sorted, order = torch.sort(torch.DoubleTensor(losses))
    points = points:index(1, order)
    if sorted[1] < best_loss then best, best_loss = points[1]:clone(), sorted[1] end
    history[#history + 1] = sorted[1]
    adapt(s, k, points)
    if every > 0 and (rounds <= 2 or rounds % every == 0) then
      print(("%d: %6.1f %8.1e %g"):format(s.calls, s.D:max() / s.D:min(), s.sigma, sorted[1]))
    end
    why = finished(s, state, sorted:totable(), limit)
  until why and rounds >= (state.min_iterations or 1)
  if every > 0 then print("termination by", why) end
  history[#history + 1] = best_loss
  return (best or s.mean):viewAs(x):typeAs(x), history, s.calls
end
