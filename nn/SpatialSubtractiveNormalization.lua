-- SpatialSubtractiveNormalization.lua: images less the mean of what is around each place.

return function(nn, torch)
  local SpatialSubtractiveNormalization, parent =
    torch.class("nn.SpatialSubtractiveNormalization", "nn.Module")
  local arguments = nn._arguments

  -- Sets nInputPlane and kernel, whose elements are to add up to 1 over all planes.
  function arguments.window(self, nInputPlane, kernel)
    self.nInputPlane = arguments.whole(self, "nInputPlane", nInputPlane, 1, 1)
    kernel = kernel or torch.Tensor(9, 9):fill(1)
    if not torch.isTensor(kernel) or kernel:dim() < 1 or kernel:dim() > 2 then
      arguments.fail(self, "the kernel has to be a vector or a matrix")
    end
    for d = 1, kernel:dim() do
      if kernel:size(d) % 2 == 0 then
        arguments.fail(self, "the kernel is of %s, wanted odd sizes", arguments.shape(kernel))
      end
    end
    self.kernel = kernel:clone()
    self.kernel:div(self.kernel:sum())
  end

  -- The weighted mean of what is around each place, of all planes together, with zeros outside: batch x 1 x
  -- height x width.  A vector stands for its product with itself.
  function arguments.around(self, x)
    local k, F = self.kernel, nn.functional
    local planes = torch.mean(x, 2, true)
    local h, w = k:size(1), k:size(-1)
    if k:dim() == 2 then
      return F.conv2d(planes, torch.reshape(k, 1, 1, h, w), nil, 1, 1, w // 2, h // 2)
    end
    local rows = F.conv2d(planes, torch.reshape(k, 1, 1, 1, w), nil, 1, 1, w // 2, 0)
    return F.conv2d(rows, torch.reshape(k, 1, 1, h, 1), nil, 1, 1, 0, h // 2)
  end

  -- Near an edge: how much of the window lies inside.
  function arguments.inside(self, x)
    return torch.noGrad(arguments.around, self, x.new(1, 1, x:size(3), x:size(4)):fill(1))
  end

  -- Calls f with the input as a batch, and gives its result in the input's shape.
  function arguments.as_batch(self, input, f)
    arguments.tensor(self, input, 3, 4)
    if input:size(-3) ~= self.nInputPlane then
      arguments.fail(self, "the input is of %s, wanted %d planes", arguments.shape(input), self.nInputPlane)
    end
    return torch.reshape(f(input:dim() == 3 and torch.unsqueeze(input, 1) or input), input.shape)
  end

  --- nn.SpatialSubtractiveNormalization([nInputPlane [, kernel]])
  --
  -- Subtracts from each element the weighted mean of the elements around its place in all planes; near an
  -- edge, of those that are inside.
  --
  -- nInputPlane: how many planes, 1 by default
  -- kernel: weights: matrix, or vector for its product with itself, of odd sizes; 9 x 9 ones by default
  -- Returns: a module; its input and output are (batch x) nInputPlane x height x width
  -- Errors: a size of the kernel is even; the input has other dimensions or planes
  -- From: Torch7; Jarrett and others, "What is the best multi-stage architecture for object recognition?",
  --   ICCV 2009
  -- Example:
  --   nn.SpatialSubtractiveNormalization(2):forward(torch.ones(2, 12, 12)):abs():max() < 1e-6 --> true
  function SpatialSubtractiveNormalization:__init(nInputPlane, kernel)
    parent.__init(self)
    arguments.window(self, nInputPlane, kernel)
  end

  function SpatialSubtractiveNormalization:updateOutput(input)
    return arguments.as_batch(self, input, function(x)
      return x - torch.cdiv(arguments.around(self, x), arguments.inside(self, x))
    end)
  end
end
