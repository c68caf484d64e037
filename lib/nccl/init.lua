-- nccl: Torch7's package for work of several devices, on torch.cuda.nccl.  Its streams are the devices'
-- current ones, so that whether a call is to wait (async) makes no difference to what follows it.

local torch = require "torch"
local cuda = torch.cuda

local available, why = cuda.isAvailable()
if not available then error(why, 0) end
if cuda.getDeviceCount() > 1 then
  available, why = cuda.nccl.isAvailable()
  if not available then error(why, 0) end
end

local nccl = {}

--- nccl.allReduce(inputs [, outputs [, async]]); nccl.reduce(inputs [, outputs [, async [, root]]])
-- nccl.bcast(tensors [, async [, root]]); nccl.allGather(inputs [, outputs [, async]])
-- nccl.reduceScatter(inputs [, outputs [, async]])
--
-- torch.cuda.nccl's functions in the way of Torch7's package.  Requiring it fails where there is no NCCL.
--
-- inputs, outputs, tensors: lists of tensors, one for each device
-- async: changes nothing: no call waits
-- root: place in the list; 1
-- From: Torch7's nccl
function nccl.allReduce(inputs, outputs) cuda.nccl.allReduce(inputs, outputs) end
function nccl.reduce(inputs, outputs, _, root) cuda.nccl.reduce(inputs, outputs, root) end
function nccl.bcast(tensors, _, root) cuda.nccl.broadcast(tensors, root) end
function nccl.allGather(inputs, outputs) cuda.nccl.allGather(inputs, outputs) end
function nccl.reduceScatter(inputs, outputs) cuda.nccl.reduceScatter(inputs, outputs) end

if rawget(_G, "nccl") == nil then rawset(_G, "nccl", nccl) end
return nccl
