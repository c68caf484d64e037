-- SpatialMaxPooling.lua: the maximum of each window of an image; arguments: SpatialPooling.lua.

return function(nn)
  local SpatialMaxPooling = nn._pooling "nn.SpatialMaxPooling"

  --- nn.SpatialMaxPooling(kW, kH [, dW [, dH [, padW [, padH]]]])
  -- nn.SpatialMaxPooling:ceil(); nn.SpatialMaxPooling:floor()
  --
  -- The maximum of each window of an image.  After it ran, module.indices has the places of the maxima in
  -- their planes, which count from 1.
  --
  -- kW, kH: width and height of a window
  -- dW, dH: how far apart the windows are; kW and kH by default
  -- padW, padH: places on either side of the image; 0 by default
  -- Returns: a module, from ceil and floor the same one.  Its input is (batch x) planes x height x width;
  --   its output has (height + 2 padH - kH) / dH + 1 rows, rounded down, or up after :ceil()
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialMaxPooling(2, 2)
  --   module:forward(torch.range(1, 4):view(1, 2, 2)):sum() --> 4.0
  --   module:ceil():forward(torch.ones(1, 3, 3)):size(2) --> 2
  function SpatialMaxPooling:updateOutput(input)
    local output
    output, self.indices = nn._pool.max2d(input, self.kW, self.kH, self.dW, self.dH, self.padW, self.padH,
      self.ceil_mode, true, self.dilationW, self.dilationH)
    self.iheight, self.iwidth = input:size(-2), input:size(-1)
    return output
  end
end
