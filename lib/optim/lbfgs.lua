-- lbfgs: the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright,
-- "Numerical optimization", algorithm 7.4): Newton's direction from the last steps and how the gradient
-- changed over them.
--
-- config: maxIter (20), maxEval (1.25 maxIter), tolFun (1e-5), tolX (1e-9), nCorrection (100),
-- learningRate (1), lineSearch, lineSearchOptions, verbose.
-- state: funcEval, nIter, old_dirs and old_stps (steps and gradient changes), Hdiag, g_old, d, t.
-- Returns x, the list of losses, and how often opfunc was called.

local torch = require "torch"

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
local function finished(config, state, g, f, evaluations, limit)
  if evaluations >= limit then return "max nb of function evals" end
  if sum_abs(g) <= (config.tolFun or 1e-5) then return "optimality condition below tolFun" end
  local tol = config.tolX or 1e-9
  if sum_abs(state.d) * math.abs(state.t) <= tol then return "step size below tolX" end
  if math.abs(f - state.f_old) < tol then return "function value changing less than tolX" end
  return nil
end

return function(opfunc, x, config, state)
  config = config or {}
  state = state or config
  local say = config.verbose and function(...) print("<optim.lbfgs>", ...) end or function() end
  local limit = tonumber(config.maxIter) or 20
  local most_evaluations = tonumber(config.maxEval) or limit * 1.25
  local rate = config.learningRate or 1
  local f, g = opfunc(x)
  local losses, evaluations = { f }, 1
  state.nIter = state.nIter or 0
  if sum_abs(g) <= (config.tolFun or 1e-5) then
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
        f, g = opfunc(x)
        evaluations = evaluations + 1
        losses[#losses + 1] = f
      end
    end
    if i < limit then stop = finished(config, state, g, f, evaluations, most_evaluations) end
    if stop then
      say(stop)
      break
    end
  end
  state.funcEval = (state.funcEval or 0) + evaluations
  return x, losses, evaluations
end
