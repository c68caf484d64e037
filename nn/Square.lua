-- Square.lua: y = x^2, element by element.

return function(_, torch)
  local Square = torch.class("nn.Square", "nn.Module")

  --- nn.Square()
  --
  -- x^2 of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Square():forward(torch.Tensor { -1, 2 }):sum() --> 5.0
  function Square:updateOutput(input)
    return torch.square(input)
  end
end
