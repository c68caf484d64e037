-- SpatialSubtractiveNormalization.lua: images less the mean of what is around each place.

return function(nn, torch)
  local SpatialSubtractiveNormalization, parent =
    torch.class("nn.SpatialSubtractiveNormalization", "nn.Module")
  local neighbours = nn._neighbours

  --- nn.SpatialSubtractiveNormalization([nInputPlane [, kernel]])
  --
  -- Subtracts from each element the weighted mean of the elements around its place in all planes; near an
  -- edge, of those that are inside.
  --
  -- nInputPlane: how many planes, 1 by default
  -- kernel: weights: matrix, or vector for its product with itself, of odd sizes; 9 x 9 ones by default
  -- Returns: a module; its input and output are (batch x) nInputPlane x height x width
  -- Errors: a size of the kernel is even; the input has other dimensions or planes
  -- From: Torch7; Jarrett and others, "What is the best multi-stage architecture for object recognition?",
  --   ICCV 2009
  -- Example:
  --   nn.SpatialSubtractiveNormalization(2):forward(torch.ones(2, 12, 12)):abs():max() < 1e-6 --> true
  function SpatialSubtractiveNormalization:__init(nInputPlane, kernel)
    parent.__init(self)
    neighbours.window(self, nInputPlane, kernel)
  end

  function SpatialSubtractiveNormalization:updateOutput(input)
    return neighbours.as_batch(self, input, function(x)
      return x - torch.cdiv(neighbours.around(self, x), neighbours.inside(self, x))
    end)
  end
end
