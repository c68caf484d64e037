-- test_normalisation: normalisation, dropout, weights given in other ways; cases/normalisation.lua,
-- what keeps a state, and mistakes.
local torch = require "torch"
local nn = require "nn"
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/normalisation.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/normalisation.lua")

local golden = torch.load(walk.golden)

function tests.running_statistics()
  local made = {
    running = nn.BatchNorm2d(4), ["running mean"] = nn.BatchNorm2d(4, { momentum = false }),
    ["running instances"] = nn.InstanceNorm1d(4, { trackRunningStats = true }),
  }
  for name, m in pairs(made) do
    m:double()
    local function there(key) return golden[name .. key]:type(m.running_mean:type()) end -- or on a device
    for i = 1, 2 do m(there("/input" .. i)) end
    for _, key in ipairs { "running_mean", "running_var" } do
      tester:eq(m[key], there("/after/" .. key), 1e-10, name .. " " .. key)
    end
    tester:eq(m.num_batches_tracked:item(), 2, name)
    m:evaluate()
    m(there("/input1"))
    tester:eq(m.num_batches_tracked:item(), 2, name .. ": evaluation counts nothing")
    m:reset()
    tester:eq(m.running_mean:norm(), 0, name)
    tester:eq(m.num_batches_tracked:item(), 0, name)
  end
end

function tests.names_of_the_state()
  local function names(m)
    local list = {}
    for name in pairs(m:stateDict()) do list[#list + 1] = name end
    table.sort(list)
    return table.concat(list, " ")
  end
  tester:eq(names(nn.BatchNorm1d(2)), "bias num_batches_tracked running_mean running_var weight")
  tester:eq(names(nn.InstanceNorm1d(2)), "")
  tester:eq(names(nn.utils.weightNorm(nn.Linear(2, 3))), "bias weight_g weight_v")
  tester:eq(names(nn.utils.spectralNorm(nn.Linear(2, 3))), "bias weight_orig weight_u weight_v")
  tester:eq(names(nn.LinearWeightNorm(2, 3)), "bias g v")
  tester:eq(names(nn.RMSNorm(3)), "weight")
end

function tests.values_to_start_with()
  for _, m in ipairs { nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.BatchNorm3d(3) } do
    tester:eq(m.weight:detach(), torch.ones(3), 0, torch.typename(m))
    tester:eq(m.bias:detach(), torch.zeros(3), 0, torch.typename(m))
  end
end

function tests.half_types()
  local x = torch.randn(4, 6, 3)
  for _, m in ipairs { nn.LayerNorm({ 6, 3 }), nn.RMSNorm(3), nn.GroupNorm(2, 6), nn.InstanceNorm1d(6) } do
    local y = m:forward(x):clone()
    m:half()
    local h = m:forward(x:half())
    tester:eq(h.dtype, "float16", torch.typename(m))
    tester:eq(h:float(), y, 2e-2, torch.typename(m))
  end
end

function tests.empty_batches()
  for _, m in ipairs { nn.LayerNorm(3), nn.RMSNorm(3), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4),
    nn.LocalResponseNorm(3) } do
    tester:eq(table.concat(m:forward(torch.zeros(0, 4, 3)).shape, "x"), "0x4x3", torch.typename(m))
  end
end

-- ---- weights given in other ways --------------------------------------------------------------------------

function tests.weight_norm_is_taken_away_again()
  local x = torch.randn(2, 4)
  for _, make in ipairs {
    { nn.utils.weightNorm, nn.utils.removeWeightNorm },
    { nn.utils.spectralNorm, nn.utils.removeSpectralNorm },
  } do
    local plain = nn.Linear(4, 3)
    local m = make[1](plain)
    m:evaluate()
    local y = m:forward(x):clone()
    tester:assert(m.gradWeight == nil, "the weight is no parameter")
    tester:eq(make[2](m):forward(x), y, 1e-6)
    local params, grads = m:parameters()
    tester:eq(#params, 2)
    tester:eq(#grads, 2)
    tester:assert(m.gradWeight ~= nil and m._derived == nil)
    local ok, why = pcall(make[2], m)
    tester:assert(not ok and why:find("is not one", 1, true) ~= nil, why)
  end
end

function tests.weight_norm_learns()
  for _, make in ipairs { nn.utils.weightNorm, nn.utils.spectralNorm } do
    local m = make(nn.Linear(4, 1))
    local x, t = torch.randn(20, 4), torch.randn(20, 1)
    local criterion = nn.MSECriterion()
    local first
    for _ = 1, 40 do
      local loss = criterion:forward(m:forward(x), t)
      first = first or loss
      m:zeroGradParameters()
      m:backward(x, criterion:backward(m.output, t))
      m:updateParameters(0.05)
    end
    tester:assert(criterion:forward(m:forward(x), t) < first * 0.99)
  end
end

function tests.spectral_norm_finds_the_largest_singular_value()
  for dim = 1, 2 do
    local m = nn.utils.spectralNorm(nn.Linear(5, 4), { dim = dim, nPowerIterations = 60 })
    m:forward(torch.randn(5))
    local _, s = torch.svd(m.weight:detach())
    tester:eq(s[1], 1, 1e-3)
    local copy = m:clone()
    tester:eq(copy.weight_u, m.weight_u, 0)
    m:evaluate()
    local u = m.weight_u:clone()
    m:forward(torch.randn(5))
    tester:eq(m.weight_u, u, 0, "evaluation takes no step")
  end
  local deconvolution = nn.utils.spectralNorm(nn.SpatialConvolution(2, 3, 2, 2))
  tester:eq(deconvolution.weight_u:size(1), 3)
  tester:eq(deconvolution.weight_v:size(1), 8)
end

-- ---- dropout ----------------------------------------------------------------------------------------------

function tests.whole_channels_fall()
  torch.manualSeed(3)
  for places, name in ipairs { "Dropout1d", "Dropout2d", "Dropout3d" } do
    local shape = { 40, 50 }
    for d = 1, places do shape[d + 2] = 2 end
    local y = nn[name](0.25):forward(torch.ones(table.unpack(shape))):view(2000, -1)
    tester:eq(y:min(2):view(-1), y:max(2):view(-1), 0, name .. ": whole channels")
    tester:assert(math.abs(y:mean() - 1) < 0.1, name .. ": the mean stays")
    tester:eq(y:max(), 1 / 0.75, 1e-6, name)
  end
  local y = nn.SpatialDropout(0.25):forward(torch.ones(40, 50, 2, 2))
  tester:eq(y:max(), 1)
  tester:assert(math.abs(y:mean() - 0.75) < 0.1)
  y = nn.DropPath(0.25):forward(torch.ones(2000, 2))
  tester:eq(y:min(2):view(-1), y:max(2):view(-1), 0)
  tester:assert(math.abs(y:mean() - 1) < 0.1)
  local m = nn.SpatialDropout(0.5, true)
  m:evaluate()
  tester:eq(m:forward(torch.ones(100, 2, 2)):min(), 0, "stochastic inference")
end

function tests.alpha_dropout_keeps_mean_and_deviation()
  torch.manualSeed(3)
  for _, m in ipairs { nn.AlphaDropout(0.3), nn.FeatureAlphaDropout(0.3) } do
    local y = m:forward(torch.randn(300, 300, 1))
    tester:assert(math.abs(y:mean()) < 0.03 and math.abs(y:std() - 1) < 0.03, torch.typename(m))
    m:setp(1)
    tester:eq(m:forward(torch.ones(3, 3)):norm(), 0)
    m:setp(0)
    tester:eq(m:forward(torch.ones(3, 3)):sum(), 9)
  end
end

-- ---- functions and mistakes -------------------------------------------------------------------------------

function tests.normalize()
  local x = torch.randn(3, 4, 2):double()
  local F = nn.functional
  tester:eq(torch.norm(F.normalize(x), 2, 2), torch.ones(3, 1, 2):double(), 1e-12)
  tester:eq(torch.norm(F.normalize(x, { p = 3, dim = 3 }), 3, 3), torch.ones(3, 4, 1):double(), 1e-12)
  tester:eq(F.normalize(torch.zeros(3)):norm(), 0)
  tester:assert(torch.gradcheck(function(a) return F.normalize(a, { p = 3, dim = 1 }) end, { x }))
end

function tests.mistakes()
  local x = torch.randn(3, 4, 5)
  local function refuse(message, f)
    local ok, why = pcall(f)
    tester:assert(not ok and tostring(why):find(message, 1, true) ~= nil,
      ("wanted '%s', got %s"):format(message, tostring(why)))
  end
  refuse("nn.LayerNorm: the input is of 3x4x5, wanted the last sizes 4", function() nn.LayerNorm(4)(x) end)
  refuse("nn.LayerNorm: the input is of 3x4x5, wanted the last sizes 3x5", function()
    nn.LayerNorm { 3, 5 } (x)
  end)
  refuse("nn.LayerNorm: there is no option 'affine'", function() nn.LayerNorm(4, { affine = false }) end)
  refuse("nn.LayerNorm: normalizedShape 0 has no elements", function() nn.LayerNorm(0) end)
  refuse("nn.RMSNorm: there is no option 'bias'", function() nn.RMSNorm(4, { bias = true }) end)
  refuse("nn.GroupNorm: 4 channels are not a multiple of 3 groups", function() nn.GroupNorm(3, 4) end)
  refuse("nn.GroupNorm: the input is of 3x4x5, wanted 6 channels", function() nn.GroupNorm(3, 6)(x) end)
  refuse("nn.BatchNorm2d: the input is of 3x4x5, wanted 4 dimensions", function() nn.BatchNorm2d(4)(x) end)
  refuse("nn.BatchNorm1d: the input is of 3x4x5, wanted 5 channels", function() nn.BatchNorm1d(5)(x) end)
  refuse("has one value for each channel", function() nn.BatchNorm1d(4)(torch.randn(1, 4)) end)
  refuse("has one value for each channel", function() nn.InstanceNorm1d(4)(torch.randn(2, 4, 1)) end)
  refuse("nn.BatchNormalization: the input has 3 dimensions, wanted 2", function()
    nn.BatchNormalization(4)(x)
  end)
  refuse("nn.SpatialCrossMapLRN: size is 4, wanted an odd number", function() nn.SpatialCrossMapLRN(4) end)
  refuse("nn.SpatialCrossMapLRN: the input is of 5, wanted 3 to 4", function()
    nn.SpatialCrossMapLRN(3)(x[1][1])
  end)
  refuse("nn.SpatialSubtractiveNormalization: the kernel is of 2x3, wanted odd sizes", function()
    nn.SpatialSubtractiveNormalization(1, torch.ones(2, 3))
  end)
  refuse("nn.SpatialDivisiveNormalization: the input is of 3x4x5, wanted 2 planes", function()
    nn.SpatialDivisiveNormalization(2)(x)
  end)
  refuse("nn.SpatialDropout: p is 2, wanted a number from 0 to 1", function() nn.SpatialDropout(2) end)
  refuse("nn.Dropout2d: the input is of 4x5, wanted 3 to 4 dimensions", function() nn.Dropout2d()(x[1]) end)
  refuse("nn.DropPath: p is -1", function() nn.DropPath(-1) end)
  refuse("nn.WeightNorm: nn.Tanh has no weight", function() nn.WeightNorm(nn.Tanh()) end)
  refuse("nn.WeightNorm: the weight is of 3x4, which has no dimension 3", function()
    nn.WeightNorm(nn.Linear(4, 3), 3)
  end)
  refuse("nn.utils.weightNorm: nn.Tanh has no parameter 'weight'", function()
    nn.utils.weightNorm(nn.Tanh())
  end)
  refuse("nn.utils.weightNorm: nn.Linear has no parameter 'weight'", function()
    nn.utils.weightNorm(nn.utils.weightNorm(nn.Linear(4, 3)))
  end)
  refuse("nn.utils.weightNorm: weight of 2 dimensions has no dimension 3", function()
    nn.utils.weightNorm(nn.Linear(4, 3), "weight", 3)
  end)
  refuse("nn.utils.spectralNorm: weight of 2 dimensions has no dimension 0", function()
    nn.utils.spectralNorm(nn.Linear(4, 3), { dim = 0 })
  end)
  refuse("nn.functional.groupNorm: 4 channels are not a multiple of 3 groups", function()
    nn.functional.groupNorm(x, 3)
  end)
  refuse("nn.functional.groupNorm: weight is of 3, wanted 4 numbers", function()
    nn.functional.groupNorm(x, 2, torch.ones(3))
  end)
  refuse("nn.functional.dropout2d: p is 3, wanted a number from 0 to 1", function()
    nn.functional.dropout2d(x, 3)
  end)
end

tester:add(tests):run()
