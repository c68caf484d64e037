-- MulConstant.lua: y = c x with a number c that is given.

return function(nn, torch)
  local MulConstant, parent = torch.class("nn.MulConstant", "nn.Module")
  local arguments = nn._arguments

  --- nn.MulConstant(constant [, inplace])
  --
  -- c x with a number c that is not learned.
  --
  -- constant: number
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.MulConstant(2):forward(torch.ones(3)):sum() --> 6.0
  function MulConstant:__init(constant, inplace)
    parent.__init(self)
    self.constant_scalar = arguments.number(self, "constant", constant)
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function MulConstant:updateOutput(input)
    arguments.tensor(self, input)
    return torch.mul(input, self.constant_scalar)
  end
end
