-- Tanh.lua: y = tanh(x), element by element.

return function(_, torch)
  local Tanh = torch.class("nn.Tanh", "nn.Module")

  function Tanh:updateOutput(input)
    return torch.tanh(input)
  end
end
