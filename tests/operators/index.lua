-- index: elements by places and masks, read and written.

return function(op, plain)
  local build = plain.build

  local function entry(name, options)
    options.name = name
    options.types = options.types or "all"
    options.into, options.scalar = false, false
    op(options)
  end

  -- A copy of x to write into.
  local function writable(x) return torch.isTensor(x) and x:clone() end
  local function copy(x) return build(x.shape, function(...) return x(...) end) end

  local function set(a, v, ...)
    local at = 0
    for d, size in ipairs(a.shape) do at = at * size + (select(d, ...)) - 1 end
    a[at + 1] = v
  end

  entry("index", { inputs = { "ab", { "c", index = "b" } }, result = "same",
    call = function(x, i) return torch.index(x, 2, i) end,
    plain = function(x, i)
      return build({ x.shape[1], #i }, function(p, q) return x(p, i[q]) end)
    end, peer = "a.index_select(1, b - 1)" })
  entry("gather", { inputs = { "ab", { "cb", index = "a" } }, result = "same", empty = false,
    call = function(x, i) return torch.gather(x, 1, i) end,
    plain = function(x, i) return build(i.shape, function(p, q) return x(i(p, q), q) end) end,
    peer = "a.gather(0, b - 1)" })
  entry("scatter", { inputs = { "ab", { "1b", index = "a" }, "1b" }, result = "same", empty = false,
    call = function(x, i, v) return writable(x):scatter(1, i, v) end,
    plain = function(x, i, v)
      local y = copy(x)
      for q = 1, x.shape[2] do set(y, v(1, q), i(1, q), q) end
      return y
    end, peer = "a.scatter(0, b - 1, c)" })
  entry("scatterAdd", { inputs = { "ab", { "cb", index = "a" }, "cb" }, types = "number", empty = false,
    call = function(x, i, v) return writable(x):scatterAdd(1, i, v) end, loose = 10,
    plain = function(x, i, v)
      local y = copy(x)
      for p = 1, i.shape[1] do
        for q = 1, x.shape[2] do set(y, y(i(p, q), q) + v(p, q), i(p, q), q) end
      end
      return y
    end, peer = "a.scatter_add(0, b - 1, c)" })
  entry("indexAdd", { inputs = { "ab", { "c", index = "b" }, "ac" }, types = "number",
    call = function(x, i, v) return writable(x):indexAdd(2, i, v) end, loose = 10,
    plain = function(x, i, v)
      local y = copy(x)
      for p = 1, x.shape[1] do
        for q = 1, #i do set(y, y(p, i[q]) + v(p, q), p, i[q]) end
      end
      return y
    end, peer = "a.index_add(1, b - 1, c)" })
  entry("indexCopy", { inputs = { "ab", { "1", index = "b" }, "a1" },
    call = function(x, i, v) return writable(x):indexCopy(2, i, v) end,
    plain = function(x, i, v)
      local y = copy(x)
      for p = 1, x.shape[1] do set(y, v(p, 1), p, i[1]) end
      return y
    end, peer = "a.index_copy(1, b - 1, c)" })
  entry("indexFill", { inputs = { "ab", { "c", index = "b" } }, types = "number",
    call = function(x, i) return writable(x):indexFill(2, i, 2) end,
    plain = function(x, i)
      local y = copy(x)
      for p = 1, x.shape[1] do
        for q = 1, #i do set(y, 2, p, i[q]) end
      end
      return y
    end, peer = "a.index_fill(1, b - 1, 2)" })
  entry("maskedSelect", { inputs = { "ab", { "ab", mask = true } }, result = "same",
    plain = function(x, m)
      local list = {}
      for i = 1, #x do
        if m[i] then list[#list + 1] = x[i] end
      end
      return build({ #list }, function(i) return list[i] end)
    end, peer = "a.masked_select(b)" })
  entry("maskedFill", { inputs = { "ab", { "ab", mask = true } }, types = "number",
    call = function(x, m) return writable(x):maskedFill(m, 2) end,
    plain = plain.map(function(x, m) if m then return 2 end return x end), peer = "a.masked_fill(b, 2)" })
  entry("maskedCopy", { inputs = { "ab", { "ab", mask = true }, "ab" },
    call = function(x, m, v) return writable(x):maskedCopy(m, v) end,
    plain = function(x, m, v)
      local y, at = copy(x), 0
      for i = 1, #x do
        if m[i] then
          at = at + 1
          y[i] = v[at]
        end
      end
      return y
    end, peer = "a.masked_scatter(b, c)" })
  entry("nonzero", { inputs = { { "ab", lo = 0, hi = 1 } }, derivative = false,
    plain = function(x)
      local places = {}
      for i = 1, x.shape[1] do
        for j = 1, x.shape[2] do
          if x(i, j) and x(i, j) ~= 0 then places[#places + 1] = { i, j } end
        end
      end
      return build({ #places, 2 }, function(n, d) return places[n][d] end)
    end, peer = "a.nonzero() + 1" })
  entry("oneHot", { inputs = { { "a", index = "b" }, "b" }, derivative = false, types = "wide",
    call = function(i, x) return torch.oneHot(i, x:size(1)) end, empty = false,
    plain = function(i, x)
      return build({ #i, #x }, function(p, q) return i[p] == q and 1 or 0 end)
    end, peer = "F.one_hot(a - 1, B)" })

  -- Reading and writing by keys.
  local function key(label, k, of, peer, write)
    entry("__index", { label = "x[" .. label .. "]", inputs = { "abc" }, result = "same", least = 2,
      call = function(x) return x[k] end, plain = of, peer = peer })
    entry("__newindex", { label = "x[" .. label .. "] = v", inputs = { "abc" }, least = 2,
      types = "number", call = function(x)
        local y = writable(x)
        y[k] = 2
        return y
      end, plain = function(x)
        return build(x.shape, function(i, j, l)
          return write(i, j, l, x.shape) and 2 or x(i, j, l)
        end)
      end })
  end
  key("2", 2, function(x)
    return build({ x.shape[2], x.shape[3] }, function(j, k) return x(2, j, k) end)
  end, "a[1]", function(i) return i == 2 end)
  key("-1", -1, function(x)
    return build({ x.shape[2], x.shape[3] }, function(j, k) return x(x.shape[1], j, k) end)
  end, "a[-1]", function(i, _, _, shape) return i == shape[1] end)
  key("{{}, 1}", { {}, 1 }, function(x)
    return build({ x.shape[1], x.shape[3] }, function(i, k) return x(i, 1, k) end)
  end, "a[:, 0]", function(_, j) return j == 1 end)
  key("{{2, -1}, {}, -2}", { { 2, -1 }, {}, -2 }, function(x)
    return build({ x.shape[1] - 1, x.shape[2] }, function(i, j) return x(i + 1, j, x.shape[3] - 1) end)
  end, "a[1:, :, -2]", function(i, _, k, shape) return i >= 2 and k == shape[3] - 1 end)
  key("{{}, {1, -1, 2}}", { {}, { 1, -1, 2 } }, function(x)
    return build({ x.shape[1], (x.shape[2] + 1) // 2, x.shape[3] },
      function(i, j, k) return x(i, 2 * j - 1, k) end)
  end, "a[:, ::2]", function(_, j) return j % 2 == 1 end)
end
