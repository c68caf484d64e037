-- SquaredReLU.lua: y = max(x, 0)^2, element by element.

return function(nn, torch)
  local SquaredReLU = torch.class("nn.SquaredReLU", "nn.Module")

  --- nn.SquaredReLU()
  --
  -- max(x, 0)^2 of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: So and others, "Primer", NeurIPS 2021
  -- Example:
  --   nn.SquaredReLU():forward(torch.Tensor { -3, 3 }):sum() --> 9.0
  function SquaredReLU:updateOutput(input)
    return nn.functional.squaredRelu(input)
  end
end
