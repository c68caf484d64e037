-- resume.lua: a training that run_resume kills and resumes: dropout, Adam, a schedule by steps, averages,
-- shuffled data changed at random by workers.
--
--   cresset tests/vm/resume.lua FOLDER STEPS WORKERS FILE
--
-- It goes on from what is in FOLDER, prints a line a step, and writes to FILE what has come out in the end.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local data = require "data"
local train = require "train"

local dir, steps, workers, result = arg[1], math.tointeger(arg[2]), math.tointeger(arg[3]), arg[4]

torch.manualSeed(1)
torch.setnumthreads(1)
local inputs = torch.randn(120, 6)
local _, targets = torch.max(inputs:narrow(2, 1, 3), 2)
targets = targets:view(-1)

local set = data.Dataset {
  size = 120,
  get = function(i)
    local x = inputs[i] + torch.randn(6) * 0.1
    return { math.random() < 0.5 and x or x * 1.1, targets[i] }
  end,
}

local function loader(options)
  local all = { batchSize = 8, seed = 7 }
  for k, v in pairs(options) do all[k] = v end
  return data.DataLoader(set, all)
end

local net = nn.Sequential(nn.Linear(6, 16), nn.BatchNormalization(16), nn.ReLU(), nn.Dropout(0.3),
  nn.Linear(16, 3))
local trainer = train.Trainer {
  model = net, loss = nn.CrossEntropyCriterion(), optimizer = { "Adam", lr = 0.01 }, ema = 0.99, seed = 5,
  schedule = { function(o) return optim.CosineAnnealingLR(o, { tMax = steps }) end, every = "step" },
  metrics = { "accuracy", "auc" }, clipNorm = 1, progress = false, dir = dir,
  callbacks = { train.NaNGuard(), train.Checkpoint { every = 3, monitor = "val_loss" },
    { batchEnd = function(self) print(self.step) end } },
}
io.stdout:setvbuf "no"
local history = trainer:fit(loader { shuffle = true, workers = workers },
  { steps = steps, validate = loader {}, resume = true })

-- All numbers exactly, in an order of their own.
local file = assert(io.open(result, "w"))
local function write(name, value)
  if torch.isTensor(value) then value = value:contiguous():view(-1):totable() end
  if type(value) == "table" then
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do write(name .. "." .. tostring(key), value[key]) end
  else
    file:write(name, " ", math.type(value) == "float" and ("%a"):format(value) or tostring(value), "\n")
  end
end
write("weights", trainer:_weights())
write("averages", trainer.ema:stateDict())
write("optimizer", trainer.optimizer:stateDict())
write("history", history)
write("random", torch.getRNGState())
file:close()
