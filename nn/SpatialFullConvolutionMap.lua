-- SpatialFullConvolutionMap.lua: transposed convolution of images by kernels between chosen planes.

return function(nn, torch)
  local SpatialFullConvolutionMap, parent = torch.class("nn.SpatialFullConvolutionMap", "nn.Module")
  local convolution = nn._convolution

  --- nn.SpatialFullConvolutionMap(connTable, kW, kH [, dW [, dH]])
  --
  -- nn.SpatialFullConvolution whose kernels lead from chosen input planes to chosen output planes.  Starts as
  -- nn.SpatialConvolutionMap.
  --
  -- connTable: tensor of two columns, as of nn.tables.full: the input plane and the output plane of each
  --   kernel
  -- kW, kH: width and height of a kernel
  -- dW, dH: how far apart on the output the kernels of two neighbours are; 1 by default
  -- Returns: a module with weight, kernels x kH x kW, and bias, one for each output plane.  Its input is
  --   (batch x) planes x height x width, its output has (height - 1) dH + kH rows, and columns likewise
  -- Errors: the input has too few planes
  -- From: Torch7
  -- Example:
  --   module = nn.SpatialFullConvolutionMap(nn.tables.full(3, 2), 5, 5)
  --   table.concat(module:forward(torch.ones(3, 8, 8)).shape, "x") --> 2x12x12
  function SpatialFullConvolutionMap:__init(connTable, kW, kH, dW, dH)
    parent.__init(self)
    convolution.map(self, connTable, kW, kH, dW, dH)
    self:reset()
  end

  function SpatialFullConvolutionMap:reset(stdv)
    return convolution.startMap(self, stdv)
  end

  function SpatialFullConvolutionMap:updateOutput(input)
    local weight = convolution.allKernels(self, 1, 2, self.nInputPlane, self.nOutputPlane)
    return nn.functional.convTranspose2d(convolution.connected(self, input), weight, self.bias,
      { self.dH, self.dW })
  end
end
