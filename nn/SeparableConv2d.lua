-- SeparableConv2d.lua: each channel by kernels of its own, then all channels mixed place by place.

return function(nn, torch)
  local SeparableConv2d, parent = torch.class("nn.SeparableConv2d", "nn.Module")
  local arguments = nn._arguments

  --- nn.SeparableConv2d(inChannels, outChannels, kernelSize [, opts])
  --
  -- A depth-wise convolution, which gives each channel depthMultiplier kernels of its own, and a convolution
  -- of 1 x 1 kernels, which mixes the channels; nothing lies between them.
  --
  -- inChannels, outChannels: numbers
  -- kernelSize: a number or {height, width}
  -- opts: table with stride, padding, paddingMode and dilation of the first, as of nn.Conv2d, and
  --   depthMultiplier: how many channels are made of each; 1 by default
  --   bias: false leaves the biases of both out
  -- Returns: a module with the modules depthwise and pointwise, both nn.Conv2d.  Its input is
  --   (batch x) inChannels x height x width
  -- Errors: an unknown option; the input does not fit
  -- From: Chollet, "Xception", CVPR 2017
  -- Example:
  --   y = nn.SeparableConv2d(3, 8, 3, { padding = 1 }):forward(torch.ones(2, 3, 9, 7))
  --   table.concat(y.shape, "x") --> 2x8x9x7
  function SeparableConv2d:__init(inChannels, outChannels, kernelSize, opts)
    parent.__init(self)
    local o = arguments.options(self, opts,
      { stride = 1, padding = 0, paddingMode = "zeros", dilation = 1, depthMultiplier = 1, bias = true })
    local between = arguments.whole(self, "inChannels", inChannels, nil, 1)
      * arguments.whole(self, "depthMultiplier", o.depthMultiplier, nil, 1)
    self.depthwise = nn.Conv2d(inChannels, between, kernelSize, { stride = o.stride, padding = o.padding,
      paddingMode = o.paddingMode, dilation = o.dilation, groups = inChannels, bias = o.bias })
    self.pointwise = nn.Conv2d(between, outChannels, 1, { bias = o.bias })
  end

  function SeparableConv2d:updateOutput(input)
    return self.pointwise(self.depthwise(input))
  end
end
