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

  --- torch.cross([res,] a, b [, dim]); x:cross(b [, dim])
  --
  -- The cross product of vectors of three elements.  Differentiable.
  --
  -- res: tensor for the result; resized
  -- a, b: tensors of one shape
  -- dim: the dimension of size 3 that the vectors lie along; the first such one by default
  -- Returns: a new tensor, or res
  -- Errors: the dimension has another size, or none has size 3
  -- From: Torch7
  -- Example:
  --   torch.cross(torch.Tensor { 1, 0, 0 }, torch.Tensor { 0, 1, 0 })[3] --> 1.0
  function torch.cross(a, b, ...)
    local res, dim = nil, ...
    if torch.isTensor(dim) then res, a, b, dim = a, b, ... end
    dim = dim or three_dim(a)
    if a:size(dim) ~= 3 or b:size(dim) ~= 3 then
      error(("torch.cross: dimension %d has sizes %d and %d, wanted 3"):format(dim, a:size(dim),
        b:size(dim)), 2)
    end
    return into(res, torch._cross(a, b, dim - a:dim() - 1))
  end

  --- torch.match([res,] a, b [, scale]); x:match(b [, scale])
  --
  -- Squared distances between rows: at [i][j] the scale times that of a[i] and b[j].  Differentiable.
  --
  -- res: tensor for the result; resized
  -- a, b: tensors n x .. and m x .. with as many elements in a row
  -- scale: number, 1 by default
  -- Returns: a new tensor n x m, or res
  -- From: Torch7
  -- Example:
  --   torch.match(torch.zeros(1, 2), torch.ones(3, 2)):sum() --> 6.0
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
    local values = x:detach():to("float64")
    if lo == hi then lo, hi = values:min(), values:max() end
    if lo == hi then lo, hi = lo - 1, hi + 1 end
    if lo > hi then error(("torch.histc: bins from %g to %g"):format(lo, hi), 3) end
    local inside = torch.cmul(torch.ge(values, lo), torch.le(values, hi))
    local place = torch.floor((values - lo) * (bins / (hi - lo))) + 1
    place:clamp(1, bins):maskedFill(torch.eq(inside:to("uint8"), 0), bins + 1)
    local counts = values.new(x:size(1), bins + 1):zero()
    counts:scatterAdd(2, place:to("int64"), torch.onesLike(values))
    return counts:narrow(2, 1, bins):clone():typeAs(x)
  end

  --- torch.histc([res,] x [, bins [, lo, hi]]); x:histc([bins [, lo, hi]])
  -- torch.bhistc([res,] x [, bins [, lo, hi]]); x:bhistc([bins [, lo, hi]])
  --
  -- How many elements of x, or of each row of a matrix, fall into each of some bins of equal width.
  --
  -- res: tensor for the result; resized
  -- x: tensor, for bhistc a matrix
  -- bins: how many, 100 by default
  -- lo, hi: numbers: the ends of the bins; by default the smallest and the largest element
  -- Returns: a vector, for bhistc a matrix with a row for each of x, of x's type; or res
  -- Errors: there is no bin; lo is greater than hi; bhistc: x is no matrix
  -- From: Torch7
  -- Example:
  --   table.concat(torch.histc(torch.Tensor { 1, 2, 2 }, 2, 1, 2):totable(), " ") --> 1.0 2.0
  --   torch.bhistc(torch.ones(3, 4), 2, 0, 1)[3][2] --> 4.0
  function torch.histc(x, ...)
    if torch.isTensor((...)) then return into(x, torch.histc(...)) end
    return count(torch.reshape(x, 1, x:nElement()), ...):view(-1)
  end

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

  --- torch.renorm([res,] x, p, dim, most); x:renorm(p, dim, most)
  --
  -- Scales each slice of x along a dimension down to a p-norm of at most `most`.  The method changes x.
  -- Differentiable.
  --
  -- res: tensor for the result; resized
  -- x: tensor of a float type and at least two dimensions
  -- p: number
  -- dim: 1 to x:dim()
  -- most: number
  -- Returns: a new tensor, res or x
  -- Errors: x has fewer than two dimensions
  -- From: Torch7
  -- Example:
  --   torch.renorm(torch.Tensor { { 3, 4 }, { 0, 1 } }, 2, 1, 1):norm() < 1.5 --> true
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

  --- A source of random numbers of its own, with a random seed.  Functions that draw numbers take one
  -- before their other arguments: torch.rand(generator, 2, 3), x:normal(generator, 0, 1).
  --
  -- Returns: a torch.Generator
  -- From: Torch7
  -- Example:
  --   generator = torch.Generator()
  --   torch.manualSeed(generator, 3)
  --   torch.initialSeed(generator) --> 3
  function Generator:__init()
    local saved = torch.getRNGState()
    torch.seed()
    self.state = torch.getRNGState()
    torch.setRNGState(saved)
  end

  --- generator:write(file); generator:read(file)
  --
  -- Writes a generator's state to a file, and reads it again; for file:writeObject and readObject.
  --
  -- file: torch.File
  -- Example:
  --   generator = torch.Generator()
  --   torch.manualSeed(generator, 3)
  --   torch.initialSeed(torch.deserialize(torch.serialize(generator))) --> 3
  function Generator:write(file)
    file:writeObject(self.state)
  end

  function Generator:read(file)
    self.state = file:readObject()
  end

  --- torch.multinomialAliasSetup_(probs [, places, chances])
  -- torch.multinomialAlias_(output, places, chances)
  --
  -- torch.multinomialAliasSetup and multinomialAlias with the two parts of the table apart.
  --
  -- probs: vector of weights
  -- places, chances: tensors: the parts
  -- output: LongTensor, which is filled with places drawn
  -- Returns: the two parts; output
  -- From: Torch7
  -- Example:
  --   places, chances = torch.multinomialAliasSetup_(torch.Tensor { 0, 1 })
  --   torch.multinomialAlias_(torch.LongTensor(2), places, chances):sum() --> 4
  function torch.multinomialAliasSetup_(probs, places, chances)
    local state = torch.multinomialAliasSetup(probs, places and { places, chances })
    return state[1], state[2]
  end

  function torch.multinomialAlias_(output, places, chances)
    return torch.multinomialAlias(output, { places, chances })
  end

  -- ---- objects ---------------------------------------------------------------------------------------

  --- Whether both are the same object in memory: one tensor or storage, whatever Lua values lead to it.
  -- torch.equal compares elements.
  --
  -- a, b: any values
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   x = torch.zeros(2)
  --   torch.isequal(x:storage(), x:storage()), torch.isequal(x, x:clone()) --> true false
  function torch.isequal(a, b)
    return rawequal(a, b) or (type(a) == "userdata" and type(b) == "userdata"
      and torch.typename(a) == torch.typename(b) and torch.pointer(a) == torch.pointer(b))
  end

  local environments = setmetatable({}, { __mode = "k" })

  --- torch.getenv(object); torch.setenv(object, env)
  --
  -- A table that belongs to an object, made at first use; setenv puts another one in its place.
  --
  -- object: any value but nil
  -- env: table
  -- Returns: getenv: the table
  -- Errors: setenv: env is no table
  -- From: Torch7
  -- Example:
  --   x = torch.zeros(1)
  --   torch.getenv(x).note = "first"
  --   torch.getenv(x).note --> first
  function torch.getenv(object)
    environments[object] = environments[object] or {}
    return environments[object]
  end

  function torch.setenv(object, env)
    if type(env) ~= "table" then error("torch.setenv: a table is wanted, got " .. type(env), 2) end
    environments[object] = env
  end

  -- ---- what old scripts call -------------------------------------------------------------------------

  --- torch.Tensor([...])
  --
  -- A tensor of the default type, from sizes, a table of numbers, a storage or another tensor, as
  -- torch.FloatTensor(..) makes it.  The methods of that type are its fields.
  --
  -- Returns: a tensor
  -- From: Torch7
  -- Example:
  --   torch.Tensor(2, 3):zero():nElement() --> 6
  torch.Tensor = setmetatable({}, {
    __call = torch.Tensor.__construct,
    __index = function(_, key) return torch._metatables[torch.getdefaulttensortype()][key] end,
    __newindex = function(_, key, value)
      torch._metatables[torch.getdefaulttensortype()][key] = value
    end,
  })

  --- torch.packageLuaPath([name]); torch.include(name, file)
  --
  -- The folder that a package's Lua file is in; runs a file of that folder.
  --
  -- name: string, as for require; without it the search path is returned
  -- file: name of the file
  -- Returns: a string; what the file returns
  -- Errors: there is no such package or file
  -- From: Torch7
  -- Example:
  --   torch.packageLuaPath() == package.path --> true
  function torch.packageLuaPath(name)
    if not name then return package.path end
    local file, tried = package.searchpath(name, package.path)
    if not file then error(("torch.packageLuaPath: no package '%s':%s"):format(name, tried), 2) end
    return file:match("^(.*)[/\\]") or "."
  end

  function torch.include(name, file)
    return dofile(torch.packageLuaPath(name) .. "/" .. file)
  end

  --- torch.isatty([file])
  --
  -- Whether a file is a terminal.
  --
  -- file: open Lua file; the standard output by default
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   file = io.open("a.txt", "w")
  --   torch.isatty(file) --> false
  function torch.isatty(file)
    return require("xlua._terminal").isatty(file)
  end

  --- Torch7's own tests belong to its sources; Cresset's are run by `make test`.
  --
  -- Errors: always
  -- Example:
  --   (pcall(torch.test)) --> false
  function torch.test()
    error("torch.test: the tests are run from the source tree, by `make test`", 2)
  end

  --- torch.updateerrorhandlers(); torch.updatethreadlocals(); torch.setheaptracking(on)
  --
  -- Do nothing: the threads of an interpreter share what the first two renewed, and the collector always
  -- counts the bytes of tensors.
  --
  -- on: true or false
  -- Example:
  --   torch.setheaptracking(true)
  function torch.updateerrorhandlers() end
  torch.updatethreadlocals = torch.updateerrorhandlers

  function torch.setheaptracking(on)
    torch._heaptracking = on and true or false
  end

  -- Pointers for LuaJIT's FFI, which this Lua does not have.
  local function no_pointer(name)
    return function()
      error(name .. ": there are no FFI pointers outside LuaJIT; use x:storage(), x:apply or indices", 2)
    end
  end

  --- torch.cdata(x); x:cdata(); torch.pushudata(pointer, name)
  -- torch.metatype(name, ctype)
  --
  -- Not available: these are for pointers of LuaJIT's FFI.
  --
  -- x: tensor or storage
  -- pointer, name, ctype: anything
  -- Errors: always
  -- Example:
  --   (pcall(torch.cdata, torch.zeros(1))) --> false
  torch.cdata = no_pointer("cdata")
  torch.pushudata = no_pointer("pushudata")
  torch.metatype = no_pointer("metatype")

  -- torch.data's addresses, used as pointers.  All light userdata have one metatable.
  local address = torch.data(torch.zeros(1))
  if not debug.getmetatable(address) then
    local refuse = no_pointer("data")
    debug.setmetatable(address, { __index = refuse, __newindex = refuse, __add = refuse, __sub = refuse })
  end

  --- x:retain(); storage:retain(); storage:free()
  --
  -- Do nothing: references are counted without the script's help.
  --
  -- Example:
  --   torch.zeros(1):storage():retain()
  local function retain() end

  for name, mt in pairs(torch._metatables) do
    if name:match("^torch%.%w+Storage$") then
      mt.data, mt.cdata, mt.retain, mt.free = torch.data, torch.cdata, retain, retain
    end
  end

  --- x:real()
  --
  -- x converted to the default type; x itself when it has it.  Differentiable.
  --
  -- Returns: a tensor
  -- From: Torch7
  -- Example:
  --   torch.LongTensor { 1 }:real():type() == torch.getdefaulttensortype() --> true
  local function real(x)
    return x:to(torch.getDefaultDtype())
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

  -- Torch7's scripts change parameters and measure them between the steps of training: they are recorded
  -- inside of modules only.
  if torch._torch7() then torch._setgrad(false) end

  -- th's include(file): runs the file beside the one that says it.
  if torch._torch7() then
    rawset(_G, "include", function(file, level)
      local result = require("paths").dofile(file, (level or 1) + 1) -- no tail call, which would count less
      return result
    end)
  end
end
