-- show: pictures put together, shown, and two to try things on.

return function(image)
  local torch = require "torch"
  local dok = require "dok"
  local terminal = require "xlua._terminal"
  local notebook = require "xlua._display"
  local common = require "image.common"
  local raise = common.raise

  -- The pictures of a table as one tensor.
  local function pack(fn, input)
    if torch.isTensor(input) then return torch.Tensor(input:size()):copy(input) end
    if type(input) ~= "table" or #input == 0 then
      raise("image.%s: the input is a %s, wanted a tensor or a table of pictures", fn, torch.type(input))
    end
    local first = common.picture(fn, input[1])
    local w, h = common.extent(first)
    local packed = torch.Tensor(#input, first:dim() == 2 and 1 or first:size(1), h, w)
    for i, img in ipairs(input) do
      common.picture(fn, img)
      if img:nElement() ~= first:nElement() or img:size(img:dim()) ~= w then
        raise("image.%s: picture %d is of %s, the first of %s", fn, i, table.concat(img.shape, "x"),
          table.concat(first.shape, "x"))
      end
      packed[i]:copy(img)
    end
    return packed
  end

  -- n pictures of planes x height x width side by side, `columns` in a row.
  local function grid_of(packed, columns, padding)
    local n, planes, height, width = packed:size(1), packed:size(2), packed:size(3), packed:size(4)
    columns = math.min(columns, n)
    local rows, h, w = math.ceil(n / columns), height + padding, width + padding
    local grid = torch.Tensor(planes, h * rows, w * columns):fill(packed:max())
    for k = 0, n - 1 do
      local y, x = k // columns * h + 1 + padding // 2, k % columns * w + 1 + padding // 2
      grid:narrow(2, y, height):narrow(3, x, width):copy(packed[k + 1])
    end
    return grid
  end

  --- image.toDisplayTensor(input[, padding[, nrow[, scaleeach[, min[, max[, symmetric[, saturate]]]]]]])
  --
  -- Several pictures side by side as one, with values of 0 to 1.  The arguments may be given by their names
  -- in one table.
  --
  -- input: table of pictures of one size, or a tensor: n x height x width, n x 1 or 3 x height x width, or
  --   one picture
  -- padding: pixels between them, 0 by default
  -- nrow: how many in a row, 6 by default
  -- scaleeach: true: each is scaled to 0 to 1 on its own
  -- min: as for image.minmax
  -- max: as for image.minmax
  -- symmetric: true: 0 becomes 0.5
  -- saturate: true by default: what lies outside min to max is cut off
  -- Returns: a tensor of height x width, or 1 or 3 x height x width
  -- From: Torch7
  -- Example:
  --   image.toDisplayTensor({ torch.rand(3, 4, 4), torch.rand(3, 4, 4) }, 2):size(3) --> 12
  function image.toDisplayTensor(...)
    local fn = "toDisplayTensor"
    local a = dok.unpack({ ... }, "image." .. fn, "", { arg = "input", req = true },
      { arg = "padding", default = 0 },
      { arg = "nrow", default = 6 }, { arg = "scaleeach", default = false }, { arg = "min" }, { arg = "max" },
      { arg = "symmetric", default = false }, { arg = "saturate", default = true })
    local packed = pack(fn, a.input)
    local padding, columns = common.place(fn, "the padding", a.padding), common.size(fn, "nrow", a.nrow)
    local dims, planes = packed:dim(), packed:dim() > 2 and packed:size(packed:dim() - 2) or 0
    local function rescale(x)
      return image.minmax { tensor = x, inplace = true, min = a.min, max = a.max, symm = a.symmetric,
        saturate = a.saturate }
    end
    if packed:nElement() == 0 or padding < 0 or dims < 2 or dims > 4
      or dims == 4 and planes ~= 1 and planes ~= 3 then
      raise("image.%s: an input of %s, wanted height x width, n x height x width or n x 3 x height x width",
        fn, table.concat(packed.shape, "x"))
    end
    if dims == 2 or dims == 3 and (planes == 1 or planes == 3) then return rescale(packed) end
    if a.scaleeach then
      for i = 1, packed:size(1) do rescale(packed[i]) end
    end
    local flat = dims == 3
    if flat then packed = packed:view(packed:size(1), 1, packed:size(2), packed:size(3)) end
    local grid = grid_of(packed, columns, padding)
    if not a.scaleeach then rescale(grid) end
    return flat and grid[1] or grid
  end

  -- The picture as lines of half blocks: each character shows two pixels, one above the other.
  local function characters(img, columns)
    if img:dim() == 2 then img = img:view(1, img:size(1), img:size(2)) end
    local width = math.min(columns, img:size(3))
    local height = math.max(2, img:size(2) * width // img:size(3) // 2 * 2)
    local x = image.scale(img:expand(3, img:size(2), img:size(3)), width, height)
    local bytes = x:double():clamp(0, 1):mul(255):round():byte():permute(2, 3, 1):contiguous():totable()
    local lines = {}
    for y = 1, height, 2 do
      local line = {}
      for i = 1, width do
        local up, low = bytes[y][i], bytes[y + 1][i]
        line[i] = ("\27[38;2;%d;%d;%dm\27[48;2;%d;%d;%dm▀"):format(up[1], up[2], up[3],
          low[1], low[2], low[3])
      end
      lines[#lines + 1] = table.concat(line) .. "\27[0m\n"
    end
    return table.concat(lines)
  end

  --- image.display { image = input, file = .., terminal = .., columns = .., zoom = .., .. }
  -- image.display(input[, zoom[, min[, max[, legend]]]])
  --
  -- Shows a picture, or several, as image.toDisplayTensor puts them together.  There are no windows: a
  -- notebook shows it; elsewhere it goes to a file, or is drawn on the terminal with coloured characters.
  --
  -- image: as input of image.toDisplayTensor, whose other arguments may be given too
  -- file: name of a file to save it in
  -- terminal: true: draws with characters even where the output is no terminal
  -- columns: the most characters in a line, 80 by default
  -- zoom: factor for the picture of a file or a notebook, 1 by default
  -- legend: string, printed above the picture on the terminal
  -- Errors: no file is given and the output is no terminal
  -- From: Torch7 (which opened a window)
  -- Example:
  --   image.display { image = torch.rand(4, 8, 8), padding = 1, file = "filters.png" }
  --   image.getSize("filters.png")[3] --> 36
  function image.display(...)
    local names = { "image", "zoom", "min", "max", "legend", "win", "x", "y", "scaleeach", "gui", "offscreen",
      "padding", "symmetric", "nrow", "saturate", "file", "terminal", "columns" }
    local rules = {}
    for i, name in ipairs(names) do rules[i] = { arg = name } end
    local a = dok.unpack({ ... }, "image.display", "", table.unpack(rules))
    if a.image == nil then raise("image.display: the argument 'image' is missing") end
    a.input = a.image
    local shown = image.toDisplayTensor(a)
    if a.file or notebook.show and not a.terminal then
      local zoom = common.number("display", "the zoom", a.zoom or 1)
      if zoom ~= 1 then shown = image.scale(shown, ("*%f"):format(zoom), "simple") end
      if a.file then return image.save(a.file, shown) end
      local file = os.tmpname()
      image.savePNG(file, shown)
      if a.legend then io.write(a.legend, "\n") end
      return notebook.show({ ["text/plain"] = ("picture of %s"):format(table.concat(shown.shape, "x")) },
        { ["image/png"] = file })
    end
    if not a.terminal and not terminal.isatty(io.stdout) then
      raise("image.display: there are no windows; file = 'name.png' saves the picture, "
        .. "terminal = true draws it with characters")
    end
    if a.legend then io.write(a.legend, "\n") end
    io.write(characters(shown, common.size("display", "columns", a.columns or 80)))
  end

  --- image.window(..)
  --
  -- Torch7's window for pictures: there is none here.
  --
  -- Errors: always; image.display says what there is instead
  -- From: Torch7
  -- Example:
  --   pcall(image.window) == false --> true
  function image.window() raise("image.window: there are no windows; see image.display") end

  -- Shades, a disc with soft colours, stripes of growing frequency and a board, of 0 to 255.
  local function test_picture(size)
    local line = torch.linspace(0, 1, size):double()
    local x, y = line:view(1, size):expand(size, size), line:view(size, 1):expand(size, size)
    local disc = torch.sigmoid(((x - 0.42):pow(2) + (y - 0.45):pow(2)):sqrt():mul(-1):add(0.27) * 60)
    local stripes = torch.sin(torch.pow(x, 2) * 90):mul(0.12):cmul(y:gt(0.8):double())
    local board = (torch.floor(x * 16) + torch.floor(y * 16)):fmod(2):mul(0.1):cmul(x:gt(0.75):double())
    local light = x * 0.25 + y * 0.2 + stripes + board
    local out = torch.DoubleTensor(3, size, size)
    out[1]:copy(light + disc * 0.3 + 0.2)
    out[2]:copy(light + torch.cmul(disc, y) * 0.3 + 0.25)
    out[3]:copy(light - torch.cmul(disc, x) * 0.2 + 0.35)
    return out:clamp(0, 1):mul(255):round()
  end

  --- image.lena()
  -- image.fabio()
  --
  -- Pictures to try things on, made by a formula: shades, a disc, stripes and a board, no picture of a
  -- person. lena is 3 x 512 x 512, fabio is grey, 512 x 512.
  --
  -- Returns: a tensor of the default type, of 0 to 1
  -- From: Torch7's names for its test pictures
  -- Example:
  --   image.lena():size(1) --> 3
  --   image.fabio():dim() --> 2
  function image.lena() return test_picture(512):div(255):typeAs(torch.Tensor()) end

  function image.fabio() return image.rgb2y(image.lena())[1] end
end
