-- on_device: runs a file of tests with its tensors on the device that TEST_DEVICE names.
--
--   TEST_DEVICE=cuda cresset tests/on_device.lua tests/lib/test_x.lua
--
-- New tensors are made there, also those of classes that are named, such as torch.DoubleTensor, and
-- those that x:double() or x:type("torch.DoubleTensor") give.

local torch = require "torch"
local device = os.getenv "TEST_DEVICE" or "cuda"
local file = arg[1]

for _, name in ipairs { "nn", "optim", "autograd", "data", "xlua" } do require(name) end
torch.setDefaultDevice(device)
torch.cuda.setDeterministic(true) -- some tests compare bits

local types = { Float = "float32", Double = "float64", Half = "float16", BFloat16 = "bfloat16", Char = "int8",
  Byte = "uint8", Short = "int16", Int = "int32", Long = "int64", Bool = "bool" }

-- What the file sees as torch; the libraries see the real one.
local seen = {}
local classes, away = {}, {}
for name in pairs(types) do
  local there = "Cuda" .. (name == "Float" and "" or name)
  away["torch." .. name .. "Tensor"] = "torch." .. there .. "Tensor"
  classes[#classes + 1] = torch.getmetatable("torch." .. name .. "Tensor")
  classes[#classes + 1] = torch.getmetatable("torch." .. there .. "Tensor")
  seen[name .. "Tensor"] = torch[there .. "Tensor"]
end

-- Modules and criteria cast what they hold, and keep the name of their type.
local nn = require "nn"
for _, class in ipairs { nn.Module, nn.Criterion } do
  local plain_type = class.type
  function class.type(m, name, ...)
    return plain_type(m, away[name] or name, ...)
  end
end

for _, class in ipairs(classes) do
  local plain_type = class.type
  function class.type(x, name, ...)
    return plain_type(x, away[name] or name, ...)
  end
  for name, short in pairs(types) do
    class[name:lower()] = function(x) return x:to(short) end
  end
end

function seen.setdefaulttensortype(name) return torch.setdefaulttensortype(away[name] or name) end

setmetatable(seen, { __index = torch, __newindex = torch })
package.loaded.torch = seen
rawset(_G, "torch", seen)
dofile(file)
