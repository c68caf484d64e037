-- SelectTable.lua: one entry of a table.

return function(nn, torch)
  local SelectTable, parent = torch.class("nn.SelectTable", "nn.Module")

  --- nn.SelectTable(index)
  --
  -- One entry of its input.  The gradients of the others are zero.
  --
  -- index: number, negative ones count from the last; or another key, as a string
  -- Returns: a module; its input is a table
  -- Errors: there is no such entry
  -- From: Torch7
  -- Example:
  --   nn.SelectTable(-1):forward({ torch.ones(2), torch.ones(3) }):size(1) --> 3
  function SelectTable:__init(index)
    parent.__init(self)
    self.index = index
  end

  function SelectTable:updateOutput(input)
    nn.tables.entries(self, input, 0)
    local index = self.index
    if type(index) == "number" and index < 0 then index = #input + index + 1 end
    if input[index] == nil then
      nn._arguments.fail(self, "an entry %s is wanted, got a table of %d", tostring(self.index), #input)
    end
    return input[index]
  end

  function SelectTable:__tostring__()
    return ("%s(%s)"):format(torch.typename(self), tostring(self.index))
  end
end
