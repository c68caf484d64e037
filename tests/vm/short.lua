-- A short script that touches every layer; run under valgrind.
local nn = require "nn"
local optim = require "optim"

torch.manualSeed(1)
local model = nn.Sequential()
  :add(nn.SpatialConvolution(1, 4, 3, 3)):add(nn.ReLU()):add(nn.SpatialMaxPooling(2, 2))
  :add(nn.View(-1, 36)):add(nn.Linear(36, 3))
local criterion = nn.CrossEntropyCriterion()
local optimizer = optim.Adam(model:parameters(), { lr = 0.01 })
local x, y = torch.randn(5, 1, 8, 8), torch.LongTensor { 1, 2, 3, 1, 2 }
for _ = 1, 3 do
  optimizer:zeroGrad()
  local loss = criterion(model(x), y)
  loss:backward()
  optimizer:step()
end
local again = torch.deserialize(torch.serialize(model))
assert(torch.equal(again(x), model(x)))
assert(not pcall(torch.mm, torch.zeros(3, 4), torch.zeros(5, 6)))
print(model)
