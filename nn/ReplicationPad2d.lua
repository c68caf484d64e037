-- ReplicationPad2d.lua: images with copies of their edges around them.

return function(nn, torch)
  local ReplicationPad2d, parent = torch.class("nn.ReplicationPad2d", "nn.Module")
  local padding = nn._padding

  --- nn.ReplicationPad2d(padding)
  --
  -- The elements of its edge added on all sides of images.
  --
  -- padding: how many, a number or {left, right, top, bottom};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x height x width
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ReplicationPad2d({ 1, 2, 0, 2 }):forward(torch.ones(1, 3, 4))
  --   table.concat(y.shape, "x") --> 1x5x7
  function ReplicationPad2d:__init(pads)
    parent.__init(self)
    padding.init(self, 2, "replicate", pads)
  end

  function ReplicationPad2d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReplicationPad2d:__tostring()
    return padding.text(self)
  end
end
