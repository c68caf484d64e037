-- PartialLinear.lua: a linear layer of which some outputs are taken.

return function(nn, torch)
  local PartialLinear, parent = torch.class("nn.PartialLinear", "nn.Module")
  local arguments = nn._arguments

  --- nn.PartialLinear(inputsize, outputsize [, bias])
  -- nn.PartialLinear:setPartition(indices); nn.PartialLinear:resetPartition()
  --
  -- A linear layer; after setPartition only the given outputs are computed, and only their weights get
  -- gradients, until resetPartition.
  --
  -- inputsize, outputsize: numbers
  -- bias: false leaves it out
  -- indices: tensor of numbers from 1 to outputsize
  -- Returns: a module; its input is batch x inputsize, its output batch x as many as there are indices
  -- Errors: an index is outside 1 to outputsize
  -- From: Torch7
  -- Example:
  --   module = nn.PartialLinear(4, 10)
  --   module:setPartition(torch.LongTensor { 2, 7 })
  --   module:forward(torch.ones(3, 4)):size(2) --> 2
  function PartialLinear:__init(inputsize, outputsize, bias)
    parent.__init(self)
    self.inputsize = arguments.whole(self, "inputsize", inputsize, nil, 1)
    self.outputsize = arguments.whole(self, "outputsize", outputsize, nil, 1)
    inputsize, outputsize = self.inputsize, self.outputsize
    local pair = nn.ParallelTable():add(nn.Identity()):add(nn.LookupTable(outputsize, inputsize))
    self.network = nn.Sequential():add(pair):add(nn.MM(false, true))
    if bias ~= false then
      self.bias = torch.zeros(1, outputsize)
      self.gradBias = torch.zeros(1, outputsize)
    end
    self.allcolumns = torch.range(1, outputsize):long()
    self:resetPartition()
  end

  function PartialLinear:setPartition(indices)
    if not torch.isTensor(indices) or indices:dim() ~= 1 then
      arguments.fail(self, "the indices are a %s, wanted a vector",
        torch.isTensor(indices) and arguments.shape(indices) or type(indices))
    end
    local places = indices:long()
    if places:nElement() > 0 and (places:min() < 1 or places:max() > self.outputsize) then
      arguments.fail(self, "the indices are from %d to %d, wanted 1 to %d", places:min(), places:max(),
        self.outputsize)
    end
    self.partition = places
  end

  function PartialLinear:resetPartition()
    self.partition = self.allcolumns
  end

  function PartialLinear:parameters()
    local params, grads = self.network:parameters()
    if self.bias then params[#params + 1], grads[#grads + 1] = self.bias, self.gradBias end
    return params, grads
  end

  function PartialLinear:updateOutput(input)
    arguments.tensor(self, input, 2, 2)
    local output = self.network:_run { input, self.partition }
    return self.bias and output + torch.index(self.bias, 2, self.partition):expandAs(output) or output
  end

  function PartialLinear:__tostring__()
    return ("%s(%d -> %d)%s"):format(torch.typename(self), self.inputsize, self.outputsize,
      self.bias and "" or " without bias")
  end
end
