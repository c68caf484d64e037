-- Container.lua: a module made of modules, in self.modules.

return function(nn, torch)
  local Container, parent = torch.class("nn.Container", "nn.Module")

  --- nn.Container()
  --
  -- The base of modules that are made of modules, which are in container.modules.
  --
  -- Returns: an nn.Container
  -- From: Torch7
  -- Example:
  --   torch.isTypeOf(nn.Sequential(), "nn.Container") --> true
  function Container:__init()
    parent.__init(self)
    self.modules = {}
  end

  --- container:add(module); container:get(index); container:size()
  --
  -- Adds a module at the end; gives the one at a place; says how many there are.
  --
  -- module: nn.Module, or a function, which becomes an nn.Lambda
  -- index: place, from 1
  -- Returns: add: the container
  -- Errors: add: it is no module
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Tanh()):add(nn.ReLU())
  --   net:size(), torch.typename(net:get(2)) --> 2 nn.ReLU
  function Container:add(module)
    table.insert(self.modules, self:_module(module, "add"))
    return self
  end

  -- What a method may put into the container.
  function Container:_module(module, method)
    if type(module) == "function" then return nn.Lambda(module) end
    if not torch.isTypeOf(module, "nn.Module") then
      error(("%s:%s: a module is wanted, got a %s"):format(torch.typename(self), method,
        torch.type(module)), 3)
    end
    return module
  end

  function Container:get(index)
    return self.modules[index]
  end

  function Container:size()
    return #self.modules
  end

  --- container:applyToModules(f); container:rethrowErrors(module, index, name, ...)
  --
  -- For classes of containers: calls f with each of the container's own modules; or calls the method of
  -- that name of one of them, and has an error say which module of which container it came from.
  --
  -- f: function of a module
  -- module: nn.Module
  -- index: its place in container.modules
  -- name: name of a method
  -- ...: what the method is called with
  -- Returns: rethrowErrors: the method's results
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Tanh())
  --   net:applyToModules(function(m) m.mark = 1 end)
  --   net:get(1).mark, net:rethrowErrors(net:get(1), 1, "forward", torch.zeros(2)):sum() --> 1 0.0
  function Container:applyToModules(f)
    for _, m in ipairs(self.modules) do f(m) end
  end

  function Container:rethrowErrors(module, index, name, ...)
    local results = table.pack(pcall(module[name], module, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    local result = results[2]
    if type(result) == "string" then
      result = ("In %d module of %s:\n%s"):format(index, torch.typename(self), result)
    end
    error(result, 0)
  end

  -- The text of a container whose modules stand side by side.
  function Container:_branches()
    local lines = {}
    for i, m in ipairs(self.modules) do
      local last = i == #self.modules
      local text = tostring(m):gsub("\n", last and "\n         " or "\n    |    ")
      lines[i] = ("%s(%d): %s\n"):format(last and "     `-> " or "    |`-> ", i, text)
    end
    return ("%s {\n  input\n%s     ... -> output\n}"):format(torch.typename(self), table.concat(lines))
  end

  --- The lines of a module's text, each but the first moved in; for __tostring of containers.
  --
  -- text: string
  -- Returns: a string
  -- Example:
  --   #nn.indented("a\nb") --> 5
  function nn.indented(text)
    return (text:gsub("\n", "\n  "))
  end
end
