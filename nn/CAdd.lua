-- CAdd.lua: x + b with a learned tensor b.

return function(nn, torch)
  local CAdd, parent = torch.class("nn.CAdd", "nn.Module")
  local arguments = nn._arguments

  --- nn.CAdd(size, ...)
  --
  -- x + b with a learned b of the sizes given.  With as many dimensions as the
  -- input it is repeated along those where its size is 1; otherwise every sample of a batch has the same.
  --
  -- size: number; also a LongStorage
  -- Returns: a module with bias; its output has the input's shape
  -- Errors: the input's shape does not fit
  -- From: Torch7
  -- Example:
  --   module = nn.CAdd(1, 3)
  --   module.bias:fill(2)
  --   module:forward(torch.ones(4, 3)):sum() --> 36.0
  function CAdd:__init(...)
    parent.__init(self)
    self.size = torch.LongStorage(arguments.sizes(self, 0, ...))
    self.bias, self.gradBias = torch.Tensor(self.size), torch.Tensor(self.size):zero()
    self:reset()
  end

  function CAdd:reset(stdv)
    arguments.uniform(self.bias, stdv, self.bias:nElement())
  end

  function CAdd:updateOutput(input)
    return torch.add(input, arguments.fit(self, self.bias, input))
  end
end
