-- Padding.lua: the input with places of one value added along one dimension.

return function(nn, torch)
  local Padding, parent = torch.class("nn.Padding", "nn.Module")
  local arguments = nn._arguments

  --- nn.Padding(dim, pad [, nInputDim [, value [, index]]])
  --
  -- The input with |pad| places of one value added along a dimension.
  --
  -- dim: the dimension
  -- pad: how many places; negative: before place `index`; positive: after place `index` counted from the
  --   end
  -- nInputDim: how many dimensions a sample has; an input with others is a batch, whose first dimension
  --   is not counted
  -- value: number, 0 by default
  -- index: number, 1 by default: at the very beginning or end
  -- Returns: a module
  -- Errors: the place lies outside the input
  -- From: Torch7
  -- Example:
  --   nn.Padding(1, -2, 1, 5):forward(torch.ones(3))[2] --> 5.0
  function Padding:__init(dim, pad, nInputDim, value, index)
    parent.__init(self)
    self.dim = arguments.whole(self, "dim", dim, nil, 1)
    self.pad = arguments.whole(self, "pad", pad)
    self.nInputDim = nInputDim and arguments.whole(self, "nInputDim", nInputDim, nil, 0)
    self.value = arguments.number(self, "value", value, 0)
    self.index = arguments.whole(self, "index", index, 1, 1)
  end

  function Padding:updateOutput(input)
    arguments.tensor(self, input)
    local batch = self.nInputDim and input:dim() ~= self.nInputDim
    local dim = arguments.dimension(self, input, self.dim + (batch and 1 or 0))
    local size, index = input:size(dim), self.index
    if self.pad > 0 then index = size - index + 2 end
    if index < 1 or index > size + 1 then
      arguments.fail(self, "index %d lies outside dimension %d of an input of %s", self.index, dim,
        arguments.shape(input))
    end
    if self.pad == 0 then return input end
    local shape = input.shape
    shape[dim] = math.abs(self.pad)
    local parts = { input.new():resize(torch.LongStorage(shape)):fill(self.value) }
    if index > 1 then table.insert(parts, 1, torch.narrow(input, dim, 1, index - 1)) end
    if index <= size then parts[#parts + 1] = torch.narrow(input, dim, index, size - index + 1) end
    return torch.cat(parts, dim)
  end
end
