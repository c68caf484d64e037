-- Tanh.lua: y = tanh(x), element by element.

return function(_, torch)
  local Tanh = torch.class("nn.Tanh", "nn.Module")

  --- nn.Tanh()
  --
  -- tanh(x) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Tanh():forward(torch.zeros(2)):sum() --> 0.0
  function Tanh:updateOutput(input)
    return torch.tanh(input)
  end
end
