-- MixtureTable.lua: a mixture of experts.

return function(nn, torch)
  local MixtureTable, parent = torch.class("nn.MixtureTable", "nn.Module")

  --- nn.MixtureTable([dim])
  --
  -- Sums the outputs of several experts, each times its weight, which a gater gives.
  --
  -- dim: when the experts' outputs come as one tensor: the dimension that tells them apart; by default 1,
  --   and 2 of a batch
  -- Returns: a module; its input is a table of the weights, n or batch x n, and the outputs: a table of n
  --   tensors, or one tensor; the first dimension is the batch
  -- Errors: it is something else
  -- From: Torch7; Jacobs and others 1991, Adaptive mixtures of local experts
  -- Example:
  --   experts = { torch.ones(2), torch.ones(2) * 3 }
  --   nn.MixtureTable():forward({ torch.Tensor { 0.5, 0.5 }, experts }):sum() --> 4.0
  function MixtureTable:__init(dim)
    parent.__init(self)
    self.dim = dim
  end

  local function wrong(self, gater, expert)
    nn._arguments.fail(self, "outputs that fit weights of %s are wanted, got %s", nn._arguments.shape(gater),
      nn._arguments.shape(expert))
  end

  -- x in a shape of ones but for what is given, ready to be multiplied.
  local function spread(x, dims, sizes)
    local shape = {}
    for d = 1, dims do shape[d] = sizes[d] or 1 end
    return torch.reshape(x, table.unpack(shape))
  end

  local function of_table(self, gater, experts)
    local dimG = gater:dim()
    nn.tables.entries(self, experts, gater:size(dimG), gater:size(dimG))
    local output
    for i, expert in ipairs(nn.tables.alike(self, experts, 1)) do
      if dimG == 2 and (expert:dim() < 1 or expert:size(1) ~= gater:size(1)) then
        wrong(self, gater, expert)
      end
      local gate = spread(gater:select(dimG, i), expert:dim(), { dimG == 2 and gater:size(1) or 1 })
      local part = torch.cmul(expert, gate:expandAs(expert))
      output = output and output + part or part
    end
    return output
  end

  local function of_tensor(self, gater, experts)
    local dimG = gater:dim()
    local dim = nn.tables.dimension(self, self.dim or dimG, experts)
    local sizes = { [dim] = gater:size(dimG) }
    if dimG == 2 then sizes[1] = gater:size(1) end
    for d, size in pairs(sizes) do
      if experts:size(d) ~= size or (dimG == 2 and dim == 1) then wrong(self, gater, experts) end
    end
    local gate = spread(gater, experts:dim(), sizes)
    return torch.sum(torch.cmul(experts, gate:expandAs(experts)), dim, false)
  end

  function MixtureTable:updateOutput(input)
    nn.tables.entries(self, input, 2, 2)
    local gater, experts = nn.tables.tensor(self, input[1], "entry 1"), input[2]
    if gater:dim() < 1 or gater:dim() > 2 then
      nn._arguments.fail(self, "weights of 1 or 2 dimensions are wanted, got %s", nn._arguments.shape(gater))
    end
    return (torch.isTensor(experts) and of_tensor or of_table)(self, gater, experts)
  end
end
