-- quantile: quantiles and medians.
local torch = require "torch"
local scalar = dofile "tests/operators/scalar.lua"

-- The element of a sorted list at a rank that counts from 0.
local between = {
  linear = function(l, rank)
    local low = math.floor(rank)
    return l[low + 1] + (rank - low) * (l[math.ceil(rank) + 1] - l[low + 1])
  end,
  lower = function(l, rank) return l[math.floor(rank) + 1] end,
  higher = function(l, rank) return l[math.ceil(rank) + 1] end,
  midpoint = function(l, rank) return (l[math.floor(rank) + 1] + l[math.ceil(rank) + 1]) / 2 end,
  nearest = function(l, rank)
    local low = math.floor(rank)
    local up = rank - low > 0.5 or (rank - low == 0.5 and low % 2 == 1)
    return l[up and low + 2 or low + 1]
  end,
}

return function(op, plain)
  local along, over = plain.along, plain.over

  -- A function of a list for one fraction or several.
  local function quantile(q, how, skip)
    return function(list)
      local l, bad, out = {}, false, {}
      for _, v in ipairs(list) do
        if scalar.is_nan(v) then bad = not skip else l[#l + 1] = v end
      end
      table.sort(l)
      for i, fraction in ipairs(q) do
        out[i] = (bad or #l == 0) and 0 / 0 or between[how](l, fraction * (#l - 1))
      end
      return out
    end
  end
  -- The fractions, which lie along a dimension, go in front, or away if there is one.
  local function front(a, dim, one)
    local order = { dim }
    for d = 1, #a.shape do
      if d ~= dim then order[#order + 1] = d end
    end
    a = plain.permute(a, order)
    return one and plain.reshape(a, { table.unpack(a.shape, 2) }) or a
  end

  local function entry(name, label, call, reference, peer, options)
    local e = { name = name, label = label, inputs = { { "abc", lo = -9, hi = 9 } }, call = call,
      plain = reference, peer = peer, scalar = false, empty = false, into = false, loose = 10 }
    for k, v in pairs(options or {}) do e[k] = v end
    op(e)
  end

  for _, how in ipairs { "linear", "lower", "higher", "midpoint", "nearest" } do
    entry("quantile", "quantile, " .. how, function(x)
      return torch.quantile(x, { 0.125, 0.5, 1 }, 2, false, how)
    end, function(x) return front(along(x, 2, quantile({ 0.125, 0.5, 1 }, how)), 2) end,
      ("torch.quantile(fl(a), torch.tensor([0.125, 0.5, 1], dtype=fl(a).dtype), 1, interpolation='%s')")
        :format(how))
  end
  entry("quantile", "quantile over all", function(x) return torch.quantile(x, 0.25) end, function(x)
    return over(x, function(l) return quantile({ 0.25 }, "linear")(l)[1] end)
  end, "torch.quantile(fl(a), 0.25)")
  entry("quantile", "quantile with NaN, kept", function(x) return torch.quantile(x, 0.75, 1, true) end,
    function(x) return along(x, 1, quantile({ 0.75 }, "linear")) end,
    "torch.quantile(a, 0.75, 0, True)", { inputs = { { "abc", nan = true } }, types = "wide" })
  entry("nanquantile", nil, function(x) return torch.nanquantile(x, 0.5, -1) end,
    function(x) return front(along(x, 3, quantile({ 0.5 }, "linear", true)), 3, true) end,
    "torch.nanquantile(fl(a), 0.5, -1)", { inputs = { { "abc", nan = true } } })
  entry("percentile", nil, function(x) return torch.percentile(x, { 0, 25, 75 }, 1) end,
    function(x) return front(along(x, 1, quantile({ 0, 0.25, 0.75 }, "linear")), 1) end,
    "torch.quantile(fl(a), torch.tensor([0, 0.25, 0.75], dtype=fl(a).dtype), 0)")
  entry("nanmedian", nil, function(x) return torch.nanmedian(x, 2) end,
    function(x) return front(along(x, 2, quantile({ 0.5 }, "lower", true)), 2, true) end,
    "torch.nanmedian(a, 1)[0]", { inputs = { { "abc", nan = true } } })
  entry("nanmedian", "nanmedian over all", nil, function(x)
    return over(x, function(l) return quantile({ 0.5 }, "lower", true)(l)[1] end)
  end, "torch.nanmedian(a)", { inputs = { { "ab", nan = true } }, method = true })
end
