-- JustTable.lua: a table of one entry.

return function(nngraph, _, torch)
  local JustTable = torch.class("nngraph.JustTable", "nn.Module", nngraph)

  --- nngraph.JustTable()
  --
  -- Puts its input into a table of one entry: what nngraph.nest({node}) uses.
  --
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   nngraph.JustTable():forward(torch.ones(3))[1]:sum() --> 3.0
  function JustTable:updateOutput(input)
    return { input }
  end
end
