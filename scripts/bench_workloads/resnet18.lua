-- resnet18.lua: the residual network of 18 layers for images of 32x32.
-- He et al., "Deep residual learning for image recognition", CVPR 2016.

local torch = require "torch"
local nn = require "nn"

local function convolution(from, to, size, stride)
  return nn.SpatialConvolution(from, to, size, size, stride, stride, size // 2, size // 2):noBias()
end

-- ---- a block: two 3x3 convolutions beside a shortcut --------------------------------------------

local bench = {}
local Block, parent = torch.class("bench.Block", "nn.Container", bench)

function Block:__init(from, to, stride)
  parent.__init(self)
  self:add(convolution(from, to, 3, stride)):add(nn.SpatialBatchNormalization(to))
  self:add(convolution(to, to, 3, 1)):add(nn.SpatialBatchNormalization(to))
  if stride ~= 1 or from ~= to then
    self:add(convolution(from, to, 1, stride)):add(nn.SpatialBatchNormalization(to))
  end
end

function Block:updateOutput(x)
  local m = self.modules
  local y = torch.relu(m[2](m[1](x)))
  y = m[4](m[3](y))
  return torch.relu(y + (m[5] and m[6](m[5](x)) or x))
end

-- ---- the network --------------------------------------------------------------------------------

return function()
  local net = nn.Sequential()
  net:add(convolution(3, 64, 3, 1)):add(nn.SpatialBatchNormalization(64)):add(nn.ReLU())
  local from = 64
  for stage, to in ipairs { 64, 128, 256, 512 } do
    net:add(bench.Block(from, to, stage == 1 and 1 or 2)):add(bench.Block(to, to, 1))
    from = to
  end
  return net:add(nn.SpatialAveragePooling(4, 4)):add(nn.View(-1, 512)):add(nn.Linear(512, 10))
end
