-- test_half_rows: norms, softmax, cross-entropy, dropout and rotary positions of half types, beside float64
-- on the same numbers: the results are theirs but for a rounding, and so are the gradients.
local torch = require "torch"
local nn = require "nn"

local F = nn.functional
local tester = torch.Tester()
local tests = torch.TestSuite()

-- One rounding to the type, relative to the largest number; sums of halves are of float32 in between.
local places = { float16 = 2 ^ -10, bfloat16 = 2 ^ -7 }

local function near(got, wanted, dtype, what)
  tester:eq(got.dtype, dtype, what)
  got, wanted = got:cpu():double(), wanted:cpu():double()
  if got:nElement() == 0 then return end
  local bound = places[dtype] * math.max(torch.abs(wanted):max(), 1e-3)
  local off = torch.abs(got - wanted):max()
  tester:assert(off <= bound, ("%s of %s: off by %g, at most %g wanted"):format(what, dtype, off, bound))
end

-- f of inputs in a half type, and of the same numbers as float64; its gradients too.
local function check(what, f, ...)
  for dtype in pairs(places) do
    local halves, doubles = {}, {}
    for i, x in ipairs { ... } do
      halves[i] = x:type(dtype):requireGrad()
      doubles[i] = halves[i]:detach():double():requireGrad()
    end
    local y, z = f(table.unpack(halves)), f(table.unpack(doubles))
    near(y:detach(), z:detach(), dtype, what)
    local g = torch.randn(z.shape):type(dtype):to(y.device)
    y:backward(g)
    z:backward(g:double())
    for i, x in ipairs(halves) do near(x.grad, doubles[i].grad, dtype, what .. ", gradient " .. i) end
  end
end

-- Aligned and not, in a warp, in a block, and too long for registers.
local shapes = { { 3, 5 }, { 40, 8 }, { 7, 64 }, { 5, 768 }, { 3, 1001 }, { 2, 8200 }, { 2, 20000 } }

function tests.layer_norm()
  for _, s in ipairs(shapes) do
    local what = ("layer norm of %d x %d"):format(s[1], s[2])
    local x, w, b = torch.randn(s[1], s[2]) + 3, torch.rand(s[2]) + 0.5, torch.randn(s[2])
    check(what, function(y, ...) return F.layerNorm(y, s[2], ...) end, x, w, b)
    check(what .. " by the root", function(y, ...) return F.rmsNorm(y, s[2], ...) end, x, w)
  end
end

function tests.layer_norm_with_float_weights()
  for dtype in pairs(places) do
    local x = torch.randn(4, 64):type(dtype):requireGrad()
    local w, b = (torch.rand(64) + 0.5):requireGrad(), torch.randn(64):requireGrad()
    local xd, wd, bd = x:detach():double(), w:detach():double(), b:detach():double()
    local y = F.layerNorm(x, 64, w, b)
    near(y:detach(), F.layerNorm(xd, 64, wd, bd), dtype, "layer norm with float32 weights")
    y:sum():backward()
    tester:eq({ x.grad.dtype, w.grad.dtype, b.grad.dtype }, { dtype, "float32", "float32" })
    local ok, why = pcall(F.layerNorm, x, 64, w:double(), b)
    tester:assert(not ok and tostring(why):find("but weight is float64", 1, true) ~= nil, tostring(why))
  end
end

function tests.softmax()
  for _, s in ipairs(shapes) do
    local what = ("%d x %d"):format(s[1], s[2])
    local x = torch.randn(s[1], s[2]) * 2
    for dim = 1, 2 do
      check("softmax of " .. what, function(y) return F.softmax(y, dim) end, x)
      check("log softmax of " .. what, function(y) return F.logSoftmax(y, dim) end, x)
    end
  end
end

function tests.cross_entropy()
  for _, s in ipairs(shapes) do
    local x, t = torch.randn(s[1], s[2]) * 2, torch.LongTensor(s[1]):random(1, s[2])
    for _, smoothing in ipairs { 0, 0.25 } do
      check(("cross-entropy of %d x %d"):format(s[1], s[2]), function(y)
        return nn.CrossEntropyLoss({ labelSmoothing = smoothing })(y, t)
      end, x)
    end
  end
end

function tests.second_derivatives()
  for dtype in pairs(places) do
    local w = (torch.rand(16) + 0.5)
    for what, f in pairs {
      ["layer norm"] = function(x) return F.layerNorm(x, 16, w:type(x.dtype), w:type(x.dtype)) end,
      ["cross-entropy"] = function(x) return F.crossEntropy(x, torch.LongTensor { 1, 2, 3 }) end,
      softmax = function(x) return F.softmax(x, 2) end,
    } do
      local grads = {}
      local start = torch.randn(3, 16):type(dtype)
      for i, x in ipairs { start:clone():requireGrad(), start:double():requireGrad() } do
        local y = f(x)
        local g = torch.grad(torch.cmul(y, y):sum(), x, nil, { createGraph = true })
        torch.cmul(g, g):sum():backward()
        grads[i] = x.grad
      end
      local scale = math.max(torch.abs(grads[2]):max(), 1e-3)
      tester:eq(grads[1].dtype, dtype, what)
      tester:eq(grads[1]:cpu():double(), grads[2]:cpu(), 16 * places[dtype] * scale, what)
    end
  end
end

function tests.dropout()
  for dtype in pairs(places) do
    for _, n in ipairs { 1, 7, 64, 1001 } do
      local x = torch.randn(n):type(dtype)
      torch.manualSeed(3)
      local y = F.dropout(x, 0.3)
      torch.manualSeed(3)
      tester:eq(y, F.dropout(x:float(), 0.3):type(dtype), 0, dtype)
    end
  end
end

function tests.rotary()
  for _, e in ipairs { 8, 14 } do
    local layer = nn.RotaryEmbedding(8)
    check("rotary", function(x) return layer(x) end, torch.randn(2, 3, 5, e))
  end
end

tester:add(tests)
tester:run()
