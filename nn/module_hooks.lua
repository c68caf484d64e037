-- module_hooks.lua: functions that are called when a module runs.

return function(nn, torch)
  local Module = nn.Module
  local tape, hooks = nn.tape, Module._hooks

  -- A hook that may be taken back.
  local function add(self, kind, f)
    if type(f) ~= "function" then
      error(("%s: a hook is a function, got a %s"):format(torch.typename(self), torch.type(f)), 3)
    end
    hooks[self] = hooks[self] or { before = {}, after = {}, backward = {} }
    local list, entry = hooks[self][kind], { f = f }
    list[#list + 1] = entry
    local handle = {}
    function handle.remove()
      for i, other in ipairs(list) do
        if other == entry then return table.remove(list, i) end
      end
    end
    return handle
  end

  --- module:registerForwardPreHook(f); module:registerForwardHook(f); module:registerBackwardHook(f)
  --
  -- Calls f(module, input) before the module computes its output, f(module, input, output) after it, or
  -- f(module, gradInput, gradOutput) in backward, when the gradient of the module's input is there.  What f
  -- returns, if anything, takes the place of the input, the output or gradInput.  Hooks are not saved or
  -- cloned with the module; those for backward are not called where no gradient of the input is wanted.
  --
  -- f: function
  -- Returns: a handle; handle.remove() takes the hook away
  -- Errors: f is no function
  -- From: PyTorch
  -- Example:
  --   net = nn.Linear(3, 2)
  --   handle = net:registerForwardHook(function(m, x, y) return y * 0 end)
  --   net:forward(torch.ones(3)):sum() --> 0.0
  --   handle.remove()
  function Module:registerForwardPreHook(f) return add(self, "before", f) end
  function Module:registerForwardHook(f) return add(self, "after", f) end
  function Module:registerBackwardHook(f) return add(self, "backward", f) end

  -- The same tensors on the tape, with a node whose backward calls f with their gradients; f may give
  -- others.
  local function watched(value, f)
    local list = tape.flatten(value)
    if #list == 0 then return value end
    local copies = {}
    for i, t in ipairs(list) do copies[i] = t:detach():clone() end
    local made, at = torch._custom(list, copies, f), 0
    return tape.map(value, function()
      at = at + 1
      return made[at]
    end)
  end

  -- Gradients, in the form of a value.
  local function formed(value, grads)
    local at = 0
    return tape.map(value, function()
      at = at + 1
      return grads[at]
    end)
  end

  local function watch_backward(self, list, input, compute, ...)
    local gradOutput
    local plain = tape.detach(input)
    local entered = watched(input, function(...)
      local gradInput = formed(plain, { ... })
      for _, hook in ipairs(list) do
        local other = hook.f(self, gradInput, gradOutput)
        if other ~= nil then gradInput = other end
      end
      return table.unpack(tape.flatten(gradInput))
    end)
    local results = table.pack(compute(self, entered, ...))
    local output = tape.detach(results[1])
    results[1] = watched(results[1], function(...)
      gradOutput = formed(output, { ... })
      return ...
    end)
    return table.unpack(results, 1, results.n)
  end

  function Module._with_hooks(own, compute, self, input, ...)
    for _, hook in ipairs { table.unpack(own.before) } do
      local other = hook.f(self, input)
      if other ~= nil then input = other end
    end
    local results
    if #own.backward > 0 and torch.isGradEnabled() then
      results = table.pack(watch_backward(self, own.backward, input, compute, ...))
    else
      results = table.pack(compute(self, input, ...))
    end
    for _, hook in ipairs { table.unpack(own.after) } do
      local other = hook.f(self, input, results[1])
      if other ~= nil then results[1] = other end
    end
    return table.unpack(results, 1, results.n)
  end
end
