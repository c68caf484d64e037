-- WeightNorm.lua: a module whose weight is given by its lengths and its directions.

return function(nn, torch)
  local WeightNorm, parent = torch.class("nn.WeightNorm", "nn.Decorator")
  local arguments = nn._arguments

  --- nn.WeightNorm(module [, outputDim])
  --
  -- Has the weight of a module computed as g v / ||v||, with one g and one norm for each place of the
  -- dimension of outputs.  v starts normal, with variance 2 over the number of inputs, g as the norms
  -- and the bias as 0.
  --
  -- module: nn.Module with a weight
  -- outputDim: the weight's dimension of outputs, 1 by default
  -- Returns: a container with v, a matrix with a row for each output, and g, a vector
  -- Errors: the module has no weight, or the weight no such dimension
  -- From: Salimans and Kingma, "Weight normalization", NeurIPS 2016, as in Torch7
  -- Example:
  --   module = nn.WeightNorm(nn.Linear(3, 2))
  --   module.g:size(1), module.v:size(2), #module:parameters() --> 2 3 3
  function WeightNorm:__init(module, outputDim)
    parent.__init(self, module)
    local weight = torch.isTypeOf(module, "nn.Module") and module.weight
    if not torch.isTensor(weight) then arguments.fail(self, "%s has no weight", torch.type(module)) end
    self.outputDim = arguments.whole(self, "outputDim", outputDim, 1, 1)
    if self.outputDim > weight:dim() then
      arguments.fail(self, "the weight is of %s, which has no dimension %d", arguments.shape(weight),
        self.outputDim)
    end
    local outputs = weight:size(self.outputDim)
    self:registerParameter("v", weight.new(outputs, weight:nElement() // outputs))
    self:registerParameter("g", weight.new(outputs))
    module:registerParameter("weight")
    module._derived = { weight = false } -- computed here
    module.weight = weight:detach()
    self.bias, self.gradBias = module.bias, module.gradBias
    self._derived = { bias = false } -- the module's
    self:resetInit()
  end

  --- nn.WeightNorm:resetInit(); nn.WeightNorm:updateWeight()
  --
  -- Gives v, g and the bias their values to start with; computes the module's weight, as the container does
  -- before each use.
  --
  -- From: Torch7
  -- Example:
  --   module = nn.WeightNorm(nn.Linear(3, 2))
  --   module.v:fill(1)
  --   module.g:fill(0)
  --   module:updateWeight()
  --   module:get(1).weight:sum() --> 0.0
  function WeightNorm:resetInit()
    torch.noGrad(function()
      self.v:normal(0, math.sqrt(2 / self.v:size(2)))
      self.g:copy(torch.norm(self.v, 2, 2))
      local bias = self.modules[1].bias
      if bias then bias:zero() end
      self:updateWeight()
    end)
  end

  function WeightNorm:reset()
    self:resetInit()
  end

  function WeightNorm:updateWeight()
    local module = self.modules[1]
    local norm = torch.sqrt(torch.sum(torch.square(self.v), 2, true) + 10e-5)
    local rows = torch.cmul(self.v, torch.cdiv(torch.reshape(self.g, self.g:size(1), 1), norm))
    local shape, order = { self.g:size(1) }, {}
    for d = 1, module.weight:dim() do
      if d ~= self.outputDim then shape[#shape + 1] = module.weight:size(d) end
      order[d] = d < self.outputDim and d + 1 or d == self.outputDim and 1 or d
    end
    module.weight = torch.reshape(rows, shape):permute(table.unpack(order)):contiguous()
  end

  function WeightNorm:updateOutput(input)
    self:updateWeight()
    local output = self.modules[1]:_run(input)
    self.modules[1].weight = self.modules[1].weight:detach()
    return output
  end
end
