-- SpatialConvolution.lua: two-dimensional cross-correlation with learnt kernels.

return function(nn, torch)
  local SpatialConvolution, parent = torch.class("nn.SpatialConvolution", "nn.Module")

  --- nn.SpatialConvolution(nInputPlane, nOutputPlane, kW, kH [, dW [, dH [, padW [, padH]]]])
  --
  -- Two-dimensional cross-correlation with learnt kernels.  Starts uniform in +-1/sqrt(kW kH nInputPlane).
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- padW, padH: zeros on either side; 0 by default, padH as padW
  -- Returns: a module with weight, nOutputPlane x nInputPlane x kH x kW, and bias, nOutputPlane.  Its input
  --   is (batch x) nInputPlane x height x width; its output has nOutputPlane planes of
  --   (height + 2 padH - kH) / dH + 1 rows, rounded down, and columns likewise
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialConvolution(3, 8, 5, 5)
  --   table.concat(module:forward(torch.ones(2, 3, 12, 12)).shape, "x") --> 2x8x8x8
  function SpatialConvolution:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
    parent.__init(self)
    local convolution = nn._convolution
    convolution.set(self, 1, "nInputPlane nOutputPlane kW kH", nInputPlane, nOutputPlane, kW, kH)
    convolution.set(self, 1, "dW dH", dW or 1, dH or 1)
    convolution.set(self, 0, "padW padH", padW or 0, padH or padW or 0)
    local planes = self.nOutputPlane
    convolution.parameters(self, { planes, self.nInputPlane, self.kH, self.kW }, { planes })
    self:reset()
  end

  --- nn.SpatialConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.SpatialConvolution(1, 1, 3, 3):noBias().bias --> nil
  function SpatialConvolution:noBias()
    self.bias, self.gradBias = nil, nil
    return self
  end

  function SpatialConvolution:reset(stdv)
    stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.kW * self.kH * self.nInputPlane)
    self.weight:uniform(-stdv, stdv)
    if self.bias then self.bias:uniform(-stdv, stdv) end
    return self
  end

  function SpatialConvolution:updateOutput(input)
    return nn.functional.conv2d(input, self.weight, self.bias, self.dW, self.dH, self.padW, self.padH)
  end

  function SpatialConvolution:__tostring()
    local text = ("%s(%d -> %d, %dx%d"):format(torch.typename(self), self.nInputPlane,
      self.nOutputPlane, self.kW, self.kH)
    local padded = self.padW ~= 0 or self.padH ~= 0
    if self.dW ~= 1 or self.dH ~= 1 or padded then text = text .. (", %d,%d"):format(self.dW, self.dH) end
    if padded then text = text .. (", %d,%d"):format(self.padW, self.padH) end
    return text .. ")" .. (self.bias and "" or " without bias")
  end
end
