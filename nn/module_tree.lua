-- module_tree.lua: modules inside modules.

local raise = require("torch.caller").raise

return function(nn, torch)
  local Module = nn.Module

  local is_module = setmetatable({}, { __mode = "k" }) -- by class

  local function module_like(value)
    local class = type(value) == "table" and debug.getmetatable(value)
    if not class then return false end
    if is_module[class] == nil then is_module[class] = torch.isTypeOf(value, "nn.Module") end
    return is_module[class]
  end

  -- Fields that are given a module are children, in the order in which they came; see namedChildren.
  function Module:__newindex__(key, value)
    if module_like(value) and type(key) == "string" and key:sub(1, 1) ~= "_" then
      local names = rawget(self, "_children")
      if not names then
        names = {}
        rawset(self, "_children", names)
      end
      names[#names + 1] = key
    end
  end

  --- module:namedChildren(); module:children()
  --
  -- The modules right inside a module: those in module.modules, and those that are fields of their own
  -- (self.encoder = nn.Linear(..)), but for fields whose name begins with "_" and for classes that compute
  -- their gradients by hand.
  --
  -- Returns: namedChildren: a list of tables with name, which for those in module.modules counts from 0 as in
  --   PyTorch, module, and index or field, where it is; children: a list of modules
  -- From: PyTorch
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.Tanh())
  --   net:namedChildren()[2].name, #net:children() --> 1 2
  function Module:namedChildren()
    local list, seen, fields = {}, {}, {}
    if module_like(rawget(self, "output")) or module_like(rawget(self, "gradInput")) then
      raise("%s: a module is in its field output or gradInput, which forward and backward overwrite; name "
        .. "the field otherwise", torch.typename(self))
    end
    if not self.modules and not rawget(self, "_children") then return list end
    local own = self.updateGradInput == Module.updateGradInput
    for _, field in ipairs(own and rawget(self, "_children") or {}) do
      local m = rawget(self, field)
      if module_like(m) then fields[m] = fields[m] or field end
    end
    for i, m in ipairs(self.modules or {}) do
      list[#list + 1] = { name = fields[m] or tostring(i - 1), module = m, index = i, field = fields[m] }
      seen[m] = true
    end
    for _, field in ipairs(own and rawget(self, "_children") or {}) do
      local m = rawget(self, field)
      if fields[m] == field and not seen[m] then
        list[#list + 1] = { name = field, module = m, field = field }
        seen[m] = true
      end
    end
    return list
  end

  function Module:children()
    local list = {}
    local modules = self.modules or list
    if not rawget(self, "_children") then return table.move(modules, 1, #modules, 1, list) end
    for i, child in ipairs(self:namedChildren()) do list[i] = child.module end
    return list
  end

  -- "[3]" or ".encoder": where a module is in this one; "" when it is not in it.
  function Module:_place(inner)
    for _, child in ipairs(self:namedChildren()) do
      if child.module == inner then
        return child.field and "." .. child.field or ("[%d]"):format(child.index)
      end
    end
    return ""
  end

  -- Adds to list what of(module, prefix) gives for each module of the tree; once for each, or under all of
  -- its names.
  local function walk(self, prefix, list, seen, of, all)
    if seen[self] then return list end
    seen[self] = true
    for _, entry in ipairs(of(self, prefix)) do list[#list + 1] = entry end
    local children = all and self._stateChildren and self:_stateChildren() or self:namedChildren()
    for _, child in ipairs(children) do
      walk(child.module, prefix .. child.name .. ".", list, seen, of, all)
    end
    if all then seen[self] = nil end
    return list
  end

  --- module:namedModules(); module:namedParameters([all]); module:namedBuffers([all])
  --
  -- All modules of the tree, all parameters, all tensors that are kept beside them, with their dotted names,
  -- which are PyTorch's for the same architecture.  What is in several places is there once.
  --
  -- all: true gives what is in several places under all of its names
  -- Returns: a list of tables with name and module; for parameters and buffers name, tensor, the module that
  --   has it and its field there
  -- From: PyTorch
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.BatchNormalization(3))
  --   net:namedParameters()[2].name, net:namedBuffers()[1].name --> 0.bias 1.running_mean
  --   net:namedModules()[2].name --> 0
  function Module:namedModules()
    return walk(self, "", {}, {}, function(m, prefix) return { { name = prefix:sub(1, -2), module = m } } end)
  end

  -- The entry of a list that has the name.
  local function named(self, what, list, name)
    for _, entry in ipairs(list) do
      if entry.name == name then return entry end
    end
    nn._arguments.fail(self, "there is no %s '%s'", what, tostring(name))
  end

  --- module:getSubmodule(name); module:getParameter(name); module:getBuffer(name)
  --
  -- The module, parameter or buffer that namedModules, namedParameters or namedBuffers gives that name.
  --
  -- name: string; "" is the module itself
  -- Returns: a module, or a tensor
  -- Errors: there is none
  -- From: PyTorch
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.BatchNormalization(3))
  --   net:getSubmodule("0") == net:get(1), net:getParameter("0.bias") == net:get(1).bias --> true true
  --   net:getBuffer("1.running_mean"):size(1) --> 3
  function Module:getSubmodule(name)
    return named(self, "module", self:namedModules(), name).module
  end

  function Module:getParameter(name)
    return named(self, "parameter", self:namedParameters(true), name).tensor
  end

  function Module:getBuffer(name)
    return named(self, "buffer", self:namedBuffers(true), name).tensor
  end

  local function tensors(names_of)
    return function(m, prefix)
      local list = {}
      for _, name in ipairs(names_of(m)) do
        list[#list + 1] = { name = prefix .. name, tensor = m[name], module = m, field = name }
      end
      return list
    end
  end

  local function buffer_names(m)
    local names = {}
    for _, name in ipairs(m._buffers or {}) do
      if torch.isTensor(m[name]) then names[#names + 1] = name end
    end
    return names
  end

  -- The entries whose tensors come for the first time; or all of them.
  local function once(list, all)
    if all then return list end
    local seen, kept = {}, {}
    for _, entry in ipairs(list) do
      local key = torch.pointer(entry.tensor)
      if not seen[key] then kept[#kept + 1] = entry end
      seen[key] = true
    end
    return kept
  end

  function Module:namedParameters(all)
    return once(walk(self, "", {}, {}, tensors(Module._parameter_names), all), all)
  end

  function Module:namedBuffers(all)
    return once(walk(self, "", {}, {}, tensors(buffer_names), all), all)
  end

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
    for _, child in ipairs(self:namedChildren()) do child.module:apply(f) end
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
    for _, m in ipairs(self:children()) do
      local f, h = m:findModules(typename, self)
      for i = 1, #f do
        found[#found + 1], holders[#holders + 1] = f[i], h[i]
      end
    end
    return found, holders
  end

  function Module:replace(f)
    for _, child in ipairs(self:namedChildren()) do
      local new = child.module:replace(f)
      if child.index then self.modules[child.index] = new end
      if child.field then self[child.field] = new end
    end
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
    self.train = true
    for _, m in ipairs(self:children()) do m:training() end
  end

  function Module:evaluate()
    self.train = false
    for _, m in ipairs(self:children()) do m:evaluate() end
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
    for _, m in ipairs(self:children()) do m:reset(stdv) end
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
    self:_forget()
    for _, m in ipairs(self:children()) do m:clearState() end
    for _, field in ipairs { "output", "gradInput" } do
      local own = self[field]
      local tables = type(own) == "table" and not torch.isTensor(own)
      self[field] = tables and {} or torch.Tensor():type(self._type)
    end
    return self
  end
end
