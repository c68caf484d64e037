-- CAddTensorTable.lua: a tensor added to each of several.

return function(nn, torch)
  local CAddTensorTable = torch.class("nn.CAddTensorTable", "nn.Module")

  --- nn.CAddTensorTable()
  --
  -- Makes of { v, { a, b, c } } the table { a + v, b + v, c + v }.
  --
  -- Returns: a module; its input is a table of a tensor and a table of tensors, all of the same sizes
  -- Errors: it is not
  -- From: Torch7
  -- Example:
  --   y = nn.CAddTensorTable():forward { torch.ones(2), { torch.ones(2), torch.zeros(2) } }
  --   y[1]:sum(), y[2]:sum() --> 4.0 2.0
  function CAddTensorTable:updateOutput(input)
    nn.tables.entries(self, input, 2, 2)
    nn.tables.tensors(self, input[2], 0)
    local list, output = nn.tables.alike(self, { input[1], table.unpack(input[2]) }, 1), {}
    for i = 2, #list do output[i - 1] = list[i] + list[1] end
    return output
  end
end
