-- Sequential.lua: modules one after another.

return function(nn, torch)
  local Sequential, parent = torch.class("nn.Sequential", "nn.Container")

  --- nn.Sequential(...)
  --
  -- Modules one after another: the output of each is the input of the next.
  --
  -- ...: modules, or functions, to begin with; add has more
  -- Returns: a container
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential(nn.Linear(3, 4), torch.tanh):add(nn.Linear(4, 2))
  --   net:forward(torch.ones(5, 3)):size(2) --> 2
  function Sequential:__init(...)
    parent.__init(self)
    for _, module in ipairs { ... } do self:add(module) end
  end

  function Sequential:updateOutput(input)
    for _, m in ipairs(self.modules) do input = m:_run(input) end
    return input
  end

  function Sequential:__len()
    return #self.modules
  end

  --- nn.Sequential:insert(module [, index]); nn.Sequential:remove([index])
  --
  -- Puts a module in at a place, or takes one out.
  --
  -- module: nn.Module
  -- index: place, from 1; the end by default
  -- Returns: insert: the container; remove: the module
  -- Errors: there is no such place
  -- From: Torch7
  -- Example:
  --   net = nn.Sequential():add(nn.Tanh()):insert(nn.ReLU(), 1)
  --   torch.typename(net:remove()), net:size() --> nn.Tanh 1
  function Sequential:insert(module, index)
    index = index or #self.modules + 1
    if index < 1 or index > #self.modules + 1 then
      error(("nn.Sequential:insert: place %d of %d modules"):format(index, #self.modules), 2)
    end
    table.insert(self.modules, index, self:_module(module, "insert"))
    return self
  end

  function Sequential:remove(index)
    index = index or #self.modules
    if index < 1 or index > #self.modules then
      error(("nn.Sequential:remove: place %d of %d modules"):format(index, #self.modules), 2)
    end
    return table.remove(self.modules, index)
  end

  function Sequential:__tostring__()
    local lines, chain = {}, { "input" }
    for i, m in ipairs(self.modules) do
      chain[#chain + 1] = ("(%d)"):format(i)
      lines[#lines + 1] = ("  (%d): %s"):format(i, nn.indented(tostring(m)))
    end
    chain[#chain + 1] = "output"
    return ("%s {\n  [%s]\n%s\n}"):format(torch.typename(self), table.concat(chain, " -> "),
      table.concat(lines, "\n"))
  end
end
