-- SpatialAdaptiveMaxPooling.lua: maxima of as many windows of an image as wanted.

return function(nn, torch)
  local SpatialAdaptiveMaxPooling, parent = torch.class("nn.SpatialAdaptiveMaxPooling", "nn.Module")

  --- nn.SpatialAdaptiveMaxPooling(W, H)
  --
  -- The maximum of each of H x W windows: of n rows, window q of H covers those from floor((q-1) n / H) + 1
  -- to ceil(q n / H).  After it ran, module.indices has the places of the maxima in their planes, which
  -- count from 1.  (Torch7 kept row and column within the window.)
  --
  -- W, H: how many columns and rows the output has
  -- Returns: a module; its input is (batch x) planes x height x width
  -- From: Torch7
  -- Example:
  --   nn.SpatialAdaptiveMaxPooling(1, 2):forward(torch.range(1, 9):view(1, 3, 3))[1][1][1] --> 6.0
  function SpatialAdaptiveMaxPooling:__init(W, H)
    parent.__init(self)
    self.W, self.H = W, H
  end

  function SpatialAdaptiveMaxPooling:updateOutput(input)
    local output
    output, self.indices = nn._pool.adaptiveMax(torch.typename(self), 2, input,
      { self.H or false, self.W or false })
    return output
  end

  function SpatialAdaptiveMaxPooling:clearState()
    if self.indices then self.indices = torch.LongTensor() end
    return parent.clearState(self)
  end
end
