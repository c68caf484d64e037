-- de: differential evolution: a population of points, each challenged by a mixture of others.

local torch = require "torch"
local raise = require("torch.caller").raise

-- Two members of 1 to n that differ from i and from each other.
local function two_others(gen, i, n)
  local a, b
  repeat a = torch.random(gen, 1, n) until a ~= i
  repeat b = torch.random(gen, 1, n) until b ~= i and b ~= a
  return a, b
end

--- optim.de(opfunc, x [, config])
--
-- Differential evolution: looks for the maximum or minimum of a function without its gradient: the best of
-- a population of points, each of which is challenged by the best point plus the difference of two others.
-- The random numbers are the same in each call.
--
-- opfunc: function of x that gives the loss
-- x: tensor of the shape of the points, which stays as it is
-- config: table of any of these:
--   popsize: how many points; 10 for each element of x by default
--   scaleFactor: 0.5 by default: how much of the difference is added
--   crossoverRate: 0.9 by default: which share of the elements changes
--   maxFEs: how many calls of opfunc, the population's last round ends; 1000 popsize by default
--   minRegion, maxRegion: -30 and 30 by default: where the points begin
-- Returns: the best point, and a tensor of the losses of all calls
-- Errors: fewer than three points
-- From: Storn and Price, "Differential evolution", 1997, as in Torch7
-- Example:
--   opfunc = function(x) return x:dot(x) end
--   x = optim.de(opfunc, torch.DoubleTensor(2), { maxFEs = 2000 })
--   x:norm() < 0.01 --> true
return function(opfunc, x, config)
  config = config or {}
  local n = x:nElement()
  local popsize = config.popsize or 10 * n
  if popsize < 3 then raise("optim.de: a population of %d points, wanted at least 3", popsize) end
  local limit = tonumber(config.maxFEs) or 1000 * popsize
  local scale, crossover = config.scaleFactor or 0.5, config.crossoverRate or 0.9
  local gen = torch.Generator()
  torch.manualSeed(gen, 1)
  local points = x.new(popsize, n):uniform(gen, config.minRegion or -30, config.maxRegion or 30)
  local losses, fitness = {}, {}
  local function loss_of(point)
    local f = opfunc(point:viewAs(x))
    if torch.isTensor(f) then f = f:item() end
    losses[#losses + 1] = f
    return f
  end
  local best = 1
  for i = 1, popsize do
    fitness[i] = loss_of(points[i])
    if fitness[i] < fitness[best] then best = i end
  end
  local children, mask = points:clone(), points:clone()
  while #losses < limit do
    local champion, results = points[best]:clone(), {}
    mask:uniform(gen, 0, 1)
    for i = 1, popsize do
      local a, b = two_others(gen, i, popsize)
      local mixed = (points[a] - points[b]):mul(scale):add(champion)
      local taken = mask[i]:lt(crossover)
      taken[torch.random(gen, 1, n)] = 1
      children[i]:copy(points[i]):maskedCopy(taken, mixed:maskedSelect(taken))
      results[i] = loss_of(children[i])
    end
    for i = 1, popsize do
      if results[i] <= fitness[i] then
        points[i]:copy(children[i])
        fitness[i] = results[i]
        if fitness[i] < fitness[best] then best = i end
      end
    end
  end
  return points[best]:clone():viewAs(x), torch.Tensor(losses):typeAs(x)
end
