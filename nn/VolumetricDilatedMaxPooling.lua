-- VolumetricDilatedMaxPooling.lua: the maximum of each window of a volume, where windows have gaps.

return function(_, torch)
  local VolumetricDilatedMaxPooling, parent =
    torch.class("nn.VolumetricDilatedMaxPooling", "nn.VolumetricMaxPooling")

  --- nn.VolumetricDilatedMaxPooling(kT, kW, kH [, dT, dW, dH, padT, padW, padH, dilationT, ...])
  --
  -- nn.VolumetricMaxPooling with windows of which not every place counts.
  --
  -- kT, kW, kH: length, width and height of a window
  -- dT, dW, dH: how far apart the windows are; kT, kW and kH by default
  -- padT, padW, padH: places on either side; 0 by default
  -- dilationT: how far apart a window's places in time are; 1 by default
  -- ...: dilationW, dilationH: how far apart a window's places are; 1 by default
  -- Returns: a module; its input is (batch x) planes x time x height x width
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricDilatedMaxPooling(2, 2, 2, 1, 1, 1, 0, 0, 0, 1, 2, 2)
  --   module:forward(torch.range(1, 18):view(1, 2, 3, 3)):sum() --> 18.0
  function VolumetricDilatedMaxPooling:__init(kT, kW, kH, dT, dW, dH, padT, padW, padH,
      dilationT, dilationW, dilationH)
    parent.__init(self, kT, kW, kH, dT, dW, dH, padT, padW, padH)
    self.dilationT, self.dilationW, self.dilationH = dilationT or 1, dilationW or 1, dilationH or 1
  end
end
