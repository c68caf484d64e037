-- TemporalConvolution.lua: cross-correlation of sequences of frames with learnt kernels.

return function(nn, torch)
  local TemporalConvolution, parent = torch.class("nn.TemporalConvolution", "nn.Module")
  local convolution = nn._convolution

  --- nn.TemporalConvolution(inputFrameSize, outputFrameSize, kW [, dW])
  --
  -- y[t] = W (x[s], .., x[s + kW - 1]) + b with s = dW (t - 1) + 1: each output frame sees kW input frames.
  -- Starts uniform in +-1/sqrt(kW inputFrameSize).
  --
  -- inputFrameSize, outputFrameSize: numbers
  -- kW: how many frames a kernel sees
  -- dW: how far apart its places are; 1 by default
  -- Returns: a module with weight, outputFrameSize x (kW inputFrameSize), and bias, outputFrameSize.  Its
  --   input is (batch x) frames x inputFrameSize, its output (batch x) (frames - kW) / dW + 1, rounded down,
  --   x outputFrameSize
  -- Errors: the frames have another size; there are fewer than kW
  -- From: Torch7; Collobert and Weston, "A unified architecture for natural language processing", ICML 2008
  -- Example:
  --   module = nn.TemporalConvolution(4, 2, 3)
  --   table.concat(module:forward(torch.ones(10, 4)).shape, "x") --> 8x2
  function TemporalConvolution:__init(inputFrameSize, outputFrameSize, kW, dW)
    parent.__init(self)
    convolution.set(self, 1, "inputFrameSize outputFrameSize kW dW", inputFrameSize, outputFrameSize, kW,
      dW or 1)
    convolution.parameters(self, { outputFrameSize, inputFrameSize * kW }, { outputFrameSize })
    self:reset()
  end

  function TemporalConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.inputFrameSize)
  end

  function TemporalConvolution:updateOutput(input)
    local windows = convolution.frames(self, input):transpose(-1, -2) -- .. x kW x inputFrameSize
    local shape = { table.unpack(windows.shape, 1, windows:dim() - 2) }
    shape[#shape + 1] = self.kW * self.inputFrameSize
    return nn.functional.linear(torch.reshape(windows, shape), self.weight, self.bias)
  end
end
