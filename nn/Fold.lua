-- Fold.lua: columns of what a kernel saw, added up to images.

return function(nn, torch)
  local Fold, parent = torch.class("nn.Fold", "nn.Module")
  local arguments, each = nn._arguments, nn._convolution.each

  --- nn.Fold(outputSize, kernelSize [, opts])
  --
  -- Columns added up to images, as nn.functional.fold has it.
  --
  -- outputSize: of the images, a number or {height, width}
  -- kernelSize: a number or {height, width}, as are the options
  -- opts: table with
  --   dilation: how far apart the kernel's elements lie; 1 by default
  --   padding: zeros on either side; 0 by default
  --   stride: how far apart the kernel's places are; 1 by default
  -- Returns: a module; its input is (batch x) (channels kH kW) x places, its output
  --   (batch x) channels x height x width
  -- Errors: an unknown option; the input does not fit
  -- From: PyTorch
  -- Example:
  --   y = nn.Fold({ 4, 5 }, 3, { padding = 1 }):forward(torch.ones(2, 27, 20))
  --   table.concat(y.shape, "x") --> 2x3x4x5
  function Fold:__init(outputSize, kernelSize, opts)
    parent.__init(self)
    local name = "nn.Fold"
    local o = arguments.options(self, opts, { dilation = 1, padding = 0, stride = 1 })
    self.outputSize = each(name, "output size", outputSize, 2)
    self.kernelSize = each(name, "kernel size", kernelSize, 2)
    self.dilation, self.stride = each(name, "dilation", o.dilation, 2), each(name, "stride", o.stride, 2)
    self.padding = each(name, "padding", o.padding, 2, nil, 0)
  end

  function Fold:updateOutput(input)
    return nn.functional.fold(input, self.outputSize, self.kernelSize, self.dilation, self.padding,
      self.stride)
  end

  function Fold:__tostring()
    return ("%s(%s, %s)"):format(torch.typename(self),
      table.concat(self.outputSize, "x"), table.concat(self.kernelSize, "x"))
  end
end
