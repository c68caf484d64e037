-- ConcatTable.lua: the outputs of several modules for one input, as a table.

return function(nn, torch)
  local ConcatTable = torch.class("nn.ConcatTable", "nn.Container")

  --- nn.ConcatTable()
  --
  -- Gives the same input to all its modules; the output is the table of their outputs.
  --
  -- Returns: an empty container; its input is a tensor or a table
  -- From: Torch7
  -- Example:
  --   net = nn.ConcatTable():add(nn.Identity()):add(nn.Tanh())
  --   y = net:forward(torch.zeros(2))
  --   #y, y[2]:sum() --> 2 0.0
  function ConcatTable:updateOutput(input)
    local output = {}
    for i, m in ipairs(self.modules) do output[i] = m:_run(input) end
    return output
  end

  ConcatTable.__tostring__ = nn.Container._branches
end
