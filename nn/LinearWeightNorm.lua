-- LinearWeightNorm.lua: y = x W^T + b with W's rows given by their length and their direction.

return function(nn, torch)
  local LinearWeightNorm = torch.class("nn.LinearWeightNorm", "nn.Linear")
  local arguments = nn._arguments

  --- nn.LinearWeightNorm(inputSize, outputSize [, bias [, eps]])
  --
  -- nn.Linear whose weight is g v / ||v||, row by row.
  --
  -- inputSize, outputSize: numbers
  -- bias: false leaves b out
  -- eps: the least length of a row of v that is divided by; 1e-16 by default
  -- Returns: a module with v, outputSize x inputSize, g, outputSize x 1, and bias, outputSize
  -- From: Salimans and Kingma, "Weight normalization", NeurIPS 2016, as in Torch7
  -- Example:
  --   module = nn.LinearWeightNorm(3, 2)
  --   torch.dist(module:toLinear().weight, module.weight) < 1e-6 --> true
  function LinearWeightNorm:__init(inputSize, outputSize, bias, eps)
    nn.Module.__init(self)
    self.inputSize = arguments.whole(self, "inputSize", inputSize, nil, 1)
    self.outputSize = arguments.whole(self, "outputSize", outputSize, nil, 1)
    self.eps = arguments.number(self, "eps", eps, 1e-16)
    self:registerParameter("v", torch.Tensor(outputSize, inputSize))
    self:registerParameter("g", torch.Tensor(outputSize, 1))
    self.weight = torch.Tensor(outputSize, inputSize)
    self._derived = { weight = false } -- no parameter
    if bias ~= false then self:registerParameter("bias", torch.Tensor(outputSize)) end
    self:reset()
  end

  -- The rows' lengths, outputSize x 1.
  local function lengths(self, weight)
    return torch.clamp(torch.norm(weight, 2, 2), self.eps, nil)
  end

  --- nn.LinearWeightNorm:initFromWeight([weight]); nn.LinearWeightNorm:fromLinear(linear)
  -- nn.LinearWeightNorm:toLinear(); nn.LinearWeightNorm:updateWeightMatrix()
  --
  -- Takes g and v from a weight; makes a module of an nn.Linear, or an nn.Linear of the module, with the
  -- same output; computes the weight, as the module does before each use.  fromLinear is a function, not
  -- a method.
  --
  -- weight: matrix, the module's own by default
  -- linear: nn.Linear
  -- Returns: the module; a new module
  -- From: Torch7
  -- Example:
  --   linear = nn.Linear(3, 2)
  --   module = nn.LinearWeightNorm.fromLinear(linear)
  --   torch.dist(module:forward(torch.ones(3)), linear:forward(torch.ones(3))) < 1e-5 --> true
  function LinearWeightNorm:initFromWeight(weight)
    torch.noGrad(function()
      self.g:copy(lengths(self, weight or self.weight))
      self.v:copy(weight or self.weight)
    end)
    return self
  end

  function LinearWeightNorm.fromLinear(linear)
    local module = nn.LinearWeightNorm(linear.weight:size(2), linear.weight:size(1), linear.bias ~= nil)
    torch.noGrad(function()
      module.weight:copy(linear.weight)
      if linear.bias then module.bias:copy(linear.bias) end
    end)
    return module:initFromWeight()
  end

  function LinearWeightNorm:toLinear()
    local linear = nn.Linear(self.inputSize, self.outputSize, self.bias ~= nil):type(self._type)
    torch.noGrad(function()
      self:_weight()
      linear.weight:copy(self.weight)
      if self.bias then linear.bias:copy(self.bias) end
    end)
    return linear
  end

  function LinearWeightNorm:reset(stdv)
    arguments.uniform(self.weight, stdv, self.inputSize)
    self:initFromWeight()
    if self.bias then arguments.uniform(self.bias, stdv, self.inputSize) end
  end

  -- The weight on the tape; its numbers go into the field.
  function LinearWeightNorm:_weight()
    local weight = torch.cmul(self.v, torch.cdiv(self.g, lengths(self, self.v)))
    self.weight = weight:detach()
    return weight
  end

  function LinearWeightNorm:updateWeightMatrix()
    torch.noGrad(self._weight, self)
  end

  function LinearWeightNorm:updateOutput(input)
    return nn.functional.linear(input, self:_weight(), self.bias)
  end

  function LinearWeightNorm:__tostring()
    return ("%s(%d -> %d)%s"):format(torch.typename(self), self.inputSize, self.outputSize,
      self.bias and "" or " without bias")
  end
end
