-- normalisation: normalisation, dropout, weights given in other ways; with PyTorch's values.
local torch = require "torch"
local nn = require "nn"

-- Sets what is not random at first to random numbers, in the module and those inside it.
local function changed(m)
  for _, entry in ipairs(m:namedParameters()) do torch.noGrad(function() entry.tensor:normal() end) end
  for _, entry in ipairs(m:namedBuffers()) do
    if entry.tensor.dtype ~= "int64" then entry.tensor:uniform(0.5, 1.5) end
  end
  return m
end

local function evaluated(m)
  m:evaluate()
  return m
end

-- x / (k + alpha/size s)^beta by loops, of batch x planes x n.
local function by_planes(size, alpha, beta, k)
  return function(_, x)
    local flat = x:view(x:size(1), x:size(2), -1)
    local y = flat:clone()
    for b = 1, flat:size(1) do
      for c = 1, flat:size(2) do
        for i = 1, flat:size(3) do
          local sum = 0
          for d = math.max(1, c - size // 2), math.min(flat:size(2), c + (size - 1) // 2) do
            sum = sum + flat[b][d][i] ^ 2
          end
          y[b][c][i] = flat[b][c][i] / (k + alpha / size * sum) ^ beta
        end
      end
    end
    return y:view(table.unpack(x.shape))
  end
end

-- The weighted mean, over the kernel's window and all planes, of f(x), as far as the window lies inside:
-- sum of weights times f, over what the weights inside sum up to; sqrt first where `root`.
local function windows(x, kernel, f, root)
  local y = x:clone():zero()
  local planes, h, w = x:size(1), x:size(2), x:size(3)
  local kh, kw = kernel:size(1), kernel:size(2)
  for i = 1, h do
    for j = 1, w do
      local sum, inside = 0, 0
      for di = 1, kh do
        for dj = 1, kw do
          local r, c = i + di - 1 - kh // 2, j + dj - 1 - kw // 2
          if r >= 1 and r <= h and c >= 1 and c <= w then
            inside = inside + kernel[di][dj]
            for p = 1, planes do sum = sum + kernel[di][dj] * f(x[p][r][c]) / planes end
          end
        end
      end
      local total = kernel:sum()
      local mean = root and math.sqrt(sum / total) / (inside / total) or sum / inside
      for p = 1, planes do y[p][i][j] = mean end
    end
  end
  return y
end

local kernel = torch.DoubleTensor { { 1, 2, 1 }, { 2, 5, 3 }, { 1, 2, 4 } }
local row = torch.DoubleTensor { 1, 3, 2 }
local product = torch.ger(row, row)

local function subtracted(k)
  return function(_, x) return x - windows(x, k, function(v) return v end) end
end
local function divided(k)
  return function(_, x) return torch.cdiv(x, windows(x, k, function(v) return v * v end, true)) end
end

local cases = {
  { "LayerNorm", make = function() return changed(nn.LayerNorm(4)) end,
    input = { 3, 4 }, golden = "LayerNorm" },
  { "LayerNorm of a matrix", make = function() return changed(nn.LayerNorm({ 3, 4 }, { eps = 1e-2 })) end,
    input = { 2, 3, 4 }, golden = "LayerNorm 3x4" },
  { "LayerNorm without bias", make = function() return changed(nn.LayerNorm(4, { bias = false })) end,
    input = { 2, 3, 4 }, golden = "LayerNorm without bias" },
  { "LayerNorm without parameters", make = function()
    return nn.LayerNorm(4, { elementwiseAffine = false })
  end, input = { 4 }, golden = "LayerNorm plain" },
  { "RMSNorm", make = function() return changed(nn.RMSNorm(4)) end, input = { 3, 4 }, golden = "RMSNorm" },
  { "RMSNorm of a matrix", make = function() return changed(nn.RMSNorm({ 3, 4 }, { eps = 1e-2 })) end,
    input = { 2, 3, 4 }, golden = "RMSNorm 3x4" },
  { "RMSNorm without parameters", make = function() return nn.RMSNorm(4, { elementwiseAffine = false }) end,
    input = { 2, 4 }, golden = "RMSNorm plain" },
  { "GroupNorm", make = function() return changed(nn.GroupNorm(2, 4)) end, input = { 3, 4, 5 },
    golden = "GroupNorm" },
  { "GroupNorm of images", make = function() return changed(nn.GroupNorm(3, 6, { eps = 1e-2 })) end,
    input = { 2, 6, 2, 3 }, golden = "GroupNorm image" },
  { "GroupNorm without parameters", make = function() return nn.GroupNorm(1, 4, { affine = false }) end,
    input = { 3, 4 }, golden = "GroupNorm plain" },
  { "BatchNorm1d of a matrix", make = function() return nn.BatchNorm1d(4, { affine = false }) end,
    input = { 5, 4 }, golden = "BatchNorm1d of a matrix" },
  { "BatchNorm2d without running statistics", make = function()
    return evaluated(nn.BatchNorm2d(4, { trackRunningStats = false }))
  end, input = { 3, 4, 2, 3 }, golden = "BatchNorm2d untracked" },
  { "LocalResponseNorm", make = function() return nn.LocalResponseNorm(3, { alpha = 0.5, k = 2 }) end,
    input = { 2, 5, 3 }, golden = "LocalResponseNorm", expect = by_planes(3, 0.5, 0.75, 2) },
  { "LocalResponseNorm, even", make = function() return nn.LocalResponseNorm(4, { alpha = 0.5 }) end,
    input = { 2, 5, 3, 2 }, golden = "LocalResponseNorm even", expect = by_planes(4, 0.5, 0.75, 1) },
  { "CrossMapLRN2d", make = function() return nn.CrossMapLRN2d(3, { alpha = 0.5 }) end,
    -- PyTorch's own leaves a plane in on the CPU
    input = { 2, 5, 3, 2 }, expect = by_planes(3, 0.5, 0.75, 1) },
  { "SpatialCrossMapLRN", make = function() return nn.SpatialCrossMapLRN(5, 0.5, 0.6, 2) end,
    input = { 2, 7, 3, 2 }, expect = by_planes(5, 0.5, 0.6, 2) },
  { "SpatialCrossMapLRN of one image", make = function() return nn.SpatialCrossMapLRN(3, 0.5) end,
    input = { 4, 3, 2 }, expect = function(m, x)
      return by_planes(3, 0.5, 0.75, 1)(m, x:view(1, 4, 3, 2)):view(4, 3, 2)
    end },
  { "SpatialSubtractiveNormalization", make = function()
    return nn.SpatialSubtractiveNormalization(2, kernel)
  end, input = { 2, 4, 5 }, expect = subtracted(kernel) },
  { "SpatialSubtractiveNormalization by a vector", make = function()
    return nn.SpatialSubtractiveNormalization(2, row)
  end, input = { 2, 4, 5 }, expect = subtracted(product) },
  { "SpatialSubtractiveNormalization of a batch", make = function()
    return nn.SpatialSubtractiveNormalization(2, kernel)
  end, input = { 2, 2, 4, 3 }, expect = function(m, x)
    return torch.cat(subtracted(kernel)(m, x[1]), subtracted(kernel)(m, x[2]), 1):view(2, 2, 4, 3)
  end },
  { "SpatialDivisiveNormalization", make = function()
    return nn.SpatialDivisiveNormalization(2, kernel)
  end, input = { 2, 4, 5 }, expect = divided(kernel) },
  { "SpatialDivisiveNormalization by a vector", make = function()
    return nn.SpatialDivisiveNormalization(2, row)
  end, input = { 2, 4, 3 }, expect = divided(product) },
  { "SpatialDivisiveNormalization above a threshold", make = function()
    return nn.SpatialDivisiveNormalization(1, kernel, 100, 4)
  end, input = { 2, 1, 3, 3 }, expect = function(_, x) return x / 4 end },
  { "SpatialContrastiveNormalization", make = function()
    return nn.SpatialContrastiveNormalization(2, kernel)
  end, input = { 2, 4, 5 }, expect = function(m, x)
    return divided(kernel)(m, subtracted(kernel)(m, x))
  end },
  { "LayerNormalization", make = function() return changed(nn.LayerNormalization(4, 0.5)) end,
    input = { 3, 4 }, expect = function(m, x)
      local y = nn.functional.layerNorm(x, 4, nil, nil, 1e-10 / 4)
      local w, b = m:get(5).weight:detach(), m:get(6).bias:detach()
      return torch.cmul(y, w:view(1, 4):expand(3, 4)) + b:view(1, 4):expand(3, 4)
    end },
  { "LayerNormalization of a vector", make = function() return nn.LayerNormalization(4, 0, 1e-10, false) end,
    input = { 4 }, expect = function(_, x) return nn.functional.layerNorm(x, 4, nil, nil, 1e-10 / 4) end },
  { "VolumetricBatchNormalization", make = function() return changed(nn.VolumetricBatchNormalization(2)) end,
    input = { 2, 2, 2, 3, 2 }, expect = function(m, x)
      return nn.functional.batchNorm(x, m.weight:detach(), m.bias:detach(), nil, nil, true)
    end },
  { "BatchNormalization of a sample",
    make = function() return evaluated(changed(nn.BatchNormalization(4))) end,
    input = { 4 }, expect = function(m, x)
      local y = torch.cdiv(x - m.running_mean, torch.sqrt(m.running_var + 1e-5))
      return torch.cmul(y, m.weight:detach()) + m.bias:detach()
    end },
  { "weightNorm", make = function() return nn.utils.weightNorm(nn.Linear(4, 3)) end, input = { 2, 4 },
    golden = "weight norm" },
  { "weightNorm of all", make = function() return nn.utils.weightNorm(nn.Linear(4, 3), "weight", false) end,
    input = { 2, 4 }, golden = "weight norm of all" },
  { "weightNorm along the second dimension", make = function()
    return nn.utils.weightNorm(nn.Linear(4, 3), nil, 2)
  end, input = { 2, 4 }, golden = "weight norm 1" },
  { "weightNorm inside", make = function()
    return nn.Sequential():add(nn.utils.weightNorm(nn.SpatialConvolution(2, 3, 2, 2))):add(nn.Tanh())
  end, input = { 2, 2, 3, 3 } },
  { "spectralNorm", make = function() return evaluated(nn.utils.spectralNorm(nn.Linear(4, 3))) end,
    input = { 2, 4 }, golden = "spectral norm" },
  { "WeightNorm", make = function() return nn.WeightNorm(nn.Linear(4, 3)) end, input = { 2, 4 },
    expect = function(m, x)
      local norm = torch.sqrt(torch.sum(torch.square(m.v:detach()), 2) + 1e-4)
      local w = torch.cmul(m.v:detach(), torch.cdiv(m.g:detach():view(3, 1), norm):expand(3, 4))
      return x * w:t() + m.bias:detach():view(1, 3):expand(2, 3)
    end },
  { "WeightNorm of a convolution", make = function()
    return nn.WeightNorm(nn.SpatialConvolution(2, 3, 2, 2), 2)
  end, input = { 2, 3, 3 } },
  { "LinearWeightNorm", make = function() return nn.LinearWeightNorm(4, 3) end, input = { 2, 4 },
    expect = function(m, x) return m:toLinear():forward(x) end },
  { "LinearWeightNorm without bias", make = function() return nn.LinearWeightNorm(4, 3, false) end,
    input = { 4 }, expect = function(m, x) return m.weight * x end },
  { "SpatialDropout", make = function() return nn.SpatialDropout(0.3) end, input = { 3, 4, 2, 2 } },
  { "SpatialDropout, evaluated", make = function() return evaluated(nn.SpatialDropout(0.3)) end,
    input = { 4, 2, 2 }, expect = function(_, x) return x * 0.7 end },
  { "VolumetricDropout", make = function() return nn.VolumetricDropout(0.3) end, input = { 3, 4, 2, 2, 1 } },
  { "Dropout, evaluated at random", make = function()
    return evaluated(nn.Dropout(0.5, false, false, true))
  end, input = { 3, 4 } },
  { "Dropout1d", make = function() return nn.Dropout1d() end, input = { 3, 4, 2 } },
  { "Dropout2d", make = function() return nn.Dropout2d(0.3) end, input = { 4, 2, 2 } },
  { "Dropout3d", make = function() return nn.Dropout3d { p = 0.3 } end, input = { 2, 4, 2, 2, 1 } },
  { "Dropout2d, evaluated", make = function() return evaluated(nn.Dropout2d(0.3)) end, input = { 4, 2, 2 },
    expect = function(_, x) return x end },
  { "AlphaDropout", make = function() return nn.AlphaDropout(0.3) end, input = { 3, 4 } },
  { "FeatureAlphaDropout", make = function() return nn.FeatureAlphaDropout(0.3) end, input = { 3, 4, 2 } },
  { "DropPath", make = function() return nn.DropPath(0.3) end, input = { 5, 4 } },
}

for places, shape in ipairs { { 3, 4, 5 }, { 3, 4, 2, 3 }, { 2, 4, 2, 2, 3 } } do
  local batch, instance = ("BatchNorm%dd"):format(places), ("InstanceNorm%dd"):format(places)
  local function add(name, make, input)
    cases[#cases + 1] = { name, make = make, input = input or shape, golden = name }
  end
  add(batch, function() return changed(nn[batch](4)) end)
  add(batch .. " evaluation", function() return evaluated(changed(nn[batch](4))) end)
  add(instance, function() return changed(nn[instance](4, { affine = true })) end)
  add(instance .. " of one", function() return nn[instance](4) end, { table.unpack(shape, 2) })
  add(instance .. " evaluation", function()
    return evaluated(changed(nn[instance](4, { trackRunningStats = true })))
  end)
end

return cases
