-- Mean.lua: the mean along one dimension.

return function(_, torch)
  local Mean, parent = torch.class("nn.Mean", "nn.Sum")

  --- nn.Mean([dimension [, nInputDims]])
  --
  -- The mean along a dimension: nn.Sum with sizeAverage.
  --
  -- dimension: the dimension, 1 by default; negative counts from the last
  -- nInputDims: how many dimensions a sample has; an input with one more is a batch, whose first
  --   dimension is not counted
  -- Returns: a module
  -- Errors: the input has no such dimension
  -- From: Torch7
  -- Example:
  --   nn.Mean(2):forward(torch.Tensor { { 1, 5 }, { 7, 2 } })[1] --> 3.0
  function Mean:__init(dimension, nInputDims)
    parent.__init(self, dimension, nInputDims, true)
  end
end
