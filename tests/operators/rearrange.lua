-- rearrange: other orders, shapes and repetitions of elements, and patterns of dimensions.
local torch = require "torch"

return function(op, plain)
  local build = plain.build

  local function move(name, options)
    options.name = name
    options.types, options.into, options.result = options.types or "all", false, "same"
    if options.scalar == nil then options.scalar = false end
    op(options)
  end

  -- ---- order ----------------------------------------------------------------------------------------

  move("flip", { inputs = { "abc" }, call = function(x) return torch.flip(x, 1, -1) end,
    plain = function(x)
      local a, _, c = table.unpack(x.shape)
      return build(x.shape, function(i, j, k) return x(a + 1 - i, j, c + 1 - k) end)
    end, peer = "a.flip(0, 2)" })
  move("fliplr", { inputs = { "ab" }, method = true, plain = function(x)
    return build(x.shape, function(i, j) return x(i, x.shape[2] + 1 - j) end)
  end, peer = "a.fliplr()" })
  move("flipud", { inputs = { "ab" }, method = true, plain = function(x)
    return build(x.shape, function(i, j) return x(x.shape[1] + 1 - i, j) end)
  end, peer = "a.flipud()" })
  local function turn(x) -- a quarter of a circle
    return build({ x.shape[2], x.shape[1] }, function(i, j) return x(j, x.shape[2] + 1 - i) end)
  end
  for times = 1, 4 do
    move("rot90", { label = "rot90 " .. times, inputs = { "ab" },
      call = function(x) return torch.rot90(x, times) end,
      plain = function(x)
        for _ = 1, times do x = turn(x) end
        return x
      end, peer = ("a.rot90(%d, (0, 1))"):format(times) })
  end
  move("rot90", { label = "rot90 the other way", inputs = { "ab" },
    call = function(x) return torch.rot90(x, 1, { 2, 1 }) end,
    plain = function(x) return turn(turn(turn(x))) end, peer = "a.rot90(1, (1, 0))" })
  move("roll", { inputs = { "ab" }, call = function(x) return torch.roll(x, 2) end,
    plain = function(x)
      local n, at = #x, 0
      return build(x.shape, function()
        at = at + 1
        return x[(at - 3) % n + 1]
      end)
    end, peer = "a.roll(2)" })
  move("roll", { label = "roll along two", inputs = { "abc" },
    call = function(x) return torch.roll(x, { -1, 3 }, { 1, 2 }) end,
    plain = function(x)
      local a, b = x.shape[1], x.shape[2]
      return build(x.shape, function(i, j, k) return x(i % a + 1, (j - 4) % b + 1, k) end)
    end, peer = "a.roll((-1, 3), (0, 1))" })
  for _, name in ipairs { "moveaxis", "movedim" } do
    move(name, { inputs = { "abc" }, call = function(x) return torch[name](x, 1, -1) end,
      plain = function(x) return plain.permute(x, { 2, 3, 1 }) end, peer = "a.moveaxis(0, -1)" })
  end
  move("moveaxis", { label = "moveaxis of two", inputs = { "abc" },
    call = function(x) return torch.moveaxis(x, { 1, 3 }, { 3, 2 }) end,
    plain = function(x) return plain.permute(x, { 2, 3, 1 }) end, peer = "a.moveaxis((0, 2), (2, 1))" })
  for _, name in ipairs { "swapaxes", "swapdims" } do
    move(name, { inputs = { "abc" }, call = function(x) return torch[name](x, 1, -1) end,
      plain = function(x) return plain.permute(x, { 3, 2, 1 }) end, peer = "a.swapaxes(0, 2)" })
  end

  -- ---- repetition -----------------------------------------------------------------------------------

  move("tile", { inputs = { "ab" }, call = function(x) return torch.tile(x, 2, 1, 3) end,
    plain = function(x)
      local a, b = x.shape[1], x.shape[2]
      return build({ 2, a, 3 * b }, function(_, i, j) return x(i, (j - 1) % b + 1) end)
    end, peer = "a.tile(2, 1, 3)" })
  move("tile", { label = "tile of more dimensions", inputs = { "abc" },
    call = function(x) return torch.tile(x, 2) end,
    plain = function(x)
      local a, b, c = table.unpack(x.shape)
      return build({ a, b, 2 * c }, function(i, j, k) return x(i, j, (k - 1) % c + 1) end)
    end, peer = "a.tile(2)" })
  move("repeatInterleave", { inputs = { "ab" }, call = function(x) return torch.repeatInterleave(x, 2, 1) end,
    plain = function(x)
      return build({ 2 * x.shape[1], x.shape[2] }, function(i, j) return x((i + 1) // 2, j) end)
    end, peer = "a.repeat_interleave(2, 0)" })
  move("repeatInterleave", { label = "repeatInterleave of elements", inputs = { "ab" },
    call = function(x) return torch.repeatInterleave(x, 3) end,
    plain = function(x) return build({ 3 * #x }, function(i) return x[(i + 2) // 3] end) end,
    peer = "a.repeat_interleave(3)" })
  move("repeatInterleave", { label = "repeatInterleave by counts", inputs = { "ab", { "b", index = "3" } },
    call = function(x, n) return torch.repeatInterleave(x, n - 1, 2) end,
    plain = function(x, n)
      local from = {}
      for j = 1, #n do
        for _ = 2, n[j] do from[#from + 1] = j end
      end
      return build({ x.shape[1], #from }, function(i, j) return x(i, from[j]) end)
    end, peer = "a.repeat_interleave(b - 1, 1)" })

  -- ---- broadcasting ---------------------------------------------------------------------------------

  move("broadcastTo", { inputs = { "b" }, call = function(x) return torch.broadcastTo(x, 3, x.shape[1]) end,
    plain = function(x) return build({ 3, #x }, function(_, j) return x[j] end) end,
    peer = "a.broadcast_to(3, B)" })
  move("broadcastTensors", { inputs = { "a1", "b" }, plain = function(x, y)
    local shape = { x.shape[1], #y }
    return build(shape, function(i) return x(i, 1) end), build(shape, function(_, j) return y[j] end)
  end, peer = "list(torch.broadcast_tensors(a, b))" })
  move("meshgrid", { inputs = { "a", "b" }, plain = function(x, y)
    local shape = { #x, #y }
    return build(shape, function(i) return x[i] end), build(shape, function(_, j) return y[j] end)
  end, peer = "list(torch.meshgrid(a, b, indexing='ij'))" })
  move("meshgrid", { label = "meshgrid, xy", inputs = { "a", "b", "c" },
    call = function(x, y, z) return torch.meshgrid({ x, y, z }, "xy") end,
    plain = function(x, y, z)
      local shape = { #y, #x, #z }
      return build(shape, function(_, i) return x[i] end), build(shape, function(j) return y[j] end),
        build(shape, function(_, _, k) return z[k] end)
    end, peer = "list(torch.meshgrid(a, b, c, indexing='xy'))" })

  -- ---- numbers of dimensions ------------------------------------------------------------------------

  move("unflatten", { inputs = { "a6b" }, call = function(x) return torch.unflatten(x, 2, { -1, 2 }) end,
    plain = function(x) return plain.reshape(x, { x.shape[1], 3, 2, x.shape[3] }) end,
    peer = "a.reshape(A, 3, 2, B)" })
  local function same(x) return x end
  move("atleast1d", { inputs = { "a" }, plain = same, peer = "torch.atleast_1d(a)", method = true })
  move("atleast1d", { label = "atleast1d of a scalar", inputs = { "" },
    plain = function(x) return plain.reshape(x, { 1 }) end, peer = "torch.atleast_1d(a)" })
  move("atleast2d", { inputs = { "a", "ab", "" }, plain = function(x, y, z)
    return plain.reshape(x, { 1, #x }), y, plain.reshape(z, { 1, 1 })
  end, peer = "list(torch.atleast_2d(a, b, c))" })
  move("atleast3d", { inputs = { "a", "ab", "abc" }, plain = function(x, y, z)
    return plain.reshape(x, { 1, #x, 1 }), plain.reshape(y, { y.shape[1], y.shape[2], 1 }), z
  end, peer = "list(torch.atleast_3d(a, b, c))" })

  -- ---- patterns -------------------------------------------------------------------------------------

  move("rearrange", { inputs = { "abc" },
    call = function(x) return torch.rearrange(x, "a b c -> c (b a)") end,
    plain = function(x)
      local a, b, c = table.unpack(x.shape)
      return plain.reshape(plain.permute(x, { 3, 2, 1 }), { c, b * a })
    end, peer = "a.permute(2, 1, 0).reshape(C, B * A)" })
  move("rearrange", { label = "rearrange, cut", inputs = { "a6b" },
    call = function(x) return torch.rearrange(x, "a (h w) ... -> h a ... w", { h = 2 }) end,
    plain = function(x)
      local a, _, b = table.unpack(x.shape)
      return build({ 2, a, b, 3 }, function(h, i, j, w) return x(i, (h - 1) * 3 + w, j) end)
    end, peer = "a.reshape(A, 2, 3, B).permute(1, 0, 3, 2)" })
  local function reduce(name, peer, f, types)
    op { name = "einreduce", label = "einreduce, " .. name, inputs = { { "a4b", lo = 1, hi = 3 } },
      types = types or "number", into = false, scalar = false, empty = false, loose = 20,
      call = function(x) return torch.einreduce(x, "a (p q) b -> b p", name, { p = 2 }) end,
      plain = function(x)
        return build({ x.shape[3], 2 }, function(j, p)
          local list = {}
          for i = 1, x.shape[1] do
            for q = 1, 2 do list[#list + 1] = x(i, 2 * (p - 1) + q, j) end
          end
          return f(list)
        end)
      end, peer = ("a.reshape(A, 2, 2, B).permute(3, 1, 0, 2).reshape(B, 2, 2 * A)." .. peer) }
  end
  reduce("sum", "sum(2)", plain.sum)
  reduce("mean", "mean(2)", function(l) return plain.sum(l) / #l end, "float")
  reduce("max", "amax(2)", function(l) return math.max(table.unpack(l)) end)
  reduce("min", "amin(2)", function(l) return math.min(table.unpack(l)) end)
  reduce("prod", "prod(2)", function(l)
    local p = 1
    for _, v in ipairs(l) do p = p * v end
    return p
  end, "float")
  move("einrepeat", { inputs = { "ab" },
    call = function(x) return torch.einrepeat(x, "a b -> (b 2) r a", { r = 3 }) end,
    plain = function(x)
      return build({ 2 * x.shape[2], 3, x.shape[1] }, function(j, _, i) return x(i, (j + 1) // 2) end)
    end, peer = "a.t().repeat_interleave(2, 0)[:, None].expand(2 * B, 3, A)" })
end
