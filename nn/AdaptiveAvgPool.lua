-- AdaptiveAvgPool.lua: PyTorch's means of as many windows as wanted.

return function(nn, torch)
  --- nn.AdaptiveAvgPool1d(outputSize)
  -- nn.AdaptiveAvgPool2d(outputSize)
  -- nn.AdaptiveAvgPool3d(outputSize)
  --
  -- The mean of each of as many windows as wanted, which lie as those of nn.AdaptiveMaxPool1d do.
  --
  -- outputSize: how many windows: a number, or a table, as {time, height, width}; false in it keeps a size
  -- Returns: a module; its input is (batch x) planes x one, two or three
  --   sizes
  -- From: PyTorch
  -- Example:
  --   nn.AdaptiveAvgPool2d(1):forward(torch.range(1, 9):view(1, 3, 3)):sum() --> 5.0
  for n = 1, 3 do
    local AdaptiveAvgPool, parent = torch.class(("nn.AdaptiveAvgPool%dd"):format(n), "nn.Module")
    nn._pool.text(AdaptiveAvgPool, { "outputSize" })

    function AdaptiveAvgPool:__init(outputSize)
      parent.__init(self)
      self.outputSize = outputSize
    end

    function AdaptiveAvgPool:updateOutput(input)
      return nn._pool.adaptiveAvg(torch.typename(self), n, input, self.outputSize)
    end
  end
end
