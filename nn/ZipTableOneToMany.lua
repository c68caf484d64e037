-- ZipTableOneToMany.lua: pairs of one thing with each entry of a table.

return function(nn, torch)
  local ZipTableOneToMany = torch.class("nn.ZipTableOneToMany", "nn.Module")

  --- nn.ZipTableOneToMany()
  --
  -- Makes of { v, { a, b, c } } the table { { v, a }, { v, b }, { v, c } }.
  --
  -- Returns: a module; its input is a table of an entry and a table
  -- Errors: it is something else
  -- From: Torch7
  -- Example:
  --   y = nn.ZipTableOneToMany():forward { torch.ones(3), { torch.ones(1), torch.ones(2) } }
  --   #y, y[2][1]:size(1), y[2][2]:size(1) --> 2 3 2
  function ZipTableOneToMany:updateOutput(input)
    nn.tables.entries(self, input, 2, 2)
    local output = {}
    for i, v in ipairs(nn.tables.entries(self, input[2], 0)) do output[i] = { input[1], v } end
    return output
  end
end
