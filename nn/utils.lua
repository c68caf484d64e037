-- utils.lua: nn.utils: nested tables of tensors, and views of tensors.

return function(nn, torch)
  local utils = {}
  nn.utils = utils

  local function mismatch(fn, a, b)
    error(("nn.utils.%s: got %s and %s, wanted tensors or tables of the same form"):format(fn,
      torch.type(a), torch.type(b)), 3)
  end

  --- nn.utils.recursiveType(value, typename [, cache])
  --
  -- Converts modules, criterions and tensors, in tables too.  Tensors that share their elements share them
  -- afterwards.
  --
  -- value: module, criterion, tensor, or nested table of them, which is changed in place
  -- typename: string, as "torch.DoubleTensor"
  -- cache: table that several calls are given when their tensors share elements
  -- Returns: the converted value
  -- From: Torch7
  -- Example:
  --   nn.utils.recursiveType({ torch.ones(2) }, "torch.DoubleTensor")[1]:type() --> torch.DoubleTensor
  function utils.recursiveType(value, typename, cache)
    cache = cache or {}
    if torch.type(value) == "table" then
      for k, v in pairs(value) do value[k] = utils.recursiveType(v, typename, cache) end
    elseif torch.isTypeOf(value, "nn.Module") or torch.isTypeOf(value, "nn.Criterion") then
      value:type(typename, cache)
    elseif torch.isTensor(value) then
      return nn.Module._converted(value, typename, cache)
    end
    return value
  end

  -- Walks b; a takes its form, and f(a's tensor, b's tensor) is called for each of b's tensors.
  local function walk(fn, a, b, f)
    if torch.type(b) == "table" then
      if torch.type(a) ~= "table" then a = { a } end
      for k in pairs(b) do a[k], b[k] = walk(fn, a[k], b[k], f) end
    elseif torch.isTensor(b) then
      a = f(a, b)
    else
      mismatch(fn, a, b)
    end
    return a, b
  end

  local function resized(a, b)
    a = torch.isTensor(a) and a or b.new()
    return a:resize(b:size())
  end

  --- nn.utils.recursiveResizeAs(a, b); nn.utils.recursiveCopy(a, b); nn.utils.recursiveAdd(a, [scale,] b)
  -- nn.utils.recursiveFill(a, value)
  --
  -- For nested tables of tensors: gives a the form and sizes of b; copies b to a as well; adds scale times
  -- b to a; or fills all tensors of a with a number.  What a lacks is made.
  --
  -- a, b: tensors or nested tables of tensors; recursiveResizeAs and recursiveCopy take nil for a
  -- scale: number, 1 by default
  -- value: number
  -- Returns: a, and b where there is one
  -- Errors: the forms do not fit
  -- From: Torch7
  -- Example:
  --   a = nn.utils.recursiveCopy(nil, { torch.ones(2), { torch.ones(3) } })
  --   nn.utils.recursiveAdd(a, 2, { torch.ones(2), { torch.ones(3) } })
  --   a[1]:sum(), a[2][1]:sum() --> 6.0 9.0
  function utils.recursiveResizeAs(a, b)
    a, b = walk("recursiveResizeAs", a, b, resized)
    local function trim(x, y)
      if torch.type(y) ~= "table" then return end
      for k in pairs(x) do
        if y[k] == nil then x[k] = nil else trim(x[k], y[k]) end
      end
    end
    trim(a, b)
    return a, b
  end

  function utils.recursiveCopy(a, b)
    return walk("recursiveCopy", a, b, function(x, y) return resized(x, y):copy(y) end)
  end

  function utils.recursiveAdd(a, scale, b)
    if b == nil then scale, b = 1, scale end
    return walk("recursiveAdd", a, b, function(x, y)
      if not torch.isTensor(x) then mismatch("recursiveAdd", x, y) end
      return x:add(scale or 1, y)
    end)
  end

  function utils.recursiveFill(a, value)
    return (walk("recursiveFill", a, a, function(x) return x:fill(value) end))
  end

  --- nn.utils.addSingletonDimension([result,] x [, dim])
  --
  -- A view of x with a dimension of size 1 more.
  --
  -- result: tensor that becomes the view
  -- x: tensor
  -- dim: where the new dimension is, 1 by default
  -- Returns: the view
  -- Errors: dim is outside 1 to x:dim() + 1
  -- From: Torch7
  -- Example:
  --   nn.utils.addSingletonDimension(torch.ones(3), 2):size(2) --> 1
  function utils.addSingletonDimension(...)
    local result, x, dim = ...
    if select("#", ...) < 3 then result, x, dim = nil, ... end
    dim = dim or 1
    if not torch.isTensor(x) then
      error(("nn.utils.addSingletonDimension: got a %s, wanted a tensor"):format(torch.type(x)), 2)
    end
    if math.type(dim) ~= "integer" or dim < 1 or dim > x:dim() + 1 then
      error(("nn.utils.addSingletonDimension: dimension %s is outside 1 to %d"):format(tostring(dim),
        x:dim() + 1), 2)
    end
    local sizes, strides = x:size():totable(), x:stride():totable()
    table.insert(sizes, dim, 1)
    table.insert(strides, dim, 1)
    return (result or x.new()):set(x:storage(), x:storageOffset(), torch.LongStorage(sizes),
      torch.LongStorage(strides))
  end

  --- nn.utils.contiguousView(result, x, ...)
  --
  -- x in other sizes: a view where x is contiguous, else a copy.
  --
  -- result: tensor that takes the elements, or nil
  -- x: tensor
  -- ...: sizes, of which one may be -1
  -- Returns: result, or a new tensor
  -- From: Torch7
  -- Example:
  --   nn.utils.contiguousView(nil, torch.ones(2, 3):t(), -1):size(1) --> 6
  function utils.contiguousView(result, x, ...)
    result = result or x.new()
    if not x:isContiguous() then x = result:resize(x:size()):copy(x) end
    return result:set(x:view(...))
  end

  --- nn.utils.clear(object, ...)
  --
  -- Empties fields of an object: tensors lose their elements, tables become new ones, others nil.
  --
  -- object: table
  -- ...: names, or one table of names
  -- Returns: object
  -- From: Torch7
  -- Example:
  --   nn.utils.clear({ a = torch.ones(2) }, "a").a:nElement() --> 0
  function utils.clear(object, ...)
    local names = { ... }
    if type(names[1]) == "table" then names = names[1] end
    for _, name in ipairs(names) do
      local value = object[name]
      if torch.isTensor(value) then
        value:set()
      elseif torch.type(value) == "table" then
        object[name] = {}
      else
        object[name] = nil
      end
    end
    return object
  end

  for _, part in ipairs { "derived", "gradients", "weightnorm", "spectralnorm", "rnn" } do
    require("nn.utils." .. part)(nn, torch)
  end
end
