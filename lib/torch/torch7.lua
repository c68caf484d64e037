-- torch7.lua: names that Torch7 has and the C functions lack: short compositions, generators of random
-- numbers as objects, and what only exists so that old scripts run.

return function(torch)
  local function each_class(f)
    for name, mt in pairs(torch._metatables) do
      if name:match("^torch%.%w+Tensor$") then f(mt) end
    end
  end

  -- y, or the result tensor with y's elements.
  local function into(res, y)
    if not res then return y end
    return res:resize(y:size()):copy(y)
  end

  -- ---- products --------------------------------------------------------------------------------------

  local function three_dim(x)
    for d = 1, x:dim() do
      if x:size(d) == 3 then return d end
    end
    error("torch.cross: no dimension of size 3", 3)
  end

  --- The cross product of vectors of three elements: torch.cross([res,] a, b [, dim]), along the first
  -- dimension of size 3 unless another is given.
  function torch.cross(a, b, ...)
    local res, dim = nil, ...
    if torch.isTensor(dim) then res, a, b, dim = a, b, ... end
    dim = dim or three_dim(a)
    if a:size(dim) ~= 3 or b:size(dim) ~= 3 then
      error(("torch.cross: dimension %d has sizes %d and %d, wanted 3"):format(dim, a:size(dim),
        b:size(dim)), 2)
    end
    local second, third = torch.LongTensor { 2, 3, 1 }, torch.LongTensor { 3, 1, 2 }
    return into(res, torch.cmul(a:index(dim, second), b:index(dim, third))
      - torch.cmul(a:index(dim, third), b:index(dim, second)))
  end

  --- Squared distances between rows: torch.match([res,] a, b [, scale]) has at [i][j] the scale, 1 by
  -- default, times the squared distance of a[i] and b[j].
  function torch.match(a, b, ...)
    local res, scale = nil, ...
    if torch.isTensor(scale) then res, a, b, scale = a, b, ... end
    local n, m = a:size(1), b:size(1)
    local size = a:nElement() // n
    local left = torch.expand(torch.reshape(a, n, 1, size), n, m, size)
    local right = torch.expand(torch.reshape(b, 1, m, size), n, m, size)
    local squares = torch.reshape(torch.sum(torch.square(left - right), 3), n, m)
    return into(res, torch.mul(squares, scale or 1))
  end

  -- ---- counting --------------------------------------------------------------------------------------

  -- How many elements of each row of x fall into each of `bins` equal parts of lo..hi.
  local function count(x, bins, lo, hi)
    bins, lo, hi = bins or 100, lo or 0, hi or 0
    if bins < 1 then error("torch.histc: at least one bin is wanted", 3) end
    local values = x:detach():double()
    if lo == hi then lo, hi = values:min(), values:max() end
    if lo == hi then lo, hi = lo - 1, hi + 1 end
    if lo > hi then error(("torch.histc: bins from %g to %g"):format(lo, hi), 3) end
    local inside = torch.cmul(torch.ge(values, lo), torch.le(values, hi))
    local place = torch.floor((values - lo) * (bins / (hi - lo))) + 1
    place:clamp(1, bins):maskedFill(torch.eq(inside:byte(), 0), bins + 1)
    local counts = torch.DoubleTensor(x:size(1), bins + 1):zero()
    counts:scatterAdd(2, place:long(), torch.DoubleTensor(x:size()):fill(1))
    return counts:narrow(2, 1, bins):clone():typeAs(x)
  end

  --- How many elements of x fall into each of some bins of equal width:
  -- torch.histc([res,] x [, bins, lo, hi]); 100 bins from the smallest to the largest by default.
  -- Example: torch.histc(torch.Tensor { 1, 2, 2 }, 2, 1, 2) --> 1, 2
  function torch.histc(x, ...)
    if torch.isTensor((...)) then return into(x, torch.histc(...)) end
    return count(torch.reshape(x, 1, x:nElement()), ...):view(-1)
  end

  --- torch.histc of each row of a matrix: torch.bhistc([res,] x [, bins, lo, hi]).
  function torch.bhistc(x, ...)
    if torch.isTensor((...)) then return into(x, torch.bhistc(...)) end
    if x:dim() ~= 2 then
      error(("torch.bhistc: a matrix is wanted, got %d dimensions"):format(x:dim()), 2)
    end
    return count(x, ...)
  end

  -- ---- norms -----------------------------------------------------------------------------------------

  -- x with each slice along dim scaled down to a p-norm of at most `most`.
  local function renorm(x, p, dim, most)
    if x:dim() < 2 then error("torch.renorm: at least two dimensions are wanted", 3) end
    local n = x:size(dim)
    local lines = torch.reshape(torch.transpose(x, 1, dim):contiguous(), n, x:nElement() // n)
    local norms = torch.norm(lines, p, 2)
    local sizes = {}
    for d = 1, x:dim() do sizes[d] = d == dim and n or 1 end
    local shrink = torch.where(torch.gt(norms, most), most / (norms + 1e-7), 1)
    return torch.cmul(x, torch.expand(torch.reshape(shrink, table.unpack(sizes)), x:size()))
  end

  --- Scales each slice of x along a dimension down to a p-norm of at most `most`:
  -- torch.renorm([res,] x, p, dim, most); x:renorm(p, dim, most) changes x.
  function torch.renorm(x, ...)
    if torch.isTensor((...)) then return into(x, renorm(...)) end
    return renorm(x, ...)
  end

  local function renorm_method(x, ...)
    if torch.isTensor((...)) then return into(x, renorm(...)) end
    return x:copy(renorm(x, ...))
  end

  -- ---- generators ------------------------------------------------------------------------------------

  local Generator = torch.class("torch.Generator", torch)

  --- A generator of random numbers of its own, with a random seed.  Functions that draw numbers take one
  -- before their other arguments: torch.rand(generator, 2, 3), x:normal(generator, 0, 1).
  function Generator:__init()
    local saved = torch.getRNGState()
    torch.seed()
    self.state = torch.getRNGState()
    torch.setRNGState(saved)
  end

  --- Writes the generator's state to a file, and reads it again.
  function Generator:write(file)
    file:writeObject(self.state)
  end

  function Generator:read(file)
    self.state = file:readObject()
  end

  --- multinomialAliasSetup with the two parts of the table apart: fills places and chances, or makes them.
  function torch.multinomialAliasSetup_(probs, places, chances)
    local state = torch.multinomialAliasSetup(probs, places and { places, chances })
    return state[1], state[2]
  end

  --- multinomialAlias with the two parts of the table apart.
  function torch.multinomialAlias_(output, places, chances)
    return torch.multinomialAlias(output, { places, chances })
  end

  -- ---- objects ---------------------------------------------------------------------------------------

  --- Whether both are the same object in memory: one tensor or storage, whatever Lua values lead to it.
  -- torch.equal compares elements.
  function torch.isequal(a, b)
    return rawequal(a, b) or (type(a) == "userdata" and type(b) == "userdata"
      and torch.typename(a) == torch.typename(b) and torch.pointer(a) == torch.pointer(b))
  end

  local environments = setmetatable({}, { __mode = "k" })

  --- The table that belongs to an object, made at first use.
  function torch.getenv(object)
    environments[object] = environments[object] or {}
    return environments[object]
  end

  --- Makes a table the one that torch.getenv gives for an object.
  function torch.setenv(object, env)
    if type(env) ~= "table" then error("torch.setenv: a table is wanted, got " .. type(env), 2) end
    environments[object] = env
  end

  -- ---- what old scripts call -------------------------------------------------------------------------

  --- A tensor of the default type: sizes, a table of numbers, a storage or another tensor.  The methods
  -- of that type are its fields.
  -- Example: torch.Tensor(2, 3):zero():nElement() --> 6
  torch.Tensor = setmetatable({}, {
    __call = torch.Tensor.__construct,
    __index = function(_, key) return torch._metatables[torch.getdefaulttensortype()][key] end,
    __newindex = function(_, key, value)
      torch._metatables[torch.getdefaulttensortype()][key] = value
    end,
  })

  --- The folder that a package's Lua file is in; without a name, the search path.
  function torch.packageLuaPath(name)
    if not name then return package.path end
    local file, tried = package.searchpath(name, package.path)
    if not file then error(("torch.packageLuaPath: no package '%s':%s"):format(name, tried), 2) end
    return file:match("^(.*)[/\\]") or "."
  end

  --- Runs a file of a package's folder.
  function torch.include(name, file)
    return dofile(torch.packageLuaPath(name) .. "/" .. file)
  end

  --- Whether a file, or the standard output, is a terminal.
  function torch.isatty(file)
    return require("xlua._terminal").isatty(file)
  end

  --- Torch7's own tests belong to its sources; Cresset's are run by `make test`.
  function torch.test()
    error("torch.test: the tests are run from the source tree, by `make test`", 2)
  end

  --- Do nothing: an interpreter's threads share what these once renewed.
  function torch.updateerrorhandlers() end
  torch.updatethreadlocals = torch.updateerrorhandlers

  --- Does nothing: the collector always counts the bytes of tensors here.
  function torch.setheaptracking(on)
    torch._heaptracking = on and true or false
  end

  -- Pointers for LuaJIT's FFI, which this Lua does not have.
  local function no_pointer(name)
    return function()
      error(name .. ": there are no FFI pointers outside LuaJIT; use x:storage(), x:apply or indices", 2)
    end
  end

  --- Not available: a pointer for LuaJIT's FFI.
  torch.data = no_pointer("data")
  --- Not available: a pointer for LuaJIT's FFI.
  torch.cdata = no_pointer("cdata")
  --- Not available: an object from a pointer of LuaJIT's FFI.
  torch.pushudata = no_pointer("pushudata")
  --- Not available: a class's type for LuaJIT's FFI.
  torch.metatype = no_pointer("metatype")

  -- References are counted without the script's help.
  local function retain() end

  for name, mt in pairs(torch._metatables) do
    if name:match("^torch%.%w+Storage$") then
      mt.data, mt.cdata, mt.retain, mt.free = torch.data, torch.cdata, retain, retain
    end
  end

  --- The tensor converted to the default type.
  local function real(x)
    return x:type(torch.getdefaulttensortype())
  end

  -- Torch7's spellings of the events of tensors, for scripts that call or replace them.
  local events = { "add", "sub", "mul", "div", "mod", "unm", "len", "tostring", "newindex" }

  each_class(function(mt)
    for _, event in ipairs(events) do rawset(mt, "__" .. event .. "__", mt["__" .. event]) end
    for _, name in ipairs { "cross", "match", "histc", "bhistc", "data", "cdata", "multinomialAliasSetup_",
      "multinomialAlias_" } do
      mt[name] = torch[name]
    end
    mt.renorm = renorm_method
    mt.real = real
    mt.retain = retain
  end)
end
