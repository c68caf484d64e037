-- test_tensor_reduce: reductions, scans, sorting, products, gathering, joining: against the same computed
-- here number by number.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local floats = { "float32", "float64", "float16", "bfloat16" }
local ints = { "int8", "uint8", "int16", "int32", "int64" }
local tolerance = { float32 = 1e-5, float64 = 1e-13, float16 = 4e-3, bfloat16 = 4e-2 }
local names = { table.unpack(floats) }
for _, name in ipairs(ints) do names[#names + 1] = name end

local state = 7
local function small() -- a whole number from 0 to 6, exact in every type
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) % 7
end

local layouts = {
  contiguous = function(dtype, a, b, c) return torch.zeros(a, b, c, dtype):apply(small) end,
  transposed = function(dtype, a, b, c) return torch.zeros(c, b, a, dtype):apply(small):transpose(1, 3) end,
  stepped = function(dtype, a, b, c)
    return torch.zeros(2 * a, b, 2 * c, dtype):apply(small)[{ { 1, 2 * a, 2 }, {}, { 1, 2 * c, 2 } }]
  end,
  expanded = function(dtype, a, b, c) return torch.zeros(1, b, c, dtype):apply(small):expand(a, b, c) end,
}

local function eq(got, wanted, eps, what)
  if not torch.isTensor(got) then return tester:eq(got, wanted, eps, what) end
  tester:eq(got:double():totable(), wanted, eps, what)
end

-- Calls f(list) for the elements along `dim` of a 3-dimensional table; gives the nested table of results
-- with a size of 1 in that place.
local function along(x, dim, f)
  local sizes = { #x, #x[1], #x[1][1] }
  local out = {}
  for i = 1, dim == 1 and 1 or sizes[1] do
    out[i] = {}
    for j = 1, dim == 2 and 1 or sizes[2] do
      out[i][j] = {}
      for k = 1, dim == 3 and 1 or sizes[3] do
        local list = {}
        for n = 1, sizes[dim] do
          local at = { i, j, k }
          at[dim] = n
          list[n] = x[at[1]][at[2]][at[3]]
        end
        out[i][j][k] = f(list)
      end
    end
  end
  return out
end

local function sum(list)
  local s = 0
  for _, v in ipairs(list) do s = s + v end
  return s
end

local function best(list, better)
  local k = 1
  for i = 2, #list do
    if better(list[i], list[k]) then k = i end
  end
  return list[k], k
end

local function more(a, b) return a > b end
local function less(a, b) return a < b end

-- ---- reductions ----------------------------------------------------------------

local reductions = {
  sum = sum,
  max = function(list) return (best(list, more)) end,
  min = function(list) return (best(list, less)) end,
  prod = function(list)
    local p = 1
    for _, v in ipairs(list) do p = p * v end
    return p
  end,
  all = function(list) return (best(list, less)) ~= 0 and 1 or 0 end,
  any = function(list) return (best(list, more)) ~= 0 and 1 or 0 end,
  countNonzero = function(list)
    local n = 0
    for _, v in ipairs(list) do n = n + (v ~= 0 and 1 or 0) end
    return n
  end,
  argmax = function(list) return (select(2, best(list, more))) end,
  argmin = function(list) return (select(2, best(list, less))) end,
}

function tests.along_a_dimension()
  for name, f in pairs(reductions) do
    for _, dtype in ipairs(names) do
      for layout, make in pairs(layouts) do
        for dim = 1, 3 do
          local x = make(dtype, 3, 4, 2)
          local want = along(x:double():totable(), dim, f)
          local what = ("%s %s %s %d"):format(name, dtype, layout, dim)
          eq((torch[name](x, dim, true)), want, (tolerance[dtype] or 0) * 4096, what)
        end
      end
    end
  end
end

function tests.float_reductions_along_a_dimension()
  local function var(list, correction)
    local m, s = sum(list) / #list, 0
    for _, v in ipairs(list) do s = s + (v - m) ^ 2 end
    return s / (#list - correction)
  end
  local cases = {
    mean = function(list) return sum(list) / #list end,
    var = function(list) return var(list, 1) end,
    std = function(list) return math.sqrt(var(list, 1)) end,
  }
  local function norm(p)
    return function(list)
      local s = 0
      for _, v in ipairs(list) do s = s + math.abs(v) ^ p end
      return s ^ (1 / p)
    end
  end
  for _, dtype in ipairs(floats) do
    for layout, make in pairs(layouts) do
      for dim = 1, 3 do
        local x = make(dtype, 3, 4, 2)
        local t = x:double():totable()
        local eps = tolerance[dtype] * 10
        local what = ("%s %s %d"):format(dtype, layout, dim)
        for name, f in pairs(cases) do eq(torch[name](x, dim), along(t, dim, f), eps,
          name .. " " .. what) end
        eq(torch.var(x, dim, true), along(t, dim, function(l) return var(l, 0) end), eps, "biased " .. what)
        for p = 1, 3 do eq(torch.norm(x, p, dim), along(t, dim, norm(p)), eps * 3, "norm " .. what) end
      end
    end
  end
end

function tests.over_everything()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      local x = make(dtype, 3, 4, 2)
      local list = {}
      for _, plane in ipairs(x:double():totable()) do
        for _, row in ipairs(plane) do
          for _, v in ipairs(row) do list[#list + 1] = v end
        end
      end
      local what = dtype .. " " .. layout
      eq(x:sum(), sum(list), (tolerance[dtype] or 0) * 100, "sum " .. what)
      eq(x:max(), reductions.max(list), 0, "max " .. what)
      eq(x:min(), reductions.min(list), 0, "min " .. what)
      eq(x:argmax(), reductions.argmax(list), 0, "argmax " .. what)
      eq(x:argmin(), reductions.argmin(list), 0, "argmin " .. what)
      eq(x:any(), true, 0, "any " .. what)
      eq(x:mean(), sum(list) / #list, (tolerance[dtype] or 1e-6) * 10, "mean " .. what)
      eq(torch.countNonzero(x), reductions.countNonzero(list), 0, "countNonzero " .. what)
      eq(torch.sum(x, { 1, 2, 3 }):totable()[1][1][1], sum(list), (tolerance[dtype] or 0) * 100, what)
    end
  end
end

function tests.types_of_results()
  tester:eq(torch.sum(torch.IntTensor { 1 }, 1).dtype, "int64")
  tester:eq(math.type(torch.IntTensor { 1, 2 }:sum()), "integer")
  tester:eq(torch.BoolTensor { true, true }:sum(), 2)
  tester:eq(torch.ByteTensor(300):fill(255):sum(), 300 * 255, "no overflow")
  tester:eq(torch.mean(torch.IntTensor { 1, 2 }), 1.5)
  tester:eq(torch.max(torch.ByteTensor { 3, 200 }), 200)
  tester:eq(torch.BoolTensor { true, false }:all(), false)
  tester:eq(torch.FloatTensor(1 << 25):fill(1):sum(), (1 << 25), "sums of float32 are wide")
  local r = torch.DoubleTensor()
  tester:eq(torch.pointer(torch.sum(r, torch.DoubleTensor { { 1, 2 } }, 2)), torch.pointer(r))
  tester:eq(r, torch.DoubleTensor { { 3 } })
  tester:eq(torch.sum(torch.zeros(2, 3), 2):size():totable(), { 2, 1 }, "as Torch7, the dimension stays")
  tester:eq(torch.sum(torch.zeros(2, 3), 2, false):size():totable(), { 2 })
  tester:eq(torch.sum(torch.zeros(2, 3, 4), { 1, 3 }, false):size():totable(), { 3 })
end

function tests.nothing_to_reduce()
  tester:eq(torch.zeros(0):sum(), 0)
  tester:eq(torch.prod(torch.zeros(0)), 1)
  tester:eq(torch.sum(torch.zeros(2, 0), 2), torch.zeros(2, 1))
  tester:eq(torch.zeros(0):all(), true)
  tester:eq(torch.zeros(0):any(), false)
  tester:assert(torch.zeros(0):mean() ~= torch.zeros(0):mean())
  tester:assertErrorPattern(function() torch.max(torch.zeros(0)) end, "no elements")
  tester:assertErrorPattern(function() torch.max(torch.zeros(2, 0), 2) end, "no elements")
  tester:assertErrorPattern(function() torch.argmin(torch.zeros(0)) end, "no elements")
  tester:assertErrorPattern(function() torch.sum(torch.zeros(2), 2) end, "dimension 2")
  tester:assertErrorPattern(function() torch.sum(torch.zeros(2, 2), { 1, 1 }) end, "twice")
  tester:eq(torch.norm(torch.IntTensor { 3, 4 }), 5)
  tester:eq(torch.std(torch.ByteTensor { 1, 2, 3 }), 1)
  tester:eq(torch.scalar(5):sum(), 5)
  tester:eq(torch.scalar(5):max(), 5)
end

function tests.not_a_number()
  local nan = 0 / 0
  for _, dtype in ipairs(floats) do
    local x = torch.DoubleTensor { { 1, nan, 3 }, { 4, 5, 6 } }:to(dtype)
    local function is_nan(v) return v ~= v end
    tester:assert(is_nan(x:max()) and is_nan(x:min()) and is_nan(x:sum()), dtype)
    local most, where = torch.max(x, 2)
    tester:assert(is_nan(most[1][1]) and most[2][1] == 6, dtype)
    tester:eq(where:totable(), { { 2 }, { 3 } })
    local least = torch.min(x, 2)
    tester:assert(is_nan(least[1][1]) and least[2][1] == 4, dtype)
    tester:eq(x:argmax(), 2)
    tester:eq(x:argmin(), 2)
    local sorted, order = torch.sort(x, 2)
    tester:eq(order:totable(), { { 1, 3, 2 }, { 1, 2, 3 } })
    tester:assert(is_nan(sorted[1][3]), "nan is the largest")
  end
end

-- ---- scans, sorting ----------------------------------------------------------------

-- Long enough for blocks, with the extreme in the first, a middle and the last place, and twice.
function tests.extremes_of_integers()
  for _, dtype in ipairs(ints) do
    for _, n in ipairs { 1, 7, 600, 2500 } do
      for _, place in ipairs { 1, n // 2 + 1, n } do
        local x = torch.zeros(3, n, dtype):apply(small)
        local low = dtype == "uint8" and 0 or -100
        x[2][place], x[3][place] = 120, low
        x[2][n] = 120
        tester:eq({ x:max(), torch.amax(x, 2)[2] }, { 120, 120 }, dtype)
        tester:eq(x:min(), low, dtype)
        local most, at = torch.max(x, 2)
        tester:eq({ most[2][1], at[2][1] }, { 120, place }, dtype)
        local least, low_at = torch.min(x:t(), 1)
        tester:eq(least[1][3], low, dtype)
        if low < 0 then tester:eq(low_at[1][3], place, dtype) end
        tester:eq(torch.amin(x, 1):min(), low, dtype)
      end
    end
  end
end

function tests.scans()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      for dim = 1, 3 do
        local x = make(dtype, 3, 2, 4)
        local s, p = torch.cumsum(x, dim), torch.cumprod(x, dim)
        local total = torch.narrow(s, dim, x:size(dim), 1):double():totable()
        local what = ("%s %s %d"):format(dtype, layout, dim)
        eq(torch.sum(x, dim), total, (tolerance[dtype] or 0) * 30, "cumsum " .. what)
        eq(torch.narrow(p, dim, 1, 1), torch.narrow(x, dim, 1, 1):double():totable(), 0, "cumprod " .. what)
        local two = torch.cmul(torch.narrow(p, dim, 1, 1), torch.narrow(x, dim, 2, 1))
        eq(torch.narrow(p, dim, 2, 1), two:double():totable(), 0, "cumprod " .. what)
      end
    end
  end
  tester:eq(torch.cumsum(torch.IntTensor { 1, 2, 3 }), torch.LongTensor { 1, 3, 6 })
  tester:eq(torch.cumsum(torch.zeros(0)):nElement(), 0)
  local x = torch.FloatTensor { 1, 2, 3 }
  torch.cumsum(x, x)
  tester:eq(x, torch.FloatTensor { 1, 3, 6 })
  tester:assertErrorPattern(function() torch.cumsum(x, 2) end, "dimension 2")
end

-- Numbers that differ only in their low bits, but for two.
function tests.sort_close_numbers()
  local order = torch.randperm(5000):double()
  local x = order / 2 ^ 50 + 1
  x[7], x[4000] = -1, 1e300
  local v, p = torch.sort(x, 1)
  tester:eq(p[1], 7)
  tester:eq(p[5000], 4000)
  tester:assert(v:narrow(1, 2, 4999):gt(v:narrow(1, 1, 4999)):all())
  tester:eq(x:gather(1, p), v)
end

function tests.sorting()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      for dim = 1, 3 do
        for _, descending in ipairs { false, true } do
          local x = make(dtype, 4, 5, 3)
          local values, places = torch.sort(x, dim, descending)
          local what = ("%s %s %d"):format(dtype, layout, dim)
          tester:eq(torch.gather(x, dim, places), values, 0, what)
          local want = along(x:double():totable(), dim, function(list)
            local order = {}
            for i = 1, #list do order[i] = i end
            table.sort(order, function(a, b) -- stable
              if list[a] == list[b] then return a < b end
              if descending then return list[a] > list[b] end
              return list[a] < list[b]
            end)
            return order[1] * 100 + order[#order]
          end)
          local n = x:size(dim)
          local got = torch.narrow(places, dim, 1, 1) * 100 + torch.narrow(places, dim, n, 1)
          eq(got, want, 0, what)
        end
      end
    end
  end
  local r, p = torch.FloatTensor(), torch.LongTensor()
  torch.sort(r, p, torch.FloatTensor { 3, 1, 2 })
  tester:eq(r, torch.FloatTensor { 1, 2, 3 })
  tester:eq(p, torch.LongTensor { 2, 3, 1 })
  local top, where = torch.topk(torch.FloatTensor { 3, 1, 2 }, 2, 1, true)
  tester:eq(top, torch.FloatTensor { 3, 2 })
  tester:eq(where, torch.LongTensor { 1, 3 })
  torch.max(r, p, torch.FloatTensor { { 3, 1 }, { 2, 9 } }, 2)
  tester:eq(r, torch.FloatTensor { { 3 }, { 9 } })
  tester:eq(p, torch.LongTensor { { 1 }, { 2 } })
end

-- ---- products ----------------------------------------------------------------

local function multiply(a, b)
  local out = {}
  for i = 1, #a do
    out[i] = {}
    for j = 1, #b[1] do
      local s = 0
      for k = 1, #b do s = s + a[i][k] * b[k][j] end
      out[i][j] = s
    end
  end
  return out
end

local matrices = {
  contiguous = function(dtype, m, n) return torch.zeros(m, n, dtype):apply(small) end,
  transposed = function(dtype, m, n) return torch.zeros(n, m, dtype):apply(small):t() end,
  stepped = function(dtype, m, n)
    return torch.zeros(2 * m, 2 * n, dtype):apply(small)[{ { 1, 2 * m, 2 }, { 1, 2 * n, 2 } }]
  end,
  part = function(dtype, m, n) return torch.zeros(m + 2, n + 3, dtype):apply(small)[{ { 2, m + 1 }, { 3,
    n + 2 } }] end,
  expanded = function(dtype, m, n) return torch.zeros(1, n, dtype):apply(small):expand(m, n) end,
}

function tests.matrix_products()
  local sizes = { { 1, 1, 1 }, { 3, 4, 5 }, { 1, 6, 2 }, { 5, 1, 3 }, { 2, 7, 1 } }
  for _, dtype in ipairs { "float32", "float64", "float16", "bfloat16", "int32", "int64", "int16" } do
    for first, make_a in pairs(matrices) do
      for second, make_b in pairs(matrices) do
        for _, size in ipairs(sizes) do
          local a, b = make_a(dtype, size[1], size[2]), make_b(dtype, size[2], size[3])
          local want = multiply(a:double():totable(), b:double():totable())
          local what = ("%s %s %s"):format(dtype, first, second)
          local eps = (tolerance[dtype] or 0) * 256
          eq(torch.mm(a, b), want, eps, what)
          eq(a * b, want, eps, what)
          local place = torch.zeros(size[3], size[1], dtype):t()
          eq(torch.mm(place, a, b), want, eps, "into a transposed result " .. what)
          local x = b:select(2, 1)
          eq(torch.mv(a, x):view(size[1], 1), multiply(a:double():totable(), x:double():view(-1,
            1):totable()), eps, what)
          eq(torch.dot(a:select(1, 1), x), want[1][1], eps, what)
        end
      end
    end
  end
end

function tests.addends()
  for _, dtype in ipairs { "float32", "float64", "int64" } do
    for layout, make in pairs(matrices) do
      local c, a, b = make(dtype, 3, 2), make(dtype, 3, 4), make(dtype, 4, 2)
      local want = torch.mm(a, b) * 2 + c * 3
      local eps = (tolerance[dtype] or 0) * 256
      tester:eq(torch.addmm(3, c, 2, a, b), want, eps, layout)
      tester:eq(torch.addmm(c, a, b), torch.mm(a, b) + c, eps, layout)
      tester:eq(torch.addmm(c, 2, a, b), torch.mm(a, b) * 2 + c, eps, layout)
      tester:eq(torch.addmm(torch.zeros(0, dtype), 3, c, 2, a, b), want, eps, layout)
      local y = c:clone()
      y:addmm(3, 2, a, b)
      tester:eq(y, want, eps, layout)
      if layout ~= "expanded" then
        c:addmm(3, 2, a, b)
        tester:eq(c:clone(), want, eps, layout)
      end
    end
  end
  local a, b = torch.Tensor { { 1, 2 }, { 3, 4 } }, torch.Tensor { 5, 6 }
  tester:eq(torch.addmv(torch.Tensor { 1, 1 }, a, b), torch.Tensor { 18, 40 })
  tester:eq(torch.addr(a, b, b), torch.Tensor { { 26, 32 }, { 33, 40 } })
  tester:eq(torch.ger(b, b), torch.Tensor { { 25, 30 }, { 30, 36 } })
  tester:eq(torch.addmm(0, torch.Tensor(2, 2):fill(0 / 0), 1, a, a), torch.mm(a, a), 0,
    "beta 0 reads nothing")
end

function tests.batches()
  for _, dtype in ipairs { "float32", "float64", "int32" } do
    local a, b = torch.zeros(3, 2, 4, dtype):apply(small), torch.zeros(3, 4, 5, dtype):apply(small)
    local y = torch.bmm(a, b)
    for i = 1, 3 do tester:eq(y[i]:clone(), torch.mm(a[i], b[i]), 1e-6) end
    local turned = torch.bmm(b:transpose(2, 3), a:transpose(2, 3))
    tester:eq(turned:transpose(2, 3):clone(), y, 1e-6)
    tester:eq(torch.matmul(a, b[1])[2]:clone(), torch.mm(a[2], b[1]), 1e-6)
    tester:eq(torch.matmul(a:view(3, 1, 2, 4), b:view(1, 3, 4, 5)):size():totable(), { 3, 3, 2, 5 })
    tester:eq(torch.baddbmm(torch.ones(3, 2, 5, dtype), a, b), y + 1, 1e-6)
  end
  local v = torch.Tensor { 1, 2 }
  tester:eq(v * v, 5)
  tester:eq(torch.Tensor { { 1, 2 } } * v, torch.Tensor { 5 })
  tester:eq(torch.mm(torch.zeros(2, 0), torch.zeros(0, 3)), torch.zeros(2, 3))
end

function tests.products_that_do_not_fit()
  local function fails(f, pattern) tester:assertErrorPattern(f, pattern) end
  local a, b = torch.zeros(3, 4), torch.zeros(5, 6)
  fails(function() torch.mm(a, b) end, "mm: 3x4 times 5x6: the inner sizes 4 and 5 differ")
  fails(function() return a * b end, "inner sizes 4 and 5")
  fails(function() torch.mm(a, torch.zeros(4)) end, "2 dimensions")
  fails(function() torch.mv(a, torch.zeros(3)) end, "mv")
  fails(function() torch.dot(torch.zeros(2), torch.zeros(3)) end, "dot")
  fails(function() torch.bmm(torch.zeros(2, 3, 4), torch.zeros(3, 4, 5)) end, "batches")
  fails(function() torch.addmm(a, a, b) end, "inner sizes")
  fails(function() torch.addmm(torch.zeros(7, 7), a, torch.zeros(4, 2)) end, "fit")
  fails(function() torch.ger(a, a) end, "ger")
  fails(function() torch.mm(torch.BoolTensor(2, 2), torch.BoolTensor(2, 2)) end, "bool")
end

-- ---- reading and writing by index ----------------------------------------------------------------

function tests.gather_and_scatter()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      local x = make(dtype, 3, 2, 2):select(3, 1)
      local at = torch.LongTensor { { 3, 1 }, { 2, 2 } }
      local t = x:double():totable()
      eq(torch.gather(x, 1, at), { { t[3][1], t[1][2] }, { t[2][1], t[2][2] } }, 0, dtype .. layout)
      if layout ~= "expanded" then
        local y = x:clone():t():clone():t()
        y:scatter(1, torch.LongTensor { { 3, 1 } }, torch.ones(1, 2, dtype))
        eq(y, { { t[1][1], 1 }, { t[2][1], t[2][2] }, { 1, t[3][2] } }, 0, dtype .. layout)
        y:scatterAdd(1, torch.LongTensor { { 1, 1 }, { 1, 1 } }, torch.ones(2, 2, dtype))
        eq(y[1], { t[1][1] + 2, 3 }, 0, dtype .. layout)
      end
    end
  end
  local x = torch.zeros(2, 2)
  tester:eq(x:scatter(2, torch.LongTensor { { 2 }, { 1 } }, 5), torch.Tensor { { 0, 5 }, { 5, 0 } })
  tester:assertErrorPattern(function() x:gather(1, torch.LongTensor { { 3 } }) end, "3")
  tester:assertErrorPattern(function() x:gather(1, torch.LongTensor { { 0 } }) end, "0")
  tester:assertErrorPattern(function() x:gather(1, torch.LongTensor { 1 }) end, "index of shape")
  tester:assertErrorPattern(function() x:gather(1, torch.FloatTensor { { 1 } }) end, "integer")
  tester:assertErrorPattern(function() x:scatter(1, torch.LongTensor { { 1 } }, torch.zeros(2, 2)) end,
    "scatter")
  tester:assertErrorPattern(function() x:scatter(1, torch.LongTensor { { 9 } }, 1) end, "9")
end

function tests.whole_slices()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      local x = make(dtype, 3, 2, 2)
      local picked = torch.index(x, 1, torch.LongTensor { 3, 1, 3, 2 })
      for i, from in ipairs { 3, 1, 3, 2 } do tester:eq(picked[i]:clone(), x[from]:clone(), 0,
        dtype .. layout) end
      tester:eq(x:index(3, torch.IntTensor { 2 }), x:narrow(3, 2, 1):clone(), 0, dtype .. layout)
      if layout ~= "expanded" then
        local want = x:clone()
        want[3]:add(want[3], picked[1])
        x:indexAdd(1, torch.LongTensor { 3 }, picked:narrow(1, 1, 1))
        tester:eq(x:clone(), want, 0, dtype .. layout)
        x:indexCopy(1, torch.LongTensor { 2, 1 }, picked:narrow(1, 1, 2))
        tester:eq(x[2]:clone(), picked[1]:clone(), 0, dtype .. layout)
        x:indexFill(2, torch.LongTensor { 1 }, 4)
        tester:eq(x:select(2, 1):min() + x:select(2, 1):max(), 8, 0, dtype .. layout)
      end
    end
  end
  local x = torch.zeros(2, 2)
  tester:assertErrorPattern(function() x:index(1, torch.LongTensor { 3 }) end, "3")
  tester:assertErrorPattern(function() x:index(3, torch.LongTensor { 1 }) end, "dimension 3")
  tester:assertErrorPattern(function() x:index(1, torch.LongTensor { { 1 } }) end, "vector")
  tester:assertErrorPattern(function() x:indexCopy(1, torch.LongTensor { 1 }, torch.zeros(2, 2)) end,
    "indexCopy")
  tester:assertErrorPattern(function() x:indexAdd(1, torch.LongTensor { -1 }, torch.zeros(1, 2)) end,
    "indexAdd")
  local r = torch.Tensor()
  tester:eq(torch.index(r, torch.Tensor { 5, 6 }, 1, torch.LongTensor { 2, 2 }), torch.Tensor { 6, 6 })
end

function tests.masks()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      local x = make(dtype, 2, 3, 2):select(3, 2)
      local mask = torch.gt(x, 2)
      local t, want = x:double():totable(), {}
      for _, row in ipairs(t) do
        for _, v in ipairs(row) do
          if v > 2 then want[#want + 1] = v end
        end
      end
      local got = torch.maskedSelect(x, mask)
      eq(got, want, 0, dtype .. layout)
      if layout ~= "expanded" then
        local copy = x:clone()
        x:maskedCopy(mask, got * 2)
        tester:eq(torch.maskedSelect(x, mask), got * 2, 0, dtype .. layout)
        x:maskedFill(mask:byte(), 1)
        tester:eq(x:clone(), torch.where(mask, torch.ones(2, 3, dtype), copy), 0, dtype .. layout)
      end
      tester:eq(torch.nonzero(mask):size(1), #want)
    end
  end
  local x = torch.Tensor { { 0, 1 }, { 2, 0 } }
  tester:eq(torch.nonzero(x), torch.LongTensor { { 1, 2 }, { 2, 1 } })
  local wide = torch.zeros(3, 7, 50, "uint8"):apply(small):gt(3)
  local places = {}
  for i = 1, 3 do
    for j = 1, 7 do
      for k = 1, 50 do
        if wide[i][j][k] then places[#places + 1] = { i, j, k } end
      end
    end
  end
  tester:eq(torch.nonzero(wide), torch.LongTensor(places))
  tester:eq(x:clone():maskedFill(torch.BoolTensor { true, false }, 9), torch.Tensor { { 9, 1 }, { 9, 0 } })
  tester:assertErrorPattern(function() x:maskedSelect(x) end, "mask")
  tester:assertErrorPattern(function() x:maskedCopy(torch.gt(x, 0), torch.Tensor { 1 }) end,
    "2 places and only 1")
  tester:assertErrorPattern(function() x:maskedFill(torch.BoolTensor(3), 1) end, "maskedFill")
end

function tests.joining_and_splitting()
  for _, dtype in ipairs(names) do
    for layout, make in pairs(layouts) do
      for dim = 1, 3 do
        local a, b = make(dtype, 2, 2, 3), make(dtype, 2, 2, 3)
        local y = torch.cat({ a, b }, dim)
        local n = a:size(dim)
        tester:eq(torch.narrow(y, dim, 1, n):clone(), a:clone(), 0, dtype .. layout)
        tester:eq(torch.narrow(y, dim, n + 1, n):clone(), b:clone(), 0, dtype .. layout)
        local s = torch.stack({ a, b }, dim)
        tester:eq(s:select(dim, 2):clone(), b:clone(), 0, dtype .. layout)
        local parts = torch.split(y, n, dim)
        tester:eq(#parts, 2)
        tester:eq(parts[2]:clone(), b:clone(), 0, dtype .. layout)
      end
    end
  end
  local x = torch.range(1, 5)
  local parts = x:split(2)
  tester:eq(#parts, 3)
  tester:eq(parts[3]:totable(), { 5 })
  tester:eq(#torch.chunk(x, 2), 2)
  tester:eq(torch.chunk(x, 2)[1]:totable(), { 1, 2, 3 })
  tester:eq(torch.cat(torch.Tensor { 1 }, torch.Tensor { 2 }), torch.Tensor { 1, 2 })
  tester:eq(torch.cat({ torch.Tensor(), torch.Tensor { 2 } }, 1), torch.Tensor { 2 },
    "empty ones are skipped")
  tester:eq(torch.cat { torch.IntTensor { 1 }, torch.FloatTensor { 0.5 } }, torch.FloatTensor { 1, 0.5 })
  tester:eq(torch.cat(torch.Tensor(), { x, x }, 1):nElement(), 10)
  tester:assertErrorPattern(function() torch.cat({ torch.zeros(2, 2), torch.zeros(3, 3) }, 1) end, "cat")
  tester:assertErrorPattern(function() torch.cat({ x, 3 }) end, "element 2")
  tester:assertErrorPattern(function() torch.cat({}) end, "no tensors")
  tester:assertErrorPattern(function() x:split(0) end, "split")
  tester:assertErrorPattern(function() torch.stack { torch.zeros(2), torch.zeros(3) } end, "shape")
end

-- Sums in them would overflow, or stop growing.
function tests.averages_of_many_halves()
  for _, dtype in ipairs { "float16", "bfloat16" } do
    local x = torch.ones({ 300, 400 }, dtype)
    tester:eq(x:mean(), 1)
    tester:eq(x:sum(), 120000)
    tester:eq(x:mean(1):totable(), torch.ones(1, 400):totable())
    tester:eq(x:mean(1).dtype, dtype)
    x:select(1, 1):fill(-1)
    tester:eq(x:std(), torch.std(x:to("float64")), 2e-3)
    local y = torch.ones({ 300, 400 }, dtype):requireGrad()
    y:mean():backward()
    tester:eq(y.grad:to("float64")[7][9], 1 / 120000, 1e-7)
  end
end

-- Floats are added by fours in float32 first; what overflows there is added up in double.
function tests.sums_of_large_floats()
  local big = 3e38
  for _, n in ipairs { 4, 128, 512, 1000 } do
    local x = torch.FloatTensor(n, 16):fill(big)
    for i = 1, n, 2 do x[i]:fill(-big) end
    local same = torch.FloatTensor(n, 16):fill(big)
    tester:eq(x:sum(), 0, 0, n .. " in all")
    tester:eq(x:sum(1):abs():max(), 0, 0, n .. " by rows")
    tester:eq(x:t():contiguous():sum(2):abs():max(), 0, 0, n .. " by lines")
    tester:eq(same:sum(1)[1][1], math.huge, 0, n .. " does not fit")
    x[2][3] = 0 / 0
    tester:assert(x:sum() ~= x:sum() and x:sum(1)[1][3] ~= x:sum(1)[1][3], "NaN")
    tester:eq(x:sum(1)[1][4], 0, 0, "beside NaN")
  end
end

function tests.sums_and_extremes_of_halves()
  for dtype, epsilon in pairs { float16 = 2 ^ -11, bfloat16 = 2 ^ -8 } do
    for _, size in ipairs { { 1, 7 }, { 3, 130 }, { 9, 517 }, { 23, 64 } } do
      local x = torch.randn(size):to(dtype)
      local wide, about = x:double(), dtype .. " " .. table.concat(size, "x")
      tester:eq(x:sum(), wide:sum(), torch.abs(wide):sum() * 2 ^ -23, about)
      tester:eq(x:max(), wide:max(), 0, about)
      tester:eq(x:min(), wide:min(), 0, about)
      for d = 1, 2 do
        tester:eq(x:sum(d):double(), wide:sum(d), wide:sum(d):abs():max() * epsilon + 1e-6, about .. " sum")
        tester:eq(torch.amax(x, d):double(), torch.amax(wide, d), 0, about .. " max")
        tester:eq(torch.amin(x, d):double(), torch.amin(wide, d), 0, about .. " min")
      end
      x[1][size[2]] = -math.huge
      tester:eq(x:min(), -math.huge, 0, about)
      x[1][size[2]] = 0 / 0
      tester:assert(x:max() ~= x:max() and x:min() ~= x:min(), about .. " NaN")
    end
  end
  local x = torch.BFloat16Tensor(8, 300):fill(3e38)
  x:narrow(2, 1, 150):mul(-1)
  tester:eq(x:sum(), 0, 0, "overflow in float32 only")
  tester:eq(torch.abs(x:sum(2)):max(), 0, 0)
end

function tests.sums_of_floats_are_close()
  local x = torch.FloatTensor(1003, 37):uniform(-1, 1)
  local exact, size = x:double():sum(), x:double():abs():sum()
  tester:eq(x:sum(), exact, size * 2 ^ -23)
  tester:eq(x:sum(1):double(), x:double():sum(1), 1003 * 2 ^ -22)
  tester:eq(x:sum(2):double(), x:double():sum(2), 37 * 2 ^ -22)
end

tester:add(tests)
tester:run()
