-- SpatialUpSamplingNearest.lua: larger images by repeated places.

return function(nn, torch)
  local SpatialUpSamplingNearest, parent = torch.class("nn.SpatialUpSamplingNearest", "nn.Module")

  --- nn.SpatialUpSamplingNearest(scale)
  --
  -- Repeats each row and each column of an image `scale` times.
  --
  -- scale: whole number of at least 1
  -- Returns: a module; its input is (batch x) planes x height x width
  -- From: Torch7
  -- Example:
  --   nn.SpatialUpSamplingNearest(2):forward(torch.ones(1, 2, 2)):sum() --> 16.0
  function SpatialUpSamplingNearest:__init(scale)
    parent.__init(self)
    self.scale_factor = nn._arguments.whole(self, "scale", scale, nil, 1)
  end

  function SpatialUpSamplingNearest:updateOutput(input)
    nn._arguments.tensor(self, input, 3, 4)
    local s = self.scale_factor
    return nn._pool.resize(input, { input:size(-2) * s, input:size(-1) * s }, "nearest")
  end
end
