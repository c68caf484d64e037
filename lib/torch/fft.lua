-- fft.lua: Fourier transforms: the table torch.fft, made of torch._fft, _rfft and _irfft.
--
-- Complex numbers are pairs in a last dimension of size 2.  fft, ifft and their relatives take only
-- such tensors; real ones go to rfft, or become pairs through torch.complexPairs.  `dim` never counts
-- the dimension of the pairs.

local raise = require("torch.caller").raise

local scales = {
  backward = { forward = function() return 1 end, inverse = function(n) return 1 / n end },
  ortho = { forward = function(n) return n ^ -0.5 end, inverse = function(n) return n ^ -0.5 end },
  forward = { forward = function(n) return 1 / n end, inverse = function() return 1 end },
}

return function(torch)
  local fft = {}
  local args = require "torch.check"

  -- How many dimensions there are to transform along.
  local function check_dims(fn, x, pairs_in)
    local dims = args.tensor(fn, x):dim()
    if not pairs_in then
      if dims < 1 then raise("%s: at least one dimension is wanted", fn) end
      return dims
    end
    if dims < 2 or x:size(dims) ~= 2 then
      raise("%s: complex numbers are wanted, pairs in a last dimension of size 2 after at least one other; "
        .. "got a tensor of shape %s (torch.complexPairs makes pairs of real numbers, torch.fft.rfft takes "
        .. "them as they are)", fn, table.concat(x.shape, "x"))
    end
    return dims - 1
  end

  local function scale_of(fn, norm, direction, n)
    local scale = scales[norm or "backward"]
    if not scale then
      raise("%s: norm is 'backward', 'ortho' or 'forward', not %s", fn, tostring(norm))
    end
    return scale[direction](n)
  end

  -- One transform along a dimension.  kind: "_fft", "_rfft" or "_irfft"; the direction is for the scale
  -- and, of "_fft", the sign.
  local function along(fn, kind, x, n, dim, norm, direction)
    local d = args.dim_of(fn, check_dims(fn, x, kind ~= "_rfft"), dim or -1)
    if n == nil then n = kind == "_irfft" and 2 * (x:size(d) - 1) or x:size(d) end
    n = args.whole(fn, "length", n, 1)
    return torch[kind](fn, x, n, d, scale_of(fn, norm, direction, n), direction == "inverse")
  end

  local function conj(x)
    if not args.is_float(x) then x = x:to(torch.getDefaultDtype()) end -- bytes have no minus
    return torch.cmul(x, torch.Tensor { 1, -1 }:typeAs(x))
  end

  -- ---- one dimension -------------------------------------------------------------------------------

  --- torch.fft(x [, n [, dim [, norm]]])
  --  torch.fft.fft(x [, n [, dim [, norm]]])
  --  torch.fft.ifft(x [, n [, dim [, norm]]])
  --
  --  The discrete Fourier transform of complex numbers, and its inverse.  torch.fft is also the table
  --  of all transforms.
  --
  --  x: pairs in a last dimension of size 2, of any type; integers and bool are computed with as the
  --    default float type, half floats as float32.  A real tensor is an error: give it to
  --    torch.fft.rfft, or to torch.complexPairs first.
  --  n: the length of the transform, at least 1; the line is cut, or continued with zeros; its own
  --    length by default
  --  dim: the dimension, without counting the pairs; negative counts from the last before them; the
  --    last by default
  --  norm: 'backward' divides the inverse by n, 'forward' the other, 'ortho' both by n's root;
  --    'backward' by default
  --  Returns: pairs, with n at dim
  --  Errors: the last dimension has not size 2; dim, n or norm is none
  --  From: NumPy; mixed radices, and Bluestein's algorithm for prime factors above 31
  --  Example:
  --    z = torch.complexPairs(torch.ones(4))
  --    torch.fft.fft(z)[1][1] --> 4.0
  --    torch.fft.ifft(torch.fft.fft(z))[2][1] --> 1.0
  function fft.fft(x, n, dim, norm)
    return along("torch.fft.fft", "_fft", x, n, dim, norm, "forward")
  end

  function fft.ifft(x, n, dim, norm)
    return along("torch.fft.ifft", "_fft", x, n, dim, norm, "inverse")
  end

  --- torch.fft.rfft(x [, n [, dim [, norm]]])
  --
  --  The transform of real numbers: the first n/2 + 1 numbers, of which the others are the mirror
  --  image.  About half the work of a complex transform when n is even.
  --
  --  x: real tensor of any type
  --  n: the length of the transform, as for torch.fft.fft
  --  dim: the dimension, the last by default
  --  norm: as for torch.fft.fft
  --  Returns: pairs, with n // 2 + 1 at dim
  --  From: NumPy
  --  Example:
  --    torch.fft.rfft(torch.ones(4)):size(1) --> 3
  function fft.rfft(x, n, dim, norm)
    return along("torch.fft.rfft", "_rfft", x, n, dim, norm, "forward")
  end

  --- torch.fft.irfft(x [, n [, dim [, norm]]])
  --
  --  The inverse of torch.fft.rfft.  Imaginary parts that cannot be there, of the first number and for
  --  even n of the last, are ignored.
  --
  --  x: pairs, the first n/2 + 1 numbers
  --  n: the length of the result, 2 (m - 1) for m numbers by default
  --  dim: the dimension, without counting the pairs; the last before them by default
  --  norm: as for torch.fft.fft
  --  Returns: a real tensor with n at dim
  --  From: NumPy
  --  Example:
  --    torch.fft.irfft(torch.fft.rfft(torch.ones(5)), 5)[5] --> 1.0
  function fft.irfft(x, n, dim, norm)
    return along("torch.fft.irfft", "_irfft", x, n, dim, norm, "inverse")
  end

  --- torch.fft.hfft(x [, n [, dim [, norm]]])
  --  torch.fft.ihfft(x [, n [, dim [, norm]]])
  --
  --  hfft transforms a line that is its own conjugate mirror image, given by its first half, to real
  --  numbers; ihfft is the inverse.
  --
  --  x: for hfft pairs, for ihfft a real tensor
  --  n: the length of the whole line; 2 (m - 1) for hfft of m numbers by default
  --  dim: the dimension, without counting pairs; the last by default
  --  norm: as for torch.fft.fft
  --  Returns: a real tensor with n at dim; from ihfft pairs, with n // 2 + 1 there
  --  From: NumPy
  --  Example:
  --    torch.fft.hfft(torch.fft.ihfft(torch.ones(4)))[3] --> 1.0
  function fft.hfft(x, n, dim, norm)
    check_dims("torch.fft.hfft", x, true)
    return along("torch.fft.hfft", "_irfft", conj(x), n, dim, norm, "forward")
  end

  function fft.ihfft(x, n, dim, norm)
    return conj(along("torch.fft.ihfft", "_rfft", x, n, dim, norm, "inverse"))
  end

  -- ---- several dimensions --------------------------------------------------------------------------

  local function list(fn, what, v)
    if v == nil or type(v) == "table" then return v end
    if torch.isStorage(v) then return v:totable() end
    raise("%s: a table of %s is wanted, got a %s", fn, what, type(v))
  end

  -- The dimensions, counted from the front, and the lengths along them (or no table of lengths).
  local function plan(fn, x, sizes, dims, pairs_in)
    local count = check_dims(fn, x, pairs_in)
    sizes, dims = list(fn, "lengths", sizes), list(fn, "dimensions", dims)
    local ds, seen = {}, {}
    if dims then
      for i, d in ipairs(dims) do ds[i] = args.dim_of(fn, count, d) end
    else
      for i = 1, sizes and #sizes or count do ds[i] = count - (sizes and #sizes or count) + i end
      if ds[1] and ds[1] < 1 then raise("%s: %d lengths for %d dimensions", fn, #sizes, count) end
    end
    if #ds == 0 then raise("%s: no dimensions to transform", fn) end
    if sizes and #sizes ~= #ds then raise("%s: %d lengths for %d dimensions", fn, #sizes, #ds) end
    for _, d in ipairs(ds) do
      if seen[d] then raise("%s: dimension %d is there twice", fn, d) end
      seen[d] = true
    end
    return ds, sizes or {}
  end

  local function all(fn, kind, x, sizes, dims, norm, direction)
    local ds, ns = plan(fn, x, sizes, dims, kind ~= "_rfft")
    local last = #ds
    if kind == "_rfft" then
      x = along(fn, kind, x, ns[last], ds[last], norm, direction)
      last = last - 1
    elseif kind == "_irfft" then
      last = last - 1
    end
    for i = last, 1, -1 do x = along(fn, "_fft", x, ns[i], ds[i], norm, direction) end
    if kind == "_irfft" then x = along(fn, kind, x, ns[#ds], ds[#ds], norm, direction) end
    return x
  end

  --- torch.fft.fftn(x [, sizes [, dims [, norm]]])
  --  torch.fft.ifftn(x [, sizes [, dims [, norm]]])
  --  torch.fft.fft2(x [, sizes [, dims [, norm]]])
  --  torch.fft.ifft2(x [, sizes [, dims [, norm]]])
  --
  --  Transforms of complex numbers along several dimensions, and their inverses: along all, or with
  --  fft2 along the last two.
  --
  --  x: pairs
  --  sizes: a table of lengths, one for each of the dimensions; without dims the last ones
  --  dims: a table of dimensions, without counting the pairs
  --  norm: as for torch.fft.fft, for each dimension
  --  Returns: pairs
  --  From: NumPy
  --  Example:
  --    torch.fft.fft2(torch.complexPairs(torch.ones(2, 3)))[1][1][1] --> 6.0
  function fft.fftn(x, sizes, dims, norm)
    return all("torch.fft.fftn", "_fft", x, sizes, dims, norm, "forward")
  end

  function fft.ifftn(x, sizes, dims, norm)
    return all("torch.fft.ifftn", "_fft", x, sizes, dims, norm, "inverse")
  end

  function fft.fft2(x, sizes, dims, norm)
    return all("torch.fft.fft2", "_fft", x, sizes, dims or { -2, -1 }, norm, "forward")
  end

  function fft.ifft2(x, sizes, dims, norm)
    return all("torch.fft.ifft2", "_fft", x, sizes, dims or { -2, -1 }, norm, "inverse")
  end

  --- torch.fft.rfftn(x [, sizes [, dims [, norm]]])
  --  torch.fft.rfft2(x [, sizes [, dims [, norm]]])
  --  torch.fft.irfftn(x [, sizes [, dims [, norm]]])
  --  torch.fft.irfft2(x [, sizes [, dims [, norm]]])
  --
  --  The same for real numbers: rfft along the last of the dimensions, fft along the others; and the
  --  inverses.
  --
  --  x: a real tensor, for the inverses pairs
  --  sizes: the lengths of the real tensor along the dimensions
  --  dims: a table of dimensions; along the last one only half is kept
  --  norm: as for torch.fft.fft
  --  Returns: pairs, from the inverses a real tensor
  --  From: NumPy
  --  Example:
  --    torch.fft.irfft2(torch.fft.rfft2(torch.ones(3, 4)))[3][4] --> 1.0
  function fft.rfftn(x, sizes, dims, norm)
    return all("torch.fft.rfftn", "_rfft", x, sizes, dims, norm, "forward")
  end

  function fft.rfft2(x, sizes, dims, norm)
    return all("torch.fft.rfft2", "_rfft", x, sizes, dims or { -2, -1 }, norm, "forward")
  end

  function fft.irfftn(x, sizes, dims, norm)
    return all("torch.fft.irfftn", "_irfft", x, sizes, dims, norm, "inverse")
  end

  function fft.irfft2(x, sizes, dims, norm)
    return all("torch.fft.irfft2", "_irfft", x, sizes, dims or { -2, -1 }, norm, "inverse")
  end

  -- ---- helpers -------------------------------------------------------------------------------------

  local function frequencies(fn, n, spacing, first, last)
    spacing = spacing or 1
    if type(spacing) ~= "number" or spacing == 0 then
      raise("%s: a spacing other than 0 is wanted, got %s", fn, tostring(spacing))
    end
    local k = torch.arange(first, last + 1):to("float64")
    return torch.div(k, n * spacing)
  end

  --- torch.fft.fftfreq(n [, spacing])
  --  torch.fft.rfftfreq(n [, spacing])
  --
  --  The frequencies that the numbers of a transform of length n stand for, in cycles per unit of the
  --  spacing; rfftfreq those of torch.fft.rfft.
  --
  --  n: the length of the transform
  --  spacing: the distance between samples, 1 by default
  --  Returns: a vector of the default type, of n or n // 2 + 1 numbers
  --  From: NumPy
  --  Example:
  --    torch.fft.fftfreq(4)[3] --> -0.5
  function fft.fftfreq(n, spacing)
    n = args.whole("torch.fft.fftfreq", "length", n, 1)
    local up = frequencies("torch.fft.fftfreq", n, spacing, 0, (n - 1) // 2)
    if n > 1 then up = torch.cat(up, frequencies("torch.fft.fftfreq", n, spacing, -(n // 2), -1), 1) end
    return up:to(torch.getDefaultDtype())
  end

  function fft.rfftfreq(n, spacing)
    n = args.whole("torch.fft.rfftfreq", "length", n, 1)
    return frequencies("torch.fft.rfftfreq", n, spacing, 0, n // 2):to(torch.getDefaultDtype())
  end

  local function shift(fn, x, dims, is_pairs, amount)
    args.tensor(fn, x)
    if is_pairs == nil then is_pairs = x:dim() >= 2 and x:size(x:dim()) == 2 end
    if x:dim() == 0 then return x:clone() end
    local count = check_dims(fn, x, is_pairs)
    if type(dims) == "number" then dims = { dims } end
    dims = list(fn, "dimensions", dims)
    if not dims then
      dims = {}
      for d = 1, count do dims[d] = d end
    end
    local y = x
    for _, dim in ipairs(dims) do
      local d = args.dim_of(fn, count, dim)
      local n = y:size(d)
      local by = amount(n)
      if by > 0 then y = torch.cat(torch.narrow(y, d, n - by + 1, by), torch.narrow(y, d, 1, n - by), d) end
    end
    return rawequal(y, x) and x:clone() or y
  end

  --- torch.fft.fftshift(x [, dims [, pairs]])
  --  torch.fft.ifftshift(x [, dims [, pairs]])
  --
  --  Moves the number of frequency 0 from the front to the middle; ifftshift moves it back.
  --
  --  x: tensor
  --  dims: one dimension or a table of them, without counting pairs; all by default
  --  pairs: whether x holds complex numbers; by default it does when it has two dimensions or more and
  --    the last has size 2, so give false for a real tensor of that shape
  --  Returns: a new tensor of x's shape
  --  From: NumPy
  --  Example:
  --    torch.fft.fftshift(torch.fft.fftfreq(4))[1] --> -0.5
  function fft.fftshift(x, dims, is_pairs)
    return shift("torch.fft.fftshift", x, dims, is_pairs, function(n) return n // 2 end)
  end

  function fft.ifftshift(x, dims, is_pairs)
    return shift("torch.fft.ifftshift", x, dims, is_pairs, function(n)
      return n > 1 and (n + 1) // 2 or 0
    end)
  end

  torch.fft = setmetatable(fft, { __call = function(_, ...) return fft.fft(...) end })
end
