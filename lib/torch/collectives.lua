-- collectives: what several CUDA devices do together: torch.cuda.nccl, by NCCL or by copies, and
-- torch.cuda.comm, which is made of it.

local raise = require("torch.caller").raise

return function(torch, cuda, control)
  local nccl, comm = {}, {}

  -- ---- devices that are connected -------------------------------------------------------------------------

  local cliques = {} -- by their devices, "1,2": what control.clique gave, or why there is none

  -- What connects the devices; or nil and the reason.
  local function connected(devices)
    local key = table.concat(devices, ",")
    if not cliques[key] then
      local ok, made = pcall(control.clique, devices)
      cliques[key] = ok and { clique = made } or { why = made }
    end
    return cliques[key].clique, cliques[key].why
  end

  --- torch.cuda.nccl.isAvailable([devices]); torch.cuda.nccl.close()
  --
  -- Whether NCCL connects the devices.  Where it does not, the functions beside this one copy from device
  -- to device instead.  close ends the connections, which are otherwise kept for the next call.
  --
  -- devices: list of numbers; all there are
  -- Returns: true; or false and what is missing
  -- From: PyTorch
  -- Example:
  --   type(torch.cuda.nccl.isAvailable()) --> boolean
  function nccl.isAvailable(devices)
    if not devices then
      devices = {}
      for device = 1, cuda.getDeviceCount() do devices[device] = device end
    end
    if #devices == 0 then return false, select(2, cuda.isAvailable()) or "no devices are named" end
    local clique, why = connected(devices)
    if clique then return true end
    return false, why
  end

  function nccl.close()
    for _, entry in pairs(cliques) do
      if entry.clique then entry.clique:__close() end
    end
    cliques = {}
  end

  -- ---- checks ---------------------------------------------------------------------------------------------

  local function check_list(fn, list, what)
    if type(list) ~= "table" or torch.typename(list) or #list == 0 then
      raise("torch.cuda.%s: %s is a %s, wanted a list of tensors, one for each device", fn, what,
        torch.type(list))
    end
    for i, t in ipairs(list) do
      if not torch.isTensor(t) then
        raise("torch.cuda.%s: place %d of %s is a %s, wanted a tensor", fn, i, what, torch.type(t))
      elseif t:getDevice() == 0 then
        raise("torch.cuda.%s: tensor %d of %s is in host memory, wanted one on a CUDA device", fn, i, what)
      end
    end
    return list
  end

  local function check_sizes(fn, from, to, factor, divisor)
    if #from ~= #to then
      raise("torch.cuda.%s: %d inputs and %d outputs, wanted as many", fn, #from, #to)
    end
    local n, dtype = from[1]:nElement(), from[1].dtype
    for i, t in ipairs(from) do
      if t:nElement() ~= n or t.dtype ~= dtype or to[i].dtype ~= dtype then
        raise("torch.cuda.%s: tensor %d is %s, tensor 1 %s; wanted the same size and type", fn, i,
          ("%d elements of %s"):format(t:nElement(), t.dtype), ("%d of %s"):format(n, dtype))
      elseif to[i]:getDevice() ~= t:getDevice() then
        raise("torch.cuda.%s: input %d is on %s, its output on %s", fn, i, t.device, to[i].device)
      elseif to[i]:nElement() * divisor ~= n * factor then
        raise("torch.cuda.%s: output %d has %d elements, wanted %s", fn, i, to[i]:nElement(),
          tostring(n * factor / divisor):gsub("%.0$", ""))
      end
    end
  end

  local function check_root(fn, root, n)
    root = root or 1
    if math.type(root) ~= "integer" or root < 1 or root > n then
      raise("torch.cuda.%s: the root is %s, wanted a place in the list, from 1 to %d", fn, tostring(root), n)
    end
    return root
  end

  local combine = {
    sum = function(a, b) return a:add(b) end,
    prod = function(a, b) return a:cmul(b) end,
    max = function(a, b) return a:copy(torch.cmax(a, b)) end,
    min = function(a, b) return a:copy(torch.cmin(a, b)) end,
  }

  local function check_op(fn, op)
    op = op or "sum"
    if not combine[op] then
      raise("torch.cuda.%s: the operation is %s, wanted sum, prod, max or min", fn, tostring(op))
    end
    return op
  end

  -- ---- by copies ------------------------------------------------------------------------------------------

  -- The tensors combined in their order, on the device of one of them, whose elements may become the result.
  local function combined(from, op, root)
    local device = from[root].device
    local sum = root == 1 and from[1] or from[1]:to(device)
    for i = 2, #from do
      local more = i == root and from[i] or from[i]:to(device)
      sum = combine[op](sum == from[1] and sum:clone() or sum, more)
    end
    return sum
  end

  local function put(to, t)
    if to ~= t then to:copy(t:reshape(table.unpack(to.shape))) end
  end

  local by_copies = {}

  function by_copies.reduce(from, to, op, root)
    put(to[root], combined(from, op, root))
  end

  function by_copies.allReduce(from, to, op)
    local sum = combined(from, op, 1)
    for _, t in ipairs(to) do put(t, sum) end
  end

  function by_copies.broadcast(from, to, _, root)
    for _, t in ipairs(to) do put(t, from[root]) end
  end

  function by_copies.allGather(from, to)
    for _, t in ipairs(to) do
      local parts = {}
      for i, part in ipairs(from) do parts[i] = part:reshape(part:nElement()):to(t.device) end
      put(t, torch.cat(parts, 1))
    end
  end

  function by_copies.reduceScatter(from, to, op)
    local sum = combined(from, op, 1)
    sum = sum:reshape(sum:nElement())
    local n = sum:size(1) // #to
    for i, t in ipairs(to) do put(t, sum:narrow(1, (i - 1) * n + 1, n)) end
  end

  -- ---- by either ------------------------------------------------------------------------------------------

  local has_type = { float32 = true, float64 = true, float16 = true, bfloat16 = true, int8 = true,
    uint8 = true, int32 = true, int64 = true }

  -- The tensors without their history, which NCCL can read and write; false where it cannot.
  local function plain(list)
    local out = {}
    for i, t in ipairs(list) do
      if not t:isContiguous() or not has_type[t.dtype] then return false end
      out[i] = t:detach()
    end
    return out
  end

  local function clear_others(from, root)
    for i, t in ipairs(from) do
      if i ~= root then t:zero() end
    end
  end

  -- Lists of tensors, one for each device; as many such lists as wanted, all as one group.  options: op;
  -- root; clear; beside: with NCCL, beside what the devices compute, until the clique that is returned joins
  -- them again; copies: never by NCCL.
  local function collect(kind, froms, tos, options)
    local op, root, n = options.op or "sum", options.root or 1, #froms[1]
    local devices, from, to = {}, {}, {}
    for i, t in ipairs(froms[1]) do devices[i] = t:getDevice() end
    for k = 1, #froms do
      table.move(froms[k], 1, n, #from + 1, from)
      table.move(tos[k], 1, n, #to + 1, to)
    end
    local clique = not options.copies and n > 1 and connected(devices)
    local sent, received = clique and plain(from), clique and plain(to)
    if sent and received then
      clique:collect(kind, op, root, sent, received, options.beside, options.clear)
      return clique
    end
    torch.noGrad(function()
      for k = 1, #froms do
        by_copies[kind](froms[k], tos[k], op, root)
        if options.clear then clear_others(froms[k], root) end
      end
    end)
  end
  nccl._collect = collect

  local function like(list, sizes)
    local out = {}
    for i, t in ipairs(list) do
      out[i] = torch.noGrad(function() return t.new():to(t.device):resize(sizes(t)) end)
    end
    return out
  end

  -- ---- torch.cuda.nccl ------------------------------------------------------------------------------------

  --- torch.cuda.nccl.allReduce(inputs [, outputs [, op]])
  -- torch.cuda.nccl.reduce(inputs [, outputs [, root [, op]]])
  -- torch.cuda.nccl.broadcast(tensors [, root])
  -- torch.cuda.nccl.allGather(inputs [, outputs]); torch.cuda.nccl.reduceScatter(inputs [, outputs [, op]])
  --
  -- What devices do together, with a tensor on each.  allReduce: every output is the sum of all inputs;
  -- reduce: that of the root only; broadcast: every tensor becomes the root's; allGather: every output is all
  -- inputs one behind the other; reduceScatter: output i is the i-th of equal parts of the sum.  It is done
  -- in the devices' current streams, by NCCL where it connects them, else by copies from device to device;
  -- the sum's order is the same each time.  Not recorded for gradients.
  --
  -- inputs, outputs, tensors: lists of tensors of one size and type, one for each device; outputs are the
  --   inputs themselves unless they have another size, and then new vectors
  -- root: place in the list; 1
  -- op: "sum", "prod", "max" or "min"; "sum"
  -- Returns: the outputs
  -- Errors: a tensor is in host memory, or of another size or type
  -- From: PyTorch's torch.cuda.nccl; NCCL
  function nccl.allReduce(inputs, outputs, op)
    local fn = "nccl.allReduce"
    check_list(fn, inputs, "inputs")
    outputs = outputs and check_list(fn, outputs, "outputs") or inputs
    check_sizes(fn, inputs, outputs, 1, 1)
    collect("allReduce", { inputs }, { outputs }, { op = check_op(fn, op) })
    return outputs
  end

  function nccl.reduce(inputs, outputs, root, op)
    local fn = "nccl.reduce"
    check_list(fn, inputs, "inputs")
    outputs = outputs and check_list(fn, outputs, "outputs") or inputs
    check_sizes(fn, inputs, outputs, 1, 1)
    root = check_root(fn, root, #inputs)
    collect("reduce", { inputs }, { outputs }, { op = check_op(fn, op), root = root })
    return outputs
  end

  function nccl.broadcast(tensors, root)
    local fn = "nccl.broadcast"
    check_list(fn, tensors, "tensors")
    check_sizes(fn, tensors, tensors, 1, 1)
    collect("broadcast", { tensors }, { tensors }, { root = check_root(fn, root, #tensors) })
    return tensors
  end

  function nccl.allGather(inputs, outputs)
    local fn = "nccl.allGather"
    check_list(fn, inputs, "inputs")
    local n = #inputs
    outputs = outputs and check_list(fn, outputs, "outputs")
      or like(inputs, function(t) return t:nElement() * n end)
    check_sizes(fn, inputs, outputs, n, 1)
    collect("allGather", { inputs }, { outputs }, {})
    return outputs
  end

  function nccl.reduceScatter(inputs, outputs, op)
    local fn = "nccl.reduceScatter"
    check_list(fn, inputs, "inputs")
    local n = #inputs
    outputs = outputs and check_list(fn, outputs, "outputs")
      or like(inputs, function(t) return t:nElement() // n end)
    check_sizes(fn, inputs, outputs, 1, n)
    collect("reduceScatter", { inputs }, { outputs }, { op = check_op(fn, op) })
    return outputs
  end

  -- ---- torch.cuda.comm ------------------------------------------------------------------------------------

  local function check_devices(fn, devices)
    if type(devices) ~= "table" or #devices == 0 then
      raise("torch.cuda.%s: the devices are a %s, wanted a list of numbers", fn, torch.type(devices))
    end
    local count = cuda.getDeviceCount()
    for _, device in ipairs(devices) do
      if math.type(device) ~= "integer" or device < 1 or device > count then
        raise("torch.cuda.%s: there is no CUDA device %s: this machine has %d", fn, tostring(device), count)
      end
    end
    return devices
  end

  local function check_tensor(fn, t)
    if not torch.isTensor(t) then
      raise("torch.cuda.%s: the first argument is a %s, wanted a tensor", fn, torch.type(t))
    end
  end

  local function on(device) return "cuda:" .. device end

  --- torch.cuda.comm.broadcast(tensor, devices); torch.cuda.comm.broadcastCoalesced(tensors, devices)
  -- torch.cuda.comm.reduceAdd(tensors [, destination])
  -- torch.cuda.comm.scatter(tensor, devices [, chunkSizes [, dim]])
  -- torch.cuda.comm.gather(tensors [, dim [, destination]])
  --
  -- Tensors for several devices.  broadcast: a copy on each, the tensor itself where it is;
  -- broadcastCoalesced does so for a list; reduceAdd: the sum of tensors that lie on several; scatter: parts
  -- along a dimension, as equal as can be, the first ones the larger; where there are fewer rows than
  -- devices, so many parts; gather: the parts in one tensor again.  All are recorded for gradients.
  --
  -- tensor: tensor, anywhere
  -- tensors: list of tensors
  -- devices: list of numbers of CUDA devices
  -- destination: number of a device; the current one
  -- chunkSizes: list of the parts' sizes
  -- dim: dimension; 1
  -- Returns: a list with an entry for each device (broadcastCoalesced: a list of lists); reduceAdd and
  --   gather: a tensor
  -- Errors: there is no such device; the sizes do not fit
  -- From: PyTorch's torch.cuda.comm
  function comm.broadcast(tensor, devices)
    check_tensor("comm.broadcast", tensor)
    local out = {}
    for i, device in ipairs(check_devices("comm.broadcast", devices)) do out[i] = tensor:to(on(device)) end
    return out
  end

  function comm.broadcastCoalesced(tensors, devices)
    local out = {}
    for i, device in ipairs(check_devices("comm.broadcastCoalesced", devices)) do
      out[i] = {}
      for k, t in ipairs(tensors) do
        check_tensor("comm.broadcastCoalesced", t)
        out[i][k] = t:to(on(device))
      end
    end
    return out
  end

  function comm.reduceAdd(tensors, destination)
    check_list("comm.reduceAdd", tensors, "tensors")
    local device = check_devices("comm.reduceAdd", { destination or cuda.getDevice() })[1]
    local sum = tensors[1]:to(on(device))
    for i = 2, #tensors do sum = torch.add(sum, tensors[i]:to(on(device))) end
    return #tensors == 1 and sum:clone() or sum
  end

  -- The sizes of n parts of `size` rows: none is 0 but where there are no rows at all.
  local function even(size, n)
    n = math.max(1, math.min(n, size))
    local sizes = {}
    for i = 1, n do sizes[i] = size // n + (i <= size % n and 1 or 0) end
    return sizes
  end

  function comm.scatter(tensor, devices, chunkSizes, dim)
    local fn = "comm.scatter"
    check_tensor(fn, tensor)
    check_devices(fn, devices)
    dim = dim or 1
    if math.type(dim) ~= "integer" or dim < 1 or dim > tensor:dim() then
      raise("torch.cuda.%s: dimension %s of a tensor of %d dimensions", fn, tostring(dim), tensor:dim())
    end
    local sizes, first, out = chunkSizes or even(tensor:size(dim), #devices), 1, {}
    local total = 0
    for _, size in ipairs(sizes) do total = total + size end
    if total ~= tensor:size(dim) or #sizes > #devices then
      raise("torch.cuda.%s: %d parts of %d in all, wanted at most %d of %d in all", fn, #sizes, total,
        #devices, tensor:size(dim))
    end
    for i, size in ipairs(sizes) do
      out[i] = tensor:narrow(dim, first, size):to(on(devices[i]))
      first = first + size
    end
    return out
  end

  function comm.gather(tensors, dim, destination)
    check_list("comm.gather", tensors, "tensors")
    local device = check_devices("comm.gather", { destination or cuda.getDevice() })[1]
    local parts, scalars = {}, tensors[1]:nElement() == 1 and #tensors[1].shape == 0
    for i, t in ipairs(tensors) do
      parts[i] = t:to(on(device))
      if scalars then parts[i] = parts[i]:reshape(1) end
    end
    return torch.cat(parts, scalars and 1 or dim or 1)
  end

  return nccl, comm
end
