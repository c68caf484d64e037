-- AddConstant.lua: y = x + c with a c that is given.

return function(nn, torch)
  local AddConstant, parent = torch.class("nn.AddConstant", "nn.Module")
  local arguments = nn._arguments

  --- nn.AddConstant(constant [, inplace])
  --
  -- x + c with a c that is not learned.
  --
  -- constant: number, or vector as long as the input's last dimension
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: the constant's size is not the input's
  -- From: Torch7
  -- Example:
  --   nn.AddConstant(2):forward(torch.ones(3)):sum() --> 9.0
  function AddConstant:__init(constant, inplace)
    parent.__init(self)
    if not torch.isTensor(constant) or constant:dim() == 0 then
      constant = arguments.number(self, "constant", constant)
    elseif constant:dim() ~= 1 then
      arguments.fail(self, "constant is of %s, wanted a vector", arguments.shape(constant))
    end
    self.constant_scalar = constant
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function AddConstant:updateOutput(input)
    arguments.tensor(self, input)
    local c = self.constant_scalar
    if torch.isTensor(c) and (input:dim() == 0 or input:size(input:dim()) ~= c:size(1)) then
      arguments.fail(self, "the input of %s does not fit a constant of %s", arguments.shape(input),
        arguments.shape(c))
    end
    return torch.add(input, c)
  end
end
