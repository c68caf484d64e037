-- Sigmoid.lua: y = 1 / (1 + exp(-x)), element by element.

return function(_, torch)
  local Sigmoid = torch.class("nn.Sigmoid", "nn.Module")

  function Sigmoid:updateOutput(input)
    return torch.sigmoid(input)
  end
end
