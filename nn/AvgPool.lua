-- AvgPool.lua: PyTorch's average pooling of one, two and three dimensions.

return function(nn, torch)
  --- nn.AvgPool1d(kernelSize [, opts])
  -- nn.AvgPool2d(kernelSize [, opts])
  -- nn.AvgPool3d(kernelSize [, opts])
  --
  -- The mean of each window.
  --
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), padding (0), each a number or a table, ceilMode (true
  --   rounds the number of windows up), countIncludePad (false leaves padding out of the divisor),
  --   divisorOverride (a divisor for all windows)
  -- Returns: a module; its input is (batch x) planes x one, two or three
  --   sizes
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: PyTorch
  -- Example:
  --   nn.AvgPool2d(2):forward(torch.range(1, 4):view(1, 2, 2)):sum() --> 2.5
  for n = 1, 3 do
    local AvgPool, parent = torch.class(("nn.AvgPool%dd"):format(n), "nn.Module")
    nn._pool.text(AvgPool, { "kernelSize", "stride", "padding", "ceilMode", "countIncludePad" })

    function AvgPool:__init(kernelSize, opts)
      parent.__init(self)
      nn._pool.settings(self, n, kernelSize, opts, {
        stride = nn._arguments.NONE, padding = 0, ceilMode = false, countIncludePad = true,
        divisorOverride = nn._arguments.NONE,
      })
    end

    function AvgPool:updateOutput(input)
      return nn.functional[("avgPool%dd"):format(n)](input, self.kernelSize, {
        stride = self.stride, padding = self.padding, ceilMode = self.ceilMode,
        countIncludePad = self.countIncludePad, divisorOverride = self.divisorOverride,
      })
    end
  end
end
