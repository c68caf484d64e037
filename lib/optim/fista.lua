-- fista: optim.FistaLS: least of a smooth function and one with a simple proximal map.

local torch = require "torch"
local raise = require("torch.caller").raise

-- Looks for an L so large that the parabola of that curvature lies above f; s.x is its least point then.
local function line_search(s)
  local value, gradient = s.f(s.y, "dx")
  gradient = gradient:clone()
  local lines = 0
  while true do
    s.ply:copy(s.y):add(-1 / s.L, gradient)
    s.pl(s.ply, s.L)
    s.x:copy(s.ply)
    local there = s.f(s.ply)
    s.ply:add(-1, s.y)
    local bound = value + gradient:dot(s.ply) + s.L / 2 * s.ply:dot(s.ply)
    if s.verbose then
      print(("nline=%d L=%g fply=%g Q=%g fy=%g"):format(lines, s.L, there, bound, value))
    end
    lines = lines + 1
    if there <= bound then return lines, bound end
    if lines > s.maxline then
      s.x:copy(s.last) -- none better was found
      return lines, bound
    end
    s.L = s.L * s.Lstep
  end
end

return function(optim)
  --- optim.FistaLS(f, g, pl, x [, params])
  --
  -- Minimizes f(x) + g(x) by fast iterative shrinkage with a line search: f is smooth, g is not.
  --
  -- f: function (x, mode) that gives the value, and with mode "dx" the gradient as well
  -- g: function of x that gives the value
  -- pl: function (x, L) that changes x to the least point of g(z) + L/2 |z - x|^2
  -- x: tensor of the solution's shape, which gets it; the search begins with zeros
  -- params: table of any of these:
  --   L: 0.1 by default: the curvature to begin with; the last one is left here
  --   Lstep: 1.5 by default: its growth in the line search
  --   maxiter, maxline: 50 and 20 by default: steps, and trials of a line search, at most
  --   errthres: 1e-4 by default: ends when the value changes by no more
  --   doFistaUpdate: true for FISTA, false for ISTA; true by default
  --   verbose: true prints, and keeps the points in the history
  -- Returns: x, and a table with a table for each step: nline, L, F, Fply, Gply, Q
  -- From: Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009, as in Torch7
  -- Example:
  --   f = function(x) return (x - 3):pow(2):sum(), (x - 3) * 2 end
  --   g = function(x) return x:norm(1) end
  --   shrink = function(x, L) return x:copy(torch.sign(x):cmul(torch.abs(x):add(-1 / L):cmax(0))) end
  --   x = optim.FistaLS(f, g, shrink, torch.DoubleTensor(1), { errthres = 1e-12, maxiter = 200 })
  --   ("%.3f"):format(x[1]) --> 2.500
  function optim.FistaLS(f, g, pl, x, params)
    params = params or {}
    if not torch.isTensor(x) then raise("optim.FistaLS: a tensor expected, got %s", torch.type(x)) end
    for _, name in ipairs { "xkm", "y", "ply" } do params[name] = torch.zerosLike(x) end
    local s = { f = f, pl = pl, x = x, y = params.y, ply = params.ply, last = params.xkm, L = params.L or 0.1,
      Lstep = params.Lstep or 1.5, maxline = params.maxline or 20, verbose = params.verbose }
    local fast = params.doFistaUpdate ~= false
    local history, t = {}, 1
    for i = 1, params.maxiter or 50 do
      local lines, bound = line_search(s)
      if fast then
        local next_t = (1 + math.sqrt(1 + 4 * t * t)) / 2
        s.last:add(-1, x)
        s.y:copy(x):add((1 - t) / next_t, s.last)
        t = next_t
      else
        s.y:copy(x)
      end
      s.last:copy(x)
      local smooth, rest = (f(s.y)), (g(s.y))
      params.L = s.L
      history[i] = { nline = lines, L = s.L, F = smooth + rest, Fply = smooth, Gply = rest, Q = bound }
      if s.verbose then
        print(("iter=%d F=%g"):format(i, smooth + rest))
        history[i].xk, history[i].y = x:clone(), s.y:clone()
      end
      if i > 1 and math.abs(history[i].F - history[i - 1].F) <= (params.errthres or 1e-4) then break end
    end
    x:copy(s.y)
    return s.y, history
  end
end
