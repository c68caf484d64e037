-- Hardsigmoid.lua: y = (x + 3) / 6 within 0 and 1, element by element.

return function(nn, torch)
  local Hardsigmoid = torch.class("nn.Hardsigmoid", "nn.Module")

  --- nn.Hardsigmoid()
  --
  -- (x + 3) / 6, kept within 0 and 1, of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: PyTorch
  -- Example:
  --   nn.Hardsigmoid():forward(torch.Tensor { -4, 0, 4 }):sum() --> 1.5
  function Hardsigmoid:updateOutput(input)
    nn._arguments.tensor(self, input)
    return nn.functional.hardsigmoid(input)
  end
end
