-- NarrowTable.lua: some entries of a table.

return function(nn, torch)
  local NarrowTable, parent = torch.class("nn.NarrowTable", "nn.Module")

  --- nn.NarrowTable(offset [, length])
  --
  -- Some entries of its input that stand side by side.  The gradients of the others are zero.
  --
  -- offset: place of the first, from 1
  -- length: how many, 1 by default
  -- Returns: a module; its input and output are tables
  -- Errors: the input has too few entries
  -- From: Torch7
  -- Example:
  --   #nn.NarrowTable(2, 2):forward { torch.ones(1), torch.ones(2), torch.ones(3) } --> 2
  function NarrowTable:__init(offset, length)
    parent.__init(self)
    if type(offset) ~= "number" or offset < 1 then
      nn._arguments.fail(self, "the place of the first entry is wanted, got %s", tostring(offset))
    end
    self.offset = offset
    self.length = length or 1
  end

  function NarrowTable:updateOutput(input)
    nn.tables.entries(self, input, self.offset + self.length - 1)
    return table.move(input, self.offset, self.offset + self.length - 1, 1, {})
  end
end
