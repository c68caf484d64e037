-- ReLU.lua: y = max(x, 0), element by element.

return function(_, torch)
  local ReLU = torch.class("nn.ReLU", "nn.Module")

  --- nn.ReLU()
  --
  -- max(x, 0) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.ReLU():forward(torch.Tensor { -1, 2 }):sum() --> 2.0
  function ReLU:updateOutput(input)
    return torch.relu(input)
  end
end
