-- ReplicationPad1d.lua: sequences with copies of their edges around them.

return function(nn, torch)
  local ReplicationPad1d, parent = torch.class("nn.ReplicationPad1d", "nn.Module")
  local padding = nn._padding

  --- nn.ReplicationPad1d(padding)
  --
  -- The elements of its edge added on all sides of sequences.
  --
  -- padding: how many, a number or {left, right};
  --   negative takes places away
  -- Returns: a module; its input is (batch x) channels x length
  -- Errors: nothing is left of the input
  -- From: PyTorch
  -- Example:
  --   y = nn.ReplicationPad1d({ 1, 2 }):forward(torch.Tensor { { 1, 2, 3 } })
  --   table.concat(y.shape, "x") --> 1x6
  function ReplicationPad1d:__init(pads)
    parent.__init(self)
    padding.init(self, 1, "replicate", pads)
  end

  function ReplicationPad1d:updateOutput(input)
    return padding.pad(self, input)
  end

  function ReplicationPad1d:__tostring()
    return padding.text(self)
  end
end
