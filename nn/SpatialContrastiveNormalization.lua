-- SpatialContrastiveNormalization.lua: images less the mean, divided by the deviation of what is around
-- each place.

return function(nn, torch)
  local SpatialContrastiveNormalization, parent =
    torch.class("nn.SpatialContrastiveNormalization", "nn.Module")
  local arguments = nn._arguments

  --- nn.SpatialContrastiveNormalization([nInputPlane [, kernel [, threshold [, thresval]]]])
  --
  -- nn.SpatialSubtractiveNormalization, then nn.SpatialDivisiveNormalization.
  --
  -- nInputPlane: how many planes, 1 by default
  -- kernel: weights: matrix, or vector for its product with itself, of odd sizes; 9 x 9 ones by default
  -- threshold: divisors that are not above it become thresval; 1e-4 by default
  -- thresval: number, threshold by default
  -- Returns: a module; its input and output are (batch x) nInputPlane x height x width
  -- Errors: a size of the kernel is even; the input has other dimensions or planes
  -- From: Torch7; Jarrett and others, "What is the best multi-stage architecture for object recognition?",
  --   ICCV 2009
  -- Example:
  --   y = nn.SpatialContrastiveNormalization(1):forward(torch.rand(1, 12, 12))
  --   table.concat(y.shape, "x") --> 1x12x12
  function SpatialContrastiveNormalization:__init(nInputPlane, kernel, threshold, thresval)
    parent.__init(self)
    self.nInputPlane = arguments.whole(self, "nInputPlane", nInputPlane, 1, 1)
    self.kernel = kernel or torch.Tensor(9, 9):fill(1)
    self.threshold = arguments.number(self, "threshold", threshold, 1e-4)
    self.thresval = arguments.number(self, "thresval", thresval, self.threshold)
    self.normalizer = nn.Sequential()
      :add(nn.SpatialSubtractiveNormalization(self.nInputPlane, self.kernel))
      :add(nn.SpatialDivisiveNormalization(self.nInputPlane, self.kernel, self.threshold, self.thresval))
  end

  function SpatialContrastiveNormalization:updateOutput(input)
    return self.normalizer(input)
  end
end
