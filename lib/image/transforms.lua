-- transforms: callable objects that change a picture, for training: image.transforms.
--
-- Whatever is random comes from torch's generator, so that torch.manualSeed makes it repeat.

return function(image)
  local torch = require "torch"
  local common = require "image.common"
  local raise = common.raise

  local transforms = {}
  image.transforms = transforms

  local Transform = {}
  Transform.__index = Transform
  function Transform.__call(self, img)
    common.picture("transforms." .. self.name, img)
    return self.apply(img)
  end
  function Transform:__tostring() return "image.transforms." .. self.name end

  -- make(fn, ..) checks the arguments and gives the function of a picture.
  local function define(name, make)
    transforms[name] = function(...)
      return setmetatable({ name = name, apply = make("transforms." .. name, ...) }, Transform)
    end
  end

  -- ---- arguments -------------------------------------------------------------------------------

  local function numbers(fn, what, v, count)
    if type(v) ~= "table" or #v ~= count then
      raise("image.%s: %s is %s, wanted a table of %d numbers", fn, what, tostring(v), count)
    end
    for i = 1, count do common.number(fn, what, v[i]) end
    return v
  end

  -- A number is a range around `middle`, which ends at 0 where it is 1.
  local function range(fn, what, v, middle)
    if type(v) == "table" then
      numbers(fn, what, v, 2)
      if v[1] > v[2] then raise("image.%s: %s is from %s to %s", fn, what, v[1], v[2]) end
      return v
    end
    common.number(fn, what, v)
    if v < 0 then raise("image.%s: %s is %s, wanted at least 0", fn, what, v) end
    return { middle == 1 and math.max(0, 1 - v) or middle - v, middle + v }
  end

  -- {height, width} from a number or a table.
  local function extent(fn, v)
    if type(v) == "number" then v = { v, v } end
    numbers(fn, "the size", v, 2)
    return { common.size(fn, "the height", v[1]), common.size(fn, "the width", v[2]) }
  end

  local function probability(fn, v, otherwise)
    if v == nil then v = otherwise end
    common.number(fn, "the probability", v)
    if v < 0 or v > 1 then raise("image.%s: the probability is %s, wanted 0 to 1", fn, v) end
    return v
  end

  local function options(fn, v)
    if v ~= nil and type(v) ~= "table" then raise("image.%s: the options are a %s", fn, torch.type(v)) end
    return v or {}
  end

  local function draw(bounds) return torch.uniform(bounds[1], bounds[2]) end

  -- A whole number from 0 to n.
  local function draw_place(n) return torch.random(1, n + 1) - 1 end

  -- ---- plain ones ------------------------------------------------------------------------------

  --- image.transforms.Compose(list)
  --
  -- Transforms one after the other.
  --
  -- list: table of transforms, or functions of a picture
  -- Returns: a transform: an object that is called with a picture and returns one
  -- Errors: an element that can't be called
  -- From: torchvision
  -- Example:
  --   T = image.transforms
  --   f = T.Compose { T.Resize(8), T.CenterCrop(4), T.ToFloat() }
  --   f(torch.ByteTensor(3, 16, 20):fill(255)):sum() --> 48.0
  define("Compose", function(fn, list)
    if type(list) ~= "table" then
      raise("image.%s: a table of transforms expected, got %s", fn, torch.type(list))
    end
    for i, f in ipairs(list) do
      local mt = getmetatable(f)
      if type(f) ~= "function" and not (mt and mt.__call) then
        raise("image.%s: element %d is a %s, wanted a transform", fn, i, torch.type(f))
      end
    end
    return function(img)
      for _, f in ipairs(list) do img = f(img) end
      return img
    end
  end)

  --- image.transforms.Lambda(f)
  --
  -- A function of a picture as a transform.
  --
  -- f: function
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.Lambda(function(x) return x * 2 end)(torch.ones(1, 2, 2)):sum() --> 8.0
  define("Lambda", function(fn, f)
    if type(f) ~= "function" then raise("image.%s: a function expected, got %s", fn, torch.type(f)) end
    return f
  end)

  local function to_float(img)
    if img.dtype:find("float") then return img end
    return img:float():div(img.dtype == "uint8" and 255 or 1)
  end

  --- image.transforms.ToFloat()
  --
  -- Bytes of 0 to 255 as floats of 0 to 1; floats stay as they are.
  --
  -- Returns: a transform
  -- From: torchvision's ToTensor
  -- Example:
  --   image.transforms.ToFloat()(torch.ByteTensor(1, 1, 1):fill(255)):sum() --> 1.0
  define("ToFloat", function() return to_float end)

  --- image.transforms.Normalize(mean, std)
  --
  -- (x - mean) / std for each channel.
  --
  -- mean: number, or table of one for each channel
  -- std: likewise
  -- Returns: a transform of pictures of floats
  -- Errors: a std of 0, or another number of channels
  -- From: torchvision
  -- Example:
  --   image.transforms.Normalize(0.5, 0.5)(torch.ones(1, 1, 1)):sum() --> 1.0
  define("Normalize", function(fn, mean, std)
    local function check(what, v)
      v = type(v) == "number" and { v } or v
      return numbers(fn, what, v, type(v) == "table" and math.max(#v, 1) or 1)
    end
    mean, std = check("the mean", mean), check("the standard deviation", std)
    for _, s in ipairs(std) do
      if s == 0 then raise("image.%s: a standard deviation is 0", fn) end
    end
    local function column(img, v)
      if #v ~= 1 and (img:dim() ~= 3 or #v ~= img:size(1)) then
        raise("image.%s: %d values for a picture of %s", fn, #v, table.concat(img.shape, "x"))
      end
      return #v == 1 and v[1] or torch.Tensor(v):typeAs(img):view(#v, 1, 1)
    end
    return function(img)
      if not img.dtype:find("float") then
        raise("image.%s: a picture of %s, wanted floats", fn, img:type())
      end
      return (img - column(img, mean)) / column(img, std)
    end
  end)

  --- image.transforms.Resize(size[, mode])
  --
  -- A picture of another size.
  --
  -- size: number: the shorter side; or table {height, width}
  -- mode: as for image.scale
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.Resize(4)(torch.zeros(3, 8, 16)):size(3) --> 8
  define("Resize", function(fn, size, mode)
    if type(size) == "table" then
      size = extent(fn, size)
      return function(img) return image.scale(img, size[2], size[1], mode) end
    end
    size = common.size(fn, "the size", size)
    return function(img)
      local w, h = common.extent(img)
      local short = math.min(w, h)
      return image.scale(img, w * size // short, h * size // short, mode)
    end
  end)

  --- image.transforms.CenterCrop(size)
  --
  -- The middle of a picture.
  --
  -- size: number, or table {height, width}
  -- Returns: a transform
  -- Errors: the picture is smaller
  -- From: torchvision
  -- Example:
  --   image.transforms.CenterCrop(2)(torch.zeros(3, 8, 8)):size(2) --> 2
  define("CenterCrop", function(fn, size)
    size = extent(fn, size)
    return function(img) return image.crop(img, "c", size[2], size[1]) end
  end)

  -- Left, top, right, bottom from a number or a table of two or four.
  local function borders(fn, v)
    if type(v) == "number" then v = { v, v, v, v } end
    if type(v) == "table" and #v == 2 then v = { v[1], v[2], v[1], v[2] } end
    numbers(fn, "the padding", v, 4)
    local out = {}
    for i = 1, 4 do
      out[i] = common.place(fn, "the padding", v[i])
      if out[i] < 0 then raise("image.%s: a padding of %d", fn, out[i]) end
    end
    return out
  end

  local function pad(img, by, value)
    local size, n = img:size(), img:dim()
    local w, h = common.extent(img)
    size[n], size[n - 1] = w + by[1] + by[3], h + by[2] + by[4]
    local out = img.new(size):fill(value)
    out:narrow(n, by[1] + 1, w):narrow(n - 1, by[2] + 1, h):copy(img)
    return out
  end

  --- image.transforms.Pad(padding[, fill])
  --
  -- A border around a picture.
  --
  -- padding: number of pixels, or table {left and right, top and bottom} or {left, top, right, bottom}
  -- fill: number, 0 by default
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.Pad(1, 1)(torch.zeros(1, 2, 2)):sum() --> 12.0
  define("Pad", function(fn, padding, fill)
    padding, fill = borders(fn, padding), common.number(fn, "the fill", fill or 0)
    return function(img) return pad(img, padding, fill) end
  end)

  -- ---- random places ---------------------------------------------------------------------------

  --- image.transforms.RandomCrop(size[, options])
  --
  -- A part of a picture from a random place.
  --
  -- size: number, or table {height, width}
  -- options: table; padding, as for Pad, added before; fill, its value, 0 by default
  -- Returns: a transform
  -- Errors: the picture is smaller
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomCrop(4, { padding = 1 })(torch.zeros(3, 4, 4)):size(2) --> 4
  define("RandomCrop", function(fn, size, opts)
    size, opts = extent(fn, size), options(fn, opts)
    local padding = opts.padding and borders(fn, opts.padding)
    local fill = common.number(fn, "the fill", opts.fill or 0)
    return function(img)
      if padding then img = pad(img, padding, fill) end
      local w, h = common.extent(img)
      if w < size[2] or h < size[1] then
        raise("image.%s: a picture of %dx%d is smaller than %dx%d", fn, w, h, size[2], size[1])
      end
      local x, y = draw_place(w - size[2]), draw_place(h - size[1])
      return image.crop(img, x, y, x + size[2], y + size[1])
    end
  end)

  -- A random part of an area in `scale` and a shape in `ratio`: x, y, width, height; nil when none was found.
  local function draw_part(w, h, scale, ratio)
    for _ = 1, 10 do
      local area = w * h * draw(scale)
      local shape = math.exp(torch.uniform(math.log(ratio[1]), math.log(ratio[2])))
      local width = math.floor(math.sqrt(area * shape) + 0.5)
      local height = math.floor(math.sqrt(area / shape) + 0.5)
      if width >= 1 and height >= 1 and width <= w and height <= h then
        return draw_place(w - width), draw_place(h - height), width, height
      end
    end
    return nil
  end

  local function check_ratio(fn, v)
    range(fn, "the ratio", v, 1)
    if v[1] <= 0 then raise("image.%s: the ratio begins at %s, wanted more than 0", fn, v[1]) end
    return v
  end

  --- image.transforms.RandomResizedCrop(size[, options])
  --
  -- A random part of a picture, scaled to a size.
  --
  -- size: number, or table {height, width}
  -- options: table; scale, {0.08, 1} by default, the part's area relative to the picture's; ratio, {3/4,
  --   4/3} by default, its width relative to its height; mode, as for image.scale
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomResizedCrop(4)(torch.zeros(3, 9, 9)):size(2) --> 4
  define("RandomResizedCrop", function(fn, size, opts)
    size, opts = extent(fn, size), options(fn, opts)
    local scale = range(fn, "the scale", opts.scale or { 0.08, 1 })
    local ratio = check_ratio(fn, opts.ratio or { 3 / 4, 4 / 3 })
    return function(img)
      local w, h = common.extent(img)
      local x, y, width, height = draw_part(w, h, scale, ratio)
      if not x then
        width = math.max(1, math.min(w, math.floor(h * ratio[2])))
        height = math.max(1, math.min(h, math.floor(width / ratio[1])))
        x, y = (w - width) // 2, (h - height) // 2
      end
      return image.scale(image.crop(img, x, y, x + width, y + height), size[2], size[1], opts.mode)
    end
  end)

  --- image.transforms.RandomHorizontalFlip([p])
  -- image.transforms.RandomVerticalFlip([p])
  --
  -- Mirrors a picture, now and then.
  --
  -- p: the probability, 0.5 by default
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomHorizontalFlip(1)(torch.Tensor { { 1, 2 } })[1][1] --> 2.0
  --   image.transforms.RandomVerticalFlip(0)(torch.Tensor { { 1 }, { 2 } })[1][1] --> 1.0
  for name, flip in pairs { RandomHorizontalFlip = "hflip", RandomVerticalFlip = "vflip" } do
    define(name, function(fn, p)
      p = probability(fn, p, 0.5)
      return function(img)
        if torch.uniform() < p then return image[flip](img) end
        return img
      end
    end)
  end

  local function check_mode(fn, mode)
    return common.one_of(fn, "the mode", mode or "bilinear", "bilinear", "simple", "bicubic", "lanczos")
  end

  -- Turned counter-clockwise by `angle`, scaled, sheared, moved, around the centre.
  local function affine(img, angle, scale, shear, x, y, mode, fill)
    local c, s, k = math.cos(angle), math.sin(angle), math.tan(shear)
    -- Of (row, column): the turn times the shear of columns by rows, and its inverse.
    local a, b, d, e = scale * (c - s * k), -scale * s, scale * (s + c * k), scale * c
    local det = a * e - b * d
    local inverse = { e / det, -b / det, -d / det, a / det }
    local move = { inverse[1] * y + inverse[2] * x, inverse[3] * y + inverse[4] * x }
    return common.affine(img, inverse, move, mode, true, fill)
  end

  --- image.transforms.RandomRotation(degrees[, options])
  --
  -- Turns a picture counter-clockwise around its centre by a random angle.
  --
  -- degrees: number, from -degrees to degrees; or table {least, most}
  -- options: table; mode, as for image.warp; fill, the value outside, 0 by default
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomRotation({ 90, 90 })(torch.Tensor { { 1, 2 }, { 3, 4 } }):round()[1][1] --> 2.0
  define("RandomRotation", function(fn, degrees, opts)
    degrees, opts = range(fn, "the angle", degrees, 0), options(fn, opts)
    local fill = common.number(fn, "the fill", opts.fill or 0)
    local mode = check_mode(fn, opts.mode)
    return function(img) return affine(img, math.rad(draw(degrees)), 1, 0, 0, 0, mode, fill) end
  end)

  --- image.transforms.RandomAffine(degrees[, options])
  --
  -- Turns, moves, scales and shears a picture by random amounts, around its centre.
  --
  -- degrees: as for RandomRotation
  -- options: table; translate, {x, y}, the farthest moves relative to the width and height; scale, {least,
  --   most} factors; shear, degrees, as the angle; mode and fill as for RandomRotation
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomAffine(10, { translate = { 0.1, 0.1 } })(torch.zeros(3, 8, 8)):sum() --> 0.0
  define("RandomAffine", function(fn, degrees, opts)
    degrees, opts = range(fn, "the angle", degrees, 0), options(fn, opts)
    local shift = numbers(fn, "the translation", opts.translate or { 0, 0 }, 2)
    local scale = range(fn, "the scale", opts.scale or { 1, 1 })
    if scale[1] <= 0 then raise("image.%s: the scale begins at %s, wanted more than 0", fn, scale[1]) end
    local shear = range(fn, "the shear", opts.shear or 0, 0)
    if shear[1] <= -90 or shear[2] >= 90 then
      raise("image.%s: the shear is wanted between -90 and 90", fn)
    end
    local fill = common.number(fn, "the fill", opts.fill or 0)
    local mode = check_mode(fn, opts.mode)
    return function(img)
      local w, h = common.extent(img)
      local angle, factor = math.rad(draw(degrees)), draw(scale)
      local x, y = torch.uniform(-1, 1) * shift[1] * w, torch.uniform(-1, 1) * shift[2] * h
      x, y = math.floor(x + 0.5), math.floor(y + 0.5)
      return affine(img, angle, factor, math.rad(draw(shear)), x, y, mode, fill)
    end
  end)

  --- image.transforms.RandomErasing([options])
  --
  -- Fills a random rectangle of a picture, now and then.
  --
  -- options: table; p, the probability, 0.5 by default; scale, {0.02, 0.33} by default, the rectangle's area
  --   relative to the picture's; ratio, {0.3, 3.3} by default, its width relative to its height; value, 0 by
  --   default
  -- Returns: a transform
  -- From: Zhong, Zheng, Kang, Li and Yang, "Random erasing data augmentation", 2020; torchvision
  -- Example:
  --   image.transforms.RandomErasing { p = 1 }(torch.ones(1, 8, 8)):sum() < 64 --> true
  define("RandomErasing", function(fn, opts)
    opts = options(fn, opts)
    local p = probability(fn, opts.p, 0.5)
    local scale = range(fn, "the scale", opts.scale or { 0.02, 0.33 })
    local ratio = check_ratio(fn, opts.ratio or { 0.3, 3.3 })
    local value = common.number(fn, "the value", opts.value or 0)
    return function(img)
      if torch.uniform() >= p then return img end
      local w, h = common.extent(img)
      local x, y, width, height = draw_part(w, h, scale, ratio)
      if not x then return img end
      local out, n = img:clone(), img:dim()
      out:narrow(n, x + 1, width):narrow(n - 1, y + 1, height):fill(value)
      return out
    end
  end)

  -- ---- random colours --------------------------------------------------------------------------

  -- f on the picture as floats of 0 to 1; the result of the picture's own type.
  local function on_floats(img, f)
    local y = f(to_float(img))
    if img.dtype == "uint8" then y = y:clamp(0, 1):mul(255):round() end
    return y:typeAs(img)
  end

  local function grey(img) return image.rgb2y(img):expandAs(img) end

  local function blend(img, other, factor) return (img * factor + other * (1 - factor)):clamp(0, 1) end

  local changes = {
    brightness = function(img, f) return (img * f):clamp(0, 1) end,
    contrast = function(img, f) return blend(img, image.rgb2y(img):mean(), f) end,
    saturation = function(img, f) return blend(img, grey(img), f) end,
    hue = function(img, f)
      local hsv = image.rgb2hsv(img)
      hsv[1]:add(f)
      hsv[1]:copy(hsv[1] - torch.floor(hsv[1]))
      return image.hsv2rgb(hsv)
    end,
  }

  --- image.transforms.ColorJitter(options)
  --
  -- Changes brightness, contrast, saturation and hue by random amounts, in a random order.
  --
  -- options: table; brightness, contrast, saturation: a number b for factors of 1 - b to 1 + b, or {least,
  --   most};
  --   hue: a number up to 0.5 for turns of -hue to hue, or {least, most}
  -- Returns: a transform of pictures of three channels
  -- From: torchvision
  -- Example:
  --   f = image.transforms.ColorJitter { brightness = { 0.5, 0.5 } }
  --   f(torch.ones(3, 1, 1)):sum() --> 1.5
  define("ColorJitter", function(fn, opts)
    opts = options(fn, opts)
    local names, bounds = {}, {}
    for i, name in ipairs { "brightness", "contrast", "saturation", "hue" } do
      names[i] = name
      bounds[name] = opts[name] and range(fn, name, opts[name], name == "hue" and 0 or 1)
    end
    if bounds.hue and (bounds.hue[1] < -0.5 or bounds.hue[2] > 0.5) then
      raise("image.%s: the hue is wanted within -0.5 and 0.5", fn)
    end
    return function(img)
      common.rgb(fn, img)
      local order = torch.randperm(#names)
      return on_floats(img, function(x)
        for i = 1, #names do
          local name = names[math.tointeger(order[i])]
          if bounds[name] then x = changes[name](x, draw(bounds[name])) end
        end
        return x
      end)
    end
  end)

  --- image.transforms.RandomGrayscale([p])
  --
  -- Takes the colours away, now and then; the picture keeps its three channels.
  --
  -- p: the probability, 0.1 by default
  -- Returns: a transform of pictures of three channels
  -- From: torchvision
  -- Example:
  --   image.transforms.RandomGrayscale(1)(torch.rand(3, 2, 2)):std(1):max() < 1e-6 --> true
  define("RandomGrayscale", function(fn, p)
    p = probability(fn, p, 0.1)
    return function(img)
      common.rgb(fn, img)
      if torch.uniform() >= p then return img end
      return grey(img):clone()
    end
  end)

  -- Places of a line of n, mirrored at its ends, from -r on to n + r.
  local function mirrored(n, r)
    local places, period = torch.LongTensor(n + 2 * r), math.max(1, 2 * (n - 1))
    for i = 1, n + 2 * r do
      local at = (i - 1 - r) % period
      places[i] = (at < n and at or period - at) + 1
    end
    return places
  end

  --- image.transforms.GaussianBlur(kernel[, sigma])
  --
  -- Blurs a picture by a bell of a random width; the picture is mirrored at its borders.
  --
  -- kernel: the bell's size in pixels, an odd number
  -- sigma: its width in pixels, a number or {least, most}; {0.1, 2} by default
  -- Returns: a transform
  -- From: torchvision
  -- Example:
  --   image.transforms.GaussianBlur(3)(torch.ones(1, 4, 4)):sum() > 15.99 --> true
  define("GaussianBlur", function(fn, kernel, sigma)
    kernel = common.size(fn, "the kernel's size", kernel)
    if kernel % 2 == 0 then raise("image.%s: a kernel of %d, wanted an odd number", fn, kernel) end
    if type(sigma) == "number" then sigma = { sigma, sigma } end
    sigma = range(fn, "sigma", sigma or { 0.1, 2 })
    if sigma[1] <= 0 then raise("image.%s: sigma is %s, wanted more than 0", fn, sigma[1]) end
    return function(img)
      local bell = image.gaussian1D { size = kernel, sigma = draw(sigma) / kernel, normalize = true }
      return on_floats(img, function(x)
        local n = x:dim()
        for d = n - 1, n do
          local wide = x:index(d, mirrored(x:size(d), kernel // 2))
          x = image.convolve(wide, d == n and bell:view(1, kernel) or bell:view(kernel, 1))
        end
        return x
      end)
    end
  end)
end
