-- SpatialDepthWiseConvolution.lua: cross-correlation of images, each plane for itself.

return function(nn, torch)
  local SpatialDepthWiseConvolution, parent = torch.class("nn.SpatialDepthWiseConvolution", "nn.Module")
  local convolution = nn._convolution

  --- nn.SpatialDepthWiseConvolution(nInputPlane, nOutputPlane, kW, kH [, dW [, dH [, padW [, padH]]]])
  --
  -- Each input plane goes to nOutputPlane planes of its own, each by a kernel.  Starts uniform in
  -- +-1/sqrt(kW kH nInputPlane).
  --
  -- nInputPlane: number
  -- nOutputPlane: how many planes are made of each input plane
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- padW, padH: zeros on either side; 0 by default, padH as padW
  -- Returns: a module with weight, nOutputPlane x (nInputPlane kH kW), and bias, nOutputPlane x nInputPlane.
  --   Its input is (batch x) nInputPlane x height x width; its output has nInputPlane nOutputPlane planes,
  --   those of the first input plane first
  -- Errors: the kernel does not fit into the input
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialDepthWiseConvolution(3, 2, 5, 5)
  --   table.concat(module:forward(torch.ones(3, 12, 12)).shape, "x") --> 6x8x8
  function SpatialDepthWiseConvolution:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane kW kH dW dH", nInputPlane, nOutputPlane, kW, kH,
      dW or 1, dH or 1)
    convolution.set(self, 0, "padW padH", padW or 0, padH or padW or 0)
    convolution.parameters(self, { nOutputPlane, nInputPlane * kH * kW }, { nOutputPlane, nInputPlane })
    self:reset()
  end

  --- nn.SpatialDepthWiseConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.SpatialDepthWiseConvolution(3, 2, 5, 5):noBias().bias --> nil
  function SpatialDepthWiseConvolution:noBias()
    return convolution.noBias(self)
  end

  function SpatialDepthWiseConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.kH * self.nInputPlane)
  end

  function SpatialDepthWiseConvolution:updateOutput(input)
    local n, m = self.nInputPlane, self.nOutputPlane
    local weight = torch.reshape(self.weight, m, n, self.kH * self.kW):transpose(1, 2)
    local bias = self.bias and torch.reshape(torch.reshape(self.bias, m, n):transpose(1, 2), n * m)
    return nn.functional.conv2d(input, torch.reshape(weight, n * m, 1, self.kH, self.kW), bias, self.dW,
      self.dH, self.padW, self.padH, 1, 1, n)
  end

  function SpatialDepthWiseConvolution:__tostring()
    return convolution.text(self, { "W", "H" })
  end
end
