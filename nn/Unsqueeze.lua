-- Unsqueeze.lua: the input with a new dimension of size 1.

return function(nn, torch)
  local Unsqueeze, parent = torch.class("nn.Unsqueeze", "nn.Module")
  local arguments = nn._arguments

  --- nn.Unsqueeze(pos [, numInputDims])
  --
  -- The input with a new dimension of size 1.
  --
  -- pos: where the new dimension stands in a sample
  -- numInputDims: how many dimensions a sample has, all by default; those before are the batch
  -- Returns: a module; its output is a view of the input
  -- Errors: there is no such place
  -- From: Torch7
  -- Example:
  --   table.concat(nn.Unsqueeze(1, 1):forward(torch.ones(4, 3)).shape, "x") --> 4x1x3
  function Unsqueeze:__init(pos, numInputDims)
    parent.__init(self)
    self.pos = arguments.whole(self, "pos", pos)
    self:setNumInputDims(numInputDims)
  end

  --- nn.Unsqueeze:setNumInputDims(n)
  --
  -- Says how many dimensions one sample has; those before are the batch.
  --
  -- n: number
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.Unsqueeze(1):setNumInputDims(2).numInputDims --> 2
  function Unsqueeze:setNumInputDims(n)
    self.numInputDims = n and arguments.whole(self, "numInputDims", n, nil, 0)
    return self
  end

  function Unsqueeze:updateOutput(input)
    arguments.tensor(self, input)
    local pos = self.pos + input:dim() - (self.numInputDims or input:dim())
    if pos < 1 or pos > input:dim() + 1 or self.numInputDims and input:dim() < self.numInputDims then
      arguments.fail(self, "an input of %s with samples of %d dimensions has no place %d",
        arguments.shape(input), self.numInputDims or input:dim(), self.pos)
    end
    return torch.unsqueeze(input, pos)
  end

  function Unsqueeze:__tostring()
    return ("%s(dim %d)"):format(torch.typename(self), self.pos)
  end
end
