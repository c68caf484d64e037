-- Select.lua: one place along one dimension.

return function(nn, torch)
  local Select, parent = torch.class("nn.Select", "nn.Module")
  local arguments = nn._arguments

  --- nn.Select(dimension, index)
  --
  -- The part at one place along a dimension, without that dimension.
  --
  -- dimension: the dimension; negative counts from the last
  -- index: the place; negative counts from the last
  -- Returns: a module; its output is a view of the input
  -- Errors: the place lies outside the input
  -- From: Torch7
  -- Example:
  --   nn.Select(1, -1):forward(torch.Tensor { { 1, 2 }, { 3, 4 } }):sum() --> 7.0
  function Select:__init(dimension, index)
    parent.__init(self)
    self.dimension = arguments.whole(self, "dimension", dimension)
    self.index = arguments.whole(self, "index", index)
  end

  function Select:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dimension)
    local size, index = input:size(dim), self.index
    if index < 0 then index = size + index + 1 end
    if index < 1 or index > size then
      arguments.fail(self, "index %d lies outside dimension %d of an input of %s", self.index, dim,
        arguments.shape(input))
    end
    return torch.select(input, dim, index)
  end
end
