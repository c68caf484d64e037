-- pooling: the layers of pooling and up-sampling, with PyTorch's values where it has them.
local torch = require "torch"
local nn = require "nn"

local sizes = { { 7 }, { 6, 7 }, { 4, 5, 6 } }
local cases = {}

-- Without ties, and with every sum of squares well above 0.
local function distinct(...)
  local n = 1
  for _, size in ipairs { ... } do n = n * size end
  return torch.randperm(n):double():mul(1 / n):add(0.1):view(...)
end

-- input: a function that makes an input, of the batch it is given, 2 otherwise; gradients take one sample.
local function add(name, golden, make, input, more)
  local small = { make = make, input = function() return input(1) end }
  local case = { name, make = make, golden = golden, input = input, small = small }
  for k, v in pairs(more or {}) do case[k] = v end
  cases[#cases + 1] = case
end

for n = 1, 3 do
  local function shape(batch) return distinct(batch or 2, 1, table.unpack(sizes[n], 1, n)) end
  local function modern(name, golden, ...)
    local class, args = name:match "%S+", table.pack(...)
    add(name .. " " .. n, golden and golden:format(n), function()
      return nn[class .. n .. "d"](table.unpack(args, 1, args.n))
    end, shape)
  end
  modern("MaxPool", "max%d", 3, { stride = 2, padding = 1 })
  modern("MaxPool ceil", "max%d ceil", 2, { stride = 3, ceilMode = true })
  modern("MaxPool dilated", "max%d dilated", 2, { stride = 1, padding = 1, dilation = 2 })
  modern("MaxPool unbatched", "max%d unbatched", 2)
  modern("AvgPool", "avg%d", 3, { stride = 2, padding = 1 })
  modern("AvgPool exclude", "avg%d exclude", 3,
    { stride = 2, padding = 1, ceilMode = true, countIncludePad = false })
  modern("AvgPool ceil", "avg%d ceil", 2, { stride = 3, ceilMode = true })
  modern("AvgPool divisor", n > 1 and "avg%d divisor", 2, { divisorOverride = 3 })
  modern("LPPool", "lp%d", 3, 2, { stride = 1 })
  modern("AdaptiveMaxPool", "adaptive max%d", 3)
  modern("AdaptiveAvgPool", "adaptive avg%d", 3)
  modern("AdaptiveAvgPool more", "adaptive avg%d more", 7)
  local function upsample(name, golden, opts)
    add("Upsample " .. name .. " " .. n, golden:format(n), function() return nn.Upsample(opts) end, shape)
  end
  local linear = ({ "linear", "bilinear", "trilinear" })[n]
  upsample("nearest", "nearest%d", { scaleFactor = 2 })
  upsample("nearest less", "nearest%d less", { scaleFactor = 0.6 })
  upsample("nearest size", "nearest%d size", { size = 5 })
  upsample("exact", "exact%d", { size = 4, mode = "nearest-exact" })
  upsample("area", "area%d", { size = 4, mode = "area" })
  upsample("linear", "linear%d", { scaleFactor = 1.7, mode = linear })
  upsample("linear less", "linear%d less", { size = 4, mode = linear })
  upsample("linear corners", "linear%d corners", { size = 7, mode = linear, alignCorners = true })
  add("MaxUnpool " .. n, "unpool" .. n, function() return nn["MaxUnpool" .. n .. "d"](2) end, function(batch)
    local pooled = nn["MaxPool" .. n .. "d"](2, { returnIndices = true })
      :forward(distinct(batch or 2, 1, table.unpack({ 4, 4, 4 }, 1, n)))
    return { pooled[1], pooled[2] }
  end, { translate = function(x, at) return x, at + 1 end })
end

local function image(batch) return distinct(batch or 2, 2, 6, 7) end
local function volume(batch) return distinct(batch or 2, 1, 4, 5, 6) end
add("MaxPool2d table", "max table", function()
  return nn.MaxPool2d({ 2, 3 }, { stride = { 1, 2 }, padding = { 1, 0 } })
end, image)
add("AdaptiveMaxPool2d table", "adaptive max table", function()
  return nn.AdaptiveMaxPool2d { false, 2 }
end, image)
add("AdaptiveAvgPool2d table", "adaptive avg table", function()
  return nn.AdaptiveAvgPool2d { 4, false }
end, image)
add("Upsample cubic", "cubic", function()
  return nn.Upsample { scaleFactor = 1.5, mode = "bicubic" }
end, image)
add("Upsample cubic corners", "cubic corners", function()
  return nn.Upsample { size = { 4, 11 }, mode = "bicubic", alignCorners = true }
end, image)
add("UpsamplingNearest2d", "upsampling nearest", function()
  return nn.UpsamplingNearest2d { scaleFactor = 2 }
end, image)
add("UpsamplingBilinear2d", "upsampling bilinear", function()
  return nn.UpsamplingBilinear2d { scaleFactor = 2 }
end, image)
for n, input in pairs { [2] = image, [3] = volume } do
  add("FractionalMaxPool " .. n, nil, function()
    return nn["FractionalMaxPool" .. n .. "d"](2, { outputRatio = 0.6 })
  end, input)
end

-- ---- Torch7's ------------------------------------------------------------------------------------------

add("SpatialMaxPooling ceil", "max2 ceil", function()
  return nn.SpatialMaxPooling(2, 2, 3, 3):ceil()
end, image)
add("SpatialMaxPooling", "max table", function() return nn.SpatialMaxPooling(3, 2, 2, 1, 0, 1) end, image)
add("SpatialAveragePooling", "avg2", function() return nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1) end, image)
add("SpatialAveragePooling exclude", "avg2 exclude", function()
  return nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1):ceil():setCountExcludePad()
end, image)
add("SpatialDilatedMaxPooling", "max2 dilated", function()
  return nn.SpatialDilatedMaxPooling(2, 2, 1, 1, 1, 1, 2, 2)
end, image)
add("SpatialAdaptiveMaxPooling", "adaptive max2", function()
  return nn.SpatialAdaptiveMaxPooling(3, 3)
end, image)
add("SpatialAdaptiveAveragePooling", "adaptive avg2", function()
  return nn.SpatialAdaptiveAveragePooling(3, 3)
end, image)
add("SpatialLPPooling", nil, function() return nn.SpatialLPPooling(2, 3, 2, 2, 1, 1) end, image,
  { expect = function(_, x) return nn.functional.lpPool2d(x, 3, 2, { stride = 1 }) end })
add("SpatialLPPooling 2", nil, function() return nn.SpatialLPPooling(2, 2, 2, 2) end, image,
  { expect = function(_, x) return nn.functional.lpPool2d(x, 2, 2) end })
add("SpatialFractionalMaxPooling", nil, function()
  return nn.SpatialFractionalMaxPooling(2, 3, 3, 2):fixPoolingRegions()
end, image)
add("SpatialFractionalMaxPooling ratio", nil, function()
  return nn.SpatialFractionalMaxPooling(2, 2, 0.5, 0.6)
end, image)
add("VolumetricFractionalMaxPooling", nil, function()
  return nn.VolumetricFractionalMaxPooling(2, 2, 2, 0.6, 0.5, 0.7)
end, volume)
add("VolumetricMaxPooling", "max3", function()
  return nn.VolumetricMaxPooling(3, 3, 3, 2, 2, 2, 1, 1, 1)
end, volume)
add("VolumetricMaxPooling ceil", "max3 ceil", function()
  return nn.VolumetricMaxPooling(2, 2, 2, 3, 3, 3):ceil()
end, volume)
add("VolumetricDilatedMaxPooling", "max3 dilated", function()
  return nn.VolumetricDilatedMaxPooling(2, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 2)
end, volume)
add("VolumetricAveragePooling", "avg3", function()
  return nn.VolumetricAveragePooling(3, 3, 3, 2, 2, 2, 1, 1, 1)
end, volume)
add("TemporalMaxPooling", nil, function() return nn.TemporalMaxPooling(3, 2) end,
  function() return distinct(2, 7, 3) end, { expect = function(_, x)
    return nn.functional.maxPool1d(x:transpose(2, 3), 3, { stride = 2 }):transpose(2, 3)
  end })
add("TemporalDynamicKMaxPooling", nil, function() return nn.TemporalDynamicKMaxPooling(2, 0.4) end,
  function() return distinct(2, 7, 3) end, { expect = function(_, x)
    local y = torch.zeros(2, 3, 3):double()
    for b = 1, 2 do
      for f = 1, 3 do
        local line, at = x[b]:select(2, f), 0
        local least = torch.sort(line, 1, true)[3]
        for t = 1, 7 do
          if line[t] >= least then
            at = at + 1
            y[b][at][f] = line[t]
          end
        end
      end
    end
    return y
  end })
for _, shape in ipairs { { 5 }, { 5, 2 }, { 5, 2, 3 } } do
  local function expect(_, x)
    local y = 0
    for i = 1, 3 do
      y = y + torch.pow(x:narrow(x:dim() - #shape + 1, i, 3):clone(), 3)
    end
    return torch.pow(y, 1 / 3)
  end
  add("FeatureLPPooling " .. #shape, nil, function() return nn.FeatureLPPooling(3, 1, 3) end,
    function() return distinct(table.unpack(shape)) end, { expect = expect })
  add("FeatureLPPooling batch " .. #shape, nil, function() return nn.FeatureLPPooling(3, 1, 3, true) end,
    function() return distinct(2, table.unpack(shape)) end, { expect = expect })
end
add("SpatialUpSamplingNearest", "nearest2", function() return nn.SpatialUpSamplingNearest(2) end, image)
add("SpatialUpSamplingBilinear", "upsampling bilinear", function()
  return nn.SpatialUpSamplingBilinear(2)
end, image)
add("SpatialUpSamplingBilinear size", "linear2 corners", function()
  return nn.SpatialUpSamplingBilinear { owidth = 7, oheight = 7 }
end, function() return distinct(2, 3, 4) end)
add("UpSampling nearest", "nearest3", function() return nn.UpSampling(2) end, volume)
add("UpSampling linear", "upsampling bilinear", function() return nn.UpSampling(2, "linear") end, image)
add("UpSampling size", "linear3 corners", function()
  return nn.UpSampling({ odepth = 7, oheight = 7, owidth = 7 }, "trilinear")
end, function() return distinct(1, 1, 2, 3, 4) end)

return cases
