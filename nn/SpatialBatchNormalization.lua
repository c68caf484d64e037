-- SpatialBatchNormalization.lua: batch normalisation of images: batch x planes x height x width, each
-- plane with mean 0 and variance 1.

return function(_, torch)
  local SpatialBatchNormalization = torch.class("nn.SpatialBatchNormalization", "nn.BatchNormalization")

  SpatialBatchNormalization.nDim = 4
end
