-- SpatialDilatedMaxPooling.lua: the maximum of each window of an image, where windows have gaps.

return function(_, torch)
  local SpatialDilatedMaxPooling, parent = torch.class("nn.SpatialDilatedMaxPooling", "nn.SpatialMaxPooling")

  --- nn.SpatialDilatedMaxPooling(kW, kH [, dW [, dH [, padW [, padH [, dilationW [, dilationH]]]]]])
  --
  -- nn.SpatialMaxPooling with windows of which every dilationW-th column and dilationH-th row count.
  --
  -- kW, kH: columns and rows of a window that count
  -- dW, dH: how far apart the windows are; kW and kH by default
  -- padW, padH: places on either side of the image; 0 by default
  -- dilationW, dilationH: how far apart a window's places are; 1 by default
  -- Returns: a module; its input is (batch x) planes x height x width
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialDilatedMaxPooling(2, 2, 1, 1, 0, 0, 2, 2)
  --   module:forward(torch.range(1, 9):view(1, 3, 3)):sum() --> 9.0
  function SpatialDilatedMaxPooling:__init(kW, kH, dW, dH, padW, padH, dilationW, dilationH)
    parent.__init(self, kW, kH, dW, dH, padW, padH)
    self.dilationW, self.dilationH = dilationW or 1, dilationH or 1
  end
end
