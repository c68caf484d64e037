-- lbfgs: the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright,
-- "Numerical optimization", algorithm 7.4): Newton's direction from the last steps and how the gradient
-- changed over them.
--
-- state: funcEval, nIter, old_dirs and old_stps (steps and gradient changes), Hdiag, g_old, d, t.

local torch = require "torch"
local rule = require "optim.rule"

local function sum_abs(t)
  return torch.abs(t):sum()
end

-- Takes in the last step; one along which the gradient did not grow says nothing about curvature.
local function remember(state, g, limit)
  local change = g:clone():add(-1, state.g_old)
  local step = state.d:clone():mul(state.t)
  local curvature = change:dot(step)
  if curvature <= 1e-10 then return end
  if #state.old_dirs == limit then
    table.remove(state.old_dirs, 1)
    table.remove(state.old_stps, 1)
  end
  table.insert(state.old_dirs, step)
  table.insert(state.old_stps, change)
  state.Hdiag = curvature / change:dot(change)
end

-- The approximate inverse Hessian times -g.
local function direction(state, g)
  local steps, changes = state.old_dirs, state.old_stps
  local q, rho, alpha = g:clone():mul(-1), {}, {}
  for i = #steps, 1, -1 do
    rho[i] = 1 / changes[i]:dot(steps[i])
    alpha[i] = steps[i]:dot(q) * rho[i]
    q:add(-alpha[i], changes[i])
  end
  q:mul(state.Hdiag)
  for i = 1, #steps do q:add(alpha[i] - changes[i]:dot(q) * rho[i], steps[i]) end
  return q
end

-- Why to stop after a step, or nil.
local function finished(config, state, g, f, evaluations, limit, size)
  if evaluations >= limit then return "max nb of function evals" end
  if size(g) <= (config.tolFun or 1e-5) then return "optimality condition below tolFun" end
  local tol = config.tolX or 1e-9
  if size(state.d) * math.abs(state.t) <= tol then return "step size below tolX" end
  if math.abs(f - state.f_old) < tol then return "function value changing less than tolX" end
  return nil
end

--- optim.lbfgs(opfunc, x [, config [, state]])
--
-- The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno: Newton's direction from the last
-- steps and how the gradient changed over them.
--
-- opfunc: function of x that gives the loss and its gradient
-- x: tensor, which changes
-- config: table of any of these:
--   maxIter: how many steps at most; 20 by default
--   maxEval: how many calls of opfunc at most; 1.25 maxIter by default
--   tolFun: ends when the gradient's absolute values add up to no more; 1e-5 by default
--   tolX: ends when a step or the change of the loss is no larger; 1e-9 by default
--   nCorrection: how many steps are remembered; 100 by default
--   learningRate: 1 by default
--   lineSearch: function (opfunc, x, t, d, f, g, slope, lineSearchOptions) that gives f, g, x, t and how
--     often it called opfunc
--   verbose: true prints why it ended
-- state: table of what must be remembered between calls; config by default
-- Returns: x, a table of the losses, and how often opfunc was called
-- From: Nocedal and Wright, "Numerical optimization", algorithm 7.4
-- Example:
--   x = torch.DoubleTensor { 2 }
--   opfunc = function(x) return x:dot(x), x * 2 end
--   math.abs(optim.lbfgs(opfunc, x)[1]) < 1e-4 --> true
return function(opfunc, x, config, state, size)
  config = config or {}
  state = state or config
  size = size or sum_abs -- optim.LBFGS measures otherwise
  local say = config.verbose and function(...) print("<optim.lbfgs>", ...) end or function() end
  local limit = tonumber(config.maxIter) or 20
  local most_evaluations = tonumber(config.maxEval) or limit * 1.25
  local rate = config.learningRate or 1
  local f, g = rule.evaluate(opfunc, x)
  local losses, evaluations = { f }, 1
  state.nIter = state.nIter or 0
  if size(g) <= (config.tolFun or 1e-5) then
    say("optimality condition below tolFun")
    return x, losses, evaluations
  end
  for i = 1, limit do
    local stop
    state.nIter = state.nIter + 1
    if state.nIter == 1 then
      state.old_dirs, state.old_stps, state.Hdiag = {}, {}, 1
    else
      torch.noGrad(remember, state, g, config.nCorrection or 100)
    end
    state.d = torch.noGrad(direction, state, g)
    state.g_old, state.f_old = g:clone(), f
    local slope = g:dot(state.d)
    if slope > -(config.tolX or 1e-9) then
      say("no progress along this direction")
      break
    end
    state.t = state.nIter == 1 and math.min(1, 1 / sum_abs(g)) * rate or rate
    if config.lineSearch then
      local n
      f, g, x, state.t, n = config.lineSearch(opfunc, x, state.t, state.d, f, g, slope,
        config.lineSearchOptions)
      evaluations = evaluations + n
      losses[#losses + 1] = f
    else
      torch.noGrad(x.add, x, state.t, state.d)
      if i < limit then -- after the last step nobody asks for the loss
        f, g = rule.evaluate(opfunc, x)
        evaluations = evaluations + 1
        losses[#losses + 1] = f
      end
    end
    if i < limit then stop = finished(config, state, g, f, evaluations, most_evaluations, size) end
    if stop then
      say(stop)
      break
    end
  end
  state.funcEval = (state.funcEval or 0) + evaluations
  return x, losses, evaluations
end
