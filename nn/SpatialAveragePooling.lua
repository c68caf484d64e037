-- SpatialAveragePooling.lua: the mean of each window of an image; arguments: SpatialPooling.lua.

return function(nn)
  local SpatialAveragePooling = nn._pooling "nn.SpatialAveragePooling"

  SpatialAveragePooling.count_include_pad = true

  --- Padding counts in the divisor, as it does by default and in Torch7.
  function SpatialAveragePooling:setCountIncludePad()
    self.count_include_pad = true
    return self
  end

  function SpatialAveragePooling:setCountExcludePad()
    self.count_include_pad = false
    return self
  end

  function SpatialAveragePooling:updateOutput(input)
    return nn.functional.avgPool2d(input, self.kW, self.kH, self.dW, self.dH, self.padW, self.padH,
      self.ceil_mode, self.count_include_pad)
  end
end
