-- complex: complex numbers as pairs in a last dimension of size 2.
local torch = require "torch"

return function(op, plain)
  local build = plain.build

  local function entry(name, inputs, f, peer, options)
    local e = { name = name, inputs = inputs, plain = f, peer = peer, types = "float", into = false,
      scalar = false, result = "same", loose = 20 }
    for k, v in pairs(options or {}) do e[k] = v end
    op(e)
  end

  -- The element of an array that broadcasts, at the place whose last index is replaced.
  local function at(x, place, part)
    local index, n = {}, #x.shape
    for d = 1, n - 1 do
      local i = place[d + #place - n]
      index[d] = x.shape[d] == 1 and 1 or i
    end
    index[n] = part
    return x(table.unpack(index))
  end
  -- f(re, im, re, im, ..) -> re, im at each place of the first array's shape.
  local function pairs_of(f)
    return function(...)
      local list = { ... }
      return build(list[1].shape, function(...)
        local place, parts = { ... }, {}
        for _, x in ipairs(list) do
          parts[#parts + 1], parts[#parts + 2] = at(x, place, 1), at(x, place, 2)
        end
        return (select(place[#place], f(table.unpack(parts))))
      end)
    end
  end
  local function real_of(f)
    return function(x)
      return build({ table.unpack(x.shape, 1, #x.shape - 1) }, function(...)
        local place = { ... }
        place[#place + 1] = 1
        return f(at(x, place, 1), at(x, place, 2))
      end)
    end
  end
  local function polar(r, angle) return r * math.cos(angle), r * math.sin(angle) end
  local function size(re, im) return math.sqrt(re * re + im * im) end

  local z = { "ab2", lo = 0.5, hi = 3 }
  local any = { types = "number" }
  for _, name in ipairs { "complexPairs", "complex" } do
    entry(name, { "ab", "b" }, function(x, y)
      return build({ x.shape[1], x.shape[2], 2 }, function(i, j, k) return k == 1 and x(i, j) or y[j] end)
    end, "torch.stack(torch.broadcast_tensors(a, b), -1)", { types = "number", call = function(x, y)
      return torch[name](x, y)
    end })
  end
  entry("complexPairs", { "ab" }, function(x)
    return build({ x.shape[1], x.shape[2], 2 }, function(i, j, k) return k == 1 and x(i, j) or 0 end)
  end, "torch.stack([a, a * 0], -1)", { types = "number", label = "complexPairs of reals" })
  entry("complex.real", { "ab2" }, real_of(function(re) return re end), "a[..., 0]", { types = "all" })
  entry("complex.imag", { "ab2" }, real_of(function(_, im) return im end), "a[..., 1]", { types = "all" })
  entry("complex.conj", { "ab2" }, pairs_of(function(re, im) return re, -im end), "P(Z(a).conj())")
  entry("complex.mul", { "ab2", "b2" }, pairs_of(function(p, q, r, s)
    return p * r - q * s, p * s + q * r
  end), "P(Z(a) * Z(b))")
  entry("complex.mul", { "ab2" }, pairs_of(function(re, im) return 2 * re, 2 * im end), "a * 2",
    { label = "complex.mul by a number", types = "number",
      call = function(x) return torch.complex.mul(x, 2) end })
  entry("complex.div", { "ab2", { "b2", lo = 1, hi = 3 } }, pairs_of(function(p, q, r, s)
    local n = r * r + s * s
    return (p * r + q * s) / n, (q * r - p * s) / n
  end), "P(Z(a) / Z(b))")
  entry("complex.abs", { "ab2" }, real_of(size), "Z(a).abs()")
  entry("complex.abs2", { "ab2" }, real_of(function(re, im) return re * re + im * im end), "(a * a).sum(-1)",
    any)
  entry("complex.angle", { "ab2" }, real_of(function(re, im) return math.atan(im, re) end), "Z(a).angle()",
    -- PyTorch takes the sign of a zero into account as we do; both agree but for it
    { inputs = { z } })
  entry("complex.polar", { { "ab", lo = 0, hi = 3 }, "b" }, function(r, angle)
    return build({ r.shape[1], r.shape[2], 2 }, function(i, j, k)
      return (select(k, polar(r(i, j), angle[j])))
    end)
  end, "torch.stack([a * b.cos(), a * b.sin()], -1)")
  entry("complex.exp", { "ab2" }, pairs_of(function(re, im) return polar(math.exp(re), im) end),
    "P(Z(a).exp())")
  entry("complex.log", { z }, pairs_of(function(re, im)
    return math.log(size(re, im)), math.atan(im, re)
  end), "P(Z(a).log())")
  entry("complex.sqrt", { z }, pairs_of(function(re, im)
    return polar(math.sqrt(size(re, im)), math.atan(im, re) / 2)
  end), "P(Z(a).sqrt())")
end
