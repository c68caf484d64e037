-- VolumetricDilatedConvolution.lua: nn.VolumetricConvolution whose kernels have gaps.

return function(nn, torch)
  local VolumetricDilatedConvolution, parent = torch.class("nn.VolumetricDilatedConvolution",
    "nn.VolumetricConvolution")
  local convolution = nn._convolution

  --- nn.VolumetricDilatedConvolution(nInputPlane, nOutputPlane, kT, kW, kH [, dT, dW, dH, ..])
  -- nn.VolumetricDilatedConvolution(.., dT, dW, dH [, padT, padW, padH [, dilationT, dilationW, dilationH]])
  --
  -- nn.VolumetricConvolution with kernels whose elements lie further apart on the input.
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kT, kW, kH: depth, width and height of a kernel
  -- dT, dW, dH: how far apart its places are; 1 by default
  -- padT, padW, padH: zeros on either side; 0 by default, padW as padT, padH as padW
  -- dilationT, dilationW, dilationH: how far apart the elements of a kernel lie; 1 by default
  -- Returns: a module as nn.VolumetricConvolution
  -- Errors: the kernel does not fit into the input
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricDilatedConvolution(1, 1, 2, 2, 2, 1, 1, 1, 0, 0, 0, 2, 2, 2)
  --   module:forward(torch.ones(1, 4, 4, 4)):size(2) --> 2
  function VolumetricDilatedConvolution:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW,
                                               padH, dilationT, dilationW, dilationH)
    parent.__init(self, nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW, padH)
    convolution.set(self, 1, "dilationT dilationW dilationH", dilationT or 1, dilationW or 1, dilationH or 1)
  end
end
