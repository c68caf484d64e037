-- SpatialLogSoftMax.lua: nn.LogSoftMax over the planes of images.

return function(_, torch)
  torch.class("nn.SpatialLogSoftMax", "nn.LogSoftMax")

  --- nn.SpatialLogSoftMax()
  --
  -- nn.LogSoftMax by the name that Torch7 has for images: logarithms of probabilities over the planes, at
  -- every place.
  --
  -- Returns: a module; its input and output are planes x height x width, or a batch of them
  -- From: Torch7
  -- Example:
  --   nn.SpatialLogSoftMax():forward(torch.zeros(2, 4, 3, 3))[1][1][1][1] --> -1.3862943649292
end
