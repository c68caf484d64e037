-- module_state.lua: the state of a model as a table of tensors by name, and back.

return function(nn, torch)
  local Module = nn.Module

  local function shape_text(t)
    return #t.shape == 0 and "scalar" or table.concat(t.shape, "x")
  end

  --- module:stateDict()
  --
  -- The parameters and buffers of the model by their dotted names, which are PyTorch's for the same
  -- architecture, so that torch.save("model.safetensors", net:stateDict()) can be read there.  The tensors
  -- share their elements with the module's.
  --
  -- Returns: a table from names to tensors
  -- From: PyTorch
  -- Example:
  --   net = nn.Sequential():add(nn.Linear(2, 3)):add(nn.Tanh())
  --   net:stateDict()["0.weight"]:size(1) --> 3
  function Module:stateDict()
    local state = {}
    for _, list in ipairs { self:namedParameters(true), self:namedBuffers(true) } do
      for _, entry in ipairs(list) do state[entry.name] = entry.tensor:detach() end
    end
    return state
  end

  -- The state's tensor for an entry, in the entry's shape; or nil and what is wrong with it.
  local function fitting(entry, t)
    if not torch.isTensor(t) then return nil, ("%s is a %s"):format(entry.name, torch.type(t)) end
    local own = entry.tensor
    if shape_text(t) == shape_text(own) then return t end
    -- Torch7's layers that keep a matrix, and those that keep a vector for a scalar.
    if t:nElement() == own:nElement() and (entry.module._flatState or t:nElement() == 1) then
      return t:reshape(table.unpack(own.shape))
    end
    return nil, ("%s is %s, wanted %s"):format(entry.name, shape_text(t), shape_text(own))
  end

  local function sorted(list)
    table.sort(list)
    if #list > 12 then
      local rest = #list - 12
      list = { table.unpack(list, 1, 12) }
      list[13] = ("... and %d more"):format(rest)
    end
    return table.concat(list, ", ")
  end

  --- module:loadStateDict(state [, strict])
  --
  -- Copies tensors by name into the parameters and buffers.  Their types are converted; the shapes have to
  -- be the same.  Nothing is copied when anything is wrong.
  --
  -- state: table from dotted names to tensors, such as torch.load("model.safetensors") gives
  -- strict: false allows names that are missing or that the model does not have; true by default
  -- Returns: a table with missing and unexpected, lists of names
  -- Errors: a shape is another; with strict, the names are not the model's
  -- From: PyTorch
  -- Example:
  --   a, b = nn.Linear(2, 3), nn.Linear(2, 3)
  --   b:loadStateDict(a:stateDict())
  --   torch.equal(a.weight:detach(), b.weight:detach()) --> true
  function Module:loadStateDict(state, strict)
    local name = torch.typename(self)
    if type(state) ~= "table" or torch.typename(state) then
      error(("%s:loadStateDict: a table of tensors is wanted, got a %s"):format(name, torch.type(state)), 2)
    end
    local found, copies, wrong, missing, unexpected = {}, {}, {}, {}, {}
    for _, list in ipairs { self:namedParameters(true), self:namedBuffers(true) } do
      for _, entry in ipairs(list) do
        local t = state[entry.name]
        found[entry.name] = true
        if t == nil then
          if not entry.field:find("^num_batches_tracked") then missing[#missing + 1] = entry.name end
        else
          local fit, why = fitting(entry, t)
          wrong[#wrong + 1] = why
          copies[#copies + 1] = fit and { entry.tensor, fit }
        end
      end
    end
    for key in pairs(state) do
      if not found[key] and not tostring(key):find("num_batches_tracked$") then
        unexpected[#unexpected + 1] = tostring(key)
      end
    end
    if strict ~= false then
      if #missing > 0 then wrong[#wrong + 1] = "missing: " .. sorted(missing) end
      if #unexpected > 0 then wrong[#wrong + 1] = "not in the model: " .. sorted(unexpected) end
    end
    if #wrong > 0 then
      error(("%s:loadStateDict: %s"):format(name, table.concat(wrong, "; ")), 2)
    end
    torch.noGrad(function()
      for _, pair in ipairs(copies) do pair[1]:copy(pair[2]) end
    end)
    return { missing = missing, unexpected = unexpected }
  end
end
