-- MaxPool.lua: PyTorch's max pooling of one, two and three dimensions.

return function(nn, torch)
  --- nn.MaxPool1d(kernelSize [, opts])
  -- nn.MaxPool2d(kernelSize [, opts])
  -- nn.MaxPool3d(kernelSize [, opts])
  --
  -- The maximum of each window.
  --
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), padding (0), dilation (1), each a number or a table,
  --   returnIndices (true gives the places of the maxima, too), ceilMode (true rounds the number of windows
  --   up)
  -- Returns: a module; its input is (batch x) planes x one, two or three
  --   sizes.  With returnIndices the output is a table of maxima and
  --   places in their planes, which count from 1; module.indices has the places, too
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: PyTorch
  -- Example:
  --   nn.MaxPool2d(2, { stride = 1 }):forward(torch.range(1, 9):view(1, 3, 3)):sum() --> 28.0
  --   nn.MaxPool1d(2, { returnIndices = true }):forward(torch.range(1, 4):view(1, 4))[2][1][2] --> 4
  for n = 1, 3 do
    local MaxPool, parent = torch.class(("nn.MaxPool%dd"):format(n), "nn.Module")
    nn._pool.text(MaxPool, { "kernelSize", "stride", "padding", "dilation", "returnIndices", "ceilMode" })

    function MaxPool:__init(kernelSize, opts)
      parent.__init(self)
      nn._pool.settings(self, n, kernelSize, opts, {
        stride = nn._arguments.NONE, padding = 0, dilation = 1, returnIndices = false, ceilMode = false,
      })
    end

    function MaxPool:updateOutput(input)
      local fn = torch.typename(self)
      local output, places = nn._pool.max(fn, n, input, nn._pool.windows(fn, n, self.kernelSize, self),
        self.returnIndices)
      if not self.returnIndices then return output end
      self.indices = places
      return { output, places }
    end
  end
end
