-- CMinTable.lua: the smallest of the elements of several tensors.

return function(nn, torch)
  local CMinTable = torch.class("nn.CMinTable", "nn.Module")

  --- nn.CMinTable()
  --
  -- At each place the smallest of the tensors' elements there.  The gradient goes to the first tensor that
  -- has it.
  --
  -- Returns: a module; its input is a table of tensors of the same sizes
  -- Errors: it is not; it is empty
  -- From: Torch7
  -- Example:
  --   nn.CMinTable():forward({ torch.Tensor { 1, 5 }, torch.Tensor { 3, 2 } }):sum() --> 3.0
  function CMinTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 1)
    local output = list[1]
    for i = 2, #list do
      output = torch.where(list[i]:detach():lt(output:detach()), list[i], output)
    end
    return output
  end
end
