-- PixelShuffle.lua: channels become rows and columns between those that are there.

return function(nn, torch)
  local PixelShuffle, parent = torch.class("nn.PixelShuffle", "nn.Module")
  local arguments = nn._arguments

  --- nn.PixelShuffle(upscaleFactor)
  --
  -- Channels become rows and columns: of r^2 channels after each other, number r i + j gives the elements in
  -- row i and column j of each r x r block of one output channel (counted from 0).
  --
  -- upscaleFactor: r, a number
  -- Returns: a module; its input is (.. x) (channels r^2) x height x width, its output
  --   (.. x) channels x (height r) x (width r)
  -- Errors: r^2 does not divide the channels
  -- From: Torch7; Shi and others, "Real-time single image and video super-resolution using an efficient
  --   sub-pixel convolutional neural network", CVPR 2016
  -- Example:
  --   table.concat(nn.PixelShuffle(2):forward(torch.ones(8, 3, 5)).shape, "x") --> 2x6x10
  function PixelShuffle:__init(upscaleFactor)
    parent.__init(self)
    self.upscaleFactor = arguments.whole(self, "the factor", upscaleFactor, nil, 1)
  end

  function PixelShuffle:updateOutput(input)
    local r, n = self.upscaleFactor, arguments.tensor(self, input, 3):dim()
    local c, h, w = input:size(n - 2), input:size(n - 1), input:size(n)
    if c % (r * r) ~= 0 then
      arguments.fail(self, "the input is of %s, wanted channels that %d divides",
        arguments.shape(input), r * r)
    end
    local shape = { table.unpack(input.shape, 1, n - 3) }
    local y = torch.reshape(input, -1, c // (r * r), r, r, h, w):permute(1, 2, 5, 3, 6, 4)
    shape[n - 2], shape[n - 1], shape[n] = c // (r * r), h * r, w * r
    return torch.reshape(y, shape)
  end

  function PixelShuffle:__tostring()
    return ("%s(%d)"):format(torch.typename(self), self.upscaleFactor)
  end
end
