-- ConstantPad3d.lua: volumes with a number around them.

return function(nn, torch)
  local ConstantPad3d, parent = torch.class("nn.ConstantPad3d", "nn.Module")
  local padding = nn._padding

  --- nn.ConstantPad3d(padding, value)
  --
  -- A number added on all sides of volumes.
  --
  -- padding: how many, a number or {left, right, top, bottom, front, back};
  --   negative takes places away
  -- value: the number
  -- Returns: a module; its input is (batch x) channels x depth x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ConstantPad3d({ 1, 2, 0, 2, 2, 0 }, 7):forward(torch.ones(1, 3, 4, 5))
  --   table.concat(y.shape, "x") --> 1x5x6x8
  function ConstantPad3d:__init(pads, value)
    parent.__init(self)
    padding.init(self, 3, "constant", pads, nn._arguments.number(self, "value", value))
  end

  function ConstantPad3d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ConstantPad3d:__tostring()
    return padding.text(self)
  end
end
