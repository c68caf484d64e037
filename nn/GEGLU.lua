-- GEGLU.lua: y = gelu(a) b of the halves a and b of x.

return function(nn, torch)
  local GEGLU, parent = torch.class("nn.GEGLU", "nn.Module")
  local arguments, names = nn._arguments, { "dim" }

  --- nn.GEGLU([dim])
  --
  -- gelu(a) b, a and b being the halves of x along a dimension.
  --
  -- dim: 1 to x:dim(), the last by default; negative counts from the last; also in a table
  -- Returns: a module; its output has half the input's size along dim
  -- Errors: the input has no such dimension, or its size is odd
  -- From: Shazeer, "GLU variants improve transformer", 2020
  -- Example:
  --   nn.GEGLU():forward(torch.Tensor { 0, 4 })[1] --> 0.0
  function GEGLU:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { dim = -1 }, ...)
    self.dim = options.dim
    arguments.whole(self, "dim", self.dim)
  end

  function GEGLU:updateOutput(input)
    return nn.functional.geglu(arguments.tensor(self, input), self.dim)
  end

  function GEGLU:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
