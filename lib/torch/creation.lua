-- creation.lua: tensors made by a rule: torch.geomspace, torch.tri, torch.fromfunction, torch.identity.

local raise = require("torch.caller").raise

return function(torch)
  local check = require "torch.check"

  --- torch.geomspace(from, to [, n])
  --
  --  Numbers at equal ratios, both ends included exactly.
  --
  --  from: number other than 0
  --  to: number of the same sign
  --  n: how many, 50 by default
  --  Returns: a vector of the default type
  --  From: NumPy
  --  Example:
  --    torch.geomspace(1, 8, 4)[3] --> 4.0
  function torch.geomspace(from, to, n)
    local fn = "torch.geomspace"
    if type(from) ~= "number" or type(to) ~= "number" then raise("%s: two numbers are wanted", fn) end
    if (from < 0) ~= (to < 0) or from == 0 or to == 0 or from ~= from or to ~= to then
      raise("%s: from %g to %g: numbers of one sign, other than 0, are wanted", fn, from, to)
    end
    n = check.whole(fn, "number of points", n or 50, 0)
    if n == 0 then return torch.empty(0) end
    local sign = from < 0 and -1 or 1
    local logs = torch.zeros(n, "float64")
    torch.linspace(logs, math.log(from * sign), math.log(to * sign), n)
    local y = torch.mul(torch.exp(logs), sign)
    y[1] = from
    if n > 1 then y[n] = to end
    return y:to(torch.getDefaultDtype())
  end

  --- torch.tri(n [, m [, k [, type]]])
  --
  --  A matrix with ones on and below a diagonal, zeros above it.
  --
  --  n: rows
  --  m: columns, n by default
  --  k: the diagonal, 0 by default; positive ones lie above the main one
  --  type: name of a type, the default type otherwise
  --  Returns: n by m
  --  From: NumPy
  --  Example:
  --    torch.tri(3):sum() --> 6.0
  function torch.tri(n, m, k, dtype)
    local fn = "torch.tri"
    n = check.whole(fn, "size", n, 0)
    m = check.whole(fn, "size", m or n, 0)
    local ones = torch.ones(n, m, check.type_name(fn, dtype) or torch.getdefaulttensortype())
    return torch.tril(ones, check.whole(fn, "diagonal", k or 0))
  end

  --- torch.identity(n [, type])
  --
  --  The square matrix with ones on the diagonal.
  --
  --  n: rows and columns
  --  type: name of a type, the default type otherwise
  --  Returns: n by n
  --  From: NumPy
  --  Example:
  --    torch.identity(3):sum() --> 3.0
  function torch.identity(n, dtype)
    local fn = "torch.identity"
    return torch.eye(check.whole(fn, "size", n, 0)):type(check.type_name(fn, dtype)
      or torch.getdefaulttensortype())
  end

  --- torch.fromfunction(f, sizes [, type])
  --
  --  f of the places: it is called once, with one tensor a dimension that holds at each place its
  --  number along that dimension, from 1.
  --
  --  f: function of as many tensors as there are sizes
  --  sizes: table or LongStorage
  --  type: the places' type, the default type otherwise
  --  Returns: what f returns
  --  From: NumPy
  --  Example:
  --    torch.fromfunction(function(i, j) return i * 10 + j end, { 2, 3 })[2][3] --> 23.0
  function torch.fromfunction(f, sizes, dtype)
    local fn = "torch.fromfunction"
    if type(f) ~= "function" then raise("%s: a function is wanted, got a %s", fn, type(f)) end
    sizes = check.new_sizes(fn, sizes)
    if #sizes == 0 then raise("%s: at least one size is wanted", fn) end
    local kind = check.type_name(fn, dtype) or torch.getdefaulttensortype()
    local places = {}
    for d, size in ipairs(sizes) do
      local one = {}
      for i = 1, #sizes do one[i] = i == d and size or 1 end
      local line = torch.arange(1, size + 1):type(kind)
      places[d] = torch.expand(torch.reshape(line, table.unpack(one)), table.unpack(sizes))
    end
    return f(table.unpack(places))
  end
end
