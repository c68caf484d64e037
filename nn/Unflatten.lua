-- Unflatten.lua: one dimension as several.

return function(nn, torch)
  local Unflatten, parent = torch.class("nn.Unflatten", "nn.Module")
  local arguments = nn._arguments

  --- nn.Unflatten(dim, sizes)
  --
  -- Makes a dimension several.
  --
  -- dim: number; negative counts from the last
  -- sizes: table of numbers, whose product is the dimension's size; one of them may be -1, for what is left
  -- Returns: a module
  -- Errors: the sizes do not fit
  -- From: PyTorch
  -- Example:
  --   nn.Unflatten(2, { 3, 2 }):forward(torch.ones(4, 6)):size(3) --> 2
  function Unflatten:__init(dim, sizes)
    parent.__init(self)
    self.dim = arguments.whole(self, "dim", dim)
    if type(sizes) ~= "table" or #sizes == 0 then arguments.fail(self, "sizes is no table of numbers") end
    self.sizes = {}
    for i, size in ipairs(sizes) do self.sizes[i] = arguments.whole(self, "size " .. i, size, nil, -1) end
  end

  -- The sizes with the one that is left.
  local function complete(self, size)
    local sizes, product, free = {}, 1, nil
    for i, n in ipairs(self.sizes) do
      sizes[i] = n
      if n >= 0 then
        product = product * n
      elseif free then
        arguments.fail(self, "more than one of the sizes is -1")
      else
        free = i
      end
    end
    if free and product > 0 and size % product == 0 then
      sizes[free], product = size // product, size
    end
    if product ~= size then
      arguments.fail(self, "a dimension of %d is not %s", size, table.concat(self.sizes, "x"))
    end
    return sizes
  end

  function Unflatten:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dim)
    local shape = {}
    for d = 1, input:dim() do
      for _, size in ipairs(d == dim and complete(self, input:size(d)) or { input:size(d) }) do
        shape[#shape + 1] = size
      end
    end
    return torch.reshape(input, shape)
  end

  function Unflatten:__tostring()
    return ("%s(%d, %s)"):format(torch.typename(self), self.dim, table.concat(self.sizes, "x"))
  end
end
