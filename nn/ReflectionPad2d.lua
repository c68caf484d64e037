-- ReflectionPad2d.lua: images with themselves around them, mirrored at the edges.

return function(nn, torch)
  local ReflectionPad2d, parent = torch.class("nn.ReflectionPad2d", "nn.Module")
  local padding = nn._padding

  --- nn.ReflectionPad2d(padding)
  --
  -- Its own elements, mirrored at the edge and without it, added on all sides of images.
  --
  -- padding: how many, a number or {left, right, top, bottom};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x height x width
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: PyTorch
  -- Example:
  --   y = nn.ReflectionPad2d({ 1, 2, 0, 2 }):forward(torch.ones(1, 3, 4))
  --   table.concat(y.shape, "x") --> 1x5x7
  function ReflectionPad2d:__init(pads)
    parent.__init(self)
    padding.init(self, 2, "reflect", pads)
  end

  function ReflectionPad2d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReflectionPad2d:__tostring()
    return padding.text(self)
  end
end
