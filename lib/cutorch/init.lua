-- cutorch: Torch7's package for CUDA.  Its functions are those of torch.cuda (lib/torch/cuda.lua) under
-- the names that Torch7's scripts use; requiring it fails where there is no device, as theirs does, so
-- that `pcall(require, "cutorch")` tells.

local torch = require "torch"
local cuda = torch.cuda

local available, why = cuda.isAvailable()
if not available then error(why, 0) end

local cutorch = setmetatable({}, { __index = cuda })

cutorch.hasHalf = true

--- cutorch.hasHalfInstructions(); cutorch.hasFastHalfInstructions()
-- cutorch.isCachingAllocatorEnabled()
--
-- What every device that this build supports has.
--
-- Returns: true
-- From: cutorch
function cutorch.hasHalfInstructions() return true end
cutorch.hasFastHalfInstructions = cutorch.hasHalfInstructions
cutorch.isCachingAllocatorEnabled = cutorch.hasHalfInstructions

local function version(text)
  local major, minor = text:match("(%d+)%.(%d+)")
  return tonumber(major) * 1000 + tonumber(minor) * 10
end

--- cutorch.getDriverVersion(); cutorch.getRuntimeVersion()
--
-- Versions of CUDA: what the driver offers, what this build was made with.
--
-- Returns: an integer: 1000 times the major and 10 times the minor number
-- From: cutorch
function cutorch.getDriverVersion() return version(cuda.getDeviceProperties().driver) end
function cutorch.getRuntimeVersion() return version(cuda.getDeviceProperties().runtime) end

--- cutorch.getPeerToPeerAccess(device, other); cutorch.setPeerToPeerAccess(device, other, on)
-- cutorch.getKernelPeerToPeerAccess(); cutorch.setKernelPeerToPeerAccess(on)
--
-- Whether a device reads another's memory directly.  Copies between devices do so by themselves
-- where they can; kernels never do, and the setting functions change nothing.
--
-- device, other: numbers
-- on: true or false
-- Returns: true or false; nothing from the others
-- From: cutorch
cutorch.getPeerToPeerAccess = cuda.canAccessPeer
function cutorch.setPeerToPeerAccess() end
function cutorch.getKernelPeerToPeerAccess() return false end
cutorch.setKernelPeerToPeerAccess = cutorch.setPeerToPeerAccess

--- cutorch.setHeapTracking(on); cutorch.reserveBlasHandles(n); cutorch.getNumBlasHandles()
-- cutorch.setBlasHandle(n); cutorch.getBlasHandle(); cutorch.getState()
--
-- Do nothing, or tell what never changes: the collector counts every tensor's bytes, and libraries have
-- one handle a thread.
--
-- on: true or false
-- n: number
-- Returns: numbers; getState a table
-- From: cutorch
cutorch.setHeapTracking, cutorch.reserveBlasHandles = cutorch.setPeerToPeerAccess, cutorch.setPeerToPeerAccess
cutorch.setBlasHandle = cutorch.setPeerToPeerAccess
function cutorch.getNumBlasHandles() return 1 end
function cutorch.getBlasHandle() return 0 end
function cutorch.getState() return {} end

--- cutorch.deviceReset()
--
-- Waits for the current device and gives the memory that is kept for reuse back.  Tensors stay as they
-- are.
--
-- From: cutorch
function cutorch.deviceReset()
  cuda.synchronize()
  cuda.emptyCache()
end

if rawget(_G, "cutorch") == nil then rawset(_G, "cutorch", cutorch) end
return cutorch
