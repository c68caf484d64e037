-- jacobian_checks: the functions of nn.Jacobian and nn.SparseJacobian that give how far two ways are apart.

return function(J, torch, part)
  -- Random values between two bounds, of the tensor's own sizes.
  local function fill(tensor, low, high)
    low, high = low or -2, high or 2
    torch.noGrad(function()
      tensor:copy(torch.rand(tensor:nElement()):mul(high - low):add(low):reshape(tensor.shape))
    end)
  end

  local function distance(a, b)
    return a:nElement() == 0 and 0 or (a:detach() - b:detach()):abs():max()
  end

  --- nn.Jacobian.testJacobian(module, input [, minval, maxval, perturbation])
  -- nn.SparseJacobian.testJacobian(module, input [, minval, maxval])
  -- nn.Jacobian.testJacobianParameters(module, input, param, gradParam [, minval, maxval, perturbation])
  -- nn.SparseJacobian.testJacobianParameters(module, input, param, gradParam [, minval, maxval])
  -- nn.Jacobian.testJacobianUpdateParameters(module, input, param [, minval, maxval, perturbation])
  -- nn.SparseJacobian.testJacobianUpdateParameters(module, input, param [, minval, maxval])
  --
  -- Fill input and parameter with random numbers, and compare the module's gradients with differences:
  -- those by the input, those by a parameter, or the steps of accUpdateGradParameters.
  --
  -- module: nn.Module
  -- input: tensor; it is changed
  -- param: one of the module's parameters; it is changed
  -- gradParam: its gradient
  -- minval, maxval: bounds of the random numbers, -2 and 2 by default
  -- perturbation: number, 1e-6 by default
  -- Returns: the largest difference, a number
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(3, 2):double()
  --   x = torch.zeros(3):double()
  --   nn.Jacobian.testJacobian(module, x) < 1e-6 --> true
  --   nn.Jacobian.testJacobianParameters(module, x, module.weight, module.gradWeight) < 1e-6 --> true
  --   nn.Jacobian.testJacobianUpdateParameters(module, x, module.bias) < 1e-6 --> true
  function J.testJacobian(module, input, minval, maxval, perturbation)
    fill(part(input), minval, maxval)
    return distance(J.forward(module, input, nil, perturbation), J.backward(module, input))
  end

  function J.testJacobianParameters(module, input, param, gradParam, minval, maxval, perturbation)
    fill(part(input), minval, maxval)
    fill(param, minval, maxval)
    local backward = J.backward(module, input, param, gradParam)
    return distance(J.forward(module, input, param, perturbation), backward)
  end

  function J.testJacobianUpdateParameters(module, input, param, minval, maxval, perturbation)
    fill(part(input), minval, maxval)
    fill(param, minval, maxval)
    local backward = J.backwardUpdate(module, input, param)
    return distance(J.forwardUpdate(module, input, param, perturbation), backward)
  end

  local function run(module, input, gradOutput)
    module:zeroGradParameters()
    local gradInput = module:updateGradInput(input, gradOutput)
    module:accGradParameters(input, gradOutput)
    return gradInput:clone()
  end

  --- nn.Jacobian.testIO(module, input [, minval, maxval])
  -- nn.SparseJacobian.testIO(module, input [, minval, maxval])
  --
  -- Writes the module to a file, reads it again and runs both.
  --
  -- module: nn.Module
  -- input: tensor
  -- minval, maxval: bounds of random gradients, -2 and 2 by default
  -- Returns: how far outputs and gradients by the input are apart at most, two numbers
  -- From: Torch7
  -- Example:
  --   nn.Jacobian.testIO(nn.Linear(3, 2), torch.ones(3)) --> 0.0 0.0
  function J.testIO(module, input, minval, maxval)
    local copy = input:clone()
    local output = module:forward(input):detach():clone()
    local gradOutput = output:clone()
    fill(gradOutput, minval, maxval)
    local gradInput = run(module, input, gradOutput)
    assert(module:clearState() == module, "clearState did not return the module")
    local name = os.tmpname()
    torch.save(name, module)
    local read = torch.load(name)
    os.remove(name)
    local again = read:forward(copy):detach():clone()
    return distance(output, again), distance(gradInput, run(read, copy, gradOutput))
  end

  --- nn.Jacobian.testAllUpdate(module, input, weight, gradWeight)
  -- nn.SparseJacobian.testAllUpdate(module, input, weight, gradWeight)
  --
  -- Makes a step by updateParameters and one by accUpdateGradParameters, with a copy of the module and with
  -- two that share the parameter, and compares what the parameter becomes.
  --
  -- module: nn.Module
  -- input: tensor
  -- weight, gradWeight: names of the module's fields
  -- Returns: a table of distances by what was done
  -- From: Torch7
  -- Example:
  --   errors = nn.Jacobian.testAllUpdate(nn.Linear(3, 2), torch.ones(3), "weight", "gradWeight")
  --   errors.accUpdateGradParameters < 1e-5 --> true
  function J.testAllUpdate(module, input, weight, gradWeight)
    local lr, errors = torch.uniform(0.1, 1), {}
    local before = module[weight]:detach():clone()
    local gradOutput
    local function made(...)
      local copy = module:clone()
      if ... then copy:share(..., weight) end
      return copy
    end
    local function forward(m)
      local output = m:forward(input)
      gradOutput = gradOutput or torch.rand(output:nElement()):reshape(output.shape):type(output:type())
    end
    local function accumulate(m)
      forward(m)
      run(m, input, gradOutput)
    end
    local function step(m) -- with a forward of its own: the one before saw other parameters
      forward(m)
      m:updateGradInput(input, gradOutput)
      m:accUpdateGradParameters(input, gradOutput, lr)
    end

    local one = made()
    accumulate(one)
    local gradient = one[gradWeight]:clone()
    one:updateParameters(lr)
    local function from(m, steps)
      return (before - gradient * (lr * steps) - m[weight]:detach()):norm()
    end
    errors.accGradParameters = from(one, 1)
    local direct = made()
    step(direct)
    errors.accUpdateGradParameters = from(direct, 1)

    local first = made()
    local second = made(first)
    accumulate(first)
    accumulate(second)
    first:updateParameters(lr)
    second:updateParameters(lr)
    errors["accGradParameters [shared]"] = from(first, 2) + from(second, 2)

    first = made()
    second = made(first)
    step(first)
    step(second)
    errors["accUpdateGradParameters [shared]"] = from(first, 2) + from(second, 2)
    return errors
  end

  -- ---- second derivatives ----------------------------------------------------------------------------

  --- nn.Jacobian.backwardDiagHessian(module, input, name)
  -- nn.Jacobian.linearModuleDiagHessian(module, input, gradName)
  -- nn.SparseJacobian.backwardDiagHessian(module, input, name)
  -- nn.SparseJacobian.linearModuleDiagHessian(module, input, gradName)
  --
  -- Half the sum of the squares of the output has second derivatives by each element of the input, of
  -- weight and of bias.  These are they, by the functions that nn.hessian.enable adds to the modules, and
  -- from the first derivatives, of a module that is linear in each.
  --
  -- module: nn.Module
  -- input: tensor
  -- name: "diagHessianInput", "diagHessianWeight" or "diagHessianBias"
  -- gradName: "gradInput", "gradWeight" or "gradBias"
  -- Returns: a tensor
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(3, 2)
  --   nn.Jacobian.linearModuleDiagHessian(module, torch.ones(3), "gradWeight"):sum() --> 6.0
  function J.backwardDiagHessian(module, input, name)
    local output = module:forward(input)
    local ones = output:detach():clone():fill(1)
    for _, h in ipairs { "diagHessianWeight", "diagHessianBias" } do
      if module[h] then module[h]:zero() end
    end
    module:updateDiagHessianInput(input, ones)
    module:accDiagHessianParameters(input, ones)
    return module[name]
  end

  function J.linearModuleDiagHessian(module, input, gradName)
    local gradOutput = module:forward(input):detach():clone()
    local flat = gradOutput:view(gradOutput:nElement())
    local sum
    for i = 1, flat:nElement() do
      flat:zero()
      flat[i] = 1
      run(module, input, gradOutput)
      local g = module[gradName]
      sum = sum and sum:addcmul(g, g) or torch.cmul(g, g)
    end
    return sum:reshape(sum:nElement())
  end

  --- nn.Jacobian.testDiagHessian(module, input, gradName, name [, minval, maxval])
  -- nn.Jacobian.testDiagHessianInput(module, input [, minval, maxval])
  -- nn.Jacobian.testDiagHessianWeight(module, input [, minval, maxval])
  -- nn.Jacobian.testDiagHessianBias(module, input [, minval, maxval])
  -- nn.SparseJacobian.testDiagHessian(module, input, gradName, name [, minval, maxval])
  -- nn.SparseJacobian.testDiagHessianInput(module, input [, minval, maxval])
  -- nn.SparseJacobian.testDiagHessianWeight(module, input [, minval, maxval])
  -- nn.SparseJacobian.testDiagHessianBias(module, input [, minval, maxval])
  --
  -- Fills the input with random numbers, and compares backwardDiagHessian with linearModuleDiagHessian; call
  -- nn.hessian.enable first.
  --
  -- module: nn.Module that is linear
  -- input: tensor; it is changed
  -- gradName, name: as these functions take them
  -- minval, maxval: bounds of the random numbers, -2 and 2 by default
  -- Returns: the largest difference, a number
  -- From: Torch7
  function J.testDiagHessian(module, input, gradName, name, minval, maxval)
    fill(input, minval, maxval)
    module:initDiagHessianParameters()
    local backward = J.backwardDiagHessian(module, input, name)
    local linear = J.linearModuleDiagHessian(module, input, gradName)
    return distance(backward:reshape(linear.shape), linear)
  end

  for _, what in ipairs { "Input", "Weight", "Bias" } do
    J["testDiagHessian" .. what] = function(module, input, minval, maxval)
      return J.testDiagHessian(module, input, "grad" .. what, "diagHessian" .. what, minval, maxval)
    end
  end
end
