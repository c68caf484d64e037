-- fourier: Fourier and cosine transforms.
local torch = require "torch"

return function(op, plain)
  local build = plain.build

  local function entry(name, inputs, f, peer, call, options)
    local e = { name = "fft." .. name, inputs = inputs, plain = f, peer = peer, call = call, types = "number",
      into = false, scalar = false, empty = false, loose = 60 }
    for k, v in pairs(options or {}) do e[k] = v end
    op(e)
  end

  -- ---- transforms by their definition ---------------------------------------------------------------

  -- With `list`, the numbers {re, im} along dimension d of pairs x, replaced by those of f(list).
  local function lines(x, d, f)
    local done, shape = {}, { table.unpack(x.shape) }
    shape[d] = 1
    local count
    build({ table.unpack(shape, 1, #shape - 1) }, function(...)
      local index, list = { ... }, {}
      for j = 1, x.shape[d] do
        index[d] = j
        index[#shape] = 1
        local re = x(table.unpack(index))
        index[#shape] = 2
        list[j] = { re, x(table.unpack(index)) }
      end
      list = f(list)
      count = #list
      index[d], index[#shape] = 1, nil
      done[table.concat(index, ",")] = list
    end)
    shape[d] = count
    return build(shape, function(...)
      local index = { ... }
      local k, part = index[d], index[#index]
      index[d], index[#index] = 1, nil
      return done[table.concat(index, ",")][k][part]
    end)
  end

  -- n numbers: scale * sum over j of list[j] e^(sign 2 pi i j k / n)
  local function dft(list, n, sign, scale)
    local out = {}
    for k = 0, n - 1 do
      local re, im = 0, 0
      for j = 0, math.min(n, #list) - 1 do
        local angle = sign * 2 * math.pi * (j * k % n) / n
        local c, s, z = math.cos(angle), math.sin(angle), list[j + 1]
        re, im = re + z[1] * c - z[2] * s, im + z[1] * s + z[2] * c
      end
      out[k + 1] = { scale * re, scale * im }
    end
    return out
  end
  local function conj(list)
    local out = {}
    for k, z in ipairs(list) do out[k] = { z[1], -z[2] } end
    return out
  end
  -- All n numbers of a line that is its own conjugate mirror image.
  local function mirrored(list, n)
    local out = {}
    for k = 0, n - 1 do
      local m = math.min(k, n - k)
      local z = list[m + 1] or { 0, 0 }
      out[k + 1] = { z[1], (m == 0 or 2 * m == n) and 0 or k == m and z[2] or -z[2] }
    end
    return out
  end
  local function forward(x, d, n, scale)
    return lines(x, d, function(l) return dft(l, n or #l, -1, scale or 1) end)
  end
  local function inverse(x, d, n, scale)
    return lines(x, d, function(l) return dft(l, n or #l, 1, scale or 1 / (n or #l)) end)
  end
  local function to_pairs(x)
    local shape = { table.unpack(x.shape) }
    shape[#shape + 1] = 2
    return build(shape, function(...)
      local index = { ... }
      local part = table.remove(index)
      return part == 1 and x(table.unpack(index)) or 0
    end)
  end
  local function to_reals(x)
    return build({ table.unpack(x.shape, 1, #x.shape - 1) }, function(...)
      local index = { ... }
      index[#index + 1] = 1
      return x(table.unpack(index))
    end)
  end
  local function half(x, d, n, scale)
    return lines(to_pairs(x), d, function(l)
      n = n or #l
      return { table.unpack(dft(l, n, -1, scale or 1), 1, n // 2 + 1) }
    end)
  end
  local function from_half(x, d, n, scale)
    return to_reals(lines(x, d, function(l)
      local m = n or 2 * (#l - 1)
      return dft(mirrored(l, m), m, 1, scale or 1 / m)
    end))
  end

  -- ---- one dimension --------------------------------------------------------------------------------

  local fft = torch.fft
  entry("fft", { "ab2" }, function(x) return forward(x, 2) end, "P(torch.fft.fft(Z(fl(a))))")
  entry("fft", { "ab2" }, function(x) return forward(x, 1, 7, 7 ^ -0.5) end,
    "P(torch.fft.fft(Z(fl(a)), 7, 0, 'ortho'))", function(x) return fft.fft(x, 7, 1, "ortho") end,
    { label = "fft.fft of 7, orthogonal" })
  entry("fft", { "3ab2" }, function(x) return forward(x, 1, 2, 1 / 2) end,
    "P(torch.fft.fft(Z(fl(a)), 2, 0, 'forward'))", function(x) return fft.fft(x, 2, -3, "forward") end,
    { label = "fft.fft, cut" })
  entry("ifft", { "ab2" }, function(x) return inverse(x, 2) end, "P(torch.fft.ifft(Z(fl(a))))")
  entry("ifft", { "ab2" }, function(x) return inverse(x, 1, 5, 1) end,
    "P(torch.fft.ifft(Z(fl(a)), 5, 0, 'forward'))", function(x) return fft.ifft(x, 5, 1, "forward") end,
    { label = "fft.ifft of 5" })
  entry("rfft", { "abc" }, function(x) return half(x, 3) end, "P(torch.fft.rfft(fl(a)))")
  for _, n in ipairs { 3, 6 } do
    entry("rfft", { "ab" }, function(x) return half(x, 1, n, n ^ -0.5) end,
      ("P(torch.fft.rfft(fl(a), %d, 0, 'ortho'))"):format(n),
      function(x) return fft.rfft(x, n, 1, "ortho") end, { label = "fft.rfft of " .. n })
  end
  entry("irfft", { "ab2" }, function(x) return from_half(x, 2) end, "torch.fft.irfft(Z(fl(a)))", nil,
    { least = 2 })
  for _, n in ipairs { 4, 7 } do
    entry("irfft", { "ab2" }, function(x) return from_half(x, 1, n, 1) end,
      ("torch.fft.irfft(Z(fl(a)), %d, 0, 'forward')"):format(n),
      function(x) return fft.irfft(x, n, 1, "forward") end, { label = "fft.irfft of " .. n })
  end
  entry("hfft", { "ab2" }, function(x) return from_half(lines(x, 2, conj), 2, nil, 1) end,
    "torch.fft.hfft(Z(fl(a)))", nil, { least = 2 })
  entry("ihfft", { "ab" }, function(x) return lines(half(x, 2, nil, 1 / x.shape[2]), 2, conj) end,
    "P(torch.fft.ihfft(fl(a)))")

  -- ---- several dimensions ---------------------------------------------------------------------------

  entry("fftn", { "abc2" }, function(x) return forward(forward(forward(x, 1), 2), 3) end,
    "P(torch.fft.fftn(Z(fl(a))))")
  entry("fftn", { "abc2" }, function(x) return forward(forward(x, 1, 2), 3, 4) end,
    "P(torch.fft.fftn(Z(fl(a)), (2, 4), (0, 2)))", function(x) return fft.fftn(x, { 2, 4 }, { 1, 3 }) end,
    { label = "fft.fftn of chosen ones" })
  entry("ifftn", { "ab2" }, function(x) return inverse(inverse(x, 1), 2) end, "P(torch.fft.ifftn(Z(fl(a))))")
  entry("fft2", { "abc2" }, function(x) return forward(forward(x, 2), 3) end, "P(torch.fft.fft2(Z(fl(a))))")
  entry("ifft2", { "abc2" }, function(x) return inverse(inverse(x, 2), 3) end,
    "P(torch.fft.ifft2(Z(fl(a))))")
  entry("rfftn", { "abc" }, function(x) return forward(forward(half(x, 3), 1), 2) end,
    "P(torch.fft.rfftn(fl(a)))")
  entry("rfft2", { "abc" }, function(x) return forward(half(x, 3), 2) end, "P(torch.fft.rfft2(fl(a)))")
  entry("irfftn", { "ab2" }, function(x) return from_half(inverse(x, 1), 2) end,
    "torch.fft.irfftn(Z(fl(a)))", nil, { least = 2 })
  entry("irfft2", { "abc2" }, function(x) return from_half(inverse(x, 2), 3, 5) end,
    "torch.fft.irfft2(Z(fl(a)), (B, 5))", function(x) return fft.irfft2(x, { x.shape[2], 5 }) end)

  -- ---- frequencies ----------------------------------------------------------------------------------

  local function frequencies(name, size, place)
    entry(name, { "a" }, function(x)
      local n = #x
      return build({ size(n) }, function(k) return place(k - 1, n) / (n * 0.5) end)
    end, ("torch.fft.%s(A, 0.5)"):format(name), function(x) return fft[name](x.shape[1], 0.5) end,
      { types = "wide", derivative = false, result = "float32", loose = 1e6 })
  end
  frequencies("fftfreq", function(n) return n end, function(k, n) return 2 * k < n and k or k - n end)
  frequencies("rfftfreq", function(n) return n // 2 + 1 end, function(k) return k end)
  local function rolled(x, d, by)
    local n = x.shape[d]
    return build(x.shape, function(...)
      local index = { ... }
      index[d] = (index[d] - 1 - by) % n + 1
      return x(table.unpack(index))
    end)
  end
  for _, c in ipairs { { "fftshift", function(n) return n // 2 end },
    { "ifftshift", function(n) return -(n // 2) end } } do
    entry(c[1], { "a3" }, function(x) return rolled(rolled(x, 1, c[2](x.shape[1])), 2, c[2](3)) end,
      ("torch.fft.%s(a)"):format(c[1]), nil, { types = "all", result = "same", empty = true })
    entry(c[1], { "ab2" }, function(x) return rolled(x, 2, c[2](x.shape[2])) end,
      ("torch.fft.%s(a, 1)"):format(c[1]), function(x) return fft[c[1]](x, -1, true) end,
      { label = "fft." .. c[1] .. " of pairs", types = "all", result = "same" })
  end

  -- ---- cosine transforms ----------------------------------------------------------------------------

  local function cosines(kind, scale, ortho)
    return function(l)
      local out, n = {}, #l
      for k = 0, n - 1 do
        local s = 0
        for j = 0, n - 1 do
          local angle = math.pi / (2 * n) * (kind == 2 and k * (2 * j + 1) or j * (2 * k + 1))
          local weight = 2
          if kind == 3 and j == 0 then weight = ortho and 2 ^ 0.5 or 1 end
          if kind == 2 and k == 0 and ortho then weight = 2 ^ 0.5 end
          s = s + weight * l[j + 1] * math.cos(angle)
        end
        out[k + 1] = s * (ortho and (2 * n) ^ -0.5 or scale or 1 / (2 * n))
      end
      return out
    end
  end
  local matrix = "torch.cos(math.pi / (2 * B) * torch.arange(B, dtype=torch.float64)[None]"
    .. " * (2 * torch.arange(B, dtype=torch.float64)[:, None] + 1)).to(fl(a).dtype)"
  for _, where in ipairs { "fft.", "" } do
    local f = where == "" and torch or fft
    local function both(name, label, kind, scale, norm, peer)
      entry(name, { "ab" }, function(x) return plain.along(x, 2, cosines(kind, scale, norm == "ortho")) end,
        peer, function(x) return f[name](x, name == "idct" and 5 - kind or kind, nil, 2, norm) end,
        { name = where .. name, label = where .. name .. label, result = "float" })
    end
    both("dct", " 2", 2, 1, nil, "2 * fl(a) @ " .. matrix)
    both("dct", " 3", 3, 1, nil, "2 * fl(a) @ " .. matrix .. ".t() - fl(a)[:, :1]")
    both("dct", " 2, orthogonal", 2, nil, "ortho")
    both("idct", " 2", 3, nil, nil, "(2 * fl(a) @ " .. matrix .. ".t() - fl(a)[:, :1]) / (2 * B)")
    both("idct", " 3, orthogonal", 2, nil, "ortho")
  end
end
