-- FractionalMaxPool.lua: PyTorch's maxima of windows drawn at random.

return function(nn, torch)
  --- nn.FractionalMaxPool2d(kernelSize, opts)
  -- nn.FractionalMaxPool3d(kernelSize, opts)
  --
  -- The maximum of each of as many windows as wanted, which begin at steps drawn at random for each plane at
  -- each call.
  --
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of either outputSize (how many windows) or outputRatio (times the input's sizes, between 0
  --   and 1), each a number or a table; returnIndices (true gives the places of the maxima, too);
  --   randomSamples (a tensor of numbers in 0 to 1 for the steps, see nn.functional.fractionalMaxPool2d)
  -- Returns: a module; its input is (batch x) planes x two or three sizes.  With returnIndices the output
  --   is a table of maxima and places in their planes, which count from 1
  -- Errors: so many windows do not fit
  -- From: Graham, "Fractional max-pooling", 2014
  -- Example:
  --   nn.FractionalMaxPool2d(2, { outputRatio = 0.5 }):forward(torch.ones(1, 8, 8)):sum() --> 16.0
  for n = 2, 3 do
    local FractionalMaxPool, parent = torch.class(("nn.FractionalMaxPool%dd"):format(n), "nn.Module")
    nn._pool.text(FractionalMaxPool, { "kernelSize", "outputSize", "outputRatio", "returnIndices" })

    function FractionalMaxPool:__init(kernelSize, opts)
      parent.__init(self)
      local NONE = nn._arguments.NONE
      nn._pool.settings(self, n, kernelSize, opts,
        { outputSize = NONE, outputRatio = NONE, returnIndices = false, randomSamples = NONE })
      if (self.outputSize == nil) == (self.outputRatio == nil) then
        nn._arguments.fail(self, "wanted either outputSize or outputRatio")
      end
    end

    function FractionalMaxPool:updateOutput(input)
      local output
      output, self.indices = nn.functional[("fractionalMaxPool%dd"):format(n)](input, self.kernelSize, {
        outputSize = self.outputSize, outputRatio = self.outputRatio, randomSamples = self.randomSamples,
        returnIndices = true,
      })
      if self.returnIndices then return { output, self.indices } end
      return output
    end
  end
end
