-- Replicate.lua: the input several times, along a new dimension.

return function(nn, torch)
  local Replicate, parent = torch.class("nn.Replicate", "nn.Module")
  local arguments = nn._arguments

  --- nn.Replicate(nf [, dim [, ndim]])
  --
  -- The input nf times, along a new dimension.  The elements are not copied.
  --
  -- nf: how many times
  -- dim: where the new dimension stands, 1 by default
  -- ndim: how many dimensions a sample has; where the input has more, the first is the batch and is not
  --   counted
  -- Returns: a module; its output is a view of the input
  -- Errors: there is no such place
  -- From: Torch7
  -- Example:
  --   nn.Replicate(3):forward(torch.range(1, 2)):sum() --> 9.0
  function Replicate:__init(nf, dim, ndim)
    parent.__init(self)
    self.nfeatures = arguments.whole(self, "nf", nf, nil, 1)
    self.dim = arguments.whole(self, "dim", dim, 1, 1)
    self.ndim = ndim and arguments.whole(self, "ndim", ndim, nil, 0)
  end

  function Replicate:updateOutput(input)
    arguments.tensor(self, input)
    local dim = self.dim + (self.ndim and input:dim() > self.ndim and 1 or 0)
    if dim > input:dim() + 1 then
      arguments.fail(self, "an input of %s has no place for a new dimension %d", arguments.shape(input), dim)
    end
    local y = torch.unsqueeze(input, dim)
    local shape = y.shape
    shape[dim] = self.nfeatures
    return y:expand(torch.LongStorage(shape))
  end
end
