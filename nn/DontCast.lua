-- DontCast.lua: a module that keeps its type.

return function(nn, torch)
  local DontCast, parent = torch.class("nn.DontCast", "nn.Decorator")

  local function first_type(value)
    local first = nn.tape.flatten(value)[1]
    return first and first:type()
  end

  --- nn.DontCast(module [, castin [, castout [, moduleType]]])
  --
  -- Around a module whose tensors keep their type when those around it get another, by
  -- net:type("torch.DoubleTensor") for instance.
  --
  -- module: nn.Module
  -- castin: true: the input is converted to the module's type
  -- castout: true: the output is converted to the type that the container was given; as castin by default
  -- moduleType: string, as "torch.FloatTensor"; by default that of the module's parameters or output
  -- Returns: a container
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.DontCast(nn.Linear(3, 2), true)):double()
  --   net:get(1):get(1).weight:type() --> torch.FloatTensor
  --   net:forward(torch.ones(3):double()):type() --> torch.DoubleTensor
  function DontCast:__init(module, castin, castout, moduleType)
    parent.__init(self, module)
    self.castin = castin
    if castout == nil then castout = castin end
    self.castout = castout
    self.moduleType = moduleType
    if (castin or castout) and not moduleType then
      self.moduleType = first_type(module.output) or first_type((module:parameters()))
      if not self.moduleType then nn._arguments.fail(self, "the argument moduleType is wanted") end
    end
  end

  DontCast._keepsTypes = true -- Module:type asks for it

  local function cast(value, typename)
    return nn.tape.map(value, function(t) return t:type() == typename and t or t:type(typename) end)
  end

  function DontCast:updateOutput(input)
    if self.castin then input = cast(input, self.moduleType) end
    local output = self.modules[1]:_run(input)
    return self.castout and cast(output, self._type) or output
  end
end
