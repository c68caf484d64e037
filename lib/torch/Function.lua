-- Function: functions with a derivative of their own, and functions that are computed again instead of
-- remembered.

local raise = require("torch.caller").raise

return function(torch)
  local Context = {}
  Context.__index = Context

  --- ctx:saveForBackward(...); ctx:savedTensors()
  --
  -- Inside the functions of a torch.Function: keeps tensors, inputs or results of forward, for backward;
  -- and gives them in backward, with their history, so that backward can itself be differentiated.
  --
  -- ...: tensors
  -- Returns: savedTensors: the tensors, in their order
  -- Errors: savedTensors: one of them was changed in place since
  -- From: PyTorch
  -- Example:
  --   cube = torch.Function {
  --     forward = function(ctx, x) ctx:saveForBackward(x) return torch.pow(x, 3) end,
  --     backward = function(ctx, g) return torch.cmul(g, torch.square(ctx:savedTensors()) * 3) end,
  --   }
  --   x = torch.Tensor { 2 }:requireGrad()
  --   cube(x):backward()
  --   x.grad[1] --> 12.0
  function Context:saveForBackward(...)
    self._saved = { ... }
    for i = 1, select("#", ...) do
      if not torch.isTensor(self._saved[i]) then
        raise("saveForBackward: argument %d is a %s, wanted a tensor", i, type(self._saved[i]))
      end
    end
  end

  function Context:savedTensors()
    return table.unpack(self._saved or {})
  end

  --- ctx:markNonDifferentiable(...): says that results of forward have no gradient.
  --
  -- ...: tensors, results of forward
  -- From: PyTorch
  -- Example:
  --   f = torch.Function {
  --     forward = function(ctx, x) local y = torch.sign(x) ctx:markNonDifferentiable(y) return y end,
  --     backward = function() end,
  --   }
  --   f(torch.ones(1):requireGrad()).requiresGrad --> false
  function Context:markNonDifferentiable(...)
    self._plain = {}
    for _, y in ipairs { ... } do self._plain[y] = true end
  end

  local function is_float(x)
    return torch.isTensor(x) and x.dtype:find("float", 1, true) ~= nil
  end

  -- The results of the user's backward for the tensors among the arguments of forward.
  local function pick(places, gradients, name)
    local out = {}
    for i, place in ipairs(places) do
      local g = gradients[place]
      if g and not torch.isTensor(g) then
        raise("%s: backward gave a %s for argument %d, wanted a tensor or nil", name, type(g), place)
      end
      out[i] = g or false
    end
    return out
  end

  -- Gradients that cannot be differentiated once more.
  local function closed(name, inputs, gradients)
    local list, places = {}, {}
    for i, g in ipairs(gradients) do
      if g then list[#list + 1], places[#places + 1] = g, i end
    end
    local sealed = torch._custom(inputs, list, function()
      error(name .. ": this function can be differentiated only once", 0)
    end)
    for k, i in ipairs(places) do gradients[i] = sealed[k] end
    return gradients
  end

  local function run_backward(f, ctx, inputs, places, ...)
    if not (f.once and torch.isGradEnabled()) then
      return pick(places, { f.backward(ctx, ...) }, f.name)
    end
    local grads = { ... }
    local result = pick(places, { torch.noGrad(f.backward, ctx, ...) }, f.name)
    for _, x in ipairs(inputs) do grads[#grads + 1] = x end
    return closed(f.name, grads, result)
  end

  local function shares(x, y)
    return torch.pointer(x:storage()) == torch.pointer(y:storage())
  end

  -- Results of forward that have a gradient, and their places.  An input that is given back, or a view of
  -- one, becomes a copy: writes to it must not reach the input, which keeps its own history.
  local function differentiable(ctx, inputs, results)
    local outputs, at, given = {}, {}, {}
    for _, x in ipairs(inputs) do given[x] = true end
    for k = 1, results.n do
      local y = results[k]
      if is_float(y) then
        local copy = y
        for _, x in ipairs(inputs) do
          if shares(x, y) then copy = torch.noGrad(y.clone, y) end
        end
        results[k] = copy
        for i, kept in ipairs(ctx._saved or {}) do
          if rawequal(kept, y) and not given[y] then ctx._saved[i] = copy end
        end
        if not (ctx._plain and ctx._plain[y]) then outputs[#outputs + 1], at[#at + 1] = copy, k end
      end
    end
    return outputs, at
  end

  local function apply(f, ...)
    local args, inputs, places = table.pack(...), {}, {}
    local ctx = setmetatable({ needsInputGrad = {} }, Context)
    for i = 1, args.n do
      local x = args[i]
      ctx.needsInputGrad[i] = is_float(x) and x.requiresGrad and torch.isGradEnabled()
      if is_float(x) then inputs[#inputs + 1], places[#places + 1] = x, i end
    end
    local results = table.pack(torch.noGrad(f.forward, ctx, ...))
    local outputs, at = differentiable(ctx, inputs, results)
    if #outputs == 0 or #inputs == 0 then return table.unpack(results, 1, results.n) end
    local saved = ctx._saved
    ctx._saved, ctx._plain = nil, nil -- the node holds them
    local fresh
    if saved and #saved > 0 then
      fresh = torch._custom(inputs, outputs, function(kept, ...)
        ctx._saved = kept
        local gradients = run_backward(f, ctx, inputs, places, ...)
        ctx._saved = nil
        return table.unpack(gradients)
      end, saved)
    else
      fresh = torch._custom(inputs, outputs, function(...)
        return table.unpack(run_backward(f, ctx, inputs, places, ...))
      end)
    end
    for k, place in ipairs(at) do results[place] = fresh[k] end
    return table.unpack(results, 1, results.n)
  end

  local Function = { __call = apply }
  Function.__index = Function
  function Function.__tostring(f) return ("torch.Function '%s'"):format(f.name) end

  --- torch.Function(definition): a function with a derivative that you give.
  --
  -- definition: table:
  --   forward: function(ctx, ...) that gives tensors; runs without being recorded;
  --   backward: function(ctx, gradient1, ...) that gets the gradient of each result and gives that of each
  --   argument of forward, nil where there is none;
  --   name: string, for messages and graphs; "function" by default;
  --   once: true says that backward itself cannot be differentiated
  -- Returns: an object to be called as forward without ctx; ctx.needsInputGrad[i] says whether argument i
  --   wants a gradient
  -- Errors: forward or backward is missing
  -- From: PyTorch's autograd.Function
  -- Example:
  --   double = torch.Function {
  --     forward = function(ctx, x) return x * 2 end, backward = function(ctx, g) return g * 2 end,
  --   }
  --   x = torch.ones(3):requireGrad()
  --   torch.sum(double(x)):backward()
  --   x.grad:sum() --> 6.0
  function torch.Function(definition)
    if type(definition) ~= "table" then
      raise("torch.Function: a table of forward and backward is wanted, got %s", type(definition))
    end
    for _, part in ipairs { "forward", "backward" } do
      if type(definition[part]) ~= "function" then
        raise("torch.Function: %s is a %s, wanted a function", part, type(definition[part]))
      end
    end
    return setmetatable({ forward = definition.forward, backward = definition.backward,
      name = definition.name or "function", once = definition.once }, Function)
  end

  -- ---- checkpoints -----------------------------------------------------------------------------------

  --- torch.checkpoint(f, ...): calls f, whose inner results are not kept for backward but computed again
  -- when it comes: less memory for more time.
  --
  -- f runs a second time with the same arguments and the same random numbers, and has to do the same then.
  --
  -- f: function of tensors and other values
  -- ...: its arguments
  -- Returns: what f returns; gradients flow to the arguments and to all tensors that f uses
  -- Errors: in backward: f did something else the second time, or an argument was changed in place
  -- From: Chen et al., "Training deep nets with sublinear memory cost", 2016; PyTorch
  -- Example:
  --   x = torch.ones(2):requireGrad()
  --   y = torch.checkpoint(function(v) return torch.exp(torch.tanh(v)) end, x)
  --   torch.sum(y):backward()
  --   ("%.4f"):format(x.grad[1]) --> 0.8995
  function torch.checkpoint(f, ...)
    if not torch.isGradEnabled() then return f(...) end
    local args, state = table.pack(...), torch.getRNGState()
    local function again()
      local now = torch.getRNGState()
      torch.setRNGState(state)
      local ok, message = pcall(f, table.unpack(args, 1, args.n))
      torch.setRNGState(now)
      if not ok then error(message, 0) end
    end
    return torch._checkpoint(again, f, ...)
  end
end
