-- JoinTable.lua: the tensors of a table, joined.

return function(nn, torch)
  local JoinTable, parent = torch.class("nn.JoinTable", "nn.Module")

  --- nn.JoinTable(dimension [, nInputDims])
  --
  -- Joins the tensors of a table along a dimension.
  --
  -- dimension: number; negative counts from the last
  -- nInputDims: number of dimensions of one sample; of tensors with one more the first is the batch, and
  --   dimension counts from the next
  -- Returns: a module; its input is a table of tensors
  -- Errors: it is not; it is empty; their sizes differ in another dimension
  -- From: Torch7
  -- Example:
  --   nn.JoinTable(1, 1):forward({ torch.ones(2, 3), torch.ones(2, 4) }):size(2) --> 7
  function JoinTable:__init(dimension, nInputDims)
    parent.__init(self)
    self.dimension = dimension
    self.nInputDims = nInputDims
  end

  function JoinTable:_getPositiveDimension(x)
    local dim = self.dimension
    if dim > 0 and self.nInputDims and x:dim() == self.nInputDims + 1 then dim = dim + 1 end
    return nn.tables.dimension(self, dim, x)
  end

  function JoinTable:updateOutput(input)
    nn.tables.tensors(self, input, 1)
    return nn.tables.join(self, input, self:_getPositiveDimension(input[1]))
  end
end
