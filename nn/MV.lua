-- MV.lua: the product of a matrix and a vector.

return function(nn, torch)
  local MV, parent = torch.class("nn.MV", "nn.Module")

  --- nn.MV([trans])
  --
  -- The product of a matrix and a vector, or of those of two batches.
  --
  -- trans: true: the matrix is transposed before
  -- Returns: a module; its input is a table of a matrix and a vector, or of both with one dimension more in
  --   front, the batch
  -- Errors: it is not; the sizes do not fit
  -- From: Torch7
  -- Example:
  --   nn.MV():forward({ torch.ones(2, 3), torch.ones(3) }):sum() --> 6.0
  function MV:__init(trans)
    parent.__init(self)
    self.trans = trans or false
    if type(self.trans) ~= "boolean" then
      nn._arguments.fail(self, "true or false is wanted, got a %s", type(trans))
    end
  end

  function MV:updateOutput(input)
    nn.tables.tensors(self, input, 2, 2)
    local m, v = input[1], input[2]
    local n = m:dim()
    local fits = (n == 2 or n == 3) and v:dim() == n - 1 and (n == 2 or m:size(1) == v:size(1))
    if fits then
      if self.trans then m = m:transpose(n - 1, n) end
      fits = m:size(n) == v:size(n - 1)
    end
    if not fits then
      nn._arguments.fail(self, "a matrix and a vector, or batches of them, that can be multiplied are "
        .. "wanted, got %s and %s", nn._arguments.shape(m), nn._arguments.shape(v))
    end
    if n == 2 then return torch.mv(m, v) end
    local product = torch.bmm(m, torch.reshape(v, v:size(1), v:size(2), 1))
    return torch.reshape(product, product:size(1), product:size(2))
  end
end
