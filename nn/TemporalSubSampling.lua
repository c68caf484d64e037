-- TemporalSubSampling.lua: weighted sums over windows of a sequence.

return function(nn, torch)
  local TemporalSubSampling, parent = torch.class("nn.TemporalSubSampling", "nn.Module")
  local convolution = nn._convolution

  --- nn.TemporalSubSampling(inputFrameSize, kW [, dW])
  --
  -- y[t][i] = w[i] sum_k x[dW (t - 1) + k][i] + b[i], over kW frames.  Starts uniform in +-1/sqrt(kW).
  --
  -- inputFrameSize: number
  -- kW: how many frames are added
  -- dW: how far apart the windows are; 1 by default
  -- Returns: a module with weight and bias, inputFrameSize.  Its input and output are
  --   (batch x) frames x inputFrameSize
  -- Errors: the frames have another size; there are fewer than kW
  -- From: Torch7
  -- Example:
  --   module = nn.TemporalSubSampling(4, 2, 2)
  --   table.concat(module:forward(torch.ones(10, 4)).shape, "x") --> 5x4
  function TemporalSubSampling:__init(inputFrameSize, kW, dW)
    parent.__init(self)
    convolution.set(self, 1, "inputFrameSize kW dW", inputFrameSize, kW, dW or 1)
    convolution.parameters(self, { inputFrameSize }, { inputFrameSize })
    self:reset()
  end

  function TemporalSubSampling:reset(stdv)
    return convolution.start(self, stdv, self.kW)
  end

  function TemporalSubSampling:updateOutput(input)
    local windows = convolution.frames(self, input)
    local sums = torch.sum(windows, windows:dim()):squeeze(windows:dim())
    return torch.cmul(sums, self.weight:expandAs(sums)) + self.bias:expandAs(sums)
  end
end
