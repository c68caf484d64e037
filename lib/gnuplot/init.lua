-- gnuplot: Torch7's package for figures, by the program of that name.
--
-- Each figure has a gnuplot of its own behind a pipe.  Where no window can be opened figures are text on
-- the terminal; those in files are written all the same.  A script never stops or waits for a figure.

local torch = require "torch"
local program = require "plot.gnuplot"
local histogram = require "plot.hist"
local arguments = require "gnuplot.arguments"
local commands = require "gnuplot.commands"
local figures = require "gnuplot.figures"
local paths = require "paths"
local raise = require("torch.caller").raise

local gnuplot = {}

local function check_text(fn, what, text)
  if type(text) ~= "string" and type(text) ~= "number" then
    raise("gnuplot.%s: %s is a %s, wanted a string", fn, what, torch.type(text))
  end
  return tostring(text)
end

-- ---- drawing ----------------------------------------------------------------------------------------

--- gnuplot.plot([name,] x [, y] [, format])
-- gnuplot.plot({[name,] x [, y] [, format]}, ...)
--
-- Draws a curve, or several.  A matrix alone has x in its first column and a curve in each other one; a
-- vector alone is drawn over 1, 2, 3 and so on.
--
-- name: string for the legend
-- x, y: vectors, or matrices; tables of numbers will do
-- format: "." for dots, "+" points, "-" lines, "+-" both, "|" boxes, "~" a smooth curve, "v" arrows (x and
--   y are matrices of two columns, place and length), or words of gnuplot's own, "with lines dashtype 2"
-- Errors: the arguments are something else; x and y differ in size
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("curves.svg")
--   x = torch.linspace(-3, 3)
--   gnuplot.plot({ "sin", x, torch.sin(x), "-" }, { "cos", x, torch.cos(x), "~" })
--   gnuplot.close()
function gnuplot.plot(...)
  local curves = arguments.curves(...)
  figures.show { commands = commands.plot(curves), curves = curves }
end

--- gnuplot.splot([[name,] [x, y,] z); gnuplot.splot({[name,] [x, y,] z}, ...)
--
-- Draws the heights in a matrix as a surface, or several.
--
-- name: string for the legend
-- x, y: matrices of z's size: where the heights are; by default the numbers of rows and columns
-- z: matrix
-- Errors: the arguments are something else
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("surface.svg")
--   gnuplot.splot(torch.ones(4, 4))
--   gnuplot.close()
function gnuplot.splot(...)
  local surfaces = arguments.surfaces(...)
  figures.show { commands = commands.splot(surfaces), matrix = surfaces[1].z }
end

--- gnuplot.scatter3([name,] x, y, z); gnuplot.scatter3({[name,] x, y, z}, ...)
--
-- Draws points in space.
--
-- name: string for the legend
-- x, y, z: vectors of one size
-- Errors: the arguments are something else
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("points.svg")
--   gnuplot.scatter3(torch.rand(9), torch.rand(9), torch.rand(9))
--   gnuplot.close()
function gnuplot.scatter3(...)
  local points, flat = arguments.points(...), {}
  for i, p in ipairs(points) do flat[i] = { name = p.name, x = p.x, y = p.y, format = "+" } end
  figures.show { commands = commands.scatter3(points), curves = flat }
end

--- gnuplot.imagesc(x [, palette])
--
-- Draws a matrix as a picture, the least number in the palette's first colour, the largest in its last.
--
-- x: matrix
-- palette: "gray" (the default), "color", or words that gnuplot's `set palette` takes
-- Errors: x is no matrix
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("matrix.svg")
--   gnuplot.imagesc(torch.eye(8), "color")
--   gnuplot.close()
function gnuplot.imagesc(...)
  local matrix, palette = arguments.image(...)
  figures.show { commands = commands.imagesc(matrix, palette), matrix = matrix, image = true }
end

--- gnuplot.bar([x,] y)
--
-- gnuplot.plot with boxes.
--
-- x, y: vectors
-- Errors: as gnuplot.plot
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("bars.svg")
--   gnuplot.bar(torch.Tensor { 3, 1, 2 })
--   gnuplot.close()
function gnuplot.bar(...)
  local group = { ... }
  group[#group + 1] = "|"
  gnuplot.plot(group)
end

--- gnuplot.histc(x [, bins [, min [, max [, raw]]]]); gnuplot.hist(x [, bins [, min [, max]]])
--
-- Counts the elements in ranges of equal width; hist draws that too.
--
-- x: tensor
-- bins: how many ranges, 72 by default
-- min, max: where the first begins and the last ends; by default x's least and largest element
-- raw: true gives the counts alone, as torch.histc
-- Returns: a table h: h[i] is { val = the middle of range i, nb = the count }; h.raw, the counts as a tensor;
--   h.max and h.min, the numbers of the fullest and the emptiest range; h.bins, h.binwidth.  tostring(h) is
--   a drawing
-- Errors: x is no tensor, or without elements
-- From: Torch7
-- Example:
--   h = gnuplot.histc(torch.Tensor { 1, 1, 2, 4 }, 3)
--   h.max, h[3].nb, h[3].val, h.binwidth --> 1 1.0 3.5 1.0
function gnuplot.histc(x, bins, min, max, raw)
  if not torch.isTensor(x) or x:nElement() == 0 then
    raise("gnuplot.histc: usage: gnuplot.histc(tensor [, nBins] [, min] [, max])")
  end
  x = x:detach():to("cpu"):double()
  bins, min, max = bins or 72, min or x:min(), max or x:max()
  if raw then return torch.histc(x, bins, min, max) end
  return histogram(x, bins, min, max)
end

function gnuplot.hist(x, bins, min, max)
  local h, middles = gnuplot.histc(x, bins, min, max), {}
  for i = 1, #h do middles[i] = h[i].val end
  local curves = arguments.curves(middles, h.raw, "|")
  figures.show { commands = commands.plot(curves), curves = curves, text = h }
  return h
end

-- ---- figures ----------------------------------------------------------------------------------------

--- gnuplot.figure([n]); gnuplot.close([n]); gnuplot.closeall()
--
-- figure makes figure n the current one, which is made if need be; without a number a new one.  close ends
-- a figure, the current one by default: its file is complete then.  Windows stay.
--
-- n: integer
-- Returns: figure: the number
-- From: Torch7
-- Example:
--   gnuplot.closeall()
--   gnuplot.figure(), gnuplot.figure() --> 1 2
--   gnuplot.closeall()
function gnuplot.figure(n, config)
  local figure = figures.window(n)
  if not (type(config) == "table" and config.noraise) then figures.send(figure, "raise") end
  return figure.number
end

function gnuplot.close(n)
  figures.close(n or figures.current)
end

function gnuplot.closeall()
  local numbers = {}
  for n in pairs(figures.list) do numbers[#numbers + 1] = n end
  for _, n in ipairs(numbers) do figures.close(n) end
  figures.current = nil
end

local function check_file(fn, file)
  if type(file) ~= "string" or file == "" then
    raise("gnuplot.%s: a file name expected, got %s", fn, torch.type(file))
  end
end

-- The terminal for each ending.
local kinds = {
  eps = function() return "postscript eps enhanced color" end,
  svg = function() return "svg" end,
  png = function() return program.firstTerminal("pngcairo") or "png" end,
  pdf = function()
    local name = program.firstTerminal("pdfcairo", "pdf")
    if not name and program.available() then
      raise("gnuplot: this gnuplot is built without PDF; pngfigure, svgfigure and epsfigure work")
    end
    return (name or "pdf") .. " enhanced color"
  end,
}

--- gnuplot.pngfigure(file [, n]); gnuplot.svgfigure(file [, n]); gnuplot.epsfigure(file [, n])
-- gnuplot.pdffigure(file [, n])
--
-- Makes a figure that is drawn into a file; each plot and each label writes the file anew.  gnuplot.close()
-- waits until it is complete.  Without the program gnuplot, curves become an SVG file.
--
-- file: string
-- n: integer: a figure's number; a new one by default
-- Returns: the figure's number
-- Errors: there is no such folder; pdffigure: gnuplot cannot write PDF
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.plot("squares", torch.range(1, 9):pow(2), "+-")
--   gnuplot.title("Squares")
--   gnuplot.close()
--   paths.filep("a.svg") --> true
for kind, terminal in pairs(kinds) do
  local name = kind .. "figure"
  gnuplot[name] = function(file, n)
    check_file(name, file)
    return figures.intoFile(file, terminal(), n).number
  end
end

--- gnuplot.figprint(file)
--
-- Draws the current figure into a file too.
--
-- file: string that ends in .png, .eps, .pdf or .svg
-- Errors: another ending
-- From: Torch7
-- Example:
--   pcall(gnuplot.figprint, "a.doc") == false --> true
function gnuplot.figprint(file)
  check_file("figprint", file)
  local ending = file:match("%.([^.]+)$")
  local terminal = kinds[ending or ""]
  if not terminal then raise("gnuplot.figprint: %s: only eps, png, pdf and svg", file) end
  terminal = terminal()
  if ending == "png" then terminal = terminal .. " size 1024,768" end
  figures.print(file, terminal)
end

--- gnuplot.plotflush([n])
--
-- Draws a figure anew, the current one by default, with all that was set.
--
-- n: integer
-- From: Torch7
-- Example:
--   gnuplot.closeall()
--   gnuplot.plotflush() -- prints: no figure nil
function gnuplot.plotflush(n)
  n = n or figures.current
  local figure = figures.list[n]
  if not figure then
    print("no figure " .. tostring(n))
    return
  end
  figures.flush(figure)
end

-- ---- what stands around it --------------------------------------------------------------------------

--- gnuplot.title(text); gnuplot.xlabel(text); gnuplot.ylabel(text); gnuplot.zlabel(text)
--
-- The current figure's heading, and what its axes are called.
--
-- text: string
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.xlabel("epoch")
--   gnuplot.close()
for _, name in ipairs { "title", "xlabel", "ylabel", "zlabel" } do
  gnuplot[name] = function(text)
    text = check_text(name, "the text", text)
    figures.set(("set %s %s"):format(name, commands.text(text)), name, text)
  end
end

--- gnuplot.grid(on); gnuplot.logscale(on)
--
-- Lines behind the plot; a logarithmic y axis.
--
-- on: anything but false and nil switches it on
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.grid(true)
--   gnuplot.close()
function gnuplot.grid(on)
  figures.set(on and "set grid" or "unset grid")
end

function gnuplot.logscale(on)
  figures.set(on and "set logscale y" or "unset logscale y", "logscale", on and true or nil)
end

--- gnuplot.movelegend(horizontal, vertical)
--
-- Where the legend is.
--
-- horizontal: "left", "center" or "right"
-- vertical: "top", "middle" or "bottom"
-- Errors: another place
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.movelegend("left", "top")
--   gnuplot.close()
function gnuplot.movelegend(horizontal, vertical)
  local known = { left = 1, right = 1, center = 1, top = 2, middle = 2, bottom = 2 }
  if known[horizontal] ~= 1 or known[vertical] ~= 2 then
    raise("gnuplot.movelegend: two strings expected, left, center or right, and top, middle or bottom")
  end
  figures.set(("set key %s %s"):format(horizontal, vertical))
end

-- A limit of an axis: a number, or an empty string, which leaves it.
local function limit(x)
  if x == "" or x == nil then return "" end
  if type(x) ~= "number" then
    raise("gnuplot.axis: limits are numbers or empty strings, got %s", torch.type(x))
  end
  return program.number(x)
end

--- gnuplot.axis(how)
--
-- How the axes are laid out.
--
-- how: "auto": after the data; "image" or "equal": a circle is round; "fill": over the whole space; or a
--   table { xmin, xmax, ymin, ymax }, in which an empty string leaves a limit as it is
-- Errors: it is something else
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.axis { 0, 10, 0, "" }
--   gnuplot.close()
function gnuplot.axis(how)
  if how == "auto" then
    figures.set("set size nosquare\nset autoscale")
  elseif how == "image" or how == "equal" then
    figures.set("set size ratio -1")
  elseif how == "fill" then
    figures.set("set size noratio 1,1")
  elseif type(how) == "table" then
    if #how ~= 4 then
      print("axis should have 4 components {xmin,xmax,ymin,ymax}")
      return
    end
    local a, b, c, d = limit(how[1]), limit(how[2]), limit(how[3]), limit(how[4])
    figures.set(("set xrange [%s:%s]\nset yrange [%s:%s]"):format(a, b, c, d))
  else
    raise("gnuplot.axis: auto, image, equal, fill or a table expected, got %s", tostring(how))
  end
end

--- gnuplot.raw(command)
--
-- Sends words of gnuplot's language to the current figure's program.  gnuplot.plotflush() then draws it anew.
--
-- command: string
-- From: Torch7
-- Example:
--   gnuplot.svgfigure("a.svg")
--   gnuplot.raw("set xtics (\"Jan\" 1, \"Feb\" 2)")
--   gnuplot.close()
function gnuplot.raw(command)
  figures.raw(check_text("raw", "the command", command))
end

-- ---- the program ------------------------------------------------------------------------------------

--- gnuplot.setgnuplotexe(path); gnuplot.setterm(name)
--
-- Which program is run, and what it opens windows with.  The terminal "dumb" stands for text on ours.
--
-- path: the program's file
-- name: one of gnuplot's terminals, such as "qt"
-- Errors: there is no such file; gnuplot does not have the terminal
-- From: Torch7
-- Example:
--   gnuplot.setterm("dumb")
function gnuplot.setgnuplotexe(path)
  check_file("setgnuplotexe", path)
  if not paths.filep(path) then raise("gnuplot.setgnuplotexe: %s does not exist", path) end
  program.setProgram(path)
end

function gnuplot.setterm(name)
  check_text("setterm", "the terminal", name)
  if name ~= "dumb" and program.available() and not program.hasTerminal(name) then
    raise("gnuplot.setterm: gnuplot does not seem to have the terminal '%s'", name)
  end
  figures.setTerminal(name)
end

if rawget(_G, "gnuplot") == nil then rawset(_G, "gnuplot", gnuplot) end

return gnuplot
