-- ReflectionPad1d.lua: sequences with themselves around them, mirrored at the edges.

return function(nn, torch)
  local ReflectionPad1d, parent = torch.class("nn.ReflectionPad1d", "nn.Module")
  local padding = nn._padding

  --- nn.ReflectionPad1d(padding)
  --
  -- Its own elements, mirrored at the edge and without it, added on all sides of sequences.
  --
  -- padding: how many, a number or {left, right};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x length
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: PyTorch
  -- Example:
  --   y = nn.ReflectionPad1d({ 1, 2 }):forward(torch.Tensor { { 1, 2, 3 } })
  --   table.concat(y.shape, "x") --> 1x6
  function ReflectionPad1d:__init(pads)
    parent.__init(self)
    padding.init(self, 1, "reflect", pads)
  end

  function ReflectionPad1d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReflectionPad1d:__tostring()
    return padding.text(self)
  end
end
