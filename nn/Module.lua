-- Module.lua: the base of all modules.

return function(nn, torch)
  local Module = torch.class("nn.Module")
  local tape = nn.tape

  -- The last forward call of each module, from which backward is run.  Not in the module itself, so
  -- that saving or cloning it does not see it.
  local recorded = setmetatable({}, { __mode = "k" })

  --- nn.Module()
  --
  -- The base of all modules.  A class of its own sets its tensors in __init and writes
  -- updateOutput(input) with differentiable functions; the gradients come from the tape.  One that
  -- writes updateGradInput(input, gradOutput) and accGradParameters(input, gradOutput, scale) too
  -- computes them by hand, as in Torch7.  The fields weight, bias, gradWeight and gradBias are known to
  -- the methods below, as are output, gradInput and train.
  --
  -- Returns: an nn.Module
  -- From: Torch7
  -- Example:
  --   Twice, parent = torch.class("Twice", "nn.Module", {})
  --   function Twice:updateOutput(input) return input * 2 end
  --   Twice.new():forward(torch.ones(3)):sum() --> 6.0
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

  -- The gradients of the parameters are the tensors that Torch7's protocol knows.
  function Module:_link()
    if self.weight and self.gradWeight then torch._linkgrad(self.weight, self.gradWeight) end
    if self.bias and self.gradBias then torch._linkgrad(self.bias, self.gradBias) end
  end

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
    local made = torch._custom(inputs, outputs, function(...)
      local grads, at = { ... }, 0
      local gradOutput = tape.map(output, function()
        at = at + 1
        return grads[at]
      end)
      if self._functional then for _, g in ipairs(gradParams or {}) do g:zero() end end
      self:updateGradInput(plain, gradOutput)
      self:accGradParameters(plain, gradOutput, not self._functional and nn._scale or 1)
      local given = tape.flatten(self.gradInput)
      for i = 1, n do -- an empty gradInput stands for none
        if given[i] and given[i]:nElement() == 0 and inputs[i]:nElement() > 0 then given[i] = false end
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

  -- Runs the module on the tape.  A copy that torch.func.functionalCall made (_functional) has parameters
  -- that may be results; their gradients go on along the tape and not into gradWeight.
  function Module:_run(input)
    local output
    if by_hand(self) then
      output = run_by_hand(self, input)
    else
      if not self._functional then self:_link() end
      output = self:updateOutput(input)
    end
    tape.note(self, input, output)
    return output
  end

  function Module:__call(input, ...)
    if input == nil then error(torch.typename(self) .. ": an input is missing", 2) end
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
  function Module:updateOutput(_)
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
    local leaves = tape.leaves(input)
    local output, calls = tape.record(self._run, self, leaves)
    recorded[self] = { leaves = leaves, output = output, calls = calls }
    tape.keep(calls)
    return self.output
  end

  local function last_forward(self, input)
    if not recorded[self] then self:forward(input) end
    return recorded[self]
  end

  --- module:backward(input, gradOutput [, scale])
  -- module:updateGradInput(input, gradOutput)
  -- module:accGradParameters(input, gradOutput [, scale])
  -- module:accUpdateGradParameters(input, gradOutput, lr)
  --
  -- After module:forward(input): the gradient with respect to the input, which is kept in
  -- module.gradInput, and scale times those with respect to the parameters, which are added to
  -- gradWeight and gradBias.  updateGradInput does the first only, accGradParameters the second;
  -- accUpdateGradParameters subtracts lr times the second from the parameters at once.
  --
  -- input: what forward was given
  -- gradOutput: gradient with respect to the output, of its shape
  -- scale: number, 1 by default
  -- lr: number
  -- Returns: backward and updateGradInput: gradInput, of the input's shape
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
    self.gradInput = tape.gradients(last_forward(self, input), gradOutput,
      { accumulate = true, scale = scale })
    return self.gradInput
  end

  function Module:updateGradInput(input, gradOutput)
    self.gradInput = tape.gradients(last_forward(self, input), gradOutput, {})
    return self.gradInput
  end

  function Module:accGradParameters(input, gradOutput, scale)
    if by_hand(self) or not self:parameters() then return end
    tape.gradients(last_forward(self, input), gradOutput, { accumulate = true, scale = scale })
  end

  function Module:accUpdateGradParameters(input, gradOutput, lr)
    local _, grads = self:parameters()
    local kept = {}
    for i, g in ipairs(grads or {}) do kept[i] = g:clone() end
    self:zeroGradParameters()
    self:accGradParameters(input, gradOutput, 1)
    self:updateParameters(lr)
    for i, g in ipairs(grads or {}) do g:copy(kept[i]) end
  end

  -- ---- parameters ----------------------------------------------------------------------------------

  --- module:parameters()
  --
  -- The parameters and their gradients, of modules inside too.
  --
  -- Returns: two tables of tensors; nothing when there are none
  -- From: Torch7
  -- Example:
  --   params, grads = nn.Linear(3, 2):parameters()
  --   #params, params[1]:size(2) --> 2 3
  function Module:parameters()
    if self.weight and self.bias then
      return { self.weight, self.bias }, { self.gradWeight, self.gradBias }
    elseif self.weight then
      return { self.weight }, { self.gradWeight }
    elseif self.bias then
      return { self.bias }, { self.gradBias }
    end
  end

  --- module:zeroGradParameters(); module:updateParameters(lr)
  --
  -- Makes the gradients of the parameters zero; subtracts lr times them from the parameters.
  --
  -- lr: number
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(1, 1)
  --   module.gradBias:fill(1)
  --   before = module.bias[1]
  --   module:updateParameters(0.5)
  --   math.abs(before - module.bias[1] - 0.5) < 1e-6 --> true
  function Module:zeroGradParameters()
    local _, grads = self:parameters()
    for _, g in ipairs(grads or {}) do g:zero() end
  end

  function Module:updateParameters(lr)
    local params, grads = self:parameters()
    torch.noGrad(function()
      for i, p in ipairs(params or {}) do p:add(-lr, grads[i]) end
    end)
  end

  -- Where the elements of some tensors go when they are laid out one behind the other: tensors that
  -- share elements keep sharing them.
  local function lay_out(tensors)
    local storages, order = {}, {}
    for _, t in ipairs(tensors) do
      local key = torch.pointer(t:storage())
      if not storages[key] then
        storages[key] = {}
        order[#order + 1] = key
      end
      local first, last = t:storageOffset(), t:storageOffset()
      for d = 1, t:dim() do last = last + (t:size(d) - 1) * t:stride(d) end
      table.insert(storages[key], { first = first, last = last, source = t })
    end
    local runs, total = {}, 0
    for _, key in ipairs(order) do
      local parts = storages[key]
      table.sort(parts, function(a, b) return a.first < b.first end)
      local run
      for _, part in ipairs(parts) do
        if not run or part.first > run.last then
          run = { key = key, first = part.first, last = part.last, source = part.source }
          runs[#runs + 1] = run
        end
        run.last = math.max(run.last, part.last)
      end
    end
    for _, run in ipairs(runs) do
      run.start = total + 1
      total = total + run.last - run.first + 1
    end
    return runs, total
  end

  -- One vector that holds the elements of all the tensors; they become views of it.
  function Module._flatten(tensors)
    if #tensors == 0 then return torch.Tensor() end
    return torch.noGrad(function()
      local runs, total = lay_out(tensors)
      local flat = tensors[1].new(total)
      local where = {}
      for _, run in ipairs(runs) do
        local length = run.last - run.first + 1
        local old = run.source.new(run.source:storage(), run.first, torch.LongStorage { length })
        flat:narrow(1, run.start, length):copy(old)
        where[run.key] = where[run.key] or {}
        table.insert(where[run.key], run)
      end
      for _, t in ipairs(tensors) do
        local offset = t:storageOffset()
        for _, run in ipairs(where[torch.pointer(t:storage())] or {}) do
          if offset >= run.first and offset <= run.last then
            t:set(flat:storage(), run.start + offset - run.first, t:size(), t:stride())
            break
          end
        end
      end
      return flat
    end)
  end

  --- module:getParameters()
  --
  -- All parameters as one vector and all gradients as another; the modules' own tensors become views
  -- of them.  Call it once, before training.
  --
  -- Returns: two vectors
  -- From: Torch7
  -- Example:
  --   params, grads = nn.Linear(3, 2):getParameters()
  --   params:size(1), grads:size(1) --> 8 8
  function Module:getParameters()
    local params, grads = self:parameters()
    if not params then return torch.Tensor(), torch.Tensor() end
    recorded[self] = nil
    return Module._flatten(params), Module._flatten(grads)
  end

  -- ---- the tree of modules -----------------------------------------------------------------------------

  --- module:apply(f); module:listModules(); module:replace(f)
  --
  -- Calls a function with the module and all modules inside it; gives them as a list; or puts f(m) in
  -- the place of each module m, from the inside out.
  --
  -- f: function of a module
  -- Returns: listModules: a table; replace: what took the module's own place
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Tanh()):add(nn.ReLU())
  --   #net:listModules() --> 3
  --   net:replace(function(m) return torch.typename(m) == "nn.Tanh" and nn.Identity() or m end)
  --   torch.typename(net:get(1)) --> nn.Identity
  function Module:apply(f)
    f(self)
    for _, m in ipairs(self.modules or {}) do m:apply(f) end
  end

  function Module:listModules()
    local list = {}
    self:apply(function(m) list[#list + 1] = m end)
    return list
  end

  --- module:findModules(typename)
  --
  -- All modules of a class, and the containers that hold them.
  --
  -- typename: name of the class, as "nn.Linear"
  -- Returns: two tables
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(2, 2)):add(nn.ReLU())
  --   found, holders = net:findModules("nn.Linear")
  --   #found, holders[1] == net --> 1 true
  function Module:findModules(typename, container)
    local found, holders = {}, {}
    if torch.typename(self) == typename then
      found[1], holders[1] = self, container or self
    end
    for _, m in ipairs(self.modules or {}) do
      local f, h = m:findModules(typename, self)
      for i = 1, #f do
        found[#found + 1], holders[#holders + 1] = f[i], h[i]
      end
    end
    return found, holders
  end

  function Module:replace(f)
    for i, m in ipairs(self.modules or {}) do self.modules[i] = m:replace(f) end
    return f(self)
  end

  --- module:training(); module:evaluate()
  --
  -- Sets module.train, of modules inside too: nn.Dropout and nn.BatchNormalization do other things
  -- while training.
  --
  -- From: Torch7
  -- Example:
  --   module = nn.Dropout()
  --   module:evaluate()
  --   module:forward(torch.ones(9)):sum() --> 9.0
  function Module:training()
    self:apply(function(m) m.train = true end)
  end

  function Module:evaluate()
    self:apply(function(m) m.train = false end)
  end

  --- module:reset([stdv])
  --
  -- Gives the parameters, of modules inside too, their values to start with.
  --
  -- stdv: number: the standard deviation, in place of the class's own
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(2, 2)
  --   module:reset(0)
  --   module.weight:sum() --> 0.0
  function Module:reset(stdv)
    for _, m in ipairs(self.modules or {}) do m:reset(stdv) end
  end

  --- module:clearState()
  --
  -- Drops outputs and other buffers, so that the model is small when saved.
  --
  -- Returns: the module
  -- From: Torch7
  -- Example:
  --   module = nn.Tanh()
  --   module:forward(torch.ones(9))
  --   module:clearState().output:nElement() --> 0
  function Module:clearState()
    recorded[self] = nil
    self.output, self.gradInput = torch.Tensor(), torch.Tensor()
    if self._type ~= self.output:type() then
      self.output, self.gradInput = self.output:type(self._type), self.gradInput:type(self._type)
    end
    return self
  end

  -- ---- copies and types -----------------------------------------------------------------------------------

  --- module:clone(...); module:share(other, ...)
  --
  -- A copy with tensors of its own, but for those whose names are given, which stay shared; share makes
  -- the named tensors views of another module's.
  --
  -- other: module of the same structure
  -- ...: names, as "weight", "bias"
  -- Returns: clone: the copy; share: the module
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(2, 2)
  --   copy = module:clone("weight")
  --   copy.weight:isSetTo(module.weight), copy.bias:isSetTo(module.bias) --> true false
  function Module:clone(...)
    local copy = torch.deserialize(torch.serialize(self))
    if select("#", ...) > 0 then copy:share(self, ...) end
    return copy
  end

  function Module:share(other, ...)
    for _, name in ipairs { ... } do
      if torch.isTensor(self[name]) and torch.isTensor(other[name]) then self[name]:set(other[name]) end
    end
    for i, m in ipairs(self.modules or {}) do m:share(other.modules[i], ...) end
    return self
  end

  local is_float = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

  -- A tensor of another type; tensors that shared a storage share the new one too.
  local function converted(t, typename, storages)
    local storage = t:storage()
    if not storage or t:nElement() == 0 then return t:detach():type(typename) end
    local key = torch.pointer(storage)
    if not storages[key] then
      local whole = t.new(storage, 1, torch.LongStorage { storage:size() })
      storages[key] = whole:type(typename):storage()
    end
    local new = t.new():type(typename)
    return new:set(storages[key], t:storageOffset(), t:size(), t:stride())
  end

  -- Converts the tensors in a nested table in place: type_for gives the name of a tensor's new type.
  local function convert(value, type_for, tensors, storages, visited)
    if visited[value] or value.dontCast then return end -- dontCast as in nn.Copy
    visited[value] = true
    recorded[value] = nil
    if value._keepsTypes then -- nn.DontCast: what is inside stays as it is
      value._type = type_for(value._type)
      return
    end
    for k, v in pairs(value) do
      if torch.isTensor(v) then
        local key, wanted = torch.pointer(v), type_for(v:type())
        if not tensors[key] and v:type() ~= wanted then tensors[key] = converted(v, wanted, storages) end
        value[k] = tensors[key] or v
      elseif type(v) == "table" then
        convert(v, type_for, tensors, storages, visited)
      end
    end
    if value._type then value._type = type_for(value._type) end
  end

  -- The name of the same type in host memory, or on the CUDA device.
  local function in_host(name) return torch._kind(name, false) end
  local function on_cuda(name) return torch._kind(name, true) end

  local function convert_all(module, type_for)
    torch.noGrad(convert, module, type_for, {}, {}, {})
    return module
  end

  --- module:type([typename]); module:float(); module:double(); module:half(); module:cuda(); module:cpu()
  --
  -- The type of the module's tensors; or converts them.  A float type is for the module's float tensors;
  -- the others stay what they are, but go to the same device: "torch.CudaTensor" is float32 on the CUDA
  -- device, "torch.FloatTensor" in host memory.  cuda and cpu move everything and change no type; run as
  -- th, cuda() is type("torch.CudaTensor").
  --
  -- typename: string, as "torch.DoubleTensor"
  -- Returns: a string; or the module
  -- Errors: there is no CUDA device
  -- From: Torch7
  -- Example:
  --   nn.Linear(2, 2):double().weight:type() --> torch.DoubleTensor
  function Module:type(typename)
    if not typename then return self._type end
    local short = not typename:find("^torch%.")
    local cuda = (short and self._type or typename):find("^torch%.Cuda") ~= nil
    local wanted = torch._kind(typename, cuda)
    return convert_all(self, function(name)
      local same, dtype = torch._kind(name, cuda)
      return is_float[dtype] and wanted or same
    end)
  end

  function Module:float() return self:type("torch.FloatTensor") end
  function Module:double() return self:type("torch.DoubleTensor") end
  function Module:half() return self:type("torch.HalfTensor") end
  function Module:cpu() return convert_all(self, in_host) end
  function Module:cuda()
    torch.cuda.setDevice(torch.cuda.getDevice()) -- says what is missing where there is no device
    if torch._torch7() then return self:type("torch.CudaTensor") end
    return convert_all(self, on_cuda)
  end

  -- ---- text -------------------------------------------------------------------------------------------

  function Module:__tostring()
    return torch.typename(self)
  end
end
