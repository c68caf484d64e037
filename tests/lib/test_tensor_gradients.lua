-- test_tensor_gradients: the derivative of every operator of the tensor core, first and second order,
-- against central differences, over several shapes and layouts.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

-- ---- inputs ----------------------------------------------------------------

-- Numbers without a pattern between lo and hi; the same for one seed on every machine.
local function values(seed, n, lo, hi)
  local v = {}
  for i = 1, n do
    local u = math.sin(12.9898 * i + 78.233 * seed) * 43758.5453
    v[i] = lo + (hi - lo) * (u - math.floor(u))
  end
  return torch.DoubleTensor(v)
end

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

-- A fresh leaf of the shape in one of the layouts.
local layouts = {
  contiguous = function(shape, seed, lo, hi)
    if #shape == 0 then return torch.scalar(values(seed, 1, lo, hi)[1], "double") end
    return values(seed, count(shape), lo, hi):view(table.unpack(shape))
  end,
  transposed = function(shape, seed, lo, hi)
    if #shape < 2 then return nil end
    local turned = { table.unpack(shape) }
    turned[1], turned[#shape] = shape[#shape], shape[1]
    return values(seed, count(shape), lo, hi):view(table.unpack(turned)):transpose(1, #shape):detach()
  end,
  stepped = function(shape, seed, lo, hi)
    if #shape == 0 then return nil end
    local wide = { table.unpack(shape) }
    wide[#wide] = 2 * wide[#wide]
    local x = values(seed, count(wide), lo, hi):view(table.unpack(wide))
    local key = {}
    for d = 1, #shape do key[d] = {} end
    key[#shape] = { 1, wide[#wide], 2 }
    return x[key]:detach()
  end,
}

-- Checks f over inputs of the given shapes: all in one layout at a time.
local function check(name, f, shapes, options)
  options = options or {}
  local lo, hi = options.lo or -2, options.hi or 2
  for layout, make in pairs(layouts) do
    local inputs, differs = {}, layout == "contiguous"
    for i, shape in ipairs(shapes) do
      local x = make(shape, i, lo, hi)
      differs = differs or x ~= nil
      inputs[i] = x or layouts.contiguous(shape, i, lo, hi)
    end
    if differs then
      local ok, why = torch.gradcheck(f, inputs, {
        second = options.second ~= false, eps = options.eps, atol = options.atol or 1e-4,
      })
      tester:assert(ok, ("%s, %s: %s"):format(name, layout, tostring(why)))
    end
  end
end

-- ---- elementwise ----------------------------------------------------------------

local unary = {
  neg = {}, abs = {}, sign = {}, square = {}, exp = {}, expm1 = {}, sin = {}, cos = {},
  tan = { -1, 1 }, atan = {}, sinh = {}, cosh = {}, tanh = {}, asinh = {}, sigmoid = {},
  logSigmoid = {}, softplus = {}, relu = {}, gelu = {}, silu = {}, geluTanh = {}, mish = {},
  erf = {}, erfc = {},
  sqrt = { 0.5, 3 }, rsqrt = { 0.5, 3 }, cinv = { 0.5, 3 }, log = { 0.5, 3 }, log1p = { -0.5, 2 },
  log2 = { 0.5, 3 }, log10 = { 0.5, 3 }, asin = { -0.8, 0.8 }, acos = { -0.8, 0.8 },
  acosh = { 1.2, 3 }, atanh = { -0.8, 0.8 }, floor = {}, ceil = {}, round = {}, trunc = {}, frac = {},
}

function tests.unary()
  for name, range in pairs(unary) do
    local f = torch[name]
    for _, shape in ipairs { {}, { 4 }, { 2, 3 }, { 2, 1, 3 } } do
      check(name, function(x) return f(x) end, { shape }, { lo = range[1], hi = range[2] })
    end
  end
end

function tests.gamma_functions()
  for _, name in ipairs { "lgamma", "digamma", "trigamma" } do
    check(name, torch[name], { { 2, 3 } }, { lo = 0.5, hi = 3 })
    check(name .. " below 0", torch[name], { { 4 } }, { lo = -0.8, hi = -0.2, atol = 1e-2 })
  end
end

function tests.unary_in_place()
  for name, range in pairs(unary) do
    check(name .. " in place", function(x)
      local y = torch.add(x, 0)
      y[name](y)
      return y
    end, { { 2, 3 } }, { lo = range[1], hi = range[2] })
  end
end

local broadcasts = {
  { {}, {} }, { { 3 }, { 3 } }, { { 2, 3 }, { 2, 3 } }, { { 2, 3 }, { 3 } }, { { 3 }, { 2, 3 } },
  { { 2, 1 }, { 1, 3 } }, { {}, { 2, 2 } }, { { 2, 1, 2 }, { 3, 1 } },
}

local binary = {
  add = {}, csub = {}, cmul = {}, cdiv = { 0.5, 2 }, cpow = { 0.5, 2 }, cmax = {}, cmin = {},
  atan2 = { 0.5, 2 }, cremainder = { 0.6, 2.9 }, cfmod = { 0.6, 2.9 },
}

function tests.binary()
  for name, range in pairs(binary) do
    for _, shapes in ipairs(broadcasts) do
      check(name, function(a, b) return torch[name](a, b) end, shapes, { lo = range[1], hi = range[2] })
    end
    check(name .. " of one tensor twice", function(a)
      return torch[name](a, torch.mul(a, 1.5))
    end, { { 3 } }, { lo = range[1] or 0.3, hi = range[2] })
  end
  check("a tensor with itself", function(a) return torch.cmul(a, a) + torch.cdiv(a, a) end, { { 3 } },
    { lo = 0.5 })
end

function tests.binary_in_place()
  for name, range in pairs(binary) do
    local options = { lo = range[1], hi = range[2] }
    for _, shapes in ipairs { { { 2, 3 }, { 2, 3 } }, { { 2, 3 }, { 3 } }, { { 2, 3 }, {} } } do
      check(name .. " in place", function(a, b)
        local y = torch.mul(a, 1)
        return y[name](y, b)
      end, shapes, options)
      check(name .. " of a result", function(a, b)
        local y = torch.mul(a, 1)
        local z = torch.mul(b, 1):expandAs(y):clone()
        z[name](z, y, z)
        return z + y
      end, shapes, options)
    end
    check(name .. " on itself", function(a)
      local y = torch.mul(a, 1)
      return y[name](y, y)
    end, { { 3 } }, options.lo and options or { lo = 0.4, hi = 2 })
  end
end

function tests.with_a_number()
  local forms = {
    add = function(x) return x + 3 end, radd = function(x) return 3 + x end,
    sub = function(x) return x - 3 end, rsub = function(x) return 3 - x end,
    mul = function(x) return x * 3 end, rmul = function(x) return 3 * x end,
    div = function(x) return x / 3 end, rdiv = function(x) return 3 / x end,
    pow2 = function(x) return x ^ 2 end, pow3 = function(x) return torch.pow(x, 3) end,
    powhalf = function(x) return x ^ 0.5 end, pow1 = function(x) return x ^ 1 end,
    pow0 = function(x) return x ^ 0 end, rpow = function(x) return 2 ^ x end,
    rpow7 = function(x) return torch.pow(0.7, x) end,
    mod = function(x) return x % 0.7 end, fmod = function(x) return torch.fmod(x, 0.7) end,
    rmod = function(x) return torch.cremainder(torch.scalar(5, "double"), x) end,
    max = function(x) return torch.cmax(x, 1.1) end, min = function(x) return torch.cmin(x, 1.1) end,
    neg = function(x) return -x end,
    atan2 = function(x) return torch.atan2(x, 0.7) end,
  }
  for name, f in pairs(forms) do
    check(name, f, { { 2, 3 } }, { lo = 0.3, hi = 2 })
    check(name, f, { {} }, { lo = 0.3, hi = 2 })
  end
  for _, name in ipairs { "add", "mul", "div", "pow", "fmod", "remainder", "cmax", "cmin", "atan2" } do
    check(name .. " in place", function(x)
      local y = torch.mul(x, 1)
      return y[name](y, 1.3)
    end, { { 2, 3 } }, { lo = 0.3, hi = 2 })
  end
end

function tests.fused()
  local three = { { { 2, 3 }, { 2, 3 }, { 2, 3 } }, { { 2, 3 }, { 3 }, { 2, 1 } }, { { 3 }, {}, { 2, 3 } } }
  for _, shapes in ipairs(three) do
    check("addcmul", function(a, b, c) return torch.addcmul(a, 0.7, b, c) end, shapes)
    check("addcdiv", function(a, b, c) return torch.addcdiv(a, 0.7, b, c) end, shapes, { lo = 0.5, hi = 2 })
  end
  check("addcmul in place", function(a, b, c)
    return torch.mul(a, 1):addcmul(0.7, b, c)
  end, three[1])
  check("addcdiv in place", function(a, b, c)
    return torch.mul(a, 1):addcdiv(0.7, b, c)
  end, three[1], { lo = 0.5, hi = 2 })
  check("addcmul on its factor", function(a, b)
    local y = torch.mul(a, 1)
    return y:addcmul(0.7, y, b)
  end, { { 3 }, { 3 } })
  local two = { { { 2, 3 }, { 2, 3 } }, { { 2, 3 }, { 3 } }, { { 1, 3 }, { 2, 1 } } }
  for _, shapes in ipairs(two) do
    check("lerp", function(a, b) return torch.lerp(a, b, 0.3) end, shapes)
    check("weighted add", function(a, b) return torch.add(a, 0.3, b) end, shapes)
    check("weighted csub", function(a, b) return torch.csub(a, 0.3, b) end, shapes)
    check("where", function(a, b)
      return torch.where(torch.gt(a:detach(), b:detach()), a, b)
    end, shapes)
  end
  check("where with a number", function(a)
    return torch.where(torch.gt(a:detach(), 0), a, 3)
  end, { { 2, 3 } })
  for _, shape in ipairs { {}, { 4 }, { 2, 3 } } do
    check("clamp", function(a) return torch.clamp(a, -0.7, 0.9) end, { shape })
    check("threshold", function(a) return torch.threshold(a, 0.2, 5) end, { shape })
    check("clamp in place", function(a) return torch.mul(a, 1):clamp(-0.7, 0.9) end, { shape })
  end
end

-- ---- views and copies ----------------------------------------------------------------

function tests.views()
  local forms = {
    narrow = function(x) return torch.narrow(x, 2, 2, 2) end,
    sub = function(x) return x:sub(1, 2, 2, -1) end,
    select = function(x) return x:select(2, 3) end,
    transpose = function(x) return x:transpose(1, 2) end,
    t = function(x) return x:t() end,
    permute = function(x) return x:permute(2, 1) end,
    reshape = function(x) return torch.reshape(x, 2, 6) end,
    flatten = function(x) return torch.flatten(x) end,
    unsqueeze = function(x) return x:unsqueeze(2) end,
    squeeze = function(x) return x:narrow(1, 2, 1):squeeze() end,
    squeeze_dim = function(x) return x:narrow(1, 2, 1):squeeze(1) end,
    expand = function(x) return x:narrow(1, 1, 1):expand(5, 4) end,
    expand_in_front = function(x) return x:expand(2, 3, 4) end,
    unfold = function(x) return x:unfold(2, 2, 1) end,
    unfold_far = function(x) return x:unfold(1, 1, 2) end,
    diagonal = function(x) return x:diagonal() end,
    diagonal_above = function(x) return x:diagonal(2) end,
    diagonal_below = function(x) return x:diagonal(-1) end,
    diag = function(x) return torch.diag(x, 1) end,
    diag_of_vector = function(x) return torch.diag(x[2], -1) end,
    step = function(x) return x[{ {}, { 1, 4, 2 } }] end,
    region = function(x) return x[{ { 2, 3 }, 2 }] end,
    view_of_view = function(x) return x:t():narrow(1, 2, 2):select(2, 1) end,
    clone = function(x) return x:clone() end,
    contiguous = function(x) return x:t():contiguous() end,
    repeated = function(x) return torch.repeatTensor(x, 2, 1) end,
    cast = function(x) return x:float():double() end,
  }
  for name, f in pairs(forms) do
    if name ~= "cast" then
      check(name, function(x) return torch.mul(f(x), f(x)) end, { { 3, 4 } })
    else
      check(name, f, { { 3, 4 } }, { eps = 1e-2, atol = 1e-3 })
    end
  end
  check("view", function(x) return torch.square(torch.mul(x, 2):view(4, -1)) end, { { 3, 4 } })
  check("split", function(x)
    local parts = torch.split(x, 3, 2)
    return torch.cmul(parts[1], parts[1]):sum(2) + parts[2]
  end, { { 3, 4 } })
  check("chunk", function(x)
    local parts = torch.chunk(x, 2, 2)
    return torch.cmul(parts[1], parts[2])
  end, { { 3, 4 } })
end

function tests.copies()
  check("copy", function(a, b)
    local y = torch.mul(a, 1)
    y:copy(b)
    return torch.cmul(y, a)
  end, { { 2, 3 }, { 2, 3 } })
  check("copy that broadcasts", function(a, b)
    local y = torch.mul(a, 1)
    return torch.square(y:copy(b))
  end, { { 2, 3 }, { 3 } })
  check("fill", function(a)
    local y = torch.mul(a, 2)
    y[1]:fill(3)
    return torch.square(y)
  end, { { 2, 3 } })
end

-- ---- reductions ----------------------------------------------------------------

-- What a full reduction gives is a tensor when it takes part in a graph, else a number.
local function tensor(v)
  return torch.isTensor(v) and v or torch.scalar(v, "double")
end

function tests.reductions()
  local full = {
    sum = { torch.sum }, mean = { torch.mean }, prod = { torch.prod, 0.4, 2 }, max = { torch.max },
    min = { torch.min }, var = { torch.var }, std = { torch.std }, norm = { torch.norm },
    norm1 = { function(x) return torch.norm(x, 1) end },
    norm3 = { function(x) return torch.norm(x, 3) end, 0.4, 2 },
    norm_infinity = { function(x) return torch.norm(x, math.huge) end },
    biased = { function(x) return torch.var(x, nil, true) end },
  }
  for name, case in pairs(full) do
    for _, shape in ipairs { { 4 }, { 2, 3 }, { 2, 2, 2 } } do
      check(name, function(x) return tensor(case[1](x)) end, { shape }, { lo = case[2], hi = case[3] })
    end
  end
  local along = {
    sum = {}, mean = {}, prod = { 0.4, 2 }, var = {}, std = {}, max = {}, min = {},
    cumsum = {}, cumprod = { 0.4, 2 }, sort = {}, topk = {},
  }
  for name, range in pairs(along) do
    for dim = 1, 3 do
      check(name .. " along", function(x)
        if name == "topk" then return (torch.topk(x, 2, dim)) end
        return (torch[name](x, dim))
      end, { { 2, 3, 2 } }, { lo = range[1], hi = range[2] })
    end
  end
  for _, p in ipairs { 1, 2, 3 } do
    check("norm along", function(x) return torch.norm(x, p, 2) end, { { 2, 3 } }, { lo = 0.4 })
  end
  check("several dimensions", function(x) return torch.sum(x, { 1, 3 }) end, { { 2, 3, 2 } })
  check("without the dimension", function(x) return torch.mean(x, { 1, 3 }, false) end, { { 2, 3, 2 } })
  check("max without it", function(x) return (torch.max(x, 2, false)) end, { { 2, 3 } })
  check("dist", function(a, b) return tensor(torch.dist(a, b)) end, { { 3 }, { 3 } })
  check("sort descending", function(x) return (torch.sort(x, 1, true)) end, { { 3, 2 } })
end

-- The derivative of a product exists where factors are zero too.
function tests.products_with_zeros()
  local rows = {
    { { 2, 0, 3 }, { 1.5, 2, 0.5 } }, { { 0, 5, 0 }, { 1, 2, 3 } }, { { 0, 0, 0 }, { 0, 1, 2 } },
  }
  for _, row in ipairs(rows) do
    local function input() return torch.DoubleTensor(row) end
    local function holds(name, f)
      local ok, why = torch.gradcheck(f, { input() }, { second = true, atol = 1e-4 })
      tester:assert(ok, name .. ": " .. tostring(why))
    end
    holds("prod", function(x) return tensor(torch.prod(x)) end)
    for dim = 1, 2 do
      holds("prod along", function(x) return torch.prod(x, dim) end)
      holds("prod without the dimension", function(x) return torch.prod(x, dim, false) end)
      holds("cumprod", function(x) return torch.cumprod(x, dim) end)
      holds("cumprod transposed", function(x) return torch.cumprod(x:t(), dim) end)
    end
  end
  local cube = torch.DoubleTensor(2, 3, 2):fill(2)
  cube[{ 1, 2, 1 }] = 0
  local ok, why = torch.gradcheck(function(x) return torch.prod(x, { 1, 3 }) end, { cube })
  tester:assert(ok, tostring(why))
  local x = torch.DoubleTensor { 2, 0, 3 }:requireGrad()
  torch.prod(x):backward()
  tester:eq(x.grad, torch.DoubleTensor { 0, 6, 0 })
end

-- ---- products ----------------------------------------------------------------

function tests.matrix_products()
  check("mm", torch.mm, { { 2, 3 }, { 3, 4 } })
  check("bmm", torch.bmm, { { 2, 2, 3 }, { 2, 3, 2 } })
  check("mv", torch.mv, { { 2, 3 }, { 3 } })
  check("ger", torch.ger, { { 2 }, { 3 } })
  check("dot", function(a, b) return tensor(torch.dot(a, b)) end, { { 4 }, { 4 } })
  check("dot of matrices", function(a, b) return tensor(torch.dot(a, b)) end, { { 2, 2 }, { 2, 2 } })
  local shapes = {
    { { 3 }, { 3, 2 } }, { { 2, 3 }, { 3 } }, { { 2, 2, 3 }, { 3, 2 } }, { { 2, 3 }, { 2, 3, 2 } },
    { { 2, 1, 2, 3 }, { 2, 3, 2 } }, { { 3 }, { 2, 3, 2 } }, { { 2, 2, 3 }, { 3 } },
  }
  for _, pair in ipairs(shapes) do
    check("matmul", torch.matmul, pair)
    check("*", function(a, b) return a * b end, pair)
  end
  check("mm of one matrix", function(a) return torch.mm(a, a) end, { { 2, 2 } })
end

function tests.products_with_an_addend()
  for _, c in ipairs { { 2, 4 }, { 4 }, { 2, 1 }, {} } do
    check("addmm", function(z, a, b) return torch.addmm(0.5, z, 2, a, b) end, { c, { 2, 3 }, { 3, 4 } })
  end
  check("addmm in place", function(z, a, b)
    return torch.mul(z, 1):addmm(0.5, 2, a, b)
  end, { { 2, 4 }, { 2, 3 }, { 3, 4 } })
  check("addmm on its factor", function(z, a)
    local y = torch.mul(a, 1)
    y:addmm(z, y, y)
    return torch.square(y)
  end, { { 2, 2 }, { 2, 2 } })
  check("addmv", function(z, a, b) return torch.addmv(0.5, z, 2, a, b) end, { { 2 }, { 2, 3 }, { 3 } })
  check("addr", function(z, a, b) return torch.addr(0.5, z, 2, a, b) end, { { 2, 3 }, { 2 }, { 3 } })
  check("baddbmm", function(z, a, b) return torch.baddbmm(0.5, z, 2, a, b) end,
    { { 2, 2, 2 }, { 2, 2, 3 }, { 2, 3, 2 } })
end

-- ---- indexing ----------------------------------------------------------------

function tests.reading_by_index()
  local places = torch.LongTensor { 3, 1, 3 }
  local at = torch.LongTensor { { 2, 1, 2 }, { 3, 3, 1 } }
  check("index", function(x) return torch.square(torch.index(x, 1, places)) end, { { 3, 2 } })
  check("index along 2", function(x) return torch.square(x:index(2, places)) end, { { 2, 3 } })
  check("x[places]", function(x) return torch.square(x[places]) end, { { 3, 2 } })
  check("x[{ {}, places }]", function(x) return torch.square(x[{ {}, places }]) end, { { 2, 3 } })
  check("gather", function(x) return torch.square(torch.gather(x, 1, at)) end, { { 3, 3 } })
  check("gather along 2", function(x) return torch.square(x:gather(2, at)) end, { { 2, 3 } })
  local mask = torch.BoolTensor { { true, false, true }, { false, true, false } }
  check("maskedSelect", function(x) return torch.square(torch.maskedSelect(x, mask)) end, { { 2, 3 } })
  check("x[mask]", function(x) return torch.square(x[mask]) end, { { 2, 3 } })
end

function tests.writing_by_index()
  local places = torch.LongTensor { 3, 1 }
  local at = torch.LongTensor { { 2, 1 }, { 3, 3 } }
  local unique = torch.LongTensor { { 2, 1 }, { 3, 2 } }
  check("indexAdd", function(a, b) return torch.square(torch.mul(a, 1):indexAdd(1, places, b)) end,
    { { 3, 2 }, { 2, 2 } })
  check("indexAdd to one place", function(a, b)
    return torch.square(torch.mul(a, 1):indexAdd(1, torch.LongTensor { 2, 2 }, b))
  end, { { 3, 2 }, { 2, 2 } })
  check("indexCopy", function(a, b) return torch.square(torch.mul(a, 1):indexCopy(1, places, b)) end,
    { { 3, 2 }, { 2, 2 } })
  check("indexFill", function(a) return torch.square(torch.mul(a, 1):indexFill(2, places, 7)) end,
    { { 2, 3 } })
  check("scatter", function(a, b) return torch.square(torch.mul(a, 1):scatter(1, unique, b)) end,
    { { 3, 2 }, { 2, 2 } })
  check("scatterAdd", function(a, b) return torch.square(torch.mul(a, 1):scatterAdd(1, at, b)) end,
    { { 3, 2 }, { 2, 2 } })
  local mask = torch.BoolTensor { { true, false, true }, { false, true, false } }
  check("maskedFill", function(a) return torch.square(torch.mul(a, 1):maskedFill(mask, 2)) end, { { 2,
    3 } })
  check("maskedCopy", function(a, b) return torch.square(torch.mul(a, 1):maskedCopy(mask, b)) end,
    { { 2, 3 }, { 3 } })
  check("maskedCopy through a view", function(a, b)
    local y = torch.mul(a, 1)
    y:t():maskedCopy(mask, b)
    return torch.square(y)
  end, { { 3, 2 }, { 3 } })
end

function tests.assignments()
  local forms = {
    ["y[i] = v"] = { function(y, v) y[2] = v end, { 3 } },
    ["y[i] = number"] = { function(y) y[1] = 5 end, { 1 } },
    ["y[{i, j}] = v"] = { function(y, v) y[{ 1, 2 }] = v end, {} },
    ["y[{range}] = v"] = { function(y, v) y[{ {}, { 1, 2 } }] = v end, { 2, 2 } },
    ["y[{range}] = v that broadcasts"] = { function(y, v) y[{ {}, { 1, 3, 2 } }] = v end, { 2 } },
    ["y[mask] = v"] = { function(y, v) y[torch.gt(y:detach(), 0)] = v end, { 6 } },
    ["y[mask] = number"] = { function(y) y[torch.gt(y:detach(), 0)] = 2 end, { 1 } },
    ["y[places] = v"] = { function(y, v) y[torch.LongTensor { 2 }] = v end, { 1, 3 } },
    ["y[{{}, places}] = v"] = { function(y, v) y[{ {}, torch.LongTensor { 3, 1 } }] = v end, { 2, 2 } },
    ["y[i][j] = v"] = { function(y, v) y[1][3] = v end, {} },
    ["y:select():mul()"] = { function(y, v) y:select(2, 2):cmul(v) end, { 2 } },
    ["y:narrow():add(y:narrow())"] = {
      function(y, v) y:narrow(2, 1, 2):add(y:narrow(2, 2, 2)):add(v) end, {},
    },
    ["y:t():copy(v)"] = { function(y, v) y:t():copy(v) end, { 3, 2 } },
    ["y:view():sin()"] = { function(y, v) y:view(6):sin():mul(2) y:add(v) end, {} },
    ["y:diagonal():copy(v)"] = { function(y, v) y:diagonal():copy(v) end, { 2 } },
    ["overlapping windows"] = {
      function(y, v)
        local first, second = y:narrow(2, 1, 2), y:narrow(2, 2, 2)
        first:mul(3)
        second:cmul(first)
        first:copy(v)
      end, { 2, 2 },
    },
  }
  for name, case in pairs(forms) do
    check(name, function(x, v)
      local y = torch.mul(x, 1.5)
      case[1](y, v)
      return torch.cmul(torch.square(y), x)
    end, { { 2, 3 }, case[2] })
  end
end

function tests.joining()
  check("cat", function(a, b) return torch.square(torch.cat({ a, b, a }, 1)) end, { { 2, 3 }, { 1, 3 } })
  check("cat of two", function(a, b) return torch.square(torch.cat(a, b, 2)) end, { { 2, 3 }, { 2, 1 } })
  check("stack", function(a, b) return torch.square(torch.stack({ a, b }, 2)) end, { { 2, 3 }, { 2, 3 } })
  check("stack of scalars", function(a, b) return torch.square(torch.stack { a, b }) end, { {}, {} })
end

tester:add(tests)
tester:run()
