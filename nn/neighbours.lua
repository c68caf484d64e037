-- neighbours.lua: the weighted means around each place of an image, which
-- nn.SpatialSubtractiveNormalization and nn.SpatialDivisiveNormalization share.

return function(nn, torch)
  local arguments, neighbours = nn._arguments, {}
  nn._neighbours = neighbours

  -- Sets nInputPlane and kernel, whose elements are to add up to 1 over all planes.
  function neighbours.window(self, nInputPlane, kernel)
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
  function neighbours.around(self, x)
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
  function neighbours.inside(self, x)
    return torch.noGrad(neighbours.around, self, x.new(1, 1, x:size(3), x:size(4)):fill(1))
  end

  -- Calls f with the input as a batch, and gives its result in the input's shape.
  function neighbours.as_batch(self, input, f)
    arguments.tensor(self, input, 3, 4)
    if input:size(-3) ~= self.nInputPlane then
      arguments.fail(self, "the input is of %s, wanted %d planes", arguments.shape(input), self.nInputPlane)
    end
    return torch.reshape(f(input:dim() == 3 and torch.unsqueeze(input, 1) or input), input.shape)
  end
end
