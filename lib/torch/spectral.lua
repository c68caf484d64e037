-- spectral.lua: what is made of Fourier transforms: short-time transforms, spectra, cosine transforms,
-- convolutions, the analytic signal.

local check_options = require("torch.options").check
local raise = require("torch.caller").raise

return function(torch)
  local fft, complex = torch.fft, torch.complex
  local args = require "torch.check"

  -- ---- arguments -----------------------------------------------------------------------------------

  -- The given options over the defaults; `names` lists what there is.
  local function options(fn, given, defaults, names)
    local o = {}
    for k, v in pairs(defaults) do o[k] = v end
    for k, v in pairs(check_options(fn, given, names)) do o[k] = v end
    return o
  end

  local function set(...)
    local s = {}
    for _, name in ipairs { ... } do s[name] = true end
    return s
  end

  local function check_count(fn, what, n)
    return args.whole(fn, what, n, 1)
  end

  -- x as a float tensor of one or more dimensions.
  local function check_signal(fn, x)
    if args.tensor(fn, x):dim() < 1 then raise("%s: at least one dimension is wanted", fn) end
    if args.is_float(x) then return x end
    return x:to(torch.getDefaultDtype())
  end

  -- x with elements `first`, first + step, .. last of dimension d, in that order; places count from 1.
  local function pick(x, d, first, last, step)
    local n = (last - first) // step + 1
    if n < 1 then return torch.narrow(x, d, 1, 0) end
    return x:index(d, args.beside(x, torch.range(first, first + (n - 1) * step, step):to("int64")))
  end

  local function shape_of(x)
    local shape = {}
    for d = 1, x:dim() do shape[d] = x:size(d) end
    return shape
  end

  -- ---- short-time transforms -----------------------------------------------------------------------

  local stft_names = set("hop", "winLength", "window", "center", "padMode", "normalized", "onesided",
    "length")

  -- The window of nfft points, with the shorter one of the options in the middle.
  local function whole_window(fn, o, nfft, x)
    local length = o.winLength and check_count(fn, "winLength", o.winLength)
      or o.window and torch.isTensor(o.window) and o.window:nElement() or nfft
    local w = o.window or torch.ones(length)
    if not torch.isTensor(w) or w:dim() ~= 1 or w:size(1) ~= length or length > nfft then
      raise("%s: the window must be a vector of winLength (%d) points, at most nfft (%d)", fn, length, nfft)
    end
    w = w:typeAs(x)
    if length == nfft then return w end
    local whole, left = torch.zeros(nfft):typeAs(x), (nfft - length) // 2
    return torch.cat({ whole:narrow(1, 1, left), w, whole:narrow(1, 1, nfft - length - left) }, 1)
  end

  local function stft_options(fn, nfft, given)
    nfft = check_count(fn, "nfft", nfft)
    local o = options(fn, given, { center = true, padMode = "reflect", onesided = true }, stft_names)
    o.hop = check_count(fn, "hop", o.hop or math.max(1, nfft // 4))
    return nfft, o
  end

  -- Rows with `n` more points on each side.
  local function pad_rows(fn, x, n, mode)
    local size = x:size(2)
    if n == 0 then return x end
    if mode == "constant" then
      local zeros = torch.zeros(x:size(1), n):typeAs(x)
      return torch.cat({ zeros, x, zeros }, 2)
    elseif mode == "replicate" then
      local left, right = x:narrow(2, 1, 1), x:narrow(2, size, 1)
      return torch.cat({ torch.expand(left, x:size(1), n), x, torch.expand(right, x:size(1), n) }, 2)
    elseif mode ~= "reflect" then
      raise("%s: padMode is 'reflect', 'constant' or 'replicate', not %s", fn, tostring(mode))
    end
    if size <= n then
      raise("%s: a signal of %d points is too short to be reflected by %d (nfft / 2)", fn, size, n)
    end
    return torch.cat({ pick(x, 2, n + 1, 2, -1), x, pick(x, 2, size - 1, size - n, -1) }, 2)
  end

  --- torch.stft(x, nfft [, options])
  --
  --  The short-time Fourier transform: transforms of overlapping windowed parts of a signal.
  --
  --  x: real tensor of one dimension, or two: one signal a row
  --  nfft: the length of each transform
  --  options: a table; `hop` between parts, nfft // 4 by default; `window`, a vector, ones by default;
  --    `winLength`, the window's length, up to nfft; `center`, true by default: part t has its middle
  --    at place t * hop, and the signal is continued on both sides as `padMode` says, 'reflect',
  --    'constant' or 'replicate'; `normalized` divides by the root of nfft; `onesided`, true by
  --    default, leaves out the mirrored half
  --  Returns: pairs: (frequencies, parts, 2), with a dimension for the rows in front if x has one
  --  Errors: the signal is shorter than a part
  --  From: PyTorch
  --  Example:
  --    torch.stft(torch.ones(16), 8, { hop = 4 }):size(2) --> 5
  function torch.stft(x, nfft, given)
    local fn = "torch.stft"
    x = check_signal(fn, x)
    if x:dim() > 2 then raise("%s: one or two dimensions are wanted, got %d", fn, x:dim()) end
    local o
    nfft, o = stft_options(fn, nfft, given)
    local rows = x:dim() == 2 and x or torch.reshape(x, 1, x:size(1))
    if o.center then rows = pad_rows(fn, rows, nfft // 2, o.padMode) end
    if rows:size(2) < nfft then
      raise("%s: a signal of %d points is shorter than a part of %d", fn, rows:size(2), nfft)
    end
    local parts = torch.cmul(rows:unfold(2, nfft, o.hop), whole_window(fn, o, nfft, rows))
    local norm = o.normalized and "ortho" or "backward"
    local y = o.onesided and fft.rfft(parts, nfft, 3, norm)
      or fft.fft(torch.complexPairs(parts), nfft, 3, norm)
    y = y:transpose(2, 3)
    return x:dim() == 1 and y:select(1, 1) or y
  end

  -- Rows of parts (rows, count, n), each hop after the one before, added up to signals.
  local function overlap_add(parts, hop)
    local rows, count, n = parts:size(1), parts:size(2), parts:size(3)
    local starts = torch.mul(torch.arange(0, count):view(count, 1), hop):expand(count, n)
    local places = torch.add(starts, torch.arange(1, n + 1):view(1, n):expand(count, n))
    places = args.beside(parts, places)
    local y = torch.zeros(rows, (count - 1) * hop + n):typeAs(parts)
    return y:indexAdd(2, torch.reshape(places, count * n), torch.reshape(parts, rows, count * n))
  end

  --- torch.istft(z, nfft [, options])
  --
  --  The signal whose torch.stft comes closest to z: the parts' inverses are weighted by the window,
  --  added up, and divided by the sum of the windows' squares.
  --
  --  z: pairs as torch.stft gives them
  --  nfft: the length of each transform
  --  options: as given to torch.stft, and `length`, that of the signal
  --  Returns: a vector, or one row a signal
  --  Errors: the windows leave a place of the signal out
  --  From: Griffin and Lim 1984, as in PyTorch
  --  Example:
  --    x = torch.range(1, 16)
  --    z = torch.stft(x, 8, { window = torch.hannWindow(8) })
  --    torch.istft(z, 8, { window = torch.hannWindow(8) }):sum() --> 136.0
  function torch.istft(z, nfft, given)
    local fn = "torch.istft"
    local o
    nfft, o = stft_options(fn, nfft, given)
    if not torch.isTensor(z) or z:dim() < 3 or z:dim() > 4 or z:size(z:dim()) ~= 2 then
      raise("%s: pairs of shape (frequencies, parts, 2) are wanted, with or without rows in front", fn)
    end
    local batch = z:dim() == 4 and z or torch.reshape(z, 1, z:size(1), z:size(2), 2)
    local want = o.onesided and nfft // 2 + 1 or nfft
    if batch:size(2) ~= want or batch:size(3) < 1 then
      raise("%s: %d frequencies in %d parts, wanted %d in at least one", fn, batch:size(2), batch:size(3),
        want)
    end
    local norm = o.normalized and "ortho" or "backward"
    batch = batch:transpose(2, 3)
    local parts = o.onesided and fft.irfft(batch, nfft, 3, norm)
      or complex.real(fft.ifft(batch, nfft, 3, norm))
    local w = whole_window(fn, o, nfft, parts)
    local y = overlap_add(torch.cmul(parts, w), o.hop)
    local squares = torch.expand(torch.reshape(torch.square(w), 1, 1, nfft), 1, parts:size(2), nfft)
    local weight = overlap_add(squares, o.hop)
    local start = o.center and nfft // 2 or 0
    local length = o.length and check_count(fn, "length", o.length) or y:size(2) - 2 * start
    local have = math.min(length, y:size(2) - start)
    if have < 1 then raise("%s: no points are left of %d", fn, y:size(2)) end
    y, weight = torch.narrow(y, 2, start + 1, have), torch.narrow(weight, 2, start + 1, have)
    if weight:min() < 1e-11 then
      raise("%s: the windows leave places of the signal out: their squares add up to %g", fn, weight:min())
    end
    y = torch.cdiv(y, weight)
    if have < length then y = torch.cat(y, torch.zeros(y:size(1), length - have):typeAs(y), 2) end
    return z:dim() == 3 and y:select(1, 1) or y
  end

  --- torch.spectrogram(x, nfft [, options])
  --
  --  Absolute values of torch.stft, to a power.
  --
  --  x: real tensor of one or two dimensions
  --  nfft: the length of each transform
  --  options: as for torch.stft, and `power`, 2 by default
  --  Returns: a real tensor: (frequencies, parts), with a dimension for the rows in front if x has one
  --  Example:
  --    torch.spectrogram(torch.ones(16), 4)[1][1] --> 16.0
  function torch.spectrogram(x, nfft, given)
    local power = 2
    if type(given) == "table" then
      local rest = {}
      for k, v in pairs(given) do rest[k] = v end
      power, rest.power = rest.power or 2, nil
      given = rest
    end
    if type(power) ~= "number" then raise("torch.spectrogram: the power is a %s", type(power)) end
    local z = torch.stft(x, nfft, given)
    if power == 2 then return complex.abs2(z) end
    return torch.pow(complex.abs(z), power)
  end

  -- ---- cosine transforms ---------------------------------------------------------------------------

  -- cos and sin of pi k / 2n for k = 0 .. n // 2, as pairs.
  local function quarter_turns(n, x)
    local angle = torch.mul(torch.arange(0, n // 2 + 1):to("float64"), math.pi / (2 * n))
    return torch.stack({ torch.cos(angle), torch.sin(angle) }, 2):typeAs(x)
  end

  -- Along the last dimension: 2 sum x_j cos(pi k (2j + 1) / 2n), by one real transform of the even
  -- places followed by the odd ones backwards (Makhoul 1980).
  local function dct2(x)
    local d, n = x:dim(), x:size(x:dim())
    local order = torch.cat(pick(x, d, 1, n, 2), pick(x, d, n // 2 * 2, 2, -2), d)
    local z = complex.mul(fft.rfft(order), complex.conj(quarter_turns(n, x)))
    local low = torch.mul(complex.real(z), 2)
    local high = torch.mul(pick(complex.imag(z), d, (n - 1) // 2 + 1, 2, -1), -2)
    return torch.cat(low, high, d)
  end

  -- The transpose: x_0 + 2 sum x_j cos(pi j (2k + 1) / 2n).
  local function dct3(x)
    local d, n = x:dim(), x:size(x:dim())
    local low = torch.narrow(x, d, 1, n // 2 + 1)
    local zero = torch.mul(torch.narrow(x, d, 1, 1), 0)
    local back = torch.mul(torch.cat(zero, pick(x, d, n, n - n // 2 + 1, -1), d), -1)
    local z = complex.mul(torch.complexPairs(low, back), quarter_turns(n, x))
    local v = fft.irfft(z, n, -1, "forward")
    -- Element 2i - 1 has come to place i, element 2i to place n + 1 - i.
    local places = torch.LongTensor(n)
    places[{ { 1, n, 2 } }] = torch.arange(1, (n + 1) // 2 + 1)
    if n > 1 then places[{ { 2, n, 2 } }] = torch.range(n, n - n // 2 + 1, -1):to("int64") end
    return v:index(d, places)
  end

  local dct_norms = { backward = true, ortho = true, forward = true }

  local function cosine_transform(fn, x, kind, n, dim, norm, inverse)
    x = check_signal(fn, x)
    kind, norm = kind or 2, norm or "backward"
    if kind ~= 2 and kind ~= 3 then raise("%s: types 2 and 3 are there, not %s", fn, tostring(kind)) end
    if not dct_norms[norm] then
      raise("%s: norm is 'backward', 'ortho' or 'forward', not %s", fn, tostring(norm))
    end
    local d = args.dim_of(fn, x:dim(), dim or -1)
    local y = x:transpose(d, x:dim())
    local last = y:dim()
    n = check_count(fn, "length", n or y:size(last))
    if n < y:size(last) then
      y = torch.narrow(y, last, 1, n)
    elseif n > y:size(last) then
      local more = shape_of(y)
      more[last] = n - more[last]
      y = torch.cat(y, torch.zeros(table.unpack(more)):typeAs(y), last)
    end
    local ortho = norm == "ortho"
    local second = (kind == 2) ~= inverse
    local root = ortho and torch.ones(n):typeAs(y)
    if ortho then root[1] = 2 ^ 0.5 end
    if ortho and not second then y = torch.cmul(y, root) end
    y = second and dct2(y) or dct3(y)
    if ortho and second then y = torch.cdiv(y, root) end
    if ortho then
      y = torch.mul(y, (2 * n) ^ -0.5)
    elseif (norm == "forward") ~= inverse then
      y = torch.div(y, 2 * n)
    end
    return y:transpose(d, last)
  end

  --- torch.dct(x [, type [, n [, dim [, norm]]]])
  --  torch.idct(x [, type [, n [, dim [, norm]]]])
  --
  --  The discrete cosine transform of type 2 or 3, and its inverse.  Type 2 is
  --  2 sum over j of x_j cos(pi k (2j + 1) / 2n), type 3 x_0 + 2 sum over j > 0 of
  --  x_j cos(pi j (2k + 1) / 2n); each is the other's inverse but for a factor of 2n.
  --
  --  x: real tensor
  --  type: 2 (the default) or 3
  --  n: the length; the line is cut, or continued with zeros; its own by default
  --  dim: the dimension, the last by default
  --  norm: 'backward' divides the inverse by 2n, 'forward' the other; 'ortho' makes the transform
  --    orthogonal
  --  Returns: a real tensor
  --  From: SciPy
  --  Example:
  --    torch.dct(torch.ones(4))[1] --> 8.0
  --    torch.idct(torch.dct(torch.ones(3)))[3] --> 1.0
  function torch.dct(x, kind, n, dim, norm)
    return cosine_transform("torch.dct", x, kind, n, dim, norm, false)
  end

  function torch.idct(x, kind, n, dim, norm)
    return cosine_transform("torch.idct", x, kind, n, dim, norm, true)
  end

  fft.dct, fft.idct = torch.dct, torch.idct

  -- ---- convolutions --------------------------------------------------------------------------------

  -- The next length of factors 2, 3 and 5 only.
  local function good_length(n)
    while true do
      local rest = n
      for _, p in ipairs { 2, 3, 5 } do
        while rest % p == 0 do rest = rest // p end
      end
      if rest == 1 then return n end
      n = n + 1
    end
  end

  -- Where a mode's part of a full convolution of n and m points begins, and its size.
  local function part(fn, mode, n, m)
    if mode == "full" then return 1, n + m - 1 end
    if mode == "same" then return (m - 1) // 2 + 1, n end
    if mode == "valid" then return math.min(n, m), math.abs(n - m) + 1 end
    raise("%s: mode is 'full', 'same' or 'valid', not %s", fn, tostring(mode))
  end

  --- torch.fftconvolve(a, b [, mode [, dims]])
  --
  --  The convolution of signals of any number of dimensions, by Fourier transforms.
  --
  --  a: real tensor
  --  b: real tensor of as many dimensions
  --  mode: 'full', the default: wherever the two meet; 'same': the middle part, of a's size; 'valid':
  --    where one lies inside the other
  --  dims: how many of the last dimensions to convolve along, all by default; the others broadcast
  --  Returns: a real tensor
  --  Errors: for 'valid', neither lies inside the other
  --  From: SciPy
  --  Example:
  --    torch.round(torch.fftconvolve(torch.ones(3), torch.ones(2)))[2] --> 2.0
  function torch.fftconvolve(a, b, mode, dims)
    local fn = "torch.fftconvolve"
    a, b, mode = check_signal(fn, a), check_signal(fn, b), mode or "full"
    if a:dim() ~= b:dim() then raise("%s: %d and %d dimensions", fn, a:dim(), b:dim()) end
    dims = check_count(fn, "number of dimensions", dims or a:dim())
    if dims > a:dim() then raise("%s: the last %d of %d dimensions", fn, dims, a:dim()) end
    local axes, sizes, longer, shorter = {}, {}, false, false
    for i = 1, dims do
      local d = a:dim() - dims + i
      local n, m = a:size(d), b:size(d)
      if n < 1 or m < 1 then raise("%s: a signal of no points", fn) end
      axes[i], sizes[i] = d, good_length(n + m - 1)
      longer, shorter = longer or n > m, shorter or n < m
    end
    if mode == "valid" and longer and shorter then raise("%s: neither signal lies inside the other", fn) end
    local z = complex.mul(fft.rfftn(a, sizes, axes), fft.rfftn(b, sizes, axes))
    local y = fft.irfftn(z, sizes, axes)
    for _, d in ipairs(axes) do
      local first, count = part(fn, mode, a:size(d), b:size(d))
      y = torch.narrow(y, d, first, count)
    end
    return y
  end

  local function vectors(fn, a, b)
    for _, x in ipairs { a, b } do
      if not torch.isTensor(x) or x:dim() ~= 1 or x:nElement() == 0 then
        raise("%s: two vectors of at least one element are wanted", fn)
      end
    end
    if not (torch.isTensor(a) and torch.isTensor(b)) then raise("%s: two vectors are wanted", fn) end
  end

  -- All places where the two meet; a is the longer one.
  local function full(a, b, turned)
    local y = torch[turned and "conv2" or "xcorr2"](torch.reshape(a, 1, a:size(1)),
      torch.reshape(b, 1, b:size(1)), "F")
    return y:select(1, 1)
  end

  --- torch.convolve(a, b [, mode])
  --
  --  The convolution of two vectors, term by term: element k is the sum of a_j b_(k - j).  For long
  --  vectors torch.fftconvolve is faster.
  --
  --  a: vector
  --  b: vector
  --  mode: 'full', the default; 'same': the middle part, of the longer one's size; 'valid': where one
  --    lies inside the other
  --  Returns: a vector of the promoted type
  --  From: NumPy
  --  Example:
  --    torch.convolve(torch.Tensor { 1, 2 }, torch.Tensor { 1, 1 })[2] --> 3.0
  function torch.convolve(a, b, mode)
    local fn = "torch.convolve"
    vectors(fn, a, b)
    if a:size(1) < b:size(1) then a, b = b, a end
    local first, count = part(fn, mode or "full", a:size(1), b:size(1))
    return torch.narrow(full(a, b, true), 1, first, count)
  end

  --- torch.correlate(a, b [, mode])
  --
  --  The correlation of two vectors: element k is the sum of a_(j + k) b_j, for k from 1 - m on in mode
  --  'full', for b of m elements.
  --
  --  a: vector
  --  b: vector
  --  mode: 'valid' (the default), 'same' or 'full', as for torch.convolve
  --  Returns: a vector of the promoted type
  --  From: NumPy
  --  Example:
  --    torch.correlate(torch.Tensor { 1, 2, 3 }, torch.Tensor { 0, 1 })[1] --> 2.0
  function torch.correlate(a, b, mode)
    local fn = "torch.correlate"
    vectors(fn, a, b)
    local swap = a:size(1) < b:size(1)
    if swap then a, b = b, a end
    local n, m = a:size(1), b:size(1)
    local _, count = part(fn, mode or "valid", n, m)
    local first = mode == "full" and 1 or mode == "same" and m - m // 2 or m
    local y = torch.narrow(full(a, b, false), 1, first, count)
    return swap and pick(y, 1, count, 1, -1) or y
  end

  -- ---- spectra -------------------------------------------------------------------------------------

  local spectrum_names = set("fs", "window", "nfft", "detrend", "scaling", "onesided", "length", "overlap")

  -- Power of the rows of parts (.., n); the window has n points.
  local function powers(fn, parts, o, w)
    local last = parts:dim()
    if o.detrend == "constant" then
      parts = parts - torch.expandAs(torch.mean(parts, last), parts)
    elseif o.detrend then
      raise("%s: detrend is 'constant' or false, not %s", fn, tostring(o.detrend))
    end
    local scale
    if o.scaling == "density" then
      scale = 1 / (o.fs * torch.square(w):sum())
    elseif o.scaling == "spectrum" then
      scale = 1 / w:sum() ^ 2
    else
      raise("%s: scaling is 'density' or 'spectrum', not %s", fn, tostring(o.scaling))
    end
    local n = o.nfft
    local tapered = torch.cmul(parts, w)
    if not o.onesided then return torch.mul(complex.abs2(fft.fft(torch.complexPairs(tapered), n)), scale) end
    local p = torch.mul(complex.abs2(fft.rfft(tapered, n)), scale)
    local twice = torch.ones(n // 2 + 1):fill(2):typeAs(p)
    twice[1] = 1
    if n % 2 == 0 then twice[n // 2 + 1] = 1 end
    return torch.cmul(p, twice)
  end

  local function spectrum_options(fn, given, n, length)
    local o = options(fn, given, { fs = 1, detrend = "constant", scaling = "density", onesided = true },
      spectrum_names)
    if type(o.fs) ~= "number" or o.fs <= 0 or o.fs ~= o.fs then
      raise("%s: a positive rate is wanted as fs", fn)
    end
    if n < 1 then raise("%s: a signal of no points", fn) end
    o.length = check_count(fn, "length", o.length or length)
    if o.length > n then o.length = n end
    o.nfft = check_count(fn, "nfft", o.nfft or o.length)
    if o.nfft < o.length then raise("%s: an nfft of %d for parts of %d points", fn, o.nfft, o.length) end
    return o
  end

  local function spectrum_window(fn, o, w, x)
    if not torch.isTensor(w) or w:dim() ~= 1 or w:size(1) ~= o.length then
      raise("%s: a window of %d points is wanted", fn, o.length)
    end
    return w:typeAs(x)
  end

  local function axis(o)
    return (o.onesided and fft.rfftfreq or fft.fftfreq)(o.nfft, 1 / o.fs)
  end

  --- torch.periodogram(x [, options])
  --
  --  An estimate of the power at each frequency, along the last dimension.
  --
  --  x: real tensor
  --  options: a table; `fs`, samples a second, 1 by default; `window`, a vector, ones by default;
  --    `nfft`, the length of the transform, at least the signal's; `detrend`, 'constant' (the mean is
  --    taken off) by default, or false; `scaling`, 'density', power a hertz, by default, or 'spectrum',
  --    power; `onesided`, true by default
  --  Returns: a vector of the frequencies, and a tensor of the powers
  --  From: SciPy
  --  Example:
  --    f, p = torch.periodogram(torch.Tensor { 1, -1, 1, -1 })
  --    p[3] --> 4.0
  function torch.periodogram(x, given)
    local fn = "torch.periodogram"
    x = check_signal(fn, x)
    local n = x:size(x:dim())
    local o = spectrum_options(fn, given, n, n)
    o.length = n
    local w = spectrum_window(fn, o, o.window or torch.ones(n), x)
    return axis(o), powers(fn, x, o, w)
  end

  --- torch.welch(x [, options])
  --
  --  The mean periodogram of overlapping parts of a signal, along the last dimension.
  --
  --  x: real tensor
  --  options: as for torch.periodogram; `length`, that of a part, 256 by default but no more than the
  --    signal; `overlap`, half of it by default; `window`, Hann's by default
  --  Returns: a vector of the frequencies, and a tensor of the powers
  --  From: Welch 1967, as in SciPy
  --  Example:
  --    f, p = torch.welch(torch.ones(64), { length = 16 })
  --    f:size(1) --> 9
  function torch.welch(x, given)
    local fn = "torch.welch"
    x = check_signal(fn, x)
    local n = x:size(x:dim())
    local o = spectrum_options(fn, given, n, math.min(256, n))
    local overlap = o.overlap or o.length // 2
    if type(overlap) ~= "number" or math.tointeger(overlap) == nil or overlap < 0 or overlap >= o.length then
      raise("%s: an overlap of %s for parts of %d points", fn, tostring(overlap), o.length)
    end
    local w = spectrum_window(fn, o, o.window or torch.hannWindow(o.length, true, "double"), x)
    local parts = x:unfold(x:dim(), o.length, o.length - math.tointeger(overlap))
    local p = powers(fn, parts, o, w)
    return axis(o), torch.mean(p, p:dim() - 1):squeeze(p:dim() - 1)
  end

  --- torch.hilbert(x [, n [, dim]])
  --
  --  The analytic signal: x, with its Hilbert transform as imaginary part.
  --
  --  x: real tensor
  --  n: the length of the transform, the line's own by default
  --  dim: the dimension, the last by default
  --  Returns: pairs
  --  From: SciPy
  --  Example:
  --    z = torch.hilbert(torch.Tensor { 1, 0, -1, 0 })
  --    torch.complex.abs(z)[2] --> 1.0
  function torch.hilbert(x, n, dim)
    local fn = "torch.hilbert"
    x = check_signal(fn, x)
    local d = args.dim_of(fn, x:dim(), dim or -1)
    n = check_count(fn, "length", n or x:size(d))
    local z = fft.rfft(x, n, d)
    local weight = torch.ones(n // 2 + 1):fill(2)
    weight[1] = 1
    if n % 2 == 0 then weight[n // 2 + 1] = 1 end
    local shape = {}
    for i = 1, z:dim() do shape[i] = i == d and n // 2 + 1 or 1 end
    return fft.ifft(torch.cmul(z, torch.reshape(weight:typeAs(z), table.unpack(shape))), n, d)
  end
end
