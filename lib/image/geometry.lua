-- geometry: pictures of another size, in other places, mirrored, turned and warped.

return function(image)
  local torch = require "torch"
  local pixels = require "image._pixels"
  local common = require "image.common"
  local raise, picture, through, give = common.raise, common.picture, common.through, common.give

  -- The width and height that a size of image.scale asks for.
  local function wanted_size(x, size)
    local w, h = common.extent(x)
    local text = tostring(size)
    local most = tonumber(text)
    local factor = most and most / math.max(w, h)
    if not factor then
      local width, height = text:match("^(%d+)x(%d+)$")
      if width then return tonumber(width), tonumber(height) end
      local least = tonumber(text:match("^%^(%d+)$"))
      local up, down = text:match("^%*(%d+)/(%d+)$")
      local percent = tonumber(text:match("^([%d.]+)%%$"))
      factor = least and least / math.min(w, h) or up and tonumber(up) / tonumber(down)
        or percent and percent / 100 or tonumber(text:match("^%*([%d.]+)$"))
    end
    if not factor then
      raise("image.scale: the size is '%s', wanted 'WxH', 'MAX', '^MIN', '*SC', '*UP/DOWN' or 'PERCENT%%'",
        text)
    end
    -- A product that should be whole is not cut off below.
    return w * factor + 1e-9, h * factor + 1e-9
  end

  --- image.scale(src, width, height[, mode])
  -- image.scale(src, size[, mode])
  -- image.scale(dst, src[, mode])
  --
  -- A picture of another size.
  --
  -- src: picture, height x width or channels x height x width
  -- dst: tensor of the size that is wanted
  -- size: number or string: the longer side; "WxH"; "^MIN", the shorter side; "*SC", "*UP/DOWN" or "50%", a
  --   factor
  -- mode: "bilinear" by default, the mean of what a pixel covers where it becomes smaller; "bicubic";
  --   "simple" or "nearest", one pixel
  -- Returns: a tensor of src's type; the tape knows nothing of it (nn.functional.interpolate has gradients)
  -- From: Torch7
  -- Example:
  --   x = torch.Tensor { { 0, 1 } }
  --   image.scale(x, 3, 1)[1][2] --> 0.5
  --   image.scale(torch.zeros(3, 4, 8), "^2"):size(3) --> 4
  function image.scale(...)
    local dst, src, a, b, mode
    if torch.isTensor((select(2, ...))) then
      dst, src, mode = ...
      picture("scale", dst, "the destination")
      a, b = common.extent(dst)
    else
      src, a, b, mode = ...
    end
    picture("scale", src)
    if type(b) == "string" or b == nil then
      mode = b
      if a == nil then raise("image.scale: a size is missing") end
      a, b = wanted_size(src, a)
      a, b = math.max(a, 1), math.max(b, 1)
    end
    mode = mode == "nearest" and "simple" or mode or "bilinear"
    common.one_of("scale", "the mode", mode, "bilinear", "bicubic", "simple")
    local width, height = common.size("scale", "the width", a), common.size("scale", "the height", b)
    if dst and (dst:dim() ~= src:dim() or dst:dim() == 3 and dst:size(1) ~= src:size(1)) then
      raise("image.scale: from %s to %s: the channels differ", table.concat(src.shape, "x"),
        table.concat(dst.shape, "x"))
    end
    local y = through(src, function(x) return pixels.scale(x, height, width, mode) end)
    return dst and dst:copy(y) or y
  end

  local corners = {
    c = function(w, h) return w // 2, h // 2 end,
    tl = function() return 0, 0 end,
    tr = function(w) return w, 0 end,
    bl = function(_, h) return 0, h end,
    br = function(w, h) return w, h end,
  }

  -- A part of src as a view.
  local function part(src, x1, y1, width, height)
    local w, h = common.extent(src)
    if x1 < 0 or y1 < 0 or width < 1 or height < 1 or x1 + width > w or y1 + height > h then
      raise("image.crop: %dx%d from (%d, %d) on: the crop goes outside bounds of src, which is %dx%d",
        width, height, x1, y1, w, h)
    end
    return src:narrow(src:dim(), x1 + 1, width):narrow(src:dim() - 1, y1 + 1, height)
  end

  --- image.crop(src, x1, y1[, x2, y2])
  -- image.crop(src, format, width, height)
  -- image.crop(dst, src, ..)
  --
  -- A part of a picture.
  --
  -- src: picture
  -- dst: tensor; with only x1 and y1 it says how large the part is; otherwise the part is scaled to its size
  -- x1: column of the first pixel, counted from 0; y1: its row
  -- x2: the column after the last one; y2: the row after it
  -- format: "c", the centre; "tl", "tr", "bl", "br", a corner: top or bottom, left or right
  -- Returns: a copy, or dst
  -- Errors: the part lies outside src
  -- From: Torch7
  -- Example:
  --   x = torch.range(1, 9):view(3, 3)
  --   image.crop(x, "c", 1, 1):sum() --> 5.0
  --   image.crop(x, 0, 0, 2, 1):sum() --> 3.0
  function image.crop(...)
    local dst, src, a, b, c, d = common.split("crop", ...)
    picture("crop", src)
    local x1, y1, width, height
    if type(a) == "string" then
      if not corners[a] then raise("image.crop: the format is '%s', wanted c, tl, tr, bl or br", a) end
      width, height = common.size("crop", "the width", b), common.size("crop", "the height", c)
      local w, h = common.extent(src)
      x1, y1 = corners[a](w - width, h - height)
    else
      x1, y1 = common.place("crop", "x1", a), common.place("crop", "y1", b)
      if c == nil then
        if dst == nil then raise("image.crop: x2 and y2 are missing") end
        width, height = common.extent(picture("crop", dst, "the destination"))
        return dst:copy(part(src, x1, y1, width, height))
      end
      width, height = common.place("crop", "x2", c) - x1, common.place("crop", "y2", d) - y1
    end
    local y = part(src, x1, y1, width, height)
    if dst then return image.scale(dst, y) end
    return y:clone()
  end

  --- image.translate([dst,] src, x, y)
  --
  -- A picture moved to the right by x and down by y; 0 where nothing comes from.
  --
  -- src: picture
  -- x: number of columns, negative for left
  -- y: number of rows, negative for up
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   image.translate(torch.Tensor { { 1, 2, 3 } }, 1, 0):sum() --> 3.0
  function image.translate(...)
    local dst, src, x, y = common.split("translate", ...)
    picture("translate", src)
    x, y = common.place("translate", "x", x), common.place("translate", "y", y)
    local w, h = common.extent(src)
    local out = torch.zerosLike(src)
    if math.abs(x) < w and math.abs(y) < h then
      local width, height = w - math.abs(x), h - math.abs(y)
      part(out, math.max(x, 0), math.max(y, 0), width, height):copy(
        part(src, math.max(-x, 0), math.max(-y, 0), width, height))
    end
    return give(dst, out)
  end

  --- image.rotate([dst,] src, theta[, mode])
  --
  -- A picture turned counter-clockwise around its centre, of the same size; 0 in the corners.
  --
  -- src: picture
  -- theta: number, the angle in radians
  -- mode: "simple" by default, the nearest pixel; or "bilinear"
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   x = torch.Tensor { { 1, 2 }, { 3, 4 } }
  --   image.rotate(x, math.pi / 2)[1][1] --> 2.0
  function image.rotate(...)
    local dst, src, theta, mode = common.split("rotate", ...)
    picture("rotate", src)
    theta = common.number("rotate", "the angle", theta)
    mode = common.one_of("rotate", "the mode", mode or "simple", "simple", "bilinear")
    return give(dst, through(src, function(x) return pixels.rotate(x, theta, mode) end))
  end

  local function polar(fn, log, ...)
    local first, second = ...
    local dst, src, interpolation, mode
    if torch.isTensor(second) then
      dst, src, interpolation, mode = ...
      common.tensor(fn, "the destination", dst)
    else
      src, interpolation, mode = first, second, (select(3, ...))
    end
    picture(fn, src)
    interpolation = common.one_of(fn, "the interpolation", interpolation or "simple", "simple", "bilinear")
    mode = common.one_of(fn, "the mode", mode or "valid", "valid", "full")
    local w, h = common.extent(src)
    local width, height = math.max(w, h), math.max(w, h)
    if dst and dst:nElement() > 0 then width, height = common.extent(picture(fn, dst, "the destination")) end
    return give(dst, through(src, function(x)
      return pixels.polar(x, height, width, interpolation, mode == "full", log)
    end))
  end

  --- image.polar([dst,] src[, interpolation[, mode]])
  -- image.logpolar([dst,] src[, interpolation[, mode]])
  --
  -- A picture in polar coordinates: its rows are angles, its columns distances from the centre, in logpolar
  -- the logarithms of them.
  --
  -- src: picture
  -- dst: tensor of the size that is wanted; a square as large as src's longer side otherwise
  -- interpolation: "simple" by default, or "bilinear"
  -- mode: "valid" by default, distances up to the nearer border; "full", up to the corner, 0 outside
  -- Returns: a tensor
  -- From: Torch7
  -- Example:
  --   image.polar(torch.ones(1, 4, 4)):sum() --> 16.0
  function image.polar(...) return polar("polar", false, ...) end

  function image.logpolar(...) return polar("logpolar", true, ...) end

  -- Arguments after the field or the matrix: mode, offset, what to do outside, and the value there.
  local function check_outside(fn, clamp, value)
    common.one_of(fn, "the clamp mode", clamp, "clamp", "pad")
    if value ~= nil and clamp ~= "pad" then
      raise("image.%s: pad_value can only be specified if clamp_mode = 'pad'", fn)
    end
    return clamp == "pad", common.number(fn, "the pad value", value or 0)
  end

  local function warp(fn, dst, src, field, mode, offset, clamp, value)
    if dst ~= nil then common.tensor(fn, "the destination", dst) end
    mode = common.one_of(fn, "the mode", mode or "bilinear", "bilinear", "simple", "bicubic", "lanczos")
    local pad, outside = check_outside(fn, clamp or "clamp", value)
    if not torch.isTensor(field) or field:dim() ~= 3 or field:size(1) ~= 2 then
      raise("image.%s: the field is %s, wanted a tensor of 2 x height x width", fn,
        torch.isTensor(field) and "of " .. table.concat(field.shape, "x") or "a " .. torch.type(field))
    end
    field = field:detach():to("cpu"):double():contiguous()
    return give(dst, through(src, function(x)
      return pixels.warp(x, field, mode, offset ~= false, pad, outside)
    end))
  end

  --- image.warp([dst,] src, field[, mode[, offset[, clamp_mode[, pad_value]]]])
  --
  -- A picture whose pixels come from other places: pixel (y, x) of the result is src at (field[1][y][x],
  -- field[2][y][x]), counted from 0.
  --
  -- src: picture
  -- field: tensor of 2 x height x width: rows, then columns
  -- mode: "bilinear" by default, "simple" (the nearest pixel), "bicubic" or "lanczos"
  -- offset: true by default: the field says how far from (y, x)
  -- clamp_mode: "clamp" by default: outside src is what its border has; "pad": pad_value
  -- pad_value: number, 0 by default
  -- Returns: a tensor of src's type, of the field's height and width; the tape knows nothing of it
  -- Errors: the field's shape is wrong
  -- From: Torch7 (whose bicubic took 0 for what is outside in "clamp" too)
  -- Example:
  --   x = torch.Tensor { { 1, 2, 3 } }
  --   image.warp(x, torch.ones(2, 1, 3), "simple"):sum() --> 8.0
  function image.warp(...)
    local args = table.pack(...)
    local dst, at = nil, 1
    if torch.isTensor(args[3]) then dst, at = args[1], 2 end
    local src = picture("warp", args[at])
    return warp("warp", dst, src, table.unpack(args, at + 1, args.n))
  end

  --- image.affinetransform([dst,] src, matrix[, mode[, translation[, clamp_mode[, pad_value]]]])
  --
  -- A picture under a linear map around its centre and a move: the place p, (row, column) from the centre,
  -- of the result is src at matrix * p - translation.
  --
  -- src: picture
  -- matrix: tensor of 2 x 2, for (row, column)
  -- mode: as for image.warp
  -- translation: tensor or table of two numbers, rows and columns; none by default
  -- clamp_mode: as for image.warp
  -- pad_value: as for image.warp
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   x = torch.Tensor { { 1, 2 }, { 3, 4 } }
  --   image.affinetransform(x, torch.eye(2) * -1)[1][1] --> 4.0
  function image.affinetransform(...)
    local args = table.pack(...)
    local dst, at = nil, 1
    if torch.isTensor(args[3]) and torch.isTensor(args[2]) then
      if args[3]:dim() == 2 then dst, at = args[1], 2 end
    end
    local fn, src = "affinetransform", picture("affinetransform", args[at])
    local matrix, mode, move, clamp, value = table.unpack(args, at + 1, args.n)
    if not torch.isTensor(matrix) or matrix:nElement() ~= 4 then
      raise("image.%s: a 2x2 matrix is wanted", fn)
    end
    matrix = matrix:detach():to("cpu"):double():reshape(4):totable()
    move = move == nil and { 0, 0 } or torch.isTensor(move) and move:totable() or move
    if type(move) ~= "table" or #move ~= 2 then raise("image.%s: the translation is two numbers", fn) end
    mode = common.one_of(fn, "the mode", mode or "bilinear", "bilinear", "simple", "bicubic", "lanczos")
    local pad, outside = check_outside(fn, clamp or "clamp", value)
    if dst ~= nil then common.tensor(fn, "the destination", dst) end
    return give(dst, common.affine(src, matrix, move, mode, pad, outside))
  end

  --- image.flip([dst,] src, dim)
  --
  -- A tensor with the places of one dimension in reverse.
  --
  -- src: tensor
  -- dim: 1 to src:dim()
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   image.flip(torch.Tensor { 1, 2, 3 }, 1)[1] --> 3.0
  function image.flip(...)
    local dst, src, dim = common.split("flip", ...)
    if not torch.isTensor(src) then raise("image.flip: a tensor expected, got %s", torch.type(src)) end
    if not math.tointeger(dim) or dim < 1 or dim > src:dim() then
      raise("image.flip: Bad flip dimension %s of a tensor of %s", tostring(dim),
        table.concat(src.shape, "x"))
    end
    return give(dst, torch.flip(src, math.tointeger(dim)))
  end

  --- image.hflip([dst,] src)
  -- image.vflip([dst,] src)
  --
  -- A picture mirrored: left and right, or top and bottom.
  --
  -- src: picture
  -- dst: tensor; may be src
  -- Returns: a tensor of src's shape
  -- From: Torch7
  -- Example:
  --   image.hflip(torch.Tensor { { 1, 2, 3 } })[1][1] --> 3.0
  function image.hflip(...)
    local dst, src = common.split("hflip", ...)
    return give(dst, torch.flip(picture("hflip", src), src:dim()))
  end

  function image.vflip(...)
    local dst, src = common.split("vflip", ...)
    return give(dst, torch.flip(picture("vflip", src), src:dim() - 1))
  end
end
