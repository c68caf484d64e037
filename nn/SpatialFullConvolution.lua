-- SpatialFullConvolution.lua: the transpose of a convolution of images.

return function(nn, torch)
  local SpatialFullConvolution, parent = torch.class("nn.SpatialFullConvolution", "nn.Module")
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.SpatialFullConvolution(nInputPlane, nOutputPlane, kW, kH [, dW, dH, padW, padH, adjW, adjH])
  --
  -- Each place of the input adds a kernel, times its value, to the output.  Starts uniform in
  -- +-1/sqrt(kW kH nInputPlane).
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart on the output the kernels of two neighbours are; 1 by default
  -- padW, padH: places taken away on either side of the output; 0 by default
  -- adjW, adjH: columns and rows added at the end of the output, fewer than dW and dH; 0 by default
  -- Returns: a module with weight, nInputPlane x nOutputPlane x kH x kW, and bias, nOutputPlane.  Its input
  --   is (batch x) nInputPlane x height x width; its output has nOutputPlane planes of
  --   (height - 1) dH - 2 padH + kH + adjH rows, and columns likewise.  A second input, as {x, y}, gives the
  --   output y's height and width by other adjW and adjH
  -- Errors: adjW or adjH is too large; the input has other planes
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialFullConvolution(3, 8, 4, 4, 2, 2, 1, 1)
  --   table.concat(module:forward(torch.ones(2, 3, 6, 5)).shape, "x") --> 2x8x12x10
  --   table.concat(module:forward({ torch.ones(3, 6, 5), torch.ones(1, 13, 10) }).shape, "x") --> 8x13x10
  function SpatialFullConvolution:__init(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, adjW, adjH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane kW kH dW dH", nInputPlane, nOutputPlane, kW, kH,
      dW or 1, dH or 1)
    convolution.set(self, 0, "padW padH adjW adjH", padW or 0, padH or 0, adjW or 0, adjH or 0)
    if self.adjW >= self.dW or self.adjH >= self.dH then
      arguments.fail(self, "adjW %d and adjH %d are not below dW %d and dH %d", self.adjW, self.adjH, self.dW,
        self.dH)
    end
    convolution.parameters(self, { nInputPlane, nOutputPlane, kH, kW }, { nOutputPlane })
    self:reset()
  end

  --- nn.SpatialFullConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.SpatialFullConvolution(1, 1, 3, 3):noBias().bias --> nil
  function SpatialFullConvolution:noBias()
    return convolution.noBias(self)
  end

  function SpatialFullConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.kH * self.nInputPlane)
  end

  function SpatialFullConvolution:updateOutput(input, ...)
    local x, target = arguments.inputs(input, ...)
    arguments.tensor(self, x, 3, 4)
    return nn.functional.convTranspose2d(x, self.weight, self.bias, { self.dH, self.dW },
      { self.padH, self.padW }, convolution.adjust(self, target, { "H", "W" }))
  end

  function SpatialFullConvolution:_gradients(...)
    return convolution.without_size(parent._gradients(self, ...))
  end

  function SpatialFullConvolution:__tostring()
    return convolution.text(self, { "W", "H" })
  end
end
