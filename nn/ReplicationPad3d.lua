-- ReplicationPad3d.lua: volumes with copies of their edges around them.

return function(nn, torch)
  local ReplicationPad3d, parent = torch.class("nn.ReplicationPad3d", "nn.Module")
  local padding = nn._padding

  --- nn.ReplicationPad3d(padding)
  --
  -- The elements of its edge added on all sides of volumes.
  --
  -- padding: how many, a number or {left, right, top, bottom, front, back};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x depth x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ReplicationPad3d({ 1, 2, 0, 2, 2, 0 }):forward(torch.ones(1, 3, 4, 5))
  --   table.concat(y.shape, "x") --> 1x5x6x8
  function ReplicationPad3d:__init(pads)
    parent.__init(self)
    padding.init(self, 3, "replicate", pads)
  end

  function ReplicationPad3d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReplicationPad3d:__tostring()
    return padding.text(self)
  end
end
