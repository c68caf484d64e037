-- optim: the functions of the package optim for nested tables of parameters.

local torch = require "torch"
local optim = require "optim"
local tree = require "torch.tree"
local raise = require("torch.caller").raise

-- Calls visit(parameter, gradient) for every tensor that has one, in a fixed order.
local function each_pair(params, grads, visit)
  if torch.isTensor(params) then
    if grads then visit(params, grads) end
  elseif tree.isNode(params) then
    for _, k in ipairs(tree.keys(params)) do each_pair(params[k], grads and grads[k], visit) end
  end
end

local function copy_of(state)
  local copy = {}
  for k, v in pairs(state or {}) do copy[k] = v end
  return copy
end

local function wrapped(step)
  return function(df, state, params)
    local states = {}
    each_pair(params, params, function() states[#states + 1] = copy_of(state) end)
    local function run(...)
      local results = table.pack(df(params, ...))
      local loss, at = results[2], 0
      each_pair(params, results[1], function(p, g)
        at = at + 1
        step(function() return loss, g end, p, states[at])
      end)
      return table.unpack(results, 1, results.n)
    end
    return run, states
  end
end

--- autograd.optim.sgd(df, state, params)
-- autograd.optim
--
-- One of the functions of the package optim, such as sgd or adam, as an optimizer of nested parameters:
-- each tensor has a state of its own.
--
-- df: function that autograd gave
-- state: table: the configuration, as learningRate
-- params: tensor or nested table of tensors, which change
-- Returns: a function of df's further arguments, which takes one step and returns what df returned; a
--   table of the states
-- From: torch-autograd
-- Example:
--   params = { w = torch.ones(2) }
--   df = autograd(function(p) return torch.sum(torch.pow(p.w, 2)) end)
--   step = autograd.optim.sgd(df, { learningRate = 0.25 }, params)
--   grads, loss = step()
--   loss, params.w[1] --> 2.0 0.5
return setmetatable({}, { __index = function(_, name)
  if type(optim[name]) ~= "function" then
    raise("autograd.optim: optim has no function %s", tostring(name))
  end
  return wrapped(optim[name])
end })
