-- lswolfe: a line search to a point that meets the strong conditions of Wolfe (Nocedal and Wright,
-- "Numerical optimization", algorithms 3.5 and 3.6): first a bracket around such a point, then smaller ones.

local torch = require "torch"
local polyinterp = require "optim.polyinterp"

local function interpolate(a, b, ...)
  return (polyinterp(torch.DoubleTensor { { a.t, a.f, a.slope }, { b.t, b.f, b.slope } }, ...))
end

-- Whether the loss fell enough at p for its distance.
local function falls_enough(s, p)
  return p.f <= s.start.f + s.c1 * p.t * s.start.slope
end

local function is_flat(s, p)
  return math.abs(p.slope) <= -s.c2 * s.start.slope
end

-- Two points with a good one between them; or a single one, which is good; nil: none within the limit.
local function bracket(s, t)
  local before, p = s.start, s.at(t)
  while s.steps < s.limit do
    if not falls_enough(s, p) or (s.steps > 1 and p.f >= before.f) then return before, p end
    if is_flat(s, p) then return p end
    if p.slope >= 0 then return before, p end
    local least, most = p.t + 0.01 * (p.t - before.t), p.t * 10
    local further = interpolate(before, p, least, most)
    before, p = p, s.at(further)
    s.steps = s.steps + 1
  end
  return s.start, p
end

-- A trial so near to an end of the bracket that little would be gained is moved inside the second time.
local function inside(t, first, last, slow)
  local span = last - first
  if math.min(last - t, t - first) / span >= 0.1 then return t, false end
  if not slow and t < last and t > first then return t, true end
  if math.abs(t - last) < math.abs(t - first) then return last - 0.1 * span, false end
  return first + 0.1 * span, false
end

-- Narrows a bracket down; gives the best point.
local function zoom(s, a, b)
  local low, high, slow = a, b, false
  if b.f < a.f then low, high = b, a end
  while s.steps < s.limit do
    local t = interpolate(low, high)
    t, slow = inside(t, math.min(low.t, high.t), math.max(low.t, high.t), slow)
    local p = s.at(t)
    s.steps = s.steps + 1
    if not falls_enough(s, p) or p.f >= low.f then
      high = p
      if high.f < low.f then low, high = high, low end
    else
      if is_flat(s, p) then return p end
      if p.slope * (high.t - low.t) >= 0 then high = low end
      low = p
    end
    if math.abs((low.t - high.t) * p.slope) < s.tolerance then break end
  end
  return low.f <= high.f and low or high
end

--- optim.lswolfe(opfunc, x, t, d, f, g, slope [, options])
--
-- A line search that meets the strong conditions of Wolfe, for optim.lbfgs.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which moves
-- t: the first step size
-- d: the direction, along which the loss falls
-- f, g: loss and gradient at x
-- slope: of the loss along d
-- options: table of any of these:
--   c1: 1e-4 by default: how much the loss must fall, relative to the slope
--   c2: 0.9 by default: how much flatter it must be
--   tolX: 1e-9 by default: ends when the bracket promises less
--   maxIter: 20 by default
--   verbose: true says when maxIter was reached
-- Returns: loss and gradient at the new x, x, the step size, how often opfunc was called
-- From: Nocedal and Wright, "Numerical optimization", algorithms 3.5 and 3.6, as in Torch7
-- Example:
--   opfunc = function(x) return x:dot(x), x * 2 end
--   x, d = torch.DoubleTensor { 2 }, torch.DoubleTensor { -1 }
--   f, g, x, t = optim.lswolfe(opfunc, x, 1, d, 4, torch.DoubleTensor { 4 }, -4)
--   f < 4 --> true
return function(opfunc, x, t, d, f, g, slope, options)
  options = options or {}
  local start, calls = x:clone(), 0
  local function move(step) x:copy(start):add(step, d) end
  local s = { c1 = options.c1 or 1e-4, c2 = options.c2 or 0.9, tolerance = options.tolX or 1e-9,
    limit = options.maxIter or 20, steps = 0, start = { t = 0, f = f, slope = slope, g = g:clone() } }
  function s.at(step)
    torch.noGrad(move, step)
    local value, gradient = opfunc(x)
    calls = calls + 1
    gradient = gradient:clone()
    return { t = step, f = value, g = gradient, slope = gradient:dot(d) }
  end
  local a, b = bracket(s, t)
  local best = a
  if b then
    best = s.steps < s.limit and zoom(s, a, b) or (b.f < a.f and b or a)
  end
  if options.verbose and s.steps >= s.limit then
    print("<optim.lswolfe>", "reached max number of iterations")
  end
  torch.noGrad(move, best.t)
  return best.f, best.g, x, best.t, calls
end
