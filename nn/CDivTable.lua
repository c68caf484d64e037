-- CDivTable.lua: the quotient of two tensors.

return function(nn, torch)
  local CDivTable = torch.class("nn.CDivTable", "nn.Module")

  --- nn.CDivTable()
  --
  -- The first tensor divided by the second, element by element.
  --
  -- Returns: a module; its input is a table of two tensors of the same sizes
  -- Errors: it is not
  -- From: Torch7
  -- Example:
  --   nn.CDivTable():forward({ torch.ones(2), torch.ones(2) * 4 }):sum() --> 0.5
  function CDivTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 2)
    return torch.cdiv(list[1], list[2])
  end
end
