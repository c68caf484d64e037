-- VolumetricDropout.lua: dropout of whole planes of volumes, without scaling while training.

return function(_, torch)
  local VolumetricDropout = torch.class("nn.VolumetricDropout", "nn.SpatialDropout")

  --- nn.VolumetricDropout([p [, stochasticInference]])
  --
  -- nn.SpatialDropout for volumes.
  --
  -- p: number, 0.5 by default
  -- stochasticInference: true drops planes in evaluation too
  -- Returns: a module; its input and output are (batch x) planes x time x height x width
  -- Errors: p is outside 0 to 1, or the input has other dimensions
  -- From: Torch7
  -- Example:
  --   y = nn.VolumetricDropout():forward(torch.ones(8, 2, 2, 2))
  --   y[1]:max() == y[1]:min() --> true
  VolumetricDropout._places = 3
end
