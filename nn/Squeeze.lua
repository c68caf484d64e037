-- Squeeze.lua: the input without dimensions of size 1.

return function(nn, torch)
  local Squeeze, parent = torch.class("nn.Squeeze", "nn.Module")
  local arguments = nn._arguments

  --- nn.Squeeze([dim [, numInputDims]])
  --
  -- The input without its dimensions of size 1, all or one.
  --
  -- dim: the one to leave out, where its size is 1
  -- numInputDims: how many dimensions a sample has; an input with one more is a batch, whose first
  --   dimension stays and is not counted
  -- Returns: a module; its output is a view of the input
  -- Errors: the input has no such dimension
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Squeeze():forward(torch.ones(2, 1, 3, 1)).shape, "x") --> 2x3
  function Squeeze:__init(dim, numInputDims)
    parent.__init(self)
    self.dim = dim and arguments.whole(self, "dim", dim)
    self:setNumInputDims(numInputDims)
  end

  --- nn.Squeeze:setNumInputDims(n)
  --
  -- Says how many dimensions one sample has; an input with one more is a batch.
  --
  -- n: number
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.Squeeze():setNumInputDims(2).numInputDims --> 2
  function Squeeze:setNumInputDims(n)
    self.numInputDims = n and arguments.whole(self, "numInputDims", n, nil, 0)
    return self
  end

  function Squeeze:updateOutput(input)
    arguments.tensor(self, input)
    local batch = self.numInputDims and input:dim() == self.numInputDims + 1
    if self.dim then
      return torch.squeeze(input, arguments.dimension(self, input, self.dim, self.numInputDims))
    end
    local y = torch.squeeze(input)
    if y:dim() == 0 then y = torch.unsqueeze(y, 1) end
    return batch and input:size(1) == 1 and torch.unsqueeze(y, 1) or y
  end
end
