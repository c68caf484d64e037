-- SpatialSoftMax.lua: nn.SoftMax over the planes of images.

return function(_, torch)
  torch.class("nn.SpatialSoftMax", "nn.SoftMax")

  --- nn.SpatialSoftMax()
  --
  -- nn.SoftMax by the name that Torch7 has for images: probabilities over the planes, at
  -- every place.
  --
  -- Returns: a module; its input and output are planes x height x width, or a batch of them
  -- From: Torch7
  -- Example:
  --   nn.SpatialSoftMax():forward(torch.zeros(2, 4, 3, 3))[1][1][1][1] --> 0.25
end
