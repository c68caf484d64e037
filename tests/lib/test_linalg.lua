-- test_linalg: solving, factorisations and decompositions against their definitions.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

torch.manualSeed(1)

local types = { ["torch.FloatTensor"] = 2e-3, ["torch.DoubleTensor"] = 1e-8 }

local function t(x)
  return x:transpose(x:dim() - 1, x:dim())
end

local function random(shape, kind)
  return torch.randn(torch.LongStorage(shape)):type(kind)
end

-- Matrices of one shape in several layouts: plain, transposed, every second element of a larger
-- tensor, and batches of them.
local function layouts(m, n, kind)
  local wide = random({ m, 2 * n }, kind)
  return {
    contiguous = random({ m, n }, kind),
    transposed = random({ n, m }, kind):t(),
    strided = wide:unfold(2, 1, 2):select(3, 1),
    batch = random({ 3, m, n }, kind),
    ["transposed batch"] = t(random({ 2, 2, n, m }, kind)),
    ["empty batch"] = torch.zeros(0, m, n):type(kind),
  }
end

local function each(m, n, f)
  for kind, precision in pairs(types) do
    torch.manualSeed(m * 10 + n)
    for layout, a in pairs(layouts(m, n, kind)) do
      torch.manualSeed(m * 10 + n)
      local kept = a:clone()
      f(a, precision, ("%dx%d %s, %s"):format(m, n, layout, kind), kind)
      tester:eq(a, kept, 0, "the input stays as it is: " .. layout)
    end
  end
end

local function close(got, wanted, precision, message)
  tester:eq(got:type(), wanted:type(), message)
  tester:eq(got, wanted, precision, message)
end

local function eye_like(a)
  local n = a:size(a:dim())
  return torch.expand(torch.eye(n):type(a:type()), a:size())
end

-- Symmetric and positive definite.
local function definite(a)
  return torch.matmul(a, t(a)) + eye_like(torch.matmul(a, t(a))) * 0.5
end

local function is_triangle(x, upper, message)
  local zero = upper and torch.tril(x, -1) or torch.triu(x, 1)
  tester:eq(zero, torch.zeros(x:size()):type(x:type()), 0, message)
end

-- ---- systems ------------------------------------------------------------------------------

function tests.solve()
  each(4, 4, function(a, precision, message, kind)
    local shape = a:size():totable()
    shape[#shape] = 3
    local b = random(shape, kind)
    local m = a + eye_like(a) * 6
    local x = torch.solve(m, b)
    close(torch.matmul(m, x), b, precision, message)
    close((torch.gesv(b, m)), x, 0, message)
  end)
  local a, b = torch.randn(3, 3), torch.randn(3)
  close(torch.mv(a, torch.solve(a, b)), b, 1e-3, "a vector")
  local many = torch.randn(5, 3, 2)
  close(torch.matmul(a, torch.solve(a, many)), many, 1e-2, "one matrix, many sides")
  tester:eq(torch.solve(torch.zeros(0, 0), torch.zeros(0, 2)):nElement(), 0)
end

function tests.results_given()
  local a, b = torch.randn(3, 3):double(), torch.randn(3, 2):double()
  local x, lu = torch.DoubleTensor(), torch.DoubleTensor(3, 3)
  local x2, lu2 = torch.gesv(x, lu, b, a)
  tester:assert(torch.pointer(x) == torch.pointer(x2) and torch.pointer(lu) == torch.pointer(lu2))
  close(a * x, b, 1e-10)
  local upper, lower = torch.triu(lu), torch.tril(lu, -1) + torch.eye(3):double()
  tester:assertlt(math.abs(math.abs(upper:diag():prod()) - math.abs(torch.det(a))), 1e-10)
  tester:eq((lower * upper):nElement(), 9)
  local y = torch.DoubleTensor()
  torch.inverse(y, a)
  close(y * a, torch.eye(3):double(), 1e-10)
  tester:assert(not y:isContiguous(), "laid out by columns")
  torch.inverse(a, a)
  close(a, y, 0, "in place of the operand")
end

function tests.inverse()
  each(3, 3, function(a, precision, message)
    local m = a + eye_like(a) * 5
    close(torch.matmul(m, torch.inverse(m)), eye_like(m):clone(), precision, message)
  end)
end

function tests.determinants()
  each(4, 4, function(a, precision, message)
    local sign, logabs = torch.slogdet(a)
    local det = torch.det(a)
    if a:dim() == 2 then
      local product = 1
      local values = torch.eig(a):double()
      local re, im = 1, 0
      for i = 1, 4 do
        local p, q = values[i][1], values[i][2]
        re, im = re * p - im * q, re * q + im * p
      end
      product = product * re
      tester:assertlt(math.abs(det - product), 20 * precision, message)
      tester:assertlt(math.abs(sign * math.exp(logabs) - det), 20 * precision, message)
    elseif a:nElement() > 0 then
      close(torch.cmul(sign, torch.exp(logabs)), det, 20 * precision, message)
    end
  end)
  tester:eq(torch.det(torch.DoubleTensor { { 0, 2 }, { 3, 0 } }), -6, 1e-14)
  tester:eq(torch.det(torch.zeros(0, 0)), 1)
  tester:eq(torch.det(torch.ones(2, 2)), 0)
  local sign, logabs = torch.slogdet(torch.ones(2, 2))
  tester:eq(sign, 0)
  tester:eq(logabs, -math.huge)
  tester:eq(torch.logdet(torch.eye(3) * 2), 3 * math.log(2), 1e-6)
  local nan = torch.logdet(torch.DoubleTensor { { 0, 1 }, { 1, 0 } })
  tester:assert(nan ~= nan)
end

function tests.triangular()
  each(4, 4, function(a, precision, message, kind)
    local shape = a:size():totable()
    shape[#shape] = 2
    local b = random(shape, kind)
    local m = a + eye_like(a) * 8
    for _, uplo in ipairs { "U", "L" } do
      for _, trans in ipairs { "N", "T" } do
        for _, unit in ipairs { "N", "U" } do
          local tri = uplo == "U" and torch.triu(m) or torch.tril(m)
          if unit == "U" then
            tri = (uplo == "U" and torch.triu(m, 1) or torch.tril(m, -1)) + eye_like(m)
          end
          if trans == "T" then tri = t(tri) end
          local x = torch.trtrs(b, m, uplo, trans, unit)
          local scale = unit == "U" and 100 or 1
          close(torch.matmul(tri, x), b, precision * scale, message .. uplo .. trans .. unit)
        end
      end
    end
  end)
end

function tests.cholesky()
  each(4, 4, function(a, precision, message)
    local m = definite(a)
    local u, l = torch.potrf(m), torch.potrf(m, "L")
    is_triangle(u, true, message)
    is_triangle(l, false, message)
    close(torch.matmul(t(u), u), m, precision, message)
    close(torch.matmul(l, t(l)), m, precision, message)
    close(torch.cholesky(m), l, 0, message)
    close(torch.matmul(m, torch.potrs(a, u)), a, 20 * precision, message)
    close(torch.matmul(m, torch.potrs(a, l, "L")), a, 20 * precision, message)
    close(torch.potri(u), torch.inverse(m), 20 * precision, message)
    close(torch.potri(l, "L"), torch.inverse(m), 20 * precision, message)
  end)
end

function tests.cholesky_with_pivots()
  for kind, precision in pairs(types) do
    local m = definite(random({ 5, 5 }, kind))
    for _, uplo in ipairs { "U", "L" } do
      local f, pivots = torch.pstrf(m, uplo)
      is_triangle(f, uplo == "U", uplo)
      tester:eq(pivots.dtype, "int32")
      local p = pivots:long()
      local product = uplo == "U" and f:t() * f or f * f:t()
      close(m:index(1, p):index(2, p), product, precision, uplo)
    end
  end
  tester:assertErrorPattern(function() torch.pstrf(torch.ones(3, 3)) end, "torch.pstrf.*rank deficient")
end

-- ---- least squares --------------------------------------------------------------------------

function tests.least_squares()
  for _, shape in ipairs { { 6, 3 }, { 3, 3 }, { 3, 6 } } do
    each(shape[1], shape[2], function(a, precision, message, kind)
      local sizes = a:size():totable()
      sizes[#sizes] = 2
      local b = random(sizes, kind)
      -- the residual is orthogonal to the columns, the solution lies in the rows' span
      for name, x in pairs { gels = torch.gels(b, a), lstsq = torch.lstsq(a, b) } do
        local gap = torch.matmul(t(a), torch.matmul(a, x) - b)
        close(gap, torch.zeros(gap:size()):type(kind), 50 * precision, name .. message)
        close(torch.matmul(torch.pinverse(a), b), x, 100 * precision, name .. message)
      end
    end)
  end
  local a = torch.DoubleTensor { { 1, 1 }, { 1, 1 } }
  close(torch.lstsq(a, torch.DoubleTensor { 2, 4 }), torch.DoubleTensor { 1.5, 1.5 }, 1e-12, "rank 1")
end

function tests.pseudo_inverse()
  for _, shape in ipairs { { 4, 2 }, { 2, 4 } } do
    each(shape[1], shape[2], function(a, precision, message)
      local p = torch.pinverse(a)
      close(torch.matmul(torch.matmul(a, p), a), a:clone(), 10 * precision, message)
      close(torch.matmul(torch.matmul(p, a), p), p, 100 * precision, message)
      local ap = torch.matmul(a, p)
      close(ap, t(ap):clone(), 10 * precision, message)
    end)
  end
end

function tests.ranks()
  local a = torch.randn(5, 2) * torch.randn(2, 4)
  tester:eq(torch.matrixRank(a), 2)
  tester:eq(torch.matrixRank(torch.eye(3)), 3)
  tester:eq(torch.matrixRank(torch.zeros(3, 3)), 0)
  tester:eq(torch.matrixRank(torch.eye(3) * 0.1, 0.2), 0)
  tester:eq(torch.matrixRank(torch.stack { torch.eye(2), torch.ones(2, 2) }), torch.LongTensor { 2, 1 })
end

-- ---- decompositions -------------------------------------------------------------------------

function tests.symmetric_eigenvalues()
  each(4, 4, function(a, precision, message)
    local m = a + t(a)
    local e, v = torch.symeig(m, "V")
    close(torch.matmul(t(v), v), eye_like(m):clone(), precision, message)
    close(torch.matmul(m, v), torch.cmul(v, e:unsqueeze(e:dim())), 10 * precision, message)
    close((torch.symeig(m)), e, 10 * precision, message)
    close((torch.symeig(torch.tril(m), "N", "L")), e, 10 * precision, message)
    if e:nElement() > 0 then tester:eq(torch.sort(e), e, 0, message) end
  end)
end

function tests.eigenvalues()
  each(4, 4, function(a, precision, message)
    local e, v = torch.eig(a, "V")
    close((torch.eig(a)), e, 20 * precision, message)
    if a:dim() ~= 2 then return end
    tester:assertlt(math.abs(e:select(2, 1):sum() - torch.trace(a)), 20 * precision, message)
    local j = 1
    while j <= 4 do
      local re, im = e[j][1], e[j][2]
      local x = v:select(2, j)
      if im == 0 then
        close(torch.mv(a, x), x * re, 20 * precision, message)
        j = j + 1
      else -- two columns hold the real and the imaginary part
        local y = v:select(2, j + 1)
        close(torch.mv(a, x), x * re - y * im, 20 * precision, message)
        close(torch.mv(a, y), y * re + x * im, 20 * precision, message)
        j = j + 2
      end
    end
  end)
end

function tests.singular_values()
  for _, shape in ipairs { { 5, 3 }, { 3, 5 }, { 4, 4 }, { 1, 3 } } do
    local m, n = shape[1], shape[2]
    local k = math.min(m, n)
    each(m, n, function(a, precision, message)
      for _, job in ipairs { "S", "A" } do
        local u, s, v = torch.svd(a, job)
        local d = a:dim()
        tester:eq(u:size(d), job == "S" and k or m, message)
        tester:eq(v:size(d), job == "S" and k or n, message)
        tester:eq(s:size(d - 1), k, message)
        local uk, vk = u:narrow(d, 1, k), v:narrow(d, 1, k)
        local product = torch.matmul(torch.cmul(uk, s:unsqueeze(d - 1)), t(vk))
        close(product, a:clone(), 10 * precision, message .. job)
        local uu, vv = torch.matmul(t(u), u), torch.matmul(t(v), v)
        close(uu, eye_like(uu):clone(), precision, message .. job)
        close(vv, eye_like(vv):clone(), precision, message .. job)
      end
    end)
  end
end

function tests.orthogonal_factors()
  for _, shape in ipairs { { 5, 3 }, { 3, 5 }, { 4, 4 } } do
    local m, n = shape[1], shape[2]
    each(m, n, function(a, precision, message, kind)
      local q, r = torch.qr(a)
      close(torch.matmul(q, r), a:clone(), 10 * precision, message)
      local qq = torch.matmul(t(q), q)
      close(qq, eye_like(qq):clone(), precision, message)
      is_triangle(r, true, message)
      local f, tau = torch.geqrf(a)
      close(torch.orgqr(f, tau), q, precision, message)
      if m >= n and a:dim() == 2 then
        local c = random({ m, 2 }, kind)
        local qc = torch.ormqr(f, tau, c, "L", "T")
        close(qc:narrow(1, 1, n), q:t() * c, 10 * precision, message)
        close(torch.ormqr(f, tau, qc), c, 10 * precision, message)
        close(torch.ormqr(f, tau, qc:t(), "R", "T"), c:t():clone(), 10 * precision, message)
      end
    end)
  end
end

-- ---- what is refused ------------------------------------------------------------------------

local one_matrix = { "inverse", "det", "slogdet", "logdet", "potrf", "cholesky", "potri", "pstrf",
  "symeig", "eig", "svd", "qr", "geqrf", "pinverse", "matrixRank" }
local square = { "inverse", "det", "slogdet", "logdet", "potrf", "cholesky", "potri", "pstrf",
  "symeig", "eig" }
local two_matrices = { "gesv", "gels", "trtrs", "potrs", "solve", "lstsq" }

function tests.wrong_shapes_and_types()
  local function refused(name, pattern, ...)
    local args = table.pack(...)
    tester:assertErrorPattern(function() torch[name](table.unpack(args)) end,
      "torch%." .. name .. ":.*" .. pattern, name)
  end
  for _, name in ipairs(one_matrix) do
    refused(name, "matrix", torch.randn(3))
    refused(name, "float32 or float64", torch.LongTensor(2, 2))
  end
  for _, name in ipairs(square) do refused(name, "square", torch.randn(2, 3)) end
  for _, name in ipairs(two_matrices) do
    refused(name, "rows", torch.randn(3, 3), torch.randn(2, 2))
    refused(name, "float", torch.randn(3, 3), torch.randn(3, 3):double())
    refused(name, "float32 or float64", torch.LongTensor(2, 2), torch.LongTensor(2, 2))
  end
  refused("orgqr", "tau", torch.randn(3, 3), torch.randn(4))
  refused("ormqr", "inner sizes", torch.randn(3, 3), torch.randn(3), torch.randn(2, 2))
  tester:assertErrorPattern(function() torch.potrf(torch.eye(2), "X") end, "'X'")
  tester:assertErrorPattern(function() torch.gesv(torch.eye(2)) end, "tensor")
end

function tests.singular_matrices()
  local ones = torch.ones(2, 2)
  local batch = torch.stack { torch.eye(2), ones }
  local zero = torch.zeros(2, 2)
  for name, f in pairs {
    inverse = function() torch.inverse(ones) end,
    gesv = function() torch.gesv(ones, ones) end,
    solve = function() torch.solve(batch, torch.ones(2, 2)) end,
    trtrs = function() torch.trtrs(ones, zero) end,
    potrs = function() torch.potrs(ones, zero) end,
  } do
    tester:assertErrorPattern(f, "torch%." .. name .. ": the matrix is singular", name)
  end
  tester:assertErrorPattern(function() torch.inverse(batch) end, "of matrix 2")
  tester:assertErrorPattern(function() torch.potrf(-torch.eye(2)) end, "torch.potrf: .*positive definite")
  local deficient = torch.FloatTensor { { 1, 0 }, { 1, 0 } }
  tester:assertErrorPattern(function() torch.gels(ones, deficient) end, "torch.gels: .*full rank")
  local nan = torch.eye(2)
  nan[1][1] = 0 / 0
  for _, name in ipairs { "svd", "eig", "symeig", "pinverse" } do
    tester:assertErrorPattern(function() torch[name](nan) end, "torch%." .. name .. ": .*NaN")
  end
end

-- ---- derivatives ----------------------------------------------------------------------------

local function check(name, f, ...)
  local inputs = {}
  torch.manualSeed(3)
  for i, shape in ipairs { ... } do inputs[i] = random(shape, "torch.DoubleTensor") end
  local ok, why = torch.gradcheck(f, inputs, { second = true, atol = 1e-3 })
  tester:assert(ok, ("%s: %s"):format(name, tostring(why)))
end

local function shifted(a)
  return a + eye_like(a) * 4
end

function tests.derivatives_of_systems()
  for _, lead in ipairs { {}, { 2 } } do
    local function shape(m, n)
      local s = { table.unpack(lead) }
      s[#s + 1], s[#s + 2] = m, n
      return s
    end
    check("solve", function(a, b) return torch.solve(shifted(a), b) end, shape(3, 3), shape(3, 2))
    check("inverse", function(a) return torch.inverse(shifted(a)) end, shape(3, 3))
    for _, uplo in ipairs { "U", "L" } do
      check("potrf", function(a) return torch.potrf(definite(a), uplo) end, shape(3, 3))
      check("potrs", function(a, b) return torch.potrs(b, shifted(a), uplo) end, shape(3, 3), shape(3, 2))
      check("potri", function(a) return torch.potri(shifted(a), uplo) end, shape(3, 3))
      for _, trans in ipairs { "N", "T" } do
        for _, unit in ipairs { "N", "U" } do
          check("trtrs " .. uplo .. trans .. unit, function(a, b)
            return (torch.trtrs(b, shifted(a), uplo, trans, unit))
          end, shape(3, 3), shape(3, 2))
        end
      end
    end
    check("pinverse", torch.pinverse, shape(4, 2))
    check("lstsq", torch.lstsq, shape(4, 2), shape(4, 1))
  end
  check("broadcast", function(a, b) return torch.solve(shifted(a), b) end, { 2, 2 }, { 3, 2, 2 })
end

function tests.derivatives_of_determinants()
  local function det(f)
    return function(a) return f(shifted(a)) end
  end
  check("det", det(torch.det), { 2, 3, 3 })
  check("logdet", det(torch.logdet), { 2, 3, 3 })
  check("slogdet", det(function(a) return select(2, torch.slogdet(a)) end), { 2, 3, 3 })
  local x = torch.eye(2):double():requireGrad()
  torch.det(x * 3):backward()
  tester:eq(x.grad, torch.eye(2):double() * 9, 1e-12, "one matrix")
end

function tests.derivatives_of_decompositions()
  check("symeig", function(a)
    local e, v = torch.symeig(a + t(a), "V")
    return torch.cat { e:view(-1), torch.square(v):view(-1) }
  end, { 3, 3 })
  check("symeig, values only", function(a) return (torch.symeig(a + t(a))) end, { 2, 3, 3 })
  for _, shape in ipairs { { 4, 3 }, { 3, 4 }, { 3, 3 }, { 2, 3, 2 } } do
    check("svd", function(a)
      local u, s, v = torch.svd(a)
      return torch.cat { torch.square(u):view(-1), s:view(-1), torch.square(v):view(-1) }
    end, shape)
    check("singular values", function(a) return select(2, torch.svd(a)) end, shape)
  end
  for _, shape in ipairs { { 4, 3 }, { 3, 3 }, { 2, 3, 2 } } do
    check("qr", function(a)
      local q, r = torch.qr(a)
      return torch.cat { torch.reshape(q, q:nElement()), torch.reshape(r, r:nElement()) }
    end, shape)
  end
end

function tests.missing_derivatives()
  local function none(name, f, ...)
    local x = torch.randn(...):double():requireGrad()
    tester:assertErrorPattern(function() f(x):sum():backward() end, "no derivative", name)
  end
  none("eigenvectors", function(x) return select(2, torch.eig(x, "V")) end, 3, 3)
  none("geqrf", torch.geqrf, 3, 3)
  none("wide qr", torch.qr, 2, 3)
  none("full svd", function(x) return (torch.svd(x, "A")) end, 3, 2)
  none("factors", function(x) return select(2, torch.gesv(x, x)) end, 3, 3)
  local x = torch.ones(2, 2):double():requireGrad()
  tester:assertErrorPattern(function() torch.det(x):backward() end, "det: .*singular")
end

tester:add(tests)
tester:run()
