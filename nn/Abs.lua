-- Abs.lua: y = |x|, element by element.

return function(_, torch)
  local Abs = torch.class("nn.Abs", "nn.Module")

  --- nn.Abs()
  --
  -- |x| of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Abs():forward(torch.Tensor { -1, 2 }):sum() --> 3.0
  function Abs:updateOutput(input)
    return torch.abs(input)
  end
end
