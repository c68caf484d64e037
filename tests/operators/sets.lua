-- sets: different elements, counting, sorted lines, set operations.
local torch = require "torch"

local function number(v) return v == true and 1 or v or 0 end

local function before(p, q) return number(p) < number(q) end

-- The different elements of a list in order.
local function different(list)
  local sorted, out = table.move(list, 1, #list, 1, {}), {}
  table.sort(sorted, before)
  for i, v in ipairs(sorted) do
    if i == 1 or v ~= sorted[i - 1] then out[#out + 1] = v end
  end
  return out
end

local function has(list, v)
  for i = 1, #list do
    if list[i] == v then return true end
  end
  return false
end

local function place(list, v)
  for i = 1, #list do
    if list[i] == v then return i end
  end
end

local function filter(list, test)
  local out = {}
  for _, v in ipairs(list) do
    if test(v) then out[#out + 1] = v end
  end
  return out
end

-- The place of the first element not below v, or above it.
local function search(list, v, right)
  for i = 1, #list do
    if right and list[i] > v or not right and list[i] >= v then return i end
  end
  return #list + 1
end

return function(op, plain)
  local build = plain.build

  local function entry(name, options)
    options.name = name
    options.into, options.scalar = false, false
    op(options)
  end
  local function vector(list)
    return build({ #list }, function(i) return list[i] end)
  end
  local few = { "ab", lo = 0, hi = 2, whole = true }

  -- ---- different elements ---------------------------------------------------------------------------

  local function count(list, v) return #filter(list, function(w) return w == v end) end
  entry("unique", { inputs = { few }, types = "all", result = "same",
    call = function(x) return torch.unique(x, true, true) end, plain = function(x)
      local list = different(x)
      return vector(list), plain.map(function(v) return place(list, v) end)(x),
        build({ #list }, function(i) return count(x, list[i]) end)
    end, peer = "[(torch.unique(a, True, True, True)[i] + (i == 1)) for i in range(3)]"
      .. " if a.dtype != torch.bool else [torch.unique(a)]" })
  local function rows(x)
    local list = {}
    for i = 1, x.shape[1] do
      list[i] = {}
      for j = 1, x.shape[2] do list[i][j] = number(x(i, j)) end
    end
    return list
  end
  local function row_before(p, q)
    for j = 1, #p do
      if p[j] ~= q[j] then return p[j] < q[j] end
    end
    return false
  end
  local function row_equal(p, q) return not row_before(p, q) and not row_before(q, p) end
  entry("unique", { label = "unique rows", inputs = { { "d2", lo = 0, hi = 1, whole = true } },
    result = "same", empty = false, call = function(x) return torch.unique(x, true, false, 1) end,
    plain = function(x)
      local list, kept, of = rows(x), {}, {}
      local sorted = table.move(list, 1, #list, 1, {})
      table.sort(sorted, row_before)
      for i, row in ipairs(sorted) do
        if i == 1 or not row_equal(row, sorted[i - 1]) then kept[#kept + 1] = row end
      end
      for i, row in ipairs(list) do
        for k, other in ipairs(kept) do of[i] = row_equal(row, other) and k or of[i] end
      end
      return build({ #kept, 2 }, function(i, j) return kept[i][j] end), vector(of)
    end, peer = "[torch.unique(a, True, True, dim=0)[i] + i for i in range(2)]" })
  entry("uniqueConsecutive", { inputs = { { "ab", lo = 0, hi = 1, whole = true } }, types = "all",
    result = "same", call = function(x) return torch.uniqueConsecutive(x, true, true) end,
    plain = function(x)
      local list, run, counts = {}, {}, {}
      for i = 1, #x do
        if i == 1 or x[i] ~= x[i - 1] then
          list[#list + 1], counts[#list + 1] = x[i], 0
        end
        run[i], counts[#list] = #list, counts[#list] + 1
      end
      return vector(list), build(x.shape, function(i, j) return run[(i - 1) * x.shape[2] + j] end),
        vector(counts)
    end, peer = "[(torch.unique_consecutive(a, True, True)[i] + (i == 1)) for i in range(3)]"
      .. " if a.dtype != torch.bool else [torch.unique_consecutive(a)]" })

  -- ---- counting -------------------------------------------------------------------------------------

  entry("bincount", { inputs = { { "ab", index = "4" } }, types = "wide", derivative = false,
    call = function(x) return torch.bincount(x, nil, 4) end, result = "int64",
    plain = function(x) return build({ 4 }, function(i) return count(x, i) end) end,
    peer = "torch.bincount(a.reshape(-1) - 1, minlength=4)" })
  entry("bincount", { label = "bincount with weights", inputs = { { "a", index = "3" }, "a" },
    call = function(x, w) return torch.bincount(x, w, 3) end, loose = 10, empty = false,
    plain = function(x, w)
      return build({ 3 }, function(i)
        return plain.total(#x, function(k) return x[k] == i and w[k] or 0 end)
      end)
    end, peer = "torch.bincount(a - 1, fl(b), 3)" })
  -- Bins hold their lower edge, the last its upper edge too.
  local function bin(edges, v)
    local n = #edges - 1
    if v == edges[n + 1] then return n end
    local k = search(edges, v, true) - 1
    return v < edges[1] and 0 or k
  end
  entry("histogram", { inputs = { { "ab", lo = 0, hi = 8 } }, derivative = false,
    call = function(x) return torch.histogram(x, 4, { 1, 7 }) end, result = "float",
    plain = function(x)
      local edges = { 1, 2.5, 4, 5.5, 7 }
      return build({ 4 }, function(i)
        return count(vector(plain.map(function(v) return bin(edges, v) end)(x)), i)
      end), vector(edges)
    end, peer = "list(torch.histogram(fl(a), 4, range=(1, 7)))" })
  entry("histogram", { label = "histogram of weights", types = "wide", empty = false, loose = 20,
    inputs = { { "ab", lo = 0, hi = 4 }, { "ab", lo = 1, hi = 3 }, { "4", sorted = true } },
    call = function(x, w, edges) return (torch.histogram(x, edges, nil, w)) end,
    plain = function(x, w, edges)
      return build({ 3 }, function(i)
        return plain.total(#x, function(k) return bin(edges, x[k]) == i and w[k] or 0 end)
      end)
    end, peer = "torch.histogram(a, c, weight=b)[0]" })

  -- ---- sorted lines ---------------------------------------------------------------------------------

  local function searches(name, label, call, inputs, reference, peer)
    entry(name, { label = label, inputs = inputs, call = call, plain = reference, peer = peer,
      derivative = false, result = "int64" })
  end
  local line = { "d", sorted = true, lo = -2 }
  searches("searchsorted", nil, function(s, x) return torch.searchsorted(s, x) end, { line, "ab" },
    function(s, x) return plain.map(function(v) return search(s, v) end)(x) end,
    "torch.searchsorted(a, b) + 1")
  searches("searchsorted", "searchsorted in lines", function(s, x) return torch.searchsorted(s, x, true) end,
    { { "ad", sorted = true }, "ab" }, function(s, x)
      return build(x.shape, function(i, j) return search(plain.line(s, 2, i, 1), x(i, j), true) end)
    end, "torch.searchsorted(a, b, right=True) + 1")
  searches("bucketize", nil, function(x, s) return torch.bucketize(x, s) end, { "ab", line }, function(x, s)
    return plain.map(function(v) return search(s, v) end)(x)
  end, "torch.bucketize(a, b) + 1")
  searches("digitize", nil, function(x, s) return torch.digitize(x, s) end, { "ab", line }, function(x, s)
    return plain.map(function(v) return search(s, v, true) end)(x)
  end, "torch.bucketize(a, b, right=True) + 1")
  local function interpolate(s, values)
    return function(v)
      local n = #s
      if v <= s[1] then return values[1] elseif v >= s[n] then return values[n] end
      local k = search(s, v, true) - 1
      return values[k] + (v - s[k]) / (s[k + 1] - s[k]) * (values[k + 1] - values[k])
    end
  end
  entry("interp", { inputs = { { "ab", lo = -3, hi = 5 }, line, "d" }, types = "float", loose = 10,
    method = true, plain = function(x, s, values) return plain.map(interpolate(s, values))(x) end })
  entry("interp", { label = "interp, outside", inputs = { { "ab", lo = -3, hi = 9 }, line, "d" },
    types = "float", loose = 10, call = function(x, s, values) return torch.interp(x, s, values, 5, -5) end,
    plain = function(x, s, values)
      local inside = interpolate(s, values)
      return plain.map(function(v) return v < s[1] and 5 or v > s[#s] and -5 or inside(v) end)(x)
    end })

  -- ---- sets -----------------------------------------------------------------------------------------

  local other = { "d", lo = 1, hi = 3, whole = true }
  entry("isin", { inputs = { few, other }, types = "all", derivative = false, result = "bool", method = true,
    plain = function(x, set) return plain.map(function(v) return has(set, v) end)(x) end,
    peer = "torch.isin(a.float(), b.float())" })
  entry("isin", { label = "isin, inverted", inputs = { few, other }, derivative = false, result = "bool",
    call = function(x, set) return torch.isin(x, set, true) end,
    plain = function(x, set) return plain.map(function(v) return not has(set, v) end)(x) end,
    peer = "torch.isin(a, b, invert=True)" })
  local operations = {
    { "intersect1d", function(x, y) return filter(different(x), function(v) return has(y, v) end) end },
    { "union1d", function(x, y)
      local both = table.move(x, 1, #x, 1, {})
      return different(table.move(y, 1, #y, #both + 1, both))
    end },
    { "setdiff1d", function(x, y) return filter(different(x), function(v) return not has(y, v) end) end },
    { "setxor1d", function(x, y)
      local both = filter(different(x), function(v) return not has(y, v) end)
      for _, v in ipairs(filter(different(y), function(w) return not has(x, w) end)) do
        both[#both + 1] = v
      end
      return different(both)
    end },
  }
  for _, c in ipairs(operations) do
    entry(c[1], { inputs = { { "ab", lo = 0, hi = 3, whole = true }, other }, types = "all", result = "same",
      method = true, plain = function(x, y) return vector(c[2](x, y)) end })
  end
end
