-- ReGLU.lua: y = max(a, 0) b of the halves a and b of x.

return function(nn, torch)
  local ReGLU, parent = torch.class("nn.ReGLU", "nn.Module")
  local arguments, names = nn._arguments, { "dim" }

  --- nn.ReGLU([dim])
  --
  -- max(a, 0) b, a and b being the halves of x along a dimension.
  --
  -- dim: 1 to x:dim(), the last by default; negative counts from the last; also in a table
  -- Returns: a module; its output has half the input's size along dim
  -- Errors: the input has no such dimension, or its size is odd
  -- From: Shazeer, "GLU variants improve transformer", 2020
  -- Example:
  --   nn.ReGLU():forward(torch.Tensor { -4, 1, 2, 3 }):sum() --> 3.0
  function ReGLU:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { dim = -1 }, ...)
    self.dim = options.dim
    arguments.whole(self, "dim", self.dim)
  end

  function ReGLU:updateOutput(input)
    return nn.functional.reglu(arguments.tensor(self, input), self.dim)
  end

  function ReGLU:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
