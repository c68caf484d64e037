-- LearnedPositions.lua: a trained vector for each position, added.

return function(nn, torch)
  local LearnedPositions, parent = torch.class("nn.LearnedPositions", "nn.Module")
  local arguments = nn._arguments

  --- nn.LearnedPositions(maxLength, dim [, opts])
  --
  -- Adds row p of weight to the row at position p.  Starts normal with a standard deviation of 0.02.
  --
  -- maxLength: number of positions
  -- dim: size of a row
  -- opts: table: batchFirst: true for batch x length x dim; otherwise, as everywhere in attention, length x
  --   batch x dim
  -- Returns: a module with weight, maxLength x dim; its input and output are length x dim or, with batches,
  --   as batchFirst says.  module(x, first) takes the position of the first row, 1 by default
  -- Errors: the rows have another size; a position is beyond maxLength
  -- From: Radford and others, "Language models are unsupervised multitask learners", 2019
  -- Example:
  --   module = nn.LearnedPositions(8, 4)
  --   torch.equal(module:forward(torch.zeros(3, 4))[2], module.weight[2]:detach()) --> true
  function LearnedPositions:__init(maxLength, dim, opts)
    parent.__init(self)
    local o = arguments.options(self, opts, { batchFirst = false })
    self.maxLength = arguments.whole(self, "maxLength", maxLength, nil, 1)
    self.dim = arguments.whole(self, "dim", dim, nil, 1)
    self.batchFirst = arguments.flag(self, "batchFirst", o.batchFirst)
    self:registerParameter("weight", torch.Tensor(self.maxLength, self.dim))
    self:reset()
  end

  function LearnedPositions:reset(stdv)
    self.weight:normal(0, stdv or 0.02)
  end

  function LearnedPositions:updateOutput(x, first)
    return nn._addPositions(self, x, first, function(at, l)
      if at + l - 1 > self.maxLength then
        arguments.fail(self, "position %d is beyond the last, %d", at + l - 1, self.maxLength)
      end
      return torch.narrow(self.weight, 1, at, l)
    end)
  end

  function LearnedPositions:__tostring()
    return ("%s(%d, %d)"):format(torch.typename(self), self.maxLength, self.dim)
  end
end
