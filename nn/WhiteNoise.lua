-- WhiteNoise.lua: the input plus normal noise.

return function(nn, torch)
  local WhiteNoise, parent = torch.class("nn.WhiteNoise", "nn.Module")
  local arguments = nn._arguments

  --- nn.WhiteNoise([mean [, std]])
  --
  -- While training, the input plus a random number of the normal distribution for each element; after
  -- module:evaluate() the input plus the mean.
  --
  -- mean: number, 0 by default
  -- std: the standard deviation, 0.1 by default
  -- Returns: a module; its input and output are tensors of any shape
  -- Errors: std is negative
  -- From: Torch7
  -- Example:
  --   module = nn.WhiteNoise(1)
  --   module:evaluate()
  --   module:forward(torch.ones(3)):sum() --> 6.0
  function WhiteNoise:__init(mean, std)
    parent.__init(self)
    self.mean = arguments.number(self, "mean", mean, 0)
    self.std = arguments.number(self, "std", std, 0.1)
    if self.std < 0 then arguments.fail(self, "std is %g, wanted at least 0", self.std) end
    self.noise = torch.Tensor()
  end

  function WhiteNoise:updateOutput(input)
    arguments.tensor(self, input)
    if self.train == false then return self.mean == 0 and input or input + self.mean end
    self.noise = input.new():resize(torch.LongStorage(input.shape)):normal(self.mean, self.std)
    return input + self.noise
  end

  function WhiteNoise:clearState()
    self.noise = self.noise.new()
    return parent.clearState(self)
  end

  function WhiteNoise:__tostring()
    return ("%s mean: %f, std: %f"):format(torch.typename(self), self.mean, self.std)
  end
end
