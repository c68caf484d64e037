-- WeightedEuclidean.lua: weighted distances from x to learned points.

return function(_, torch)
  local WeightedEuclidean, parent = torch.class("nn.WeightedEuclidean", "nn.Euclidean")

  --- nn.WeightedEuclidean(inputSize, outputSize)
  --
  -- y_j = |c_j (x - w_j)|, the distance to each column of the weight after each coordinate is multiplied
  -- by a learned number.  w starts uniform in +-1/sqrt(inputSize), c as 1.
  --
  -- inputSize, outputSize: numbers
  -- Returns: a module with weight and diagCov (c), inputSize x outputSize.  Its input is (inputSize) or
  --   (batch, inputSize), its output likewise with outputSize
  -- Errors: the input is not of these shapes
  -- From: Torch7
  -- Example:
  --   module = nn.WeightedEuclidean(2, 1)
  --   module.weight:zero()
  --   module:forward(torch.Tensor { 3, 4 })[1] --> 5.0
  function WeightedEuclidean:__init(inputSize, outputSize)
    parent.__init(self, inputSize, outputSize)
    self:registerParameter("diagCov", torch.ones(inputSize, outputSize))
  end

  function WeightedEuclidean:reset(stdv)
    parent.reset(self, stdv)
    if self.diagCov then self.diagCov:fill(1) end
  end

  function WeightedEuclidean:updateOutput(input)
    local n, m = self.weight:size(1), self.weight:size(2)
    local scaled = torch.cmul(self:_difference(input), torch.reshape(self.diagCov, 1, n, m))
    return self:_distance(scaled, input)
  end
end
