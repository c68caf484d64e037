-- VolumetricMaxPooling.lua: the maximum of each window of a volume; arguments: VolumetricPooling.lua.

return function(nn)
  local VolumetricMaxPooling = nn._volumetricPooling "nn.VolumetricMaxPooling"

  --- nn.VolumetricMaxPooling(kT, kW, kH [, dT, dW, dH [, padT, padW, padH]])
  -- nn.VolumetricMaxPooling:ceil(); nn.VolumetricMaxPooling:floor()
  --
  -- The maximum of each window of a volume.  After it ran, module.indices has the places of the maxima in
  -- their planes, which count from 1.
  --
  -- kT, kW, kH: length, width and height of a window
  -- dT, dW, dH: how far apart the windows are; kT, kW and kH by default
  -- padT, padW, padH: places on either side; 0 by default
  -- Returns: a module, from ceil and floor the same one.  Its input is (batch x) planes x time x height x
  --   width; of time t come (t + 2 padT - kT) / dT + 1 windows, rounded down, or up after :ceil()
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricMaxPooling(2, 2, 2)
  --   module:forward(torch.range(1, 8):view(1, 2, 2, 2)):sum(), module.indices:sum() --> 8.0 8
  function VolumetricMaxPooling:updateOutput(input)
    local fn, w = self:_windows()
    local output
    output, self.indices = nn._pool.max(fn, 3, input, w, true)
    self.itime, self.iheight, self.iwidth = input:size(-3), input:size(-2), input:size(-1)
    return output
  end
end
