-- join: putting tensors together, taking them apart, padding.
local torch = require "torch"

return function(op, plain)
  local build = plain.build

  local function entry(name, options)
    options.name = name
    options.types, options.into, options.scalar = options.types or "all", false, false
    if options.result == nil then options.result = "same" end
    op(options)
  end
  local function zero_of(x)
    if type(x[1]) == "boolean" then return false end
    return 0
  end

  -- ---- joining --------------------------------------------------------------------------------------

  -- x and y one after the other along a dimension
  local function cat(x, y, dim)
    local n, shape = x.shape[dim], { table.unpack(x.shape) }
    shape[dim] = n + y.shape[dim]
    return build(shape, function(...)
      local at = { ... }
      if at[dim] <= n then return x(...) end
      at[dim] = at[dim] - n
      return y(table.unpack(at))
    end)
  end
  local function column(x) return plain.reshape(x, { #x, 1 }) end
  local function row(x) return plain.reshape(x, { 1, #x }) end
  entry("hstack", { inputs = { "ab", "ac" }, plain = function(x, y) return cat(x, y, 2) end,
    peer = "torch.hstack([a, b])" })
  entry("hstack", { label = "hstack of vectors", inputs = { "a", "b" },
    plain = function(x, y) return cat(x, y, 1) end, peer = "torch.hstack([a, b])" })
  entry("vstack", { inputs = { "ab", "b" }, plain = function(x, y) return cat(x, row(y), 1) end,
    peer = "torch.vstack([a, b])" })
  entry("dstack", { inputs = { "ab", "abc" }, plain = function(x, y)
    return cat(plain.reshape(x, { x.shape[1], x.shape[2], 1 }), y, 3)
  end, peer = "torch.dstack([a, b])" })
  entry("columnStack", { inputs = { "a", "ab" }, plain = function(x, y) return cat(column(x), y, 2) end,
    peer = "torch.column_stack([a, b])" })
  entry("blockDiag", { inputs = { "ab", "c", "" }, empty = false, plain = function(x, y, z)
    local a, b, c = x.shape[1], x.shape[2], #y
    return build({ a + 2, b + c + 1 }, function(i, j)
      if i <= a and j <= b then return x(i, j) end
      if i == a + 1 and j > b and j <= b + c then return y[j - b] end
      if i == a + 2 and j == b + c + 1 then return z[1] end
      return zero_of(x)
    end)
  end, peer = "torch.block_diag(a, b, c)" })

  -- ---- combinations ---------------------------------------------------------------------------------

  entry("cartesianProd", { inputs = { "a", "b", "c" }, plain = function(x, y, z)
    return build({ #x * #y * #z, 3 }, function(n, d)
      n = n - 1
      if d == 3 then return z[n % #z + 1] end
      n = n // #z
      return d == 2 and y[n % #y + 1] or d == 1 and x[n // #y + 1]
    end)
  end, peer = "torch.cartesian_prod(a, b, c)" })
  local function choices(n, r, again)
    local list = {}
    local function extend(chosen, first)
      if #chosen == r then
        list[#list + 1] = chosen
        return
      end
      for i = first, n do
        local more = { table.unpack(chosen) }
        more[#more + 1] = i
        extend(more, again and i or i + 1)
      end
    end
    extend({}, 1)
    return list
  end
  for _, c in ipairs { { 2, false }, { 3, true } } do
    entry("combinations", { label = ("combinations of %d"):format(c[1]), inputs = { "b" },
      call = function(x) return torch.combinations(x, c[1], c[2]) end, plain = function(x)
        local list = choices(#x, c[1], c[2])
        return build({ #list, c[1] }, function(n, d) return x[list[n][d]] end)
      end, peer = ("torch.combinations(a, %d, %s)"):format(c[1], c[2] and "True" or "False"), least = 2 })
  end

  -- ---- taking apart ---------------------------------------------------------------------------------

  local function part(x, first, size)
    return build({ x.shape[1], size }, function(i, j) return x(i, first + j - 1) end)
  end
  entry("unbind", { inputs = { "a3" }, call = function(x) return torch.unbind(x, 2) end,
    plain = function(x)
      local out = {}
      for j = 1, 3 do out[j] = build({ x.shape[1] }, function(i) return x(i, j) end) end
      return table.unpack(out)
    end, peer = "list(a.unbind(1))" })
  entry("splitSections", { inputs = { "a6" }, call = function(x)
    return torch.splitSections(x, { 1, 3, 2 }, 2)
  end, plain = function(x) return part(x, 1, 1), part(x, 2, 3), part(x, 5, 2) end,
    peer = "list(a.split([1, 3, 2], 1))" })
  entry("tensorSplit", { inputs = { "a5" }, call = function(x) return torch.tensorSplit(x, 3, 2) end,
    plain = function(x) return part(x, 1, 2), part(x, 3, 2), part(x, 5, 1) end,
    peer = "list(a.tensor_split(3, 1))" })
  entry("tensorSplit", { label = "tensorSplit at places", inputs = { "a5" },
    call = function(x) return torch.tensorSplit(x, { 2, 5 }, -1) end,
    plain = function(x) return part(x, 1, 1), part(x, 2, 3), part(x, 5, 1) end,
    peer = "list(a.tensor_split([1, 4], 1))" })

  -- ---- padding --------------------------------------------------------------------------------------

  entry("pad", { inputs = { "abc" }, call = function(x) return torch.pad(x, { 1, 2, 0, 1 }) end,
    plain = function(x)
      local a, b, c = table.unpack(x.shape)
      return build({ a, b + 1, c + 3 }, function(i, j, k)
        if j <= b and k > 1 and k <= c + 1 then return x(i, j, k - 1) end
        return zero_of(x)
      end)
    end, peer = "F.pad(a, (1, 2, 0, 1))" })
  entry("pad", { label = "pad with a number, and cut", inputs = { "ab" }, types = "number", least = 2,
    call = function(x) return torch.pad(x, { -1, 1 }, "constant", 7) end,
    plain = function(x)
      local b = x.shape[2]
      return build(x.shape, function(i, j) return j < b and x(i, j + 1) or 7 end)
    end, peer = "F.pad(a, (-1, 1), 'constant', 7)" })
  local sources = { -- of place i of n, from 1, the place whose element stands there
    { "replicate", function(i, n) return math.min(math.max(i, 1), n) end },
    { "circular", function(i, n) return (i - 1) % n + 1 end },
    { "reflect", function(i, n) return i < 1 and 2 - i or i > n and 2 * n - i or i end },
    { "symmetric", function(i, n) return i < 1 and 1 - i or i > n and 2 * n + 1 - i or i end },
  }
  for _, s in ipairs(sources) do
    entry("pad", { label = "pad, " .. s[1], inputs = { "acb" }, empty = false, least = 3,
      call = function(x) return torch.pad(x, { 2, 1 }, s[1]) end, plain = function(x)
        local a, b, c = table.unpack(x.shape)
        return build({ a, b, c + 3 }, function(i, j, k) return x(i, j, s[2](k - 2, c)) end)
      end, peer = s[1] ~= "symmetric" and ("F.pad(fl(a), (2, 1), '%s')"):format(s[1]) or nil })
  end
end
