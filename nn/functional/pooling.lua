-- pooling.lua: the pooling functions of nn.functional, of one, two and three dimensions.

return function(nn, torch)
  local F, pool = nn.functional, nn._pool
  local raise = require("torch.caller").raise

  -- ---- windows -------------------------------------------------------------------------------------

  local maxOptions = {
    stride = true, padding = true, dilation = true, ceilMode = true, returnIndices = true,
  }
  local avgOptions = {
    stride = true, padding = true, ceilMode = true, countIncludePad = true, divisorOverride = true,
  }

  local function max(fn, n, x, kernel, opts)
    opts = pool.options(fn, opts, maxOptions)
    local y, places = pool.max(fn, n, x, pool.windows(fn, n, kernel, opts), opts.returnIndices)
    if opts.returnIndices then return y, places end
    return y
  end

  local function avg(fn, n, x, kernel, opts)
    opts = pool.options(fn, opts, avgOptions)
    local w = pool.windows(fn, n, kernel, opts)
    w.countPad = opts.countIncludePad ~= false
    w.divisor = opts.divisorOverride
    if w.divisor ~= nil and (math.tointeger(w.divisor) or 0) < 1 then
      raise("%s: divisorOverride is %s, wanted a whole number of at least 1", fn, tostring(w.divisor))
    end
    return pool.avg(fn, n, x, w)
  end

  --- nn.functional.maxPool1d(x, kernelSize [, opts]); nn.functional.maxPool3d(x, kernelSize [, opts])
  -- nn.functional.maxPool2d(x, kernelSize [, opts])
  -- nn.functional.maxPool2d(x, kW [, kH, dW, dH, padW, padH, ceil, countPad, places])
  --
  -- The maximum of each window.  Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), padding (0), dilation (1), each a number or a table,
  --   ceilMode (true rounds the number of windows up), returnIndices (true gives the places, too)
  -- kW, kH, dW, dH, padW, padH: kernel, stride and padding as in Torch7's constructors
  -- ceil: true rounds the number of windows up
  -- countPad: not looked at
  -- places: true gives the places of the maxima too
  -- Returns: a tensor; and a LongTensor of places in their planes, which count from 1
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: PyTorch
  -- Example:
  --   x = torch.range(1, 4):view(1, 2, 2)
  --   y, places = nn.functional.maxPool2d(x, 2, { returnIndices = true })
  --   y:item(), places:item() --> 4.0 4
  --   nn.functional.maxPool1d(torch.range(1, 4):view(1, 4), 2, { stride = 1 }):size(2) --> 3
  function F.maxPool1d(x, kernelSize, opts)
    return max("nn.functional.maxPool1d", 1, x, kernelSize, opts)
  end

  function F.maxPool2d(x, kernelSize, opts, ...)
    if type(opts) == "number" or select("#", ...) > 0 then
      local kH, dW, dH, padW, padH, ceil, _, places = opts, ...
      return pool.max2d(x, kernelSize, kH, dW, dH, padW, padH, ceil, places)
    end
    return max("nn.functional.maxPool2d", 2, x, kernelSize, opts)
  end

  function F.maxPool3d(x, kernelSize, opts)
    return max("nn.functional.maxPool3d", 3, x, kernelSize, opts)
  end

  --- nn.functional.avgPool1d(x, kernelSize [, opts]); nn.functional.avgPool3d(x, kernelSize [, opts])
  -- nn.functional.avgPool2d(x, kernelSize [, opts])
  -- nn.functional.avgPool2d(x, kW [, kH, dW, dH, padW, padH, ceil, countPad])
  --
  -- The mean of each window.  Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), padding (0), each a number or a table, ceilMode (true
  --   rounds the number of windows up), countIncludePad (false leaves padding out of the divisor),
  --   divisorOverride (a divisor for all windows)
  -- kW, kH, dW, dH, padW, padH: kernel, stride and padding as in Torch7's constructors
  -- ceil: true rounds the number of windows up
  -- countPad: false leaves padding out of the divisor
  -- Returns: a tensor
  -- Errors: the windows do not fit; the padding is more than half of a window
  -- From: PyTorch
  -- Example:
  --   x = torch.range(1, 4):view(1, 2, 2)
  --   nn.functional.avgPool2d(x, 2):item() --> 2.5
  --   nn.functional.avgPool2d(x, 2, { divisorOverride = 1 }):item() --> 10.0
  function F.avgPool1d(x, kernelSize, opts)
    return avg("nn.functional.avgPool1d", 1, x, kernelSize, opts)
  end

  function F.avgPool2d(x, kernelSize, opts, ...)
    if type(opts) == "number" or select("#", ...) > 0 then
      return pool.avg2d(x, kernelSize, opts, ...)
    end
    return avg("nn.functional.avgPool2d", 2, x, kernelSize, opts)
  end

  function F.avgPool3d(x, kernelSize, opts)
    return avg("nn.functional.avgPool3d", 3, x, kernelSize, opts)
  end

  --- nn.functional.lpPool1d(x, p, kernelSize [, opts]); nn.functional.lpPool2d(x, p, kernelSize [, opts])
  -- nn.functional.lpPool3d(x, p, kernelSize [, opts])
  --
  -- (sum of x^p)^(1/p) over each window.  Differentiable, but where a sum is 0.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- p: number
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default), ceilMode (true rounds the number of windows up)
  -- Returns: a tensor
  -- Errors: the windows do not fit
  -- From: PyTorch
  -- Example:
  --   nn.functional.lpPool1d(torch.Tensor { { 3, 4 } }, 2, 2):item() --> 5.0
  local function lp(fn, n, x, p, kernel, opts)
    opts = pool.options(fn, opts, { stride = true, ceilMode = true })
    if type(p) ~= "number" or p == 0 then raise("%s: p is %s, wanted a number but 0", fn, tostring(p)) end
    local w = pool.windows(fn, n, kernel, opts)
    w.countPad = true
    local count = 1
    for _, k in ipairs(w.kernel) do count = count * k end
    return torch.pow(pool.avg(fn, n, torch.pow(pool.input(fn, x, n), p), w) * count, 1 / p)
  end

  function F.lpPool1d(x, p, kernelSize, opts)
    return lp("nn.functional.lpPool1d", 1, x, p, kernelSize, opts)
  end

  function F.lpPool2d(x, p, kernelSize, opts)
    return lp("nn.functional.lpPool2d", 2, x, p, kernelSize, opts)
  end

  function F.lpPool3d(x, p, kernelSize, opts)
    return lp("nn.functional.lpPool3d", 3, x, p, kernelSize, opts)
  end

  -- ---- as many windows as wanted ---------------------------------------------------------------------

  --- nn.functional.adaptiveMaxPool1d(x, outputSize [, opts])
  -- nn.functional.adaptiveMaxPool2d(x, outputSize [, opts])
  -- nn.functional.adaptiveMaxPool3d(x, outputSize [, opts])
  --
  -- The maximum of each of as many windows as wanted: of n places, window q of m covers those from
  -- floor((q-1) n / m) + 1 to ceil(q n / m).  Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- outputSize: how many windows: a number, or a table, as {time, height, width}; false in it keeps a size
  -- opts: table of returnIndices: true gives the places, too
  -- Returns: a tensor; and a LongTensor of places in their planes, which count from 1
  -- Errors: x has no places
  -- From: PyTorch
  -- Example:
  --   nn.functional.adaptiveMaxPool1d(torch.range(1, 5):view(1, 5), 2)[1][1] --> 3.0
  local function adaptive_max(fn, n, x, size, opts)
    opts = pool.options(fn, opts, { returnIndices = true })
    local y, places = pool.adaptiveMax(fn, n, x, size)
    if opts.returnIndices then return y, places end
    return y
  end

  function F.adaptiveMaxPool1d(x, outputSize, opts)
    return adaptive_max("nn.functional.adaptiveMaxPool1d", 1, x, outputSize, opts)
  end

  function F.adaptiveMaxPool2d(x, outputSize, opts)
    return adaptive_max("nn.functional.adaptiveMaxPool2d", 2, x, outputSize, opts)
  end

  function F.adaptiveMaxPool3d(x, outputSize, opts)
    return adaptive_max("nn.functional.adaptiveMaxPool3d", 3, x, outputSize, opts)
  end

  --- nn.functional.adaptiveAvgPool1d(x, outputSize); nn.functional.adaptiveAvgPool2d(x, outputSize)
  -- nn.functional.adaptiveAvgPool3d(x, outputSize)
  --
  -- The mean of each of as many windows as wanted, which lie as those of adaptiveMaxPool1d do.
  -- Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- outputSize: how many windows: a number, or a table, as {time, height, width}; false in it keeps a size
  -- Returns: a tensor
  -- Errors: x has no places
  -- From: PyTorch
  -- Example:
  --   nn.functional.adaptiveAvgPool2d(torch.ones(1, 5, 7), { 1, false }):size(3) --> 7
  function F.adaptiveAvgPool1d(x, outputSize)
    return pool.adaptiveAvg("nn.functional.adaptiveAvgPool1d", 1, x, outputSize)
  end

  function F.adaptiveAvgPool2d(x, outputSize)
    return pool.adaptiveAvg("nn.functional.adaptiveAvgPool2d", 2, x, outputSize)
  end

  function F.adaptiveAvgPool3d(x, outputSize)
    return pool.adaptiveAvg("nn.functional.adaptiveAvgPool3d", 3, x, outputSize)
  end

  -- ---- windows drawn at random -------------------------------------------------------------------------

  local fractionalOptions = {
    outputSize = true, outputRatio = true, returnIndices = true, randomSamples = true,
  }

  -- How many windows of a fractional pooling: given, or a share of x's sizes.
  function pool.fractionalSize(fn, x, n, size, ratio)
    if (size == nil) == (ratio == nil) then raise("%s: wanted either outputSize or outputRatio", fn) end
    if size ~= nil then return pool.each(fn, "output size", size, n, nil, 1) end
    local out = {}
    for d = 1, n do
      local r = ratio
      if type(ratio) == "table" then r = ratio[d] end
      if type(r) ~= "number" or not (r > 0 and r < 1) then
        raise("%s: the output ratio is %s, wanted a number between 0 and 1", fn, tostring(r))
      end
      out[d] = math.floor(x:size(#x.shape - n + d) * r)
      if out[d] < 1 then
        raise("%s: a ratio of %s leaves nothing of an input of %s", fn, r, table.concat(x.shape, "x"))
      end
    end
    return out
  end

  --- nn.functional.fractionalMaxPool2d(x, kernelSize, opts)
  -- nn.functional.fractionalMaxPool3d(x, kernelSize, opts)
  --
  -- The maximum of each of as many windows as wanted, which begin at steps drawn at random for each plane.
  -- Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x two or three sizes
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of either outputSize (how many windows) or outputRatio (times the input's sizes, between 0
  --   and 1), each a number or a table; returnIndices (true gives the places, too); randomSamples (a tensor
  --   with numbers in 0 to 1, (batch x) planes x 2 for width and height, x 3 for time, height and width)
  -- Returns: a tensor; and a LongTensor of places in their planes, which count from 1
  -- Errors: so many windows do not fit
  -- From: Graham, "Fractional max-pooling", 2014
  -- Example:
  --   nn.functional.fractionalMaxPool2d(torch.ones(1, 7, 7), 2, { outputSize = 5 }):sum() --> 25.0
  local function fractional(fn, n, x, kernel, opts)
    opts = pool.options(fn, opts, fractionalOptions)
    kernel = pool.each(fn, "window", kernel, n, nil, 1)
    pool.input(fn, x, n)
    local out = pool.fractionalSize(fn, x, n, opts.outputSize, opts.outputRatio)
    local samples = opts.randomSamples
    if not samples then
      local planes = #x.shape == n + 1 and x:size(1) or x:size(1) * x:size(2)
      samples = torch.rand(planes, n)
    elseif n == 2 then
      samples = torch.flip(samples, -1) -- width came first
    end
    local y, places = pool.fractionalMax(fn, n, x, kernel, out, samples)
    if opts.returnIndices then return y, places end
    return y
  end

  function F.fractionalMaxPool2d(x, kernelSize, opts)
    return fractional("nn.functional.fractionalMaxPool2d", 2, x, kernelSize, opts)
  end

  function F.fractionalMaxPool3d(x, kernelSize, opts)
    return fractional("nn.functional.fractionalMaxPool3d", 3, x, kernelSize, opts)
  end

  -- ---- the way back ------------------------------------------------------------------------------------

  --- nn.functional.maxUnpool1d(x, indices, kernelSize [, opts])
  -- nn.functional.maxUnpool2d(x, indices, kernelSize [, opts])
  -- nn.functional.maxUnpool3d(x, indices, kernelSize [, opts])
  --
  -- Puts the results of a max pooling back where they came from, among zeros.  Differentiable.
  --
  -- x: tensor of a float type, (batch x) planes x one, two or three sizes
  -- indices: LongTensor of x's shape: the places that the pooling gave
  -- kernelSize: the size of a window: a number, or a table, as {time, height, width}
  -- opts: table of stride (kernelSize by default) and padding (0) of the pooling, and outputSize: the sizes
  --   that were pooled, (size - 1) stride - 2 padding + kernelSize by default
  -- Returns: a tensor
  -- Errors: a place lies outside the result; indices are not of x's shape
  -- From: PyTorch
  -- Example:
  --   y, places = nn.functional.maxPool1d(torch.range(1, 4):view(1, 4), 2, { returnIndices = true })
  --   nn.functional.maxUnpool1d(y, places, 2)[1][3] --> 0.0
  local function unpool(fn, n, x, indices, kernel, opts)
    opts = pool.options(fn, opts, { stride = true, padding = true, outputSize = true })
    local w = pool.windows(fn, n, kernel, { stride = opts.stride, padding = opts.padding })
    pool.input(fn, x, n)
    local sizes, wanted = {}, opts.outputSize
    if torch.isStorage(wanted) then wanted = wanted:totable() end
    if wanted ~= nil and (type(wanted) ~= "table" or #wanted < n) then
      raise("%s: outputSize is a %s, wanted a table of %d sizes", fn, type(wanted), n)
    end
    for d = 1, n do
      local usual = (x:size(#x.shape - n + d) - 1) * w.stride[d] - 2 * w.padding[d] + w.kernel[d]
      sizes[d] = wanted and math.tointeger(wanted[#wanted - n + d]) or usual
      if sizes[d] < 0 or wanted and math.abs(sizes[d] - usual) >= w.stride[d] then
        raise("%s: an output size of %d, wanted about %d", fn, sizes[d], usual)
      end
    end
    return pool.unpool(fn, n, x, indices, sizes)
  end

  function F.maxUnpool1d(x, indices, kernelSize, opts)
    return unpool("nn.functional.maxUnpool1d", 1, x, indices, kernelSize, opts)
  end

  function F.maxUnpool2d(x, indices, kernelSize, opts)
    return unpool("nn.functional.maxUnpool2d", 2, x, indices, kernelSize, opts)
  end

  function F.maxUnpool3d(x, indices, kernelSize, opts)
    return unpool("nn.functional.maxUnpool3d", 3, x, indices, kernelSize, opts)
  end
end
