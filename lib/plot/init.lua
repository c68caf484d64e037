-- plot: learning curves as pictures and on the terminal, and small images drawn with characters.

local torch = require "torch"
local terminal = require "xlua._terminal"
local display = require "xlua._display"
local gnuplot = require "plot.gnuplot"
local svg = require "plot.svg"
local text = require "plot.text"
local raise = require("torch.caller").raise

local plot = {}

local function numbers(values, name)
  if torch.isTensor(values) then return values:detach():double():contiguous():view(-1):totable() end
  if type(values) ~= "table" then
    raise("plot: curve '%s': a table or a tensor of numbers expected, got %s", tostring(name),
      torch.type(values))
  end
  return values
end

-- {name, ys [, style]} or {name, xs, ys [, style]} -> {name, xs, ys, style}
local function read_curve(given)
  if type(given) ~= "table" then raise("plot: a curve is {name, values}") end
  local name, first, second, style = given[1], given[2], given[3], given[4]
  if type(second) == "string" or second == nil then first, second, style = nil, given[2], given[3] end
  local ys = numbers(second, name)
  local xs = first and numbers(first, name) or {}
  if not first then
    for k = 1, #ys do xs[k] = k end
  end
  if #xs ~= #ys then raise("plot: curve '%s' has %d x and %d y", tostring(name), #xs, #ys) end
  return { name = name, xs = xs, ys = ys, style = style }
end

-- A logarithmic axis has no place for what is not positive.
local function drawable(y, log)
  return y == y and math.abs(y) ~= math.huge and (not log or y > 0)
end

local function read(given, options)
  if type(given) ~= "table" or #given == 0 then raise("plot: a list of curves {name, values} expected") end
  if type(given[1]) == "string" then given = { given } end
  local range = { x1 = math.huge, x2 = -math.huge, y1 = math.huge, y2 = -math.huge }
  local curves = {}
  for i, one in ipairs(given) do
    local curve = read_curve(one)
    local ys = {}
    for k, y in ipairs(curve.ys) do
      ys[k] = drawable(y, options.logscale) and y or 0.0 / 0.0
      if ys[k] == ys[k] then
        local x = curve.xs[k]
        range.x1, range.x2 = math.min(range.x1, x), math.max(range.x2, x)
        range.y1, range.y2 = math.min(range.y1, y), math.max(range.y2, y)
      end
    end
    curve.ys = ys
    curves[i] = curve
  end
  if range.x1 > range.x2 then
    range = { x1 = 0, x2 = 1, y1 = options.logscale and 1 or 0, y2 = options.logscale and 10 or 1 }
  end
  return curves, range
end

--- plot.text(curves [, options])
--
-- Curves drawn with characters.
--
-- curves: table { name, ys } or { name, xs, ys }, with a style at its end, or a table of them; numbers in
--   a table or a tensor
-- options: table of title, xlabel, ylabel and logscale
-- Returns: a string
-- Errors: curves is something else
-- Example:
--   plot.text({ "loss", { 3, 2, 1 } }):find("loss") ~= nil --> true
function plot.text(curves, options)
  options = options or {}
  local list, range = read(curves, options)
  return text(list, range, options)
end

-- In a notebook the curves are a picture there; false elsewhere.
local function in_notebook(list, range, options)
  if not display.show then return false end
  display.show { ["image/svg+xml"] = svg(list, range, options), ["text/plain"] = text(list, range, options) }
  return true
end

--- plot.show(curves [, options])
--
-- Shows curves: in a notebook as a picture, elsewhere drawn with characters on the standard output.
--
-- curves, options: as for plot.text
-- Errors: curves is something else
-- Example:
--   plot.show({ "loss", { 3, 2, 1 } }, { title = "training" })
function plot.show(curves, options)
  options = options or {}
  local list, range = read(curves, options)
  if not in_notebook(list, range, options) then io.write(text(list, range, options), "\n") end
end

local function write_file(filename, contents)
  local file, message = io.open(filename, "w")
  if not file then raise("plot.curves: %s", message) end
  file:write(contents)
  if not file:close() then raise("plot.curves: %s: cannot write", filename) end
end

--- plot.curves(filename, curves [, options])
--
-- Writes curves into a picture.  A .png is made by gnuplot; without that, or for a .svg, the picture is
-- written by ourselves.  A notebook shows it too.
--
-- filename: string that ends in .png or .svg
-- curves, options: as for plot.text
-- Returns: the name of the file written, which ends in .svg when there is no gnuplot
-- Errors: curves is something else; the file cannot be written
-- Example:
--   plot.curves("loss.svg", { "loss", { 3, 2, 1 } }, { title = "training" }) --> loss.svg
function plot.curves(filename, curves, options)
  options = options or {}
  if type(filename) ~= "string" then raise("plot.curves: a file name expected") end
  local list, range = read(curves, options)
  local shown = in_notebook(list, range, options)
  if filename:find("%.png$") then
    -- gnuplot cannot tell why it fails to open a file; this can
    local file, message = io.open(filename, "a")
    if not file then raise("plot.curves: %s", message) end
    file:close()
    if gnuplot.available() and gnuplot.write(filename, list, options) then return filename end
    os.remove(filename)
    filename = filename:gsub("%.png$", ".svg")
    if not shown then io.write(text(list, range, options), "\n") end
  end
  write_file(filename, svg(list, range, options))
  return filename
end

-- ---- images -----------------------------------------------------------------------------------------

-- An image as rows of numbers between 0 and 1.
local function grey_rows(image)
  if not torch.isTensor(image) then raise("plot.digit: a tensor expected, got %s", torch.type(image)) end
  image = image:detach():double()
  while image:dim() > 2 and image:size(1) == 1 do image = image:select(1, 1) end
  if image:dim() ~= 2 then raise("plot.digit: an image of 2 dimensions expected, got %d", image:dim()) end
  local low, high = image:min(), image:max()
  local span = high > low and high - low or 1
  return torch.mul(torch.add(image, -low), 1 / span):totable()
end

-- Two pixels, one above the other, as one character: the upper half in the foreground's colour.
local function coloured(upper, lower, last)
  local function grey(x) return 232 + math.floor(x * 23 + 0.5) end
  local colour = ("\27[38;5;%d;48;5;%dm"):format(grey(upper), grey(lower))
  return colour == last and "▀" or colour .. "▀", colour
end

local blocks = { [0] = " ", "▀", "▄", "█" }

local function plain(upper, lower)
  return blocks[(upper > 0.4 and 1 or 0) + (lower > 0.4 and 2 or 0)]
end

local function image_lines(image, colour)
  local rows, lines = grey_rows(image), {}
  for r = 1, #rows, 2 do
    local cells, below, last = {}, rows[r + 1], nil
    for c, upper in ipairs(rows[r]) do
      cells[c], last = (colour and coloured or plain)(upper, below and below[c] or 0, last)
    end
    lines[#lines + 1] = table.concat(cells) .. (colour and "\27[0m" or "")
  end
  return lines, #rows[1]
end

local function use_colour(options)
  if options and options.colour ~= nil then return options.colour end
  return terminal.isatty() and not os.getenv("NO_COLOR")
end

--- plot.digit(image [, options]); plot.digits(images [, captions [, options]])
--
-- An image as text, two rows of pixels a line, or several side by side with a line of text below each:
-- greys on a terminal, black and white elsewhere.  The smallest value is black, the largest white.
--
-- image: matrix; dimensions of size 1 may be before
-- images: table of them, or a tensor
-- captions: table of strings
-- options: table: colour = true or false
-- Returns: a string
-- Errors: the image has other dimensions
-- Example:
--   plot.digit(torch.eye(2), { colour = false }) --> ▀▄
function plot.digit(image, options)
  return table.concat((image_lines(image, use_colour(options))), "\n")
end

function plot.digits(images, captions, options)
  local colour, all, height = use_colour(options), {}, 0
  local count = torch.isTensor(images) and images:size(1) or #images
  for i = 1, count do
    local lines, width = image_lines(images[i], colour)
    local caption = captions and tostring(captions[i] or "") or ""
    all[i] = { lines = lines, width = math.max(width, utf8.len(caption) or #caption), own = width,
      caption = caption }
    height = math.max(height, #lines)
  end
  local out = {}
  for row = 1, height + (captions and 1 or 0) do
    local parts = {}
    for i, image in ipairs(all) do
      local cell, width = image.lines[row] or "", image.lines[row] and image.own or 0
      if row > height then
        cell, width = image.caption, utf8.len(image.caption) or #image.caption
      end
      parts[i] = cell .. (" "):rep(image.width - width)
    end
    out[row] = table.concat(parts, "  ")
  end
  return table.concat(out, "\n")
end

-- ---- numbers ----------------------------------------------------------------------------------------

--- plot.hist(x [, bins [, low [, high]]])
--
-- How many elements lie in each of some ranges, drawn with characters.
--
-- x: tensor
-- bins: how many ranges, 60 by default
-- low, high: where the first begins and the last ends; by default x's least and largest element
-- Returns: a string
-- Errors: x is no tensor, or has no elements
-- Example:
--   plot.hist(torch.Tensor { 1, 1, 1, 2 }, 2):find("█") ~= nil --> true
function plot.hist(x, bins, low, high)
  if not torch.isTensor(x) or x:nElement() == 0 then
    raise("plot.hist: a tensor with elements expected, got %s", torch.type(x))
  end
  x = x:detach():to("cpu"):double()
  return tostring(require "plot.hist"(x, bins or 60, low or x:min(), high or x:max()))
end

-- Some of the places 1 to n, at most `most`, evenly spread.
local function spread(n, most)
  if n <= most then return torch.range(1, n):long() end
  return torch.linspace(1, n, most):add(0.5):floor():long()
end

--- plot.imagesc(x [, options])
--
-- A matrix of any size as text, as plot.digit draws it; of a large one some rows and columns.
--
-- x: matrix
-- options: table: colour = true or false
-- Returns: a string
-- Errors: x is no matrix
-- Example:
--   #plot.imagesc(torch.eye(1000), { colour = false }):match("[^\n]*") <= 3 * 72 --> true
function plot.imagesc(x, options)
  if not torch.isTensor(x) or x:dim() ~= 2 or x:nElement() == 0 then
    raise("plot.imagesc: a matrix expected, got %s", torch.type(x))
  end
  local columns = math.min(terminal.width() or 72, 72)
  x = x:detach():to("cpu"):index(1, spread(x:size(1), columns)):index(2, spread(x:size(2), columns))
  return plot.digit(x, options)
end

return plot
