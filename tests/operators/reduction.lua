-- reduction: operators that make one element of many: sums, extremes, norms, scans, ranks.

local function product(list)
  local p = 1
  for _, v in ipairs(list) do p = p * v end
  return p
end

local function best(list, better)
  local k = 1
  for i = 2, #list do
    if better(list[i], list[k]) then k = i end
  end
  return k
end

local function argmax(list) return best(list, function(a, b) return a > b end) end
local function argmin(list) return best(list, function(a, b) return a < b end) end

local function truth(v) return v == true or (v and v ~= 0) or false end

local function all(list)
  for _, v in ipairs(list) do
    if not truth(v) then return false end
  end
  return true
end

local function any(list)
  for _, v in ipairs(list) do
    if truth(v) then return true end
  end
  return false
end

local function nonzeros(list)
  local n = 0
  for _, v in ipairs(list) do n = n + (truth(v) and 1 or 0) end
  return n
end

return function(op, plain)
  local along, over, sum = plain.along, plain.over, plain.sum

  local function mean(list) return sum(list) / #list end
  local function var(correction)
    return function(list)
      local m, s = mean(list), 0
      for _, v in ipairs(list) do s = s + (v - m) ^ 2 end
      return s / (#list - correction)
    end
  end
  local function norm(p)
    return function(list)
      local s = 0
      for _, v in ipairs(list) do s = s + math.abs(v) ^ p end
      return s ^ (1 / p)
    end
  end

  -- name, of a list, PyTorch with DIM, options
  local families = {
    { "sum", sum, "a.sum(DIM, keepdim=True)", "a.sum()" },
    { "prod", product, "a.prod(DIM, keepdim=True)", "a.prod()", lo = 1, hi = 1.5 },
    { "mean", mean, "a.mean(DIM, keepdim=True)", "a.mean()", types = "float", empty = false },
    { "var", var(1), "a.var(DIM, keepdim=True)", "a.var()", types = "float", empty = false },
    { "std", function(l) return math.sqrt(var(1)(l)) end, "a.std(DIM, keepdim=True)", "a.std()",
      types = "float", empty = false, loose = 10 },
    { "all", all, "a.bool().all(DIM, keepdim=True)", "a.bool().all()", types = "all", derivative = false },
    { "any", any, "a.bool().any(DIM, keepdim=True)", "a.bool().any()", types = "all", derivative = false },
    { "countNonzero", nonzeros, "(a != 0).sum(DIM, keepdim=True)", "(a != 0).sum()", types = "all",
      derivative = false },
    { "argmax", argmax, "a.argmax(DIM, keepdim=True) + 1", "a.argmax() + 1", empty = false, distinct = true,
      keep = true, derivative = false },
    { "argmin", argmin, "a.argmin(DIM, keepdim=True) + 1", "a.argmin() + 1", empty = false, distinct = true,
      keep = true, derivative = false },
  }
  for _, f in ipairs(families) do
    local function input(shape) return { shape, lo = f.lo, hi = f.hi } end
    local function make(label, call, reference, peer)
      op { name = f[1], label = f[1] .. label, inputs = { input "abc" }, call = call, plain = reference,
        peer = peer, types = f.types, empty = f.empty, derivative = f.derivative, distinct = f.distinct,
        scalar = false, into = false, loose = f.loose or 10 }
    end
    for dim = 1, 3 do
      make(" along " .. dim, function(x) return torch[f[1]](x, dim, f.keep) end,
        function(x) return along(x, dim, f[2]) end, f[3]:gsub("DIM", tostring(dim - 1)))
    end
    make(" over all", function(x)
      local v = torch[f[1]](x)
      return torch.isTensor(v) and v or type(v) == "boolean" and torch.scalar(v, "bool")
        or torch.scalar(v, math.type(v) == "integer" and "int64" or "double")
    end, function(x) return over(x, f[2]) end, f[4])
  end
  op { name = "sum", label = "sum over two", inputs = { "abc" },
    call = function(x) return torch.sum(x, { 1, 3 }) end, scalar = false, into = false, loose = 10,
    plain = function(x) return along(along(x, 1, sum), 3, sum) end, peer = "a.sum((0, 2), keepdim=True)" }
  op { name = "var", label = "biased var", inputs = { "abc" }, types = "float", empty = false, scalar = false,
    call = function(x) return torch.var(x, 2, true) end, into = false, loose = 10,
    plain = function(x) return along(x, 2, var(0)) end, peer = "a.var(1, unbiased=False, keepdim=True)" }
  for p = 1, 3 do
    op { name = "norm", label = "norm " .. p, inputs = { { "abc", lo = 0.5, hi = 3 } }, types = "float",
      call = function(x) return torch.norm(x, p, 2) end, scalar = false, into = false, loose = 10,
      plain = function(x) return along(x, 2, norm(p)) end, peer = ("a.norm(%d, 1, keepdim=True)"):format(p) }
    op { name = "dist", label = "dist " .. p, inputs = { { "ab", lo = 1, hi = 3 }, { "ab", lo = 4, hi = 6 } },
      types = "float", scalar = false, into = false, loose = 10, empty = false,
      call = function(x, y)
        local d = torch.dist(x, y, p)
        return torch.isTensor(d) and d or torch.scalar(d, "double")
      end,
      plain = function(x, y)
        return plain.build({}, function()
          local s = 0
          for i = 1, #x do s = s + math.abs(x[i] - y[i]) ^ p end
          return s ^ (1 / p)
        end)
      end, peer = ("torch.dist(a, b, %d)"):format(p) }
  end

  -- Values and their places along a dimension.
  local function ranked(name, label, call, f, peer, options)
    local entry = { name = name, label = label, inputs = { { "abc", lo = -20, hi = 20 } }, call = call,
      plain = function(x)
        local values = along(x, 2, function(list)
          local out = {}
          for i, p in ipairs(f(list)) do out[i] = list[p] end
          return out
        end)
        return values, along(x, 2, f)
      end, peer = peer, distinct = true, empty = false, scalar = false, into = false }
    for k, v in pairs(options or {}) do entry[k] = v end
    op(entry)
  end
  ranked("max", nil, function(x) return torch.max(x, 2) end, function(l) return { argmax(l) } end,
    "[a.max(1, keepdim=True)[0], a.max(1, keepdim=True)[1] + 1]")
  ranked("min", nil, function(x) return torch.min(x, 2) end, function(l) return { argmin(l) } end,
    "[a.min(1, keepdim=True)[0], a.min(1, keepdim=True)[1] + 1]")
  ranked("sort", nil, function(x) return torch.sort(x, 2) end, plain.order,
    "[a.sort(1)[0], a.sort(1)[1] + 1]")
  ranked("sort", "sort down", function(x) return torch.sort(x, 2, true) end,
    function(l) return plain.order(l, true) end, "[a.sort(1, True)[0], a.sort(1, True)[1] + 1]")
  ranked("kthvalue", nil, function(x) return torch.kthvalue(x, 2, 2) end,
    function(l) return { plain.order(l)[2] } end,
    "[a.kthvalue(2, 1, True)[0], a.kthvalue(2, 1, True)[1] + 1]", { least = 2 })
  ranked("median", nil, function(x) return torch.median(x, 2) end,
    function(l) return { plain.order(l)[(#l + 1) // 2] } end,
    "[a.median(1, True)[0], a.median(1, True)[1] + 1]")
  ranked("mode", nil, function(x) return torch.mode(x, 2) end, function(l) return { plain.order(l)[1] } end)
  ranked("topk", nil, function(x) return torch.topk(x, 2, 2, true) end, function(l)
    local o = plain.order(l, true)
    return { o[1], o[2] }
  end, "[a.topk(2, 1)[0], a.topk(2, 1)[1] + 1]", { least = 2 })

  -- Scans.
  local steps = { { "cumsum", function(a, b) return a + b end },
    { "cumprod", function(a, b) return a * b end } }
  for _, step in ipairs(steps) do
    local name, f = step[1], step[2]
    for dim = 1, 3 do
      op { name = name, label = name .. " " .. dim, inputs = { { "abc", lo = 1, hi = 2 } }, scalar = false,
        call = function(x) return torch[name](x, dim) end, into = false, loose = 10,
        plain = function(x)
          return along(x, dim, function(list)
            local out, s = {}, nil
            for i, v in ipairs(list) do
              s = s and f(s, v) or v
              out[i] = s
            end
            return out
          end)
        end, peer = ("torch.%s(a, %d)"):format(name, dim - 1) }
    end
  end

  op { name = "renorm", inputs = { { "abc", lo = 1, hi = 3 } }, types = "wide", scalar = false, empty = false,
    into = false, loose = 100, call = function(x) return torch.renorm(x, 2, 2, 2.5) end,
    plain = function(x)
      return plain.build(x.shape, function(i, j, k)
        local s = 0
        for p = 1, x.shape[1] do
          for q = 1, x.shape[3] do s = s + x(p, j, q) ^ 2 end
        end
        s = math.sqrt(s)
        return s > 2.5 and x(i, j, k) * 2.5 / (s + 1e-7) or x(i, j, k)
      end)
    end, peer = "torch.renorm(a, 2, 1, 2.5)" }
  op { name = "histc", inputs = { { "ab", lo = 0, hi = 8 } }, types = "float", derivative = false,
    scalar = false, empty = false, into = false, call = function(x) return torch.histc(x, 4, 0, 8) end,
    plain = function(x)
      local counts = { 0, 0, 0, 0 }
      for i = 1, #x do
        local bin = math.min(math.floor(x[i] / 2) + 1, 4)
        counts[bin] = counts[bin] + 1
      end
      return plain.build({ 4 }, function(i) return counts[i] end)
    end, peer = "torch.histc(a.float(), 4, 0, 8).to(a.dtype)" }
  op { name = "bhistc", inputs = { { "ab", lo = 0, hi = 8 } }, types = "float", derivative = false,
    scalar = false, empty = false, into = false, call = function(x) return torch.bhistc(x, 4, 0, 8) end,
    plain = function(x)
      return plain.build({ x.shape[1], 4 }, function(i, bin)
        return plain.total(x.shape[2], function(j)
          return math.min(math.floor(x(i, j) / 2) + 1, 4) == bin and 1 or 0
        end)
      end)
    end, peer = "torch.stack([torch.histc(r.float(), 4, 0, 8) for r in a])" }
end
