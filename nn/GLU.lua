-- GLU.lua: y = a sigmoid(b) of the halves a and b of x.

return function(nn, torch)
  local GLU, parent = torch.class("nn.GLU", "nn.Module")
  local arguments, names = nn._arguments, { "dim" }

  --- nn.GLU([dim])
  --
  -- a sigmoid(b), a and b being the halves of x along a dimension.
  --
  -- dim: 1 to x:dim(), the last by default; negative counts from the last; also in a table
  -- Returns: a module; its output has half the input's size along dim
  -- Errors: the input has no such dimension, or its size is odd
  -- From: Dauphin and others, "Language modeling with gated convolutional networks", ICML 2017
  -- Example:
  --   nn.GLU():forward(torch.Tensor { 4, 0 })[1] --> 2.0
  function GLU:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { dim = -1 }, ...)
    self.dim = options.dim
    arguments.whole(self, "dim", self.dim)
  end

  function GLU:updateOutput(input)
    return nn.functional.glu(arguments.tensor(self, input), self.dim)
  end

  function GLU:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
