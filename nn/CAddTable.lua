-- CAddTable.lua: the sum of several tensors.

return function(nn, torch)
  local CAddTable, parent = torch.class("nn.CAddTable", "nn.Module")

  --- nn.CAddTable([inplace])
  --
  -- The sum of the tensors of a table, element by element.
  --
  -- inplace: kept in the module for Torch7's programs; the input is left as it is in any case
  -- Returns: a module; its input is a table of tensors of the same sizes
  -- Errors: it is not; it is empty
  -- From: Torch7
  -- Example:
  --   nn.CAddTable():forward({ torch.ones(2), torch.ones(2), torch.ones(2) }):sum() --> 6.0
  function CAddTable:__init(inplace)
    parent.__init(self)
    self.inplace = inplace
  end

  function CAddTable:updateOutput(input)
    local list = nn.tables.alike(self, input, 1)
    local output = list[1]
    for i = 2, #list do output = output + list[i] end
    return output
  end
end
