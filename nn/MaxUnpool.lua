-- MaxUnpool.lua: PyTorch's way back from a max pooling.

return function(nn, torch)
  --- nn.MaxUnpool1d(kernelSize [, opts])
  -- nn.MaxUnpool2d(kernelSize [, opts])
  -- nn.MaxUnpool3d(kernelSize [, opts])
  --
  -- Puts maxima back to the places where a pooling found them, among zeros.
  --
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default) and padding (0) of the pooling
  -- Returns: a module of two inputs and perhaps a third: the maxima, (batch x) planes x one, two or three
  --   sizes; their places, as nn.MaxPool2d gives them with returnIndices; the sizes of the output as a table,
  --   (size - 1) stride - 2 padding + kernelSize by default.  It also takes one table of them
  -- Errors: a place lies outside the output
  -- From: PyTorch
  -- Example:
  --   y = nn.MaxPool2d(2, { returnIndices = true }):forward(torch.range(1, 4):view(1, 2, 2))
  --   nn.MaxUnpool2d(2):forward(y)[1][2][2] --> 4.0
  for n = 1, 3 do
    local MaxUnpool, parent = torch.class(("nn.MaxUnpool%dd"):format(n), "nn.Module")
    nn._pool.text(MaxUnpool, { "kernelSize", "stride", "padding" })

    function MaxUnpool:__init(kernelSize, opts)
      parent.__init(self)
      nn._pool.settings(self, n, kernelSize, opts, { stride = nn._arguments.NONE, padding = 0 })
    end

    function MaxUnpool:updateOutput(input, ...)
      local x, indices, outputSize = nn._arguments.inputs(input, ...)
      return nn.functional[("maxUnpool%dd"):format(n)](x, indices, self.kernelSize,
        { stride = self.stride, padding = self.padding, outputSize = outputSize })
    end
  end
end
