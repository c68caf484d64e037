-- windows.lua: window functions for spectra: torch.hannWindow and so on.

local raise = require("torch.caller").raise

return function(torch)
  local args = require "torch.check"

  -- The length, the length that the formula takes, and the type's name.
  local function check(fn, n, periodic, dtype)
    local whole = args.whole(fn, "length", n, 0)
    return whole, (periodic == nil or periodic) and whole + 1 or whole, args.type_name(fn, dtype)
  end

  -- f of the places 0, 1, .. n - 1 as part of a window of `full` points.
  local function window(n, full, dtype, f)
    local w
    if n == 0 then
      w = torch.zeros({ 0 }, "float64")
    elseif n == 1 then
      w = torch.ones({ 1 }, "float64")
    else
      w = f(torch.arange(0, n):to("float64"), full - 1)
    end
    return dtype and w:type(dtype) or w:to(torch.getDefaultDtype())
  end

  local function cosines(name, ...)
    local weights = { ... }
    torch[name] = function(n, periodic, dtype)
      local size, full, kind = check("torch." .. name, n, periodic, dtype)
      return window(size, full, kind, function(i, last)
        local w = torch.add(torch.mul(i, 0), weights[1])
        for k = 2, #weights do
          w:add(weights[k], torch.cos(torch.mul(i, 2 * math.pi * (k - 1) / last)))
        end
        return w
      end)
    end
  end

  --- torch.hannWindow(n [, periodic [, type]])
  --  torch.hammingWindow(n [, periodic [, type]])
  --  torch.blackmanWindow(n [, periodic [, type]])
  --  torch.bartlettWindow(n [, periodic [, type]])
  --
  --  Windows of raised cosines (Hann, Hamming, Blackman) and the triangle (Bartlett).
  --
  --  n: how many points
  --  periodic: true, the default, for a window of n + 1 points without the last, as spectra want it;
  --    false for a symmetric one
  --  type: name of a float type, the default type otherwise
  --  Returns: a vector
  --  From: PyTorch
  --  Example:
  --    torch.hannWindow(4)[3] --> 1.0
  --    torch.bartlettWindow(5, false)[2] --> 0.5
  cosines("hannWindow", 0.5, -0.5)
  cosines("hammingWindow", 0.54, -0.46)
  cosines("blackmanWindow", 0.42, -0.5, 0.08)

  function torch.bartlettWindow(n, periodic, dtype)
    local size, full, kind = check("torch.bartlettWindow", n, periodic, dtype)
    return window(size, full, kind, function(i, last)
      return torch.add(torch.mul(torch.abs(torch.add(torch.mul(i, 2 / last), -1)), -1), 1)
    end)
  end

  -- The modified Bessel function of order 0 by its power series, all of whose terms are positive.
  local function bessel_i0(x)
    local quarter = torch.div(torch.square(x), 4)
    local term, sum = torch.add(torch.mul(x, 0), 1), torch.add(torch.mul(x, 0), 1)
    for k = 1, 2000 do
      term = torch.div(torch.cmul(term, quarter), k * k)
      sum:add(term)
      if torch.cdiv(term, sum):max() < 1e-17 then break end
    end
    return sum
  end

  --- torch.kaiserWindow(n [, periodic [, beta [, type]]])
  --
  --  The Kaiser window: a Bessel function of order 0 along a half circle.
  --
  --  n: how many points
  --  periodic: as for torch.hannWindow
  --  beta: its shape, from 0 (constant) to 500; 12 by default
  --  type: name of a float type, the default type otherwise
  --  Returns: a vector
  --  From: PyTorch
  --  Example:
  --    torch.kaiserWindow(5, false)[3] --> 1.0
  function torch.kaiserWindow(n, periodic, beta, dtype)
    beta = beta or 12
    if type(beta) ~= "number" or not (beta >= 0 and beta <= 500) then
      raise("torch.kaiserWindow: a beta from 0 to 500 is wanted, got %s", tostring(beta))
    end
    local size, full, kind = check("torch.kaiserWindow", n, periodic, dtype)
    return window(size, full, kind, function(i, last)
      local across = torch.add(torch.mul(i, 2 / last), -1)
      local circle = torch.clamp(torch.add(torch.mul(torch.square(across), -1), 1), 0, 1)
      local top = bessel_i0(torch.DoubleTensor { beta })[1]
      return torch.div(bessel_i0(torch.mul(torch.sqrt(circle), beta)), top)
    end)
  end
end
