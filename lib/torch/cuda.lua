-- cuda: tensors on CUDA devices: the classes torch.CudaTensor and its relatives, and torch.cuda, the
-- control of the devices.  cutorch (lib/cutorch) has the same functions under Torch7's name.
--
-- Nothing here asks for a device before a script does.

local check = require "torch.check"

return function(torch)
  local control = torch._cuda
  torch._cuda = nil
  local storable = torch._storable
  torch._storable = nil

  -- ---- classes, made when they are first asked for ----------------------------------------------------

  torch._onclass(function(mt)
    local name = rawget(mt, "__typename")
    local construct = name:match("Tensor$") and torch._cudatensor(name) or torch._cudastorage(name)
    local class = {}
    rawset(mt, "new", function(...) return construct(class, ...) end)
    rawset(torch, name:match("^torch%.(.*)$"),
      setmetatable(class, { __call = construct, __index = mt, __newindex = mt, __metatable = mt }))
    storable(mt)
  end)

  setmetatable(torch._metatables, { __index = function(_, name)
    if type(name) == "string" and name:match("^torch%.Cuda") then return torch._class(name) end
  end })

  setmetatable(torch, { __index = function(_, name)
    if type(name) == "string" and name:match("^Cuda") and torch._class("torch." .. name) then
      return rawget(torch, name)
    end
  end })

  --- torch.CudaTensor([...]); torch.CudaDoubleTensor([...]); torch.CudaHalfTensor([...])
  -- torch.CudaBFloat16Tensor([...]); torch.CudaCharTensor([...]); torch.CudaByteTensor([...])
  -- torch.CudaShortTensor([...]); torch.CudaIntTensor([...]); torch.CudaLongTensor([...])
  -- torch.CudaBoolTensor([...])
  --
  -- Makes a tensor on the current CUDA device, from what torch.FloatTensor takes: sizes, a table, a
  -- storage, a tensor.  torch.CudaTensor has float32 elements, the others those that their names say.
  --
  -- Returns: a tensor
  -- Errors: there is no CUDA device
  -- From: cutorch

  --- torch.CudaStorage([...]); torch.CudaDoubleStorage([...]); torch.CudaHalfStorage([...])
  -- torch.CudaBFloat16Storage([...]); torch.CudaCharStorage([...]); torch.CudaByteStorage([...])
  -- torch.CudaShortStorage([...]); torch.CudaIntStorage([...]); torch.CudaLongStorage([...])
  -- torch.CudaBoolStorage([...])
  --
  -- A storage on the current CUDA device: of a size, from a table of numbers, or a part of another.
  --
  -- Returns: a storage
  -- Errors: there is no CUDA device
  -- From: cutorch

  --- x:cudaDouble(); x:cudaHalf(); x:cudaLong(); x:cudaInt(); x:cudaShort(); x:cudaChar(); x:cudaByte()
  --
  -- x as a tensor of that type on the current CUDA device.
  --
  -- Returns: a torch.CudaDoubleTensor and so on
  -- Errors: there is no CUDA device
  -- From: cutorch
  for _, kind in ipairs { "Double", "Half", "Long", "Int", "Short", "Char", "Byte" } do
    local function method(x) return x:type("torch.Cuda" .. kind .. "Tensor") end
    for name, class in pairs(torch._metatables) do
      if name:match("^torch%.%w+Tensor$") then class["cuda" .. kind] = method end
    end
  end

  -- ---- devices ------------------------------------------------------------------------------------------

  local cuda = {}
  torch.cuda = cuda

  --- torch.cuda.isAvailable()
  --
  -- Whether CUDA tensors can be made here.
  --
  -- Returns: true; or false and what is missing
  -- From: PyTorch
  -- Example:
  --   type(torch.cuda.isAvailable()) --> boolean
  cuda.isAvailable = control.available

  --- torch.cuda.getDeviceCount(); torch.cuda.getDevice(); torch.cuda.setDevice(device)
  --
  -- How many CUDA devices there are (0 where CUDA cannot be used); which is the current one, that new
  -- CUDA tensors are made on; makes another one current.
  --
  -- device: number from 1, or a name as "cuda:2"
  -- Returns: an integer; nothing from setDevice
  -- Errors: there is no such device
  -- From: cutorch
  -- Example:
  --   torch.cuda.getDevice() --> 1
  cuda.getDeviceCount = control.count
  cuda.getDevice = control.getDevice
  cuda.setDevice = control.setDevice

  --- torch.cuda.withDevice(device, f)
  --
  -- Calls a function with another current device.
  --
  -- device: number of a CUDA device
  -- f: function
  -- Returns: what f returns
  -- Errors: those of f, after which the device is the old one again
  -- From: cutorch
  function cuda.withDevice(device, f)
    local before = cuda.getDevice()
    cuda.setDevice(device)
    local results = table.pack(xpcall(f, function(e) return e end))
    cuda.setDevice(before)
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end

  --- torch.cuda.getDeviceProperties([device])
  --
  -- What a device is: name, major and minor (its compute capability), multiProcessorCount, warpSize,
  -- maxThreadsPerBlock, clockRate (kHz), totalGlobalMem and sharedMemPerBlock (bytes), driver and
  -- runtime (versions of CUDA).
  --
  -- device: number; the current one
  -- Returns: a table
  -- Errors: there is no such device
  -- From: cutorch
  cuda.getDeviceProperties = control.properties

  --- torch.cuda.getMemoryUsage([device])
  --
  -- The memory of a device as its driver sees it.
  --
  -- device: number; the current one
  -- Returns: two integers: bytes free, bytes in all
  -- From: cutorch
  cuda.getMemoryUsage = control.memory

  --- torch.cuda.memory([device]); torch.cuda.resetPeak([device]); torch.cuda.emptyCache([device])
  --
  -- The memory that tensors of this process take on a device; sets the peak to what is live; gives
  -- memory that is kept for reuse back to the driver, after collecting garbage.
  --
  -- device: number; the current one
  -- Returns: memory: a table of bytes: live, in use; peak, the most so far; cached, kept for reuse
  -- From: PyTorch
  cuda.memory = control.stats
  cuda.resetPeak = control.resetPeak
  cuda.emptyCache = control.emptyCache

  --- torch.cuda.synchronize([device]); torch.cuda.synchronizeAll()
  --
  -- Waits until a device, or every device, has done all its work.  Errors that kernels met come here
  -- at the latest.
  --
  -- device: number; the current one
  -- From: cutorch
  cuda.synchronize = control.synchronize
  function cuda.synchronizeAll()
    for device = 1, cuda.getDeviceCount() do cuda.synchronize(device) end
  end

  -- ---- options ------------------------------------------------------------------------------------------

  local function option(name)
    return function(on)
      if on ~= nil and type(on) ~= "boolean" then
        error(("torch.cuda: the switch '%s' is true or false, got a %s"):format(name, type(on)), 2)
      end
      return control.option(name, on)
    end
  end

  --- torch.cuda.setSynchronous([on]); torch.cuda.allowTF32([on])
  -- torch.cuda.setBenchmark([on]); torch.cuda.setDeterministic([on])
  --
  -- Switches, all off at first; without an argument they only tell.
  -- setSynchronous: the script waits for each kernel, so that an error comes at the line that caused
  -- it.  CRESSET_CUDA_SYNC=1 in the environment does the same.
  -- allowTF32: products and convolutions of float32 round their factors to 10 bits of fraction, which
  -- is much faster.  CRESSET_CUDA_TF32=1 does the same.
  -- setBenchmark: cuDNN times its algorithms for each new shape of a convolution and the fastest stays.
  -- setDeterministic: only algorithms that give the same bits in every run.
  --
  -- on: true or false
  -- Returns: how it was before
  -- Errors: there is no CUDA device
  -- From: PyTorch
  cuda.setSynchronous = option "synchronous"
  cuda.allowTF32 = option "tf32"
  cuda.setBenchmark = option "benchmark"
  cuda.setDeterministic = option "deterministic"

  local compile

  function cuda.compile(...)
    compile = compile or require "torch.kernels"(cuda, control)
    return compile(...)
  end

  -- ---- graphs -------------------------------------------------------------------------------------------

  -- While a function is captured, the list of what is called before each replay.
  local capturing = false

  --- torch.cuda.graph(f [, options]); torch.cuda.isCapturing()
  --
  -- Captures what a function does on the current device, such as a step of training, as a graph, which
  -- repeats it at the cost of one launch: where a step is many small kernels, most of its time goes into
  -- starting them.
  --
  -- The function is called some times as it is, and then once more while its work is kept instead of done.
  -- Each replay works on the same tensors: inputs are put where the function reads them, as
  -- input:copy(batch), and what the function returned has the results.  Everything must happen on the
  -- device, in the same way each time: reading numbers (loss:item(), x[1]), branches on them, and other
  -- devices are errors.  What the script computes stays what it was.  Dropout and other random numbers
  -- differ from replay to replay, as they do without a graph.
  --
  -- Steps of optim.SGD, Adam, AdamW, RMSprop, Adagrad and Lion are counted by each replay with the options
  -- of then, so that schedules of learning rates work beside the graph; so do averages (optim.EMA, SWA).
  -- Adadelta and Rprop are repeated with the options that they had; other optimizers are called after the
  -- replay.
  --
  -- f: function without arguments; the graph keeps it, and so the tensors that it uses
  -- options: table: warmup, how many times f is called before, 2 by default
  -- Returns: graph: the graph, to be called; isCapturing: whether a function is being captured now
  -- Errors: those of f; something that a graph cannot repeat; synchronous mode
  -- From: PyTorch's torch.cuda.graph; CUDA's stream capture
  function cuda.graph(f, options)
    if type(f) ~= "function" then
      check.raise("torch.cuda.graph: the first argument is a %s, wanted a function", type(f))
    end
    if options ~= nil and type(options) ~= "table" then
      check.raise("torch.cuda.graph: options is a %s, wanted a table", type(options))
    end
    local warmup = check.whole("cuda.graph", "warmup", options and options.warmup or 2, 0)
    for _ = 1, warmup do f() end
    local before = capturing
    capturing = {}
    local ok, graph = pcall(control.capture, f, capturing)
    capturing = before
    if not ok then error(graph, 0) end
    return graph
  end

  function cuda.isCapturing() return capturing ~= false end

  -- For what the script does in each step beside the device's work.  check() raises what the graph cannot
  -- repeat, and changes nothing; then advance() does it.
  function cuda._beforeReplay(check_it, advance)
    capturing[#capturing + 1] = function()
      if capturing then check.raise "another graph: a graph cannot repeat that" end
      check_it()
    end
    capturing[#capturing + 1] = advance
  end

  -- A place for the numbers of a step, from which kernels read those of each replay.
  cuda._numbers = control.numbers

  -- ---- streams ------------------------------------------------------------------------------------------

  local reserved = 0

  --- torch.cuda.reserveStreams(n); torch.cuda.getNumStreams()
  --
  -- Says how many streams a script wants; streams are made when they are first used.
  --
  -- n: number
  -- Returns: getNumStreams: an integer
  -- From: cutorch
  -- Example:
  --   torch.cuda.reserveStreams(2)
  --   torch.cuda.getNumStreams() --> 2
  function cuda.reserveStreams(n) reserved = math.max(reserved, check.whole("reserveStreams", "n", n, 0)) end
  function cuda.getNumStreams() return reserved end

  --- torch.cuda.setStream(stream [, device]); torch.cuda.getStream([device]); torch.cuda.setDefaultStream()
  --
  -- The stream into which this thread puts a device's work: 0, the default one, at first.
  --
  -- stream: number
  -- device: number; the current one
  -- Returns: getStream: an integer
  -- From: cutorch
  cuda.setStream = control.setStream
  cuda.getStream = control.getStream
  function cuda.setDefaultStream() control.setStream(0) end

  --- torch.cuda.streamSynchronize(stream); torch.cuda.streamWaitFor(stream, others)
  -- torch.cuda.streamWaitForMultiDevice(device, stream, others); torch.cuda.streamBarrier(streams)
  -- torch.cuda.streamBarrierMultiDevice(streams)
  --
  -- Waits for a stream; makes a stream wait, on the device, for what others have to do now; makes
  -- streams wait for each other.
  --
  -- stream: number
  -- device: number of a CUDA device
  -- others: numbers of streams; with several devices { [device] = { stream, .. }, .. }
  -- streams: likewise
  -- From: cutorch
  function cuda.streamSynchronize(stream) control.streamSynchronize(stream) end

  function cuda.streamWaitFor(stream, others)
    for _, other in ipairs(others) do control.streamWait(stream, nil, other, nil) end
  end

  function cuda.streamWaitForMultiDevice(device, stream, others)
    for other_device, list in pairs(others) do
      for _, other in ipairs(list) do control.streamWait(stream, device, other, other_device) end
    end
  end

  function cuda.streamBarrier(streams)
    for _, stream in ipairs(streams) do
      for _, other in ipairs(streams) do
        if other ~= stream then control.streamWait(stream, nil, other, nil) end
      end
    end
  end

  function cuda.streamBarrierMultiDevice(streams)
    for device, list in pairs(streams) do
      for _, stream in ipairs(list) do cuda.streamWaitForMultiDevice(device, stream, streams) end
    end
  end

  --- torch.cuda.Event(); event:record([stream]); event:waitOn([stream]); event:synchronize()
  -- event:query(); event:elapsed(later)
  --
  -- A mark in a stream's work, made where the current stream is now; record moves it.  waitOn makes a
  -- stream wait for it, synchronize the script; query tells whether it was reached; elapsed gives the
  -- milliseconds to a later one.
  --
  -- stream: number; the current one
  -- later: event
  -- Returns: an event; query true or false, elapsed a number
  -- From: cutorch; elapsed and query as in PyTorch
  cuda.Event = control.Event

  -- ---- several devices, random numbers, host memory -----------------------------------------------------

  --- torch.cuda.canAccessPeer(device, other)
  --
  -- Whether a device can read another's memory directly.
  --
  -- device, other: numbers of CUDA devices
  -- Returns: true or false
  -- From: PyTorch
  cuda.canAccessPeer = control.peer

  --- torch.cuda.manualSeed(seed); torch.cuda.manualSeedAll(seed); torch.cuda.seed(); torch.cuda.seedAll()
  -- torch.cuda.initialSeed(); torch.cuda.getRNGState(); torch.cuda.setRNGState(state)
  --
  -- The same as torch.manualSeed and the others: one generator serves the host and every device, and
  -- gives the same numbers on each.
  --
  -- seed: number
  -- state: tensor from getRNGState
  -- Returns: as the functions of torch
  -- From: cutorch
  -- Example:
  --   torch.cuda.manualSeedAll(3)
  --   torch.cuda.initialSeed() --> 3
  cuda.manualSeed, cuda.manualSeedAll = torch.manualSeed, torch.manualSeed
  cuda.seed, cuda.seedAll, cuda.initialSeed = torch.seed, torch.seed, torch.initialSeed
  cuda.getRNGState, cuda.setRNGState = torch.getRNGState, torch.setRNGState

  --- torch.cuda.createCudaHostTensor(size, ...); torch.cuda.createCudaHostDoubleTensor(size, ...)
  -- torch.cuda.createCudaHostHalfTensor(size, ...); torch.cuda.createCudaHostIntTensor(size, ...)
  -- torch.cuda.createCudaHostLongTensor(size, ...); torch.cuda.createCudaHostByteTensor(size, ...)
  -- torch.cuda.createCudaHostFloatTensor(size, ...)
  --
  -- A tensor in page-locked host memory, which x:copyAsync need not wait for.  Its elements are not set.
  --
  -- size: number; the sizes may also be a LongStorage
  -- Returns: a tensor in host memory
  -- Errors: there is no CUDA device
  -- From: cutorch
  for _, kind in ipairs { "Float", "Double", "Half", "Int", "Long", "Byte" } do
    cuda["createCudaHost" .. kind .. "Tensor"] = function(...) return torch._pinned(kind, ...) end
  end
  cuda.createCudaHostTensor = cuda.createCudaHostFloatTensor

  -- torch.cuda.nccl and torch.cuda.comm, when they are first asked for.
  setmetatable(cuda, { __metatable = false, __index = function(_, name)
    if name ~= "nccl" and name ~= "comm" then return nil end
    cuda.nccl, cuda.comm = require "torch.collectives"(torch, cuda, control)
    return rawget(cuda, name)
  end })
end
