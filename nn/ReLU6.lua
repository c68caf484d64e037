-- ReLU6.lua: y = min(max(x, 0), 6), element by element.

return function(nn, torch)
  local ReLU6, parent = torch.class("nn.ReLU6", "nn.Module")
  local arguments = nn._arguments

  --- nn.ReLU6([inplace])
  --
  -- min(max(x, 0), 6) of each element.
  --
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.ReLU6():forward(torch.Tensor { -1, 2, 9 }):sum() --> 8.0
  function ReLU6:__init(inplace)
    parent.__init(self)
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function ReLU6:updateOutput(input)
    arguments.tensor(self, input)
    return nn.functional.hardtanh(input, 0, 6)
  end
end
