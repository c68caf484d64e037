-- Sum.lua: the sum along one dimension.

return function(nn, torch)
  local Sum, parent = torch.class("nn.Sum", "nn.Module")
  local arguments = nn._arguments

  --- nn.Sum([dimension [, nInputDims [, sizeAverage [, squeeze]]]])
  --
  -- The sum along a dimension, or the mean.
  --
  -- dimension: the dimension, 1 by default; negative counts from the last
  -- nInputDims: how many dimensions a sample has; an input with one more is a batch, whose first
  --   dimension is not counted
  -- sizeAverage: true divides by how many there are
  -- squeeze: false keeps the dimension, with size 1
  -- Returns: a module
  -- Errors: the input has no such dimension
  -- From: Torch7
  -- Example:
  --   nn.Sum(2):forward(torch.Tensor { { 1, 5 }, { 7, 2 } })[1] --> 6.0
  function Sum:__init(dimension, nInputDims, sizeAverage, squeeze)
    parent.__init(self)
    self.dimension = arguments.whole(self, "dimension", dimension, 1)
    self.nInputDims = nInputDims and arguments.whole(self, "nInputDims", nInputDims, nil, 0)
    self.sizeAverage = arguments.flag(self, "sizeAverage", sizeAverage)
    self.squeeze = squeeze == nil or arguments.flag(self, "squeeze", squeeze)
  end

  function Sum:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dimension, self.nInputDims)
    local y = torch.sum(input, dim, true)
    if self.sizeAverage then y = y / input:size(dim) end
    return self.squeeze and input:dim() > 1 and torch.select(y, dim, 1) or y
  end
end
