-- test_fft: Fourier transforms against direct sums, their derivatives, and what is made of them.
local torch = require "torch"

local tester = torch.Tester()
local tests = torch.TestSuite()

local fft, complex = torch.fft, torch.complex

-- ---- references ----------------------------------------------------------------

-- The sums as they are written, in float64, along the first dimension of x (n, .., 2); sign -1 or 1.
-- With `only`, a vector of numbers from 0, just those of the results.
local function direct(x, sign, only)
  local n = x:size(1)
  local j = torch.arange(0, n):double()
  local turns = torch.fmod(torch.ger(only or j, j), n) * (2 * math.pi / n) -- exact whole numbers before
  local c, s = torch.cos(turns), torch.sin(turns) * sign
  local lines = torch.reshape(x, n, x:nElement() // (2 * n), 2)
  local re, im = lines:select(3, 1):contiguous(), lines:select(3, 2):contiguous()
  local y = torch.stack({ torch.mm(c, re) - torch.mm(s, im), torch.mm(s, re) + torch.mm(c, im) }, 3)
  return only and y:select(2, 1) or torch.reshape(y, x:size())
end

local function distance(a, b)
  tester:eq(a.shape, b.shape)
  return a:nElement() == 0 and 0 or torch.abs(a:double() - b:double()):max()
end

-- The largest difference, relative to b's largest element.
local function near(a, b, tolerance, what)
  local scale = math.max(1e-30, b:nElement() > 0 and torch.abs(b:double()):max() or 1)
  local error = distance(a, b) / scale
  tester:assert(error <= tolerance, ("%s: an error of %g"):format(what, error))
end

local lengths = {}
for n = 1, 64 do lengths[n] = n end
for _, n in ipairs { 97, 128, 343, 961, 1000, 1009, 1369, 2018, 4096, 6561 } do lengths[#lengths + 1] = n end

local tolerances = { float64 = 8e-15, float32 = 2e-6 }

-- ---- transforms ----------------------------------------------------------------

function tests.all_lengths_against_direct_sums()
  torch.manualSeed(1)
  for _, n in ipairs(lengths) do
    local x = torch.randn(n, 2):double()
    local real = x:select(2, 1):clone()
    local h = n // 2 + 1
    local all = n > 1100 and torch.LongTensor(64):random(0, n - 1) or torch.arange(0, n)
    local low = n > 1100 and torch.LongTensor(64):random(0, h - 1) or torch.arange(0, h)
    local forward, backward = direct(x, -1, all:double()), direct(x, 1, all:double())
    local half = direct(torch.complexPairs(real), -1, low:double())
    for kind, tolerance in pairs(tolerances) do
      local what = ("%s of length %d"):format(kind, n)
      local y, z = fft.fft(x:type(kind)), fft.ifft(x:type(kind), n, 1, "forward")
      local r = fft.rfft(real:type(kind))
      near(y:index(1, torch.add(all, 1)), forward, tolerance, "fft, " .. what)
      near(z:index(1, torch.add(all, 1)), backward, tolerance, "ifft, " .. what)
      near(r:index(1, torch.add(low, 1)), half, tolerance, "rfft, " .. what)
      near(fft.irfft(r, n), real, tolerance, "irfft, " .. what)
    end
  end
end

function tests.batches_are_the_same_as_single_lines()
  torch.manualSeed(2)
  for _, n in ipairs { 1, 2, 7, 12, 30, 37, 74, 256, 1009 } do
    local x = torch.randn(37, n, 2)
    local y, r = fft.fft(x), fft.rfft(x:select(3, 2))
    local back = fft.irfft(r, n)
    for _, i in ipairs { 1, 16, 17, 37 } do
      near(y[i], fft.fft(x[i]), 1e-6, "line of a batch of fft")
      near(r[i], fft.rfft(x[i]:select(2, 2)), 1e-6, "line of a batch of rfft")
      near(back[i], x[i]:select(2, 2), 1e-6, "line of a batch of irfft")
    end
  end
end

function tests.a_bad_line_spoils_no_other()
  local x = torch.ones(5, 6)
  x[2][3] = 0 / 0
  for _, y in ipairs { fft.rfft(x), fft.irfft(fft.rfft(x), 6), fft.fft(torch.complexPairs(x)) } do
    tester:assert(torch.ne(y[2], y[2]):any())
    for _, i in ipairs { 1, 3, 4, 5 } do tester:assert(torch.eq(y[i], y[i]):all()) end
  end
end

function tests.layouts_and_types()
  torch.manualSeed(3)
  local x = torch.randn(4, 6, 10, 2):double()
  local y = fft.fft(x, nil, 1)
  near(y, direct(x, -1), 1e-14, "the first dimension")
  for d = 2, 3 do
    local turned = x:transpose(1, d)
    near(fft.fft(x, nil, d), direct(turned:contiguous(), -1):transpose(1, d), 1e-14, "dimension " .. d)
    near(fft.fft(turned), fft.fft(turned:contiguous()), 0, "a transposed tensor")
    near(fft.fft(x, nil, d - 4), fft.fft(x, nil, d), 0, "a negative dimension")
  end
  local stepped = x[{ {}, { 1, 6, 2 }, { 2, 10, 3 } }]
  near(fft.fft(stepped), fft.fft(stepped:clone()), 0, "steps")
  near(fft.rfft(x:select(4, 2), nil, 2), fft.rfft(x:select(4, 2):clone(), nil, 2), 0, "every second number")
  local wide = x:narrow(1, 1, 1):expand(3, 6, 10, 2)
  near(fft.fft(wide, nil, 1), fft.fft(wide:clone(), nil, 1), 0, "an expanded tensor")
  local swapped = torch.randn(2, 9):double():t() -- the two parts lie far apart
  near(fft.fft(swapped), fft.fft(swapped:clone()), 0, "parts apart")
  for _, kind in ipairs { "float16", "bfloat16" } do
    local narrow = x:type(kind)
    local z = fft.fft(narrow)
    tester:eq(z.dtype, kind)
    near(z, fft.fft(narrow:float()), kind == "float16" and 1e-3 or 8e-3, kind)
  end
  for _, kind in ipairs { "int8", "uint8", "int16", "int32", "int64", "bool" } do
    local z = fft.rfft(torch.ones(6, kind))
    tester:eq(z.dtype, "float32")
    near(z:select(2, 1), torch.Tensor { 6, 0, 0, 0 }, 1e-6, kind)
    tester:eq(fft.fft(torch.ones(6, 2, kind)).shape, { 6, 2 })
  end
end

function tests.sizes_norms_and_inverses()
  torch.manualSeed(4)
  local x = torch.randn(3, 10, 2):double()
  local r = torch.randn(3, 10):double()
  local longer = torch.cat(x, torch.zeros(3, 4, 2):double(), 2)
  near(fft.fft(x, 14), fft.fft(longer), 1e-14, "continued with zeros")
  near(fft.fft(x, 7), fft.fft(x:narrow(2, 1, 7):clone()), 1e-14, "cut")
  near(fft.rfft(r, 13), fft.rfft(torch.cat(r, torch.zeros(3, 3):double(), 2)), 1e-14, "rfft continued")
  for _, norm in ipairs { "backward", "ortho", "forward" } do
    near(fft.ifft(fft.fft(x, nil, 2, norm), nil, 2, norm), x, 1e-14, "ifft, " .. norm)
    near(fft.irfft(fft.rfft(r, nil, 1, norm), 3, 1, norm), r, 1e-14, "irfft, " .. norm)
    near(fft.hfft(fft.ihfft(r, nil, 2, norm), 10, 2, norm), r, 1e-14, "hfft, " .. norm)
    near(fft.ifftn(fft.fftn(x, nil, nil, norm), nil, nil, norm), x, 1e-14, "ifftn, " .. norm)
    near(fft.irfftn(fft.rfftn(r, nil, nil, norm), { 3, 10 }, nil, norm), r, 1e-14, "irfftn, " .. norm)
  end
  near(fft.fft(x, nil, 2, "ortho"), fft.fft(x) / math.sqrt(10), 1e-14, "ortho")
  near(fft.fft(x, nil, 2, "forward"), fft.fft(x) / 10, 1e-14, "forward")
  near(fft.hfft(x), fft.irfft(complex.conj(x)) * 18, 1e-13, "hfft")
  near(torch.fft(x), fft.fft(x), 0, "the table is called")
end

function tests.several_dimensions()
  torch.manualSeed(5)
  local x = torch.randn(2, 3, 4, 2):double()
  local r = torch.randn(2, 3, 4):double()
  local last = fft.fft(fft.fft(x, nil, 2), nil, 3)
  near(fft.fft2(x), last, 1e-14, "fft2")
  near(fft.fftn(x), fft.fft(last, nil, 1), 1e-14, "fftn")
  near(fft.fftn(x, { 5, 3 }, { 3, 1 }), fft.fft(fft.fft(x, 5, 3), 3, 1), 1e-14, "fftn of two")
  near(fft.fftn(x, { 5, 6 }), fft.fft(fft.fft(x, 5, 2), 6, 3), 1e-14, "the last dimensions")
  near(fft.rfft2(r), fft.fft2(torch.complexPairs(r)):narrow(3, 1, 3), 1e-14, "rfft2")
  near(fft.rfftn(r), fft.fftn(torch.complexPairs(r)):narrow(3, 1, 3), 1e-14, "rfftn")
  near(fft.irfft2(fft.rfft2(r)), r, 1e-14, "irfft2")
  near(fft.ifft2(fft.fft2(x)), x, 1e-14, "ifft2")
end

function tests.empty_ones()
  tester:eq(fft.fft(torch.zeros(0, 5, 2)).shape, { 0, 5, 2 })
  tester:eq(fft.rfft(torch.zeros(0, 5)).shape, { 0, 3, 2 })
  tester:eq(fft.irfft(torch.zeros(0, 3, 2)).shape, { 0, 4 })
  tester:eq(fft.fft(torch.zeros(3, 0, 2), 4, 2):sum(), 0)
  tester:assertErrorPattern(function() fft.fft(torch.zeros(3, 0, 2)) end, "at least 1")
end

function tests.threads_make_no_difference()
  torch.manualSeed(6)
  local threads = torch.getnumthreads()
  local x = torch.randn(301, 240, 2)
  local results = {}
  for i, n in ipairs { 1, 2 } do
    torch.setnumthreads(n)
    results[i] = { fft.fft(x), fft.fft(x, nil, 1), fft.rfft(x:select(3, 1)), fft.irfft(x) }
  end
  torch.setnumthreads(threads)
  for i, y in ipairs(results[1]) do tester:assert(torch.equal(y, results[2][i]), "result " .. i) end
end

-- On the CPU their passes are made in parts, with a look for Ctrl-C in between: places of the first, the
-- middle and the last part, and the way back.
function tests.long_lines()
  if os.getenv "TEST_DEVICE" then return tester:assert(true) end -- it takes minutes on the emulated one
  for _, n in ipairs { 3 * 2 ^ 21, 7 ^ 8 } do
    local j = torch.arange(0, n):double()
    local wave = torch.stack({ torch.cos(j * (2 * math.pi * 5 / n)), torch.zeros(n):double() }, 2):float()
    local y = fft.fft(wave)
    for _, k in ipairs { 0, 1, 4, 5, 6, n // 2, n - 6, n - 5, n - 1 } do
      local want = (k == 5 or k == n - 5) and n / 2 or 0
      tester:assert(math.abs(y[k + 1][1] - want) < 1e-4 * n, ("%d of %d: %g"):format(k, n, y[k + 1][1]))
    end
    near(fft.ifft(y), wave, 1e-4, ("back from %d"):format(n))
  end
end

function tests.gradients()
  torch.manualSeed(7)
  local function check(name, f, ...)
    local ok, why = torch.gradcheck(f, { ... }, { second = true })
    tester:assert(ok, name .. ": " .. tostring(why))
  end
  local x = torch.randn(2, 5, 2):double()
  local r = torch.randn(2, 6):double()
  for _, n in ipairs { 3, 5, 8 } do
    for d = 1, 2 do
      check("fft", function(a) return torch.square(fft.fft(a, n, d, "ortho")) end, x)
      check("ifft", function(a) return torch.square(fft.ifft(a, n, d)) end, x)
      check("rfft", function(a) return torch.square(fft.rfft(a, n, d)) end, r)
      check("irfft", function(a) return torch.square(fft.irfft(a, n, d, "forward")) end, x)
      check("hfft", function(a) return torch.square(fft.hfft(a, n, d)) end, x)
      check("ihfft", function(a) return torch.square(fft.ihfft(a, n, d)) end, r)
    end
  end
  check("a transposed input", function(a) return torch.square(fft.fft(a)) end, x:transpose(1, 2))
  check("fftn", function(a) return torch.square(fft.fftn(a)) end, x)
  check("rfftn", function(a) return torch.square(fft.rfftn(a)) end, r)
  check("irfftn", function(a) return torch.square(fft.irfftn(a)) end, x)
  check("dct", function(a) return torch.square(torch.dct(a, 2, nil, -1, "ortho")) end, r)
  check("dct of type 3", function(a) return torch.square(torch.dct(a, 3, 5, 1)) end, r)
  check("fftconvolve", function(a, b) return torch.fftconvolve(a, b, "same") end, r,
    torch.randn(2, 3):double())
  check("convolve", function(a, b) return torch.convolve(a, b) end, r[1]:clone(), r[2]:clone())
  check("hilbert", function(a) return complex.abs2(torch.hilbert(a)) end, r)
  local w = torch.hannWindow(4):double()
  check("stft", function(a) return complex.abs2(torch.stft(a, 4, { hop = 2, window = w })) end, r)
  local z = torch.stft(r, 4, { hop = 2, window = w })
  check("istft", function(a) return torch.square(torch.istft(a, 4, { hop = 2, window = w })) end, z)
end

function tests.errors()
  for pattern, list in pairs {
    ["pairs in a last dimension"] = {
      function() fft.fft(torch.ones(4)) end, function() fft.fft(torch.ones(2)) end,
      function() fft.ifft(torch.ones(3, 3)) end, function() fft.irfft(torch.ones(4)) end,
      function() fft.fftn(torch.ones(3, 4)) end, function() fft.hfft(torch.ones(3, 4)) end,
      function() fft.fft(torch.scalar(3)) end, function() complex.mul(torch.ones(3), torch.ones(2)) end,
    },
    ["wanted a tensor"] = {
      function() fft.fft() end, function() fft.rfft { 1, 2 } end, function() complex.abs(3) end,
      function() torch.complexPairs(3) end, function() torch.stft({}, 4) end,
    },
    ["whole number"] = {
      function() fft.fft(torch.ones(3, 2), 2.5) end, function() fft.fft(torch.ones(3, 2), 0) end,
      function() fft.rfft(torch.ones(3), "x") end, function() fft.rfft(torch.ones(3), -1) end,
      function() fft.irfft(torch.ones(1, 2)) end, function() fft.fftfreq(0) end,
      function() torch.hannWindow(-1) end, function() torch.dct(torch.ones(3), 2, 0) end,
    },
    ["dimension 3 of"] = {
      function() fft.fft(torch.ones(3, 3, 2), nil, 3) end, function() fft.rfft(torch.ones(3, 3), nil, 3) end,
      function() fft.fftn(torch.ones(3, 3, 2), nil, { 3 }) end,
    },
    ["norm is"] = {
      function() fft.fft(torch.ones(3, 2), nil, nil, "x") end,
      function() torch.dct(torch.ones(3), 2, 3, 1, 7) end,
    },
    ["there twice"] = { function() fft.fft2(torch.ones(3, 3, 2), nil, { 1, -2 }) end },
    ["lengths for"] = {
      function() fft.fftn(torch.ones(3, 2), { 1, 2 }) end,
      function() fft.fft2(torch.ones(3, 3, 2), { 1, 2, 3 }) end,
    },
    ["too short to be reflected"] = { function() torch.stft(torch.ones(4), 8) end },
    ["no option 'hops'"] = { function() torch.stft(torch.ones(40), 8, { hops = 2 }) end },
    ["the windows leave"] = {
      function()
        torch.istft(torch.ones(5, 4, 2), 8, { hop = 8, window = torch.hannWindow(8), center = false })
      end,
    },
    ["types 2 and 3"] = { function() torch.dct(torch.ones(3), 1) end },
    ["mode is"] = { function() torch.convolve(torch.ones(3), torch.ones(2), "all") end },
    ["neither signal"] = { function() torch.fftconvolve(torch.ones(3, 1), torch.ones(1, 3), "valid") end },
    ["two vectors"] = { function() torch.convolve(torch.ones(3, 3), torch.ones(2)) end },
  } do
    for i, f in ipairs(list) do
      tester:assertErrorPattern(f, pattern, ("'%s', %d"):format(pattern, i))
      local _, message = pcall(f)
      local has_place = tostring(message):find("test_fft.lua", 1, true) ~= nil
      tester:assert(has_place, "no position: " .. tostring(message))
    end
  end
end

-- ---- complex numbers ----------------------------------------------------------------

function tests.complex_numbers()
  local a, b = torch.DoubleTensor { { 1, 2 }, { -3, 0.5 } }, torch.DoubleTensor { { 2, -1 }, { 0, 4 } }
  local function is(y, numbers, what)
    near(y, torch.DoubleTensor(numbers), 1e-14, what)
  end
  is(complex.mul(a, b), { { 4, 3 }, { -2, -12 } }, "mul")
  is(complex.mul(a, b[1]), { { 4, 3 }, { -5.5, 4 } }, "mul that broadcasts")
  is(complex.mul(a, 2), { { 2, 4 }, { -6, 1 } }, "mul by a number")
  near(complex.div(complex.mul(a, b), b), a, 1e-15, "div")
  is(complex.div(torch.DoubleTensor { 1e300, 1e300 }, torch.DoubleTensor { 1e300, 0 }), { 1, 1 }, "large div")
  is(complex.conj(a), { { 1, -2 }, { -3, -0.5 } }, "conj")
  is(complex.real(a), { 1, -3 }, "real")
  is(complex.imag(a), { 2, 0.5 }, "imag")
  is(complex.abs(torch.DoubleTensor { { 3, 4 }, { 0, 0 } }), { 5, 0 }, "abs")
  is(complex.abs2(a), { 5, 9.25 }, "abs2")
  near(complex.polar(complex.abs(a), complex.angle(a)), a, 1e-15, "polar")
  near(complex.exp(complex.log(a)), a, 1e-15, "exp and log")
  near(complex.mul(complex.sqrt(a), complex.sqrt(a)), a, 1e-15, "sqrt")
  is(torch.complex(complex.real(a), complex.imag(a)), { { 1, 2 }, { -3, 0.5 } }, "torch.complex")
  is(torch.complexPairs(torch.DoubleTensor { 1, 2 }), { { 1, 0 }, { 2, 0 } }, "complexPairs")
  is(torch.complexPairs(torch.DoubleTensor { 1, 2 }, 3), { { 1, 3 }, { 2, 3 } }, "complexPairs")
  for name, f in pairs {
    mul = complex.mul, div = complex.div,
    abs = function(x) return complex.abs(x) end, angle = function(x) return complex.angle(x) end,
    exp = function(x) return complex.exp(x) end, log = function(x) return complex.log(x) end,
    sqrt = function(x) return complex.sqrt(x) end,
    conj = function(x) return torch.square(complex.conj(x)) end,
    pair = function(x, y) return torch.square(torch.complexPairs(x, y)) end,
  } do
    local ok, why = torch.gradcheck(f, { a:clone(), b:clone() }, { second = true })
    tester:assert(ok, name .. ": " .. tostring(why))
  end
  local origin = torch.zeros(1, 2):double():requireGrad()
  complex.abs(origin):sum():backward()
  tester:eq(origin.grad:sum(), 0)
end

-- ---- what is made of transforms ----------------------------------------------------------------

function tests.frequencies_and_shifts()
  local function is(y, numbers)
    near(y, torch.Tensor(numbers), 1e-6, "frequencies")
  end
  is(fft.fftfreq(4), { 0, 0.25, -0.5, -0.25 })
  is(fft.fftfreq(5, 0.1), { 0, 2, 4, -4, -2 })
  is(fft.rfftfreq(5, 0.1), { 0, 2, 4 })
  is(fft.fftfreq(1), { 0 })
  is(fft.fftshift(torch.Tensor { 0, 1, 2, -2, -1 }), { -2, -1, 0, 1, 2 })
  is(fft.fftshift(fft.fftfreq(4)), { -0.5, -0.25, 0, 0.25 })
  for n = 1, 5 do
    for m = 1, 4 do
      local x = torch.randn(n, m, 2)
      near(fft.ifftshift(fft.fftshift(x)), x, 0, "there and back")
      near(fft.fftshift(x, { -1 }), fft.fftshift(x, 2), 0, "pairs are not counted")
    end
  end
  local pairs_kept = fft.fftshift(torch.Tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } })
  is(pairs_kept, { { 5, 6 }, { 1, 2 }, { 3, 4 } })
  is(fft.fftshift(torch.Tensor { { 1, 2 }, { 3, 4 } }, nil, false), { { 4, 3 }, { 2, 1 } })
end

function tests.windows()
  local function is(y, numbers, what)
    near(y, torch.DoubleTensor(numbers), 1e-7, what)
  end
  is(torch.hannWindow(4), { 0, 0.5, 1, 0.5 }, "Hann")
  is(torch.hannWindow(5, false), { 0, 0.5, 1, 0.5, 0 }, "symmetric Hann")
  is(torch.hammingWindow(5, false), { 0.08, 0.54, 1, 0.54, 0.08 }, "Hamming")
  is(torch.blackmanWindow(5, false), { 0, 0.34, 1, 0.34, 0 }, "Blackman")
  is(torch.bartlettWindow(5, false), { 0, 0.5, 1, 0.5, 0 }, "Bartlett")
  -- I0(0) / I0(2) and I0(sqrt 3) / I0(2)
  is(torch.kaiserWindow(5, false, 2, "double"), { 0.438676279837, 0.834761433401, 1, 0.834761433401,
    0.438676279837 }, "Kaiser")
  for _, short in ipairs { "hann", "hamming", "blackman", "bartlett", "kaiser" } do
    local name = short .. "Window"
    tester:eq(torch[name](0):nElement(), 0)
    tester:eq(torch[name](1)[1], 1)
    near(torch[name](8), torch[name](9, false):narrow(1, 1, 8), 1e-6, name)
  end
  tester:eq(torch.hannWindow(3, true, "float64").dtype, "float64")
  tester:assertErrorPattern(function() torch.kaiserWindow(4, true, -1) end, "beta")
end

function tests.short_time_transforms()
  torch.manualSeed(8)
  local x = torch.randn(50):double()
  local w = torch.hannWindow(8):double()
  local z = torch.stft(x, 8, { hop = 3, window = w, center = false })
  tester:eq(z.shape, { 5, 15, 2 })
  for t = 1, 15 do
    near(z:select(2, t), fft.rfft(torch.cmul(x:narrow(1, 3 * t - 2, 8), w)), 1e-14, "part " .. t)
  end
  for _, o in ipairs {
    {}, { hop = 3 }, { hop = 2, window = w, normalized = true }, { hop = 4, onesided = false },
    { hop = 2, winLength = 6 }, { hop = 3, window = w, padMode = "constant" },
    { hop = 3, window = w, padMode = "replicate" },
  } do
    local rows = torch.randn(2, 48):double()
    o.length = 48
    local back = torch.istft(torch.stft(rows, 8, o), 8, o)
    local inner = (48 // (o.hop or 2)) * (o.hop or 2)
    near(back:narrow(2, 1, inner), rows:narrow(2, 1, inner), 1e-12, "there and back")
  end
  near(torch.spectrogram(x, 8, { power = 1 }), complex.abs(torch.stft(x, 8)), 1e-15, "spectrogram")
end

function tests.cosine_transforms()
  torch.manualSeed(9)
  for _, n in ipairs { 1, 2, 3, 4, 5, 8, 13, 30 } do
    local x = torch.randn(3, n):double()
    local k = torch.arange(0, n):double()
    local odd = torch.add(torch.mul(k, 2), 1)
    local c = torch.cos(torch.mul(torch.ger(odd, k), math.pi / (2 * n)))
    near(torch.dct(x), torch.mm(x, c) * 2, 1e-13, "type 2")
    local first = torch.expandAs(x:narrow(2, 1, 1), x)
    near(torch.dct(x, 3), torch.mm(x, c:t()) * 2 - first, 1e-13, "type 3")
    for _, norm in ipairs { "backward", "ortho", "forward" } do
      for kind = 2, 3 do
        local y = torch.dct(x, kind, nil, 2, norm)
        near(torch.idct(y, kind, nil, 2, norm), x, 1e-13, "inverse")
        if norm == "ortho" then tester:assert(math.abs(y:norm() - x:norm()) < 1e-12 * x:norm()) end
      end
    end
    near(torch.dct(x, 2, nil, 1), torch.dct(x:t():contiguous()):t(), 1e-13, "the first dimension")
  end
end

function tests.convolutions()
  local a, b = torch.DoubleTensor { 1, 2, 3, 4 }, torch.DoubleTensor { 1, -1, 2 }
  local function is(y, numbers, what)
    near(y, torch.DoubleTensor(numbers), 1e-14, what)
  end
  is(torch.convolve(a, b), { 1, 1, 3, 5, 2, 8 }, "full")
  is(torch.convolve(a, b, "same"), { 1, 3, 5, 2 }, "same")
  is(torch.convolve(a, b, "valid"), { 3, 5 }, "valid")
  is(torch.convolve(b, a), { 1, 1, 3, 5, 2, 8 }, "turned")
  is(torch.correlate(a, b), { 5, 7 }, "valid correlation")
  is(torch.correlate(a, b, "full"), { 2, 3, 5, 7, -1, 4 }, "full correlation")
  is(torch.correlate(a, b, "same"), { 3, 5, 7, -1 }, "same correlation")
  is(torch.correlate(b, a), { 7, 5 }, "turned correlation")
  is(torch.correlate(a, torch.DoubleTensor { 1, 10 }, "same"), { 10, 21, 32, 43 }, "an even kernel")
  tester:eq(torch.convolve(torch.LongTensor { 1, 2 }, torch.LongTensor { 3 }).dtype, "int64")
  torch.manualSeed(10)
  for _, sizes in ipairs { { 1, 1 }, { 9, 4 }, { 4, 9 }, { 40, 40 } } do
    local x, y = torch.randn(sizes[1]):double(), torch.randn(sizes[2]):double()
    near(torch.fftconvolve(x, y), torch.convolve(x, y), 1e-13, "full")
    near(torch.fftconvolve(x, y, "valid"), torch.convolve(x, y, "valid"), 1e-13, "valid")
  end
  local x, k = torch.randn(7, 9):double(), torch.randn(3, 4):double()
  near(torch.fftconvolve(x, k), torch.conv2(x, k, "F"), 1e-13, "two dimensions")
  near(torch.fftconvolve(x, k, "valid"), torch.conv2(x, k), 1e-13, "valid in two dimensions")
  tester:eq(torch.fftconvolve(x, k, "same").shape, { 7, 9 })
  near(torch.fftconvolve(x, k:narrow(1, 1, 1), "full", 1)[5], torch.convolve(x[5], k[1]), 1e-13, "rows")
end

function tests.spectra()
  local n, fs = 64, 32
  local t = torch.div(torch.arange(0, n):double(), fs)
  local x = torch.mul(torch.sin(torch.mul(t, 2 * math.pi * 5)), 3)
  local f, p = torch.periodogram(x, { fs = fs, scaling = "spectrum" })
  local top, place = torch.max(p, 1)
  tester:eq(f[place[1]], 5)
  tester:assert(math.abs(top[1] - 4.5) < 1e-12, "the power of a sine of amplitude 3")
  local _, density = torch.periodogram(x, { fs = fs, detrend = false })
  tester:assert(math.abs(density:sum() * fs / n - torch.square(x):mean()) < 1e-12, "Parseval")
  local g, q = torch.welch(x, { fs = fs, length = 32, scaling = "spectrum" })
  local _, where = torch.max(q, 1)
  tester:eq(g[where[1]], 5)
  tester:eq(q.shape, { 17 })
  local z = torch.hilbert(x)
  near(complex.real(z), x, 1e-13, "the real part")
  near(complex.abs(z), torch.mul(torch.ones(n):double(), 3), 1e-12, "the envelope")
end

tester:add(tests)
tester:run()
