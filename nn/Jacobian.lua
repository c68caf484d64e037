-- Jacobian.lua: nn.Jacobian and nn.SparseJacobian: derivatives of modules beside differences.
--
-- Values are changed under torch.noGrad, and a backward after a change has a forward of its own, because
-- the tape refuses what was changed after the forward that saved it.

local checks = require "nn.jacobian_checks"

return function(nn, torch)
  -- What is varied: all elements of a tensor, or of a sparse input the values only.
  local function elements(tensor)
    return tensor:view(tensor:nElement())
  end
  local function values(tensor)
    return tensor:select(2, 2)
  end

  -- Copies so that no result is overwritten by the next call.
  local function output_of(module, input)
    local y = module:forward(input)
    return y:detach():reshape(y:nElement()):clone()
  end

  -- A row for each element that is varied, a column for each of the output: f(k) gives column k.
  local function by_columns(module, input, rows, f)
    local output = module:forward(input)
    local n = output:nElement()
    local gradient = output:detach():clone():zero()
    local jacobian = gradient.new(rows, n):zero()
    local flat = gradient:view(n)
    for k = 1, n do
      flat:zero()
      flat[k] = 1
      jacobian:select(2, k):copy(f(gradient))
    end
    return jacobian
  end

  local function copy_all(from, to)
    torch.noGrad(function()
      for i, t in ipairs(from) do to[i]:copy(t) end
    end)
  end

  -- part(input) is what of an input is varied.
  local function make(part, perturbation_of)
    local J = {}

    --- nn.Jacobian.backward(module, input [, param, gradParam])
    -- nn.SparseJacobian.backward(module, input [, param, gradParam])
    -- nn.Jacobian.forward(module, input [, param [, perturbation]])
    -- nn.SparseJacobian.forward(module, input [, param])
    --
    -- The derivatives of each element of the output, one a column, by each element of the input or of a
    -- parameter, one a row: backward from the module's gradients, forward from differences.  The input of
    -- nn.SparseJacobian is n x 2, numbers of columns and values; the values are what is varied.
    --
    -- module: nn.Module
    -- input: tensor
    -- param: one of the module's parameters; the input if left out
    -- gradParam: its gradient
    -- perturbation: number, 1e-6 by default
    -- Returns: a matrix
    -- From: Torch7
    -- Example:
    --   x = torch.rand(3):double()
    --   nn.Jacobian.backward(nn.Square(), x):trace() - 2 * x:sum() < 1e-9 --> true
    function J.backward(module, input, param, gradParam)
      local rows = param and param:nElement() or part(input):nElement()
      return by_columns(module, input, rows, function(gradient)
        module:zeroGradParameters()
        local gradInput = module:updateGradInput(input, gradient)
        module:accGradParameters(input, gradient)
        if param then return gradParam:reshape(rows) end
        return part(gradInput):reshape(rows)
      end)
    end

    -- From differences; finish(row, value) changes what is kept of each.
    local function differences(module, input, param, perturbation, finish)
      local flat = param and elements(param:detach()) or part(input:detach())
      local output = output_of(module, input)
      local jacobian = output.new(flat:nElement(), output:nElement()):zero()
      for i = 1, flat:nElement() do
        local value = flat[i]
        local function at(x)
          torch.noGrad(function() flat[i] = x end)
          return output_of(module, input)
        end
        local low, high = at(value - perturbation), at(value + perturbation)
        torch.noGrad(function() flat[i] = value end)
        local row = jacobian:select(1, i)
        row:copy(high:add(-1, low):div(2 * perturbation))
        if finish then finish(row, value) end
      end
      return jacobian
    end

    function J.forward(module, input, param, perturbation)
      return differences(module, input, param, perturbation_of(perturbation))
    end

    --- nn.Jacobian.backwardUpdate(module, input, param)
    -- nn.SparseJacobian.backwardUpdate(module, input, param)
    -- nn.Jacobian.forwardUpdate(module, input, param [, perturbation])
    -- nn.SparseJacobian.forwardUpdate(module, input, param)
    --
    -- What a parameter becomes by a step of size 1 down the gradient of each element of the output, one a
    -- column: by module:accUpdateGradParameters, or from differences.
    --
    -- module: nn.Module
    -- input: tensor
    -- param: one of the module's parameters
    -- perturbation: number, 1e-6 by default
    -- Returns: a matrix
    -- From: Torch7
    -- Example:
    --   module = nn.Linear(2, 1):double()
    --   x = torch.ones(2):double()
    --   step = nn.Jacobian.backwardUpdate(module, x, module.bias)
    --   math.abs(module.bias:detach()[1] - 1 - step[1][1]) < 1e-9 --> true
    function J.backwardUpdate(module, input, param)
      local params, before = module:parameters(), {}
      for i, p in ipairs(params) do before[i] = p:detach():clone() end
      local jacobian = by_columns(module, input, param:nElement(), function(gradient)
        copy_all(before, params)
        module:forward(input)
        module:zeroGradParameters()
        module:updateGradInput(input, gradient)
        module:accUpdateGradParameters(input, gradient, 1)
        return param:detach():reshape(param:nElement())
      end)
      copy_all(before, params)
      return jacobian
    end

    function J.forwardUpdate(module, input, param, perturbation)
      return differences(module, input, param, perturbation_of(perturbation), function(row, value)
        row:mul(-1):add(value)
      end)
    end

    checks(J, torch, part)
    return J
  end

  nn.Jacobian = make(elements, function(p) return p or 1e-6 end)
  nn.SparseJacobian = make(values, function() return 1e-6 end)
end
