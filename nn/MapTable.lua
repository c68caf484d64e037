-- MapTable.lua: one module for all entries of a table.

return function(nn, torch)
  local MapTable, parent = torch.class("nn.MapTable", "nn.Container")

  --- nn.MapTable(module [, shared])
  --
  -- Gives each entry of its input to a copy of the module; the output is the table of their outputs.  The
  -- copies are made when they are needed and share the parameters named in sharedparams: weight, bias and
  -- their gradients.
  --
  -- module: nn.Module; it may be given later, by add
  -- shared: false: each copy has parameters of its own
  -- Returns: a container; its input is a table
  -- Errors: add: there is a module already
  -- From: Torch7
  -- Example:
  --   net = nn.MapTable(nn.Linear(3, 2))
  --   y = net:forward { torch.ones(3), torch.ones(4, 3) }
  --   y[1]:size(1), y[2]:size(1), net:size() --> 2 4 2
  function MapTable:__init(module, shared)
    parent.__init(self)
    self.shared = shared == nil or shared
    self.sharedparams = { "weight", "bias", "gradWeight", "gradBias" }
    if module then self:add(module) end
  end

  function MapTable:add(module)
    if self.module then nn._arguments.fail(self, "there is a module in it already") end
    parent.add(self, module)
    self.module = module
    return self
  end

  -- Has a copy use the very tensors of the module.
  local function tie(copy, module, names)
    for _, name in ipairs(names) do
      if torch.isTensor(module[name]) then copy[name] = module[name] end
    end
    local others = module:children()
    for i, child in ipairs(copy:children()) do tie(child, others[i], names) end
  end

  function MapTable:_extend(n)
    if not self.module then nn._arguments.fail(self, "there is no module in it") end
    self.modules[1] = self.module
    torch.noGrad(function()
      for i = #self.modules + 1, n do
        self.modules[i] = self.module:clone()
        if self.shared then tie(self.modules[i], self.module, self.sharedparams) end
      end
    end)
  end

  --- nn.MapTable:resize(n)
  --
  -- Has n copies of the module in the container.
  --
  -- n: number
  -- From: Torch7
  -- Example:
  --   net = nn.MapTable(nn.Tanh())
  --   net:resize(3)
  --   net:size() --> 3
  function MapTable:resize(n)
    self:_extend(n)
    for i = #self.modules, n + 1, -1 do self.modules[i] = nil end
  end

  function MapTable:updateOutput(input)
    nn.tables.entries(self, input, 0)
    self:_extend(#input)
    local output = {}
    for i = 1, #input do output[i] = self.modules[i]:_run(input[i]) end
    return output
  end

  function MapTable:parameters()
    if not self.shared then return parent.parameters(self) end
    if self.module then return self.module:parameters() end
  end

  -- The copies have nothing of their own.
  function MapTable:_stateChildren()
    if not self.shared then return self:namedChildren() end
    return self.module and { { name = "0", module = self.module } } or {}
  end

  -- What is shared must change once only.
  function MapTable:zeroGradParameters()
    if not self.shared then return parent.zeroGradParameters(self) end
    if self.module then self.module:zeroGradParameters() end
  end

  function MapTable:updateParameters(lr)
    if not self.shared then return parent.updateParameters(self, lr) end
    if self.module then self.module:updateParameters(lr) end
  end

  function MapTable:replace(f)
    if self.module then
      self.module = self.module:replace(f)
      self.modules = { self.module }
    end
    return f(self)
  end

  function MapTable:clearState()
    if self.shared then -- else the copies' parameters would be lost
      for i = #self.modules, 2, -1 do self.modules[i] = nil end
    end
    return parent.clearState(self)
  end

  function MapTable:__tostring__()
    if not self.module then return torch.typename(self) .. " { }" end
    return ("%s {\n  %s\n}"):format(torch.typename(self),
      (tostring(self.module):gsub("\n", "\n        ")))
  end
end
