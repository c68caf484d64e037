-- VolumetricBatchNormalization.lua: batch normalisation of volumes: batch x planes x time x height x width,
-- each plane with mean 0 and variance 1.

return function(_, torch)
  local VolumetricBatchNormalization = torch.class("nn.VolumetricBatchNormalization", "nn.BatchNormalization")

  --- nn.VolumetricBatchNormalization(nOutput [, eps [, momentum [, affine]]])
  --
  -- nn.BatchNormalization for volumes: over the batch, time, rows and columns of each plane.
  --
  -- nOutput: how many planes
  -- eps: number, 1e-5 by default
  -- momentum: number, 0.1 by default
  -- affine: false leaves weight and bias out
  -- Returns: a module; its input and output are batch x nOutput x time x height x width
  -- Errors: the input has other dimensions
  -- From: Ioffe and Szegedy, "Batch normalization", ICML 2015, as in Torch7
  -- Example:
  --   module = nn.VolumetricBatchNormalization(3)
  --   table.concat(module:forward(torch.rand(2, 3, 4, 4, 4)).shape, "x") --> 2x3x4x4x4
  VolumetricBatchNormalization.nDim = 5
end
