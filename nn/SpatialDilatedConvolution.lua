-- SpatialDilatedConvolution.lua: nn.SpatialConvolution whose kernels have gaps.

return function(nn, torch)
  local SpatialDilatedConvolution, parent = torch.class("nn.SpatialDilatedConvolution",
    "nn.SpatialConvolution")
  local convolution = nn._convolution

  --- nn.SpatialDilatedConvolution(nInputPlane, nOutputPlane, kW, kH [, dW [, dH [, padW [, padH, ..]]]])
  -- nn.SpatialDilatedConvolution(.., padW, padH [, dilationW [, dilationH]])
  --
  -- nn.SpatialConvolution with kernels whose elements lie further apart on the input.
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- padW, padH: zeros on either side; 0 by default, padH as padW
  -- dilationW, dilationH: how far apart the elements of a kernel lie; 1 by default
  -- Returns: a module as nn.SpatialConvolution
  -- Errors: the kernel does not fit into the input
  -- From: Torch7; Yu and Koltun, "Multi-scale context aggregation by dilated convolutions", ICLR 2016
  -- Example:
  --   module = nn.SpatialDilatedConvolution(1, 1, 3, 3, 1, 1, 0, 0, 2, 2)
  --   module:forward(torch.ones(1, 7, 7)):size(2) --> 3
  function SpatialDilatedConvolution:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, dilationW,
                                            dilationH)
    parent.__init(self, nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH)
    convolution.set(self, 1, "dilationW dilationH", dilationW or 1, dilationH or 1)
  end

  function SpatialDilatedConvolution:updateOutput(input)
    return nn.functional.conv2d(input, self.weight, self.bias, self.dW, self.dH, self.padW, self.padH,
      self.dilationW, self.dilationH)
  end

  function SpatialDilatedConvolution:__tostring()
    return convolution.text(self, { "W", "H" })
  end
end
