-- resampling.lua: other sizes for signals, images and volumes, and images seen through a grid.

return function(nn, torch)
  local F, pool = nn.functional, nn._pool
  local check = require "torch.check"
  local raise = check.raise

  -- What each mode is along one dimension, and of how many dimensions it is.
  local modes = {
    nearest = { "nearest" }, ["nearest-exact"] = { "nearest-exact" }, area = { "area" },
    linear = { "linear", 1 }, bilinear = { "linear", 2 }, trilinear = { "linear", 3 },
    bicubic = { "cubic", 2 },
  }

  -- x with `sizes` as its last ones.  What becomes smaller goes first, so that the rest is less work.
  function pool.resize(x, sizes, mode, align, ratios)
    local y = pool.wide(x)
    local order = {}
    for d = 1, #sizes do order[d] = d end
    local function growth(d) return sizes[d] / math.max(1, x:size(#x.shape - #sizes + d)) end
    table.sort(order, function(a, b)
      if growth(a) ~= growth(b) then return growth(a) < growth(b) end
      if growth(a) > 1 then return a > b end
      return a < b
    end)
    for _, d in ipairs(order) do
      local dim = #x.shape - #sizes + d
      if sizes[d] ~= x:size(dim) or ratios and ratios[d] ~= 1 then
        y = pool.resample(y, dim, sizes[d], mode, align, ratios and ratios[d] or 0)
      end
    end
    return y:to(x.dtype)
  end

  -- The sizes that a factor gives, and how many places of the input one of the output stands for.
  local function scaled(fn, x, n, factor)
    local sizes, ratios = {}, {}
    for d = 1, n do
      local f = factor
      if type(factor) == "table" then f = factor[d] end
      if type(f) ~= "number" or not (f > 0 and f < math.huge) then
        raise("%s: the scale factor is %s, wanted a positive number", fn, tostring(f))
      end
      sizes[d], ratios[d] = math.floor(x:size(2 + d) * f), 1 / f
      if sizes[d] < 1 then
        raise("%s: a scale factor of %s leaves nothing of an input of %s", fn, f, table.concat(x.shape, "x"))
      end
    end
    return sizes, ratios
  end

  --- nn.functional.interpolate(x, opts)
  --
  -- Another size for signals, images or volumes.  Differentiable.
  --
  -- x: tensor of a float type, batch x planes x one, two or three sizes
  -- opts: table of either size (the new sizes) or scaleFactor (a factor for them), each a number or a
  --   table, as {height, width}; mode, as follows; alignCorners
  --   modes: "nearest" (by default) and "nearest-exact" repeat places, the second by their centres; "linear",
  --   "bilinear", "trilinear" (for one, two, three sizes) and "bicubic" interpolate; "area" is the mean of
  --   the places that a new one covers
  --   alignCorners: true keeps the first and the last places where they are; for those that interpolate
  -- Returns: a tensor
  -- Errors: the mode does not fit the number of sizes
  -- From: PyTorch
  -- Example:
  --   x = torch.Tensor { 1, 3 }:view(1, 1, 2)
  --   y = nn.functional.interpolate(x, { size = 3, mode = "linear", alignCorners = true })
  --   y:view(3)[2] --> 2.0
  --   nn.functional.interpolate(x, { scaleFactor = 2 }):sum() --> 8.0
  function F.interpolate(x, opts)
    local fn = "nn.functional.interpolate"
    opts = pool.options(fn, opts, { size = true, scaleFactor = true, mode = true, alignCorners = true })
    if not torch.isTensor(x) or #x.shape < 3 or #x.shape > 5 then
      raise("%s: the input is %s, wanted a tensor of 3 to 5 dimensions", fn,
        torch.isTensor(x) and "of " .. table.concat(x.shape, "x") or "a " .. type(x))
    end
    local n, name = #x.shape - 2, opts.mode or "nearest"
    local mode = modes[name]
    if not mode then raise("%s: there is no mode '%s'", fn, tostring(name)) end
    if mode[2] and mode[2] ~= n then
      raise("%s: mode '%s' is for inputs of %d dimensions, this is of %s", fn, name, mode[2] + 2,
        table.concat(x.shape, "x"))
    end
    if opts.alignCorners ~= nil and not mode[2] then
      raise("%s: alignCorners is not for mode '%s'", fn, name)
    end
    if (opts.size == nil) == (opts.scaleFactor == nil) then
      raise("%s: wanted either size or scaleFactor", fn)
    end
    if opts.size ~= nil then
      return pool.resize(x, pool.each(fn, "size", opts.size, n, nil, 1), mode[1], opts.alignCorners)
    end
    local sizes, ratios = scaled(fn, x, n, opts.scaleFactor)
    return pool.resize(x, sizes, mode[1], opts.alignCorners, ratios)
  end

  -- ---- grids -----------------------------------------------------------------------------------------

  -- Coordinates of -1 to 1 as places from 0 to size - 1.
  local function places(coordinate, size, align)
    if align then return (coordinate + 1) * ((size - 1) / 2) end
    return ((coordinate + 1) * size - 1) * 0.5
  end

  -- For each dimension its two neighbours as {place, weight}, with zero weight where they lie outside;
  -- only one of full weight for the nearest.
  local function neighbours(at, size, nearest, zeros)
    if not zeros then at = torch.clamp(at, 0, size - 1) end
    local base = at:detach()
    local low = nearest and torch.round(base) or torch.floor(base)
    low = torch.clamp(low, -2, size + 1)
    local found = {}
    for side = 0, nearest and 0 or 1 do
      local place = low + side
      local weight = nearest and torch.onesLike(base)
        or side == 1 and at - low or 1 - (at - low)
      if zeros then
        local inside = torch.logicalAnd(torch.ge(place, 0), torch.le(place, size - 1))
        weight = torch.where(inside, weight, torch.zerosLike(base))
      end
      found[side + 1] = { torch.clamp(place:to("int64"), 0, size - 1), weight }
    end
    return found
  end

  local function check_grid(fn, x, grid, n)
    local ok = torch.isTensor(x) and torch.isTensor(grid) and n >= 2 and n <= 3 and #grid.shape == n + 2
      and grid:size(n + 2) == n and grid:size(1) == x:size(1)
    if not ok then
      local function text(t) return torch.isTensor(t) and table.concat(t.shape, "x") or type(t) end
      raise("%s: an input of %s with a grid of %s, wanted batch x planes x two or three sizes and " ..
        "batch x as many new sizes x 2 or 3", fn, text(x), text(grid))
    end
    for d = 1, n do
      if x:size(2 + d) < 1 then raise("%s: the input of %s is empty", fn, table.concat(x.shape, "x")) end
    end
  end

  --- nn.functional.gridSample(x, grid [, opts])
  --
  -- For each point of a grid what an image has there.  Differentiable in both.
  --
  -- x: tensor of a float type, batch x planes x height x width, or a volume with a depth before height
  -- grid: tensor, batch x rows x columns x 2: the points as (x, y), each from -1 to 1 across the image;
  --   for volumes batch x depth x rows x columns x 3 as (x, y, z)
  -- opts: table of mode ("bilinear", by default, or "nearest"), paddingMode (what lies outside: "zeros",
  --   by default, or "border": the nearest place), alignCorners (true: -1 and 1 are the middles of the
  --   outermost places; otherwise their outer edges)
  -- Returns: a tensor, batch x planes x rows x columns
  -- Errors: the shapes do not fit
  -- From: Jaderberg and others, "Spatial transformer networks", 2015
  -- Example:
  --   x = torch.range(1, 4):view(1, 1, 2, 2)
  --   nn.functional.gridSample(x, torch.zeros(1, 1, 1, 2)):item() --> 2.5
  function F.gridSample(x, grid, opts)
    local fn = "nn.functional.gridSample"
    opts = pool.options(fn, opts, { mode = true, paddingMode = true, alignCorners = true })
    local mode, padding = opts.mode or "bilinear", opts.paddingMode or "zeros"
    if mode ~= "bilinear" and mode ~= "nearest" then
      raise("%s: there is no mode '%s'", fn, tostring(mode))
    end
    if padding ~= "zeros" and padding ~= "border" then
      raise("%s: there is no padding mode '%s'", fn, tostring(padding))
    end
    local n = torch.isTensor(x) and #x.shape - 2 or 0
    check_grid(fn, x, grid, n)
    local batch, planes, image, count, out = x:size(1), x:size(2), 1, 1, { x:size(1), x:size(2) }
    for d = 1, n do
      image, count = image * x:size(2 + d), count * grid:size(1 + d)
      out[2 + d] = grid:size(1 + d)
    end
    local flat = torch.reshape(x, { batch, planes, image })
    local points = torch.reshape(grid, { batch, count, n })
    local corners = { { false, false } } -- place in the plane and weight, batch x 1 x count, of each corner
    for d = 1, n do
      local size, found = x:size(2 + d), {}
      local point = torch.reshape(points:select(3, n + 1 - d), { batch, 1, count })
      local at = places(point, size, opts.alignCorners)
      for _, near in ipairs(neighbours(at, size, mode == "nearest", padding == "zeros")) do
        for _, corner in ipairs(corners) do
          found[#found + 1] = d == 1 and near
            or { corner[1] * size + near[1], torch.cmul(corner[2], near[2]) }
        end
      end
      corners = found
    end
    local y
    for _, corner in ipairs(corners) do
      local value = torch.gather(flat, 3, (corner[1] + 1):expand(batch, planes, count))
      value = torch.cmul(value, corner[2]:expandAs(value))
      y = y and y + value or value
    end
    return torch.reshape(y, out)
  end

  --- nn.functional.affineGrid(theta, size [, opts])
  --
  -- A grid for gridSample: the points of an image, moved by an affine map.  Differentiable.
  --
  -- theta: tensor of a float type, batch x 2 x 3; for volumes batch x 3 x 4
  -- size: the shape of gridSample's result, as a table: {batch, planes, height, width}
  -- opts: table of alignCorners, as for gridSample
  -- Returns: a tensor, batch x height x width x 2
  -- Errors: the shapes do not fit
  -- From: Jaderberg and others, "Spatial transformer networks", 2015
  -- Example:
  --   theta = torch.Tensor { 1, 0, 0, 0, 1, 0 }:view(1, 2, 3)
  --   nn.functional.affineGrid(theta, { 1, 1, 2, 2 }, { alignCorners = true })[1][2][1][2] --> 1.0
  function F.affineGrid(theta, size, opts)
    local fn = "nn.functional.affineGrid"
    opts = pool.options(fn, opts, { alignCorners = true })
    if torch.isStorage(size) then size = size:totable() end
    local n = type(size) == "table" and #size - 2 or 0
    if n ~= 2 and n ~= 3 then raise("%s: size is wanted as a table of 4 or 5 sizes", fn) end
    size = pool.each(fn, "size", size, n + 2, nil, 1)
    local got = torch.isTensor(theta) and table.concat(theta.shape, "x") or type(theta)
    local wanted = ("%dx%dx%d"):format(size[1], n, n + 1)
    if got ~= wanted then raise("%s: theta is %s, wanted a tensor of %s", fn, got, wanted) end
    local sizes, count = { table.unpack(size, 3) }, 1
    for _, s in ipairs(sizes) do count = count * s end
    local columns = {}
    for d = n, 1, -1 do -- x, which changes fastest, first
      local s, shape = sizes[d], {}
      local line = torch.range(0, s - 1):to("float64"):mul(2):add(1 - s)
      line:div(opts.alignCorners and math.max(1, s - 1) or s)
      for i = 1, n do shape[i] = i == d and s or 1 end
      columns[#columns + 1] = torch.reshape(torch.reshape(line, shape):expand(table.unpack(sizes)),
        { count, 1 })
    end
    columns[n + 1] = torch.ones(count, 1):to("float64")
    local base = check.beside(theta, torch.cat(columns, 2)):to(theta.dtype)
    local grid = torch.bmm(torch.reshape(base, { 1, count, n + 1 }):expand(size[1], count, n + 1),
      theta:transpose(2, 3))
    sizes[n + 1] = n
    return torch.reshape(grid, { size[1], table.unpack(sizes) })
  end
end
