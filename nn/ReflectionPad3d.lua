-- ReflectionPad3d.lua: volumes with themselves around them, mirrored at the edges.

return function(nn, torch)
  local ReflectionPad3d, parent = torch.class("nn.ReflectionPad3d", "nn.Module")
  local padding = nn._padding

  --- nn.ReflectionPad3d(padding)
  --
  -- Its own elements, mirrored at the edge and without it, added on all sides of volumes.
  --
  -- padding: how many, a number or {left, right, top, bottom, front, back};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x depth x height x width
  -- Errors: nothing is left of the input; it is too small to be continued so far
  -- From: PyTorch
  -- Example:
  --   y = nn.ReflectionPad3d({ 1, 2, 0, 2, 2, 0 }):forward(torch.ones(1, 3, 4, 5))
  --   table.concat(y.shape, "x") --> 1x5x6x8
  function ReflectionPad3d:__init(pads)
    parent.__init(self)
    padding.init(self, 3, "reflect", pads)
  end

  function ReflectionPad3d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReflectionPad3d:__tostring()
    return padding.text(self)
  end
end
