-- VolumetricAveragePooling.lua: the mean of each window of a volume; arguments: VolumetricPooling.lua.

return function(nn)
  local VolumetricAveragePooling = nn._volumetricPooling "nn.VolumetricAveragePooling"
  VolumetricAveragePooling.count_include_pad = true

  --- nn.VolumetricAveragePooling(kT, kW, kH [, dT, dW, dH [, padT, padW, padH]])
  -- nn.VolumetricAveragePooling:ceil(); nn.VolumetricAveragePooling:floor()
  --
  -- The mean of each window of a volume; padding counts in the divisor.
  --
  -- kT, kW, kH: length, width and height of a window
  -- dT, dW, dH: how far apart the windows are; kT, kW and kH by default
  -- padT, padW, padH: places on either side; 0 by default
  -- Returns: a module, from ceil and floor the same one.  Its input is (batch x) planes x time x height x
  --   width; of time t come (t + 2 padT - kT) / dT + 1 windows, rounded down, or up after :ceil()
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricAveragePooling(2, 2, 2)
  --   module:forward(torch.range(1, 8):view(1, 2, 2, 2)):sum() --> 4.5
  function VolumetricAveragePooling:updateOutput(input)
    local fn, w = self:_windows()
    return nn._pool.avg(fn, 3, input, w)
  end
end
