-- MM.lua: the product of two matrices.

return function(nn, torch)
  local MM, parent = torch.class("nn.MM", "nn.Module")

  --- nn.MM([transA [, transB]])
  --
  -- The product of two matrices, or of those of two batches.
  --
  -- transA, transB: true: the first or second is transposed before
  -- Returns: a module; its input is a table of two tensors of 2 dimensions, or of 3, of which the first is
  --   the batch
  -- Errors: it is not; the sizes do not fit
  -- From: Torch7
  -- Example:
  --   table.concat(nn.MM(false, true):forward({ torch.ones(2, 3), torch.ones(4, 3) }).shape, "x") --> 2x4
  function MM:__init(transA, transB)
    parent.__init(self)
    self.transA = transA or false
    self.transB = transB or false
  end

  function MM:updateOutput(input)
    nn.tables.tensors(self, input, 2, 2)
    local a, b = input[1], input[2]
    local n = a:dim()
    local fits = (n == 2 or n == 3) and b:dim() == n and (n == 2 or a:size(1) == b:size(1))
    if fits then
      if self.transA then a = a:transpose(n - 1, n) end
      if self.transB then b = b:transpose(n - 1, n) end
      fits = a:size(n) == b:size(n - 1)
    end
    if not fits then
      nn._arguments.fail(self, "two matrices, or two batches of them, that can be multiplied are wanted, "
        .. "got %s and %s", nn._arguments.shape(a), nn._arguments.shape(b))
    end
    return n == 2 and torch.mm(a, b) or torch.bmm(a, b)
  end
end
