-- product: products of vectors and matrices, correlations.

return function(op, plain)
  local build, total = plain.build, plain.total

  local function product(name, inputs, f, peer, options)
    local entry = { name = name, inputs = inputs, plain = f, peer = peer, result = "same", scalar = false,
      loose = 10 }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end

  local function mm(x, y)
    return build({ x.shape[1], y.shape[2] }, function(i, j)
      return total(x.shape[2], function(k) return x(i, k) * y(k, j) end)
    end)
  end
  local function mv(x, y)
    return build({ x.shape[1] }, function(i)
      return total(x.shape[2], function(k) return x(i, k) * y(k) end)
    end)
  end
  local function bmm(x, y)
    return build({ x.shape[1], x.shape[2], y.shape[3] }, function(b, i, j)
      return total(x.shape[3], function(k) return x(b, i, k) * y(b, k, j) end)
    end)
  end
  local function ger(x, y)
    return build({ #x, #y }, function(i, j) return x(i) * y(j) end)
  end
  -- s * x + t * y
  local function combine(s, x, t, y)
    return plain.map(function(a, b) return s * a + t * b end)(x, y)
  end

  product("mm", { "ab", "bc" }, mm, "a @ b")
  product("mv", { "ab", "b" }, mv, "a @ b")
  product("bmm", { "abc", "acd" }, bmm, "a @ b")
  product("ger", { "a", "b" }, ger, "torch.outer(a, b)")
  product("matmul", { "ab", "bc" }, mm, "a @ b", { into = false })
  product("matmul", { "ab", "b" }, mv, "a @ b", { into = false, label = "matmul of a vector" })
  product("matmul", { "abc", "cd" }, function(x, y)
    return build({ x.shape[1], x.shape[2], y.shape[2] }, function(b, i, j)
      return total(x.shape[3], function(k) return x(b, i, k) * y(k, j) end)
    end)
  end, "a @ b", { into = false, label = "matmul of a batch" })
  product("dot", { "a", "a" }, function(x, y)
    return build({}, function() return total(#x, function(i) return x[i] * y[i] end) end)
  end, "torch.dot(a, b)", { into = false, result = false, call = function(x, y)
    local v = torch.dot(x, y)
    return torch.isTensor(v) and v or torch.scalar(v, math.type(v) == "integer" and "int64" or "double")
  end })
  product("addmm", { "ac", "ab", "bc" }, function(z, x, y) return combine(2, z, 3, mm(x, y)) end,
    "2 * a + 3 * (b @ c)", { into = false, call = function(z, x, y) return torch.addmm(2, z, 3, x, y) end })
  product("addmv", { "a", "ab", "b" }, function(z, x, y) return combine(2, z, 3, mv(x, y)) end,
    "2 * a + 3 * (b @ c)", { into = false, call = function(z, x, y) return torch.addmv(2, z, 3, x, y) end })
  product("addr", { "ab", "a", "b" }, function(z, x, y) return combine(2, z, 3, ger(x, y)) end,
    "2 * a + 3 * torch.outer(b, c)",
    { into = false, call = function(z, x, y) return torch.addr(2, z, 3, x, y) end })
  product("baddbmm", { "abd", "abc", "acd" }, function(z, x, y) return combine(2, z, 3, bmm(x, y)) end,
    "2 * a + 3 * (b @ c)",
    { into = false, call = function(z, x, y) return torch.baddbmm(2, z, 3, x, y) end })
  product("addbmm", { "bd", "abc", "acd" }, function(z, x, y)
    return combine(2, z, 3, build(z.shape, function(i, j)
      return total(x.shape[1], function(b)
        return total(x.shape[3], function(k) return x(b, i, k) * y(b, k, j) end)
      end)
    end))
  end, "2 * a + 3 * (b @ c).sum(0)",
    { into = false, call = function(z, x, y) return torch.addbmm(2, z, 3, x, y) end })
  product("trace", { "ab" }, function(x)
    return build({}, function()
      return total(math.min(x.shape[1], x.shape[2]), function(i) return x(i, i) end)
    end)
  end, "a.trace()", { into = false, result = false, call = function(x)
    local v = torch.trace(x)
    return torch.isTensor(v) and v or torch.scalar(v, math.type(v) == "integer" and "int64" or "double")
  end })
  product("cross", { "a3", "a3" }, function(x, y)
    return build(x.shape, function(i, j)
      local p, q = j % 3 + 1, (j + 1) % 3 + 1
      return x(i, p) * y(i, q) - x(i, q) * y(i, p)
    end)
  end, "torch.cross(a, b, dim=1)", { call = function(x, y) return torch.cross(x, y, 2) end, into = false })
  product("match", { "ab", "cb" }, function(x, y)
    return build({ x.shape[1], y.shape[1] }, function(i, j)
      return 2 * total(x.shape[2], function(k) return (x(i, k) - y(j, k)) ^ 2 end)
    end)
  end, "2 * ((a[:, None] - b[None]) ** 2).sum(-1)", { types = "float", empty = false, into = false,
    call = function(x, y) return torch.match(x, y, 2) end, loose = 40 })

  -- Correlations of a signal of (a + 2) x (b + 2) with a kernel of 2 x 2.
  for _, name in ipairs { "xcorr2", "conv2" } do
    op { name = name, inputs = { "ab", "22" }, types = "wide", scalar = false, empty = false, into = false,
      least = 2, loose = 10, call = function(x, k) return torch[name](x, k) end,
      plain = function(x, k)
        return build({ x.shape[1] - 1, x.shape[2] - 1 }, function(i, j)
          return total(2, function(p)
            return total(2, function(q)
              local u, v = p, q
              if name == "conv2" then u, v = 3 - p, 3 - q end
              return x(i + p - 1, j + q - 1) * k(u, v)
            end)
          end)
        end)
      end, peer = name == "xcorr2" and "F.conv2d(a[None, None], b[None, None])[0, 0]"
        or "F.conv2d(a[None, None], b.flip(0, 1)[None, None])[0, 0]" }
  end
end
