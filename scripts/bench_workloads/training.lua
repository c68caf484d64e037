-- training.lua: what the workloads that train share: starting weights, and the step.
--
-- A step is: zero gradients, forward, mean loss, backward, update, on the same batch each time.

local torch = require "torch"
local nn = require "nn"
local numbers = require "bench_workloads.numbers"

local training = {
  graph = false, -- whether a step is captured once and then repeated by the GPU
}

--- The model with its starting weights, from the stream `first` on (100), on the device: vectors are zero
--- but for the gains of normalisations.
function training.prepared(model, first)
  numbers.init((model:parameters()), first)
  local function gains(m)
    if torch.isTypeOf(m, "nn.BatchNormalization") then m.weight:fill(1) end
    for _, child in ipairs(m.modules or {}) do gains(child) end
  end
  gains(model)
  return numbers.on_device(model)
end

--- nn.Sequential of modules.
function training.sequence(...)
  local model = nn.Sequential()
  for _, m in ipairs { ... } do model:add(m) end
  return model
end

--- The step as it is, or as a graph.
function training.repeated(step)
  return training.graph and torch.cuda.graph(step) or step
end

--- step(): one step of training, and its loss.  dtype: of mixed precision, or nil.
function training.trainer(model, criterion, x, t, optimizer, dtype)
  local function forward() return criterion(model(x), t) end
  local function step()
    optimizer:zeroGrad()
    local loss = dtype and torch.autocast(numbers.device, dtype, forward) or forward()
    loss:backward()
    optimizer:step()
    return loss:detach()
  end
  return training.repeated(step)
end

return training
