-- View.lua: the same elements in another shape.

return function(nn, torch)
  local arguments = nn._arguments
  local View, parent = torch.class("nn.View", "nn.Module")

  --- nn.View(size, ...)
  --
  -- The same elements in another shape.  An input with more elements is taken as a batch: nn.View(800)
  -- turns 64 x 50 x 4 x 4 into 64 x 800.
  --
  -- size: number, one of them may be -1; also a LongStorage
  -- Returns: a module
  -- Errors: a size is negative, but for one that is -1; the input's elements do not fit
  -- From: Torch7
  -- Example:
  --   table.concat(nn.View(6):forward(torch.ones(4, 2, 3)).shape, "x") --> 4x6
  function View:__init(...)
    parent.__init(self)
    self:resetSize(...)
  end

  --- nn.View:resetSize(size, ...)
  --
  -- Gives the module another shape.
  --
  -- size: as for nn.View
  -- Returns: the module
  -- Errors: a size is negative, but for one that is -1
  -- From: Torch7
  -- Example:
  --   nn.View(6):resetSize(3, 2):forward(torch.ones(6)):size(1) --> 3
  function View:resetSize(...)
    local sizes, inferred = arguments.sizes(self, -1, ...), 0
    self.size, self.numElements = torch.LongStorage(sizes), 1
    for _, size in ipairs(sizes) do
      if size == -1 then inferred = inferred + 1 else self.numElements = self.numElements * size end
    end
    if inferred > 1 then arguments.fail(self, "%d sizes are -1, wanted one at most", inferred) end
    return self
  end

  --- nn.View:setNumInputDims(n)
  --
  -- Says how many dimensions one sample has; those before are the batch.
  --
  -- n: number
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   table.concat(nn.View(-1):setNumInputDims(2):forward(torch.ones(4, 2, 3)).shape, "x") --> 4x6
  function View:setNumInputDims(n)
    self.numInputDims = n
    return self
  end

  -- The number of samples, or nil when the input is one.
  local function batch_size(self, input, sizes)
    local dims = math.min(self.numInputDims or input:dim(), input:dim())
    local elements, samples = 1, 1
    for d = input:dim(), input:dim() - dims + 1, -1 do elements = elements * input:size(d) end
    for d = 1, input:dim() - dims do samples = samples * input:size(d) end
    if elements % self.numElements ~= 0 then
      error(("%s: an input of %s does not fit"):format(tostring(self),
        table.concat(input.shape, "x")), 0)
    end
    local infers = false
    for _, size in ipairs(sizes) do infers = infers or size == -1 end
    if not infers then samples = samples * (elements // self.numElements) end
    if samples == 1 and (not self.numInputDims or input:dim() <= self.numInputDims) then return nil end
    return samples
  end

  function View:updateOutput(input)
    arguments.tensor(self, input)
    local sizes = self.size:totable()
    local n = batch_size(self, input, sizes)
    if n then return torch.reshape(input, n, table.unpack(sizes)) end
    return torch.reshape(input, table.unpack(sizes))
  end

  function View:__tostring()
    return ("%s(%s)"):format(torch.typename(self), table.concat(self.size:totable(), ", "))
  end
end
