-- Linear.lua: y = x W^T + b.

return function(nn, torch)
  local Linear, parent = torch.class("nn.Linear", "nn.Module")

  --- nn.Linear(inputSize, outputSize [, bias]): x is (inputSize) or (.., inputSize), y likewise with
  -- outputSize.  weight is outputSize x inputSize.  bias = false leaves it out.
  -- Starts uniform in +-1/sqrt(inputSize).
  function Linear:__init(inputSize, outputSize, bias)
    parent.__init(self)
    self.weight = torch.Tensor(outputSize, inputSize)
    self.gradWeight = torch.zeros(outputSize, inputSize)
    if bias ~= false then
      self.bias = torch.Tensor(outputSize)
      self.gradBias = torch.zeros(outputSize)
    end
    self:reset()
  end

  function Linear:noBias()
    self.bias, self.gradBias = nil, nil
    return self
  end

  function Linear:reset(stdv)
    stdv = stdv and stdv * math.sqrt(3) or 1 / math.sqrt(self.weight:size(2))
    self.weight:uniform(-stdv, stdv)
    if self.bias then self.bias:uniform(-stdv, stdv) end
    return self
  end

  function Linear:updateOutput(input)
    return nn.functional.linear(input, self.weight, self.bias)
  end

  function Linear:__tostring()
    return ("%s(%d -> %d)%s"):format(torch.typename(self), self.weight:size(2), self.weight:size(1),
      self.bias and "" or " without bias")
  end
end
