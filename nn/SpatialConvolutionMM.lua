-- SpatialConvolutionMM.lua: nn.SpatialConvolution with its weight as a matrix.

return function(nn, torch)
  local SpatialConvolutionMM, parent = torch.class("nn.SpatialConvolutionMM", "nn.Module")
  local convolution = nn._convolution

  --- nn.SpatialConvolutionMM(nInputPlane, nOutputPlane, kW, kH [, dW [, dH [, padW [, padH]]]])
  --
  -- The same as nn.SpatialConvolution; its weight is a matrix whose rows are the kernels.
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- padW, padH: zeros on either side; 0 by default, padH as padW
  -- Returns: a module with weight, nOutputPlane x (nInputPlane kH kW), and bias, nOutputPlane.  Its input is
  --   (batch x) nInputPlane x height x width
  -- Errors: the kernel does not fit into the input
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialConvolutionMM(3, 8, 5, 5)
  --   table.concat(module:forward(torch.ones(2, 3, 12, 12)).shape, "x") --> 2x8x8x8
  function SpatialConvolutionMM:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane kW kH dW dH", nInputPlane, nOutputPlane, kW, kH,
      dW or 1, dH or 1)
    convolution.set(self, 0, "padW padH", padW or 0, padH or padW or 0)
    convolution.parameters(self, { nOutputPlane, nInputPlane * kH * kW }, { nOutputPlane })
    self:reset()
  end

  --- nn.SpatialConvolutionMM:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.SpatialConvolutionMM(1, 1, 3, 3):noBias().bias --> nil
  function SpatialConvolutionMM:noBias()
    return convolution.noBias(self)
  end

  function SpatialConvolutionMM:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.kH * self.nInputPlane)
  end

  function SpatialConvolutionMM:updateOutput(input)
    local weight = torch.reshape(self.weight, self.nOutputPlane, self.nInputPlane, self.kH, self.kW)
    return nn.functional.conv2d(input, weight, self.bias, self.dW, self.dH, self.padW, self.padH)
  end

  function SpatialConvolutionMM:__tostring()
    return convolution.text(self, { "W", "H" })
  end
end
