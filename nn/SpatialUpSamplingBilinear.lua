-- SpatialUpSamplingBilinear.lua: other sizes for images, between whose places lines are drawn.

return function(nn, torch)
  local SpatialUpSamplingBilinear, parent = torch.class("nn.SpatialUpSamplingBilinear", "nn.Module")

  --- nn.SpatialUpSamplingBilinear(scale); nn.SpatialUpSamplingBilinear({ owidth = w, oheight = h })
  --
  -- Another size for images by linear interpolation; the corners stay where they are.
  --
  -- scale: whole number of at least 1 by which both sizes grow
  -- owidth, oheight: the new sizes
  -- Returns: a module; its input is (batch x) planes x height x width
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialUpSamplingBilinear({ owidth = 3, oheight = 3 })
  --   module:forward(torch.range(1, 4):view(1, 2, 2))[1][2][2] --> 2.5
  function SpatialUpSamplingBilinear:__init(params)
    parent.__init(self)
    local whole = nn._arguments.whole
    if type(params) == "table" then
      self.owidth = whole(self, "owidth", params.owidth, nil, 1)
      self.oheight = whole(self, "oheight", params.oheight, nil, 1)
    else
      self.scale_factor = whole(self, "scale", params, nil, 1)
    end
  end

  function SpatialUpSamplingBilinear:updateOutput(input)
    nn._arguments.tensor(self, input, 3, 4)
    local s, sizes = self.scale_factor, { self.oheight, self.owidth }
    if s then sizes = { input:size(-2) * s, input:size(-1) * s } end
    return nn._pool.resize(input, sizes, "linear", true)
  end

  function SpatialUpSamplingBilinear:__tostring()
    local name = torch.typename(self)
    if self.scale_factor then return ("%s(%d)"):format(name, self.scale_factor) end
    return ("%s(%d, %d)"):format(name, self.oheight, self.owidth)
  end
end
