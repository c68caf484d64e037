-- DataParallelTable.lua: a module on several devices, each of which takes a part of every batch.
--
-- The module has a copy, a replica, on each device; its own is the first, and the only one that a script
-- sees.  All parts run on one tape: backward interleaves the replicas, so that all devices compute, and says
-- when the gradient of a parameter is complete on every device.  A bucket of such gradients is then added up
-- on the first device while the others are still computed.

return function(nn, torch)
  local DataParallelTable, parent = torch.class("nn.DataParallelTable", "nn.Container")
  local arguments, cuda = nn._arguments, torch.cuda

  -- Of each module: its replicas and what belongs to them; see `build`.  Not in the module itself, so that
  -- saving or cloning it does not see it.
  local live = setmetatable({}, { __mode = "k" })

  --- nn.DataParallelTable(dimension [, flattenParams [, usenccl]])
  -- nn.DataParallelTable:add(module, devices); nn.DataParallelTable:get(index)
  -- nn.DataParallelTable:threads([initFunc]); nn.DataParallelTable:flattenParameters()
  -- nn.DataParallelTable:syncParameters(); nn.DataParallelTable:zeroGrad()
  --
  -- A module that runs on several CUDA devices.  The input, a tensor or a table of them, is cut along a
  -- dimension, each device runs a part, and the outputs are put together on the first device.  The parameters
  -- are those of the module, on the first device; an optimiser changes these, and the next forward brings
  -- them to the others (syncParameters does so at once).  backward, Torch7's or the tape's, adds the sum of
  -- all devices' gradients to theirs, in buckets of dataParallelTable.bucketBytes (25 MB) that are put
  -- together while the rest is computed.  A batch with fewer rows than there are devices runs on so many.
  -- Buffers, such as running means, are the first device's too.  What is written to a file or cloned is the
  -- module, without the replicas.  torch.grad without accumulate sees the first device's part only.
  --
  -- One thread starts the work of all devices, which then run at the same time, so that threads is only there
  -- for Torch7's scripts: it calls initFunc.  zeroGrad is zeroGradParameters.
  --
  -- dimension: dimension of the input that is cut, and of the output
  -- flattenParams: true has getParameters called first: fewer and larger copies
  -- usenccl: false always copies from device to device; nil has NCCL used where it is there; true warns where
  --   it is not
  -- module: nn.Module, on the first of the devices
  -- devices: list of numbers; or, with a call for each device, one number (of the modules the first counts)
  -- index: 1
  -- initFunc: function
  -- Returns: a module
  -- Errors: there is no such device; the module is on another one than the first
  -- From: Torch7's cunn; the buckets are those of PyTorch's DistributedDataParallel
  -- Example:
  --   net = nn.DataParallelTable(1):add(nn.Linear(3, 2), { 1, 2 })
  --   torch.typename(net:get(1)), #net:parameters() --> nn.Linear 2
  function DataParallelTable:__init(dimension, flattenParams, usenccl)
    parent.__init(self)
    self.dimension = arguments.whole(self, "dimension", dimension, nil, 1)
    self.gpuAssignments = {}
    self.flattenParams = flattenParams or false
    self.usenccl = usenccl
    self.bucketBytes = 25 * 2^20
    if usenccl then
      local ok, why = cuda.nccl.isAvailable()
      if not ok then io.stderr:write("warning: nn.DataParallelTable copies without NCCL: ", why, "\n") end
    end
  end

  --- nn.DataParallel(module [, devices [, outputDevice [, dim]]])
  --
  -- nn.DataParallelTable in PyTorch's way: for a module that is on the first of the devices.
  --
  -- module: nn.Module
  -- devices: list of numbers; all there are
  -- outputDevice: number: where the output goes; the first device
  -- dim: dimension that is cut; 1
  -- Returns: an nn.DataParallelTable
  -- Errors: as there
  -- From: PyTorch
  -- Example:
  --   torch.typename(nn.DataParallel(nn.Tanh(), { 1, 2 })) --> nn.DataParallelTable
  function nn.DataParallel(module, devices, outputDevice, dim)
    if not devices then
      devices = {}
      for device = 1, cuda.getDeviceCount() do devices[device] = device end
    end
    local made = DataParallelTable(dim or 1):add(module, devices)
    made.outputDevice = outputDevice and arguments.whole(made, "outputDevice", outputDevice, nil, 1)
    return made
  end

  function DataParallelTable:add(module, devices)
    module = self:_module(module, "add")
    if type(devices) == "number" then devices = { devices } end
    if type(devices) ~= "table" or #devices == 0 then
      arguments.fail(self, "the devices are a %s, wanted a list of numbers", torch.type(devices))
    elseif #self.gpuAssignments > 0 and #devices > 1 then
      arguments.fail(self, "there is a module already; a list of devices is for one call of add")
    end
    for _, device in ipairs(devices) do
      table.insert(self.gpuAssignments, arguments.whole(self, "device", device, nil, 1))
    end
    self.modules[1] = self.modules[1] or module
    live[self] = nil
    return self
  end

  function DataParallelTable:threads(initFunc)
    if initFunc then initFunc() end
    return self
  end

  function DataParallelTable:__tostring__()
    return ("%s: %d x %s"):format(torch.typename(self), #self.gpuAssignments,
      nn.indented(tostring(self.modules[1])))
  end

  -- ---- replicas -------------------------------------------------------------------------------------------

  -- The same places of several lists.
  local function across(lists, at)
    local entries = {}
    for i, list in ipairs(lists) do entries[i] = list[at] end
    return entries
  end

  -- Whether b follows a directly in memory.
  local function adjoin(a, b)
    return torch.pointer(a:storage()) == torch.pointer(b:storage()) and a:isContiguous() and b:isContiguous()
      and a:storageOffset() + a:nElement() == b:storageOffset()
  end

  -- Groups of tensors, one for each replica, where those of places `first` to `last` of the replicas' lists,
  -- as far as they lie one behind the other on each, are one vector.
  local function joined(lists, first, last)
    local groups, at = {}, first
    while at <= last do
      local to = at
      local function more(list) return list[to + 1]:nElement() > 0 and adjoin(list[to], list[to + 1]) end
      local all = true
      while to < last and all do
        for _, list in ipairs(lists) do all = all and more(list) end
        if all then to = to + 1 end
      end
      local group = across(lists, at)
      for i, list in ipairs(to > at and lists or {}) do
        local length = list[to]:storageOffset() + list[to]:nElement() - list[at]:storageOffset()
        local size = torch.LongStorage { length }
        group[i] = list[at].new():set(list[at]:storage(), list[at]:storageOffset(), size)
      end
      groups[#groups + 1] = group
      at = to + 1
    end
    return groups
  end

  -- Buckets of parameters, from the last, whose gradient comes first, to the first.
  local function make_buckets(l, bytes)
    local grads, buckets = l.grads[1], {}
    local last, size = #grads, 0
    for k = #grads, 1, -1 do
      size = size + grads[k]:nElement() * grads[k]:elementSize()
      if size >= bytes or k == 1 then
        local bucket = { groups = joined(l.grads, k, last), ready = 0, count = last - k + 1 }
        buckets[#buckets + 1] = bucket
        for place = k, last do l.bucket_of[place] = bucket end
        last, size = k - 1, 0
      end
    end
    return buckets
  end

  local function reduce(l, bucket)
    bucket.ready = 0
    local clique = cuda.nccl._collect("reduce", bucket.groups, bucket.groups,
      { root = 1, clear = true, beside = true, copies = l.copies })
    l.pending = clique or l.pending
  end

  -- What backward tells: the place of a leaf whose gradient is complete; at its end, whether all went well.
  local function told(l, what)
    if math.type(what) then
      local bucket = l.bucket_of[(what - 1) % l.count + 1]
      bucket.ready = bucket.ready + 1
      if bucket.ready == bucket.count * l.used then reduce(l, bucket) end
      return
    end
    for _, bucket in ipairs(l.buckets) do
      if what and bucket.ready > 0 then reduce(l, bucket) end
      bucket.ready = 0
    end
    if l.pending then l.pending:join() end
    l.pending, l.used = nil, 0
  end

  local function watch(l)
    local leaves = {}
    for _, list in ipairs(l.params) do table.move(list, 1, #list, #leaves + 1, leaves) end
    local weak = setmetatable({ l }, { __mode = "v" }) -- the leaves hold the function
    l.watch = torch._watchLeaves(leaves, function(what)
      if weak[1] then told(weak[1], what) end
    end)
  end

  -- The version of what the replicas have of the first, by group.
  local function versions(groups)
    local list = {}
    for i, group in ipairs(groups) do list[i] = torch._version(group[1]) end
    return list
  end

  local function buffers_of(module)
    local list = {}
    for i, entry in ipairs(module:namedBuffers()) do list[i] = entry.tensor end
    return list
  end

  local function on_cuda(t) return t:getDevice() > 0 end

  local function check(self)
    local devices, count = self.gpuAssignments, cuda.getDeviceCount()
    if #devices == 0 then arguments.fail(self, "there is no module; add one, and say on which devices") end
    for _, device in ipairs(devices) do
      if device > count then
        arguments.fail(self, "device %d is wanted, and this machine has %d", device, count)
      end
    end
    for _, p in ipairs(self.modules[1]:parameters() or {}) do
      if p:getDevice() ~= devices[1] then
        arguments.fail(self, "the module is on %s, wanted on cuda:%d, the first of its devices", p.device,
          devices[1])
      end
    end
  end

  -- All parameters as one vector, and all gradients; they may be parts of larger ones already.
  local function flatten(self)
    local params, grads = self.modules[1]:parameters()
    if not params or #params == 0 then return torch.Tensor(), torch.Tensor() end
    local p, g = joined({ params }, 1, #params), joined({ grads }, 1, #grads)
    if #p > 1 or #g > 1 then return parent.getParameters(self) end
    p, g = p[1][1]:detach(), g[1][1]:detach()
    return p:view(p:nElement()), g:view(g:nElement())
  end

  local function build(self)
    check(self)
    local first, devices = self.modules[1], self.gpuAssignments
    if self.flattenParams then self.flattenedParams = { { flatten(self) } } end
    local l = { replicas = { first }, modules = {}, params = {}, grads = {}, buffers = {}, bucket_of = {},
      used = 0, copies = self.usenccl == false, devices = table.move(devices, 1, #devices, 1, {}) }
    for i = 2, #devices do l.replicas[i] = first:_cloneTo(devices[i]) end
    for i, replica in ipairs(l.replicas) do
      l.modules[i], l.buffers[i] = replica:listModules(), buffers_of(replica)
      l.params[i], l.grads[i] = replica:parameters()
      l.params[i], l.grads[i] = l.params[i] or {}, l.grads[i] or {}
      if i > 1 then
        for _, g in ipairs(l.grads[i]) do g:zero() end
      end
    end
    l.count = #l.params[1]
    l.buckets = l.count > 0 and make_buckets(l, self.bucketBytes) or {}
    l.values = l.count > 0 and joined(l.params, 1, l.count) or {}
    for k, t in ipairs(l.buffers[1]) do
      if on_cuda(t) then l.values[#l.values + 1] = across(l.buffers, k) end
    end
    l.versions = versions(l.values)
    l.where = {}
    for k, p in ipairs(l.params[1]) do l.where[k] = torch.pointer(p:storage()) end
    if #devices > 1 and l.count > 0 then watch(l) end
    return l
  end

  -- Whether the replicas are still those of the module: nothing was added, converted or flattened since.
  local function is_current(self, l)
    local modules, params = self.modules[1]:listModules(), self.modules[1]:parameters() or {}
    if #modules ~= #l.modules[1] or #params ~= l.count then return false end
    for k, m in ipairs(modules) do
      if m ~= l.modules[1][k] then return false end
    end
    for k, p in ipairs(params) do
      if p ~= l.params[1][k] or torch.pointer(p:storage()) ~= l.where[k] then return false end
    end
    return true
  end

  -- Brings what has changed on the first device to the others.
  local function synchronize(l, all)
    local now, changed = versions(l.values), {}
    for i, group in ipairs(l.values) do
      if all or now[i] ~= l.versions[i] then changed[#changed + 1] = group end
    end
    if #changed > 0 and #l.replicas > 1 then
      cuda.nccl._collect("broadcast", changed, changed, { copies = l.copies })
    end
    l.versions = versions(l.values)
    for i = 2, #l.modules do
      for k, m in ipairs(l.modules[1]) do
        local copy = l.modules[i][k]
        if copy.train ~= m.train then copy.train = m.train end
        if copy._frozen ~= m._frozen then
          copy._frozen = m._frozen
          copy:_link()
        end
      end
    end
  end

  -- The replicas, as the module is now.
  local function prepare(self)
    local l = live[self]
    if not l or not is_current(self, l) then
      live[self] = nil
      l = build(self)
      live[self] = l
    end
    synchronize(l)
    return l
  end

  function DataParallelTable:syncParameters()
    local l = live[self]
    if l and is_current(self, l) then synchronize(l, true) end
  end

  function DataParallelTable:flattenParameters()
    self.flattenParams = true
    live[self] = nil
  end

  function DataParallelTable:getParameters()
    self:flattenParameters()
    self.flattenedParams = { { flatten(self) } }
    return table.unpack(self.flattenedParams[1])
  end

  function DataParallelTable:zeroGradParameters()
    parent.zeroGradParameters(self)
    for i = 2, live[self] and #live[self].grads or 0 do
      for _, g in ipairs(live[self].grads[i]) do g:zero() end
    end
  end
  DataParallelTable.zeroGrad = DataParallelTable.zeroGradParameters

  function DataParallelTable:apply(f)
    parent.apply(self, f)
    live[self] = nil -- what f has changed is in the first
  end

  function DataParallelTable:clearState()
    live[self] = nil
    return parent.clearState(self)
  end

  -- ---- running --------------------------------------------------------------------------------------------

  -- How many devices get a part of an input: as many as its largest tensor has rows.
  local function parts_of(self, input, most)
    if torch.isTensor(input) then
      if input:nElement() == 0 then return 1 end -- a place that is left empty
      if input:dim() < self.dimension then
        arguments.fail(self, "an input of %d dimensions, wanted at least %d", input:dim(), self.dimension)
      end
      return math.min(most, input:size(self.dimension))
    end
    local n = 1
    for _, value in next, type(input) == "table" and input or {} do
      n = math.max(n, parts_of(self, value, most))
    end
    return n
  end

  -- The parts of an input: a list with the like of it for each of the devices.
  local function scatter(self, input, devices)
    if torch.isTensor(input) then
      if input:nElement() == 0 then return cuda.comm.broadcast(input, devices) end
      local parts = cuda.comm.scatter(input, devices, nil, self.dimension)
      if #parts < #devices then
        arguments.fail(self, "an input has %d rows, and another enough for %d devices", #parts, #devices)
      end
      return parts
    end
    local parts = {}
    for i = 1, #devices do parts[i] = type(input) == "table" and {} or input end
    for key, value in next, type(input) == "table" and input or {} do
      for i, part in ipairs(scatter(self, value, devices)) do parts[i][key] = part end
    end
    return parts
  end

  local function gather(self, outputs, device)
    local first = outputs[1]
    if torch.isTensor(first) then
      if #outputs == 1 then return first:to("cuda:" .. device) end
      return cuda.comm.gather(outputs, self.dimension, device)
    elseif type(first) ~= "table" then
      return first
    end
    local whole = {}
    for key in next, first do whole[key] = gather(self, across(outputs, key), device) end
    return whole
  end

  function DataParallelTable:updateOutput(input)
    if not torch.isTensor(input) and type(input) ~= "table" then
      arguments.fail(self, "the input is a %s, wanted a tensor or a table of tensors", torch.type(input))
    end
    local l = prepare(self)
    local n, outputs = parts_of(self, input, #l.devices), {}
    local parts = scatter(self, input, table.move(l.devices, 1, n, 1, {}))
    l.used = math.max(l.used, torch.isGradEnabled() and n or 0)
    for i, part in ipairs(parts) do
      outputs[i] = cuda.withDevice(l.devices[i], function() return l.replicas[i]:_run(part) end)
    end
    return gather(self, outputs, self.outputDevice or l.devices[1])
  end

  -- ---- types and files ------------------------------------------------------------------------------------

  local function on_first(self, f, ...)
    local device = self.gpuAssignments[1]
    if not device or device > cuda.getDeviceCount() then return f(self, ...) end
    local given = table.pack(...)
    return cuda.withDevice(device, function() return f(self, table.unpack(given, 1, given.n)) end)
  end

  function DataParallelTable:type(...)
    if torch._torch7() and (...) and not (...):find "Cuda" then
      arguments.fail(self, "the type %s is not one of a CUDA device", (...))
    end
    return on_first(self, parent.type, ...)
  end

  function DataParallelTable:cuda(...)
    return on_first(self, parent.cuda, ...)
  end

  -- As in Torch7: the devices, then the fields.
  function DataParallelTable:write(file, hook)
    file:writeObject(self.gpuAssignments, nil, hook)
    parent.write(self, file, hook)
  end

  function DataParallelTable:read(file)
    local devices = file:readObject()
    local wanted = DataParallelTable.deserializeNGPUs
    for i = 1, wanted or 0 do devices[i] = i end
    self.gpuAssignments = table.move(devices, 1, wanted or #devices, 1, {})
    local fields = on_first(self, function() return file:readObject() end)
    for k, v in next, fields do
      if k ~= "gpuAssignments" and k ~= "impl" then rawset(self, k, v) end
    end
    self.bucketBytes = self.bucketBytes or 25 * 2^20
  end

  --- nn.DataParallelTable.Basic(); nn.DataParallelTable.Threads()
  --
  -- What Torch7's files of an nn.DataParallelTable hold in its field impl; nothing here.
  --
  -- Returns: an object
  -- From: Torch7's cunn
  for _, name in ipairs { "Basic", "Threads" } do torch.class("nn.DataParallelTable." .. name, {}) end
end
