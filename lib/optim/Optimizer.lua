-- Optimizer: optimizers as objects: optim.SGD(params, {lr = 0.1}), then in each step
--
--   optimizer:zeroGrad()   loss:backward()   optimizer:step()
--
-- params is a list of tensors, or of groups {params = {...}, lr = ...} with options of their own.

local torch = require "torch"
local gradients = require("torch._each").gradients
local raise = require("torch.caller").raise
local unknown_option = require("torch.options").unknown

-- Torch7's names for options mean the same here.
local other_names = { learningRate = "lr", epsilon = "eps", learningRateDecay = "lrDecay" }

-- PyTorch's pairs, of options that are numbers here.
local pairs_of = { betas = { "beta1", "beta2" }, etas = { "etaMinus", "etaPlus" },
  stepSizes = { "minStep", "maxStep" } }

return function(optim)
  local Optimizer = torch.class("optim.Optimizer", optim)

  -- The options of a group: the defaults, then what was given.
  local function read_options(self, given, defaults)
    local options = {}
    for name, value in pairs(defaults) do options[name] = value end
    if type(given) ~= "table" then
      raise("%s: a table of options expected, got %s", torch.type(self), torch.type(given))
    end
    for name, value in pairs(given) do
      local own = other_names[name] or name
      local pair = pairs_of[name]
      if pair and defaults[pair[1]] ~= nil then
        if type(value) ~= "table" or type(value[1]) ~= "number" or type(value[2]) ~= "number" then
          raise("%s: option '%s' must be a table of two numbers", torch.type(self), name)
        end
        options[pair[1]], options[pair[2]] = value[1], value[2]
      elseif name ~= "params" and name ~= "names" then
        if defaults[own] == nil then unknown_option(torch.type(self), name, defaults) end
        if type(value) ~= type(defaults[own]) then
          raise("%s: option '%s' must be a %s, got %s", torch.type(self), name, type(defaults[own]),
            torch.type(value))
        end
        options[own] = value
      end
    end
    if self._check then self._check(options) end
    return options
  end

  local function add_group(self, params, options)
    if torch.isTensor(params) then params = { params } end
    if type(params) ~= "table" then
      raise("%s: a list of tensors expected, got %s", torch.type(self), torch.type(params))
    end
    local group = { params = {}, options = options }
    for i, p in ipairs(params) do
      if not torch.isTensor(p) then
        raise("%s: parameter %d is a %s, not a tensor", torch.type(self), i, torch.type(p))
      end
      self.count = self.count + 1
      group.params[i] = { value = p, index = self.count }
    end
    self.groups[#self.groups + 1] = group
  end

  --- optim.Optimizer(params, options, defaults)
  --
  -- The base of all optimizers that are objects, which say how a parameter changes.  Torch7's names of
  -- options (learningRate, epsilon, learningRateDecay) are taken too.
  --
  -- params: table of tensors, or of groups { params = {..}, lr = .., .. } with options of their own, such as
  --   module:parameterGroups(rules) gives
  -- options: table of options
  -- defaults: table of all options there are, for the classes above
  -- Returns: an optimizer
  -- Errors: an option does not exist or is of another type; params holds something else than tensors
  -- From: PyTorch's torch.optim
  -- Example:
  --   torch.isTypeOf(optim.SGD({ torch.ones(1) }), "optim.Optimizer") --> true
  function Optimizer:__init(params, options, defaults)
    -- optim.Adam(net:parameters()) passes the gradients as well, which come from the parameters anyway
    if type(options) == "table" and torch.isTensor(options[1]) then options = nil end
    options = options or {}
    self.groups, self.state, self.count = {}, {}, 0
    self.defaults = read_options(self, options, defaults or {})
    local first = type(params) == "table" and params[1]
    if type(first) == "table" and first.params then
      for _, group in ipairs(params) do self:addGroup(group) end
    else
      add_group(self, params, read_options(self, {}, self.defaults))
    end
    if self.count == 0 then raise("%s: a list of tensors expected, got an empty table", torch.type(self)) end
  end

  --- optimizer:addGroup(group); optimizer:addParamGroup(group); optimizer:set(name, value)
  --
  -- Adds parameters with options of their own; sets an option in all groups.
  --
  -- group: table { params = {..}, lr = .., .. }
  -- name: name of an option, as "lr"
  -- value: its value
  -- Returns: the optimizer
  -- Errors: there is no such option
  -- From: PyTorch's torch.optim
  -- Example:
  --   optimizer = optim.SGD({ torch.ones(1) }):addGroup { params = { torch.ones(2) }, lr = 0.1 }
  --   optimizer:set("lr", 0.5).groups[2].options.lr --> 0.5
  function Optimizer:addGroup(group)
    if type(group) ~= "table" or group.params == nil then
      raise("%s: a group is a table { params = {..} }", torch.type(self))
    end
    add_group(self, group.params, read_options(self, group, self.defaults))
    return self
  end

  Optimizer.addParamGroup = Optimizer.addGroup

  function Optimizer:set(name, value)
    local options = read_options(self, { [name] = value }, self.defaults)
    local own = other_names[name] or name
    self.defaults = options
    for _, group in ipairs(self.groups) do group.options[own] = options[own] end
    return self
  end

  --- optimizer:zeroGrad(); optimizer:step([closure])
  --
  -- Makes the gradients of all parameters zero; changes every parameter that has a gradient.
  --
  -- closure: function that is called first
  -- Returns: step: what closure returns
  -- From: PyTorch's torch.optim
  -- Example:
  --   p = torch.ones(1):requireGrad()
  --   optimizer = optim.SGD({ p }, { lr = 0.25 })
  --   optimizer:zeroGrad()
  --   torch.cmul(p, p):sum():backward()
  --   optimizer:step()
  --   p:item() --> 0.5
  function Optimizer:zeroGrad()
    local params, n = {}, 0
    for _, group in ipairs(self.groups) do
      for _, p in ipairs(group.params) do
        n = n + 1
        params[n] = p.value
      end
    end
    gradients.zero(params)
  end

  -- The states whose steps a graph is to count; nil where none is captured.
  local counted

  -- A graph would make again in each replay what the first step makes.
  function Optimizer:_needsStep()
    raise("%s: a graph cannot repeat a parameter's first step; step once before (warmup)", torch.type(self))
  end

  function Optimizer:_cannotChange(name)
    raise("%s: option '%s' is not what the graph was captured with; capture it again", torch.type(self), name)
  end

  -- A tensor like the parameter that is kept in its state, zeros at first.
  function Optimizer:_remembered(value, state, name)
    local t = state[name]
    if not t then
      if counted then self:_needsStep() end
      t = torch.zerosLike(value)
      state[name] = t
    end
    return t
  end

  local function state_of(self, p)
    local state = self.state[p.index]
    if not state then
      state = { step = 0 }
      self.state[p.index] = state
    end
    return state
  end

  -- What is remembered of a parameter, for its next step, which state.step counts from 1.
  function Optimizer:_nextState(p)
    local state = state_of(self, p)
    if counted then
      counted[#counted + 1] = state
    else
      state.step = state.step + 1
    end
    return state
  end

  -- Calls f(parameter, gradient, state) for each parameter that has a gradient; `early` calls come before
  -- the step is counted.
  function Optimizer:_eachGradient(group, f, early)
    for _, p in ipairs(group.params) do
      local grad = p.value.grad
      if grad then f(p.value, grad, (early and state_of or self._nextState)(self, p)) end
    end
  end

  -- Steps the parameters of a group one by one; classes with fused steps have their own.
  function Optimizer:_stepGroup(group)
    local one, options = self._one, group.options
    self:_eachGradient(group, function(value, grad, state) one(value, grad, options, state) end)
  end

  local function update_all(self)
    for _, group in ipairs(self.groups) do self:_stepGroup(group) end
  end

  -- A group's step inside of a graph: what it needs before each replay.
  local function capture_group(self, group)
    local states = {}
    for _, p in ipairs(group.params) do
      if p.value.grad and not tostring(p.value.device):find "^cuda" then
        raise("%s: parameter %d is not on the GPU, where a graph repeats steps", torch.type(self), p.index)
      end
    end
    counted = states
    local ok, check, advance = pcall(torch.noGrad, self._captureGroup, self, group, states)
    counted = nil
    if not ok then error(check, 0) end
    return { states = states, check = check, advance = advance }
  end

  -- A step inside of a graph: each replay counts it and has its own numbers.
  local function capture_all(self)
    if not self._captureGroup then
      raise("%s: a graph cannot repeat its steps; call step after the replay", torch.type(self))
    end
    local state, groups = self.state, {}
    for i, group in ipairs(self.groups) do groups[i] = capture_group(self, group) end
    torch.cuda._beforeReplay(function()
      if self.state ~= state then
        raise("%s: a state was loaded after the graph was captured; capture it again", torch.type(self))
      end
      for _, group in ipairs(groups) do group.check() end
    end, function()
      for _, group in ipairs(groups) do
        for _, s in ipairs(group.states) do s.step = s.step + 1 end
        if group.advance then group.advance() end
      end
    end)
  end

  function Optimizer:step(closure)
    local loss
    if closure then loss = closure() end
    if torch.cuda.isCapturing() then
      capture_all(self)
    else
      torch.noGrad(update_all, self)
    end
    return loss
  end

  local function copy_value(value)
    return torch.isTensor(value) and value:clone() or value
  end

  -- Scratch memory, whose name begins with an underscore, stays out.
  local function copy_table(t)
    local copy = {}
    for k, v in pairs(t) do
      if not tostring(k):find("^_") then copy[k] = copy_value(v) end
    end
    return copy
  end

  -- Whether what is remembered has the parameter's shape; Adafactor's rows and columns are means along the
  -- last dimension and the one before.
  local function fits(name, entry, value)
    local reduced = name == "rows" and value:dim() or name == "columns" and value:dim() - 1
    if not reduced or value:dim() < 2 then return entry:isSameSizeAs(value) end
    if entry:dim() ~= value:dim() then return false end
    for d = 1, value:dim() do
      if entry:size(d) ~= (d == reduced and 1 or value:size(d)) then return false end
    end
    return true
  end

  --- optimizer:stateDict(); optimizer:loadStateDict(dict)
  --
  -- Copies of the options and of what is remembered, as a table that torch.save takes; takes over what
  -- stateDict() of an optimizer with the same parameters gave.
  --
  -- dict: table
  -- Returns: stateDict: a table; loadStateDict: the optimizer
  -- Errors: the groups, the parameters or their shapes differ
  -- From: PyTorch's torch.optim
  -- Example:
  --   dict = optim.SGD({ torch.ones(1) }, { lr = 0.5 }):stateDict()
  --   optim.SGD({ torch.ones(1) }):loadStateDict(dict).groups[1].options.lr --> 0.5
  function Optimizer:stateDict()
    local dict = { state = {}, groups = {} }
    for index, state in pairs(self.state) do dict.state[index] = copy_table(state) end
    for i, group in ipairs(self.groups) do dict.groups[i] = copy_table(group.options) end
    return dict
  end

  function Optimizer:loadStateDict(dict)
    if type(dict) ~= "table" or type(dict.state) ~= "table" or type(dict.groups) ~= "table" then
      raise("loadStateDict: this is not what :stateDict() gives")
    end
    if #dict.groups ~= #self.groups then
      raise("loadStateDict: %d groups of parameters, the optimizer has %d", #dict.groups, #self.groups)
    end
    for i, options in ipairs(dict.groups) do
      if type(options) ~= "table" then raise("loadStateDict: the options of group %d are missing", i) end
    end
    local values = {}
    for _, group in ipairs(self.groups) do
      for _, p in ipairs(group.params) do values[p.index] = p.value end
    end
    local state = {}
    for index, entries in pairs(dict.state) do
      local value = values[index]
      if not value then raise("loadStateDict: there is no parameter %s", tostring(index)) end
      if type(entries) ~= "table" or type(entries.step) ~= "number" then
        raise("loadStateDict: the state of parameter %s is not what :stateDict() gives", tostring(index))
      end
      for name, entry in pairs(entries) do
        if torch.isTensor(entry) and not fits(name, entry, value) then
          raise("loadStateDict: '%s' of parameter %d has another shape than the parameter", name, index)
        end
      end
      state[index] = copy_table(entries)
      for name, entry in pairs(state[index]) do
        if torch.isTensor(entry) then state[index][name] = entry:typeAs(value) end
      end
    end
    for i, group in ipairs(self.groups) do
      group.options = read_options(self, copy_table(dict.groups[i]), self.defaults)
    end
    self.state = state
    return self
  end

  function Optimizer:__tostring__()
    local lines = { torch.type(self) .. " {" }
    for i, group in ipairs(self.groups) do
      local names, texts = {}, {}
      for name in pairs(group.options) do names[#names + 1] = name end
      table.sort(names)
      for k, name in ipairs(names) do texts[k] = ("%s = %s"):format(name, tostring(group.options[name])) end
      lines[#lines + 1] = ("  group %d: %d tensors, %s"):format(i, #group.params, table.concat(texts, ", "))
    end
    lines[#lines + 1] = "}"
    return table.concat(lines, "\n")
  end
end
