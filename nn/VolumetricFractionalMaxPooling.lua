-- VolumetricFractionalMaxPooling.lua: maxima of random windows of a volume; see FractionalPooling.lua.

return function(nn)
  --- nn.VolumetricFractionalMaxPooling(poolSizeT, poolSizeW, poolSizeH, outT, outW, outH)
  -- nn.VolumetricFractionalMaxPooling(poolSizeT, poolSizeW, poolSizeH, ratioT, ratioW, ratioH)
  -- nn.VolumetricFractionalMaxPooling:fixPoolingRegions([value])
  --
  -- The maximum of each of as many windows as wanted, which begin at steps drawn at random for each plane
  -- at each call; after fixPoolingRegions at the steps of the last one.
  --
  -- poolSizeT, poolSizeW, poolSizeH: length, width and height of a window, at least 2
  -- outT, outW, outH: the output's sizes, at least 1
  -- ratioT, ratioW, ratioH: instead the output's sizes as shares of the input's, between 0 and 1
  -- value: false ends it; true by default
  -- Returns: a module, from fixPoolingRegions the same one; its input is, unlike that of other volumetric
  --   modules, (batch x) planes x height x width x time
  -- Errors: so many windows do not fit
  -- From: Graham, "Fractional max-pooling", 2014
  -- Example:
  --   module = nn.VolumetricFractionalMaxPooling(2, 2, 2, 3, 4, 5)
  --   table.concat(module:forward(torch.ones(1, 7, 7, 7)).shape, "x") --> 1x5x4x3
  nn._fractionalPooling("nn.VolumetricFractionalMaxPooling", "TWH", "HWT")
end
