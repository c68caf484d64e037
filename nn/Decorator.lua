-- Decorator.lua: the base of containers around one module.

return function(_, torch)
  local Decorator, parent = torch.class("nn.Decorator", "nn.Container")

  --- nn.Decorator(module); nn.Decorator:decorate(class)
  --
  -- The base of containers around one module, which do something with its input or output; alone it does
  -- nothing.  decorate gives Decorator's ways of running and printing to a class that is not below it.
  --
  -- module: nn.Module
  -- class: table, as from torch.class
  -- Returns: a container
  -- From: Torch7
  -- Example:
  --   tostring(nn.Decorator(nn.Tanh())) --> nn.Decorator @ nn.Tanh
  function Decorator:__init(module)
    parent.__init(self)
    self:add(module)
  end

  -- A class by hand may have given the module another gradient than its own; Torch7's containers worked on
  -- with that one.
  function Decorator:_accumulate(input, gradOutput, scale)
    local module = self.modules[1]
    module:accGradParameters(input, module:_lastGradOutput() or gradOutput, scale)
  end

  function Decorator:updateOutput(input)
    return self.modules[1]:_run(input)
  end

  function Decorator:__tostring__()
    return ("%s @ %s"):format(torch.typename(self), tostring(self.modules[1]))
  end

  function Decorator.decorate(class)
    class.updateOutput = Decorator.updateOutput
    class.__tostring__ = Decorator.__tostring__
  end
end
