-- draw: text and rectangles.

return function(image)
  local torch = require "torch"
  local font = require "image.font"
  local common = require "image.common"
  local raise = common.raise

  -- The picture to draw on.
  local function canvas(fn, src, options)
    common.rgb(fn, src)
    if options ~= nil and type(options) ~= "table" then
      raise("image.%s: the options are a %s, wanted a table", fn, torch.type(options))
    end
    return options and options.inplace and src or src:clone()
  end

  local function check_color(fn, color, default)
    color = color or default
    if color and (type(color) ~= "table" or #color ~= 3) then
      raise("image.%s: a colour is a table of red, green and blue, each 0 to 255", fn)
    end
    for _, v in ipairs(color or {}) do common.number(fn, "a part of a colour", v) end
    return color
  end

  -- Fills width x height pixels from (x, y), counted from 0; what lies outside is left out.
  local function fill(out, x, y, width, height, color)
    local w, h = common.extent(out)
    local x2, y2 = math.min(x + width, w), math.min(y + height, h)
    x, y = math.max(x, 0), math.max(y, 0)
    if x2 <= x or y2 <= y then return end
    local unit = out:type() == "torch.ByteTensor" and 1 or 255
    for c = 1, 3 do
      out[c]:narrow(1, y + 1, y2 - y):narrow(2, x + 1, x2 - x):fill(color[c] / unit)
    end
  end

  local function draw_letter(out, letter, x, y, size, color, back)
    if back then fill(out, x, y, font.width * size, font.height * size, back) end
    font.runs(letter, function(i, j, n) fill(out, x + i * size, y + j * size, n * size, size, color) end)
  end

  --- image.drawText(src, text[, x[, y[, options]]])
  --
  -- Text on a picture, in letters of 5 x 7 pixels, one in 6 x 8.  Characters other than ASCII are frames.
  --
  -- src: picture of three channels
  -- text: string; a newline goes to the next line
  -- x: columns left free before the text, 1 by default
  -- y: rows left free above it, 1 by default
  -- options: table; color, {255, 0, 0} by default; bg, the colour behind the letters, none by default; size,
  --   a factor, 1 by default; wrap = false for no new line where the text reaches the right border; inplace
  --   = true draws on src itself
  -- Returns: a picture
  -- Errors: not three channels
  -- From: Torch7 (whose letters were others)
  -- Example:
  --   image.drawText(torch.zeros(3, 8, 8), "I", 0, 0)[1]:sum() --> 11.0
  function image.drawText(src, text, x, y, options)
    local fn = "drawText"
    local out = canvas(fn, src, options)
    options = options or {}
    if type(text) ~= "string" and text ~= nil then
      raise("image.drawText: the text is a %s", torch.type(text))
    end
    local color, back = check_color(fn, options.color, { 255, 0, 0 }), check_color(fn, options.bg)
    if back and back[1] < 0 then back = nil end
    local size = common.size(fn, "the size", options.size or 1)
    x, y = common.place(fn, "x", x or 1), common.place(fn, "y", y or 1)
    local width, height = common.extent(out)
    local left = x
    for letter in (text or ""):gmatch(utf8.len(text or "") and utf8.charpattern or ".") do
      if letter == "\n" then
        x, y = left, y + font.height * size
      elseif letter ~= "\r" then
        if options.wrap ~= false and x + font.width * size >= width and x > 0 then
          x, y = 0, y + font.height * size
        end
        if y >= height then break end
        draw_letter(out, letter, x, y, size, color, back)
        x = x + font.width * size
      end
    end
    return out
  end

  --- image.drawRect(src, x1, y1, x2, y2[, options])
  --
  -- The frame of a rectangle on a picture.
  --
  -- src: picture of three channels
  -- x1: its first column, from 1
  -- y1: its first row
  -- x2: its last column
  -- y2: its last row
  -- options: table; color, {255, 0, 0} by default; lineWidth, 1 by default; inplace = true draws on src
  --   itself
  -- Returns: a picture
  -- Errors: not three channels
  -- From: Torch7
  -- Example:
  --   image.drawRect(torch.zeros(3, 5, 5), 2, 2, 4, 4)[1]:sum() --> 8.0
  function image.drawRect(src, x1, y1, x2, y2, options)
    local fn = "drawRect"
    local out = canvas(fn, src, options)
    if not (x1 and y1 and x2 and y2) then return out end
    options = options or {}
    local color = check_color(fn, options.color, { 255, 0, 0 })
    local line = common.size(fn, "the line's width", options.lineWidth or 1)
    local before = line // 2 + 1
    local left, top = common.place(fn, "x1", x1) - before, common.place(fn, "y1", y1) - before
    local right, bottom = common.place(fn, "x2", x2) - before, common.place(fn, "y2", y2) - before
    fill(out, left, top, right - left + line, line, color)
    fill(out, left, bottom, right - left + line, line, color)
    fill(out, left, top, line, bottom - top + line, color)
    fill(out, right, top, line, bottom - top + line, color)
    return out
  end
end
