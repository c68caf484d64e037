-- functionalcall: a module as a function of its parameters.

local raise = require("torch.caller").raise

local name = "torch.func.functionalCall"

return function(torch)
  -- A copy of a module and of all tables in it.  Tensors stay the same, but for those in `replaced`, a
  -- table from torch.pointer(t) to what takes t's place.
  local function copied(value, replaced, seen)
    if torch.isTensor(value) then
      local other = replaced[torch.pointer(value)]
      if other == nil then return value end
      return other
    end
    if type(value) ~= "table" then return value end
    if seen[value] then return seen[value] end
    local copy = {}
    seen[value] = copy
    for k, v in pairs(value) do copy[k] = copied(v, replaced, seen) end
    if value._type then copy._functional = true end
    return setmetatable(copy, getmetatable(value))
  end

  local function check(own, params)
    if type(params) ~= "table" or torch.typename(params) then
      raise("%s: the parameters are a table of tensors, got a %s", name, torch.type(params))
    end
    if #params ~= #own then
      raise("%s: %d parameters given, the module has %d", name, #params, #own)
    end
    for i, p in ipairs(own) do
      if not torch.isTensor(params[i]) then
        raise("%s: parameter %d is a %s, wanted a tensor", name, i, torch.type(params[i]))
      elseif not params[i]:isSameSizeAs(p) then
        raise("%s: parameter %d has shape %s, the module's has %s", name, i,
          table.concat(params[i].shape, "x"), table.concat(p.shape, "x"))
      end
    end
  end

  -- Whether some module computes its gradients by hand, into tensors of its own.
  local function any_by_hand(module)
    local base = package.loaded.nn.Module
    for _, m in ipairs(module:listModules()) do
      if m.updateGradInput ~= base.updateGradInput then return true end
    end
    return false
  end

  --- torch.func.functionalCall(module, params, ...)
  --
  -- Runs a module with other parameters in the place of its own, which stay as they are.  Gradients flow to
  -- params.  What the module keeps besides, such as the running mean of nn.BatchNormalization, is shared.
  --
  -- module: nn.Module
  -- params: table of tensors, in the order and of the shapes of module:parameters()
  -- ...: the module's input
  -- Returns: the module's output
  -- Errors: the number or a shape of the parameters is wrong
  -- From: PyTorch
  -- Example:
  --   module = nn.Linear(2, 1)
  --   params = { torch.ones(1, 2), torch.ones(1) }
  --   torch.func.functionalCall(module, params, torch.ones(2))[1] --> 3.0
  function torch.func.functionalCall(module, params, ...)
    if not torch.isTypeOf(module, "nn.Module") then
      raise("%s: wanted an nn module, got a %s", name, torch.type(module))
    end
    local own, grads = module:parameters()
    own, grads = own or {}, grads or {}
    check(own, params)
    local replaced = {}
    for i = #own, 1, -1 do replaced[torch.pointer(own[i])] = params[i] end
    if #grads > 0 and any_by_hand(module) then
      for _, g in ipairs(grads) do replaced[torch.pointer(g)] = torch.zerosLike(g) end
    end
    return copied(module, replaced, {})(...)
  end
end
