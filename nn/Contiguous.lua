-- Contiguous.lua: the input with its elements one behind the other.

return function(_, torch)
  local Contiguous = torch.class("nn.Contiguous", "nn.Module")

  --- nn.Contiguous()
  --
  -- The input, or a copy of it where its elements do not lie one behind the other.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Contiguous():forward(torch.ones(2, 3):t()):isContiguous() --> true
  function Contiguous:updateOutput(input)
    return nn._arguments.tensor(self, input):contiguous()
  end
end
