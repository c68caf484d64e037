-- GroupNorm.lua: each group of channels of a sample with mean 0 and variance 1.

return function(nn, torch)
  local GroupNorm, parent = torch.class("nn.GroupNorm", "nn.Module")
  local arguments = nn._arguments

  --- nn.GroupNorm(numGroups, numChannels [, opts])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance of each sample's group of
  -- channels, and one weight and bias a channel.
  --
  -- numGroups: how many groups; they divide the channels
  -- numChannels: how many channels
  -- opts: table: eps: 1e-5 by default; affine: false leaves weight and bias out
  -- Returns: a module with weight, which starts as 1, and bias, which starts as 0; its input and output are
  --   batch x numChannels x ..
  -- Errors: the groups do not divide the channels; the input has other channels
  -- From: Wu and He, "Group normalization", ECCV 2018, as in PyTorch
  -- Example:
  --   y = nn.GroupNorm(2, 4):forward(torch.rand(3, 4, 5))
  --   math.abs(y[1]:narrow(1, 1, 2):sum()) < 1e-4 --> true
  function GroupNorm:__init(numGroups, numChannels, opts)
    parent.__init(self)
    local options = arguments.options(self, opts, { eps = 1e-5, affine = true })
    self.numGroups = arguments.whole(self, "numGroups", numGroups, nil, 1)
    self.numChannels = arguments.whole(self, "numChannels", numChannels, nil, 1)
    if self.numChannels % self.numGroups ~= 0 then
      arguments.fail(self, "%d channels are not a multiple of %d groups", self.numChannels, self.numGroups)
    end
    self.eps = arguments.number(self, "eps", options.eps)
    if arguments.flag(self, "affine", options.affine) then
      self:registerParameter("weight", torch.Tensor(self.numChannels))
      self:registerParameter("bias", torch.Tensor(self.numChannels))
    end
    self:reset()
  end

  function GroupNorm:reset()
    if self.weight then self.weight:fill(1) end
    if self.bias then self.bias:zero() end
  end

  function GroupNorm:updateOutput(input)
    arguments.tensor(self, input, 2)
    if input:size(2) ~= self.numChannels then
      arguments.fail(self, "the input is of %s, wanted %d channels", arguments.shape(input), self.numChannels)
    end
    return nn.functional.groupNorm(input, self.numGroups, self.weight, self.bias, self.eps)
  end

  function GroupNorm:__tostring()
    return ("%s(%d, %d)"):format(torch.typename(self), self.numGroups, self.numChannels)
  end
end
