-- ModuleList.lua: modules by number, which a class of one's own runs as it likes.

return function(nn, torch)
  local ModuleList, parent = torch.class("nn.ModuleList", "nn.Container")
  local arguments = nn._arguments

  --- nn.ModuleList([modules])
  --
  -- Holds modules for a module that runs them itself; it does not run.  list[i] is the i-th, #list their
  -- number; ipairs(list.modules) goes through them.  Their state has PyTorch's names, "0.weight" for the
  -- first.
  --
  -- modules: table of modules
  -- Returns: a container
  -- Errors: one is no module
  -- From: PyTorch
  -- Example:
  --   list = nn.ModuleList { nn.Linear(2, 3), nn.Tanh() }
  --   #list, torch.typename(list[2]), list:stateDict()["0.bias"]:size(1) --> 2 nn.Tanh 3
  function ModuleList:__init(modules)
    parent.__init(self)
    if modules ~= nil and type(modules) ~= "table" then
      arguments.fail(self, "the modules are a %s, wanted a table", torch.type(modules))
    end
    for _, m in ipairs(modules or {}) do self:append(m) end
  end

  --- nn.ModuleList:append(module); nn.ModuleList:extend(modules)
  -- nn.ModuleList:insert(index, module)
  --
  -- Adds a module at the end, a table of them, or one before the index-th.
  --
  -- module: nn.Module
  -- modules: table of modules
  -- index: 1 to #list + 1
  -- Returns: the list
  -- Errors: it is no module; the index is outside
  -- From: PyTorch
  -- Example:
  --   list = nn.ModuleList():append(nn.Tanh()):insert(1, nn.ReLU())
  --   torch.typename(list[1]) --> nn.ReLU
  function ModuleList:append(module)
    return self:add(module)
  end

  function ModuleList:extend(modules)
    for _, m in ipairs(modules) do self:add(m) end
    return self
  end

  function ModuleList:insert(index, module)
    index = arguments.whole(self, "the index", index, nil, 1)
    if index > #self.modules + 1 then arguments.fail(self, "there is no place %d", index) end
    self:add(module)
    table.insert(self.modules, index, table.remove(self.modules))
    return self
  end

  function ModuleList:__index__(key)
    if math.type(key) == "integer" then
      local modules = rawget(self, "modules")
      return modules and modules[key], true
    end
  end

  function ModuleList:__newindex__(key, value)
    if math.type(key) == "integer" then
      if not torch.isTypeOf(value, "nn.Module") or key < 1 or key > #self.modules + 1 then
        arguments.fail(self, "place %d of %d gets a %s", key, #self.modules, torch.type(value))
      end
      self.modules[key] = value
      return true
    end
    return parent.__newindex__(self, key, value)
  end

  function ModuleList:__len() return #self.modules end

  function ModuleList:updateOutput()
    arguments.fail(self, "it holds modules and does not run")
  end

  function ModuleList:__tostring()
    local lines = {}
    for i, m in ipairs(self.modules) do lines[i] = ("  (%d): %s\n"):format(i, nn.indented(tostring(m))) end
    return ("%s {\n%s}"):format(torch.typename(self), table.concat(lines))
  end
end
