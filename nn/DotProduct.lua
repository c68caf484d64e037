-- DotProduct.lua: the scalar product of two vectors.

return function(nn, torch)
  local DotProduct = torch.class("nn.DotProduct", "nn.Module")

  --- nn.DotProduct()
  --
  -- The scalar product of two vectors, sample by sample.
  --
  -- Returns: a module; its input is a table of two vectors, or of two matrices whose rows are the samples;
  --   its output is a vector
  -- Errors: it is something else
  -- From: Torch7
  -- Example:
  --   nn.DotProduct():forward({ torch.ones(4, 3), torch.ones(4, 3) }):sum() --> 12.0
  function DotProduct:updateOutput(input)
    local a, b = nn.tables.vectors(self, input)
    return torch.sum(torch.cmul(a, b), 2, false)
  end
end
