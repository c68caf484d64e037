-- Loops that never call collectgarbage(): the memory they use must stay flat.

local nn = require "nn"
local optim = require "optim"

local tester, suite = torch.Tester(), torch.TestSuite()

local function resident()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("VmRSS:%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

-- AddressSanitizer keeps freed memory in quarantine on purpose.
local sanitized = io.open("/proc/self/maps"):read("a"):find("libasan", 1, true) ~= nil

function suite.training_steps()
  torch.manualSeed(1)
  local model = nn.Sequential():add(nn.Linear(20, 32)):add(nn.ReLU()):add(nn.Linear(32, 5))
  local criterion = nn.CrossEntropyCriterion()
  local optimizer = optim.SGD(model:parameters(), { lr = 0.01, momentum = 0.9 })
  local x, y = torch.randn(16, 20), torch.LongTensor(16):random(5)
  local early
  local steps = sanitized and 5000 or 100000
  for i = 1, steps do
    optimizer:zeroGrad()
    criterion(model(x), y):backward()
    optimizer:step()
    if i == 1000 then early = resident() end
  end
  if not sanitized then
    tester:assertle(resident(), 1.1 * early, "resident MB at the end and after 1000 steps")
  end
  tester:assertle(torch.memory().live, 32 * 2 ^ 20, "live bytes")
end

function suite.large_temporaries()
  local reachable = torch.zeros(4 * 2 ^ 20) -- 16 MB
  for _ = 1, 2000 do torch.Tensor(2 ^ 18):fill(1) end -- 2 GB in pieces of 1 MB
  local held = reachable:nElement() * 4
  tester:assertle(torch.memory().peak, 1.5 * held + 16 * 2 ^ 20, "the most bytes at once")
end

function suite.classic_protocol()
  local model = nn.Sequential():add(nn.Linear(100, 100)):add(nn.Tanh()):add(nn.Linear(100, 10))
  local criterion = nn.MSECriterion()
  local x, t = torch.randn(50, 100), torch.randn(50, 10)
  for _ = 1, 3000 do
    local y = model:forward(x)
    criterion:forward(y, t)
    model:zeroGradParameters()
    model:backward(x, criterion:backward(y, t))
    model:updateParameters(0.01)
  end
  tester:assertle(torch.memory().live, 32 * 2 ^ 20, "live bytes")
end

tester:add(suite)
tester:run()
