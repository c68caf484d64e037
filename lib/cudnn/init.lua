-- cudnn: the names of Torch7's binding of cuDNN.  nn's modules use cuDNN by themselves on a CUDA device,
-- so each class here is that of nn with the same name.

local cutorch = require "cutorch"
local nn = require "nn"

local cudnn = {}

local switches = { benchmark = cutorch.setBenchmark, fastest = false, verbose = false, useFindEx = false }
local values = { benchmark = false, fastest = false, verbose = false, useFindEx = false }

--- cudnn.convert(model, backend [, exclude])
--
-- Gives the model back: modules need no conversion.
--
-- model: module
-- backend: cudnn or nn
-- exclude: function
-- Returns: the model
-- From: cudnn.torch
function cudnn.convert(model) return model end

-- cudnn.benchmark = true times the algorithms of each convolution (torch.cuda.setBenchmark); the other
-- switches are kept, and change nothing.
setmetatable(cudnn, {
  __index = function(_, name)
    if values[name] ~= nil then return values[name] end
    return nn[name]
  end,
  __newindex = function(_, name, value)
    if values[name] == nil then return rawset(cudnn, name, value) end
    values[name] = value and true or false
    if switches[name] then switches[name](values[name]) end
  end,
})

if rawget(_G, "cudnn") == nil then rawset(_G, "cudnn", cudnn) end
return cudnn
