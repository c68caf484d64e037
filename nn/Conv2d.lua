-- Conv2d.lua: cross-correlation of images with learnt kernels, with PyTorch's arguments.

return function(nn, torch)
  local Conv2d, parent = torch.class("nn.Conv2d", "nn.Module")
  local convolution = nn._convolution

  --- nn.Conv2d(inChannels, outChannels, kernelSize [, opts])
  --
  -- Cross-correlation of images with learnt kernels: each output channel is the sum, over the input's
  -- channels, of what a kernel sees in each place, plus a bias.  Starts uniform in +-1/sqrt(n), where n is
  -- how many inputs a kernel has.
  --
  -- inChannels, outChannels: numbers
  -- kernelSize: a number or {height, width}, as are stride, padding and dilation
  -- opts: table with
  --   stride: how far apart the kernel's places are; 1 by default
  --   padding: how much is added on either side, 0 by default; or "valid" for nothing, or "same" for an
  --     output of the input's size
  --   paddingMode: what is added, "zeros" by default; "reflect", "replicate" or "circular" as
  --     nn.functional.pad has it
  --   dilation: how far apart the kernel's elements lie on the input; 1 by default
  --   groups: in how many parts the channels are taken, each with its own kernels; 1 by default
  --   bias: false leaves the bias out
  -- Returns: a module with weight, outChannels x inChannels/groups x kernel, and bias, outChannels.  Its
  --   input is (batch x) inChannels x height x width
  -- Errors: an unknown option; groups do not divide the channels; the input does not fit
  -- From: PyTorch
  -- Example:
  --   y = nn.Conv2d(3, 8, 5, { padding = "same" }):forward(torch.ones(2, 3, 9, 7))
  --   table.concat(y.shape, "x") --> 2x8x9x7
  function Conv2d:__init(inChannels, outChannels, kernelSize, opts)
    parent.__init(self)
    convolution.init(self, 2, inChannels, outChannels, kernelSize, opts)
    self:reset()
  end

  function Conv2d:reset(stdv)
    return convolution.reset(self, stdv)
  end

  function Conv2d:updateOutput(input)
    local x, pads = convolution.padded(self, input)
    local s, d, named = self.stride, self.dilation, type(pads) ~= "table"
    return nn.functional.conv2d(x, self.weight, self.bias, s[2], s[1], named and pads or pads[2],
      named and pads or pads[1], d[2], d[1], self.groups)
  end

  function Conv2d:__tostring()
    return convolution.describe(self)
  end
end
