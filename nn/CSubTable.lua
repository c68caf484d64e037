-- CSubTable.lua: the difference of two tensors.

return function(nn, torch)
  local CSubTable = torch.class("nn.CSubTable", "nn.Module")

  --- nn.CSubTable()
  --
  -- The first tensor less the second, element by element.
  --
  -- Returns: a module; its input is a table of two tensors of the same sizes
  -- Errors: it is not
  -- From: Torch7
  -- Example:
  --   nn.CSubTable():forward({ torch.ones(2), torch.ones(2) * 3 }):sum() --> -4.0
  function CSubTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 2)
    return torch.csub(list[1], list[2])
  end
end
