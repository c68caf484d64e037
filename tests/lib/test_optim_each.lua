-- test_optim_each: many tensors in one call: the bits are those of one after the other.
local torch = require "torch"
local nn = require "nn"
local optim = require "optim"
local train = require "train"
local each = require "torch._each"

local tester = torch.Tester()
local tests = torch.TestSuite()

local types = { "float32", "float64", "float16", "bfloat16" }

-- ---- lists -----------------------------------------------------------------------------------------------

-- Of all sizes, one for several threads, some with gaps or turned, more than one batch of them.
local function shapes()
  local list = { {}, { 1 }, { 70001 }, { 3, 0 }, { 4097 }, { 8192 }, { 7, 5, 3 } }
  for i = 1, 140 do list[#list + 1] = { i % 13 + 1, 3 } end
  return list
end

local function random(dtype, ...)
  return torch.randn(...):add(3):to(dtype)
end

local function make(dtype)
  local list = {}
  for i, shape in ipairs(shapes()) do
    list[i] = #shape == 0 and torch.scalar(1.5, dtype) or random(dtype, table.unpack(shape))
  end
  list[#list + 1] = random(dtype, 20, 9):narrow(2, 2, 5)
  list[#list + 1] = random(dtype, 20, 9):t()
  return list
end

local function copies(list)
  local copy = {}
  for i, t in ipairs(list) do copy[i] = t:clone() end
  return copy
end

local function same(a, b, what)
  for i, t in ipairs(a) do
    local equal = torch.equal(t:detach(), b[i]:detach())
    if not equal then return tester:assert(false, what .. ", tensor " .. i) end
  end
  tester:assert(true)
end

local function of_types(...)
  local all = {}
  for _, dtype in ipairs { ... } do
    for i, t in ipairs(make(dtype)) do table.insert(all, i % 2 == 0 and 1 or #all + 1, t) end
  end
  return all
end

-- ---- steps -----------------------------------------------------------------------------------------------

local variants = {
  SGD = { { momentum = 0.9, weightDecay = 0.1 }, { momentum = 0.5, nesterov = true } },
  Adam = { { weightDecay = 0.1, amsgrad = true }, {} },
  AdamW = { {} },
  RMSprop = { { centered = true, momentum = 0.5 } },
  Adagrad = { { lrDecay = 0.5 } },
  Lion = { { weightDecay = 0.1 } },
}

-- Two steps, of which some parameters get only the second.
local function train_on(params, grads, name, options, apart)
  local all = {}
  for i, p in ipairs(params) do params[i] = p:requireGrad() end
  for i = 1, apart and #params or 1 do
    all[i] = optim[name](apart and { params[i] } or params, options):set("lr", 0.01)
  end
  for step = 1, 2 do
    for i, p in ipairs(params) do p.grad = (step == 2 or i % 3 > 0) and grads[i] or nil end
    for _, o in ipairs(all) do o:step() end
  end
end

function tests.steps()
  local params = of_types(table.unpack(types))
  local grads = copies(params)
  for name, list in pairs(variants) do
    for number, options in ipairs(list) do
      local together, apart = copies(params), copies(params)
      train_on(together, grads, name, options, false)
      train_on(apart, grads, name, options, true)
      same(together, apart, name .. "/" .. number)
    end
  end
end

-- What shares elements is changed as often as it is there.
function tests.shared()
  local function run(apart)
    local x = torch.range(1, 30):float()
    local params = { x, x:narrow(1, 1, 10), x, x:narrow(1, 5, 10), x:narrow(1, 20, 5) }
    local o = {}
    for i, p in ipairs(params) do
      params[i] = p:detach():requireGrad()
      params[i].grad = torch.ones(p:size(1))
      if apart then o[i] = optim.SGD({ params[i] }, { lr = 0.5 }) end
    end
    if not apart then o[1] = optim.SGD(params, { lr = 0.5 }) end
    for _, one in ipairs(o) do one:step() end
    return x
  end
  same({ run(false) }, { run(true) }, "shared")
end

-- The parameters are parts of one vector.
function tests.parts_of_a_vector()
  local function run(flat)
    torch.manualSeed(5)
    local net = nn.Sequential():add(nn.Linear(4, 3)):add(nn.Linear(3, 2))
    if flat then net:getParameters() end
    local o = optim.Adam(net:parameters())
    for _ = 1, 3 do
      o:zeroGrad()
      net(torch.ones(5, 4)):sum():backward()
      nn.utils.clipGradNorm(net, 0.5)
      o:step()
    end
    return (net:parameters())
  end
  same(run(true), run(false), "parts of a vector")
end

-- Nothing changes where one of the list does not fit.
function tests.all_or_nothing()
  local fused = require "optim._update"
  local p, q = torch.ones(2), torch.ones(2)
  tester:assertErrorPattern(function()
    fused.sgd({ p, q }, { torch.ones(2), torch.ones(3) }, nil, nil, nil, { 1, 1 }, { lr = 1 })
  end, "update: a gradient has another shape")
  tester:eq(p, torch.ones(2))
end

-- ---- gradients -------------------------------------------------------------------------------------------

function tests.zero()
  local list = of_types(table.unpack(types))
  list[#list + 1] = torch.LongTensor { 1, 2 }
  list[#list + 1] = torch.FloatTensor()
  each.zero(list)
  for i, t in ipairs(list) do
    if t:nElement() > 0 then tester:eq(t:double():abs():sum(), 0, "tensor " .. i) end
  end
  local whole = torch.ones(3, 3)
  each.zero { whole:narrow(2, 2, 1), whole:select(1, 3) }
  tester:eq(whole, torch.Tensor { { 1, 0, 1 }, { 1, 0, 1 }, { 0, 0, 0 } })
  each.zero {}
  tester:assertErrorPattern(function() each.zero { 1 } end, "element 1 is a number")
  tester:assertErrorPattern(function() each.zero { torch.ones(1):expand(2) } end, "zero: .*expanded")
end

-- A gradient that is on the tape is zero there as well, and one that was saved is overwritten.
function tests.zero_and_the_tape()
  local p = torch.ones(2):requireGrad()
  local g = torch.grad({ torch.pow(p, 3):sum() }, { p }, nil, { createGraph = true })
  g = torch.isTensor(g) and g or g[1]
  each.zero { g }
  tester:eq(g.requiresGrad, true)
  local x = torch.ones(2):requireGrad()
  local saved = torch.ones(2)
  local y = torch.cmul(x, saved):sum()
  each.zero { saved }
  tester:assertErrorPattern(function() y:backward() end, "overwritten")
end

function tests.gradients()
  local p, none = torch.ones(2):requireGrad(), torch.ones(1):requireGrad()
  p.grad = torch.Tensor { 3, 4 }
  tester:eq({ each.gradients.has(p), each.gradients.has(none) }, { true, false })
  tester:eq(each.gradients.clip({ none, p }, 10), 5, 1e-6)
  tester:eq(each.gradients.scale({ none, p }, 2, true), true)
  tester:eq(p.grad, torch.Tensor { 6, 8 })
  each.gradients.zero { p, none }
  tester:eq(p.grad, torch.zeros(2))
  tester:eq(p:sum():item(), 2)
  local fused = require "optim._update"
  tester:assertErrorPattern(function() fused.sgd({ p, none }, nil, nil, nil, nil, { 1, 1 }, { lr = 1 }) end,
    "parameter 2 has no gradient")
end

function tests.zero_of_modules()
  local net = nn.Sequential():add(nn.Linear(3, 2)):add(nn.Concat(2):add(nn.Linear(2, 2)))
  local _, grads = net:parameters()
  for _, g in ipairs(grads) do g:fill(1) end
  net:zeroGradParameters()
  for _, g in ipairs(grads) do tester:eq(g:sum(), 0) end
  local own = nn.Linear(1, 1)
  local called = 0
  function own.zeroGradParameters() called = called + 1 end
  own.gradWeight:fill(1)
  nn.Sequential():add(own):zeroGradParameters()
  tester:eq({ called, own.gradWeight:sum() }, { 1, 1 })
end

function tests.scale()
  for _, dtype in ipairs { "float32", "float64" } do
    local list = make(dtype)
    local expected = copies(list)
    for _, t in ipairs(expected) do t:mul(0.3) end
    each.scale(list, 0.3)
    same(list, expected, dtype)
  end
  local halves = { torch.HalfTensor { 3, 6 } }
  each.scale(halves, 1 / 3)
  tester:eq(halves[1]:double(), torch.DoubleTensor { 1, 2 })
end

function tests.unscale()
  local scaler = train.GradScaler { scale = 4 }
  local params = of_types(table.unpack(types))
  for i, p in ipairs(params) do
    params[i] = p:requireGrad()
    p.grad = p:detach():clone()
  end
  params[3].grad = nil
  tester:eq(scaler:unscale(params, 2), true)
  for i, p in ipairs(params) do
    if p.grad then tester:assert(torch.equal(p.grad, p:detach():div(8)), "tensor " .. i) end
  end
  for _, bad in ipairs { 0 / 0, math.huge, -math.huge } do
    for _, i in ipairs { 1, 2, #params } do
      local grad = params[i].grad
      if grad:nElement() > 0 then
        local kept = grad:clone()
        grad:fill(bad)
        tester:eq(scaler:unscale(params), false, ("%g in tensor %d"):format(bad, i))
        grad:copy(kept)
      end
    end
  end
  tester:eq(scaler:unscale(params), true)
  tester:eq(scaler:unscale({}), true)
end

-- What rounds to infinity is not finite.
function tests.unscale_bounds()
  for dtype, most in pairs { float16 = 65504, bfloat16 = 0x1.fep127, float32 = 0x1.fffffep127 } do
    local t = torch.DoubleTensor { 1, -most / 2 }:to(dtype)
    tester:eq(each.scale({ t }, 2, true), true, dtype)
    tester:eq(each.scale({ t }, 2, true), false, dtype)
  end
  local near = torch.HalfTensor { 32752 }
  tester:eq(each.scale({ near }, 2.0001, true), true)
  near:fill(32752)
  tester:eq(each.scale({ near }, 2.0005, true), false)
end

function tests.clip()
  local list = of_types(table.unpack(types))
  local expected, sum = copies(list), 0
  for _, t in ipairs(list) do if t:nElement() > 0 then sum = sum + t:double():norm() ^ 2 end end
  tester:eq(each.clip(list, 1e9), math.sqrt(sum), 1e-12 * math.sqrt(sum) + 1e-9)
  same(list, expected, "not clipped")
  local before = each.clip(list, 2)
  for i, t in ipairs(expected) do
    if t.dtype == "float64" then t:mul(2 / (before + 1e-6)) else expected[i] = list[i] end
  end
  same(list, expected, "clipped")
  tester:eq(each.clip(list, 2), 2, 1e-2) -- float16
  tester:eq(each.clip(list, 2, true), nil)
  tester:eq(each.clip({}, 2), 0)
  tester:eq(each.clip({ torch.Tensor() }, 2), 0)
  tester:eq(each.clip({ torch.LongTensor { 3 } }, 2), false)
  local bad = { torch.ones(2), torch.Tensor { 0 / 0 } }
  local norm = each.clip(bad, 1)
  tester:assert(norm ~= norm)
  tester:eq(bad[1], torch.ones(2))
  local huge = { torch.HalfTensor(100):fill(60000) }
  tester:eq(each.clip(huge, 10), 600000, 1000)
  tester:eq(huge[1]:double():norm(), 10, 0.1)
end

-- ---- averages --------------------------------------------------------------------------------------------

function tests.averages()
  local params = of_types(table.unpack(types))
  local average = optim.EMA(params, { decay = 0.9 })
  local expected = copies(params)
  for _ = 1, 2 do
    for i, p in ipairs(params) do
      p:mul(1.5)
      expected[i]:lerp(p, 1 - 0.9)
    end
    average:update()
  end
  same(average.averages, expected, "averages")
  local moved = optim.EMA({ torch.zeros(2) }, { decay = 0.5 })
  moved.params[1] = torch.DoubleTensor { 1, 2 }
  moved:update()
  tester:eq(moved.averages[1], torch.FloatTensor { 0.5, 1 })
  tester:assertErrorPattern(function() each.average({ torch.ones(2) }, {}, 1) end, "as many")
  tester:assertErrorPattern(function() each.average({ torch.ones(2) }, { torch.ones(3) }, 1) end,
    "lerp: a value has another shape")
end

tester:add(tests):run()
