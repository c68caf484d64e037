-- windows.lua: what all kinds of pooling share: maxima and averages over windows of one to three dimensions.
--
-- The kernels pool images.  One dimension is an image of one row; of three the last two are pooled
-- first and then the first of them, which gives the same maxima, and the same means.

return function(nn, torch)
  local F = nn.functional
  local raise = require("torch.caller").raise
  local maxPool2d, avgPool2d, maxWindows = F._maxPool2d, F._avgPool2d, F._maxWindows
  local pool = { max2d = maxPool2d, avg2d = avgPool2d, resample = F._resample }
  F._maxPool2d, F._avgPool2d, F._maxWindows, F._resample = nil, nil, nil, nil
  nn._pool = pool

  -- ---- arguments ---------------------------------------------------------------------------------

  local function kind(value) return torch.isTensor(value) and "tensor" or type(value) end

  -- A setting of n dimensions as a list: a number stands for all of them; whole numbers of `least` or more.
  function pool.each(fn, name, value, n, default, least)
    if value == nil then value = default end
    if torch.isStorage(value) then value = value:totable() end
    local list, wrong = {}, nil
    if type(value) == "table" and #value ~= n then wrong = value end
    for d = 1, n do
      local given = value
      if type(value) == "table" then given = value[d] end
      list[d] = math.tointeger(given)
      if wrong == nil and (not list[d] or list[d] < least) then wrong = given or "missing" end
    end
    if wrong ~= nil then
      raise("%s: the %s is %s, wanted a whole number of at least %d%s", fn, name,
        type(wrong) == "table" and "a table of " .. #wrong or torch.isTensor(wrong) and "a tensor"
        or tostring(wrong), least, n > 1 and (", or a table of %d"):format(n) or "")
    end
    return list
  end
  local each = pool.each

  -- The options of a call, of which all must be known.
  pool.options = require("torch.options").check

  -- x, of n dimensions after those of planes, perhaps in a batch.
  function pool.input(fn, x, n)
    if not torch.isTensor(x) then raise("%s: the input is a %s, wanted a tensor", fn, kind(x)) end
    local dims = #x.shape
    if dims ~= n + 1 and dims ~= n + 2 then
      raise("%s: the input is of %s, wanted %d or %d dimensions", fn,
        dims == 0 and "no dimensions" or table.concat(x.shape, "x"), n + 1, n + 2)
    end
    return x
  end

  -- The sizes of x before its last n dimensions, their product, and the last ones.
  local function split(x, n)
    local lead, sizes, planes = {}, {}, 1
    for d, size in ipairs(x.shape) do
      if d <= #x.shape - n then
        lead[d], planes = size, planes * size
      else
        sizes[#sizes + 1] = size
      end
    end
    return lead, sizes, planes
  end

  local function joined(a, b)
    local list = { table.unpack(a) }
    table.move(b, 1, #b, #list + 1, list)
    return list
  end

  local function product(list)
    local p = 1
    for _, size in ipairs(list) do p = p * size end
    return p
  end

  -- Checks that windows fit into sizes.  (For images the operator does.)
  local function check(fn, sizes, w)
    for d, size in ipairs(sizes) do
      local extent = w.dilation[d] * (w.kernel[d] - 1) + 1
      if w.padding[d] > extent // 2 then
        raise("%s: padding %d, wanted at most half the window of %d", fn, w.padding[d], extent)
      end
      if size + 2 * w.padding[d] < extent and not (w.ceilMode and size > 0) then
        raise("%s: a window of %s does not fit into an input of %s", fn, table.concat(w.kernel, "x"),
          table.concat(sizes, "x"))
      end
    end
  end

  -- {kernel, stride, padding, dilation, ceilMode} as lists of n.
  function pool.windows(fn, n, kernel, opts)
    local w = { kernel = each(fn, "window", kernel, n, nil, 1), ceilMode = opts.ceilMode or false }
    w.stride = each(fn, "stride", opts.stride, n, w.kernel, 1)
    w.padding = each(fn, "padding", opts.padding, n, 0, 0)
    w.dilation = each(fn, "dilation", opts.dilation, n, 1, 1)
    return w
  end

  -- Half types would be rounded between two passes.
  function pool.wide(x)
    return (x.dtype == "float16" or x.dtype == "bfloat16") and x:to("float32") or x
  end
  local wide = pool.wide

  -- ---- modules ----------------------------------------------------------------------------------------

  -- Sets a module's fields to what its constructor was given; windows and strides are checked.
  function pool.settings(module, n, kernelSize, opts, defaults)
    local fn = torch.typename(module)
    local settings = nn._arguments.options(module, opts, defaults)
    for name, value in pairs(settings) do module[name] = value end
    module.kernelSize = kernelSize
    local w = pool.windows(fn, n, kernelSize, settings)
    if defaults.stride and settings.stride == nil then
      module.stride = type(kernelSize) == "number" and kernelSize or w.stride
    end
  end

  -- Gives a class of modules a text that names some of its fields.
  function pool.text(class, names)
    function class:__tostring()
      local parts = {}
      for _, name in ipairs(names) do
        local value = self[name]
        if type(value) == "table" then
          local list = {}
          for i, v in ipairs(value) do list[i] = tostring(v) end
          value = "{" .. table.concat(list, ",") .. "}"
        end
        if value ~= nil and value ~= false then parts[#parts + 1] = name .. "=" .. tostring(value) end
      end
      return ("%s(%s)"):format(torch.typename(self), table.concat(parts, ", "))
    end
  end

  -- ---- maxima ------------------------------------------------------------------------------------

  -- The elements of x at places in its last n dimensions, which count from 1.
  local function taken(x, n, places)
    local lead, sizes, planes = split(x, n)
    local _, out = split(places, n)
    local flat = torch.reshape(x, { planes, product(sizes) })
    local at = torch.reshape(places, { planes, product(out) })
    return torch.reshape(torch.gather(flat, 2, at), joined(lead, out))
  end

  local function max3d(x, w)
    local lead, sizes, planes = split(x, 3)
    local k, s, p, d = w.kernel, w.stride, w.padding, w.dilation
    local volume = torch.reshape(x:detach(), { planes, table.unpack(sizes) })
    local y, inside = maxPool2d(volume, k[3], k[2], s[3], s[2], p[3], p[2], w.ceilMode, true, d[3], d[2])
    local h, width = y:size(3), y:size(4)
    local image = h * width
    local best, at = maxPool2d(torch.reshape(y, { planes, sizes[1], image }), 1, k[1], 1, s[1], 0, p[1],
      w.ceilMode, true, 1, d[1])
    local out = { best:size(2), h, width }
    local rows = torch.reshape(at, { planes, product(out) })
    local places = torch.gather(torch.reshape(inside, { planes, sizes[1] * image }), 2, rows)
    places:add(torch.floorDivide(rows - 1, image):mul(sizes[2] * sizes[3]))
    places = torch.reshape(places, joined(lead, out))
    return taken(x, 3, places), places
  end

  -- The maxima of windows of n dimensions, and their places when wanted (always for three).
  function pool.max(fn, n, x, w, places)
    pool.input(fn, x, n)
    local k, s, p, d = w.kernel, w.stride, w.padding, w.dilation
    if n == 2 then
      return maxPool2d(x, k[2], k[1], s[2], s[1], p[2], p[1], w.ceilMode, places, d[2], d[1])
    end
    local _, sizes = split(x, n)
    check(fn, sizes, w)
    if n == 3 then return max3d(x, w) end
    local y, at = maxPool2d(torch.unsqueeze(x, -2), k[1], 1, s[1], 1, p[1], 0, w.ceilMode, places, d[1], 1)
    return torch.squeeze(y, -2), at and torch.squeeze(at, -2)
  end

  -- ---- means -------------------------------------------------------------------------------------

  local function avg3d(x, w)
    local lead, sizes, planes = split(x, 3)
    local k, s, p = w.kernel, w.stride, w.padding
    local first = w.divisor and 1
    local y = avgPool2d(torch.reshape(wide(x), { planes, table.unpack(sizes) }), k[3], k[2], s[3], s[2],
      p[3], p[2], w.ceilMode, w.countPad, first)
    local h, width = y:size(3), y:size(4)
    y = avgPool2d(torch.reshape(y, { planes, sizes[1], h * width }), 1, k[1], 1, s[1], 0, p[1], w.ceilMode,
      w.countPad, w.divisor)
    return torch.reshape(y, joined(lead, { y:size(2), h, width })):to(x.dtype)
  end

  -- The means of windows of n dimensions; w has countPad and divisor, too.
  function pool.avg(fn, n, x, w)
    pool.input(fn, x, n)
    local k, s, p = w.kernel, w.stride, w.padding
    if n == 2 then
      return avgPool2d(x, k[2], k[1], s[2], s[1], p[2], p[1], w.ceilMode, w.countPad, w.divisor)
    end
    local _, sizes = split(x, n)
    check(fn, sizes, w)
    if n == 3 then return avg3d(x, w) end
    return torch.squeeze(avgPool2d(torch.unsqueeze(x, -2), k[1], 1, s[1], 1, p[1], 0, w.ceilMode, w.countPad,
      w.divisor), -2)
  end

  -- ---- windows of any place and size ---------------------------------------------------------------

  -- Maxima of the windows tables[d] = {begin, end} of the last three dimensions: those of images, and
  -- then those of what came of them.
  local function max_of_volumes(x, tables)
    local lead, sizes, planes = split(x, 3)
    local image, inside = maxWindows(x, tables[2][1], tables[2][2], tables[3][1], tables[3][2])
    local h, width = image:size(-2), image:size(-1)
    local lines = torch.reshape(image, { planes, sizes[1], h * width })
    local y, at = maxWindows(lines, tables[1][1], tables[1][2])
    local rows = torch.reshape(at, { planes, y:nElement() // math.max(planes, 1) })
    local places = torch.gather(torch.reshape(inside, { planes, sizes[1] * h * width }), 2, rows)
    places:add(torch.floorDivide(rows - 1, h * width):mul(sizes[2] * sizes[3]))
    local out = joined(lead, { y:size(2), h, width })
    return torch.reshape(y, out), torch.reshape(places, out)
  end

  -- The same of the last n dimensions.
  local function max_by_tables(x, n, tables)
    if n == 3 then return max_of_volumes(x, tables) end
    if n == 2 then return maxWindows(x, tables[1][1], tables[1][2], tables[2][1], tables[2][2]) end
    local y, places = maxWindows(torch.unsqueeze(x, -2), nil, nil, tables[1][1], tables[1][2])
    return torch.squeeze(y, -2), torch.squeeze(places, -2)
  end

  -- Sizes of an adaptive pooling: false keeps the input's.
  function pool.sizes(fn, x, n, size)
    pool.input(fn, x, n)
    local list = {}
    for d = 1, n do
      local value = size
      if type(size) == "table" then value = size[d] end
      list[d] = value or x:size(#x.shape - n + d)
    end
    if type(size) == "table" and #size ~= n then list[1] = size end
    list = each(fn, "output size", list, n, nil, 1)
    for d = 1, n do
      if x:size(#x.shape - n + d) < 1 then
        raise("%s: an input of %s has nothing to pool", fn, table.concat(x.shape, "x"))
      end
    end
    return list
  end

  -- Window q of m covers the places of n that its share of them touches; none where each is one place.
  local function shares(x, dim, m)
    local n, first, last = x:size(dim), {}, {}
    if m == n then return {} end
    for q = 0, m - 1 do
      first[q + 1], last[q + 1] = q * n // m, ((q + 1) * n + m - 1) // m
    end
    return { torch.LongTensor { first }, torch.LongTensor { last } }
  end

  function pool.adaptiveMax(fn, n, x, size)
    local sizes, tables, kernel, even = pool.sizes(fn, x, n, size), {}, {}, true
    for d = 1, n do
      local dim = #x.shape - n + d
      tables[d] = shares(x, dim, sizes[d])
      kernel[d] = x:size(dim) // sizes[d]
      even = even and x:size(dim) % sizes[d] == 0
    end
    -- Pairs of columns are what the kernel for even windows is better at.
    if even and kernel[n] == 2 then return pool.max(fn, n, x, pool.windows(fn, n, kernel, {}), true) end
    return max_by_tables(x, n, tables)
  end

  function pool.adaptiveAvg(fn, n, x, size)
    local sizes, dims, one = pool.sizes(fn, x, n, size), {}, true
    for d = 1, n do
      dims[d] = #x.shape - n + d
      one = one and sizes[d] == 1
    end
    if one then return torch.mean(x, dims, true) end
    local y = wide(x)
    for d = 1, n do y = pool.resample(y, dims[d], sizes[d], "area") end
    return y:to(x.dtype)
  end

  -- Where the windows of `size` of one dimension begin and end: for each sample u, in 0 to 1, the m
  -- places floor((i + u) a) - floor(u a), where a = (n - size) / (m - 1), and the last one.
  local function fractions(samples, n, m, size)
    local planes = samples:size(1)
    local last = torch.LongTensor(planes, 1):fill(n - size):cpu()
    local begin = last
    if m > 1 then
      local u = torch.reshape(samples, { planes, 1 }):expand(planes, m - 1)
      local a = (n - size) / (m - 1)
      local i = torch.reshape(torch.range(0, m - 2):cpu():to("float64"), { 1, m - 1 }):expand(planes, m - 1)
      begin = torch.cat((i + u):mul(a):floor():to("int64") - (u * a):floor():to("int64"), last, 2)
    end
    return { begin, begin + size }
  end

  -- samples: planes x n, in the order of the dimensions.
  function pool.fractionalMax(fn, n, x, kernel, out, samples)
    local _, sizes, planes = split(pool.input(fn, x, n), n)
    local tables = {}
    if samples:nElement() ~= planes * n then
      raise("%s: the samples are of %s, wanted %d for each of %d planes", fn,
        table.concat(samples.shape, "x"), n, planes)
    end
    samples = torch.reshape(samples:cpu():to("float64"), { planes, n })
    for d = 1, n do
      if out[d] + kernel[d] - 1 > sizes[d] then
        raise("%s: %d windows of %d do not fit into %d places of an input of %s", fn, out[d], kernel[d],
          sizes[d], table.concat(x.shape, "x"))
      end
      tables[d] = fractions(samples:narrow(2, d, 1), sizes[d], out[d], kernel[d])
    end
    return max_by_tables(x, n, tables)
  end

  -- ---- the way back --------------------------------------------------------------------------------

  -- x's elements at places of zeros whose last n sizes are `sizes`.
  function pool.unpool(fn, n, x, places, sizes)
    local lead, out, planes = split(pool.input(fn, x, n), n)
    if not torch.isTensor(places) or table.concat(places.shape, "x") ~= table.concat(x.shape, "x") then
      raise("%s: the places are %s, wanted a tensor of the input's %s", fn,
        torch.isTensor(places) and "of " .. table.concat(places.shape, "x") or "a " .. kind(places),
        table.concat(x.shape, "x"))
    end
    local y = x.new(planes, product(sizes)):zero()
    y = torch.scatter(y, 2, torch.reshape(places:to("int64"), { planes, product(out) }),
      torch.reshape(x, { planes, product(out) }))
    return torch.reshape(y, joined(lead, sizes))
  end
end
