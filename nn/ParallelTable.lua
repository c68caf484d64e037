-- ParallelTable.lua: a module for each entry of a table.

return function(nn, torch)
  local ParallelTable = torch.class("nn.ParallelTable", "nn.Container")

  --- nn.ParallelTable()
  --
  -- Gives the first entry of its input to its first module, the second to the second, and so on; the output
  -- is the table of their outputs.
  --
  -- Returns: an empty container; its input is a table
  -- Errors: the table has fewer entries than there are modules
  -- From: Torch7
  -- Example:
  --   net = nn.ParallelTable():add(nn.Identity()):add(nn.ReLU())
  --   y = net:forward { torch.ones(2), -torch.ones(3) }
  --   y[1]:sum(), y[2]:sum() --> 2.0 0.0
  function ParallelTable:updateOutput(input)
    nn.tables.entries(self, input, #self.modules)
    local output = {}
    for i, m in ipairs(self.modules) do output[i] = m:_run(input[i]) end
    return output
  end

  ParallelTable.__tostring__ = nn.Container._branches
end
