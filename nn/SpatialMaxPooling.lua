-- SpatialMaxPooling.lua: the maximum of each window of an image; arguments: SpatialPooling.lua.

return function(nn)
  local SpatialMaxPooling = nn._pooling "nn.SpatialMaxPooling"

  function SpatialMaxPooling:updateOutput(input)
    return (nn.functional.maxPool2d(input, self.kW, self.kH, self.dW, self.dH, self.padW, self.padH,
      self.ceil_mode))
  end
end
