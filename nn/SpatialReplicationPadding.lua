-- SpatialReplicationPadding.lua: images with copies of their edges around them.

return function(nn, torch)
  local SpatialReplicationPadding, parent = torch.class("nn.SpatialReplicationPadding", "nn.Module")
  local arguments, padding = nn._arguments, nn._padding

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
  function SpatialReplicationPadding:__init(pad_l, pad_r, pad_t, pad_b)
    parent.__init(self)
    self.pad_l = arguments.whole(self, "pad_l", pad_l)
    self.pad_r = arguments.whole(self, "pad_r", pad_r, self.pad_l)
    self.pad_t = arguments.whole(self, "pad_t", pad_t, self.pad_l)
    self.pad_b = arguments.whole(self, "pad_b", pad_b, self.pad_l)
  end

  function SpatialReplicationPadding:updateOutput(input)
    return padding.around(self, input,
      { self.pad_l, self.pad_r, self.pad_t, self.pad_b }, "replicate")
  end

  function SpatialReplicationPadding:__tostring()
    return ("%s(l=%d, r=%d, t=%d, b=%d)"):format(torch.typename(self), self.pad_l, self.pad_r, self.pad_t,
      self.pad_b)
  end
end
