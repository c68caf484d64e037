-- View.lua: the same elements in another shape.

return function(_, torch)
  local View, parent = torch.class("nn.View", "nn.Module")

  --- nn.View(size, ...)
  --
  -- The same elements in another shape.  An input with more elements is taken as a batch: nn.View(800)
  -- turns 64 x 50 x 4 x 4 into 64 x 800.
  --
  -- size: number, one of them may be -1; also a LongStorage
  -- Returns: a module
  -- Errors: the input's elements do not fit
  -- From: Torch7
  -- Example:
  --   table.concat(nn.View(6):forward(torch.ones(4, 2, 3)).shape, "x") --> 4x6
  function View:__init(...)
    parent.__init(self)
    self.sizes = type((...)) == "number" and { ... } or (...):totable()
    self.numElements, self.infers = 1, false
    for _, size in ipairs(self.sizes) do
      if size == -1 then
        self.infers = true
      else
        self.numElements = self.numElements * size
      end
    end
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
  local function batch_size(self, input)
    local dims = math.min(self.numInputDims or input:dim(), input:dim())
    local elements, samples = 1, 1
    for d = input:dim(), input:dim() - dims + 1, -1 do elements = elements * input:size(d) end
    for d = 1, input:dim() - dims do samples = samples * input:size(d) end
    if elements % self.numElements ~= 0 then
      error(("%s: an input of %s does not fit"):format(tostring(self),
        table.concat(input.shape, "x")), 0)
    end
    if not self.infers then samples = samples * (elements // self.numElements) end
    if samples == 1 and (not self.numInputDims or input:dim() <= self.numInputDims) then return nil end
    return samples
  end

  function View:updateOutput(input)
    local n = batch_size(self, input)
    if n then return torch.reshape(input, n, table.unpack(self.sizes)) end
    return torch.reshape(input, table.unpack(self.sizes))
  end

  function View:__tostring()
    return ("%s(%s)"):format(torch.typename(self), table.concat(self.sizes, ", "))
  end
end
