-- batch_norms.lua: batch and instance normalisation with PyTorch's arguments: nn.BatchNorm1d, 2d, 3d,
-- nn.InstanceNorm1d, 2d, 3d.

return function(nn, torch)
  local arguments = nn._arguments

  -- What they share: weight, bias, the running statistics.
  local Base, parent = {}, nn.Module

  function Base:_init(numFeatures, opts, defaults)
    parent.__init(self)
    local options = arguments.options(self, opts, defaults)
    self.numFeatures = arguments.whole(self, "numFeatures", numFeatures, nil, 1)
    self.eps = arguments.number(self, "eps", options.eps)
    self.momentum = options.momentum and arguments.number(self, "momentum", options.momentum)
    self.affine = arguments.flag(self, "affine", options.affine)
    self.trackRunningStats = arguments.flag(self, "trackRunningStats", options.trackRunningStats)
    self.train = true
    if self.affine then
      self:registerParameter("weight", torch.Tensor(numFeatures))
      self:registerParameter("bias", torch.Tensor(numFeatures))
    end
    if self.trackRunningStats then
      self:registerBuffer("running_mean", torch.Tensor(numFeatures))
      self:registerBuffer("running_var", torch.Tensor(numFeatures))
      self:registerBuffer("num_batches_tracked", torch.zeros(1):long():squeeze())
    end
    self:reset()
  end

  function Base:reset()
    if self.weight then
      self.weight:fill(1)
      self.bias:zero()
    end
    if self.running_mean then
      self.running_mean:zero()
      self.running_var:fill(1)
      self.num_batches_tracked:zero()
    end
  end

  -- How far the running statistics move; counts the batch.
  function Base:_step()
    if not self.running_mean then return 0 end
    self.num_batches_tracked:add(1)
    return self.momentum or 1 / self.num_batches_tracked:item()
  end

  function Base:_check_channels(input, dim)
    if input:size(dim) ~= self.numFeatures then
      arguments.fail(self, "the input is of %s, wanted %d channels", arguments.shape(input), self.numFeatures)
    end
  end

  function Base:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.numFeatures)
  end

  --- nn.BatchNorm1d(numFeatures [, opts]); nn.BatchNorm2d(numFeatures [, opts])
  -- nn.BatchNorm3d(numFeatures [, opts])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias for each channel: mean and variance of the batch, or,
  -- after :evaluate(), running_mean and running_var, which follow with r = (1 - momentum) r + momentum s.
  --
  -- numFeatures: how many channels
  -- opts: table: eps: 1e-5 by default; momentum: 0.1 by default, false takes the mean of all batches;
  --   affine: false leaves weight and bias out; trackRunningStats: false always takes the batch's
  --   statistics
  -- Returns: a module with weight, which starts as 1, and bias, which starts as 0.  Its input and output
  --   are batch x channels (x length), batch x channels x height x width, or x depth x height x width
  -- Errors: the input has other dimensions or channels; in training a channel has one value only
  -- From: Ioffe and Szegedy, "Batch normalization", ICML 2015, as in PyTorch
  -- Example:
  --   module = nn.BatchNorm1d(2, { momentum = false })
  --   math.abs(module:forward(torch.rand(8, 2)):mean()) < 1e-5, module.num_batches_tracked:item() --> true 1
  for places = 1, 3 do
    local BatchNorm = torch.class(("nn.BatchNorm%dd"):format(places), "nn.Module")
    for name, method in pairs(Base) do BatchNorm[name] = method end

    function BatchNorm:__init(numFeatures, opts)
      self:_init(numFeatures, opts, { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true })
    end

    function BatchNorm:updateOutput(input)
      arguments.tensor(self, input, places == 1 and 2 or places + 2, places + 2)
      self:_check_channels(input, 2)
      local by_batch = self.train or not self.running_mean
      return nn.functional.batchNorm(input, self.weight, self.bias, self.running_mean, self.running_var,
        by_batch, self.train and self:_step() or 0, self.eps)
    end
  end

  --- nn.InstanceNorm1d(numFeatures [, opts]); nn.InstanceNorm2d(numFeatures [, opts])
  -- nn.InstanceNorm3d(numFeatures [, opts])
  --
  -- (x - mean) / sqrt(var + eps) * weight + bias, with the mean and the variance of each sample's channel.
  --
  -- numFeatures: how many channels
  -- opts: table: eps: 1e-5 by default; momentum: 0.1 by default, false takes the mean of all batches;
  --   affine: true has weight and bias; trackRunningStats: true has running_mean and running_var follow,
  --   and takes them after :evaluate()
  -- Returns: a module; its input and output are (batch x) channels x length, x height x width, or x depth x
  --   height x width
  -- Errors: the input has other dimensions or channels, or one value only for a channel
  -- From: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016, as in PyTorch
  -- Example:
  --   y = nn.InstanceNorm2d(3):forward(torch.rand(2, 3, 4, 4))
  --   math.abs(y[1][2]:sum()) < 1e-4 --> true
  for places = 1, 3 do
    local InstanceNorm = torch.class(("nn.InstanceNorm%dd"):format(places), "nn.Module")
    for name, method in pairs(Base) do InstanceNorm[name] = method end

    function InstanceNorm:__init(numFeatures, opts)
      self:_init(numFeatures, opts, { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false })
    end

    function InstanceNorm:updateOutput(input)
      arguments.tensor(self, input, places + 1, places + 2)
      if input:dim() == places + 1 then
        return torch.squeeze(self:updateOutput(torch.unsqueeze(input, 1)), 1)
      end
      self:_check_channels(input, 2)
      return nn.functional.instanceNorm(input, {
        weight = self.weight, bias = self.bias, eps = self.eps,
        runningMean = self.running_mean, runningVar = self.running_var,
        useInputStats = self.train or not self.running_mean,
        momentum = self.train and self:_step() or nil,
      })
    end
  end
end
