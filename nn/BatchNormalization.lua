-- BatchNormalization.lua: each feature with mean 0 and variance 1 over the batch.
-- Ioffe and Szegedy, "Batch normalization", ICML 2015.

return function(nn, torch)
  local BatchNormalization, parent = torch.class("nn.BatchNormalization", "nn.Module")
  local arguments = nn._arguments

  BatchNormalization.nDim = 2 -- of a batch

  --- nn.BatchNormalization(nOutput [, eps [, momentum [, affine]]])
  --
  -- y = (x - mean) / sqrt(var + eps) * weight + bias for each feature: mean and variance of the batch, or,
  -- after :evaluate(), running_mean and running_var, which follow with r = (1 - momentum) r + momentum s.
  --
  -- nOutput: how many features
  -- eps: number, 1e-5 by default
  -- momentum: number, 0.1 by default
  -- affine: false leaves weight and bias out
  -- Returns: a module; its input and output are batch x nOutput
  -- Errors: the input has other dimensions
  -- From: Ioffe and Szegedy, "Batch normalization", ICML 2015, as in Torch7
  -- Example:
  --   module = nn.BatchNormalization(2)
  --   math.abs(module:forward(torch.rand(8, 2)):mean()) < 1e-5 --> true
  function BatchNormalization:__init(nOutput, eps, momentum, affine)
    parent.__init(self)
    nOutput = arguments.whole(self, "nOutput", nOutput, nil, 0)
    self.affine = affine == nil or arguments.flag(self, "affine", affine)
    self.eps = arguments.number(self, "eps", eps, 1e-5)
    self.momentum = arguments.number(self, "momentum", momentum, 0.1)
    self.train = true
    self:registerBuffer("running_mean", torch.zeros(nOutput))
    self:registerBuffer("running_var", torch.ones(nOutput))
    if self.affine then
      self.weight, self.bias = torch.Tensor(nOutput), torch.Tensor(nOutput)
      self.gradWeight, self.gradBias = torch.zeros(nOutput), torch.zeros(nOutput)
      self:reset()
    end
  end

  function BatchNormalization:reset()
    if self.weight then self.weight:uniform() end
    if self.bias then self.bias:zero() end
    self.running_mean:zero()
    self.running_var:fill(1)
  end

  function BatchNormalization:updateOutput(input)
    arguments.tensor(self, input)
    if not self.train and input:dim() == self.nDim - 1 then -- one sample, as in Torch7
      return torch.squeeze(self:updateOutput(torch.unsqueeze(input, 1)), 1)
    end
    if input:dim() ~= self.nDim then
      error(("%s: the input has %d dimensions, wanted %d"):format(torch.typename(self), input:dim(),
        self.nDim), 0)
    end
    if self.train and torch._torch7() and input:nElement() == input:size(2) then
      return self:_alone(input)
    end
    return nn.functional.batchNorm(input, self.weight, self.bias, self.running_mean, self.running_var,
      self.train, self.momentum, self.eps)
  end

  -- One value for each feature, which Torch7 trains with: it is the mean, and says nothing of the variance.
  function BatchNormalization:_alone(input)
    torch.noGrad(function()
      self.running_mean:mul(1 - self.momentum):add(self.momentum, input:detach():reshape(input:size(2)))
    end)
    local shape = { 1, input:size(2) }
    for d = 3, input:dim() do shape[d] = 1 end
    local y = torch.mul(input, 0)
    if not self.affine then return y end
    return torch.cmul(y, torch.reshape(self.weight, shape)) + torch.reshape(self.bias, shape)
  end

  function BatchNormalization:__tostring()
    return ("%s (%dD) (%d)"):format(torch.typename(self), self.nDim, self.running_mean:nElement())
  end
end
