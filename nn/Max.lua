-- Max.lua: the largest element along one dimension.

return function(nn, torch)
  local Max, parent = torch.class("nn.Max", "nn.Module")
  local arguments = nn._arguments

  --- nn.Max([dimension [, nInputDims]])
  --
  -- The largest element along a dimension, which is left out.
  --
  -- dimension: the dimension, 1 by default; negative counts from the last
  -- nInputDims: how many dimensions a sample has; an input with one more is a batch, whose first
  --   dimension is not counted
  -- Returns: a module
  -- Errors: the input has no such dimension
  -- From: Torch7
  -- Example:
  --   nn.Max(2):forward(torch.Tensor { { 1, 5 }, { 7, 2 } }):sum() --> 12.0
  function Max:__init(dimension, nInputDims)
    parent.__init(self)
    self.dimension = arguments.whole(self, "dimension", dimension, 1)
    self.nInputDims = nInputDims and arguments.whole(self, "nInputDims", nInputDims, nil, 0)
  end

  function Max:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dimension, self.nInputDims)
    local y = torch.max(input, dim, true)
    return input:dim() > 1 and torch.select(y, dim, 1) or y
  end
end
