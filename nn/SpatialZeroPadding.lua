-- SpatialZeroPadding.lua: images with zeros around them.

return function(nn, torch)
  local SpatialZeroPadding, parent = torch.class("nn.SpatialZeroPadding", "nn.Module")
  local arguments = nn._arguments

  --- nn.SpatialZeroPadding(pad_l [, pad_r [, pad_t [, pad_b]]])
  --
  -- Images with zeros added at the left, right, top and bottom.
  --
  -- pad_l, pad_r, pad_t, pad_b: how many; negative takes rows or columns away; what is left out is pad_l
  -- Returns: a module; its input is (batch x) planes x height x width
  -- Errors: nothing is left of the input
  -- From: Torch7
  -- Example:
  --   table.concat(nn.SpatialZeroPadding(1, 2, 0, -1):forward(torch.ones(2, 4, 4)).shape, "x") --> 2x3x7
  function SpatialZeroPadding:__init(pad_l, pad_r, pad_t, pad_b)
    parent.__init(self)
    self.pad_l = arguments.whole(self, "pad_l", pad_l)
    self.pad_r = arguments.whole(self, "pad_r", pad_r, self.pad_l)
    self.pad_t = arguments.whole(self, "pad_t", pad_t, self.pad_l)
    self.pad_b = arguments.whole(self, "pad_b", pad_b, self.pad_l)
  end

  function SpatialZeroPadding:updateOutput(input)
    arguments.tensor(self, input, 3, 4)
    local h = input:size(input:dim() - 1) + self.pad_t + self.pad_b
    local w = input:size(input:dim()) + self.pad_l + self.pad_r
    if h < 1 or w < 1 then
      arguments.fail(self, "of an input of %s nothing is left", arguments.shape(input))
    end
    return torch.pad(input, { self.pad_l, self.pad_r, self.pad_t, self.pad_b })
  end

  function SpatialZeroPadding:__tostring()
    return ("%s(l=%d, r=%d, t=%d, b=%d)"):format(torch.typename(self), self.pad_l, self.pad_r, self.pad_t,
      self.pad_b)
  end
end
