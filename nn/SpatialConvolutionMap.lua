-- SpatialConvolutionMap.lua: convolution of images by kernels between chosen planes.

return function(nn, torch)
  local SpatialConvolutionMap, parent = torch.class("nn.SpatialConvolutionMap", "nn.Module")
  local convolution = nn._convolution

  --- nn.SpatialConvolutionMap(connTable, kW, kH [, dW [, dH]])
  --
  -- nn.SpatialConvolution whose kernels lead from chosen input planes to chosen output planes.  Starts
  -- uniform in +-1/sqrt(kW kH n), where n is how many kernels lead to the same output plane.
  --
  -- connTable: tensor of two columns, as of nn.tables.full: the input plane and the output plane of each
  --   kernel
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart its places are; 1 by default
  -- Returns: a module with weight, kernels x kH x kW, and bias, one for each output plane.  Its input is
  --   (batch x) planes x height x width
  -- Errors: the input has too few planes; the kernel does not fit
  -- From: Torch7; LeCun and others, "Gradient-based learning applied to document recognition", 1998
  -- Example:
  --   module = nn.SpatialConvolutionMap(nn.tables.oneToOne(3), 5, 5)
  --   table.concat(module:forward(torch.ones(3, 12, 12)).shape, "x") --> 3x8x8
  function SpatialConvolutionMap:__init(connTable, kW, kH, dW, dH)
    parent.__init(self)
    convolution.map(self, connTable, kW, kH, dW, dH)
    self:reset()
  end

  --- nn.SpatialConvolutionMap:decayParameters(decay)
  --
  -- Subtracts decay times themselves from the weight and the bias.
  --
  -- decay: number
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialConvolutionMap(nn.tables.oneToOne(3), 5, 5)
  --   module:decayParameters(1)
  --   module.weight:abs():max() --> 0.0
  function SpatialConvolutionMap:decayParameters(decay)
    torch.noGrad(function()
      self.weight:mul(1 - decay)
      self.bias:mul(1 - decay)
    end)
  end

  function SpatialConvolutionMap:reset(stdv)
    return convolution.startMap(self, stdv)
  end

  function SpatialConvolutionMap:updateOutput(input)
    local weight = convolution.allKernels(self, 2, 1, self.nOutputPlane, self.nInputPlane)
    return nn.functional.conv2d(convolution.connected(self, input), weight, self.bias, self.dW, self.dH)
  end
end
