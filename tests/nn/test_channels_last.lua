-- test_channels_last: images whose channels are innermost in memory: values, gradients, orders.
local torch = require "torch"
local nn = require "nn"
local F = nn.functional

local tester = torch.Tester()
local tests = torch.TestSuite()

local LAST = "channelsLast"
local on_cuda = torch.zeros(1).device:find("cuda") ~= nil

local function only_last(t) return t:isContiguous(LAST) and not t:isContiguous() end

-- A leaf with the elements of x, in that order.
local function leaf(x, order)
  local t = x:contiguous(order)
  return (t == x and t:clone() or t):detach():requireGrad()
end

-- What f makes of inputs in either order; `keeps`: the result and the first gradient have its order.
local function same(name, f, inputs, keeps, tolerance)
  local results, leaves = {}, {}
  for _, order in ipairs { "contiguous", LAST } do
    local list = {}
    for i, t in ipairs(inputs) do list[i] = t:dim() == 4 and leaf(t, order) or t:clone():requireGrad() end
    leaves[order], results[order] = list, f(table.unpack(list))
  end
  local plain, last = results.contiguous, results[LAST]
  tester:eq(last:detach():double(), plain:detach():double(), tolerance, name)
  tester:assert(plain:isContiguous(), name .. ": plain stays plain")
  if keeps and on_cuda then tester:assert(only_last(last), name .. ": the result's order") end
  local g = torch.randn(plain.shape):to(plain.dtype)
  plain:backward(g)
  last:backward(last:isContiguous(LAST) and g:contiguous(LAST) or g)
  for i, t in ipairs(leaves[LAST]) do
    local want = leaves.contiguous[i].grad
    tester:eq(t.grad:double(), want:double(), tolerance * 10, name .. ": gradient " .. i)
    tester:eq(only_last(t.grad), only_last(t:detach()), name .. ": the order of gradient " .. i)
  end
end

-- Inputs in each type; of halves roundings are allowed for.
local function each_type(body)
  body("float32", 1e-4)
  body("float64", 1e-9)
  body("float16", 2e-2)
  body("bfloat16", 2e-1)
end

function tests.orders()
  local x = torch.randn(2, 3, 4, 5)
  local y = x:contiguous(LAST)
  tester:eq(y, x)
  tester:eq({ y:stride(1), y:stride(2), y:stride(3), y:stride(4) }, { 60, 1, 15, 3 })
  tester:assert(y:isContiguous("channels_last") and not y:isContiguous())
  tester:assert(not x:isContiguous(LAST))
  tester:assert(y:contiguous(LAST) == y, "itself")
  tester:assert(y:contiguous():isContiguous())
  tester:assert(torch.zeros(2, 1, 4, 5):isContiguous(LAST), "one channel: both")
  tester:assert(not torch.zeros(2, 3):isContiguous(LAST))
  tester:eq(torch.zeros(0, 3, 4, 5):contiguous(LAST).shape, { 0, 3, 4, 5 })
  tester:eq(y:cpu():double(), x:cpu():double())
  tester:assert(only_last(y:double():cpu()), "across devices")
  tester:assertErrorPattern(function() x[1]:contiguous(LAST) end, "4 dimensions")
  tester:assertErrorPattern(function() x:contiguous("rows") end, "invalid option 'rows'")
end

function tests.elements()
  local x, other = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
  local y = x:contiguous(LAST)
  local channel = torch.randn(3, 1, 1)
  tester:eq(y * 2 + other - channel, x * 2 + other - channel, 1e-6)
  for name, t in pairs { number = y + 1, unary = y:clone():contiguous(LAST):relu(), channel = y + channel,
    cast = y:double(), mixed = y + other,
    compared = torch.gt(y, 0), where = torch.where(torch.gt(y, 0), y, y),
    clamp = torch.clamp(y, 0, 1) } do
    tester:assert(only_last(t), name)
  end
  tester:assert((other + y):isContiguous(), "the first decides")
  tester:assert((torch.randn(3, 4):t() + 1):isContiguous(), "other orders are not kept")
end

function tests.convolution()
  each_type(function(dtype, tolerance)
    local keeps = dtype ~= "float64"
    for _, groups in ipairs { 1, 2 } do
      local x = torch.randn(2, 4, 6, 5):to(dtype)
      local w, b = torch.randn(6, 4 // groups, 3, 2):to(dtype), torch.randn(6):to(dtype)
      same("conv2d " .. dtype, function(a, v, c) return F.conv2d(a, v, c, 2, 1, 1, 1, 1, 1, groups) end,
        { x, w, b }, keeps, tolerance)
      local wt = torch.randn(4, 4 // groups, 3, 2):to(dtype)
      local function transposed(a, v) return F.convTranspose2d(a, v, nil, 2, 1, 1, groups) end
      same("convTranspose2d " .. dtype, transposed, { x, wt }, keeps, tolerance)
    end
    local x, w = torch.randn(2, 4, 6, 5):to(dtype), torch.randn(3, 4, 1, 1):to(dtype)
    same("1x1 " .. dtype, F.conv2d, { x, w }, keeps, tolerance)
  end)
end

-- One of both in the other order.
function tests.mixed()
  local x, w = torch.randn(2, 4, 6, 5), torch.randn(6, 4, 3, 2)
  local want = F.conv2d(x, w)
  for i, pair in ipairs { { leaf(x, LAST), leaf(w) }, { leaf(x), leaf(w, LAST) } } do
    local y = F.conv2d(pair[1], pair[2])
    tester:eq(y:detach(), want, 1e-4)
    tester:eq(only_last(y:detach()), on_cuda, "result " .. i)
    y:sum():backward()
    for k = 1, 2 do tester:eq(only_last(pair[k].grad), only_last(pair[k]:detach()), "gradient " .. i .. k) end
  end
  tester:eq(F.conv2d(x:contiguous(LAST)[1], w), want[1], 1e-4)
end

function tests.pooling()
  each_type(function(dtype, tolerance)
    local x = torch.randn(2, 5, 7, 6):to(dtype)
    local options = { stride = 2, padding = 1 }
    same("maxPool2d " .. dtype, function(t) return F.maxPool2d(t, 3, options) end, { x }, true, tolerance)
    same("avgPool2d " .. dtype, function(t) return F.avgPool2d(t, 3, options) end, { x }, true, tolerance)
    same("global " .. dtype, function(t) return F.avgPool2d(t, { 7, 6 }) end, { x }, false, tolerance)
    same("adaptive " .. dtype, function(t) return F.adaptiveAvgPool2d(t, 3) end, { x }, false, tolerance)
  end)
end

function tests.normalisation()
  each_type(function(dtype, tolerance)
    local x = (torch.randn(3, 5, 4, 6) * 2 + 1):to(dtype)
    local wide = dtype == "float64" and dtype or "float32"
    for _, training in ipairs { true, false } do
      local w, b = torch.rand(5):to(wide), torch.randn(5):to(wide)
      same("batchNorm " .. dtype, function(t, v, c)
        local mean, var = torch.zeros(5):to(wide), torch.ones(5):to(wide)
        return F.batchNorm(t, v, c, mean, var, training, 0.1, 1e-5)
      end, { x, w, b }, true, tolerance)
    end
  end)
end

function tests.derivatives()
  local x, w = torch.randn(2, 2, 4, 4):double(), torch.randn(3, 2, 2, 2):double()
  local function through(t, v)
    local a = t:contiguous(LAST)
    return F.maxPool2d(torch.tanh(F.conv2d(a, v:contiguous(LAST))), 2):sum()
  end
  tester:assert(torch.gradcheck(through, { x:requireGrad(), w:requireGrad() }))
end

local function network()
  return nn.Sequential():add(nn.Conv2d(3, 8, 3, { padding = 1 })):add(nn.BatchNorm2d(8)):add(nn.ReLU())
    :add(nn.MaxPool2d(2)):add(nn.Conv2d(8, 4, 1)):add(nn.Flatten()):add(nn.Linear(4 * 9, 5))
end

function tests.modules()
  local m = network()
  local twin = m:clone()
  local weight, flat = m:get(1).weight, m:getParameters()
  local values = weight:clone()
  tester:assert(m:to { memoryFormat = LAST } == m)
  tester:assert(m:get(1).weight == weight and only_last(weight:detach()), "the same tensor")
  tester:eq(weight:detach(), values:detach())
  local x = torch.randn(2, 3, 6, 6)
  local y, z = m(x:contiguous(LAST)), twin(x)
  tester:eq(y:detach(), z:detach(), 1e-4)
  y:sum():backward()
  z:sum():backward()
  tester:assert(only_last(m:get(1).gradWeight), "its gradient")
  tester:eq(m:get(1).gradWeight, twin:get(1).gradWeight, 1e-3)
  local before = weight:clone():detach()
  flat:mul(2)
  tester:eq(weight:detach(), before * 2, 1e-6, "shared with the flat parameters")
  m:to { memoryFormat = "contiguous" }
  tester:assert(m:get(1).weight:isContiguous())
  tester:eq(weight:detach(), before * 2, 1e-6)
  tester:assertErrorPattern(function() m:to { memoryFormat = "rows" } end, "memory format rows")
end

tester:add(tests):run()
