-- SpatialReplicationPadding.lua: images with copies of their edges around them.

return function(nn)
  --- nn.SpatialReplicationPadding(pad_l [, pad_r [, pad_t [, pad_b]]])
  --
  -- Images with copies of their edges added at the left, right, top and bottom.
  --
  -- pad_l, pad_r, pad_t, pad_b: how many; negative takes rows or columns away; what is left out is pad_l
  -- Returns: a module; its input is (batch x) planes x height x width
  -- Errors: nothing is left of the input
  -- From: Torch7
  -- Example:
  --   table.concat(nn.SpatialReplicationPadding(1):forward(torch.ones(2, 4, 4)).shape, "x") --> 2x6x6
  nn._padding.images("nn.SpatialReplicationPadding", "replicate")
end
