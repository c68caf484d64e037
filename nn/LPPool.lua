-- LPPool.lua: PyTorch's power-average pooling of one, two and three dimensions.

return function(nn, torch)
  --- nn.LPPool1d(normType, kernelSize [, opts])
  -- nn.LPPool2d(normType, kernelSize [, opts])
  -- nn.LPPool3d(normType, kernelSize [, opts])
  --
  -- (sum of x^normType)^(1/normType) over each window.
  --
  -- normType: number
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), ceilMode (true rounds the number of windows up)
  -- Returns: a module; its input is (batch x) planes x one, two or three
  --   sizes
  -- Errors: the windows do not fit
  -- From: PyTorch
  -- Example:
  --   nn.LPPool1d(2, 2):forward(torch.Tensor { { 3, 4 } }):sum() --> 5.0
  for n = 1, 3 do
    local LPPool, parent = torch.class(("nn.LPPool%dd"):format(n), "nn.Module")
    nn._pool.text(LPPool, { "normType", "kernelSize", "stride", "ceilMode" })

    function LPPool:__init(normType, kernelSize, opts)
      parent.__init(self)
      self.normType = nn._arguments.number(self, "normType", normType)
      nn._pool.settings(self, n, kernelSize, opts, { stride = nn._arguments.NONE, ceilMode = false })
    end

    function LPPool:updateOutput(input)
      return nn.functional[("lpPool%dd"):format(n)](input, self.normType, self.kernelSize,
        { stride = self.stride, ceilMode = self.ceilMode })
    end
  end
end
