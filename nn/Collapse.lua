-- Collapse.lua: all dimensions of a sample as one.

return function(nn, torch)
  local Collapse, parent = torch.class("nn.Collapse", "nn.Module")
  local arguments = nn._arguments

  --- nn.Collapse(nInputDim)
  --
  -- The input with all dimensions of a sample as one.
  --
  -- nInputDim: how many dimensions a sample has; where the input has more, its first is the batch
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Collapse(2):forward(torch.ones(4, 2, 3)).shape, "x") --> 4x6
  function Collapse:__init(nInputDim)
    parent.__init(self)
    self.nInputDim = arguments.whole(self, "nInputDim", nInputDim, nil, 1)
  end

  function Collapse:updateOutput(input)
    arguments.tensor(self, input)
    if input:dim() <= self.nInputDim then return torch.reshape(input, input:nElement()) end
    local n = input:size(1)
    return torch.reshape(input, n, n > 0 and input:nElement() // n or 0)
  end
end
