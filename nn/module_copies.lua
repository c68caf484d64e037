-- module_copies.lua: copies of modules, their types and devices.

return function(nn, torch)
  local Module = nn.Module

  -- ---- copies ------------------------------------------------------------------------------------------

  -- A copy of a tensor, of one on a CUDA device on that which seen.device names.
  local function elsewhere(t, seen)
    if not seen.device or t:getDevice() == 0 or t.device == seen.device then return t:clone() end
    return t:to(seen.device)
  end

  -- A storage with the same elements, once for each.
  local function copied_storage(storage, seen)
    local key = torch.pointer(storage)
    if not seen[key] then
      local kind = torch.typename(storage):gsub("Storage$", "Tensor")
      local whole = torch.getmetatable(kind).new(storage)
      seen[key] = elsewhere(whole, seen):storage()
    end
    return seen[key]
  end

  local function copied_tensor(t, seen)
    local key = torch.pointer(t)
    if not seen[key] then
      local storage = t:storage()
      if not storage or t:nElement() == 0 or t:dim() == 0 then
        seen[key] = elsewhere(t:detach(), seen)
      else
        seen[key] = t.new():set(copied_storage(storage, seen), t:storageOffset(), t:size(), t:stride())
      end
    end
    return seen[key]
  end

  -- A copy of everything that can be reached; what is shared inside is shared in the copy.  Functions stay
  -- themselves.  `seen` has the copies by table, and by address for tensors and storages.
  local function copied(value, seen)
    if torch.isTensor(value) then return copied_tensor(value, seen) end
    if torch.isStorage(value) then return copied_storage(value, seen) end
    if type(value) ~= "table" then return value end
    if seen[value] then return seen[value] end
    local copy = {}
    seen[value] = copy
    for k, v in next, value do copy[copied(k, seen)] = copied(v, seen) end
    return setmetatable(copy, debug.getmetatable(value))
  end

  --- module:clone(...); module:share(other, ...)
  --
  -- A copy with tensors of its own, but for those whose names are given, which stay shared; share makes
  -- the named tensors views of another module's.  Functions that a module holds are the copy's too.
  --
  -- other: module of the same structure
  -- ...: names, as "weight", "bias"
  -- Returns: clone: the copy; share: the module
  -- From: Torch7
  -- Example:
  --   module = nn.Linear(2, 2)
  --   copy = module:clone("weight")
  --   copy.weight:isSetTo(module.weight), copy.bias:isSetTo(module.bias) --> true false
  function Module:clone(...)
    local copy = torch.noGrad(copied, self, {})
    if select("#", ...) > 0 then copy:share(self, ...) end
    return copy
  end

  -- A copy whose tensors on CUDA devices are on that one, by its number.
  function Module:_cloneTo(device)
    return torch.cuda.withDevice(device, function()
      return torch.noGrad(copied, self, { device = "cuda:" .. device })
    end)
  end

  function Module:share(other, ...)
    for _, name in ipairs { ... } do
      if torch.isTensor(self[name]) and torch.isTensor(other[name]) then self[name]:set(other[name]) end
    end
    local others = other:children()
    for i, m in ipairs(self:children()) do m:share(others[i], ...) end
    return self
  end

  --- module:write(file [, hook]); module:read(file)
  --
  -- What torch.save and torch.load do with a module: its fields as one table.  A class that has something to
  -- leave out or to restore writes its own.
  --
  -- file: torch.File
  -- hook: as for file:writeObject
  -- From: Torch7
  -- Example:
  --   file = torch.MemoryFile()
  --   nn.Linear(2, 3):write(file)
  --   file:seek(1)
  --   module = nn.Linear(1, 1)
  --   module:read(file)
  --   module.weight:size(1) --> 3
  function Module:write(file, hook)
    local fields = {}
    for k, v in next, self do fields[k] = v end
    file:writeObject(fields, nil, hook)
  end

  function Module:read(file)
    for k, v in next, file:readObject() do rawset(self, k, v) end
  end

  -- ---- types and devices ---------------------------------------------------------------------------------

  local is_float = { float32 = true, float64 = true, float16 = true, bfloat16 = true }

  -- A tensor of another type; tensors that shared a storage share the new one too.
  local function converted(t, typename, storages)
    local storage = t:storage()
    if not storage or t:nElement() == 0 then return t:detach():type(typename) end
    local key = torch.pointer(storage)
    if not storages[key] then
      local whole = t.new(storage, 1, torch.LongStorage { storage:size() })
      storages[key] = whole:type(typename):storage()
    end
    local new = t.new():type(typename)
    if t:dim() == 0 then -- no sizes would be those of an empty tensor
      local one = torch.LongStorage { 1 }
      return new:set(storages[key], t:storageOffset(), one, one):squeeze()
    end
    return new:set(storages[key], t:storageOffset(), t:size(), t:stride())
  end

  -- The same, once for each tensor.
  local function once(t, typename, cache)
    local key = torch.pointer(t)
    if not cache.tensors[key] and t:type() ~= typename then
      cache.tensors[key] = converted(t, typename, cache.storages)
      table.insert(cache.originals, t) -- so that nothing new gets its address
    end
    return cache.tensors[key] or t
  end

  -- What a conversion remembers.
  local function cache_from(cache)
    cache = cache or {}
    for _, part in ipairs { "tensors", "storages", "originals" } do cache[part] = cache[part] or {} end
    return cache
  end

  function Module._converted(t, typename, cache)
    return torch.noGrad(once, t, typename, cache_from(cache))
  end

  -- Converts the tensors in a nested table in place: type_for gives the name of a tensor's new type.
  local function convert(value, type_for, cache, visited)
    if visited[value] or value.dontCast then return end -- dontCast as in nn.Copy
    visited[value] = true
    if value._forget then value:_forget() end
    if value._keepsTypes then -- nn.DontCast: what is inside stays as it is
      value._type = type_for(value._type)
      return
    end
    for k, v in pairs(value) do
      if torch.isTensor(v) then
        value[k] = once(v, type_for(v:type()), cache)
      elseif type(v) == "table" then
        convert(v, type_for, cache, visited)
      end
    end
    if value._type then value._type = type_for(value._type) end
  end

  -- The name of the same type in host memory, or on the CUDA device.
  local function in_host(name) return torch._kind(name, false) end
  local function on_cuda(name) return torch._kind(name, true) end

  local function convert_all(module, type_for, cache)
    torch.noGrad(convert, module, type_for, cache_from(cache), {})
    return module
  end

  -- Puts the elements of a tensor in another order where they are, so that it shares them with the same
  -- tensors as before.
  local function reorder(t, order)
    local dense = t:isContiguous() or t:isContiguous("channelsLast")
    if t:dim() ~= 4 or t:isContiguous(order) or not dense then return end
    local turned = t:detach():contiguous(order)
    t:set(t:storage(), t:storageOffset(), t:size(), turned:stride()):copy(turned)
  end

  local function reorder_all(module, order)
    for _, list in ipairs { module:parameters() } do
      for _, t in ipairs(list) do reorder(t, order) end
    end
  end

  --- module:type([typename [, cache]]); module:float(); module:double(); module:half()
  -- module:cuda(); module:cpu(); module:to(where)
  --
  -- The type of the module's tensors; or converts them.  A float type is for the module's float tensors;
  -- the others stay what they are, but go to the same device: "torch.CudaTensor" is float32 on the CUDA
  -- device, "torch.FloatTensor" in host memory.  cuda and cpu move everything and change no type; run as
  -- th, cuda() is type("torch.CudaTensor").
  --
  -- module:to { memoryFormat = order } puts the parameters of 4 dimensions, such as the weights of
  -- convolutions, and their gradients in that order in memory: see x:contiguous.
  --
  -- typename: string, as "torch.DoubleTensor"
  -- where: "cuda", "cpu", or a type such as "float64", which leaves the module on its device; or a table
  --   with memoryFormat: "channelsLast" or "contiguous"
  -- cache: table, {} at first: tensors that modules share stay shared when they are converted with one table
  -- Returns: a string; or the module
  -- Errors: there is no CUDA device
  -- From: Torch7
  -- Example:
  --   nn.Linear(2, 2):double().weight:type() --> torch.DoubleTensor
  function Module:type(typename, cache)
    if not typename then return self._type end
    local short = not typename:find("^torch%.")
    local cuda = (short and self._type or typename):find("^torch%.Cuda") ~= nil
    local wanted = torch._kind(typename, cuda)
    return convert_all(self, function(name)
      local same, dtype = torch._kind(name, cuda)
      return is_float[dtype] and wanted or same
    end, cache)
  end

  function Module:float(cache) return self:type("torch.FloatTensor", cache) end
  function Module:double(cache) return self:type("torch.DoubleTensor", cache) end
  function Module:half(cache) return self:type("torch.HalfTensor", cache) end
  function Module:cpu() return convert_all(self, in_host) end
  function Module:to(where)
    if type(where) == "table" and where.memoryFormat then
      if where.memoryFormat ~= "channelsLast" and where.memoryFormat ~= "contiguous" then
        nn._arguments.fail(self, 'to a memory format %s, wanted "channelsLast" or "contiguous"',
          where.memoryFormat)
      end
      torch.noGrad(reorder_all, self, where.memoryFormat)
      return self
    end
    if where == "cpu" then return self:cpu() end
    if where == "cuda" then return self:cuda() end
    if type(where) ~= "string" then
      nn._arguments.fail(self, 'to a %s, wanted "cuda", "cpu" or a type', torch.type(where))
    end
    return self:type(where)
  end
  function Module:cuda()
    torch.cuda.setDevice(torch.cuda.getDevice()) -- says what is missing where there is no device
    if torch._torch7() then return self:type("torch.CudaTensor") end
    return convert_all(self, on_cuda)
  end
end
