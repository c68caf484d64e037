-- Narrow.lua: a part of the input along one dimension.

return function(nn, torch)
  local Narrow, parent = torch.class("nn.Narrow", "nn.Module")
  local arguments = nn._arguments

  --- nn.Narrow(dimension, offset [, length])
  --
  -- The part from place `offset` on, `length` long, along a dimension.
  --
  -- dimension: the dimension; negative counts from the last
  -- offset: the first place; where it is negative the part begins at the first place and `length` places
  --   at the end are left out
  -- length: how many places, 1 by default; where it is negative the place that ends the part, counted
  --   from the last, which is -1
  -- Returns: a module; its output is a view of the input
  -- Errors: the part lies outside the input
  -- From: Torch7
  -- Example:
  --   nn.Narrow(1, 2, -2):forward(torch.range(1, 6)):sum() --> 14.0
  function Narrow:__init(dimension, offset, length)
    parent.__init(self)
    self.dimension = arguments.whole(self, "dimension", dimension)
    self.index = arguments.whole(self, "offset", offset)
    self.length = arguments.whole(self, "length", length, 1)
  end

  function Narrow:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dimension)
    local size, first, length = input:size(dim), self.index, self.length
    if length < 0 then length = size - first + length + 2 end
    if first < 0 then first, length = 1, size - length end
    if first < 1 or length < 1 or first + length - 1 > size then
      arguments.fail(self, "offset %d and length %d lie outside dimension %d of an input of %s", self.index,
        self.length, dim, arguments.shape(input))
    end
    return torch.narrow(input, dim, first, length)
  end
end
