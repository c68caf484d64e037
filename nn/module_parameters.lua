-- module_parameters.lua: the parameters of modules: their names, their gradients, all in one vector.

local each = require "torch._each"
local raise = require("torch.caller").raise

return function(nn, torch)
  local Module = nn.Module

  -- weight has gradWeight, in_proj has gradIn_proj.
  local gradient_names = {}
  local function gradient_name(name)
    local known = gradient_names[name]
    if not known then
      known = "grad" .. name:sub(1, 1):upper() .. name:sub(2)
      gradient_names[name] = known
    end
    return known
  end

  -- ---- of one module ------------------------------------------------------------------------------

  --- module:registerParameter(name [, tensor]); module:registerBuffer(name [, tensor])
  --
  -- For the __init of a class: makes a tensor a parameter, module[name], with a gradient of zeros beside it,
  -- in module.gradName for a parameter called name; or a tensor that is kept and saved with the
  -- module but not trained.  weight and bias are parameters by themselves when gradWeight and gradBias are
  -- there.  May be called at any time; without a tensor it takes the parameter away.
  --
  -- name: string
  -- tensor: tensor of a float type; a buffer is of any type
  -- Returns: the tensor
  -- Errors: the name is no string, or the tensor is none
  -- From: PyTorch
  -- Example:
  --   Scale = torch.class("Scale", "nn.Module", {})
  --   function Scale:__init() nn.Module.__init(self) self:registerParameter("factor", torch.ones(1)) end
  --   function Scale:updateOutput(input) return torch.cmul(input, self.factor) end
  --   module = Scale()
  --   module(torch.ones(3)):sum():backward()
  --   module.gradFactor[1] --> 3.0
  local function enlist(self, list, name, tensor, method)
    if type(name) ~= "string" then
      error(("%s:%s: the name is a %s, wanted a string"):format(torch.typename(self), method, type(name)), 3)
    end
    if tensor ~= nil and not torch.isTensor(tensor) then
      error(("%s:%s: %s is a %s, wanted a tensor"):format(torch.typename(self), method, name,
        type(tensor)), 3)
    end
    local names = {}
    for _, other in ipairs(rawget(self, list) or {}) do
      if other ~= name then names[#names + 1] = other end
    end
    if tensor then names[#names + 1] = name end
    self[list] = names
    self[name] = tensor
    return tensor
  end

  function Module:registerParameter(name, tensor)
    enlist(self, "_parameters", name, tensor, "registerParameter")
    self[gradient_name(name)] = tensor and torch.zerosLike(tensor:detach())
    return tensor
  end

  function Module:registerBuffer(name, tensor)
    return enlist(self, "_buffers", name, tensor, "registerBuffer")
  end

  -- The names of the module's own parameters that are there.
  local usual, none = { "weight", "bias" }, {}
  local function own_names(self)
    local more, derived, names, listed = self._parameters or none, self._derived, {}, none
    if derived or #more > 0 then
      listed = {}
      for _, name in ipairs(more) do listed[name] = true end
      for name in pairs(derived or none) do listed[name] = true end -- computed from others
    end
    for i = 1, #usual do
      local name = usual[i]
      if not listed[name] and torch.isTensor(self[name]) then names[#names + 1] = name end
    end
    for i = 1, #more do
      if self[more[i]] then names[#names + 1] = more[i] end
    end
    return names
  end
  Module._parameter_names = own_names

  -- By the address of a gradient: the module that it was linked from.
  local owners = setmetatable({}, { __mode = "v" })

  local function has_gradient(self, gradient)
    for _, name in ipairs(own_names(self)) do
      if self[gradient_name(name)] == gradient then return true end
    end
    return false
  end

  -- For a parameter that has got its gradient (other is true), or has another one than the module's: being
  -- another module's parameter too (a.weight = b.weight), it keeps that one, which both then know;
  -- otherwise the module's is new.
  local function settle(self, parameter, field, other)
    if other ~= true then
      local owner = owners[torch.pointer(other)]
      if owner and owner ~= self and has_gradient(owner, other) then
        self[field] = other
        return
      end
      torch._linkgrad(parameter, self[field], true)
    end
    owners[torch.pointer(self[field])] = self
  end

  local function link(self, parameter, field)
    local gradient = self[field]
    if parameter and gradient then
      if self._frozen then
        parameter:requireGrad(false)
      else
        local other = torch._linkgrad(parameter, gradient)
        if other then settle(self, parameter, field, other) end
      end
    end
  end

  -- The gradients of the parameters are the tensors that Torch7's protocol knows.
  function Module:_link()
    link(self, self.weight, "gradWeight")
    link(self, self.bias, "gradBias")
    local more = self._parameters
    if more then
      for i = 1, #more do link(self, self[more[i]], gradient_name(more[i])) end
    end
  end

  -- ---- of a tree of modules ---------------------------------------------------------------------------

  --- module:parameters()
  --
  -- The parameters and their gradients, of modules inside too; a tensor that is in several places is there
  -- once.
  --
  -- Returns: two tables of tensors; nothing when there are none
  -- From: Torch7
  -- Example:
  --   params, grads = nn.Linear(3, 2):parameters()
  --   #params, params[1]:size(2) --> 2 3
  function Module:parameters()
    local params, grads, seen = {}, {}, {}
    local function add(p, g)
      local key = torch.pointer(p)
      if seen[key] then return end
      seen[key] = true
      params[#params + 1], grads[#grads + 1] = p, g
    end
    for _, name in ipairs(own_names(self)) do add(self[name], self[gradient_name(name)]) end
    local children = self:namedChildren()
    for _, child in ipairs(children) do
      local p, g = child.module:parameters()
      for i = 1, p and #p or 0 do add(p[i], g[i]) end
    end
    if #params == 0 and #children == 0 then return end
    return params, grads
  end

  -- All gradients but those of modules with a zeroGradParameters of their own, which is called.
  local function add_gradients(self, grads)
    local function add(g) grads[#grads + 1] = g or nil end
    if self.parameters ~= Module.parameters then
      local params, all = self:parameters()
      for i = 1, #(params or {}) do add(all[i]) end
      return
    end
    for _, name in ipairs(own_names(self)) do add(self[gradient_name(name)]) end
    for _, child in ipairs(self:children()) do
      local own = child.zeroGradParameters ~= Module.zeroGradParameters
      if own then child:zeroGradParameters() else add_gradients(child, grads) end
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
    local grads = {}
    add_gradients(self, grads)
    each.zero(grads)
  end

  Module.zeroGrad = Module.zeroGradParameters

  -- The parameters are what parameters() says, but a module inside may have its own way with them.
  local function descend(self, lr)
    if self.parameters ~= Module.parameters then
      local params, grads = self:parameters()
      for i, p in ipairs(params or {}) do p:add(-lr, grads[i]) end
      return
    end
    for _, name in ipairs(own_names(self)) do self[name]:add(-lr, self[gradient_name(name)]) end
    for _, child in ipairs(self:children()) do child:updateParameters(lr) end
  end

  function Module:updateParameters(lr)
    torch.noGrad(descend, self, lr)
  end

  --- module:freeze(); module:unfreeze()
  --
  -- Has the parameters, of modules inside too, get no gradient, so that training leaves them as they are;
  -- or takes that back.  Gradients still flow through the module to its input.
  --
  -- Returns: the module
  -- Example:
  --   module = nn.Linear(2, 1):freeze()
  --   module(torch.ones(2)).requiresGrad, module:unfreeze()(torch.ones(2)).requiresGrad --> false true
  function Module:freeze()
    self:apply(function(m)
      m._frozen = true
      m:_link()
      for _, name in ipairs(own_names(m)) do
        local g = m[gradient_name(name)]
        if g then g:zero() end
      end
    end)
    return self
  end

  function Module:unfreeze()
    self:apply(function(m)
      m._frozen = nil
      m:_link()
    end)
    return self
  end

  --- module:parameterGroups(rules)
  --
  -- The parameters in groups for an optimiser that treats them differently.  A parameter goes to the first
  -- rule whose pattern is in its dotted name; those that no rule takes are the last group.  Frozen ones are
  -- left out.
  --
  -- rules: list of tables, each with match, a Lua pattern, and whatever is to be the group's options
  -- Returns: list of tables with params, names, and the rule's options
  -- From: PyTorch, the groups of torch.optim
  -- Example:
  --   groups = nn.Linear(2, 1):parameterGroups { { match = "bias$", weightDecay = 0 } }
  --   groups[1].names[1], groups[1].weightDecay, groups[2].names[1] --> bias 0 weight
  function Module:parameterGroups(rules)
    local groups = {}
    for i, rule in ipairs(rules or {}) do
      if type(rule) ~= "table" or type(rule.match) ~= "string" then
        error(("%s:parameterGroups: rule %d has no pattern in match"):format(torch.typename(self), i), 2)
      end
      groups[i] = { params = {}, names = {} }
      for k, v in pairs(rule) do
        if k ~= "match" then groups[i][k] = v end
      end
    end
    groups[#groups + 1] = { params = {}, names = {} }
    for _, entry in ipairs(self:namedParameters()) do
      local at = 1
      while rules and rules[at] and not entry.name:find(rules[at].match) do at = at + 1 end
      if not entry.module._frozen then
        table.insert(groups[at].params, entry.tensor)
        table.insert(groups[at].names, entry.name)
      end
    end
    return groups
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
          run = { key = key, first = part.first, last = part.last, source = part.source, tensors = {} }
          runs[#runs + 1] = run
        end
        table.insert(run.tensors, part.source)
        run.last = math.max(run.last, part.last)
      end
    end
    for _, run in ipairs(runs) do
      run.start = total + 1
      total = total + run.last - run.first + 1
    end
    return runs, total
  end

  -- Whether the tensors have all elements of a run: no part of it is in none of them.
  local function whole(run, length)
    local covered = torch.ByteTensor(length):zero()
    for _, t in ipairs(run.tensors) do
      covered.new(covered:storage(), t:storageOffset() - run.first + 1, t:size(), t:stride()):fill(1)
    end
    return covered:sum() == length
  end

  --- nn.Module:flatten(tensors)
  --
  -- nn.Module.flatten(tensors), as a function: one vector that holds the elements of all the tensors, which
  -- become views of it.  Tensors that share
  -- elements keep sharing them.
  --
  -- tensors: list of tensors of one type
  -- Returns: a vector
  -- Errors: between its first and last element a tensor steps over elements that are in none of them
  -- From: Torch7
  -- Example:
  --   a, b = torch.ones(2), torch.zeros(3)
  --   flat = nn.Module.flatten { a, b }
  --   flat[1] = 7
  --   flat:size(1), a[1] --> 5 7.0
  function Module.flatten(tensors)
    if #tensors == 0 then return torch.Tensor() end
    return torch.noGrad(function()
      local runs, total = lay_out(tensors)
      local flat = tensors[1].new(total)
      local where = {}
      for _, run in ipairs(runs) do
        local length = run.last - run.first + 1
        if not whole(run, length) then
          raise("nn.Module.flatten: a tensor steps over elements of its storage that are in none of them")
        end
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
    self:_forget()
    return Module.flatten(params), Module.flatten(grads)
  end
end
