-- CMaxTable.lua: the largest of the elements of several tensors.

return function(nn, torch)
  local CMaxTable = torch.class("nn.CMaxTable", "nn.Module")

  --- nn.CMaxTable()
  --
  -- At each place the largest of the tensors' elements there.  The gradient goes to the first tensor that
  -- has it.
  --
  -- Returns: a module; its input is a table of tensors of the same sizes
  -- Errors: it is not; it is empty
  -- From: Torch7
  -- Example:
  --   nn.CMaxTable():forward({ torch.Tensor { 1, 5 }, torch.Tensor { 3, 2 } }):sum() --> 8.0
  function CMaxTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 1)
    local output = list[1]
    for i = 2, #list do
      output = torch.where(list[i]:detach():gt(output:detach()), list[i], output)
    end
    return output
  end
end
