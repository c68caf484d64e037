-- ZeroPad2d.lua: images with zeros around them.

return function(nn, torch)
  local ZeroPad2d, parent = torch.class("nn.ZeroPad2d", "nn.Module")
  local padding = nn._padding

  --- nn.ZeroPad2d(padding)
  --
  -- Zeros added on all sides of images.
  --
  -- padding: how many, a number or {left, right, top, bottom};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ZeroPad2d({ 1, 2, 0, 2 }):forward(torch.ones(1, 3, 4))
  --   table.concat(y.shape, "x") --> 1x5x7
  function ZeroPad2d:__init(pads)
    parent.__init(self)
    padding.init(self, 2, "constant", pads)
  end

  function ZeroPad2d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ZeroPad2d:__tostring()
    return padding.text(self)
  end
end
