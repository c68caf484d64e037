-- PixelUnshuffle.lua: rows and columns become channels.

return function(nn, torch)
  local PixelUnshuffle, parent = torch.class("nn.PixelUnshuffle", "nn.Module")
  local arguments = nn._arguments

  --- nn.PixelUnshuffle(downscaleFactor)
  --
  -- The inverse of nn.PixelShuffle: each r x r block of a channel becomes r^2 channels.
  --
  -- downscaleFactor: r, a number
  -- Returns: a module; its input is (.. x) channels x (height r) x (width r), its output
  --   (.. x) (channels r^2) x height x width
  -- Errors: r does not divide height and width
  -- From: PyTorch
  -- Example:
  --   table.concat(nn.PixelUnshuffle(2):forward(torch.ones(2, 6, 10)).shape, "x") --> 8x3x5
  function PixelUnshuffle:__init(downscaleFactor)
    parent.__init(self)
    self.downscaleFactor = arguments.whole(self, "the factor", downscaleFactor, nil, 1)
  end

  function PixelUnshuffle:updateOutput(input)
    local r, n = self.downscaleFactor, arguments.tensor(self, input, 3):dim()
    local c, h, w = input:size(n - 2), input:size(n - 1), input:size(n)
    if h % r ~= 0 or w % r ~= 0 then
      arguments.fail(self, "the input is of %s, wanted height and width that %d divides",
        arguments.shape(input), r)
    end
    local shape = { table.unpack(input.shape, 1, n - 3) }
    local y = torch.reshape(input, -1, c, h // r, r, w // r, r):permute(1, 2, 4, 6, 3, 5)
    shape[n - 2], shape[n - 1], shape[n] = c * r * r, h // r, w // r
    return torch.reshape(y, shape)
  end

  function PixelUnshuffle:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.downscaleFactor)
  end
end
