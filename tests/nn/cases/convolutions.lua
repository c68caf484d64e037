-- convolutions: layers of convolutions and paddings, with PyTorch's values or a plain loop.
local torch = require "torch"
local nn = require "nn"

-- An output of such sizes, each element by f(its places).
local function filled(sizes, f)
  local y = torch.zeros(table.unpack(sizes)):double()
  local at = {}
  local function fill(d)
    if d > #sizes then
      y[at] = f(table.unpack(at))
      return
    end
    for i = 1, sizes[d] do
      at[d] = i
      fill(d + 1)
    end
  end
  fill(1)
  return y
end

-- x[plane][row][column], zero outside.
local function pixel(x, plane, row, column)
  if row < 1 or row > x:size(2) or column < 1 or column > x:size(3) then return 0 end
  return x[{ plane, row, column }]
end

-- What a kernel, kH x kW, sees of a plane whose upper left corner there is at such a place.
local function seen(x, plane, kernel, row, column)
  local sum = 0
  for i = 1, kernel:size(1) do
    for j = 1, kernel:size(2) do
      sum = sum + kernel[{ i, j }] * pixel(x, plane, row + i - 1, column + j - 1)
    end
  end
  return sum
end

local function temporal(m, x)
  return filled({ (x:size(1) - m.kW) // m.dW + 1, m.outputFrameSize }, function(t, o)
    local sum = m.bias[o]
    for k = 1, m.kW do
      for i = 1, m.inputFrameSize do
        sum = sum + m.weight[{ o, (k - 1) * m.inputFrameSize + i }] * x[{ (t - 1) * m.dW + k, i }]
      end
    end
    return sum
  end)
end

local function row_temporal(m, x)
  return filled({ (x:size(1) - m.kW) // m.dW + 1, m.inputFrameSize }, function(t, i)
    local sum = m.bias and m.bias[i] or 0
    for k = 1, m.kW do sum = sum + m.weight[{ i, 1, k }] * x[{ (t - 1) * m.dW + k, i }] end
    return sum
  end)
end

-- A function of one sample for each of a batch.
local function batched(f)
  return function(m, x)
    local list = {}
    for b = 1, x:size(1) do list[b] = f(m, x[b]) end
    return torch.stack(list, 1)
  end
end

local function output_sizes(m, x)
  local padH, padW = m.padH or 0, m.padW or 0
  return (x:size(2) + 2 * padH - m.kH) // m.dH + 1, (x:size(3) + 2 * padW - m.kW) // m.dW + 1
end

local function matrix_convolution(m, x)
  local h, w = output_sizes(m, x)
  local weight = m.weight:view(m.nOutputPlane, m.nInputPlane, m.kH, m.kW)
  return filled({ m.nOutputPlane, h, w }, function(o, i, j)
    local sum = m.bias and m.bias[o] or 0
    for c = 1, m.nInputPlane do
      sum = sum + seen(x, c, weight[o][c], (i - 1) * m.dH + 1 - m.padH, (j - 1) * m.dW + 1 - m.padW)
    end
    return sum
  end)
end

local function depth_wise(m, x)
  local h, w = output_sizes(m, x)
  local weight = m.weight:view(m.nOutputPlane, m.nInputPlane, m.kH, m.kW)
  return filled({ m.nOutputPlane * m.nInputPlane, h, w }, function(p, i, j)
    local c, o = (p - 1) // m.nOutputPlane + 1, (p - 1) % m.nOutputPlane + 1
    return (m.bias and m.bias[{ o, c }] or 0)
      + seen(x, c, weight[o][c], (i - 1) * m.dH + 1 - m.padH, (j - 1) * m.dW + 1 - m.padW)
  end)
end

local function locally(m, x)
  return filled({ m.nOutputPlane, m.oH, m.oW }, function(o, i, j)
    local sum = m.bias[{ o, i, j }]
    for c = 1, m.nInputPlane do
      sum = sum + seen(x, c, m.weight[i][j][o][c], (i - 1) * m.dH + 1 - m.padH, (j - 1) * m.dW + 1 - m.padW)
    end
    return sum
  end)
end

local function by_map(m, x)
  local h, w = output_sizes(m, x)
  return filled({ m.nOutputPlane, h, w }, function(o, i, j)
    local sum = m.bias[o]
    for k = 1, m.connTable:size(1) do
      if m.connTable[{ k, 2 }] == o then
        local from = math.tointeger(m.connTable[{ k, 1 }])
        sum = sum + seen(x, from, m.weight[k], (i - 1) * m.dH + 1, (j - 1) * m.dW + 1)
      end
    end
    return sum
  end)
end

local function full_by_map(m, x)
  local y = torch.zeros(m.nOutputPlane, (x:size(2) - 1) * m.dH + m.kH, (x:size(3) - 1) * m.dW + m.kW):double()
  for k = 1, m.connTable:size(1) do
    local from, to = math.tointeger(m.connTable[{ k, 1 }]), math.tointeger(m.connTable[{ k, 2 }])
    for i = 1, x:size(2) do
      for j = 1, x:size(3) do
        y[to]:narrow(1, (i - 1) * m.dH + 1, m.kH):narrow(2, (j - 1) * m.dW + 1, m.kW)
          :add(m.weight[k]:detach() * x[{ from, i, j }])
      end
    end
  end
  return y + m.bias:detach():view(-1, 1, 1):expandAs(y)
end

local function sub_sampled(m, x)
  local h, w = output_sizes(m, x)
  local ones = torch.ones(m.kH, m.kW):double()
  return filled({ m.nInputPlane, h, w }, function(c, i, j)
    return m.bias[c] + m.weight[c] * seen(x, c, ones, (i - 1) * m.dH + 1, (j - 1) * m.dW + 1)
  end)
end

local function sub_sampled_frames(m, x)
  return filled({ (x:size(1) - m.kW) // m.dW + 1, m.inputFrameSize }, function(t, i)
    local sum = 0
    for k = 1, m.kW do sum = sum + x[{ (t - 1) * m.dW + k, i }] end
    return m.bias[i] + m.weight[i] * sum
  end)
end

local function rand(...) return torch.randn(...):double() end
local function table_of(...)
  return torch.Tensor { ... }
end

local cases = {
  { "TemporalConvolution", make = function() return nn.TemporalConvolution(3, 2, 2) end, input = { 5, 3 },
    expect = temporal },
  { "TemporalConvolution strided", make = function() return nn.TemporalConvolution(3, 2, 3, 2) end,
    input = { 2, 8, 3 }, expect = batched(temporal) },
  { "TemporalRowConvolution", make = function() return nn.TemporalRowConvolution(3, 2) end, input = { 5, 3 },
    expect = row_temporal },
  { "TemporalRowConvolution strided", make = function()
    return nn.TemporalRowConvolution(3, 3, 2):noBias()
  end, input = { 2, 8, 3 }, expect = batched(row_temporal) },
  { "TemporalRowConvolution features first", make = function()
    return nn.TemporalRowConvolution(3, 2, 1, true)
  end, input = { 2, 3, 6 }, expect = batched(function(m, x) return row_temporal(m, x:t()):t() end) },
  { "TemporalSubSampling", make = function() return nn.TemporalSubSampling(3, 2) end, input = { 5, 3 },
    expect = sub_sampled_frames },
  { "TemporalSubSampling strided", make = function() return nn.TemporalSubSampling(3, 3, 2) end,
    input = { 2, 8, 3 }, expect = batched(sub_sampled_frames) },
  { "SpatialSubSampling", make = function() return nn.SpatialSubSampling(2, 3, 2) end, input = { 2, 4, 5 },
    expect = sub_sampled },
  { "SpatialSubSampling strided", make = function() return nn.SpatialSubSampling(2, 3, 2, 2, 3) end,
    input = { 2, 2, 6, 7 }, expect = batched(sub_sampled) },
  { "SpatialConvolutionMM", make = function() return nn.SpatialConvolutionMM(2, 3, 3, 2) end,
    input = { 2, 4, 5 }, expect = matrix_convolution },
  { "SpatialConvolutionMM strided", make = function()
    return nn.SpatialConvolutionMM(2, 2, 3, 2, 2, 1, 1, 2):noBias()
  end, input = { 2, 2, 3, 5 }, expect = batched(matrix_convolution) },
  { "SpatialDepthWiseConvolution", make = function() return nn.SpatialDepthWiseConvolution(2, 3, 3, 2) end,
    input = { 2, 4, 5 }, expect = depth_wise },
  { "SpatialDepthWiseConvolution strided", make = function()
    return nn.SpatialDepthWiseConvolution(3, 2, 3, 2, 2, 1, 1):noBias()
  end, input = { 2, 3, 4, 5 }, expect = batched(depth_wise) },
  { "SpatialConvolutionLocal", make = function() return nn.SpatialConvolutionLocal(2, 3, 4, 3, 3, 2) end,
    input = { 2, 3, 4 }, expect = locally },
  { "SpatialConvolutionLocal strided", make = function()
    return nn.SpatialConvolutionLocal(2, 2, 4, 3, 3, 2, 2, 1, 1, 0)
  end, input = { 2, 2, 3, 4 }, expect = batched(locally) },
  { "SpatialConvolutionMap", make = function()
    return nn.SpatialConvolutionMap(table_of({ 1, 1 }, { 3, 1 }, { 2, 2 }, { 3, 2 }, { 2, 2 }), 3, 2)
  end, input = { 3, 4, 5 }, expect = by_map },
  { "SpatialConvolutionMap full", make = function()
    return nn.SpatialConvolutionMap(nn.tables.full(2, 2), 2, 3, 2, 1)
  end, input = { 2, 2, 4, 5 }, expect = batched(by_map) },
  { "SpatialConvolutionMap one to one, of more planes", make = function()
    return nn.SpatialConvolutionMap(nn.tables.oneToOne(2), 2, 2)
  end, input = { 3, 3, 4 }, expect = by_map },
  { "SpatialFullConvolutionMap", make = function()
    return nn.SpatialFullConvolutionMap(table_of({ 1, 1 }, { 3, 1 }, { 2, 2 }, { 2, 2 }), 3, 2)
  end, input = { 3, 3, 4 }, expect = full_by_map },
  { "SpatialFullConvolutionMap by chance", make = function()
    return nn.SpatialFullConvolutionMap(nn.tables.random(4, 3, 2), 2, 2, 2, 3)
  end, input = { 2, 4, 2, 3 }, expect = batched(full_by_map) },
  { "SeparableConv2d", make = function()
    return nn.SeparableConv2d(2, 3, { 3, 2 }, { padding = "same", depthMultiplier = 2 })
  end, input = { 2, 2, 4, 4 }, golden = "separable" },
  { "SpatialFullConvolution to a size", make = function()
    return nn.SpatialFullConvolution(2, 2, 3, 3, 2, 2, 1, 1)
  end, input = function() return { rand(2, 2, 3, 3), rand(1, 6, 5) } end, golden = "full to a size",
    translate = function(x) return { x, torch.zeros(6, 5) } end },
  { "VolumetricFullConvolution to a size", make = function()
    return nn.VolumetricFullConvolution(1, 2, 2, 2, 2, 2, 2, 2)
  end, input = function() return { rand(1, 2, 2, 2), rand(5, 4, 5) } end, golden = "volumetric to a size",
    translate = function(x) return { x, torch.zeros(5, 4, 5) } end },
}

-- Layers with PyTorch's values: the case there, what makes the layer, the sizes of an input.
for _, t in ipairs {
  { "conv2d", function() return nn.SpatialConvolution(2, 3, 2, 3, 1, 2, 0, 1) end, { 2, 2, 5, 4 } },
  { "conv2d dilated", function() return nn.SpatialDilatedConvolution(2, 3, 2, 3, 1, 2, 0, 1, 2, 1) end,
    { 2, 2, 5, 4 } },
  { "conv3d", function() return nn.VolumetricConvolution(2, 2, 2, 2, 3, 1, 1, 2, 1, 0, 1) end,
    { 2, 2, 3, 4, 3 } },
  { "conv3d", function() return nn.VolumetricConvolution(2, 2, 2, 2, 3, 1, 1, 2, 1, 0, 1) end,
    { 2, 3, 4, 3 } },
  { "conv3d dilated", function()
    return nn.VolumetricDilatedConvolution(1, 2, 2, 2, 2, 1, 1, 2, 1, 0, 1, 2, 3, 1)
  end, { 1, 3, 4, 4 } },
  { "full2d", function() return nn.SpatialFullConvolution(2, 3, 2, 3, 1, 2, 0, 1, 0, 1) end, { 2, 2, 3, 3 } },
  { "full2d", function() return nn.SpatialFullConvolution(2, 3, 2, 3, 1, 2, 0, 1, 0, 1) end, { 2, 3, 3 } },
  { "full3d", function() return nn.VolumetricFullConvolution(2, 2, 3, 2, 2, 2, 1, 2, 1, 0, 0, 1, 0, 1) end,
    { 1, 2, 2, 3, 2 } },
  { "Conv1d", function() return nn.Conv1d(4, 2, 3, { stride = 2, padding = 1, dilation = 2, groups = 2 }) end,
    { 2, 4, 7 } },
  { "Conv1d same", function() return nn.Conv1d(2, 3, 4, { padding = "same", bias = false }) end, { 2, 6 } },
  { "Conv2d", function()
    return nn.Conv2d(4, 2, { 3, 2 }, { stride = { 2, 1 }, padding = { 1, 0 }, dilation = { 1, 2 },
      groups = 2 })
  end, { 2, 4, 5, 4 } },
  { "Conv2d same", function() return nn.Conv2d(2, 1, { 3, 4 }, { padding = "same", dilation = { 2, 1 } }) end,
    { 2, 4, 5 } },
  { "Conv2d valid", function() return nn.Conv2d(2, 1, 2, { padding = "valid" }) end, { 1, 2, 3, 3 } },
  { "Conv2d reflect", function()
    return nn.Conv2d(1, 2, 3, { padding = { 1, 2 }, paddingMode = "reflect" })
  end, { 2, 1, 3, 4 } },
  { "Conv2d replicate", function()
    return nn.Conv2d(1, 2, 2, { padding = "same", paddingMode = "replicate" })
  end, { 1, 3, 4 } },
  { "Conv2d circular", function() return nn.Conv2d(1, 2, 3, { padding = 1, paddingMode = "circular" }) end,
    { 1, 3, 4 } },
  { "Conv3d", function()
    return nn.Conv3d(2, 2, { 2, 3, 1 }, { stride = { 1, 2, 1 }, padding = { 1, 1, 0 }, dilation = { 2, 1, 1 },
      groups = 2 })
  end, { 2, 2, 3, 4, 2 } },
  { "Conv3d same", function() return nn.Conv3d(1, 2, { 2, 1, 3 }, { padding = "same" }) end, { 1, 3, 2, 3 } },
  { "Conv3d circular", function() return nn.Conv3d(1, 1, 2, { padding = 1, paddingMode = "circular" }) end,
    { 1, 2, 2, 3 } },
  { "ConvTranspose1d", function()
    return nn.ConvTranspose1d(4, 2, 3, { stride = 2, padding = 1, outputPadding = 1, groups = 2 })
  end, { 2, 4, 3 } },
  { "ConvTranspose2d", function()
    return nn.ConvTranspose2d(2, 4, { 3, 2 }, { stride = { 2, 1 }, padding = { 1, 0 },
      outputPadding = { 1, 0 }, groups = 2, dilation = { 1, 2 } })
  end, { 2, 2, 3, 3 } },
  { "ConvTranspose2d far", function()
    return nn.ConvTranspose2d(2, 1, 2, { outputPadding = 2, dilation = 3, padding = 1, bias = false })
  end, { 2, 3, 2 } },
  { "ConvTranspose3d", function()
    return nn.ConvTranspose3d(2, 2, { 2, 1, 3 }, { stride = { 2, 1, 1 }, padding = { 1, 0, 1 },
      outputPadding = { 1, 0, 0 }, groups = 2, dilation = { 2, 1, 1 } })
  end, { 1, 2, 3, 2, 3 } },
  { "Unfold", function()
    return nn.Unfold({ 2, 3 }, { dilation = { 2, 1 }, padding = { 1, 0 }, stride = 2 })
  end, { 2, 2, 4, 5 } },
  { "Fold", function()
    return nn.Fold({ 4, 5 }, { 2, 3 }, { dilation = { 2, 1 }, padding = { 1, 0 }, stride = 2 })
  end, { 2, 12, 4 } },
  { "PixelShuffle", function() return nn.PixelShuffle(2) end, { 2, 8, 2, 3 } },
  { "PixelUnshuffle", function() return nn.PixelUnshuffle(2) end, { 2, 4, 6 } },
  { "ChannelShuffle", function() return nn.ChannelShuffle(2) end, { 2, 6, 2, 2 } },
  { "ReflectionPad2d", function() return nn.SpatialReflectionPadding(1, 2, 2, -1) end, { 2, 1, 3, 3 } },
  { "ReplicationPad2d", function() return nn.SpatialReplicationPadding(1, 2, 2, -1) end, { 2, 1, 3, 3 } },
  { "ReplicationPad3d", function() return nn.VolumetricReplicationPadding(1, 0, 2, 1, 1, 2) end,
    { 1, 2, 2, 3 } },
  { "ZeroPad1d", function() return nn.ZeroPad1d(2) end, { 2, 1, 3 } },
  { "ZeroPad2d", function() return nn.ZeroPad2d { 1, 2, 2, -1 } end, { 2, 1, 3, 3 } },
  { "ZeroPad3d", function() return nn.ZeroPad3d { 1, 0, 2, 1, 1, 2 } end, { 1, 2, 2, 3 } },
  { "ConstantPad1d", function() return nn.ConstantPad1d(2, 3.5) end, { 2, 1, 3 } },
  { "ConstantPad2d", function() return nn.ConstantPad2d({ 1, 2, 2, -1 }, 3.5) end, { 2, 1, 3, 3 } },
  { "ConstantPad3d", function() return nn.ConstantPad3d({ 1, 0, 2, 1, 1, 2 }, -1) end, { 1, 2, 2, 3 } },
  { "ReflectionPad1d", function() return nn.ReflectionPad1d(2) end, { 2, 1, 3 } },
  { "ReflectionPad2d", function() return nn.ReflectionPad2d { 1, 2, 2, -1 } end, { 2, 1, 3, 3 } },
  { "ReflectionPad3d", function() return nn.ReflectionPad3d { 1, 0, 1, 1, 1, 1 } end, { 1, 2, 2, 3 } },
  { "ReplicationPad1d", function() return nn.ReplicationPad1d(2) end, { 2, 1, 3 } },
  { "ReplicationPad2d", function() return nn.ReplicationPad2d { 1, 2, 2, -1 } end, { 2, 1, 3, 3 } },
  { "ReplicationPad3d", function() return nn.ReplicationPad3d { 1, 0, 2, 1, 1, 2 } end, { 1, 2, 2, 3 } },
  { "CircularPad1d", function() return nn.CircularPad1d(2) end, { 2, 1, 3 } },
  { "CircularPad2d", function() return nn.CircularPad2d { 1, 2, 2, 0 } end, { 2, 1, 3, 3 } },
  { "CircularPad3d", function() return nn.CircularPad3d { 1, 0, 2, 1, 1, 2 } end, { 1, 2, 2, 3 } },
} do
  cases[#cases + 1] = { t[1] .. " of " .. table.concat(t[3], "x"), make = t[2], input = t[3], golden = t[1] }
end

return cases
