-- CELU.lua: y = x, or alpha (exp(x / alpha) - 1) below zero, element by element.

return function(nn, torch)
  local CELU, parent = torch.class("nn.CELU", "nn.Module")
  local arguments, names = nn._arguments, { "alpha" }

  --- nn.CELU([alpha])
  --
  -- x of each element, and alpha (exp(x / alpha) - 1) below zero, which is smooth at 0.
  --
  -- alpha: number, 1 by default; also in a table
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: alpha is 0
  -- From: Barron, "Continuously differentiable exponential linear units", 2017
  -- Example:
  --   nn.CELU(0.5):forward(torch.Tensor { -100, 2 }):sum() --> 1.5
  function CELU:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { alpha = 1 }, ...)
    self.alpha = options.alpha
    if arguments.number(self, "alpha", self.alpha) == 0 then arguments.fail(self, "alpha is 0") end
  end

  function CELU:updateOutput(input)
    return nn.functional.celu(input, self.alpha)
  end

  function CELU:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
