-- Index.lua: the parts of a tensor at given places.

return function(nn, torch)
  local Index, parent = torch.class("nn.Index", "nn.Module")

  --- nn.Index(dimension)
  --
  -- The parts of a tensor at given places of a dimension.
  --
  -- dimension: number; negative counts from the last
  -- Returns: a module; its input is a table of a tensor and a LongTensor of places, from 1
  -- Errors: it is something else; there is no such dimension or place
  -- From: Torch7
  -- Example:
  --   nn.Index(1):forward({ torch.Tensor { 5, 6, 7 }, torch.LongTensor { 3, 3 } }):sum() --> 14.0
  function Index:__init(dimension)
    parent.__init(self)
    self.dimension = dimension
  end

  function Index:updateOutput(input)
    nn.tables.tensors(self, input, 2, 2)
    if input[2]:dim() ~= 1 then
      nn._arguments.fail(self, "a vector of places is wanted, got %s", nn._arguments.shape(input[2]))
    end
    return input[1]:index(nn.tables.dimension(self, self.dimension, input[1]), input[2])
  end
end
