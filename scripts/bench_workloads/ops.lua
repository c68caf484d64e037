-- ops.lua: overhead.*, ew.* (elementwise, reductions, indexing) and la.* (matrix products).

local torch = require "torch"
local F = require "nn.functional"
local numbers = require "bench_workloads.numbers"

local U, I, between, zeros = numbers.U, numbers.I, numbers.between, numbers.zeros
local M = 1000000

-- ---- overhead: the loop is this language's own --------------------------------------------------

local function overhead(add)
  local N = 1000

  add("overhead.add", { inner = N, build = function()
    local a, b = U(1, 10), U(2, 10)
    return function()
      local c
      for _ = 1, N do c = a + b end
      return c
    end
  end })

  add("overhead.add_inplace", { inner = N, build = function()
    local a, b = zeros(10), U(2, 10)
    return function()
      for _ = 1, N do a:add(b) end
    end
  end })

  add("overhead.chain10_backward", { inner = 100, build = function()
    local w, b, c = U(1, 10):requireGrad(), U(2, 10), U(3, 10)
    return function()
      for _ = 1, 100 do
        w.grad = nil
        local y = w
        for _ = 1, 3 do
          y = torch.cmul(y, b)
          y = y + c
          y = torch.tanh(y)
        end
        y:sum():backward()
      end
      return w.grad
    end
  end })

  local function view(name, f)
    add("overhead." .. name, { inner = N, build = function()
      local t = U(1, 100, 10)
      return function() return f(t) end
    end })
  end

  view("narrow", function(t)
    local v
    for _ = 1, N do v = t:narrow(1, 6, 10) end
    return v
  end)
  view("view", function(t)
    local v
    for _ = 1, N do v = t:view(10, 100) end
    return v
  end)
  view("select", function(t)
    local v
    for _ = 1, N do v = t[6] end
    return v
  end)
  view("item", function(t)
    local v
    for _ = 1, N do v = t[6][4] end
    return v
  end)

  add("overhead.set", { inner = N, build = function()
    local t = zeros(100, 10)
    return function()
      for _ = 1, N do t[6][4] = 1.5 end
    end
  end })
end

-- ---- elementwise --------------------------------------------------------------------------------

local function chain(a, b, c, d)
  return torch.cmul(torch.sigmoid(torch.cmul(a, b) + c), torch.tanh(d))
end

local function elementwise(add, tag, n)
  add("ew.add_" .. tag, { bytes = 12 * n, build = function()
    local a, b = U(1, n), U(2, n)
    return function() return a + b end
  end })
  add("ew.add_out_" .. tag, { bytes = 12 * n, build = function()
    local a, b, c = U(1, n), U(2, n), zeros(n)
    return function() return torch.add(c, a, b) end
  end })
  for _, name in ipairs { "exp", "tanh", "sigmoid", "gelu" } do
    local f = torch[name]
    add(("ew.%s_%s"):format(name, tag), { bytes = 8 * n, build = function()
      local a = between(-3, 3, 1, n)
      return function() return f(a) end
    end })
  end
  add("ew.chain_" .. tag, { bytes = 20 * n, build = function()
    local a, b, c, d = U(1, n), U(2, n), U(3, n), U(4, n)
    return function() return chain(a, b, c, d) end
  end })
  add("ew.sum_" .. tag, { bytes = 4 * n, build = function()
    local a = U(1, n)
    return function() return a:sum() end
  end })
end

local function layouts(add)
  add("ew.transpose_copy_4096", { bytes = 8 * 4096 ^ 2, build = function()
    local a = U(1, 4096, 4096)
    return function() return a:t():contiguous() end
  end })
  add("ew.add_strided_1m", { bytes = 20 * M, build = function()
    local a, b = U(1, 2 * M), U(2, 2 * M)
    return function() return a[{ { 1, -1, 2 } }] + b[{ { 1, -1, 2 } }] end
  end })
  add("ew.add_transposed_1024", { bytes = 12 * 1024 ^ 2, build = function()
    local a, b = U(1, 1024, 1024), U(2, 1024, 1024)
    return function() return a + b:t() end
  end })
  for _, case in ipairs { { "row", 1, 1000 }, { "col", 1000, 1 } } do
    local name, height, width = table.unpack(case)
    add("ew.add_bcast_" .. name, { bytes = 8 * M, build = function()
      local a, b = U(1, 1000, 1000), U(2, height, width)
      return function() return a + b end
    end })
  end
end

-- ---- along rows ---------------------------------------------------------------------------------

local function rows(add)
  for dim = 1, 2 do
    add("ew.sum_dim" .. dim - 1, { bytes = 40 * M, build = function()
      local a = U(1, 2500, 4000)
      return function() return a:sum(dim) end
    end })
  end
  add("ew.softmax_1024x1000", { bytes = 8 * 1024000, build = function()
    local a = U(1, 1024, 1000)
    return function() return F.softmax(a, 2) end
  end })

  local function nll()
    local a, t = U(1, 1024, 1000), I(2, 1000, 1024)
    return function() return F.nllLoss(F.logSoftmax(a, 2), t) end, a
  end
  add("ew.nll_1024x1000", { bytes = 4 * 1024000, build = function() return (nll()) end })
  add("ew.nll_1024x1000_bw", { bytes = 8 * 1024000, build = function(w)
    local f, a = nll()
    return w.backward(f, { a }, numbers.on_device(torch.scalar(1)))
  end })

  local function layer_norm()
    local x, w, b = U(1, 4096, 512), U(2, 512), U(3, 512)
    return function() return F.layerNorm(x, 512, w, b, 1e-5) end, { x, w, b }
  end
  add("ew.layernorm_4096x512", { bytes = 8 * 4096 * 512, build = function() return (layer_norm()) end })
  add("ew.layernorm_4096x512_bw", { bytes = 20 * 4096 * 512, build = function(w)
    local f, params = layer_norm()
    return w.backward(f, params, U(4, 4096, 512))
  end })
end

-- ---- random numbers, places, indices ------------------------------------------------------------

local function places(add)
  add("ew.dropout_1m", { bytes = 8 * M, build = function()
    local a = U(1, M)
    return function() F.dropout(a, 0.5) end
  end })
  add("ew.argmax_1m", { zero_based = true, bytes = 4 * M, build = function()
    local a = U(1, M)
    return function() return a:argmax() end
  end })
  add("ew.argmax_1024x1000", { zero_based = true, bytes = 4 * 1024000, build = function()
    local a = U(1, 1024, 1000)
    return function() return a:argmax(2) end
  end })
  add("ew.sort_1m", { bytes = 8 * M, build = function()
    local a = U(1, M)
    return function() return (torch.sort(a)) end
  end })
  add("ew.gather_1024x1000", { bytes = 16 * 1024000, build = function()
    local a, k = U(1, 1024, 1000), I(2, 1000, 1024, 1000)
    return function() return a:gather(2, k) end
  end })
  add("ew.embedding_8192x256", { bytes = 8 * 8192 * 256, build = function()
    local t, k = U(1, 50000, 256), I(2, 50000, 8192)
    return function() return t:index(1, k) end
  end })
  add("ew.embedding_8192x256_bw", { bytes = 4 * 256 * (3 * 8192 + 5000), build = function(w)
    local t, k = U(1, 5000, 256), I(2, 5000, 8192)
    return w.backward(function() return t:index(1, k) end, { t }, U(3, 8192, 256))
  end })
end

-- ---- matrix products ----------------------------------------------------------------------------

local function products(add)
  for _, n in ipairs { 64, 256, 1024, 2048 } do
    add("la.mm_" .. n, { flop = 2 * n ^ 3, build = function()
      local a, b = U(1, n, n), U(2, n, n)
      return function() return torch.mm(a, b) end
    end })
  end
  add("la.bmm_64x128x64x128", { flop = 2 * 64 ^ 2 * 128 ^ 2, bytes = 4 * 64 * (2 * 128 * 64 + 128 ^ 2),
    build = function()
      local a, b = U(1, 64, 128, 64), U(2, 64, 64, 128)
      return function() return torch.bmm(a, b) end
    end })
  add("la.bmm_1000x8x8x8", { flop = 2 * 1000 * 512, bytes = 4 * 1000 * 3 * 64, build = function()
    local a, b = U(1, 1000, 8, 8), U(2, 1000, 8, 8)
    return function() return torch.bmm(a, b) end
  end })
  add("la.addmm_128x784x512", { flop = 2 * 128 * 784 * 512, build = function()
    local x, w, b = U(1, 128, 784), U(2, 512, 784), U(3, 512)
    return function() return F.linear(x, w, b) end
  end })
  add("la.mv_2048", { flop = 2 * 2048 ^ 2, bytes = 4 * 2048 ^ 2, build = function()
    local a, x = U(1, 2048, 2048), U(2, 2048)
    return function() return torch.mv(a, x) end
  end })
  add("la.cholesky_512", { flop = 512 ^ 3 / 3, build = function()
    local m = U(1, 512, 512)
    local a = torch.mm(m, m:t()) + numbers.on_device(torch.mul(torch.eye(512), 512))
    return function() return torch.cholesky(a) end
  end })
  -- 21 n^3: Golub and Van Loan, Matrix Computations, section 8.6
  add("la.svd_256", { flop = 21 * 256 ^ 3, build = function()
    local a = U(1, 256, 256)
    return function() return (select(2, torch.svd(a))) end
  end })
end

return function(workloads)
  local function add(name, fields)
    local build = fields.build
    fields.build = function() return build(workloads) end
    workloads.add(name, fields)
  end
  overhead(add)
  elementwise(add, "1m", M)
  elementwise(add, "10m", 10 * M)
  rows(add)
  layouts(add)
  places(add)
  products(add)
end
