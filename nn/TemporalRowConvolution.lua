-- TemporalRowConvolution.lua: cross-correlation of sequences, each element of the frames for itself.

return function(nn, torch)
  local TemporalRowConvolution, parent = torch.class("nn.TemporalRowConvolution", "nn.Module")
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.TemporalRowConvolution(inputFrameSize, kW [, dW [, featFirst]])
  --
  -- y[t][i] = sum_k w[i][k] x[dW (t - 1) + k][i] + b[i].  Starts uniform in +-1/sqrt(kW inputFrameSize).
  --
  -- inputFrameSize: number
  -- kW: how many frames a kernel sees
  -- dW: how far apart its places are; 1 by default
  -- featFirst: true for an input and output of (batch x) inputFrameSize x frames
  -- Returns: a module with weight, inputFrameSize x 1 x kW, and bias, inputFrameSize.  Its input and output
  --   are (batch x) frames x inputFrameSize
  -- Errors: the frames have another size; there are fewer than kW
  -- From: Torch7; the row convolution of Amodei and others, "Deep Speech 2", ICML 2016
  -- Example:
  --   module = nn.TemporalRowConvolution(4, 3)
  --   table.concat(module:forward(torch.ones(10, 4)).shape, "x") --> 8x4
  function TemporalRowConvolution:__init(inputFrameSize, kW, dW, featFirst)
    parent.__init(self)
    convolution.set(self, 1, "inputFrameSize kW dW", inputFrameSize, kW, dW or 1)
    self.featFirst = arguments.flag(self, "featFirst", featFirst)
    convolution.parameters(self, { inputFrameSize, 1, kW }, { inputFrameSize })
    self:reset()
  end

  --- nn.TemporalRowConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.TemporalRowConvolution(4, 3):noBias().bias --> nil
  function TemporalRowConvolution:noBias()
    return convolution.noBias(self)
  end

  function TemporalRowConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.inputFrameSize)
  end

  function TemporalRowConvolution:updateOutput(input)
    arguments.tensor(self, input, 2, 3)
    local x = self.featFirst and input or input:transpose(-1, -2)
    if x:size(x:dim() - 1) ~= self.inputFrameSize or x:size(x:dim()) < self.kW then
      arguments.fail(self, "the input is of %s, wanted frames of %d and at least %d of them",
        arguments.shape(input), self.inputFrameSize, self.kW)
    end
    local y = nn.functional.conv1d(x, self.weight, self.bias, self.dW, 0, 1, self.inputFrameSize)
    return self.featFirst and y or y:transpose(-1, -2):contiguous()
  end

  function TemporalRowConvolution:__tostring()
    return ("%s(%d, %d%s)%s"):format(torch.typename(self), self.inputFrameSize, self.kW,
      self.dW ~= 1 and ", " .. self.dW or "", self.bias and "" or " without bias")
  end
end
