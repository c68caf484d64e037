-- test_autocast: every module in mixed precision: its output and its gradients beside those in float32.
local torch = require "torch"
local nn = require "nn"
local tape = nn.tape

local tester = torch.Tester()
local tests = torch.TestSuite()

local files = { "activations", "attention", "basic", "convolutions", "indexed", "nngraph",
  "normalisation", "pairs", "pooling", "recurrent", "simple", "tables" }
local halves = { float16 = true, bfloat16 = true }

local function single(t) return (t.dtype == "float64" or t.dtype == "float32") and t:float() or t end

local function input_of(case)
  local input = case.input or case[3]
  if type(input) == "function" then return tape.map(input(), single) end
  return torch.randn(table.unpack(input)):float()
end

local function near(got, want, bound, what)
  got, want = tape.flatten(got), tape.flatten(want)
  for i, t in ipairs(want) do
    tester:eq(got[i].shape, t.shape, what)
    if t:nElement() > 0 then
      t = t:double()
      local far = torch.abs(got[i]:double() - t):max()
      tester:assert(far <= bound * math.max(1, torch.abs(t):max()), ("%s: %g"):format(what, far))
    end
  end
end

-- Torch7's protocol, the forward in a region, the backward after it.
local function check(m, input, dtype, what)
  local plain = m:clone()
  local function forward(net)
    torch.manualSeed(7)
    return net:forward(input)
  end
  if not pcall(forward, plain) then return false end -- a module for float64
  local output = torch.autocast(tostring(torch.zeros(1).device):match "^%a+", dtype, forward, m)
  near(output, plain.output, 0.05, what)
  local ones = tape.map(plain.output, torch.onesLike)
  if not pcall(plain.backward, plain, input, ones) then return true end
  m:backward(input, tape.map(output, torch.onesLike))
  local _, grads = m:parameters()
  local _, wanted = plain:parameters()
  for i, g in ipairs(grads or {}) do tester:assert(not halves[g.dtype], what .. ": gradient " .. i) end
  near(grads or {}, wanted or {}, 0.1, what .. ": gradients")
  return true
end

for _, file in ipairs(files) do
  tests[file] = function()
    local done = 0
    for _, case in ipairs(dofile("tests/nn/cases/" .. file .. ".lua")) do
      for dtype in pairs(halves) do
        torch.manualSeed(5)
        local what = ("%s in %s"):format(case.name or case[1], dtype)
        local m = (case.make or case[2])():float()
        if torch.isTypeOf(m, "nn.Module") and check(m, input_of(case), dtype, what) then done = done + 1 end
      end
    end
    tester:assert(done > 0, "nothing was compared")
  end
end

tester:add(tests):run()
