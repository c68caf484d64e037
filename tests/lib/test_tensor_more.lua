-- test_tensor_more: what the files of golden values do not show of the functions that NumPy and PyTorch
-- users reach for: derivatives, types, layouts, empty tensors and tensors without dimensions, errors.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()
local long = torch.LongTensor

-- Numbers without a pattern; the same for one seed on every machine.
local function values(seed, shape, lo, hi)
  local n, v = 1, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do
    local u = math.sin(12.9898 * i + 78.233 * seed) * 43758.5453
    v[i] = lo + (hi - lo) * (u - math.floor(u))
  end
  return torch.reshape(torch.DoubleTensor(v), shape)
end

local function eq(got, wanted, why)
  if torch.isTensor(got) then got = got:totable() end
  tester:eq(got, wanted, why)
end

local function fails(f, pattern)
  local ok, why = pcall(f)
  tester:eq(ok, false, pattern)
  why = tostring(why)
  tester:assert(why:find(pattern) ~= nil, ("'%s' does not match '%s'"):format(why, pattern))
  tester:assert(why:find("test_tensor_more.lua:%d+:") ~= nil, "no line in: " .. why)
end

-- ---- derivatives ----------------------------------------------------------------

-- First and second order, against differences.
local function gradcheck(name, f, shapes, lo, hi)
  local inputs = {}
  for i, shape in ipairs(shapes) do inputs[i] = values(i, shape, lo or -2, hi or 2) end
  local ok, why = torch.gradcheck(f, inputs, { second = true, atol = 1e-4 })
  tester:assert(ok, name .. ": " .. tostring(why))
end

local M, X = { 2, 3 }, { 2, 3, 4 }

function tests.derivatives_of_shapes()
  gradcheck("flip", function(x) return torch.flip(x, 1, 3) end, { X })
  gradcheck("roll", function(x) return torch.roll(x, { 1, -2 }, { 1, 3 }) end, { X })
  gradcheck("rot90", function(x) return torch.rot90(x, 1) end, { M })
  gradcheck("tile", function(x) return torch.tile(x, 2, 1, 2) end, { M })
  gradcheck("repeatInterleave", function(x) return torch.repeatInterleave(x, long { 2, 0, 1 }, 2) end, { M })
  gradcheck("meshgrid", function(a, b)
    local i, j = torch.meshgrid(a, b, "xy")
    return torch.cmul(i, j)
  end, { { 3 }, { 2 } })
  gradcheck("blockDiag", torch.blockDiag, { M, { 3 } })
  gradcheck("combinations", function(x) return torch.combinations(x):prod(2) end, { { 4 } })
  gradcheck("rearrange", function(x)
    return torch.rearrange(x, "a b (c d) -> (b a) d c", { c = 2 })
  end, { X })
  gradcheck("einreduce", function(x) return torch.einreduce(x, "a b c -> b", "max") end, { X })
  gradcheck("einrepeat", function(x) return torch.einrepeat(x, "a b -> a (b 2)") end, { M })
  for _, mode in ipairs { "constant", "reflect", "replicate", "circular", "symmetric" } do
    gradcheck("pad " .. mode, function(x) return torch.pad(x, { 2, -1, 1, 2 }, mode) end, { { 3, 4 } })
  end
end

function tests.derivatives_of_products()
  for equation, shapes in pairs {
    ["ij,jk->ik"] = { M, { 3, 2 } }, ["ii->i"] = { { 3, 3 } }, ["ii"] = { { 3, 3 } },
    ["...ij,...jk->...ik"] = { X, { 4, 2 } }, ["ij,kj,kl->il"] = { M, { 2, 3 }, { 2, 2 } },
    ["i,j,k->kij"] = { { 2 }, { 3 }, { 2 } }, ["bij,bij->b"] = { X, X },
  } do
    gradcheck(equation, function(...) return torch.einsum(equation, ...) end, shapes)
  end
  gradcheck("tensordot", function(a, b) return torch.tensordot(a, b, { { 2, 3 }, { 1, 2 } }) end,
    { X, { 3, 4 } })
  gradcheck("kron", torch.kron, { M, { 2, 2 } })
  gradcheck("inner", torch.inner, { X, { 2, 4 } })
  gradcheck("multiDot", function(a, b, c) return torch.multiDot { a, b, c } end, { M, { 3, 4 }, { 4 } })
  gradcheck("matrixPower", function(x) return torch.matrixPower(x, 3) end, { { 3, 3 } })
  gradcheck("inverse power", function(x) return torch.matrixPower(x, -2) end, { { 2, 2 } })
  gradcheck("vander", function(x) return torch.vander(x, 4) end, { { 3 } }, 0.5, 2)
  gradcheck("cosineSimilarity", function(a, b) return torch.cosineSimilarity(a, b, 1) end, { M, M })
end

function tests.derivatives_of_distances()
  for _, p in ipairs { 0.7, 1, 1.5, 2, 3, math.huge } do
    gradcheck("cdist " .. p, function(a, b) return torch.cdist(a, b, p) end, { M, { 4, 3 } })
    gradcheck("pdist " .. p, function(x) return torch.pdist(x, p) end, { { 3, 2 } })
    local x = values(1, M, 0, 1)
    x = torch.cat({ x, x }, 1):requireGrad() -- rows that are equal
    torch.cdist(x, x, p):sum():backward()
    tester:assert(torch.isfinite(x.grad):all(), "a finite gradient at distance 0, p = " .. p)
  end
  gradcheck("cdist of batches", function(a, b) return torch.cdist(a, b) end, { X, { 1, 2, 4 } })
end

-- Over the edges of tiles, and where squares of floats overflow or vanish.
function tests.distances_of_many_rows()
  for _, case in ipairs { { 37, 70, 130 }, { 300, 33, 5 }, { 1, 1, 200 } } do
    local n, m, d = table.unpack(case)
    local a, b = torch.DoubleTensor(2, n, d):uniform(-1, 1), torch.DoubleTensor(2, m, d):uniform(-1, 1)
    b:select(1, 2):select(1, 1):copy(a:select(1, 2):select(1, 1))
    local want = torch.norm(torch.reshape(a, 2, n, 1, d) - torch.reshape(b, 2, 1, m, d), 2, 4)
    tester:eq(torch.cdist(a, b), want:reshape(2, n, m), 1e-13)
    tester:eq(torch.cdist(a:float(), b:float()):double(), want:reshape(2, n, m), 1e-5)
  end
  for _, size in ipairs { 1e25, 1e-25, 1e-30 } do
    local x = torch.FloatTensor { { 3, 0 }, { 0, 4 }, { 0, 4 } } * size
    tester:eq(torch.cdist(x, x):double() / size,
      torch.DoubleTensor { { 0, 5, 5 }, { 5, 0, 0 }, { 5, 0, 0 } }, 1e-5)
  end
end

function tests.searches_in_lines_of_every_length()
  local nan, inf = 0 / 0, math.huge
  local function less(a, b) return b ~= b and a == a or a < b end
  for n = 1, 20 do
    for _, dtype in ipairs { "float64", "float32", "int64" } do
      local floats = dtype ~= "int64"
      local line = {}
      for i = 1, n do line[i] = i * 7 % 5 - (i % 3) end
      if floats and n > 3 then line[1], line[2], line[3], line[4] = nan, inf, -inf, nan end
      table.sort(line, less)
      local wanted = { -3, -2, -1, 0, 1, 2, 3, 4, 5, 9 }
      for _, v in ipairs(floats and { nan, inf, -inf } or {}) do wanted[#wanted + 1] = v end
      local sorted = torch.DoubleTensor(line):type(dtype)
      for _, right in ipairs { false, true } do
        local want = {}
        for i, v in ipairs(wanted) do
          want[i] = 1
          for _, e in ipairs(line) do
            if less(e, v) or right and not less(v, e) then want[i] = want[i] + 1 end
          end
        end
        local got = torch.searchsorted(sorted, torch.DoubleTensor(wanted):type(dtype), right)
        eq(got, want)
      end
    end
  end
end

function tests.quantiles_of_what_is_no_number()
  local nan, inf = 0 / 0, math.huge
  local x = torch.Tensor { { 1, 5, 3, 2 }, { 4, nan, 1, 2 }, { -inf, 1, 2, inf } }
  for _, interpolation in ipairs { "linear", "lower", "higher", "midpoint", "nearest" } do
    local one, three = torch.quantile(x, 0.5, 2, false, interpolation),
      torch.quantile(x, { 0, 0.5, 1 }, 2, false, interpolation)
    eq(three[2][1], one[1])
    tester:assert(one[2] ~= one[2] and three[2][2] ~= three[2][2], interpolation)
    eq({ one[3], three[1][3], three[3][3] }, { three[2][3], -inf, inf })
  end
  local all = torch.quantile(x, 0.5)
  tester:assert(all ~= all)
  eq(torch.nanToNum(torch.DoubleTensor { nan, inf, -inf, 2 }, inf, 7, -7), { inf, 7, -7, 2 })
  eq(torch.nanToNum(torch.DoubleTensor { nan, inf, -inf }, 1, 7), { 1, 7, -0x1.fffffffffffffp+1023 })
  eq(torch.nanToNum(torch.HalfTensor { nan, inf, -inf }), { 0, 65504, -65504 })
  local leaf = torch.DoubleTensor { nan, inf, -inf, 2 }:requireGrad()
  torch.nanToNum(leaf):sum():backward()
  eq(leaf.grad, { 0, 0, 0, 1 })
end

function tests.derivatives_of_reductions()
  for _, dims in ipairs { 1, -1, { 1, 2 } } do
    for _, name in ipairs { "logsumexp", "amax", "amin", "ptp", "nansum", "nanmean", "average" } do
      gradcheck(name, function(x) return torch[name](x, dims) end, { M })
    end
    gradcheck("varMean", function(x) return (torch.varMean(x, dims)) end, { M })
  end
  gradcheck("logsumexp of all", torch.logsumexp, { M })
  gradcheck("logcumsumexp", function(x) return torch.square(torch.logcumsumexp(x, 2)) end, { M })
  gradcheck("softmin", torch.softmin, { M })
  gradcheck("cummax", function(x) return (torch.cummax(x, 2)) end, { M })
  gradcheck("cummin", function(x) return (torch.cummin(x)) end, { M })
  for _, how in ipairs { "linear", "lower", "midpoint" } do
    gradcheck("quantile " .. how, function(x)
      return torch.quantile(x, { 0.3, 0.8 }, 2, false, how)
    end, { { 3, 5 } })
  end
  gradcheck("nanmedian", torch.nanmedian, { { 5 } })
  gradcheck("diff", function(x) return torch.diff(x, 2) end, { { 2, 5 } })
  gradcheck("cov", function(x, w) return torch.cov(x, 1, nil, w) end, { { 2, 4 }, { 4 } }, 0.5, 2)
  gradcheck("corrcoef", torch.corrcoef, { { 3, 5 } })
  gradcheck("trapezoid", torch.trapezoid, { { 2, 4 }, { 4 } })
  gradcheck("gradient", torch.gradient, { { 4 }, { 4 } })
end

function tests.derivatives_of_elements()
  for _, name in ipairs { "exp2", "sinc", "i0", "i1" } do
    gradcheck(name, function(x) return torch[name](x) end, { X }, -2.7, 2.7)
  end
  gradcheck("sinc near 0", torch.sinc, { { 5 } }, -0.03, 0.03)
  gradcheck("i1 at 0", function(x) return torch.i1(torch.mul(x, 0) + x * 1e-3) end, { { 2 } })
  gradcheck("erfinv", torch.erfinv, { M }, -0.9, 0.9)
  gradcheck("polygamma", function(x) return torch.polygamma(2, x) end, { M }, 0.5, 3)
  gradcheck("mvlgamma", function(x) return torch.mvlgamma(x, 3) end, { M }, 2, 4)
  gradcheck("logit", torch.logit, { M }, 0.1, 0.9)
  for _, name in ipairs { "hypot", "logaddexp", "maximum", "minimum", "fmax", "fmin" } do
    gradcheck(name, torch[name], { M, { 3 } })
    gradcheck(name .. " with a number's shape", torch[name], { {}, M })
  end
  gradcheck("logaddexp of equals", function(a) return torch.logaddexp(a, a * 1) end, { M })
  gradcheck("copysign", torch.copysign, { M, M })
  gradcheck("xlogy", torch.xlogy, { M, M }, 0.3, 2)
  gradcheck("logBase", torch.logBase, { M, M }, 1.3, 3)
  gradcheck("ldexp", torch.ldexp, { M, M })
  gradcheck("lerp", torch.lerp, { M, M, { 3 } })
  gradcheck("nanToNum", torch.nanToNum, { M })
  gradcheck("clip", function(a, b) return torch.clip(a, b, nil) end, { M, { 3 } })
  local y = torch.DoubleTensor { 0, 1e3, -1e3 }:requireGrad()
  torch.logaddexp(y, y:detach() * 2):sum():backward()
  eq(y.grad, { 0.5, 0, 1 })
end

function tests.derivatives_of_places()
  gradcheck("unique", function(x) return (torch.unique(x)) end, { { 4 } })
  gradcheck("bincount", function(w) return torch.bincount(long { 1, 2, 2, 4 }, w) end, { { 4 } })
  gradcheck("interp", function(x, v) return torch.interp(x, torch.DoubleTensor { -1, 0, 1.1 }, v) end,
    { M, { 3 } })
  gradcheck("take", function(x) return torch.take(x, long { { 1, -1 }, { 1, 2 } }) end, { M })
  gradcheck("takeAlongDim", function(x) return torch.takeAlongDim(x, long { { 1, 3, 1 } }, 2) end, { M })
  gradcheck("put", function(x, v) return torch.put(x, long { 1, 1, 3 }, v, true) end, { M, { 3 } })
  gradcheck("selectScatter", function(x, s) return torch.selectScatter(x, s, 2, 2) end, { M, { 2 } })
  gradcheck("sliceScatter", function(x, s) return torch.sliceScatter(x, s, 2, 1, 3, 2) end, { M, { 2, 2 } })
  gradcheck("diagonalScatter", function(x, s) return torch.diagonalScatter(x, s, 1) end, { M, { 2 } })
  gradcheck("indexPut", function(x, v)
    return torch.indexPut(x, { long { 1, 2, 1 }, long { 1, 2, 1 } }, v, true)
  end, { M, { 3 } })
  gradcheck("diagEmbed", function(x) return torch.diagEmbed(x, 1, 1, 3) end, { M })
  gradcheck("diagonal", function(x) return torch.diagonal(x, -1, 1, 3) end, { X })
  gradcheck("x[{places, {}, places}]", function(x) return x[{ long { 1, 2 }, {}, long { 4, 1 } }] end, { X })
  gradcheck("x[{{}, matrix}]", function(x) return x[{ {}, long { { 1, 2 }, { 3, 3 } } }] end, { X })
  gradcheck("y[{places, places}] = v", function(x, v)
    local y = (x * 1):transpose(1, 3)
    y[{ long { 1, 2, 2 }, long { 3, 3, 1 } }] = v
    return y
  end, { X, { 3, 2 } })
  gradcheck("y[mask] = v", function(x, v)
    local y = x * 1
    y[torch.BoolTensor { true, false }] = v
    return y
  end, { X, { 4 } })
end

-- ---- types and layouts ----------------------------------------------------------------

-- Functions that move or choose elements: every type gives what float64 gives.
local movers = {
  flip = function(x) return torch.flip(x, 1, 2) end,
  roll = function(x) return torch.roll(x, { 1, -1 }, { 1, 2 }) end,
  rot90 = function(x) return torch.rot90(x) end,
  tile = function(x) return torch.tile(x, 2, 1) end,
  repeatInterleave = function(x) return torch.repeatInterleave(x, 2, 2) end,
  moveaxis = function(x) return torch.moveaxis(x, 1, 2) end,
  vstack = function(x) return torch.vstack { x, x } end,
  blockDiag = function(x) return torch.blockDiag(x, x) end,
  rearrange = function(x) return torch.rearrange(x, "a (b c) -> b a c", { c = 2 }) end,
  amax = function(x) return torch.amax(x, 1) end,
  amin = function(x) return torch.amin(x, 2) end,
  cummax = function(x) return (torch.cummax(x, 2)) end,
  cummin = function(x) return (torch.cummin(x, 1)) end,
  msort = torch.msort,
  argsort = function(x) return torch.argsort(x, 2) end,
  unique = function(x) return (torch.unique(x)) end,
  ["unique slices"] = function(x) return (torch.unique(x, false, false, 2)) end,
  uniqueConsecutive = function(x) return (torch.uniqueConsecutive(x)) end,
  searchsorted = function(x) return torch.searchsorted(torch.sort(torch.reshape(x, 12), 1), x) end,
  isin = function(x) return torch.isin(x, x[1]) end,
  take = function(x) return torch.take(x, long { 1, -1 }) end,
  takeAlongDim = function(x) return torch.takeAlongDim(x, torch.argsort(x, 2), 2) end,
  put = function(x) return torch.put(x, long { 2, 3 }, 1) end,
  indexPut = function(x) return torch.indexPut(x, { long { 2, 3 }, long { 1, -1 } }, 1) end,
  diagEmbed = function(x) return torch.diagEmbed(x) end,
  diagonal = function(x) return torch.diagonal(x, 1) end,
  pad = function(x) return torch.pad(x, { 1, 2, 1, 0 }, "circular") end,
  ["pad constant"] = function(x) return torch.pad(x, { 1, 2, 1, 0 }, "constant", 1) end,
  heaviside = function(x) return torch.heaviside(x, 1) end,
  maximum = function(x) return torch.maximum(x, torch.fliplr(x)) end,
  fmin = function(x) return torch.fmin(x, torch.fliplr(x)) end,
  signbit = torch.signbit,
  ["x[{places, places}]"] = function(x) return x[{ long { 3, -1 }, long { 1, -1 } }] end,
  ["x[matrix]"] = function(x) return x[long { { 1, 2 }, { 3, 3 } }] end,
}

local types = { "float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32", "int64",
  "bool" }

local function plain(x) return x:double():totable() end

function tests.every_type_moves_alike()
  local whole = torch.floor(values(3, { 3, 4 }, 0, 5))
  for _, type in ipairs(types) do
    local x = whole:type(type)
    for name, f in pairs(movers) do
      local y, same = f(x), f(x:double())
      tester:eq(plain(y), plain(same), ("%s of %s"):format(name, type))
    end
  end
end

local layouts = {
  transposed = function(x) return x:t():clone():t() end,
  stepped = function(x)
    local wide = torch.zeros(6, 12):double()
    wide[{ { 1, 6, 2 }, { 2, 12, 3 } }] = x
    return wide[{ { 1, 6, 2 }, { 2, 12, 3 } }]
  end,
  offset = function(x) return torch.cat({ x, x }, 1):narrow(1, 4, 3) end,
}

local numeric = {
  logsumexp = function(x) return torch.logsumexp(x, 1) end,
  logcumsumexp = function(x) return torch.logcumsumexp(x, 2) end,
  quantile = function(x) return torch.quantile(x, 0.3, 1) end,
  einsum = function(x) return torch.einsum("ij,kj->ki", x, x) end,
  cdist = function(x) return torch.cdist(x, x) end,
  cov = torch.cov, gradient = torch.gradient, diff = torch.diff, sinc = torch.sinc, i0 = torch.i0,
  hypot = function(x) return torch.hypot(x, x) end,
  kron = function(x) return torch.kron(x, x) end,
  histogram = function(x) return (torch.histogram(x, 4)) end,
  interp = function(x) return torch.interp(x, torch.DoubleTensor { 0, 5 }, torch.DoubleTensor { 1, 2 }) end,
}

function tests.every_layout_gives_the_same()
  local x = torch.floor(values(4, { 3, 4 }, 0, 5))
  for layout, make in pairs(layouts) do
    local y = make(x)
    tester:eq(y:totable(), x:totable(), layout)
    for _, list in ipairs { movers, numeric } do
      for name, f in pairs(list) do
        tester:eq(f(y):totable(), f(x):totable(), ("%s, %s"):format(name, layout))
      end
    end
  end
  local wide = torch.expand(x[{ { 1 } }], 3, 4)
  for _, list in ipairs { movers, numeric } do
    for name, f in pairs(list) do
      tester:eq(f(wide):totable(), f(wide:clone()):totable(), name .. ", expanded")
    end
  end
end

function tests.integers()
  eq(torch.einsum("ij,j->i", long { { 1, 2 }, { 3, 4 } }, long { 1, 1 }), { 3, 7 })
  tester:eq(torch.einsum("i,i", long { 1, 2 }, torch.Tensor { 1, 2 }), 5)
  tester:eq(torch.outer(long { 1 }, torch.IntTensor { 2 }).dtype, "int64")
  tester:eq(torch.exp2(long { 3 }).dtype, "float32")
  tester:eq(torch.hypot(long { 3 }, 4)[1], 5)
  tester:eq(torch.logaddexp(torch.HalfTensor { 0 }, 0).dtype, "float16")
  eq(torch.diff(torch.BoolTensor { true, false, false }), { true, false })
  eq(torch.gcd(long { 0, -4, math.mininteger }, 6), { 6, 2, 2 })
  eq(torch.lcm(torch.IntTensor { 0, -4 }, 6), { 0, 12 })
  eq(torch.floorDivide(long { -7, 7 }, long { 2, -2 }), { -4, -4 })
end

-- ---- nothing and one ----------------------------------------------------------------

function tests.empty()
  local none, rows = torch.Tensor(), torch.zeros(0, 3)
  for _, f in ipairs { torch.flip, torch.roll, torch.unique, torch.msort, torch.cummax, torch.logcumsumexp,
    torch.diff, torch.exp2 } do
    local y = f(none, 1)
    tester:eq(y:nElement(), 0)
  end
  eq(torch.tile(rows, 2, 2).shape, { 0, 6 })
  eq(torch.einsum("ij,kj->ik", rows, torch.ones(2, 3)).shape, { 0, 2 })
  eq(torch.einsum("ji,jk->ik", rows, torch.zeros(0, 2)), torch.zeros(3, 2):totable())
  eq(torch.cdist(rows, torch.ones(2, 3)).shape, { 0, 2 })
  eq(torch.cdist(torch.ones(2, 0), torch.ones(1, 0)), { { 0 }, { 0 } })
  eq(torch.pdist(torch.ones(1, 2)).shape, { 0 })
  eq(torch.amax(rows, 2).shape, { 0 })
  tester:eq(torch.logsumexp(none), -math.huge)
  tester:eq(torch.nansum(none), 0)
  eq(torch.bincount(long(), nil, 2), { 0, 0 })
  eq(torch.histogram(none, 2), { 0, 0 })
  eq(torch.searchsorted(none, torch.ones(2)), { 1, 1 })
  eq(torch.isin(torch.ones(2), none), { false, false })
  eq(torch.combinations(none).shape, { 0, 2 })
  eq(torch.pad(rows, { 1, 1 }).shape, { 0, 5 })
  eq(torch.one_hot(long()).shape, { 0, 0 })
  eq(torch.trilIndices(0).shape, { 2, 0 })
  eq(torch.rearrange(rows, "a b -> b a").shape, { 3, 0 })
  local x = torch.ones(3, 4)
  eq(x[{ long(), long() }].shape, { 0 })
  eq(x[{ {}, torch.zeros(2, 0, "int64") }].shape, { 3, 2, 0 })
  x[{ long(), long() }] = 5
  tester:eq(x:sum(), 12)
end

function tests.without_dimensions()
  local s = torch.scalar(2.5)
  for _, f in ipairs { torch.flip, torch.cummax, torch.logcumsumexp, torch.exp2, torch.sinc, torch.clip } do
    local y = f(s, 1)
    eq(y.shape, {})
  end
  tester:eq(torch.logsumexp(s), 2.5)
  tester:eq(torch.amax(s), 2.5)
  tester:eq(torch.quantile(s, 0.3), 2.5)
  tester:eq(torch.nanmean(s), 2.5)
  eq(torch.unique(s), { 2.5 })
  eq(torch.tile(s, 2), { 2.5, 2.5 })
  eq(torch.outer(s, s), { { 6.25 } })
  tester:eq(torch.inner(s, s), 6.25)
  tester:eq(torch.einsum(",->", s, s), 6.25)
  tester:eq(torch.rearrange(s, "->"):item(), 2.5)
  eq(torch.einrepeat(s, "-> 2"), { 2.5, 2.5 })
  tester:eq(torch.hypot(s, s) > 3.5, true)
end

-- ---- what is new and what is shared ----------------------------------------------------------------

function tests.results_are_new()
  for name, f in pairs {
    flip = function(x) return torch.flip(x, {}) end, roll = function(x) return torch.roll(x, 0, 1) end,
    rot90 = function(x) return torch.rot90(x, 4) end, tile = function(x) return torch.tile(x, 1) end,
    pad = function(x) return torch.pad(x, { 0, 0 }, "reflect") end,
    diff = function(x) return torch.diff(x, 0) end,
    repeatInterleave = function(x) return torch.repeatInterleave(x, 1, 1) end,
    indexPut = function(x) return torch.indexPut(x, { long { 1 } }, 1) end,
    matrixPower = function(x) return torch.matrixPower(x, 1) end,
  } do
    local x = torch.ones(2, 2)
    f(x):fill(7)
    tester:eq(x:sum(), 4, name)
  end
end

-- Writing through a method of the same name changes nothing either.
function tests.methods()
  local x = torch.Tensor { { 3, 1 }, { 2, 4 } }
  eq(x:flip(1), { { 2, 4 }, { 3, 1 } })
  eq(x:clip(2, 3), { { 3, 2 }, { 2, 3 } })
  eq(x:amax(1), { 3, 4 })
  eq(x:rearrange("a b -> (b a)"), { 3, 2, 1, 4 })
  eq(x:polygamma(0).shape, { 2, 2 })
  eq(x:unique(), { 1, 2, 3, 4 })
  eq(x:maximum(3), { { 3, 3 }, { 3, 4 } })
  eq(x:softmax(1).shape, { 2, 2 })
  eq(x, { { 3, 1 }, { 2, 4 } })
  x:lerp(torch.zeros(2, 2), torch.Tensor { 1, 0 })
  eq(torch.lerp(torch.LongTensor { 1, 9 }, torch.LongTensor { 4, 5 }, torch.LongTensor { 2, 1 }), { 7, 5 })
  local wrong = "torch%.lerp: shapes 2x2 and 3 do not"
  tester:assertErrorPattern(function() torch.lerp(x, x, torch.ones(3)) end, wrong)
  tester:assertErrorPattern(function() torch.lerp(x, torch.ones(3), x) end, wrong)
  eq(x, { { 0, 1 }, { 0, 4 } })
  eq(torch.nonzero(x, true), { long { 1, 2 }, long { 2, 2 } })
end

-- ---- closeness ----------------------------------------------------------------

function tests.allclose()
  local nan = torch.Tensor { 1, 0 / 0 }
  tester:eq(torch.allclose(nan, nan), false)
  tester:eq(torch.allclose(nan, nan, 1e-5, 1e-8, true), true)
  tester:eq(torch.allclose(torch.Tensor { math.huge }, torch.Tensor { math.huge }), true)
  tester:eq(torch.allclose(torch.Tensor { math.huge }, torch.Tensor { -math.huge }), false)
  tester:eq(torch.allclose(torch.Tensor { 1 }, torch.Tensor { math.huge }), false)
  tester:eq(torch.allclose(long { 1, 2 }, long { 1, 2 }), true)
  tester:eq(torch.allclose(torch.ones(2), 1), true)
end

-- ---- precision ----------------------------------------------------------------

function tests.special_functions_in_every_float_type()
  local x = torch.DoubleTensor { 0.1, 0.4, 0.9, 0.75 }
  for type, eps in pairs { float32 = 1e-6, float16 = 2e-3, bfloat16 = 2e-2 } do
    local y = x:type(type)
    for _, name in ipairs { "exp2", "erfinv", "i0", "i1", "sinc", "trigamma" } do
      local want = torch[name](y:double())
      local off = torch.cdiv(torch.abs(torch[name](y):double() - want), want)
      tester:assertlt(off:max(), eps, name .. " in " .. type)
      tester:eq(torch[name](y).dtype, type)
    end
  end
end

function tests.logsumexp_does_not_overflow()
  local x = torch.DoubleTensor { { 1000, 1000 }, { -1000, -math.huge } }
  eq(torch.logsumexp(x, 2), { 1000 + math.log(2), -1000 })
  eq(torch.logcumsumexp(x, 2), { { 1000, 1000 + math.log(2) }, { -1000, -1000 } })
end

-- ---- errors ----------------------------------------------------------------

function tests.errors()
  local x, m = torch.ones(2, 6), torch.ones(2, 3)
  fails(function() torch.rearrange(x, "a (b c) -> a b c") end,
    "'b' and 'c' are unknown in 'a %(b c%) %-> a b c'")
  fails(function() torch.rearrange(x, "a (b c) -> a b c", { b = 4 }) end, "dimension 2 has size 6.*a %(b c%)")
  fails(function() torch.rearrange(x, "a b c -> a b c") end, "shape 2x6 for 3 axes in 'a b c")
  fails(function() torch.rearrange(x, "a b -> a") end, "'b' is only on the left")
  fails(function() torch.rearrange(x, "a b -> a b c") end, "'c' is only on the right")
  fails(function() torch.rearrange(x, "a b") end, "one '%->' is wanted in 'a b'")
  fails(function() torch.rearrange(x, "a (b -> a b") end, "'%(' without '%)'")
  fails(function() torch.rearrange(x, "a a -> a a") end, "'a' is there twice")
  fails(function() torch.rearrange(x, "a b% -> a b") end, "'b%%' is no axis")
  fails(function() torch.rearrange(x, "a 6 -> a") end, "a size of 6")
  fails(function() torch.einrepeat(x, "a b -> a b c") end, "size of axis 'c' is unknown")
  fails(function() torch.einreduce(x, "a b -> a", "middle") end, "no reduction 'middle'")
  fails(function() torch.einsum("ij,jk->ik", x, m) end, "'j' has sizes 6 and 2 in 'ij,jk%->ik'")
  fails(function() torch.einsum("ij,jk->ik", x) end, "1 operands for 'ij,jk%->ik'")
  fails(function() torch.einsum("i->i", x) end, "shape 2x6, 'i' names 1 dimensions in 'i%->i'")
  fails(function() torch.einsum("ij->iz", x) end, "'z' is only in the output")
  fails(function() torch.einsum("ij->ii", x) end, "'i' is twice in the output")
  fails(function() torch.einsum("i1", x) end, "'1' is no index")
  fails(function() torch.tensordot(x, m, 1) end, "dimension 2 of 2x6 and dimension 1 of 2x3 differ")
  fails(function() torch.multiDot { x, m } end, "6 columns and matrix 2 has 2 rows")
  fails(function() torch.matrixPower(x, 2) end, "square")
  fails(function() torch.cdist(x, m) end, "2x6 and 2x3")
  fails(function() torch.flip(x, 3) end, "dimension 3")
  fails(function() torch.roll(x, 1, 5) end, "dimension 5 of a tensor of 2")
  fails(function() torch.roll(x, 1.5, 1) end, "whole number")
  fails(function() torch.amax(torch.zeros(0, 2), 1) end, "dimension 1 has no elements")
  fails(function() torch.amax(x, { 1, 1 }) end, "dimension 1 is there twice")
  fails(function() torch.quantile(x, 2) end, "outside 0 to 1")
  fails(function() torch.quantile(x, 0.5, 1, false, "cubic") end, "interpolation is 'cubic'")
  fails(function() torch.pad(x, { 1 }) end, "at most 4 pads")
  fails(function() torch.pad(x, { -4, -4 }) end, "leave nothing of dimension 2")
  fails(function() torch.pad(x, { 1, 1 }, "mirror") end, "mode is 'mirror'")
  fails(function() torch.bincount(long { 0 }) end, "count from 1, got 0")
  fails(function() torch.one_hot(long { 4 }, 3) end, "from 4 to 4, wanted 1 to 3")
  fails(function() torch.searchsorted(x, torch.ones(3, 2)) end, "3x2 in sorted lines of shape 2x6")
  fails(function() torch.gcd(x, 2) end, "integer tensors are wanted")
  fails(function() torch.polygamma(-1, x) end, "order %-1")
  fails(function() torch.tile(x, -1) end, "count 1 is %-1")
  fails(function() torch.repeatInterleave(x, long { 1, -1 }, 1) end, "negative")
  fails(function() torch.splitSections(x, { 2, 3 }, 2) end, "{2, 3} do not add up to 6")
  fails(function() torch.broadcastTensors(x, m) end, "2x6 and 2x3 do not broadcast")
  fails(function() torch.take(x, long { 13 }) end, "13")
  fails(function() torch.flip(1, 1) end, "tensor")
  fails(function() torch.amax(1) end, "wanted a tensor")
end

function tests.distances_of_rows_without_elements()
  local none = torch._euclidean(torch.FloatTensor(1, 2, 0), torch.FloatTensor(1, 3, 0))
  tester:eq(none:totable(), { { { 0, 0, 0 }, { 0, 0, 0 } } })
end

tester:add(tests)
tester:run()
