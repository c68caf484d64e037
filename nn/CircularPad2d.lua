-- CircularPad2d.lua: images with themselves around them, as if in a circle.

return function(nn, torch)
  local CircularPad2d, parent = torch.class("nn.CircularPad2d", "nn.Module")
  local padding = nn._padding

  --- nn.CircularPad2d(padding)
  --
  -- The elements of its other end added on all sides of images.
  --
  -- padding: how many, a number or {left, right, top, bottom};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x height x width
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: PyTorch
  -- Example:
  --   y = nn.CircularPad2d({ 1, 2, 0, 2 }):forward(torch.ones(1, 3, 4))
  --   table.concat(y.shape, "x") --> 1x5x7
  function CircularPad2d:__init(pads)
    parent.__init(self)
    padding.init(self, 2, "circular", pads)
  end

  function CircularPad2d:updateOutput(input)
    return padding.pad(self, input)
  end

  function CircularPad2d:__tostring()
    return padding.text(self)
  end
end
