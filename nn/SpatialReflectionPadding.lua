-- SpatialReflectionPadding.lua: images with themselves around them, mirrored at the edges.

return function(nn)
  --- nn.SpatialReflectionPadding(pad_l [, pad_r [, pad_t [, pad_b]]])
  --
  -- Images with their own elements, mirrored at the edge and without it, added on all sides.
  --
  -- pad_l, pad_r, pad_t, pad_b: how many; negative takes rows or columns away; what is left out is pad_l
  -- Returns: a module; its input is (batch x) planes x height x width
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: Torch7
  -- Example:
  --   table.concat(nn.SpatialReflectionPadding(1):forward(torch.ones(2, 4, 4)).shape, "x") --> 2x6x6
  nn._padding.images("nn.SpatialReflectionPadding", "reflect")
end
