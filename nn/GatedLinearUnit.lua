-- GatedLinearUnit.lua: half of x, times the sigmoid of the other half.

return function(nn, torch)
  local GatedLinearUnit, parent = torch.class("nn.GatedLinearUnit", "nn.Module")
  local arguments = nn._arguments

  --- nn.GatedLinearUnit([dim])
  --
  -- The first half of x along a dimension, times the sigmoid of the second half.
  --
  -- dim: the dimension, the last by default; negative counts from the last
  -- Returns: a module
  -- Errors: the dimension's size is odd
  -- From: Dauphin and others, "Language modeling with gated convolutional networks", ICML 2017, as in
  --   Torch7
  -- Example:
  --   nn.GatedLinearUnit():forward(torch.Tensor { 4, 0 })[1] --> 2.0
  function GatedLinearUnit:__init(dim)
    parent.__init(self)
    self.dim = dim and arguments.whole(self, "dim", dim)
  end

  function GatedLinearUnit:updateOutput(input)
    local dim = arguments.dimension(self, input, self.dim or -1)
    local size = input:size(dim)
    if size % 2 ~= 0 then
      arguments.fail(self, "dimension %d of an input of %s is odd", dim, arguments.shape(input))
    end
    local half = size // 2
    local gate = torch.sigmoid(torch.narrow(input, dim, half + 1, half))
    return torch.cmul(torch.narrow(input, dim, 1, half), gate)
  end
end
