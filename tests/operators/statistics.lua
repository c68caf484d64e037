-- statistics: sums and extremes that leave dimensions out, scans, covariances, differences, integrals.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

local is_nan = scalar.is_nan

local function copy(list) return table.move(list, 1, #list, 1, {}) end

local function largest(list) return math.max(table.unpack(list)) end
local function smallest(list) return math.min(table.unpack(list)) end
local function truth(v) return v == true and 1 or v or 0 end

local function without_nan(list)
  local out = {}
  for _, v in ipairs(list) do
    if not is_nan(v) then out[#out + 1] = v end
  end
  return out
end

return function(op, plain)
  local build, along, over, sum = plain.build, plain.along, plain.over, plain.sum

  local function mean(list) return sum(list) / #list end
  local function var(list)
    local m, s = mean(list), 0
    for _, v in ipairs(list) do s = s + (v - m) ^ 2 end
    return s / (#list - 1)
  end
  local function logsumexp(list)
    local most, s = largest(list), 0
    for _, v in ipairs(list) do s = s + math.exp(v - most) end
    return math.log(s) + most
  end

  -- a without its dimension dim of size 1
  local function drop(a, dim)
    local shape = copy(a.shape)
    table.remove(shape, dim)
    return plain.reshape(a, shape)
  end
  -- Several results, one a function.
  local function each(fs, reduce)
    local out = {}
    for i, f in ipairs(fs) do out[i] = reduce(f) end
    return table.unpack(out)
  end

  -- Over a dimension, over two that stay, and over all.  The peer has DIM, KEEP.
  local function family(name, fs, peer, options)
    options = options or {}
    if type(fs) == "function" then fs = { fs } end
    local function make(label, call, reference, dim, keep)
      local entry = { name = name, label = name .. " " .. label, inputs = { { "abc", lo = -9, hi = 9 } },
        call = call, plain = reference, scalar = false, empty = false, loose = 10,
        peer = peer and peer:gsub("DIM", dim):gsub("KEEP", keep) }
      for k, v in pairs(options) do entry[k] = v end
      entry.inputs = { copy(entry.inputs[1]) }
      for k, v in pairs((options.inputs or entry.inputs)[1]) do entry.inputs[1][k] = v end
      entry.skip = nil
      op(entry)
    end
    local f, skip = torch[name], options.skip -- arguments between the dimension and keepdim
    make("along 2", function(x) return f(x, 2) end, function(x)
      return each(fs, function(g) return drop(along(x, 2, g), 2) end)
    end, "1", "False")
    make("along the last, kept", function(x)
      if skip then return f(x, -1, nil, true) end
      return f(x, -1, true)
    end, function(x)
      return each(fs, function(g) return along(x, 3, g) end)
    end, "2", "True")
    make("over 3 and 1", function(x) return f(x, { 3, 1 }) end, function(x)
      return each(fs, function(g)
        local b = plain.permute(x, { 2, 1, 3 })
        return drop(along(plain.reshape(b, { b.shape[1], b.shape[2] * b.shape[3] }), 2, g), 2)
      end)
    end, "(0, 2)", "False")
    make("over all", function(x) return f(x) end, function(x)
      return each(fs, function(g) return over(x, g) end)
    end, "(0, 1, 2)", "False")
  end

  family("amax", largest, "a.amax(DIM, KEEP)")
  family("amin", smallest, "a.amin(DIM, KEEP)")
  family("aminmax", { smallest, largest }, "[a.amin(DIM, KEEP), a.amax(DIM, KEEP)]")
  family("ptp", function(l) return largest(l) - smallest(l) end, "a.amax(DIM, KEEP) - a.amin(DIM, KEEP)")
  family("logsumexp", logsumexp, "torch.logsumexp(fl(a), DIM, KEEP)")
  family("nansum", function(l) return sum(without_nan(l)) end, "torch.nansum(a, DIM, KEEP)",
    { inputs = { { "abc", nan = true } } })
  family("nanmean", function(l) return mean(without_nan(l)) end, "torch.nanmean(fl(a), DIM, KEEP)",
    { inputs = { { "abc", nan = true } } })
  family("average", mean, "fl(a).mean(DIM, KEEP)", { skip = true })
  family("varMean", { var, mean }, "list(torch.var_mean(a, DIM, True, keepdim=KEEP))",
    { types = "float", skip = true, least = 2 })
  family("stdMean", { function(l) return math.sqrt(var(l)) end, mean },
    "list(torch.std_mean(a, DIM, True, keepdim=KEEP))", { types = "float", skip = true, least = 2 })

  op { name = "amax", label = "amax of bools", inputs = { { "ab", mask = true } }, derivative = false,
    types = "wide", empty = false, call = function(x) return torch.amax(x, 1) end,
    plain = function(x)
      return drop(along(x, 1, function(l)
        local most = 0
        for _, v in ipairs(l) do most = math.max(most, truth(v)) end
        return most == 1
      end), 1)
    end, peer = "a.amax(0)" }
  op { name = "average", label = "average with weights", scalar = false, empty = false, loose = 10,
    inputs = { { "abc", lo = -9, hi = 9 }, { "b", lo = 1, hi = 4 } },
    call = function(x, w) return torch.average(x, 2, w) end, plain = function(x, w)
      local total = sum(w)
      return build({ x.shape[1], x.shape[3] }, function(i, k)
        return plain.total(#w, function(j) return x(i, j, k) * w[j] end) / total
      end)
    end, peer = "(fl(a) * b[:, None]).sum(1) / b.sum()" }
  op { name = "varMean", label = "varMean, biased", inputs = { "ab" }, types = "float", empty = false,
    scalar = false, call = function(x) return torch.varMean(x, 1, true) end, loose = 10,
    plain = function(x)
      local n = x.shape[1]
      return drop(along(x, 1, function(l) return n == 1 and 0 or var(l) * (n - 1) / n end), 1),
        drop(along(x, 1, mean), 1)
    end, peer = "list(torch.var_mean(a, 0, False))" }

  -- Order.
  local function line(name, label, call, f, peer, options)
    local entry = { name = name, label = label, inputs = { { "abc", lo = -9, hi = 9 } }, call = call,
      plain = f, peer = peer, scalar = false, empty = false, into = false, loose = 10 }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end
  line("argsort", nil, nil, function(x) return along(x, 3, plain.order) end, "a.argsort(-1) + 1",
    { derivative = false, distinct = true, result = "int64", method = true })
  line("argsort", "argsort down", function(x) return torch.argsort(x, 1, true) end, function(x)
    return along(x, 1, function(l) return plain.order(l, true) end)
  end, "a.argsort(0, True) + 1", { derivative = false, distinct = true, result = "int64" })
  line("msort", nil, nil, function(x)
    return along(x, 1, function(l)
      l = copy(l)
      table.sort(l)
      return l
    end)
  end, "torch.msort(a)", { result = "same", method = true })

  -- Scans, with places where the result takes an element as it is: of equal ones the last.
  local function running(better)
    return function(values)
      return function(l)
        local out, k = {}, 1
        for i = 1, #l do
          if not better(l[k], l[i]) then k = i end
          out[i] = values and l[k] or k
        end
        return out
      end
    end
  end
  for _, c in ipairs { { "cummax", function(a, b) return a > b end },
    { "cummin", function(a, b) return a < b end } } do
    local steps = running(c[2])
    for dim = 1, 3 do
      line(c[1], c[1] .. " " .. dim, function(x) return torch[c[1]](x, dim) end, function(x)
        return along(x, dim, steps(true)), along(x, dim, steps(false))
      end, ("[torch.%s(a, %d)[0], torch.%s(a, %d)[1] + 1]"):format(c[1], dim - 1, c[1], dim - 1),
        { result = "same" })
    end
  end
  for dim = 1, 3 do
    line("logcumsumexp", "logcumsumexp " .. dim, function(x) return torch.logcumsumexp(x, dim) end,
      function(x)
        return along(x, dim, function(l)
          local out, part = {}, {}
          for i, v in ipairs(l) do
            part[i] = v
            out[i] = logsumexp(part)
          end
          return out
        end)
      end, ("torch.logcumsumexp(fl(a), %d)"):format(dim - 1), { result = "float" })
  end
  local function exponentials(l)
    local out, all = {}, logsumexp(l)
    for i, v in ipairs(l) do out[i] = math.exp(v - all) end
    return out
  end
  line("softmax", nil, function(x) return torch.softmax(x, 2) end, function(x)
    return along(x, 2, exponentials)
  end, "torch.softmax(fl(a), 1)", { result = "float" })
  line("logSoftmax", nil, nil, function(x)
    return along(x, 3, function(l)
      local out = exponentials(l)
      for i, v in ipairs(out) do out[i] = math.log(v) end
      return out
    end)
  end, "torch.log_softmax(fl(a), 2)", { result = "float", method = true })
  line("softmin", nil, function(x) return torch.softmin(x, 1) end, function(x)
    return along(x, 1, function(l)
      local turned = {}
      for i, v in ipairs(l) do turned[i] = -v end
      return exponentials(turned)
    end)
  end, "F.softmin(fl(a), 0)", { result = "float", types = "float" })

  -- Covariances of rows.
  local function cov(x, weight, lost)
    local n = x.shape[2]
    local function centre(i)
      local s, w = 0, 0
      for k = 1, n do s, w = s + weight(k) * x(i, k), w + weight(k) end
      return s / w
    end
    return build({ x.shape[1], x.shape[1] }, function(i, j)
      local p, q, w = centre(i), centre(j), 0
      for k = 1, n do w = w + weight(k) end
      return plain.total(n, function(k) return weight(k) * (x(i, k) - p) * (x(j, k) - q) end) / (w - lost(w))
    end)
  end
  local function one() return 1 end
  line("cov", nil, nil, function(x) return cov(x, one, one) end, "torch.cov(fl(a))",
    { inputs = { "ab" }, least = 2, method = true, loose = 40 })
  line("cov", "cov with weights", function(x, f, w) return torch.cov(x, 1, f, w) end, function(x, f, w)
    local squares, total = 0, 0
    for k = 1, #w do squares, total = squares + f[k] * w[k] ^ 2, total + f[k] * w[k] end
    return cov(x, function(k) return f[k] * w[k] end, function() return squares / total end)
  end, "torch.cov(a, fweights=b, aweights=c)",
    { inputs = { "ab", { "b", index = "4" }, { "b", lo = 1, hi = 3 } }, types = "wide", least = 3,
      loose = 100 })
  -- Elements of the diagonal are held at 1 by clamp, whose slope there is one-sided.
  line("corrcoef", nil, function(x) return torch.tril(torch.corrcoef(x), -1) end, function(x)
    local c = cov(x, one, one)
    return build(c.shape, function(i, j) return i > j and c(i, j) / math.sqrt(c(i, i) * c(j, j)) or 0 end)
  end, "torch.corrcoef(fl(a)).reshape(A, A).tril(-1)",
    { inputs = { "ab" }, least = 3, loose = 100, types = "float", distinct = true })

  -- Differences and integrals.
  local function differences(l)
    local out = {}
    for i = 2, #l do out[i - 1] = l[i] - l[i - 1] end
    return out
  end
  line("diff", nil, nil, function(x)
    return build({ x.shape[1], x.shape[2] - 1 }, function(i, j) return x(i, j + 1) - x(i, j) end)
  end, "torch.diff(a)", { inputs = { "ab" }, result = "same", method = true })
  line("diff", "diff of bools", function(x) return torch.diff(x, 1, 1) end, function(x)
    return build({ x.shape[1] - 1, x.shape[2] }, function(i, j) return x(i + 1, j) ~= x(i, j) end)
  end, "torch.diff(a, 1, 0)", { inputs = { { "ab", mask = true } }, types = "wide", derivative = false })
  line("diff", "diff twice", function(x, p, q) return torch.diff(x, 2, 2, p, q) end, function(x, p, q)
    local n = x.shape[2]
    local wide = build({ x.shape[1], n + 3 }, function(i, j)
      return j == 1 and p(i, 1) or j <= n + 1 and x(i, j - 1) or q(i, j - n - 1)
    end)
    return along(wide, 2, function(l) return differences(differences(l)) end)
  end, "torch.diff(a, 2, 1, b, c)", { inputs = { "ab", "a1", "a2" }, result = "same" })
  local function trapezoids(y, x)
    local s = 0
    for i = 2, #y do s = s + (y[i] + y[i - 1]) / 2 * (x and x[i] - x[i - 1] or 1) end
    return s
  end
  for _, name in ipairs { "trapezoid", "trapz" } do
    line(name, nil, nil, function(y) return drop(along(y, 3, trapezoids), 3) end, "torch.trapezoid(fl(a))",
      { method = true })
    line(name, name .. " at places", function(y, x) return torch[name](y, x, 2) end, function(y, x)
      return drop(along(y, 2, function(l) return trapezoids(l, x) end), 2)
    end, "torch.trapezoid(a, b, dim=1)", { inputs = { "abc", "b" }, types = "wide" })
  end
  local function slopes(l, at)
    local out, n = {}, #l
    for i = 1, n do
      local p, q = math.max(i - 1, 1), math.min(i + 1, n)
      if p == i or q == i or not at then
        out[i] = (l[q] - l[p]) / (at and at[q] - at[p] or q - p)
      else
        local h, k = at[i] - at[p], at[q] - at[i]
        out[i] = (h * h * l[q] - k * k * l[p] + (k * k - h * h) * l[i]) / (h * k * (h + k))
      end
    end
    return out
  end
  line("gradient", nil, nil, function(x) return along(x, 1, slopes), along(x, 2, slopes) end,
    "list(torch.gradient(fl(a)))", { inputs = { "ab" }, least = 2, method = true })
  line("gradient", "gradient at places", function(x, at) return torch.gradient(x, at, 2) end,
    function(x, at) return along(x, 2, function(l) return slopes(l, at) end) end,
    "torch.gradient(a, spacing=(b,), dim=1)[0]",
    { inputs = { "ab", { "b", sorted = true } }, types = "wide", least = 2, loose = 40 })
end
