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
  -- module: nn.Module
  -- index: place, from 1
  -- Returns: add: the container
  -- Errors: add: it is no module
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Tanh()):add(nn.ReLU())
  --   net:size(), torch.typename(net:get(2)) --> 2 nn.ReLU
  function Container:add(module)
    if not torch.isTypeOf(module, "nn.Module") then
      error(("%s:add: a module is wanted, got a %s"):format(torch.typename(self), torch.type(module)), 2)
    end
    table.insert(self.modules, module)
    return self
  end

  function Container:get(index)
    return self.modules[index]
  end

  function Container:size()
    return #self.modules
  end

  function Container:parameters()
    local params, grads = {}, {}
    for _, m in ipairs(self.modules) do
      local p, g = m:parameters()
      for i = 1, p and #p or 0 do
        params[#params + 1], grads[#grads + 1] = p[i], g[i]
      end
    end
    return params, grads
  end

  function Container:_link() end -- its modules link their own

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
