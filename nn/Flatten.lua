-- Flatten.lua: several dimensions as one.

return function(nn, torch)
  local Flatten, parent = torch.class("nn.Flatten", "nn.Module")
  local arguments, names = nn._arguments, { "startDim", "endDim" }

  --- nn.Flatten([startDim [, endDim]])
  --
  -- Makes the dimensions from startDim to endDim one: without arguments, each sample of a batch a vector.
  --
  -- startDim: number, 2 by default; negative counts from the last; also in a table: { startDim = 1 }
  -- endDim: number, the last by default
  -- Returns: a module
  -- Errors: the input has no such dimensions
  -- From: PyTorch
  -- Example:
  --   nn.Flatten():forward(torch.ones(4, 3, 2)):size(2) --> 6
  function Flatten:__init(...)
    parent.__init(self)
    local options = arguments.short(self, names, { startDim = 2, endDim = -1 }, ...)
    self.startDim = arguments.whole(self, "startDim", options.startDim)
    self.endDim = arguments.whole(self, "endDim", options.endDim)
  end

  function Flatten:updateOutput(input)
    local first = arguments.dimension(self, input, self.startDim)
    local last = arguments.dimension(self, input, self.endDim)
    if last < first then
      arguments.fail(self, "of an input of %s, dimension %d lies behind %d", arguments.shape(input), first,
        last)
    end
    local shape, product = {}, 1
    for d = 1, input:dim() do
      local size = input:size(d)
      if d >= first and d <= last then product = product * size else shape[#shape + 1] = size end
      if d == last then shape[#shape + 1] = product end
    end
    return torch.reshape(input, shape)
  end

  function Flatten:__tostring()
    return arguments.text(self, torch.typename(self), names)
  end
end
