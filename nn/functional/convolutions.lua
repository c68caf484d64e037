-- convolutions.lua: convolutions of one and three dimensions and transposed ones, by those of images.

return function(nn, torch)
  local F = nn.functional
  local raise = require("torch.caller").raise
  local conv2d, convTranspose2d = F.conv2d, F._transposed2d
  local convolution = {}
  nn._convolution = convolution

  -- A setting of n dimensions as a table: a number stands for all of them.  They are at least 1, or else
  -- `least`; false for any number.
  function convolution.each(fn, name, value, n, default, least)
    if value == nil then value = default end
    if least == nil then least = 1 end
    if torch.isStorage(value) then value = value:totable() end
    local list = {}
    for d = 1, n do list[d] = value end
    if type(value) == "table" then list = { table.unpack(value) } end
    for d = 1, #list do
      list[d] = math.tointeger(list[d])
      if not list[d] or least and list[d] < least then list = {} end
    end
    if #list ~= n then
      raise("%s: the %s is %s, wanted a whole number%s%s", fn, name,
        type(value) == "table" and "a table" or tostring(value), least and " of at least " .. least or "",
        n > 1 and (" or a table of %d"):format(n) or "")
    end
    return list
  end
  local each = convolution.each

  local text = nn._arguments.shape

  -- Input and weight of a convolution of n dimensions: tensors of so many.
  local function check(fn, x, weight, n)
    for name, t in pairs { input = x, weight = weight } do
      if not torch.isTensor(t) then raise("%s: the %s is a %s, wanted a tensor", fn, name, type(t)) end
    end
    if x:dim() ~= n + 1 and x:dim() ~= n + 2 then
      raise("%s: the input is of %s, wanted %d or %d dimensions", fn, text(x), n + 1, n + 2)
    end
    if weight:dim() ~= n + 2 then
      raise("%s: the weight is of %s, wanted %d dimensions", fn, text(weight), n + 2)
    end
    return { table.unpack(weight.shape, 3) }
  end

  -- Padding "same" and "valid" as numbers.  Where "same" needs an odd number of zeros, the input gets one
  -- of them at its end.
  local function resolve(fn, x, padding, kernel, stride, dilation)
    local n, pads, ends, odd = #kernel, {}, {}, false
    if padding == "valid" then return x, each(fn, "padding", 0, n, 0, 0) end
    if padding ~= "same" then
      if type(padding) == "string" then
        raise("%s: the padding is '%s', wanted a number, a table, 'same' or 'valid'", fn, padding)
      end
      return x, each(fn, "padding", padding, n, 0, 0)
    end
    for d = 1, n do
      if stride[d] ~= 1 then raise("%s: padding 'same' wants a stride of 1, got %d", fn, stride[d]) end
      local total = dilation[d] * (kernel[d] - 1)
      pads[d] = total // 2
      ends[2 * (n - d) + 1], ends[2 * (n - d) + 2] = 0, total % 2
      odd = odd or total % 2 == 1
    end
    return odd and torch.pad(x, ends) or x, pads
  end

  -- Along dimension dim the windows of a kernel, in a last dimension of their own.  A view.
  local function windows(fn, x, dim, kernel, stride, dilation)
    local span = dilation * (kernel - 1) + 1
    if span > x:size(dim) then
      raise("%s: a kernel of %d (dilation %d) does not fit into dimension %d of %s with its padding", fn,
        kernel, dilation, dim, text(x))
    end
    local view = torch.unfold(x, dim, span, stride)
    if dilation == 1 or kernel == 1 then return view end
    local at = {}
    for d = 1, view:dim() - 1 do at[d] = {} end
    at[view:dim()] = { 1, span, dilation }
    return view[at]
  end
  convolution.windows = windows

  -- The transpose of windows: dimension dim, of count * kernel places, is added up where they came from, in
  -- a tensor of `size` places.
  local function overlap(x, dim, count, kernel, stride, dilation, size)
    local shape = { table.unpack(x.shape) }
    shape[dim] = size
    local starts = torch.range(0, count - 1):long():view(count, 1) * stride
    local within = torch.range(1, 1 + (kernel - 1) * dilation, dilation):long():view(1, kernel)
    local places = (starts:expand(count, kernel) + within:expand(count, kernel)):view(count * kernel)
    return x.new(torch.LongStorage(shape)):zero():indexAdd(dim, places, x)
  end
  convolution.overlap = overlap

  -- conv2d of nn_lua.c with the paddings that have names.
  function F.conv2d(x, weight, bias, dW, dH, padW, padH, dilationW, dilationH, groups)
    if type(padW) == "string" then
      local fn = "nn.conv2d"
      local kernel, dilation = check(fn, x, weight, 2), { dilationH or 1, dilationW or 1 }
      local pads
      x, pads = resolve(fn, x, padW, kernel, { dH or 1, dW or 1 }, each(fn, "dilation", dilation, 2))
      padH, padW = pads[1], pads[2]
    end
    return conv2d(x, weight, bias, dW, dH, padW, padH, dilationW, dilationH, groups)
  end

  --- nn.functional.conv1d(x, weight [, bias [, stride [, padding [, dilation [, groups]]]]])
  -- nn.functional.conv3d(x, weight [, bias [, stride [, padding [, dilation [, groups]]]]])
  --
  -- Cross-correlation of sequences, or of volumes; nn.functional.conv2d is that of images.
  -- Differentiable.
  --
  -- x: tensor, (batch x) c x length, or (batch x) c x depth x height x width
  -- weight: tensor, o x c/groups x k, or o x c/groups x kT x kH x kW
  -- bias: vector of o, or nil
  -- stride: how far apart the kernel's places are, 1 by default; a number, or for volumes a table of three
  -- padding: zeros on either side, 0 by default; likewise; or "valid" for none, or "same" for as many as
  --   give an output of the input's size, one more behind than before where they are odd
  -- dilation: how far apart the kernel's elements lie on x, 1 by default; likewise
  -- groups: in how many parts the planes are taken, each with its own kernels; 1 by default
  -- Returns: a tensor, (batch x) o x places
  -- Errors: the shapes do not fit; padding is "same" with a stride
  -- From: PyTorch
  -- Example:
  --   nn.functional.conv1d(torch.ones(1, 5), torch.ones(2, 1, 3), nil, 2):size(2) --> 2
  --   y = nn.functional.conv3d(torch.ones(1, 4, 4, 4), torch.ones(2, 1, 3, 3, 3), nil, 1, "same")
  --   table.concat(y.shape, "x"), y:max() --> 2x4x4x4 27.0
  function F.conv1d(x, weight, bias, stride, padding, dilation, groups)
    local fn = "nn.conv1d"
    local kernel = check(fn, x, weight, 1)
    local s, d = each(fn, "stride", stride, 1, 1), each(fn, "dilation", dilation, 1, 1)
    local p
    x, p = resolve(fn, x, padding, kernel, s, d)
    return conv2d(x:unsqueeze(-2), weight:unsqueeze(3), bias, s[1], 1, p[1], 0, d[1], 1, groups):squeeze(-2)
  end

  function F.conv3d(x, weight, bias, stride, padding, dilation, groups)
    local fn = "nn.conv3d"
    local kernel = check(fn, x, weight, 3)
    local s, dil = each(fn, "stride", stride, 3, 1), each(fn, "dilation", dilation, 3, 1)
    local pads
    x, pads = resolve(fn, x, padding, kernel, s, dil)
    local single = x:dim() == 4
    if single then x = x:unsqueeze(1) end
    local n, c, h, w = x:size(1), x:size(2), x:size(4), x:size(5)
    local o, planes = weight:size(1), weight:size(2)
    if c ~= planes * (groups or 1) then
      raise("%s: the input of %s has %d planes, but the weight of %s with %d groups wants %d", fn, text(x), c,
        text(weight), groups or 1, planes * (groups or 1))
    end
    if pads[1] > 0 then x = torch.pad(x, { 0, 0, 0, 0, pads[1], pads[1] }) end
    -- What a place in depth sees are planes of an image.
    local view = windows(fn, x, 3, kernel[1], s[1], dil[1]) -- n, c, depth, h, w, kernel
    local depth = view:size(3)
    local images = torch.reshape(view:permute(1, 3, 2, 6, 4, 5), n * depth, c * kernel[1], h, w)
    local y = conv2d(images, torch.reshape(weight, o, planes * kernel[1], kernel[2], kernel[3]), bias, s[3],
      s[2], pads[3], pads[2], dil[3], dil[2], groups)
    y = torch.reshape(y, n, depth, o, y:size(3), y:size(4)):transpose(2, 3):contiguous()
    return single and y:squeeze(1) or y
  end

  -- The settings of a transposed convolution.  Output padding of a stride and more, which a larger dilation
  -- allows, is as much as zeros behind the input.
  local function transposed(fn, x, weight, n, stride, padding, outputPadding, dilation)
    local kernel = check(fn, x, weight, n)
    local s, pads = each(fn, "stride", stride, n, 1), each(fn, "padding", padding, n, 0, 0)
    local extra = each(fn, "output padding", outputPadding, n, 0, 0)
    local dil = each(fn, "dilation", dilation, n, 1)
    local ends, some = {}, false
    for d = 1, n do
      if extra[d] >= s[d] and extra[d] >= dil[d] then
        raise("%s: the output padding %d is neither below the stride %d nor below the dilation %d", fn,
          extra[d], s[d], dil[d])
      end
      ends[2 * (n - d) + 1], ends[2 * (n - d) + 2] = 0, extra[d] // s[d]
      some = some or extra[d] >= s[d]
      extra[d] = extra[d] % s[d]
    end
    return some and torch.pad(x, ends) or x, kernel, s, pads, extra, dil
  end

  --- nn.functional.convTranspose1d(x, weight [, bias [, stride [, padding [, outputPadding, ..]]]])
  -- nn.functional.convTranspose2d(x, weight [, bias [, stride [, padding [, outputPadding, ..]]]])
  -- nn.functional.convTranspose3d(x, weight [, bias [, stride [, padding [, outputPadding, ..]]]])
  -- nn.functional.convTranspose2d(.., outputPadding [, groups [, dilation]])
  --
  -- The transpose of a convolution, as a linear map: each place of x adds a kernel, times its value, to the
  -- output.  Differentiable.
  --
  -- x: tensor, (batch x) c x places, of one, two or three dimensions
  -- weight: tensor, c x o/groups x kernel
  -- bias: vector of o, or nil
  -- stride: how far apart on the output the kernels of two neighbours are, 1 by default; a number, or a table
  --   of one for each dimension, {height, width} for images
  -- padding: places taken away on either side of the output, 0 by default; likewise
  -- outputPadding: places added at the end of the output, 0 by default; likewise
  -- groups: in how many parts the planes are taken, each with its own kernels; 1 by default
  -- dilation: how far apart the kernel's elements lie on the output, 1 by default; a number or a table
  -- Returns: a tensor, (batch x) o x places, in each dimension (size - 1) stride - 2 padding +
  --   dilation (kernel - 1) + 1 + outputPadding of them
  -- Errors: the shapes do not fit; nothing is left; outputPadding reaches both stride and dilation
  -- From: PyTorch
  -- Example:
  --   y = nn.functional.convTranspose2d(torch.ones(1, 2, 2), torch.ones(1, 3, 2, 2), nil, 2)
  --   table.concat(y.shape, "x"), y:sum() --> 3x4x4 48.0
  --   nn.functional.convTranspose1d(torch.ones(1, 3), torch.ones(1, 1, 3)):max() --> 3.0
  function F.convTranspose1d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
    local s, pads, extra, dil, _
    x, _, s, pads, extra, dil =
      transposed("nn.convTranspose1d", x, weight, 1, stride, padding, outputPadding, dilation)
    return convTranspose2d(x:unsqueeze(-2), weight:unsqueeze(3), bias, s[1], 1, pads[1], 0, extra[1], 0,
      dil[1], 1, groups):squeeze(-2)
  end

  function F.convTranspose2d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
    local s, pads, extra, dil, _
    x, _, s, pads, extra, dil =
      transposed("nn.convTranspose2d", x, weight, 2, stride, padding, outputPadding, dilation)
    return convTranspose2d(x, weight, bias, s[2], s[1], pads[2], pads[1], extra[2], extra[1], dil[2], dil[1],
      groups)
  end

  function F.convTranspose3d(x, weight, bias, stride, padding, outputPadding, groups, dilation)
    local fn = "nn.convTranspose3d"
    local k, s, pads, extra, dil
    x, k, s, pads, extra, dil = transposed(fn, x, weight, 3, stride, padding, outputPadding, dilation)
    local single = x:dim() == 4
    if single then x = x:unsqueeze(1) end
    local n, c, depth = x:size(1), x:size(2), x:size(3)
    if c ~= weight:size(1) then
      raise("%s: the input of %s has %d planes, but the weight of %s wants %d", fn, text(x), c, text(weight),
        weight:size(1))
    end
    local o, full = weight:size(2) * (groups or 1), (depth - 1) * s[1] + dil[1] * (k[1] - 1) + 1
    local size = full - 2 * pads[1] + extra[1]
    if size < 1 or depth < 1 then raise("%s: no output is left of input %s", fn, text(x)) end
    if bias and (bias:dim() ~= 1 or bias:size(1) ~= o) then
      raise("%s: the bias is of %s, wanted a vector of %d", fn, text(bias), o)
    end
    local images = torch.reshape(x:transpose(2, 3), n * depth, c, x:size(4), x:size(5))
    local y = convTranspose2d(images, torch.reshape(weight, c, weight:size(2) * k[1], k[2], k[3]), nil, s[3],
      s[2], pads[3], pads[2], extra[3], extra[2], dil[3], dil[2], groups)
    local h, w = y:size(3), y:size(4)
    y = torch.reshape(y, n, depth, o, k[1], h, w):permute(1, 3, 2, 4, 5, 6)
    y = torch.reshape(y, n, o, depth * k[1], h, w)
    y = overlap(y, 3, depth, k[1], s[1], dil[1], full + extra[1]):narrow(3, pads[1] + 1, size)
    y = bias and y + torch.reshape(bias, o, 1, 1, 1) or y:contiguous()
    return single and y:squeeze(1) or y
  end
end
