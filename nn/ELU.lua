-- ELU.lua: y = x, or alpha (exp(x) - 1) below zero, element by element.

return function(nn, torch)
  local ELU, parent = torch.class("nn.ELU", "nn.Module")
  local arguments = nn._arguments

  --- nn.ELU([alpha [, inplace]])
  --
  -- x where it is positive, alpha (exp(x) - 1) elsewhere.
  --
  -- alpha: number, 1 by default
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
  --   linear units", ICLR 2016, as in Torch7
  -- Example:
  --   nn.ELU():forward(torch.Tensor { -1000, 3 }):sum() --> 2.0
  function ELU:__init(alpha, inplace)
    parent.__init(self)
    self.alpha = arguments.number(self, "alpha", alpha, 1)
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function ELU:updateOutput(input)
    return torch.relu(input) + torch.expm1(arguments.below(input)) * self.alpha
  end

  function ELU:__tostring()
    return ("%s (alpha:%f)"):format(torch.typename(self), self.alpha)
  end
end
