-- test_torch7: the operators and argument forms that Torch7 has beyond the core, each against a plain
-- computation here, with gradients where there are any; and the `th` name's own behaviour.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- ---- helpers ----------------------------------------------------------------------------------

-- Numbers without a pattern in -1..1, as doubles.
local function values(seed, ...)
  local x = torch.DoubleTensor(...)
  local i = 0
  return x:apply(function()
    i = i + 1
    local u = math.sin(12.9898 * i + 78.233 * seed) * 43758.5453
    return 2 * (u - math.floor(u)) - 1
  end)
end

local function leaf(seed, ...)
  local x = values(seed, ...)
  x.requiresGrad = true
  return x
end

local function same(a, b, eps)
  tester:assertTableEq(a:size():totable(), b:size():totable())
  tester:assert((a:double() - b:double()):abs():max() <= (eps or 1e-12))
end

local function differentiable(name, f, ...)
  local ok, why = torch.gradcheck(f, { ... }, { second = true, atol = 1e-4 })
  tester:assert(ok, name .. ": " .. tostring(why))
end

local function fails(f, pattern)
  local ok, message = pcall(f)
  tester:assert(not ok)
  tester:assert(tostring(message):find(pattern) ~= nil, tostring(message))
end

-- ---- by rank ----------------------------------------------------------------------------------

function tests.kthvalue()
  local x = values(1, 4, 5, 6)
  for dim = 1, 3 do
    local sorted, places = torch.sort(x, dim)
    for k = 1, x:size(dim) do
      local v, p = torch.kthvalue(x, k, dim)
      same(v, sorted:narrow(dim, k, 1), 0)
      same(p, places:narrow(dim, k, 1), 0)
    end
  end
  local v, p = torch.DoubleTensor(), torch.LongTensor()
  torch.kthvalue(v, p, x:transpose(1, 3), 2)
  local sorted, places = torch.sort(x:transpose(1, 3):contiguous(), 3)
  same(v, sorted:narrow(3, 2, 1), 0)
  same(p, places:narrow(3, 2, 1), 0)
  tester:eq(torch.kthvalue(torch.IntTensor { 5, 1, 3 }, 2)[1], 3)
  fails(function() torch.kthvalue(x, 7) end, "element 7 of a dimension of 6")
  fails(function() torch.kthvalue(x, 0) end, "element 0")
end

function tests.median_is_the_lower_middle()
  tester:eq(torch.median(torch.Tensor { 9, 1, 5 })[1], 5)
  local v, p = torch.median(torch.Tensor { 9, 1, 5, 3 })
  tester:eq(v[1], 3)
  tester:eq(p[1], 4)
  local rows = values(2, 3, 8)
  same(torch.median(rows, 1), (torch.sort(rows, 1)):narrow(1, 2, 1), 0)
end

function tests.mode_is_the_smallest_of_the_most_frequent()
  local v, p = torch.mode(torch.Tensor { { 1, 2, 2, 3, 3 }, { 7, 7, 7, 1, 1 }, { 5, 4, 3, 2, 1 } })
  same(v, torch.Tensor { { 2 }, { 7 }, { 1 } }, 0)
  same(p, torch.LongTensor { { 3 }, { 3 }, { 5 } }, 0)
  v, p = torch.mode(torch.ByteTensor { { 1, 2 }, { 1, 3 }, { 0, 3 } }, 1)
  same(v, torch.ByteTensor { { 1, 3 } }, 0)
  same(p, torch.LongTensor { { 2, 3 } }, 0)
  tester:eq(torch.mode(torch.Tensor { 4 })[1], 4)
  fails(function() torch.mode(torch.Tensor(0, 3), 1) end, "no elements")
end

function tests.topk()
  local x = values(3, 3, 7)
  local v, p = torch.topk(x, 2, 2, true)
  same(v, (torch.sort(x, 2, true)):narrow(2, 1, 2), 0)
  same(x:gather(2, p), v, 0)
  same((x:topk(3)), (torch.sort(x, 2)):narrow(2, 1, 3), 0)
  fails(function() x:topk(8) end, "8 elements of a dimension of 7")
end

function tests.rank_gradients()
  differentiable("kthvalue", function(x) return (torch.kthvalue(x, 2, 1)) end, leaf(4, 4, 3))
  differentiable("median", function(x) return (torch.median(x)) end, leaf(5, 3, 4))
  differentiable("mode", function(x) return (torch.mode(x)) end, leaf(6, 3, 4))
  differentiable("topk", function(x) return (torch.topk(x, 2, 1, true)) end, leaf(7, 4, 3))
end

-- ---- matrices ---------------------------------------------------------------------------------

function tests.triangles()
  local x = values(1, 2, 4, 5)
  for k = -5, 6 do
    local low, high = torch.tril(x, k), torch.triu(x, k)
    for b = 1, 2 do
      for i = 1, 4 do
        for j = 1, 5 do
          tester:eq(low[b][i][j], j <= i + k and x[b][i][j] or 0)
          tester:eq(high[b][i][j], j >= i + k and x[b][i][j] or 0)
        end
      end
    end
  end
  local res = torch.DoubleTensor()
  same(torch.tril(res, x), torch.tril(x), 0)
  same(res, torch.tril(x), 0)
  local nan = torch.triu(torch.Tensor { { 1, 2 }, { 0 / 0, 4 } })
  tester:eq(nan[2][1], 0)
  fails(function() torch.tril(torch.Tensor(3)) end, "a matrix is wanted, got shape 3")
  differentiable("tril", function(m) return torch.tril(m, -1) end, leaf(2, 3, 3))
  differentiable("triu", function(m) return torch.triu(m, 1) end, leaf(2, 3, 3))
end

function tests.diag_and_trace()
  local x = values(1, 3, 3)
  local res = torch.DoubleTensor()
  torch.diag(res, x, 1)
  same(res, torch.DoubleTensor { x[1][2], x[2][3] }, 0)
  same(torch.diag(torch.DoubleTensor { 1, 2 }, -1),
    torch.DoubleTensor { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 2, 0 } }, 0)
  tester:assert(math.abs(torch.trace(x) - torch.diag(x):sum()) < 1e-15)
  differentiable("diag", function(v) return torch.diag(v) end, leaf(2, 3))
  differentiable("trace", function(m) return torch.trace(m) end, leaf(2, 3, 3))
end

function tests.addbmm()
  local a, b, c = values(1, 3, 2, 4), values(2, 3, 4, 5), values(3, 2, 5)
  local sum = torch.bmm(a, b):sum(1):view(2, 5)
  same(torch.addbmm(c, a, b), c + sum)
  same(torch.addbmm(0.5, c, 2, a, b), c * 0.5 + sum * 2)
  local d = c:clone():addbmm(a, b)
  same(d, c + sum)
  same(c:clone():addbmm(2, a:transpose(1, 1), b), c * 2 + sum)
  fails(function() torch.addbmm(c, b, a) end, "do not match")
  differentiable("addbmm", function(x, y) return torch.addbmm(torch.zeros(2, 2):double(), x, y) end,
    leaf(1, 2, 2, 3), leaf(2, 2, 3, 2))
end

function tests.cross()
  local a, b = torch.Tensor { 1, 0, 0 }, torch.Tensor { 0, 1, 0 }
  same(torch.cross(a, b), torch.Tensor { 0, 0, 1 }, 0)
  local x, y = values(1, 2, 3, 3), values(2, 2, 3, 3)
  local z, res = torch.cross(x, y), torch.DoubleTensor()
  same(torch.cross(res, x, y, 2), z, 0)
  tester:assert(torch.cmul(z, x):sum(2):abs():max() < 1e-14)
  same(x:cross(y, 3), x:transpose(2, 3):cross(y:transpose(2, 3), 2):transpose(2, 3))
  fails(function() torch.cross(torch.Tensor(2), torch.Tensor(2)) end, "no dimension of size 3")
  differentiable("cross", function(u, v) return torch.cross(u, v) end, leaf(1, 3), leaf(2, 3))
end

function tests.match()
  local a, b = values(1, 3, 4), values(2, 2, 4)
  local d = torch.match(a, b, 0.5)
  for i = 1, 3 do
    for j = 1, 2 do tester:assert(math.abs(d[i][j] - torch.dist(a[i], b[j]) ^ 2 / 2) < 1e-12) end
  end
end

function tests.renorm()
  local x = values(1, 3, 4, 2)
  for dim = 1, 3 do
    local y = torch.renorm(x, 2, dim, 0.8)
    for i = 1, x:size(dim) do
      local before, after = x:select(dim, i), y:select(dim, i)
      local norm = before:norm()
      same(after, before * (norm > 0.8 and 0.8 / norm or 1), 1e-6)
    end
  end
  local z = x:clone()
  tester:assert(rawequal(z:renorm(1, 2, 1), z))
  same(z, torch.renorm(x, 1, 2, 1), 0)
  differentiable("renorm", function(m) return torch.renorm(m, 2, 1, 1) end, leaf(2, 3, 4))
end

-- ---- counting, lines --------------------------------------------------------------------------

function tests.histc()
  same(torch.histc(torch.Tensor { 2, 4, 2, 2, 5, 4, 9, -1 }, 5, 1, 5), torch.Tensor { 0, 3, 0, 2, 1 }, 0)
  same(torch.histc(torch.IntTensor { 0, 1, 2, 3 }, 2), torch.IntTensor { 2, 2 }, 0)
  same(torch.histc(torch.Tensor { 7, 7 }, 2), torch.Tensor { 0, 2 }, 0)
  same(torch.histc(torch.Tensor { 1, 0 / 0, 2 }, 2, 1, 2), torch.Tensor { 1, 1 }, 0)
  tester:eq(torch.histc(values(1, 1000)):nElement(), 100)
  tester:eq(torch.histc(values(1, 10, 10, 10), 7):sum(), 1000)
  local res = torch.Tensor()
  torch.bhistc(res, torch.Tensor { { 1, 2, 3 }, { 3, 3, 3 } }, 3, 1, 3)
  same(res, torch.Tensor { { 1, 1, 1 }, { 0, 0, 3 } }, 0)
  fails(function() torch.bhistc(torch.Tensor(3)) end, "a matrix is wanted")
  fails(function() torch.histc(torch.Tensor(3), 2, 3, 1) end, "bins from 3 to 1")
end

function tests.lines_keep_the_shape_of_their_result()
  local x = torch.zeros(2, 3)
  x:narrow(2, 2, 2):range(0, 3)
  same(x, torch.Tensor { { 0, 0, 1 }, { 0, 2, 3 } }, 0)
  x:narrow(2, 2, 2):linspace(3, 0, 4)
  same(x, torch.Tensor { { 0, 3, 2 }, { 0, 1, 0 } }, 1e-6)
  x:narrow(2, 2, 2):logspace(0, 3, 4)
  same(x, torch.Tensor { { 0, 1, 10 }, { 0, 100, 1000 } }, 1e-3)
  same(torch.logspace(1, -1, 3), torch.Tensor { 10, 1, 0.1 }, 1e-6)
  tester:eq(x:range(1, 4):dim(), 1)
end

-- ---- correlation ------------------------------------------------------------------------------

-- The sum over kernel places, number by number; a place outside x counts as zero.
local function reference2(x, k, full, convolve)
  local h, w, m, n = x:size(1), x:size(2), k:size(1), k:size(2)
  local oh, ow = full and h + m - 1 or h - m + 1, full and w + n - 1 or w - n + 1
  local shift, y = full and 1 or 0, torch.DoubleTensor(oh, ow):zero()
  for i = 1, oh do
    for j = 1, ow do
      local sum = 0
      for p = 1, m do
        for q = 1, n do
          local r, s = i + p - 1 - shift * (m - 1), j + q - 1 - shift * (n - 1)
          if r >= 1 and r <= h and s >= 1 and s <= w then
            local weight = convolve and k[m + 1 - p][n + 1 - q] or k[p][q]
            sum = sum + x[r][s] * weight
          end
        end
      end
      y[i][j] = sum
    end
  end
  return y
end

function tests.correlation_in_two_dimensions()
  local x, k = values(1, 7, 6), values(2, 3, 2)
  same(torch.xcorr2(x, k), reference2(x, k))
  same(torch.xcorr2(x, k, "F"), reference2(x, k, true))
  same(torch.conv2(x, k, "V"), reference2(x, k, false, true))
  same(torch.conv2(x, k, "F"), reference2(x, k, true, true))
  same(torch.conv2(k, x, "F"), reference2(k, x, true, true))
  same(torch.conv2(x:t(), k:t()), reference2(x:t(), k:t(), false, true))
  local res = torch.DoubleTensor()
  torch.conv2(res, x, k, "F")
  same(res, reference2(x, k, true, true))
  same(torch.xcorr2(torch.IntTensor { { 1, 2, 3 } }, torch.IntTensor { { 1, 10 } }),
    torch.IntTensor { { 21, 32 } }, 0)
  same(torch.xcorr2(x:half(), k:half()), reference2(x, k), 5e-3)
end

function tests.correlation_of_several_signals()
  local x, each, all = values(1, 2, 6, 5), values(2, 2, 3, 3), values(3, 4, 2, 3, 3)
  local y = torch.conv2(x, each)
  for p = 1, 2 do same(y[p], reference2(x[p], each[p], false, true)) end
  for _, extent in ipairs { "V", "F" } do
    local z = torch.xcorr2(x, all, extent)
    for q = 1, 4 do
      same(z[q], reference2(x[1], all[q][1], extent == "F") + reference2(x[2], all[q][2], extent == "F"))
    end
  end
end

function tests.correlation_in_three_dimensions()
  local x, k = values(1, 4, 5, 6), values(2, 2, 3, 2)
  local valid, full = torch.xcorr3(x, k), torch.conv3(x, k, "F")
  for i = 1, 3 do
    same(valid[i], reference2(x[i], k[1]) + reference2(x[i + 1], k[2]))
  end
  local want = torch.DoubleTensor(5, 7, 7):zero()
  for i = 1, 4 do
    for j = 1, 2 do want[i + j - 1]:add(reference2(x[i], k[j], true, true)) end
  end
  same(full, want)
end

function tests.correlation_refuses()
  fails(function() torch.conv2(torch.Tensor(2, 2), torch.Tensor(3, 3)) end, "does not fit")
  fails(function() torch.conv2(torch.Tensor(2), torch.Tensor(3, 3)) end, "2 dimensions each")
  fails(function() torch.conv2(torch.zeros(2, 4, 4), torch.zeros(3, 2, 2)) end, "shape 2x4x4")
  fails(function() torch.conv2(torch.Tensor(4, 4), torch.Tensor(3, 3), "X") end, "invalid option")
end

function tests.correlation_gradients()
  local x, k = leaf(1, 4, 3), leaf(2, 2, 2)
  differentiable("xcorr2", function(a, b) return torch.xcorr2(a, b) end, x, k)
  differentiable("conv2 F", function(a, b) return torch.conv2(a, b, "F") end, x, k)
  differentiable("paired", function(a, b) return torch.conv2(a, b) end, leaf(3, 2, 3, 3), leaf(4, 2, 2, 2))
  differentiable("mixed", function(a, b) return torch.conv2(a, b, "F") end, leaf(5, 2, 3, 2),
    leaf(6, 3, 2, 2, 2))
  differentiable("conv3", function(a, b) return torch.conv3(a, b) end, leaf(7, 2, 3, 3), leaf(8, 2, 2, 1))
end

-- ---- drawing places ---------------------------------------------------------------------------

local function frequencies(places, n)
  local counts = torch.DoubleTensor(n):zero()
  for _, i in ipairs(places:view(-1):totable()) do counts[i] = counts[i] + 1 end
  return counts / places:nElement()
end

function tests.multinomial_with_replacement()
  torch.manualSeed(3)
  local p = torch.DoubleTensor { 1, 0, 5, 2, 0 }
  local drawn = torch.multinomial(p, 40000, true)
  tester:eq(drawn.dtype, "int64")
  same(frequencies(drawn, 5), p / 8, 0.015)
  local rows = torch.multinomial(torch.Tensor { { 1, 0 }, { 0, 1 } }, 50, true)
  same(rows, torch.LongTensor { { 1 }, { 2 } }:expand(2, 50), 0)
end

function tests.multinomial_without_replacement()
  torch.manualSeed(4)
  local p = torch.Tensor { 3, 1, 0, 1 }
  local first = 0
  for _ = 1, 2000 do
    local drawn = torch.multinomial(p, 3):totable()
    if drawn[1] == 1 then first = first + 1 end
    table.sort(drawn)
    tester:assertTableEq(drawn, { 1, 2, 4 })
  end
  tester:assert(math.abs(first / 2000 - 0.6) < 0.05)
  local res = torch.LongTensor()
  torch.multinomial(res, p, 2)
  tester:eq(res:nElement(), 2)
  fails(function() torch.multinomial(p, 4) end, "only 3 have a probability above 0")
  fails(function() torch.multinomial(torch.Tensor { 1, -1 }, 1, true) end, "a probability of %-1")
  fails(function() torch.multinomial(torch.zeros(3), 1, true) end, "only 0")
  fails(function() torch.multinomial(torch.Tensor(2, 2, 2), 1) end, "one or two dimensions")
end

function tests.alias_tables()
  torch.manualSeed(5)
  local p = torch.DoubleTensor { 0.1, 0.4, 0, 0.3, 0.2 }
  local state = torch.multinomialAliasSetup(p)
  tester:assert(rawequal(torch.multinomialAliasSetup(p, state), state))
  local out = torch.LongTensor(200, 200)
  tester:assert(rawequal(torch.multinomialAlias(out, state), out))
  same(frequencies(out, 5), p, 0.015)
  fails(function() torch.multinomialAliasSetup(torch.zeros(2, 2)) end, "vector")
end

-- ---- generators -------------------------------------------------------------------------------

function tests.generators_have_numbers_of_their_own()
  local g = torch.Generator()
  tester:eq(torch.typename(g), "torch.Generator")
  torch.manualSeed(g, 7)
  torch.manualSeed(7)
  local want = torch.rand(20)
  same(torch.rand(g, 20), want, 0)
  torch.manualSeed(g, 7)
  local before = torch.getRNGState()
  same(torch.Tensor(20):uniform(g, 0, 1), want, 0)
  same(torch.getRNGState(), before, 0)
  torch.manualSeed(g, 7)
  local copy = torch.deserialize(torch.serialize(g))
  tester:eq(torch.random(g, 1000000), torch.random(copy, 1000000))
  torch.setRNGState(g, torch.getRNGState(copy))
  same(torch.randperm(g, 10), torch.randperm(copy, 10), 0)
  fails(function() torch.rand(g) end, "sizes")
  same(torch.getRNGState(), before, 0)
end

-- ---- argument forms ---------------------------------------------------------------------------

function tests.results_come_first()
  local x = values(1, 6)
  local res = torch.DoubleTensor()
  same(torch.reshape(res, x, 2, 3), x:view(2, 3), 0)
  same(res:viewAs(x, torch.Tensor(3, 2)), x:view(3, 2), 0)
  same(res:expandAs(x:view(6, 1), torch.Tensor(6, 2)), x:view(6, 1):expand(6, 2), 0)
  same(torch.DoubleTensor():repeatTensor(x, 2), torch.cat(x, x), 0)
  local places = torch.LongTensor()
  torch.nonzero(places, torch.Tensor { 0, 1, 1 })
  same(places, torch.LongTensor { { 2 }, { 3 } }, 0)
  local parts = { 1, 2, 3, 4, 5 }
  tester:assert(rawequal(torch.split(parts, x, 4), parts))
  tester:eq(#parts, 2)
  same(parts[2], x:narrow(1, 5, 2), 0)
  torch.chunk(parts, x, 3)
  tester:eq(#parts, 3)
end

function tests.empty_tensors_join_to_nothing()
  local none = torch.Tensor()
  tester:eq(torch.cat({ none, none }, 2):dim(), 0)
  tester:eq(torch.cat(none, none):dim(), 0)
  same(torch.cat({ none, torch.ones(2, 3), none }, 1), torch.ones(2, 3), 0)
  fails(function() torch.cat {} end, "no tensors")
end

function tests.functions_of_elements()
  local a, b, c = torch.Tensor { 1, 2 }, torch.Tensor { { 10 }, { 20 } }, torch.Tensor { 100, 200 }
  same(a:clone():map(b, function(x, y) return x + y end), torch.Tensor { 11, 22 }, 0)
  same(a:clone():map2(b, c, function(x, y, z) return x + y + z end), torch.Tensor { 111, 222 }, 0)
  local seen = 0
  a:map(b, function(x, y) seen = seen + x * y end)
  tester:eq(seen, 50)
  fails(function() a:map(torch.Tensor(3), function() end) end, "as many elements")
end

function tests.parts_of_storages()
  local whole = torch.LongStorage { 3, 4, 5 }
  local part = torch.LongStorage(whole, 2)
  part[1] = 13
  tester:eq(whole[2], 13)
  tester:assertTableEq(torch.totable(torch.LongStorage(part, 2, 1)), { 5 })
  fails(function() whole:resize(100) end, "cannot be resized")
  whole = nil
  collectgarbage()
  tester:assertTableEq(part:totable(), { 13, 5 })
  fails(function() return torch.LongStorage(part, 2, 2) end, "elements 2 to 3 of a storage of 2")
  fails(function() return torch.LongStorage(part, 0) end, "elements 0")
end

function tests.lerp_of_numbers()
  tester:eq(torch.lerp(2, 4, 0.25), 2.5)
end

function tests.the_class_of_the_default_type()
  tester:assert(torch.Tensor.isTensor(torch.Tensor(2)))
  tester:eq(torch.typename(torch.Tensor(2):real()), torch.getdefaulttensortype())
  tester:assert(not torch.Tensor():isSetTo(torch.Tensor()))
  fails(function() return torch.Tensor(2):data()[0] end, "LuaJIT")
  fails(function() torch.Tensor(2):storage():data()[0] = 1 end, "LuaJIT")
  fails(function() torch.data(1) end, "a tensor or a storage is wanted")
  local x, empty = torch.zeros(2, 3), torch.Tensor()
  tester:eq(torch.pointer(x:data()), torch.pointer(x:storage():data()))
  tester:ne(torch.pointer(x:data()), torch.pointer(x[2]:data()))
  tester:ne(torch.pointer(empty:data()), torch.pointer(torch.Tensor():data()))
  torch.setheaptracking(true)
  tester:eq(torch._heaptracking, true)
end

-- ---- th ---------------------------------------------------------------------------------------

local script = [[
require "nn"
local a, b = torch.zeros(2, 3):fill(2), torch.range(1, 6)
assert((a + b):dim() == 2 and (a + b)[2][3] == 8)
assert((b - a):dim() == 1 and b:clone():cmul(a)[6] == 12)
assert(torch.addcmul(a, 1, b, b)[1][2] == 6)
assert(b:select(5, 2) == 2)
assert(not pcall(torch.linspace, 0, 1, 1))
assert(torch.linspace(0, 0, 1)[1] == 0)
assert(torch.randperm(4):type() == "torch.DoubleTensor")
-- what is computed from tensors that were overwritten since forward takes them as they are
local m, x = nn.Linear(2, 2), torch.randn(3, 2)
m:forward(x)
m.weight:fill(2)
assert(m:updateGradInput(x, torch.ones(3, 2))[1][1] == 4)
-- the names of the rock rnn are free
assert(nn.LSTM == nil and nn.GRU == nil)
torch.class("nn.LSTM", "nn.Module")
assert(torch.typename(nn.LSTM()) == "nn.LSTM" and not pcall(torch.class, "nn.LSTM", "nn.Module"))
local name = os.tmpname()
local file = io.open(name, "w")
file:write "return 7"
file:close()
assert(include(name) == 7)
os.remove(name)
local images = torch.randn(2, 3, 4, 5):contiguous("channelsLast")
assert(torch.mul(images, 2):isContiguous(), "results are contiguous")
print "th is well"
]]

function tests.th_accepts_equal_counts()
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(script)
  file:close()
  local run = assert(io.popen(("'%s' --torch7 %s 2>&1"):format(arg[-1], name)))
  tester:eq(run:read("a"), "th is well\n")
  run:close()
  os.remove(name)
end

tester:add(tests)
tester:run()
