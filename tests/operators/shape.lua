-- shape: views and copies that only move elements.

return function(op, plain)
  local build = plain.build

  local function view(name, options)
    options.name = name
    options.types, options.into, options.result = "all", false, "same"
    if options.scalar == nil then options.scalar = false end
    op(options)
  end

  view("clone", { inputs = { "abc" }, plain = function(x) return x end, peer = "a", elementwise = true,
    call = function(x) return x:clone() end, scalar = true })
  view("contiguous", { inputs = { "abc" }, plain = function(x) return x end, peer = "a", elementwise = true,
    call = function(x) return x:contiguous() end, scalar = true })
  view("transpose", { inputs = { "abc" }, call = function(x) return torch.transpose(x, 1, 3) end,
    plain = function(x) return plain.permute(x, { 3, 2, 1 }) end, peer = "a.transpose(0, 2)" })
  view("t", { inputs = { "ab" }, plain = function(x) return plain.permute(x, { 2, 1 }) end, peer = "a.t()" })
  view("permute", { inputs = { "abc" }, call = function(x) return torch.permute(x, 2, 3, 1) end,
    plain = function(x) return plain.permute(x, { 2, 3, 1 }) end, peer = "a.permute(1, 2, 0)" })
  view("reshape", { inputs = { "abc" }, empty = false,
    call = function(x) return torch.reshape(x, x:size(2), x:size(1) * x:size(3)) end,
    plain = function(x) return plain.reshape(x, { x.shape[2], x.shape[1] * x.shape[3] }) end,
    peer = "a.reshape(B, A * C)" })
  view("flatten", { inputs = { "abc" }, empty = false,
    plain = function(x) return plain.reshape(x, { #x }) end, peer = "a.reshape(-1)" })
  view("view", { inputs = { "abc" }, empty = false, call = function(x) return x:contiguous():view(-1) end,
    plain = function(x) return plain.reshape(x, { #x }) end, peer = "a.reshape(-1)" })
  view("viewAs", { inputs = { "ab", "ba" }, empty = false,
    call = function(x, y) return x:contiguous():viewAs(y) end,
    plain = function(x, y) return plain.reshape(x, y.shape) end, peer = "a.reshape(B, A)" })
  view("squeeze", { inputs = { "1b1" }, plain = function(x) return plain.reshape(x, { x.shape[2] }) end,
    peer = "a.reshape(B)", least = 2 })
  view("unsqueeze", { inputs = { "ab" }, call = function(x) return torch.unsqueeze(x, 2) end,
    plain = function(x) return plain.reshape(x, { x.shape[1], 1, x.shape[2] }) end, peer = "a.unsqueeze(1)" })
  view("expand", { inputs = { "1b" }, call = function(x) return torch.expand(x, 3, x:size(2)) end,
    plain = function(x) return build({ 3, x.shape[2] }, function(_, j) return x(1, j) end) end,
    peer = "a.expand(3, B)" })
  view("expandAs", { inputs = { "1b", "ab" }, plain = function(x, y)
    return build(y.shape, function(_, j) return x(1, j) end)
  end, peer = "a.expand(A, B)" })
  view("repeatTensor", { inputs = { "ab" }, call = function(x) return torch.repeatTensor(x, 2, 3, 1) end,
    empty = false, plain = function(x)
      local a, b = x.shape[1], x.shape[2]
      return build({ 2, 3 * a, b }, function(_, j, k) return x((j - 1) % a + 1, k) end)
    end, peer = "a.repeat(2, 3, 1)" })
  view("narrow", { inputs = { "abc" }, call = function(x) return torch.narrow(x, 2, 2, x:size(2) - 1) end,
    plain = function(x)
      local a, b, c = table.unpack(x.shape)
      return build({ a, b - 1, c }, function(i, j, k) return x(i, j + 1, k) end)
    end, peer = "a[:, 1:]", least = 2 })
  view("select", { inputs = { "abc" }, call = function(x) return torch.select(x, 2, 1) end,
    plain = function(x)
      return build({ x.shape[1], x.shape[3] }, function(i, k) return x(i, 1, k) end)
    end, peer = "a[:, 0]" })
  view("unfold", { inputs = { "ab" }, call = function(x) return x:unfold(2, 2, 1) end, least = 2,
    plain = function(x)
      return build({ x.shape[1], x.shape[2] - 1, 2 }, function(i, j, k) return x(i, j + k - 1) end)
    end, peer = "a.unfold(1, 2, 1)" })
  view("diagonal", { inputs = { "ab" }, plain = function(x)
    return build({ math.min(x.shape[1], x.shape[2]) }, function(i) return x(i, i) end)
  end, peer = "a.diagonal()" })
  view("diag", { inputs = { "ab" }, plain = function(x)
    return build({ math.min(x.shape[1], x.shape[2]) }, function(i) return x(i, i) end)
  end, peer = "a.diag()" })
  view("diag", { label = "diag of a vector", inputs = { "a" }, plain = function(x)
    return build({ #x, #x }, function(i, j)
      if i == j then return x[i] end
      if type(x[1]) == "boolean" then return false end
      return 0
    end)
  end, peer = "a.diag()" })
  local sides = { { "tril", function(i, j) return j <= i end }, { "triu", function(i, j) return j >= i end } }
  for _, side in ipairs(sides) do
    local name, kept = side[1], side[2]
    view(name, { inputs = { "abc" }, plain = function(x)
      return build(x.shape, function(i, j, k)
        if kept(j, k) then return x(i, j, k) end
        if type(x(i, j, k)) == "boolean" then return false end
        return 0
      end)
    end, peer = ("a.%s()"):format(name) })
  end
  view("cat", { inputs = { "ab", "cb" }, call = function(x, y) return torch.cat(x, y, 1) end,
    plain = function(x, y)
      local a = x.shape[1]
      return build({ a + y.shape[1], x.shape[2] }, function(i, j)
        if i <= a then return x(i, j) end
        return y(i - a, j)
      end)
    end, peer = "torch.cat([a, b], 0)" })
  view("stack", { inputs = { "ab", "ab" }, call = function(x, y) return torch.stack({ x, y }, 2) end,
    plain = function(x, y)
      return build({ x.shape[1], 2, x.shape[2] }, function(i, k, j)
        if k == 1 then return x(i, j) end
        return y(i, j)
      end)
    end, peer = "torch.stack([a, b], 1)" })
  view("stack", { label = "stack of vectors", inputs = { "a", "a" },
    call = function(x, y) return torch.stack({ x, y }) end,
    plain = function(x, y)
      return build({ 2, #x }, function(k, i)
        if k == 1 then return x[i] end
        return y[i]
      end)
    end, peer = "torch.stack([a, b])" })
  view("split", { inputs = { "ab" }, call = function(x) return table.unpack(torch.split(x, 1, 2)) end,
    plain = function(x)
      local parts = {}
      for j = 1, x.shape[2] do
        parts[j] = build({ x.shape[1], 1 }, function(i) return x(i, j) end)
      end
      return table.unpack(parts)
    end, peer = "list(a.split(1, 1))" })
  view("chunk", { inputs = { "ab" }, call = function(x) return torch.chunk(x, 1, 2)[1] end,
    plain = function(x) return x end, peer = "a" })
end
