-- NaN.lua: a module that is watched for NaN.

return function(nn, torch)
  local NaN, parent = torch.class("nn.NaN", "nn.Decorator")
  local tape = nn.tape

  local last = 0

  --- nn.NaN(module [, id])
  --
  -- The module itself; NaN in what it gives is an error that says where it comes from: input, parameters or
  -- module, and on the way back gradOutput or module.
  --
  -- module: nn.Module
  -- id: what the message names it by; a new number if left out
  -- Returns: a module
  -- Errors: there is NaN
  -- From: Torch7
  -- Example:
  --   module = nn.NaN(nn.Log())
  --   pcall(module.forward, module, torch.Tensor { -1 }) == false --> true
  function NaN:__init(module, id)
    parent.__init(self, module)
    if not id then
      last = last + 1
      id = last
    end
    self.id = id
  end

  local function has_nan(value)
    local found = false
    tape.each(value, function(t)
      local sum = t:nElement() > 0 and t:detach():sum() or 0
      found = found or sum ~= sum
    end)
    return found
  end

  local function complain(self, where)
    error(("NaN found in %s of module:\n%s"):format(where, tostring(self)), 0)
  end

  -- The tensors as they are; what comes back through them is handed to f.
  local watch = torch.Function {
    name = "nn.NaN",
    forward = function(ctx, x, f)
      ctx.f = f
      return x
    end,
    backward = function(ctx, g)
      ctx.f(g)
      return g
    end,
  }

  function NaN:updateOutput(input)
    local from_above = false
    local watched = tape.map(input, function(t)
      return watch(t, function(g)
        if has_nan(g) then complain(self, from_above and "gradOutput" or "gradInput") end
      end)
    end)
    local output = self.modules[1]:_run(watched)
    if has_nan(output) then
      if has_nan(input) then complain(self, "input") end
      complain(self, has_nan((self:parameters())) and "parameters" or "output")
    end
    return tape.map(output, function(t)
      return watch(t, function(g) from_above = from_above or has_nan(g) end)
    end)
  end

  function NaN:accGradParameters(input, gradOutput, scale)
    parent.accGradParameters(self, input, gradOutput, scale)
    local _, grads = self:parameters()
    if has_nan(grads or {}) then complain(self, "gradParameters") end
  end

  function NaN:__tostring__()
    return ("%s(%s) @ %s"):format(torch.typename(self), self.id, tostring(self.modules[1]))
  end
end
