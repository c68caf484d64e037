-- SpatialSubSampling.lua: weighted sums over windows of images.

return function(nn, torch)
  local SpatialSubSampling, parent = torch.class("nn.SpatialSubSampling", "nn.Module")
  local arguments, convolution = nn._arguments, nn._convolution

  --- nn.SpatialSubSampling(nInputPlane, kW, kH [, dW [, dH]])
  --
  -- The sum of each window of a plane, times the plane's weight, plus its bias.  Starts uniform in
  -- +-1/sqrt(kW kH).
  --
  -- nInputPlane: number
  -- kW, kH: width and height of a window
  -- dW, dH: how far apart the windows are; 1 by default
  -- Returns: a module with weight and bias, nInputPlane.  Its input and output are
  --   (batch x) nInputPlane x height x width
  -- Errors: the input has other planes, or is smaller than a window
  -- From: Torch7; LeCun and others, "Gradient-based learning applied to document recognition", 1998
  -- Example:
  --   module = nn.SpatialSubSampling(4, 2, 2, 2, 2)
  --   table.concat(module:forward(torch.ones(4, 6, 8)).shape, "x") --> 4x3x4
  function SpatialSubSampling:__init(nInputPlane, kW, kH, dW, dH)
    parent.__init(self)
    convolution.set(self, 1, "nInputPlane kW kH dW dH", nInputPlane, kW, kH, dW or 1, dH or 1)
    convolution.parameters(self, { nInputPlane }, { nInputPlane })
    self:reset()
  end

  function SpatialSubSampling:reset(stdv)
    return convolution.start(self, stdv, self.kW * self.kH)
  end

  function SpatialSubSampling:updateOutput(input)
    arguments.tensor(self, input, 3, 4)
    if input:size(input:dim() - 2) ~= self.nInputPlane then
      arguments.fail(self, "the input is of %s, wanted %d planes", arguments.shape(input), self.nInputPlane)
    end
    local mean = nn.functional.avgPool2d(input, self.kW, self.kH, self.dW, self.dH)
    local weight = torch.reshape(self.weight, self.nInputPlane, 1, 1) * (self.kW * self.kH)
    return torch.cmul(mean, weight:expandAs(mean))
      + torch.reshape(self.bias, self.nInputPlane, 1, 1):expandAs(mean)
  end
end
