-- ZipTable.lua: the entries of several tables, sorted by their place.

return function(nn, torch)
  local ZipTable = torch.class("nn.ZipTable", "nn.Module")

  --- nn.ZipTable()
  --
  -- Makes of { { a1, a2 }, { b1, b2 }, { c1, c2 } } the table { { a1, b1, c1 }, { a2, b2, c2 } }.
  --
  -- Returns: a module; its input is a table of tables of one length
  -- Errors: the lengths differ
  -- From: Torch7
  -- Example:
  --   y = nn.ZipTable():forward { { torch.ones(1), torch.ones(2) }, { torch.ones(3), torch.ones(4) } }
  --   y[2][1]:size(1), y[1][2]:size(1) --> 2 3
  function ZipTable:updateOutput(input)
    nn.tables.entries(self, input, 0)
    local output = {}
    for i, row in ipairs(input) do
      local n = type(input[1]) == "table" and #input[1] or 0
      nn.tables.entries(self, row, n, n)
      for j = 1, n do
        output[j] = output[j] or {}
        output[j][i] = row[j]
      end
    end
    return output
  end
end
