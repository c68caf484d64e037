-- Container.lua: a module made of modules, in self.modules.

return function(nn, torch)
  local Container, parent = torch.class("nn.Container", "nn.Module")

  function Container:__init()
    parent.__init(self)
    self.modules = {}
  end

  --- Adds a module at the end and returns the container.
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

  --- The lines of a module's text, each but the first moved in.
  function nn.indented(text)
    return (text:gsub("\n", "\n  "))
  end
end
