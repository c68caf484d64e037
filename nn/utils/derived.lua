-- derived.lua: parameters that are computed from others at each use of a module: what nn.utils.weightNorm and
-- nn.utils.spectralNorm share.

local raise = require("torch.caller").raise

return function(nn, torch)
  local utils, kinds = nn.utils, {}

  -- A kind of computation: compute(module, name, spec) gives the tensor.  In the module itself stands only
  -- _derived, a table from names to { kind = name, .. }, or to false where the class computes by itself; so
  -- it can be saved and cloned.
  function utils._kind(name, compute) kinds[name] = compute end

  function utils._derive(module)
    for name, spec in pairs(module._derived) do
      if spec then module[name] = kinds[spec.kind](module, name, spec) end
    end
  end

  -- The parameter of that name becomes a derived one; gives its tensor.
  function utils._replace(fn, module, name, spec)
    if not torch.isTypeOf(module, "nn.Module") then
      raise("nn.utils.%s: the module is a %s", fn, torch.type(module))
    end
    local tensor = module[name]
    if not torch.isTensor(tensor) or module._derived and module._derived[name] ~= nil then
      raise("nn.utils.%s: %s has no parameter '%s'", fn, torch.typename(module), tostring(name))
    end
    if module.updateGradInput ~= nn.Module.updateGradInput then
      raise("nn.utils.%s: %s computes its gradients by hand", fn, torch.typename(module))
    end
    module:registerParameter(name)
    module._derived = module._derived or {}
    module._derived[name] = spec
    return tensor:detach()
  end

  -- The derived parameter becomes an ordinary one with its present value.
  function utils._restore(fn, module, name, kind, names)
    local spec = module._derived and module._derived[name]
    if not spec or spec.kind ~= kind then
      raise("nn.utils.%s: the '%s' of %s is not one", fn, tostring(name), torch.typename(module))
    end
    local tensor = torch.noGrad(kinds[kind], module, name, spec):clone()
    for method, list in pairs(names) do
      for _, part in ipairs(list) do module[method](module, name .. part) end
    end
    module._derived[name] = nil
    if next(module._derived) == nil then module._derived = nil end
    module:registerParameter(name, tensor)
    return module
  end
end
