-- test_pooling: the layers and functions of pooling and up-sampling; cases/pooling.lua.
local torch = require "torch"
local nn = require "nn"
local F = nn.functional
local walk = dofile "tests/nn/walk.lua"

local tester = torch.Tester()
local tests = torch.TestSuite()

walk.golden = "tests/nn/golden/pooling.npz"
walk.modules(tester, tests, dofile "tests/nn/cases/pooling.lua")

local values = walk.values()

-- f gives PyTorch's output, and the gradients of those of its inputs that have one.
local function golden(name, f)
  local inputs = {}
  while values[name .. "/input" .. #inputs + 1] do
    local t = values[name .. "/input" .. #inputs + 1]
    inputs[#inputs + 1] = t.dtype == "float64" and t:clone():requireGrad() or t
  end
  local y = f(table.unpack(inputs))
  tester:eq(y:detach(), values[name .. "/output"], 1e-9, name)
  if not values[name .. "/gradOutput"] then return end
  y:backward(values[name .. "/gradOutput"])
  for i, t in ipairs(inputs) do
    local g = values[name .. "/grad/input" .. i]
    if g and g:norm() > 0 then tester:eq(t.grad, g, 1e-9, name .. ": gradient " .. i) end
  end
end

function tests.fractions_of_pytorch()
  golden("fractional2", function(x, u)
    return F.fractionalMaxPool2d(x, 2, { outputSize = { 4, 3 }, randomSamples = u })
  end)
  golden("fractional3", function(x, u)
    return F.fractionalMaxPool3d(x, 2, { outputSize = { 2, 3, 4 }, randomSamples = u })
  end)
end

function tests.grids_of_pytorch()
  for _, mode in ipairs { "bilinear", "nearest" } do
    for _, padding in ipairs { "zeros", "border" } do
      for _, corners in ipairs { false, true } do
        local name = ("grid %s %s %s"):format(mode, padding, corners)
        local function f(x, grid)
          return F.gridSample(x, grid, { mode = mode, paddingMode = padding, alignCorners = corners })
        end
        golden(name, f)
        golden(name .. " 3", f)
      end
    end
  end
  for _, corners in ipairs { false, true } do
    local opts = { alignCorners = corners }
    golden("affine " .. tostring(corners), function(t) return F.affineGrid(t, { 2, 3, 4, 5 }, opts) end)
    golden("affine " .. tostring(corners) .. " 3", function(t)
      return F.affineGrid(t, { 2, 3, 3, 4, 5 }, opts)
    end)
  end
end

function tests.second_derivatives_of_grids()
  local x, grid = torch.randn(1, 2, 3, 4):double(), torch.rand(1, 2, 3, 2):double():mul(1.4):add(-0.7)
  for _, corners in ipairs { false, true } do
    local ok, why = torch.gradcheck(function(a, g)
      return torch.pow(F.gridSample(a, g, { alignCorners = corners }), 2):sum()
    end, { x, grid }, { second = true, atol = 1e-4 })
    tester:assert(ok, tostring(why))
  end
end

function tests.unpooling_into_given_sizes()
  golden("unpool size", function(x, at)
    return F.maxUnpool2d(x, at + 1, 3, { stride = 2, outputSize = { 6, 7 } })
  end)
end

-- The largest element of each window of the rows of x, and its place: the first one, or the last NaN.
local function largest(x, kernel, stride, pad, dilation)
  local wide, y, places = x:size(2), {}, {}
  for i = 1, x:size(1) do
    y[i], places[i] = {}, {}
    for start = 1 - pad, wide + pad - dilation * (kernel - 1), stride do
      local best, place
      for j = start, start + dilation * (kernel - 1), dilation do
        local v = j >= 1 and j <= wide and x[i][j] or nil
        if v and (not best or v > best or v ~= v) then best, place = v, j end
      end
      table.insert(y[i], best)
      table.insert(places[i], place)
    end
  end
  return torch.DoubleTensor(y), torch.LongTensor(places)
end

function tests.maxima_of_rows_of_all_widths()
  local function check(x, kernel, stride, pad, dilation)
    local rows, wide = x:size(1), x:size(2)
    local y, places = largest(x, kernel, stride, pad, dilation)
    local got, at = F.maxPool2d(x:view(rows, 1, wide), { 1, kernel }, { stride = { 1, stride },
      padding = { 0, pad }, dilation = { 1, dilation }, returnIndices = true })
    local name = ("%d wide, kernel %d, stride %d"):format(wide, kernel, stride)
    tester:eq(at:view(rows, -1):long(), places, name)
    y[y:ne(y)] = -1
    got[got:ne(got)] = -1
    tester:eq(got:view(rows, -1):double(), y, 0, name)
  end
  for _, type in ipairs { "float", "double" } do
    for _, wide in ipairs { 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 35, 700 } do
      local x = torch.rand(2, wide):mul(9):floor()
      x = x[type](x)
      x[2][wide // 2] = 0 / 0
      x[2][wide // 2 + 1] = 0 / 0
      for stride = 1, 3 do
        check(x, 2, stride, 0, 1)
        check(x, 3, stride, 1, 1)
        if wide >= 5 then check(x, 3, stride, 1, 2) end
      end
    end
  end
end

-- ---- places ----------------------------------------------------------------------------------------------

-- The maxima are what x has at the places.
local function check_places(name, x, y, places, n)
  local planes = 1
  for d = 1, #x.shape - n do planes = planes * x:size(d) end
  local flat = torch.reshape(x, { planes, x:nElement() // planes })
  local at = torch.reshape(places, { planes, y:nElement() // planes })
  tester:eq(torch.gather(flat, 2, at), torch.reshape(y, at.shape), 0, name)
  tester:eq(places.dtype, "int64", name)
end

function tests.places_of_maxima()
  local sizes = { 9, 8, 7 }
  for n = 1, 3 do
    local x = torch.randn(2, 3, table.unpack(sizes, 1, n))
    local opts = { stride = 2, padding = 1, returnIndices = true }
    local y, at = F["maxPool" .. n .. "d"](x, 3, opts)
    check_places("max " .. n, x, y, at, n)
    y, at = F["adaptiveMaxPool" .. n .. "d"](x, 4, { returnIndices = true })
    check_places("adaptive " .. n, x, y, at, n)
    if n > 1 then
      y, at = F["fractionalMaxPool" .. n .. "d"](x, 2, { outputSize = 4, returnIndices = true })
      check_places("fractional " .. n, x, y, at, n)
    end
  end
end

function tests.first_of_equals_and_nan()
  for n = 1, 3 do
    local x = torch.ones(1, 1, table.unpack({ 4, 4, 4 }, 1, n))
    local name = "maxPool" .. n .. "d"
    local _, at = F[name](x, 2, { returnIndices = true })
    tester:eq(at:view(-1)[1], 1, name)
    local _, all = F["adaptiveMaxPool" .. n .. "d"](x, 1, { returnIndices = true })
    tester:eq(all:view(-1)[1], 1, name)
    x:view(-1)[2] = 0 / 0
    tester:assert(F[name](x, 2):ne(F[name](x, 2)):any(), name .. ": NaN wins")
    local y = F["adaptiveMaxPool" .. n .. "d"](x, 1)
    tester:assert(y:item() ~= y:item(), name .. ": NaN wins, adaptive")
  end
end

-- The first of the largest in rows r0 .. r1 and columns c0 .. c1 of a table x; of NaN the last.
local function largest_of(x, r0, r1, c0, c1)
  local best, at
  for i = r0, r1 do
    for j = c0, c1 do
      local v = x[i][j]
      if best == nil or v > best or v ~= v then best, at = v, (i - 1) * #x[1] + j end
    end
  end
  return best, at
end

-- How many of m x n adaptive windows of a plane do not have that maximum and place.
local function wrong_windows(plane, most, places)
  local h, w, m, n, wrong = #plane, #plane[1], #most, #most[1], 0
  for r = 1, m do
    for c = 1, n do
      local best, at = largest_of(plane, (r - 1) * h // m + 1, (r * h + m - 1) // m, (c - 1) * w // n + 1,
        (c * w + n - 1) // n)
      local got = most[r][c]
      local same = got == best or got ~= got and best ~= best
      if not same or places[r][c] ~= at then wrong = wrong + 1 end
    end
  end
  return wrong
end

-- Planes with equals, with NaN, and of nothing but -infinity.
function tests.adaptive_maxima_beside_a_loop()
  for _, sizes in ipairs { { 11, 9 }, { 7, 40 }, { 40, 6 }, { 1, 33 }, { 5, 1 } } do
    local h, w = table.unpack(sizes)
    local x = torch.Tensor(5, h, w):random(-3, 3)
    x[3]:add(torch.randn(h, w))
    x[4]:view(-1):indexFill(1, torch.LongTensor { 1, h * w // 2 + 1, h * w }, 0 / 0)
    x[5]:fill(-math.huge)
    for _, out in ipairs { { 3, 3 }, { h, 3 }, { 3, w }, { 1, 2 }, { h, w }, { 4, 5 } } do
      local m, n = math.min(out[1], h), math.min(out[2], w)
      for _, dtype in ipairs { "float32", "float64", "float16" } do
        local planes = x:to(dtype)
        local y, at = F.adaptiveMaxPool2d(planes, { m, n }, { returnIndices = true })
        for p = 1, 5 do
          local plane, most = planes[p]:double():totable(), y[p]:double():totable()
          tester:eq(wrong_windows(plane, most, at[p]:totable()), 0,
            ("%dx%d to %dx%d, %s, plane %d"):format(h, w, m, n, dtype, p))
        end
      end
    end
  end
end

function tests.classic_unpooling()
  for _, set in ipairs {
    { nn.SpatialMaxPooling(2, 3), nn.SpatialMaxUnpooling, { 2, 3, 6, 4 } },
    { nn.SpatialMaxPooling(2, 2, 2, 2, 1, 1):ceil(), nn.SpatialMaxUnpooling, { 3, 5, 5 } },
    { nn.VolumetricMaxPooling(2, 2, 2), nn.VolumetricMaxUnpooling, { 2, 3, 4, 6, 4 } },
  } do
    local pooling, x = set[1], torch.rand(table.unpack(set[3])):add(1)
    local unpooling = set[2](pooling)
    local y = pooling:forward(x)
    local back = unpooling:forward(y)
    tester:eq(back.shape, x.shape)
    tester:eq(pooling.indices.shape, y.shape)
    tester:assert(unpooling.indices == pooling.indices)
    tester:eq(back:sum(), y:sum(), 1e-3)
    tester:eq(torch.cmul(back, back:gt(0):float()), torch.cmul(x, back:gt(0):float()), 0)
    local g = torch.randn(table.unpack(back.shape))
    local gy = unpooling:backward(y, g)
    tester:eq(gy.shape, y.shape)
    tester:eq(torch.cmul(gy, y):sum(), torch.cmul(g, back):sum(), 1e-3)
    local model = nn.Sequential():add(pooling):add(unpooling)
    tester:eq(model:forward(x), back, 0)
    tester:eq(model:backward(x, torch.onesLike(back)), back:gt(0):float(), 0)
    tester:eq(model:clone():forward(x), back, 0)
    pooling:clearState()
    tester:eq(pooling.indices:nElement(), 0)
  end
end

function tests.regions_stay_when_fixed()
  local x = torch.randn(2, 3, 20, 20)
  local m = nn.SpatialFractionalMaxPooling(2, 2, 0.6, 0.6)
  local y = m:forward(x):clone()
  tester:assert((m:forward(x) - y):abs():max() > 0, "new ones each time")
  m:fixPoolingRegions()
  y = m:forward(x):clone()
  tester:eq(m:forward(x), y, 0)
  tester:eq(y.shape, { 2, 3, 12, 12 })
  m:fixPoolingRegions(false)
  tester:assert((m:forward(x) - y):abs():max() > 0, "new ones again")
  local modern = nn.FractionalMaxPool3d(2, { outputSize = { 2, 3, 4 } })
  tester:eq(modern:forward(torch.randn(1, 5, 5, 5)).shape, { 1, 2, 3, 4 })
end

-- ---- odd inputs ------------------------------------------------------------------------------------

function tests.half_types()
  local x = torch.randn(2, 2, 6, 6, 6)
  local functions = {
    function(t) return F.maxPool3d(t, 2) end, function(t) return F.avgPool3d(t, 2) end,
    function(t) return F.maxPool2d(t[1], 2) end, function(t) return F.avgPool2d(t[1], 3) end,
    function(t) return F.maxPool1d(t[1][1], 2) end, function(t) return F.avgPool1d(t[1][1], 2) end,
    function(t) return F.adaptiveMaxPool3d(t, 4) end, function(t) return F.adaptiveAvgPool3d(t, 4) end,
    function(t) return F.lpPool2d(t[1], 2, 2) end,
    function(t) return F.interpolate(t, { size = 4, mode = "trilinear" }) end,
  }
  for _, dtype in ipairs { "float16", "bfloat16" } do
    local half = x:to(dtype)
    for i, f in ipairs(functions) do
      local leaf = half:clone():requireGrad()
      local y = f(leaf)
      tester:eq(y.dtype, dtype, "function " .. i)
      local want = f(half:float()):to(dtype):float()
      tester:eq(y:detach():float(), want, dtype == "float16" and 4e-3 or 4e-2, "function " .. i)
      y:sum():backward()
      tester:eq(leaf.grad.dtype, dtype, "function " .. i)
    end
  end
end

function tests.empty_batches()
  for n = 1, 3 do
    local x = torch.zeros(0, 2, table.unpack({ 4, 4, 4 }, 1, n))
    local out = { 0, 2, table.unpack({ 2, 2, 2 }, 1, n) }
    local function check(name, y) tester:eq(y.shape, out, name .. " " .. n) end
    for _, name in ipairs { "maxPool", "avgPool", "adaptiveMaxPool", "adaptiveAvgPool" } do
      local leaf = x:clone():requireGrad()
      local y = F[name .. n .. "d"](leaf, 2)
      check(name, y)
      y:sum():backward()
      tester:eq(leaf.grad.shape, x.shape, name .. " " .. n)
    end
    check("interpolate", F.interpolate(x, { size = 2 }))
    check("lpPool", F["lpPool" .. n .. "d"](x, 2, 2))
    if n > 1 then check("fractional", F["fractionalMaxPool" .. n .. "d"](x, 2, { outputSize = 2 })) end
    local y, at = F["maxPool" .. n .. "d"](x, 2, { returnIndices = true })
    tester:eq(F["maxUnpool" .. n .. "d"](y, at, 2).shape, x.shape)
  end
end

function tests.zero_sums_have_no_slope()
  local x = torch.zeros(4):double():requireGrad()
  nn.FeatureLPPooling(2, 1, 2)(x):sum():backward()
  tester:eq(x.grad, torch.zeros(4):double(), 0)
end

function tests.large_images_use_the_same_windows()
  -- Wide enough for several of the chunks that kernels work in.
  local x = torch.randn(1, 2, 9, 1100):double()
  local y = F.maxPool2d(x, { 2, 3 }, { stride = { 1, 2 }, padding = { 1, 2 }, dilation = { 3, 2 } })
  for _ = 1, 200 do
    local r, q = torch.random(1, y:size(3)), torch.random(1, y:size(4))
    local most = -math.huge
    for i = 0, 1 do
      for j = 0, 2 do
        local row, column = r - 1 + 3 * i, 2 * (q - 1) - 1 + 2 * j
        if row >= 1 and row <= 9 and column >= 1 and column <= 1100 then
          most = math.max(most, x[1][2][row][column])
        end
      end
    end
    tester:eq(y[1][2][r][q], most, 0)
  end
end

-- ---- mistakes --------------------------------------------------------------------------------------

function tests.mistakes()
  local function refused(wanted, f, ...)
    local ok, why = pcall(f, ...)
    tester:assert(not ok, wanted)
    tester:assert(tostring(why):find(wanted, 1, true) ~= nil, ("'%s' in: %s"):format(wanted, tostring(why)))
  end
  local x = torch.randn(1, 2, 4, 4)
  local volume = torch.randn(1, 2, 4, 4, 4)
  refused("a window of 5 does not fit into an input of 4", F.maxPool1d, x[1], 5)
  refused("does not fit into input 1x2x4x4", F.maxPool2d, x, 5)
  refused("a window of 5x5x5 does not fit into an input of 4x4x4", F.maxPool3d, volume, 5)
  refused("a window of 5x5x5 does not fit", F.avgPool3d, volume, 5)
  refused("nn.functional.maxPool3d: the input is of 1x2x4x4x4x1, wanted 4 or 5 dimensions", F.maxPool3d,
    volume:view(1, 2, 4, 4, 4, 1), 2)
  refused("padding 2, wanted at most half the window of 2", F.maxPool1d, x[1], 2, { padding = 2 })
  refused("padding", F.maxPool2d, x, 2, { padding = 2 })
  refused("the stride is 0, wanted a whole number of at least 1, or a table of 2", F.maxPool2d, x, 2,
    { stride = 0 })
  refused("there is no option 'strides'", F.maxPool2d, x, 2, { strides = 1 })
  refused("nn.functional.maxPool1d: the input is a number", F.maxPool1d, 3, 2)
  refused("the window is a table of 3", F.maxPool2d, x, { 2, 2, 2 })
  refused("divisorOverride is 0", F.avgPool2d, x, 2, { divisorOverride = 0 })
  refused("does not fit", F.maxPool2d, torch.randn(1, 1, 1), 2, { padding = 1, dilation = 3 })
  refused("wanted either outputSize or outputRatio", F.fractionalMaxPool2d, x, 2, {})
  refused("4 windows of 2 do not fit into 4 places", F.fractionalMaxPool2d, x, 2, { outputSize = 4 })
  refused("a ratio of 0.1 leaves nothing", F.fractionalMaxPool2d, x, 2, { outputRatio = 0.1 })
  refused("wanted 2 for each of 2 planes", F.fractionalMaxPool2d, x, 2,
    { outputSize = 2, randomSamples = torch.rand(3, 2) })
  refused("the output size is 0", F.adaptiveMaxPool2d, x, 0)
  refused("nothing to pool", F.adaptiveAvgPool2d, torch.zeros(1, 2, 0, 4), 1)
  refused("wanted a tensor of the input's 1x2x4x4", F.maxUnpool2d, x, torch.LongTensor { 1 }, 2)
  local places = x:long():fill(65)
  refused("an output size of 20, wanted about 8", F.maxUnpool2d, x, places, 2, { outputSize = { 20, 8 } })
  refused("65", F.maxUnpool2d, x, places, 2)
  refused("there is no mode 'cubic'", F.interpolate, x, { size = 2, mode = "cubic" })
  refused("mode 'linear' is for inputs of 3 dimensions, this is of 1x2x4x4", F.interpolate, x,
    { size = 2, mode = "linear" })
  refused("wanted either size or scaleFactor", F.interpolate, x, {})
  refused("alignCorners is not for mode 'nearest'", F.interpolate, x, { size = 2, alignCorners = true })
  refused("the scale factor is -1", F.interpolate, x, { scaleFactor = -1 })
  refused("leaves nothing", F.interpolate, x, { scaleFactor = 0.1 })
  refused("with a grid of 1x2x2", F.gridSample, x, torch.zeros(1, 2, 2))
  refused("there is no padding mode 'wrap'", F.gridSample, x, torch.zeros(1, 2, 2, 2),
    { paddingMode = "wrap" })
  refused("theta is 1x2x2, wanted a tensor of 1x2x3", F.affineGrid, torch.zeros(1, 2, 2), { 1, 1, 2, 2 })
  refused("nn.MaxPool2d: there is no option 'strides'", nn.MaxPool2d, 2, { strides = 1 })
  refused("nn.FeatureLPPooling: width is 17", nn.FeatureLPPooling, 17, 1, 2)
  refused("got a nn.Tanh", nn.SpatialMaxUnpooling, nn.Tanh())
  refused("not as far apart", nn.SpatialMaxUnpooling, nn.SpatialMaxPooling(3, 3, 2, 2))
  refused("the pooling module has not run", function()
    nn.SpatialMaxUnpooling(nn.SpatialMaxPooling(2, 2)):forward(x)
  end)
  refused("has fewer than 5 frames", function()
    nn.TemporalDynamicKMaxPooling(5):forward(torch.zeros(3, 2))
  end)
  refused("mode 'nearest' wants a scale", nn.UpSampling, { owidth = 2, oheight = 2 })
  refused("a volume's odepth is missing", function()
    nn.UpSampling({ owidth = 2, oheight = 2 }, "linear"):forward(volume)
  end)
  refused("scale is 1.5", nn.SpatialUpSamplingNearest, 1.5)
  refused("wanted either size or scaleFactor", nn.Upsample, {})
  refused("the ratio is 2", nn.SpatialFractionalMaxPooling, 2, 2, 0.5, 2)
  refused("int64", F.maxPool3d, volume:long(), 2)
end

tester:add(tests):run()
