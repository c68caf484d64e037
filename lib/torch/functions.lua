-- functions.lua: functions of torch that are short compositions of others.

return function(torch)
  local function each_class(f)
    for name, mt in pairs(torch._metatables) do
      if name:match("^torch%.%w+Tensor$") then f(mt) end
    end
  end

  --- torch.flatten(x); x:flatten()
  --
  -- All elements in one dimension, row by row; a view where that is possible.  Differentiable.
  --
  -- x: tensor
  -- Returns: a vector
  -- From: NumPy
  -- Example:
  --   torch.flatten(torch.zeros(2, 3)):size(1) --> 6
  function torch.flatten(x)
    return torch.reshape(x, x:nElement())
  end

  --- torch.repeatTensor([res,] x, count, ...); x:repeatTensor(count, ...)
  --
  -- Copies of x side by side: torch.repeatTensor(x, 2, 3) has twice the rows and three times the columns.
  -- Differentiable.
  --
  -- res: tensor for the result; resized
  -- x: tensor
  -- count: number for each dimension, of which there may be more than x has, in front; also a LongStorage
  -- Returns: a new tensor, or res
  -- Errors: there are fewer counts than dimensions
  -- From: Torch7
  -- Example:
  --   table.concat(torch.repeatTensor(torch.zeros(2, 3), 2, 1).shape, "x") --> 4x3
  function torch.repeatTensor(x, ...)
    if torch.isTensor((...)) then
      local y = torch.repeatTensor(...)
      return x:resize(y:size()):copy(y)
    end
    local times = type(...) == "number" and { ... } or (...):totable()
    local extra = #times - x:dim()
    if extra < 0 then
      error(("repeatTensor: %d counts for a tensor of %d dimensions"):format(#times, x:dim()), 2)
    end
    local thin, wide, full = {}, {}, {}
    for d = 1, #times do
      local size = d > extra and x:size(d - extra) or 1
      if times[d] ~= 1 then thin[#thin + 1], wide[#wide + 1] = 1, times[d] end
      thin[#thin + 1], wide[#wide + 1] = size, size
      full[d] = times[d] * size
    end
    return torch.reshape(torch.expand(torch.reshape(x, table.unpack(thin)), table.unpack(wide)),
      table.unpack(full))
  end

  --- torch.equal(a, b); x:equal(b)
  --
  -- Whether two tensors have the same shape and the same elements.
  --
  -- a, b: tensors
  -- Returns: true or false
  -- From: Torch7
  -- Example:
  --   torch.equal(torch.ones(2), torch.ones(2)) --> true
  function torch.equal(a, b)
    return a:isSameSizeAs(b) and torch.eq(a, b):all()
  end

  --- A storage of the default type, as torch.FloatStorage(..) makes it.
  --
  -- ...: size, table of numbers, or storage
  -- Returns: a storage
  -- From: Torch7
  -- Example:
  --   torch.Storage({ 5, 6 })[2] --> 6.0
  function torch.Storage(...)
    local storage = torch.getdefaulttensortype():gsub("^torch%.", ""):gsub("Tensor$", "Storage")
    return torch[storage](...)
  end

  -- x:zeros(2, 3), x:rand(5), ..: the functions that fill a result, with x as the result.
  local fillers = { "zeros", "ones", "rand", "randn", "randperm", "range", "linspace", "logspace", "eye",
    "cat" }

  each_class(function(mt)
    for _, name in ipairs(fillers) do mt[name] = mt[name] or torch[name] end
    mt.repeatTensor = torch.repeatTensor
    mt.equal = torch.equal
    mt.flatten = torch.flatten
  end)
end
