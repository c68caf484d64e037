-- CircularPad1d.lua: sequences with themselves around them, as if in a circle.

return function(nn, torch)
  local CircularPad1d, parent = torch.class("nn.CircularPad1d", "nn.Module")
  local padding = nn._padding

  --- nn.CircularPad1d(padding)
  --
  -- The elements of its other end added on all sides of sequences.
  --
  -- padding: how many, a number or {left, right};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x length
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: PyTorch
  -- Example:
  --   y = nn.CircularPad1d({ 1, 2 }):forward(torch.Tensor { { 1, 2, 3 } })
  --   table.concat(y.shape, "x") --> 1x6
  function CircularPad1d:__init(pads)
    parent.__init(self)
    padding.init(self, 1, "circular", pads)
  end

  function CircularPad1d:updateOutput(input)
    return padding.pad(self, input)
  end

  function CircularPad1d:__tostring()
    return padding.text(self)
  end
end
