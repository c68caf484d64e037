-- Unfold.lua: images as columns of what a kernel sees.

return function(nn, torch)
  local Unfold, parent = torch.class("nn.Unfold", "nn.Module")
  local arguments, each = nn._arguments, nn._convolution.each

  --- nn.Unfold(kernelSize [, opts])
  --
  -- Images as columns: what a kernel sees in each of its places, as nn.functional.unfold has it.
  --
  -- kernelSize: a number or {height, width}, as are the options
  -- opts: table with
  --   dilation: how far apart the kernel's elements lie; 1 by default
  --   padding: zeros on either side; 0 by default
  --   stride: how far apart the kernel's places are; 1 by default
  -- Returns: a module; its input is (batch x) channels x height x width, its output
  --   (batch x) (channels kH kW) x places
  -- Errors: an unknown option; the input does not fit
  -- From: PyTorch
  -- Example:
  --   y = nn.Unfold(3, { padding = 1 }):forward(torch.ones(2, 3, 4, 5))
  --   table.concat(y.shape, "x") --> 2x27x20
  function Unfold:__init(kernelSize, opts)
    parent.__init(self)
    local name = "nn.Unfold"
    local o = arguments.options(self, opts, { dilation = 1, padding = 0, stride = 1 })
    self.kernelSize = each(name, "kernel size", kernelSize, 2)
    self.dilation, self.stride = each(name, "dilation", o.dilation, 2), each(name, "stride", o.stride, 2)
    self.padding = each(name, "padding", o.padding, 2, nil, 0)
  end

  function Unfold:updateOutput(input)
    return nn.functional.unfold(input, self.kernelSize, self.dilation, self.padding, self.stride)
  end

  function Unfold:__tostring()
    return ("%s(%s)"):format(torch.typename(self), table.concat(self.kernelSize, "x"))
  end
end
