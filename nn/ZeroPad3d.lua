-- ZeroPad3d.lua: volumes with zeros around them.

return function(nn, torch)
  local ZeroPad3d, parent = torch.class("nn.ZeroPad3d", "nn.Module")
  local padding = nn._padding

  --- nn.ZeroPad3d(padding)
  --
  -- Zeros added on all sides of volumes.
  --
  -- padding: how many, a number or {left, right, top, bottom, front, back};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x depth x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ZeroPad3d({ 1, 2, 0, 2, 2, 0 }):forward(torch.ones(1, 3, 4, 5))
  --   table.concat(y.shape, "x") --> 1x5x6x8
  function ZeroPad3d:__init(pads)
    parent.__init(self)
    padding.init(self, 3, "constant", pads)
  end

  function ZeroPad3d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ZeroPad3d:__tostring()
    return padding.text(self)
  end
end
