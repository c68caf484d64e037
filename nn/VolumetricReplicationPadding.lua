-- VolumetricReplicationPadding.lua: volumes with copies of their edges around them.

return function(nn, torch)
  local VolumetricReplicationPadding, parent = torch.class("nn.VolumetricReplicationPadding", "nn.Module")
  local arguments, padding = nn._arguments, nn._padding

  --- nn.VolumetricReplicationPadding(pleft [, pright [, ptop [, pbottom [, pfront [, pback]]]]])
  --
  -- Volumes with copies of their edges added on all sides.
  --
  -- pleft, pright, ptop, pbottom, pfront, pback: how many; negative takes places away; what is left out is
  --   pleft
  -- Returns: a module; its input is (batch x) planes x depth x height x width
  -- Errors: nothing is left of the input
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricReplicationPadding(1, 2, 0, -1, 2, 2)
  --   table.concat(module:forward(torch.ones(2, 4, 4, 4)).shape, "x") --> 2x8x3x7
  function VolumetricReplicationPadding:__init(pleft, pright, ptop, pbottom, pfront, pback)
    parent.__init(self)
    self.pleft = arguments.whole(self, "pleft", pleft)
    self.pright = arguments.whole(self, "pright", pright, self.pleft)
    self.ptop = arguments.whole(self, "ptop", ptop, self.pleft)
    self.pbottom = arguments.whole(self, "pbottom", pbottom, self.pleft)
    self.pfront = arguments.whole(self, "pfront", pfront, self.pleft)
    self.pback = arguments.whole(self, "pback", pback, self.pleft)
  end

  function VolumetricReplicationPadding:updateOutput(input)
    return padding.around(self, input,
      { self.pleft, self.pright, self.ptop, self.pbottom, self.pfront, self.pback }, "replicate")
  end

  function VolumetricReplicationPadding:__tostring()
    return ("%s(left=%d, right=%d, top=%d, bottom=%d, front=%d, back=%d)"):format(torch.typename(self),
      self.pleft, self.pright, self.ptop, self.pbottom, self.pfront, self.pback)
  end
end
