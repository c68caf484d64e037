-- ConvTranspose3d.lua: the transpose of a convolution of volumes, with PyTorch's arguments.

return function(nn, torch)
  local ConvTranspose3d, parent = torch.class("nn.ConvTranspose3d", "nn.Module")
  local convolution = nn._convolution

  --- nn.ConvTranspose3d(inChannels, outChannels, kernelSize [, opts])
  --
  -- The transpose, as a linear map, of a convolution of volumes: each place of the input adds a kernel,
  -- times its value, to the output.  The output has (size - 1) stride - 2 padding +
  -- dilation (kernelSize - 1) + 1 + outputPadding places.  Starts uniform in +-1/sqrt(n), where n is how
  -- many elements of the weight belong to an input channel.
  --
  -- inChannels, outChannels: numbers
  -- kernelSize: a number or {depth, height, width}, as are the options but groups and bias
  -- opts: table with
  --   stride: how far apart on the output the kernels of two neighbours are; 1 by default
  --   padding: how much is taken away on either side of the output; 0 by default
  --   outputPadding: how much is added at its end; 0 by default
  --   groups: in how many parts the channels are taken, each with its own kernels; 1 by default
  --   bias: false leaves the bias out
  --   dilation: how far apart the kernel's elements lie on the output; 1 by default
  -- Returns: a module with weight, inChannels x outChannels/groups x kernel, and bias, outChannels.  Its
  --   input is (batch x) inChannels x depth x height x width; module(x, size) makes an output of such a
  --   size by another outputPadding
  -- Errors: an unknown option; groups do not divide the channels; the input or the size does not fit
  -- From: PyTorch
  -- Example:
  --   y = nn.ConvTranspose3d(3, 8, 2, { stride = 2 }):forward(torch.ones(3, 2, 3, 3))
  --   table.concat(y.shape, "x") --> 8x4x6x6
  function ConvTranspose3d:__init(inChannels, outChannels, kernelSize, opts)
    parent.__init(self)
    convolution.initTransposed(self, 3, inChannels, outChannels, kernelSize, opts)
    self:reset()
  end

  function ConvTranspose3d:reset(stdv)
    return convolution.reset(self, stdv)
  end

  function ConvTranspose3d:updateOutput(input, outputSize)
    nn._arguments.tensor(self, input, 4, 5)
    return nn.functional.convTranspose3d(input, self.weight, self.bias, self.stride, self.padding,
      convolution.reach(self, input, outputSize), self.groups, self.dilation)
  end

  function ConvTranspose3d:__tostring()
    return convolution.describe(self)
  end
end
