-- Sigmoid.lua: y = 1 / (1 + exp(-x)), element by element.

return function(_, torch)
  local Sigmoid = torch.class("nn.Sigmoid", "nn.Module")

  --- nn.Sigmoid()
  --
  -- 1 / (1 + exp(-x)) of each element.
  --
  -- Returns: a module; its input and output are tensors of any shape
  -- From: Torch7
  -- Example:
  --   nn.Sigmoid():forward(torch.zeros(2)):sum() --> 1.0
  function Sigmoid:updateOutput(input)
    return torch.sigmoid(input)
  end
end
