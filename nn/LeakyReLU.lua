-- LeakyReLU.lua: y = x, or a small part of it below zero, element by element.

return function(nn, torch)
  local LeakyReLU, parent = torch.class("nn.LeakyReLU", "nn.Module")
  local arguments = nn._arguments

  --- nn.LeakyReLU([negval [, inplace]])
  --
  -- x where it is positive, negval x elsewhere.
  --
  -- negval: number, 0.01 by default
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.LeakyReLU(0.5):forward(torch.Tensor { -2, 3 }):sum() --> 2.0
  function LeakyReLU:__init(negval, inplace)
    parent.__init(self)
    if type(negval) == "boolean" then negval, inplace = nil, negval end
    self.negval = arguments.number(self, "negval", negval, 1 / 100)
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function LeakyReLU:updateOutput(input)
    return nn.functional._leaky(input, self.negval)
  end

  function LeakyReLU:__tostring()
    return ("%s(%g)"):format(torch.typename(self), self.negval)
  end
end
