-- ReLU.lua: y = max(x, 0), element by element.

return function(_, torch)
  local ReLU = torch.class("nn.ReLU", "nn.Module")

  function ReLU:updateOutput(input)
    return torch.relu(input)
  end
end
