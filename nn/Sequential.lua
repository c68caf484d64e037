-- Sequential.lua: modules one after another.

return function(nn, torch)
  local Sequential = torch.class("nn.Sequential", "nn.Container")

  function Sequential:updateOutput(input)
    for _, m in ipairs(self.modules) do input = m:_run(input) end
    return input
  end

  function Sequential:insert(module, index)
    index = index or #self.modules + 1
    if index < 1 or index > #self.modules + 1 then
      error(("nn.Sequential:insert: place %d of %d modules"):format(index, #self.modules), 2)
    end
    table.insert(self.modules, index, module)
    return self
  end

  function Sequential:remove(index)
    index = index or #self.modules
    if index < 1 or index > #self.modules then
      error(("nn.Sequential:remove: place %d of %d modules"):format(index, #self.modules), 2)
    end
    return table.remove(self.modules, index)
  end

  function Sequential:__tostring()
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
