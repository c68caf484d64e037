-- linalg: factorisations and systems.  Factors are checked by what they multiply to, so that signs and
-- orders may differ.

return function(op, plain)
  local build, total = plain.build, plain.total

  local function entry(name, options)
    options.name, options.types = name, "wide"
    options.scalar, options.empty, options.into = false, false, false
    options.loose = options.loose or 1e4
    op(options)
  end

  local function mm(x, y)
    return build({ x.shape[1], y.shape[2] }, function(i, j)
      return total(x.shape[2], function(k) return x(i, k) * y(k, j) end)
    end)
  end

  -- Gauss's elimination with pivots: the solution of A X = B, and the determinant.
  local function solve(a, b)
    local n, m, det = a.shape[1], b.shape[2], 1
    local rows = {}
    for i = 1, n do
      rows[i] = {}
      for j = 1, n do rows[i][j] = a(i, j) end
      for j = 1, m do rows[i][n + j] = b(i, j) end
    end
    for k = 1, n do
      local p = k
      for i = k + 1, n do
        if math.abs(rows[i][k]) > math.abs(rows[p][k]) then p = i end
      end
      if p ~= k then rows[k], rows[p], det = rows[p], rows[k], -det end
      det = det * rows[k][k]
      for i = 1, n do
        if i ~= k then
          local f = rows[i][k] / rows[k][k]
          for j = k, n + m do rows[i][j] = rows[i][j] - f * rows[k][j] end
        end
      end
    end
    return build({ n, m }, function(i, j) return rows[i][n + j] / rows[i][i] end), det
  end

  local function identity(n)
    return build({ n, n }, function(i, j) return i == j and 1 or 0 end)
  end
  local function determinant(a)
    return build({}, function() return select(2, solve(a, identity(a.shape[1]))) end)
  end
  local function number(v) return torch.isTensor(v) and v or torch.scalar(v, "double") end

  local regular = { "aa", regular = true }
  entry("gesv", { inputs = { "ab", regular }, call = function(b, a) return (torch.gesv(b, a)) end,
    plain = function(b, a) return (solve(a, b)) end, peer = "torch.linalg.solve(b, a)" })
  entry("solve", { inputs = { regular, "ab" }, call = function(a, b) return (torch.solve(a, b)) end,
    plain = function(a, b) return (solve(a, b)) end, peer = "torch.linalg.solve(a, b)" })
  entry("inverse", { inputs = { regular }, plain = function(a) return (solve(a, identity(a.shape[1]))) end,
    peer = "torch.inverse(a)" })
  entry("pinverse", { inputs = { regular }, plain = function(a) return (solve(a, identity(a.shape[1]))) end,
    peer = "torch.pinverse(a)" })
  entry("det", { inputs = { regular }, call = function(a) return number(torch.det(a)) end,
    plain = determinant, peer = "torch.det(a)" })
  entry("logdet", { inputs = { { "aa", positive = true } },
    call = function(a) return number(torch.logdet(a)) end,
    plain = function(a) return plain.map(math.log)(determinant(a)) end, peer = "torch.logdet(a)" })
  entry("slogdet", { inputs = { regular }, call = function(a)
    local sign, log = torch.slogdet(a)
    return number(sign), number(log)
  end, plain = function(a)
    local d = determinant(a)
    return plain.map(function(v) return v > 0 and 1 or -1 end)(d),
      plain.map(function(v) return math.log(math.abs(v)) end)(d)
  end, peer = "list(torch.slogdet(a))" })
  entry("trtrs", { inputs = { "ab", regular },
    call = function(b, a) return (torch.trtrs(b, torch.triu(a))) end,
    plain = function(b, a)
      return (solve(build(a.shape, function(i, j) return j >= i and a(i, j) or 0 end), b))
    end, peer = "torch.linalg.solve_triangular(b.triu(), a, upper=True)" })

  local function multiplied(name, options, factors, f)
    options.call = function(...) return f(factors(...)) end
    options.plain = options.plain or function(a) return a end
    options.peer = options.peer or "a"
    entry(name, options)
  end
  multiplied("potrf", { inputs = { { "aa", positive = true } }, derivative = "symmetric" }, function(a)
    return torch.potrf(a, "L")
  end, function(l) return torch.mm(l, l:t()) end)
  multiplied("cholesky", { inputs = { { "aa", positive = true } }, derivative = "symmetric" }, torch.cholesky,
    function(l) return torch.mm(l, l:t()) end)
  multiplied("qr", { inputs = { regular } }, torch.qr, torch.mm)
  multiplied("svd", { inputs = { regular } }, torch.svd, function(u, s, v)
    return torch.mm(torch.cmul(u, s:view(1, -1)), v:t())
  end)
  multiplied("symeig", { inputs = { { "aa", positive = true } }, derivative = "symmetric" },
    function(a) return torch.symeig(a, "V") end, function(e, v)
      return torch.mm(torch.cmul(v, e:view(1, -1)), v:t())
    end)
  entry("potrs", { inputs = { "ab", { "aa", positive = true } }, derivative = "symmetric",
    call = function(b, a) return torch.potrs(b, torch.potrf(a, "U"), "U") end,
    plain = function(b, a) return (solve(a, b)) end, peer = "torch.linalg.solve(b, a)" })
  entry("potri", { inputs = { { "aa", positive = true } }, derivative = "symmetric",
    call = function(a) return torch.potri(torch.potrf(a, "U"), "U") end,
    plain = function(a) return (solve(a, identity(a.shape[1]))) end, peer = "torch.inverse(a)" })
  entry("gels", { inputs = { "ab", regular },
    call = function(b, a) return (torch.gels(b, a)) end,
    plain = function(b, a) return (solve(a, b)) end, peer = "torch.linalg.solve(b, a)" })
  entry("lstsq", { inputs = { regular, "ab" }, call = function(a, b) return (torch.lstsq(a, b)) end,
    plain = function(a, b) return (solve(a, b)) end, peer = "torch.linalg.solve(a, b)" })
  entry("matrixRank", { inputs = { regular }, derivative = false,
    call = function(a) return torch.scalar(torch.matrixRank(a), "int64") end,
    plain = function(a) return build({}, function() return a.shape[1] end) end,
    peer = "torch.linalg.matrix_rank(a)" })
  entry("geqrf", { inputs = { regular }, derivative = false,
    why = "factors as LAPACK packs them; qr has one", call = function(a)
    local f, tau = torch.geqrf(a)
    return torch.mm(torch.orgqr(f, tau), torch.triu(f))
  end, plain = function(a) return a end, peer = "a" })
  entry("ormqr", { inputs = { regular, "ab" }, derivative = false,
    why = "factors as LAPACK packs them; qr has one", call = function(a, b)
    local f, tau = torch.geqrf(a)
    return torch.ormqr(f, tau, b) - torch.mm(torch.orgqr(f, tau), b)
  end, plain = function(a, b) return build({ a.shape[1], b.shape[2] }, function() return 0 end) end,
    peer = "b * 0" })
  entry("orgqr", { inputs = { regular }, derivative = false,
    why = "factors as LAPACK packs them; qr has one", call = function(a)
    local q = torch.orgqr(torch.geqrf(a))
    return torch.mm(q:t(), q)
  end, plain = function(a) return identity(a.shape[1]) end, peer = "torch.eye(A, dtype=a.dtype)" })
  entry("pstrf", { inputs = { { "aa", positive = true } }, derivative = "symmetric", call = function(a)
    local u, piv = torch.pstrf(a, "U")
    local _, back = torch.sort(piv:long())
    return torch.mm(u:t(), u):index(1, back):index(2, back)
  end, plain = function(a) return a end, peer = "a" })
  -- Sums of powers of the eigenvalues, which may be complex, are traces of powers of the matrix.
  entry("eig", { inputs = { { "aa", lo = -2, hi = 2 } }, derivative = "first", call = function(a)
    local e = torch.eig(a)
    local re, im = e[{ {}, 1 }], e[{ {}, 2 }]
    return torch.sum(torch.square(re) - torch.square(im), 1),
      torch.sum(torch.cmul(re, torch.square(re) - torch.square(im) * 3), 1), torch.sum(im, 1)
  end, plain = function(a)
    local square = mm(a, a)
    local function trace(x)
      return build({ 1 }, function() return total(x.shape[1], function(i) return x(i, i) end) end)
    end
    return trace(square), trace(mm(square, a)), build({ 1 }, function() return 0 end)
  end, peer = "[(a @ a).trace()[None], (a @ a @ a).trace()[None], a[:1, 0] * 0]" })
  op { name = "mm", label = "a product of products", inputs = { "ab", "bc", "ca" }, types = "wide",
    scalar = false, into = false, loose = 100,
    call = function(x, y, z) return torch.mm(torch.mm(x, y), z) end,
    plain = function(x, y, z) return mm(mm(x, y), z) end, peer = "a @ b @ c" }
end
