-- complex.lua: complex numbers as pairs.  There is no complex type: a tensor of complex numbers has a
-- last dimension of size 2, the real and the imaginary part.

local raise = require("torch.caller").raise

return function(torch)
  local complex = {}
  local args = require "torch.check"

  local function check(fn, x)
    if args.tensor(fn, x):dim() < 1 or x:size(x:dim()) ~= 2 then
      raise("%s: complex numbers are wanted, pairs in a last dimension of size 2; got a tensor of shape %s",
        fn, table.concat(x.shape, "x"))
    end
  end

  local function parts(fn, x)
    check(fn, x)
    local d = x:dim() -- not by select, which gives plain numbers in Torch7's mode
    return x:narrow(d, 1, 1):squeeze(d), x:narrow(d, 2, 1):squeeze(d)
  end

  local function join(re, im)
    return torch.stack({ re, im }, re:dim() + 1)
  end

  --- torch.complex(re [, im])
  --  torch.complexPairs(re [, im])
  --
  --  Complex numbers from their real and imaginary parts.  torch.complex is also the table of the
  --  functions on such pairs.
  --
  --  re: tensor of real parts
  --  im: tensor or number, the imaginary parts; 0 by default
  --  Returns: a tensor with one more dimension, of size 2, at the end
  --  Errors: the shapes do not broadcast
  --  Example:
  --    torch.complexPairs(torch.ones(3), 2)[1][2] --> 2.0
  function torch.complexPairs(re, im)
    args.tensor("torch.complexPairs", re)
    if im == nil or type(im) == "number" then im = torch.add(torch.mul(re, 0), im or 0) end
    if not torch.isTensor(im) then
      raise("torch.complexPairs: a tensor or a number is wanted as imaginary part, got a %s", type(im))
    end
    local zero = torch.mul(re, 0):detach()
    return join(torch.add(re, torch.mul(im, 0):detach()), torch.add(zero, im))
  end

  --- torch.complex.real(z)
  --  torch.complex.imag(z)
  --
  --  The real or the imaginary parts.
  --
  --  z: pairs
  --  Returns: a view without the last dimension
  --  Example:
  --    torch.complex.imag(torch.Tensor { 3, 4 }):item() --> 4.0
  function complex.real(z)
    return (parts("torch.complex.real", z))
  end

  function complex.imag(z)
    local _, im = parts("torch.complex.imag", z)
    return im
  end

  --- torch.complex.conj(z)
  --
  --  The conjugate: the imaginary parts change their sign.
  --
  --  z: pairs
  --  Returns: pairs
  --  Example:
  --    torch.complex.conj(torch.Tensor { 3, 4 })[2] --> -4.0
  function complex.conj(z)
    check("torch.complex.conj", z)
    return torch.cmul(z, torch.Tensor { 1, -1 }:typeAs(z))
  end

  --- torch.complex.mul(a, b)
  --
  --  The product of complex numbers, place by place.
  --
  --  a: pairs
  --  b: pairs whose shape broadcasts with a's, or a number
  --  Returns: pairs
  --  Example:
  --    i = torch.Tensor { 0, 1 }
  --    torch.complex.mul(i, i)[1] --> -1.0
  function complex.mul(a, b)
    local ar, ai = parts("torch.complex.mul", a)
    if type(b) == "number" then return torch.mul(a, b) end
    local br, bi = parts("torch.complex.mul", b)
    return join(torch.cmul(ar, br) - torch.cmul(ai, bi), torch.cmul(ar, bi) + torch.cmul(ai, br))
  end

  --- torch.complex.div(a, b)
  --
  --  The quotient of complex numbers, place by place.
  --
  --  a: pairs
  --  b: pairs whose shape broadcasts with a's, or a number
  --  Returns: pairs
  --  Example:
  --    torch.complex.div(torch.Tensor { 1, 0 }, torch.Tensor { 0, 1 })[2] --> -1.0
  function complex.div(a, b)
    local ar, ai = parts("torch.complex.div", a)
    if type(b) == "number" then return torch.div(a, b) end
    local br, bi = parts("torch.complex.div", b)
    -- b's larger part becomes 1, so that no square leaves the range of numbers.
    local size = torch.cmax(torch.abs(br), torch.abs(bi)):detach()
    br, bi = torch.cdiv(br, size), torch.cdiv(bi, size)
    local square = torch.cmul(torch.square(br) + torch.square(bi), size)
    return join(torch.cdiv(torch.cmul(ar, br) + torch.cmul(ai, bi), square),
      torch.cdiv(torch.cmul(ai, br) - torch.cmul(ar, bi), square))
  end

  --- torch.complex.abs(z)
  --
  --  The absolute values.  At 0, where there is no derivative, a gradient of 0 is taken.
  --
  --  z: pairs of a float type
  --  Returns: a real tensor without the last dimension
  --  Example:
  --    torch.complex.abs(torch.Tensor { 3, 4 }):item() --> 5.0
  function complex.abs(z)
    check("torch.complex.abs", args.float_tensor("torch.complex.abs", z))
    return torch.norm(z, 2, z:dim()):squeeze(z:dim())
  end

  --- torch.complex.abs2(z)
  --
  --  The squares of the absolute values.
  --
  --  z: pairs
  --  Returns: a real tensor without the last dimension
  --  Example:
  --    torch.complex.abs2(torch.Tensor { 3, 4 }):item() --> 25.0
  function complex.abs2(z)
    local re, im = parts("torch.complex.abs2", z)
    return torch.square(re) + torch.square(im)
  end

  --- torch.complex.angle(z)
  --
  --  The angles with the positive real axis.
  --
  --  z: pairs of a float type
  --  Returns: a real tensor without the last dimension, from -pi to pi
  --  Example:
  --    torch.complex.angle(torch.DoubleTensor { 0, 2 }):item() == math.pi / 2 --> true
  function complex.angle(z)
    local re, im = parts("torch.complex.angle", z)
    return torch.atan2(im, re)
  end

  --- torch.complex.polar(size, angle)
  --
  --  Complex numbers by absolute value and angle.
  --
  --  size: tensor, or a number
  --  angle: tensor whose shape broadcasts with size's
  --  Returns: pairs
  --  Example:
  --    torch.complex.polar(2, torch.zeros(1))[1][1] --> 2.0
  function complex.polar(size, angle)
    if not torch.isTensor(angle) or not (torch.isTensor(size) or type(size) == "number") then
      raise("torch.complex.polar: a tensor of angles is wanted, after a tensor or number for the size")
    end
    local times = type(size) == "number" and torch.mul or torch.cmul
    return join(times(torch.cos(angle), size), times(torch.sin(angle), size))
  end

  --- torch.complex.exp(z)
  --  torch.complex.log(z)
  --  torch.complex.sqrt(z)
  --
  --  The exponential function, the logarithm and the square root, the last two by their principal
  --  values: the logarithm's imaginary part is an angle from -pi to pi, the root's angle half of it.
  --
  --  z: pairs of a float type
  --  Returns: pairs
  --  Example:
  --    torch.complex.exp(torch.zeros(2))[1] --> 1.0
  function complex.exp(z)
    local re, im = parts("torch.complex.exp", z)
    return complex.polar(torch.exp(re), im)
  end

  function complex.log(z)
    check("torch.complex.log", z)
    return join(torch.log(complex.abs(z)), complex.angle(z))
  end

  function complex.sqrt(z)
    check("torch.complex.sqrt", z)
    return complex.polar(torch.sqrt(complex.abs(z)), torch.div(complex.angle(z), 2))
  end

  torch.complex = setmetatable(complex, { __call = function(_, ...) return torch.complexPairs(...) end })
end
