-- spectral: short-time transforms, spectra, convolutions of signals, windows.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

return function(op, plain)
  local build, total = plain.build, plain.total

  local function entry(name, inputs, f, peer, call, options)
    local e = { name = name, inputs = inputs, plain = f, peer = peer, call = call, types = "float",
      into = false, scalar = false, empty = false, loose = 60 }
    for k, v in pairs(options or {}) do e[k] = v end
    op(e)
  end

  -- ---- short-time transforms: rows of 9 points, parts of 4, 2 apart ---------------------------------

  local window = { "4", lo = 0.5, hi = 1 }
  -- The rows with 2 more points on each side, by the place that each comes from.
  local function padded(x, from)
    return build({ x.shape[1], x.shape[2] + 4 }, function(i, j)
      local k = from(j - 2, x.shape[2])
      return k and x(i, k) or 0
    end)
  end
  local function reflect(k, n) return k < 1 and 2 - k or k > n and 2 * n - k or k end
  local function inside(k, n) return k >= 1 and k <= n and k or nil end
  local function edge(k, n) return math.min(math.max(k, 1), n) end
  local function stft(wide, w, frequencies, scale)
    local count = (wide.shape[2] - 4) // 2 + 1
    return build({ wide.shape[1], frequencies, count, 2 }, function(i, f, t, part)
      return scale * total(4, function(n)
        local angle = -2 * math.pi * (f - 1) * (n - 1) / 4
        return w[n] * wide(i, 2 * (t - 1) + n) * (part == 1 and math.cos(angle) or math.sin(angle))
      end)
    end)
  end
  local ones = { 1, 1, 1, 1 }
  local stft_peer = "torch.stft(a, 4, 2, %s, return_complex=True)"
  entry("stft", { "a9", window }, function(x, w) return stft(padded(x, reflect), w, 3, 1) end,
    "P(" .. stft_peer:format("window=b") .. ")", function(x, w)
      return torch.stft(x, 4, { hop = 2, window = w })
    end)
  entry("stft", { "a9", window }, function(x, w) return stft(padded(x, inside), w, 4, 0.5) end,
    "P(" .. stft_peer:format("window=b, pad_mode='constant', normalized=True, onesided=False") .. ")",
    function(x, w)
      return torch.stft(x, 4, { hop = 2, window = w, padMode = "constant", normalized = true,
        onesided = false })
    end, { label = "stft, whole" })
  entry("stft", { "a9" }, function(x) return stft(x, ones, 3, 1) end,
    "P(" .. stft_peer:format("center=False") .. ")",
    function(x) return torch.stft(x, 4, { hop = 2, center = false }) end, { label = "stft, not centred" })
  entry("spectrogram", { "a9", window }, function(x, w)
    local z = stft(padded(x, edge), w, 3, 1)
    return build({ table.unpack(z.shape, 1, 3) }, function(i, f, t)
      return z(i, f, t, 1) ^ 2 + z(i, f, t, 2) ^ 2
    end)
  end, stft_peer:format("window=b, pad_mode='replicate'") .. ".abs() ** 2", function(x, w)
    return torch.spectrogram(x, 4, { hop = 2, window = w, padMode = "replicate" })
  end)
  entry("spectrogram", { "a9" }, function(x)
    local z = stft(padded(x, reflect), ones, 3, 1)
    return build({ table.unpack(z.shape, 1, 3) }, function(i, f, t)
      return math.sqrt(z(i, f, t, 1) ^ 2 + z(i, f, t, 2) ^ 2)
    end)
  end, stft_peer:format("center=True") .. ".abs()",
    function(x) return torch.spectrogram(x, 4, { hop = 2, power = 1 }) end,
    { label = "spectrogram of power 1" })
  -- Real parts of 4 points by their first three frequencies.
  local function part(z, i, t, n)
    local function term(f, weight)
      local angle = 2 * math.pi * (f - 1) * (n - 1) / 4
      return weight * (z(i, f, t, 1) * math.cos(angle) - z(i, f, t, 2) * math.sin(angle))
    end
    return (z(i, 1, t, 1) + term(2, 2) + z(i, 3, t, 1) * math.cos(math.pi * (n - 1))) / 4
  end
  entry("istft", { "a352", window }, function(z, w)
    return build({ z.shape[1], 8 }, function(i, j)
      local s, weight = 0, 0
      for t = 1, 5 do
        local n = j + 2 - 2 * (t - 1)
        if n >= 1 and n <= 4 then
          s, weight = s + w[n] * part(z, i, t, n), weight + w[n] ^ 2
        end
      end
      return s / weight
    end)
  end, "torch.istft(Z(a), 4, 2, window=b)", function(z, w)
    return torch.istft(z, 4, { hop = 2, window = w })
  end)

  -- ---- spectra --------------------------------------------------------------------------------------

  -- The power of a list of n points, times the window; one-sided.
  local function powers(list, w)
    local n, mean, squares, out = #list, plain.sum(list) / #list, 0, {}
    for j = 1, n do squares = squares + (w and w[j] or 1) ^ 2 end
    for k = 0, n // 2 do
      local re, im = 0, 0
      for j = 1, n do
        local angle, v = 2 * math.pi * k * (j - 1) / n, (w and w[j] or 1) * (list[j] - mean)
        re, im = re + v * math.cos(angle), im + v * math.sin(angle)
      end
      out[k + 1] = (re * re + im * im) / squares * ((k == 0 or 2 * k == n) and 1 or 2)
    end
    return out
  end
  local function axis(n) return build({ n // 2 + 1 }, function(k) return (k - 1) / n end) end
  entry("periodogram", { "a8" }, function(x) return axis(8), plain.along(x, 2, powers) end,
    "[torch.arange(5) / 8, torch.fft.rfft(a - a.mean(-1, True)).abs() ** 2 / 8"
      .. " * torch.tensor([1, 2, 2, 2, 1])]")
  entry("welch", { "a8" }, function(x)
    local hann = { 0, 0.5, 1, 0.5 }
    return axis(4), plain.along(x, 2, function(l)
      local out = { 0, 0, 0 }
      for first = 1, 5, 2 do
        for k, p in ipairs(powers({ table.unpack(l, first, first + 3) }, hann)) do
          out[k] = out[k] + p / 3
        end
      end
      return out
    end)
  end, "[torch.arange(3) / 4, (torch.fft.rfft((a.unfold(1, 4, 2) - a.unfold(1, 4, 2).mean(-1, True))"
    .. " * torch.hann_window(4, dtype=a.dtype)).abs() ** 2 / 1.5 * torch.tensor([1, 2, 1])).mean(1)]",
    function(x) return torch.welch(x, { length = 4 }) end)
  entry("hilbert", { "ab" }, function(x)
    local n = x.shape[2]
    return build({ x.shape[1], n, 2 }, function(i, j, p)
      if p == 1 then return x(i, j) end
      -- 1/n times the sum over all points and the positive frequencies, twice
      return total(n, function(m)
        return x(i, m) * 2 / n * total((n - 1) // 2, function(k)
          return math.sin(2 * math.pi * k * (j - m) / n)
        end)
      end)
    end)
  end, "P(torch.fft.ifft(torch.fft.fft(a) * torch.tensor([1.] + [2.] * ((B - 1) // 2)"
    .. " + [1.] * (1 - B % 2) + [0.] * ((B - 1) // 2))[:B]))")

  -- ---- convolutions ---------------------------------------------------------------------------------

  -- Element k of the full convolution is the sum of a_j b_(k + 1 - j).
  local function full(x, y)
    return build({ #x + #y - 1 }, function(k)
      return total(#x, function(j) return k + 1 - j >= 1 and k + 1 - j <= #y and x[j] * y[k + 1 - j] or 0 end)
    end)
  end
  local function turned(x)
    return build(x.shape, function(i) return x[#x + 1 - i] end)
  end
  local function cut(x, first, count)
    return build({ count }, function(k) return x[first + k - 1] end)
  end
  local long, short = "b", "3"
  local numbers = { types = "number", result = "same" }
  local function both(name, mode, f, peer)
    for _, c in ipairs { { long, short }, { short, long } } do
      local options = { label = ("%s, %s, %s %s"):format(name, mode, c[1], c[2]) }
      for k, v in pairs(numbers) do options[k] = v end
      entry(name, { c[1], c[2] }, f, peer, function(x, y) return torch[name](x, y, mode) end, options)
    end
  end
  local conv = "F.conv1d(fl(a)[None, None], fl(b).flip(0)[None, None], padding=b.numel() - 1)[0, 0]"
  local corr = "F.conv1d(fl(a)[None, None], fl(b)[None, None], padding=b.numel() - 1)[0, 0]"
  local middle = "[(min(a.numel(), b.numel()) - 1) // 2:][:max(a.numel(), b.numel())]"
  local valid = "[min(a.numel(), b.numel()) - 1:max(a.numel(), b.numel())]"
  both("convolve", "full", full, conv)
  both("convolve", "same", function(x, y)
    return cut(full(x, y), (math.min(#x, #y) - 1) // 2 + 1, math.max(#x, #y))
  end, conv .. middle)
  both("convolve", "valid", function(x, y)
    return cut(full(x, y), math.min(#x, #y), math.abs(#x - #y) + 1)
  end, conv .. valid)
  both("correlate", "full", function(x, y) return full(x, turned(y)) end, corr)
  both("correlate", "same", function(x, y)
    local n, m = #x, #y
    return cut(full(x, turned(y)), n >= m and m - m // 2 or n // 2 + 1, math.max(n, m))
  end)
  both("correlate", "valid", function(x, y)
    return cut(full(x, turned(y)), math.min(#x, #y), math.abs(#x - #y) + 1)
  end, corr .. valid)
  local function full2(x, y)
    local a, b = x.shape[1] + y.shape[1] - 1, x.shape[2] + y.shape[2] - 1
    return build({ a, b }, function(i, j)
      return total(x.shape[1], function(p)
        return total(x.shape[2], function(q)
          local r, s = i + 1 - p, j + 1 - q
          return r >= 1 and r <= y.shape[1] and s >= 1 and s <= y.shape[2] and x(p, q) * y(r, s) or 0
        end)
      end)
    end)
  end
  entry("fftconvolve", { "ab", "cd" }, full2,
    "F.conv2d(fl(a)[None, None], fl(b).flip(0, 1)[None, None], padding=(C - 1, D - 1))[0, 0]", nil,
    { types = "number", loose = 400 })
  entry("fftconvolve", { "ab", "33" }, function(x, y)
    local wide = full2(x, y)
    return build(x.shape, function(i, j) return wide(i + 1, j + 1) end)
  end, "F.conv2d(a[None, None], b.flip(0, 1)[None, None], padding=1)[0, 0]",
    function(x, y) return torch.fftconvolve(x, y, "same") end, { label = "fftconvolve, same", loose = 400 })
  for _, name in ipairs { "xcorr3", "conv3" } do
    entry(name, { "abc", "222" }, function(x, k)
      local a, b, c = table.unpack(x.shape)
      return build({ a - 1, b - 1, c - 1 }, function(i, j, l)
        local s = 0
        for p = 0, 1 do
          for q = 0, 1 do
            for r = 0, 1 do
              local w = name == "xcorr3" and k(p + 1, q + 1, r + 1) or k(2 - p, 2 - q, 2 - r)
              s = s + x(i + p, j + q, l + r) * w
            end
          end
        end
        return s
      end)
    end, "F.conv3d(a[None, None], b" .. (name == "conv3" and ".flip(0, 1, 2)" or "") .. "[None, None])[0, 0]",
      nil, { types = "wide", least = 2 })
  end

  -- ---- windows: of as many points as the input has --------------------------------------------------

  local function shape(name, peer, f, ...)
    local more = { ... }
    for _, periodic in ipairs { true, false } do
      entry(name, { "d" }, function(x)
        local n = #x
        return build({ n }, function(i)
          if n == 1 then return 1 end
          return f((i - 1) / (periodic and n or n - 1))
        end)
      end, ("torch.%s(D, %s%s, dtype=torch.float64)"):format(peer, periodic and "True" or "False",
        more[1] and ", " .. more[1] or ""), function(x)
          local n = x:size(1)
          if more[1] then return torch[name](n, periodic, more[1], "float64") end
          return torch[name](n, periodic, "float64")
        end, { label = name .. (periodic and "" or ", symmetric"), types = "wide", derivative = false,
          result = "float64", loose = 1e3 })
    end
  end
  shape("hannWindow", "hann_window", function(t) return 0.5 - 0.5 * math.cos(2 * math.pi * t) end)
  shape("hammingWindow", "hamming_window", function(t) return 0.54 - 0.46 * math.cos(2 * math.pi * t) end)
  shape("blackmanWindow", "blackman_window", function(t)
    return 0.42 - 0.5 * math.cos(2 * math.pi * t) + 0.08 * math.cos(4 * math.pi * t)
  end)
  shape("bartlettWindow", "bartlett_window", function(t) return 1 - math.abs(2 * t - 1) end)
  shape("kaiserWindow", "kaiser_window", function(t)
    return scalar.bessel(0, 8 * math.sqrt(math.max(0, 1 - (2 * t - 1) ^ 2))) / scalar.bessel(0, 8)
  end, 8)
end
