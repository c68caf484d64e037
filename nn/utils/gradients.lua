-- gradients.lua: gradients of all parameters together: kept small; and parameters as one vector.

local each = require "torch._each"
local raise = require("torch.caller").raise

return function(nn, torch)
  local utils = nn.utils

  -- A module's parameters, a list of tensors, or one tensor, as a list.
  local function list_of(fn, parameters)
    if torch.isTypeOf(parameters, "nn.Module") then return (parameters:parameters()) or {} end
    if torch.isTensor(parameters) then return { parameters } end
    if type(parameters) ~= "table" then
      raise("nn.utils.%s: the parameters are a %s, wanted tensors or a module", fn, torch.type(parameters))
    end
    for i, p in ipairs(parameters) do
      if not torch.isTensor(p) then
        raise("nn.utils.%s: parameter %d is a %s, wanted a tensor", fn, i, torch.type(p))
      end
    end
    return parameters
  end

  local function gradients(fn, parameters)
    if torch.isTypeOf(parameters, "nn.Module") then return select(2, parameters:parameters()) or {} end
    local list = {}
    for _, p in ipairs(list_of(fn, parameters)) do list[#list + 1] = p.grad or nil end
    return list
  end

  local function bound(fn, what, value)
    if not math.type(value) or value ~= value or value < 0 then
      raise("nn.utils.%s: %s is %s, wanted a number of at least 0", fn, what, tostring(value))
    end
    return value
  end

  -- One after the other.
  local function clip_each(list, maxNorm, p)
    local norms, total = {}, 0
    for i, g in ipairs(list) do
      norms[i] = g:nElement() == 0 and 0 or p == math.huge and torch.abs(g):max() or g:norm(p)
      total = math.max(total, norms[i])
    end
    if p ~= math.huge and #norms > 0 then total = torch.DoubleTensor(norms):norm(p) end
    local scale = maxNorm / (total + 1e-6)
    if scale < 1 then each.scale(list, scale) end
    return total
  end

  --- nn.utils.clipGradNorm(parameters, maxNorm [, p [, quiet]]); nn.utils.clipGradValue(parameters, value)
  --
  -- Changes gradients in place: scales all of them alike, so that their p-norm together is at most maxNorm;
  -- or keeps each element within +-value.
  --
  -- parameters: module, list of tensors, or tensor; those without a gradient do not count
  -- maxNorm, value: numbers
  -- p: number, 2 by default, or math.huge for the largest element
  -- quiet: true gives no norm, so that the script need not wait for a GPU
  -- Returns: clipGradNorm: the norm before, a number
  -- Errors: maxNorm or value is negative
  -- From: PyTorch
  -- Example:
  --   module = nn.Linear(2, 1)
  --   module(torch.Tensor { 3, 4 }):backward()
  --   nn.utils.clipGradNorm({ module.weight }, 1) --> 5.0
  --   module.gradWeight:norm() < 1 --> true
  function utils.clipGradNorm(parameters, maxNorm, p, quiet)
    local list = gradients("clipGradNorm", parameters)
    bound("clipGradNorm", "maxNorm", maxNorm)
    p = bound("clipGradNorm", "p", p or 2)
    return torch.noGrad(function()
      local total = false
      if p == 2 then total = each.clip(list, maxNorm, quiet) end
      if total == false then total = clip_each(list, maxNorm, p) end
      if not quiet then return total end
    end)
  end

  function utils.clipGradValue(parameters, value)
    bound("clipGradValue", "value", value)
    torch.noGrad(function()
      for _, g in ipairs(gradients("clipGradValue", parameters)) do g:clamp(-value, value) end
    end)
  end

  --- nn.utils.parametersToVector(parameters); nn.utils.vectorToParameters(vector, parameters)
  --
  -- The elements of all parameters in one new vector; or its elements back into them.  module:getParameters()
  -- makes the parameters views of one vector instead.
  --
  -- parameters: module, list of tensors, or tensor
  -- vector: vector of as many elements
  -- Returns: parametersToVector: a vector, on the tape
  -- Errors: the vector has another number of elements
  -- From: PyTorch
  -- Example:
  --   module = nn.Linear(2, 1)
  --   v = nn.utils.parametersToVector(module)
  --   nn.utils.vectorToParameters(v * 0, module)
  --   v:size(1), module.weight:abs():max() --> 3 0.0
  function utils.parametersToVector(parameters)
    local parts = {}
    for i, p in ipairs(list_of("parametersToVector", parameters)) do parts[i] = torch.reshape(p, -1) end
    if #parts == 0 then raise "nn.utils.parametersToVector: there are no parameters" end
    return torch.cat(parts, 1)
  end

  function utils.vectorToParameters(vector, parameters)
    local list, count = list_of("vectorToParameters", parameters), 0
    for _, p in ipairs(list) do count = count + p:nElement() end
    if not torch.isTensor(vector) or vector:nElement() ~= count then
      raise("nn.utils.vectorToParameters: the vector is %s, wanted a tensor of %d elements",
        torch.isTensor(vector) and "of " .. vector:nElement() or "a " .. torch.type(vector), count)
    end
    torch.noGrad(function()
      local from = 1
      for _, p in ipairs(list) do
        p:copy(torch.reshape(vector, -1):narrow(1, from, p:nElement()))
        from = from + p:nElement()
      end
    end)
  end
end
