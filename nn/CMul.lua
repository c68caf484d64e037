-- CMul.lua: x times w with a learned tensor w.

return function(nn, torch)
  local CMul, parent = torch.class("nn.CMul", "nn.Module")
  local arguments = nn._arguments

  --- nn.CMul(size, ...)
  --
  -- x times w, element by element, with a learned w of the sizes given.  With as many dimensions as the
  -- input it is repeated along those where its size is 1; otherwise every sample of a batch has the same.
  --
  -- size: number; also a LongStorage
  -- Returns: a module with weight; its output has the input's shape
  -- Errors: the input's shape does not fit
  -- From: Torch7
  -- Example:
  --   module = nn.CMul(1, 3)
  --   module.weight:fill(2)
  --   module:forward(torch.ones(4, 3)):sum() --> 24.0
  function CMul:__init(...)
    parent.__init(self)
    self.size = torch.LongStorage(arguments.sizes(self, 0, ...))
    self.weight, self.gradWeight = torch.Tensor(self.size), torch.Tensor(self.size):zero()
    self:reset()
  end

  function CMul:reset(stdv)
    arguments.uniform(self.weight, stdv, self.weight:nElement())
  end

  function CMul:updateOutput(input)
    return torch.cmul(input, arguments.fit(self, self.weight, input))
  end
end
