-- GELU.lua: y = x Phi(x), element by element.

return function(nn, torch)
  local GELU, parent = torch.class("nn.GELU", "nn.Module")
  local arguments, names = nn._arguments, { "approximate" }

  --- nn.GELU([approximate])
  --
  -- x Phi(x) of each element, Phi being the normal distribution's.
  --
  -- approximate: "none", or "tanh" for x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)); also in a table:
  --   nn.GELU { approximate = "tanh" }
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: approximate is neither
  -- From: Hendrycks and Gimpel, "Gaussian error linear units", 2016
  -- Example:
  --   nn.GELU("tanh"):forward(torch.Tensor { 0, 100 }):sum() --> 100.0
  function GELU:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { approximate = "none" }, ...)
    self.approximate = options.approximate
    if self.approximate ~= "none" and self.approximate ~= "tanh" then
      arguments.fail(self, 'approximate is %s, wanted "none" or "tanh"', tostring(self.approximate))
    end
  end

  function GELU:updateOutput(input)
    return nn.functional.gelu(input, self.approximate)
  end

  function GELU:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
