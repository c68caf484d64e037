-- CMulTable.lua: the product of several tensors.

return function(nn, torch)
  local CMulTable = torch.class("nn.CMulTable", "nn.Module")

  --- nn.CMulTable()
  --
  -- The product of the tensors of a table, element by element.
  --
  -- Returns: a module; its input is a table of tensors of the same sizes
  -- Errors: it is not; it is empty
  -- From: Torch7
  -- Example:
  --   nn.CMulTable():forward({ torch.ones(2) * 2, torch.ones(2) * 3 }):sum() --> 12.0
  function CMulTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 1)
    local output = list[1]
    for i = 2, #list do output = torch.cmul(output, list[i]) end
    return output
  end
end
