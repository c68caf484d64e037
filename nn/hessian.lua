-- hessian.lua: nn.hessian: estimates of the diagonal of the Hessian.
--
-- For a layer that is linear in its weight and in its input, and the second derivatives h of a loss by its
-- output, those by input and weight are what the gradients would be if input and weight were squared.  So
-- one pass of a twin of the module, with both squared, gives them all.

return function(nn, torch)
  nn.hessian = nn.hessian or {}

  local linear = { "Linear", "SpatialConvolution", "SpatialConvolutionLocal", "SpatialFullConvolution",
    "SpatialConvolutionMap", "SpatialFullConvolutionMap" }
  local pointwise = { "Tanh", "TanhShrink", "Square", "Sqrt", "Sigmoid" }

  local function square(t) return torch.cmul(t:detach(), t:detach()) end

  -- A module that shares all fields but has its parameters squared, and gathers gradients elsewhere.
  local function twin_of(module)
    local twin = setmetatable({}, getmetatable(module))
    for k, v in pairs(module) do twin[k] = v end
    twin.output, twin.gradInput = module.output.new(), module.output.new()
    for _, name in ipairs { "weight", "bias" } do
      local raised = name:gsub("^%l", string.upper)
      if module[name] then
        twin[name] = square(module[name])
        twin["grad" .. raised] = module["diagHessian" .. raised] or module[name]:detach():clone():zero()
      end
    end
    return twin
  end

  local function linear_input(self, input, h)
    local twin = twin_of(self)
    local squared = square(input)
    twin:forward(squared)
    self.diagHessianInput = twin:updateGradInput(squared, h)
    return self.diagHessianInput
  end

  local function linear_parameters(self, input, h)
    self:initDiagHessianParameters()
    local twin = twin_of(self)
    local squared = square(input)
    twin:forward(squared)
    twin:accGradParameters(squared, h, 1)
  end

  local function linear_init(self)
    self.diagHessianInput = self.diagHessianInput or self.output.new()
    for _, raised in ipairs { "Weight", "Bias" } do
      local gradient, name = self["grad" .. raised], "diagHessian" .. raised
      if gradient and not self[name] then self[name] = gradient:clone():zero() end
    end
  end

  -- f'(x)^2 h: the part with f'' is left out, as Gauss and Newton do.
  local function pointwise_input(self, input, h)
    local twin = twin_of(self)
    local output = twin:forward(input)
    local slope = twin:updateGradInput(input, output:clone():fill(1))
    self.diagHessianInput = torch.cmul(torch.cmul(slope, slope), h)
    return self.diagHessianInput
  end

  -- Backwards through a Sequential: f(module, its input, h at its output), which gives h at its input.
  local function through(self, input, h, f)
    for i = #self.modules, 1, -1 do
      h = f(self.modules[i], i > 1 and self.modules[i - 1].output or input, h)
    end
    return h
  end

  local function criterions()
    function nn.Criterion:updateDiagHessianInput()
      error(torch.typename(self) .. ":updateDiagHessianInput: the class has none", 2)
    end
    function nn.MSECriterion:updateDiagHessianInput(input)
      local n = self.sizeAverage and input:nElement() or 1
      self.diagHessianInput = input:detach():clone():fill(2 / n)
      return self.diagHessianInput
    end
    nn.WeightedMSECriterion.updateDiagHessianInput = nn.MSECriterion.updateDiagHessianInput
    function nn.L1Cost:updateDiagHessianInput(input)
      self.diagHessianInput = torch.ne(input:detach(), 0):type(input:type())
      return self.diagHessianInput
    end
  end

  local function containers()
    function nn.Sequential:initDiagHessianParameters()
      for _, m in ipairs(self.modules) do m:initDiagHessianParameters() end
    end
    function nn.Sequential:updateDiagHessianInput(input, h)
      self.diagHessianInput = through(self, input, h, function(m, x, at_output)
        return m:updateDiagHessianInput(x, at_output)
      end)
      return self.diagHessianInput
    end
    function nn.Sequential:accDiagHessianParameters(input, h)
      through(self, input, h, function(m, x, at_output)
        m:accDiagHessianParameters(x, at_output)
        return m.diagHessianInput
      end)
    end
  end

  -- parameters and getParameters give a third result.
  local function parameters()
    local simple, flat = nn.Module.parameters, nn.Module.getParameters
    function nn.Module:parameters()
      local params, grads = simple(self)
      if not params then return end
      local h = {}
      self:apply(function(m)
        for _, name in ipairs { "diagHessianWeight", "diagHessianBias" } do h[#h + 1] = m[name] end
      end)
      return params, grads, h
    end
    function nn.Module:getParameters()
      local params, grads = flat(self)
      local _, _, h = self:parameters()
      if h and #h > 0 then return params, grads, nn.Module.flatten(h) end
      return params, grads
    end
  end

  local enabled = false

  --- nn.hessian.enable()
  -- module:initDiagHessianParameters(); module:updateDiagHessianInput(input, diagHessianOutput)
  -- module:accDiagHessianParameters(input, diagHessianOutput)
  -- criterion:updateDiagHessianInput(input, target)
  --
  -- Adds to modules and criterions the functions that estimate the diagonal of the Hessian of a loss:
  -- criterion:updateDiagHessianInput gives the second derivatives by the output, updateDiagHessianInput
  -- those by the input from those by the output, and accDiagHessianParameters adds those by weight and bias
  -- to diagHessianWeight and diagHessianBias, which initDiagHessianParameters makes.  A forward comes
  -- first.  From then on parameters and getParameters have them as their third result.  The classes are
  -- those of Torch7: nn.Linear, convolutions, nn.Sequential, nn.Reshape, nn.Tanh, nn.TanhShrink, nn.Square,
  -- nn.Sqrt, and nn.Sigmoid; of pointwise functions the square of the first derivative is taken.
  --
  -- input: tensor
  -- diagHessianOutput: tensor of the output's shape
  -- target: tensor
  -- Returns: updateDiagHessianInput: a tensor of the input's shape
  -- From: Torch7; LeCun and others, "Efficient BackProp", 1998
  -- Example:
  --   nn.hessian.enable()
  --   module = nn.Linear(2, 1)
  --   module:initDiagHessianParameters()
  --   module:forward(torch.Tensor { 3, 4 })
  --   module:accDiagHessianParameters(torch.Tensor { 3, 4 }, torch.ones(1))
  --   module.diagHessianWeight:sum() --> 25.0
  function nn.hessian.enable()
    if enabled then return end
    enabled = true
    function nn.Module:updateDiagHessianInput()
      error(torch.typename(self) .. ":updateDiagHessianInput: the class has none", 2)
    end
    function nn.Module:accDiagHessianParameters() end
    function nn.Module:initDiagHessianParameters() end
    for _, name in ipairs(linear) do
      local class = nn[name]
      if class then
        class.updateDiagHessianInput = linear_input
        class.accDiagHessianParameters = linear_parameters
        class.initDiagHessianParameters = linear_init
      end
    end
    for _, name in ipairs(pointwise) do nn[name].updateDiagHessianInput = pointwise_input end
    function nn.Reshape:updateDiagHessianInput(input, h)
      self.diagHessianInput = h:reshape(input.shape)
      return self.diagHessianInput
    end
    criterions()
    containers()
    parameters()
  end
end
