-- commands: what is drawn, in gnuplot's language.

local program = require "plot.gnuplot"
local quote, number, style = program.quote, program.number, program.style

local commands = {}

-- Colours and lines, unless the user has a file ~/.gnuplot.
commands.look = [[
set style data linespoints
set style function lines
set style fill solid 0.4 border
]]

local colours = { "#1f77b4", "#2ca02c", "#d62728", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f" }
for i, colour in ipairs(colours) do
  commands.look = commands.look
    .. ("set style line %d linecolor rgb '%s' linewidth 2 pointtype 7 pointsize 0.6\n"):format(i, colour)
    .. ("set linetype %d linecolor rgb '%s' linewidth 2 pointtype 7 pointsize 0.6\n"):format(i, colour)
end

-- Text in double quotes, where gnuplot knows \n and the like; nothing in it is run.
function commands.text(label)
  return '"' .. tostring(label):gsub('["`]', "\\%0"):gsub("\n", "\\n"):gsub("%c", " ") .. '"'
end

-- Data under a name, so that a figure can be drawn again when something else was set.
local function named(i, lines)
  return ("$DATA%d << END\n%s\nEND\n"):format(i, lines)
end

-- The rows of columns of numbers.
local function block(columns)
  local lists, lines, cells = {}, {}, {}
  for i, column in ipairs(columns) do lists[i] = column:contiguous():totable() end
  for row = 1, #lists[1] do
    for i, list in ipairs(lists) do cells[i] = number(list[row]) end
    lines[row] = table.concat(cells, " ")
  end
  return table.concat(lines, "\n")
end

-- gnuplot's words for a curve, and a weight for splines that approximate: "~0.5".
local function words(format)
  local weight = format:match("^~%s*([%d.eE+-]+)") or format:match("acsplines%s+([%d.eE+-]+)")
  if tonumber(weight) then return "smooth acsplines", tonumber(weight) end
  return style(format)
end

local function curve_block(curve, weight)
  local x, y = curve.x, curve.y
  if style(curve.format) == "with vectors" and x:dim() == 2 and y:dim() == 2 then
    return block { x:select(2, 1), y:select(2, 1), x:select(2, 2), y:select(2, 2) }
  end
  local columns = { x:dim() == 2 and x:select(2, 1) or x }
  if y:dim() == 1 then
    columns[2] = y
  else
    for k = 1, y:size(2) do columns[k + 1] = y:select(2, k) end
  end
  if weight then columns[#columns + 1] = columns[1]:clone():fill(weight) end
  return block(columns)
end

-- "plot" or "splot" of a list, each item with its data and gnuplot's words for how to draw it.
local function draw(command, list, describe)
  local blocks, parts = {}, {}
  for i, item in ipairs(list) do
    local data, how = describe(item)
    blocks[i] = named(i, data)
    parts[i] = ("$DATA%d title %s %s"):format(i, quote(item.name), how)
  end
  return table.concat(blocks) .. command .. " " .. table.concat(parts, ", ")
end

function commands.plot(curves)
  return draw("plot", curves, function(curve)
    local how, weight = words(curve.format)
    return curve_block(curve, weight), how
  end)
end

-- A surface's rows are set apart by empty lines.
local function surface_block(surface)
  local rows = {}
  for i = 1, surface.z:size(1) do rows[i] = block { surface.x[i], surface.y[i], surface.z[i] } end
  return table.concat(rows, "\n\n")
end

function commands.splot(surfaces)
  return "set contour base\nset cntrparam bspline\nset cntrparam levels auto\nset hidden3d\n"
    .. draw("splot", surfaces, function(surface) return surface_block(surface), "with lines" end)
end

function commands.scatter3(points)
  return "unset contour\n"
    .. draw("splot", points, function(p) return block { p.x, p.y, p.z }, "with points" end)
end

function commands.imagesc(matrix, palette)
  local rows = {}
  for i, row in ipairs(matrix:totable()) do
    for k, x in ipairs(row) do row[k] = number(x) end
    rows[i] = table.concat(row, " ")
  end
  -- The first row is at the top.
  local ranges = ("set palette %s\nset xrange [-0.5:%g]\nset yrange [%g:-0.5]\n"):format(palette,
    matrix:size(2) - 0.5, matrix:size(1) - 0.5)
  return named(1, table.concat(rows, "\n")) .. ranges .. "plot $DATA1 matrix with image notitle"
end

-- What imagesc changed is as it was.
commands.afterImage = "set xrange [*:*]\nset yrange [*:*]"

return commands
