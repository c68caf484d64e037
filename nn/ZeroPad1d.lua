-- ZeroPad1d.lua: sequences with zeros around them.

return function(nn, torch)
  local ZeroPad1d, parent = torch.class("nn.ZeroPad1d", "nn.Module")
  local padding = nn._padding

  --- nn.ZeroPad1d(padding)
  --
  -- Zeros added on all sides of sequences.
  --
  -- padding: how many, a number or {left, right};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x length
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ZeroPad1d({ 1, 2 }):forward(torch.Tensor { { 1, 2, 3 } })
  --   table.concat(y.shape, "x") --> 1x6
  function ZeroPad1d:__init(pads)
    parent.__init(self)
    padding.init(self, 1, "constant", pads)
  end

  function ZeroPad1d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ZeroPad1d:__tostring()
    return padding.text(self)
  end
end
