-- Module.lua: the base of all modules.

local caller = require "torch.caller"

return function(nn, torch)
  local Module = torch.class("nn.Module")
  local tape = nn.tape

  -- The last forward call of each module, from which backward is run.  Not in the module itself, so
  -- that saving or cloning it does not see it.
  local recorded = setmetatable({}, { __mode = "k" })
  local inner = setmetatable({}, { __mode = "k" }) -- the inputs that derived classes gave to updateOutput

  local hooks = setmetatable({}, { __mode = "k" }) -- by module; see module_hooks.lua
  Module._hooks = hooks

  --- nn.Module()
  --
  -- The base of all modules.  A class of its own sets its tensors in __init and writes
  -- updateOutput(input) with differentiable functions; the gradients come from the tape.  One that
  -- writes updateGradInput(input, gradOutput) and accGradParameters(input, gradOutput, scale) too
  -- computes them by hand, as in Torch7.  The fields weight, bias, gradWeight and gradBias are known to
  -- the methods below, as are output, gradInput and train.  A class that writes forward(input) in place of
  -- updateOutput, as in PyTorch, is called as module(input).
  --
  -- Returns: an nn.Module
  -- From: Torch7
  -- Example:
  --   Twice, parent = torch.class("Twice", "nn.Module", {})
  --   function Twice:updateOutput(input) return input * 2 end
  --   Twice():forward(torch.ones(3)):sum() --> 6.0
  function Module:__init()
    self.gradInput = torch.Tensor()
    self.output = torch.Tensor()
    self._type = torch.getdefaulttensortype()
  end

  -- ---- running -----------------------------------------------------------------------------------

  -- A class with an updateGradInput of its own computes its gradients by hand, as Torch7's did.
  local function by_hand(self)
    return self.updateGradInput ~= Module.updateGradInput
  end

  Module._by_hand = by_hand

  -- A module with gradients by hand, as one function on the tape.
  local function run_by_hand(self, input)
    local plain = tape.detach(input)
    local output = torch.noGrad(function() return self:updateOutput(plain) end)
    local inputs, outputs = tape.flatten(input), tape.flatten(output)
    local n = #inputs
    local params, gradParams = self:parameters()
    for _, p in ipairs(params or {}) do
      if not self._functional and not p.requiresGrad then p:requireGrad() end
      inputs[#inputs + 1] = p
    end
    for i, t in ipairs(outputs) do outputs[i] = t:clone() end
    local reached = false -- whether it has its gradInput: it may count its calls, so each half runs once
    local made = torch._custom(inputs, outputs, function(...)
      local grads, at = { ... }, 0
      local gradOutput = tape.map(output, function()
        at = at + 1
        return grads[at]
      end)
      if self._functional then for _, g in ipairs(gradParams or {}) do g:zero() end end
      local half, classic = tape.half()
      half = not self._functional and half
      local scale = not self._functional and nn._scale or 1
      if half == "input" or (half == "parameters" and not reached) then
        self:updateGradInput(plain, gradOutput)
        reached = true
      end
      if half == "parameters" then
        self:accGradParameters(plain, gradOutput, scale)
      elseif not half then
        self:backward(plain, gradOutput, scale)
        reached = true
      end
      local given = tape.flatten(self.gradInput)
      for i = 1, n do -- an empty gradInput stands for none; the module writes its own again
        local g = given[i]
        if g and g:nElement() == 0 and inputs[i]:nElement() > 0 then
          given[i] = false
        elseif g and not classic then
          given[i] = g:clone()
        end
      end
      if not self._functional then return table.unpack(given, 1, n) end
      for i, g in ipairs(gradParams or {}) do given[n + i] = g:clone() end
      return table.unpack(given, 1, #inputs)
    end)
    local at = 0
    return tape.map(output, function()
      at = at + 1
      return made[at]
    end)
  end

  -- ---- on the tape ----

  -- The modules that are running, outermost first, and their inputs: for the path in an error.
  local running, inputs, depth = {}, {}, 0

  local function compute(self, input, ...)
    if by_hand(self) then return run_by_hand(self, input) end
    -- A copy that torch.func.functionalCall made (_functional) has parameters that may be results; their
    -- gradients go on along the tape and not into gradWeight.
    if not self._functional then self:_link() end
    if self._derived then nn.utils._derive(self) end
    return self:updateOutput(input, ...)
  end

  local function finish(self, at, order, input, ...)
    depth = at - 1
    running[at], inputs[at] = nil, nil
    tape.note(self, input, (...), at, order)
    return ...
  end

  local function run(self, input, ...)
    local at, order = depth + 1, tape.enter()
    depth, running[at], inputs[at] = at, self, input
    if hooks[self] then
      return finish(self, at, order, input, Module._with_hooks(hooks[self], compute, self, input, ...))
    end
    return finish(self, at, order, input, compute(self, input, ...))
  end

  -- "Sequential[3]:SpatialConvolution": the way to the module that failed.
  local function path()
    local steps = {}
    for i = 1, depth do
      local place = i < depth and running[i]:_place(running[i + 1]) or ""
      steps[i] = torch.typename(running[i]):match("[^.]*$") .. place
    end
    return table.concat(steps, ":")
  end

  -- Torch7's way to say it, for programs that look for it.
  local function torch7_path(message)
    local lines = {}
    for i = 1, depth - 1 do
      local index, node = running[i]:_place(running[i + 1]):match("^%[(%d+) ?(.*)%]$")
      local name = torch.typename(running[i])
      if node and node ~= "" then index = ("%s (%s)"):format(index, node) end
      if index then lines[#lines + 1] = ("In %s module of %s:\n"):format(index, name) end
    end
    return table.concat(lines) .. message
  end

  -- What a class of nn says of an input that is neither a tensor nor a table, rather than what its functions
  -- do; those of a script may take anything.
  local function mistaken_input(message)
    local module, input = running[depth], inputs[depth]
    if not rawget(getmetatable(module), "_guarded") or torch.isTensor(input) or type(input) == "table"
      or tostring(message):find(": the input is a ", 1, true) then
      return nil
    end
    return ("%s: %s: the input is a %s, wanted a tensor or a table of tensors"):format(caller.position(),
      torch.typename(module), torch.type(input))
  end

  -- What ran the outermost module gives: the results, or an error that says where it was.
  local function settle(ok, ...)
    if ok then return ... end
    local message = ...
    if depth > 0 then message = mistaken_input(message) or message end
    if type(message) == "string" and depth > 0 then
      if torch._torch7() then
        message = torch7_path(message)
      else
        message = ("%s\n  in %s, given %s"):format(message, path(), tape.describe(inputs[depth]))
      end
    end
    running, inputs, depth = {}, {}, 0
    error(message, 0)
  end

  local th = torch._torch7()

  -- Runs the module on the tape.
  function Module:_run(input, ...)
    if depth > 0 then return run(self, input, ...) end
    return settle(pcall(run, self, input, ...))
  end

  --- module:__call(input, ...)
  --
  -- module(input, ...) runs the module on the tape: gradients flow from its output to the input and to the
  -- parameters, into parameter.grad, which are gradWeight, gradBias, ...  An error inside names the way to
  -- the module it comes from.  Run as th, and not inside torch.enableGrad, it is what Torch7 has:
  -- module(input, gradOutput) is forward and, with a gradOutput, backward.
  --
  -- input, ...: as the class says
  -- Returns: the output, and whatever else updateOutput gives
  -- Errors: those of the functions that compute the output
  -- From: PyTorch
  -- Example:
  --   module = nn.Linear(3, 2)
  --   module(torch.ones(3)):sum():backward()
  --   module.weight.grad == module.gradWeight, module.gradBias:sum() --> true 2.0
  function Module:__call(input, ...)
    if input == nil then error(torch.typename(self) .. ": an input is missing", 2) end
    if th and not torch.isGradEnabled() then
      local output, gradOutput = self:forward(input), (...)
      if gradOutput == nil then return output end
      return output, self:backward(input, gradOutput)
    end
    return self:_run(input, ...)
  end

  --- module:updateOutput(input)
  --
  -- What a class writes: the output for an input.  Call module(x) or module:forward(x) instead, which
  -- see to the gradients.
  --
  -- input: tensor, or table of tensors, as the class says
  -- Returns: the output
  -- From: Torch7
  -- Example:
  --   nn.Tanh():updateOutput(torch.zeros(2)):sum() --> 0.0
  function Module:updateOutput(...)
    if self.forward ~= Module.forward then return self:forward(...) end
    return self.output
  end

  --- module:forward(input)
  --
  -- Computes and keeps the output, in module.output; module:backward(input, gradOutput) may follow.
  -- module(x) gives the output on the tape instead, so that loss:backward() reaches the parameters.
  --
  -- input: tensor, or table of tensors, as the class says
  -- Returns: the output, not on the tape
  -- From: Torch7
  -- Example:
  --   nn.Linear(3, 2):forward(torch.ones(4, 3)):size(2) --> 2
  function Module:forward(input)
    if by_hand(self) then return self:updateOutput(input) end
    return self:_record(self._run, input)
  end

  function Module:_record(f, input)
    local leaves, originals = tape.leaves(input)
    inner[self] = nil
    local output, calls = tape.record(f, self, leaves)
    recorded[self] = { leaves = leaves, output = output, calls = calls, input = tape.hold(input),
      inner = inner[self] }
    tape.keep(calls, originals)
    return self.output
  end

  -- Makes a class's updateOutput, when anyone but _run calls it, forward, as in Torch7: a container that
  -- computes its gradients by hand calls it, and so does a class by hand that is derived from this one.
  function Module._guard(class)
    local plain = rawget(class, "updateOutput")
    rawset(class, "_guarded", true)
    if not plain then return end

    local function whole(self, input)
      self:_link()
      if self._derived then nn.utils._derive(self) end
      local order, output = tape.enter(), plain(self, input)
      tape.note(self, input, output, depth + 1, order)
      return output
    end

    function class:updateOutput(...)
      if not by_hand(self) then
        if running[depth] == self then
          if (...) ~= inputs[depth] then inner[self] = tape.hold((...)) end
          return plain(self, ...)
        end
        return self:forward(...)
      end
      return self:_record(whole, ...)
    end
  end

  -- What backward starts from: the last forward, unless that was of another input.  For parameters alone the
  -- input may be what a derived class made of its own for this class's updateOutput.
  local function last_forward(self, input, parameters)
    local record = recorded[self]
    local same = record and tape.same(record.input, input)
      or (parameters and record and record.inner and tape.same(record.inner, input))
    if not same then self:forward(input) end
    return recorded[self]
  end

  -- What nn.gModule adds to.
  function Module:_gradients(record, gradOutput, opts)
    return tape.gradients(record, gradOutput, opts)
  end

  -- Drops what the last forward kept.
  function Module:_forget()
    recorded[self] = nil
  end

  --- module:backward(input, gradOutput [, scale])
  -- module:updateGradInput(input, gradOutput)
  -- module:accGradParameters(input, gradOutput [, scale])
  -- module:accUpdateGradParameters(input, gradOutput, lr)
  -- module:sharedAccUpdateGradParameters(input, gradOutput, lr)
  -- module:defaultAccUpdateGradParameters(input, gradOutput, lr)
  -- module:backwardUpdate(input, gradOutput, lr)
  --
  -- After module:forward(input): the gradient with respect to the input, which is kept in
  -- module.gradInput, and scale times those with respect to the parameters, which are added to
  -- gradWeight and gradBias.  updateGradInput does the first only, accGradParameters the second;
  -- accUpdateGradParameters, which has three names, subtracts lr times the second from the parameters at
  -- once, and backwardUpdate does the first and that.  For another input than forward's the output is
  -- computed again.
  --
  -- input: what forward was given
  -- gradOutput: gradient with respect to the output, of its shape
  -- scale: number, 1 by default
  -- lr: number
  -- Returns: backward, updateGradInput and backwardUpdate: gradInput, of the input's shape
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(3, 2)
  --   x = torch.ones(3)
  --   y = module:forward(x)
  --   module:zeroGradParameters()
  --   module:backward(x, torch.ones(2)):size(1), module.gradBias:sum() --> 3 2.0
  function Module:backward(input, gradOutput, scale)
    if by_hand(self) or self.accGradParameters ~= Module.accGradParameters then
      self:updateGradInput(input, gradOutput)
      self:accGradParameters(input, gradOutput, scale or 1)
      return self.gradInput
    end
    self.gradInput = self:_gradients(last_forward(self, input), gradOutput,
      { accumulate = true, scale = scale })
    return self.gradInput
  end

  function Module:updateGradInput(input, gradOutput)
    local record = last_forward(self, input)
    record.gradOutput = gradOutput
    self.gradInput = self:_gradients(record, gradOutput, { half = "input" })
    return self.gradInput
  end

  function Module:accGradParameters(input, gradOutput, scale)
    if not self:parameters() then return end
    if by_hand(self) and not recorded[self] then return self:_accumulate(input, gradOutput, scale) end
    self:_gradients(last_forward(self, input, true), gradOutput,
      { accumulate = true, scale = scale, half = "parameters" })
  end

  function Module:accUpdateGradParameters(input, gradOutput, lr)
    self:sharedAccUpdateGradParameters(input, gradOutput, lr)
  end

  -- What a class by hand that writes updateGradInput only inherits; for nn.Decorator to say.
  function Module:_accumulate() end

  -- What the last updateGradInput was given.
  function Module:_lastGradOutput()
    return recorded[self] and recorded[self].gradOutput
  end

  function Module:sharedAccUpdateGradParameters(input, gradOutput, lr)
    local _, grads = self:parameters()
    local kept = {}
    for i, g in ipairs(grads or {}) do kept[i] = g:clone() end
    self:zeroGradParameters()
    self:accGradParameters(input, gradOutput, 1)
    self:updateParameters(lr)
    for i, g in ipairs(grads or {}) do g:copy(kept[i]) end
  end
  Module.defaultAccUpdateGradParameters = Module.sharedAccUpdateGradParameters

  function Module:backwardUpdate(input, gradOutput, lr)
    self:updateGradInput(input, gradOutput)
    self:accUpdateGradParameters(input, gradOutput, lr)
    return self.gradInput
  end

  -- The class, and the modules in the fields of one that is not nn's.
  function Module:__tostring()
    local lines = { torch.typename(self) }
    local whole = not lines[1]:find "^nn%."
    for _, child in ipairs(self:namedChildren()) do
      if whole and child.field then
        lines[#lines + 1] = ("  (%s): %s"):format(child.field, nn.indented(tostring(child.module)))
      end
    end
    if #lines == 1 then return lines[1] end
    lines[1] = lines[1] .. " {"
    lines[#lines + 1] = "}"
    return table.concat(lines, "\n")
  end
end
