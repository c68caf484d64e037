-- short_options.lua: options of modules with a few, which may be given by position too.

return function(nn)
  local arguments = nn._arguments

  -- The options called `names`, from a table of them or from arguments in that order.
  function arguments.short(self, names, defaults, first, ...)
    if type(first) == "table" then return arguments.options(self, first, defaults) end
    local given, values = {}, { first, ... }
    for i, name in ipairs(names) do given[name] = values[i] end
    return arguments.options(self, given, defaults)
  end

  -- How a module with such options is written: "nn.Softplus(beta = 1, threshold = 20)".
  function arguments.text(self, typename, names)
    local parts = {}
    for _, name in ipairs(names) do
      if self[name] ~= nil then parts[#parts + 1] = ("%s = %s"):format(name, self[name]) end
    end
    return ("%s(%s)"):format(typename, table.concat(parts, ", "))
  end
end
