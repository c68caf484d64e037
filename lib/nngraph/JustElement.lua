-- JustElement.lua: the one entry of a table.

return function(nngraph, _, torch)
  local JustElement = torch.class("nngraph.JustElement", "nn.Module", nngraph)

  --- nngraph.JustElement()
  --
  -- Takes the one entry out of a table: what node:split(1) uses.
  --
  -- Returns: a module; its input is a table of one entry
  -- Errors: the table has another number of entries
  -- From: Torch7
  -- Example:
  --   require "nngraph"
  --   nngraph.JustElement():forward({ torch.ones(3) }):sum() --> 3.0
  function JustElement:updateOutput(input)
    if type(input) ~= "table" or #input ~= 1 then
      error("nngraph.JustElement: wanted a table of one entry", 0)
    end
    return input[1]
  end
end
