-- CReLU.lua: max(x, 0) and max(-x, 0), one behind the other.

return function(nn, torch)
  local CReLU, parent = torch.class("nn.CReLU", "nn.Module")
  local arguments = nn._arguments

  --- nn.CReLU(nInputDims [, inplace])
  --
  -- max(x, 0) and max(-x, 0) as twice as many features, along the first dimension of a sample.
  --
  -- nInputDims: how many dimensions a sample has; an input with one more is a batch
  -- inplace: as in Torch7, kept in the field inplace; the input is not overwritten either way
  -- Returns: a module
  -- From: Shang and others, "Understanding and improving convolutional neural networks via concatenated
  --   rectified linear units", ICML 2016, as in Torch7
  -- Example:
  --   table.concat(nn.CReLU(1):forward(torch.ones(4, 3)).shape, "x") --> 4x6
  function CReLU:__init(nInputDims, inplace)
    parent.__init(self)
    self.nInputDims = arguments.whole(self, "nInputDims", nInputDims, nil, 1)
    self.inplace = arguments.flag(self, "inplace", inplace)
  end

  function CReLU:updateOutput(input)
    local dim = arguments.dimension(self, input, 1, self.nInputDims)
    return torch.relu(torch.cat({ input, torch.neg(input) }, dim))
  end

  function CReLU:__tostring()
    return "CReLU()"
  end
end
