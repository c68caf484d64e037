-- SpatialFractionalMaxPooling.lua: maxima of random windows of an image; see FractionalPooling.lua.

return function(nn)
  --- nn.SpatialFractionalMaxPooling(poolSizeW, poolSizeH, outW, outH)
  -- nn.SpatialFractionalMaxPooling(poolSizeW, poolSizeH, ratioW, ratioH)
  -- nn.SpatialFractionalMaxPooling:fixPoolingRegions([value])
  --
  -- The maximum of each of as many windows as wanted, which begin at steps drawn at random for each plane
  -- at each call; after fixPoolingRegions at the steps of the last one.  module.indices has the places of
  -- the maxima in their planes, module.randomSamples the numbers drawn.
  --
  -- poolSizeW, poolSizeH: columns and rows of a window, at least 2
  -- outW, outH: columns and rows of the output, at least 1
  -- ratioW, ratioH: instead the output's size as a share of the input's, between 0 and 1
  -- value: false ends it; true by default
  -- Returns: a module, from fixPoolingRegions the same one; its input is (batch x) planes x height x width
  -- Errors: so many windows do not fit
  -- From: Graham, "Fractional max-pooling", 2014
  -- Example:
  --   nn.SpatialFractionalMaxPooling(2, 2, 5, 4):forward(torch.ones(1, 7, 7)):sum() --> 20.0
  nn._fractionalPooling("nn.SpatialFractionalMaxPooling", "WH", "HW")
end
