-- SpatialAveragePooling.lua: the mean of each window of an image; arguments: SpatialPooling.lua.

return function(nn)
  local SpatialAveragePooling = nn._pooling "nn.SpatialAveragePooling"

  --- nn.SpatialAveragePooling(kW, kH [, dW [, dH [, padW [, padH]]]])
  -- nn.SpatialAveragePooling:ceil(); nn.SpatialAveragePooling:floor()
  --
  -- The mean of each window of an image.
  --
  -- kW, kH: width and height of a window
  -- dW, dH: how far apart the windows are; kW and kH by default
  -- padW, padH: places on either side of the image; 0 by default
  -- Returns: a module, from ceil and floor the same one.  Its input is (batch x) planes x height x width;
  --   its output has (height + 2 padH - kH) / dH + 1 rows, rounded down, or up after :ceil()
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialAveragePooling(2, 2)
  --   module:forward(torch.range(1, 4):view(1, 2, 2)):sum() --> 2.5
  --   module:ceil():forward(torch.ones(1, 3, 3)):size(2) --> 2
  SpatialAveragePooling.count_include_pad = true

  --- nn.SpatialAveragePooling:setCountIncludePad(); nn.SpatialAveragePooling:setCountExcludePad()
  --
  -- Whether padding counts in the divisor, as it does at first.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialAveragePooling(2, 2, 2, 2, 1, 1):setCountExcludePad()
  --   module:forward(torch.ones(1, 2, 2)):sum() --> 4.0
  function SpatialAveragePooling:setCountIncludePad()
    self.count_include_pad = true
    return self
  end

  function SpatialAveragePooling:setCountExcludePad()
    self.count_include_pad = false
    return self
  end

  function SpatialAveragePooling:updateOutput(input)
    return nn._pool.avg2d(input, self.kW, self.kH, self.dW, self.dH, self.padW, self.padH,
      self.ceil_mode, self.count_include_pad)
  end
end
