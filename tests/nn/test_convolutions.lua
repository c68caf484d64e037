-- test_convolutions: layers of convolutions and paddings (cases/convolutions.lua), their functions, mistakes.
local torch = require "torch"
local nn = require "nn"
local F = nn.functional
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/convolutions.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/convolutions.lua")

local function rand(...) return torch.randn(...):double() end
local function sizes(x) return table.concat(x.shape, "x") end

local function inner(a, b)
  return torch.cmul(a, b):sum()
end

-- <conv(x), y> = <x, transposed(y)>, for a convolution without bias.
function tests.transposed_is_the_transpose()
  local w = rand(4, 3, 3, 2)
  local x = rand(2, 6, 7, 5)
  local y = F.conv2d(x, w, nil, 2, 3, 1, 2, 1, 2, 2)
  local g = rand(table.unpack(y.shape))
  local back = F.convTranspose2d(g, w, nil, { 3, 2 }, { 2, 1 }, { 0, 1 }, 2, { 2, 1 })
  tester:eq(sizes(back), "2x6x7x5")
  tester:eq(inner(y, g), inner(x, back), 1e-9)

  x, w = rand(2, 2, 5, 4, 3), rand(4, 1, 2, 3, 1)
  y = F.conv3d(x, w, nil, { 2, 1, 1 }, { 1, 0, 0 }, { 2, 1, 1 }, 2)
  g = rand(table.unpack(y.shape))
  back = F.convTranspose3d(g, w, nil, { 2, 1, 1 }, { 1, 0, 0 }, 0, 2, { 2, 1, 1 })
  tester:eq(sizes(back), sizes(x))
  tester:eq(inner(y, g), inner(x, back), 1e-9)

  x = rand(2, 3, 6, 5)
  y = F.unfold(x, { 3, 2 }, { 2, 1 }, { 1, 2 }, { 1, 2 })
  g = rand(table.unpack(y.shape))
  tester:eq(inner(y, g), inner(x, F.fold(g, { 6, 5 }, { 3, 2 }, { 2, 1 }, { 1, 2 }, { 1, 2 })), 1e-9)
end

function tests.one_and_three_dimensions_are_like_two()
  local x, w, b = rand(2, 4, 7), rand(2, 2, 3), rand(2)
  local flat = F.conv2d(x:unsqueeze(3), w:unsqueeze(3), b, 2, 1, 1, 0, 2, 1, 2):squeeze(3)
  tester:eq(F.conv1d(x, w, b, 2, 1, 2, 2), flat, 1e-12)
  x, w = rand(2, 4, 6, 5), rand(3, 4, 2, 3)
  local deep = F.conv3d(x:unsqueeze(3), w:unsqueeze(3), nil, { 1, 2, 1 }, { 0, 1, 0 })
  tester:eq(deep:squeeze(3), F.conv2d(x, w, nil, 1, 2, 0, 1), 1e-12)
  deep = F.convTranspose3d(x:unsqueeze(3), rand(4, 1, 1, 2, 3), nil, { 1, 2, 1 })
  tester:eq(sizes(deep), "2x1x1x12x7")
end

function tests.half_types_and_empty_batches()
  for _, name in ipairs { "half", "bfloat16" } do
    local function cast(x) return name == "half" and x:half() or x:to("bfloat16") end
    local x, w = rand(1, 4, 4), rand(1, 2, 2, 2)
    local y = F.convTranspose2d(cast(x), cast(w), cast(torch.ones(2)), 2)
    tester:eq(y.dtype, cast(x).dtype)
    tester:eq(y:double(), F.convTranspose2d(x, w, torch.ones(2):double(), 2), 0.1)
    tester:eq(F.conv3d(cast(rand(1, 3, 3, 3)), cast(rand(2, 1, 2, 2, 2))).dtype, cast(x).dtype)
  end
  tester:eq(sizes(F.conv3d(torch.zeros(0, 2, 3, 3, 3), torch.ones(4, 2, 2, 2, 2))), "0x4x2x2x2")
  tester:eq(sizes(F.convTranspose2d(torch.zeros(0, 2, 3, 3), torch.ones(2, 4, 2, 2), nil, 2)), "0x4x6x6")
  tester:eq(sizes(F.convTranspose3d(torch.zeros(0, 2, 3, 3, 3), torch.ones(2, 1, 2, 2, 2))), "0x1x4x4x4")
  tester:eq(sizes(F.unfold(torch.zeros(0, 2, 3, 3), 2)), "0x8x4")
end

function tests.unfold_keeps_infinities_apart()
  local x = torch.ones(1, 2, 2)
  x[1][1][1] = math.huge
  tester:eq(F.unfold(x, { 1, 2 })[2]:sum(), 2)
end

function tests.tables_of_connections()
  local full = nn.tables.full(2, 3)
  tester:eq(sizes(full), "6x2")
  tester:eq(full:select(2, 1):totable(), { 1, 2, 1, 2, 1, 2 })
  tester:eq(full:select(2, 2):totable(), { 1, 1, 2, 2, 3, 3 })
  tester:eq(nn.tables.oneToOne(3):totable(), { { 1, 1 }, { 2, 2 }, { 3, 3 } })
  local chance = nn.tables.random(6, 5, 3)
  tester:eq(sizes(chance), "15x2")
  for o = 1, 5 do
    local seen = {}
    for k = 3 * o - 2, 3 * o do
      tester:eq(chance[k][2], o)
      seen[chance[k][1]] = true
    end
    local count = 0
    for plane in pairs(seen) do
      count = count + 1
      tester:assert(plane >= 1 and plane <= 6)
    end
    tester:eq(count, 3, "different planes")
  end
  -- 6 planes suffice for 2 outputs, so every draw uses all of them.
  local first = chance:narrow(1, 1, 6):select(2, 1)
  tester:eq(torch.sort(first):totable(), { 1, 2, 3, 4, 5, 6 })
end

function tests.starts()
  local function within(m, bound, name)
    for _, p in ipairs((m:parameters())) do
      tester:assert(p:abs():max() <= bound and p:abs():max() > bound / 4, name)
    end
  end
  within(nn.Conv2d(8, 16, 3, { groups = 4 }), 1 / math.sqrt(18), "Conv2d")
  within(nn.ConvTranspose2d(8, 16, 3, { groups = 4 }), 1 / math.sqrt(36), "ConvTranspose2d")
  within(nn.SpatialFullConvolution(8, 16, 3, 3), 1 / math.sqrt(72), "SpatialFullConvolution")
  within(nn.SpatialSubSampling(8, 3, 3), 1 / 3, "SpatialSubSampling")
  within(nn.SpatialConvolutionMap(nn.tables.full(4, 8), 3, 3), 1 / 6, "SpatialConvolutionMap")
  local m = nn.TemporalConvolution(30, 40, 3)
  m:reset(0.1)
  tester:assert(math.abs(m.weight:std() - 0.1) < 0.01, "a standard deviation")
  m = nn.SpatialConvolutionMap(torch.Tensor { { 1, 1 }, { 1, 3 } }, 2, 2)
  tester:eq(m.bias[2], 0, "no connection")
end

function tests.text()
  local texts = {
    ["nn.SpatialConvolutionMM(2 -> 3, 3x2, 1,1, 1,1) without bias"] =
      nn.SpatialConvolutionMM(2, 3, 3, 2, 1, 1, 1):noBias(),
    ["nn.SpatialDilatedConvolution(2 -> 3, 3x2, 2,2)"] =
      nn.SpatialDilatedConvolution(2, 3, 3, 2, 1, 1, 0, 0, 2, 2),
    ["nn.SpatialDepthWiseConvolution(2 -> 3, 3x2, 2,1)"] = nn.SpatialDepthWiseConvolution(2, 3, 3, 2, 2),
    ["nn.SpatialConvolutionLocal(2 -> 3, 6x5, 3x2)"] = nn.SpatialConvolutionLocal(2, 3, 6, 5, 3, 2),
    ["nn.SpatialFullConvolution(2 -> 3, 3x2, 2,3, 1,0, 0,2)"] =
      nn.SpatialFullConvolution(2, 3, 3, 2, 2, 3, 1, 0, 0, 2),
    ["nn.TemporalRowConvolution(3, 2, 2) without bias"] = nn.TemporalRowConvolution(3, 2, 2):noBias(),
    ["nn.VolumetricConvolution(2 -> 3, 1x2x3, 1,1,1, 1,1,1)"] =
      nn.VolumetricConvolution(2, 3, 1, 2, 3, 1, 1, 1, 1),
    ["nn.VolumetricDilatedConvolution(2 -> 3, 1x2x3, 1,2,1)"] =
      nn.VolumetricDilatedConvolution(2, 3, 1, 2, 3, 1, 1, 1, 0, 0, 0, 1, 2),
    ["nn.VolumetricFullConvolution(2 -> 3, 1x2x3)"] = nn.VolumetricFullConvolution(2, 3, 1, 2, 3),
    ["nn.SpatialReflectionPadding(l=1, r=1, t=1, b=2)"] = nn.SpatialReflectionPadding(1, nil, nil, 2),
    ["nn.VolumetricReplicationPadding(left=1, right=1, top=1, bottom=1, front=1, back=1)"] =
      nn.VolumetricReplicationPadding(1),
    ["nn.Conv2d(4 -> 6, 3x3, stride 2x2, padding 1x0, 2 groups, reflect) without bias"] =
      nn.Conv2d(4, 6, 3,
        { stride = 2, padding = { 1, 0 }, groups = 2, bias = false, paddingMode = "reflect" }),
    ["nn.ConvTranspose1d(4 -> 6, 3, stride 2, outputPadding 1)"] =
      nn.ConvTranspose1d(4, 6, 3, { stride = 2, outputPadding = 1 }),
    ["nn.ConstantPad1d(1, 1, value 7)"] = nn.ConstantPad1d(1, 7),
    ["nn.Fold(4x5, 2x2)"] = nn.Fold({ 4, 5 }, 2),
  }
  for text, m in pairs(texts) do tester:eq(tostring(m), text) end
end

function tests.sizes_of_outputs()
  local m = nn.ConvTranspose2d(1, 1, 3, { stride = 2, padding = 1 })
  tester:eq(sizes(m(torch.ones(1, 4, 4), { 8, 7 })), "1x8x7")
  tester:eq(sizes(m(torch.ones(1, 4, 4))), "1x7x7")
  tester:assertErrorPattern(function() m(torch.ones(1, 4, 4), { 9, 7 }) end, "output size 9 .* 7%.%.8")
  m = nn.SpatialFullConvolution(1, 1, 3, 3, 2, 2, 1, 1)
  local x, target = torch.ones(1, 4, 4), torch.ones(2, 1, 8, 7)
  tester:eq(sizes(m(x, target)), "1x8x7", "two arguments")
  local y = m:forward { x, target }
  local g = m:backward({ x, target }, torch.onesLike(y))
  tester:eq(g[2]:norm(), 0)
  tester:eq(sizes(g[2]), sizes(target))
end

function tests.mistakes()
  local x = torch.ones(2, 5, 5)
  for pattern, f in pairs {
    ["stride of 1"] = function() nn.Conv2d(2, 3, 3, { padding = "same", stride = 2 }) end,
    ["nn.Conv2d: there is no option 'strides'"] = function() nn.Conv2d(2, 3, 3, { strides = 2 }) end,
    ["nn.Conv2d: 2 groups do not divide 3"] = function() nn.Conv2d(3, 4, 3, { groups = 2 }) end,
    ["nn.Conv2d: the kernel size is nil"] = function() nn.Conv2d(3, 4) end,
    ["nn.Conv3d: the stride is a table, wanted .* table of 3"] = function()
      nn.Conv3d(3, 4, 3, { stride = { 1, 1 } })
    end,
    ["nn.Conv1d: the padding is half"] = function() nn.Conv1d(3, 4, 3, { padding = "half" }) end,
    ["nn.Conv1d: paddingMode is 'wrap'"] = function() nn.Conv1d(3, 4, 3, { paddingMode = "wrap" }) end,
    ["nn.conv1d: the input is of 2x5x5x1"] = function() nn.Conv1d(3, 4, 3):forward(x:unsqueeze(4)) end,
    ["nn.conv2d: input 2x5x5 has 2 channels"] = function() nn.Conv2d(3, 4, 3):forward(x) end,
    ["nn.conv3d: the input of 1x2x5x5x5 has 2 planes"] = function()
      nn.Conv3d(3, 4, 3):forward(torch.ones(2, 5, 5, 5))
    end,
    ["nn.conv3d: a kernel of 6"] = function() nn.Conv3d(2, 4, 6):forward(torch.ones(2, 5, 5, 5)) end,
    ["nn.convTranspose2d: input 2x5x5 has 2 channels, but weight 3x4x3x3 wants 3"] = function()
      nn.ConvTranspose2d(3, 4, 3):forward(x)
    end,
    ["nn.convTranspose2d: the output padding 1 is neither"] = function()
      nn.ConvTranspose2d(2, 4, 3, { outputPadding = 1 }):forward(x)
    end,
    ["nn.convTranspose2d: no output is left"] = function()
      nn.ConvTranspose2d(2, 4, 3, { padding = 4 }):forward(x)
    end,
    ["nn.convTranspose2d: the weight is of 2x3"] = function() F.convTranspose2d(x, torch.ones(2, 3)) end,
    ["nn.convTranspose2d: the input is a number"] = function()
      F.convTranspose2d(1, torch.ones(2, 3, 1, 1))
    end,
    ["nn.convTranspose2d: bias"] = function()
      F.convTranspose2d(x, torch.ones(2, 3, 2, 2), torch.ones(2))
    end,
    ["nn.convTranspose3d: the bias is of 2"] = function()
      F.convTranspose3d(x:unsqueeze(1):unsqueeze(1), torch.ones(1, 3, 2, 2, 2), torch.ones(2))
    end,
    ["nn.convTranspose3d: no output is left"] = function()
      F.convTranspose3d(torch.ones(1, 1, 1, 1), torch.ones(1, 3, 2, 2, 2), nil, 1, 1)
    end,
    ["the padding is 'full'"] = function() F.conv2d(x, torch.ones(1, 2, 2, 2), nil, 1, 1, "full") end,
    ["nn.unfold: a kernel of 6"] = function() F.unfold(x, 6) end,
    ["nn.unfold: the input is of 5"] = function() F.unfold(torch.ones(5), 2) end,
    ["nn.fold: the input is of 4x15"] = function() F.fold(torch.ones(4, 15), 5, 2) end,
    ["nn.fold: the input is of 5x16"] = function() F.fold(torch.ones(5, 16), 5, 2) end,
    ["nn.pad: the mode is 'mirror'"] = function() F.pad(x, { 1, 1 }, "mirror") end,
    ["nn.pad: a pad of 5 "] = function() F.pad(x, { 5, 1 }, "reflect") end,
    ["nn.pad: a pad of 6 "] = function() F.pad(x, { 6, 1 }, "circular") end,
    ["nn.ZeroPad2d: of an input of 2x5x5 nothing is left"] = function() nn.ZeroPad2d(-3):forward(x) end,
    ["nn.ZeroPad2d: the padding is a table"] = function() nn.ZeroPad2d { 1, 2, 3 } end,
    ["nn.ZeroPad3d: the input is of 5x5"] = function() nn.ZeroPad3d(1):forward(x[1]) end,
    ["nn.ConstantPad1d: value is a nil"] = function() nn.ConstantPad1d(1) end,
    ["nn.PixelShuffle: the input is of 2x5x5"] = function() nn.PixelShuffle(2):forward(x) end,
    ["nn.PixelUnshuffle: the input is of 2x5x5"] = function() nn.PixelUnshuffle(2):forward(x) end,
    ["nn.ChannelShuffle: the input is of 2x5x5"] = function() nn.ChannelShuffle(2):forward(x) end,
    ["nn.SpatialFullConvolution: adjW 2"] = function()
      nn.SpatialFullConvolution(1, 1, 3, 3, 2, 2, 0, 0, 2)
    end,
    ["nn.VolumetricFullConvolution: adjT 1"] = function()
      nn.VolumetricFullConvolution(1, 1, 3, 3, 3, 1, 1, 1, 0, 0, 0, 1)
    end,
    ["nn.SpatialConvolutionLocal: a kernel 7 wide"] = function()
      nn.SpatialConvolutionLocal(1, 1, 5, 5, 7, 3)
    end,
    ["nn.SpatialConvolutionLocal: the input is of 2x5x5"] = function()
      nn.SpatialConvolutionLocal(2, 1, 5, 6, 3, 3):forward(x)
    end,
    ["nn.SpatialConvolutionMap: a table of connections"] = function() nn.SpatialConvolutionMap(x, 3, 3) end,
    ["nn.SpatialConvolutionMap: the input is of 2x5x5, wanted at least 3"] = function()
      nn.SpatialConvolutionMap(nn.tables.oneToOne(3), 3, 3):forward(x)
    end,
    ["nn.tables.random: 4 of 3 planes"] = function() nn.tables.random(3, 2, 4) end,
    ["nn.TemporalConvolution: the input is of 5x5, wanted frames of 4"] = function()
      nn.TemporalConvolution(4, 2, 2):forward(x[1])
    end,
    ["nn.TemporalSubSampling: .* at least 6"] = function() nn.TemporalSubSampling(5, 6):forward(x[1]) end,
    ["nn.TemporalRowConvolution: .* at least 6"] = function()
      nn.TemporalRowConvolution(5, 6):forward(x[1])
    end,
    ["nn.SpatialSubSampling: the input is of 2x5x5, wanted 3"] = function()
      nn.SpatialSubSampling(3, 2, 2):forward(x)
    end,
    ["nn.SpatialConvolutionMM: kW is a nil"] = function() nn.SpatialConvolutionMM(1, 1, nil, 2) end,
  } do
    tester:assertErrorPattern(f, pattern)
  end
end

tester:add(tests):run()
