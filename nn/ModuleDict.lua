-- ModuleDict.lua: modules by name, which a class of one's own runs as it likes.

return function(nn, torch)
  local ModuleDict, parent = torch.class("nn.ModuleDict", "nn.Container")
  local arguments = nn._arguments

  --- nn.ModuleDict([modules])
  -- nn.ModuleTable([modules])
  --
  -- Holds modules by name for a module that runs them itself; it does not run.  dict.name is the one of
  -- that name, #dict their number.  Their state has PyTorch's names, "encoder.weight".
  --
  -- modules: table from names to modules, which are taken in the order of the names, or a list of pairs
  --   { name, module } in an order of their own
  -- Returns: a container
  -- Errors: one is no module; a name is no string, has a point in it, or is one of the class's own
  -- From: PyTorch
  -- Example:
  --   dict = nn.ModuleDict { encoder = nn.Linear(2, 3), act = nn.Tanh() }
  --   #dict, torch.typename(dict.act), dict:stateDict()["encoder.bias"]:size(1) --> 2 nn.Tanh 3
  function ModuleDict:__init(modules)
    parent.__init(self)
    self.names = {}
    if modules ~= nil and (type(modules) ~= "table" or torch.typename(modules)) then
      arguments.fail(self, "the modules are a %s, wanted a table", torch.type(modules))
    end
    local names = {}
    for key, m in pairs(modules or {}) do
      if math.type(key) ~= "integer" then names[#names + 1] = key end
      if math.type(key) == "integer" and (type(m) ~= "table" or torch.typename(m)) then
        arguments.fail(self, "entry %d is a %s, wanted { name, module }", key, torch.type(m))
      end
    end
    for _, pair in ipairs(modules or {}) do self:set(pair[1], pair[2]) end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do self:set(name, modules[name]) end
  end

  local function place_of(self, name)
    for i, own in ipairs(rawget(self, "names") or {}) do
      if own == name then return i end
    end
  end

  --- nn.ModuleDict:set(name, module); nn.ModuleDict:get(name); nn.ModuleDict:has(name)
  -- nn.ModuleDict:remove(name); nn.ModuleDict:keys()
  --
  -- Adds a module, or puts it in the place of the one of that name; gives it; says whether it is there;
  -- takes it away; lists the names in their order.
  --
  -- name: string
  -- module: nn.Module
  -- Returns: set: the dict; get and remove: a module, or nil; has: true or false; keys: a table
  -- Errors: set: as the constructor
  -- From: PyTorch
  -- Example:
  --   dict = nn.ModuleDict():set("b", nn.Tanh()):set("a", nn.ReLU())
  --   table.concat(dict:keys(), " "), torch.typename(dict:get("a")), dict:has("c") --> b a nn.ReLU false
  function ModuleDict:set(name, module)
    local at = place_of(self, name)
    if type(name) ~= "string" or name == "" or name:find("%.") or not at and self[name] ~= nil then
      local text = type(name) == "string" and '"' .. name .. '"' or type(name)
      arguments.fail(self, "%s cannot be a module's name", text)
    end
    if not torch.isTypeOf(module, "nn.Module") then
      arguments.fail(self, "%s is a %s, wanted a module", name, torch.type(module))
    end
    at = at or #self.names + 1
    self.names[at], self.modules[at] = name, module
    return self
  end

  function ModuleDict:get(name)
    return self.modules[place_of(self, name) or 0]
  end

  function ModuleDict:has(name)
    return place_of(self, name) ~= nil
  end

  function ModuleDict:remove(name)
    local at = place_of(self, name)
    if not at then return nil end
    table.remove(self.names, at)
    return table.remove(self.modules, at)
  end

  function ModuleDict:keys()
    return { table.unpack(self.names) }
  end

  function ModuleDict:namedChildren()
    local list = {}
    for i, name in ipairs(self.names) do list[i] = { name = name, module = self.modules[i], index = i } end
    return list
  end

  function ModuleDict:__index__(key)
    local at = type(key) == "string" and place_of(self, key)
    if at then return rawget(self, "modules")[at], true end
  end

  function ModuleDict:__len() return #self.modules end

  function ModuleDict:add()
    arguments.fail(self, "a module wants a name: dict:set(name, module)")
  end

  function ModuleDict:updateOutput()
    arguments.fail(self, "it holds modules and does not run")
  end

  function ModuleDict:__tostring()
    local lines = {}
    for i, m in ipairs(self.modules) do
      lines[i] = ("  (%s): %s\n"):format(self.names[i], nn.indented(tostring(m)))
    end
    return ("%s {\n%s}"):format(torch.typename(self), table.concat(lines))
  end

  nn.ModuleTable = nn.ModuleDict
end
