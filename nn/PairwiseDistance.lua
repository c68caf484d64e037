-- PairwiseDistance.lua: the distance of two vectors.

return function(nn, torch)
  local PairwiseDistance, parent = torch.class("nn.PairwiseDistance", "nn.Module")

  --- nn.PairwiseDistance([p])
  --
  -- The p-norm of the difference of two vectors, sample by sample.  Where they are equal its gradient is 0.
  --
  -- p: number, 2 by default
  -- Returns: a module; its input is a table of two vectors, or of two matrices whose rows are the samples;
  --   its output is a vector
  -- Errors: it is something else
  -- From: Torch7
  -- Example:
  --   nn.PairwiseDistance(1):forward({ torch.ones(4, 3), torch.zeros(4, 3) }):sum() --> 12.0
  function PairwiseDistance:__init(p)
    parent.__init(self)
    self.norm = p or 2
  end

  function PairwiseDistance:updateOutput(input)
    local a, b = nn.tables.vectors(self, input)
    return torch.norm(a - b, self.norm, 2, false)
  end
end
