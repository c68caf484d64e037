-- places: elements taken from places and put there, parts replaced, diagonals; keys of several dimensions.
local torch = require "torch"

return function(op, plain)
  local build = plain.build

  local function entry(name, options)
    options.name = name
    options.types, options.into, options.scalar = options.types or "all", false, false
    if options.result == nil then options.result = "same" end
    op(options)
  end
  local function copy(x) return build(x.shape, function(...) return x(...) end) end
  local function zero_of(x)
    if type(x[1]) == "boolean" then return false end
    return 0
  end

  -- ---- taking and putting ---------------------------------------------------------------------------

  entry("take", { inputs = { "4", { "ab", index = "4" } }, method = true,
    plain = function(x, i) return build(i.shape, function(p, q) return x[i(p, q)] end) end,
    peer = "a.take(b - 1)" })
  entry("take", { label = "take from the end", inputs = { "ab", { "c", index = "a" } }, empty = false,
    call = function(x, i) return torch.take(x, torch.neg(i)) end,
    plain = function(x, i) return build(i.shape, function(p) return x[#x + 1 - i[p]] end) end,
    peer = "a.take(A * B - b)" })
  entry("takeAlongDim", { inputs = { "ab", { "cb", index = "a" } }, empty = false,
    call = function(x, i) return torch.takeAlongDim(x, i, 1) end,
    plain = function(x, i) return build(i.shape, function(p, q) return x(i(p, q), q) end) end,
    peer = "torch.take_along_dim(a, b - 1, 0)" })
  entry("takeAlongDim", { label = "takeAlongDim, broadcast", inputs = { "a1b", { "1cb", index = "b" } },
    empty = false, call = function(x, i) return torch.takeAlongDim(x, i, -1) end,
    plain = function(x, i)
      return build({ x.shape[1], i.shape[2], i.shape[3] }, function(p, q, r) return x(p, 1, i(1, q, r)) end)
    end, peer = "torch.take_along_dim(a, b - 1, 2)" })
  local function puts(add)
    return function(x, i, v)
      local y = copy(x)
      for k = 1, #i do y[i[k]] = v[k] + (add and y[i[k]] or 0) end
      return y
    end
  end
  entry("put", { inputs = { "ab", { "1", index = "b" }, "1" }, plain = puts(false), types = "number",
    empty = false, method = true, peer = "a.put(b - 1, c)" })
  entry("put", { label = "put, added", inputs = { "ab", { "d", index = "b" }, "d" }, types = "number",
    empty = false, loose = 10, call = function(x, i, v) return torch.put(x, i, v, true) end,
    plain = puts(true), peer = "a.put(b - 1, c, True)" })
  entry("indexPut", { inputs = { "abc", { "1", index = "a" }, { "1", index = "b" }, "c" }, types = "number",
    empty = false, call = function(x, i, j, v) return torch.indexPut(x, { i, j }, v) end,
    plain = function(x, i, j, v)
      return build(x.shape, function(p, q, r) return p == i[1] and q == j[1] and v[r] or x(p, q, r) end)
    end, peer = "a.index_put((b - 1, c - 1), d)" })
  entry("indexPut", { label = "indexPut, added", types = "number", empty = false, loose = 10,
    inputs = { "abc", { "d", index = "a" }, { "d", index = "b" }, "dc" },
    call = function(x, i, j, v) return torch.indexPut(x, { i, j }, v, true) end,
    plain = function(x, i, j, v)
      return build(x.shape, function(p, q, r)
        local s = x(p, q, r)
        for n = 1, #i do s = s + (i[n] == p and j[n] == q and v(n, r) or 0) end
        return s
      end)
    end, peer = "a.index_put((b - 1, c - 1), d, True)" })
  entry("argwhere", { inputs = { { "ab", lo = 0, hi = 1 } }, derivative = false, result = "int64",
    method = true, plain = function(x)
      local places = {}
      for i = 1, x.shape[1] do
        for j = 1, x.shape[2] do
          if x(i, j) and x(i, j) ~= 0 then places[#places + 1] = { i, j } end
        end
      end
      return build({ #places, 2 }, function(n, d) return places[n][d] end)
    end, peer = "a.argwhere() + 1" })

  -- ---- parts replaced -------------------------------------------------------------------------------

  entry("selectScatter", { inputs = { "abc", "ac" }, empty = false,
    call = function(x, v) return torch.selectScatter(x, v, 2, -1) end,
    plain = function(x, v)
      return build(x.shape, function(i, j, k)
        if j == x.shape[2] then return v(i, k) end
        return x(i, j, k)
      end)
    end, peer = "a.select_scatter(b, 1, -1)" })
  entry("sliceScatter", { inputs = { "a5", "a2" },
    call = function(x, v) return torch.sliceScatter(x, v, 2, 2, -1, 2) end,
    plain = function(x, v)
      return build(x.shape, function(i, j)
        if j % 2 == 0 then return v(i, j // 2) end
        return x(i, j)
      end)
    end, peer = "a.slice_scatter(b, 1, 1, 5, 2)" })
  entry("diagonalScatter", { inputs = { "a4", "1" }, types = "number", empty = false,
    call = function(x, v) return torch.diagonalScatter(x, v, 1) end,
    plain = function(x, v)
      return build(x.shape, function(i, j) return j == i + 1 and v[1] or x(i, j) end)
    end, peer = "a.diagonal_scatter(b.expand(min(A, 3)), 1)" })

  -- ---- diagonals ------------------------------------------------------------------------------------

  entry("diagEmbed", { inputs = { "ab" }, method = true, plain = function(x)
    return build({ x.shape[1], x.shape[2], x.shape[2] }, function(i, j, k)
      if j == k then return x(i, j) end
      return zero_of(x)
    end)
  end, peer = "a.diag_embed()" })
  entry("diagEmbed", { label = "diagEmbed below", inputs = { "ab" },
    call = function(x) return torch.diagEmbed(x, -1, 1, 3) end,
    plain = function(x)
      local a, b = x.shape[1], x.shape[2]
      return build({ b + 1, a, b + 1 }, function(j, i, k)
        if j == k + 1 then return x(i, k) end
        return zero_of(x)
      end)
    end, peer = "a.diag_embed(-1, 0, 2)" })
  entry("diagflat", { inputs = { "ab" }, call = function(x) return torch.diagflat(x, 1) end,
    plain = function(x)
      return build({ #x + 1, #x + 1 }, function(i, j)
        if j == i + 1 then return x[i] end
        return zero_of(x)
      end)
    end, peer = "a.diagflat(1)" })
  entry("one_hot", { inputs = { { "ab", index = "5" } }, derivative = false, types = "wide",
    result = "float32", call = function(i) return torch.one_hot(i, 5) end,
    plain = function(i)
      return build({ i.shape[1], i.shape[2], 5 }, function(p, q, r) return i(p, q) == r and 1 or 0 end)
    end, peer = "F.one_hot(a - 1, 5)" })

  -- ---- keys of several dimensions -------------------------------------------------------------------

  -- of(x, i, j): the result; held(i, j, p, q, r): whether place (p, q, r) is written
  local function key(label, ins, make, of, held, peer)
    local inputs = { "abc", table.unpack(ins) }
    entry("__index", { label = "x[" .. label .. "]", inputs = inputs, empty = false, peer = peer,
      call = function(x, ...) return x[make(...)] end, plain = of })
    entry("__newindex", { label = "x[" .. label .. "] = v", inputs = { table.unpack(inputs) }, empty = false,
      types = "number", call = function(x, ...)
        local y = x:clone()
        y[make(...)] = 2
        return y
      end, plain = function(x, i, j)
        return build(x.shape, function(p, q, r) return held(i, j, p, q, r) and 2 or x(p, q, r) end)
      end })
  end
  local function either(n, test)
    for k = 1, n do
      if test(k) then return true end
    end
    return false
  end
  key("{rows, columns}", { { "d", index = "a" }, { "d", index = "b" } }, function(i, j) return { i, j } end,
    function(x, i, j)
      return build({ #i, x.shape[3] }, function(n, r) return x(i[n], j[n], r) end)
    end, function(i, j, p, q)
      return either(#i, function(n) return i[n] == p and j[n] == q end)
    end, "a[b - 1, c - 1]")
  key("{rows, {}, columns}", { { "d1", index = "a" }, { "2", index = "c" } },
    function(i, j) return { i, {}, j } end, function(x, i, j)
      return build({ i.shape[1], 2, x.shape[2] }, function(n, m, q) return x(i(n, 1), q, j[m]) end)
    end, function(i, j, p, _, r)
      return either(#i, function(n) return i[n] == p end) and (j[1] == r or j[2] == r)
    end, "a[b - 1, :, c - 1]")
  key("{{}, mask}", { { "b", mask = true } }, function(m) return { {}, m } end, function(x, m)
    local from = {}
    for j = 1, #m do from[#from + 1] = m[j] and j or nil end
    return build({ x.shape[1], #from, x.shape[3] }, function(i, n, k) return x(i, from[n], k) end)
  end, function(m, _, _, q) return m[q] end, "a[:, b]")
  key("{mask of two}", { { "ab", mask = true } }, function(m) return { m } end, function(x, m)
    local from = {}
    for i = 1, m.shape[1] do
      for j = 1, m.shape[2] do
        if m(i, j) then from[#from + 1] = { i, j } end
      end
    end
    return build({ #from, x.shape[3] }, function(n, k) return x(from[n][1], from[n][2], k) end)
  end, function(m, _, p, q) return m(p, q) end, "a[b]")
end
