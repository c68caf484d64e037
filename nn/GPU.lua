-- GPU.lua: a module on a device.

return function(nn, torch)
  local GPU, parent = torch.class("nn.GPU", "nn.Decorator")
  local arguments, tape = nn._arguments, nn.tape

  --- nn.GPU(module, device [, outdevice])
  -- nn.GPU:setDevice(device)
  --
  -- The module itself, for programs that name the device it runs on.  Once it has been moved to the GPU, what
  -- it is given goes there too, and its gradients come back to where the input was.  There is one device.
  --
  -- module: nn.Module
  -- device, outdevice: numbers of the devices for the module and its output, from 1
  -- Returns: a module
  -- From: Torch7
  -- Example:
  --   nn.GPU(nn.Linear(3, 4), 1):forward(torch.ones(3)):size(1) --> 4
  function GPU:__init(module, device, outdevice)
    parent.__init(self, module)
    self.device = arguments.whole(self, "device", device, nil, 1)
    self.outdevice = arguments.whole(self, "outdevice", outdevice, device, 1)
  end

  function GPU:setDevice(device)
    self.device = arguments.whole(self, "device", device, self.device, 1)
    return self
  end

  -- Whether the parameters are on the GPU.
  local function moved(self)
    local first = (self:parameters() or {})[1]
    return first and tostring(first.device):find("cuda", 1, true) and first.device
  end

  function GPU:updateOutput(input)
    local device = moved(self)
    if device then input = tape.map(input, function(t) return t:to(device) end) end
    return parent.updateOutput(self, input)
  end

  function GPU:__tostring__()
    return ("%s(%d) @ %s"):format(torch.typename(self), self.device, tostring(self.modules[1]))
  end
end
