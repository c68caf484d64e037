-- VolumetricFullConvolution.lua: the transpose of a convolution of volumes.

return function(nn, torch)
  local VolumetricFullConvolution, parent = torch.class("nn.VolumetricFullConvolution", "nn.Module")
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.VolumetricFullConvolution(nInputPlane, nOutputPlane, kT, kW, kH [, dT, dW, dH, ..])
  -- nn.VolumetricFullConvolution(.., dT, dW, dH [, padT, padW, padH [, adjT, adjW, adjH]])
  --
  -- Each place of the input adds a kernel, times its value, to the output.  Starts uniform in
  -- +-1/sqrt(kT kW kH nInputPlane).
  --
  -- nInputPlane, nOutputPlane: numbers
  -- kT, kW, kH: depth, width and height of a kernel
  -- dT, dW, dH: how far apart on the output the kernels of two neighbours are; 1 by default
  -- padT, padW, padH: places taken away on either side of the output; 0 by default
  -- adjT, adjW, adjH: places added at the end of the output, fewer than dT, dW and dH; 0 by default
  -- Returns: a module with weight, nInputPlane x nOutputPlane x kT x kH x kW, and bias, nOutputPlane.  Its
  --   input is (batch x) nInputPlane x depth x height x width; its output has nOutputPlane planes,
  --   (depth - 1) dT - 2 padT + kT + adjT deep, and rows and columns likewise.  A second input, as
  --   {x, y}, gives the output y's last three sizes by other adjT, adjW and adjH
  -- Errors: adjT, adjW or adjH is too large; the input has other planes
  -- From: Torch7
  -- Example:
  --   module = nn.VolumetricFullConvolution(3, 8, 2, 2, 2, 2, 2, 2)
  --   table.concat(module:forward(torch.ones(3, 4, 6, 5)).shape, "x") --> 8x8x12x10
  function VolumetricFullConvolution:__init(nInputPlane, nOutputPlane, kT, kW, kH, dT, dW, dH, padT, padW,
                                            padH, adjT, adjW, adjH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane nOutputPlane kT kW kH dT dW dH", nInputPlane, nOutputPlane, kT,
      kW, kH, dT or 1, dW or 1, dH or 1)
    convolution.set(self, 0, "padT padW padH adjT adjW adjH", padT or 0, padW or 0, padH or 0, adjT or 0,
      adjW or 0, adjH or 0)
    if self.adjT >= self.dT or self.adjW >= self.dW or self.adjH >= self.dH then
      arguments.fail(self, "adjT %d, adjW %d and adjH %d are not below dT %d, dW %d and dH %d", self.adjT,
        self.adjW, self.adjH, self.dT, self.dW, self.dH)
    end
    convolution.parameters(self, { nInputPlane, nOutputPlane, kT, kH, kW }, { nOutputPlane })
    self:reset()
  end

  --- nn.VolumetricFullConvolution:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.VolumetricFullConvolution(1, 1, 2, 2, 2):noBias().bias --> nil
  function VolumetricFullConvolution:noBias()
    return convolution.noBias(self)
  end

  function VolumetricFullConvolution:reset(stdv)
    return convolution.start(self, stdv, self.kT * self.kW * self.kH * self.nInputPlane)
  end

  function VolumetricFullConvolution:updateOutput(input, ...)
    local x, target = arguments.inputs(input, ...)
    arguments.tensor(self, x, 4, 5)
    return nn.functional.convTranspose3d(x, self.weight, self.bias, { self.dT, self.dH, self.dW },
      { self.padT, self.padH, self.padW }, convolution.adjust(self, target, { "T", "H", "W" }))
  end

  function VolumetricFullConvolution:_gradients(...)
    return convolution.without_size(parent._gradients(self, ...))
  end

  function VolumetricFullConvolution:__tostring()
    return convolution.text(self, { "T", "W", "H" })
  end
end
