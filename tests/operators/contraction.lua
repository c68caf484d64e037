-- contraction: sums of products over named dimensions, chains and powers of matrices, distances.
local torch = require "torch"

return function(op, plain)
  local build, total = plain.build, plain.total

  local function entry(name, options)
    options.name = name
    options.into, options.scalar, options.loose = false, false, options.loose or 20
    op(options)
  end
  local function mm(x, y)
    return build({ x.shape[1], y.shape[2] }, function(i, j)
      return total(x.shape[2], function(k) return x(i, k) * y(k, j) end)
    end)
  end
  local function scalar(f) return build({}, f) end

  -- ---- einsum ---------------------------------------------------------------------------------------

  -- The equation as it is written, with the sizes of its letters, by loops over all of them.
  local function by_loops(equation)
    local left, right = equation:match("^(.*)%->(.*)$")
    local sides, letters = {}, {}
    for side in left:gmatch("[^,]+") do sides[#sides + 1] = side end
    for c in (right .. left:gsub(",", "")):gmatch(".") do
      if not letters[c] then
        letters[#letters + 1] = c
        letters[c] = true
      end
    end
    return function(...)
      local tensors, sizes, shape = { ... }, {}, {}
      for n, side in ipairs(sides) do
        for d = 1, #side do sizes[side:sub(d, d)] = tensors[n].shape[d] end
      end
      for d = 1, #right do shape[d] = sizes[right:sub(d, d)] end
      local function sum_from(at, l) -- over the letters from l on
        if l > #letters then
          local product = 1
          for n, side in ipairs(sides) do
            local index = {}
            for d = 1, #side do index[d] = at[side:sub(d, d)] end
            product = product * tensors[n](table.unpack(index))
          end
          return product
        end
        return total(sizes[letters[l]], function(i)
          at[letters[l]] = i
          return sum_from(at, l + 1)
        end)
      end
      return build(shape, function(...)
        local at = {}
        for d, i in ipairs { ... } do at[right:sub(d, d)] = i end
        return sum_from(at, #right + 1)
      end)
    end
  end
  for _, c in ipairs { { "ij,jk->ik", "ab", "bc" }, { "ij,kj->ki", "ab", "cb" },
    { "bij,bjk->bik", "abc", "acd" }, { "ii->i", "aa" }, { "ij->ji", "ab" }, { "ijk->j", "abc" },
    { "i,j->ij", "a", "b" }, { "ij,ij->ij", "ab", "ab" }, { "ij,ji->j", "ab", "ba" },
    { "bij,bji->b", "abc", "acb" }, { "i,i->", "a", "a" },
    { "ij,jk,kl->il", "ab", "bc", "cd" },
    { "bij,jk,bk->bi", "abc", "cd", "ad" }, { "iij,j->i", "aab", "b" } } do
    entry("einsum", { label = "einsum " .. c[1], inputs = { table.unpack(c, 2) },
      call = function(...) return torch.einsum(c[1], ...) end, plain = by_loops(c[1]),
      peer = ("torch.einsum('%s', %s)"):format(c[1], ("a, b, c"):sub(1, 3 * (#c - 1) - 2)) })
  end
  entry("einsum", { label = "einsum with dots", inputs = { "abc", "cd" },
    call = function(x, y) return torch.einsum("...i,ij->j...", x, y) end,
    plain = function(x, y)
      return build({ y.shape[2], x.shape[1], x.shape[2] }, function(j, p, q)
        return total(x.shape[3], function(i) return x(p, q, i) * y(i, j) end)
      end)
    end, peer = "torch.einsum('...i,ij->j...', a, b)" })

  -- ---- named products -------------------------------------------------------------------------------

  entry("tensordot", { inputs = { "abc", "bcd" }, plain = function(x, y)
    return build({ x.shape[1], y.shape[3] }, function(i, l)
      return total(x.shape[2], function(j)
        return total(x.shape[3], function(k) return x(i, j, k) * y(j, k, l) end)
      end)
    end)
  end, peer = "torch.tensordot(w(a), w(b), 2).to(a.dtype)", method = true })
  entry("tensordot", { label = "tensordot over chosen ones", inputs = { "abc", "da" },
    call = function(x, y) return torch.tensordot(x, y, { { 1 }, { 2 } }) end,
    plain = function(x, y)
      return build({ x.shape[2], x.shape[3], y.shape[1] }, function(j, k, l)
        return total(x.shape[1], function(i) return x(i, j, k) * y(l, i) end)
      end)
    end, peer = "torch.tensordot(w(a), w(b), ([0], [1])).to(a.dtype)" })
  entry("outer", { inputs = { "ab", "c" }, method = true, result = "same", plain = function(x, y)
    return build({ #x, #y }, function(i, j) return x[i] * y[j] end)
  end, peer = "torch.outer(a.reshape(-1), b)" })
  entry("inner", { inputs = { "ab", "cdb" }, method = true, plain = function(x, y)
    return build({ x.shape[1], y.shape[1], y.shape[2] }, function(i, p, q)
      return total(x.shape[2], function(k) return x(i, k) * y(p, q, k) end)
    end)
  end, peer = "torch.inner(w(a), w(b)).to(a.dtype)" })
  entry("vdot", { inputs = { "ab", "ba" }, method = true, plain = function(x, y)
    return scalar(function() return total(#x, function(i) return x[i] * y[i] end) end)
  end, peer = "torch.dot(a.reshape(-1), b.reshape(-1))" })
  entry("kron", { inputs = { "ab", "cd" }, method = true, result = "same", plain = function(x, y)
    local c, d = y.shape[1], y.shape[2]
    return build({ x.shape[1] * c, x.shape[2] * d }, function(i, j)
      return x((i - 1) // c + 1, (j - 1) // d + 1) * y((i - 1) % c + 1, (j - 1) % d + 1)
    end)
  end, peer = "torch.kron(a, b)" })
  for _, name in ipairs { "multiDot", "chainMatmul" } do
    entry(name, { inputs = { "ab", "bc", "cd" }, types = "float", loose = 40,
      plain = function(x, y, z) return mm(mm(x, y), z) end, peer = "torch.linalg.multi_dot([a, b, c])" })
  end
  entry("multiDot", { label = "multiDot between vectors", inputs = { "a", "ab", "b" }, types = "float",
    plain = function(x, m, y)
      return scalar(function()
        return total(#x, function(i)
          return total(#y, function(j) return x[i] * m(i, j) * y[j] end)
        end)
      end)
    end, peer = "torch.linalg.multi_dot([a, b, c])", loose = 40 })

  -- ---- powers ---------------------------------------------------------------------------------------

  for _, n in ipairs { 0, 1, 3 } do
    entry("matrixPower", { label = "matrixPower " .. n, inputs = { { "aa", lo = -1, hi = 1 } },
      types = "float", loose = 40, call = function(x) return torch.matrixPower(x, n) end, result = "same",
      derivative = n > 0, plain = function(x)
        local y = build(x.shape, function(i, j) return i == j and 1 or 0 end)
        for _ = 1, n do y = mm(y, x) end
        return y
      end, peer = ("torch.matrix_power(a, %d)"):format(n) })
  end
  entry("matrixPower", { label = "matrixPower -2", inputs = { { "aa", regular = true } }, types = "wide",
    empty = false, loose = 1e4,
    call = function(x) return torch.mm(torch.matrixPower(x, -2), torch.mm(x, x)) end,
    plain = function(x) return build(x.shape, function(i, j) return i == j and 1 or 0 end) end,
    peer = "torch.eye(A)" })
  entry("vander", { inputs = { { "a", lo = 1, hi = 2 } }, loose = 20, result = "same",
    call = function(x) return torch.vander(x, 4) end,
    plain = function(x) return build({ #x, 4 }, function(i, j) return x[i] ^ (4 - j) end) end,
    peer = "torch.vander(a, 4)" })
  entry("vander", { label = "vander, increasing", inputs = { { "a", lo = 1, hi = 2 } }, loose = 20,
    call = function(x) return torch.vander(x, 3, true) end,
    plain = function(x) return build({ #x, 3 }, function(i, j) return x[i] ^ (j - 1) end) end,
    peer = "torch.vander(a, 3, True)" })

  -- ---- distances ------------------------------------------------------------------------------------

  local function distance(p, n, f)
    if p == math.huge then
      local most = 0
      for k = 1, n do most = math.max(most, math.abs(f(k))) end
      return most
    elseif p == 0 then
      return total(n, function(k) return f(k) ~= 0 and 1 or 0 end)
    end
    return total(n, function(k) return math.abs(f(k)) ^ p end) ^ (1 / p)
  end
  for _, p in ipairs { 2, 0, 1, 3, math.huge } do
    entry("cdist", { label = "cdist " .. p, inputs = { { "ab", lo = -1, hi = 1 }, { "cb", lo = 2, hi = 4 } },
      types = "float", loose = 40, call = function(x, y) return torch.cdist(x, y, p) end, result = "same",
      derivative = p > 0,
      plain = function(x, y)
        return build({ x.shape[1], y.shape[1] }, function(i, j)
          return distance(p, x.shape[2], function(k) return x(i, k) - y(j, k) end)
        end)
      end, peer = ("torch.cdist(a, b, %s)"):format(p == math.huge and "math.inf" or ("%.1f"):format(p)) })
  end
  entry("cdist", { label = "cdist of batches",
    inputs = { { "abc", lo = -1, hi = 1 }, { "dc", lo = 2, hi = 4 } }, types = "float", loose = 40,
    plain = function(x, y)
      return build({ x.shape[1], x.shape[2], y.shape[1] }, function(b, i, j)
        return distance(2, x.shape[3], function(k) return x(b, i, k) - y(j, k) end)
      end)
    end, peer = "torch.cdist(a, b)", method = true })
  entry("pdist", { inputs = { "b3" }, types = "float", loose = 40, distinct = true, empty = false,
    method = true, plain = function(x)
      local list = {}
      for i = 1, x.shape[1] do
        for j = i + 1, x.shape[1] do
          list[#list + 1] = distance(2, x.shape[2], function(k) return x(i, k) - x(j, k) end)
        end
      end
      return build({ #list }, function(n) return list[n] end)
    end, peer = "torch.pdist(a)" })
  entry("cosineSimilarity", { inputs = { { "abc", lo = 1, hi = 4 }, { "b1", lo = -4, hi = -1 } },
    types = "float", loose = 40, empty = false,
    call = function(x, y) return torch.cosineSimilarity(x, y, 2) end,
    plain = function(x, y)
      return build({ x.shape[1], x.shape[3] }, function(i, k)
        local function dot(f) return total(x.shape[2], f) end
        return dot(function(j) return x(i, j, k) * y(j, 1) end)
          / math.sqrt(dot(function(j) return x(i, j, k) ^ 2 end) * dot(function(j) return y(j, 1) ^ 2 end))
      end)
    end, peer = "F.cosine_similarity(a, b[None].expand_as(a), 1)" })
end
