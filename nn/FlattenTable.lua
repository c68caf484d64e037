-- FlattenTable.lua: a table without tables inside.

return function(nn, torch)
  local FlattenTable = torch.class("nn.FlattenTable", "nn.Module")

  --- nn.FlattenTable()
  --
  -- All the tensors of a nested table, in order, in one table.
  --
  -- Returns: a module; its input is a nested table of tensors
  -- From: Torch7
  -- Example:
  --   #nn.FlattenTable():forward { torch.ones(1), { torch.ones(2), { torch.ones(3) } } } --> 3
  function FlattenTable:updateOutput(input)
    return nn.tape.flatten(nn.tables.entries(self, input, 0))
  end
end
