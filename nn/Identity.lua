-- Identity.lua: y = x.

return function(_, torch)
  local Identity = torch.class("nn.Identity", "nn.Module")

  --- nn.Identity()
  --
  -- Gives its input back.
  --
  -- Returns: a module; its input is a tensor or a table of them
  -- From: Torch7
  -- Example:
  --   nn.Identity():forward(torch.ones(2)):sum() --> 2.0
  function Identity:updateOutput(input)
    return input
  end
end
