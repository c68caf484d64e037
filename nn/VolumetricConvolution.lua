-- VolumetricConvolution.lua: three-dimensional cross-correlation with learnt kernels.

return function(nn, torch)
  local VolumetricConvolution, parent = torch.class("nn.VolumetricConvolution", "nn.Module")
  local convolution = nn._convolution

  --- nn.VolumetricConvolution(nInputPlane, nOutputPlane, kT, kW, kH [, dT, dW, dH, padT, padW, padH])
  --
  -- Three-dimensional cross-correlation with learnt kernels.  Starts uniform in
  -- +-1/sqrt(kT kW kH nInputPlane).
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kT, kW, kH: depth, width and height of a kernel
  -- dT, dW, dH: how far apart its places are; 1 by default
  -- padT, padW, padH: zeros on either side; 0 by default, padW as padT, padH as padW
  -- Returns: a module with weight, nOutputPlane x nInputPlane x kT x kH x kW, and bias, nOutputPlane.  Its
  --   input is (batch x) nInputPlane x depth x height x width; its output has nOutputPlane planes,
  --   (depth + 2 padT - kT) / dT + 1 deep, rounded down, and rows and columns likewise
  -- Errors: the kernel does not fit into the input
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricConvolution(3, 8, 2, 3, 3)
  --   table.concat(module:forward(torch.ones(3, 4, 6, 5)).shape, "x") --> 8x3x4x3
  function VolumetricConvolution:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane kT kW kH dT dW dH", nInputPlane, nOutputPlane, kT,
      kW, kH, dT or 1, dW or 1, dH or 1)
    padT = padT or 0
    padW = padW or padT
    convolution.set(self, 0, "padT padW padH", padT, padW, padH or padW)
    convolution.parameters(self, { nOutputPlane, nInputPlane, kT, kH, kW }, { nOutputPlane })
    self:reset()
  end

  --- nn.VolumetricConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.VolumetricConvolution(1, 1, 2, 2, 2):noBias().bias --> nil
  function VolumetricConvolution:noBias()
    return convolution.noBias(self)
  end

  function VolumetricConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kT * self.kW * self.kH * self.nInputPlane)
  end

  function VolumetricConvolution:updateOutput(input)
    return nn.functional.conv3d(input, self.weight, self.bias, { self.dT, self.dH, self.dW },
      { self.padT, self.padH, self.padW },
      { self.dilationT or 1, self.dilationH or 1, self.dilationW or 1 })
  end

  function VolumetricConvolution:__tostring()
    return convolution.text(self, { "T", "W", "H" })
  end
end
