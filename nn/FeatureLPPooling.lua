-- FeatureLPPooling.lua: the p-norm of each window of features.

return function(nn, torch)
  local FeatureLPPooling, parent = torch.class("nn.FeatureLPPooling", "nn.Module")

  --- nn.FeatureLPPooling(width, stride, power [, batch_mode])
  --
  -- (sum of x^power)^(1/power) over each window of features; its derivative where a sum is 0 is 0.
  --
  -- width: features of a window, 2 to 16
  -- stride: how far apart the windows are, 1 to 4
  -- power: number
  -- batch_mode: true: the input's first dimension is that of a batch
  -- Returns: a module; its input is (batch x) features, and one or two sizes more or none
  -- From: Torch7
  -- Example:
  --   nn.FeatureLPPooling(2, 1, 2):forward(torch.Tensor { 3, 4, 3 }):sum() --> 10.0
  function FeatureLPPooling:__init(width, stride, power, batch_mode)
    parent.__init(self)
    self.width = nn._arguments.whole(self, "width", width, nil, 2)
    self.stride = nn._arguments.whole(self, "stride", stride, nil, 1)
    if width > 16 then nn._arguments.fail(self, "width is %d, wanted 2 to 16", width) end
    if stride > 4 then nn._arguments.fail(self, "stride is %d, wanted 1 to 4", stride) end
    self.power = nn._arguments.number(self, "power", power)
    self.batch_mode = batch_mode or false
  end

  function FeatureLPPooling:updateOutput(input)
    local dim = self.batch_mode and 2 or 1
    nn._arguments.tensor(self, input, dim, dim + 2)
    local shape, rest = { table.unpack(input.shape) }, 1
    for d = dim + 1, #shape do rest = rest * shape[d] end
    local batch = self.batch_mode and shape[1] or 1
    local powers = torch.reshape(torch.pow(input, self.power), { batch, shape[dim], rest })
    local sum = nn._pool.avg2d(powers, 1, self.width, 1, self.stride, 0, 0, false, false, 1)
    local zero = torch.eq(sum:detach(), 0)
    local root = torch.pow(torch.where(zero, torch.onesLike(sum:detach()), sum), 1 / self.power)
    shape[dim] = sum:size(2)
    return torch.reshape(torch.where(zero, torch.zerosLike(sum:detach()), root), shape)
  end

  function FeatureLPPooling:__tostring()
    return ("%s(w%d s%d power %d batch %d"):format(torch.typename(self), self.width, self.stride, self.power,
      self.batch_mode and 1 or 0)
  end
end
