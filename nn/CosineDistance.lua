-- CosineDistance.lua: the cosine of the angle between two vectors.

return function(nn, torch)
  local CosineDistance = torch.class("nn.CosineDistance", "nn.Module")

  -- Keeps a vector of zeros from a division by zero.
  local epsilon = 1e-12

  local function length(x)
    return torch.sqrt(torch.sum(torch.cmul(x, x), 2, false) + epsilon)
  end

  --- nn.CosineDistance()
  --
  -- The cosine of the angle between two vectors, sample by sample; 0 for a vector of zeros.
  --
  -- Returns: a module; its input is a table of two vectors, or of two matrices whose rows are the samples;
  --   its output is a vector
  -- Errors: it is something else
  -- From: Torch7
  -- Example:
  --   nn.CosineDistance():forward({ torch.Tensor { 1, 0 }, torch.Tensor { 0, 3 } }):sum() --> 0.0
  function CosineDistance:updateOutput(input)
    local a, b = nn.tables.vectors(self, input)
    local dot = torch.sum(torch.cmul(a, b), 2, false)
    return torch.cdiv(dot, torch.cmul(length(a), length(b)))
  end
end
