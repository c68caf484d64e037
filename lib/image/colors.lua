-- colors: colour spaces and palettes.

return function(image)
  local torch = require "torch"
  local pixels = require "image._pixels"
  local common = require "image.common"

  -- dst, src of a function that takes them or only src.
  local function pictures(fn, ...)
    local dst, src = common.split(fn, ...)
    return dst, common.rgb(fn, src)
  end

  --- image.rgb2hsv([dst,] src)
  -- image.hsv2rgb([dst,] src)
  -- image.rgb2hsl([dst,] src)
  -- image.hsl2rgb([dst,] src)
  --
  -- Red, green, blue to hue, saturation and value, or lightness, and back; all of 0 to 1, of bytes 0 to 255.
  --
  -- src: picture of three channels
  -- Returns: a tensor of src's type and shape; the tape knows nothing of it
  -- Errors: another number of channels
  -- From: Torch7
  -- Example:
  --   image.rgb2hsv(torch.Tensor { 0, 0, 1 }:view(3, 1, 1)):view(3)[3] --> 1.0
  --   image.hsl2rgb(torch.Tensor { 0, 1, 0.5 }:view(3, 1, 1)):view(3)[1] --> 1.0
  for _, name in ipairs { "rgb2hsv", "hsv2rgb", "rgb2hsl", "hsl2rgb" } do
    image[name] = function(...)
      local dst, src = pictures(name, ...)
      return common.give(dst, common.through(src, function(x) return pixels.colors(x, name) end))
    end
  end

  --- image.rgb2lab([dst,] src)
  -- image.lab2rgb([dst,] src)
  --
  -- sRGB of 0 to 1 to CIE 1976 L*a*b* for the white of D65, and back.
  --
  -- src: picture of three channels of a float type
  -- Returns: a tensor of src's type and shape; the tape knows nothing of it
  -- Errors: src is of an integer type
  -- From: CIE 15; IEC 61966-2-1
  -- Example:
  --   image.rgb2lab(torch.ones(3, 1, 1))[1][1][1] > 99.9 --> true
  for _, name in ipairs { "rgb2lab", "lab2rgb" } do
    image[name] = function(...)
      local dst, src = pictures(name, ...)
      if not src.dtype:find("float") then common.raise("image.%s: not supported for %s", name, src:type()) end
      return common.give(dst, common.through(src, function(x) return pixels.colors(x, name) end))
    end
  end

  -- Each row of weights makes one channel.
  local function mix(src, rows)
    local out = {}
    for i, w in ipairs(rows) do
      out[i] = src[1] * w[1] + src[2] * w[2] + src[3] * w[3]
    end
    return torch.stack(out, 1)
  end

  local LUMA = { { 0.299, 0.587, 0.114 } }

  --- image.rgb2y([dst,] src)
  --
  -- The brightness of colours: 0.299 red + 0.587 green + 0.114 blue.
  --
  -- src: picture of three channels
  -- Returns: a tensor of 1 x height x width
  -- From: Torch7; ITU-R BT.601
  -- Example:
  --   image.rgb2y(torch.ones(3, 2, 2)):size(1) --> 1
  function image.rgb2y(...)
    local dst, src = pictures("rgb2y", ...)
    if src.dtype:find("float") then return common.give(dst, mix(src, LUMA)) end
    -- By way of 0 to 1, so that bytes and floats are rounded alike.
    return common.give(dst, mix(src:float():div(255), LUMA):mul(255):round():to(src.dtype))
  end

  local YUV = { LUMA[1], { -0.14713, -0.28886, 0.436 }, { 0.615, -0.51499, -0.10001 } }
  local FROM_YUV = { { 1, 0, 1.13983 }, { 1, -0.39465, -0.58060 }, { 1, 2.03211, 0 } }

  --- image.rgb2yuv([dst,] src)
  -- image.yuv2rgb([dst,] src)
  --
  -- Red, green, blue to brightness and two differences of colour, and back.
  --
  -- src: picture of three channels of a float type
  -- Returns: a tensor of src's shape
  -- From: Torch7; ITU-R BT.601
  -- Example:
  --   image.rgb2yuv(torch.ones(3, 1, 1))[1][1][1] --> 1.0
  function image.rgb2yuv(...)
    local dst, src = pictures("rgb2yuv", ...)
    return common.give(dst, mix(src, YUV))
  end

  function image.yuv2rgb(...)
    local dst, src = pictures("yuv2rgb", ...)
    return common.give(dst, mix(src, FROM_YUV))
  end

  --- image.rgb2nrgb([dst,] src)
  --
  -- Colours without their brightness: each channel divided by the sum of the three.
  --
  -- src: picture of three channels of a float type
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   image.rgb2nrgb(torch.Tensor { 1, 2, 1 }:view(3, 1, 1))[2][1][1] < 0.5 --> true
  function image.rgb2nrgb(...)
    local dst, src = pictures("rgb2nrgb", ...)
    return common.give(dst, torch.cdiv(src, (src:sum(1) + 1e-6):expandAs(src)))
  end

  local function check_count(fn, n)
    if common.number(fn, "the number of colours", n) < 1 or n > 1e7 then
      common.raise("image.%s: the number of colours is %s, wanted 1 or more", fn, tostring(n))
    end
    return math.floor(n)
  end

  --- image.colormap(n)
  --
  -- Colours that are easily told apart: hues 39 degrees from each other.
  --
  -- n: how many
  -- Returns: a tensor of n x 3, of 0 to 1
  -- From: Torch7
  -- Example:
  --   image.colormap(8):size(2) --> 3
  function image.colormap(n)
    n = check_count("colormap", n)
    local i = torch.range(0, n - 1):double()
    local hsl = torch.DoubleTensor(3, 1, n)
    hsl[1]:copy(torch.fmod(i * 39, 360) / 360)
    hsl[2]:copy(torch.fmod(i / 9, 0.7) + 0.3)
    hsl[3]:fill(0.5)
    return image.hsl2rgb(hsl):view(3, n):t():contiguous():typeAs(torch.Tensor())
  end

  --- image.jetColormap(n)
  --
  -- The colours of a rainbow from dark blue to dark red.
  --
  -- n: how many
  -- Returns: a tensor of n x 3, of 0 to 1
  -- From: Torch7
  -- Example:
  --   image.jetColormap(4)[1][3] --> 1.0
  function image.jetColormap(n)
    n = check_count("jetColormap", n)
    local x = torch.range(1, n):mul(4 / n)
    local columns = {}
    for k, middle in ipairs { 3, 2, 1 } do
      columns[k] = torch.clamp((x - middle):abs():mul(-1):add(1.5), 0, 1)
    end
    return torch.stack(columns, 2)
  end

  --- image.y2jet([dst,] src)
  --
  -- Levels 1 to L as colours of image.jetColormap(L), where L is the highest of them.
  --
  -- src: tensor of levels: height x width, 1 x height x width, or one row
  -- Returns: a tensor of 3 x height x width of src's type
  -- Errors: a level below 1
  -- From: Torch7
  -- Example:
  --   image.y2jet(torch.Tensor { 1, 2, 3, 4 }):size(1) --> 3
  function image.y2jet(...)
    local dst, src = common.split("y2jet", ...)
    if not torch.isTensor(src) or src:nElement() == 0 then common.raise("image.y2jet: levels are wanted") end
    if src:dim() == 1 then src = src:view(1, -1) end
    if src:dim() == 3 and src:size(1) == 1 then src = src[1] end
    common.picture("y2jet", src)
    local levels = src:long():contiguous()
    if src:dim() ~= 2 or levels:min() < 1 then
      common.raise("image.y2jet: levels of %s, wanted one channel of levels from 1 on",
        table.concat(src.shape, "x"))
    end
    local map = image.jetColormap(levels:max())
    if src:type() == "torch.ByteTensor" then map:mul(255):round() end
    local out = map:typeAs(src):index(1, levels:view(-1)):t()
    return common.give(dst, out:contiguous():view(3, src:size(1), src:size(2)))
  end
end
