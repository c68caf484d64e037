-- SplitTable.lua: the parts of a tensor, as a table.

return function(nn, torch)
  local SplitTable, parent = torch.class("nn.SplitTable", "nn.Module")

  --- nn.SplitTable(dimension [, nInputDims])
  --
  -- The parts of a tensor along a dimension, which they are without.
  --
  -- dimension: number; negative counts from the last
  -- nInputDims: number of dimensions of one sample; of a tensor with one more the first is the batch, and
  --   dimension counts from the next
  -- Returns: a module; its output is a table of tensors
  -- Errors: there is no such dimension
  -- From: Torch7
  -- Example:
  --   parts = nn.SplitTable(2):forward(torch.ones(4, 3))
  --   #parts, parts[1]:size(1) --> 3 4
  function SplitTable:__init(dimension, nInputDims)
    parent.__init(self)
    self.dimension = dimension
    self.nInputDims = nInputDims
  end

  function SplitTable:_getPositiveDimension(x)
    local dim = self.dimension
    if dim > 0 and self.nInputDims and x:dim() == self.nInputDims + 1 then dim = dim + 1 end
    return nn.tables.dimension(self, dim, x)
  end

  function SplitTable:updateOutput(input)
    nn.tables.tensor(self, input)
    local dim, parts = self:_getPositiveDimension(input), {}
    for i = 1, input:size(dim) do parts[i] = input:select(dim, i) end
    return parts
  end
end
