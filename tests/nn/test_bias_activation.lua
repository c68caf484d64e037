-- test_bias_activation: nn.functional.biasActivation beside the operators that it stands for, with the same
-- random numbers; derivatives of both orders; half types; mistakes.
local torch = require "torch"
local nn = require "nn"

local F = nn.functional
local tester = torch.Tester()
local tests = torch.TestSuite()

local activations = { none = function(x) return x end, relu = torch.relu, gelu = torch.gelu,
  geluTanh = torch.geluTanh, silu = torch.silu, sigmoid = torch.sigmoid, tanh = torch.tanh }

local function one_by_one(x, bias, act, p, residual)
  local y = activations[act](x + bias)
  if p > 0 then y = F.dropout(y, p) end
  return residual and residual + y or y
end

-- What both give and their gradients, from one seed.
local function both(act, p, x, bias, residual)
  local results = {}
  for i, f in ipairs { F.biasActivation, one_by_one } do
    local leaves = { x:clone():requireGrad(), bias:clone():requireGrad() }
    leaves[3] = residual and residual:clone():requireGrad()
    torch.manualSeed(7)
    local y = f(leaves[1], leaves[2], act, p, leaves[3])
    local after = torch.rand(3) -- as many numbers were drawn
    torch.manualSeed(9)
    y:backward(torch.randn(y.shape):type(y.dtype))
    results[i] = { y:detach(), leaves[1].grad, leaves[2].grad, leaves[3] and leaves[3].grad or after, after }
  end
  return results[1], results[2]
end

function tests.as_one_by_one()
  for act in pairs(activations) do
    for _, p in ipairs { 0, 0.4 } do
      for _, shape in ipairs { { 5 }, { 3, 7 }, { 2, 5, 8 }, { 33, 64 }, { 0, 4 } } do
        for _, dtype in ipairs { "float32", "float64" } do
          local x = torch.randn(torch.LongStorage(shape)):type(dtype) * 2
          local bias, residual = torch.randn(shape[#shape]):type(dtype), torch.randn(x.shape):type(dtype)
          for _, r in ipairs { false, residual } do
            local got, wanted = both(act, p, x, bias, r or nil)
            for i, t in ipairs(got) do
              local what = ("%s, dropout %g, %s: %d"):format(act, p, table.concat(shape, "x"), i)
              tester:eq(t, wanted[i], dtype == "float32" and 2e-5 or 1e-12, what)
            end
          end
        end
      end
    end
  end
end

function tests.derivatives()
  for act in pairs(activations) do
    local x, bias, residual = torch.randn(3, 4):double(), torch.randn(4):double(), torch.randn(3, 4):double()
    for _, leaf in ipairs { x, bias, residual } do leaf:requireGrad() end
    local function f(...)
      torch.manualSeed(4)
      local a, b, c = ...
      return F.biasActivation(a, b, act, 0.3, c)
    end
    for _, second in ipairs { false, true } do
      local ok, why = torch.gradcheck(f, { x, bias, residual }, { atol = 1e-4, second = second })
      tester:assert(ok, act .. ": " .. tostring(why))
    end
  end
end

function tests.half_types()
  for dtype, place in pairs { float16 = 2 ^ -9, bfloat16 = 2 ^ -6 } do
    for act in pairs(activations) do
      for _, bias_dtype in ipairs { dtype, "float32" } do
        local x, bias = torch.randn(6, 24):type(dtype), torch.randn(24):type(bias_dtype)
        local residual = torch.randn(6, 24):type(dtype)
        torch.manualSeed(3)
        local y = F.biasActivation(x, bias, act, 0.25, residual)
        torch.manualSeed(3)
        local z = one_by_one(x:double(), bias:double(), act, 0.25, residual:double())
        tester:eq(y.dtype, dtype)
        tester:eq(y:double(), z, place * torch.abs(z):max(), act .. " " .. dtype)
      end
    end
  end
end

-- A layer whose parts are looked at runs them one by one, with the same numbers.
function tests.in_transformers()
  for _, act in ipairs { "relu", "gelu" } do
    local layer = nn.TransformerEncoderLayer(8, 2, { dimFeedforward = 16, activation = act, dropout = 0.3 })
    local x, results = torch.randn(5, 2, 8), {}
    for i = 1, 2 do
      local calls = 0
      if i == 2 then layer.linear1:registerForwardHook(function() calls = calls + 1 end) end
      layer:zeroGradParameters()
      torch.manualSeed(2)
      local y = layer(x)
      y:sum():backward()
      results[i] = { y:detach(), layer.linear1.bias.grad:clone(), layer.linear1.weight.grad:clone() }
      tester:eq(calls, i - 1)
    end
    for i, t in ipairs(results[1]) do tester:eq(t, results[2][i], 1e-4, act) end
  end
end

-- What is watched is called; the numbers are the same.
local function watched(layer, i, calls)
  local attention = layer.self_attn
  local modules = { layer.linear2, attention, attention.out_proj, layer.dropout1, layer.dropout2 }
  modules[i]:registerForwardHook(function() calls[1] = calls[1] + 1 end)
end

local function transformed(layer, x, ...)
  layer:zeroGradParameters()
  x = x:clone():requireGrad()
  torch.manualSeed(2)
  local y = layer(x, ...)
  y:sin():sum():backward()
  local results = { y:detach(), x.grad }
  for _, p in ipairs(layer:parameters()) do results[#results + 1] = p.grad:clone() end
  return results
end

local function same(got, wanted, what)
  tester:eq(#got, #wanted)
  for i, t in ipairs(got) do tester:eq(t, wanted[i], 1e-4, ("%s: %d"):format(what, i)) end
end

function tests.sums_in_transformers()
  for _, normFirst in ipairs { false, true } do
    for _, p in ipairs { 0, 0.3 } do
      local o = { dimFeedforward = 16, dropout = p, normFirst = normFirst }
      local x, memory = torch.randn(5, 2, 8), torch.randn(4, 2, 8)
      local encoder = nn.TransformerEncoderLayer(8, 2, o)
      local plain = transformed(encoder, x)
      for i = 1, 5 do
        local layer, calls = encoder:clone(), { 0 }
        watched(layer, i, calls)
        same(transformed(layer, x), plain, ("watched %d, dropout %g"):format(i, p))
        tester:eq(calls[1], (i > 3 and p == 0) and 0 or 1)
      end
      encoder:evaluate()
      tester:eq(encoder(x:select(2, 1)), encoder(x:narrow(2, 1, 1)):squeeze(2), 1e-4)
      local decoder = nn.TransformerDecoderLayer(8, 2, o)
      local hooked = decoder:clone()
      for _, m in ipairs { hooked.self_attn, hooked.multihead_attn, hooked.linear2 } do
        m:registerForwardHook(function() end)
      end
      same(transformed(decoder, x, memory), transformed(hooked, x, memory), "decoder")
    end
  end
end

function tests.mistakes()
  local x = torch.zeros(2, 3)
  for message, arguments in pairs {
    ["bias is 2 for input 2x3, wanted a vector of its last size"] = { x, torch.zeros(2) },
    ["input is float32, but bias is float64"] = { x, torch.zeros(3):double() },
    ["probability 1.5 is outside 0..1"] = { x, torch.zeros(3), "relu", 1.5 },
    ["residual is 3 for input 2x3, wanted the same shape"] = { x, torch.zeros(3), "none", 0, torch.zeros(3) },
    ["invalid option 'swish'"] = { x, torch.zeros(3), "swish" },
  } do
    local ok, why = pcall(F.biasActivation, table.unpack(arguments))
    tester:assert(not ok and tostring(why):find(message, 1, true) ~= nil, tostring(why))
  end
end

tester:add(tests)
tester:run()
