-- AdaptiveMaxPool.lua: PyTorch's maxima of as many windows as wanted.

return function(nn, torch)
  --- nn.AdaptiveMaxPool1d(outputSize [, opts])
  -- nn.AdaptiveMaxPool2d(outputSize [, opts])
  -- nn.AdaptiveMaxPool3d(outputSize [, opts])
  --
  -- The maximum of each of as many windows as wanted: of n places, window q of m covers those from
  -- floor((q-1) n / m) + 1 to ceil(q n / m).
  --
  -- outputSize: how many windows: a number, or a table, as {time, height, width}; false in it keeps a size
  -- opts: table of returnIndices: true gives the places of the maxima, too
  -- Returns: a module; its input is (batch x) planes x one, two or three
  --   sizes.  With returnIndices the output is a table of maxima and
  --   places in their planes, which count from 1
  -- From: PyTorch
  -- Example:
  --   nn.AdaptiveMaxPool2d(1):forward(torch.range(1, 9):view(1, 3, 3)):sum() --> 9.0
  for n = 1, 3 do
    local AdaptiveMaxPool, parent = torch.class(("nn.AdaptiveMaxPool%dd"):format(n), "nn.Module")
    nn._pool.text(AdaptiveMaxPool, { "outputSize", "returnIndices" })

    function AdaptiveMaxPool:__init(outputSize, opts)
      parent.__init(self)
      self.outputSize = outputSize
      self.returnIndices = nn._arguments.options(self, opts, { returnIndices = false }).returnIndices
    end

    function AdaptiveMaxPool:updateOutput(input)
      local output
      output, self.indices = nn._pool.adaptiveMax(torch.typename(self), n, input, self.outputSize)
      if self.returnIndices then return { output, self.indices } end
      return output
    end
  end
end
