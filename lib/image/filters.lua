-- filters: kernels, convolution, pyramids, local normalisation, and simple morphology.

return function(image)
  local torch = require "torch"
  local dok = require "dok"
  local common = require "image.common"
  local raise = common.raise

  local plane_arguments = {
    { arg = "size", default = 3 }, { arg = "sigma" }, { arg = "amplitude", default = 1 },
    { arg = "normalize", default = false }, { arg = "width", defaulta = "size" },
    { arg = "height", defaulta = "size" }, { arg = "sigma_horz", defaulta = "sigma" },
    { arg = "sigma_vert", defaulta = "sigma" }, { arg = "mean_horz", default = 0.5 },
    { arg = "mean_vert", default = 0.5 }, { arg = "tensor" },
  }

  -- Half the squared distances of n places from the mean, in units of sigma.
  local function distances(n, mean, sigma)
    return torch.range(1, n):double():add(-(mean * n + 0.5)):div(sigma * n):pow(2):div(2)
  end

  -- A kernel where the caller wants it, whatever its type.
  local function finish(kernel, normalize, tensor)
    if normalize then kernel:div(kernel:sum()) end
    if not tensor then return kernel:typeAs(torch.Tensor()) end
    if tensor:type() == "torch.ByteTensor" then kernel:round():clamp(0, 255) end
    return tensor:copy(kernel)
  end

  -- The arguments of a kernel are numbers, but for these.
  local function check_arguments(fn, a)
    for name, v in pairs(a) do
      if name == "tensor" then
        common.tensor(fn, "the result", v)
      elseif name ~= "normalize" then
        common.number(fn, name, v)
      end
    end
  end

  local function plane(fn, sigma, f, ...)
    local rules = { table.unpack(plane_arguments) }
    rules[2] = { arg = "sigma", default = sigma }
    local a = dok.unpack({ ... }, "image." .. fn, "", table.unpack(rules))
    check_arguments(fn, a)
    local height, width = a.height, a.width
    if a.tensor then
      if a.tensor:dim() ~= 2 or a.tensor:nElement() == 0 then raise("image.%s: expecting 2D tensor", fn) end
      height, width = a.tensor:size(1), a.tensor:size(2)
    end
    height, width = common.size(fn, "the height", height), common.size(fn, "the width", width)
    local y = distances(height, a.mean_vert, a.sigma_vert):view(height, 1):expand(height, width)
    local x = distances(width, a.mean_horz, a.sigma_horz):view(1, width):expand(height, width)
    return finish(f(x + y):mul(a.amplitude), a.normalize, a.tensor)
  end

  --- image.gaussian([size[, sigma[, amplitude[, normalize[, width[, height[, ..]]]]]]])
  -- image.laplacian([size[, sigma[, amplitude[, normalize[, width[, height[, ..]]]]]]])
  --
  -- A kernel with the shape of a bell, or of its second derivative upside down.  The arguments may be given
  -- by their names in one table.
  --
  -- size: 3 by default
  -- sigma: the bell's width as a part of the kernel's: 0.25 by default, 0.1 for laplacian
  -- amplitude: the value in the middle, 1 by default
  -- normalize: true divides by the sum
  -- width: size by default
  -- height: size by default
  -- ..: sigma_horz, sigma_vert, mean_horz, mean_vert (the middle, 0.5 by default), tensor (for the result)
  -- Returns: a tensor of height x width
  -- From: Torch7
  -- Example:
  --   image.gaussian { size = 3, normalize = true }:sum() > 0.999 --> true
  --   image.gaussian(5)[3][3] --> 1.0
  function image.gaussian(...)
    return plane("gaussian", 0.25, function(d) return torch.exp(-d) end, ...)
  end

  function image.laplacian(...)
    return plane("laplacian", 0.1, function(d) return torch.exp(-d):cmul(1 - d) end, ...)
  end

  --- image.gaussian1D([size[, sigma[, amplitude[, normalize[, mean[, tensor]]]]]])
  --
  -- image.gaussian of one dimension.
  --
  -- Returns: a tensor of size elements
  -- From: Torch7
  -- Example:
  --   image.gaussian1D(3)[2] --> 1.0
  function image.gaussian1D(...)
    local a = dok.unpack({ ... }, "image.gaussian1D", "", { arg = "size", default = 3 },
      { arg = "sigma", default = 0.25 }, { arg = "amplitude", default = 1 },
      { arg = "normalize", default = false },
      { arg = "mean", default = 0.5 }, { arg = "tensor" })
    check_arguments("gaussian1D", a)
    if a.tensor and (a.tensor:dim() ~= 1 or a.tensor:nElement() == 0) then
      raise("image.gaussian1D: expecting 1D tensor")
    end
    local size = a.tensor and a.tensor:size(1) or common.size("gaussian1D", "the size", a.size)
    return finish(torch.exp(-distances(size, a.mean, a.sigma)):mul(a.amplitude), a.normalize, a.tensor)
  end

  --- image.convolve([dst,] src, kernel[, mode])
  --
  -- The convolution of a picture, each channel on its own, with a kernel.
  --
  -- src: picture
  -- kernel: tensor of two dimensions, or of three with one for each channel
  -- mode: "valid" by default, where the kernel lies inside src; "full", where it touches it; "same", of
  --   src's size
  -- Returns: a tensor of src's type
  -- Errors: a mode that is none
  -- From: Torch7
  -- Example:
  --   image.convolve(torch.ones(1, 4, 4), torch.ones(3, 3)):sum() --> 36.0
  function image.convolve(...)
    local dst, src, kernel, mode
    if torch.isTensor((select(3, ...))) then
      dst, src, kernel, mode = ...
    else
      src, kernel, mode = ...
    end
    common.picture("convolve", src)
    common.picture("convolve", kernel, "the kernel")
    if dst ~= nil then common.tensor("convolve", "the destination", dst) end
    mode = common.one_of("convolve", "the mode", mode or "valid", "full", "valid", "same")
    local w, h = common.extent(src)
    local kw, kh = common.extent(kernel)
    if kernel:dim() == 3 and (src:dim() ~= 3 or kernel:size(1) ~= src:size(1)) then
      raise("image.convolve: kernels of %s for a picture of %s", table.concat(kernel.shape, "x"),
        table.concat(src.shape, "x"))
    end
    if mode == "valid" and (kw > w or kh > h) then
      raise("image.convolve: a kernel of %dx%d is larger than the picture of %dx%d", kw, kh, w, h)
    end
    local x = src.dtype:find("float") and src or src:double()
    if kernel:dim() == 2 and src:dim() == 3 then
      kernel = kernel:view(1, kh, kw):expand(src:size(1), kh, kw)
    end
    local y = torch.conv2(x, kernel:typeAs(x):contiguous(), mode == "valid" and "V" or "F")
    if mode == "same" then
      local n = src:dim()
      for d = n - 1, n do y = y:narrow(d, (kernel:size(d) + 1) // 2, src:size(d)) end
    end
    if src:type() == "torch.ByteTensor" then y = y:round():clamp(0, 255) end
    return common.give(dst, y:typeAs(src))
  end

  --- image.gaussianpyramid([dst,] src, scales)
  --
  -- A picture in several sizes, each made from the one before and blurred.
  --
  -- src: picture
  -- scales: table of numbers, each a factor for src's size
  -- dst: table of tensors for the results
  -- Returns: a table of tensors
  -- From: Torch7
  -- Example:
  --   #image.gaussianpyramid(torch.ones(3, 8, 8), { 1, 0.5 }) --> 2
  function image.gaussianpyramid(...)
    local dst, src, scales = ...
    if select("#", ...) == 2 then dst, src, scales = {}, dst, src end
    common.picture("gaussianpyramid", src)
    if type(scales) ~= "table" or type(dst) ~= "table" then
      raise("image.gaussianpyramid: a table of scales is wanted, got %s", torch.type(scales))
    end
    local kernel = image.gaussian { width = 3, normalize = true }
    local last = src
    local w, h = common.extent(src)
    for i, s in ipairs(scales) do
      common.number("gaussianpyramid", "a scale", s)
      local sized = s == 1 and last:clone() or image.scale(last, w * s, h * s, "simple")
      if dst[i] ~= nil then common.tensor("gaussianpyramid", "a destination", dst[i]) end
      dst[i] = common.give(dst[i], sized)
      last = image.convolve(dst[i], kernel, "same")
    end
    return dst
  end

  --- image.lcn(img[, kernel])
  --
  -- Local contrast normalisation: a grey picture less its local mean, divided by its local deviation where
  -- that is above 1, both weighted by a kernel.
  --
  -- img: picture of one channel
  -- kernel: tensor; a bell of 9 x 9 by default
  -- Returns: a DoubleTensor, smaller than img by the kernel's size less one
  -- Errors: more than one channel
  -- From: Torch7; Jarrett, Kavukcuoglu, Ranzato and LeCun, "What is the best multi-stage architecture for
  --   object recognition?", 2009
  -- Example:
  --   image.lcn(torch.rand(12, 12)):size(1) --> 4
  function image.lcn(img, kernel)
    common.picture("lcn", img)
    if img:dim() == 3 and img:size(1) ~= 1 then raise("image.lcn: grayscale image expected") end
    local x = (img:dim() == 3 and img[1] or img):double()
    kernel = kernel or image.gaussian { size = 9, sigma = 1.591 / 9, normalize = true }
    kernel = common.picture("lcn", kernel, "the kernel"):double()
    if kernel:dim() ~= 2 or kernel:size(1) > x:size(1) or kernel:size(2) > x:size(2) then
      raise("image.lcn: a kernel of %s for a picture of %s", table.concat(kernel.shape, "x"),
        table.concat(img.shape, "x"))
    end
    x = (x - x:mean()) / x:std()
    local mean = image.convolve(x, kernel)
    local variance = image.convolve(torch.cmul(x, x), kernel) - torch.cmul(mean, mean)
    local deviation = variance:clamp(0, math.huge):sqrt()
    local top, left = kernel:size(1) // 2 + 1, kernel:size(2) // 2 + 1
    local middle = x:narrow(1, top, mean:size(1)):narrow(2, left, mean:size(2))
    return torch.cdiv(middle - mean, deviation:clamp(1, math.huge))
  end

  --- image.minmax { tensor = x, min = .., max = .., symm = .., inplace = .., saturate = .., tensorOut = .. }
  --
  -- A tensor's values moved and scaled to 0 to 1.
  --
  -- tensor: tensor
  -- min: the value that becomes 0; the least by default
  -- max: the value that becomes 1; the greatest by default
  -- symm: true: 0 becomes 0.5
  -- inplace: true: the tensor itself is changed
  -- saturate: true: what lies outside is cut off
  -- tensorOut: tensor for the result
  -- Returns: a tensor
  -- From: Torch7
  -- Example:
  --   image.minmax { tensor = torch.Tensor { 2, 3, 6 } }[2] --> 0.25
  function image.minmax(args)
    local x = type(args) == "table" and args.tensor
    if not torch.isTensor(x) or x:nElement() == 0 then
      raise("image.minmax: { tensor = a tensor, .. } is wanted")
    end
    local out = args.inplace and x or torch.Tensor(x:size()):copy(x)
    if args.tensorOut then out = args.tensorOut:resize(x:size()):copy(x) end
    local min, max = args.min, args.max
    local saturate = args.saturate and (min ~= nil or max ~= nil)
    local reach = args.symm and math.max(math.abs(out:min()), math.abs(out:max()))
    min = min or reach and -reach or out:min()
    max = max or reach or out:max()
    out:add(-min)
    if max ~= min then out:div(max - min) end
    return saturate and out:clamp(0, 1) or out
  end

  local function morphology(fn, img, kernel, pad, default)
    common.picture(fn, img)
    kernel = kernel and common.tensor(fn, "the kernel", kernel):double() or torch.ones(3, 3):double()
    if img:dim() ~= 2 or kernel:dim() ~= 2 or kernel:size(1) % 2 == 0 or kernel:size(2) % 2 == 0 then
      raise("image.%s: a picture of height x width and a kernel of odd sizes are wanted", fn)
    end
    local dy, dx = kernel:size(1) // 2, kernel:size(2) // 2
    local padded = torch.DoubleTensor(img:size(1) + 2 * dy, img:size(2) + 2 * dx)
    padded:fill(common.number(fn, "the padding", pad or default))
    padded:narrow(1, dy + 1, img:size(1)):narrow(2, dx + 1, img:size(2)):copy(img)
    return padded, kernel
  end

  --- image.erode(img[, kernel[, pad]])
  -- image.dilate(img[, kernel[, pad]])
  --
  -- Of a picture of 0 and 1: 1 where all, or any, of the places under the kernel are 1.
  --
  -- img: tensor of height x width
  -- kernel: tensor of 0 and 1 of odd sizes; ones of 3 x 3 by default
  -- pad: what is outside: 1 by default, 0 for dilate
  -- Returns: a tensor of img's type
  -- From: Torch7
  -- Example:
  --   x = torch.zeros(3, 3)
  --   x[2][2] = 1
  --   image.dilate(x):sum() --> 9.0
  --   image.erode(x):sum() --> 0.0
  function image.erode(img, kernel, pad)
    local x, k = morphology("erode", img, kernel, pad, 1)
    return torch.conv2(x, k):eq(k:sum()):typeAs(img)
  end

  function image.dilate(img, kernel, pad)
    local x, k = morphology("dilate", img, kernel, pad, 0)
    return torch.conv2(x, image.hflip(image.vflip(k))):gt(0):typeAs(img)
  end
end
