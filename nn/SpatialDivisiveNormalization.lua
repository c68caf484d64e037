-- SpatialDivisiveNormalization.lua: images divided by the deviation of what is around each place.

return function(nn, torch)
  local SpatialDivisiveNormalization, parent = torch.class("nn.SpatialDivisiveNormalization", "nn.Module")
  local arguments, neighbours = nn._arguments, nn._neighbours

  --- nn.SpatialDivisiveNormalization([nInputPlane [, kernel [, threshold [, thresval]]]])
  --
  -- Divides each element by the root of the weighted mean of the squares around its place in all planes,
  -- divided by how much of the window lies inside.
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
  --   y = nn.SpatialDivisiveNormalization(1, torch.ones(1)):forward(torch.Tensor { { { 2, -4 } } })
  --   y[1][1][1], y[1][1][2] --> 1.0 -1.0
  function SpatialDivisiveNormalization:__init(nInputPlane, kernel, threshold, thresval)
    parent.__init(self)
    neighbours.window(self, nInputPlane, kernel)
    self.threshold = arguments.number(self, "threshold", threshold, 1e-4)
    self.thresval = arguments.number(self, "thresval", thresval, self.threshold)
  end

  function SpatialDivisiveNormalization:updateOutput(input)
    return neighbours.as_batch(self, input, function(x)
      local square = neighbours.around(self, torch.square(x))
      local zero = torch.eq(square, 0) -- where the root has no derivative
      local deviation = torch.where(zero, 0, torch.sqrt(torch.where(zero, 1, square)))
      local divisor = torch.cdiv(deviation, neighbours.inside(self, x))
      return torch.cdiv(x, torch.threshold(divisor, self.threshold, self.thresval))
    end)
  end
end
