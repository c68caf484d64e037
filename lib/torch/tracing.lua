-- tracing: one run of a function whose derivatives are wanted, for torch.func.
--
-- The function gets aliases of its arguments.  An argument that takes part in a graph outside is given
-- as a view with that history, so that derivatives of derivatives flow; any other as a leaf of the call's
-- own.  Only when a result depends on something besides these leaves is the backward itself recorded;
-- otherwise results come back without a history.

local torch = require "torch"
local tree = require "torch.tree"
local raise = require("torch.caller").raise

local tracing = {}

local floats = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

-- ---- a call on the tape ----------------------------------------------------------------------------

-- Calls f so that gradients are recorded, also inside torch.noGrad.
local function recording(f, ...)
  if torch.isGradEnabled() then return f(...) end
  return torch.enableGrad(f, ...)
end

-- How many transformed functions are running, and how many have ever been.
local depth, started = 0, 0
local leave = setmetatable({}, { __close = function() depth = depth - 1 end })

local function nested_recording(f, ...)
  depth, started = depth + 1, started + 1
  local _ <close> = leave
  return recording(f, ...)
end

function tracing.depth()
  return depth
end

local Call = {}
Call.__index = Call

-- An alias of a tensor that a gradient is wanted for.
function Call:track(t, path)
  if not floats[t.dtype] then
    if self.lenient then return t end
    raise("%s: %s is a tensor of %s, which has no gradient; convert it (x:float()), or choose other "
      .. "arguments to differentiate", self.name, path, t.dtype)
  end
  local alias
  if self.outer and t.requiresGrad then
    alias = t:expandAs(t)
  else
    alias = t:detach():requireGrad()
    self.own[#self.own + 1] = alias
  end
  self.inputs[#self.inputs + 1] = alias
  self.writes[#self.writes + 1] = torch._version(t)
  self.paths[#self.paths + 1] = path
  return alias
end

-- Nothing of the arguments may have been overwritten: their history would be another one.
function Call:check_inputs()
  for i, t in ipairs(self.inputs) do
    if torch._version(t) ~= self.writes[i] then
      raise("%s: the function changed %s in place; have it work on a copy (x:clone()), or use "
        .. "torch.f(x) in the place of x:f()", self.name, self.paths[i])
    end
  end
end

-- Runs f(...) with the arguments of the numbers in `wanted` tracked.  options: `isolated`, nothing outside
-- of the call is looked at; `lenient`, tensors of other types than float are let through, and f may give
-- a number.
function tracing.start(name, f, args, wanted, options)
  options = options or {}
  local self = setmetatable({ name = name, outer = torch.isGradEnabled() and not options.isolated,
    lenient = options.lenient, args = args, inputs = {}, own = {}, writes = {}, paths = {} }, Call)
  local given = table.move(args, 1, args.n, 1, {})
  for _, k in ipairs(wanted) do
    if type(k) ~= "number" or k < 1 or k > args.n then
      raise("%s: argument %s is wanted, but %d are given", name, tostring(k), args.n)
    end
    given[k] = tree.map(args[k], function(t, path) return self:track(t, path) end, "argument " .. k)
  end
  if #self.inputs == 0 then
    raise("%s: there is no tensor to differentiate by: argument %s is a %s", name,
      table.concat(wanted, ", "), wanted[1] and torch.type(args[wanted[1]]) or "missing one")
  end
  local mine = started + 1
  self.results = table.pack(nested_recording(f, table.unpack(given, 1, args.n)))
  self:check_inputs()
  -- The sum of a derivative that is constant is a number.  From an f that computes no derivatives a number
  -- is more likely a mistake, and an error.
  local first = self.results[1]
  if type(first) == "number" and (self.lenient or started > mine) then
    self.results[1] = torch.scalar(first, self.inputs[1].dtype)
  end
  return self
end

-- Whether something outside of the call has to know how these came about.
function Call:matters(tensors)
  if not self.outer then return false end
  for _, t in ipairs(tensors) do
    if torch._reaches(t, self.own) then return true end
  end
  return false
end

-- Values as they go out: without a history that only leads to this call's own leaves.
function Call:release(value)
  return tree.map(value, function(t)
    return t.requiresGrad and not self:matters { t } and t:detach() or t
  end)
end

-- The results from number `first` on, as they go out.
function Call:results_from(first)
  local out = {}
  for i = first, self.results.n do out[i - first + 1] = self:release(self.results[i]) end
  return table.unpack(out, 1, math.max(self.results.n - first + 1, 0))
end

-- The call's own leaves are of no interest to whoever looks at a graph later.
function Call:finish()
  for _, leaf in ipairs(self.own) do leaf:requireGrad(false) end
end

function Call:resume()
  for _, leaf in ipairs(self.own) do leaf:requireGrad() end
end

-- Gradients of outputs times seeds, zeros where there is no path.
function Call:gradients(outputs, seeds, options)
  local roots, factors = {}, {}
  for i, t in ipairs(outputs) do
    if t.requiresGrad and (not seeds or seeds[i]) then
      roots[#roots + 1] = t
      factors[#roots] = seeds and seeds[i] or nil
    end
  end
  local grads = #roots > 0 and torch.grad(roots, self.inputs, seeds and factors, options) or {}
  for i, t in ipairs(self.inputs) do
    grads[i] = grads[i] or torch.zerosLike(t:detach())
  end
  return grads
end

-- A list of gradients in the nesting of the arguments: a table of one for each of `wanted`.
function Call:nested(wanted, grads)
  local out, at = {}, 1
  for i, k in ipairs(wanted) do
    out[i] = tree.map(self.args[k], function(t)
      if not floats[t.dtype] then return nil end
      at = at + 1
      return grads[at - 1]
    end, nil, function() return nil end)
  end
  return out
end

-- ---- checking what f gave ----------------------------------------------------------------------------

function tracing.check_loss(name, loss)
  if type(loss) == "number" then
    raise("%s: the function gave a number, which has no gradient; wanted a tensor of one element that "
      .. "was computed from the arguments", name)
  elseif not torch.isTensor(loss) then
    raise("%s: the function gave a %s; wanted a tensor of one element", name, torch.type(loss))
  elseif loss:nElement() ~= 1 then
    raise("%s: the function gave a tensor of shape %s; wanted one element: sum it, or use "
      .. "torch.func.vjp or jacobian", name, table.concat(loss.shape, "x"))
  end
  return loss
end

-- The tensors of f's first result.
function tracing.check_outputs(name, value)
  local list = {}
  tree.map(value, function(t) list[#list + 1] = t end, "the result", function(v, path)
    raise("%s: the function gave a %s as %s; wanted tensors", name, torch.type(v), path)
  end)
  if #list == 0 then raise("%s: the function gave no tensor", name) end
  return list
end

function tracing.check_function(name, f)
  local mt = getmetatable(f)
  if type(f) == "function" or type(mt) == "table" and mt.__call then return end
  raise("%s: wanted a function, got a %s", name, torch.type(f))
end

-- argnums as a list.
function tracing.list_of(name, argnums)
  if argnums == nil then return { 1 } end
  if type(argnums) == "number" then return { argnums } end
  if type(argnums) ~= "table" then
    raise("%s: argnums is a number or a table of numbers, got a %s", name, type(argnums))
  end
  return argnums
end

function tracing.all_of(args)
  local list = {}
  for i = 1, args.n do list[i] = i end
  return list
end

tracing.recording = recording

return tracing
