-- show: %show: a picture in the terminal.

local display = require "cresset.repl.display"
local pager = require "cresset.repl.pager"
local pretty = require "cresset.pretty"
local statement = require "cresset.repl.statement"

local show = {}

local torch = require "torch"
local write = io.write

-- A picture of 3 x height x width with values of 0 to 255, at most so many columns wide; two of its rows
-- make a line.
local function fit(img, columns)
  local image = require "image"
  if img:dim() == 2 then img = img:view(1, img:size(1), img:size(2)) end
  if img:dim() ~= 3 or (img:size(1) ~= 1 and img:size(1) ~= 3) then
    error(("%%show: a picture is height x width, 1 or 3 x height x width, got %s"):format(
      table.concat(img.shape, "x")), 0)
  end
  img = img:float():contiguous()
  if img:max() > 1 or img:min() < 0 then img = image.minmax { tensor = img } end
  local width = math.min(columns, img:size(3))
  local height = math.max(2, math.floor(img:size(2) * width / img:size(3) / 2 + 0.5) * 2)
  return torch.round(image.scale(img, width, height):mul(255)):expand(3, height, width)
end

-- Half blocks: the upper pixel is the colour of the sign, the lower one that behind it.
local function draw(img)
  local levels = img:long():totable()
  local function colour(y, x)
    return ("%d;%d;%d"):format(levels[1][y][x], levels[2][y][x], levels[3][y][x])
  end
  for y = 1, img:size(2), 2 do
    local line = {}
    for x = 1, img:size(3) do
      line[x] = ("\27[38;2;%s;48;2;%sm\u{2580}"):format(colour(y, x), colour(y + 1, x))
    end
    write(table.concat(line), "\27[0m\n")
  end
end

-- Without colours, signs that are the darker the more of their place they fill.
local function draw_signs(img)
  local signs, levels = " .:-=+*#%@", img:mean(1):select(1, 1):totable()
  for y = 1, #levels, 2 do
    local line = {}
    for x, value in ipairs(levels[y]) do
      local k = math.floor((value + levels[y + 1][x]) / 2 / 256 * #signs) + 1
      line[x] = signs:sub(k, k)
    end
    write(table.concat(line), "\n")
  end
end

-- %page expression: values as a whole, with all of their entries and levels.
local function page(argument, session)
  local values, lines = table.pack(statement.compile("page", argument, session)()), {}
  for i = 1, values.n do
    lines[i] = pretty.format(values[i], {
      colour = display.colour(), width = display.width(), depth = 100, most = 1000000, left = 1000000 })
  end
  pager.print(table.concat(lines, "\n"))
end

show.page = { "page expression", "all of a value, through $PAGER", page, true }
show.show = { "show picture", "draws a tensor of height x width, or 1 or 3 x height x width, in the terminal",
  function(argument, session)
    local img = statement.compile("show", argument, session)()
    if not torch.isTensor(img) then error("%show: a tensor is wanted, got a " .. torch.type(img), 0) end
    img = fit(img, math.min(80, display.width()))
    if display.colour() then draw(img) else draw_signs(img) end
  end }

return show
