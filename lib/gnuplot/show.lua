-- show: figures where gnuplot has no window, or is not installed: as text, or in files of our own.

local terminal = require "xlua._terminal"
local plot = require "plot"

local show = {}

local said = {}

-- Says something once, where it is in the way of nobody.
function show.notice(message)
  if said[message] then return end
  said[message] = true
  io.stderr:write("gnuplot: ", message, "\n")
end

-- A point that has a place.
local function finite(x)
  return x == x and math.abs(x) ~= math.huge
end

local function add_curve(list, curve, ys)
  local xs, keep_x, keep_y = (curve.x:dim() == 2 and curve.x:select(2, 1) or curve.x):totable(), {}, {}
  for k, y in ipairs(ys:totable()) do
    if finite(xs[k]) then keep_x[#keep_x + 1], keep_y[#keep_y + 1] = xs[k], y end
  end
  list[#list + 1] = { curve.name or "", keep_x, keep_y, curve.format }
end

-- Curves as plot.text takes them.
local function plain_curves(content)
  local list = {}
  for _, curve in ipairs(content.curves) do
    if curve.y:dim() == 1 then
      add_curve(list, curve, curve.y)
    else
      for k = 1, curve.y:size(2) do add_curve(list, curve, curve.y:select(2, k)) end
    end
  end
  return list
end

local function as_text(figure)
  local content, options = figure.content, figure.options
  if content.text then return tostring(content.text) end
  if content.matrix then return plot.imagesc(content.matrix) end
  return plot.text(plain_curves(content), options)
end

-- The figure on the terminal.
function show.text(figure)
  local ok, text = pcall(as_text, figure)
  if ok then print(text) end
end

-- The figure in a notebook, without gnuplot.
function show.inNotebook(figure)
  if not figure.content.curves then return show.text(figure) end
  local ok, message = pcall(plot.show, plain_curves(figure.content), figure.options)
  if not ok then show.notice(tostring(message)) end
end

function show.onTerminal()
  return terminal.isatty()
end

local missing = "the program is not installed (Debian: apt install gnuplot-nox), so "

-- The figure in a file, without gnuplot.
function show.file(figure)
  local content, file = figure.content, figure.file
  if content.matrix or not (file:find("%.svg$") or file:find("%.png$")) then
    show.notice(missing .. file .. " is not written")
    return
  end
  local svg = file:gsub("%.png$", ".svg")
  if svg ~= file then show.notice(missing .. svg .. " takes the place of " .. file) end
  local ok, message = pcall(plot.curves, svg, plain_curves(content), figure.options)
  if not ok then show.notice(tostring(message)) end
end

return show
