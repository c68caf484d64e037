-- ConstantPad2d.lua: images with a number around them.

return function(nn, torch)
  local ConstantPad2d, parent = torch.class("nn.ConstantPad2d", "nn.Module")
  local padding = nn._padding

  --- nn.ConstantPad2d(padding, value)
  --
  -- A number added on all sides of images.
  --
  -- padding: how many, a number or {left, right, top, bottom};
  --   negative takes places away
  -- value: the number
  -- Returns: a module; its input is (batch x) channels x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ConstantPad2d({ 1, 2, 0, 2 }, 7):forward(torch.ones(1, 3, 4))
  --   table.concat(y.shape, "x") --> 1x5x7
  function ConstantPad2d:__init(pads, value)
    parent.__init(self)
    padding.init(self, 2, "constant", pads, nn._arguments.number(self, "value", value))
  end

  function ConstantPad2d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ConstantPad2d:__tostring()
    return padding.text(self)
  end
end
