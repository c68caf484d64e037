-- cg: conjugate gradients by Polak and Ribière, with a line search by cubic and quadratic polynomials,
-- after Rasmussen's minimize: no more calls than needed, and any failure restarts from the gradient.

local torch = require "torch"
local rule = require "optim.rule"

local function finite(x)
  return x == x and math.abs(x) ~= math.huge
end

-- The least place of the cubic through the last two points, counted from the newer one, as A and B of
-- the roots of its slope.
local function cubic(p, q, gap)
  return 6 * (p.f - q.f) / gap + 3 * (p.slope + q.slope), 3 * (q.f - p.f) - gap * (q.slope + 2 * p.slope)
end

-- Between the points: how far to go back from p towards q, `gap` away.
local function between(s, first, p, q, gap)
  local step
  if p.f > first.f then
    step = gap - 0.5 * q.slope * gap * gap / (q.slope * gap + p.f - q.f)
  else
    local A, B = cubic(p, q, gap)
    step = (math.sqrt(B * B - A * p.slope * gap * gap) - B) / A
  end
  if not finite(step) then step = gap / 2 end
  return math.max(math.min(step, s.int * gap), (1 - s.int) * gap)
end

-- Beyond the points: how far to go on from p; z is how far p is, limit where the minimum cannot be beyond.
local function beyond(s, p, q, gap, z, limit)
  local A, B = cubic(p, q, gap)
  local step = -p.slope * gap * gap / (B + math.sqrt(B * B - A * p.slope * gap * gap))
  if not finite(step) or step < 0 then
    return limit and (limit - z) / 2 or z * (s.ext - 1)
  elseif limit and z + step > limit then
    return (limit - z) / 2
  elseif not limit and z + step > z * s.ext then
    return z * (s.ext - 1)
  elseif step < -gap * s.int then
    return -gap * s.int
  elseif limit and step < (limit - z) * (1 - s.int) then
    return (limit - z) * (1 - s.int)
  end
  return step
end

-- From `first` along the direction, z at first: the new point when the conditions of Wolfe and Powell
-- hold there, and how far it is; nil when the calls ran out.
local function search(s, first, z, calls)
  local function too_far(p)
    return p.f > first.f + z * s.rho * first.slope or p.slope > -s.sig * first.slope
  end
  local p, q, gap, limit = s.move(z), first, -z, nil
  while true do
    while too_far(p) and calls > 0 do
      limit = z
      local step = between(s, first, p, q, gap)
      z = z + step
      p = s.move(step)
      calls = calls - 1
      gap = gap - step
    end
    if too_far(p) then return nil, z, p end
    if p.slope > s.sig * first.slope then return p, z end
    if calls <= 0 then return nil, z, p end
    local step = beyond(s, p, q, gap, z, limit)
    q, gap = p, -step
    z = z + step
    p = s.move(step)
    calls = calls - 1
  end
end

--- optim.cg(opfunc, x [, config [, state]])
--
-- Conjugate gradients: minimizes a loss whose value and gradient do not change from call to call.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   maxEval: how many calls of opfunc at most; 1.25 maxIter by default
--   maxIter: how many calls one line search may take; 20 by default
--   rho, sig: 0.01 and 0.5 by default: how much the loss must fall and the slope must shrink
--   int, ext: 0.1 and 3 by default: how near to an end, and how far beyond, the line search goes
--   ratio: 100 by default: the greatest ratio of slopes of two searches
-- state: table that keeps the work space between calls; config by default
-- Returns: x, a table of the losses before the first and after each search, how often opfunc was called
-- From: Polak and Ribière 1969; Rasmussen's minimize, 2001, as in Torch7
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   optim.cg(opfunc, x)[1] < 1e-4 --> true
return function(opfunc, x, config, state)
  config = config or {}
  state = state or config
  local max_iter = config.maxIter or 20
  local max_eval = math.abs(config.maxEval or max_iter * 1.25)
  local s = { rho = config.rho or 0.01, sig = config.sig or 0.5, int = config.int or 0.1,
    ext = config.ext or 3 }
  local ratio = config.ratio or 100
  for _, name in ipairs { "df0", "df1", "df2", "df3", "s", "x0" } do
    if not torch.isTensor(state[name]) or not state[name]:isSameSizeAs(x) then
      state[name] = torch.zerosLike(x)
    end
  end
  local way, x0, df1, df2 = state.s, state.x0, state.df1, state.df2
  local calls = 1
  function s.move(step)
    torch.noGrad(x.add, x, step, way)
    local f, g = rule.evaluate(opfunc, x)
    calls = calls + 1
    df2:copy(g)
    return { f = f, slope = df2:dot(way) }
  end
  local f, g = rule.evaluate(opfunc, x)
  df1:copy(g)
  way:copy(df1):mul(-1)
  local losses, failed = { f }, false
  local first = { f = f, slope = -way:dot(way) }
  local z = 1 / (1 - first.slope)
  while calls < max_eval and first.slope ~= 0 do
    x0:copy(x)
    state.df0:copy(df1)
    -- the calls left are counted after the first point
    local found, reached = search(s, first, z, math.min(max_iter, max_eval - calls - 1))
    if found then
      losses[#losses + 1] = found.f
      way:mul((df2:dot(df2) - df2:dot(df1)) / df1:dot(df1)):add(-1, df2)
      df1:copy(df2)
      local slope = df1:dot(way)
      if slope > 0 then
        way:copy(df1):mul(-1)
        slope = -way:dot(way)
      end
      z = reached * math.min(ratio, first.slope / (slope - 2.2e-308))
      first, failed = { f = found.f, slope = slope }, false
    else
      torch.noGrad(x.copy, x, x0)
      df1:copy(state.df0)
      if failed or calls > max_eval then break end
      way:copy(df1):mul(-1)
      first = { f = first.f, slope = -way:dot(way) }
      z = 1 / (1 - first.slope)
      failed = true
    end
  end
  return x, losses, calls
end
