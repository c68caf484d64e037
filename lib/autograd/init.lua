-- autograd: the calls of twitter's torch-autograd, on Cresset's tape.

local torch = require "torch"
local tree = require "torch.tree"
local raise = require("torch.caller").raise

local autograd = {}
package.loaded.autograd = autograd

local differentiate = torch.func._differentiate

-- A result as torch-autograd gives it: a number for a tensor without dimensions that has no history.
local function plain(value)
  if torch.isTensor(value) and #value.shape == 0 and not value.requiresGrad then return value:item() end
  return value
end

-- df(..): the gradients, then f's results.
local function gradients(f, args, wanted, options)
  local call, grads = differentiate("autograd", f, args, { wanted }, options)
  local out = table.pack(call:results_from(1))
  for i = 1, out.n do out[i] = plain(out[i]) end
  return grads[1], table.unpack(out, 1, out.n)
end

--- autograd(f [, options]); autograd.grad(f [, options])
--
-- The gradient of f with respect to its first argument, a tensor or a nested table of tensors.  Works
-- inside of itself for higher derivatives.  torch.func.grad does the same with other rules: here gradients
-- have no history unless autograd or torch.func is at work outside, tensors that are not of a float
-- type are let through, and f may give a number that does not depend on the parameters.
--
-- f: function of (params, ...) that gives a loss of one element, and maybe more
-- options: table of any of these:
--   gradArg: number of the argument to differentiate by, 1 by default
--   withGradients: false has the function only run f
--   withForward: false, together with partialGrad = true: the last argument of the function is a factor
--     for f's result, which may have any shape then
--   others of torch-autograd's, such as optimize: without effect
-- Returns: a function of f's arguments; it gives the gradients, of the nesting of params, then f's results,
--   with a loss without dimensions as a number
-- Errors: as for torch.func.grad
-- From: torch-autograd
-- Example:
--   f = function(params, x) return torch.sum(torch.pow(params.w * x, 2)) end
--   grads, loss = autograd(f)({ w = torch.ones(1, 2) }, torch.ones(2))
--   grads.w[1][2], loss --> 4.0 4.0
function autograd.grad(f, options)
  options = options or {}
  local mt = getmetatable(f)
  if type(f) ~= "function" and not (type(mt) == "table" and mt.__call) then
    raise("autograd: wanted a function, got a %s", torch.type(f))
  end
  local wanted = options.gradArg or 1
  return function(...)
    if options.withGradients == false then return f(...) end
    local args = table.pack(...)
    local how = { lenient = true, isolated = torch.func._depth() == 0 }
    if options.withForward == false or options.partialGrad then
      how.seed = args[args.n]
      args.n = args.n - 1
      if not torch.isTensor(how.seed) then
        raise("autograd: with partialGrad the last argument is the gradient of f's result, got a %s",
          torch.type(how.seed))
      end
      return (gradients(f, args, wanted, how))
    end
    return gradients(f, args, wanted, how)
  end
end

local optimizing = false

--- autograd.optimize(on); autograd.optimizing(); autograd.protected(on)
--
-- Accepted for scripts written for torch-autograd, which chose by them how gradients were computed.
-- They change nothing.
--
-- on: true or false
-- Returns: optimizing: what optimize was given last
-- From: torch-autograd
-- Example:
--   autograd.optimize(true)
--   autograd.optimizing() --> true
function autograd.optimize(on)
  optimizing = on and true or false
end

function autograd.optimizing()
  return optimizing
end

function autograd.protected(_) end

-- ---- modules as functions --------------------------------------------------------------------------

-- The type that buffers of a module should have: that of the first float tensor.
local function type_of(input)
  for _, t in ipairs(tree.flatten(input)) do
    if t.dtype:find("float") then return t:type() end
  end
end

local function fit(module, input)
  local typename = type_of(input)
  if typename and module:type() ~= typename then module:type(typename) end
end

local function callable(module, call)
  return setmetatable({ module = module }, {
    __call = call, __tostring = function() return "function of " .. tostring(module) end,
  })
end

local function from_criterion(criterion)
  return callable(criterion, function(_, input, target)
    fit(criterion, input)
    return plain(criterion(input, target))
  end)
end

local function from_module(module)
  local params = module:parameters()
  if not params or #params == 0 then
    return callable(module, function(_, input)
      fit(module, input)
      return module(input)
    end)
  end
  local own = {}
  for i, p in ipairs(params) do own[i] = p:detach() end
  return callable(module, function(_, given, input)
    if input == nil then raise("autograd: this module has parameters: call f(params, input)") end
    fit(module, input)
    return torch.func.functionalCall(module, given, input)
  end), own
end

-- The functions of a package's classes, made when they are asked for.
local function from_package(name)
  local package = type(name) == "string" and require(name)
  return setmetatable({}, { __index = function(_, class)
    if type(package[class]) ~= "table" then raise("autograd: %s has no class %s", name, tostring(class)) end
    return function(...) return autograd.functionalize(package[class](...)) end
  end })
end

--- autograd.functionalize(module); autograd.nn
--
-- A module as a function of its parameters and its input, with the parameters, which share the module's
-- elements; one without parameters as a function of its input; a criterion as one of input and target.  For
-- the name of a package: a table of such for its classes, as autograd.nn is: autograd.nn.Linear(3, 2) gives
-- a function and its parameters.
--
-- module: nn.Module, nn.Criterion, or the name of a package
-- Returns: a function; a table of parameters
-- From: torch-autograd
-- Example:
--   linear, params = autograd.nn.Linear(3, 2)
--   linear(params, torch.ones(4, 3)):size(2), #params --> 2 2
--   autograd.nn.MSECriterion()(torch.zeros(2), torch.ones(2)) --> 1.0
function autograd.functionalize(module)
  if type(module) == "string" then return from_package(module) end
  if torch.isTypeOf(module, "nn.Criterion") then return from_criterion(module) end
  if torch.isTypeOf(module, "nn.Module") then return from_module(module) end
  raise("autograd.functionalize: wanted a module, a criterion or the name of a package, got a %s",
    torch.type(module))
end

autograd.nn = from_package "nn"

--- autograd.nn.AutoModule(name); autograd.nn.AutoCriterion(name)
--
-- A class of modules whose forward is a function of tensors; the class is autograd.auto[name] as well.
-- AutoModule(name)(f [, weight [, bias]]) makes a module that computes f(input, weight, bias);
-- AutoCriterion(name)(f) a criterion that computes f(input, target).
--
-- name: string
-- Returns: a class
-- From: torch-autograd
-- Example:
--   Scale = autograd.nn.AutoModule("Scale")
--   module = Scale(function(x, w) return torch.cmul(x, w) end, torch.ones(2) * 3)
--   module:forward(torch.ones(2)):sum() --> 6.0
autograd.auto = {}

local function checked_name(what, name)
  if type(name) ~= "string" then raise("autograd.nn.%s: give the class a name", what) end
  return name
end

rawset(autograd.nn, "AutoModule", function(name)
  local known = autograd.auto[checked_name("AutoModule", name)]
  if known then return known end
  local class, parent = torch.class("autograd.nn.module." .. name, "nn.Module", autograd.auto)
  function class:__init(fn, weight, bias)
    parent.__init(self)
    if type(fn) ~= "function" then raise("%s: wanted a function, got a %s", name, torch.type(fn)) end
    self.fn, self.weight, self.bias = fn, weight, bias
    self.gradWeight = weight and torch.zerosLike(weight)
    self.gradBias = bias and torch.zerosLike(bias)
  end
  function class:updateOutput(input)
    return self.fn(input, self.weight, self.bias)
  end
  return autograd.auto[name]
end)

rawset(autograd.nn, "AutoCriterion", function(name)
  local known = autograd.auto[checked_name("AutoCriterion", name)]
  if known then return known end
  local class, parent = torch.class("autograd.nn.criterion." .. name, "nn.Criterion", autograd.auto)
  function class:__init(fn)
    parent.__init(self)
    if type(fn) ~= "function" then raise("%s: wanted a function, got a %s", name, torch.type(fn)) end
    self.fn = fn
  end
  function class:updateOutput(input, target)
    return (self.fn(input, target))
  end
  return autograd.auto[name]
end)

-- ---- checking --------------------------------------------------------------------------------------

--- autograd.gradcheck(f, params, ...)
--
-- Compares the gradient of f with respect to its first argument with differences, as torch.gradcheck
-- does, on copies in double precision.
--
-- f: function of (params, ...) that gives a loss
-- params: tensor, or nested table of tensors
-- ...: further arguments
-- Returns: true; or false and a message
-- From: torch-autograd
-- Example:
--   f = function(p) return torch.sum(torch.cmul(p.a, p.b)) end
--   autograd.gradcheck(f, { a = torch.ones(2), b = torch.ones(2) }) --> true
function autograd.gradcheck(f, params, ...)
  local list = {}
  for i, t in ipairs(tree.flatten(params)) do list[i] = t:detach():to("float64"):clone() end
  local rest = table.pack(...)
  for i = 1, rest.n do
    rest[i] = tree.map(rest[i], function(t) return t.dtype:find("float") and t:to("float64") or t end)
  end
  return torch.gradcheck(function(...)
    local given, at = { ... }, 0
    local nested = tree.map(params, function()
      at = at + 1
      return given[at]
    end)
    local loss = f(nested, table.unpack(rest, 1, rest.n))
    return torch.isTensor(loss) and loss or torch.scalar(loss, "float64")
  end, list)
end

setmetatable(autograd, { __call = function(_, ...) return autograd.grad(...) end })

for _, name in ipairs { "util", "loss", "optim", "model" } do
  autograd[name] = require("autograd." .. name)
end

return autograd
