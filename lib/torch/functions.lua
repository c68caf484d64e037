-- functions.lua: functions of torch that are short compositions of others.

return function(torch)
  local function each_class(f)
    for name, mt in pairs(torch._metatables) do
      if name:match("^torch%.%w+Tensor$") then f(mt) end
    end
  end

  --- Reshapes without copying where possible: one size a dimension, all elements in one by default.
  -- Example: torch.flatten(torch.zeros(2, 3)):size(1) --> 6
  function torch.flatten(x)
    return torch.reshape(x, x:nElement())
  end

  --- Copies of x side by side: torch.repeatTensor(x, 2, 3) has twice the rows and three times the
  -- columns.  Sizes may be numbers or a LongStorage.
  -- With a result tensor first: torch.repeatTensor(res, x, ...).
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

  --- One row a class: element [i][class[i]] is 1, the others 0.  Classes count from 1.
  function torch.oneHot(classes, n)
    local y = torch.zeros(classes:nElement(), n)
    return y:scatter(2, classes:long():view(-1, 1), 1)
  end

  --- Whether all elements are within tolerance: |a - b| <= atol + rtol |b|.
  function torch.allclose(a, b, rtol, atol)
    local bound = torch.add(torch.mul(torch.abs(b), rtol or 1e-5), atol or 1e-8)
    return torch.le(torch.abs(a - b), bound):all()
  end

  --- Whether two tensors have the same shape and the same elements.
  function torch.equal(a, b)
    return a:isSameSizeAs(b) and torch.eq(a, b):all()
  end

  --- A storage of the default type: torch.Storage(size), torch.Storage{...}.
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
    mt.allclose = torch.allclose
  end)
end
