-- Sin.lua: y = sin(omega x), element by element.

return function(nn, torch)
  local Sin, parent = torch.class("nn.Sin", "nn.Module")
  local arguments, names = nn._arguments, { "omega" }

  --- nn.Sin([omega])
  --
  -- sin(omega x) of each element.  A network for images or sounds as functions of place and time takes
  -- omega 30, and its layers' weights uniform in +-sqrt(6/n)/30.
  --
  -- omega: number, 1 by default; also in a table
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Sitzmann and others, "Implicit neural representations with periodic activation functions",
  --   NeurIPS 2020
  -- Example:
  --   nn.Sin():forward(torch.zeros(3)):sum() --> 0.0
  function Sin:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { omega = 1 }, ...)
    self.omega = options.omega
    arguments.number(self, "omega", self.omega)
  end

  function Sin:updateOutput(input)
    arguments.tensor(self, input)
    return torch.sin(input * self.omega)
  end

  function Sin:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
