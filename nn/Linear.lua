-- Linear.lua: y = x W^T + b.

return function(nn, torch)
  local Linear, parent = torch.class("nn.Linear", "nn.Module")
  local arguments = nn._arguments

  --- nn.Linear(inputSize, outputSize [, bias])
  --
  -- y = x W^T + b.  Starts uniform in +-1/sqrt(inputSize).
  --
  -- inputSize, outputSize: numbers
  -- bias: false leaves b out
  -- Returns: a module with weight, outputSize x inputSize, and bias, outputSize.  Its input is
  --   (inputSize) or (.., inputSize), its output likewise with outputSize
  -- From: Torch7
  -- Example:
  --   nn.Linear(3, 2):forward(torch.ones(4, 3)):size(2) --> 2
  function Linear:__init(inputSize, outputSize, bias)
    parent.__init(self)
    inputSize = arguments.whole(self, "inputSize", inputSize, nil, 0)
    outputSize = arguments.whole(self, "outputSize", outputSize, nil, 0)
    bias = bias == nil or arguments.flag(self, "bias", bias)
    self.weight = torch.Tensor(outputSize, inputSize)
    self.gradWeight = torch.zeros(outputSize, inputSize)
    if bias then
      self.bias = torch.Tensor(outputSize)
      self.gradBias = torch.zeros(outputSize)
    end
    self:reset()
  end

  --- nn.Linear:noBias()
  --
  -- Takes the bias away.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   nn.Linear(3, 2):noBias().bias --> nil
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
