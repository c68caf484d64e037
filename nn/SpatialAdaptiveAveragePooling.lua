-- SpatialAdaptiveAveragePooling.lua: means of as many windows of an image as wanted.

return function(nn, torch)
  local SpatialAdaptiveAveragePooling, parent = torch.class("nn.SpatialAdaptiveAveragePooling", "nn.Module")

  --- nn.SpatialAdaptiveAveragePooling(W, H)
  --
  -- The mean of each of H x W windows, which lie as those of nn.SpatialAdaptiveMaxPooling do.
  --
  -- W, H: how many columns and rows the output has
  -- Returns: a module; its input is (batch x) planes x height x width
  -- From: Torch7
  -- Example:
  --   nn.SpatialAdaptiveAveragePooling(1, 1):forward(torch.range(1, 9):view(1, 3, 3)):sum() --> 5.0
  function SpatialAdaptiveAveragePooling:__init(W, H)
    parent.__init(self)
    self.W, self.H = W, H
  end

  function SpatialAdaptiveAveragePooling:updateOutput(input)
    return nn._pool.adaptiveAvg(torch.typename(self), 2, input, { self.H or false, self.W or false })
  end
end
