-- ConstantPad1d.lua: sequences with a number around them.

return function(nn, torch)
  local ConstantPad1d, parent = torch.class("nn.ConstantPad1d", "nn.Module")
  local padding = nn._padding

  --- nn.ConstantPad1d(padding, value)
  --
  -- A number added on all sides of sequences.
  --
  -- padding: how many, a number or {left, right};
  --   negative takes places away
  -- value: the number
  -- Returns: a module; its input is (batch x) channels x length
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ConstantPad1d({ 1, 2 }, 7):forward(torch.Tensor { { 1, 2, 3 } })
  --   table.concat(y.shape, "x") --> 1x6
  function ConstantPad1d:__init(pads, value)
    parent.__init(self)
    padding.init(self, 1, "constant", pads, nn._arguments.number(self, "value", value))
  end

  function ConstantPad1d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ConstantPad1d:__tostring()
    return padding.text(self)
  end
end
