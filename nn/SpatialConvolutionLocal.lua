-- SpatialConvolutionLocal.lua: a convolution whose kernels differ from place to place.

return function(nn, torch)
  local SpatialConvolutionLocal, parent = torch.class("nn.SpatialConvolutionLocal", "nn.Module")
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.SpatialConvolutionLocal(nInputPlane, nOutputPlane, iW, iH, kW, kH [, dW, dH, padW, padH])
  --
  -- As nn.SpatialConvolution, with kernels of its own in every place of the output.  Starts uniform in
  -- +-1/sqrt(kW kH nInputPlane).
  --
  -- nInputPlane, nOutputPlane: numbers
  -- iW, iH: width and height of the input
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- padW, padH: zeros on either side; 0 by default, padH as padW
  -- Returns: a module with weight, oH x oW x nOutputPlane x nInputPlane x kH x kW, and bias,
  --   nOutputPlane x oH x oW.  Its input is (batch x) nInputPlane x iH x iW, its output
  --   (batch x) nOutputPlane x oH x oW
  -- Errors: the kernel does not fit; the input has other sizes
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialConvolutionLocal(3, 4, 8, 6, 3, 3)
  --   table.concat(module:forward(torch.ones(2, 3, 6, 8)).shape, "x") --> 2x4x4x6
  function SpatialConvolutionLocal:__init(nInputPlane, nOutputPlane, iW, iH, kW, kH, dW, dH, padW, padH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane iW iH kW kH dW dH", nInputPlane, nOutputPlane, iW,
      iH, kW, kH, dW or 1, dH or 1)
    convolution.set(self, 0, "padW padH", padW or 0, padH or padW or 0)
    self.oW = (2 * self.padW + iW - kW) // self.dW + 1
    self.oH = (2 * self.padH + iH - kH) // self.dH + 1
    if self.oW < 1 or self.oH < 1 then
      arguments.fail(self, "a kernel %d wide and %d high does not fit into an input of %d and %d", kW, kH, iW,
        iH)
    end
    convolution.parameters(self, { self.oH, self.oW, nOutputPlane, nInputPlane, kH, kW },
      { nOutputPlane, self.oH, self.oW })
    self:reset()
  end

  function SpatialConvolutionLocal:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.kH * self.nInputPlane)
  end

  function SpatialConvolutionLocal:updateOutput(input)
    arguments.tensor(self, input, 3, 4)
    local x = input:dim() == 3 and input:unsqueeze(1) or input
    if x:size(2) ~= self.nInputPlane or x:size(3) ~= self.iH or x:size(4) ~= self.iW then
      arguments.fail(self, "the input is of %s, wanted (batch x) %d x %d x %d", arguments.shape(input),
        self.nInputPlane, self.iH, self.iW)
    end
    -- For each place the product of its kernels and what they see in the images of the batch.
    local columns = nn.functional.unfold(x, { self.kH, self.kW }, 1, { self.padH, self.padW },
      { self.dH, self.dW })
    local places, seen = self.oH * self.oW, self.nInputPlane * self.kH * self.kW
    local y = torch.bmm(torch.reshape(self.weight, places, self.nOutputPlane, seen), columns:permute(3, 2, 1))
    y = torch.reshape(y:permute(3, 2, 1), x:size(1), self.nOutputPlane, self.oH, self.oW)
    if self.bias then y = y + self.bias:unsqueeze(1) end
    return input:dim() == 3 and y:squeeze(1) or y
  end

  function SpatialConvolutionLocal:__tostring()
    return convolution.text(self, { "W", "H" }, self.iW .. "x" .. self.iH)
  end
end
